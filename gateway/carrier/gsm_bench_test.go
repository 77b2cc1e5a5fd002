package carrier_test

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"smsbridge/gateway"
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

// BenchmarkGSMIdle is what sixteen modems that nobody uses cost, the simulators in
// the same process included: of a core, and in memory.
func BenchmarkGSMIdle(b *testing.B) {
	const modems = 16
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	var flows []*gsmFlow
	for range modems {
		f := newGSM(b, gsmsim.Options{}, nil)
		flows = append(flows, f)
	}
	before := heap()
	for _, f := range flows {
		f.start()
	}
	for _, f := range flows {
		f.until(gateway.EventCarrierUp)
	}
	after := heap()
	for b.Loop() {
		began, cpu, stored := time.Now(), used(), written(b, flows)
		<-time.After(50 * time.Second) // more than from one sweep to the next
		if now := written(b, flows); now != stored {
			b.Errorf("something was written: %s, then %s", stored, now)
		}
		b.ReportMetric(100*(used()-cpu).Seconds()/time.Since(began).Seconds(), "%-of-a-core")
	}
	b.ReportMetric(float64(after-before)/modems/1024, "KiB/modem")
}

// written is what the files of the stores look like.
func written(b *testing.B, flows []*gsmFlow) (all string) {
	for _, f := range flows {
		info, err := os.Stat(f.file + "-wal")
		if err != nil {
			b.Fatal(err)
		}
		all += fmt.Sprint(info.Size(), info.ModTime().UnixNano(), " ")
	}
	return all
}

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
