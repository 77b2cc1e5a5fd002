package gsm

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
)

// Plugged is a stick, or a port that was named, and what was found out about it.
type Plugged struct {
	Stick *Stick // nil: a port that belongs to none
	// Port is the one that answers AT, and Found who does. Where none does, Port is the
	// one that was named, or is empty.
	Port   Tty
	Found  *Found
	HeldBy string // who has Port open, and what to do: the stick was not asked
	Tried  []Trial
}

// Trial is a port that did not answer.
type Trial struct {
	Device string
	Reason string
}

// Survey asks what is plugged in by USB, and is at the devices that are named, who it
// is: see Probe. Modems are asked at once, and the ports of one after the other, those
// for diagnosis never. Sticks of makers who make other things are not asked unless
// their port is named. root is "/"; tests have a folder of their own.
func Survey(ctx context.Context, root string, devices []string) ([]Plugged, error) {
	sticks, err := Sticks(root)
	if err != nil {
		return nil, err
	}
	all := make([]Plugged, len(sticks))
	ports := make([][]Tty, len(sticks))
	for i := range sticks {
		all[i].Stick = &sticks[i]
		if sticks[i].IsModem() {
			ports[i] = sticks[i].Candidates()
		}
	}
	for _, d := range devices {
		i, tty := ownerOf(sticks, d)
		if i < 0 {
			all, ports = append(all, Plugged{Port: tty}), append(ports, []Tty{tty})
			continue
		}
		ports[i] = []Tty{tty}
	}
	var asking sync.WaitGroup
	for i := range all {
		asking.Go(func() {
			if !all[i].inUse(ports[i]) {
				all[i].ask(ctx, ports[i])
			}
		})
	}
	asking.Wait()
	return all, ctx.Err()
}

// ownerOf finds the stick that a device belongs to; -1 if there is none.
func ownerOf(sticks []Stick, device string) (int, Tty) {
	same := realPath(device)
	for i := range sticks {
		at := slices.IndexFunc(sticks[i].Ttys, func(t Tty) bool { return realPath(t.Device) == same })
		if at >= 0 {
			return i, sticks[i].Ttys[at]
		}
	}
	return -1, Tty{Device: device, Interface: -1}
}

func realPath(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// inUse sees whether somebody has a port of a stick that would be asked for any of its
// ports: two who talk to one modem confuse each other, also at different ports.
func (p *Plugged) inUse(ports []Tty) bool {
	if p.Stick == nil || len(ports) == 0 || len(ports) < len(p.Stick.Candidates()) {
		return false
	}
	for _, t := range p.Stick.Ttys {
		if who := HeldBy(t.Device); who != "" {
			p.Port, p.HeldBy = t, who
			return true
		}
	}
	return false
}

// ask asks the ports until one answers.
func (p *Plugged) ask(ctx context.Context, ports []Tty) {
	for _, t := range ports {
		f, err := Probe(ctx, t.Device)
		switch {
		case err == nil:
			p.Port, p.Found = t, &f
			return
		case errors.Is(err, ErrBusy):
			p.Port, p.HeldBy = t, err.Error()
			return
		}
		p.Tried = append(p.Tried, Trial{t.Device, err.Error()})
	}
}
