package gateway

import "time"

// automatic applies what time and the management of people and queues do to a
// conversation. Where it no longer applies it changes nothing: it may have been
// decided on a state that is past.
func (c Conversation) automatic(a Action, now time.Time) (Conversation, []EventType, error) {
	next := c
	switch a.Kind {
	case ActOwnerGone:
		if c.Status != StatusTaken {
			return c.same()
		}
		if !c.Unanswered {
			next.close(0)
			return c.changed(next, now, EventDealtWith)
		}
		next.wait(now)
		return c.changed(next, now, EventReleased)
	case ActOwnerAway:
		if c.Status != StatusTaken || !c.Unanswered {
			return c.same()
		}
		next.wait(now)
		return c.changed(next, now, EventReleased)
	case ActSilence:
		if c.Status != StatusTaken || !c.SnoozedUntil.IsZero() {
			return c.same()
		}
		next.close(c.Owner)
		return c.changed(next, now, EventDealtWith)
	case ActQueueDeleted:
		if c.Queue == a.Queue || a.Queue == 0 {
			return c.same()
		}
		next.Queue = a.Queue
		next.offer(Everyone, time.Time{})
		return c.changed(next, now, EventTransferred)
	case ActOffer:
		if c.Status != StatusWaiting || c.Offered == a.Audience && c.OfferedTill.Equal(a.Until) {
			return c.same()
		}
		next.offer(a.Audience, a.Until)
		return c.changed(next, c.UpdatedAt, EventOffered) // no news to whom it was offered before
	case ActAssign:
		if c.Status != StatusWaiting || a.Agent == 0 {
			return c.same()
		}
		next.give(a.Agent, now)
		return c.changed(next, now, EventTaken)
	}
	return c.same()
}

// mayOwn tells whether by may come to own a conversation that exists. Members
// of its queue are told who has it, though they cannot see it then.
func (c Conversation) mayOwn(by Actor, code RefusalCode) error {
	switch {
	case by.Kind != ActorPerson:
		return c.forbidden()
	case c.Status == StatusTaken && by.belongsTo(c.Queue):
		return c.owned(code)
	case c.Status == StatusTaken || !c.View().VisibleTo(by):
		return c.notFound()
	}
	return nil
}

func (c Conversation) owned(code RefusalCode) *Refusal {
	return &Refusal{Code: code, Text: "Somebody else has this conversation.", Owner: c.Owner, Since: c.OwnerSince}
}

func (c Conversation) notFound() *Refusal {
	return &Refusal{Code: NotFound, Text: "There is no such conversation."}
}

func (c Conversation) forbidden() *Refusal {
	return &Refusal{Code: Forbidden, Text: "Only a person can have a conversation."}
}

func (c Conversation) notOwner(text string) *Refusal {
	if text == "" {
		text = "Only its owner can do this. A manager can transfer the conversation to themselves first."
	}
	return &Refusal{Code: NotOwner, Text: text}
}
