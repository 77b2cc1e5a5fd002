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
		if err := r.sendable(tx, c); err != nil {
			return err
		}
		p, err := r.pick(tx, c)
		if err != nil {
			return err
		}
		if p != nil {
			if err := p.allows(c.Peer); err != nil {
				return err
			}
		}
		if err := r.withinLimits(tx, by, m.Peer, m.Segments); err != nil {
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
	whole, attempt := true, 0
	for i := range m.Segments {
		if s := b.segments[m.ID.Segment(i)]; s != nil {
			whole = whole && !done(s.Tick)
			attempt = max(attempt, s.Attempt)
		}
	}
	if to != nil && to.line.Name != m.Carrier && (whole || b.r.pumps[m.Carrier] == nil) {
		if whole {
			return b.anew(m, to, turn, attempt)
		}
		m.Carrier = to.line.Name
	}
	for i := range m.Segments {
		s := b.segments[m.ID.Segment(i)]
		// One that is out or queued still is left to itself: given to the
		// carrier again it would arrive twice.
		if s == nil || done(s.Tick) {
			continue
		}
		s.Turn, s.NotUntil, s.Carrier = turn, time.Time{}, m.Carrier
		b.set(s, gateway.TickQueued, cause{})
	}
	return nil
}

// done tells the ticks of a segment that need not be sent again.
func done(t gateway.Tick) bool {
	return open(t) || t == gateway.TickSent || t == gateway.TickDelivered
}

// anew puts a message that is to be sent again whole at another carrier. Its
// attempts are counted on: what is still heard of the earlier ones is told from
// what will be.
func (b *book) anew(m *gateway.Message, to *pump, turn bool, attempt int) error {
	segments, err := b.r.split(b.tx, m, to, m.Lane, turn)
	if err != nil {
		return err
	}
	for i := range m.Segments {
		if s := b.segments[m.ID.Segment(i)]; s != nil {
			b.forget(s)
		}
	}
	m.Carrier, m.Segments = to.line.Name, len(segments)
	for i := range segments {
		segments[i].Attempt = attempt
		b.segments[segments[i].ID] = &segments[i]
		b.count(&segments[i], 1)
	}
	return b.tx.ReplaceSegments(m, segments)
}

// turnAgain says whether a message that is sent again may be claimed at once: as
// what is left of it, or if nothing else of its conversation is queued or out.
func (r *Router) turnAgain(tx *store.Tx, b *book, m *gateway.Message) (bool, error) {
	for i := range m.Segments {
		if s := b.segments[m.ID.Segment(i)]; s != nil && open(s.Tick) {
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
	m, err := r.onMessage(ctx, by, id, func(tx *store.Tx, b *book, c gateway.Conversation, m *gateway.Message) error {
		ask = nil
		queued := 0
		for i := range m.Segments {
			s := b.segments[m.ID.Segment(i)]
			switch {
			case s == nil:
			case s.Tick == gateway.TickQueued && s.Error == "":
				queued++
			case s.Tick == gateway.TickSent:
				ref, err := tx.ReferenceOf(s.ID)
				if err != nil {
					return err
				}
				if ref.Reference.Reference == "" {
					return &gateway.Refusal{Code: gateway.Conflict, Text: "The carrier has it, under no name by which it could be cancelled."}
				}
				ask = append(ask, ref)
			case s.Tick == gateway.TickSending || s.Tick == gateway.TickQueued:
				return &gateway.Refusal{Code: gateway.Conflict, Text: "It is on its way to the carrier: try again in a moment."}
			default:
				return &gateway.Refusal{Code: gateway.Conflict, Text: "This message is " + m.Tick.String() + ": there is nothing left to cancel."}
			}
		}
		if queued == 0 {
			return nil
		}
		b.attempts = append(b.attempts, store.Attempt{Segment: m.ID, Carrier: m.Carrier, Outcome: "cancel", Note: by.Name})
		return b.cancelled(m, by)
	})
	if err != nil || len(ask) == 0 {
		return m, err
	}
	answers := r.askToCancel(ctx, &m, ask)
	refused := ""
	done, err := r.onMessage(ctx, by, id, func(tx *store.Tx, b *book, c gateway.Conversation, m *gateway.Message) error {
		refused = ""
		for i, a := range answers {
			b.attempts = append(b.attempts, store.Attempt{Segment: ask[i].Segment, Attempt: ask[i].Attempt, Carrier: ask[i].Carrier, Outcome: "cancel", Code: a.code, Note: by.Name})
			if !a.ok {
				refused = a.code
			}
		}
		if refused != "" {
			return nil
		}
		return b.cancelled(m, by)
	})
	if err == nil && refused != "" {
		err = &gateway.Refusal{Code: gateway.Conflict, Text: "The carrier does not cancel it any more: it answered " + refused + "."}
	}
	return done, err
}

// cancelled ends what of a message is queued, or was taken back by its carrier.
func (b *book) cancelled(m *gateway.Message, by gateway.Actor) error {
	why := cause{gateway.ErrCancelled, "Cancelled by " + by.Name + "."}
	for i := range m.Segments {
		s := b.segments[m.ID.Segment(i)]
		if s == nil {
			continue
		}
		if s.Tick == gateway.TickFailed && s.Error == gateway.ErrUndeliv {
			// The carrier's receipt for it came before its answer.
			b.set(s, gateway.TickFailed, why)
			if err := b.move(m, gateway.TickFailed, why, b.tx.Now()); err != nil {
				return err
			}
		}
		if s.Tick != gateway.TickQueued && s.Tick != gateway.TickSent {
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

// askToCancel asks carriers to forget what they accepted.
func (r *Router) askToCancel(ctx context.Context, m *gateway.Message, refs []store.Accepted) []answer {
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
