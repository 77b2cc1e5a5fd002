package gsm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PortInfo is a serial port of a USB modem that may answer AT.
type PortInfo struct {
	Path      string // "/dev/ttyUSB2"
	USB       string // the USB device, which the ports of one modem share: "1-1.4"
	Vendor    uint16
	Product   uint16
	Interface int
	Name      string // as the device says: "HUAWEI Mobile"
	rank      int    // the lower, the more likely it is to answer AT and to say what comes unasked
}

// usbModem says which interfaces of a vendor's modems speak AT, the best first.
// Ports that are for diagnosis, positions or firmware are never opened: some take
// what is written there for a reason to crash. Nil: all in order.
type usbModem struct {
	vendor, product uint16 // product 0: any
	interfaces      []int
}

// usbModems are the vendors whose devices are modems. Others are left alone: what
// is behind an unknown serial port does not want to be asked AT. ModemManager's
// rules name the interfaces.
var usbModems = []usbModem{
	{0x05c6, 0x9008, []int{}},               // Qualcomm's emergency download: it is broken
	{0x12d1, 0x14dc, []int{}},               // HiLink: a router, without AT
	{0x2c7c, 0, []int{2, 3}},                // Quectel: 0 is for diagnosis, 1 for positions
	{0x1e0e, 0x9001, []int{2, 3}},           // SIMCom SIM7x00: likewise
	{0x1199, 0, []int{3}},                   // Sierra: 0 is for diagnosis, 2 for positions
	{0x12d1, 0, nil},                        // Huawei
	{0x19d2, 0, nil},                        // ZTE: each model has its own order
	{0x1e0e, 0, nil}, {0x05c6, 0x9000, nil}, // SIMCom
	{0x1bc7, 0, nil},                                                                         // Telit: each model has its own order
	{0x1546, 0, nil},                                                                         // u-blox
	{0x1e2d, 0, nil},                                                                         // Cinterion
	{0x0681, 0, nil}, {0x114f, 0, nil}, {0x0af0, 0, nil}, {0x1410, 0, nil}, {0x2cb7, 0, nil}, // Siemens, Wavecom, Option, Novatel, Fibocom
}

// identifyTimeout bounds what is asked of a port to find out what is behind it.
const identifyTimeout = 10 * time.Second

// Ports lists the ports of the USB modems that are plugged in, by modem, those
// first that are the most likely to answer AT.
func Ports() ([]PortInfo, error) { return portsIn("/sys/class/tty") }

func portsIn(class string) ([]PortInfo, error) {
	entries, err := os.ReadDir(class)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []PortInfo
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "ttyUSB") && !strings.HasPrefix(e.Name(), "ttyACM") {
			continue
		}
		if p, ok := portOf(filepath.Join(class, e.Name(), "device")); ok {
			p.Path = "/dev/" + e.Name()
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b PortInfo) int {
		return cmp.Or(cmp.Compare(a.USB, b.USB), cmp.Compare(a.rank, b.rank), cmp.Compare(a.Path, b.Path))
	})
	return list, nil
}

// portOf reads the interface and the device that a tty belongs to: they are among
// the folders above it.
func portOf(device string) (PortInfo, bool) {
	dir, err := filepath.EvalSymlinks(device)
	if err != nil {
		return PortInfo{}, false
	}
	p := PortInfo{Interface: -1}
	protocol := 0
	for ; len(dir) > 1; dir = filepath.Dir(dir) {
		if n, ok := hexIn(dir, "bInterfaceNumber"); ok && p.Interface < 0 {
			p.Interface = n
			protocol, _ = hexIn(dir, "bInterfaceProtocol")
		}
		if vendor, ok := hexIn(dir, "idVendor"); ok {
			product, _ := hexIn(dir, "idProduct")
			p.Vendor, p.Product, p.USB = uint16(vendor), uint16(product), filepath.Base(dir)
			name, _ := os.ReadFile(filepath.Join(dir, "product"))
			p.Name = strings.TrimSpace(string(name))
			return p, p.order(protocol)
		}
	}
	return p, false
}

