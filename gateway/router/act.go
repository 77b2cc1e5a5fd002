package router

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Details go with an action.
type Details struct {
	Epoch *int64 // refuse if the conversation has changed since
	Note  string // for whom it is transferred to
	// Reason says in a few words why it is dealt with, for reports.
	Reason string
	// If tells whether what was decided outside the transaction applies still; nil:
	// it does.
	If func(gateway.Conversation) bool
}

const (
	maxNote   = 4000 // characters
	maxReason = 200
)

// Act does something to a conversation, and returns it as it is then. What
// changes nothing writes nothing.
func (r *Router) Act(ctx context.Context, by gateway.Actor, id gateway.ID, a gateway.Action, d Details) (gateway.Conversation, error) {
	if err := r.checkTarget(a); err != nil {
		return gateway.Conversation{}, err
	}
	if utf8.RuneCountInString(d.Note) > maxNote {
		return gateway.Conversation{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	if utf8.RuneCountInString(d.Reason) > maxReason {
		return gateway.Conversation{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A reason has at most %d characters.", maxReason)}
	}
	var result gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		c, err := r.conversation(tx, id)
		if err != nil {
			return err
		}
		if err := stale(c, by, d.Epoch); err != nil {
			return err
		}
		if result = c; d.If != nil && !d.If(c) {
			return nil
		}
		next, events, err := c.Act(a, by, tx.Now())
		if err != nil {
			return err
		}
		if result = next; len(events) == 0 {
			return nil
		}
		if next, events, err = r.place(tx, c, next, events, false); err != nil {
			return err
		}
		result = next
		return r.save(tx, c, next, events, by, nil, d)
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

// Note adds a remark that is never sent, by somebody who may change the
// conversation.
func (r *Router) Note(ctx context.Context, by gateway.Actor, id gateway.ID, text string) (gateway.Message, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return gateway.Message{}, &gateway.Refusal{Code: gateway.TextEmpty, Text: "The note is empty."}
	}
	if utf8.RuneCountInString(text) > maxNote {
		return gateway.Message{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	var note gateway.Message
	err := r.update(ctx, by, func(tx *store.Tx) error {
		c, err := r.changeable(tx, by, id)
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

// changeable loads a conversation that by may change. What by may not see is not
// there.
func (r *Router) changeable(tx *store.Tx, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	c, err := r.conversation(tx, id)
	switch {
	case err != nil:
		return c, err
	case !c.View().VisibleTo(by):
		return c, &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such conversation."}
	case !c.View().ChangeableBy(by):
		return c, &gateway.Refusal{Code: gateway.NotOwner, Text: "Somebody else has this conversation."}
	}
	return c, nil
}

// Block keeps a conversation's customer from reaching anybody, on all our
// numbers, and drops what is still queued for them.
func (r *Router) Block(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.changeable(tx, by, id); err != nil || c.Blocked {
			return err
		}
		c.Blocked = true
		if _, err := tx.Block(c.Peer, by.ID); err != nil {
			return err
		}
		if err := r.customerChanged(tx, c, by, "conversation.blocked", "blocked this customer."); err != nil {
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

// Unblock lets a customer reach us again. It is for managers, whose business
// people who complain are; of what they see.
func (r *Router) Unblock(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.changeable(tx, by, id); err != nil || !c.Blocked {
			return err
		}
		c.Blocked = false
		if _, err := tx.Unblock(c.Peer); err != nil {
			return err
		}
		return r.customerChanged(tx, c, by, "conversation.unblocked", "unblocked this customer.")
	})
	return c, err
}

// Decide records what a conversation's customer has told by about texts from its
// number, and drops what is still queued for who wants no more.
func (r *Router) Decide(ctx context.Context, by gateway.Actor, id gateway.ID, out bool, note string) (gateway.Conversation, error) {
	if utf8.RuneCountInString(note) > maxNote {
		return gateway.Conversation{}, &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.changeable(tx, by, id); err != nil || c.OptedOut == out {
			return err
		}
		c.OptedOut = out
		action, line := "conversation.opted_out", "recorded that this customer wants no more texts from this number."
		if !out {
			action, line = "conversation.opted_in", "recorded that this customer wants texts from this number again."
		}
		if err := tx.Decide(&store.Decision{Number: c.Number, Peer: c.Peer, OptedOut: out, Person: by.ID, Note: note}); err != nil {
			return err
		}
		if err := r.customerChanged(tx, c, by, action, line); err != nil || !out {
			return err
		}
		return r.dropOptedOut(tx, c.Number, c.Peer)
	})
	return c, err
}

func (r *Router) dropOptedOut(tx *store.Tx, number string, peer gateway.Address) error {
	queued, err := tx.QueuedTo(number, peer)
	if err != nil {
		return err
	}
	return r.failQueued(tx, queued, gateway.TickFailed, gateway.ErrOptedOut, "The customer opted out before this was sent.")
}

// customerChanged says in the thread, in the audit and on the streams what by has
// changed about a conversation's customer.
func (r *Router) customerChanged(tx *store.Tx, c gateway.Conversation, by gateway.Actor, action, line string) error {
	tx.InsertMessage(systemLine(tx, &c, by, nameOf(by)+" "+line))
	tx.Audit(store.Deed{By: by, Action: action, Conversation: c.ID})
	tx.Emit(gateway.Event{Type: gateway.EventUpdated, Before: c.View(), After: c.View(), Conversation: &c, By: by.ID, ByName: by.Name})
	return nil
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
