package gateway

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AddressKind tells what an address is. Kinds are never mixed up: a short code
// is not a phone number in some country, and "1800FLOWERS" is a name.
type AddressKind uint8

const (
	AddressUnknown      AddressKind = iota // kept exactly as it came
	AddressE164                            // "+" and 7 to 15 digits
	AddressShort                           // a short code: few digits, no "+"
	AddressAlphanumeric                    // up to 11 characters, at least one letter; cannot be answered
)

var addressKindWords = [...]string{"unknown", "e164", "short", "alphanumeric"}

// String returns the word that the API uses.
func (k AddressKind) String() string {
	if int(k) >= len(addressKindWords) {
		return fmt.Sprintf("address(%d)", uint8(k))
	}
	return addressKindWords[k]
}

// Address is one end of a text. The zero Address is an unknown, empty one.
type Address struct {
	Kind  AddressKind
	Value string
}

// String returns the address as people write it.
func (a Address) String() string { return a.Value }

const (
	maxShortDigits   = 8
	minLocalDigits   = 7 // no plan has mobiles with fewer
	minE164Digits    = 7
	maxE164Digits    = 15
	maxAlphanumeric  = 11 // 3GPP TS 23.040 §9.1.2.5
	maxNumberLen     = 64 // nothing longer is looked at: no number is
	tonInternational = 1  // SMPP 3.4 §5.2.5
	tonNational      = 2
	tonAlphanumeric  = 5
)

// ParseAddress reads back an address from its kind and value, and refuses what
// no address of that kind can be.
func ParseAddress(kind AddressKind, value string) (Address, error) {
	ok := false
	switch kind {
	case AddressUnknown:
		ok = true
	case AddressE164:
		ok = isE164(value)
	case AddressShort:
		ok = value != "" && len(value) <= maxShortDigits && isDigits(value)
	case AddressAlphanumeric:
		ok = value != ""
	}
	if !ok {
		return Address{}, fmt.Errorf("address %q is not of kind %v", value, kind)
	}
	return Address{kind, value}, nil
}

// ParseConfigured reads one of our own numbers from the configuration: E.164
// with its "+", a short code of 3 to 8 digits, or a name of at most 11
// characters of the GSM alphabet with a letter among them. It corrects nothing:
// what is configured is what carriers and people see.
func ParseConfigured(s string) (Address, error) {
	switch {
	case s == "":
		return Address{}, fmt.Errorf("empty: want E.164 like +12602058900, a short code, or a name")
	case strings.HasPrefix(s, "+"):
		if !isE164(s) {
			return Address{}, fmt.Errorf("%q: want + and %d to %d digits, without spaces", s, minE164Digits, maxE164Digits)
		}
		return Address{AddressE164, s}, nil
	case isDigits(s) && len(s) <= maxShortDigits:
		if len(s) < 3 {
			return Address{}, fmt.Errorf("%q: a short code has 3 to %d digits", s, maxShortDigits)
		}
		return Address{AddressShort, s}, nil
	case !hasLetter(s):
		return Address{}, fmt.Errorf("%q: want E.164, with + and the country code", s)
	case utf8.RuneCountInString(s) > maxAlphanumeric:
		return Address{}, fmt.Errorf("%q: a name has at most %d characters", s, maxAlphanumeric)
	case strings.TrimSpace(s) != s:
		return Address{}, fmt.Errorf("%q: a name neither begins nor ends with a space", s)
	}
	for _, r := range s {
		b, ok := appendGSM7(nil, r)
		if !ok || len(b) > 1 || unicode.IsControl(r) {
			return Address{}, fmt.Errorf("%q: %q cannot be in a name", s, r)
		}
	}
	return Address{AddressAlphanumeric, s}, nil
}

// ClassifyInbound tells what the sender of a text is, from the address as it
// came and its type of number (SMPP 3.4 §5.2.5; 3GPP TS 23.040 §9.1.2.5 has the
// same). Region is the country, as ISO 3166-1 has it, of our number that was
// texted; "" where it has none. It refuses nothing: what is no possible number
// is AddressUnknown, and kept as it came.
//
// The numbering plan decides nothing. Carriers fill it in at will.
func ClassifyInbound(raw string, ton, npi uint8, region string) Address {
	s := strings.TrimSpace(strings.TrimRight(raw, "\x00"))
	if s == "" || len(s) > maxNumberLen || !utf8.ValidString(s) {
		return Address{AddressUnknown, raw}
	}
	if ton == tonAlphanumeric || hasLetter(s) {
		return Address{AddressAlphanumeric, s}
	}
	digits, plus, ok := dialled(s)
	if !ok {
		return Address{AddressUnknown, raw}
	}
	if n, ok := readNumber(digits, plus || ton == tonInternational, ton, region); ok {
		return Address{AddressE164, n.e164}
	}
	if !plus && len(digits) <= maxShortDigits {
		return Address{AddressShort, digits}
	}
	return Address{AddressUnknown, raw}
}

// readNumber finds the one reading of the digits that is a number. The
// international one is meant where there is a "+" or what stands for it.
// Otherwise the national one goes first, and the other is for the many carriers
// that leave out "+" and the type of number.
func readNumber(digits string, international bool, ton uint8, region string) (number, bool) {
	few := len(digits) <= maxShortDigits
	if international || !few && strings.HasPrefix(digits, "00") {
		if away := abroad(digits); away.possible() {
			return away, true
		}
		home := national(digits, region)
		return home, home.possible() && (!few || home.valid())
	}
	if few {
		return readFew(digits, ton, region)
	}
	home := national(digits, region)
	homeValid := home.valid()
	if homeValid && (ton == tonNational || home.mayBeMobile()) {
		return home, true
	}
	away := abroad(digits)
	switch {
	case homeValid && !likelier(away, home):
		return home, true
	case away.valid():
		return away, true
	case home.possible():
		return home, true
	}
	return away, away.possible()
}

// readFew tells mobiles from short codes where numbers are that short: short
// codes are not in the plan.
func readFew(digits string, ton uint8, region string) (number, bool) {
	if len(digits) < minLocalDigits {
		return number{}, false
	}
	home := national(digits, region)
	return home, home.valid() && (ton == tonNational || home.mayBeMobile())
}

// dialled returns the digits of what is written like a number, and whether a
// "+" stands before them. Numbers that are pasted bring unseen marks of writing
// direction with them.
func dialled(s string) (digits string, plus, ok bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9':
			b.WriteRune(r)
		case r == '+' && !plus && b.Len() == 0:
			plus = true
		case strings.ContainsRune("-./()\u2010\u2011\u2012\u2013", r), unicode.IsSpace(r), unicode.Is(unicode.Cf, r):
		default:
			return "", plus, false
		}
	}
	return b.String(), plus, b.Len() > 0
}

func isE164(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && len(digits) >= minE164Digits && len(digits) <= maxE164Digits && digits[0] != '0' && isDigits(digits)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func hasLetter(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }
