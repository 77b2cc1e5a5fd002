package smppsim

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"smsbridge/smpp"
)

// Splitting is how a long text travels to the ESME.
type Splitting uint8

const (
	SplitUDH     Splitting = iota // in parts with a header of an 8-bit reference
	SplitUDH16                    // in parts with a header of a 16-bit reference
	SplitSAR                      // in parts with SAR parameters (SMPP 3.4 §5.3.2.22)
	SplitPayload                  // whole, in message_payload
)

// splittings are the words for the constants, in their order.
var splittings = [...]string{"udh", "udh16", "sar", "payload"}

// String returns the word that ParseSplitting reads.
func (s Splitting) String() string { return splittings[s] }

// ParseSplitting reads udh, udh16, sar or payload.
func ParseSplitting(word string) (Splitting, error) {
	if i := slices.Index(splittings[:], word); i >= 0 {
		return Splitting(i), nil
	}
	return 0, fmt.Errorf("%q is no way to split: %s", word, strings.Join(splittings[:], ", "))
}

// header is how many octets the header of a part has.
func (s Splitting) header() int {
	switch s {
	case SplitUDH:
		return 6
	case SplitUDH16:
		return 7
	}
	return 0
}

// part is how many octets of user data a part has, septets counted one an octet
// (3GPP TS 23.040 §9.2.3.24). An SMSC that sends SAR parameters had a header from
// the air.
func (s Splitting) part(septets bool) int {
	header := s.header()
	if header == 0 {
		header = SplitUDH.header()
	}
	octets := octetsSingle - header
	if septets {
		return octets * 8 / 7
	}
	return octets &^ 1 // whole units of UCS-2
}

// style is how texts are written to an account.
type style struct {
	zero      smpp.Alphabet
	splitting Splitting
}

// style returns what an account's script says. mu is held.
func (a *account) style() style {
	d := &a.play.Deliver
	zero := d.DataCoding0
	if zero == "" {
		zero = a.play.Submit.DataCoding0
	}
	return style{zero, d.Split}
}

// compose makes the messages of payloads, which have no headers. A text of one part
// gets none.
func compose(from, to string, dataCoding uint8, payloads [][]byte, how Splitting, reference uint16) (messages []*smpp.ShortMessage) {
	for i, payload := range payloads {
		m := &smpp.ShortMessage{Source: addressOf(from), Dest: addressOf(to), DataCoding: dataCoding, Message: payload}
		if len(payloads) > 1 {
			how.mark(m, reference, len(payloads), i+1)
		} else if how == SplitPayload {
			m.TLVs = smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: payload}}
		}
		messages = append(messages, m)
	}
	return messages
}

// mark says in m which part it is. What is never split is marked by a header.
func (s Splitting) mark(m *smpp.ShortMessage, reference uint16, total, number int) {
	switch s {
	case SplitSAR:
		m.TLVs = smpp.TLVs{
			{Tag: smpp.TagSARMsgRefNum, Value: binary.BigEndian.AppendUint16(nil, reference)},
			{Tag: smpp.TagSARTotalSegments, Value: []byte{uint8(total)}},
			{Tag: smpp.TagSARSegmentSeqnum, Value: []byte{uint8(number)}},
		}
	case SplitUDH16:
		m.ESMClass = esmUDHI
		m.Message = append([]byte{6, 8, 4, uint8(reference >> 8), uint8(reference), uint8(total), uint8(number)}, m.Message...)
	default:
		m.ESMClass = esmUDHI
		m.Message = concatenated(uint8(reference), total, number, m.Message)
	}
}

// echo is a text that comes back to whoever sent it.
type echo struct {
	from, to string
	text     string // empty where the octets are no text
	coding   uint8  // data_coding of octets that are none
	payload  []byte
}

// owns says whether an address is among the account's Numbers, with or without
// "+".
func (a *account) owns(address string) bool {
	digits := strings.TrimPrefix(address, "+")
	return slices.ContainsFunc(a.Numbers, func(n string) bool { return strings.TrimPrefix(n, "+") == digits })
}

// sendEcho owes an account a text of its own. mu is held.
func (s *SMSC) sendEcho(a *account, e *echo) {
	how := a.style()
	payloads, dataCoding := [][]byte{e.payload}, e.coding
	if e.text != "" || len(e.payload) == 0 {
		payloads, dataCoding = s.alphabet.split(e.text, how)
	} else if len(e.payload) > octetsSingle {
		payloads = cut(e.payload, how.splitting.part(false), false, false)
	}
	if a.owed+len(payloads) > s.spool {
		s.log.Warn("no room for an echo", "system_id", a.name)
		return
	}
	s.reference++
	for _, m := range compose(e.from, e.to, dataCoding, payloads, how.splitting, s.reference) {
		s.owe(a, &delivery{message: m})
	}
	s.feed(a)
}
