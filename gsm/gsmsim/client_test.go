package gsmsim

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// customer is a number that no modem has.
const customer = "+12602058901"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plugIn makes a modem that the test closes.
func plugIn(t *testing.T, o Options) *Modem {
	t.Helper()
	m, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// client is a program at a modem's port.
type client struct {
	t    *testing.T
	port *os.File
	in   []byte
}

func dial(t *testing.T, m *Modem) *client {
	t.Helper()
	return dialPath(t, m.Path())
}

func dialPath(t *testing.T, path string) *client {
	t.Helper()
	port, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	return &client{t: t, port: port}
}

// quiet is a client of a new modem that has turned echo off and asked for numbers in
// errors.
func quiet(t *testing.T, o Options) (*client, *Modem) {
	t.Helper()
	m := plugIn(t, o)
	c := dial(t, m)
	c.write("ATE0\r")
	c.until("\r\nOK\r\n")
	c.expect("AT+CMEE=1", "OK")
	return c, m
}

func (c *client) write(s string) {
	c.t.Helper()
	_ = c.port.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.port.WriteString(s); err != nil {
		c.t.Fatalf("write %q: %v", s, err)
	}
}

// until reads up to and with the end of s.
func (c *client) until(s string) string {
	c.t.Helper()
	for {
		if i := strings.Index(string(c.in), s); i >= 0 {
			read := string(c.in[:i+len(s)])
			c.in = c.in[i+len(s):]
			return read
		}
		c.more(patience)
	}
}

func (c *client) more(wait time.Duration) {
	c.t.Helper()
	b := make([]byte, 4096)
	_ = c.port.SetReadDeadline(time.Now().Add(wait))
	n, err := c.port.Read(b)
	if err != nil {
		c.t.Fatalf("read: %v after %q", err, c.in)
	}
	c.in = append(c.in, b[:n]...)
}

// line reads the next line that is not blank.
func (c *client) line() string {
	c.t.Helper()
	for {
		if s := strings.TrimSpace(c.until("\r\n")); s != "" {
			return s
		}
	}
}

// lines writes a command and reads up to its final result.
func (c *client) lines(command string) (lines []string) {
	c.t.Helper()
	c.write(command + "\r")
	for {
		s := c.line()
		lines = append(lines, s)
		if s == "OK" || s == "ERROR" || s == "NO CARRIER" || strings.HasPrefix(s, "+CME ERROR") || strings.HasPrefix(s, "+CMS ERROR") {
			return lines
		}
	}
}

// expect wants a command answered with these lines.
func (c *client) expect(command string, want ...string) {
	c.t.Helper()
	if got := c.lines(command); !slices.Equal(got, want) {
		c.t.Errorf("%s: %q, want %q", command, got, want)
	}
}

// says wants these lines, which nobody asked for.
func (c *client) says(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.line(); got != w {
			c.t.Errorf("it says %q, want %q", got, w)
		}
	}
}

// submit sends a PDU and returns the first line after the prompt.
func (c *client) submit(length, pdu string) string {
	c.t.Helper()
	c.write("AT+CMGS=" + length + "\r")
	c.until("> ")
	c.write(pdu + "\x1a")
	return c.line()
}

// silentFor fails the test if anything comes.
func (c *client) silentFor(d time.Duration) {
	c.t.Helper()
	if b := c.within(d); len(b) > 0 {
		c.t.Errorf("it says %q", b)
	}
}

// within reads what comes in a time.
func (c *client) within(d time.Duration) []byte {
	c.t.Helper()
	for deadline := time.Now().Add(d); ; {
		b := make([]byte, 4096)
		_ = c.port.SetReadDeadline(deadline)
		n, err := c.port.Read(b)
		c.in = append(c.in, b[:n]...)
		if err != nil {
			got := c.in
			c.in = nil
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				c.t.Errorf("read: %v", err)
			}
			return got
		}
	}
}

// hungUp wants the port to be gone.
func (c *client) hungUp() {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		_ = c.port.SetReadDeadline(deadline)
		n, err := c.port.Read(make([]byte, 4096))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			c.t.Fatal("the port is still there")
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// shortPDU is a text "hello" to +12602058901 that wants a report, without a service
// centre: 18 octets.
const (
	shortPDU    = "0021000B912106028509F1000005E8329BFD06"
	shortLength = "18"
)

// await waits for so many parts.
func await(t *testing.T, n *Network, parts int) []Submitted {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all, err := n.Await(ctx, parts)
	if err != nil {
		t.Fatalf("%d parts were sent, want %d: %v", len(all), parts, err)
	}
	return all
}

func text(t *testing.T, m *Modem, from, body string) {
	t.Helper()
	if err := m.Network().Text(from, m.Options().Number, body); err != nil {
		t.Fatal(err)
	}
}
