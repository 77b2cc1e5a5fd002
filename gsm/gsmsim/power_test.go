package gsmsim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSendTroubles(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "cms:500")
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 500" {
		t.Errorf("%q", got)
	}
	good(m)
	set(m, "no-prompt:1")
	c.expect("AT+CMGS=18", "OK")
	set(m, "no-reference:1")
	if got := c.submit(shortLength, shortPDU); got != "OK" {
		t.Errorf("%q", got)
	}
	set(m, "no-result:1")
	c.write("AT+CMGS=18\r")
	c.until("> ")
	c.write(shortPDU + "\x1a")
	await(t, m.Network(), 2)
	c.silentFor(moment)
	set(m, "bad-profile")
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 500" {
		t.Errorf("%q", got)
	}
	c.expect("AT&F", "OK")
	c.expect("ATE0+CMEE=1", "ATE0+CMEE=1", "OK")
	set(m, "false-error")
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 500" || len(m.Network().Submitted()) != 3 {
		t.Errorf("%q", got)
	}
	set(m, "bare-prompt,late-result:50ms")
	c.write("AT+CMGS=18\r")
	if got := c.until(">"); got != "\n>" {
		t.Errorf("prompt %q", got)
	}
	c.write(shortPDU + "\x1a")
	c.expect("AT+CMEE?", "+CMEE: 1", "OK")
	c.says("+CMGS: 4", "OK")
	good(m)
	for at, sent := range map[Moment]int{AtCommand: 4, AfterPrompt: 4, AfterPDU: 4, AfterSent: 5} {
		m.Set(func(b *Behaviour) { b.Rules = []Rule{{Command: "+CMGS", At: at, Times: 1, Do: DoCMS, Code: 38}} })
		c.write("AT+CMGS=18\r")
		if at != AtCommand {
			c.until("> ")
		}
		if at > AfterPrompt {
			c.write(shortPDU + "\x1a")
		}
		c.says("+CMS ERROR: 38")
		if n := len(m.Network().Submitted()); at == AfterSent && n != sent {
			t.Errorf("moment %v: %d sent", at, n)
		}
		c.expect("AT", "OK")
	}
}

func TestUnpluggedWhileSending(t *testing.T) {
	link := filepath.Join(t.TempDir(), "dev", "modem")
	m := plugIn(t, Options{Link: link})
	for _, e := range []struct {
		words string
		sent  int
	}{{"unplug-before-prompt", 0}, {"unplug-after-prompt", 0}, {"unplug-after-pdu", 0}, {"unplug-after-sent", 1}} {
		set(m, e.words)
		c := dialPath(t, link)
		c.write("AT+CMGS=18\r")
		if e.words != "unplug-before-prompt" {
			c.until("> ")
		}
		if e.words == "unplug-after-pdu" || e.words == "unplug-after-sent" {
			c.write(shortPDU + "\x1a")
		}
		c.hungUp()
		if m.Path() != "" || len(m.Paths()) != 0 {
			t.Errorf("%s: path %q", e.words, m.Path())
		}
		if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: the link is still there: %v", e.words, err)
		}
		if n := len(m.Network().Submitted()); n != e.sent {
			t.Errorf("%s: %d sent", e.words, n)
		}
		if err := m.Plug(); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(link); err != nil || target != m.Path() {
			t.Errorf("the link is to %q, want %q: %v", target, m.Path(), err)
		}
	}
	dialPath(t, link).expect("AT", "AT", "OK")
	m.Unplug()
	m.Unplug()
	if err := errors.Join(m.Plug(), m.Plug()); err != nil {
		t.Error(err)
	}
	m.Close()
	if err := m.Plug(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := os.WriteFile(link, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Link: link}); err == nil {
		t.Error("a file was replaced by the link")
	}
}

func TestClosedByPrograms(t *testing.T) {
	m := plugIn(t, Options{})
	ioctl := func(c *client, do func(fd int) error) {
		t.Helper()
		raw, err := c.port.SyscallConn()
		if err == nil {
			err = errors.Join(raw.Control(func(fd uintptr) { err = do(int(fd)) }), err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t, m)
	ioctl(c, func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0) })
	c.port.Close()
	for exclusive := 1; exclusive != 0; {
		c = dial(t, m) // as root; others are refused as long as it is in exclusive use
		ioctl(c, func(fd int) (err error) {
			exclusive, err = unix.IoctlGetInt(fd, unix.TIOCGEXCL)
			return err
		})
		if exclusive != 0 {
			c.port.Close()
		}
	}
	c.write("ATE0\r")
	c.until("\r\nOK\r\n")
}

