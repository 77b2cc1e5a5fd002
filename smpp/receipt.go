package smpp

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
)

// Receipt is what a carrier says of a message that it accepted.
type Receipt struct {
	MessageID string // of the receipted_message_id parameter, else of the text
	// TextID is the id in the text where that is another one: carriers write the
	// same id in hexadecimal here and in decimal there.
	TextID       string
	State        State
	Word         string // "DELIVRD": the text's word, upper case, or empty
	Err          string // the carrier's error code; never a number: "0B", "010"
	Submit, Done time.Time
	Intermediate bool // never final, whatever the word (SMPP 3.4 §5.2.12)
	// UserReference is the user_message_reference that the submit_sm had (SMPP 3.4
	// §5.3.2.17), where the SMSC repeats it, or 0.
	UserReference uint16
	Text          string // of the message, as far as it is quoted; octets as they came
	Raw           string // the receipt's own text
}

// ReceiptKind says whether a message is a receipt.
type ReceiptKind uint8

const (
	NotReceipt   ReceiptKind = iota
	MaybeReceipt             // it has an id and a word, but nothing marks it: a receipt if the id is known
	IsReceipt
)

// ParseReceipt reads a delivery receipt: what marks it is esm_class or a
// receipted_message_id, what it says is in parameters and text, and parameters
// count for more. Nothing about the text is relied on: fields come in any order
// and case, or not at all. Dates without a zone are of loc; one that is no date,
// or could be two, is zero. An acknowledgement by the recipient's phone (esm_class
// 0x08) is a receipt only if it reads like one: it may be a text.
func ParseReceipt(m *ShortMessage, loc *time.Location) (Receipt, ReceiptKind) {
	kind := NotReceipt
	var r Receipt
	r.MessageID = m.TLVs.String(TagReceiptedMessageID)
	esm := m.ESMClass & esmType
	r.Intermediate = esm&esmIntermed != 0
	if r.MessageID != "" || r.Intermediate || esm == esmReceipt {
		kind = IsReceipt
	} else if esm != 0 && esm != esmAcknowledge {
		return Receipt{}, NotReceipt
	}
	body := m.Message
	if m.ESMClass&esmUDHI != 0 {
		if h, ok := parseUDH(body); ok {
			body = body[len(h.octets):]
		}
	}
	r.Raw = receiptText(body)
	s := receiptScanner{s: r.Raw, loc: loc, r: &r}
	s.scan()
	if kind == NotReceipt {
		if s.id == "" || r.Word == "" {
			return Receipt{}, NotReceipt
		}
		kind = MaybeReceipt
		if esm == esmAcknowledge {
			kind = IsReceipt
		}
	}
	if r.MessageID == "" {
		r.MessageID = s.id
	} else if s.id != r.MessageID {
		r.TextID = s.id
	}
	r.State = ParseState(r.Word)
	if n, ok := m.TLVs.Uint(TagMessageState); ok {
		if state, ok := stateOf(n); ok {
			r.State = state
		}
	}
	if n, ok := m.TLVs.Uint(TagUserMessageReference); ok {
		r.UserReference = uint16(n)
	}
	if code, ok := m.TLVs.Get(TagNetworkErrorCode); ok && r.Err == "" && len(code) == 3 {
		r.Err = fmt.Sprintf("%03d", int(code[1])<<8|int(code[2])) // SMPP 3.4 §5.3.2.31
	}
	return r, kind
}

// receiptText returns the octets of a receipt's text. data_coding is no help:
// peers copy it from the message. UTF-16 shows itself by its mark or its NULs.
func receiptText(b []byte) string {
	if len(b)%2 == 1 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if len(b) >= 4 && len(b)%2 == 0 {
		switch {
		case b[0] == 0xFE && b[1] == 0xFF, b[0] == 0 && b[1] != 0 && b[2] == 0 && b[3] != 0:
			return utf16Text(b, 0)
		case b[0] == 0xFF && b[1] == 0xFE, b[0] != 0 && b[1] == 0 && b[2] != 0 && b[3] == 0:
			return utf16Text(b, 1)
		}
	}
	return strings.TrimRight(string(b), padding)
}

// padding is what peers put behind the text of a receipt.
const padding = "\x00\r\n"

// utf16Text reads pairs of octets, the higher of which is the one at high.
func utf16Text(b []byte, high int) string {
	u := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		u = append(u, uint16(b[i+high])<<8|uint16(b[i+1-high]))
	}
	return strings.TrimRight(strings.TrimPrefix(string(utf16.Decode(u)), "\uFEFF"), padding)
}

// receiptScanner looks for labels in the text of a receipt.
type receiptScanner struct {
	s    string
	at   int
	loc  *time.Location
	r    *Receipt
	id   string
	bare string // a known word that stands alone: the label "stat:" is missing
	seen uint8  // labels that were found: the first of each counts
}

const (
	labelNone uint8 = 0
	labelID   uint8 = 1 << iota
	labelStat
	labelErr
	labelSubmit
	labelDone
	labelOther
	labelText
)

func (s *receiptScanner) scan() {
	for {
		token, colon := s.token()
		if token == "" && !colon {
			break
		}
		if !colon {
			if s.bare == "" && stateWords[token] != StateUnrecognised {
				s.bare = token
			}
			continue
		}
		label := labelOf(token)
		if label == labelText {
			s.r.Text = s.s[s.at:]
			if !s.fieldFollows() {
				break
			}
			s.r.Text = ""
			continue
		}
		value := s.value()
		if label == labelNone || s.seen&label != 0 {
			continue
		}
		s.seen |= label
		switch label {
		case labelID:
			s.id = value
		case labelStat:
			s.r.Word = strings.ToUpper(value)
		case labelErr:
			s.r.Err = value
		case labelSubmit:
			s.r.Submit = parseDate(value, s.loc)
		case labelDone:
			s.r.Done = parseDate(value, s.loc)
		}
	}
	if s.seen&labelStat == 0 {
		s.r.Word = s.bare
	}
}

