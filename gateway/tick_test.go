package gateway

import (
	"testing"

	"pgregory.net/rapid"
)

var allTicks = []Tick{TickNone, TickQueued, TickSending, TickSent, TickDelivered, TickFailed, TickExpired, TickUnknown}

// advanceTable has a row for each tick and a column for what is learnt, both in
// the order of allTicks; "." is no change.
var advanceTable = [...][8]string{
	//           ""   queued sending    sent    delivered    failed    expired    unknown
	TickNone:      {".", ".", ".", ".", ".", ".", ".", "."},
	TickQueued:    {".", ".", "sending", "sent", "delivered", "failed", "expired", "."},
	TickSending:   {".", ".", ".", "sent", "delivered", "failed", "expired", "unknown"},
	TickSent:      {".", ".", ".", ".", "delivered", "failed", "expired", "unknown"},
	TickDelivered: {".", ".", ".", ".", ".", ".", ".", "."},
	TickFailed:    {".", ".", ".", ".", "delivered", ".", ".", "."},
	TickExpired:   {".", ".", ".", ".", "delivered", ".", ".", "."},
	TickUnknown:   {".", ".", ".", "sent", "delivered", "failed", "expired", "."},
}

var advanceIntermediateTable = [...][8]string{
	TickNone:      {".", ".", ".", ".", ".", ".", ".", "."},
	TickQueued:    {".", ".", "sending", "sent", "sent", "sent", "sent", "."},
	TickSending:   {".", ".", ".", "sent", "sent", "sent", "sent", "."},
	TickSent:      {".", ".", ".", ".", ".", ".", ".", "."},
	TickDelivered: {".", ".", ".", ".", ".", ".", ".", "."},
	TickFailed:    {".", ".", ".", ".", ".", ".", ".", "."},
	TickExpired:   {".", ".", ".", ".", ".", ".", ".", "."},
	TickUnknown:   {".", ".", ".", "sent", "sent", "sent", "sent", "."},
}

func TestAdvance(t *testing.T) {
	for _, intermediate := range []bool{false, true} {
		table := advanceTable
		if intermediate {
			table = advanceIntermediateTable
		}
		for _, from := range allTicks {
			for _, to := range allTicks {
				want, wantChanged := from, false
				if w := table[from][to]; w != "." {
					want, wantChanged = mustTick(t, w), true
				}
				got, changed := Advance(from, to, intermediate)
				if got != want || changed != wantChanged {
					t.Errorf("Advance(%q, %q, %v) = %q, %v; want %q, %v", from, to, intermediate, got, changed, want, wantChanged)
				}
			}
		}
	}
}

func mustTick(t *testing.T, word string) Tick {
	t.Helper()
	tick, err := ParseTick(word)
	if err != nil {
		t.Fatal(err)
	}
	return tick
}

func TestTickWords(t *testing.T) {
	for _, tick := range allTicks {
		if got := mustTick(t, tick.String()); got != tick {
			t.Errorf("ParseTick(%q) = %v", tick.String(), got)
		}
	}
	for _, bad := range []string{"Sent", "none", "sent ", "tick(9)"} {
		if got, err := ParseTick(bad); err == nil {
			t.Errorf("ParseTick(%q) = %v; want an error", bad, got)
		}
	}
	if got := Tick(9).String(); got != "tick(9)" {
		t.Errorf("Tick(9) = %q", got)
	}
}

func TestTickFinal(t *testing.T) {
	want := map[Tick]bool{TickDelivered: true, TickFailed: true, TickExpired: true}
	for _, tick := range allTicks {
		if got := tick.Final(); got != want[tick] {
			t.Errorf("%q.Final() = %v", tick, got)
		}
	}
}

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		ticks []Tick
		want  Tick
	}{
		{nil, TickNone},
		{[]Tick{TickQueued}, TickQueued},
		{[]Tick{TickDelivered, TickDelivered}, TickDelivered},
		{[]Tick{TickDelivered, TickSent}, TickSent},
		{[]Tick{TickSent, TickSending, TickDelivered}, TickSending},
		{[]Tick{TickSent, TickQueued}, TickQueued},
		{[]Tick{TickDelivered, TickUnknown, TickQueued}, TickUnknown},
		{[]Tick{TickUnknown, TickExpired, TickDelivered}, TickExpired},
		{[]Tick{TickUnknown, TickExpired, TickFailed}, TickFailed},
		{[]Tick{TickQueued, TickFailed}, TickFailed},
	} {
		if got := Fold(tt.ticks); got != tt.want {
			t.Errorf("Fold(%v) = %q; want %q", tt.ticks, got, tt.want)
		}
	}
}

// Whatever arrives, and in whatever order, a delivered tick stays, and only a
// delivery moves a final one.
func TestAdvanceNeverMovesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tick := TickQueued
		for range rapid.IntRange(0, 20).Draw(t, "news") {
			to := rapid.SampledFrom(allTicks).Draw(t, "to")
			intermediate := rapid.Bool().Draw(t, "intermediate")
			next, changed := Advance(tick, to, intermediate)
			if changed != (next != tick) {
				t.Fatalf("%q -> %q: changed = %v", tick, next, changed)
			}
			if changed && tick.Final() && next != TickDelivered {
				t.Fatalf("final %q became %q", tick, next)
			}
			if changed && intermediate && (tick.Final() || next.Final()) {
				t.Fatalf("intermediate news made %q of %q", next, tick)
			}
			tick = next
		}
	})
}
