package gateway

import (
	"encoding/binary"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// encodeText returns the whole user data of a text, and the text that it says:
// another one after transliteration.
func encodeText(text string, format Format) ([]byte, Encoding, string) {
	if data, ok := encodeAlphabet(text, format.Alphabet); ok {
		return data, format.Alphabet.encoding(), text
	}
	if plain, ok := transliterate(text, format); ok {
		data, _ := encodeAlphabet(plain, format.Alphabet)
		return data, format.Alphabet.encoding(), plain
	}
	return encodeUTF16(text), EncodingUCS2, text
}

func (a Alphabet) encoding() Encoding {
	switch a {
	case AlphabetLatin1:
		return EncodingLatin1
	case AlphabetASCII:
		return EncodingASCII
	}
	return EncodingGSM7
}

// encodeAlphabet tells whether the text is of the alphabet, and in which octets.
func encodeAlphabet(text string, a Alphabet) ([]byte, bool) {
	data := make([]byte, 0, len(text)+len(text)/8)
	if a != AlphabetGSM7 {
		return appendOctets(data, text, a)
	}
	for _, r := range text {
		if isSeptet(r) {
			data = append(data, byte(r))
			continue
		}
		if unsendable(r) {
			continue
		}
		var ok bool
		if data, ok = appendGSM7(data, r); !ok {
			return nil, false
		}
	}
	return data, true
}

// appendOctets is for the alphabets in which a character is an octet, and that
// octet its code point.
func appendOctets(data []byte, text string, a Alphabet) ([]byte, bool) {
	for _, r := range text {
		if unsendable(r) {
			continue
		}
		if !a.has(r) {
			return nil, false
		}
		data = append(data, byte(r))
	}
	return data, true
}

// has tells whether a character that is sent is of the alphabet.
func (a Alphabet) has(r rune) bool {
	switch a {
	case AlphabetLatin1:
		return r <= 0xff
	case AlphabetASCII:
		return r < 0x80
	}
	var septets [2]byte
	_, ok := appendGSM7(septets[:0], r)
	return ok
}

// septetsOf returns what a character of ASCII takes on the air, where the SMSC
// sends GSM 7 bit. The backquote and the tab have no septet there: an SMSC puts
// one other character in their place.
func septetsOf(c byte) int {
	switch c {
	case '\f', '^', '{', '}', '\\', '[', '~', ']', '|':
		return 2
	}
	return 1
}

func encodeUTF16(text string) []byte {
	data := make([]byte, 0, 2*utf8.RuneCountInString(text))
	for _, r := range text {
		switch {
		case unsendable(r):
		case r <= 0xffff:
			data = binary.BigEndian.AppendUint16(data, uint16(r))
		default:
			high, low := utf16.EncodeRune(r)
			data = binary.BigEndian.AppendUint16(data, uint16(high))
			data = binary.BigEndian.AppendUint16(data, uint16(low))
		}
	}
	return data
}

// unsendable tells the control characters that have no meaning in a text.
func unsendable(r rune) bool {
	if ' ' <= r && r < 0x7f {
		return false
	}
	switch r {
	case '\n', '\r', '\f', '\t':
		return false
	}
	return unicode.IsControl(r)
}
