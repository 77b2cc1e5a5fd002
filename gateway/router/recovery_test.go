package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
)

// crash ends the router without a word about what acme was given.
func (b *bed) crash() {
	b.acme.mu.Lock()
	b.acme.crash = true
	b.acme.mu.Unlock()
	b.halt()
}

func TestCrashRecovery(t *testing.T) {
	for _, policy := range []Uncertain{Hold, Resend} {
		t.Run(map[Uncertain]string{Hold: "hold", Resend: "resend"}[policy], func(t *testing.T) {
			onEach(t, func(b *bed) {
				b.line.OnUncertain = policy
				m, s := sending(b, "one")
				behind := b.reply(b.ana, m.Conversation, "two")
				b.crash()
				if n := b.segmentsSending(); n != 1 {
					b.t.Fatalf("%d segments are sending, want 1", n)
				}
				b.run()
				b.pass(time.Minute)
				b.wantMetric(1, "uncertain_total", "acme")
				again := b.acme.onlyHeld(b.t)
				if policy == Resend {
					if again.Segment != s.Segment || again.Attempt != 2 {
						b.t.Errorf("submitted %+v", again)
					}
					return
				}
				b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
				wantList(b.t, "submitted", b.acme.payloads(), []string{"two"})
				b.wantTick(behind, gateway.TickSending, "")
			})
		})
	}
}

func TestStopRecordsWhatIsOut(t *testing.T) {
	onSQLite(t, func(b *bed) {
		m, _ := sending(b, "one")
		b.halt()
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
	})
}

// A carrier that is configured no more does not keep its segments out for ever,
// and its number may have moved to another.
func TestCarrierRemoved(t *testing.T) {
	onEach(t, func(b *bed) {
		m, _ := sending(b, "one")
		behind := b.reply(b.ana, m.Conversation, "two")
		b.crash()
		b.line.Name = "other"
		b.run()
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		b.pass(2 * time.Second)
		b.wantTick(behind, gateway.TickSending, "")
		if got := b.message(behind.ID).Carrier; got != "other" {
			b.t.Errorf("routed to %q", got)
		}
		wantList(b.t, "submitted", b.acme.payloads(), []string{"two"})
	})
}

func TestNoRoute(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		if err := b.r.Pause(b.ctx, "acme", true); err != nil {
			b.t.Fatal(err)
		}
		m := b.reply(b.ana, b.receive(customer(1), "hello").ID, "hi")
		b.halt()
		b.line.Name, b.line.Numbers = "other", nil
		b.pass(59 * time.Minute)
		b.run()
		b.pass(2 * time.Second)
		b.wantTick(m, gateway.TickQueued, "")
		b.pass(2 * time.Minute)
		b.wantTick(m, gateway.TickFailed, gateway.ErrNoRoute)
	})
}

func TestOneTextOfAConversationAtATime(t *testing.T) {
	for _, outcome := range []gateway.Outcome{gateway.OutcomeAccepted, gateway.OutcomeRejected, gateway.OutcomeUncertain} {
		t.Run(outcomes[outcome], func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				m, _ := sending(b, "0")
				want := []string{"0"}
				for _, text := range []string{"1", "2", "3"} {
					b.reply(b.ana, m.Conversation, text)
				}
				for _, text := range []string{"1", "2", "3"} {
					b.pass(time.Minute)
					wantList(b.t, "submitted", b.acme.payloads(), want)
					s := b.acme.onlyHeld(b.t)
					b.acme.settle(s, result(s, outcome))
					want = append(want, text)
					b.settle()
				}
				wantList(b.t, "submitted", b.acme.payloads(), want)
			})
		})
	}
}

func TestBackOffHoldsSuccessorsTenMinutes(t *testing.T) {
	onEach(t, func(b *bed) {
		m, s := sending(b, "one")
		b.reply(b.ana, m.Conversation, "two")
		r := result(s, gateway.OutcomeRetry)
		r.RetryAfter = time.Hour
		b.acme.settle(s, r)
		b.pass(9 * time.Minute)
		wantList(b.t, "submitted", b.acme.payloads(), []string{"one"})
		b.pass(2 * time.Minute)
		wantList(b.t, "submitted", b.acme.payloads(), []string{"one", "two"})
	})
}

func TestPeopleComeBeforePrograms(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		if err := b.r.Pause(b.ctx, "acme", true); err != nil {
			b.t.Fatal(err)
		}
		for n := range 3 {
			if _, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(n), Text{Text: "bill"}); err != nil {
				b.t.Fatal(err)
			}
		}
		b.reply(b.ana, b.receive(customer(9), "hello").ID, "hi")
		if err := b.r.Pause(b.ctx, "acme", false); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		wantList(b.t, "submitted", b.acme.payloads(), []string{"hi", "bill", "bill", "bill"})
	})
}
