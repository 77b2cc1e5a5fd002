package smpp

// Coding is how the octets of a text are to be read.
type Coding uint8

const (
	CodingGSM7      Coding = iota // septets of TS 23.038's default alphabet, one an octet
	CodingASCII                   // IA5
	CodingLatin1                  // ISO-8859-1
	CodingUCS2                    // UTF-16, big-endian unless it says otherwise
	CodingISO8859_5               // Cyrillic
	CodingISO8859_8               // Hebrew
	CodingBinary                  // not text, or in none of these
)

// CodingOf returns what data_coding means at a carrier whose default alphabet is
// zero (SMPP 3.4 §5.2.19). Values above the SMPP ones are read as TS 23.038 §4
// does: carriers pass the data coding scheme of the air on.
func CodingOf(dataCoding uint8, zero Alphabet) Coding {
	switch dataCoding {
	case 0x01:
		return CodingASCII
	case 0x03:
		return CodingLatin1
	case 0x06:
		return CodingISO8859_5
	case 0x07:
		return CodingISO8859_8
	case 0x08:
		return CodingUCS2
	case 0x02, 0x04, 0x05, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E:
		return CodingBinary // octets, pictograms and the alphabets of Japan and Korea
	}
	switch dataCoding >> 4 {
	case 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7: // general indication, with a class or deletion
		switch {
		case dataCoding&0x20 != 0: // compressed
			return CodingBinary
		case dataCoding&0x0C == 0x04:
			return CodingBinary
		case dataCoding&0x0C == 0x08:
			return CodingUCS2
		}
	case 0xE: // message waiting, stored, UCS-2
		return CodingUCS2
	case 0xF: // message class
		if dataCoding&0x04 != 0 {
			return CodingBinary
		}
	}
	switch zero {
	case AlphabetLatin1:
		return CodingLatin1
	case AlphabetASCII:
		return CodingASCII
	}
	return CodingGSM7
}

// Fragment says which part of a concatenated text this is.
type Fragment struct {
	Reference uint16
	Wide      bool // a 16-bit reference: another space than the 8-bit ones
	Total     uint8
	Number    uint8 // from 1
}

// Content is a message taken apart.
type Content struct {
	Header   []byte // the user data header with its length octet, or nil
	Payload  []byte // what follows it, unpacked where the carrier packs septets
	Coding   Coding
	Fragment *Fragment // nil for a text of one part
	// Port is the application that it is for (TS 23.040 §9.2.3.24.3 and .4, SMPP 3.4
	// §5.3.2.21), and 0 for people: 2948 is WAP push, for instance.
	Port uint16
	// The national language tables that the septets are read by (TS 23.040
	// §9.2.3.24.15 and .16), as TS 23.038 §6.2.1.2.4 numbers them; 0 is the default.
	SingleShift, LockingShift uint8
}

// esm_class bits (SMPP 3.4 §5.2.12).
const (
	esmUDHI        = 0x40
	esmType        = 0x3C
	esmReceipt     = 0x04
	esmAcknowledge = 0x08
	esmIntermed    = 0x20
)

// ReadContent takes m apart. A header whose lengths are false is text, as peers
// set the indicator without sending a header; and where they forget it, a header
// with a concatenation is known by its shape. What a header says comes before the
// optional parameters that say the same (SMPP 3.4 §5.3.2.22).
func ReadContent(m *ShortMessage, zero Alphabet) Content {
	c := Content{Payload: m.Message, Coding: CodingOf(m.DataCoding, zero)}
	h, ok := parseUDH(m.Message)
	if ok && (m.ESMClass&esmUDHI != 0 || (h.fragment != nil && h.usual)) {
		c.Header, c.Payload = h.octets, m.Message[len(h.octets):]
		c.Fragment, c.Port, c.SingleShift, c.LockingShift = h.fragment, h.port, h.single, h.locking
	}
	if c.Fragment == nil {
		c.Fragment = sarFragment(m.TLVs)
	}
	if port, ok := m.TLVs.Uint(TagDestinationPort); ok && c.Port == 0 {
		c.Port = uint16(port)
	}
	if zero == AlphabetGSM7Packed && c.Coding == CodingGSM7 {
		c.Payload = UnpackGSM7(c.Payload, len(c.Header))
	}
	return c
}

// Information elements (TS 23.040 §9.2.3.24).
const (
	ieConcat8      = 0x00
	iePort8        = 0x04
	iePort16       = 0x05
	ieConcat16     = 0x08
	ieSingleShift  = 0x24
	ieLockingShift = 0x25

	firstPort8 = 240 // those below are reserved
)

