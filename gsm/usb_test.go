package gsm

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakeUSB makes what sysfs and udev show of some sticks.
type fakeUSB struct {
	t    *testing.T
	root string
}

func (f *fakeUSB) file(path, text string) {
	f.t.Helper()
	path = filepath.Join(f.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fakeUSB) stick(path, vendor, product, name string) string {
	dir := "sys/bus/usb/devices/" + path
	for file, text := range map[string]string{"idVendor": vendor, "idProduct": product, "product": name, "manufacturer": "Maker"} {
		f.file(dir+"/"+file, text)
	}
	return dir
}

// port adds an interface with a tty to a stick, and udev's link to it.
func (f *fakeUSB) port(stick, number, protocol, tty string) {
	in := stick + "/" + filepath.Base(stick) + ":1." + number
	f.file(in+"/bInterfaceNumber", "0"+number)
	f.file(in+"/bInterfaceClass", protocol[:2])
	f.file(in+"/bInterfaceSubClass", protocol[2:4])
	f.file(in+"/bInterfaceProtocol", protocol[4:])
	if strings.HasPrefix(tty, "ttyACM") {
		f.file(in+"/tty/"+tty+"/dev", "166:0")
	} else {
		f.file(in+"/"+tty+"/port_number", "0")
	}
	link := filepath.Join(f.root, "dev/serial/by-path/pci-usb-0:"+filepath.Base(stick)+":1."+number+"-port0")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.Symlink("../../"+tty, link); err != nil {
		f.t.Fatal(err)
	}
}

func TestSticks(t *testing.T) {
	f := &fakeUSB{t, t.TempDir()}
	f.stick("usb1", "1d6b", "0002", "xHCI Host Controller")
	huawei := f.stick("1-1", "12d1", "1506", "HUAWEI Mobile")
	f.port(huawei, "0", "ff0201", "ttyUSB0")
	f.port(huawei, "1", "ff0202", "ttyUSB1")
	quectel := f.stick("1-2.1", "2c7c", "0125", "EC25")
	for i, tty := range []string{"ttyUSB2", "ttyUSB3", "ttyUSB4", "ttyUSB5"} {
		f.port(quectel, string(rune('0'+i)), "ff0000", tty)
	}
	cinterion := f.stick("1-3", "1e2d", "0061", "PLS8")
	f.port(cinterion, "2", "020201", "ttyACM0")
	f.stick("1-4", "12d1", "14dc", "HUAWEI_MOBILE")
	f.stick("1-5", "12d1", "1f01", "HUAWEI_MOBILE")
	f.stick("1-6", "05c6", "9008", "QUSB_BULK")
	f.stick("1-7", "046d", "c31c", "Keyboard")
	sticks, err := Sticks(f.root)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range sticks {
		var names []string
		for _, c := range s.Candidates() {
			names = append(names, filepath.Base(c.Device))
			if c.ByPath == "" {
				t.Errorf("%s has no name by its path", c.Device)
			}
		}
		got[s.Path] = strings.Join(names, " ")
		if s.Advice != "" {
			got[s.Path] = strings.Join(strings.Fields(s.Advice)[:3], " ")
		}
	}
	for path, want := range map[string]string{
		"1-1": "ttyUSB1 ttyUSB0", "1-2.1": "ttyUSB4 ttyUSB5", "1-3": "ttyACM0",
		"1-4": "is in HiLink", "1-5": "shows only its", "1-6": "is in Qualcomm's",
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
	if len(got) != 6 {
		t.Errorf("%d sticks: %v", len(got), got)
	}
	if s := sticks[0].String(); s != "Maker HUAWEI Mobile (12d1:1506, at 1-1)" {
		t.Errorf("%s", s)
	}
	if none, err := Sticks(t.TempDir()); err != nil || len(none) != 0 {
		t.Errorf("on a machine without USB: %v, %v", none, err)
	}
}

func TestHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if who := HeldBy(path); who != "" {
		t.Errorf("held by %s", who)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if who := HeldBy(path); who != "" { // this process is no other
		t.Errorf("held by %s", who)
	}
	other := exec.Command("cat")
	other.ExtraFiles = []*os.File{f}
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := other.Wait(); err != nil {
			t.Error(err)
		}
	}()
	if who := HeldBy(path); !strings.HasPrefix(who, "cat (process ") || !strings.HasSuffix(who, "stop it first") {
		t.Errorf("held by %q", who)
	}
}