// fieldFollows reports whether "text:" is empty and followed by a field that is
// still missing, as where it is not the last one.
func (s *receiptScanner) fieldFollows() bool {
	rest := *s
	token, colon := rest.token()
	label := labelOf(token)
	return colon && label != labelNone && label != labelText && label != labelOther && s.seen&label == 0
}

// token returns the next word up to a blank or a colon, which it passes. A date's
// label of two words is one token.
func (s *receiptScanner) token() (token string, colon bool) {
	for s.at < len(s.s) && blank(s.s[s.at]) {
		s.at++
	}
	start := s.at
	for ; s.at < len(s.s); s.at++ {
		if c := s.s[s.at]; c == ':' {
			s.at++
			return s.s[start : s.at-1], true
		} else if blank(c) {
			word := s.s[start:s.at]
			if len(s.s)-s.at > 5 && s.s[s.at+5] == ':' && (fold(word, "submit") || fold(word, "done")) && fold(s.s[s.at+1:s.at+5], "date") {
				s.at += 6
				return word, true
			}
			return word, false
		}
	}
	return s.s[start:], false
}

// value returns what follows a label: a word, which may come after a blank.
func (s *receiptScanner) value() string {
	if s.at < len(s.s) && blank(s.s[s.at]) {
		peek := *s
		token, colon := peek.token()
		if colon || token == "" || stateWords[token] != StateUnrecognised && s.seen&labelStat != 0 {
			return ""
		}
		s.at = peek.at
		return token
	}
	start := s.at
	for s.at < len(s.s) && !blank(s.s[s.at]) {
		s.at++
	}
	return s.s[start:s.at]
}

// labelOf knows the labels, also with junk before them that no name has.
func labelOf(token string) uint8 {
	for i := len(token) - 1; i >= 0; i-- {
		if c := token[i]; c != '_' && !('a' <= c|0x20 && c|0x20 <= 'z') && !('0' <= c && c <= '9') {
			token = token[i+1:]
			break
		}
	}
	switch len(token) {
	case 2:
		if fold(token, "id") {
			return labelID
		}
	case 3:
		if fold(token, "err") {
			return labelErr
		}
		if fold(token, "sub") {
			return labelOther
		}
	case 4:
		switch {
		case fold(token, "stat"):
			return labelStat
		case fold(token, "text"):
			return labelText
		case fold(token, "done"):
			return labelDone
		}
	case 5:
		if fold(token, "dlvrd") {
			return labelOther
		}
	case 6:
		if fold(token, "submit") {
			return labelSubmit
		}
	case 8:
		if fold(token, "donedate") {
			return labelDone
		}
	case 9:
		if fold(token, "done_date") {
			return labelDone
		}
	case 10:
		if fold(token, "submitdate") {
			return labelSubmit
		}
	case 11:
		if fold(token, "submit_date") {
			return labelSubmit
		}
	}
	return labelNone
}

// blank reports what separates fields.
func blank(c byte) bool {
	switch c {
	case ' ', '\r', '\n', '\t', 0, ',', ';':
		return true
	}
	return false
}

// fold reports whether s is lower, a word of lower-case letters, in any case.
func fold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != lower[i] && (c < 'A' || c > 'Z' || c+'a'-'A' != lower[i]) {
			return false
		}
	}
	return true
}

// parseDate reads the date of a receipt: YYMMDDhhmm (appendix B), YYMMDDhhmmss,
// YYYYMMDDhhmm, YYYYMMDDhhmmss, or an absolute time of SMPP 3.4 §7.1.1. It returns
// zero for what is no date and for what two of these allow.
func parseDate(s string, loc *time.Location) time.Time {
	if len(s) == 16 && (s[15] == '+' || s[15] == '-') {
		if !digits(s[:15]) {
			return time.Time{}
		}
		offset := (int(s[13]-'0')*10 + int(s[14]-'0')) * 15 * 60
		if s[15] == '-' {
			offset = -offset
		}
		return dateOf(s[:12], true, time.FixedZone("", offset))
	}
	if !digits(s) {
		return time.Time{}
	}
	switch len(s) {
	case 10:
		return dateOf(s, true, loc)
	case 12:
		short, long := dateOf(s, true, loc), dateOf(s, false, loc)
		if long.IsZero() {
			return short
		}
		if short.IsZero() {
			return long
		}
	case 14:
		return dateOf(s, false, loc)
	}
	return time.Time{}
}

// dateOf reads digits with a year of two or four, down to minutes or seconds.
func dateOf(s string, shortYear bool, loc *time.Location) time.Time {
	pair := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year := pair(0)
	if shortYear {
		year += 2000
		if year >= 2070 {
			year -= 100
		}
		s = s[2:]
	} else {
		year = year*100 + pair(2)
		s = s[4:]
	}
	second := 0
	if len(s) == 10 {
		second = pair(8)
	}
	month, day, hour, minute := pair(0), pair(2), pair(4), pair(6)
	// The first text message was sent in 1992: what is older is a counter at rest.
	if year < 1990 || year >= 2100 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}
	}
	if day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, 0, loc)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
