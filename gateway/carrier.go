package gateway

import (
	"context"
	"time"
)

// Carrier is an SMPP account or a modem, as the router sees it.
type Carrier interface {
	// Run keeps the carrier connected until ctx ends, and reports everything
	// into out in the order in which it happened. It closes nothing it was
	// given. When it returns, each submission it took has had its result.
	Run(ctx context.Context, out *Stream) error
	// Submit takes submissions to send in this order and reports a result for
	// each. It never blocks. It takes as many as Room said, no more: the number
	// taken is returned, and what was not taken is certainly unsent.
	Submit([]Submission) int
	// Room is how many submissions Submit would take now, and Window how many
	// can be on the wire at once. Room is 0 while there is no connection. Once it
	// has grown to half a window, the carrier says so (Stream.Grew).
	Room() (room, window int)
}

// Submission is one segment on its way to a carrier.
type Submission struct {
	Segment  ID
	Attempt  int
	Parts    int // segments of its message
	From     Address
	To       Address
	Encoding Encoding
	UDH      bool
	Payload  []byte    // not changed by anyone after Submit
	Expires  time.Time // it is never sent then or later; zero: whenever
	Flash    bool      // shown at once, and not kept by the telephone (message class 0)
	TLVs     []TLV     // of this message, beside the carrier's own
}

// TLV is an optional parameter that whoever sends a text wants with it (SMPP
// 3.4 §5.3): an authority's registration numbers, for instance.
type TLV struct {
	Tag   uint16
	Value []byte
}

// Outcome is what became of a submission.
type Outcome uint8

const (
	OutcomeAccepted  Outcome = iota // Reference is the carrier's, perhaps empty
	OutcomeRejected                 // for good
	OutcomeRetry                    // refused for now: an attempt, to be repeated after RetryAfter
	OutcomeThrottled                // refused for now for want of capacity or credit: not an attempt. The carrier makes no room until it is to be tried again
	OutcomeUncertain                // perhaps accepted, perhaps not: nobody knows
	OutcomeUnsent                   // certainly not given to the carrier
)

// AckStatus answers what a carrier delivered.
type AckStatus uint8

const (
	AckOK        AckStatus = iota // committed: never deliver it again
	AckTemporary                  // not kept: deliver it again later
)

// ReportKind tells the fields of a Report that are set.
type ReportKind uint8

const (
	ReportResult  ReportKind = iota // Segment, Attempt, Outcome, Reference, Code, Text, RetryAfter, Limit
	ReportReceipt                   // Receipt, Ack
	ReportInbound                   // Inbound, Ack
	ReportBroken                    // Inbound.Raw, Text, Ack: what could not be decoded, and why, to be quarantined
	ReportState                     // State, Text
	ReportCall                      // Inbound.From and .To: somebody rang
)

// Report is one thing that happened at a carrier.
type Report struct {
	Kind       ReportKind
	At         time.Time
	Segment    ID
	Attempt    int
	Outcome    Outcome
	Reference  string
	Code       string // "ESME_RINVDSTADR", "CMS 38": bounded, a metric's label
	Text       string // Code in words for a person
	RetryAfter time.Duration
	Limit      int // of OutcomeRetry: attempts after which it has failed; 0: the usual number
	Receipt    *Receipt
	Inbound    *Inbound
	State      CarrierState
	// Link is the connection that this came from, where there are several.
	Link ID
	// Ack answers the carrier on that connection, and does nothing once it is
	// gone. With more set, the answer may wait for the next Ack of the same Link,
	// which must follow at once. written, unless nil, is called once the answer was handed to the
	// kernel, from another goroutine; it must not block.
	Ack func(status AckStatus, more bool, written func())
}

// CarrierState is the state of a carrier's connection.
type CarrierState uint8

const (
	CarrierConnecting CarrierState = iota
	CarrierUp
	CarrierDown    // no connection; it is being tried again
	CarrierRefused // the carrier does not accept our credentials
	CarrierPaused  // by a person
	CarrierHeld    // connected, and refuses texts until somebody acts: there is no credit
)

var carrierStates = [...]string{"connecting", "up", "down", "refused", "paused", "held"}

// String returns the word that the API and metrics use.
func (s CarrierState) String() string { return carrierStates[s] }

// Stream carries the reports of one carrier to the one goroutine that applies
// them. It is bounded: a carrier that finds it full answers queue-full to what
// it was delivered (Offer), and only what it was itself asked for may wait
// (Put): that is never more than what it was given to submit.
type Stream struct {
	c       chan Report
	reserve int
	room    chan struct{}
}

// NewStream makes a stream for up to size offered reports, with room beside
// them for reserve results.
func NewStream(size, reserve int) *Stream {
	return &Stream{c: make(chan Report, size+reserve), reserve: reserve, room: make(chan struct{}, 1)}
}

// Grew says that the carrier has room for more. It never blocks.
func (s *Stream) Grew() {
	select {
	case s.room <- struct{}{}:
	default:
	}
}

// Room is read by the goroutine that gives the carrier more. It does not wait
// for the reports before it to be applied.
func (s *Stream) Room() <-chan struct{} { return s.room }

// Offer adds a report, or says that the stream is full.
func (s *Stream) Offer(r Report) bool {
	if len(s.c) >= cap(s.c)-s.reserve {
		return false
	}
	select {
	case s.c <- r:
		return true
	default:
		return false
	}
}

// Put adds a report, waiting for room if it must.
func (s *Stream) Put(r Report) { s.c <- r }

// Reports is read by the applying goroutine alone.
func (s *Stream) Reports() <-chan Report { return s.c }
