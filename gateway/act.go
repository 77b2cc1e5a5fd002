package gateway

import "time"

// Act applies an action, and returns the state that follows and the events to
// record, that of the action itself first. What changes nothing returns c
// itself, no events and no error. What the rules do not allow returns c and a
// *Refusal.
//
// ActWake by its time, and the actions from ActOwnerGone on, are the daemon's
// (ActorSystem); they find a conversation that has moved on unchanged. The
// caller has checked that Agent exists and may own a conversation.
//
// A deleted conversation stays deleted: what ActStart and ActProgramText then
// begin is another one, whose ID is 0 until the caller gives it one.
func (c Conversation) Act(a Action, by Actor, now time.Time) (Conversation, []EventType, error) {
	switch a.Kind {
	case ActStart:
		return c.start(a, by, now)
	case ActProgramText:
		return c.programText(a, by, now)
	}
	if !c.exists() {
		if by.Kind == ActorSystem {
			return c.same()
		}
		return c, nil, c.notFound()
	}
	switch a.Kind {
	case ActTake:
		return c.take(by, now)
	case ActReply:
		return c.reply(by, now)
	}
	if !c.View().VisibleTo(by) {
		return c, nil, c.notFound()
	}
	if a.Kind.automatic() {
		if by.Kind != ActorSystem {
			return c, nil, &Refusal{Code: Forbidden, Text: "Only the gateway itself does this."}
		}
		return c.automatic(a, now)
	}
	if !c.View().ChangeableBy(by) {
		return c, nil, c.notOwner("")
	}
	switch a.Kind {
	case ActTransfer:
		return c.transfer(a, now)
	case ActRelease:
		return c.release(now)
	case ActDealtWith:
		return c.dealtWith(by, now)
	case ActDelete:
		return c.delete(now)
	case ActArchive:
		return c.archive(by, now)
	case ActUnarchive:
		return c.unarchive(by, now)
	case ActRead:
		return c.read(by)
	case ActSnooze:
		if !a.Until.After(now) {
			return c.wake(by, now)
		}
		return c.snooze(a.Until, by, now)
	case ActWake:
		return c.wake(by, now)
	}
	return c, nil, &Refusal{Code: Forbidden, Text: "There is no such action."}
}

// automatic tells what only the daemon does.
func (k ActionKind) automatic() bool {
	switch k {
	case ActOwnerGone, ActOwnerAway, ActSilence, ActQueueDeleted, ActAssign, ActOffer:
		return true
	}
	return false
}

// changed is the result of an action that led to next.
func (c Conversation) changed(next Conversation, now time.Time, events ...EventType) (Conversation, []EventType, error) {
	return next.since(c, now), events, nil
}

// same is the result of an action that changes nothing.
func (c Conversation) same() (Conversation, []EventType, error) { return c, nil, nil }

func (c Conversation) take(by Actor, now time.Time) (Conversation, []EventType, error) {
	if c.Status == StatusTaken && by.is(c.Owner) {
		return c.same()
	}
	if err := c.mayOwn(by, AlreadyTaken); err != nil {
		return c, nil, err
	}
	next, events := c, []EventType{EventTaken}
	next.give(by.ID, now)
	if c.Status == StatusClosed {
		events = append(events, EventReopened)
	}
	return c.changed(next, now, events...)
}

func (c Conversation) reply(by Actor, now time.Time) (Conversation, []EventType, error) {
	if c.Status == StatusTaken && by.is(c.Owner) {
		return c.write(by, now)
	}
	if err := c.mayOwn(by, OwnedByOther); err != nil {
		return c, nil, err
	}
	return c.write(by, now)
}

// write applies a text of somebody who owns the conversation or now comes to. What
// its owner has put off stays so: until its time or the customer's next text.
func (c Conversation) write(by Actor, now time.Time) (Conversation, []EventType, error) {
	next, events := c, []EventType{EventMessageSent}
	next.give(by.ID, now)
	if c.Status == StatusTaken && !c.Archived {
		next.SnoozedUntil = c.SnoozedUntil
	}
	next.Unanswered, next.AnswerSince, next.Answered = false, time.Time{}, true
	switch {
	case c.Status == StatusWaiting:
		events = append(events, EventTaken)
	case c.Status == StatusClosed:
		events = append(events, EventTaken, EventReopened)
	case c.Archived:
		events = append(events, EventUnarchived)
	}
	return c.changed(next, now, events...)
}

// start applies the text with which a person means to begin a conversation.
// Who is not of the number's queue is told so whether or not there is one.
func (c Conversation) start(a Action, by Actor, now time.Time) (Conversation, []EventType, error) {
	queue := a.Queue
	if queue == 0 {
		queue = c.Queue
	}
	switch {
	case c.Status == StatusTaken && by.is(c.Owner):
		return c.write(by, now)
	case by.Kind != ActorPerson:
		return c, nil, c.forbidden()
	case a.Agent != 0 && !by.is(a.Agent) && !by.manages(queue):
		return c, nil, &Refusal{Code: NumberNotOurs, Text: "This number belongs to somebody else."}
	case !by.belongsTo(queue) && !by.is(a.Agent):
		return c, nil, &Refusal{Code: NumberNotOurs, Text: "This number belongs to a queue that you are not in."}
	case c.Status == StatusTaken:
		return c, nil, c.owned(OwnedByOther)
	case c.exists():
		return c.write(by, now)
	}
	next := c.begin(queue, now)
	next.give(by.ID, now)
	next.Answered = true // there was nothing to answer
	return c.changed(next, now, EventMessageSent, EventCreated)
}

