package smppsim

import (
	"fmt"
	"strings"
	"time"

	"smsbridge/smpp"
)

// Script says how an SMSC behaves. The zero value is a well-behaved one: it
// accepts everything, answers at once, and sends the receipts that are asked for.
// "Every n" counts the submits of one account since its script was set; 0 is
// never. Maps and functions of a Script that was handed over are not changed any
// more, and its functions may be called from several goroutines at once.
type Script struct {
	Bind    BindScript
	Submit  SubmitScript
	Receipt ReceiptScript
	Deliver DeliverScript
	Link    LinkScript
}

// BindScript is how binds are answered.
type BindScript struct {
	Status smpp.Status // any but ESME_ROK refuses every bind
	Delay  time.Duration
	// Outbind sends an outbind to whoever connects (SMPP 3.4 §2.2.1). The SMSC's own
	// script says so, for it is not known yet who that is.
	Outbind bool
}

// SubmitScript is how submit_sm and data_sm are answered. Where several rules
// apply to one, the first of this order does: DropBefore, ThrottleEvery,
// ThrottleAbove, NackEvery, ErrorEvery, ErrorTo, Window, UnbindEvery, DropAfter,
// SilentEvery. SilentEvery 1 is an SMSC that answers enquire_link alone.
type SubmitScript struct {
	Delay, Jitter time.Duration // of responses: Delay, and up to Jitter more
	ID            IDForm        // of the ids in responses
	Form          ResponseForm  // of responses that say ESME_ROK
	Doubled       bool          // each response is sent twice: the second answers nothing

	DropBefore    int                    // every n, the connection is dropped and the submit forgotten
	ThrottleEvery int                    // every n is answered ESME_RTHROTTLED
	ThrottleAbove float64                // so many a second, with bursts of as many
	NackEvery     int                    // every n is answered generic_nack, ESME_RINVCMDID
	ErrorEvery    int                    // every n is answered ErrorStatus
	ErrorStatus   smpp.Status            // ESME_RSUBMITFAIL when zero
	ErrorTo       map[string]smpp.Status // by the last digits of the destination; the longest match counts
	Window        int                    // unanswered submits a connection may have, ESME_RMSGQFUL beyond; 10,000 when zero
	UnbindEvery   int                    // every n is accepted, and unbind sent instead of a response
	DropAfter     int                    // every n is accepted, and the connection dropped instead of a response
	SilentEvery   int                    // every n is accepted and never answered

	// DataCoding0 is what data_coding 0 stands for, in both directions where Deliver
	// says nothing else; smpp.AlphabetGSM7 when empty.
	DataCoding0 smpp.Alphabet
}

// ReceiptScript is which delivery receipts are sent, and how.
type ReceiptScript struct {
	When          ReceiptMode
	Delay, Jitter time.Duration // after the response: Delay, and up to Jitter more
	// State is the final state as receipts spell it, DELIVRD when empty. StateTo
	// overrides it by the last digits of the destination, the longest match first.
	State   string
	StateTo map[string]string
	// StateOf replaces State and StateTo. It is called once for each submit, with the
	// digits of its destination, and returns "" for no final receipt.
	StateOf func(to string) string
	Err     string // the err field; 000 for delivered and on its way, else 001
	Enroute bool   // an intermediate notification (SMPP 3.4 §5.2.12) comes first
	Form    ReceiptForm
	ID      IDForm // of the ids in receipts; IDSame is that of responses
	Early   bool   // at once, and written before the response
	Doubled bool   // each is sent twice

	DataSM   bool // in data_sm instead of deliver_sm
	Payload  bool // the text is in message_payload
	UCS2     bool // the text is in UCS-2
	Unmarked bool // esm_class is 0, also of an intermediate notification
	// Elsewhere sends a receipt to another bind of the account than that of its
	// submit, where another receives.
	Elsewhere bool
	// Reversed sends receipts by so many, the latest first. Those of an incomplete
	// group wait for a second.
	Reversed int
}

// DeliverScript is how deliver_sm are sent.
type DeliverScript struct {
	Window int // unanswered ones a connection may have; 100 when zero
	// RetryAfter is when what was answered with a temporary error is sent again; a
	// second when zero.
	RetryAfter time.Duration
	// ResponseTimeout is how long an answer may take before the connection is
	// closed; a minute when zero.
	ResponseTimeout time.Duration
	Split           Splitting // of long texts
	// DataCoding0 is what an SMSC that is at odds with itself writes as data_coding 0;
	// what Submit has when empty.
	DataCoding0 smpp.Alphabet
	// Echo delivers a text for one of the account's own Numbers to the account, once
	// its last part is delivered as receipts tell it.
	Echo bool
}

// LinkScript is how connections are treated.
type LinkScript struct {
	EnquireLink time.Duration // interval of the SMSC's own enquire_link, from its first check within a second on; 0 is never
	SplitWrites int           // octets a write, so that PDUs arrive in pieces; 0 is all at once
	ReadRate    int           // octets a second that are read; 0 is all that come
	OddityEvery int           // every n submits, one of Oddities is sent before the answer, each in its turn
	Silent      bool          // bound connections are read, and neither answered nor written to
}

