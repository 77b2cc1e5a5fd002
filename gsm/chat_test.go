package gsm

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// peer is the other end of a chat: what answers each thing that is written.
type peer struct {
	conn   net.Conn
	said   chan string // what was written to it, up to a CR, ^Z or ESC; closed at the end
	hangUp func()      // closes both ends
}

// newTalk starts a chat with a peer, inside a bubble. It is closed at the test's end.
func newTalk(t *testing.T) (*chat, *peer) {
	ours, theirs := net.Pipe()
	p := &peer{conn: theirs, said: make(chan string, 100)}
	c := newChat(ours, usualPace.quiet, nil)
	go func() {
		defer close(p.said)
		b, text := make([]byte, 1), ""
		for {
			if _, err := theirs.Read(b); err != nil {
				return
			}
			text += string(b)
			if b[0] == '\r' || b[0] == 0x1a || b[0] == 0x1b {
				p.said <- text
				text = ""
			}
		}
	}()
	p.hangUp = sync.OnceFunc(func() {
		c.close()
		theirs.Close()
	})
	t.Cleanup(p.hangUp)
	return c, p
}

// answers writes replies, one to each thing said; the last one to all others.
func (p *peer) answers(replies ...string) {
	go func() {
		for i := 0; ; i++ {
			if _, ok := <-p.said; !ok {
				return
			}
			if len(replies) == 0 {
				continue
			}
			io.WriteString(p.conn, replies[min(i, len(replies)-1)])
		}
	}()
}

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

// A deadline is of the clock, however much else the modem has to say.
func TestUnsolicitedLinesExtendNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				io.WriteString(p.conn, "\r\n^BOOT:22988467,0,0,0,75\r\n")
				time.Sleep(100 * time.Millisecond)
			}
		}()
		began := time.Now()
		_, err := c.do(t.Context(), command{text: "AT+CSQ", timeout: 5 * time.Second})
		if took := time.Since(began); !errors.Is(err, ErrTimeout) || took != 5*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		cancel()
		p.conn.Close()
		<-done
	})
}

// The answer to a command that timed out is never that of the next one, however
// late it comes: at once, in the middle of the resynchronisation, or with it.
func TestLateAnswers(t *testing.T) {
	for late := time.Duration(0); late < 6*time.Second; late += 150 * time.Millisecond {
		for _, queued := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				c, p := newTalk(t)
				busyUntil := time.Now().Add(5*time.Second + late)
				served := make(chan struct{})
				go func() {
					defer close(served)
					first := true
					for text := range p.said {
						if first {
							first = false
							go func() {
								time.Sleep(time.Until(busyUntil))
								io.WriteString(p.conn, "\r\n+CSQ: 1,99\r\n\r\nOK\r\n")
							}()
							continue
						}
						if time.Now().Before(busyUntil) {
							if !queued {
								continue // it drops what comes while it is busy
							}
							time.Sleep(time.Until(busyUntil) + time.Millisecond)
						}
						switch text {
						case "AT\r":
							io.WriteString(p.conn, "\r\nOK\r\n")
						case "AT+CSQ\r":
							io.WriteString(p.conn, "\r\n+CSQ: 31,99\r\n\r\nOK\r\n")
						}
					}
				}()
				cmd := command{text: "AT+CSQ", prefixes: []string{"+CSQ:"}, timeout: 5 * time.Second}
				if _, err := c.do(t.Context(), cmd); !errors.Is(err, ErrTimeout) {
					t.Fatalf("late by %v: %v", late, err)
				}
				lines, err := c.do(t.Context(), cmd)
				if err != nil || len(lines) != 1 || lines[0] != "+CSQ: 31,99" {
					t.Errorf("late by %v, queued %v: %q, %v", late, queued, lines, err)
				}
				p.hangUp()
				<-served
				time.Sleep(time.Until(busyUntil) + time.Second)
			})
		}
	}
}

