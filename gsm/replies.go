package gsm

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// The parsers of this package take one line, with or without its line end, and
// are liberal: spaces, quotes and fields may be missing or be too many. False
// says that the line is another one, or has not what matters. None of them keeps
// the line.

// payload returns what follows "+CREG:" of a line, whatever its case. Some say
// "+CSMS=(0)" to AT+CSMS=?.
func payload(line, name string) (string, bool) {
	line = strings.TrimSpace(line)
	if len(line) < len(name) || !strings.EqualFold(line[:len(name)], name) {
		return "", false
	}
	rest := strings.TrimLeft(line[len(name):], " \t")
	if rest == "" || rest[0] != ':' && rest[0] != '=' {
		return "", false
	}
	return strings.TrimSpace(rest[1:]), true
}

// field is one of a line's values.
type field struct {
	text   string // without quotes
	quoted bool
}

// fields splits a line at its commas but for those in quotes and parentheses. A
// quote that nothing closes ends with its field: at the end, or where a comma and
// a quote follow and the quotes that are left make pairs.
func fields(s string) []field {
	var list []field
	depth, start, quote := 0, 0, false
	quotes := strings.Count(s, `"`) // that are still to come
	add := func(end int) {
		text := strings.TrimSpace(s[start:end])
		f := field{text: text}
		if strings.HasPrefix(text, `"`) {
			f.quoted = true
			f.text = strings.TrimSuffix(text[1:], `"`)
		}
		list = append(list, f)
		start = end + 1
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quote = !quote
			quotes--
		case c == ',' && quote && i+1 < len(s) && s[i+1] == '"' && s[i-1] != '"' && quotes%2 == 0:
			quote = false
			add(i)
		case quote:
		case c == '(':
			depth++
		case c == ')':
			depth = max(depth-1, 0)
		case c == ',' && depth == 0:
			add(i)
		}
	}
	add(len(s))
	return list
}

// at returns a field, empty beyond the last.
func at(list []field, i int) field {
	if i < len(list) {
		return list[i]
	}
	return field{}
}

// number reads a field that is a decimal number.
func (f field) number() (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(f.text))
	return n, err == nil
}

// or reads a number, and is d where there is none.
func (f field) or(d int) int {
	if n, ok := f.number(); ok {
		return n
	}
	return d
}

// hex reads a hexadecimal number; what is none, or 0, is 0.
func (f field) hex() uint64 {
	n, err := strconv.ParseUint(f.text, 16, 64)
	if err != nil {
		return 0
	}
	return n
}

// group returns the values in parentheses, or the one without: (0,1,3), (0-2), "ME".
func group(f field) []field {
	text := f.text
	if f.quoted {
		return []field{f}
	}
	text, open := strings.CutPrefix(text, "(")
	text = strings.TrimSpace(strings.TrimSuffix(text, ")"))
	if text == "" {
		return nil
	}
	if !open {
		return []field{{text: text}}
	}
	return fields(text)
}

// maxRange bounds a range of numbers: parameters have no more values, and a
// modem that says so is not taken at its word.
const maxRange = 256

// numbers returns the numbers of a group, its ranges written out.
func numbers(f field) []int {
	var list []int
	for _, v := range group(f) {
		from, to, isRange := strings.Cut(v.text, "-")
		a, ok := field{text: from}.number()
		if !ok || a < 0 {
			continue
		}
		b := a
		if isRange {
			b = field{text: to}.or(a)
		}
		for n := a; n <= b && len(list) < maxRange; n++ {
			list = append(list, n)
		}
	}
	return list
}

// texts returns the values of a group.
func texts(f field) []string {
	var list []string
	for _, v := range group(f) {
		if v.text != "" {
			list = append(list, v.text)
		}
	}
	return list
}

// characters reads a text in the character set of the terminal, which nobody
// sets: GSM 7 bit as octets (3GPP TS 27.007 §5.5), or UCS-2 in hexadecimal where
// the modem was left with that. What is ASCII in both is in most names.
func characters(s string) string {
	if t, ok := ucs2Hex(s); ok {
		return t
	}
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 && r >= ' ' {
			r = alphabet[r]
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ucs2Hex reads UCS-2 in hexadecimal. It is told from other hexadecimal digits
// by being in one script, with ASCII between.
func ucs2Hex(s string) (string, bool) {
	if len(s) < 8 || len(s)%4 != 0 {
		return "", false
	}
	octets, err := hex.DecodeString(s)
	if err != nil {
		return "", false
	}
	page := byte(0)
	for i := 0; i < len(octets); i += 2 {
		switch p := octets[i]; {
		case p == 0x00 && octets[i+1] < ' ' && !strings.ContainsRune("\r\n\t", rune(octets[i+1])):
			return "", false
		case p == 0x00, p == 0x20: // Latin; dashes, quotes and the euro
		case p <= 0x0f && (page == 0 || p == page): // the alphabets up to those of India
			page = p
		case isEastAsian(p) && len(s) >= 16 && (page == 0 || isEastAsian(page)):
			page = p
		default:
			return "", false
		}
	}
	return decodeUCS2(octets), true
}

// isEastAsian tells the pages of Chinese, Japanese and Korean characters. They
// are so many that a few hexadecimal digits prove nothing.
func isEastAsian(page byte) bool {
	return page == 0x30 || 0x4e <= page && page <= 0x9f || 0xac <= page && page <= 0xd7 || page == 0xff
}
