package carrier_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// BenchmarkGSMOut is the time from a text that is queued to the network's having
// it, over a modem that answers at once.
func BenchmarkGSMOut(b *testing.B) {
	f := startGSM(b, gsmsim.Options{}, nil)
	for i := 0; b.Loop(); i++ {
		f.send(fmt.Sprintf("+1260205%04d", i%10000), "hello")
		f.submitted(min(i+1, 10_000))
	}
}

// BenchmarkGSMIn is from a text's arrival at the modem, which says +CMTI, to its
// event.
func BenchmarkGSMIn(b *testing.B) {
	f := startGSM(b, gsmsim.Options{}, nil)
	for i := 0; b.Loop(); i++ {
		if err := f.network.Text(fmt.Sprintf("+1260205%04d", i%10000), ours, "hello"); err != nil {
			b.Fatal(err)
		}
		f.text()
	}
}

// BenchmarkGSMThroughput is texts out that are queued all at once, and their
// reports.
func BenchmarkGSMThroughput(b *testing.B) {
	f := startGSM(b, gsmsim.Options{}, nil)
	b.ResetTimer()
	for i := range b.N {
		f.send(fmt.Sprintf("+1260205%04d", i%10000), "hello")
	}
	for left := b.N; left > 0; {
		if e := f.until(gateway.EventMessageTick); e.Message.Tick == gateway.TickDelivered {
			left--
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
}

// BenchmarkGSMIdle is what sixteen modems that nobody uses cost a daemon: of a core,
// the simulators in the same process included, in memory, and in writes, which are
// to be none.
func BenchmarkGSMIdle(b *testing.B) {
	const modems = 16
	dir, log := b.TempDir(), slog.New(slog.DiscardHandler)
	db, err := store.Open(b.Context(), "sqlite:"+dir+"/s.db", store.Options{Node: "a", Log: log})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	directory, err := router.OpenDirectory(b.Context(), db)
	if err != nil {
		b.Fatal(err)
	}
	network := gsmsim.NewNetwork()
	defer network.Close()
	var lines []router.Line
	for i := range modems {
		sim, err := gsmsim.New(gsmsim.Options{Network: network, Vendor: "huawei"})
		if err != nil {
			b.Fatal(err)
		}
		defer sim.Close()
		cfg, name := gsm.Defaults(), fmt.Sprint("sim", i)
		cfg.Device = sim.Path()
		number := gateway.Address{Kind: gateway.AddressE164, Value: sim.Options().Number}
		m, err := carrier.NewGSM(carrier.GSMOptions{Name: name, Config: cfg, Number: number, Region: "US", NewID: db.NewID, Store: db, Log: log})
		if err != nil {
			b.Fatal(err)
		}
		lines = append(lines, router.Line{Name: name, Kind: "gsm", Numbers: []gateway.Address{number}, Validity: cfg.Validity, Carrier: m, Forms: m.Forms, Form: "raw"})
	}
	before := memory()
	r, err := router.New(router.Options{Store: db, Directory: directory, Log: log, Region: "US", Lines: lines})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	}()
	eventually(b, func() error {
		all, err := r.Carriers(ctx)
		for _, c := range all {
			if c.State != gateway.CarrierUp {
				return errNotYet
			}
		}
		return err
	})
	after := memory()
	for b.Loop() {
		began, cpu, stored := time.Now(), used(), written(b, dir)
		<-time.After(50 * time.Second) // more than from one sweep to the next
		if now := written(b, dir); now != stored {
			b.Errorf("something was written: %s, then %s", stored, now)
		}
		b.ReportMetric(100*(used()-cpu).Seconds()/time.Since(began).Seconds(), "%-of-a-core")
	}
	b.ReportMetric((after-before)/modems/1024, "KiB/modem")
}

// memory is what is in use.
func memory() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// written is what the store's file looks like to which it writes.
func written(b *testing.B, dir string) string {
	info, err := os.Stat(dir + "/s.db-wal")
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprint(info.Size(), info.ModTime())
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
