package gateway

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		coding Coding
		hex    string
		want   string
		enc    Encoding
	}{
		{"a final @ is no filling", CodingGSM7, "6100", "a@", EncodingGSM7},
		{"euro", CodingGSM7, "1b65", "€", EncodingGSM7},
		{"an unused extension is its basic character", CodingGSM7, "1b61", "a", EncodingGSM7},
		{"escape twice", CodingGSM7, "1b1b61", "\uFFFDa", EncodingGSM7},
		{"escape at the end", CodingGSM7, "611b", "a\uFFFD", EncodingGSM7},
		{"escape before no septet", CodingGSM7, "1b8061", "\uFFFDa", EncodingGSM7},
		{"no septet", CodingGSM7, "61ff", "a\uFFFD", EncodingGSM7},
		{"nothing", CodingGSM7, "", "", EncodingGSM7},
		{"surrogates", CodingUCS2, "d83dde00", "😀", EncodingUCS2},
		{"high surrogate alone", CodingUCS2, "d83d0061", "\uFFFDa", EncodingUCS2},
		{"low surrogate alone", CodingUCS2, "de000061", "\uFFFDa", EncodingUCS2},
		{"surrogate at the end", CodingUCS2, "0061d83d", "a\uFFFD", EncodingUCS2},
		{"odd octet", CodingUCS2, "006100620a", "ab", EncodingUCS2},
		{"big-endian mark", CodingUCS2, "feff0061", "a", EncodingUCS2},
		{"little-endian mark", CodingUCS2, "fffe61003dd800de", "a😀", EncodingUCS2},
		{"filling", CodingUCS2, "006100000000", "a", EncodingUCS2},
		{"zero within", CodingUCS2, "006100000062", "a\uFFFDb", EncodingUCS2},
		{"Latin-1", CodingLatin1, "e96200", "éb", EncodingGSM7},
		{"Latin-1 beyond GSM", CodingLatin1, "e7", "ç", EncodingUCS2},
		{"ASCII", CodingASCII, "7b61", "{a", EncodingGSM7},
		{"ASCII that is Latin-1", CodingASCII, "e9", "é", EncodingGSM7},
		{"Cyrillic", CodingISO8859_5, "bfe0d8", "При", EncodingUCS2},
		{"Hebrew", CodingISO8859_8, "e9ec", "יל", EncodingUCS2},
		{"unassigned Hebrew", CodingISO8859_8, "a1", "\uFFFD", EncodingUCS2},
		{"binary", CodingBinary, "0001", "", EncodingBinary},
	} {
		got, enc, err := Decode(tt.coding, Shift{}, mustHex(t, tt.hex))
		if got != tt.want || enc != tt.enc || err != nil {
			t.Errorf("%s: %q, %v, %v; want %q, %v", tt.name, got, enc, err, tt.want, tt.enc)
		}
	}
	if _, _, err := Decode(Coding(99), Shift{}, nil); err == nil {
		t.Error("coding 99 was decoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "a\x1b", "\xd8\x3d", "\xff\xfea\x00", "\x00\x00", "\x1b\x1f\x1b\x1b"} {
		for c := CodingGSM7; c <= CodingISO8859_8; c++ {
			f.Add(uint8(c), uint8(len(s)), uint8(c), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, coding, locking, single uint8, payload []byte) {
		before := bytes.Clone(payload)
		text, _, err := Decode(Coding(coding), Shift{locking, single}, payload)
		if err != nil && coding <= uint8(CodingISO8859_8) {
			t.Errorf("coding %d: %v", coding, err)
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("coding %d: % x became %q", coding, payload, text)
		}
		if Coding(coding) == CodingGSM7 && utf8.RuneCountInString(text) > len(payload) {
			t.Errorf("% x became %q", payload, text)
		}
		if !bytes.Equal(before, payload) {
			t.Errorf("coding %d changed its payload", coding)
		}
	})
}
