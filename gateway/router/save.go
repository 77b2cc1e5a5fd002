package router

import (
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// save writes the conversation that followed c, the lines in the thread that say
// so, the events, what reports count and the audit.
func (r *Router) save(tx *store.Tx, c, next gateway.Conversation, events []gateway.EventType, by gateway.Actor, m *gateway.Message, d Details) error {
	if err := tx.SaveConversation(next); err != nil {
		return err
	}
	before, after := c.View(), next.View()
	if c.ID != next.ID {
		before = gateway.View{}
	}
	given := givenByQueue(events)
	for _, t := range events {
		by, said := by, next
		switch {
		case t == gateway.EventTaken && (given || by.ID != next.Owner):
			by = system // its queue gave it to somebody
		case given: // it went to its queue first
			said.Status, said.Owner = gateway.StatusWaiting, 0
		}
		e := gateway.Event{Time: tx.Now(), Type: t, Before: before, After: after, Conversation: &next, By: by.ID, ByName: by.Name, Note: d.Note}
		switch t {
		case gateway.EventMessageReceived, gateway.EventMessageSent:
			e.Message = m
		case gateway.EventTaken:
			tx.AfterCommit(func() { r.observeWait(c, tx.Now()) })
		}
		if line := r.line(t, said, by, m, d); line != "" {
			tx.InsertMessage(systemLine(tx, &next, by, line))
		}
		if audited(t, by) {
			tx.Audit(store.Deed{By: by, Action: string(t), Conversation: next.ID, Detail: r.detail(t, said, d)})
		}
		tx.Emit(e)
	}
	r.count(tx, c, next, events, by, m, d)
	return nil
}

// givenByQueue tells steps by which somebody sent a conversation to a queue, which
// gave it to an agent at once.
func givenByQueue(events []gateway.EventType) bool {
	return len(events) > 1 && (events[0] == gateway.EventReleased || events[0] == gateway.EventTransferred) && slices.Contains(events, gateway.EventTaken)
}

// systemLine is a line of the thread that only agents see.
func systemLine(tx *store.Tx, c *gateway.Conversation, by gateway.Actor, text string) *gateway.Message {
	return &gateway.Message{ID: tx.NewID(), Conversation: c.ID, Kind: gateway.KindSystem, Number: c.Number, Peer: c.Peer,
		Text: text, Author: by.ID, AuthorName: by.Name, CreatedAt: tx.Now()}
}

func (r *Router) observeWait(c gateway.Conversation, now time.Time) {
	if c.Status == gateway.StatusWaiting && !c.WaitingSince.IsZero() {
		r.metrics.wait.WithLabelValues(r.queueName(c.Queue)).Observe(now.Sub(c.WaitingSince).Seconds())
	}
}

// nameOf is how lines call who did something.
func nameOf(by gateway.Actor) string {
	if by.Name == "" {
		return "The gateway"
	}
	return by.Name
}

// ownerName is how lines call whom a conversation has gone to.
func (r *Router) ownerName(c gateway.Conversation, by gateway.Actor) string {
	if p, ok := r.dir.Person(c.Owner); ok && c.Owner != by.ID {
		return p.Name
	}
	return nameOf(by)
}

// line is what the thread says of a step, or "". What a customer's text m brings
// about by itself is said by the text.
func (r *Router) line(t gateway.EventType, next gateway.Conversation, by gateway.Actor, m *gateway.Message, d Details) string {
	who, text := nameOf(by), ""
	switch t {
	case gateway.EventTaken:
		if by.Kind == gateway.ActorSystem {
			text = "This conversation was given to " + r.ownerName(next, by) + "."
		} else {
			text = r.ownerName(next, by) + " took this conversation."
		}
	case gateway.EventReleased:
		text = who + " released this conversation to " + r.queueName(next.Queue) + "."
	case gateway.EventTransferred:
		to := r.ownerName(next, by)
		if next.Status != gateway.StatusTaken || by.Kind == gateway.ActorSystem {
			to = r.queueName(next.Queue)
		}
		text = who + " transferred this conversation to " + to + "."
	case gateway.EventDealtWith:
		text = who + " marked this conversation as dealt with."
		if d.Reason != "" {
			text = who + " marked this conversation as dealt with: " + d.Reason
		}
	case gateway.EventArchived:
		text = who + " archived this conversation."
	case gateway.EventUnarchived:
		if by.Kind == gateway.ActorPerson {
			text = who + " unarchived this conversation."
		}
	case gateway.EventSnoozed:
		text = who + " put this conversation off until " + next.SnoozedUntil.Format("2006-01-02 15:04 UTC") + "."
		if next.SnoozedUntil.Equal(gateway.UntilText) {
			text = who + " put this conversation off until the next text."
		}
	case gateway.EventUnsnoozed:
		if by.Kind == gateway.ActorPerson {
			text = who + " took up this conversation again."
		} else if m == nil {
			text = "This conversation is due again."
		}
	}
	if t == gateway.EventTransferred && d.Note != "" {
		text += " " + d.Note
	}
	return text
}

// audited tells what of a conversation's steps is recorded: all that people and
// programs do but writing, which the message itself tells, and what the gateway
// decides on its own.
func audited(t gateway.EventType, by gateway.Actor) bool {
	switch t {
	case gateway.EventMessageReceived, gateway.EventMessageSent, gateway.EventMessageTick, gateway.EventMessageUpdated, gateway.EventRead, gateway.EventOffered:
		return false
	case gateway.EventTaken, gateway.EventReleased, gateway.EventTransferred, gateway.EventDealtWith:
		return true
	}
	return by.Kind != gateway.ActorSystem
}

// detail is what the audit says of a step beside who and what.
func (r *Router) detail(t gateway.EventType, next gateway.Conversation, d Details) string {
	switch t {
	case gateway.EventTransferred, gateway.EventTaken:
		if next.Owner != 0 {
			return "to " + next.Owner.String()
		}
		return "to queue " + next.Queue.String()
	case gateway.EventDealtWith:
		return d.Reason
	}
	return ""
}

// count records what reports count of a step.
func (r *Router) count(tx *store.Tx, c, next gateway.Conversation, events []gateway.EventType, by gateway.Actor, m *gateway.Message, d Details) {
	f := store.Fact{Queue: next.Queue}
	arrived := m != nil && m.Direction == gateway.In && m.Kind == gateway.KindText
	began := arrived && (slices.Contains(events, gateway.EventCreated) || slices.Contains(events, gateway.EventReopened)) && next.BegunAt.Equal(tx.Now())
	if began {
		f.Kind = store.FactIncoming
		tx.Count(f)
	}
	switch taken := slices.Contains(events, gateway.EventTaken); {
	case taken && began: // given to somebody at once
		f.Kind, f.Person = store.FactTaken, next.Owner
		tx.Count(f)
	case taken && c.Status == gateway.StatusWaiting:
		f.Kind, f.Person, f.Took = store.FactTaken, next.Owner, tx.Now().Sub(c.WaitingSince)
		tx.Count(f)
	}
	if by.Kind == gateway.ActorPerson && next.Answered && !c.Answered && c.ID == next.ID && !c.BegunAt.IsZero() && slices.Contains(events, gateway.EventMessageSent) {
		tx.Count(store.Fact{Kind: store.FactAnswered, Queue: next.Queue, Person: by.ID, Took: tx.Now().Sub(c.BegunAt)})
	}
	if slices.Contains(events, gateway.EventDealtWith) {
		tx.Count(store.Fact{Kind: store.FactDealtWith, Queue: next.Queue, Person: next.LastOwner, Reason: d.Reason})
	}
}
