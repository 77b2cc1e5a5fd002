package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"smsbridge/gateway"
)

// openBench opens an SQLite store for a benchmark.
func openBench(b *testing.B, query string) *DB {
	b.Helper()
	db, err := Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "bench.db")+query, Options{Node: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	return db
}

// cpuTime is what the process has used, in user and system mode.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// concurrently runs do for 0…b.N-1 from several goroutines.
func concurrently(b *testing.B, callers int, do func(i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				if err := do(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// sendOne writes what accepting a text for a new person writes.
func sendOne(ctx context.Context, db *DB, i int) error {
	return db.Update(ctx, func(tx *Tx) error {
		peer := gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260%07d", i*7919%10000000)}
		c, err := tx.Pair("+12602058900", peer)
		if err != nil {
			return err
		}
		if c.ID == 0 {
			c.ID, c.Queue, c.Status, c.Archived, c.CreatedAt = tx.NewID(), 1, gateway.StatusClosed, true, tx.Now()
		}
		if out, err := tx.OptedOut(c.Number, peer); err != nil || out {
			return err
		}
		m := &gateway.Message{ID: tx.NewID(), Conversation: c.ID, Direction: gateway.Out, Number: c.Number, Peer: peer,
			Text: "Your table for two is booked.", Segments: 1, Tick: gateway.TickQueued, Carrier: "acme",
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(48 * time.Hour)}
		c.LastMessage, c.UpdatedAt = m.ID, tx.Now()
		if err := tx.SaveConversation(c); err != nil {
			return err
		}
		tx.InsertMessage(m)
		tx.InsertSegments(m, []gateway.Segment{{ID: m.ID, Carrier: "acme", Tick: gateway.TickQueued, Turn: true, Payload: []byte(m.Text)}})
		tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Conversation: &c, Message: m})
		return nil
	})
}

// claimSome claims what is queued and records that the carrier took it. It
// returns how many that were.
func claimSome(ctx context.Context, db *DB) (int, error) {
	var claimed []gateway.Submission
	if err := db.Update(ctx, func(tx *Tx) (err error) {
		claimed, _, err = tx.Claim("acme", 1, 100)
		return err
	}); err != nil {
		return 0, err
	}
	return len(claimed), db.Update(ctx, func(tx *Tx) error { return sent(tx, claimed) })
}

// sent records the carrier's answers to what was claimed.
func sent(tx *Tx, claimed []gateway.Submission) error {
	ids := make([]gateway.ID, len(claimed))
	refs := make([]Reference, len(claimed))
	for i, c := range claimed {
		ids[i] = c.Segment
		refs[i] = Reference{Reference: fmt.Sprintf("%x", int64(c.Segment)), Segment: c.Segment, Attempt: 1, At: tx.Now()}
	}
	messages, err := tx.Messages(ids)
	if err != nil {
		return err
	}
	segments, err := tx.Segments(ids)
	if err != nil {
		return err
	}
	conversations := make([]gateway.ID, len(ids))
	ms := make([]*gateway.Message, len(ids))
	segs := make([]*gateway.Segment, len(ids))
	for i, id := range ids {
		ms[i], segs[i] = messages[id], segments[id]
		conversations[i] = ms[i].Conversation
		ms[i].Tick, segs[i].Tick = gateway.TickSent, gateway.TickSent
	}
	if err := tx.LoadConversations(conversations); err != nil {
		return err
	}
	if err := tx.InsertReferences("acme", refs); err != nil {
		return err
	}
	if err := tx.UpdateSegments(segs); err != nil {
		return err
	}
	if err := tx.UpdateTicks(ms); err != nil {
		return err
	}
	if _, err := tx.PassTurn(conversations); err != nil {
		return err
	}
	for i, m := range ms {
		c, _, err := tx.Conversation(conversations[i])
		if err != nil {
			return err
		}
		tx.Emit(gateway.Event{Type: gateway.EventMessageTick, Conversation: &c, Message: m})
	}
	return nil
}

// report adds what one update costs to the benchmark's line.
func report(b *testing.B, cpu time.Duration) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
	b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// BenchmarkUpdate is one text accepted, on disks of different speed.
func BenchmarkUpdate(b *testing.B) {
	for _, query := range []string{"", "?fsync_delay=1ms", "?fsync_delay=5ms"} {
		for _, callers := range []int{1, 10, 100} {
			b.Run(fmt.Sprintf("callers=%d%s", callers, query), func(b *testing.B) {
				db := openBench(b, query)
				b.ReportAllocs()
				b.ResetTimer()
				start := cpuTime(b)
				concurrently(b, callers, func(i int) error { return sendOne(b.Context(), db, i) })
				report(b, cpuTime(b)-start)
			})
		}
	}
}

// BenchmarkLife is a text accepted, claimed by its carrier, and sent.
func BenchmarkLife(b *testing.B) {
	for _, callers := range []int{1, 32, 100} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := openBench(b, "")
			b.ReportAllocs()
			b.ResetTimer()
			start := cpuTime(b)
			concurrently(b, callers, func(i int) error { return sendOne(b.Context(), db, i) })
			accepted := cpuTime(b) - start
			for left := b.N; left > 0; {
				n, err := claimSome(b.Context(), db)
				if err != nil || n == 0 {
					b.Fatalf("claimed %d: %v", n, err)
				}
				left -= n
			}
			b.ReportMetric(float64(accepted.Nanoseconds())/1000/float64(b.N), "accept-µs/op")
			report(b, cpuTime(b)-start)
		})
	}
}
