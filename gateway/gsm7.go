package gateway

// The GSM 7 bit default alphabet is written out here, and only compared with
// that of warthog618/sms by the tests: the library fills its maps at first use
// without a lock, and a table is an order of magnitude faster than its maps.

const (
	escape  = 0x1b // the next septet is of the extension table
	unknown = '\uFFFD'
)

// gsm7Alphabet is the basic character set, 3GPP TS 23.038 §6.2.1. The escape
// has no character.
var gsm7Alphabet = [128]rune{
	'@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
	'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', unknown, 'Æ', 'æ', 'ß', 'É',
	' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
	'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
	'¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
	'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
	'¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
	'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
}

// gsm7Extension is what a septet means after an escape (3GPP TS 23.038
// §6.2.1.1). One without a character here stands for its character of the basic
// set, as the specification has it.
var gsm7Extension = [128]rune{
	0x0a: '\f', 0x14: '^', 0x28: '{', 0x29: '}', 0x2f: '\\', 0x3c: '[', 0x3d: '~', 0x3e: ']', 0x40: '|', 0x65: '€',
}

// isSeptet tells the characters whose septet is their code in ASCII: most of
// most texts.
func isSeptet(r rune) bool {
	return 'a' <= r && r <= 'z' || ' ' <= r && r <= '?' && r != '$' || 'A' <= r && r <= 'Z' || r == '\n' || r == '\r'
}

// appendGSM7 appends the septets of a character, one an octet, and tells
// whether it has any.
func appendGSM7(b []byte, r rune) ([]byte, bool) {
	if isSeptet(r) {
		return append(b, byte(r)), true
	}
	switch r {
	case '\f':
		return append(b, escape, 0x0a), true
	case '^':
		return append(b, escape, 0x14), true
	case '{':
		return append(b, escape, 0x28), true
	case '}':
		return append(b, escape, 0x29), true
	case '\\':
		return append(b, escape, 0x2f), true
	case '[':
		return append(b, escape, 0x3c), true
	case '~':
		return append(b, escape, 0x3d), true
	case ']':
		return append(b, escape, 0x3e), true
	case '|':
		return append(b, escape, 0x40), true
	case '€':
		return append(b, escape, 0x65), true
	case '@':
		return append(b, 0x00), true
	case '$':
		return append(b, 0x02), true
	case '_':
		return append(b, 0x11), true
	}
	s, ok := gsm7Foreign(r)
	if !ok {
		return b, false
	}
	return append(b, s), true
}

// gsm7Latin1 holds the septets of the characters of Latin-1 from 0xa0 on; 0,
// which is "@", is of those that have none.
var gsm7Latin1 = [96]byte{
	'£' - 0xa0: 0x01, '¥' - 0xa0: 0x03, 'è' - 0xa0: 0x04, 'é' - 0xa0: 0x05, 'ù' - 0xa0: 0x06, 'ì' - 0xa0: 0x07, 'ò' - 0xa0: 0x08, 'Ç' - 0xa0: 0x09,
	'Ø' - 0xa0: 0x0b, 'ø' - 0xa0: 0x0c, 'Å' - 0xa0: 0x0e, 'å' - 0xa0: 0x0f, 'Æ' - 0xa0: 0x1c, 'æ' - 0xa0: 0x1d, 'ß' - 0xa0: 0x1e, 'É' - 0xa0: 0x1f,
	'¤' - 0xa0: 0x24, '¡' - 0xa0: 0x40, 'Ä' - 0xa0: 0x5b, 'Ö' - 0xa0: 0x5c, 'Ñ' - 0xa0: 0x5d, 'Ü' - 0xa0: 0x5e, '§' - 0xa0: 0x5f, '¿' - 0xa0: 0x60,
	'ä' - 0xa0: 0x7b, 'ö' - 0xa0: 0x7c, 'ñ' - 0xa0: 0x7d, 'ü' - 0xa0: 0x7e, 'à' - 0xa0: 0x7f,
}

// gsm7Foreign returns the septet of a character outside ASCII.
func gsm7Foreign(r rune) (byte, bool) {
	if 0xa0 <= r && r <= 0xff {
		s := gsm7Latin1[r-0xa0]
		return s, s != 0
	}
	for s := byte(0x10); s < escape; s++ { // the capitals of Greek
		if gsm7Alphabet[s] == r {
			return s, true
		}
	}
	return 0, false
}

// decodeGSM7 reads unpacked septets. What is none becomes U+FFFD, so that it is
// neither lost nor taken for something else.
func decodeGSM7(payload []byte, shift Shift) string {
	basic, extension := gsm7Tables(shift)
	b := make([]rune, 0, len(payload))
	for i := 0; i < len(payload); i++ {
		s, r := payload[i], rune(0)
		if s == escape {
			if i++; i == len(payload) {
				b = append(b, unknown)
				break
			}
			if s = payload[i]; s < 0x80 {
				r = extension[s]
			}
		}
		if r == 0 && s < 0x80 {
			r = basic[s]
		}
		if r == 0 {
			r = unknown
		}
		b = append(b, r)
	}
	return string(b)
}
