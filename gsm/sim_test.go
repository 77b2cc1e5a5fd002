//go:build linux

package gsm_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// owner commits all that it is given, and remembers it.
type owner struct {
	mu       sync.Mutex
	messages []string
	reports  []uint8
}

func (o *owner) State(gsm.State) {}
func (o *owner) Call(string)     {}

func (o *owner) Message(in gsm.Incoming) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if in.Deliver == nil {
		o.messages = append(o.messages, in.Err.Error())
	} else {
		o.messages = append(o.messages, string(in.Deliver.Data))
	}
	in.Done(true)
}

func (o *owner) Report(r gsm.Report, done func(bool)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reports = append(o.reports, r.Reference)
	done(true)
}

// The simulated modems of all vendors are brought up, send, receive, report and
// are left empty, however oddly they behave.
func TestSimulatedModems(t *testing.T) {
	behaviours := map[string]gsmsim.Behaviour{
		"good":             {},
		"echo and noise":   {Echo: true, Noise: true, NoiseEvery: 30 * time.Millisecond},
		"octet by octet":   {SplitWrites: 1, WriteGap: 100 * time.Microsecond},
		"garbage":          {Garbage: 5, Flood: 2},
		"busy, stale SMSC": {SIMBusy: 3, StaleSMSC: true},
		"wrong indexes":    {CMTINoIndex: 2, CMTIWrongMemory: 1, CDSIWrongMemory: 1},
	}
	var all sync.WaitGroup
	for _, vendor := range gsmsim.Vendors() {
		for name, b := range behaviours {
			all.Go(func() {
				if err := exercise(t.Context(), vendor, b); err != nil {
					t.Errorf("%s, %s: %v", vendor, name, err)
				}
			})
		}
	}
	all.Wait()
}

func exercise(ctx context.Context, vendor string, b gsmsim.Behaviour) error {
	sim, err := gsmsim.New(gsmsim.Options{Vendor: vendor, Behaviour: b})
	if err != nil {
		return err
	}
	defer sim.Close()
	cfg := gsm.Defaults()
	cfg.Device = sim.Path()
	m, o := gsm.New(cfg, gsm.Options{}), &owner{}
	ctx, cancel := context.WithCancel(ctx)
	var ran sync.WaitGroup
	ran.Go(func() { m.Run(ctx, o) })
	defer ran.Wait()
	defer cancel()
	if !soon(func() bool { return m.Room() == 1 }) {
		return fmt.Errorf("not up: %+v", m.Info())
	}
	var want []string
	for i := range 3 {
		want = append(want, fmt.Sprint("text ", i))
		if err := sim.Network().Text("+12602058901", sim.Options().Number, want[i]); err != nil {
			return err
		}
	}
	reference, err := m.Send(ctx, gsm.Submit{To: "+12602058901", Payload: []byte("hi"), Report: true})
	if err != nil {
		return err
	}
	if !soon(func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.messages) == 3 && len(o.reports) == 1 && sim.Stored("SM")+sim.Stored("ME") == 0
	}) {
		return fmt.Errorf("%q, reports of %v: %+v", o.messages, o.reports, m.Info())
	}
	if slices.Sort(o.messages); !slices.Equal(o.messages, want) || o.reports[0] != reference {
		return fmt.Errorf("%q, reports of %v, sent %d", o.messages, o.reports, reference)
	}
	return nil
}

func soon(what func() bool) bool {
	for limit := time.Now().Add(90 * time.Second); time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if what() {
			return true
		}
	}
	return false
}
