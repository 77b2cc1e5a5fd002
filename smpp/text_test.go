package smpp

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestCorpusConcatenation takes the headers of the corpus's PDUs apart.
func TestCorpusConcatenation(t *testing.T) {
	checked := 0
	for _, row := range loadRows[corpusPDU](t, "testdata/pdus.jsonl", corpusPDUs) {
		if row.Concat == nil || row.Kind != "pdu" {
			continue
		}
		checked++
		p, err := Decode(unhex(t, row.Hex))
		if err != nil {
			t.Fatal(err)
		}
		m, ok := p.Body.(*ShortMessage)
		if !ok {
			m = &p.Body.(*SubmitMultiRequest).ShortMessage
		}
		c := ReadContent(m, AlphabetGSM7)
		want := Fragment{row.Concat.Ref, row.Concat.Bits == 16, row.Concat.Total, row.Concat.Seq}
		if c.Fragment == nil || *c.Fragment != want {
			t.Errorf("%s: got %+v, want %+v", row.ID, c.Fragment, want)
		}
		if got := hex.EncodeToString(c.Payload); got != row.UserData {
			t.Errorf("%s: payload %s, want %s", row.ID, got, row.UserData)
		}
	}
	if checked != 11 {
		t.Errorf("checked %d rows, want 11", checked)
	}
}

func TestReadContent(t *testing.T) {
	sar := TLVs{{TagSARMsgRefNum, []byte{1, 2}}, {TagSARTotalSegments, []byte{3}}, {TagSARSegmentSeqnum, []byte{2}}}
	cases := []struct {
		name     string
		esm      uint8
		message  string
		tlvs     TLVs
		header   int
		fragment *Fragment
	}{
		{"8-bit reference", 0x40, "\x05\x00\x03\xfe\x02\x01hi", nil, 6, &Fragment{0xfe, false, 2, 1}},
		{"16-bit reference", 0x40, "\x06\x08\x04\x01\x02\x02\x02hi", nil, 7, &Fragment{0x102, true, 2, 2}},
		{"behind another element", 0x40, "\x0b\x05\x04\x0b\x84\x00\x00\x00\x03\x01\x02\x01hi", nil, 12, &Fragment{1, false, 2, 1}},
		{"before another element", 0x40, "\x0b\x00\x03\x01\x02\x01\x05\x04\x0b\x84\x00\x00hi", nil, 12, &Fragment{1, false, 2, 1}},
		{"the last of two counts", 0x40, "\x0b\x00\x03\x01\x02\x01\x08\x04\x01\x02\x03\x02hi", nil, 12, &Fragment{0x102, true, 3, 2}},
		{"an impossible second one", 0x40, "\x0a\x00\x03\x01\x02\x01\x00\x03\x01\x00\x00hi", nil, 11, &Fragment{1, false, 2, 1}},
		{"ports only", 0x40, "\x06\x05\x04\x0b\x84\x00\x00hi", nil, 7, nil},
		{"SAR", 0, "hi", sar, 0, &Fragment{0x102, true, 3, 2}},
		{"header before SAR", 0x40, "\x05\x00\x03\xfe\x02\x01hi", sar, 6, &Fragment{0xfe, false, 2, 1}},
		{"no indicator", 0, "\x05\x00\x03\xfe\x02\x01hi", nil, 6, &Fragment{0xfe, false, 2, 1}},
		{"no indicator, 16-bit", 0, "\x06\x08\x04\x01\x02\x02\x02hi", nil, 7, &Fragment{0x102, true, 2, 2}},
		{"no indicator, with ports", 0, "\x0b\x05\x04\x0b\x84\x00\x00\x00\x03\x01\x02\x01hi", nil, 12, &Fragment{1, false, 2, 1}},
		{"no indicator, with ports and shifts", 0, "\x0f\x00\x03\x01\x02\x01\x04\x02\xf5\xf6\x24\x01\x01\x25\x01\x01hi", nil, 16, &Fragment{1, false, 2, 1}},
		{"no indicator, with something else", 0, "\x08\x00\x03\x01\x02\x01\x70\x01\x01hi", nil, 0, nil},
		{"no indicator, with a short shift", 0, "\x07\x00\x03\x01\x02\x01\x24\x00hi", nil, 0, nil},
		{"no indicator and impossible", 0, "\x05\x00\x03\x01\x02\x03hi", nil, 0, nil},
		{"no indicator and no concatenation", 0, "\x06\x05\x04\x0b\x84\x00\x00hi", nil, 0, nil},
		{"indicator without header", 0x40, "test222", nil, 0, nil},
		{"element too long", 0x40, "\x05\x00\x09\xfe\x02\x01hi", nil, 0, nil},
		{"half an element", 0x40, "\x06\x00\x03\xfe\x02\x01\x00hi", nil, 0, nil},
		{"number beyond the total", 0x40, "\x05\x00\x03\xfe\x02\x03hi", nil, 6, nil},
		{"one of one", 0x40, "\x05\x00\x03\xfe\x01\x01hi", nil, 6, nil},
		{"nothing", 0x40, "", nil, 0, nil},
	}
	for _, c := range cases {
		got := ReadContent(&ShortMessage{ESMClass: c.esm, Message: []byte(c.message), TLVs: c.tlvs}, AlphabetGSM7)
		if len(got.Header) != c.header || string(got.Payload) != c.message[c.header:] {
			t.Errorf("%s: header %x, payload %q", c.name, got.Header, got.Payload)
		}
		if (got.Fragment == nil) != (c.fragment == nil) || (c.fragment != nil && *got.Fragment != *c.fragment) {
			t.Errorf("%s: got %+v, want %+v", c.name, got.Fragment, c.fragment)
		}
	}
}

