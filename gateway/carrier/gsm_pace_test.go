package carrier

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"smsbridge/gateway/store"
	"smsbridge/gsm"
)

// A SIM that has much to send keeps to its limits over a new day and a new month,
// and not as evenly as a machine.
func TestGSMPace(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), store.Options{Node: "a", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	limits := gsm.Limits{PerMinute: 10, PerDay: 50, PerMonth: 120}
	s := &sim{db: db, limits: limits}
	load := func() {
		t.Helper()
		if err := s.load(t.Context(), "8901260200000000010"); err != nil {
			t.Fatal(err)
		}
	}
	load()
	now := time.Date(2026, 11, 29, 23, 58, 0, 0, time.UTC)
	var sent []time.Time
	days, months := map[string]int{}, map[string]int{}
	gaps := map[time.Duration]bool{}
	for range 200 {
		for wait, _ := s.wait(now); wait > 0; wait, _ = s.wait(now) {
			now = now.Add(wait)
		}
		if err := s.count(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if len(sent) > 0 {
			gaps[now.Sub(sent[len(sent)-1])] = true
		}
		sent = append(sent, now)
		days[dayOf(now)]++
		months[monthOf(now)]++
		if len(sent) >= 11 && now.Sub(sent[len(sent)-11]) < time.Minute {
			t.Fatalf("11 within %v", now.Sub(sent[len(sent)-11]))
		}
		if len(sent)%17 == 0 { // a restart
			s = &sim{db: db, limits: limits}
			load()
		}
	}
	for d, n := range days {
		if n > 50 {
			t.Errorf("%d on %s", n, d)
		}
	}
	for m, n := range months {
		if n > 120 {
			t.Errorf("%d in %s", n, m)
		}
	}
	if months["2026-11"] < 50 || months["2026-12"] != 120 || len(gaps) < 100 {
		t.Errorf("%v, %v, %d distances", days, months, len(gaps))
	}
	// What was certainly not sent is taken back.
	before := s.headroom(now)
	if err := s.count(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	s.uncount(now)
	if s.headroom(now) != before {
		t.Errorf("room for %d, want %d", s.headroom(now), before)
	}
}

// Limits of 0 are none.
func TestGSMUnlimited(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), store.Options{Node: "a", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := &sim{db: db}
	if err := s.load(t.Context(), "8901260200000000010"); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 29, 23, 58, 0, 0, time.UTC)
	for i := range 50 {
		if wait, why := s.wait(now); wait > 0 || s.paced(now, 1) || s.headroom(now) < 1000 {
			t.Fatalf("after %d: wait %v %q, room for %d", i, wait, why, s.headroom(now))
		}
		if err := s.count(t.Context(), now); err != nil {
			t.Fatal(err)
		}
	}
}
