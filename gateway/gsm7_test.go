package gateway

import (
	"bytes"
	"testing"

	"github.com/warthog618/sms/encoding/gsm7/charset"
)

// The alphabet agrees with the one that the modem's encoder uses.
func TestGSM7Alphabet(t *testing.T) {
	basic, extended := charset.DefaultDecoder(), charset.DefaultExtDecoder()
	for s := range 128 {
		if s == escape {
			continue
		}
		if got, want := gsm7Alphabet[s], basic[byte(s)]; got != want {
			t.Errorf("septet %#x is %q; want %q", s, got, want)
		}
		if b, ok := appendGSM7(nil, gsm7Alphabet[s]); !ok || !bytes.Equal(b, []byte{byte(s)}) {
			t.Errorf("%q is sent as % x, %v; want %#x", gsm7Alphabet[s], b, ok, s)
		}
	}
	for s, r := range extended {
		if s == 0x0d {
			continue // the library's second line feed is not in TS 23.038 §6.2.1.1
		}
		if got := gsm7Extension[s]; got != r {
			t.Errorf("extended septet %#x is %q; want %q", s, got, r)
		}
		if b, ok := appendGSM7(nil, r); !ok || !bytes.Equal(b, []byte{escape, s}) {
			t.Errorf("%q is sent as % x, %v; want 1b %#x", r, b, ok, s)
		}
	}
	for r := rune(0); r < 0x3000; r++ {
		_, inBasic := charset.DefaultEncoder()[r]
		_, inExtended := charset.DefaultExtEncoder()[r]
		if _, ok := appendGSM7(nil, r); ok != (inBasic || inExtended) && r != escape {
			t.Errorf("%U has septets: %v", r, ok)
		}
	}
}
