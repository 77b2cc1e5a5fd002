package router

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"smsbridge/gateway"
)

const (
	maxTrace  = time.Hour // a trace ends by itself
	keptTrace = 1000      // lines that can be read again
)

// TraceLine is one PDU in words.
type TraceLine struct {
	At   time.Time
	Bind int
	Out  bool // from us
	Line string
}

// pduTrace keeps the newest lines of a carrier's trace.
type pduTrace struct {
	mu    sync.Mutex
	until time.Time
	lines []TraceLine // a ring
	next  int
}

// TracePDUs has what a carrier and we say to each other logged, in readable form
// and without passwords, for a while; 0 ends it. It returns when that is.
func (r *Router) TracePDUs(name string, d time.Duration) (until time.Time, err error) {
	p, err := r.pump(name)
	switch {
	case err != nil:
		return until, err
	case p.line.Trace == nil:
		return until, &gateway.Refusal{Code: gateway.Conflict, Text: "This carrier cannot be traced."}
	case d < 0 || d > maxTrace:
		return until, &gateway.Refusal{Code: gateway.Conflict, Text: fmt.Sprintf("A trace lasts at most %v.", maxTrace)}
	}
	until = time.Now().Add(d)
	p.trace.mu.Lock()
	p.trace.until = until
	p.trace.mu.Unlock()
	p.log.Info("tracing what is said", "until", until)
	p.line.Trace(until, func(bind int, out bool, line string) {
		direction := "from the carrier"
		if out {
			direction = "to the carrier"
		}
		p.log.Info("pdu", "bind", bind, "direction", direction, "pdu", line)
		p.trace.add(TraceLine{time.Now(), bind, out, line})
	})
	return until, nil
}

func (t *pduTrace) add(l TraceLine) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) < keptTrace {
		t.lines = append(t.lines, l)
		return
	}
	t.lines[t.next] = l
	t.next = (t.next + 1) % keptTrace
}

// TraceLines returns the newest lines of a carrier's trace, oldest first, and
// until when it goes on.
func (r *Router) TraceLines(name string) (lines []TraceLine, until time.Time, err error) {
	p, err := r.pump(name)
	if err != nil {
		return nil, until, err
	}
	p.trace.mu.Lock()
	defer p.trace.mu.Unlock()
	return append(append(lines, p.trace.lines[p.trace.next:]...), p.trace.lines[:p.trace.next]...), p.trace.until, nil
}

// ParseTLVs reads optional parameters for a text from one of our numbers. An error
// is for whoever wrote them.
func (r *Router) ParseTLVs(from string, to gateway.Address, raw map[string]string) ([]gateway.TLV, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	p := r.guess(from, to)
	if p == nil || p.line.TLVs == nil {
		return nil, errors.New("the carrier of this number takes no optional parameters")
	}
	return p.line.TLVs(raw)
}

// Preview is how a text would travel.
type Preview struct {
	Carrier string
	gateway.Measurement
}

// Preview says how a text from one of our numbers would travel.
func (r *Router) Preview(from string, to gateway.Address, text string) Preview {
	p := r.guess(from, to)
	if p == nil {
		return Preview{Measurement: gateway.Measure(text, gateway.Format{})}
	}
	return Preview{p.line.Name, gateway.Measure(text, p.line.Format)}
}
