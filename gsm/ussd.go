package gsm

import (
	"encoding/hex"
	"strings"

	"github.com/warthog618/sms/encoding/gsm7"
)

// USSD is what +CUSD says (3GPP TS 27.007 §7.15).
type USSD struct {
	// Status is 0: the network has done, 1: it wants an answer, 2: it ended the
	// dialogue, 3: another client answered, 4: not supported, 5: no answer in time.
	Status int
	Text   string
	DCS    int // of cell broadcasts (TS 23.038 §5); -1: not said
}

// ParseUSSD reads +CUSD. A text may have lines: who reads lines joins them up to
// the quote that ends it.
func ParseUSSD(line string) (USSD, bool) {
	rest, ok := payload(line, "+CUSD")
	if !ok {
		return USSD{}, false
	}
	status, rest, _ := strings.Cut(rest, ",")
	u := USSD{Status: field{text: status}.or(-1), DCS: -1}
	if u.Status < 0 {
		return USSD{}, false
	}
	text, dcs := strings.TrimSpace(rest), ""
	if strings.HasPrefix(text, `"`) { // quotes in the text are not escaped: the last one ends it
		text = text[1:]
		if i := strings.LastIndexByte(text, '"'); i >= 0 {
			text, dcs = text[:i], text[i+1:]
		}
	} else if i := strings.LastIndexByte(text, ','); i >= 0 {
		text, dcs = text[:i], text[i:]
	}
	u.DCS = field{text: strings.Trim(dcs, ", ")}.or(-1)
	u.Text = decodeUSSD(text, u.DCS)
	return u, true
}

// decodeUSSD reads a text, which modems give as it is, in hexadecimal of its
// septets, packed or not, or in hexadecimal of UCS-2, and not always of what the
// coding scheme says.
func decodeUSSD(text string, dcs int) string {
	octets, err := hex.DecodeString(text)
	if err != nil || len(octets) == 0 {
		return text
	}
	switch {
	case dcs == 0x11: // two letters of a language, packed, before UCS-2
		if len(octets) > 2 && isLanguage(octets[:2]) {
			octets = octets[2:]
		}
		return decodeUCS2(octets)
	case dcs >= 0x40 && dcs < 0x80 && dcs&0x0c == 0x08, dcs >= 0x90 && dcs < 0xa0 && dcs&0x0c == 0x08:
		return decodeUCS2(octets)
	}
	if dcs >= 0x40 && dcs < 0x80 && dcs&0x0c == 0x04 { // octets; the alphabet is not said
		if isPlain(string(octets)) {
			return string(octets)
		}
		return text
	}
	septets := gsm7.Unpack7BitUSSD(octets, 0)
	if n := len(septets); n > 0 && n%8 == 0 && septets[n-1] == 0 {
		septets = septets[:n-1] // filled with zeros, which is an "@"
	}
	packed := decodeSeptets(septets)
	letters := strings.ContainsAny(text, "ABCDEFabcdef")
	if letters && isPlain(packed) {
		return packed
	}
	if t, ok := ucs2Hex(text); ok {
		return t
	}
	// All digits are a balance, a code or a number, and all letters are a word.
	if !letters || !strings.ContainsAny(text, "0123456789") {
		return text
	}
	return packed
}

// isLanguage tells two letters in packed septets (TS 23.038 §5).
func isLanguage(packed []byte) bool {
	for _, s := range gsm7.Unpack7Bit(packed, 0)[:2] {
		if s < 'a' || s > 'z' {
			return false
		}
	}
	return packed[1] < 0x40
}

// isPlain tells a text of printable ASCII.
func isPlain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < ' ' || r > '~') && r != '\r' && r != '\n'
	}) < 0
}
