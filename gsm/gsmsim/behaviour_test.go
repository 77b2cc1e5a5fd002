package gsmsim

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func set(m *Modem, words string) {
	change, err := ParseSwitches(words)
	if err != nil {
		panic(err)
	}
	m.Set(change)
}

// good makes the modem behave again.
func good(m *Modem) { m.Set(func(b *Behaviour) { *b = Behaviour{} }) }

const moment = 50 * time.Millisecond

func TestSilence(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "silent")
	c.write("AT\rATE1\r")
	c.silentFor(moment)
	good(m)
	c.expect("AT", "OK")
	set(m, "no-answer:2")
	c.write("AT\rAT+CMEE=0\r")
	c.silentFor(moment)
	c.expect("AT+CMEE?", "+CMEE: 1", "OK")
	set(m, "error:1")
	c.expect("AT+CSQ", "ERROR")
	c.expect("AT+CSQ", "+CSQ: 20,99", "OK")
}

func TestBlockedWrites(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "deaf")
	_ = c.port.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
	line := []byte("AT                                                            \r")
	written, err := c.port.Write(bytes.Repeat(line, 2000))
	if !errors.Is(err, os.ErrDeadlineExceeded) || written == 0 {
		t.Fatalf("%d octets could be written: %v", written, err)
	}
	good(m)
	c.until("OK\r\n")
}

func TestEcho(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "echo")
	c.expect("ATE0", "ATE0", "OK")
	c.write("AT+CMGS=18\r")
	c.until("AT+CMGS=18\r\r\n> ")
	c.write(shortPDU + "\x1a")
	c.until(shortPDU + "\x1a\r\n+CMGS: 1\r\n\r\nOK\r\n")
}

func TestSlowAndLate(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "slow:20ms")
	start := time.Now()
	c.expect("AT", "OK")
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	good(m)
	m.Set(func(b *Behaviour) { b.Rules = []Rule{{Command: "+CSQ", Times: 1, Do: DoLate, For: moment}} })
	c.write("AT+CSQ\r")
	c.expect("AT+CMEE?", "+CMEE: 1", "OK")
	c.says("+CSQ: 20,99", "OK")
	m.Set(func(b *Behaviour) {
		b.Rules = []Rule{{Command: "+CSQ", Skip: 1, Times: 1, Do: DoCME, Code: 14}, {Command: "+CSQ", Times: 1, Do: DoDelay, For: moment},
			{Command: "+CSCA", Do: DoAnswer, Text: "\r\n+CSCA: bad\n"}}
	})
	c.expect("AT+CSQ", "+CSQ: 20,99", "OK")
	c.expect("AT+CSQ", "+CME ERROR: 14")
	c.write("AT+CSCA?\r")
	c.until("\r\n+CSCA: bad\n")
}

func TestGarbage(t *testing.T) {
	c, m := quiet(t, Options{Vendor: "huawei"})
	set(m, "garbage:1")
	c.write("AT\r")
	if got := c.until("OK\r\n"); len(got) != 64+6 {
		t.Errorf("%q", got)
	}
	set(m, "flood")
	c.write("AT\r")
	if got := c.until("OK\r\n"); len(got) != 64<<10+6 {
		t.Errorf("%d octets", len(got))
	}
	c.expect("AT", "OK")
	set(m, "noise")
	lines := c.lines("AT+CSQ")
	if i := slices.Index(lines, "+CSQ: 20,99"); i < 1 || i == len(lines)-2 || lines[i+1] == "OK" {
		t.Errorf("%q", lines)
	}
	good(m)
	c.within(moment)
	set(m, "noise-every:1ms")
	c.says(m.vendor.noise...)
	c.write("AT^CURC=0\r")
	c.until("OK\r\n")
	c.silentFor(moment)
}

