package smpp

import "strings"

// State is what became of a message, by a message_state (SMPP 3.4 §5.2.28) or by
// the word of a receipt's text (appendix B).
type State uint8

const (
	StateUnrecognised State = iota // a word or number that means nothing here, or none
	StateEnroute
	StateDelivered
	StateExpired
	StateDeleted
	StateUndeliverable
	StateAccepted
	StateUnknown
	StateRejected
	StateSkipped // SMPP 5.0
)

var stateNames = [...]string{
	"unrecognised", "enroute", "delivered", "expired", "deleted", "undeliverable", "accepted", "unknown", "rejected", "skipped",
}

// String returns the state in one word, bounded, for logs and metrics.
func (s State) String() string { return stateNames[s] }

// stateWords are the words that carriers write, and what they abbreviate.
var stateWords = map[string]State{
	"ENROUTE": StateEnroute, "SCHEDUL": StateEnroute, "SCHEDULED": StateEnroute, "BUFFRED": StateEnroute, "BUFFERD": StateEnroute,
	"BUFFERE": StateEnroute, "BUFFERED": StateEnroute, "ACKED": StateEnroute, "QUEUED": StateEnroute,
	"DELIVRD": StateDelivered, "DELIVER": StateDelivered, "DELIVERED": StateDelivered, "DLVRD": StateDelivered, "READ": StateDelivered,
	"EXPIRED": StateExpired, "DELETED": StateDeleted, "CANCELD": StateDeleted,
	"UNDELIV": StateUndeliverable, "UNDELIVERABLE": StateUndeliverable, "FAILED": StateUndeliverable, "FAIL": StateUndeliverable,
	"NACK": StateUndeliverable, "ABSENT-SUB": StateUndeliverable, "HANDSET-ERR": StateUndeliverable,
	"HANDSET-BUSY": StateUndeliverable, "MOB-OFF": StateUndeliverable, "NET-ERR": StateUndeliverable,
	"MEMEXEC": StateUndeliverable, "INVALID-SUB": StateUndeliverable, "BARRED": StateUndeliverable,
	"ACCEPTD": StateAccepted, "ACCEPTE": StateAccepted, "ACCEPTED": StateAccepted, "UNKNOWN": StateUnknown,
	"REJECTD": StateRejected, "REJECTE": StateRejected, "REJECTED": StateRejected, "NOCRED": StateRejected, "SYSERR": StateRejected,
	"SERIES-BLK": StateRejected, "TL-NT-MTCHD": StateRejected, "SNDR-NT-REG": StateRejected,
	"DND_REJ": StateRejected, "SKIPPED": StateSkipped,
}

// ParseState reads the word of a receipt, upper case: as it is, or by its first
// seven letters, to which appendix B abbreviates. A number, which some carriers
// write, is no word.
func ParseState(word string) State {
	if s, ok := stateWords[word]; ok || len(word) <= 7 {
		return s
	}
	if strings.HasPrefix(word, "DELIVERY") { // of which some fail
		return StateUnrecognised
	}
	return stateWords[word[:7]]
}

// State returns what became of the message.
func (r *QueryResponse) State() State {
	s, _ := stateOf(uint32(r.MessageState))
	return s
}

// stateOf maps message_state; SCHEDULED (SMPP 5.0) is on its way.
func stateOf(messageState uint32) (State, bool) {
	switch {
	case messageState == 0:
		return StateEnroute, true
	case messageState <= 9:
		return State(messageState), true
	}
	return StateUnrecognised, false
}
