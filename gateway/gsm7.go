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

// gsm7Foreign returns the septet of a character outside ASCII. Every septet
// that is not a letter or sign of ASCII lies in one of three rows.
func gsm7Foreign(r rune) (byte, bool) {
	for _, row := range [...][2]byte{{0x00, 0x20}, {0x5b, 0x61}, {0x7b, 0x80}} {
		for s := row[0]; s < row[1]; s++ {
			if gsm7Alphabet[s] == r && s != escape {
				return s, true
			}
		}
	}
	switch r {
	case '¤':
		return 0x24, true
	case '¡':
		return 0x40, true
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