// ResponseForm is how the response to a submit is spoilt.
type ResponseForm uint8

const (
	ResponseWhole        ResponseForm = iota
	ResponseHeader                    // no body: the message has an id that its sender never learns
	ResponseEmpty                     // the id is empty
	ResponseUnterminated              // the id has no NUL
	ResponsePadded                    // NULs follow the body
)

// ReceiptMode is when receipts are sent.
type ReceiptMode uint8

const (
	ReceiptsAsked  ReceiptMode = iota // as registered_delivery says (SMPP 3.4 §5.2.17)
	ReceiptsAlways                    // also when nobody asked
	ReceiptsNever
)

// ReceiptForm is where a receipt says what it says.
type ReceiptForm uint8

const (
	ReceiptBoth ReceiptForm = iota // as text (SMPP 3.4 appendix B) and as optional parameters
	ReceiptText
	ReceiptTLVs // optional parameters alone; short_message is empty
)

// IDForm is how message ids are written. Every message has a number; the forms
// are ways to write it.
type IDForm uint8

const (
	IDSame     IDForm = iota // in receipts: as in responses. In responses: IDDecimal
	IDDecimal                // 268435455
	IDPadded                 // 0268435455: ten digits
	IDHex                    // fffffff
	IDHexUpper               // FFFFFFF
	IDUUID                   // 0fffffff-0000-4000-8000-00000fffffff
)

// idForms are the words for forms, in the order of the constants.
var idForms = [...]string{"same", "decimal", "padded", "hex", "HEX", "uuid"}

// String returns the word that ParseIDForm reads.
func (f IDForm) String() string { return idForms[f] }

// ParseIDForm reads same, decimal, padded, hex, HEX or uuid.
func ParseIDForm(word string) (IDForm, error) {
	for i, w := range idForms {
		if w == word {
			return IDForm(i), nil
		}
	}
	return 0, fmt.Errorf("%q is no form of ids: %s", word, strings.Join(idForms[:], ", "))
}

func (f IDForm) format(n uint64) string {
	switch f {
	case IDPadded:
		return fmt.Sprintf("%010d", n)
	case IDHex:
		return fmt.Sprintf("%x", n)
	case IDHexUpper:
		return fmt.Sprintf("%X", n)
	case IDUUID:
		return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(n), n)
	}
	return fmt.Sprintf("%d", n)
}

// receiptStates are the words that SMPP 3.4 appendix B knows, by message_state.
var receiptStates = map[string]uint8{
	"ENROUTE": 1, "DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8,
}

// Validate says what of a Script can never be meant.
func (sc *Script) Validate() error {
	for _, d := range []time.Duration{
		sc.Bind.Delay, sc.Submit.Delay, sc.Submit.Jitter, sc.Receipt.Delay, sc.Receipt.Jitter,
		sc.Deliver.RetryAfter, sc.Deliver.ResponseTimeout, sc.Link.EnquireLink,
	} {
		if d < 0 {
			return fmt.Errorf("negative duration %v", d)
		}
	}
	s := &sc.Submit
	for _, n := range []int{
		s.DropBefore, s.ThrottleEvery, s.NackEvery, s.ErrorEvery, s.Window, s.UnbindEvery, s.DropAfter, s.SilentEvery,
		sc.Receipt.Reversed, sc.Deliver.Window, sc.Link.SplitWrites, sc.Link.ReadRate, sc.Link.OddityEvery,
	} {
		if n < 0 {
			return fmt.Errorf("negative count %d", n)
		}
	}
	if s.ThrottleAbove < 0 {
		return fmt.Errorf("negative rate %v", s.ThrottleAbove)
	}
	if int(s.ID) >= len(idForms) || int(sc.Receipt.ID) >= len(idForms) {
		return fmt.Errorf("no such form of ids")
	}
	if s.Form > ResponsePadded {
		return fmt.Errorf("no such form of responses")
	}
	if sc.Deliver.Split > SplitPayload {
		return fmt.Errorf("no such way to split")
	}
	words := []string{sc.Receipt.State}
	for _, word := range sc.Receipt.StateTo {
		words = append(words, word)
	}
	for _, word := range words {
		if _, ok := receiptStates[word]; !ok && word != "" {
			return fmt.Errorf("%q is no final state of a receipt", word)
		}
	}
	return nil
}

func (d *DeliverScript) window() int { return orElse(d.Window, 100) }

func (d *DeliverScript) retryAfter() time.Duration { return orElse(d.RetryAfter, time.Second) }

func (d *DeliverScript) responseTimeout() time.Duration {
	return orElse(d.ResponseTimeout, time.Minute)
}

func orElse[T int | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// bySuffix returns the value of the longest key that to ends with.
func bySuffix[V any](rules map[string]V, to string) (value V, ok bool) {
	longest := -1
	for suffix, v := range rules {
		if len(suffix) > longest && strings.HasSuffix(to, suffix) {
			value, ok, longest = v, true, len(suffix)
		}
	}
	return value, ok
}