func TestForms(t *testing.T) {
	c, m := quiet(t, Options{CNMI: "(0,1),(0-2),(0,2),(0,1),(0)"})
	set(m, "crcrlf,no-space,text-errors,refuse-csms")
	c.write("AT+CSQ\r")
	if got := c.until("OK\r\r\n"); got != "\r\r\n+CSQ:20,99\r\r\n\r\r\nOK\r\r\n" {
		t.Errorf("%q", got)
	}
	good(m)
	set(m, "no-space,text-errors,refuse-csms")
	c.expect("AT+COPS=9", "+CME ERROR:incorrect parameters")
	c.expect("AT+CMGR=1", "+CMS ERROR:invalid memory index")
	c.expect("AT+CSMS=?", "+CSMS:(0)", "OK")
	good(m)
	c.expect("AT+CNMI=?", "+CNMI: (0,1),(0-2),(0,2),(0,1),(0)", "OK")
	c.expect("AT+CNMI=2,1,0,1,0", "+CMS ERROR: 303")
	c.expect("AT+CNMI=1,1,0,1,0", "OK")
	if _, err := New(Options{CNMI: "(0,1)"}); err == nil {
		t.Error("CNMI of one set")
	}
}

func TestSplitWrites(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "split")
	c.write("AT+CSQ\r")
	b := make([]byte, 100)
	_ = c.port.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.port.Read(b); err != nil || n > 4 {
		t.Errorf("%q at once, %v", b[:n], err)
	}
	c.until("OK\r\n")
	for _, octet := range "AT+CSQ\r" {
		c.write(string(octet))
	}
	c.says("+CSQ: 20,99", "OK")
}

func TestBaud(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "baud:9600")
	speed := func(rate uint32) {
		t.Helper()
		raw, err := c.port.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			var tio *unix.Termios
			if tio, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
				tio.Cflag = tio.Cflag&^unix.CBAUD | rate
				err = unix.IoctlSetTermios(int(fd), unix.TCSETS, tio)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	speed(unix.B115200)
	c.write("AT\r")
	if got := c.within(moment); len(got) != 3 || got[0] < 0x80 {
		t.Errorf("%q", got)
	}
	speed(unix.B9600)
	c.expect("AT", "OK")
}

func TestPortSel(t *testing.T) {
	m := plugIn(t, Options{Vendor: "huawei", Behaviour: Behaviour{NeedPortSel: true}})
	c := dial(t, m)
	c.write("ATE0\rAT\r")
	c.silentFor(moment)
	c.write("AT^PORTSEL=1\r")
	c.until("OK\r\n")
	c.expect("ATE0", "ATE0", "OK")
}

func TestRegistrations(t *testing.T) {
	c, m := quiet(t, Options{})
	c.expect("AT+CREG=1", "OK")
	for _, e := range []struct{ words, stat, send string }{
		{"no-network", "0", "+CMS ERROR: 331"}, {"searching", "2", "+CMS ERROR: 331"}, {"denied", "3", "+CMS ERROR: 331"},
		{"roaming,signal:31", "5", "+CMGS: 1"},
	} {
		set(m, e.words)
		c.says("+CREG: " + e.stat)
		c.expect("AT+CREG?", "+CREG: 1,"+e.stat, "OK")
		if got := c.submit(shortLength, shortPDU); got != e.send {
			t.Errorf("%s: %q", e.words, got)
		}
		if e.stat == "5" {
			c.says("OK")
			c.expect("AT+CSQ", "+CSQ: 31,99", "OK")
		}
	}
	good(m)
	c.says("+CREG: 1")
	set(m, "flap:5ms")
	c.says("+CREG: 2", "+CREG: 1", "+CREG: 2")
	good(m)
	c.within(moment)
	c.expect("AT+CREG?", "+CREG: 1,1", "OK")
}

