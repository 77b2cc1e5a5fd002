package carrier

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// home is the link that has the first segments of a message: the others follow
// them, for there are SMSCs that cannot join what came by several connections.
type home struct {
	link *link
	left int // segments that are not settled for good
}

// maxHomes bounds what is remembered of messages of which a segment was never
// settled here: it expired, or was cancelled.
const maxHomes = 4096

// partOf returns how many segments the message of s has, and whether s is the
// last one, by its concatenation header (TS 23.040 §9.2.3.24.1 and .8).
func partOf(s *gateway.Submission) (total int, last bool) {
	switch p := s.Payload; {
	case !s.UDH:
	case len(p) >= 6 && p[0] == 5 && p[1] == 0 && p[2] == 3:
		return int(p[4]), p[5] == p[4]
	case len(p) >= 7 && p[0] == 6 && p[1] == 8 && p[2] == 4:
		return int(p[5]), p[6] == p[5]
	}
	return 1, true
}

// roomOf is how much more a link takes: negative where a long message went
// beyond it. The account's mutex is held, as in all that follows.
func (c *SMPP) roomOf(l *link) int { return 2*c.pace.window - len(l.outbox) - l.inFlight() }

// assign puts a submission into the outbox of the link that has its message, or
// else of the one with the most room.
func (c *SMPP) assign(s *gateway.Submission, now time.Time) {
	total, _ := partOf(s)
	m := s.Segment.Message()
	if h := c.homes[m]; total > 1 && h != nil {
		h.link.add(s, h.link.placeFor(m), now)
		return
	}
	l := c.roomiest()
	l.add(s, len(l.outbox), now)
	if total > 1 {
		if len(c.homes) >= maxHomes {
			clear(c.homes)
		}
		c.homes[m] = &home{l, total}
	}
}

// roomiest is the link with the most room, and of equals the one that is not in
// the middle of a message.
func (c *SMPP) roomiest() *link {
	var best *link
	var most int
	for _, l := range c.links {
		if !l.ready {
			continue
		}
		room := 2 * c.roomOf(l)
		if room > 0 && !l.open() {
			room++
		}
		if l.doubtful() {
			room = math.MinInt
		}
		if best == nil || room > most {
			best, most = l, room
		}
	}
	return best
}

// open reports whether the newest in the outbox has parts that are to follow.
func (l *link) open() bool {
	if len(l.outbox) == 0 {
		return false
	}
	_, last := partOf(&l.outbox[len(l.outbox)-1])
	return !last
}

// placeFor is where in the outbox a further segment of a message belongs: behind
// the others, before whatever came between.
func (l *link) placeFor(m gateway.ID) int {
	for i := len(l.outbox) - 1; i >= 0; i-- {
		if l.outbox[i].Segment.Message() == m {
			return i + 1
		}
	}
	if l.last == m {
		return 0
	}
	return len(l.outbox)
}

func (l *link) add(s *gateway.Submission, at int, now time.Time) {
	if len(l.outbox) == 0 {
		l.moved = now
	}
	l.outbox = slices.Insert(l.outbox, at, *s)
}

// pop takes the oldest submission.
func (l *link) pop() gateway.Submission {
	s := l.outbox[0]
	l.outbox[0] = gateway.Submission{}
	if l.outbox = l.outbox[1:]; len(l.outbox) == 0 {
		l.outbox = nil
	}
	return s
}

// takeBackLocked empties the outbox of a link that sends no more.
func (c *SMPP) takeBackLocked(l *link) []gateway.Submission {
	for m, h := range c.homes {
		if h.link == l {
			delete(c.homes, m)
		}
	}
	left := l.outbox
	l.outbox = nil
	return left
}

// takeAllBackLocked empties all outboxes: the store has its own order.
func (c *SMPP) takeAllBackLocked() []gateway.Submission {
	var left []gateway.Submission
	for _, l := range c.links {
		left = append(left, l.outbox...)
		l.outbox = nil
	}
	return left
}

// forget takes a link that has ended out.
func (c *SMPP) forget(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, l.id)
	c.links = slices.DeleteFunc(c.links, func(other *link) bool { return other == l })
}

func unsent(s *gateway.Submission) gateway.Report {
	return gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s.Segment, Attempt: s.Attempt, Outcome: gateway.OutcomeUnsent}
}

// giveBack returns to the store what a link or the carrier does not send.
func (l *link) giveBack(left []gateway.Submission) {
	for i := range left {
		l.out.Put(unsent(&left[i]))
	}
}

