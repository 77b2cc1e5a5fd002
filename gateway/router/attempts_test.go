package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
)

// A carrier's own limit counts instead of the usual one; what is throttled or was
// never sent is no attempt, however often.
func TestAttemptsAreLimited(t *testing.T) {
	tests := []struct {
		name    string
		answers []gateway.Outcome // in their order; the last goes on
		limit   int
		tick    gateway.Tick
		sent    int // submissions
		trace   []string
	}{
		{"as usual", []gateway.Outcome{gateway.OutcomeRetry}, 0, gateway.TickFailed, 5,
			[]string{"acme retry X", "acme retry X", "acme retry X", "acme retry X", "acme retry X"}},
		{"once", []gateway.Outcome{gateway.OutcomeRetry}, 1, gateway.TickFailed, 1, []string{"acme retry X"}},
		{"more often", []gateway.Outcome{gateway.OutcomeRetry}, 7, gateway.TickFailed, 7,
			[]string{"acme retry X", "acme retry X", "acme retry X", "acme retry X", "acme retry X", "acme retry X", "acme retry X"}},
		{"throttled between", []gateway.Outcome{gateway.OutcomeThrottled, gateway.OutcomeThrottled, gateway.OutcomeRetry, gateway.OutcomeUnsent, gateway.OutcomeThrottled, gateway.OutcomeRetry},
			2, gateway.TickFailed, 6, []string{"acme retry X", "acme retry X"}},
		{"throttled for long", []gateway.Outcome{gateway.OutcomeThrottled, gateway.OutcomeThrottled, gateway.OutcomeThrottled, gateway.OutcomeThrottled, gateway.OutcomeThrottled,
			gateway.OutcomeThrottled, gateway.OutcomeAccepted}, 1, gateway.TickSent, 7, []string{}},
		{"refused for good", []gateway.Outcome{gateway.OutcomeRejected}, 0, gateway.TickFailed, 1, []string{"acme rejected X"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.make()
				var at []time.Time
				b.acme.answer = func(s gateway.Submission) gateway.Report {
					r := result(s, test.answers[min(len(at), len(test.answers)-1)])
					at = append(at, time.Now())
					r.Limit, r.Code = test.limit, "X"
					if r.Outcome == gateway.OutcomeThrottled {
						r.RetryAfter = time.Second
					}
					return r
				}
				b.begin()
				m := b.bill(customer(1), "bill")
				b.pass(15 * time.Minute)
				if got := b.message(m.ID).Tick; got != test.tick {
					b.t.Errorf("is %v, want %v", got, test.tick)
				}
				if len(at) != test.sent {
					b.t.Errorf("submitted %d times, want %d", len(at), test.sent)
				}
				wantList(b.t, "trace", b.trace(m.ID), test.trace)
				b.wantQueues(map[string][2]int64{})
			})
		})
	}
}

// What is uncertain is in the trace, whoever ended.
func TestUncertainAttemptsAreTraced(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.OnUncertain = Resend
		b.run()
		m := b.bill(customer(1), "bill")
		s := b.acme.onlyHeld(b.t)
		r := result(s, gateway.OutcomeUncertain)
		r.Text = "no response"
		b.acme.settle(s, r)
		b.pass(2 * time.Second)
		b.acme.onlyHeld(b.t)
		b.crash()
		b.run()
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		late := result(s, gateway.OutcomeRejected)
		late.Attempt, late.Code = 2, "ESME_RSUBMITFAIL"
		b.acme.put(late)
		b.settle()
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
		as, err := b.db.Attempts(b.ctx, m.ID)
		if err != nil || len(as) != 3 {
			b.t.Fatalf("%+v, %v", as, err)
		}
		if as[0].Attempt != 1 || as[0].Note != "no response" || as[1].Attempt != 2 || as[1].Note != endOfRun || as[2].Code != "ESME_RSUBMITFAIL" || as[2].Outcome != "rejected" {
			b.t.Errorf("traced as %+v", as)
		}
	})
}
