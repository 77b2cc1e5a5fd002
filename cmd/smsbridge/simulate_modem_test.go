package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"smsbridge/config"
	"smsbridge/gsm/gsmsim"
)

// modemRunner is a running `simulate modem`.
type modemRunner struct {
	t       *testing.T
	in      io.Writer
	printed *bufio.Scanner
}

// runModem starts one that the test ends, and wants exit code 0.
func runModem(t *testing.T, args ...string) *modemRunner {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	lines, typed := io.Pipe()
	output, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- simulateModem(ctx, args, lines, out, io.Discard)
		_ = out.Close()
	}()
	t.Cleanup(func() {
		_ = typed.Close()
		cancel()
		_, _ = io.Copy(io.Discard, output)
		if got := <-code; got != exitOK {
			t.Errorf("exit code %d", got)
		}
	})
	return &modemRunner{t, typed, bufio.NewScanner(output)}
}

func (r *modemRunner) prints(pattern string) []string {
	r.t.Helper()
	if !r.printed.Scan() {
		r.t.Fatalf("output ends before %q", pattern)
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(r.printed.Text())
	if found == nil {
		r.t.Fatalf("printed %q, want %q", r.printed.Text(), pattern)
	}
	return found
}

func (r *modemRunner) types(line string) {
	r.t.Helper()
	if _, err := io.WriteString(r.in, line+"\n"); err != nil {
		r.t.Fatal(err)
	}
}

// openAT opens a modem's device.
func openAT(t *testing.T, path string) *os.File {
	t.Helper()
	port, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	_ = port.SetDeadline(time.Now().Add(20 * time.Second))
	return port
}

// says writes to a device and reads until it says something.
func says(t *testing.T, port *os.File, write, until string) {
	t.Helper()
	if _, err := port.WriteString(write); err != nil {
		t.Fatal(err)
	}
	var read []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(read), until); read = append(read, b...) {
		if _, err := port.Read(b); err != nil {
			t.Fatalf("after %q: %v, want %q", read, err, until)
		}
	}
}

// helloPDU is "hello" to +12602058901.
const helloPDU = "0021000B912106028509F1000005E8329BFD06"

func TestSimulateModem(t *testing.T) {
	link := filepath.Join(t.TempDir(), "modem")
	r := runModem(t, "--link", link, "--vendor", "huawei", "--number", "+447700900123", "--pin", "1234", "--answer", "Thank you",
		"--reports", "0x20,0x00")
	var snippet strings.Builder
	for _, pattern := range []string{`^carriers:$`, `^  # huawei modem, IMEI \d{15}, SIM \d+; ports /dev/pts/\d+$`, `^  - name: sim1$`,
		`^    numbers: \["\+447700900123"\]$`, `^    gsm:$`, `^      device: "` + link + `"$`, `^      pin: "1234"$`} {
		fmt.Fprintln(&snippet, r.prints(pattern)[0])
	}
	c, err := config.Parse("smsbridge.yaml", []byte("store: sqlite:/tmp/x.db\n"+snippet.String()), config.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, &snippet)
	}
	if g := c.Carriers[0].GSM; g == nil || g.Device != link || g.PIN != "1234" {
		t.Errorf("carrier %+v", c.Carriers[0])
	}

	port := openAT(t, link)
	says(t, port, "AT+CPIN=1234\r", "\r\nOK\r\n")
	says(t, port, "AT+CNMI=2,1,0,1,0\r", "\r\nOK\r\n")
	r.types("+12602058901 are you open?")
	says(t, port, "", "\r\n+CMTI: \"SM\",0\r\n")
	says(t, port, "AT+CMGS=18\r", "> ")
	says(t, port, helloPDU+"\x1a", "")
	r.prints(`^\+447700900123 -> \+12602058901: "hello"$`)
	says(t, port, "", "\r\n+CMGS: 1\r\n\r\nOK\r\n")
	says(t, port, "", "0020\r\n") // the first report
	says(t, port, "", "0000\r\n")
	says(t, port, "", "\r\n+CMTI: \"SM\",1\r\n")

	for line, want := range map[string]string{
		"nonsense": "^not FROM TEXT$", "!loud": `^no switch "loud"$`, "!": "^not !SWITCHES$", "!call": "^not !call FROM$",
		"!call +1 +2": "no modem has or had that number$",
	} {
		r.types(line)
		r.prints(want)
	}
	r.types("!silent")
	r.types("!good")
	r.types("!unplug")
	r.types("!plug")
	r.prints(`^\+447700900123 is on /dev/pts/\d+$`)
	says(t, openAT(t, link), "AT\r", "\r\nOK\r\n")
	r.types("!reboot")
	r.types("!plug")
	r.prints(`^\+447700900123 is on /dev/pts/\d+$`)
}

