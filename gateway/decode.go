package gateway

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"
)

// Decode reads the whole user data of a text, its parts joined, without
// headers; GSM 7 bit with the national language tables that its headers name.
// Nothing is refused because of its content: what has no character becomes
// U+FFFD. The encoding is that of the payload, or with a coding of eight
// bits that in which the same text would be sent. Binary data has no text. The
// error is of a coding that is none.
func Decode(coding Coding, shift Shift, payload []byte) (string, Encoding, error) {
	var text string
	switch coding {
	case CodingGSM7:
		// No zeros are cut off here: the septet 0 is "@".
		return decodeGSM7(payload, shift), EncodingGSM7, nil
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
	_, encoding, _ := encodeText(text, Format{})
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
	text, _ := m.NewDecoder().String(string(payload)) // no octet is refused
	return text
}

// withoutNULs cuts off the zeros with which some carriers end or fill a text.
// Within one they are no character, and PostgreSQL would not keep them.
func withoutNULs(text string) string {
	text = strings.TrimRight(text, "\x00")
	return strings.ReplaceAll(text, "\x00", string(unknown))
}
