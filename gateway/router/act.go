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
// changes nothing writes nothing but the note that comes with it.
func (r *Router) Act(ctx context.Context, by gateway.Actor, id gateway.ID, a gateway.Action, d Details) (gateway.Conversation, error) {
	if err := r.checkTarget(a); err != nil {
		return gateway.Conversation{}, err
	}
	if err := checkNote(d.Note); err != nil {
		return gateway.Conversation{}, err
	}
	if d.Reason = gateway.OneLine(d.Reason); utf8.RuneCountInString(d.Reason) > maxReason {
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
			if note := strings.TrimSpace(d.Note); note != "" {
				r.remark(tx, c, by, note)
			}
			return nil
		}
		if next, events, err = r.place(tx, by, c, next, events, false); err != nil {
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
	if err := checkNote(text); err != nil {
		return gateway.Message{}, err
	}
	var note gateway.Message
	err := r.update(ctx, by, func(tx *store.Tx) error {
		c, err := r.changeable(tx, by, id)
		if err != nil {
			return err
		}
		note = r.remark(tx, c, by, text)
		return nil
	})
	return note, err
}

// remark adds a note to the thread.
func (r *Router) remark(tx *store.Tx, c gateway.Conversation, by gateway.Actor, text string) gateway.Message {
	m := &gateway.Message{ID: tx.NewID(), Conversation: c.ID, Kind: gateway.KindNote, Number: c.Number, Peer: c.Peer, Text: withoutNUL(text),
		Author: by.ID, AuthorName: by.Name, CreatedAt: tx.Now()}
	tx.InsertMessage(m)
	tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Before: c.View(), After: c.View(), Conversation: &c, Message: m, By: by.ID, ByName: by.Name})
	return *m
}

// changeable loads a conversation that by may change. What by may not see is not
// there.
func (r *Router) changeable(tx *store.Tx, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	c, err := r.visible(tx, by, id)
	if err == nil && !c.View().ChangeableBy(by) {
		err = &gateway.Refusal{Code: gateway.NotOwner, Text: "Somebody else has this conversation."}
	}
	return c, err
}

// visible loads a conversation that by may see.
func (r *Router) visible(tx *store.Tx, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	c, err := r.conversation(tx, id)
	if err == nil && !c.View().VisibleTo(by) {
		err = &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such conversation."}
	}
	return c, err
}

func withoutNUL(s string) string { return strings.ReplaceAll(s, "\x00", "") }