func TestSimulateSeveralModems(t *testing.T) {
	r := runModem(t, "--count", "2", "--echo", "--do", "split,signal:5", "--ports", "silent,at", "--report-early")
	var devices []string
	for i := range 2 {
		if i == 0 {
			r.prints("^carriers:$")
		}
		r.prints(`; ports (/dev/pts/\d+) (/dev/pts/\d+)$`)
		r.prints("^  - name: sim")
		r.prints(fmt.Sprintf(`\["\+44770090012%d"\]`, 3+i))
		r.prints("^    gsm:")
		devices = append(devices, r.prints(`device: "(.*)"`)[1])
	}
	second := openAT(t, devices[1])
	says(t, second, "AT+CSQ\r", "+CSQ: 5,99\r\n\r\nOK\r\n")
	says(t, second, "AT+CNMI=2,1,0,1\r", "OK\r\n")
	r.types("+12602058901 +447700900124 hello you")
	says(t, second, "", "\r\n+CMTI: \"SM\",1\r\n")
	says(t, second, "AT+CMGS=18\r", "> ")
	says(t, second, helloPDU+"\x1a", "")
	r.prints(`"hello"$`)
	says(t, second, "", "\r\n+CDS: 25\r\n")
	says(t, second, "", "+CMGS: 1\r\n\r\nOK\r\n")
	says(t, second, "", "\r\n+CMTI: \"SM\",2\r\n")
	r.types("!call +12602058901 +447700900124")
	says(t, second, "", "\r\nRING\r\n")
	says(t, second, "ATH\r", "OK\r\n")
	r.prints(`^\+12602058901 calls \+447700900124: rejected$`)
}

func TestSimulateModemRefusesFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"}, {"argument"}, {"--vendor", "nokia"}, {"--number", "07700900123"}, {"--number", "447700900123"}, {"--count", "0"},
		{"--count", "2", "--imei", "356092040000015"}, {"--imei", "1"}, {"--pin", "12"}, {"--do", "loud"}, {"--do", "slow:fast"},
		{"--ports", "silent"}, {"--ports", "modem"}, {"--reports", "0x100"}, {"--reports", "none,0"}, {"--echo", "--answer", "yes"},
		{"--send-delay", "-1s"}, {"--slots", "-1"}, {"--pin-tries", "0"}, {"--smsc", "centre"}, {"--cnmi", "(0,1)"},
	} {
		var errOut bytes.Buffer
		if code := simulateModem(t.Context(), args, strings.NewReader(""), io.Discard, &errOut); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
		if errOut.Len() == 0 {
			t.Errorf("%q: nothing is said", args)
		}
	}
	var errOut bytes.Buffer
	if code := simulateModem(t.Context(), []string{"--help"}, nil, io.Discard, &errOut); code != exitOK {
		t.Errorf("--help: exit code %d", code)
	}
	for _, s := range gsmsim.Switches() {
		if !strings.Contains(errOut.String(), "  "+s.Usage()+" ") {
			t.Errorf("--help does not list %s", s.Usage())
		}
	}
	if code := simulateModem(t.Context(), []string{"--link", "/dev/null/modem"}, strings.NewReader(""), io.Discard, io.Discard); code != exitFail {
		t.Errorf("no place for the link: exit code %d", code)
	}
}
