package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
)

const otherNumber = "+12602058950"

// TestPool has two modems, each with a number of its own.
func TestPool(t *testing.T) {
	onEach(t, func(b *bed) {
		room := map[string]int{"acme": 5, "beta": 9}
		b.line.Headroom = func() int { return room["acme"] }
		b.second = &Line{Name: "beta", Kind: "gsm", Numbers: []gateway.Address{{Kind: gateway.AddressE164, Value: otherNumber}}, Headroom: func() int { return room["beta"] }}
		b.pools = []Pool{{Name: "desk", Carriers: []string{"beta", "acme"}}}
		b.run()
		anything := func(string) bool { return true }
		pick := func(n int, allowed func(string) bool, want string) {
			t.Helper()
			got, err := b.r.PoolNumber(b.ctx, "desk", customer(n), allowed)
			if err != nil || got != want {
				t.Errorf("customer %d: %q, want %q: %v", n, got, want, err)
			}
		}
		pick(1, anything, otherNumber) // most room
		pick(1, func(n string) bool { return n == ourNumber }, ourNumber)
		pick(1, func(string) bool { return false }, "")
		b.receive(customer(1), "hello") // to acme's
		pick(1, anything, ourNumber)
		room["beta"] = 4
		pick(2, anything, ourNumber)
		b.beta.say(gateway.CarrierDown)
		b.settle()
		room["beta"] = 100
		pick(2, anything, ourNumber) // the other does not work
		b.beta.say(gateway.CarrierConnecting)
		b.settle()
		pick(2, anything, ourNumber) // nor while it tries
		b.beta.say(gateway.CarrierUp)
		b.settle()
		pick(2, anything, otherNumber)
		b.beta.say(gateway.CarrierConnecting) // it has lost its network
		b.settle()
		pick(2, anything, ourNumber)
		room["acme"] = -3 // its day is used up, and more waits
		pick(2, anything, ourNumber)
		b.acme.say(gateway.CarrierDown)
		b.settle()
		pick(2, anything, otherNumber) // none works: of those, most room
		if got, err := b.r.PoolNumber(b.ctx, "none", customer(1), anything); err != nil || got != "" {
			t.Errorf("no such pool: %q, %v", got, err)
		}
		if got := b.r.PoolNumbers("desk"); len(got) != 2 || got[0] != otherNumber || len(b.r.Pools()) != 1 {
			t.Errorf("numbers %q of %q", got, b.r.Pools())
		}
	})
}

// TestCallIsNoted shows a call in the thread, and moves nothing.
func TestCallIsNoted(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		ring := func(from gateway.Address) gateway.Conversation {
			b.acme.put(gateway.Report{Kind: gateway.ReportCall, At: time.Now(), Inbound: &gateway.Inbound{From: from, To: ourNumber}})
			b.settle()
			return b.pair(from)
		}
		c := b.receive(customer(1), "call me")
		b.act(b.ana, c.ID, gateway.ActTake)
		before := b.newest()
		if got := ring(customer(1)); got.Owner != b.ana.ID || got.Epoch != 2 {
			t.Errorf("a call led to %+v", got)
		}
		wantList(t, "lines", b.lines(c.ID), []string{"Ana took this conversation.", "The customer called."})
		if es := b.since(before); len(es) != 1 || es[0].Message == nil || es[0].Message.Text != "The customer called." {
			t.Errorf("events %+v", es)
		}
		if got := ring(customer(2)); got.Status != gateway.StatusClosed {
			t.Errorf("a stranger's call led to %+v", got)
		}
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			t.Fatal(err)
		}
		ring(customer(1))
		wantList(t, "lines of who is blocked", b.lines(c.ID)[2:], []string{"Ana blocked this customer."})
	})
}

// TestModemDeliversAgainMuchLater: what was committed, and not yet deleted from
// the modem when the daemon was killed, is known again whenever it starts.
func TestModemDeliversAgainMuchLater(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Redelivers = 30 * 24 * time.Hour
		b.run()
		in := b.text(customer(1), "ok")
		b.deliverTo([]*ack{{lost: true}}, in)
		b.later(20 * 24 * time.Hour)
		again := b.text(customer(1), "ok")
		again.Session++
		b.deliver(again)[0].want(b.t, gateway.AckOK)
		wantList(t, "texts", b.texts(b.pair(customer(1)).ID), []string{"ok"})
	})
}
