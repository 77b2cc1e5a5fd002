package gsm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/sms/encoding/gsm7/charset"
	"github.com/warthog618/sms/encoding/tpdu"
)

func TestAlphabet(t *testing.T) {
	basic, ext := charset.NewDecoder(charset.Default), charset.NewExtDecoder(charset.Default)
	for s := range byte(128) {
		if s != escape && alphabet[s] != basic[s] {
			t.Errorf("0x%02x is %q, want %q", s, alphabet[s], basic[s])
		}
		if r, ok := ext[s]; ok && extension[s] != r && s != escape && s != 0x0d {
			t.Errorf("0x%02x after an escape is %q, want %q", s, extension[s], r)
		}
	}
	for septets, want := range map[string]string{
		"\x1b\x65": "€", "a\x1b": "a", "\x1b\x1bb": " b", "\x1bA": "A", "\x00": "@",
	} {
		if got := decodeSeptets([]byte(septets)); got != want {
			t.Errorf("%q is %q, want %q", septets, got, want)
		}
	}
}

func TestCodingSchemes(t *testing.T) {
	for dcs := range 256 {
		got := parseDCS(uint8(dcs))
		want := codingScheme{class: -1}
		switch {
		case dcs < 0x80:
			switch dcs & 0x0c {
			case 0x04:
				want.coding = Binary
			case 0x08:
				want.coding = UCS2
			}
			if dcs&0x20 != 0 {
				want.coding, want.compressed = Binary, true
			}
			if dcs&0x10 != 0 {
				want.class = int8(dcs % 4)
			}
		case dcs >= 0xf0:
			if dcs&0x04 != 0 {
				want.coding = Binary
			}
			want.class = int8(dcs % 4)
		case dcs >= 0xc0:
			want.waiting = true
			if dcs >= 0xe0 {
				want.coding = UCS2
			}
		}
		if got != want {
			t.Errorf("0x%02x is %+v, want %+v", dcs, got, want)
		}
		if lib, err := tpdu.DCS(dcs).Alphabet(); err == nil && !want.compressed {
			if m := map[tpdu.Alphabet]Coding{tpdu.Alpha7Bit: GSM7, tpdu.Alpha8Bit: Binary, tpdu.AlphaUCS2: UCS2}; m[lib] != got.coding {
				t.Errorf("0x%02x is %d, the library has %v", dcs, got.coding, lib)
			}
		}
	}
}

// deliver makes a TPDU without its service centre.
func deliver(first byte, from, dcs, ud string) string {
	return fmt.Sprintf("00%02X%s00%s62112051001200%s", first, from, dcs, ud)
}

