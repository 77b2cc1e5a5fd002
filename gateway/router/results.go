package router

import (
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	maxAttempts = 5 // submissions that a carrier refuses for now
	minBackOff  = 5 * time.Second
)

// result applies what became of a submission.
func (b *batch) result(r *gateway.Report) error {
	s, name := b.segments[r.Segment], b.p.line.Name
	b.observed = append(b.observed, func() {
		b.p.r.metrics.submits.WithLabelValues(name, outcomes[r.Outcome]).Inc()
		if r.Code != "" {
			b.p.r.metrics.statuses.WithLabelValues(name, r.Code).Inc()
		}
	})
	if s == nil && b.p.r.tests.result(r) {
		return nil
	}
	if s == nil {
		b.p.log.Error("a result for a segment that is not stored", "segment", r.Segment)
		return nil
	}
	if r.Outcome == gateway.OutcomeAccepted {
		return b.accepted(s, r)
	}
	if s.Attempt != r.Attempt {
		return nil // about an attempt that is past
	}
	now := b.tx.Now()
	if s.Tick == gateway.TickUnknown && refused(r.Outcome) { // late, after it was uncertain
		b.record(s, r)
		_, err := b.advance(s, gateway.TickFailed, false, cause{gateway.ErrRejected, rejection(r)}, now)
		return err
	}
	if s.Tick != gateway.TickSending {
		return nil // settled otherwise
	}
	switch r.Outcome {
	case gateway.OutcomeRejected:
		b.record(s, r)
		_, err := b.advance(s, gateway.TickFailed, false, cause{gateway.ErrRejected, rejection(r)}, now)
		return err
	case gateway.OutcomeRetry:
		b.record(s, r)
		limit := maxAttempts
		if r.Limit > 0 {
			limit = r.Limit
		}
		b.requeue(s, now.Add(max(r.RetryAfter, minBackOff<<(min(s.Attempt, maxAttempts)-1))))
		if s.Attempt >= limit && s.Tick == gateway.TickQueued {
			b.exhaust(s, r)
		}
	case gateway.OutcomeThrottled, gateway.OutcomeUnsent:
		s.Attempt--
		b.requeue(s, now.Add(r.RetryAfter))
	case gateway.OutcomeUncertain:
		return b.uncertain(s, storable(r.Text), now)
	}
	return nil
}

// record keeps what became of an attempt for the trace.
func (b *batch) record(s *gateway.Segment, r *gateway.Report) {
	b.attempts = append(b.attempts, store.Attempt{Segment: s.ID, Attempt: r.Attempt, Carrier: b.p.line.Name, Outcome: outcomes[r.Outcome],
		Code: storable(r.Code), Note: storable(r.Text)})
}

// exhaust notes that a carrier has refused a segment as often as it is asked.
func (b *batch) exhaust(s *gateway.Segment, r *gateway.Report) {
	if b.exhausted == nil {
		b.exhausted = map[gateway.ID]*gateway.Report{}
	}
	b.exhausted[s.ID.Message()] = r
}