// userDataHeader is what a header says.
type userDataHeader struct {
	octets          []byte // with the length octet
	fragment        *Fragment
	port            uint16
	single, locking uint8
	usual           bool // it has no elements but those above, and each in its length
}

// parseUDH reads the user data header (TS 23.040 §9.2.3.24) at the start of b. It
// is not ok where a length leads out of it. Of elements that exclude each other the
// last counts, and one with an impossible or reserved value is ignored, as
// §9.2.3.24 demands.
func parseUDH(b []byte) (h userDataHeader, ok bool) {
	if len(b) == 0 || int(b[0]) >= len(b) {
		return userDataHeader{}, false
	}
	h.octets, h.usual = b[:1+int(b[0]):1+int(b[0])], true
	for rest := h.octets[1:]; len(rest) > 0; {
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			return userDataHeader{}, false
		}
		id, v := rest[0], rest[2:2+int(rest[1])]
		rest = rest[2+len(v):]
		h.element(id, v)
	}
	return h, true
}

func (h *userDataHeader) element(id byte, v []byte) {
	switch {
	case id == ieConcat8 && len(v) == 3:
		h.concatenation(fragment(uint16(v[0]), false, v[1], v[2]))
	case id == ieConcat16 && len(v) == 4:
		h.concatenation(fragment(uint16(v[0])<<8|uint16(v[1]), true, v[2], v[3]))
	case id == iePort8 && len(v) == 2:
		if v[0] >= firstPort8 {
			h.port = uint16(v[0])
		}
	case id == iePort16 && len(v) == 4:
		h.port = uint16(v[0])<<8 | uint16(v[1])
	case id == ieSingleShift && len(v) == 1:
		h.single = v[0]
	case id == ieLockingShift && len(v) == 1:
		h.locking = v[0]
	default:
		h.usual = false
	}
}

func (h *userDataHeader) concatenation(f *Fragment) {
	if f != nil {
		h.fragment = f
	}
}

func sarFragment(t TLVs) *Fragment {
	ref, ok := t.Uint(TagSARMsgRefNum)
	total, _ := t.Uint(TagSARTotalSegments)
	number, _ := t.Uint(TagSARSegmentSeqnum)
	if !ok || total > 255 || number > 255 {
		return nil
	}
	return fragment(uint16(ref), true, uint8(total), uint8(number))
}

func fragment(ref uint16, wide bool, total, number uint8) *Fragment {
	if total < 2 || number < 1 || number > total {
		return nil
	}
	return &Fragment{Reference: ref, Wide: wide, Total: total, Number: number}
}

// PackGSM7 packs septets into octets (TS 23.038 §6.1.2.1), behind a header of
// headerLen octets on a septet boundary (TS 23.040 §9.2.3.24). The header itself
// is not written.
func PackGSM7(septets []byte, headerLen int) []byte {
	fill := fillBits(headerLen)
	out := make([]byte, 0, (len(septets)*7+fill+7)/8)
	acc, bits := uint(0), fill
	for _, s := range septets {
		acc |= uint(s&0x7F) << bits
		for bits += 7; bits >= 8; bits -= 8 {
			out = append(out, byte(acc))
			acc >>= 8
		}
	}
	if bits == 1 && len(septets) > 0 {
		acc |= '\r' << 1 // seven spare bits would read as a trailing @ (TS 23.038 §6.1.2.3.1)
	}
	if bits > 0 {
		out = append(out, byte(acc))
	}
	return out
}

// UnpackGSM7 is the inverse of PackGSM7. Seven spare bits at the end are not a
// character.
func UnpackGSM7(packed []byte, headerLen int) []byte {
	fill := fillBits(headerLen)
	n := max(0, (len(packed)*8-fill)/7)
	out := make([]byte, 0, n)
	for i := range n {
		at := fill + i*7
		v := uint(packed[at/8]) >> (at % 8)
		if at/8+1 < len(packed) {
			v |= uint(packed[at/8+1]) << (8 - at%8)
		}
		out = append(out, byte(v&0x7F))
	}
	if n > 0 && (len(packed)*8-fill)%7 == 0 && (out[n-1] == 0 || out[n-1] == '\r') {
		out = out[:n-1]
	}
	return out
}

// fillBits is how many bits align the septets behind a header.
func fillBits(headerLen int) int { return (7 - headerLen*8%7) % 7 }
