package gateway

import "time"

// Receipt is what a carrier says of a segment that it accepted earlier.
type Receipt struct {
	Reference    string // as the carrier wrote it in this receipt
	Tick         Tick   // TickNone where the word is not recognised: it changes nothing
	Word         string // "DELIVRD", as it came, upper case
	Err          string // the carrier's error code as a string, never a number
	Intermediate bool   // never final, whatever the word (SMPP 3.4 §5.2.12)
	Peer         Address
	DoneAt       time.Time // by the carrier's clock; zero if absent
	At           time.Time // when it reached us
	Raw          string    // the text, for people
	Meaning      string    // Err as a sentence for people, where the configuration has one
	// UserReference is the user_message_reference that came back with it (SMPP
	// 3.4 §5.3.2.17), or 0: UserReference of the segment that is meant.
	UserReference uint16
	NoCredit      bool // the carrier refused it for lack of credit
}

// UserReference is the user_message_reference that a segment is submitted
// with, never 0. It tells the few that are out to one customer apart.
func UserReference(segment ID) uint16 {
	h := uint64(segment) * 0x9E3779B97F4A7C15
	return uint16(h>>48) | 1
}

// Form is a name under which a carrier may have accepted what a receipt calls
// otherwise, and how that is derived: "raw", "case", "zeros", "hex-to-decimal"
// and "decimal-to-hex" are all there are.
type Form struct {
	Reference string
	By        string
}

// Fragment says which part of a concatenated text a payload is
// (3GPP TS 23.040 §9.2.3.24.1 and .8, or the SAR TLVs of SMPP 3.4 §5.3.2.22).
type Fragment struct {
	Reference uint16
	Wide      bool // a 16-bit reference; 8-bit references are another space
	Total     uint8
	Number    uint8 // from 1
}

// Coding is how an inbound payload's user data is to be read.
type Coding uint8

const (
	CodingGSM7   Coding = iota // unpacked septets, one an octet
	CodingUCS2                 // UTF-16BE
	CodingBinary               // not text
	CodingLatin1               // ISO-8859-1
	CodingASCII
	CodingISO8859_5 // Cyrillic
	CodingISO8859_8 // Hebrew
)

// Shift names the national language tables of a text in GSM 7 bit (3GPP TS
// 23.038 §6.2.1.2.4); 0 is the default alphabet and its extension.
type Shift struct {
	Locking, Single uint8
}

// Inbound is one text, or one part of one, as a carrier delivered it.
type Inbound struct {
	From     Address
	To       string    // the address that the customer texted, as configured or as it came
	Fragment *Fragment // nil for a text of one part
	Coding   Coding
	Shift    Shift
	Port     uint16 // the application that it is addressed to (TS 23.040 §9.2.3.24.3 and .4), or 0
	Payload  []byte // user data without the header
	Raw      []byte // all that came, for quarantine; owned by the receiver
	// Maybe is set where this reads like a receipt and nothing marks it as one: it
	// is, if its reference is known.
	Maybe *Receipt
	// Fingerprint identifies what came but for its sequence number, for the
	// redelivery rule. Session is the session it came on, never used twice. Alive
	// tells whether another one still lives: what that one brought before is not
	// delivered again, only the same. Nil: there is one at a time.
	Fingerprint [16]byte
	Session     ID
	Alive       func(session ID) bool
	At          time.Time
}
