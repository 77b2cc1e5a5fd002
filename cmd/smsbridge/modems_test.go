//go:build linux

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smsbridge/config"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// plugged makes a modem that the test unplugs, at a device with a name that stays.
func plugged(t *testing.T, o gsmsim.Options) *gsmsim.Modem {
	t.Helper()
	if o.Link == "" {
		o.Link = filepath.Join(t.TempDir(), "modem")
	}
	m, err := gsmsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// usbRoot is a machine with a Huawei stick, whose second port is the modem's, and one
// in HiLink mode.
func usbRoot(t *testing.T, m *gsmsim.Modem) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	const usb = "sys/bus/usb/devices/"
	for path, text := range map[string]string{
		"1-1/idVendor": "12d1", "1-1/idProduct": "1506", "1-1/product": "HUAWEI Mobile",
		"1-1/1-1:1.1/bInterfaceNumber": "01", "1-1/1-1:1.1/bInterfaceClass": "ff", "1-1/1-1:1.1/bInterfaceSubClass": "02",
		"1-1/1-1:1.1/bInterfaceProtocol": "02", "1-1/1-1:1.1/ttyUSB1/port_number": "0",
		"1-2/idVendor": "12d1", "1-2/idProduct": "14dc", "1-2/product": "HUAWEI_MOBILE",
	} {
		write(usb+path, text)
	}
	link(m.Path(), "dev/ttyUSB1")
	link("../../ttyUSB1", "dev/serial/by-path/pci-usb-0:1:1.1-port0")
	return root
}

// relative is a path as somebody types it who is in the folder.
func relative(t *testing.T, path string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	short, err := filepath.Rel(here, path)
	if err != nil {
		t.Fatal(err)
	}
	return short
}

