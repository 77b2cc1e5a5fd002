package router

import (
	"context"
	"fmt"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Resend queues again what nobody knows to have left, or what failed. The
// message keeps its place in the thread.
func (r *Router) Resend(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Message, error) {
	return r.onMessage(ctx, by, id, func(tx *store.Tx, b *book, c gateway.Conversation, m *gateway.Message) error {
		if !(m.Tick == gateway.TickUnknown || m.Tick == gateway.TickFailed || m.Tick == gateway.TickExpired) {
			return &gateway.Refusal{Code: gateway.Conflict, Text: "This message is " + m.Tick.String() + ": only what failed, expired or is unknown can be sent again."}
		}
		if err := r.sendable(c, false); err != nil {
			return err
		}
		p, err := r.pick(tx, c)
		if err != nil {
			return err
		}
		parts := m.Segments
		if p != nil {
			if err := p.allows(c.Peer); err != nil {
				return err
			}
			if parts, err = b.partsAt(m, p); err != nil {
				return err
			}
		}
		if err := r.withinLimits(tx, by, m.Peer, parts); err != nil {
			return err
		}
		turn, err := r.turnAgain(tx, b, m)
		if err != nil {
			return err
		}
		b.attempts = append(b.attempts, store.Attempt{Segment: m.ID, Carrier: m.Carrier, Outcome: "resend", Note: by.Name})
		if err := b.again(m, p, turn); err != nil {
			return err
		}
		m.Tick, m.Error, m.ErrorText, m.SentAt = gateway.TickQueued, "", "", time.Time{}
		b.moved = append(b.moved, m)
		m.ExpiresAt = time.Time{} // the old one may be over
		if p != nil && p.line.Validity > 0 {
			m.ExpiresAt = tx.Now().Add(p.line.Validity)
		}
		if err := tx.Rewrite(m); err != nil {
			return err
		}
		return b.emitTick(m)
	})
}

// again queues what is left of a message at the carrier that it is with, or the
// whole of it at another one, split as that takes it.
func (b *book) again(m *gateway.Message, to *pump, turn bool) error {
	switch {
	case b.goesAnew(m, to):
		return b.anew(m, to, turn)
	case b.r.pumps[m.Carrier] != nil:
	case to != nil:
		m.Carrier = to.line.Name
	default: // until there is one, or nobody can wait any longer
		m.Carrier = ""
	}
	for s := range b.segmentsOf(m) {
		// One that is out or queued still is left to itself: given to the
		// carrier again it would arrive twice.
		if done(s.Tick) {
			continue
		}
		s.Turn, s.NotUntil, s.Carrier = turn, time.Time{}, m.Carrier
		b.set(s, gateway.TickQueued, cause{})
	}
	return nil
}

// goesAnew tells whether a message is sent again by another carrier: where nothing
// of it need stay with the first.
func (b *book) goesAnew(m *gateway.Message, to *pump) bool {
	if to == nil || to.line.Name == m.Carrier {
		return false
	}
	for s := range b.segmentsOf(m) {
		if done(s.Tick) {
			return false
		}
	}
	return true
}

// partsAt is how many segments a message has when a carrier sends it again.
func (b *book) partsAt(m *gateway.Message, to *pump) (int, error) {
	if !b.goesAnew(m, to) {
		return m.Segments, nil
	}
	parts, _, err := gateway.Split(m.Text, to.line.Format, 0)
	return len(parts), err
}

// done tells the ticks of a segment that need not be sent again.
func done(t gateway.Tick) bool {
	return open(t) || t == gateway.TickSent || t == gateway.TickDelivered
}

// anew puts a message that is to be sent again whole at another carrier. Its
// attempts are counted on: what is still heard of the earlier ones is told from
// what will be.
func (b *book) anew(m *gateway.Message, to *pump, turn bool) error {
	segments, err := b.r.split(b.tx, m, to, m.Lane, turn)
	if err != nil {
		return err
	}
	attempt := 0
	for s := range b.segmentsOf(m) {
		attempt = max(attempt, s.Attempt)
	}
	for i := range segments {
		segments[i].Attempt = attempt
		b.reached[reach{to.line.Name, gateway.TickQueued}]++
	}
	return b.replace(m, to, segments)
}

// replace puts a message's new segments, at a carrier, in the place of the old ones.
func (b *book) replace(m *gateway.Message, to *pump, segments []gateway.Segment) error {
	for s := range b.segmentsOf(m) {
		b.count(s, -1)
		b.forget(s)
	}
	m.Carrier, m.Segments = to.line.Name, len(segments)
	for i := range segments {
		b.segments[segments[i].ID] = &segments[i]
		b.count(&segments[i], 1)
	}
	return b.tx.ReplaceSegments(m, segments)
}

// turnAgain says whether a message that is sent again may be claimed at once: as
// what is left of it, or if nothing else of its conversation is queued or out.
func (r *Router) turnAgain(tx *store.Tx, b *book, m *gateway.Message) (bool, error) {
	for s := range b.segmentsOf(m) {
		if open(s.Tick) {
			return s.Turn, nil
		}
	}
	busy, err := tx.HasOpen(m.Conversation)
	return !busy, err
}

// Cancel drops what no carrier has been given yet, for certain. What a carrier
// has accepted it asks that to forget, and refuses with its answer where it does
// not.
func (r *Router) Cancel(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Message, error) {
	var ask []store.Accepted
	m, err := r.onMessage(ctx, by, id, func(tx *store.Tx, b *book, _ gateway.Conversation, m *gateway.Message) (err error) {
		var queued []*gateway.Segment
		if queued, ask, err = b.cancellable(m); err != nil || len(queued) == 0 {
			return err
		}
		b.attempts = append(b.attempts, store.Attempt{Segment: m.ID, Carrier: m.Carrier, Outcome: "cancel", Note: by.Name})
		return b.cancelled(queued, by)
	})
	if err != nil || len(ask) == 0 {
		return m, err
	}
	answers := r.askToCancel(ctx, &m, ask)
	refused := ""
	m, err = r.onMessage(ctx, by, id, func(_ *store.Tx, b *book, _ gateway.Conversation, m *gateway.Message) error {
		var gone []*gateway.Segment
		refused = ""
		for i, a := range answers {
			b.attempts = append(b.attempts, store.Attempt{Segment: ask[i].Segment, Attempt: ask[i].Attempt, Carrier: ask[i].Carrier, Outcome: "cancel", Code: storable(a.code), Note: by.Name})
			s := b.segments[ask[i].Segment]
			switch {
			case !a.ok:
				refused = a.code
			case s == nil || s.Carrier != ask[i].Carrier:
			case s.Tick == gateway.TickSent, s.Tick == gateway.TickFailed && s.Error == gateway.ErrUndeliv: // its receipt came before its answer
				gone = append(gone, s)
			}
		}
		return b.cancelled(gone, by)
	})
	if err == nil && refused != "" {
		err = &gateway.Refusal{Code: gateway.Conflict, Text: "The carrier does not cancel it any more: it answered " + refused + "."}
	}
	return m, err
}

// cancellable lists what of a message nobody has claimed, and what its carrier has
// accepted under which name. It refuses where neither is all.
func (b *book) cancellable(m *gateway.Message) (queued []*gateway.Segment, ask []store.Accepted, err error) {
	for s := range b.segmentsOf(m) {
		switch {
		case s.Tick == gateway.TickQueued && s.Error == "":
			queued = append(queued, s)
		case s.Tick == gateway.TickSent:
			ref, err := b.tx.ReferenceOf(s.ID)
			if err != nil {
				return nil, nil, err
			}
			if ref.Reference.Reference == "" {
				return nil, nil, &gateway.Refusal{Code: gateway.Conflict, Text: "The carrier has it, under no name by which it could be cancelled."}
			}
			ask = append(ask, ref)
		case open(s.Tick):
			return nil, nil, &gateway.Refusal{Code: gateway.Conflict, Text: "It is on its way to the carrier: try again in a moment."}
		default:
			return nil, nil, &gateway.Refusal{Code: gateway.Conflict, Text: "This message is " + m.Tick.String() + ": there is nothing left to cancel."}
		}
	}
	return queued, ask, nil
}

// cancelled ends segments that will not be sent, or that their carrier forgets.
func (b *book) cancelled(segments []*gateway.Segment, by gateway.Actor) error {
	why := cause{gateway.ErrCancelled, "Cancelled by " + by.Name + "."}
	for _, s := range segments {
		if s.Tick == gateway.TickFailed {
			b.set(s, gateway.TickFailed, why)
			if err := b.move(b.messages[s.ID.Message()], gateway.TickFailed, why, b.tx.Now()); err != nil {
				return err
			}
			continue
		}
		if _, err := b.advance(s, gateway.TickFailed, false, why, b.tx.Now()); err != nil {
			return err
		}
	}
	return nil
}

// answer is what a carrier says to a wish.
type answer struct {
	code string
	ok   bool
}

// cancelTimeout bounds how long carriers are waited for.
const cancelTimeout = 30 * time.Second

// askToCancel asks carriers to forget what they accepted.
func (r *Router) askToCancel(ctx context.Context, m *gateway.Message, refs []store.Accepted) []answer {
	ctx, cancel := context.WithTimeout(ctx, cancelTimeout)
	defer cancel()
	answers := make([]answer, len(refs))
	for i, ref := range refs {
		p := r.pumps[ref.Carrier]
		if p == nil || p.line.Cancel == nil {
			answers[i].code = "nothing: it is not connected"
			continue
		}
		code, ok, err := p.line.Cancel(ctx, ref.Reference.Reference, p.sender(m.Number), m.Peer)
		if err != nil {
			code = fmt.Sprintf("nothing (%v)", err)
		}
		answers[i] = answer{code, ok && err == nil}
	}
	return answers
}

// onMessage does something to an outgoing text, by its conversation's owner, a
// manager, a system owner, or the program that sent it.
func (r *Router) onMessage(ctx context.Context, by gateway.Actor, id gateway.ID,
	do func(*store.Tx, *book, gateway.Conversation, *gateway.Message) error) (gateway.Message, error) {
	notFound := &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such message."}
	var result gateway.Message
	err := r.update(ctx, by, func(tx *store.Tx) error {
		b := r.openBook(tx)
		if err := b.load([]gateway.ID{id}); err != nil {
			return err
		}
		m := b.messages[id]
		if m == nil || m.Direction != gateway.Out || m.Kind != gateway.KindText {
			return notFound
		}
		c, ok, err := tx.Conversation(m.Conversation)
		if err != nil {
			return err
		}
		if !ok || by.Kind == gateway.ActorPerson && !(c.View().VisibleTo(by) && c.Status != gateway.StatusWaiting || c.ManagedBy(by)) ||
			by.Kind == gateway.ActorProgram && m.Author != by.ID {
			return notFound
		}
		if err := do(tx, b, c, m); err != nil {
			return err
		}
		if err := b.finish(); err != nil {
			return err
		}
		result = *m
		return nil
	})
	return result, err
}
