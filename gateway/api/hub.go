package api

import (
	"sync"

	"smsbridge/gateway"
)

// ringSize is how many events are kept in memory for streams to catch up. It is
// what a slow reader may lag behind, and at 1 kB each, some megabytes.
const ringSize = 8192

// Hub hands committed events to the streams of this process. It starts no
// goroutine and blocks nobody: streams come and read. NewHub makes one.
type Hub struct {
	mu      sync.Mutex
	entries []*entry // the ring; that of position n is at n % ringSize
	next    int64    // the position of the next event
	grown   chan struct{}
	recent  map[gateway.ID]*gateway.Message // by ID, as the newest event in the ring has it
	closed  bool
	ended   chan struct{}
}

// entry is an event and its frames, each rendered by the first who needs it.
type entry struct {
	gateway.Event
	mu    sync.Mutex
	whole []byte
	gone  []byte
	// passing is set for what is told to whoever is there, and never stored.
	passing *passing
}

// passing is a frame of the stream without a number: who is not there misses it.
type passing struct {
	frame    []byte
	audience func(*caller) bool
}

// pass tells those whom it is for, and who are there, something that is not
// stored.
func (h *Hub) pass(p *passing) {
	h.mu.Lock()
	h.addLocked(&entry{passing: p})
	grown := h.grown
	h.grown = make(chan struct{})
	h.mu.Unlock()
	close(grown)
}

// NewHub makes a hub. Its Publish is to be called by the store on commit.
func NewHub() *Hub {
	return &Hub{entries: make([]*entry, ringSize), grown: make(chan struct{}), ended: make(chan struct{}), recent: map[gateway.ID]*gateway.Message{}}
}

// Publish takes events that were committed, in commit order. Nobody changes what
// they point to afterwards.
func (h *Hub) Publish(events []gateway.Event) {
	if len(events) == 0 {
		return
	}
	added := make([]entry, len(events))
	for i := range events {
		added[i].Event = events[i]
	}
	h.mu.Lock()
	for i := range added {
		h.addLocked(&added[i])
	}
	grown := h.grown
	h.grown = make(chan struct{})
	h.mu.Unlock()
	close(grown)
}

func (h *Hub) addLocked(e *entry) {
	slot := &h.entries[h.next%ringSize]
	if old := *slot; old != nil && old.Message != nil && h.recent[old.Message.ID] == old.Message {
		delete(h.recent, old.Message.ID)
	}
	*slot = e
	h.next++
	if e.Message != nil {
		h.recent[e.Message.ID] = e.Message
	}
}

// message returns a message as it was last committed, if that was lately.
func (h *Hub) message(id gateway.ID) *gateway.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.recent[id]
}

// position is where the ring ends now.
func (h *Hub) position() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

// since appends up to limit entries from position on, and returns the position
// behind them and a channel that is closed when more are published. It returns
// false if they are no longer all there.
func (h *Hub) since(position int64, into []*entry, limit int) (entries []*entry, next int64, grown <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if position < h.next-ringSize {
		return nil, position, nil, false
	}
	for next = position; next < h.next && len(into) < limit; next++ {
		into = append(into, h.entries[next%ringSize])
	}
	return into, next, h.grown, true
}

// Close ends all streams, and those that come later at once.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.ended)
	}
}
