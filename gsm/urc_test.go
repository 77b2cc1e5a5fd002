package gsm

import (
	"strings"
	"testing"
)

func TestCorpusUnsolicited(t *testing.T) {
	passed, unsure := 0, 0
	for _, row := range rowsOf[replyRow](t, "urcs.jsonl", 96) {
		lines := linesOf(row.URC)
		everyParser(row.URC)
		// All are known to come unasked, the unsure ones too.
		for _, l := range lines {
			if _, err := ParsePDU(l, -1); err != nil && !IsUnsolicited(l) && !strings.Contains(l, "JUNK") && l != "BAD" &&
				!strings.HasPrefix(l, "0") {
				t.Errorf("%s: %q is not known", row.ID, l)
			}
		}
		if row.Unsure {
			unsure++
			continue
		}
		passed++
		t.Run(row.ID, func(t *testing.T) { compareUnsolicited(t, &row, lines) })
	}
	if passed != 85 || unsure != 11 {
		t.Errorf("%d rows and %d unsure, want 85 and 11", passed, unsure)
	}
}

func compareUnsolicited(t *testing.T, row *replyRow, lines []string) {
	event := EventOf(lines[0])
	if row.Expected["ignore"] != nil && event != EventNoise && event != EventSIM {
		t.Errorf("event %d", event)
	}
	if row.Expected["call"] != nil && event != EventCall && row.Kind != "+CIEV" { // what an indicator means is the modem's own
		t.Errorf("event %d", event)
	}
	switch w, _ := want[string](t, row, "meaning"); w {
	case "":
	default:
		e, ok := map[string]Event{
			"SIM ready": EventPIN, "USIM": EventSIM, "SMS ready": EventReady, "phone book ready": EventNoise,
			"modem off": EventPowerDown, "functional": EventNoise,
			"modem restarted: initialise again": EventRestarted,
		}[w]
		if !ok || e != event {
			t.Errorf("event %d, want %q", event, w)
		}
	}
	switch row.Kind {
	case "+CREG", "+CGREG", "+CEREG", "+C5GREG":
		r, ok := ParseRegistration(lines[0])
		if !ok || event != EventRegistration {
			t.Fatal("no registration")
		}
		compareRegistration(t, row, r)
	case "+CMTI", "+CDSI":
		type stored struct {
			Mem   string
			Index int
		}
		list, ok := want[[]stored](t, row, "list")
		if !ok {
			mem, _ := want[string](t, row, "mem")
			index, _ := want[int](t, row, "index")
			list = []stored{{mem, index}}
		}
		for i, w := range list {
			n, ok := ParseNewMessage(lines[i])
			if !ok || event != EventStored || n != (NewMessage{w.Mem, w.Index, row.Kind == "+CDSI"}) {
				t.Errorf("%+v, %t", n, ok)
			}
		}
	case "+CMT", "+CDS":
		compareRouted(t, row, lines, event)
	case "+CUSD":
		if u, ok := ParseUSSD(lines[0]); !ok || u != (USSD{0, "Для справки", 72}) {
			t.Errorf("%+v", u)
		}
	case "^CPIN":
		n, ok := ParsePINTries(lines[0])
		if s, _ := ParsePIN(lines[0]); !ok || n != 3 || s != PINWanted {
			t.Errorf("%q, %d, %t", s, n, ok)
		}
	}
}

func compareRouted(t *testing.T, row *replyRow, lines []string, event Event) {
	r, ok := ParseRouted(lines[0])
	if event != EventRouted {
		t.Errorf("event %d", event)
	}
	if row.Expected["error"] != nil {
		if _, err := ParsePDU(lines[1], r.Length); ok && err == nil {
			t.Error("it is read")
		}
		return
	}
	if !ok || r.Report != (row.Kind == "+CDS") {
		t.Fatalf("%+v, %t", r, ok)
	}
	m, err := ParsePDU(lines[1], r.Length)
	if err != nil {
		t.Fatal(err)
	}
	switch m := m.(type) {
	case *Report:
		is(t, row, "mr", m.Reference)
		is(t, row, "number", m.To.Digits)
		is(t, row, "status", m.Status)
		is(t, row, "status_class", statusClass(m.Status))
		is(t, row, "timestamp", formatTime(m.SentAt, true))
		is(t, row, "discharge", formatTime(m.DoneAt, true))
	case *Deliver:
		is(t, row, "number", m.From.Digits)
		is(t, row, "text", decodeSeptets(m.Data))
		is(t, row, "timestamp", formatTime(m.At, true))
		// The row has part 6 of 2 and says itself that this element is to be
		// ignored (TS 23.040 §9.2.3.24.1).
		if m.Header.Concat != nil {
			t.Errorf("part %+v", m.Header.Concat)
		}
		if row.Expected["alphabet"] != nil && m.Coding != UCS2 {
			t.Errorf("coding %d", m.Coding)
		}
	}
}

func TestEvents(t *testing.T) {
	for line, want := range map[string]Event{
		"^SMMEMFULL: \"SM\"": EventFull, "+CIEV: \"SMSFULL\",1": EventFull, "+CIEV: \"SMSFULL\",0": EventNoise,
		"+SMS FULL": EventFull, "+QIND: SMS DONE": EventReady, "+QIND: \"csq\",20,99": EventNoise,
		"SMS Ready": EventReady, "Call Ready": EventNoise, "^SYSSTART": EventRestarted, "RING": EventCall,
		"+CMTI: ,-1": EventStored, "+ZUSIMR:2": EventNoise, "#QSS: 0": EventSIM, "+CSQ: 12,99": EventNoise,
		"+CPIN: NOT READY": EventPIN, "^HCSQ:\"LTE\",48,35,86,14": EventNoise, "NORMAL POWER DOWN": EventPowerDown,
		"+CUSD: 2": EventUSSD, "+CMT: ,30": EventRouted, "+CREG: 1": EventRegistration,
		"OK": EventNone, "ERROR": EventNone, "+CMS ERROR: 38": EventNone, "+CMGS: 42": EventNone, "": EventNone,
		"+CMGL: 1,1,,30": EventNone, "> ": EventNone, "0791": EventNone, "a: b": EventNone,
	} {
		if got := EventOf(line); got != want || IsUnsolicited(line) != (want != EventNone) {
			t.Errorf("%q is %d, want %d", line, got, want)
		}
	}
}
