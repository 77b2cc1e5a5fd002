package router

import (
	"strconv"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// The carrier took it and says nothing: nobody knows, once its validity and an
// hour are over. What is heard later still counts.
func TestSilence(t *testing.T) {
	const validity = 10 * time.Hour
	tests := []struct {
		name   string
		change func(*Line)
		own    time.Duration          // validity of the text itself
		said   gateway.Tick           // by an intermediate notification
		meanwh func(*bed, gateway.ID) // half an hour after it was sent
		until  time.Duration          // it was written; 0: it stays as it is
	}{
		{name: "as long as the carrier's validity", until: validity},
		{name: "a shorter one", own: time.Hour, until: time.Hour},
		{name: "a longer one is none", own: 2 * validity, until: validity},
		{name: "of a carrier without one", own: time.Hour, until: time.Hour, change: func(l *Line) { l.Validity = 0 }},
		{name: "no validity at all", change: func(l *Line) { l.Validity = 0 }},
		{name: "no receipts", change: func(l *Line) { l.Receipts = false }},
		{name: "on its way", said: gateway.TickSent, until: validity},
		{name: "on its way, and more is never said", said: gateway.TickSent, change: func(l *Line) { l.NeverDelivered = true }},
		{name: "nothing, and more than sent is never said", until: validity, change: func(l *Line) { l.NeverDelivered = true }},
		{name: "sent again", until: validity + 30*time.Minute, meanwh: func(b *bed, id gateway.ID) {
			b.receipt("1", gateway.TickFailed, "UNDELIV")
			if _, err := b.r.Resend(b.ctx, b.program, id); err != nil {
				b.t.Fatal(err)
			}
			b.settle()
			s := b.acme.onlyHeld(b.t)
			b.acme.settle(s, accepted(s, "2"))
			b.settle()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				b.line.Receipts, b.line.Validity = true, validity
				if test.change != nil {
					test.change(&b.line)
				}
				b.run()
				sent, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill", Validity: test.own})
				if err != nil {
					b.t.Fatal(err)
				}
				b.settle()
				m := sent.Message
				s := b.acme.onlyHeld(b.t)
				b.acme.settle(s, accepted(s, "1"))
				b.settle()
				if test.said != 0 {
					b.receipt("1", test.said, "ENROUTE")
				}
				b.later(30 * time.Minute)
				if test.meanwh != nil {
					test.meanwh(b, m.ID)
				}
				if test.until == 0 {
					b.later(5 * validity)
					b.wantTick(m, gateway.TickSent, "")
					return
				}
				b.later(test.until + silenceGrace - 31*time.Minute)
				b.wantTick(m, gateway.TickSent, "")
				b.later(3 * time.Minute)
				b.wantTick(m, gateway.TickUnknown, gateway.ErrNoReceipt)
				b.later(24 * time.Hour)
				b.say("1", gateway.TickDelivered, customer(1), 0)
				b.wantTick(m, gateway.TickDelivered, "")
			})
		})
	}
}

// What never left, and was then sent again long after it was written, and what
// came from a carrier with another validity, is not forgotten.
func TestSilenceOfWhatIsOlderThanItsSending(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Receipts, b.line.Validity = true, time.Hour
		b.shared(gateway.Format{})
		b.second.Validity = 48 * time.Hour
		b.routes[0].Carriers = []string{"beta", "acme"}
		b.run()
		b.acme.say(gateway.CarrierDown)
		b.beta.say(gateway.CarrierDown)
		b.settle()
		moved := b.bill(customer(1), "bill") // for beta
		cancelled := b.bill(customer(2), "bill")
		if _, err := b.r.Cancel(b.ctx, b.program, cancelled.ID); err != nil {
			b.t.Fatal(err)
		}
		b.wantTick(moved, gateway.TickQueued, "")
		b.halt()
		b.pass(30 * time.Hour)
		b.make()
		b.beta.away = true
		b.begin()
		b.beta.say(gateway.CarrierDown)
		b.pass(70 * time.Second)
		b.pass(10 * time.Second)
		if _, err := b.r.Resend(b.ctx, b.program, cancelled.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		for len(b.acme.held) > 0 {
			b.acme.settle(b.acme.held[0], acceptAll(b.acme.held[0]))
			b.settle()
		}
		b.wantTick(moved, gateway.TickSent, "")
		b.wantTick(cancelled, gateway.TickSent, "")
		b.later(3 * time.Hour)
		b.wantTick(moved, gateway.TickSent, "")
		b.wantTick(cancelled, gateway.TickUnknown, gateway.ErrNoReceipt)
		b.later(24 * time.Hour) // 48 hours after it was written, and the grace
		b.wantTick(moved, gateway.TickUnknown, gateway.ErrNoReceipt)
	})
}

// How far it has looked outlives a restart, and later texts are looked at.
func TestSilenceGoesOn(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Receipts, b.line.Validity = true, time.Hour
		b.run()
		state := func() (value string) {
			b.do(func(tx *store.Tx) (err error) { value, err = tx.CarrierState("acme", silentState); return err })
			return value
		}
		last := ""
		for n := range 3 {
			m := b.taken(customer(n), strconv.Itoa(n))
			b.later(time.Hour)
			b.wantTick(m, gateway.TickSent, "")
			b.later(2 * time.Hour)
			b.wantTick(m, gateway.TickUnknown, gateway.ErrNoReceipt)
			if now := state(); now <= last {
				b.t.Errorf("it has looked as far as %q after %q", now, last)
			} else {
				last = now
			}
		}
		b.wantMetric(1, "segments_total", "acme", "unknown") // by this run
	})
}
