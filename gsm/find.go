package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// finder opens the port that a configuration means.
type finder struct {
	root string // "/"; tests have a folder of their own
	cfg  Config
	ask  func(ctx context.Context, path string) (imei string, err error)
}

// open returns the port, and its name. Where there is none the error is a hindrance
// that says why to those who have the modem in their hands.
func (f *finder) open(ctx context.Context) (io.ReadWriteCloser, string, error) {
	path, err := f.path(ctx)
	if err != nil {
		return nil, "", err
	}
	p, err := OpenPort(ctx, path, 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, path, f.absent("%s is not there: the modem is not plugged in, or elsewhere.", path)
	case errors.Is(err, ErrBusy):
		if who := HeldBy(path); who != "" {
			return nil, path, &hindrance{"Another program uses the port: " + who + ".", ErrBusy}
		}
	}
	return p, path, err
}

func (f *finder) path(ctx context.Context) (string, error) {
	if f.cfg.IMEI == "" && f.cfg.Device != DeviceAuto {
		return f.cfg.Device, nil
	}
	sticks, err := Sticks(f.root)
	if err != nil {
		return "", err
	}
	var modems []Stick
	for _, s := range sticks {
		if s.IsModem() {
			modems = append(modems, s)
		}
	}
	if f.cfg.IMEI != "" {
		return f.byIMEI(ctx, modems)
	}
	return f.theOnly(ctx, modems)
}

// theOnly finds the port of the one modem that is plugged in. What counts is that it
// is plugged in: of two, the one that starts more slowly would be overlooked.
func (f *finder) theOnly(ctx context.Context, modems []Stick) (string, error) {
	switch len(modems) {
	case 0:
		return "", f.absent("No modem is plugged in.")
	case 1:
		path, _, err := f.port(ctx, &modems[0])
		return path, err
	}
	return "", hindered("%d modems are plugged in, and the configuration means the only one: %s. Name the right one there by its device or its imei; smsbridge modems lists both.",
		len(modems), namesOf(modems))
}

func namesOf(modems []Stick) string {
	var names []string
	for i := range modems {
		names = append(names, modems[i].String())
	}
	return strings.Join(names, ", ")
}

// byIMEI finds the port of the modem with the configured IMEI, wherever it is. One
// that is in use just now may only be asked by our like: it is asked again when the
// others have answered.
func (f *finder) byIMEI(ctx context.Context, modems []Stick) (string, error) {
	var others, silent []string
	var busy []Stick
	look := func(all []Stick, last bool) string {
		for i := range all {
			path, imei, err := f.port(ctx, &all[i])
			switch {
			case err == nil && imei == f.cfg.IMEI:
				return path
			case err == nil:
				others = append(others, all[i].String()+" has "+orUnknown(imei))
			case errors.Is(err, ErrBusy) && !last:
				busy = append(busy, all[i])
			case errors.Is(err, ErrBusy):
				others = append(others, all[i].String()+" is in use")
			default:
				silent = append(silent, err.Error())
			}
		}
		return ""
	}
	path := look(modems, false)
	if path == "" {
		path = look(busy, true)
	}
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case path != "":
		return path, nil
	case len(modems) == 0:
		return "", f.absent("No modem is plugged in; the one with the IMEI %s is expected.", f.cfg.IMEI)
	}
	reason := fmt.Sprintf("No modem here has the IMEI %s", f.cfg.IMEI)
	if others != nil {
		reason += ": " + strings.Join(others, ", ")
	}
	return "", f.absent("%s", strings.Join(append([]string{reason + "."}, silent...), " "))
}

func orUnknown(imei string) string {
	if imei == "" {
		return "none that it says"
	}
	return imei
}

// port finds the port of a stick that answers AT, and who is there. A stick of which
// somebody has a port is left to them.
func (f *finder) port(ctx context.Context, s *Stick) (path, imei string, err error) {
	var asked []string
	for _, t := range s.Candidates() {
		imei, err := f.ask(ctx, t.Device)
		switch {
		case err == nil:
			return t.Device, imei, nil
		case ctx.Err() != nil:
			return "", "", ctx.Err()
		case errors.Is(err, ErrBusy):
			return "", "", &hindrance{fmt.Sprintf("%s is in use at %s: %v.", s, t.Device, err), ErrBusy}
		}
		asked = append(asked, filepath.Base(t.Device)+": "+err.Error())
	}
	return "", "", hindered("%s answers AT at none of its ports (%s).", s, strings.Join(asked, "; "))
}

// absent adds what can be done with sticks that are no modems yet.
func (f *finder) absent(format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	sticks, err := Sticks(f.root)
	if err != nil {
		return hindered("%s", reason)
	}
	for i := range sticks {
		if sticks[i].Advice != "" {
			reason += fmt.Sprintf(" %s %s.", &sticks[i], sticks[i].Advice)
		}
	}
	return hindered("%s", reason)
}

// plugged is what a search would find, to be compared with later.
func (f *finder) plugged() string {
	if f.cfg.IMEI == "" && f.cfg.Device != DeviceAuto {
		_, err := os.Stat(f.cfg.Device)
		return fmt.Sprint(err == nil)
	}
	var b strings.Builder
	sticks, _ := Sticks(f.root)
	for i := range sticks {
		fmt.Fprint(&b, &sticks[i])
		for _, t := range sticks[i].Ttys {
			_, err := os.Stat(t.Device) // udev makes the devices after the kernel its entries
			fmt.Fprint(&b, " ", t.Device, err == nil)
		}
	}
	return b.String()
}

// lookEvery is how often a modem that is not there is looked for among what is
// plugged in.
const lookEvery = time.Second

// sleep waits until it is time to open the port again, somebody wants that now, or
// something else is plugged in than was when it was last looked for: then it says so.
func (o *owner) sleep(ctx context.Context, d time.Duration) (changed bool) {
	t := time.NewTimer(d)
	defer t.Stop()
	var look <-chan time.Time
	if o.m.opt.Open == nil {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-look:
			if o.m.finder.plugged() != o.plugged {
				return true
			}
		case <-t.C:
			return false
		case <-o.m.kick:
			return false
		case <-ctx.Done():
			return false
		}
	}
}
