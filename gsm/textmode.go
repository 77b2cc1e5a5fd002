package gsm

import (
	"strconv"
	"strings"
	"time"
)

// TextHeader is the line before a message in text mode (3GPP TS 27.005 §3.4,
// §4.2). Nothing here works in text mode, which cannot say all that a TPDU does:
// it is read so that a modem that has fallen into it is found out, and the
// message is not lost.
type TextHeader struct {
	Stat   string // "REC UNREAD" …
	Number string // who sent it, to whom it was sent, or whom the report is about
	At     time.Time
	SMSC   string
	// Report is set of a status report, which has no text.
	Report           bool
	First, Reference uint8 // the first octet and TP-MR of a report
	Status           uint8 // TP-ST of a report
	DoneAt           time.Time
	HasZone          bool // At was written with its zone
	Sent             bool // a message of ours that was stored
}

// newTextHeader reads the fields of a header, whose first is the status. Details
// follow under AT+CSDH=1.
func newTextHeader(list []field) *TextHeader {
	h := &TextHeader{Stat: strings.ToUpper(list[0].text)}
	h.Sent = strings.HasPrefix(h.Stat, "STO")
	if first, ok := at(list, 1).number(); ok && !list[1].quoted && !h.Sent {
		h.Report, h.First = true, uint8(first)
		h.Reference, h.Number = uint8(at(list, 2).or(0)), at(list, 3).text
		h.At, h.HasZone, _ = parseDate(at(list, 5).text)
		h.DoneAt, _, _ = parseDate(at(list, 6).text)
		h.Status = uint8(at(list, 7).or(0))
		return h
	}
	if len(list) < 2 {
		return nil
	}
	h.Number = list[1].text
	for _, f := range list[2:min(len(list), 4)] {
		if t, zone, ok := parseDate(f.text); ok {
			h.At, h.HasZone = t, zone
		}
	}
	h.SMSC = at(list, 8).text
	return h
}

// ParseClock reads +CCLK (3GPP TS 27.007 §8.15). zoned is false of a modem that
// leaves the zone out: its time is returned as if it were UTC.
func ParseClock(line string) (t time.Time, zoned, ok bool) {
	rest, ok := payload(line, "+CCLK")
	if !ok {
		return time.Time{}, false, false
	}
	return parseDate(strings.Trim(rest, `" `))
}

// parseDate reads "yy/MM/dd,hh:mm:ss±zz", the zone in quarters of an hour, and
// the same with a year of four digits.
func parseDate(s string) (t time.Time, zoned, ok bool) {
	date, zone := s, ""
	if i := strings.LastIndexAny(s, "+-"); i >= 0 {
		date, zone = s[:i], s[i:]
	}
	for _, layout := range []string{"06/1/2,15:04:05", "2006/1/2,15:04:05"} {
		t, err := time.Parse(layout, strings.TrimSpace(date))
		if err != nil {
			continue
		}
		quarters, err := strconv.Atoi(zone)
		if err != nil || quarters < -96 || quarters > 96 {
			return t, false, true
		}
		at := time.FixedZone("", quarters*15*60)
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, at), true, true
	}
	return time.Time{}, false, false
}
