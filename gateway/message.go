package gateway

import (
	"fmt"
	"time"
)

// Direction tells whether a message came in from a customer or goes out.
type Direction uint8

const (
	In Direction = iota
	Out
)

var directionWords = [...]string{"in", "out"}

// String returns the word that the API uses.
func (d Direction) String() string {
	if int(d) >= len(directionWords) {
		return fmt.Sprintf("direction(%d)", uint8(d))
	}
	return directionWords[d]
}

// MessageKind tells a text from the lines that only agents see.
type MessageKind uint8

const (
	KindText   MessageKind = iota
	KindSystem             // "taken by Ana", written by the router
	KindNote               // an agent's remark, never sent
)

var messageKindWords = [...]string{"text", "system", "note"}

// String returns the word that the API uses.
func (k MessageKind) String() string {
	if int(k) >= len(messageKindWords) {
		return fmt.Sprintf("kind(%d)", uint8(k))
	}
	return messageKindWords[k]
}

// Encoding is how a message travels.
type Encoding uint8

const (
	EncodingGSM7   Encoding = iota // GSM 7 bit default alphabet, 3GPP TS 23.038 §6.2.1
	EncodingUCS2                   // UTF-16BE in practice, surrogates included
	EncodingBinary                 // 8-bit data; no text
	EncodingLatin1                 // ISO-8859-1, where that is a carrier's default alphabet
	EncodingASCII                  // where that is
)

var encodingWords = [...]string{"gsm7", "ucs2", "binary", "latin1", "ascii"}

// String returns the word that the API uses.
func (e Encoding) String() string {
	if int(e) >= len(encodingWords) {
		return fmt.Sprintf("encoding(%d)", uint8(e))
	}
	return encodingWords[e]
}

// Lane orders what waits for a carrier: what people write comes before what
// programs send.
type Lane uint8

const (
	LanePeople Lane = iota
	LanePrograms
)

// Message is one text as a person sees it.
type Message struct {
	ID           ID
	Conversation ID
	Kind         MessageKind
	Direction    Direction
	Number       string  // ours
	Peer         Address // the customer's
	Text         string
	Encoding     Encoding
	Segments     int
	Tick         Tick      // of outgoing texts only
	Error        ErrorCode // why the tick is failed, expired or unknown; "" otherwise
	ErrorText    string    // for a person
	Carrier      string    // the carrier's configured name; "" while no route is known
	Lane         Lane
	Author       ID     // the person or token that wrote it; 0 for customers and the system
	AuthorName   string // as it was when written
	Reference    string // a program's own reference, returned as given
	CreatedAt    time.Time
	SentAt       time.Time // when the carrier accepted the last segment; zero before
	DeliveredAt  time.Time
	ExpiresAt    time.Time // a segment still queued then is expired, and never sent
	Extras
}

// Extras are what few messages have.
type Extras struct {
	Flash   bool   // shown at once, and not kept by the telephone (message class 0)
	TLVs    []TLV  // optional parameters of its own
	Data    []byte // of a binary message: its user data
	Missing int    // parts of an inbound text that have not come: it is shown without them
}

// Empty tells whether there is nothing of it.
func (x *Extras) Empty() bool {
	return !x.Flash && len(x.TLVs) == 0 && len(x.Data) == 0 && x.Missing == 0
}

// Segment is what a carrier transports: one SMS. Its Tick has the meanings of a
// message's, and a message's tick is the fold over its segments.
type Segment struct {
	ID       ID // its message's ID plus its index
	Carrier  string
	Tick     Tick
	Attempt  int  // submissions begun, the present one included
	Turn     bool // false while an earlier message of the conversation is out
	Lane     Lane
	NotUntil time.Time // back-off: not to be claimed before; of a sent one, when it is silent if not when its age says
	Term     int64     // of the lease under which it was claimed
	Payload  []byte    // user data header, if any, and user data
	UDH      bool      // Payload begins with a user data header
	Error    ErrorCode
}

// ErrorCode is why a message did not, or may not have, arrived: stable words
// that the API shows.
type ErrorCode string

const (
	ErrUncertain ErrorCode = "uncertain"  // it may never have left
	ErrNoReceipt ErrorCode = "no_receipt" // it left, and nothing was heard
	ErrNoRoute   ErrorCode = "no_route"   // no carrier serves the number
	ErrRejected  ErrorCode = "rejected"   // the carrier refused it
	ErrUndeliv   ErrorCode = "undelivered"
	ErrExpired   ErrorCode = "expired"
	ErrCancelled ErrorCode = "cancelled"
	ErrOptedOut  ErrorCode = "opted_out"
	ErrBlocked   ErrorCode = "blocked"
)
