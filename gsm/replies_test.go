package gsm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// replyRow is a command with what a modem said to it, or an unsolicited line.
type replyRow struct {
	ID, Command, Reply, Mode string
	URC, Kind                string
	Unsure                   bool
	Expected                 map[string]json.RawMessage
}

// want is a value that a row expects.
func want[T any](t testing.TB, row *replyRow, name string) (v T, ok bool) {
	t.Helper()
	raw, ok := row.Expected[name]
	if !ok || string(raw) == "null" {
		return v, false
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %s: %v", row.ID, name, err)
	}
	return v, true
}

// is compares a value with what a row expects under a name, if it does. null is
// the zero value.
func is[T comparable](t testing.TB, row *replyRow, name string, got T) {
	t.Helper()
	if _, ok := row.Expected[name]; !ok {
		return
	}
	if w, _ := want[T](t, row, name); w != got {
		t.Errorf("%s is %v, want %v", name, got, w)
	}
}

// linesOf splits as a reader of a serial port does.
func linesOf(text string) []string {
	var lines []string
	for _, l := range strings.FieldsFunc(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if strings.TrimSpace(l) != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// first returns what a parser makes of the first line that it takes.
func first[T any](text string, parse func(string) (T, bool)) (v T, ok bool) {
	for _, l := range linesOf(text) {
		if v, ok = parse(l); ok {
			return v, true
		}
	}
	return v, false
}

func TestCorpusReplies(t *testing.T) {
	passed, unsure := 0, 0
	tpdus := map[string]tpduRow{}
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		tpdus[row.ID] = row
	}
	for _, row := range rowsOf[replyRow](t, "replies.jsonl", 264) {
		everyParser(row.Reply)
		if row.Unsure {
			unsure++
			continue
		}
		passed++
		t.Run(row.ID, func(t *testing.T) { compareReply(t, &row, tpdus) })
	}
	if passed != 259 || unsure != 5 {
		t.Errorf("%d rows and %d unsure, want 259 and 5", passed, unsure)
	}
}

func compareReply(t *testing.T, row *replyRow, tpdus map[string]tpduRow) {
	if final, ok := want[string](t, row, "final"); ok {
		if lines := linesOf(row.Reply); lines[len(lines)-1] != final {
			t.Errorf("%q does not end with %s", lines, final)
		}
	}
	if _, ok := want[string](t, row, "error"); ok {
		compareError(t, row)
		return
	}
	name := strings.TrimPrefix(strings.TrimRight(row.Command, "?="), "AT")
	switch name, _, _ := strings.Cut(name, "="); name {
	case "+CREG", "+CGREG", "+CEREG", "+C5GREG":
		r, ok := first(row.Reply, ParseRegistration)
		if ok != (row.Expected != nil) {
			t.Fatalf("registration %+v, %t", r, ok)
		}
		compareRegistration(t, row, r)
	case "+COPS":
		compareOperator(t, row)
	case "+CMGL", "+CMGR":
		compareStored(t, row, tpdus)
	case "+CPMS":
		compareMemory(t, row)
	case "+CNMI":
		n, ok := ParseIndications(row.Reply)
		for key, got := range map[string][]int{
			"mode": n.Mode, "mt": n.Message, "bm": n.Broadcast, "ds": n.Report, "bfr": n.Buffer,
		} {
			if w, _ := want[[]int](t, row, key); !ok || !slices.Equal(got, w) {
				t.Errorf("%s is %v, want %v", key, got, w)
			}
		}
	case "+CSMS":
		n, ok := first(row.Reply, ParseService)
		if row.Expected == nil {
			if !ok || fmt.Sprint(n) != "[[0]]" {
				t.Errorf("services %v, %t", n, ok)
			}
			return
		}
		for i, key := range []string{"mt", "mo", "bm"} {
			is(t, row, key, n[i][0])
		}
	case "+CPIN":
		s, _ := ParsePIN(row.Reply)
		is(t, row, "state", string(s))
	case "+CSQ", "+CESQ":
		compareSignal(t, row)
	case "+CCLK":
		at, zoned, ok := ParseClock(row.Reply)
		w, expected := want[string](t, row, "time")
		if ok != expected || ok && formatTime(at, zoned) != w {
			t.Errorf("%v, %t, %t, want %s", at, zoned, ok, w)
		}
	case "+CFUN":
		n, _ := ParseFunctionality(row.Reply)
		is(t, row, "fun", n)
	case "+CNUM":
		var got []string
		for _, l := range linesOf(row.Reply) {
			if n, ok := ParseOwnNumber(l); ok {
				got = append(got, n)
			}
		}
		if w, _ := want[[]string](t, row, "numbers"); !slices.Equal(got, w) {
			t.Errorf("%q, want %q", got, w)
		}
	case "+CSCA":
		s, _ := ParseSMSC(row.Reply)
		is(t, row, "smsc", s)
	case "I", "I4", "+CGMM", "+CGMI", "+CGMR":
		compareIdentity(t, row, name)
	case "+CSCS":
		if sets, ok := first(row.Reply, ParseCharacterSets); !ok || !slices.Contains([]string{"IRA", "GSM", "8859-1"}, sets[0]) {
			t.Errorf("%q, %t", sets, ok)
		}
	default:
		t.Errorf("nothing reads %s", row.Command)
	}
}

func formatTime(at time.Time, zoned bool) string {
	if zoned {
		return at.Format("2006-01-02T15:04:05-07:00")
	}
	return at.Format("2006-01-02T15:04:05")
}

func compareError(t *testing.T, row *replyRow) {
	e, ok := first(row.Reply, ParseError)
	if !ok {
		t.Fatal("no error")
	}
	w, _ := want[string](t, row, "error")
	class, ok := map[string]Class{
		"no SIM": SIM, "SIM failure": SIM, "SIM busy (retry)": SIM, "SIM PIN required": SIM,
		"no SIM (CMEE=2 text)": SIM, "unknown": Device, "invalid memory index": Race,
	}[w]
	if !ok || e.Class() != class {
		t.Errorf("%v is of class %v, want %q", e, e.Class(), w)
	}
}

func compareRegistration(t *testing.T, row *replyRow, r Registration) {
	t.Helper()
	names := map[RegistrationState]string{
		NotRegistered: "not_registered", RegisteredHome: "home", RegistrationDenied: "denied",
		Searching: "searching", RegisteredRoaming: "roaming", AttachedRLOS: "attached_rlos",
		RegisteredCSFBRoaming: "roaming_csfb_not_preferred",
	}
	is(t, row, "stat", int(r.State))
	is(t, row, "state", names[r.State])
	is(t, row, "lac", r.Area)
	is(t, row, "ci", r.Cell)
	is(t, row, "act", r.Tech)
}

func compareOperator(t *testing.T, row *replyRow) {
	type network struct{ Availability, Long, Short, PLMN, Act string }
	if w, ok := want[[]network](t, row, "networks"); ok {
		got := []network{}
		for _, n := range ParseNetworks(row.Reply) {
			status := [...]string{"unknown", "available", "current", "forbidden"}[n.Status]
			got = append(got, network{status, n.Long, n.Short, n.PLMN, n.Tech})
		}
		if !slices.Equal(got, w) {
			t.Errorf("%+v\nwant %+v", got, w)
		}
		return
	}
	o, ok := ParseOperator(row.Reply)
	if !ok {
		t.Fatal("no operator")
	}
	is(t, row, "mode", o.Mode)
	is(t, row, "format", o.Format)
	is(t, row, "operator", o.Name)
	is(t, row, "act", o.Tech)
}

func compareMemory(t *testing.T, row *replyRow) {
	if strings.HasSuffix(row.Command, "=?") {
		got, ok := first(row.Reply, ParseMemories)
		for i, key := range []string{"mem1", "mem2", "mem3"} {
			if w, _ := want[[]string](t, row, key); !ok || !slices.Equal(got[i], w) {
				t.Errorf("%s is %q, want %q", key, got[i], w)
			}
		}
		return
	}
	got, ok := first(row.Reply, ParseMemory)
	if !ok || len(got) != 3 {
		t.Fatalf("%+v, %t", got, ok)
	}
	is(t, row, "mem1", got[0])
	is(t, row, "mem2", got[1])
	is(t, row, "used", got[0].Used)
	is(t, row, "total", got[0].Total)
}

func compareSignal(t *testing.T, row *replyRow) {
	s, ok := ParseSignal(row.Reply)
	if !ok {
		t.Fatal("no signal")
	}
	is(t, row, "dbm", s.DBm)
	is(t, row, "tech", s.Tech)
	is(t, row, "ber", s.BER)
	is(t, row, "rsrp", float64(s.DBm))
	is(t, row, "rscp", float64(s.DBm))
	is(t, row, "rsrq", s.Quality)
	is(t, row, "ecno", s.Quality)
	if rssi, ok := want[float64](t, row, "rssi"); ok && rssi < 0 { // of +CESQ; of +CSQ it is the raw value
		is(t, row, "rssi", float64(s.DBm))
	}
	if _, known := row.Expected["dbm"]; known && s.Known != (string(row.Expected["dbm"]) != "null") {
		t.Errorf("%+v", s)
	}
}

// compareIdentity compares what stands in the reply: the values of ATI rows are
// joined from several commands.
func compareIdentity(t *testing.T, row *replyRow, command string) {
	id := ParseIdentity(linesOf(row.Reply))
	if lines := linesOf(row.Reply); command[0] == '+' {
		v := ParseValue(lines[0], command)
		if len(v) > maxIdentity {
			t.Errorf("%d octets", len(v))
		}
		id = Identity{Manufacturer: v, Model: v, Revision: v}
	}
	for key, got := range map[string]string{
		"manufacturer": id.Manufacturer, "model": id.Model, "revision": id.Revision, "imei": id.IMEI,
	} {
		if w, ok := want[string](t, row, key); ok && w != "" && strings.Contains(row.Reply, w) && got != w {
			// These say only their maker, or that and the model as one: nothing
			// marks the maker as such.
			if key == "manufacturer" && (row.ID == "at-170" || row.ID == "at-179") {
				continue
			}
			t.Errorf("%s is %q, want %q", key, got, w)
		}
	}
}

func compareStored(t *testing.T, row *replyRow, tpdus map[string]tpduRow) {
	lines := linesOf(row.Reply)
	type message struct {
		Index, Stat int
		PDU         string
	}
	if w, ok := want[[]message](t, row, "messages"); ok {
		var got []message
		for i, l := range lines {
			if s, ok := ParseListed(l); ok {
				got = append(got, message{s.Index, s.Stat, lines[i+1]})
			}
		}
		if !slices.Equal(got, w) {
			t.Errorf("%+v\nwant %+v", got, w)
		}
		return
	}
	s, ok := ParseRead(lines[0])
	if !ok {
		t.Fatalf("%q is no header", lines[0])
	}
	if row.Mode == "text" {
		compareText(t, row, s.Text, lines)
		return
	}
	pdu := s.PDU
	if pdu == "" {
		pdu = lines[1]
	}
	if w, ok := want[message](t, row, "message"); ok && (s.Stat != w.Stat || pdu != w.PDU) {
		t.Errorf("%d %s, want %+v", s.Stat, pdu, w)
	}
	is(t, row, "stat", s.Stat)
	is(t, row, "pdu", pdu)
	m, err := ParsePDU(pdu, s.Length)
	if id, ok := want[string](t, row, "tpdu_id"); ok {
		if w := tpdus[id]; w.Unsure {
			return
		} else if w.Invalid != (err != nil) {
			t.Errorf("%s: %+v, %v", id, m, err)
		} else if err == nil {
			compareTPDU(t, w.Expected, m)
		}
	} else if _, report := m.(*Report); report != (row.Expected["type"] != nil) {
		t.Errorf("%+v, %v", m, err)
	}
}

func compareText(t *testing.T, row *replyRow, h *TextHeader, lines []string) {
	if h == nil {
		t.Fatal("not of text mode")
	}
	is(t, row, "stat", h.Stat)
	is(t, row, "from", h.Number)
	is(t, row, "to", h.Number)
	is(t, row, "smsc", h.SMSC)
	is(t, row, "fo", h.First)
	is(t, row, "mr", h.Reference)
	is(t, row, "status", h.Status)
	is(t, row, "time", formatTime(h.At, h.HasZone))
	if w, ok := want[string](t, row, "text"); ok && lines[1] != w {
		t.Errorf("%q, want %q", lines[1], w)
	}
	if _, to := row.Expected["to"]; to != (h.Sent || h.Report) {
		t.Errorf("%+v", h)
	}
}

// everyParser gives a text to all that reads lines.
func everyParser(text string) {
	for _, l := range append(linesOf(text), text) {
		ParseRegistration(l)
		ParseOperator(l)
		ParseNetworks(l)
		ParseSignal(l)
		ParseMemory(l)
		ParseMemories(l)
		ParseListed(l)
		ParseRead(l)
		ParseNewMessage(l)
		ParseRouted(l)
		ParseIndications(l)
		ParseService(l)
		ParseSent(l)
		ParseUSSD(l)
		ParsePIN(l)
		ParsePINTries(l)
		ParseIMEI(l)
		ParseIMSI(l)
		ParseICCID(l)
		ParseValue(l, "+CGMM")
		ParseClock(l)
		ParseSMSC(l)
		ParseOwnNumber(l)
		ParseCaller(l)
		ParseFunctionality(l)
		ParseCapabilities(l)
		ParseCharacterSets(l)
		if e, ok := ParseError(l); ok {
			_ = e.Error() + e.Class().String()
		}
		EventOf(l)
	}
	ParseIdentity(linesOf(text))
}

// Some swap the digits of each octet, and 19 digits have their fill in the last one.
func TestSwappedICCID(t *testing.T) {
	for line, want := range map[string]string{
		"^ICCID: 98109463007832000001": "89014936008723000010", "^ICCID: 981062200000000000F1": "8901260200000000001",
		"+ZGETICCID: 8901260200000000001F": "8901260200000000001", "89012602000000F00001": "", "98": "",
	} {
		if got, ok := ParseICCID(line); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v", line, got, ok)
		}
	}
}
