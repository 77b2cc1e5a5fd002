package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"smsbridge/gsm/gsmsim"
)

// stick is one modem of a modemRig.
type stick struct {
	name, number string
	options      string // of gsm, in YAML, indented by six; the limits are wide without
	carrier      string // of the carrier, indented by four
	sim          gsmsim.Options
}

// modemRig is a daemon with modems, which are simulated in this process and outlive
// it, and a program that may do everything.
type modemRig struct {
	t       testing.TB
	d       *daemon
	network *gsmsim.Network
	sims    map[string]*gsmsim.Modem
	program *user
}

const wideLimits = "      limits: {per_minute: 100000, per_day: 1000000}\n"

func newModemRig(t testing.TB, more string, sticks ...stick) *modemRig {
	t.Helper()
	r := &modemRig{t: t, network: gsmsim.NewNetwork(), sims: map[string]*gsmsim.Modem{}}
	t.Cleanup(r.network.Close)
	dir, text := t.TempDir(), ""
	for _, s := range sticks {
		s.sim.Number, s.sim.Network, s.sim.Link = s.number, r.network, filepath.Join(dir, s.name)
		m, err := gsmsim.New(s.sim)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		r.sims[s.name] = m
		if s.options == "" {
			s.options = wideLimits
		}
		text += fmt.Sprintf("  - name: %s\n    numbers: [%q]\n%s    gsm:\n      device: %q\n%s", s.name, s.number, s.carrier, s.sim.Link, s.options)
	}
	r.d = newDaemon(t, text+more)
	r.program = r.d.token("program", "messages:send,messages:read,conversations:read,conversations:write,events:read,carriers:read,carriers:manage")
	r.d.start()
	return r
}

// oneStick is a rig with one modem, which is up.
func oneStick(t testing.TB, s stick) *modemRig {
	t.Helper()
	s.name, s.number = "sim1", ourNumber
	r := newModemRig(t, "", s)
	r.await("sim1", "up")
	return r
}

// modem is a carrier with what it says of its modem.
type modem struct {
	carrier
	Queued int `json:"queued"`
	Modem  struct {
		Vendor, IMEI, ICCID, Phase, Suspended, Balance string
		StorageUsed                                    int `json:"storage_used"`
		StorageSize                                    int `json:"storage_size"`
		Resets                                         int
		Sent, Limits                                   struct{ Minute, Day, Month int }
	} `json:"modem"`
}

func (r *modemRig) carrier(name string) modem {
	r.t.Helper()
	for _, m := range list[modem](r.program, "/carriers") {
		if m.Name == name {
			return m
		}
	}
	r.t.Fatalf("no carrier %s", name)
	return modem{}
}

// await waits until a carrier is in a state, and returns it.
func (r *modemRig) await(name, state string) (m modem) {
	r.t.Helper()
	awaitWithin(r.t, 2*patience, name, func() error {
		if m = r.carrier(name); m.State != state {
			return fmt.Errorf("%s (%s), want %s", m.State, m.Error, state)
		}
		return nil
	})
	return m
}

func (r *modemRig) text(from, text string) {
	r.t.Helper()
	if err := r.network.Text(from, ourNumber, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *modemRig) send(to, text string) string {
	r.t.Helper()
	var m message
	r.program.must("POST", "/messages", map[string]string{"from": ourNumber, "to": to, "text": text}, 202, &m)
	return m.ID
}

// ticks waits until a message has one of these ticks, and returns it.
func (r *modemRig) ticks(id string, want ...string) (m message) {
	r.t.Helper()
	awaitWithin(r.t, 2*patience, "message "+id, func() error {
		r.program.must("GET", "/messages/"+id, nil, 200, &m)
		for _, w := range want {
			if m.Tick == w {
				return nil
			}
		}
		return fmt.Errorf("%s (%+v), want %v", m.Tick, m.Error, want)
	})
	return m
}

func (r *modemRig) submitted(n int) []gsmsim.Submitted {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*patience)
	defer cancel()
	all, err := r.network.Await(ctx, n)
	if err != nil {
		r.t.Fatalf("%d of %d parts", len(all), n)
	}
	return all
}

func (r *modemRig) post(path string, body, v any) {
	r.t.Helper()
	if body == nil {
		body = json.RawMessage("{}")
	}
	r.program.must("POST", "/carriers/"+path, body, 200, v)
}
