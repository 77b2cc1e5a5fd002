package gsm

import (
	"context"
	"errors"
	"io"
	"net"
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

// A modem that waits for a PDU and does not heed ESC gets its ^Z.
func TestESCNotHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := newTalk(t)
		go func() {
			io.WriteString(p.conn, "\r\n> ")
			waiting := true
			for text := range p.said {
				switch {
				case waiting && strings.HasSuffix(text, "\x1a"):
					waiting = false
					io.WriteString(p.conn, "\r\n+CMS ERROR: 304\r\n")
				case !waiting && text == "AT\r":
					io.WriteString(p.conn, "\r\nOK\r\n")
				}
			}
		}()
		c.dirty = true
		if err := c.ready(t.Context()); err != nil {
			t.Error(err)
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
