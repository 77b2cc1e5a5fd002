package router

import (
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// wantQueues checks how many segments the carriers count as queued and sending,
// in memory, as gauges, and in the store.
func (b *bed) wantQueues(want map[string][2]int64) {
	b.t.Helper()
	b.pass(2 * time.Second) // a sweep shows the gauges
	backlog, err := b.db.Backlog(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, p := range b.r.pumps {
		stored := [2]int64{int64(backlog[name][gateway.TickQueued]), int64(backlog[name][gateway.TickSending])}
		if got := [2]int64{p.queued.Load(), p.sending.Load()}; got != want[name] || stored != want[name] {
			b.t.Errorf("%s has %v queued and sending, the store %v; want %v", name, got, stored, want[name])
		}
		b.wantMetric(float64(want[name][0]), "queue_segments", name, "queued")
		b.wantMetric(float64(want[name][1]), "queue_segments", name, "sending")
	}
}

// trace is what became of a message's segments, in words.
func (b *bed) trace(id gateway.ID) []string {
	b.t.Helper()
	as, err := b.db.Attempts(b.ctx, id)
	if err != nil {
		b.t.Fatal(err)
	}
	all := []string{}
	for _, a := range as {
		all = append(all, strings.TrimSpace(a.Carrier+" "+a.Outcome+" "+a.Code))
	}
	return all
}

// What is certainly unsent goes to the next carrier once the first has been away
// for as long as the route says, in that carrier's form, and whatever the first
// says meanwhile.
func TestFailOver(t *testing.T) {
	onEach(t, func(b *bed) {
		b.shared(gateway.Format{Alphabet: gateway.AlphabetLatin1, Long: gateway.LongUDH16})
		b.run()
		b.acme.say(gateway.CarrierDown)
		b.beta.say(gateway.CarrierDown)
		b.settle()
		text := strings.Repeat("x", 150) // two parts in Latin-1
		c := b.receive(customer(1), "hello")
		m := b.reply(b.ana, c.ID, text)
		behind := b.reply(b.ana, c.ID, "behind it")
		if m.Carrier != "acme" || m.Segments != 1 || m.Encoding != gateway.EncodingGSM7 {
			b.t.Fatalf("queued as %+v", m)
		}
		b.beta.say(gateway.CarrierUp)
		for range 5 {
			b.pass(10 * time.Second)
			b.acme.say(gateway.CarrierConnecting) // tried again, in vain
			b.acme.say(gateway.CarrierDown)
		}
		if got := b.message(m.ID).Carrier; got != "acme" {
			b.t.Errorf("gone to %q before the time", got)
		}
		b.pass(20 * time.Second)
		got := b.message(m.ID)
		if got.Carrier != "beta" || got.Segments != 2 || got.Encoding != gateway.EncodingLatin1 || got.Tick != gateway.TickSending {
			b.t.Errorf("is %+v", got)
		}
		b.wantQueues(map[string][2]int64{"beta": {1, 2}})
		b.beta.mu.Lock()
		held := slices.Clone(b.beta.held)
		b.beta.mu.Unlock()
		if len(held) != 2 || len(held[0].Payload) != 140 || held[0].Payload[0] != 6 || held[0].Attempt != 1 || held[1].Segment != m.ID.Segment(1) {
			b.t.Fatalf("beta was given %+v", held)
		}
		wantList(b.t, "trace", b.trace(m.ID), []string{"beta moved"})
		for _, s := range held {
			b.beta.settle(s, acceptAll(s))
		}
		b.settle()
		b.wantTick(m, gateway.TickSent, "")
		b.wantTick(behind, gateway.TickSending, "")
		if s := b.beta.onlyHeld(b.t); string(s.Payload) != "behind it" {
			b.t.Errorf("beta was given %q", s.Payload)
		}
		b.acme.say(gateway.CarrierUp)
		b.settle()
		if got := b.bill(customer(2), "bill").Carrier; got != "acme" {
			b.t.Errorf("acme is back, and it went to %q", got)
		}
	})
}

// Who pauses a carrier does not want its texts to wait.
func TestPausedFailsOverAtOnce(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{})
		b.run()
		b.acme.say(gateway.CarrierDown)
		b.beta.say(gateway.CarrierDown)
		m := b.bill(customer(1), "bill")
		b.beta.say(gateway.CarrierUp)
		if err := b.r.Pause(b.ctx, m.Carrier, true); err != nil {
			b.t.Fatal(err)
		}
		b.pass(6 * time.Second)
		if got := b.message(m.ID).Carrier; got != "beta" {
			b.t.Errorf("is at %q", got)
		}
	})
}

// What may have left, or leaves in part, stays with its carrier.
func TestFailOverLeavesWhatMayHaveLeft(t *testing.T) {
	tests := []struct {
		name  string
		first func(gateway.Submission) gateway.Report // what becomes of the first of two segments; nil: nothing yet
	}{
		{"the first is out", nil},
		{"the first was sent", func(s gateway.Submission) gateway.Report { return accepted(s, "1") }},
		{"the first is uncertain", func(s gateway.Submission) gateway.Report { return result(s, gateway.OutcomeUncertain) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.shared(gateway.Format{})
				b.line.OnUncertain, b.line.ResendAfter = Resend, time.Hour
				b.run()
				m := b.bill(customer(1), strings.Repeat("x", 200))
				one, two := b.acme.held[0], b.acme.held[1]
				if test.first != nil {
					b.acme.settle(one, test.first(one))
				}
				b.acme.settle(two, result(two, gateway.OutcomeUnsent))
				b.acme.say(gateway.CarrierDown)
				b.pass(10 * time.Minute)
				if got := b.message(m.ID); got.Carrier != "acme" {
					b.t.Errorf("is at %q", got.Carrier)
				}
				b.beta.mu.Lock()
				defer b.beta.mu.Unlock()
				if len(b.beta.taken) > 0 {
					b.t.Errorf("beta was given %+v", b.beta.taken)
				}
			})
		})
	}
}