// TestHeaderElements reads what a header says beside the concatenation.
func TestHeaderElements(t *testing.T) {
	port := func(v ...byte) TLVs { return TLVs{{TagDestinationPort, v}} }
	cases := []struct {
		name            string
		header          string
		tlvs            TLVs
		port            uint16
		single, locking uint8
	}{
		{"WAP push", "\x06\x05\x04\x0b\x84\x23\xf0", nil, 2948, 0, 0},
		{"8-bit ports", "\x04\x04\x02\xf5\xf6", nil, 0xf5, 0, 0},
		{"reserved 8-bit ports", "\x04\x04\x02\x17\x18", nil, 0, 0, 0},
		{"ports in a length of their own", "\x05\x05\x03\x0b\x84\x23", nil, 0, 0, 0},
		{"several parts for a port", "\x0b\x00\x03\x01\x02\x01\x05\x04\x0b\x84\x00\x00", nil, 2948, 0, 0},
		{"single shift", "\x03\x24\x01\x01", nil, 0, 1, 0},
		{"locking shift", "\x03\x25\x01\x03", nil, 0, 0, 3},
		{"both, and parts", "\x0b\x25\x01\x04\x00\x03\x01\x02\x01\x24\x01\x05", nil, 0, 5, 4},
		{"an unknown element first", "\x07\x70\x02\x00\x00\x24\x01\x02", nil, 0, 2, 0},
		{"destination_port", "", port(0x0b, 0x84), 2948, 0, 0},
		{"the header before destination_port", "\x06\x05\x04\x0b\x84\x00\x00", port(0, 1), 2948, 0, 0},
	}
	for _, c := range cases {
		m := &ShortMessage{Message: []byte(c.header + "hi"), TLVs: c.tlvs}
		if c.header != "" {
			m.ESMClass = esmUDHI
		}
		got := ReadContent(m, AlphabetGSM7)
		if string(got.Header) != c.header || string(got.Payload) != "hi" || got.Port != c.port || got.SingleShift != c.single || got.LockingShift != c.locking {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
}

// TestCodingOf goes through the values of SMPP 3.4 §5.2.19, and through the groups
// of TS 23.038 §4 above them.
func TestCodingOf(t *testing.T) {
	cases := []struct {
		from, to uint8
		want     Coding
	}{
		{0x00, 0x00, CodingGSM7}, {0x01, 0x01, CodingASCII}, {0x02, 0x02, CodingBinary}, {0x03, 0x03, CodingLatin1},
		{0x04, 0x05, CodingBinary}, {0x06, 0x06, CodingISO8859_5}, {0x07, 0x07, CodingISO8859_8}, {0x08, 0x08, CodingUCS2},
		{0x09, 0x0E, CodingBinary}, {0x0F, 0x0F, CodingGSM7},
		{0x10, 0x13, CodingGSM7}, {0x14, 0x17, CodingBinary}, {0x18, 0x1B, CodingUCS2}, {0x1C, 0x1F, CodingGSM7},
		{0x20, 0x3F, CodingBinary}, // compressed
		{0x40, 0x43, CodingGSM7}, {0x44, 0x47, CodingBinary}, {0x48, 0x4B, CodingUCS2},
		{0x50, 0x53, CodingGSM7}, {0x54, 0x57, CodingBinary}, {0x58, 0x5B, CodingUCS2},
		{0x60, 0x7F, CodingBinary},
		{0x80, 0xBF, CodingGSM7},                           // reserved
		{0xC0, 0xDF, CodingGSM7}, {0xE0, 0xEF, CodingUCS2}, // message waiting
		{0xF0, 0xF3, CodingGSM7}, {0xF4, 0xF7, CodingBinary}, {0xF8, 0xFB, CodingGSM7}, {0xFC, 0xFF, CodingBinary},
	}
	for _, zero := range []Alphabet{AlphabetGSM7, AlphabetGSM7Packed, AlphabetLatin1, AlphabetASCII} {
		ofZero := map[Alphabet]Coding{AlphabetLatin1: CodingLatin1, AlphabetASCII: CodingASCII}[zero]
		for _, c := range cases {
			want := c.want
			if want == CodingGSM7 {
				want = ofZero
			}
			for dcs := int(c.from); dcs <= int(c.to); dcs++ {
				if got := CodingOf(uint8(dcs), zero); got != want {
					t.Errorf("data_coding %#02x of a carrier of %s is %d, want %d", dcs, zero, got, want)
				}
			}
		}
	}
}

func TestPackGSM7(t *testing.T) {
	// TS 23.038's packing of "hellohello" is well known.
	if got := hex.EncodeToString(PackGSM7([]byte("hellohello"), 0)); got != "e8329bfd4697d9ec37" {
		t.Errorf("got %s", got)
	}
	for headerLen := range 8 {
		for n := range 40 {
			want := bytes.Repeat([]byte{'a', 0x1B, '@'}, 14)[:n]
			got := UnpackGSM7(PackGSM7(want, headerLen), headerLen)
			if !bytes.Equal(got, want) {
				t.Fatalf("%d septets behind %d octets: got %x, want %x", n, headerLen, got, want)
			}
		}
	}
}

// TestCorpusPacking packs what other implementations packed.
func TestCorpusPacking(t *testing.T) {
	type row struct{ ID, Packed, Unpacked string }
	for _, row := range loadRows[row](t, "testdata/gsm7.jsonl", 32) {
		septets, packed := unhex(t, row.Unpacked), unhex(t, row.Packed)
		if got := UnpackGSM7(packed, 0); !bytes.Equal(got, septets) {
			t.Errorf("%s: unpacked as %x, want %x", row.ID, got, septets)
		}
		got := PackGSM7(septets, 0)
		if len(septets)%8 == 7 { // their seven spare bits would be an @ to who does not know the length
			got, packed = got[:len(got)-1], packed[:len(packed)-1]
		}
		if !bytes.Equal(got, packed) {
			t.Errorf("%s: packed as %x, want %x", row.ID, got, packed)
		}
	}
}

func TestPackedContent(t *testing.T) {
	header := "\x05\x00\x03\xfe\x02\x01"
	m := &ShortMessage{ESMClass: 0x40, Message: append([]byte(header), PackGSM7([]byte("hello"), 6)...)}
	if c := ReadContent(m, AlphabetGSM7Packed); string(c.Payload) != "hello" || c.Coding != CodingGSM7 {
		t.Errorf("got %+v", c)
	}
}

func FuzzUDH(f *testing.F) {
	f.Add(uint8(0x40), uint8(0), []byte("\x05\x00\x03\xfe\x02\x01hi"))
	f.Add(uint8(0), uint8(0), []byte("\x0f\x00\x03\x01\x02\x01\x04\x02\xf5\xf6\x24\x01\x01\x25\x01\x01hi"))
	f.Add(uint8(0), uint8(0xF4), []byte("\x06\x08\x04\x01\x02\x02\x02hi"))
	f.Fuzz(func(t *testing.T, esm, dcs uint8, b []byte) {
		c := ReadContent(&ShortMessage{ESMClass: esm, DataCoding: dcs, Message: b}, AlphabetGSM7)
		if c.Header == nil && (c.Fragment != nil || c.Port != 0 || c.SingleShift != 0 || c.LockingShift != 0) {
			t.Fatalf("%x has no header, yet %+v", b, c)
		}
		if got := append(bytes.Clone(c.Header), c.Payload...); !bytes.Equal(got, b) {
			t.Fatalf("%x was taken apart as %x and %x", b, c.Header, c.Payload)
		}
		if g := c.Fragment; g != nil && (g.Total < 2 || g.Number < 1 || g.Number > g.Total) {
			t.Fatalf("%x has the impossible fragment %+v", b, g)
		}
		packed := ReadContent(&ShortMessage{ESMClass: esm, DataCoding: dcs, Message: b}, AlphabetGSM7Packed)
		for _, o := range packed.Payload {
			if packed.Coding == CodingGSM7 && o > 0x7F {
				t.Fatalf("%x has the septet %x", b, o)
			}
		}
	})
}

// FuzzGSM7 packs random septets behind a header of any length, and unpacks random
// octets.
func FuzzGSM7(f *testing.F) {
	f.Add([]byte("hellohello"), uint8(0))
	f.Add([]byte("1234567"), uint8(0))
	f.Add([]byte("a\x1b@@"), uint8(6))
	f.Fuzz(func(t *testing.T, b []byte, headerLen uint8) {
		septets := bytes.Clone(b)
		for i := range septets {
			septets[i] &= 0x7F
		}
		packed := PackGSM7(septets, int(headerLen))
		fill := fillBits(int(headerLen))
		if want := (7*len(septets) + fill + 7) / 8; len(packed) != want {
			t.Fatalf("%d septets in %d octets, want %d", len(septets), len(packed), want)
		}
		got := UnpackGSM7(packed, int(headerLen))
		// Where the last one ends with an octet nobody can tell it from padding.
		if n := len(septets); n > 0 && (7*n+fill)%8 == 0 && len(got) == n-1 && (septets[n-1] == 0 || septets[n-1] == '\r') {
			septets = septets[:n-1]
		}
		if !bytes.Equal(got, septets) {
			t.Fatalf("%x came back as %x", septets, got)
		}
		for _, septet := range UnpackGSM7(b, int(headerLen)) {
			if septet > 0x7F {
				t.Fatalf("%x has the septet %x", b, septet)
			}
		}
	})
}
