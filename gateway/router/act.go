package router

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Details go with an action.
type Details struct {
	Epoch *int64 // refuse if the conversation has changed since
	Note  string // for whom it is transferred to
}

const maxNote = 4000 // characters

// Act does something to a conversation, and returns it as it is then. What
// changes nothing writes nothing.
func (r *Router) Act(ctx context.Context, by gateway.Actor, id gateway.ID, a gateway.Action, d Details) (gateway.Conversation, error) {
	if err := r.checkTarget(a); err != nil {
		return gateway.Conversation{}, err
	}
	if utf8.RuneCountInString(d.Note) > maxNote {
		return gateway.Conversation{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	var result gateway.Conversation
	err := r.update(ctx, func(tx *store.Tx) error {
		c, err := r.conversation(tx, id)
		if err != nil {
			return err
		}
		if err := stale(c, by, d.Epoch); err != nil {
			return err
		}
		next, events, err := c.Act(a, by, tx.Now())
		if err != nil {
			return err
		}
		result = next
		if len(events) == 0 {
			return nil
		}
		return r.save(tx, c, next, events, by, nil, d.Note)
	})
	return result, err
}

func (r *Router) conversation(tx *store.Tx, id gateway.ID) (gateway.Conversation, error) {
	c, ok, err := tx.Conversation(id)
	if err == nil && !ok {
		err = &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such conversation."}
	}
	return c, err
}

// checkTarget makes sure that who or what a conversation goes to is there.
func (r *Router) checkTarget(a gateway.Action) error {
	if a.Agent != 0 {
		if _, ok := r.dir.Actor(a.Agent); !ok {
			return &gateway.Refusal{Code: gateway.AgentUnavailable, Text: "There is no such agent, or they are disabled."}
		}
	}
	if a.Queue != 0 {
		if _, ok := r.dir.QueueName(a.Queue); !ok {
			return &gateway.Refusal{Code: gateway.AgentUnavailable, Text: "There is no such queue."}
		}
	}
	return nil
}

// Note adds a remark that is never sent, by somebody who sees the conversation.
func (r *Router) Note(ctx context.Context, by gateway.Actor, id gateway.ID, text string) (gateway.Message, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return gateway.Message{}, &gateway.Refusal{Code: gateway.TextEmpty, Text: "The note is empty."}
	}
	if utf8.RuneCountInString(text) > maxNote {
		return gateway.Message{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	var note gateway.Message
	err := r.update(ctx, func(tx *store.Tx) error {
		c, err := r.visible(tx, by, id)
		if err != nil {
			return err
		}
		note = gateway.Message{ID: tx.NewID(), Conversation: c.ID, Kind: gateway.KindNote, Number: c.Number, Peer: c.Peer, Text: withoutNUL(text),
			Author: by.ID, AuthorName: by.Name, CreatedAt: tx.Now()}
		m := note
		tx.InsertMessage(&m)
		tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Before: c.View(), After: c.View(), Conversation: &c, Message: &m, By: by.ID, ByName: by.Name})
		return nil
	})
	return note, err
}

func (r *Router) visible(tx *store.Tx, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	c, err := r.conversation(tx, id)
	if err == nil && !c.View().VisibleTo(by) {
		err = &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such conversation."}
	}
	return c, err
}

// Block keeps a conversation's customer from reaching anybody, on all our
// numbers, and drops what is still queued for them.
func (r *Router) Block(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	var c gateway.Conversation
	err := r.update(ctx, func(tx *store.Tx) error {
		var err error
		if c, err = r.visible(tx, by, id); err != nil || c.Blocked {
			return err
		}
		c.Blocked = true
		if _, err := tx.Block(c.Peer, by.ID); err != nil {
			return err
		}
		queued, err := tx.QueuedTo("", c.Peer)
		if err != nil {
			return err
		}
		return r.failQueued(tx, queued, gateway.TickFailed, gateway.ErrBlocked, "The customer was blocked before this was sent.")
	})
	return c, err
}

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
		p, err := r.route(tx, c)
		if err != nil {
			return err
		}
		turn, err := r.turnAgain(tx, b, m)
		if err != nil {
			return err
		}
		for i := range m.Segments {
			s := b.segments[m.ID.Segment(i)]
			// One that is out or queued still is left to itself: given to the
			// carrier again it would arrive twice.
			if s == nil || open(s.Tick) || s.Tick == gateway.TickSent || s.Tick == gateway.TickDelivered {
				continue
			}
			s.Turn, s.NotUntil = turn, time.Time{}
			if p != nil {
				s.Carrier = p.line.Name
				m.Carrier = s.Carrier
			}
			b.set(s, gateway.TickQueued, cause{})
		}
		m.Tick, m.Error, m.ErrorText, m.SentAt = gateway.TickQueued, "", "", time.Time{}
		b.moved = append(b.moved, m)
		if p != nil {
			if p.line.Validity > 0 {
				m.ExpiresAt = tx.Now().Add(p.line.Validity)
			}
		}
		if err := tx.Renew(m); err != nil {
			return err
		}
		return b.emitTick(m)
	})
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

// Cancel drops what no carrier has been given yet.
func (r *Router) Cancel(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Message, error) {
	return r.onMessage(ctx, by, id, func(tx *store.Tx, b *book, c gateway.Conversation, m *gateway.Message) error {
		for i := range m.Segments {
			if s := b.segments[m.ID.Segment(i)]; s == nil || s.Tick != gateway.TickQueued {
				return &gateway.Refusal{Code: gateway.Conflict, Text: "It is with the carrier already and can no longer be cancelled."}
			}
		}
		_, err := b.advance(b.segments[m.ID], gateway.TickFailed, false, cause{gateway.ErrCancelled, "Cancelled by " + by.Name + "."}, tx.Now())
		return err
	})
}

// onMessage does something to an outgoing text, by its conversation's owner, a
// manager, a system owner, or the program that sent it.
func (r *Router) onMessage(ctx context.Context, by gateway.Actor, id gateway.ID,
	do func(*store.Tx, *book, gateway.Conversation, *gateway.Message) error) (gateway.Message, error) {
	notFound := &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such message."}
	var result gateway.Message
	err := r.update(ctx, func(tx *store.Tx) error {
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

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
