package gsm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/warthog618/sms/encoding/gsm7"
)

// Coding is how user data is to be read.
type Coding uint8

const (
	GSM7   Coding = iota // septets, one an octet
	UCS2                 // UTF-16BE
	Binary               // not text
)

// Header is a user data header (3GPP TS 23.040 §9.2.3.24). Of an element that
// is repeated, the last counts.
type Header struct {
	Concat               *Concat // nil: the message has one part
	DestPort, SourcePort uint16
	HasPorts             bool
	Locking, Single      uint8     // national language tables (TS 23.038 §6.2.1.2.4), 0 for the default
	Unknown              []Element // those that mean nothing here, or nothing at all
}

// Element is an information element that is passed on as it came.
type Element struct {
	ID   uint8
	Data []byte
}

// Concat says which part of a message this is (TS 23.040 §9.2.3.24.1 and .8).
type Concat struct {
	Reference     uint16
	Wide          bool // a 16-bit reference; 8-bit references are another space
	Total, Number uint8
}

// Information elements (TS 23.040 §9.2.3.24).
const (
	elementConcat8  = 0x00
	elementPorts8   = 0x04
	elementPorts16  = 0x05
	elementConcat16 = 0x08
	elementSingle   = 0x24
	elementLocking  = 0x25
)

// parseHeader reads information elements, without the length before them. If
// the last runs past the end, "the whole User Data Header shall be ignored"
// (TS 23.040 §9.2.3.24).
func parseHeader(elements []byte) Header {
	var h Header
	for r := (octetReader{rest: elements}); len(r.rest) > 0; {
		id := r.next()
		data := r.take(int(r.next()))
		if r.short {
			return Header{}
		}
		if !h.set(id, data) {
			h.Unknown = append(h.Unknown, Element{id, data})
		}
	}
	return h
}

// set takes an element in. False is of one that is not known or breaks its
// rules, and is ignored: a part 0, or one beyond the last, is of no message.
func (h *Header) set(id uint8, data []byte) bool {
	var c Concat
	switch {
	case id == elementConcat8 && len(data) == 3:
		c = Concat{Reference: uint16(data[0]), Total: data[1], Number: data[2]}
	case id == elementConcat16 && len(data) == 4:
		c = Concat{Reference: binary.BigEndian.Uint16(data), Wide: true, Total: data[2], Number: data[3]}
	case id == elementPorts8 && len(data) == 2:
		h.DestPort, h.SourcePort, h.HasPorts = uint16(data[0]), uint16(data[1]), true
		return true
	case id == elementPorts16 && len(data) == 4:
		h.DestPort, h.SourcePort = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		h.HasPorts = true
		return true
	case id == elementLocking && len(data) == 1:
		h.Locking = data[0]
		return true
	case id == elementSingle && len(data) == 1:
		h.Single = data[0]
		return true
	}
	if c.Number == 0 || c.Number > c.Total {
		return false
	}
	h.Concat = &c
	return true
}

// codingScheme is what a TP-DCS says (3GPP TS 23.038 §4).
type codingScheme struct {
	coding     Coding
	compressed bool // TS 23.042; nothing here reads it
	class      int8 // -1: none
	waiting    bool // of a mailbox that has messages, or has none any more
}

func parseDCS(dcs uint8) codingScheme {
	s := codingScheme{class: -1}
	switch {
	case dcs < 0x80: // 00xx and 01xx: general, and to be deleted once read
		s.coding = [4]Coding{GSM7, Binary, UCS2, GSM7}[dcs>>2&3]
		if s.compressed = dcs&0x20 != 0; s.compressed {
			s.coding = Binary
		}
		if dcs&0x10 != 0 {
			s.class = int8(dcs & 3)
		}
	case dcs < 0xc0: // reserved: "to be assumed the same as coding 0000 0000"
	case dcs < 0xe0:
		s.waiting = true
	case dcs < 0xf0:
		s.coding, s.waiting = UCS2, true
	default:
		s.class = int8(dcs & 3)
		if dcs&4 != 0 {
			s.coding = Binary
		}
	}
	return s
}

// The most that a TPDU has room for (TS 23.040 §9.2.3.24.1).
const (
	maxUserOctets  = 140
	maxUserSeptets = 160
)

// userData is what follows TP-DCS and times.
type userData struct {
	header []byte // with its length; nil without one
	data   []byte // septets one an octet, or octets
}

// readUserData reads TP-UDL and TP-UD. What follows is left: modems pad what
// they store.
func (r *octetReader) readUserData(scheme codingScheme, hasHeader bool) (userData, error) {
	length := int(r.next())
	if r.short {
		return userData{}, errors.New("there is no user data")
	}
	// Compressed septets are counted in octets (TS 23.040 §9.2.3.16).
	octets, septets := length, scheme.coding == GSM7
	if septets {
		octets = (length*7 + 7) / 8
	}
	if octets > maxUserOctets {
		return userData{}, fmt.Errorf("%d octets of user data, more than %d", octets, maxUserOctets)
	}
	ud := r.take(octets)
	if r.short {
		return userData{}, fmt.Errorf("%d octets of user data where %d are meant", len(ud), octets)
	}
	var u userData
	if hasHeader {
		if len(ud) == 0 || int(ud[0]) >= len(ud) {
			return userData{}, errors.New("the header is longer than the user data")
		}
		n := 1 + int(ud[0])
		u.header, ud = ud[:n], ud[n:]
	}
	if !septets {
		u.data = ud
		return u, nil
	}
	fill := fillBits(len(u.header))
	u.data = gsm7.Unpack7Bit(ud, fill)
	n := max(length-(len(u.header)*8+fill)/7, 0)
	u.data = u.data[:min(n, len(u.data))]
	return u, nil
}

// fillBits is how many bits follow a header of n octets before the first
// septet, which begins where one would begin without a header (TS 23.040
// §9.2.3.24).
func fillBits(n int) int {
	return (7 - n%7) % 7
}

// encodeUserData returns TP-UDL and TP-UD of a payload whose first octets are
// the header.
func encodeUserData(coding Coding, payload []byte, header int) ([]byte, error) {
	data := payload[header:]
	length := len(payload)
	if coding == GSM7 {
		for _, s := range data {
			if s > 0x7f {
				return nil, fmt.Errorf("0x%02x is no septet", s)
			}
		}
		// Of a header alone its whole septets are counted, so that no more
		// octets are than it has.
		length = header * 8 / 7
		if len(data) > 0 {
			length = len(data) + (header*8+fillBits(header))/7
			data = gsm7.Pack7Bit(data, fillBits(header))
		}
	}
	if n := header + len(data); n > maxUserOctets || coding == GSM7 && length > maxUserSeptets {
		return nil, fmt.Errorf("%d octets of user data, more than %d", n, maxUserOctets)
	}
	ud := append(make([]byte, 0, 1+header+len(data)), byte(length))
	return append(append(ud, payload[:header]...), data...), nil
}

// octetReader takes octets from the front. What is not there reads as nothing,
// and short says so.
type octetReader struct {
	rest  []byte
	short bool
}

func (r *octetReader) next() byte {
	b := r.take(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *octetReader) take(n int) []byte {
	if n > len(r.rest) {
		n, r.short = len(r.rest), true
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}
