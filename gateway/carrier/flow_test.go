package carrier_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

const ours = "+12602058900"

// flow is a store, a router and an account bound to a simulated SMSC, in one
// process.
type flow struct {
	router *router.Router
	smsc   *smppsim.SMSC
	events chan gateway.Event
	up     chan struct{}
}

func startFlow(t testing.TB, script smppsim.Script, window int) *flow {
	t.Helper()
	f := &flow{events: make(chan gateway.Event, 1<<16), up: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	f.smsc, err = smppsim.Start(t.Context(), smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "pw", Numbers: []string{ours[1:]}}}, Script: script})
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var observe func([]gateway.Event)
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/s.db", store.Options{Node: "a", Log: log, OnCommit: func(events []gateway.Event) {
		if observe != nil {
			observe(events)
		}
		for _, e := range events {
			if e.Type == gateway.EventCarrierUp {
				once.Do(func() { close(f.up) })
			}
			f.events <- e
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := router.OpenDirectory(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	cfg := smpp.Defaults()
	cfg.Hosts, cfg.SystemID, cfg.Password, cfg.Window, cfg.Rate = []string{f.smsc.Addr()}, "us", "pw", window, 1e6
	numbers := []gateway.Address{{Kind: gateway.AddressE164, Value: ours}}
	account, err := carrier.NewSMPP(carrier.SMPPOptions{Name: "acme", Config: cfg, Numbers: numbers, Region: "US", NewID: db.NewID, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	f.router, err = router.New(router.Options{Store: db, Directory: dir, Log: log, Region: "US", Lines: []router.Line{{Name: "acme", Kind: "smpp",
		Numbers: numbers, Validity: cfg.Validity, Forms: account.Forms, Carrier: account}}})
	if err != nil {
		t.Fatal(err)
	}
	observe = f.router.Observe
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.router.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		db.Close()
		f.smsc.Close()
	})
	select {
	case <-f.up:
	case <-time.After(10 * time.Second):
		t.Fatal("the carrier did not come up")
	}
	return f
}

// BenchmarkOut is texts out through the router and an account on TCP, up to the
// event of the last tick, by 32 programs.
func BenchmarkOut(b *testing.B) {
	for _, window := range []int{10, 100} {
		for _, receipts := range []bool{true, false} {
			b.Run(fmt.Sprintf("window=%d/receipts=%v", window, receipts), func(b *testing.B) { benchmarkOut(b, window, receipts) })
		}
	}
}

func benchmarkOut(b *testing.B, window int, receipts bool) {
	script, last := smppsim.Script{}, gateway.TickDelivered
	if !receipts {
		script.Receipt.When, last = smppsim.ReceiptsNever, gateway.TickSent
	}
	f := startFlow(b, script, window)
	by := gateway.Actor{Kind: gateway.ActorProgram, ID: 7, Name: "bench"}
	var next atomic.Int64
	b.ResetTimer()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				to := gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260%07d", i*7919%10_000_000)}
				if _, err := f.router.SendProgram(b.Context(), by, ours, to, router.Text{Text: fmt.Sprintf("L%08d a text of the bench", i)}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	for left := b.N; left > 0; {
		select {
		case e := <-f.events:
			if e.Type == gateway.EventMessageTick && e.Message.Tick == last {
				left--
			}
		case <-time.After(30 * time.Second):
			b.Fatalf("%d are missing", left)
		}
	}
	b.StopTimer()
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}

// BenchmarkIn is texts in through an account on TCP, up to their event.
func BenchmarkIn(b *testing.B) {
	f := startFlow(b, smppsim.Script{}, 10)
	var next atomic.Int64
	b.ResetTimer()
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				if status, err := f.smsc.Deliver(b.Context(), fmt.Sprintf("1260%07d", i%1000+2058000), ours[1:], fmt.Sprintf("M%08d a text of the bench", i)); err != nil || status != smpp.ESME_ROK {
					b.Error(status, err)
					return
				}
			}
		})
	}
	for left := b.N; left > 0; {
		select {
		case e := <-f.events:
			if e.Type == gateway.EventMessageReceived {
				left--
			}
		case <-time.After(30 * time.Second):
			b.Fatalf("%d are missing", left)
		}
	}
	b.StopTimer()
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}