func TestReboots(t *testing.T) {
	c, m := quiet(t, Options{Vendor: "huawei"})
	c.expect("AT+CNMI=2,1,0,1,0", "OK")
	boots := func() {
		t.Helper()
		c.says(m.vendor.boot...)
		c.expect("AT", "AT", "OK") // the echo is back
		c.write("ATE0\r")
		c.until("OK\r\n")
		c.expect("AT+CNMI?", "+CNMI: 0,0,0,0,0", "OK")
	}
	m.Reboot()
	boots()
	c.expect("AT+CFUN=1,1", "OK")
	boots()
	for i, words := range []string{"reboot-before-prompt", "reboot-after-pdu", "reboot-after-sent"} {
		set(m, words)
		c.write("AT+CMGS=18\r")
		if i > 0 {
			c.until("> ")
			c.write(shortPDU + "\x1a")
		}
		boots()
		if n := len(m.Network().Submitted()); n != i/2 {
			t.Errorf("%s: %d sent", words, n)
		}
	}
	set(m, "searches-for:50ms")
	m.Reboot()
	c.says(m.vendor.boot...)
	c.expect("AT+CREG=1;+CREG?", "AT+CREG=1;+CREG?", "+CREG: 1,2", "OK")
	c.says("+CREG: 1")
	set(m, "boot-time:50ms")
	m.Reboot()
	c.write("AT\r")
	c.until(m.vendor.boot[len(m.vendor.boot)-1] + "\r\n")
	c.expect("AT", "AT", "OK")

	set(m, "reenumerate,boot-time:1ms")
	m.Reboot()
	c.hungUp()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if path, err := m.Await(ctx); err != nil || path != m.Path() {
		t.Fatalf("%q: %v", path, err)
	}
	set(m, "dead-reset")
	m.Reboot()
	if m.Path() != "" {
		t.Error("it is still there")
	}
}

func TestSeveralPorts(t *testing.T) {
	link := filepath.Join(t.TempDir(), "modem")
	m := plugIn(t, Options{Vendor: "quectel", Link: link, Ports: []PortKind{PortSilent, PortSilent, PortAT, PortAT}})
	if paths := m.Paths(); len(paths) != 4 || m.Path() != paths[2] {
		t.Fatalf("%q, %q", paths, m.Path())
	}
	for i, path := range m.Paths() {
		if target, err := os.Readlink(fmt.Sprintf("%s-%d", link, i)); err != nil || target != path {
			t.Errorf("link %d: %q %v", i, target, err)
		}
	}
	diagnostics, first, second := dialPath(t, m.Paths()[0]), dialPath(t, link), dialPath(t, m.Paths()[3])
	diagnostics.write("AT\r")
	first.expect("ATE0", "ATE0", "OK")
	second.expect("AT", "AT", "OK")
	first.expect("AT+CNMI=2,1", "OK")
	text(t, m, customer, "one")
	first.says(`+CMTI: "ME",0`)
	first.expect(`AT+QURCCFG="urcport","usbmodem"`, "OK")
	text(t, m, customer, "two")
	second.says(`+CMTI: "ME",1`)
	diagnostics.silentFor(moment)
	m.Unplug()
	for _, name := range []string{link, link + "-0", link + "-3"} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestProgramThatDoesNotRead(t *testing.T) {
	c, m := quiet(t, Options{})
	m.Set(func(b *Behaviour) { b.Flood = Always })
	for range 20 {
		c.write("AT+CSQ\r") // more than is kept for it
	}
	m.Set(func(b *Behaviour) { b.Flood = 0 })
	c.until("OK\r\n")
}

func TestSwitches(t *testing.T) {
	names := map[string]bool{}
	for _, s := range Switches() {
		if names[s.Name] || s.Meaning == "" || !strings.HasPrefix(s.Usage(), s.Name) {
			t.Errorf("switch %+v", s)
		}
		names[s.Name] = true
		b := Behaviour{}
		change, err := ParseSwitches(s.Name)
		if err != nil {
			t.Error(s.Name, err)
			continue
		}
		if change(&b); fmt.Sprintf("%+v", b) == fmt.Sprintf("%+v", Behaviour{}) {
			t.Errorf("%s changes nothing", s.Name)
		}
	}
	for _, words := range []string{"loud", "silent:2", "slow:fast", "slow:-1s", "split:many", "error:few", "error:-2", "silent,nothing"} {
		if _, err := ParseSwitches(words); err == nil {
			t.Errorf("%q is accepted", words)
		}
	}
	b := Behaviour{}
	change, err := ParseSwitches(" silent , error:0,lose-cmti:always,flood:3,")
	if err != nil {
		t.Fatal(err)
	}
	if change(&b); !b.Silent || len(b.Rules) != 0 || b.LoseCMTI != Always || b.Flood != 3 {
		t.Errorf("%+v", b)
	}
}
