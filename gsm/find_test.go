package gsm

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// usb writes a tty of a USB device as /sys has it.
func usb(t *testing.T, root, tty, device string, number int, files map[string]string) {
	t.Helper()
	iface := filepath.Join(root, "devices/pci0000:00/usb1", device, device+":1."+string(rune('0'+number)))
	folder := iface
	if strings.HasPrefix(tty, "ttyUSB") {
		folder = filepath.Join(iface, tty)
	}
	write := func(dir, name, text string) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if name != "" {
			os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600)
		}
	}
	write(folder, "", "")
	write(iface, "bInterfaceNumber", "0"+string(rune('0'+number)))
	write(iface, "bInterfaceProtocol", files["protocol"])
	write(filepath.Dir(iface), "idVendor", files["vendor"])
	write(filepath.Dir(iface), "idProduct", files["product"])
	write(filepath.Dir(iface), "product", "Modem")
	write(filepath.Join(root, "class", tty), "", "")
	if err := os.Symlink(folder, filepath.Join(root, "class", tty, "device")); err != nil {
		t.Fatal(err)
	}
}

func TestPorts(t *testing.T) {
	root := t.TempDir()
	huawei := func(protocol string) map[string]string {
		return map[string]string{"vendor": "12d1", "product": "1506", "protocol": protocol}
	}
	quectel := map[string]string{"vendor": "2c7c", "product": "0125", "protocol": "00"}
	usb(t, root, "ttyUSB0", "1-1", 0, huawei("01"))
	usb(t, root, "ttyUSB1", "1-1", 1, huawei("02"))
	for i := range 4 {
		usb(t, root, "ttyUSB"+string(rune('2'+i)), "1-2", i, quectel)
	}
	usb(t, root, "ttyACM0", "1-3", 0, map[string]string{"vendor": "1546", "product": "1102"})
	usb(t, root, "ttyUSB9", "1-4", 0, map[string]string{"vendor": "0403", "product": "6001"}) // a cable
	usb(t, root, "ttyUSB8", "1-5", 0, map[string]string{"vendor": "05c6", "product": "9008"}) // a brick
	os.MkdirAll(filepath.Join(root, "class", "ttyS0"), 0o755)
	list, err := portsIn(filepath.Join(root, "class"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, p.USB+" "+p.Path)
	}
	want := []string{"1-1 /dev/ttyUSB1", "1-1 /dev/ttyUSB0", "1-2 /dev/ttyUSB4", "1-2 /dev/ttyUSB5", "1-3 /dev/ttyACM0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if list, err := portsIn(filepath.Join(root, "nothing")); list != nil || err != nil {
		t.Error(list, err)
	}
}

func TestChoosePort(t *testing.T) {
	two := []PortInfo{{Path: "a1", USB: "a"}, {Path: "a2", USB: "a"}, {Path: "b1", USB: "b"}}
	ask := func(path string) (string, error) {
		if path == "a1" {
			return "", ErrTimeout
		}
		return "imei of " + path, nil
	}
	for _, c := range []struct {
		ports []PortInfo
		imei  string
		want  string
		err   string
	}{
		{two, "imei of b1", "b1", ""},
		{two, "imei of a2", "a2", ""},
		{two, "another", "", "of 2 that answer"},
		{two, "", "", "2 modems are plugged in"},
		{two[:2], "", "a2", ""},
		{two[:1], "", "", "no modem is plugged in"},
		{nil, "", "", "no modem is plugged in"},
	} {
		got, err := choosePort(c.ports, c.imei, ask)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%d ports, imei %q: %q, %v", len(c.ports), c.imei, got, err)
		}
	}
}