// What does not fit the other carrier's form stays, and is in nobody's way: not
// of other texts, nor of the end of its own validity.
func TestFailOverOfWhatDoesNotFit(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{Long: gateway.LongUDH16})
		b.line.Validity = 10 * time.Minute
		b.run()
		b.acme.say(gateway.CarrierDown)
		b.beta.say(gateway.CarrierDown)
		b.settle()
		long := b.bill(customer(1), strings.Repeat("x", 1530)) // ten parts of 153, or eleven of 152
		short := b.bill(customer(2), "bill")
		b.beta.say(gateway.CarrierUp)
		b.pass(2 * time.Minute)
		if l, s := b.message(long.ID), b.message(short.ID); l.Carrier != "acme" || l.Tick != gateway.TickQueued || s.Carrier != "beta" {
			b.t.Errorf("they are at %q (%v) and %q", l.Carrier, l.Tick, s.Carrier)
		}
		b.pass(10 * time.Minute)
		b.wantTick(long, gateway.TickExpired, gateway.ErrExpired)
		b.wantQueues(map[string][2]int64{"beta": {0, 1}})
	})
}

// A carrier that refuses a text again and again is passed over; the text has
// failed once all have refused it. A person may have them tried again.
func TestExhaustedGoesToTheNextCarrier(t *testing.T) {
	onEach(t, func(b *bed) {
		b.shared(gateway.Format{})
		b.make()
		refuse := func(s gateway.Submission) gateway.Report {
			r := result(s, gateway.OutcomeRetry)
			r.Limit, r.Code, r.Text = 2, "ESME_RX_T_APPN", "try again"
			return r
		}
		b.acme.answer, b.beta.answer = refuse, refuse
		b.begin()
		m := b.bill(customer(1), strings.Repeat("x", 200))
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
		each := []string{"acme retry ESME_RX_T_APPN", "acme retry ESME_RX_T_APPN", "acme retry ESME_RX_T_APPN", "acme retry ESME_RX_T_APPN"}
		beta := []string{"beta retry ESME_RX_T_APPN", "beta retry ESME_RX_T_APPN", "beta retry ESME_RX_T_APPN", "beta retry ESME_RX_T_APPN"}
		want := append(append(each, "beta moved"), beta...)
		wantList(b.t, "trace", b.trace(m.ID), want)
		b.wantQueues(map[string][2]int64{})
		b.beta.answer = acceptAll
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.pass(2 * time.Minute)
		b.wantTick(m, gateway.TickSent, "")
		if got := b.message(m.ID).Carrier; got != "beta" {
			b.t.Errorf("sent by %q", got)
		}
	})
}

// The other carrier is away: it is no refuge, and the text has failed.
func TestExhaustedWithTheOtherAway(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{})
		b.make()
		b.acme.answer = func(s gateway.Submission) gateway.Report {
			r := result(s, gateway.OutcomeRetry)
			r.Limit = 1
			return r
		}
		b.begin()
		b.beta.say(gateway.CarrierDown)
		b.settle() // or the text may have gone to beta before that is known
		m := b.bill(customer(1), "bill")
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
	})
}

// A restart with other routes gives what nobody has claimed to whom it belongs to
// now, in that carrier's form; what has left in part keeps its form.
func TestRerouteAtStart(t *testing.T) {
	onEach(t, func(b *bed) {
		b.make()
		b.acme.window = 1 // takes two
		b.begin()
		partly := b.bill(customer(1), strings.Repeat("x", 450))
		whole := b.bill(customer(2), strings.Repeat("y", 450))
		for _, s := range slices.Clone(b.acme.held) {
			b.acme.mu.Lock()
			b.acme.away = true // nothing more is claimed
			b.acme.mu.Unlock()
			b.acme.settle(s, acceptAll(s))
		}
		b.settle()
		b.halt()
		beta := b.line
		beta.Name, beta.Format = "beta", gateway.Format{Alphabet: gateway.AlphabetLatin1}
		b.line.Numbers, b.second = nil, &beta
		b.make()
		b.beta.away = true
		b.begin()
		b.wantQueues(map[string][2]int64{"beta": {1 + 4, 0}})
		p, w := b.message(partly.ID), b.message(whole.ID)
		if p.Carrier != "beta" || p.Segments != 3 || p.Encoding != gateway.EncodingGSM7 {
			b.t.Errorf("the one that has left in part is %+v", p)
		}
		if w.Carrier != "beta" || w.Segments != 4 || w.Encoding != gateway.EncodingLatin1 {
			b.t.Errorf("the other is %+v", w)
		}
		b.beta.say(gateway.CarrierUp)
		b.pass(time.Minute)
		for len(b.beta.held) > 0 {
			b.beta.settle(b.beta.held[0], acceptAll(b.beta.held[0]))
			b.settle()
		}
		b.wantTick(partly, gateway.TickSent, "")
		b.wantTick(whole, gateway.TickSent, "")
	})
}

// Another path of the number serves the destination now.
func TestRerouteByDestination(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{})
		b.make()
		b.acme.away, b.beta.away = true, true
		b.begin()
		m := b.bill(customer(1), "bill")
		b.halt()
		b.routes = []Route{{Number: ourNumber, Carriers: []string{"acme"}}, {Number: ourNumber, To: []string{"+1"}, Carriers: []string{"beta"}}}
		b.run()
		if got := b.message(m.ID); m.Carrier != "acme" || got.Carrier != "beta" {
			b.t.Errorf("went from %q to %q", m.Carrier, got.Carrier)
		}
	})
}