func TestDeliverOddities(t *testing.T) {
	const from = "0C91447700092143"
	for _, row := range []struct {
		name, pdu string
		check     func(d *Deliver) bool
	}{
		{"reserved coding scheme", deliver(0x04, from, "8B", "04D4F29C0E"), func(d *Deliver) bool {
			return d.Coding == GSM7 && decodeSeptets(d.Data) == "Test" && d.Class == -1
		}},
		{"compressed", deliver(0x04, from, "20", "03D4F29C"), func(d *Deliver) bool {
			return d.Coding == Binary && len(d.Data) == 3
		}},
		{"odd UCS-2", deliver(0x04, from, "08", "03004100"), func(d *Deliver) bool {
			return d.Coding == UCS2 && len(d.Data) == 3
		}},
		{"mailbox", deliver(0x04, from, "C8", "00"), func(d *Deliver) bool { return d.Waiting && len(d.Data) == 0 }},
		{"flash", deliver(0x04, from, "10", "04D4F29C0E"), func(d *Deliver) bool { return d.Class == 0 }},
		{"padded", deliver(0x04, from, "00", "04D4F29C0EFFFFFF"), func(d *Deliver) bool {
			return decodeSeptets(d.Data) == "Test" && bytes.HasSuffix(d.Raw, []byte{0xff, 0xff, 0xff})
		}},
		{"no time", strings.Replace(deliver(0x04, from, "00", "04D4F29C0E"), "62112051001200", "FFFFFFFFFFFFFF", 1),
			func(d *Deliver) bool { return d.At.IsZero() && decodeSeptets(d.Data) == "Test" }},
		{"month 13", strings.Replace(deliver(0x04, from, "00", "04D4F29C0E"), "6211", "6231", 1),
			func(d *Deliver) bool { return d.At.IsZero() }},
		{"reserved type", deliver(0x07, from, "00", "04D4F29C0E"), func(d *Deliver) bool {
			return decodeSeptets(d.Data) == "Test"
		}},
		{"national number", deliver(0x04, "0AA17000092143", "00", "04D4F29C0E"), func(d *Deliver) bool {
			return d.From == Address{"0700901234", TONNational, NPITelephone}
		}},
		{"a sender of 7 letters, its length rounded up", deliver(0x04, "0ED0C1E11199542E01", "00", "04D4F29C0E"),
			func(d *Deliver) bool { return d.From.Digits == "ACGHIJK" }},
		{"fill in a number", deliver(0x04, "049121F3", "00", "04D4F29C0E"), func(d *Deliver) bool {
			return d.From.Digits == "+123"
		}},
		{"shift tables", deliver(0x44, from, "00", "0B06240101250102D4F29C"), func(d *Deliver) bool {
			return d.Header.Single == 1 && d.Header.Locking == 2 && d.Header.Concat == nil
		}},
		{"8-bit ports", deliver(0x44, from, "04", "06040402112201"), func(d *Deliver) bool {
			return d.Header.HasPorts && d.Header.DestPort == 0x11 && d.Header.SourcePort == 0x22 && len(d.Data) == 1
		}},
		{"the last of two elements", deliver(0x44, from, "04", "0C0A0003010201"+"0003020202"+"41"), func(d *Deliver) bool {
			return *d.Header.Concat == Concat{2, false, 2, 2}
		}},
		{"part 0", deliver(0x44, from, "04", "07050003010200"+"41"), func(d *Deliver) bool {
			return d.Header.Concat == nil && len(d.Header.Unknown) == 1
		}},
		{"an element past the end of the header", deliver(0x44, from, "04", "07050004010201"+"41"),
			func(d *Deliver) bool { return d.Header.Concat == nil && d.Header.Unknown == nil && len(d.Data) == 1 }},
	} {
		m, err := ParsePDU(row.pdu, -1)
		d, ok := m.(*Deliver)
		if err != nil || !ok || !row.check(d) {
			t.Errorf("%s: %s: %+v, %v", row.name, row.pdu, m, err)
		}
	}
}

func TestParsePDU(t *testing.T) {
	const pdu = "0791447785016005040C9144770009214300006211205100120004D4F29C0E"
	length := len(pdu)/2 - 8
	for _, row := range []struct {
		pdu    string
		length int
		ok     bool
	}{
		{pdu, length, true},
		{strings.ToLower(pdu), -1, true},
		{pdu[:20] + " " + pdu[20:] + "\r", length + 5, true},
		{pdu[16:], length, true}, // without a service centre, and the length says so
		{pdu[16:], -1, false},
		{pdu + "FF", length, true},
		{pdu[:len(pdu)-2], length, false},
		{pdu[:len(pdu)-1], length, false},
		{"", 0, false},
		{"00", 0, false},
		{"zz", 1, false},
	} {
		m, err := ParsePDU(row.pdu, row.length)
		if (err == nil) != row.ok {
			t.Errorf("%s, %d: %+v, %v", row.pdu, row.length, m, err)
			continue
		}
		if d, ok := m.(*Deliver); ok {
			if again, err := ParseTPDU(d.Raw, true); err != nil || again.(*Deliver).From != d.From {
				t.Errorf("%x does not read again: %v", d.Raw, err)
			}
		}
	}
	// Cut anywhere, it is refused.
	octets, _ := hex.DecodeString(pdu)
	for n := range octets {
		if m, err := ParseTPDU(octets[:n], true); err == nil {
			t.Errorf("%d octets are %+v", n, m)
		}
	}
}

