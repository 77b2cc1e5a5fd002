//go:build linux

package gsm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"smsbridge/gsm/gsmsim"
)

// plug shows a simulated modem as a stick whose ports have the names given, in the
// order of its own, each an interface more.
func (f *fakeUSB) plug(path, vendor, product, name string, m *gsmsim.Modem, protocols []string, ttys ...string) {
	f.t.Helper()
	stick := f.stick(path, vendor, product, name)
	for i, tty := range ttys {
		f.port(stick, strconv.Itoa(i), protocols[min(i, len(protocols)-1)], tty)
		if m != nil {
			if err := os.Symlink(m.Paths()[i], filepath.Join(f.root, "dev", tty)); err != nil {
				f.t.Fatal(err)
			}
		}
	}
}

func (f *fakeUSB) unplug(path string, ttys ...string) {
	f.t.Helper()
	err := os.RemoveAll(filepath.Join(f.root, "sys/bus/usb/devices", path))
	for _, tty := range ttys {
		err = errors.Join(err, os.Remove(filepath.Join(f.root, "dev", tty)))
	}
	for _, link := range must(filepath.Glob(filepath.Join(f.root, "dev/serial/by-path/*:"+path+":*"))) {
		err = errors.Join(err, os.Remove(link))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func must(all []string, err error) []string {
	if err != nil {
		panic(err)
	}
	return all
}

// simulated makes a modem that the test closes.
func simulated(t *testing.T, o gsmsim.Options) *gsmsim.Modem {
	t.Helper()
	m, err := gsmsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

var (
	huaweiPorts  = []gsmsim.PortKind{gsmsim.PortSilent, gsmsim.PortAT}
	quectelPorts = []gsmsim.PortKind{gsmsim.PortSilent, gsmsim.PortSilent, gsmsim.PortAT, gsmsim.PortAT}
)

// driven runs a modem that looks for its port in a folder.
func driven(t *testing.T, root string, cfg Config) *Modem {
	t.Helper()
	m := New(cfg, Options{})
	m.finder.root = root
	m.pace.quiet, m.pace.reopen, m.pace.settle = 20*time.Millisecond, 50*time.Millisecond, 10*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); m.Run(ctx, &recorder{commit: true}) }()
	t.Cleanup(func() { cancel(); <-ran })
	return m
}

func (m *Modem) says(t *testing.T, what string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(m.Info().Reason, what) {
		if time.Now().After(deadline) {
			t.Fatalf("%q, want %q", m.Info().Reason, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func isUp(m *Modem) func() bool { return func() bool { return m.Info().Phase == PhaseUp } }

// A modem is found by its IMEI, behind whichever port, and found again when it is
// plugged in elsewhere and the ports have other names.
func TestByIMEI(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	other := simulated(t, gsmsim.Options{Vendor: "huawei", Ports: huaweiPorts})
	silence, err := OpenConsole(t.Context(), other.Path(), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	// A program has left it without results.
	if a, err := silence.Do(t.Context(), "ATQ1", 100*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("%+v, %v", a, err)
	}
	if err := silence.Close(); err != nil {
		t.Fatal(err)
	}
	ours := simulated(t, gsmsim.Options{Vendor: "quectel", IMEI: "350000000000006", Ports: quectelPorts})
	cfg := Defaults()
	cfg.IMEI = ours.Options().IMEI
	m := driven(t, f.root, cfg)
	m.says(t, "No modem is plugged in; the one with the IMEI "+cfg.IMEI+" is expected.")
	f.plug("1-1", "12d1", "1506", "HUAWEI Mobile", other, []string{"ff0201", "ff0202"}, "ttyUSB0", "ttyUSB1")
	m.says(t, "No modem here has the IMEI "+cfg.IMEI+": Maker HUAWEI Mobile (12d1:1506, at 1-1) has "+other.Options().IMEI+".")
	f.plug("1-2", "2c7c", "0125", "EC25", ours, []string{"ff0000"}, "ttyUSB2", "ttyUSB3", "ttyUSB4", "ttyUSB5")
	waitUntil(t, isUp(m))
	if got := filepath.Base(m.Info().Port); got != "ttyUSB4" {
		t.Errorf("it uses %s", got)
	}
	ours.Unplug()
	f.unplug("1-2", "ttyUSB2", "ttyUSB3", "ttyUSB4", "ttyUSB5")
	m.says(t, "No modem here has the IMEI")
	if err := ours.Plug(); err != nil {
		t.Fatal(err)
	}
	f.plug("1-4", "2c7c", "0125", "EC25", ours, []string{"ff0000"}, "ttyUSB7", "ttyUSB8", "ttyUSB9", "ttyUSB10")
	waitUntil(t, isUp(m))
	if got := filepath.Base(m.Info().Port); got != "ttyUSB9" {
		t.Errorf("plugged in again it uses %s", got)
	}
}

// "auto" is the one modem that there is, and why there is none is said.
func TestAuto(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	cfg := Defaults()
	cfg.Device = DeviceAuto
	m := driven(t, f.root, cfg)
	m.says(t, "No modem is plugged in.")
	f.stick("1-4", "12d1", "14dc", "HUAWEI_MOBILE")
	m.says(t, "No modem is plugged in. Maker HUAWEI_MOBILE (12d1:14dc, at 1-4) is in HiLink mode")
	f.plug("1-6", "05c6", "9008", "QUSB_BULK", nil, []string{"ff0000"}, "ttyUSB6")
	m.says(t, "emergency download")
	f.plug("1-7", "0403", "6001", "a cable", nil, []string{"ff0000"}, "ttyUSB11")
	first := simulated(t, gsmsim.Options{Vendor: "huawei", Ports: []gsmsim.PortKind{gsmsim.PortSilent, gsmsim.PortSilent}})
	f.plug("1-1", "12d1", "1506", "HUAWEI Mobile", first, []string{"ff0201", "ff0202"}, "ttyUSB0", "ttyUSB1")
	m.says(t, "answers AT at none of its ports (ttyUSB1: does not answer AT; ttyUSB0: does not answer AT).")
	first.Unplug()
	f.unplug("1-1", "ttyUSB0", "ttyUSB1")
	second := simulated(t, gsmsim.Options{Vendor: "huawei", Ports: huaweiPorts})
	f.plug("1-1", "12d1", "1506", "HUAWEI Mobile", second, []string{"ff0201", "ff0202"}, "ttyUSB0", "ttyUSB1")
	waitUntil(t, isUp(m))
	// One more is no reason to leave the one that works.
	f.plug("1-2", "2c7c", "0125", "EC25", nil, []string{"ff0000"}, "ttyUSB2", "ttyUSB3", "ttyUSB4")
	m.Reconnect()
	m.says(t, "2 modems are plugged in, and the configuration means the only one: Maker HUAWEI Mobile (12d1:1506, at 1-1), Maker EC25 (2c7c:0125, at 1-2).")
}

// A path that is not there is waited for.
func TestByPath(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	cfg := Defaults()
	cfg.Device = filepath.Join(f.root, "modem")
	m := driven(t, f.root, cfg)
	f.stick("1-5", "12d1", "1f01", "HUAWEI_MOBILE")
	m.says(t, cfg.Device+" is not there: the modem is not plugged in, or elsewhere.")
	m.Reconnect()
	m.says(t, "shows only its driver disk")
	sim := simulated(t, gsmsim.Options{Link: cfg.Device})
	waitUntil(t, isUp(m))
	for range 3 {
		sim.Unplug()
		waitUntil(t, func() bool { return m.Info().Phase == PhaseAbsent })
		if err := sim.Plug(); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, isUp(m))
	}
}

// What is found at a port that was renumbered meanwhile is not used.
func TestAnotherIMEI(t *testing.T) {
	sim := simulated(t, gsmsim.Options{IMEI: "350000000000006"})
	cfg := Defaults()
	cfg.IMEI = "350000000000014"
	m := New(cfg, Options{})
	m.pace.quiet = 20 * time.Millisecond
	o := newOwner(m, &recorder{})
	port, err := OpenPort(t.Context(), sim.Path(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(o, newChat(port, m.pace.quiet, nil))
	defer s.chat.close()
	if err := s.run(t.Context()); !errors.Is(err, errReopen) || !strings.Contains(o.reason(err), "has not the IMEI 350000000000014, but 350000000000006") {
		t.Error(err)
	}
}

// Of two that ask each other's modems, both find theirs.
func TestByIMEIWhereOthersAsk(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	stick := func(n string) { f.plug("1-"+n, "1e2d", "0061", "PLS8", nil, []string{"020201"}, "ttyACM"+n) }
	stick("1")
	stick("2")
	asked := []string{}
	cfg := Defaults()
	cfg.IMEI = "1"
	find := finder{f.root, cfg, func(_ context.Context, path string) (string, error) {
		asked = append(asked, filepath.Base(path))
		if len(asked) == 1 {
			return "", &hindrance{"asked by another", ErrBusy}
		}
		return strings.TrimPrefix(filepath.Base(path), "ttyACM"), nil
	}}
	if path, err := find.path(t.Context()); err != nil || filepath.Base(path) != "ttyACM1" || !slices.Equal(asked, []string{"ttyACM1", "ttyACM2", "ttyACM1"}) {
		t.Errorf("%q, %v, asked %v", path, err, asked)
	}
}
