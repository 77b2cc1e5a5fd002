package router

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
)

// fakeCarrier is a carrier whose outcomes are scripted. What it is given waits
// in held for a report by the test, unless answer says at once what becomes of
// it.
type fakeCarrier struct {
	window int
	answer func(gateway.Submission) gateway.Report

	mu    sync.Mutex
	out   *gateway.Stream // nil while it is not connected
	held  []gateway.Submission
	taken []gateway.Submission // all, in order
	crash bool                 // it ends without a word about what it held
	away  bool                 // it has lost its link, or may not send
	said  chan struct{}        // closed when Run has said that it is up
}

func newFakeCarrier() *fakeCarrier { return &fakeCarrier{window: 4, said: make(chan struct{})} }

func (c *fakeCarrier) Run(ctx context.Context, out *gateway.Stream) error {
	out.Put(gateway.Report{Kind: gateway.ReportState, At: time.Now(), State: gateway.CarrierUp})
	c.mu.Lock()
	c.out = out
	c.mu.Unlock()
	close(c.said)
	out.Grew()
	<-ctx.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = nil
	for _, s := range c.held {
		if !c.crash {
			out.Put(result(s, gateway.OutcomeUncertain))
		}
	}
	c.held = nil
	return ctx.Err()
}

func (c *fakeCarrier) Room() (room, window int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room(), c.window
}

func (c *fakeCarrier) room() int {
	if c.out == nil || c.away {
		return 0
	}
	return 2*c.window - len(c.held)
}

func (c *fakeCarrier) Submit(batch []gateway.Submission) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(batch), c.room())
	for _, s := range batch[:n] {
		c.taken = append(c.taken, s)
		if c.answer == nil {
			c.held = append(c.held, s)
		} else {
			c.out.Put(c.answer(s))
		}
	}
	return n
}

// put reports something while the carrier is connected.
func (c *fakeCarrier) put(rs ...gateway.Report) {
	c.mu.Lock()
	out := c.out
	c.mu.Unlock()
	for _, r := range rs {
		out.Put(r)
	}
}

// say has it report a state. It takes texts while that is up.
func (c *fakeCarrier) say(state gateway.CarrierState) {
	c.mu.Lock()
	c.away = state != gateway.CarrierUp
	out := c.out
	c.mu.Unlock()
	c.put(gateway.Report{Kind: gateway.ReportState, At: time.Now(), State: state, Text: "connection refused"})
	out.Grew()
}

// settle reports what became of what is held.
func (c *fakeCarrier) settle(s gateway.Submission, r gateway.Report) {
	c.mu.Lock()
	c.held = slices.DeleteFunc(c.held, func(h gateway.Submission) bool { return h.Segment == s.Segment && h.Attempt == s.Attempt })
	out := c.out
	c.mu.Unlock()
	c.put(r)
	out.Grew()
}

// onlyHeld returns the one submission that waits for an outcome.
func (c *fakeCarrier) onlyHeld(t testing.TB) gateway.Submission {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) != 1 {
		t.Fatalf("the carrier holds %d submissions, want 1", len(c.held))
	}
	return c.held[0]
}

// holding is what waits for an outcome.
func (c *fakeCarrier) holding() []gateway.Submission {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.held)
}

// payloads are the texts of what it was given, in order.
func (c *fakeCarrier) payloads() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []string{}
	for _, s := range c.taken {
		all = append(all, string(s.Payload))
	}
	return all
}

func result(s gateway.Submission, o gateway.Outcome) gateway.Report {
	return gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s.Segment, Attempt: s.Attempt, Outcome: o}
}

func accepted(s gateway.Submission, reference string) gateway.Report {
	r := result(s, gateway.OutcomeAccepted)
	r.Reference = reference
	return r
}

// acceptAll names each submission by its segment.
func acceptAll(s gateway.Submission) gateway.Report { return accepted(s, s.Segment.String()) }

// ack is the answer to something that was delivered.
type ack struct {
	mu      sync.Mutex
	count   int
	status  gateway.AckStatus
	lost    bool   // the answer never reaches the wire
	checked func() // looks at the store while it is answered
}

func (a *ack) answer(status gateway.AckStatus, _ bool, written func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.checked != nil {
		a.checked()
	}
	a.count++
	a.status = status
	if written != nil && !a.lost && status == gateway.AckOK {
		written()
	}
}

// want fails unless it was answered once, with that status.
func (a *ack) want(t testing.TB, status gateway.AckStatus) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.count != 1 || a.status != status {
		t.Errorf("answered %d times, with %d at last; want once, with %d", a.count, a.status, status)
	}
}