// A modem that never gets back in step is given up after a bounded time.
func TestDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		p.answers()
		c.do(t.Context(), command{text: "AT+CSQ", timeout: 5 * time.Second})
		began := time.Now()
		_, err := c.do(t.Context(), command{text: "AT+CSQ", timeout: 5 * time.Second})
		if took := time.Since(began); !errors.Is(err, ErrDeaf) || took > time.Minute || c.broken == nil {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// stuckPort takes nothing that is written, until it is closed.
type stuckPort struct{ closed chan struct{} }

func (p stuckPort) Read([]byte) (int, error)  { <-p.closed; return 0, io.EOF }
func (p stuckPort) Write([]byte) (int, error) { <-p.closed; return 0, io.ErrClosedPipe }
func (p stuckPort) Close() error              { close(p.closed); return nil }

func TestBlockedWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChat(stuckPort{make(chan struct{})}, usualPace.quiet, nil)
		began := time.Now()
		_, err := c.do(t.Context(), command{text: "AT", timeout: 2 * time.Second})
		if took := time.Since(began); !errors.Is(err, ErrStuck) || took != 2*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if _, err := c.do(t.Context(), command{text: "AT", timeout: time.Second}); !errors.Is(err, ErrStuck) {
			t.Errorf("and then %v", err)
		}
		c.close() // the bubble fails if this leaves a goroutine
	})
}

// What has no line end, or none that is worth it, is survived.
func TestNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		go func() {
			for range p.said {
				io.WriteString(p.conn, strings.Repeat("x", 64<<10))
				io.WriteString(p.conn, "\x00\xff\xfe\r\n>\r\n\r\n+CSQ: 5,99\r\n\r\nOK\r\n")
			}
		}()
		for range 3 {
			lines, err := c.do(t.Context(), command{text: "AT+CSQ", prefixes: []string{"+CSQ:"}, timeout: time.Second})
			if err != nil || len(lines) != 1 {
				t.Errorf("%q, %v", lines, err)
			}
		}
		if c.lines.Overlong != 3 {
			t.Errorf("%d lines were too long", c.lines.Overlong)
		}
	})
}

// A caller who gives up ends a call, and no command.
func TestNoCarrierAnswersNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		p.answers("\r\nRING\r\n\r\nNO CARRIER\r\n\r\n+CSQ: 5,99\r\n\r\nOK\r\n")
		lines, err := c.do(t.Context(), command{text: "AT+CSQ", prefixes: []string{"+CSQ:"}, timeout: time.Second})
		if err != nil || len(lines) != 1 {
			t.Errorf("%q, %v", lines, err)
		}
	})
}

func TestTextOfSeveralLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		p.answers("\r\n+CUSD: 1,\"1. Balance\r\n2. Bundles\r\n\r\n3. OK\",15\r\n\r\nOK\r\n")
		if _, err := c.do(t.Context(), command{text: `AT+CUSD=1,"*1#",15`, timeout: time.Second}); err != nil {
			t.Error(err)
		}
		n, _ := c.next()
		if u, ok := ParseUSSD(n.line); !ok || u.Text != "1. Balance\n2. Bundles\n3. OK" {
			t.Errorf("%q", n.line)
		}
	})
}

// More than is ever looked at does not fill the memory, and what is left is in
// order.
func TestInboxIsBounded(t *testing.T) {
	c := &chat{}
	for range 10 {
		c.take([]byte(strings.Repeat("\r\n^RSSI:20\r\n", 100)), true)
	}
	c.take([]byte("\r\n+CMTI: \"SM\",1\r\n\r\nRING\r\n"), true)
	if n := len(c.inbox); n != maxInbox || c.lost != 1002-maxInbox || c.inbox[n-2].line != `+CMTI: "SM",1` || c.inbox[n-1].line != "RING" {
		t.Errorf("%d lines, %d lost, %v", n, c.lost, c.inbox[n-2:])
	}
}

func TestEndlessAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		go func() {
			<-p.said
			for {
				if _, err := io.WriteString(p.conn, "\r\n+CMGL: 1,1,,23\r\n"); err != nil {
					return
				}
			}
		}()
		_, err := c.do(t.Context(), command{text: "AT+CMGL=4", prefixes: []string{"+CMGL:"}, timeout: time.Minute})
		if !errors.Is(err, ErrTooLong) {
			t.Error(err)
		}
	})
}

func TestMask(t *testing.T) {
	for _, text := range []string{`AT+CPIN="1234"`, `at+cpin=1234`, `AT+CLCK="SC",1,"1234"`, `> AT+CPIN="1234"`} {
		if got := mask(text); strings.Contains(got, "1234") || !strings.Contains(got, "=") {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	if got := mask("+CPIN: SIM PIN"); got != "+CPIN: SIM PIN" {
		t.Error(got)
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