func TestSIMTroubles(t *testing.T) {
	c, m := quiet(t, Options{})
	set(m, "no-sim")
	c.says("+CPIN: NOT INSERTED")
	c.expect("AT+CPIN?", "+CME ERROR: 10")
	c.expect("AT+CIMI", "+CME ERROR: 10")
	c.expect("AT+CCID", "+CME ERROR: 10")
	c.expect("AT+CMGL=4", "+CMS ERROR: 310")
	c.expect("AT+CREG?", "+CREG: 0,0", "OK")
	good(m)
	c.says("+CPIN: READY")
	set(m, "puk")
	c.expect("AT+CPIN?", "+CPIN: SIM PUK", "OK")
	c.expect("AT+CMGL=4", "+CMS ERROR: 316")
	c.expect(`AT+CPIN="12345678","1111"`, "OK")
	set(m, "sim-busy:2")
	c.expect("AT+CIMI", "+CME ERROR: 14")
	c.expect("AT+CMGL=4", "+CMS ERROR: 314")
	c.expect("AT+CMGL=4", "OK")
	set(m, "no-smsc")
	c.expect("AT+CSCA?", `+CSCA: "",129`, "OK")
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 330" {
		t.Errorf("%q", got)
	}
	if got := c.submit(shortLength, "0791"+"5100550500F0"+shortPDU[2:]); got != "+CMGS: 1" { // a service centre of its own
		t.Errorf("%q", got)
	}
	c.says("OK")
	c.expect(`AT+CSCA="+15005550000"`, "OK")
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 2" {
		t.Errorf("%q", got)
	}
	c.says("OK")
	set(m, "stale-smsc")
	c.expect("AT+CSCA?", `+CSCA: "+15005550000",145`, "OK")
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 330" {
		t.Errorf("%q", got)
	}
	c.expect(`AT+CSCA="+15005550000",145`, "OK")
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 3" {
		t.Errorf("%q", got)
	}
}

func TestIndicationTroubles(t *testing.T) {
	c, m := quiet(t, Options{Vendor: "huawei"})
	c.expect("AT+CNMI=2,1,0,2,0", "OK")
	set(m, "lose-cmti:1")
	text(t, m, customer, "lost")
	for m.Stored(memSIM) == 0 {
		c.expect("AT", "OK")
	}
	set(m, "cmti-no-index:1")
	text(t, m, customer, "no index")
	c.says("+CMTI: ,-1")
	set(m, "cmti-wrong-memory:1")
	text(t, m, customer, "wrong memory")
	c.says(`+CMTI: "ME",2`)
	set(m, "cdsi-wrong-memory:1")
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 1" {
		t.Errorf("%q", got)
	}
	c.says("OK", `+CDSI: "ME",3`)
	set(m, "full")
	c.expect("AT+CPMS?", `+CPMS: "SM",20,20,"SM",20,20,"SM",20,20`, "OK")
	text(t, m, customer, "no room")
	c.says(`^SMMEMFULL: "SM"`)
	good(m)
	c.says(`+CMTI: "SM",4`)
	set(m, "no-reports")
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 2" {
		t.Errorf("%q", got)
	}
	c.says("OK")
	c.silentFor(moment)
	good(m)
	set(m, "refuse-cds")
	c.expect("AT+CNMI=2,1,0,1,0", "+CMS ERROR: 303")
	c.expect("AT+CNMI=2,1,0,2,0", "OK")
	set(m, "refuse-cnmi")
	c.expect("AT+CNMI=2,1,0,2,0", "+CMS ERROR: 303")
	good(m)
	c.expect("AT+CNMI=2,2,0,0,0", "OK")
	set(m, "require-cnma")
	text(t, m, customer, "routed")
	if got := c.line(); !strings.HasPrefix(got, "+CMT: ,") {
		t.Errorf("%q", got)
	}
	c.line()
	c.expect("AT+CNMA=2", "OK")
	c.expect("AT+CNMA", "+CMS ERROR: 340")

	q, qm := quiet(t, Options{Vendor: "quectel"})
	q.expect("AT+CNMI=2,1,0,2,0", "OK")
	if got := q.submit(shortLength, shortPDU); got != "+CMGS: 1" {
		t.Errorf("%q", got)
	}
	q.says("OK", `+CDSI: "SM",0`)
	if qm.Stored(memReports) != 1 || qm.Stored(memSIM) != 0 {
		t.Error("the report is not in SR")
	}
}
