package gsm

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type framingRow struct {
	ID, Kind, Raw string
	Expected      json.RawMessage
}

func TestCorpusFraming(t *testing.T) {
	for _, row := range rowsOf[framingRow](t, "framing.jsonl", 33) {
		t.Run(row.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { row.compare(t) })
		})
	}
}

func (row framingRow) compare(t *testing.T) {
	c, p := newTalk(t)
	once := row.Raw
	go func() {
		<-p.said
		io.WriteString(p.conn, once)
		for range p.said {
		}
	}()
	switch row.Kind {
	case "echo_removal":
		var expected string
		json.Unmarshal(row.Expected, &expected)
		// Nothing that the expected text lacks is taken for an answer.
		x, _ := c.exchange(t.Context(), command{text: "AT+CGMM", free: true, call: true, timeout: time.Second})
		for _, l := range x.lines {
			if !strings.Contains(expected, l) {
				t.Errorf("%q was taken for an answer", l)
			}
		}
		if strings.Contains(expected, "\r\nthis is valid\r\n") && !slices.Contains(x.lines, "this is valid") {
			t.Errorf("%q", x.lines)
		}
	case "final_result":
		var expected struct{ Final, Error bool }
		json.Unmarshal(row.Expected, &expected)
		x, err := c.exchange(t.Context(), command{text: "ATH", call: true, timeout: time.Second})
		refusal := (*Error)(nil)
		if x.done != expected.Final || errors.As(err, &refusal) != expected.Error {
			t.Errorf("done %v, %v", x.done, err)
		}
	case "stream":
		row.compareStream(t, c)
	default:
		t.Fatalf("kind %q", row.Kind)
	}
}

func (row framingRow) compareStream(t *testing.T, c *chat) {
	var expected struct {
		Lines, URCs []string
		Final       *string
		Messages    int
		Meaning     string
	}
	if err := json.Unmarshal(row.Expected, &expected); err != nil {
		t.Fatal(err)
	}
	cmd := command{text: "AT+CSQ", prefixes: []string{"+CSQ:"}, timeout: 5 * time.Second}
	switch {
	case expected.Messages > 0:
		cmd.text, cmd.prefixes = "AT+CMGL=4", []string{"+CMGL:"}
	case len(expected.Lines) > 0 && strings.HasPrefix(expected.Lines[0], "+CREG"):
		cmd.text, cmd.prefixes = "AT+CREG?", []string{"+CREG:"}
	}
	x, err := c.exchange(t.Context(), cmd)
	if expected.Lines != nil && !slices.Equal(x.lines, expected.Lines) {
		t.Errorf("lines %q", x.lines)
	}
	if expected.Messages > 0 {
		list := pairs(x.lines)
		for _, m := range list {
			if _, err := ParsePDU(m.PDU, m.Length); err != nil {
				t.Error(err)
			}
		}
		if len(list) != expected.Messages {
			t.Errorf("%d messages in %q", len(list), x.lines)
		}
	}
	var urcs []string
	for {
		n, ok := c.next()
		if !ok {
			break
		}
		urcs = append(urcs, n.line)
	}
	for _, u := range expected.URCs {
		if !slices.Contains(urcs, u) {
			t.Errorf("unasked: %q", urcs)
		}
	}
	refusal := (*Error)(nil)
	switch {
	case expected.Meaning != "": // the modem restarted
		if !errors.Is(err, ErrRestarted) {
			t.Error(err)
		}
	case row.ID == "frm-032": // half a reply: until the time limit
		if !errors.Is(err, ErrTimeout) {
			t.Error(err)
		}
	case expected.Final != nil && strings.HasPrefix(*expected.Final, "+CME ERROR"):
		if !errors.As(err, &refusal) || refusal.Code != 515 {
			t.Error(err)
		}
	case err != nil:
		t.Error(err)
	}
}

// FuzzLines reads whatever a modem may write, during a command and outside one,
// in pieces of any size: the same whatever their size, and without growing.
func FuzzLines(f *testing.F) {
	for _, row := range rowsOf[framingRow](f, "framing.jsonl", 33) {
		f.Add([]byte(row.Raw), uint8(0), uint8(3))
	}
	f.Add([]byte("\r\n> \r\n+CDS: 25\r\n00\r\n+CMGS: 1\r\n\r\nOK\r\n"), uint8(2), uint8(1))
	f.Add([]byte("\r\n+CUSD: 1,\"a\r\nb\",15\r\n"), uint8(1), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, kind, size uint8) {
		whole, pieces := readAs(kind, b, len(b)), readAs(kind, b, int(size)+1)
		if whole.cur.err != pieces.cur.err && whole.cur.err != nil && pieces.cur.err != nil && whole.cur.err.Error() != pieces.cur.err.Error() ||
			whole.cur.done != pieces.cur.done || !slices.Equal(whole.cur.lines, pieces.cur.lines) || !slices.Equal(whole.inbox, pieces.inbox) {
			t.Errorf("%q\nwhole:  %+v %q\npieces: %+v %q", b, whole.cur, whole.inbox, pieces.cur, pieces.inbox)
		}
		if len(whole.inbox) > maxInbox || len(whole.cur.lines) > maxAnswer || len(whole.lines.part) > maxLine {
			t.Error("it grows")
		}
	})
}

func readAs(kind uint8, b []byte, size int) *chat {
	c := &chat{cur: &exchange{}}
	switch kind % 4 {
	case 1:
		c.cur.command = command{text: "AT+CGMM", free: true}
	case 2:
		c.cur.command, c.cur.stage = command{text: "AT+CMGS=17", pdu: "00", prefixes: []string{"+CMGS:"}}, stagePrompt
	case 3:
		c.cur.command = command{text: "AT+CMGL=4", prefixes: []string{"+CMGL:"}}
	}
	for piece := range slices.Chunk(b, max(size, 1)) {
		c.take(piece, true)
	}
	return c
}
