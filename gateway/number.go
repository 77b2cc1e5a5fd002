package gateway

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// ParsedNumber is what a number that a person or program wrote is taken for.
type ParsedNumber struct {
	Address  Address // where a text would go; the zero Address if nowhere
	E164     string  // "" unless it is a possible phone number
	Kind     string  // "mobile", "fixed", "fixed_or_mobile", "toll_free" and so on; "short", "alphanumeric", "emergency", "unknown" if possible but not valid, "invalid"
	Possible bool    // a text can be tried
	Valid    bool    // the numbering plan has it
	// Suggestion is what may have been meant, in E.164: the number itself where
	// it was written otherwise, or a guess. It is "" where there is none.
	Suggestion string
	National   string // as it is written in its country
}

// ParseNumber reads a destination as people type it: "(260) 205-8901" in the
// region US, with "+", with an international prefix, a short code. Letters are
// never turned into digits but for a suggestion.
func ParseNumber(input, region string) ParsedNumber {
	s := strings.TrimSpace(input)
	region = strings.ToUpper(region)
	invalid := ParsedNumber{Kind: "invalid"}
	if s == "" || len(s) > maxNumberLen {
		return invalid
	}
	if hasLetter(s) {
		invalid.Kind = "alphanumeric"
		if n := parse(s, region); n.valid() {
			invalid.Suggestion = n.e164
		}
		return invalid
	}
	digits, plus, ok := dialled(s)
	if !ok {
		return invalid
	}
	if !plus && len(digits) <= maxShortDigits {
		return parseFew(digits, region)
	}
	meant, other := national(digits, region), abroad(digits)
	if plus || strings.HasPrefix(digits, "00") && (other.possible() || !meant.possible()) || likelier(other, meant) {
		meant, other = other, meant
	}
	p := invalid
	if meant.possible() {
		p = meant.parsed()
	}
	switch {
	case !p.Valid && other.valid(), !p.Possible && !plus:
		p.Suggestion = other.e164
	case s != p.E164:
		p.Suggestion = p.E164
	}
	return p
}

// parseFew reads few digits without "+": an emergency service, a number where
// numbers are that short, or a short code, which is a matter of the carrier.
func parseFew(digits, region string) ParsedNumber {
	if isEmergency(digits, region) {
		return ParsedNumber{Kind: "emergency", National: digits}
	}
	if n := national(digits, region); len(digits) >= minLocalDigits && n.valid() {
		p := n.parsed()
		p.Suggestion = p.E164
		return p
	}
	if len(digits) < 3 || len(digits) >= minLocalDigits {
		return ParsedNumber{Kind: "invalid"}
	}
	return ParsedNumber{
		Address:  Address{AddressShort, digits},
		Kind:     "short",
		Possible: true,
		Valid:    true,
		National: digits,
	}
}

// NoEmergencies is what who texts an emergency number is told.
const NoEmergencies = "Emergency services cannot be reached by text from here. Call them."

// Emergency tells whether a is an emergency number as it is dialled in the region.
func (a Address) Emergency(region string) bool {
	return a.Kind == AddressShort && isEmergency(a.Value, region)
}

// isEmergency tells numbers that nobody must take for reachable by text: those
// of the region, and the ones that are known everywhere.
func isEmergency(digits, region string) bool {
	switch digits {
	case "112", "911", "999":
		return true
	}
	return phonenumbers.IsEmergencyNumber(digits, region)
}

// number is one reading of digits. The zero number is none.
type number struct {
	parsedAs *phonenumbers.PhoneNumber
	e164     string
}

func (n number) possible() bool { return n.parsedAs != nil }

func (n number) valid() bool { return n.possible() && phonenumbers.IsValidNumber(n.parsedAs) }

// national reads digits as they are dialled in the region, with its prefixes.
func national(digits, region string) number {
	if region == "" {
		return number{}
	}
	return parse(digits, strings.ToUpper(region))
}

// abroad reads digits that begin with a country code, perhaps after "00".
func abroad(digits string) number {
	return parse("+"+strings.TrimPrefix(digits, "00"), "")
}

func parse(s, region string) number {
	p, err := phonenumbers.Parse(s, region)
	// What is possible only within a local area cannot be texted.
	if err != nil || phonenumbers.IsPossibleNumberWithReason(p) != phonenumbers.IS_POSSIBLE {
		return number{}
	}
	e164 := phonenumbers.Format(p, phonenumbers.E164)
	if !isE164(e164) {
		return number{}
	}
	return number{p, e164}
}

// likelier tells whether digits without "+" are rather read as beginning with a
// country code although the national reading is valid: where that is no mobile,
// and the other is. In Germany 4915112345678 would be a landline, too.
func likelier(away, home number) bool {
	return away.valid() && away.mayBeMobile() && home.valid() && !home.mayBeMobile()
}

func (n number) mayBeMobile() bool {
	k := n.kind()
	return k == "mobile" || k == "fixed_or_mobile"
}

func (n number) parsed() ParsedNumber {
	return ParsedNumber{
		Address:  Address{AddressE164, n.e164},
		E164:     n.e164,
		Kind:     n.kind(),
		Possible: true,
		Valid:    n.valid(),
		National: phonenumbers.Format(n.parsedAs, phonenumbers.NATIONAL),
	}
}

func (n number) kind() string {
	switch phonenumbers.GetNumberType(n.parsedAs) {
	case phonenumbers.MOBILE:
		return "mobile"
	case phonenumbers.FIXED_LINE:
		return "fixed"
	case phonenumbers.FIXED_LINE_OR_MOBILE:
		return "fixed_or_mobile"
	case phonenumbers.TOLL_FREE:
		return "toll_free"
	case phonenumbers.PREMIUM_RATE:
		return "premium_rate"
	case phonenumbers.SHARED_COST:
		return "shared_cost"
	case phonenumbers.VOIP:
		return "voip"
	case phonenumbers.PERSONAL_NUMBER:
		return "personal"
	case phonenumbers.PAGER:
		return "pager"
	case phonenumbers.UAN:
		return "uan"
	case phonenumbers.VOICEMAIL:
		return "voicemail"
	}
	return "unknown"
}
