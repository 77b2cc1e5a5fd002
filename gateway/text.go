package gateway

import (
	"encoding/binary"
	"fmt"
)

// MaxSegments is how many segments a message may have.
const MaxSegments = 10

// User data is 140 octets, or 160 septets (3GPP TS 23.040 §9.2.3.24), and a
// concatenation header takes some of it: 6 octets with an 8-bit reference, 7
// with a 16-bit one, which are as many septets as cover them.
const (
	concatHeaderLen     = 6
	concatHeaderLenWide = 7
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

// Split chooses the encoding of a text and cuts it into the parts that carry
// it: the format's alphabet where every character has a place in it, before or
// after transliteration, and UTF-16BE otherwise. GSM 7 bit is one septet an
// octet: carriers pack them or not. No part ends within an escape sequence or a
// surrogate pair. Several parts begin with a concatenation header (3GPP TS 23.040
// §9.2.3.24.1 or .8) under reference, of which an 8-bit header takes the lower
// half, and which the caller does not use again soon for texts to the same
// customer.
//
// Control characters that no telephone shows are left out: an escape, above
// all, would make another character of its neighbour.
//
// A text with nothing to send is refused as TextEmpty, and one that needs more
// than MaxSegments SMS as TextTooLong, even where it would travel whole. Nobody
// changes the payloads, which share memory.
func Split(text string, format Format, reference uint16) ([]Part, Encoding, error) {
	data, encoding, _ := encodeText(text, format)
	if len(data) == 0 {
		return nil, encoding, &Refusal{Code: TextEmpty, Text: "There is nothing to send."}
	}
	single, part := partSizes(encoding, format.Long)
	if partLen(data, encoding, single) == len(data) {
		return []Part{{Payload: data}}, encoding, nil
	}
	total := countParts(data, encoding, part)
	if total > MaxSegments {
		return nil, encoding, tooLong(text, encoding, total, part)
	}
	if format.Long == LongPayload {
		return []Part{{Payload: data}}, encoding, nil
	}
	payloads := make([]byte, 0, len(data)+total*concatHeaderLenWide)
	parts := make([]Part, 0, total)
	for number := 1; len(data) > 0; number++ {
		n := partLen(data, encoding, part)
		begin := len(payloads)
		if format.Long == LongUDH {
			payloads = append(payloads, 5, 0, 3, byte(reference), byte(total), byte(number))
		} else {
			payloads = append(payloads, 6, 8, 4, byte(reference>>8), byte(reference), byte(total), byte(number))
		}
		payloads = append(payloads, data[:n]...)
		parts = append(parts, Part{Payload: payloads[begin:len(payloads):len(payloads)], UDH: true})
		data = data[n:]
	}
	return parts, encoding, nil
}

func tooLong(text string, encoding Encoding, segments, part int) error {
	most := MaxSegments * part
	if encoding == EncodingUCS2 {
		most /= 2
	}
	return &Refusal{Code: TextTooLong, Text: fmt.Sprintf(
		"This text has %d characters and needs %d segments; at most %d segments can be sent, about %d characters of this kind.",
		countCharacters(text), segments, MaxSegments, most)}
}

// partSizes returns what an SMS holds without a header, and with the one that a
// text of several parts has: septets, or octets in UCS-2 and Latin-1. An SMSC
// that splits a text itself is taken to use 8-bit references, as nearly all do.
func partSizes(encoding Encoding, long Long) (single, part int) {
	header := concatHeaderLen
	if long == LongUDH16 || long == LongSAR {
		header = concatHeaderLenWide
	}
	switch encoding {
	case EncodingUCS2:
		return 140, (140 - header) &^ 1
	case EncodingLatin1:
		return 140, 140 - header
	}
	return 160, (140 - header) * 8 / 7
}

func countParts(data []byte, encoding Encoding, size int) int {
	parts := 0
	for len(data) > 0 {
		data = data[partLen(data, encoding, size):]
		parts++
	}
	return parts
}

// partLen returns how many octets of data go into the next part, which holds
// size.
func partLen(data []byte, encoding Encoding, size int) int {
	if encoding == EncodingASCII {
		return partLenASCII(data, size)
	}
	if len(data) <= size {
		return len(data)
	}
	switch {
	case encoding == EncodingGSM7 && data[size-1] == escape:
		return size - 1
	case encoding == EncodingUCS2 && isHighSurrogate(binary.BigEndian.Uint16(data[size-2:])):
		return size - 2
	}
	return size
}

func isHighSurrogate(u uint16) bool { return 0xd800 <= u && u < 0xdc00 }

// partLenASCII cuts by the septets into which the SMSC turns the text.
func partLenASCII(data []byte, septets int) int {
	for i, c := range data {
		if septets -= septetsOf(c); septets < 0 {
			return i
		}
	}
	return len(data)
}
