package carrier_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

const them = "+12602058901"

// gsmFlow is a store, a router and a simulated modem, in one process. The router
// with its modem's carrier may be ended, and started again on the same store.
type gsmFlow struct {
	t        testing.TB
	file     string
	cfg      gsm.Config
	resend   bool
	log      *slog.Logger
	sim      *gsmsim.Modem
	network  *gsmsim.Network
	db       *store.DB
	modem    *carrier.GSM
	router   *router.Router
	registry *prometheus.Registry
	events   chan gateway.Event
	passed   []gateway.Event
	stop     func()
}

// startGSM starts one with a fast SIM, as change has it, and waits until it is up.
func startGSM(t testing.TB, o gsmsim.Options, change func(*gsm.Config)) *gsmFlow {
	t.Helper()
	f := newGSM(t, o, change)
	f.start()
	f.until(gateway.EventCarrierUp)
	return f
}

// newGSM plugs the modem in, and starts nothing.
func newGSM(t testing.TB, o gsmsim.Options, change func(*gsm.Config)) *gsmFlow {
	t.Helper()
	dir := t.TempDir()
	o.Number, o.Link = ours, filepath.Join(dir, "modem")
	sim, err := gsmsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	f := &gsmFlow{t: t, file: filepath.Join(dir, "s.db"), cfg: gsm.Defaults(), log: slog.New(slog.DiscardHandler), sim: sim, network: sim.Network(), stop: func() {}}
	f.cfg.Device, f.cfg.Limits = o.Link, gsm.Limits{PerMinute: 100_000, PerDay: 1_000_000}
	if change != nil {
		change(&f.cfg)
	}
	t.Cleanup(func() { f.stop() })
	return f
}

func (f *gsmFlow) start() {
	t := f.t
	t.Helper()
	f.passed, f.events = nil, make(chan gateway.Event, 1<<16)
	log := f.log
	var observe func([]gateway.Event)
	events := f.events
	db, err := store.Open(context.Background(), "sqlite:"+f.file, store.Options{Node: "a", Log: log, OnCommit: func(all []gateway.Event) {
		if observe != nil {
			observe(all)
		}
		for _, e := range all {
			events <- e
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := router.OpenDirectory(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	number := gateway.Address{Kind: gateway.AddressE164, Value: ours}
	f.db, f.registry = db, prometheus.NewPedanticRegistry()
	f.modem, err = carrier.NewGSM(carrier.GSMOptions{Name: "sim1", Config: f.cfg, Number: number, Region: "US", NewID: db.NewID, Store: db, Log: log, Metrics: f.registry})
	if err != nil {
		t.Fatal(err)
	}
	line := router.Line{Name: "sim1", Kind: "gsm", Numbers: []gateway.Address{number}, Format: f.modem.Format(), Validity: f.cfg.Validity, Receipts: true,
		ResendAfter: 100 * time.Millisecond, Carrier: f.modem, Forms: f.modem.Forms, Form: "raw", Release: f.modem.Release, Headroom: f.modem.Headroom,
		Redelivers: 24 * time.Hour, USSD: f.modem.USSD, Trace: f.modem.Trace, Reconnect: f.modem.Reconnect}
	if f.resend {
		line.OnUncertain = router.Resend
	}
	f.router, err = router.New(router.Options{Store: db, Directory: dir, Log: log, Region: "US", Lines: []router.Line{line}})
	if err != nil {
		t.Fatal(err)
	}
	observe = f.router.Observe
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.router.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		db.Close()
		f.stop = func() {}
	}
}

// gsmPatience is that of a modem which is asked several times whether it is there.
const gsmPatience = 90 * time.Second

// until returns the next event of a type. Others are kept for who asks for them.
func (f *gsmFlow) until(kind gateway.EventType) gateway.Event {
	f.t.Helper()
	return f.event(string(kind), func(e *gateway.Event) bool { return e.Type == kind })
}

func (f *gsmFlow) event(what string, is func(*gateway.Event) bool) gateway.Event {
	f.t.Helper()
	for i := range f.passed {
		if e := f.passed[i]; is(&e) {
			f.passed = slices.Delete(f.passed, i, i+1)
			return e
		}
	}
	limit := time.After(gsmPatience)
	for {
		select {
		case e := <-f.events:
			if is(&e) {
				return e
			}
			f.passed = append(f.passed, e)
		case <-limit:
			f.t.Fatalf("no %s; %d wait in the network, SM has %d, ME %d; the modem: %+v", what, f.network.Waiting(ours), f.sim.Stored("SM"), f.sim.Stored("ME"), f.modem.Modem())
		}
	}
}

// text returns the next text that came in.
func (f *gsmFlow) text() *gateway.Message {
	f.t.Helper()
	return f.until(gateway.EventMessageReceived).Message
}

// tick waits for a message's tick, and returns the message.
func (f *gsmFlow) tick(id gateway.ID, want gateway.Tick) *gateway.Message {
	f.t.Helper()
	e := f.event("tick "+want.String(), func(e *gateway.Event) bool {
		return e.Type == gateway.EventMessageTick && e.Message.ID == id && (e.Message.Tick >= want || e.Message.Tick.Final())
	})
	if e.Message.Tick != want {
		f.t.Fatalf("%v (%+v), want %v", e.Message.Tick, e.Message, want)
	}
	return e.Message
}

func (f *gsmFlow) send(to, text string) gateway.ID {
	f.t.Helper()
	m, err := f.router.SendProgram(f.t.Context(), gateway.Actor{Kind: gateway.ActorProgram, ID: 7, Name: "test"}, ours,
		gateway.Address{Kind: gateway.AddressE164, Value: to}, router.Text{Text: text})
	if err != nil {
		f.t.Fatal(err)
	}
	return m.Message.ID
}

// submitted waits until the network has so many parts.
func (f *gsmFlow) submitted(n int) []gsmsim.Submitted {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), gsmPatience)
	defer cancel()
	all, err := f.network.Await(ctx, n)
	if err != nil {
		f.t.Fatalf("%d of %d parts", len(all), n)
	}
	return all
}

// eventually asks again and again until ok returns nil.
func eventually(t testing.TB, ok func() error) {
	t.Helper()
	limit, again := time.After(gsmPatience), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-limit:
			t.Fatal(err)
		}
	}
}

// emptied waits until the modem holds no message.
func (f *gsmFlow) emptied() {
	f.t.Helper()
	eventually(f.t, func() error {
		if n := f.sim.Stored("SM") + f.sim.Stored("ME"); n > 0 {
			return fmt.Errorf("%d messages are left", n)
		}
		return nil
	})
}

var errNotYet = errors.New("not yet")