func TestEncode(t *testing.T) {
	text := []byte("hellohello")
	for _, row := range []struct {
		submit Submit
		want   string
		length int
	}{
		{Submit{To: "+46708251358", Payload: text}, "0001000B916407281553F800000AE8329BFD4697D9EC37", 22},
		{Submit{To: "+46708251358", Payload: text, Validity: 4 * day}, "0011000B916407281553F80000AA0AE8329BFD4697D9EC37", 23},
		{Submit{SMSC: "+447785016005", To: "12345", Payload: text}, "0791447758100650010005812143F500000AE8329BFD4697D9EC37", 19},
		{Submit{To: "1", Payload: []byte{0x4f, 0x60}, Coding: UCS2, Flash: true, Report: true, RejectDuplicates: true},
			"0025000181F10018024F60", 10},
		{Submit{To: "1", Coding: Binary, UDH: true, Payload: []byte{5, 0, 3, 1, 2, 1, 0xff}}, "0041000181F10004070500030102" + "01FF", 15},
		{Submit{To: "INFO", Payload: text}, "00010007D049A7F10900000AE8329BFD4697D9EC37", 20},
		{Submit{To: "1"}, "0001000181F1000000", 8},
	} {
		pdu, length, err := row.submit.Encode()
		if err != nil || pdu != row.want || length != row.length {
			t.Errorf("%+v: %s %d, %v, want %s %d", row.submit, pdu, length, err, row.want, row.length)
		}
	}
	for _, s := range []Submit{
		{To: "+123456789012345678901"}, {To: "much too long a name"}, {To: "имя"},
		{SMSC: "имя", To: "1"}, {To: "1", UDH: true}, {To: "1", UDH: true, Payload: []byte{3, 1, 1}},
		{To: "1", Payload: []byte{0x80}}, {To: "1", Payload: make([]byte, 161)},
		{To: "1", Coding: UCS2, Payload: make([]byte, 141)},
		{To: "1", UDH: true, Payload: append([]byte{5, 0, 3, 1, 2, 1}, make([]byte, 154)...)},
	} {
		if pdu, _, err := s.Encode(); err == nil {
			t.Errorf("%+v is %s", s, pdu)
		}
	}
}

// TestPadding encodes headers of every length before septets, up to the last
// that has room, and compares with the library what it can pack too.
func TestPadding(t *testing.T) {
	for header := 0; header <= 20; header++ {
		payload := []byte{}
		if header > 0 {
			payload = make([]byte, header)
			payload[0] = byte(header - 1)
			if header > 2 {
				payload[1], payload[2] = 0x70, byte(header-3)
			}
		}
		room := (140*8 - header*8) / 7
		for _, n := range []int{0, 1, 7, 8, 9, room} {
			s := Submit{To: "+1", UDH: header > 0, Payload: payload}
			for i := range n {
				s.Payload = append(s.Payload[:len(s.Payload):len(s.Payload)], byte(i%128))
			}
			pdu, length, err := s.Encode()
			if err != nil {
				t.Fatalf("header %d, %d septets: %v", header, n, err)
			}
			m, err := ParsePDU(pdu, length)
			if err != nil {
				t.Fatalf("header %d, %d septets: %v", header, n, err)
			}
			if got := m.(*Submit).Payload; !bytes.Equal(got, s.Payload) {
				t.Errorf("header %d, %d septets: %x, want %x", header, n, got, s.Payload)
			}
			octets, _ := hex.DecodeString(pdu)
			lib := tpdu.TPDU{Direction: tpdu.MO}
			if header == 1 || header == 2 { // elements it cannot read
				continue
			}
			if err := lib.UnmarshalBinary(octets[1:]); err != nil || !bytes.Equal(lib.UD, s.Payload[header:]) {
				t.Errorf("header %d, %d septets: the library has %x, %v", header, n, lib.UD, err)
			}
		}
	}
}

