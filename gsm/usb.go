package gsm

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Tty is a serial port of a machine, and what it is plugged in by.
type Tty struct {
	Device    string // /dev/ttyUSB2
	ByPath    string // /dev/serial/by-path/…: names the socket; "" if there is none
	Interface int    // of the stick, or -1
	Protocol  string // class, subclass and protocol of the interface: "ff0201"
	Driver    string // option, cdc_acm
}

// Stick is a USB device that is a modem, may be one, or could be made one.
type Stick struct {
	Path            string // where it is plugged in: 1-1.2
	Vendor, Product string // their ids, in hexadecimal: 12d1, 1506
	Maker, Name     string // as it says
	Serial          string // often the same for all of a kind
	Ttys            []Tty  // by interface
	// Advice says what its owner can do where it has no port that answers AT; ""
	// where it has ports.
	Advice string
}

// makers are the vendors whose USB devices with serial ports are modems. Others are
// left alone: what is behind an unknown port does not want to be asked AT.
// systemd/78-smsbridge-modems.rules has most of them.
var makers = map[string]string{
	"12d1": "Huawei", "19d2": "ZTE", "2c7c": "Quectel", "1e0e": "SIMCom", "1199": "Sierra Wireless", "1bc7": "Telit",
	"1546": "u-blox", "1e2d": "Cinterion", "1bbb": "Alcatel", "0af0": "Option", "1410": "Novatel", "05c6": "Qualcomm",
	"0681": "Siemens", "114f": "Wavecom", "2cb7": "Fibocom",
}

// IsModem tells whether a stick is of a maker of modems and has a port that may
// answer AT.
func (s *Stick) IsModem() bool { return makers[s.Vendor] != "" && len(s.Candidates()) > 0 }

