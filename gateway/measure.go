package gateway

import (
	"strings"
	"unicode"
)

// Measurement is what a text comes to on a carrier.
type Measurement struct {
	Encoding   Encoding
	Segments   int    // SMS that it needs on the air: 0 with nothing to send, and perhaps more than MaxSegments
	Characters int    // as people count those of Text
	Units      int    // septets, octets of Latin-1 or UTF-16 code units, without headers
	Room       int    // units that still fit into the last SMS
	Text       string // as it is sent: transliterated, and without control characters
}

// Measure says what Split makes of a text, and of what it refuses why. With
// LongPayload it counts the SMS into which the SMSC splits it.
func Measure(text string, format Format) Measurement {
	data, encoding, sent := encodeText(text, format)
	m := Measurement{Encoding: encoding, Text: sendable(sent)}
	m.Characters = countCharacters(m.Text)
	size, part := partSizes(encoding, format.Long)
	if partLen(data, encoding, size) < len(data) {
		size = part
	}
	last := 0
	for len(data) > 0 {
		n := partLen(data, encoding, size)
		last = countUnits(data[:n], encoding)
		m.Units += last
		m.Segments++
		data = data[n:]
	}
	if encoding == EncodingUCS2 {
		size /= 2
	}
	m.Room = size - last
	return m
}

func countUnits(data []byte, encoding Encoding) int {
	switch encoding {
	case EncodingUCS2:
		return len(data) / 2
	case EncodingASCII:
		n := 0
		for _, c := range data {
			n += septetsOf(c)
		}
		return n
	}
	return len(data)
}

// sendable leaves out what Split does. What is no UTF-8 becomes U+FFFD.
func sendable(text string) string {
	return strings.Map(func(r rune) rune {
		if unsendable(r) {
			return -1
		}
		return r
	}, text)
}

// countCharacters counts what people see as one character: nearly the extended
// grapheme clusters of Unicode (UAX #29), without tables of our own.
func countCharacters(text string) int {
	n := 0
	before, flag := rune(-1), false // flag: before opened a flag, which is two regional indicators
	for _, r := range text {
		joined := before >= 0 && (unicode.Is(unicode.M, r) || r == zeroWidthJoiner ||
			0x1f3fb <= r && r <= 0x1f3ff || 0xe0020 <= r && r <= 0xe007f || // the colour of a skin, and the region of a flag
			before == zeroWidthJoiner && unicode.Is(unicode.So, r) || before == '\r' && r == '\n')
		regional := 0x1f1e6 <= r && r <= 0x1f1ff
		if !joined && !(regional && flag) {
			n++
		}
		before, flag = r, regional && !flag
	}
	return n
}

const zeroWidthJoiner = '\u200d'
