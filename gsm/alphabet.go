package gsm

import (
	"strings"
	"unicode/utf16"
)

// The GSM 7 bit default alphabet is written out: alphanumeric addresses, USSD
// texts and operators' names need it. warthog618/sms has it too, but fills its
// maps at first use without a lock, and modems are read by several goroutines.

const escape = 0x1b // the next septet is of the extension table

// alphabet is the basic character set (3GPP TS 23.038 §6.2.1), with a space
// for the escape.
var alphabet = [128]rune([]rune("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ" +
	" !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
	"¿abcdefghijklmnopqrstuvwxyzäöñüà"))

// extension is what a septet means after an escape (§6.2.1.1).
var extension = map[byte]rune{
	0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\',
	0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
}

// decodeSeptets reads septets, one an octet, as text. After an escape, what the
// extension table lacks stands for its character of the basic set, and a second
// escape for a space (TS 23.038 §6.2.1.1).
func decodeSeptets(septets []byte) string {
	var b strings.Builder
	escaped := false
	for _, s := range septets {
		s &= 0x7f
		if s == escape && !escaped {
			escaped = true
			continue
		}
		r := alphabet[s]
		if e, ok := extension[s]; ok && escaped {
			r = e
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// encodeSeptets is the way back; false is of a text that has a character which
// the alphabet lacks. Texts of messages are none of its business: their septets
// are made before they come here.
func encodeSeptets(text string) ([]byte, bool) {
	septets := make([]byte, 0, len(text))
next:
	for _, r := range text {
		for s, c := range alphabet {
			if c == r && s != escape {
				septets = append(septets, byte(s))
				continue next
			}
		}
		for s, c := range extension {
			if c == r {
				septets = append(septets, escape, s)
				continue next
			}
		}
		return nil, false
	}
	return septets, true
}

// decodeUCS2 reads UTF-16BE. An octet that is left over is dropped, and what is
// no character becomes U+FFFD.
func decodeUCS2(octets []byte) string {
	units := make([]uint16, len(octets)/2)
	for i := range units {
		units[i] = uint16(octets[2*i])<<8 | uint16(octets[2*i+1])
	}
	return string(utf16.Decode(units))
}
