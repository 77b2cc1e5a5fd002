//go:build linux

package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

func TestATScript(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{PIN: "1234"})
	say := func(script string) (int, string, string) {
		var out, errs bytes.Buffer
		code := at(t.Context(), []string{m.Path(), "--timeout", "5s"}, std{strings.NewReader(script), &out, &errs})
		return code, out.String(), errs.String()
	}
	code, out, errs := say("# unlock\nAT+CPIN=1234\n\nAT+CMGF=0\nAT+CMGS=18\n0001000B912106028509F1000005E8329BFD06\nAT+CGSN\n")
	if code != exitOK || !strings.Contains(out, "+CMGS: ") || !strings.Contains(out, m.Options().IMEI) || strings.Contains(out, "1234\n") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if sent := m.Network().Submitted(); len(sent) != 1 {
		t.Errorf("sent %+v", sent)
	}
	if code, out, errs := say("AT+NONSENSE\nAT+CGSN\n"); code != exitFail || !strings.Contains(out, "ERROR") || !strings.Contains(out, m.Options().IMEI) || errs != "smsbridge: commands that failed: 1\n" {
		t.Errorf("after a refusal: exit code %d: %s%s", code, out, errs)
	}
	p, err := gsm.OpenPort(t.Context(), m.Path(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := say("AT\n"); code != exitFail || !strings.Contains(errs, "another program has the port") {
		t.Errorf("in use: exit code %d: %s", code, errs)
	}
	p.Close()
	m.Set(func(b *gsmsim.Behaviour) { b.Silent = true })
	var none bytes.Buffer
	if code := at(t.Context(), []string{m.Path(), "--timeout", "50ms"}, std{strings.NewReader("AT\nAT\n"), &none, &none}); code != exitFail || !strings.Contains(none.String(), "no answer within 50ms") {
		t.Errorf("a silent modem: exit code %d: %s", code, &none)
	}
	if code := at(t.Context(), nil, std{nil, io.Discard, io.Discard}); code != exitUsage {
		t.Errorf("without a device: exit code %d", code)
	}
}

// A person at a terminal: what comes unasked is shown, the arrow key brings a command
// back, and Ctrl-C ends.
func TestATTerminal(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen strings.Builder
	read, more := make(chan struct{}), make(chan struct{}, 1)
	go func() {
		defer close(read)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			mu.Lock()
			seen.Write(b[:n])
			mu.Unlock()
			select {
			case more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	shows := func(what string, times int) {
		t.Helper()
		deadline := time.After(demoPatience)
		for {
			mu.Lock()
			text := seen.String()
			mu.Unlock()
			if strings.Count(text, what) >= times {
				return
			}
			select {
			case <-more:
			case <-deadline:
				t.Fatalf("not %d times %q in %q", times, what, text)
			}
		}
	}
	code := make(chan int, 1)
	go func() { code <- at(t.Context(), []string{m.Path()}, std{slave, slave, io.Discard}) }()
	shows("Connected to", 1)
	io.WriteString(master, "AT+CGSN\r")
	shows(m.Options().IMEI, 1)
	io.WriteString(master, "\x1b[A\r")
	shows(m.Options().IMEI, 2)
	calling, hangUp := context.WithCancel(t.Context())
	called := make(chan struct{})
	go func() { defer close(called); m.Network().Call(calling, "+12602058901", m.Options().Number) }()
	shows("RING", 1)
	hangUp()
	<-called
	io.WriteString(master, "\x03")
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	slave.Close()
	master.Close()
	<-read
}

// The arrow keys never bring back a line with a PIN, which would be sent masked and
// cost a try.
func TestHistoryHasNoPIN(t *testing.T) {
	h := &history{}
	for _, line := range []string{"AT", "AT", `at+cpin="1234"`, " ", `AT+CLCK="SC",1,"1234"`} {
		h.Add(line)
	}
	if h.Len() != 1 || h.At(0) != "AT" {
		t.Errorf("%q", h.lines)
	}
}

// A masked line, such as one copied from a trace, is not sent: it would cost a try.
func TestATMasked(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{PIN: "1234"})
	for _, line := range []string{"AT+CPIN=****", `at+cpin="****"`, "AT+CPIN=****\r"} {
		var out, errs bytes.Buffer
		code := at(t.Context(), []string{m.Path(), "--timeout", "5s"}, std{strings.NewReader(line + "\nAT+CGSN\n"), &out, &errs})
		if code != exitFail || !strings.Contains(out.String(), "nothing was sent") || !strings.Contains(out.String(), m.Options().IMEI) || m.PINTries() != 3 {
			t.Errorf("%q: exit code %d, %d tries: %s%s", line, code, m.PINTries(), &out, &errs)
		}
	}
}