func TestModems(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{Vendor: "huawei", Number: "+447700900123", Operator: "Example Net"})
	pin := plugged(t, gsmsim.Options{Vendor: "sim800", PIN: "1234"})
	root := usbRoot(t, m)
	var out, errs bytes.Buffer
	code := modemsIn(t.Context(), root, []string{"--json", relative(t, pin.Options().Link)}, std{strings.NewReader(""), &out, &errs})
	var all []shownModem
	if err := json.Unmarshal(out.Bytes(), &all); err != nil || code != exitOK || len(all) != 3 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, &out, &errs)
	}
	if got := all[0]; got.IMEI != m.Options().IMEI || got.ICCID != m.Options().ICCID || got.Number != "+447700900123" || got.Operator != "Example Net" ||
		got.SignalDBm == nil || got.SIM != "READY" || got.USB != "1-1" || got.Port != filepath.Join(root, "dev/ttyUSB1") ||
		!strings.Contains(got.Config, `device: "`+filepath.Join(root, "dev/serial/by-path")) || !strings.Contains(got.Config, `#imei: "`+got.IMEI) {
		t.Errorf("%+v", got)
	}
	if got := all[1]; !strings.Contains(got.Advice, "is in HiLink mode") || got.Config != "" {
		t.Errorf("%+v", got)
	}
	if got := all[2]; got.SIM != "SIM PIN" || !strings.Contains(got.Config, `numbers: ["+"]`) || !strings.Contains(got.Config, "#pin_file: sim2-pin") ||
		!strings.Contains(got.Config, `device: "`+pin.Options().Link+`"`) {
		t.Errorf("%+v", got)
	}
	out.Reset()
	if code := modemsIn(t.Context(), root, nil, std{strings.NewReader(""), &out, &errs}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	for _, want := range []string{"Example Net, home", "-73 dBm", "+447700900123", "is in HiLink mode", "carriers:\n  - name: sim1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	out.Reset()
	if code := modemsIn(t.Context(), t.TempDir(), nil, std{strings.NewReader(""), &out, &errs}); code != exitOK || !strings.Contains(out.String(), "No modem is plugged in") {
		t.Errorf("exit code %d: %s", code, &out)
	}
	out.Reset()
	missing := filepath.Join(t.TempDir(), "nothing")
	if code := modemsIn(t.Context(), t.TempDir(), []string{missing}, std{strings.NewReader(""), &out, &errs}); code != exitOK || !strings.Contains(out.String(), "no such file") {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

// What the configuration would refuse is not written into it: there are modems whose
// IMEI is none.
func TestModemWithWrongIMEI(t *testing.T) {
	p := &gsm.Plugged{Stick: &gsm.Stick{}, Port: gsm.Tty{Device: "/dev/ttyUSB2"}, Found: &gsm.Found{IMEI: "356938035643809"}}
	if text := carrierOf(p, "sim1", "+447700900123").yaml(); !strings.Contains(text, `imei: "356938035643809"`) {
		t.Errorf("%s", text)
	}
	p.Found.IMEI = "356938035643808"
	text := carrierOf(p, "sim1", "+447700900123").yaml()
	if _, err := config.Parse("f", []byte("carriers:\n"+text), config.Options{}); err != nil || !strings.Contains(text, `device: "/dev/ttyUSB2"`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// A port that is in use is not asked.
func TestModemsInUse(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{})
	p, err := gsm.OpenPort(t.Context(), m.Path(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var out bytes.Buffer
	code := modemsIn(t.Context(), t.TempDir(), []string{m.Options().Link}, std{strings.NewReader(""), &out, &out})
	if code != exitOK || !strings.Contains(out.String(), "was not asked") || !strings.Contains(out.String(), "another program has the port") {
		t.Errorf("exit code %d: %s", code, &out)
	}
}

func TestInit(t *testing.T) {
	t.Parallel()
	m := plugged(t, gsmsim.Options{Vendor: "huawei", Number: "+447700900123"})
	root := usbRoot(t, m)
	pin := plugged(t, gsmsim.Options{PIN: "1234"})
	path := filepath.Join(t.TempDir(), "etc", "smsbridge.yaml")
	start := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := initialiseIn(t.Context(), root, append([]string{"--config", path, "--store", "sqlite:smsbridge.db"}, args...), std{strings.NewReader(""), &out, &out})
		return code, out.String()
	}
	if code, out := start(); code != exitOK || !strings.Contains(out, "sim1  +447700900123") || !strings.Contains(out, "smsbridge check --config "+path) {
		t.Fatalf("exit code %d: %s", code, out)
	}
	cfg, err := config.Load(path, config.Options{})
	if err != nil || len(cfg.Carriers) != 1 || cfg.Region != "GB" || cfg.Carriers[0].Numbers[0] != "+447700900123" ||
		cfg.Carriers[0].GSM.Device != filepath.Join(root, "dev/serial/by-path/pci-usb-0:1:1.1-port0") {
		t.Errorf("%+v, %v", cfg, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != fs.FileMode(0o640) {
		t.Errorf("%v, %v", info, err)
	}
	var checked bytes.Buffer
	if code := check([]string{"--config", path}, std{nil, &checked, &checked}); code != exitOK {
		t.Errorf("check: %s", &checked)
	}
	if code, out := start(); code != exitFail || !strings.Contains(out, "--force") || strings.Contains(out, "looking") {
		t.Errorf("over an old one: exit code %d: %s", code, out)
	}
	if code, out := start("--force", pin.Options().Link); code != exitFail || !strings.Contains(out, "does not know its number; give it, as --number") {
		t.Errorf("without a number: exit code %d: %s", code, out)
	}
	if code, out := start("--force", pin.Options().Link, "--number", "nonsense"); code != exitFail || !strings.Contains(out, `"nonsense" is no number`) {
		t.Errorf("a wrong number: exit code %d: %s", code, out)
	}
	code, out := start("--force", pin.Options().Link, "--number", "+44 7700 900124")
	cfg, err = config.Load(path, config.Options{})
	if code != exitOK || err != nil || len(cfg.Carriers) != 2 || cfg.Carriers[1].Numbers[0] != "+447700900124" || cfg.Carriers[1].GSM.Device != pin.Options().Link ||
		!strings.Contains(out, "sim2-pin") {
		t.Errorf("exit code %d, %+v, %v: %s", code, cfg, err, out)
	}
	if code, out := start("--force", "--store", "foo:bar"); code != exitFail || !strings.Contains(out, "not written to "+path+":5: store: must be sqlite:PATH") {
		t.Errorf("a wrong store: exit code %d: %s", code, out)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); err != nil || left != nil {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
	root = t.TempDir()
	if code, out := start("--force"); code != exitFail || !strings.Contains(out, "No modem is plugged in") || !strings.Contains(out, "no modem to write a configuration for") {
		t.Errorf("without a modem: exit code %d: %s", code, out)
	}
}

// A person is asked for what the SIM does not know.
func TestInitAsks(t *testing.T) {
	found := []gsm.Plugged{{Found: &gsm.Found{SIM: gsm.PINWanted, Model: "E173"}}}
	for _, test := range []struct {
		typed, number string
		asked         int
	}{{"07700 900123\n+44 7700 900123\n", "+447700900123", 2}, {"x\nx\nx\nx\n", "", 3}, {"", "", 1}} {
		var out bytes.Buffer
		w := firstConfig{std: std{nil, &out, &out}, in: bufio.NewReader(strings.NewReader(test.typed)), person: true}
		err := w.choose(found)
		if (err == nil) != (test.number != "") || err == nil && w.modems[0].number != test.number || strings.Count(out.String(), "does not know its number") != test.asked {
			t.Errorf("%q: %v, %+v: %s", test.typed, err, w.modems, &out)
		}
	}
}
