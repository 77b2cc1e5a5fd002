package carrier

import (
	"context"
	"errors"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// link is one connection: a session that does both, or one for each direction.
type link struct {
	id          gateway.ID
	out         *gateway.Stream
	transmitter *smpp.Session
	receiver    *smpp.Session   // nil if the transmitter receives, or nothing is received
	more        chan struct{}   // something to send, or room for it
	over        <-chan struct{} // closed when one of the sessions has ended

	composer composer // the sender's

	// The account's mutex guards these.
	tag     uint64
	sent    map[uint64]flight // without a response
	late    int               // of those, given up as uncertain
	closing bool
}

// flight is a submission on the wire.
type flight struct {
	segment gateway.ID
	attempt int
}

// connect binds as the account is configured to.
func (c *SMPP) connect(ctx context.Context, host string, out *gateway.Stream) (*link, error) {
	l := &link{id: c.opt.NewID(), out: out, more: make(chan struct{}, 1), sent: map[uint64]flight{}}
	h := smpp.Handler{
		Deliver: func(d *smpp.Delivery) bool { return c.deliver(l, d) },
		Broken:  func(d *smpp.Delivery, err error) bool { return c.broken(l, d, err) },
		Result:  func(r smpp.Result) { c.result(l, r) },
	}
	var err error
	cfg := c.cfg
	if cfg.Bind == smpp.BindPair {
		cfg.Bind = smpp.BindReceiver
		if l.receiver, err = smpp.Dial(ctx, cfg, host, h); err != nil {
			return nil, err
		}
		cfg.Bind = smpp.BindTransmitter
	}
	if l.transmitter, err = smpp.Dial(ctx, cfg, host, h); err != nil {
		if l.receiver != nil {
			err = errors.Join(err, l.receiver.Close(ctx))
		}
		return nil, err
	}
	l.watch()
	return l, nil
}

// watch makes over follow the sessions. Its goroutine ends with either of them,
// and close waits for that.
func (l *link) watch() {
	if l.receiver == nil {
		l.over = l.transmitter.Done()
		return
	}
	over := make(chan struct{})
	l.over = over
	go func() {
		defer close(over)
		select {
		case <-l.transmitter.Done():
		case <-l.receiver.Done():
		}
	}()
}

// close ends what is left of the link; its results have been given then.
func (l *link) close(ctx context.Context) error {
	err := l.transmitter.Close(ctx)
	if l.receiver != nil {
		err = errors.Join(err, l.receiver.Close(ctx))
	}
	<-l.over
	return err
}

func (l *link) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// result reports what became of a submission.
func (c *SMPP) result(l *link, r smpp.Result) {
	var v verdict
	if r.Err == nil {
		v = c.actions.verdictOf(r.Status)
	}
	c.mu.Lock()
	f, known := l.sent[r.Tag]
	uncertain := errors.Is(r.Err, smpp.ErrUncertain)
	switch {
	case !known:
	case uncertain:
		l.late++ // a late response may come
	default:
		if r.Late {
			l.late--
		}
		delete(l.sent, r.Tag)
	}
	c.metrics.inUse.Set(float64(len(l.sent) - l.late))
	if pause, ok := pauses[v.action]; ok {
		c.resume = time.Now().Add(pause)
	}
	grew := 2*c.roomLocked() >= c.cfg.Window
	c.mu.Unlock()
	l.wake()
	if grew {
		l.out.Grew()
	}
	if !known {
		return
	}
	report := gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: f.segment, Attempt: f.attempt, Reference: r.MessageID}
	switch {
	case uncertain:
		report.Outcome = gateway.OutcomeUncertain
	case r.Err != nil:
		report.Outcome = gateway.OutcomeUnsent
	default:
		c.metrics.response.Observe(r.Elapsed.Seconds())
		report.Outcome = v.outcome
		v.explain(&report, r.Status)
	}
	l.out.Put(report)
}

// pauses are how long a carrier is given nothing more.
var pauses = map[smpp.StatusAction]time.Duration{
	smpp.ActionThrottle: time.Second, smpp.ActionQueueFull: 5 * time.Second, smpp.ActionHold: time.Minute,
}

// reporter tells the stream when the connection's state changes.
type reporter struct {
	out     *gateway.Stream
	metrics *smppMetrics
}

func (r reporter) report(s gateway.CarrierState, why string) {
	r.metrics.setState(s)
	r.out.Put(gateway.Report{Kind: gateway.ReportState, At: time.Now(), State: s, Text: why})
}