func TestValidity(t *testing.T) {
	for d, want := range map[time.Duration]byte{
		time.Second: 0, 5 * time.Minute: 0, 5*time.Minute + 1: 1, 12 * time.Hour: 143,
		12*time.Hour + 1: 144, day: 167, day + 1: 168, 30 * day: 196, 30*day + 1: 197,
		5 * 7 * day: 197, 5*7*day + 1: 198, 63 * 7 * day: 255, 1000 * day: 255,
	} {
		if got := encodeValidity(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
	for vp := range 256 {
		if got := encodeValidity(decodeValidity(byte(vp))); got != byte(vp) {
			t.Errorf("%d comes back as %d", vp, got)
		}
	}
	for vp, want := range map[string]time.Duration{
		"01AA0000000000": 4 * day, "021E0000000000": 30 * time.Second, "03211032000000": 12*time.Hour + time.Minute + 23*time.Second,
		"00000000000000": 0, "07000000000000": 0,
	} {
		octets, _ := hex.DecodeString(vp)
		if got := decodeEnhanced(octets); got != want {
			t.Errorf("%s is %v, want %v", vp, got, want)
		}
	}
}

func TestNotice(t *testing.T) {
	notices := map[string]string{}
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		if m, err := ParsePDU(row.PDU, -1); err == nil {
			if d, ok := m.(*Deliver); ok {
				if text, ok := d.Notice(); ok {
					notices[row.ID] = text
				}
			}
		}
	}
	want := map[string]string{
		"tpdu-069": "An MMS from 0 came and is not shown here: http://eps3.de/O/Z9IZO",
		"tpdu-103": "An MMS from 33707520030 came and is not shown here: http://mmsc.labmctel.fr:9090/m33",
		"tpdu-109": "An MMS from +11476124010 came and is not shown here: http://mts/?id=81460494",
	}
	if fmt.Sprint(notices) != fmt.Sprint(want) {
		t.Errorf("%q\nwant %q", notices, want)
	}
	push := Deliver{Coding: Binary, Header: Header{HasPorts: true, DestPort: 9200, Concat: &Concat{1, false, 2, 2}}}
	if text, ok := push.Notice(); !ok || text != "A WAP push, part 2 of 2, came and is not shown here." {
		t.Error(text, ok)
	}
	push.Header.DestPort = 5505
	if text, ok := push.Notice(); ok {
		t.Error(text)
	}
	plain := Deliver{Data: []byte("see application/vnd.wap.mms-message")}
	if text, ok := plain.Notice(); ok {
		t.Error(text)
	}
}

// addPDUs gives a fuzz target the corpus.
func addPDUs(f *testing.F, add func(octets []byte)) {
	for _, row := range rowsOf[tpduRow](f, "tpdu.jsonl", 135) {
		if octets, err := hex.DecodeString(row.PDU); err == nil {
			add(octets)
		}
	}
}

func checkMessage(t *testing.T, m any) {
	switch m := m.(type) {
	case *Deliver:
		m.Notice()
		if m.Coding == GSM7 {
			decodeSeptets(m.Data)
		}
		if again, err := ParseTPDU(m.Raw, true); err != nil || fmt.Sprintf("%+v", again) == "" {
			t.Fatalf("%x does not read again: %v", m.Raw, err)
		}
		if c := m.Header.Concat; c != nil && (c.Number == 0 || c.Number > c.Total) {
			t.Fatalf("part %+v", c)
		}
	case *Report:
		StatusOf(m.Status)
		if _, err := ParseTPDU(m.Raw, true); err != nil {
			t.Fatalf("%x does not read again: %v", m.Raw, err)
		}
	case *Submit:
		pdu, length, err := m.Encode()
		if err != nil {
			t.Fatalf("%+v does not encode: %v", m, err)
		}
		again, err := ParsePDU(pdu, length)
		s, ok := again.(*Submit)
		if err != nil || !ok {
			t.Fatalf("%+v is encoded as %s: %v", m, pdu, err)
		}
		if !bytes.Equal(s.Payload, m.Payload) || s.To != m.To && isNumber(strings.TrimPrefix(m.To, "+")) {
			t.Fatalf("%+v comes back as %+v", m, s)
		}
	}
}

func FuzzTPDU(f *testing.F) {
	addPDUs(f, func(octets []byte) { f.Add(octets, true) })
	f.Fuzz(func(t *testing.T, octets []byte, withSMSC bool) {
		if m, err := ParseTPDU(octets, withSMSC); err == nil {
			checkMessage(t, m)
		}
	})
}

func FuzzPDU(f *testing.F) {
	addPDUs(f, func(octets []byte) { f.Add(hex.EncodeToString(octets), len(octets)) })
	f.Fuzz(func(t *testing.T, pdu string, length int) {
		if m, err := ParsePDU(pdu, length); err == nil {
			checkMessage(t, m)
		}
	})
}
