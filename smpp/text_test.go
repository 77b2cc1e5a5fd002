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
		{"ports only", 0x40, "\x06\x05\x04\x0b\x84\x00\x00hi", nil, 7, nil},
		{"SAR", 0, "hi", sar, 0, &Fragment{0x102, true, 3, 2}},
		{"header before SAR", 0x40, "\x05\x00\x03\xfe\x02\x01hi", sar, 6, &Fragment{0xfe, false, 2, 1}},
		{"no indicator", 0, "\x05\x00\x03\xfe\x02\x01hi", nil, 6, &Fragment{0xfe, false, 2, 1}},
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

func TestCodingOf(t *testing.T) {
	for dcs, want := range map[uint8]Coding{
		0x00: CodingGSM7, 0x01: CodingASCII, 0x02: CodingBinary, 0x03: CodingLatin1, 0x04: CodingBinary,
		0x06: CodingISO8859_5, 0x07: CodingISO8859_8, 0x08: CodingUCS2, 0x0D: CodingBinary,
		0x10: CodingGSM7, 0x18: CodingUCS2, 0x14: CodingBinary, 0x20: CodingBinary,
		0xC0: CodingGSM7, 0xD1: CodingGSM7, 0xE0: CodingUCS2, 0xF0: CodingGSM7, 0xF1: CodingGSM7, 0xF4: CodingBinary, 0xF5: CodingBinary,
	} {
		if got := CodingOf(dcs, AlphabetGSM7); got != want {
			t.Errorf("data_coding %#02x is %d, want %d", dcs, got, want)
		}
	}
	if got := CodingOf(0, AlphabetLatin1); got != CodingLatin1 {
		t.Errorf("data_coding 0 of a Latin-1 carrier is %d", got)
	}
	if got := CodingOf(0, AlphabetASCII); got != CodingASCII {
		t.Errorf("data_coding 0 of an ASCII carrier is %d", got)
	}
	if got := CodingOf(0, AlphabetGSM7Packed); got != CodingGSM7 {
		t.Errorf("data_coding 0 of a packing carrier is %d", got)
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

func TestPackedContent(t *testing.T) {
	header := "\x05\x00\x03\xfe\x02\x01"
	m := &ShortMessage{ESMClass: 0x40, Message: append([]byte(header), PackGSM7([]byte("hello"), 6)...)}
	if c := ReadContent(m, AlphabetGSM7Packed); string(c.Payload) != "hello" || c.Coding != CodingGSM7 {
		t.Errorf("got %+v", c)
	}
}

func FuzzUDH(f *testing.F) {
	f.Add(uint8(0x40), uint8(0), []byte("\x05\x00\x03\xfe\x02\x01hi"))
	f.Add(uint8(0), uint8(0xF4), []byte("\x06\x08\x04\x01\x02\x02\x02hi"))
	f.Fuzz(func(t *testing.T, esm, dcs uint8, b []byte) {
		c := ReadContent(&ShortMessage{ESMClass: esm, DataCoding: dcs, Message: b}, AlphabetGSM7)
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
