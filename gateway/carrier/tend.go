package carrier

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

const (
	watchEvery = 5 * time.Second
	// stuckAfter is how long a link may have something to send, room for it and
	// leave to do so, and yet send nothing.
	stuckAfter = 30 * time.Second
	// oddAnswers within oddWithin, to requests that the SMSC cannot read, show that
	// it reads something else than was written.
	oddAnswers = 3
	oddWithin  = time.Minute
)

var (
	errStuck    = errors.New("texts waited and nothing was sent: connecting anew")
	errOdd      = errors.New("the SMSC does not understand what it is sent: connecting anew")
	errNotBound = errors.New("the SMSC says that this bind may not send (ESME_RINVBNDSTS): connecting anew")
)

// heedLocked does what a response asks for beside its own submission, and returns
// what is to be handed back to the store.
func (c *SMPP) heedLocked(l *link, v verdict, sent, now time.Time) (back []gateway.Submission) {
	switch v.action {
	case actionAccept:
		c.pace.accepted(sent)
		return nil
	case smpp.ActionThrottle:
		c.slowed(c.pace.slow(now, sent, v.name))
	case smpp.ActionQueueFull:
		c.slowed(c.pace.narrow(now, sent, v.name))
	case smpp.ActionHold:
		c.holdLocked(now, sent, v.name)
	case smpp.ActionRebind:
		l.recycle(errNotBound)
		l.ready = false
		return c.takeBackLocked(l)
	case smpp.ActionReject:
		if v.unread && l.odd(now) {
			l.recycle(errOdd)
		}
	}
	if c.pace.open() {
		return nil
	}
	return c.takeAllBackLocked()
}

// slowed counts a pause, and has tend look after its end.
func (c *SMPP) slowed(pause time.Duration) {
	if pause > 0 {
		c.metrics.throttled.Add(pause.Seconds())
		nudge(c.attend)
	}
}

// holdLocked keeps everything here because what was sent then was refused for
// lack of credit.
func (c *SMPP) holdLocked(now, sent time.Time, said string) {
	if c.pace.hold(now, sent, "the carrier refuses texts for lack of credit ("+said+
		"): top up the account there, then reconnect the carrier here; it is tried again by itself after 15 minutes") {
		nudge(c.attend)
	}
}

// odd counts an answer that says that the SMSC cannot read what it is sent, and
// reports whether there were too many.
func (l *link) odd(now time.Time) bool {
	l.oddness = append(l.oddness, now)
	if len(l.oddness) > oddAnswers {
		l.oddness = l.oddness[1:]
	}
	return len(l.oddness) == oddAnswers && now.Sub(l.oddness[0]) < oddWithin
}

// tend does what time brings about, until ctx ends: it ends pauses and holds, has
// rate and window recover, and ends links that make no progress.
func (c *SMPP) tend(ctx context.Context) {
	timer := time.NewTimer(watchEvery)
	defer timer.Stop()
	var t tending
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.attend:
		}
		timer.Reset(c.look(&t, time.Now()))
	}
}

// tending is what tend has seen the last time.
type tending struct{ slow, held, closed bool }

// look does what is due, and returns when to look again.
func (c *SMPP) look(t *tending, now time.Time) time.Duration {
	c.mu.Lock()
	was := *t
	ch := c.pace.advance(now)
	*t = tending{slow: !c.pace.since.IsZero(), held: !c.pace.heldUntil.IsZero(), closed: !c.pace.open()}
	p := c.pace
	c.metrics.showPace(&p)
	for _, b := range c.binds {
		b.metrics.window.Set(float64(p.window))
	}
	for _, l := range c.stuckLocked(now) {
		l.recycle(errStuck)
	}
	opened := ch.opened || was.closed && !t.closed
	for _, l := range c.links {
		nudge(l.more)
	}
	c.mu.Unlock()
	if opened || ch.over {
		c.out.Grew()
	}
	if was.held != t.held {
		c.announce()
	}
	log := c.opt.Log.With(slog.Float64("rate", p.rate), slog.Int("window", p.window))
	switch {
	case ch.over:
		log.Info("the carrier is given as much as is configured again")
	case ch.long:
		log.Warn("the carrier has wanted less than is configured for more than five minutes: lower rate or window, or ask it for more", "status", p.why)
	case t.slow && !was.slow:
		log.Warn("the carrier wants less", "status", p.why, "pause_until", p.until)
	}
	return p.next(now, watchEvery)
}

// stuckLocked finds links that have something to send, may send it, and do not.
func (c *SMPP) stuckLocked(now time.Time) []*link {
	if !c.pace.open() {
		return nil
	}
	patience := stuckAfter
	if c.pace.limited() { // it may be another's turn for the next tokens
		patience += time.Duration(float64(2*len(c.binds)) / c.pace.rate * float64(time.Second))
	}
	var stuck []*link
	for _, l := range c.links {
		if l.idle(c.pace.window, now, patience) && l.transmitter.Free() > 0 {
			stuck = append(stuck, l)
		}
	}
	return stuck
}

// idle reports whether nothing has moved for longer than patience, though there
// is something to send and room for it.
func (l *link) idle(window int, now time.Time, patience time.Duration) bool {
	return len(l.outbox) > 0 && l.inFlight() < window && now.Sub(l.moved) > patience
}