// Sticks lists the modems that are plugged in by USB, by where. root is "/"; tests
// have a folder of their own.
func Sticks(root string) ([]Stick, error) {
	names, err := filepath.Glob(filepath.Join(root, "sys/bus/usb/devices/*"))
	if err != nil {
		return nil, err
	}
	links := serialLinks(root)
	var all []Stick
	for _, dir := range names {
		if strings.Contains(filepath.Base(dir), ":") { // an interface
			continue
		}
		s := Stick{Path: filepath.Base(dir), Vendor: attribute(dir, "idVendor"), Product: attribute(dir, "idProduct"),
			Maker: attribute(dir, "manufacturer"), Name: attribute(dir, "product"), Serial: attribute(dir, "serial")}
		if s.Vendor == "" {
			continue
		}
		if s.Ttys, err = ttysOf(root, dir, links); err != nil {
			return nil, err
		}
		s.Advice = adviceFor(&s)
		if len(s.Ttys) > 0 || s.Advice != "" {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Stick) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// attribute reads a file of sysfs; "" if there is none.
func attribute(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ttysOf finds the serial ports of a USB device, under its interfaces.
func ttysOf(root, dir string, links map[string]string) ([]Tty, error) {
	interfaces, err := filepath.Glob(filepath.Join(dir, filepath.Base(dir)+":*"))
	if err != nil {
		return nil, err
	}
	var all []Tty
	for _, in := range interfaces {
		number, err := strconv.ParseInt(attribute(in, "bInterfaceNumber"), 16, 16)
		if err != nil {
			number = -1
		}
		driver := ""
		if target, err := os.Readlink(filepath.Join(in, "driver")); err == nil {
			driver = filepath.Base(target)
		}
		for _, name := range ttyNames(in) {
			device := filepath.Join(root, "dev", name)
			all = append(all, Tty{Device: device, ByPath: links[name], Interface: int(number), Driver: driver,
				Protocol: attribute(in, "bInterfaceClass") + attribute(in, "bInterfaceSubClass") + attribute(in, "bInterfaceProtocol")})
		}
	}
	slices.SortFunc(all, func(a, b Tty) int {
		return cmp.Or(cmp.Compare(a.Interface, b.Interface), strings.Compare(a.Device, b.Device))
	})
	return all, nil
}

// ttyNames are the names of the ports of an interface: usb-serial drivers put them
// into it, cdc_acm into a folder tty.
func ttyNames(dir string) []string {
	var all []string
	for _, pattern := range []string{"ttyUSB*", "tty/ttyACM*"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is right
		for _, f := range found {
			all = append(all, filepath.Base(f))
		}
	}
	return all
}

// serialLinks are the stable names that udev gives to ports, by the port's own.
func serialLinks(root string) map[string]string {
	links := map[string]string{}
	dir := filepath.Join(root, "dev/serial/by-path")
	entries, err := os.ReadDir(dir)
	if err != nil { // there is no udev, or no port
		return links
	}
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil && e.Type()&fs.ModeSymlink != 0 {
			name := filepath.Base(target)
			if old := links[name]; old == "" || len(e.Name()) < len(filepath.Base(old)) {
				links[name] = filepath.Join(dir, e.Name())
			}
		}
	}
	return links
}

// adviceFor says what to do with a stick that is in a mode without AT.
func adviceFor(s *Stick) string {
	id := s.Vendor + ":" + s.Product
	if id == "05c6:9008" { // it may show a port, at which nothing speaks AT
		return "is in Qualcomm's emergency download mode: its firmware does not start. It has to be repaired or replaced"
	}
	if len(s.Ttys) > 0 {
		return ""
	}
	if hilink[id] {
		return "is in HiLink mode, in which it is a network card and answers no AT commands. Switch it to modem mode (" +
			"for most, usb_modeswitch -v " + s.Vendor + " -p " + s.Product + " -X; some need the firmware of a stick), then plug it in again"
	}
	if storage[id] {
		return "shows only its driver disk. Install usb-modeswitch and plug it in again, or switch it by hand: usb_modeswitch -v " + s.Vendor + " -p " + s.Product + " -K"
	}
	return ""
}

// hilink are sticks in the mode in which they are a network card.
var hilink = map[string]bool{"12d1:14db": true, "12d1:14dc": true, "12d1:1f1e": true, "19d2:1405": true}

// storage are sticks that show their driver disk until they are switched.
var storage = map[string]bool{"12d1:1446": true, "12d1:1f01": true, "12d1:14fe": true, "12d1:1505": true, "12d1:1520": true, "12d1:157d": true,
	"19d2:2000": true, "19d2:1225": true, "19d2:0166": true, "1bbb:f000": true, "0af0:6971": true, "1199:0fff": true}

// closedPorts are those that must not be opened or do not speak AT, by vendor and
// interface, of products whose layout is known; -1 is any product.
var closedPorts = []struct {
	vendor, product string
	interfaces      []int
	reason          string
}{
	{"2c7c", "", []int{0, 1}, "diagnostics and NMEA"},
	{"1e0e", "9001", []int{0, 1}, "diagnostics and GPS"},
	{"1199", "", []int{0, 2}, "diagnostics and NMEA"},
	{"05c6", "", []int{0}, "diagnostics, and emergency download"},
}

// firstPorts are the interfaces with the AT port that is meant for control, to be
// tried before others.
var firstPorts = []struct {
	vendor, product string
	interfaces      []int
}{
	{"2c7c", "", []int{2, 3}},
	{"1e0e", "9001", []int{2, 3}},
	{"1199", "", []int{3}},
	{"1546", "1146", []int{6}},
	{"1bc7", "1201", []int{4, 5}},
}

// Candidates are the ports of a stick that may answer AT, the likeliest first.
func (s *Stick) Candidates() []Tty {
	var all []Tty
	for _, t := range s.Ttys {
		if !s.closed(t.Interface) {
			all = append(all, t)
		}
	}
	slices.SortStableFunc(all, func(a, b Tty) int { return cmp.Compare(s.rank(a), s.rank(b)) })
	return all
}

func (s *Stick) closed(n int) bool {
	for _, c := range closedPorts {
		if c.vendor == s.Vendor && (c.product == "" || c.product == s.Product) && slices.Contains(c.interfaces, n) {
			return true
		}
	}
	return false
}

// rank orders ports: those that are known for control, then Huawei's PCUI, then
// the rest, with what is for dialling in (Huawei's protocol 01) last.
func (s *Stick) rank(t Tty) int {
	for _, f := range firstPorts {
		if f.vendor == s.Vendor && (f.product == "" || f.product == s.Product) {
			if i := slices.Index(f.interfaces, t.Interface); i >= 0 {
				return i
			}
		}
	}
	if s.Vendor == "12d1" && strings.HasPrefix(t.Protocol, "ff") {
		switch t.Protocol[4:] {
		case "02", "12":
			return 10
		case "01", "10":
			return 30
		}
	}
	return 20
}

// String names a stick for people.
func (s *Stick) String() string {
	name := strings.TrimSpace(s.Maker + " " + s.Name)
	if name == "" {
		name = "USB modem"
	}
	return fmt.Sprintf("%s (%s:%s, at %s)", name, s.Vendor, s.Product, s.Path)
}
