package gsmsim

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gammu is Debian's program of that name, at a modem.
type gammu struct {
	t       *testing.T
	program string
	config  string
}

func startGammu(t *testing.T, m *Modem) *gammu {
	t.Helper()
	program, err := exec.LookPath("gammu")
	if err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("SMSBRIDGE_TEST_INTEROP") == "required" {
			t.Fatal(err)
		}
		t.Skipf("NOT TESTED: gammu at a simulated modem. Install gammu: %v", err)
	}
	config := filepath.Join(t.TempDir(), "gammurc")
	content := fmt.Sprintf("[gammu]\ndevice = %s\nconnection = at115200\nlogfile = %s\nlogformat = textall\n", m.Path(), config+".log")
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return &gammu{t, program, config}
}

// run returns what gammu prints, which has to succeed.
func (g *gammu) run(args ...string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 3*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, g.program, append([]string{"-c", g.config}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	cmd.WaitDelay = time.Second
	b, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(g.config + ".log")
		g.t.Fatalf("gammu %q: %v\n%s\n%s", args, err, b, log)
	}
	return string(b)
}

func (g *gammu) prints(args []string, want ...string) {
	g.t.Helper()
	got := g.run(args...)
	for _, w := range want {
		if !strings.Contains(got, w) {
			g.t.Errorf("gammu %q prints %q, want %q in it", args, got, w)
		}
	}
}

// batch has one gammu run several commands.
func (g *gammu) batch(commands string, want ...string) {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "batch")
	if err := os.WriteFile(file, []byte(commands), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.prints([]string{"batch", file}, want...)
}

func TestGammuIdentifiesModem(t *testing.T) {
	for _, vendor := range Vendors() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			m := plugIn(t, Options{Vendor: vendor, Operator: "Example Mobile", Behaviour: Behaviour{Signal: 25}})
			g := startGammu(t, m)
			g.batch("identify\nnetworkinfo\ngetsmsc\nmonitor 1\n", m.Options().IMEI, m.Options().IMSI, m.vendor.model,
				"home network", "84CD", "Example Mobile", m.Options().SMSC, "Signal strength      : -63 dBm")
		})
	}
}

const longText = "Dear customer, the table for four that you asked for is yours on Friday at eight. " +
	"Please answer YES to keep it, or call us before noon. We look forward to seeing you, and your dog, with pleasure!"

func TestGammuReadsAndDeletes(t *testing.T) {
	for _, vendor := range []string{"huawei", "quectel", "sim800"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			m := plugIn(t, Options{Vendor: vendor})
			g := startGammu(t, m)
			text(t, m, customer, "Are you open on [Sunday]?")
			text(t, m, "Google", "Привет 😀")
			text(t, m, customer, longText)
			g.batch("getallsms\ngeteachsms\n", customer, "Are you open on [Sunday]?", "Google", "Привет 😀", "part 2 of 2",
				"4 SMS parts in 4 SMS sequences", "UnRead", longText, "4 SMS parts in 3 SMS sequences")
			inbox := map[string]string{memSIM: "1", memPhone: "3"}[m.vendor.preferred] // gammu's number of the folder
			g.run("deleteallsms", inbox)
			if n := m.Stored(m.vendor.preferred); n != 0 {
				t.Errorf("after deleteallsms %d are stored", n)
			}
		})
	}
}

func TestGammuSends(t *testing.T) {
	for _, vendor := range []string{"generic", "huawei"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			m := plugIn(t, Options{Vendor: vendor})
			g := startGammu(t, m)
			g.prints([]string{"sendsms", "TEXT", customer, "-text", "Yes, until noon"}, "OK, message reference=1")
			g.prints([]string{"sendsms", "TEXT", customer, "-len", "1000", "-text", longText}, "OK, message reference=3")
			g.run("sendsms", "TEXT", customer, "-unicode", "-text", "Привет")
			all := await(t, m.Network(), 4)
			for i, want := range []string{0: "Yes, until noon", 2: longText, 3: "Привет"} {
				if s := all[i]; want != "" && (s.To != customer || s.Whole != want || s.Reference != byte(i+1)) {
					t.Errorf("%+v, want %q", s, want)
				}
			}
		})
	}
}
