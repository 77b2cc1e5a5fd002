package gateway

import (
	"fmt"
	"time"
)

// Status is where a conversation stands. With Archived it makes the five states
// of docs/ARCHITECTURE.md: W waiting, T taken, TA taken and archived, C closed
// (always archived), D deleted.
type Status uint8

const (
	StatusNone Status = iota // there is no conversation
	StatusWaiting
	StatusTaken
	StatusClosed
	StatusDeleted
)

var statusWords = [...]string{"", "waiting", "taken", "closed", "deleted"}

// String returns the word that the API and metrics use, "" for StatusNone.
func (s Status) String() string {
	if int(s) >= len(statusWords) {
		return fmt.Sprintf("status(%d)", uint8(s))
	}
	return statusWords[s]
}

// Conversation is everything between one of our numbers and one customer. At
// most one that is not deleted exists for a (Number, Peer); it belongs to no
// carrier, so a number may move from one to another.
//
// It is a value: the methods that apply a rule return the state that follows
// and the events to record, or a *Refusal, and change nothing themselves.
type Conversation struct {
	ID           ID
	Number       string
	Peer         Address
	Queue        ID
	Status       Status
	Archived     bool
	Owner        ID        // set exactly while taken
	OwnerSince   time.Time // when Owner became it
	LastOwner    ID        // of a closed one: who dealt with it, or 0
	Epoch        int64     // rises with every change of Status, Owner, Queue or Archived, and by no other
	Unread       int       // texts since the owner last read, or while it waits all of them
	Unanswered   bool      // the customer's last text has had no answer from a person
	SnoozedUntil time.Time
	WaitingSince time.Time // when it last became waiting
	// While it waits: to whom it is offered, and until when to them alone; zero:
	// until it is taken.
	Offered     Audience
	OfferedTill time.Time
	// AnswerSince is since when the customer waits for an answer, while Unanswered.
	AnswerSince time.Time
	// BegunAt is when the customer's text came that began what it is about now: it
	// was new or closed then. Zero where one of ours began it. Answered says that a
	// person has answered since.
	BegunAt     time.Time
	Answered    bool
	Blocked     bool   // the customer is blocked
	OptedOut    bool   // the customer wants no texts from Number
	Contact     ID     // who the customer is known as, or 0
	ContactName string // as it was when this was read
	LastMessage ID
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// NewConversation returns the conversation that does not exist yet between a
// number of the given queue and a customer. Its status is StatusNone: Receive,
// or Act with ActStart or ActProgramText, makes it exist.
func NewConversation(id ID, number string, peer Address, queue ID) Conversation {
	return Conversation{ID: id, Number: number, Peer: peer, Queue: queue}
}

// View is the part of a conversation's state that decides who may see it. The
// zero View is seen by nobody.
type View struct {
	Queue  ID
	Status Status
	Owner  ID // the owner; of a closed conversation the last owner
	// Offered is to whom it is offered while it waits.
	Offered Audience
}

// View returns what decides who may see the conversation.
func (c Conversation) View() View {
	v := View{Queue: c.Queue, Status: c.Status}
	switch c.Status {
	case StatusWaiting:
		v.Offered = c.Offered
	case StatusTaken:
		v.Owner = c.Owner
	case StatusClosed:
		v.Owner = c.LastOwner
	}
	return v
}

// VisibleTo tells whether a may see the conversation whole. Programs and the
// daemon itself see all that exists; what a token is limited to is decided
// where tokens are known.
func (v View) VisibleTo(a Actor) bool {
	switch v.Status {
	case StatusWaiting, StatusTaken, StatusClosed:
	default:
		return false
	}
	if a.Kind != ActorPerson {
		return true
	}
	switch {
	case a.manages(v.Queue) || a.is(v.Owner):
		return true
	case v.Status == StatusWaiting:
		return a.belongsTo(v.Queue) && v.Offered.Includes(a.ID)
	case v.Status == StatusTaken:
		return a.Reads[v.Queue] && a.belongsTo(v.Queue)
	}
	return false
}

// ChangeableBy tells whether a may do more than read a conversation in sight:
// what is taken is its owner's and the managers'.
func (v View) ChangeableBy(a Actor) bool {
	if !v.VisibleTo(a) || a.Kind != ActorPerson {
		return v.VisibleTo(a)
	}
	return v.Status != StatusTaken || a.manages(v.Queue) || a.is(v.Owner)
}

// ManagedBy tells whether a is a manager of the conversation's queue or a
// system owner.
func (c Conversation) ManagedBy(a Actor) bool { return c.exists() && a.manages(c.Queue) }

// ActorKind tells people from programs and from the daemon itself.
type ActorKind uint8

const (
	ActorPerson ActorKind = iota
	ActorProgram
	ActorSystem
)

// Actor is who does something, with what they are at this moment.
type Actor struct {
	Kind        ActorKind
	ID          ID // of the person or the token
	Name        string
	Extension   string
	SystemOwner bool
	// Queues holds the queues the person is in, General always among them for
	// people; true where they manage it. Managing implies membership.
	Queues map[ID]bool
	// Reads holds those of Queues whose members may read what others have taken.
	Reads map[ID]bool
	// Of a program: the beginnings of the numbers that it may text (none: all),
	// and how many segments in a day (0: as many as the configuration lets it).
	AllowTo []string
	PerDay  int
}

// is tells whether the actor is the person with that ID.
func (a Actor) is(person ID) bool {
	return a.Kind == ActorPerson && person != 0 && a.ID == person
}

// manages tells whether the actor is a manager of the queue or a system owner.
func (a Actor) manages(queue ID) bool {
	return a.Kind == ActorPerson && (a.SystemOwner || a.Queues[queue])
}

// ManagesAny tells whether the actor is a manager of some queue or a system owner.
func (a Actor) ManagesAny() bool {
	if a.Kind != ActorPerson {
		return false
	}
	for _, manages := range a.Queues {
		if manages {
			return true
		}
	}
	return a.SystemOwner
}

// belongsTo tells whether the actor is a member or a manager of the queue, or
// a system owner.
func (a Actor) belongsTo(queue ID) bool {
	_, member := a.Queues[queue]
	return a.Kind == ActorPerson && (a.SystemOwner || member)
}

// Arrival is the kind of an inbound text, by which it moves a conversation.
type Arrival uint8

const (
	ArrivalText    Arrival = iota
	ArrivalKeyword         // STOP, START or HELP: shown, moves nothing
	ArrivalBlocked         // from a blocked customer: stored, shown to nobody at once
)

// ActionKind names what people do to a conversation, and what time does.
type ActionKind uint8

const (
	ActTake ActionKind = iota
	ActReply
	ActStart // a new conversation to a customer with whom one may exist
	ActProgramText
	ActTransfer
	ActRelease
	ActDealtWith
	ActArchive
	ActUnarchive
	ActDelete
	ActRead
	ActSnooze
	ActWake         // a snooze ends
	ActOwnerGone    // its owner was disabled
	ActOwnerAway    // its owner has been away too long
	ActSilence      // nothing was said for as long as its queue allows
	ActQueueDeleted // Queue is General
	ActAssign       // by its queue's strategy, or because the number is theirs, to Agent
	ActOffer        // while it waits, to Audience
)

// Action is one thing to be done to a conversation.
type Action struct {
	Kind  ActionKind
	Agent ID        // ActTransfer to an agent, ActAssign; ActStart: the person whose number it is
	Queue ID        // ActTransfer to a queue, ActQueueDeleted; ActStart: the number's queue, unless it is the conversation's
	Until time.Time // ActSnooze: one that is not in the future wakes; ActOffer: to them alone till then
	// Audience is to whom ActOffer offers it.
	Audience Audience
}

// UntilText is until when a conversation is snoozed that only the customer's
// next text is to wake.
var UntilText = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// EventType is the name of an event, as streams and webhooks show it.
type EventType string

const (
	EventMessageReceived EventType = "message.received"
	EventMessageSent     EventType = "message.sent"
	EventMessageTick     EventType = "message.tick"
	EventCreated         EventType = "conversation.created"
	EventTaken           EventType = "conversation.taken"
	EventReleased        EventType = "conversation.released"
	EventTransferred     EventType = "conversation.transferred"
	EventDealtWith       EventType = "conversation.dealt_with"
	EventArchived        EventType = "conversation.archived"
	EventUnarchived      EventType = "conversation.unarchived"
	EventReopened        EventType = "conversation.reopened"
	EventDeleted         EventType = "conversation.deleted"
	EventRead            EventType = "conversation.read"
	EventSnoozed         EventType = "conversation.snoozed"
	EventUnsnoozed       EventType = "conversation.unsnoozed"
	EventOffered         EventType = "conversation.offered" // to more of those whom it waits for
	EventUpdated         EventType = "conversation.updated" // the customer: contact, block, opt-out
	EventMessageUpdated  EventType = "message.updated"      // a text that was shown without all its parts is whole
	EventLimitReached    EventType = "limit.reached"        // By has sent as much as they may
	EventCarrierUp       EventType = "carrier.up"
	EventCarrierDown     EventType = "carrier.down"
)

// Event is one committed fact. Events are numbered in commit order, across
// processes.
type Event struct {
	Seq          int64
	Time         time.Time
	Type         EventType
	Before       View          // who could see it
	After        View          // who can see it
	Conversation *Conversation // as it was after this event; nil for carrier.* and limit.*
	Message      *Message      // of message.*
	By           ID            // who did it; 0 for customers and the system
	ByName       string
	Note         string // of a transfer: its note; of carrier.*: the error
	Carrier      string // of carrier.*
}
