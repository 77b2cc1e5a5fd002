//go:build linux

package gsm

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"smsbridge/gsm/gsmsim"
)

func TestProbe(t *testing.T) {
	for _, vendor := range gsmsim.Vendors() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			sim := simulated(t, gsmsim.Options{Vendor: vendor, Number: "+447700900123", Operator: "Example Net"})
			o := sim.Options()
			f, err := Probe(t.Context(), sim.Path())
			if err != nil {
				t.Fatal(err)
			}
			if f.Port != sim.Path() || f.IMEI != o.IMEI || f.ICCID != o.ICCID || f.Number != o.Number || f.SIM != PINReady || f.Model == "" ||
				f.Operator != "Example Net" || !f.Signal.Known || !f.Registration.Registered() {
				t.Errorf("%+v of %+v", f, o)
			}
		})
	}
}

// A PIN is not entered, and what a program had set is as it was.
func TestProbeChangesNothing(t *testing.T) {
	sim := simulated(t, gsmsim.Options{PIN: "1234", Number: "+447700900123"})
	said := func(commands ...string) string {
		t.Helper()
		var mu sync.Mutex
		var b strings.Builder
		c, err := OpenConsole(t.Context(), sim.Path(), func(line string) { mu.Lock(); defer mu.Unlock(); b.WriteString(line + "\n") })
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commands {
			if _, err := c.Do(t.Context(), command, 5*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	state := []string{"AT+CMEE?", "AT+CMGF?", "AT+CNMI?", "AT+CREG?", "AT+CPIN?", "AT+CFUN?"}
	before := said(append([]string{"ATE0", "AT+CMEE=0", "AT+CMGF=1"}, state...)...)
	f, err := Probe(t.Context(), sim.Path())
	if err != nil {
		t.Fatal(err)
	}
	if f.SIM != PINWanted || f.IMEI != sim.Options().IMEI || f.Number != "" {
		t.Errorf("%+v", f)
	}
	if after := strings.Repeat("OK\n", 3) + said(state...); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

func TestProbeRefusals(t *testing.T) {
	silent := simulated(t, gsmsim.Options{Ports: []gsmsim.PortKind{gsmsim.PortSilent}})
	began := time.Now()
	if f, err := Probe(t.Context(), silent.Paths()[0]); !errors.Is(err, ErrTimeout) || err.Error() != "does not answer AT" {
		t.Errorf("%+v, %v", f, err)
	}
	if took := time.Since(began); took > 2*portPatience {
		t.Errorf("a silent port took %v", took)
	}
	sim := simulated(t, gsmsim.Options{})
	p, err := OpenPort(t.Context(), sim.Path(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if f, err := Probe(t.Context(), sim.Path()); !errors.Is(err, ErrBusy) {
		t.Errorf("of a port in use: %+v, %v", f, err)
	}
	if _, err := OpenConsole(t.Context(), sim.Path(), nil); !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "another program has the port") {
		t.Error(err)
	}
}

func TestSurvey(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	huawei := simulated(t, gsmsim.Options{Vendor: "huawei", Ports: huaweiPorts})
	f.plug("1-1", "12d1", "1506", "HUAWEI Mobile", huawei, []string{"ff0201", "ff0202"}, "ttyUSB0", "ttyUSB1")
	f.plug("1-2", "2c7c", "0125", "EC25", nil, []string{"ff0000"}, "ttyUSB2", "ttyUSB3", "ttyUSB4")
	f.plug("1-3", "0403", "6001", "a cable", nil, []string{"ff0000"}, "ttyUSB5")
	f.stick("1-4", "12d1", "14dc", "HUAWEI_MOBILE")
	lone := simulated(t, gsmsim.Options{Vendor: "sim800", Link: filepath.Join(f.root, "modem")})
	all, err := Survey(t.Context(), f.root, []string{lone.Options().Link})
	if err != nil || len(all) != 5 {
		t.Fatalf("%+v, %v", all, err)
	}
	if p := all[0]; p.Found == nil || p.Found.IMEI != huawei.Options().IMEI || filepath.Base(p.Port.Device) != "ttyUSB1" || p.Port.ByPath == "" {
		t.Errorf("%+v", p)
	}
	// Of the Quectel, whose ports are not there, the first two are not touched.
	if p := all[1]; p.Found != nil || len(p.Tried) != 1 || filepath.Base(p.Tried[0].Device) != "ttyUSB4" {
		t.Errorf("%+v", p)
	}
	for i := 2; i < 4; i++ {
		if p := all[i]; p.Found != nil || p.Tried != nil || p.HeldBy != "" {
			t.Errorf("%+v", p)
		}
	}
	if p := all[4]; p.Stick != nil || p.Found == nil || p.Found.IMEI != lone.Options().IMEI || p.Port.Device != lone.Options().Link {
		t.Errorf("%+v", p)
	}
	// A port that is named is asked, and none beside it.
	all, err = Survey(t.Context(), f.root, []string{huawei.Paths()[0]})
	if err != nil || len(all) != 4 || all[0].Found != nil || len(all[0].Tried) != 1 || filepath.Base(all[0].Tried[0].Device) != "ttyUSB0" {
		t.Errorf("%+v, %v", all, err)
	}
}

// A stick of which somebody has another port is not asked, unless a port is named.
func TestSurveyOfOneInUse(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	huawei := simulated(t, gsmsim.Options{Vendor: "huawei", Ports: huaweiPorts})
	f.plug("1-1", "12d1", "1506", "HUAWEI Mobile", huawei, []string{"ff0201", "ff0202"}, "ttyUSB0", "ttyUSB1")
	port, err := os.OpenFile(huawei.Paths()[0], os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	other := exec.Command("cat")
	other.ExtraFiles = []*os.File{port}
	in, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	all, err := Survey(t.Context(), f.root, nil)
	if err != nil || len(all) != 1 || all[0].Found != nil || !strings.HasPrefix(all[0].HeldBy, "cat (process ") || filepath.Base(all[0].Port.Device) != "ttyUSB0" {
		t.Errorf("%+v, %v", all, err)
	}
	all, err = Survey(t.Context(), f.root, []string{filepath.Join(f.root, "dev/ttyUSB1")})
	if err != nil || len(all) != 1 || all[0].Found == nil {
		t.Errorf("%+v, %v", all, err)
	}
	in.Close()
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}
