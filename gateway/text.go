package gateway

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// MaxSegments is how many segments a message may have.
const MaxSegments = 10

// User data is 140 octets, or 160 septets (3GPP TS 23.040 §9.2.3.24). A
// concatenation header with an 8-bit reference takes 6 octets of it, or 7
// septets. Septets are counted here one an octet: carriers pack them or not.
const (
	concatHeaderLen = 6
	gsm7Single      = 160
	gsm7Part        = 153
	ucs2Single      = 140
	ucs2Part        = 134
)

// Format is how a carrier takes texts. The zero Format is what most take: GSM 7
// bit, and concatenation by a header with an 8-bit reference.
type Format struct {
	Alphabet      Alphabet
	Long          Long
	Transliterate Transliteration
}

// Alphabet is a carrier's default alphabet: what is not in it travels as UCS-2.
type Alphabet uint8

const (
	AlphabetGSM7 Alphabet = iota
	AlphabetLatin1
	AlphabetASCII
)

// Long is how a text of several parts travels.
type Long uint8

const (
	LongUDH     Long = iota // user data headers with an 8-bit reference (3GPP TS 23.040 §9.2.3.24.1)
	LongUDH16               // with a 16-bit one (§9.2.3.24.8)
	LongSAR                 // as LongUDH16, of which the carrier makes SAR parameters (SMPP 3.4 §5.3.2.22)
	LongPayload             // whole, in one segment, which the carrier's SMSC splits
)

// Transliteration is what may be replaced in a text where that keeps it in the
// carrier's default alphabet.
type Transliteration uint8

const (
	TransliterateNone        Transliteration = iota
	TransliteratePunctuation                 // typographic quotes, dashes, spaces and dots
	TransliterateAll                         // letters, too: accents are lost
)

// Part is the payload of one segment.
type Part struct {
	Payload []byte // the user data header, if any, and the user data
	UDH     bool
}

// Split chooses the alphabet of a text and cuts it into the parts that carry
// it: GSM 7 bit, one septet an octet, where every character has a place in it,
// and UTF-16BE otherwise. No part ends within an escape sequence or a surrogate
// pair. Several parts begin with a concatenation header (3GPP TS 23.040
// §9.2.3.24.1) under ref, which the caller does not use again soon for texts to
// the same customer.
//
// Control characters that no telephone shows are left out: an escape, above
// all, would make another character of its neighbour.
//
// A text with nothing to send is refused as TextEmpty, and one that needs more
// than MaxSegments parts as TextTooLong. Nobody changes the payloads, which
// share memory.
func Split(text string, format Format, reference uint16) ([]Part, Encoding, error) {
	ref := uint8(reference)
	data, encoding := encodeText(text)
	if len(data) == 0 {
		return nil, encoding, &Refusal{Code: TextEmpty, Text: "There is nothing to send."}
	}
	single, part := partSizes(encoding)
	if len(data) <= single {
		return []Part{{Payload: data}}, encoding, nil
	}
	total := countParts(data, encoding, part)
	if total > MaxSegments {
		return nil, encoding, tooLong(text, encoding, total)
	}
	payloads := make([]byte, 0, len(data)+total*concatHeaderLen)
	parts := make([]Part, 0, total)
	for number := 1; len(data) > 0; number++ {
		n := partLen(data, encoding, part)
		begin := len(payloads)
		payloads = append(payloads, 5, 0, 3, ref, byte(total), byte(number))
		payloads = append(payloads, data[:n]...)
		parts = append(parts, Part{Payload: payloads[begin:len(payloads):len(payloads)], UDH: true})
		data = data[n:]
	}
	return parts, encoding, nil
}

// SegmentCount returns how many segments a text needs, and in which alphabet;
// it may be more than MaxSegments. A text with nothing to send needs none.
func SegmentCount(text string) (int, Encoding) {
	data, encoding := encodeText(text)
	single, part := partSizes(encoding)
	switch {
	case len(data) == 0:
		return 0, encoding
	case len(data) <= single:
		return 1, encoding
	}
	return countParts(data, encoding, part), encoding
}

