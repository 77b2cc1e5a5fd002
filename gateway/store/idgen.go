package store

import (
	"sync"
	"time"

	"smsbridge/gateway"
)

// An ID is 41 bits of milliseconds since 2025, 6 bits of node, 12 bits of
// counter, and 4 bits that number a message's segments.
const (
	idNodeBits  = 6
	idCountBits = 12
	idTimeShift = idNodeBits + idCountBits + gateway.SegmentBits
	idNodeShift = idCountBits + gateway.SegmentBits

	// cliNode is the node number of commands that write beside a daemon.
	cliNode = 1<<idNodeBits - 1
)

var idEpoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// idGen makes IDs that never repeat on a node and rise even when the clock
// steps back. Safe for concurrent use.
type idGen struct {
	mu   sync.Mutex
	node int64
	ms   int64
	n    int64
}

// past makes later IDs greater than id.
func (g *idGen) past(id gateway.ID) {
	g.mu.Lock()
	g.ms = max(g.ms, int64(id)>>idTimeShift+1)
	g.mu.Unlock()
}

func (g *idGen) next(now time.Time) gateway.ID {
	g.mu.Lock()
	defer g.mu.Unlock()
	if ms := now.UnixMilli() - idEpoch; ms > g.ms {
		g.ms, g.n = ms, 0
	} else if g.n++; g.n == 1<<idCountBits {
		g.ms, g.n = g.ms+1, 0
	}
	return gateway.ID(g.ms<<idTimeShift | g.node<<idNodeShift | g.n<<gateway.SegmentBits)
}