// sender is the goroutine that sends over one link.
type sender struct {
	stop  func()                // ends it, and waits for that
	drain func(context.Context) // waits until the outbox is empty, at most stopTimeout
}

func (c *SMPP) startSender(ctx context.Context, l *link) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.send(ctx, l)
	}()
	l.sender.stop = func() { cancel(); <-done }
	l.sender.drain = func(ctx context.Context) {
		limit := time.NewTimer(stopTimeout)
		defer limit.Stop()
		nudge(l.more)
		select {
		case <-done:
		case <-limit.C:
		case <-ctx.Done():
		case <-l.over:
		}
	}
}

// send gives the session what waits, as the window and the pace allow, until ctx
// or the link ends, or a link that gets no more has sent all it has.
func (c *SMPP) send(ctx context.Context, l *link) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait, more := c.sendSome(ctx, l)
		if !more {
			return
		}
		var token <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			token = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case <-l.over:
			return
		case <-l.more:
		case <-token:
		}
	}
}

// sendSome sends until something must be waited for: time, if wait is not 0.
func (c *SMPP) sendSome(ctx context.Context, l *link) (wait time.Duration, more bool) {
	for ctx.Err() == nil {
		c.mu.Lock()
		now := time.Now()
		if len(l.outbox) == 0 {
			more = l.ready
			c.mu.Unlock()
			return 0, more
		}
		if e := l.outbox[0].Expires; !e.IsZero() && !now.Before(e) {
			s := l.pop()
			c.mu.Unlock()
			l.out.Put(unsent(&s)) // the store ends it
			continue
		}
		if l.inFlight() >= c.pace.window || l.transmitter.Free() <= 0 {
			c.mu.Unlock()
			return 0, true
		}
		if wait = c.pace.take(now); wait > 0 {
			c.mu.Unlock()
			return wait, true
		}
		s := l.pop()
		total, _ := partOf(&s)
		l.tag++
		tag := l.tag
		l.sent[tag] = flight{s.Segment, s.Attempt, now, total > 1}
		l.last, l.moved = s.Segment.Message(), now
		l.bind.metrics.inUse.Set(float64(l.inFlight()))
		c.mu.Unlock()
		if !l.transmitter.TrySubmit(l.composer.compose(&c.format, &s, l.level, now), tag) {
			c.mu.Lock()
			delete(l.sent, tag)
			c.mu.Unlock()
			l.out.Put(unsent(&s))
		}
	}
	return 0, false
}

// result reports what became of a submission, and what follows from it for those
// that wait.
func (c *SMPP) result(l *link, r smpp.Result) {
	uncertain := errors.Is(r.Err, smpp.ErrUncertain)
	report := gateway.Report{Kind: gateway.ReportResult, Reference: r.MessageID}
	var v verdict
	switch {
	case uncertain:
		report.Outcome = gateway.OutcomeUncertain
	case r.Err != nil:
		report.Outcome = gateway.OutcomeUnsent
	default:
		v = c.actions.verdictOf(r.Status)
		report.Outcome = v.outcome
	}
	c.mu.Lock()
	now := time.Now()
	f, known := l.sent[r.Tag]
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
	c.settleHome(f, report.Outcome, r.Late)
	l.bind.metrics.inUse.Set(float64(l.inFlight()))
	var back []gateway.Submission
	l.moved = now
	if uncertain && l.doubtful() {
		back = c.takeBackLocked(l)
	} else if r.Err == nil {
		back = c.heedLocked(l, v, f.at, now)
	}
	room, window := c.roomLocked()
	c.mu.Unlock()
	nudge(l.more)
	if 2*room >= window {
		l.out.Grew()
	}
	if known {
		report.At, report.Segment, report.Attempt = now, f.segment, f.attempt
		if r.Err == nil {
			c.metrics.response.Observe(r.Elapsed.Seconds())
			v.explain(&report, r.Status)
		}
		l.out.Put(report)
	}
	l.giveBack(back)
}

// settleHome forgets where a message is once all its segments are settled.
func (c *SMPP) settleHome(f flight, o gateway.Outcome, late bool) {
	if !f.part || late || o != gateway.OutcomeAccepted && o != gateway.OutcomeRejected && o != gateway.OutcomeUncertain {
		return
	}
	m := f.segment.Message()
	if h := c.homes[m]; h != nil {
		if h.left--; h.left <= 0 {
			delete(c.homes, m)
		}
	}
}
