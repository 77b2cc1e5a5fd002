package gateway

import "time"

// Receive applies an inbound text, and returns the state that follows and the
// events to record, the text's own first. numberQueue is the queue that the
// conversation's number belongs to now: there a closed conversation waits when
// its customer writes again.
//
// A deleted conversation stays deleted: what the text then begins is another
// one, whose ID is 0 until the caller gives it one.
func (c Conversation) Receive(kind Arrival, numberQueue ID, now time.Time) (Conversation, []EventType) {
	switch kind {
	case ArrivalKeyword:
		return c.receiveKeyword(numberQueue, now)
	case ArrivalBlocked:
		return c.receiveBlocked(numberQueue, now)
	default:
		return c.receiveText(numberQueue, now)
	}
}

func (c Conversation) receiveText(numberQueue ID, now time.Time) (Conversation, []EventType) {
	next, events := c, []EventType{EventMessageReceived}
	switch c.Status {
	case StatusWaiting:
	case StatusTaken:
		if c.Archived {
			next.Archived = false
			events = append(events, EventUnarchived)
		}
		if !c.SnoozedUntil.IsZero() {
			next.SnoozedUntil = time.Time{}
			events = append(events, EventUnsnoozed)
		}
	case StatusClosed:
		next.Queue = numberQueue
		next.wait(now)
		next.BegunAt, next.Answered = now, false
		events = append(events, EventReopened)
	default:
		next = c.begin(numberQueue, now)
		next.wait(now)
		next.BegunAt = now
		events = append(events, EventCreated)
	}
	next.Unread++
	if !next.Unanswered {
		next.Unanswered, next.AnswerSince = true, now
	}
	return next.since(c, now), events
}

// receiveKeyword shows the text where it belongs and disturbs nobody with it.
func (c Conversation) receiveKeyword(numberQueue ID, now time.Time) (Conversation, []EventType) {
	next := c
	if !c.exists() {
		next = c.begin(numberQueue, now)
		next.close(0)
	}
	return next.since(c, now), []EventType{EventMessageReceived}
}

// receiveBlocked makes a place to keep the text in, and nothing that anybody
// could notice.
func (c Conversation) receiveBlocked(numberQueue ID, now time.Time) (Conversation, []EventType) {
	if c.exists() {
		return c, nil
	}
	next := c.begin(numberQueue, now)
	next.Blocked = true
	next.close(0)
	return next.since(c, now), nil
}

func (c Conversation) exists() bool {
	return c.Status != StatusNone && c.Status != StatusDeleted
}

// begin returns what a new conversation starts from. Nothing of a deleted one
// goes into it but who it was with.
func (c Conversation) begin(queue ID, now time.Time) Conversation {
	next := NewConversation(c.ID, c.Number, c.Peer, queue)
	if c.Status == StatusDeleted {
		next.ID = 0
	}
	next.Blocked, next.OptedOut, next.Contact, next.ContactName = c.Blocked, c.OptedOut, c.Contact, c.ContactName
	next.CreatedAt = now
	return next
}

// wait puts the conversation into its queue, where everyone is offered it unless
// the queue's settings say otherwise.
func (c *Conversation) wait(now time.Time) {
	if c.Status != StatusWaiting {
		c.WaitingSince = now
	}
	c.offer(Everyone, time.Time{})
	c.Status, c.Archived = StatusWaiting, false
	c.Owner, c.OwnerSince, c.LastOwner = 0, time.Time{}, 0
	c.SnoozedUntil = time.Time{}
}

// offer says to whom what waits is offered, and until when to them alone.
func (c *Conversation) offer(to Audience, till time.Time) {
	if to == Everyone {
		till = time.Time{}
	}
	c.Offered, c.OfferedTill = to, till
}

// give makes the agent its owner.
func (c *Conversation) give(agent ID, now time.Time) {
	if c.Owner != agent {
		c.OwnerSince = now
	}
	c.Status, c.Archived = StatusTaken, false
	c.Owner, c.LastOwner = agent, 0
	c.SnoozedUntil = time.Time{}
	c.offer(Everyone, time.Time{})
}

// close ends the work on it, dealt with by last or by nobody. What it is closed
// with counts as seen and answered: when the customer writes again, the count
// begins anew.
func (c *Conversation) close(last ID) {
	c.Status, c.Archived = StatusClosed, true
	c.Owner, c.OwnerSince, c.LastOwner = 0, time.Time{}, last
	c.SnoozedUntil = time.Time{}
	c.Unread, c.Unanswered, c.AnswerSince, c.Answered = 0, false, time.Time{}, true
	c.offer(Everyone, time.Time{})
}

// since stamps the state that follows before.
func (c Conversation) since(before Conversation, now time.Time) Conversation {
	if c.Status != before.Status || c.Owner != before.Owner || c.Queue != before.Queue || c.Archived != before.Archived {
		c.Epoch = before.Epoch + 1
	}
	c.UpdatedAt = now
	return c
}
