package router

import (
	"context"
	"fmt"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

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
		with, err := tx.With([]gateway.Address{c.Peer})
		if err != nil {
			return err
		}
		for _, c := range with {
			if err := r.customerChanged(tx, c, by, "conversation.blocked", "blocked this customer."); err != nil {
				return err
			}
		}
		queued, err := tx.QueuedTo("", c.Peer)
		if err != nil {
			return err
		}
		return r.failQueued(tx, queued, gateway.TickFailed, gateway.ErrBlocked, "The customer was blocked before this was sent.")
	})
	return c, err
}

// Unblock lets a conversation's customer reach us again. It is for managers, whose
// business people who complain are.
func (r *Router) Unblock(ctx context.Context, by gateway.Actor, id gateway.ID) (gateway.Conversation, error) {
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.visible(tx, by, id); err != nil {
			return err
		}
		switch {
		case by.Kind == gateway.ActorPerson && !c.ManagedBy(by):
			return &gateway.Refusal{Code: gateway.Forbidden, Text: "Only managers of its queue and system owners do this."}
		case !c.Blocked:
			return nil
		}
		c.Blocked = false
		return r.unblock(tx, by, c.Peer)
	})
	return c, err
}

// UnblockPeer lets a customer reach us again, whether or not there is a
// conversation. Who may is the caller's business.
func (r *Router) UnblockPeer(ctx context.Context, by gateway.Actor, number string) error {
	return r.update(ctx, by, func(tx *store.Tx) error {
		peers, err := tx.BlockedAs(number)
		if err != nil {
			return err
		}
		if len(peers) == 0 {
			return &gateway.Refusal{Code: gateway.NotFound, Text: "This number is not blocked."}
		}
		for _, peer := range peers {
			if err := r.unblock(tx, by, peer); err != nil {
				return err
			}
		}
		return nil
	})
}

// unblock ends a block, and has all conversations with the customer say so.
func (r *Router) unblock(tx *store.Tx, by gateway.Actor, peer gateway.Address) error {
	if _, err := tx.Unblock(peer); err != nil {
		return err
	}
	with, err := tx.With([]gateway.Address{peer})
	if err != nil {
		return err
	}
	for _, c := range with {
		if err := r.customerChanged(tx, c, by, "conversation.unblocked", "unblocked this customer."); err != nil {
			return err
		}
	}
	if len(with) == 0 {
		tx.Audit(store.Deed{By: by, Action: "conversation.unblocked", Object: "customer " + peer.Value})
	}
	return nil
}

// Decide records what a conversation's customer has told by about texts from its
// number, though it be known already: the ledger has all that was said. It drops
// what is still queued for who wants no more.
func (r *Router) Decide(ctx context.Context, by gateway.Actor, id gateway.ID, out bool, note string) (gateway.Conversation, error) {
	if err := checkNote(note); err != nil {
		return gateway.Conversation{}, err
	}
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.changeable(tx, by, id); err != nil {
			return err
		}
		_, err = r.decide(tx, by, c, out, note)
		c.OptedOut = out
		return err
	})
	return c, err
}

// DecideFor records what a customer has told by about texts from one of our
// numbers, as Decide does, whether or not there is a conversation. Who may is the
// caller's business.
func (r *Router) DecideFor(ctx context.Context, by gateway.Actor, number string, peer gateway.Address, out bool, note string) (store.Decision, error) {
	if err := checkNote(note); err != nil {
		return store.Decision{}, err
	}
	var d store.Decision
	err := r.update(ctx, by, func(tx *store.Tx) error {
		c, err := tx.Pair(number, peer)
		if err != nil {
			return err
		}
		d, err = r.decide(tx, by, c, out, note)
		return err
	})
	return d, err
}

func checkNote(note string) error {
	if utf8.RuneCountInString(note) > maxNote {
		return &gateway.Refusal{Code: gateway.TextTooLong, Text: fmt.Sprintf("A note has at most %d characters.", maxNote)}
	}
	return nil
}

// decide appends to the ledger what the customer of c, which need not exist, has
// told by. Where that is news, the thread and the streams say so.
func (r *Router) decide(tx *store.Tx, by gateway.Actor, c gateway.Conversation, out bool, note string) (store.Decision, error) {
	d := store.Decision{Number: c.Number, Peer: c.Peer, OptedOut: out, Person: by.ID, PersonName: by.Name, Note: withoutNUL(note)}
	if err := tx.Decide(&d); err != nil {
		return d, err
	}
	action, line := "conversation.opted_out", "recorded that this customer wants no more texts from this number."
	if !out {
		action, line = "conversation.opted_in", "recorded that this customer wants texts from this number again."
	}
	if c.ID != 0 && c.OptedOut != out {
		c.OptedOut = out
		if err := r.customerChanged(tx, c, by, action, line); err != nil {
			return d, err
		}
	} else {
		tx.Audit(store.Deed{By: by, Action: action, Conversation: c.ID, Object: "opt-out " + d.ID.String()})
	}
	if !out {
		return d, nil
	}
	b := r.openBook(tx)
	if err := b.dropOptedOut(c.Number, c.Peer); err != nil {
		return d, err
	}
	return d, b.finish()
}

// dropOptedOut fails what is queued for a customer who wants no more from a number.
func (b *book) dropOptedOut(number string, peer gateway.Address) error {
	queued, err := b.tx.QueuedTo(number, peer)
	if err != nil {
		return err
	}
	return b.failQueued(queued, gateway.TickFailed, gateway.ErrOptedOut, "The customer opted out before this was sent.")
}

// customerChanged says in the thread, in the audit and on the streams what by has
// changed about a conversation's customer.
func (r *Router) customerChanged(tx *store.Tx, c gateway.Conversation, by gateway.Actor, action, line string) error {
	tx.InsertMessage(systemLine(tx, &c, by, nameOf(by)+" "+line))
	tx.Audit(store.Deed{By: by, Action: action, Conversation: c.ID})
	tx.Emit(gateway.Event{Type: gateway.EventUpdated, Before: c.View(), After: c.View(), Conversation: &c, By: by.ID, ByName: by.Name})
	return nil
}