func tooLong(text string, encoding Encoding, segments int) error {
	most := MaxSegments * gsm7Part
	if encoding == EncodingUCS2 {
		most = MaxSegments * ucs2Part / 2
	}
	return &Refusal{Code: TextTooLong, Text: fmt.Sprintf(
		"This text has %d characters and needs %d segments; at most %d segments can be sent, about %d characters of this kind.",
		utf8.RuneCountInString(text), segments, MaxSegments, most)}
}

func partSizes(encoding Encoding) (single, part int) {
	if encoding == EncodingGSM7 {
		return gsm7Single, gsm7Part
	}
	return ucs2Single, ucs2Part
}

func countParts(data []byte, encoding Encoding, size int) int {
	parts := 0
	for len(data) > 0 {
		data = data[partLen(data, encoding, size):]
		parts++
	}
	return parts
}

// partLen returns how much of data the next part of at most size octets takes.
func partLen(data []byte, encoding Encoding, size int) int {
	if len(data) <= size {
		return len(data)
	}
	if encoding == EncodingGSM7 {
		if data[size-1] == escape {
			return size - 1
		}
		return size
	}
	if isHighSurrogate(binary.BigEndian.Uint16(data[size-2:])) {
		return size - 2
	}
	return size
}

func isHighSurrogate(u uint16) bool { return 0xd800 <= u && u < 0xdc00 }

// encodeText returns the whole user data of a text.
func encodeText(text string) ([]byte, Encoding) {
	data := make([]byte, 0, len(text)+len(text)/8)
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
			return encodeUTF16(text), EncodingUCS2
		}
	}
	return data, EncodingGSM7
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

// Decode reads the whole user data of a text, its parts joined, without
// headers. Nothing is refused because of its content: what has no character
// becomes U+FFFD. The encoding is that of the payload, or with a coding of eight
// bits that in which the same text would be sent. Binary data has no text. The
// error is of a coding that is none.
func Decode(coding Coding, payload []byte) (string, Encoding, error) {
	var text string
	switch coding {
	case CodingGSM7:
		// No zeros are cut off here: the septet 0 is "@".
		return decodeGSM7(payload), EncodingGSM7, nil
	case CodingUCS2:
		return withoutNULs(decodeUTF16(payload)), EncodingUCS2, nil
	case CodingBinary:
		return "", EncodingBinary, nil
	case CodingLatin1, CodingASCII:
		// Those who announce ASCII and send more than it mean Latin-1.
		text = decodeCharmap(charmap.ISO8859_1, payload)
	case CodingISO8859_5:
		text = decodeCharmap(charmap.ISO8859_5, payload)
	case CodingISO8859_8:
		text = decodeCharmap(charmap.ISO8859_8, payload)
	default:
		return "", EncodingBinary, fmt.Errorf("coding %d is not known", coding)
	}
	text = withoutNULs(text)
	_, encoding := encodeText(text)
	return text, encoding, nil
}

// decodeUTF16 reads UTF-16BE, or little-endian after its byte order mark, which
// some carriers send though UCS-2 has none. An odd octet at the end is cut off.
func decodeUTF16(payload []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	if len(payload) >= 2 {
		switch binary.BigEndian.Uint16(payload) {
		case 0xfeff:
			payload = payload[2:]
		case 0xfffe:
			order, payload = binary.LittleEndian, payload[2:]
		}
	}
	units := make([]uint16, len(payload)/2)
	for i := range units {
		units[i] = order.Uint16(payload[2*i:])
	}
	return string(utf16.Decode(units))
}

func decodeCharmap(m *charmap.Charmap, payload []byte) string {
	var b strings.Builder
	b.Grow(len(payload))
	for _, c := range payload {
		b.WriteRune(m.DecodeByte(c))
	}
	return b.String()
}

// withoutNULs cuts off the zeros with which some carriers end or fill a text.
// Within one they are no character, and PostgreSQL would not keep them.
func withoutNULs(text string) string {
	text = strings.TrimRight(text, "\x00")
	return strings.ReplaceAll(text, "\x00", string(unknown))
}