// programText applies a text of a program or an automatic one: it is nobody's
// answer, so it moves nothing, and what it begins is closed, so that a thousand
// reminders do not fill a queue.
func (c Conversation) programText(a Action, by Actor, now time.Time) (Conversation, []EventType, error) {
	if by.Kind == ActorPerson {
		return c, nil, c.notFound()
	}
	if c.exists() {
		return c.changed(c, now, EventMessageSent)
	}
	queue := a.Queue
	if queue == 0 {
		queue = c.Queue
	}
	next := c.begin(queue, now)
	next.close(0)
	return c.changed(next, now, EventMessageSent, EventCreated)
}

func (c Conversation) transfer(a Action, now time.Time) (Conversation, []EventType, error) {
	next := c
	switch {
	case a.Agent != 0:
		next.give(a.Agent, now)
	case a.Queue != 0 && a.Queue == c.Queue && c.Status == StatusWaiting:
		return c.same()
	case a.Queue != 0:
		next.Queue = a.Queue
		next.wait(now)
	default:
		return c, nil, &Refusal{Code: AgentUnavailable, Text: "Say to whom, or to which queue, to transfer it."}
	}
	if next.View() == c.View() && next.Archived == c.Archived {
		return c.same()
	}
	if c.Status == StatusClosed {
		return c.changed(next, now, EventTransferred, EventReopened)
	}
	return c.changed(next, now, EventTransferred)
}

func (c Conversation) release(now time.Time) (Conversation, []EventType, error) {
	switch c.Status {
	case StatusWaiting:
		return c.same()
	case StatusClosed:
		return c, nil, c.notOwner("It is closed: nobody has it.")
	}
	next := c
	next.wait(now)
	return c.changed(next, now, EventReleased)
}

func (c Conversation) dealtWith(by Actor, now time.Time) (Conversation, []EventType, error) {
	next := c
	switch {
	case c.Status == StatusClosed:
		return c.same()
	case c.Status == StatusTaken:
		next.close(c.Owner)
	case by.Kind == ActorPerson:
		next.close(by.ID)
	default:
		next.close(0)
	}
	return c.changed(next, now, EventDealtWith)
}

func (c Conversation) archive(by Actor, now time.Time) (Conversation, []EventType, error) {
	switch {
	case c.Archived:
		return c.same()
	case c.Status == StatusWaiting:
		return c, nil, c.notOwner("It is waiting: take it, or mark it as dealt with.")
	case !by.is(c.Owner):
		return c, nil, c.notOwner("")
	}
	next := c
	next.Archived, next.SnoozedUntil = true, time.Time{} // no clock takes it out again
	return c.changed(next, now, EventArchived)
}

func (c Conversation) unarchive(by Actor, now time.Time) (Conversation, []EventType, error) {
	next := c
	switch {
	case !c.Archived:
		return c.same()
	case c.Status == StatusClosed && by.Kind != ActorPerson:
		return c, nil, c.forbidden()
	case c.Status == StatusClosed:
		next.give(by.ID, now)
		return c.changed(next, now, EventReopened, EventTaken)
	case !by.is(c.Owner):
		return c, nil, c.notOwner("")
	}
	next.Archived = false
	return c.changed(next, now, EventUnarchived)
}

func (c Conversation) delete(now time.Time) (Conversation, []EventType, error) {
	if !c.Archived {
		return c, nil, &Refusal{Code: NotArchived, Text: "Only what is archived can be deleted."}
	}
	next := c
	next.close(0)
	next.Status = StatusDeleted
	return c.changed(next, now, EventDeleted)
}

func (c Conversation) read(by Actor) (Conversation, []EventType, error) {
	switch {
	case c.Status != StatusTaken:
		return c.same()
	case !by.is(c.Owner):
		return c, nil, c.notOwner("")
	case c.Unread == 0:
		return c.same()
	}
	next := c
	next.Unread = 0
	// Reading is no news: lists keep their order.
	return c.changed(next, c.UpdatedAt, EventRead)
}

func (c Conversation) snooze(until time.Time, by Actor, now time.Time) (Conversation, []EventType, error) {
	switch {
	case c.Status != StatusTaken:
		return c, nil, c.notOwner("Only the owner can snooze it: take it first.")
	case !by.is(c.Owner):
		return c, nil, c.notOwner("")
	case !c.Archived && c.SnoozedUntil.Equal(until):
		return c.same()
	}
	next := c
	next.Archived = false
	next.SnoozedUntil = until
	return c.changed(next, now, EventSnoozed)
}

// wake ends a snooze, by its owner or because its time has come.
func (c Conversation) wake(by Actor, now time.Time) (Conversation, []EventType, error) {
	switch {
	case by.Kind == ActorSystem:
	case c.Status != StatusTaken || !by.is(c.Owner):
		return c, nil, c.notOwner("")
	}
	if c.SnoozedUntil.IsZero() {
		return c.same()
	}
	next := c
	next.Archived = false
	next.SnoozedUntil = time.Time{}
	return c.changed(next, now, EventUnsnoozed)
}
