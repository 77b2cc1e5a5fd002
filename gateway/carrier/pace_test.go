package carrier

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	p := newPace(10, 8)
	check := func(s, rate float64, window int, open bool) {
		t.Helper()
		p.advance(at(s))
		if d := p.rate - rate; d > 1e-9 || d < -1e-9 || p.window != window || p.open() != open {
			t.Errorf("after %v s: %v/s, window %d, open %v; want %v/s, %d, %v", s, p.rate, p.window, p.open(), rate, window, open)
		}
	}
	if d := p.slow(at(0), at(-0.1), "ESME_RTHROTTLED"); d != time.Second {
		t.Errorf("the first pause is %v", d)
	}
	if d := p.slow(at(0.1), at(-0.05), "ESME_RTHROTTLED"); d != 0 {
		t.Errorf("what was on its way then adds %v", d)
	}
	check(0.5, 5, 8, false)
	check(1, 5, 8, true)
	p.accepted(at(0)) // was sent before the pause
	if d := p.slow(at(2), at(1.5), "ESME_RTHROTTLED"); d != 2*time.Second {
		t.Errorf("the second pause in a row is %v", d)
	}
	check(4, 2.5, 8, true)
	check(14, 3, 8, true)
	p.accepted(at(14))
	for i := range 8 { // it goes on
		p.slow(at(15+10*float64(i)), at(14.9+10*float64(i)), "ESME_RTHROTTLED")
	}
	if p.throttle != maxThrottle || p.until != at(90) {
		t.Errorf("a pause until %v, then one of %v", p.until.Sub(start), p.throttle)
	}
	if p.rate != leastRate {
		t.Errorf("it is slowed down to %v/s, want %v/s", p.rate, leastRate)
	}
	if d := p.narrow(at(91), at(90.5), "ESME_RMSGQFUL"); d <= 20*time.Second {
		t.Errorf("a full queue makes the pause longer by %v", d)
	}
	check(120, leastRate, 4, false)
	check(121, leastRate, 4, true)
	if d := p.narrow(at(122), at(121.5), "ESME_RMSGQFUL"); d != time.Minute {
		t.Errorf("the second full queue is a pause of %v", d)
	}
	check(182, leastRate, 2, true)
	check(192, leastRate+.5, 3, true)
	if ch := p.advance(at(300)); !ch.long || ch.over {
		t.Errorf("after five minutes: %+v", ch)
	}
	if ch := p.advance(at(310)); ch.long {
		t.Error("it says so twice")
	}
	if ch := p.advance(at(182 + 210)); !ch.over {
		t.Error("it does not recover")
	}
	check(400, 10, 8, true)
	if p.throttle != minThrottle || p.queueFull != minQueueFul || p.why != "" {
		t.Errorf("what is left: %+v", p)
	}
}

func TestPaceOfSlowCarrier(t *testing.T) {
	p := newPace(0.1, 1)
	now := time.Unix(1_800_000_000, 0)
	p.slow(now, now, "")
	p.narrow(now, now, "")
	if p.rate != 0.1 || p.window != 1 {
		t.Errorf("%v/s and window %d are below what is configured", p.rate, p.window)
	}
	now = now.Add(time.Hour)
	p.advance(now)
	if wait := p.take(now); wait != 0 {
		t.Errorf("the first waits %v", wait)
	}
	if wait := p.take(now); wait < 9*time.Second || wait > 10*time.Second {
		t.Errorf("the second waits %v", wait)
	}
}

func TestPaceUnlimited(t *testing.T) {
	p := newPace(0, 10)
	now := time.Now()
	for range 1000 {
		if wait := p.take(now); wait != 0 {
			t.Fatal(wait)
		}
	}
	p.slow(now, now, "")
	if p.advance(now.Add(time.Second)); !p.open() || !p.since.IsZero() {
		t.Error("it does not recover")
	}
}

func TestHold(t *testing.T) {
	p := newPace(10, 8)
	now := time.Unix(1_800_000_000, 0)
	if !p.hold(now, now, "no credit") || p.open() || p.hold(now, now.Add(time.Second), "no credit") {
		t.Error("it is not held, or twice")
	}
	if ch := p.advance(now.Add(heldFor)); !ch.opened || !p.open() {
		t.Error("it is held for ever")
	}
	if p.hold(now.Add(heldFor), now, "no credit") {
		t.Error("what was sent before the hold holds it again")
	}
	if !p.hold(now.Add(heldFor+time.Second), now.Add(heldFor), "no credit") {
		t.Error("what was sent after it does not")
	}
	if p.release(); !p.open() {
		t.Error("it is not released")
	}
}