// order ranks a port, and reports whether it may be opened.
func (p *PortInfo) order(protocol int) bool {
	for _, m := range usbModems {
		if m.vendor != p.Vendor || m.product != 0 && m.product != p.Product {
			continue
		}
		p.rank = p.Interface
		// Huawei's PCUI, protocol 2 or 12 of its class, says what comes unasked; its
		// port for calls does not.
		if m.vendor == 0x12d1 && protocol != 0x02 && protocol != 0x12 {
			p.rank += 0x100
		}
		if m.interfaces == nil {
			return true
		}
		p.rank = slices.Index(m.interfaces, p.Interface)
		return p.rank >= 0
	}
	return false
}

func hexIn(dir, name string) (int, bool) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 16, 16)
	return int(n), err == nil
}

// Identify asks who is behind a port: the modem, its SIM, its network. It changes
// nothing but the port's echo, and takes no PIN. An error is of a port that cannot
// be opened or does not answer.
func Identify(ctx context.Context, path string) (Info, error) {
	p, err := OpenPort(ctx, path, 0)
	if err != nil {
		return Info{}, err
	}
	return identify(ctx, p, path)
}

func identify(ctx context.Context, p io.ReadWriteCloser, path string) (Info, error) {
	o := newOwner(New(Defaults(), Options{}), nowhere{})
	s := newSession(o, newChat(p, usualPace.quiet, nil))
	defer s.chat.close()
	steps := []func(context.Context) error{s.awake, s.identify, s.identifySIM, s.look}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return Info{}, err
		}
	}
	info := o.m.Info()
	info.Port = path
	return info, nil
}

// look asks for the SIM and the network of a modem that is not brought up.
func (s *session) look(ctx context.Context) error {
	state, err := s.pinState(ctx)
	if fatal := s.fatal(err); fatal != nil {
		return fatal
	}
	if err == nil && state != PINReady {
		s.enter(PhasePIN, fmt.Sprintf("The SIM says %q.", state))
	}
	s.offline, s.checked = time.Now(), time.Now()
	return s.checkUp(ctx)
}

// nowhere hears nothing.
type nowhere struct{}

func (nowhere) State(State)               {}
func (nowhere) Message(Incoming)          {}
func (nowhere) Report(Report, func(bool)) {}
func (nowhere) Call(string)               {}

// openConfigured opens the port that a configuration names, or finds the modem
// that it means.
func openConfigured(ctx context.Context, cfg Config) (io.ReadWriteCloser, string, error) {
	if cfg.IMEI == "" && cfg.Device != DeviceAuto {
		p, err := OpenPort(ctx, cfg.Device, 0)
		return p, cfg.Device, err
	}
	ports, err := Ports()
	if err != nil {
		return nil, "", err
	}
	path, err := choosePort(ports, cfg.IMEI, func(path string) (string, error) {
		limited, cancel := context.WithTimeout(ctx, identifyTimeout)
		defer cancel()
		return imeiAt(limited, path)
	})
	if err != nil {
		return nil, "", err
	}
	p, err := OpenPort(ctx, path, 0)
	return p, path, err
}

// choosePort finds the port of the one modem there is, or of the one with an IMEI.
func choosePort(ports []PortInfo, imei string, ask func(path string) (string, error)) (string, error) {
	found := map[string]string{} // the port, by USB device
	var failed error
	for _, p := range ports {
		if found[p.USB] != "" {
			continue
		}
		got, err := ask(p.Path)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case imei != "" && got == imei:
			return p.Path, nil
		default:
			found[p.USB] = p.Path
		}
	}
	switch {
	case imei != "":
		return "", fmt.Errorf("%w: no modem here has the IMEI %s, of %d that answer", ErrGone, imei, len(found))
	case len(found) == 1:
		for _, path := range found {
			return path, nil
		}
	case len(found) > 1:
		return "", fmt.Errorf("gsm: %d modems are plugged in: name one by its imei", len(found))
	}
	return "", errors.Join(fmt.Errorf("%w: no modem is plugged in", ErrGone), failed)
}

// imeiAt asks the modem at a port for its IMEI, and nothing else.
func imeiAt(ctx context.Context, path string) (string, error) {
	p, err := OpenPort(ctx, path, 0)
	if err != nil {
		return "", err
	}
	s := newSession(newOwner(New(Defaults(), Options{}), nowhere{}), newChat(p, usualPace.quiet, nil))
	defer s.chat.close()
	if err := s.awake(ctx); err != nil {
		return "", err
	}
	line, err := s.value(ctx, "AT+CGSN", "+CGSN")
	if err != nil {
		return "", err
	}
	imei, _ := ParseIMEI(line)
	return imei, nil
}
