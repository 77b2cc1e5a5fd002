package gateway

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// inbox models what the router and the store do with conversations: for each
// number and peer at most one that is not deleted.
type inbox struct {
	t       *rapid.T
	now     time.Time
	lastID  ID
	live    map[inboxKey]Conversation
	deleted []Conversation
}

type inboxKey struct {
	number string
	peer   Address
}

var inboxActors = []Actor{
	{ID: memberM, Queues: map[ID]bool{testQueue: false}},
	{ID: 21, Queues: map[ID]bool{testQueue: false, otherQueue: false}},
	{ID: managerG, Queues: map[ID]bool{testQueue: true, otherQueue: false}},
	{ID: 22, Queues: map[ID]bool{otherQueue: true}},
	{ID: ownerS, SystemOwner: true},
	{ID: strangeX},
	{Kind: ActorProgram, ID: 30},
	{Kind: ActorSystem},
}

func (in *inbox) nextID() ID {
	in.lastID += 1 << SegmentBits
	return in.lastID
}

func (in *inbox) load(key inboxKey) Conversation {
	if c, ok := in.live[key]; ok {
		return c
	}
	return NewConversation(in.nextID(), key.number, key.peer, testQueue)
}

// save stores a step as the router would, after checking it.
func (in *inbox) save(key inboxKey, before, after Conversation) {
	checkStep(in.t, before, after)
	if after.ID != before.ID || after.Number != key.number || after.Peer != key.peer {
		in.t.Errorf("identity changed: %+v to %+v", before, after)
	}
	switch after.Status {
	case StatusNone:
		if after != before {
			in.t.Errorf("%+v changed without coming to exist: %+v", before, after)
		}
	case StatusDeleted:
		delete(in.live, key)
		in.deleted = append(in.deleted, after)
	default:
		in.live[key] = after
	}
}

func TestConversationInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := &inbox{t: t, now: epoch0, live: map[inboxKey]Conversation{}}
		t.Repeat(map[string]func(*rapid.T){
			"receive": in.receive,
			"act":     in.act,
			"old":     in.actOnDeleted,
		})
	})
}

func drawKey(t *rapid.T) inboxKey {
	return inboxKey{
		number: rapid.SampledFrom([]string{"+12602058900", "55500"}).Draw(t, "number"),
		peer: rapid.SampledFrom([]Address{
			{AddressE164, "+12602058901"},
			{AddressShort, "12602"},
		}).Draw(t, "peer"),
	}
}

func (in *inbox) tick() {
	in.now = in.now.Add(time.Minute)
}

func (in *inbox) receive(t *rapid.T) {
	in.t = t
	in.tick()
	key := drawKey(t)
	kind := rapid.SampledFrom([]Arrival{ArrivalText, ArrivalText, ArrivalKeyword, ArrivalBlocked}).Draw(t, "kind")
	before := in.load(key)
	after, events := before.Receive(kind, testQueue, in.now)
	in.save(key, before, after)

	if kind == ArrivalText {
		if after.Status != StatusWaiting && after.Status != StatusTaken || after.Archived {
			t.Errorf("a text left %+v", after)
		}
		if after.Unread != before.Unread+1 || !after.Unanswered || !after.SnoozedUntil.IsZero() {
			t.Errorf("a text was not noticed: %+v", after)
		}
		if before.Status == StatusTaken && after.Owner != before.Owner {
			t.Errorf("a text took the conversation from its owner: %+v", after)
		}
	} else if before.Status != StatusNone && before.View() != after.View() {
		t.Errorf("arrival %d moved %+v to %+v", kind, before, after)
	}
	if kind == ArrivalBlocked && events != nil {
		t.Errorf("a blocked customer was noticed: %v", events)
	}
}

func (in *inbox) act(t *rapid.T) {
	in.t = t
	in.tick()
	key := drawKey(t)
	before := in.load(key)
	by := rapid.SampledFrom(inboxActors).Draw(t, "by")
	a := Action{Kind: ActionKind(rapid.IntRange(int(ActTake), int(ActAssign)).Draw(t, "action"))}
	switch a.Kind {
	case ActTransfer, ActAssign:
		if rapid.Bool().Draw(t, "to agent") {
			a.Agent = rapid.SampledFrom([]ID{memberM, managerG, 21, 22}).Draw(t, "agent")
		} else {
			a.Queue = rapid.SampledFrom([]ID{testQueue, otherQueue}).Draw(t, "queue")
		}
	case ActSnooze:
		a.Until = in.now.Add(time.Hour)
	case ActQueueDeleted:
		a.Queue = general
	}
	after, events, err := before.Act(a, by, in.now)
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || after != before || events != nil {
			t.Errorf("action %d: refused with %v, events %v, %+v", a.Kind, err, events, after)
		}
		if r.Code == AlreadyTaken && r.Owner == by.ID {
			t.Errorf("%d was refused what they have", by.ID)
		}
		return
	}
	if (events == nil) != (after == before) {
		t.Errorf("action %d: events %v though %+v became %+v", a.Kind, events, before, after)
	}
	in.save(key, before, after)

	if by.Kind == ActorPerson && len(events) > 0 && events[0] == EventMessageSent {
		if after.Status != StatusTaken || after.Owner != by.ID || after.Unanswered {
			t.Errorf("%d wrote into %+v", by.ID, after)
		}
		if before.Status == StatusTaken && before.Owner != by.ID {
			t.Errorf("%d wrote over the owner of %+v", by.ID, before)
		}
	}
	if a.Kind == ActProgramText && before.Status != StatusNone && before.View() != after.View() {
		t.Errorf("a program's text moved %+v to %+v", before, after)
	}
	if by.Kind == ActorPerson && before.Status != StatusNone && len(events) > 0 &&
		a.Kind != ActStart && !before.View().VisibleTo(by) {
		t.Errorf("%d changed what they could not see: %+v to %+v", by.ID, before, after)
	}
}

// actOnDeleted shows that a deleted conversation never comes back.
func (in *inbox) actOnDeleted(t *rapid.T) {
	if len(in.deleted) == 0 {
		return
	}
	before := rapid.SampledFrom(in.deleted).Draw(t, "deleted")
	by := rapid.SampledFrom(inboxActors).Draw(t, "by")
	kind := ActionKind(rapid.IntRange(int(ActTake), int(ActAssign)).Draw(t, "action"))
	after, _, err := before.Act(Action{Kind: kind, Agent: memberM, Queue: otherQueue}, by, in.now)
	if err == nil && after != before && after.ID != 0 {
		t.Errorf("action %d brought back %+v", kind, after)
	}
	if before.View().VisibleTo(by) {
		t.Errorf("%+v is still visible", before)
	}
}
