package smppsim

import (
	"testing"

	"github.com/warthog618/sms/encoding/gsm7/charset"

	"smsbridge/smpp"
)

func TestAlphabetIsThatOfTheLibrary(t *testing.T) {
	a := newAlphabet()
	for septet, want := range charset.DefaultDecoder() {
		if septet == gsm7Escape {
			continue
		}
		if got := a.decode(smpp.CodingGSM7, []byte{septet}); got != string(want) {
			t.Errorf("septet %#02x: %q, want %q", septet, got, want)
		}
	}
	for septet, want := range charset.DefaultExtDecoder() {
		if septet == '\r' {
			continue // CR2, a control character (3GPP TS 23.038 §6.2.1.1)
		}
		if got := a.decode(smpp.CodingGSM7, []byte{gsm7Escape, septet}); got != string(want) {
			t.Errorf("septet %#02x of the extension: %q, want %q", septet, got, want)
		}
	}
	for r, septets := range a.septets {
		if got := a.decode(smpp.CodingGSM7, septets); got != string(r) {
			t.Errorf("%q is encoded as %x, which is %q", r, septets, got)
		}
	}
}

func TestOctetsThatAreNoText(t *testing.T) {
	a := newAlphabet()
	for _, test := range []struct {
		coding smpp.Coding
		octets []byte
		want   string
	}{
		{smpp.CodingGSM7, []byte{'a', 0x80}, "a\uFFFD"},
		{smpp.CodingGSM7, []byte{'a', gsm7Escape}, "a\uFFFD"},
		{smpp.CodingGSM7, []byte{gsm7Escape, 'a'}, "a"},
		{smpp.CodingUCS2, []byte{0, 'a', 0}, "a"},
		{smpp.CodingUCS2, []byte{0xD8, 0x3D}, "\uFFFD"},
		{smpp.CodingBinary, []byte{1, 2}, ""},
	} {
		if got := a.decode(test.coding, test.octets); got != test.want {
			t.Errorf("%x: %q, want %q", test.octets, got, test.want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]smpp.Address{
		"+447700900123": {TON: 1, NPI: 1, Value: "447700900123"},
		"60777":         {NPI: 1, Value: "60777"},
		"MyBank":        {TON: 5, Value: "MyBank"},
		"+":             {TON: 5, Value: "+"},
		"":              {TON: 5},
	} {
		if got := addressOf(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
		if got := addressText(want); got != text {
			t.Errorf("%+v: %q, want %q", want, got, text)
		}
	}
}