// endExhausted gives those messages to a carrier that has not refused them, as
// far as nothing of them may have left, and fails the others. While parts of one
// are still out it waits: they will be refused, too, or it has failed.
func (b *batch) endExhausted() error {
	for id, r := range b.exhausted {
		m := b.messages[id]
		if b.p.shared {
			if b.hasSending(m) {
				continue
			}
			refused, err := b.tx.RefusedBy(id)
			if err != nil {
				return err
			}
			to := b.r.pathOf(m.Number, m.Peer).choose(m.Peer, append(refused, b.p.line.Name))
			if moved, err := b.giveTo(m, to, true); err != nil {
				return err
			} else if moved {
				continue
			}
		}
		for s := range b.segmentsOf(m) {
			if s.Tick == gateway.TickQueued {
				if _, err := b.advance(s, gateway.TickFailed, false, cause{gateway.ErrRejected, rejection(r)}, b.tx.Now()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// hasSending tells whether any of a message is on its way to a carrier.
func (b *book) hasSending(m *gateway.Message) bool {
	for s := range b.segmentsOf(m) {
		if s.Tick == gateway.TickSending {
			return true
		}
	}
	return false
}

// refused tells the outcomes by which a carrier says that it has not got it.
func refused(o gateway.Outcome) bool {
	return o == gateway.OutcomeRejected || o == gateway.OutcomeRetry || o == gateway.OutcomeThrottled
}

func rejection(r *gateway.Report) string {
	if r.Text != "" {
		return "The carrier refused it: " + storable(r.Text)
	}
	return "The carrier refused it (" + r.Code + ")."
}

// accepted records the carrier's name for the attempt. It counts for any
// attempt and however late: the carrier has the text.
func (b *batch) accepted(s *gateway.Segment, r *gateway.Report) error {
	if r.Reference != "" {
		ref := store.Reference{Reference: storable(r.Reference), Segment: s.ID, Attempt: r.Attempt, At: r.At}
		b.refs = append(b.refs, ref)
		b.known[ref.Reference] = ref
	}
	if !b.sameSplit(s) {
		return nil
	}
	_, err := b.advance(s, gateway.TickSent, false, cause{}, b.tx.Now())
	return err
}

// sameSplit tells whether what this carrier says of a segment is about the same
// part of the text: it may be with another carrier since, which takes texts
// otherwise.
func (b *batch) sameSplit(s *gateway.Segment) bool {
	if s.Carrier == b.p.line.Name {
		return true
	}
	m := b.messages[s.ID.Message()]
	parts, encoding, err := gateway.Split(m.Text, b.p.line.Format, 0)
	return err == nil && len(parts) == m.Segments && (encoding == m.Encoding || len(parts) == 1)
}

// uncertain applies the carrier's policy to a submission of which nobody knows.
func (b *batch) uncertain(s *gateway.Segment, why string, now time.Time) error {
	b.observed = append(b.observed, func() { b.p.r.metrics.uncertain.WithLabelValues(b.p.line.Name).Inc() })
	return b.p.uncertain(b.book, s, why, now)
}

func (p *pump) uncertain(b *book, s *gateway.Segment, why string, now time.Time) error {
	b.lost(s, why)
	if p.line.OnUncertain == Resend && s.Attempt < 2 {
		b.requeue(s, now.Add(p.line.ResendAfter))
		if s.Tick == gateway.TickQueued {
			s.Error = gateway.ErrUncertain // it is no longer certainly unsent
		}
		return nil
	}
	_, err := b.advance(s, gateway.TickUnknown, false, uncertainCause, now)
	return err
}

// lost notes in the trace that nobody knows what became of an attempt.
func (b *book) lost(s *gateway.Segment, why string) {
	b.attempts = append(b.attempts, store.Attempt{Segment: s.ID, Attempt: s.Attempt, Carrier: s.Carrier, Outcome: outcomes[gateway.OutcomeUncertain], Note: why})
}

// endOfRun is why what an earlier run left is uncertain.
const endOfRun = "the gateway ended while it was being sent"

var uncertainCause = cause{gateway.ErrUncertain,
	"The connection to the carrier was lost while this was being sent: it may or may not have left. Send it again if it matters."}

// learnt applies a matched receipt.
func (b *batch) learnt(m match, rc *gateway.Receipt) error {
	s, by := m.segment, m.by
	name, sent := b.p.line.Name, b.messages[s.ID.Message()].SentAt
	b.observed = append(b.observed, func() {
		m := b.p.r.metrics
		m.receipts.WithLabelValues(name, receiptState(rc)).Inc()
		m.matches.WithLabelValues(name, by).Inc()
		if rc.Tick.Final() && !rc.Intermediate && !sent.IsZero() {
			m.receiptDelay.WithLabelValues(name).Observe(rc.At.Sub(sent).Seconds())
		}
	})
	b.heard[s.ID] = rc.Reference
	if rc.Tick == gateway.TickNone {
		return nil
	}
	// It is being sent again: of an earlier attempt only the arrival counts. What
	// waits because the last attempt was uncertain need not be sent if anything is
	// heard of that.
	past := m.attempt < s.Attempt || s.Tick == gateway.TickQueued && s.Error != gateway.ErrUncertain
	if past && (rc.Tick != gateway.TickDelivered || rc.Intermediate) || !b.sameSplit(s) {
		return nil
	}
	_, err := b.advance(s, rc.Tick, rc.Intermediate, receiptCause(rc), b.tx.Now())
	return err
}

func receiptState(rc *gateway.Receipt) string {
	switch {
	case rc.Tick == gateway.TickNone:
		return "unrecognised"
	case rc.Intermediate:
		return "intermediate"
	}
	return rc.Tick.String()
}

// receiptCause puts a receipt's words for a person.
func receiptCause(rc *gateway.Receipt) cause {
	detail := rc.Word
	if rc.Err != "" && rc.Err != "000" && rc.Err != "0" {
		detail += ", error " + rc.Err
	}
	if detail = " (" + detail + ")."; rc.Meaning != "" {
		detail = ": " + rc.Meaning
	}
	switch rc.Tick {
	case gateway.TickFailed:
		return cause{gateway.ErrUndeliv, "The carrier could not deliver it" + detail}
	case gateway.TickExpired:
		return cause{gateway.ErrExpired, "The carrier gave up: the telephone was not reached in time."}
	case gateway.TickUnknown:
		return cause{gateway.ErrNoReceipt, "The carrier does not know whether it arrived" + detail}
	}
	return cause{}
}

// orphan keeps a receipt that matches nothing yet: it may be ahead of the
// response to its submission.
func (b *batch) orphan(rc *gateway.Receipt) error {
	m, err := b.match(rc)
	if err != nil {
		return err
	}
	if m.segment == nil {
		if m, err = b.adopt(rc); err != nil {
			return err
		}
	}
	if m.segment != nil { // the response came later in this batch, or never
		b.tx.InsertReceipt(b.p.line.Name, rc, m.segment.ID)
		return b.learnt(m, rc)
	}
	b.tx.InsertReceipt(b.p.line.Name, rc, 0)
	b.tx.AfterCommit(func() {
		b.p.orphans.Add(1)
		b.p.r.metrics.unmatched.WithLabelValues(b.p.line.Name).Inc()
	})
	return nil
}

// sweepAtOnce bounds what one transaction does about waiting receipts: those of
// another user of the account wait in vain, and could be many.
const sweepAtOnce = 1000

// matchRecent tries this batch's references on the receipts that came before
// them, as far as no sweep has looked at those: it will again.
func (b *batch) matchRecent() error {
	waiting, err := b.tx.WaitingReceipts(b.p.line.Name, gateway.ID(b.p.swept.Load()), sweepAtOnce)
	if err != nil {
		return err
	}
	return b.settle(waiting)
}

// sweepWaiting tries the receipts that have matched nothing so far, and gives up
// those that have waited too long. Where there are more than it looks at, it goes
// on with the others the next time.
func (b *batch) sweepWaiting() error {
	p := b.p
	waiting, err := b.tx.WaitingReceipts(p.line.Name, p.sweptTo, sweepAtOnce)
	if err != nil {
		return err
	}
	var names []string
	for i := range waiting {
		names = append(names, waiting[i].Reference)
		if p.line.Forms != nil {
			names = append(names, references(p.line.Forms(waiting[i].Reference))...)
		}
	}
	if err := b.loadReferences(names); err != nil {
		return err
	}
	b.tx.AfterCommit(func() {
		p.sweptTo = 0
		if n := len(waiting); n > 0 {
			last := waiting[n-1].ID
			p.swept.Store(max(p.swept.Load(), int64(last)))
			if n == sweepAtOnce {
				p.sweptTo = last
			}
		}
	})
	return b.settle(waiting)
}

// settle ends the waiting of those receipts that are matched, or too old.
func (b *batch) settle(waiting []store.WaitingReceipt) error {
	settled := 0
	for i := range waiting {
		w := &waiting[i]
		m, err := b.matchKnown(&w.Receipt)
		if err != nil {
			return err
		}
		if m.segment != nil {
			m.by = "early"
		} else if m, err = b.adopt(&w.Receipt); err != nil {
			return err
		}
		var segment gateway.ID
		switch {
		case m.segment != nil:
			segment = m.segment.ID
			if err := b.learnt(m, &w.Receipt); err != nil {
				return err
			}
		case b.tx.Now().Sub(w.At) < maxOrphanAge:
			continue
		default:
			b.observed = append(b.observed, func() { b.p.r.metrics.matches.WithLabelValues(b.p.line.Name, "none").Inc() })
		}
		if err := b.tx.SettleReceipt(w.ID, segment); err != nil {
			return err
		}
		settled++
	}
	if settled > 0 {
		b.tx.AfterCommit(func() {
			b.p.orphans.Add(int64(-settled))
			b.p.r.metrics.unmatched.WithLabelValues(b.p.line.Name).Sub(float64(settled))
		})
	}
	return nil
}
