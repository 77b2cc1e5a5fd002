package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// modemVendors make modems and little else. What is behind the serial port of an
// unknown device, a printer or an electricity meter, does not want to be asked AT:
// it is opened where the configuration names it, and else never.
var modemVendors = []string{
	"12d1", "19d2", "2c7c", "1e0e", "05c6", "1199", "1bc7", "1546", "1e2d", // Huawei, ZTE, Quectel, SIMCom (and with Qualcomm's number), Sierra, Telit, u-blox, Cinterion
	"0681", "114f", "0af0", "1410", "2cb7", // Siemens, Wavecom, Option, Novatel, Fibocom
}

// identifyTimeout bounds what is asked of a port to find out what is behind it.
const identifyTimeout = 10 * time.Second

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
	sticks, err := Sticks("/")
	if err != nil {
		return nil, "", err
	}
	path, err := choosePort(sticks, cfg.IMEI, func(path string) (string, error) {
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
func choosePort(sticks []Stick, imei string, ask func(path string) (string, error)) (string, error) {
	var found []string // a port of each modem that answers
	var failed error
	for _, s := range sticks {
		if !slices.Contains(modemVendors, s.Vendor) {
			continue
		}
		if s.Advice != "" {
			failed = errors.Join(failed, fmt.Errorf("%s %s", s.String(), s.Advice))
		}
		for _, tty := range s.Candidates() {
			got, err := ask(tty.Device)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if imei != "" && got == imei {
				return tty.Device, nil
			}
			found = append(found, tty.Device)
			break
		}
	}
	switch {
	case imei != "":
		return "", errors.Join(fmt.Errorf("%w: no modem here has the IMEI %s, of %d that answer", ErrGone, imei, len(found)), failed)
	case len(found) == 1:
		return found[0], nil
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
