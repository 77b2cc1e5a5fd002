package router

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// A carrier takes back what it accepted, or says why not: the answer is shown, and
// kept.
func TestCancelAtTheCarrier(t *testing.T) {
	type reply struct {
		code string
		ok   bool
		err  error
	}
	tests := []struct {
		name    string
		replies []reply // to the segments, in their order; none: it cannot be asked
		tick    gateway.Tick
		code    gateway.ErrorCode
		says    string // the refusal; "": there is none
		trace   []string
	}{
		{"it does", []reply{{"ESME_ROK", true, nil}, {"ESME_ROK", true, nil}}, gateway.TickFailed, gateway.ErrCancelled, "",
			[]string{"acme cancel ESME_ROK", "acme cancel ESME_ROK"}},
		{"it does not", []reply{{"ESME_RCANCELFAIL", false, nil}, {"ESME_RCANCELFAIL", false, nil}}, gateway.TickSent, "", "ESME_RCANCELFAIL",
			[]string{"acme cancel ESME_RCANCELFAIL", "acme cancel ESME_RCANCELFAIL"}},
		{"it does half", []reply{{"ESME_ROK", true, nil}, {"ESME_RCANCELFAIL", false, nil}}, gateway.TickFailed, gateway.ErrCancelled, "ESME_RCANCELFAIL",
			[]string{"acme cancel ESME_ROK", "acme cancel ESME_RCANCELFAIL"}},
		{"no answer", []reply{{"", true, errors.New("timed out")}, {"", false, errors.New("timed out")}}, gateway.TickSent, "", "nothing (timed out)",
			[]string{"acme cancel nothing (timed out)", "acme cancel nothing (timed out)"}},
		{"it cannot be asked", nil, gateway.TickSent, "", "not connected",
			[]string{"acme cancel nothing: it is not connected", "acme cancel nothing: it is not connected"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				asked := []string{}
				if test.replies != nil {
					b.line.Cancel = func(ctx context.Context, reference string, from, to gateway.Address) (string, bool, error) {
						if _, bounded := ctx.Deadline(); !bounded {
							b.t.Error("asked without a deadline")
						}
						r := test.replies[len(asked)]
						asked = append(asked, reference+" "+from.Value+" "+to.Value)
						return r.code, r.ok, r.err
					}
				}
				b.run()
				m := b.bill(customer(1), strings.Repeat("x", 200))
				for i, s := range slices.Clone(b.acme.held) {
					b.acme.settle(s, accepted(s, []string{"A", "B"}[i]))
				}
				b.settle()
				b.wantTick(m, gateway.TickSent, "")
				_, err := b.r.Cancel(b.ctx, b.program, m.ID)
				if test.says == "" {
					if err != nil {
						b.t.Error(err)
					}
				} else if r := wantRefusal(b.t, err, gateway.Conflict); !strings.Contains(r.Text, test.says) {
					b.t.Errorf("refused with %q, want %q in it", r.Text, test.says)
				}
				b.wantTick(m, test.tick, test.code)
				wantList(b.t, "trace", b.trace(m.ID), test.trace)
				if test.replies != nil {
					wantList(b.t, "asked", asked, []string{"A " + ourNumber + " " + m.Peer.Value, "B " + ourNumber + " " + m.Peer.Value})
				}
			})
		})
	}
}

// What is partly sent loses the rest at once, for certain; what the carrier has is
// asked back, and not called off before it says so.
func TestCancelOfWhatIsPartlySent(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Cancel = func(context.Context, string, gateway.Address, gateway.Address) (string, bool, error) {
			return "ESME_RCANCELFAIL", false, nil
		}
		b.make()
		b.acme.window = 1
		b.begin()
		m := b.bill(customer(1), strings.Repeat("x", 400))
		b.acme.mu.Lock()
		b.acme.away = true
		b.acme.mu.Unlock()
		for _, s := range slices.Clone(b.acme.held) {
			b.acme.settle(s, acceptAll(s))
		}
		b.settle()
		_, err := b.r.Cancel(b.ctx, b.program, m.ID)
		wantRefusal(b.t, err, gateway.Conflict)
		segments, err := b.db.SegmentsOf(b.ctx, m.ID)
		if err != nil {
			b.t.Fatal(err)
		}
		for i, want := range []gateway.Tick{gateway.TickSent, gateway.TickSent, gateway.TickFailed} {
			if segments[i].Tick != want {
				b.t.Errorf("segment %d is %v, want %v", i, segments[i].Tick, want)
			}
		}
		b.wantTick(m, gateway.TickFailed, gateway.ErrCancelled)
		b.acme.say(gateway.CarrierUp)
		b.wantQueues(map[string][2]int64{})
		if n := len(b.acme.taken); n != 2 {
			b.t.Errorf("%d segments were submitted", n)
		}
	})
}

// What may have left cannot be called off for certain, and is not called so.
func TestCancelOfWhatMayHaveLeft(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.OnUncertain, b.line.ResendAfter = Resend, time.Hour
		b.run()
		m := b.doubtful(customer(1)) // waits to be sent again
		_, err := b.r.Cancel(b.ctx, b.program, m.ID)
		wantRefusal(b.t, err, gateway.Conflict)
		b.wantTick(m, gateway.TickQueued, "")
		b.acme.put(accepted(gateway.Submission{Segment: m.ID, Attempt: 1}, "")) // late, and without a name
		b.settle()
		_, err = b.r.Cancel(b.ctx, b.program, m.ID)
		wantRefusal(b.t, err, gateway.Conflict)
		b.say("1", gateway.TickDelivered, customer(1), 0)
		b.wantTick(m, gateway.TickSent, "")
	})
}

// Between question and answer the carrier reports: a delivery counts, and what it
// calls deleted is cancelled.
func TestReceiptBeforeTheAnswerToCancel(t *testing.T) {
	for _, test := range []struct {
		said gateway.Tick
		tick gateway.Tick
		code gateway.ErrorCode
	}{{gateway.TickDelivered, gateway.TickDelivered, ""}, {gateway.TickFailed, gateway.TickFailed, gateway.ErrCancelled}} {
		t.Run(test.said.String(), func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.line.Cancel = func(context.Context, string, gateway.Address, gateway.Address) (string, bool, error) {
					b.receipt("1", test.said, "WORD")
					return "ESME_ROK", true, nil
				}
				b.run()
				m := b.taken(customer(1), "1")
				if _, err := b.r.Cancel(b.ctx, b.program, m.ID); err != nil {
					b.t.Fatal(err)
				}
				b.wantTick(m, test.tick, test.code)
			})
		})
	}
}

// A person sends again what failed at one carrier, and now another serves it: as
// that takes texts. What the first still says is about its own parts.
func TestResendByAnotherCarrier(t *testing.T) {
	onEach(t, func(b *bed) {
		b.shared(gateway.Format{Alphabet: gateway.AlphabetLatin1})
		b.run()
		m := b.bill(customer(1), strings.Repeat("x", 290)) // two parts, or three in Latin-1
		one, two := b.acme.held[0], b.acme.held[1]
		b.acme.settle(one, result(one, gateway.OutcomeUncertain))
		b.acme.settle(two, accepted(two, "2"))
		b.settle()
		b.receipt("2", gateway.TickFailed, "UNDELIV")
		b.wantTick(m, gateway.TickFailed, gateway.ErrUndeliv)
		b.acme.say(gateway.CarrierDown)
		b.settle()
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		got := b.message(m.ID)
		if got.Carrier != "beta" || got.Segments != 3 || got.Encoding != gateway.EncodingLatin1 {
			b.t.Errorf("sent again as %+v", got)
		}
		b.wantQueues(map[string][2]int64{"beta": {0, 3}})
		if s := b.beta.held[0]; s.Attempt != 2 {
			b.t.Errorf("given to beta: %+v", s)
		}
		b.acme.put(accepted(one, "1")) // late
		b.receipt("1", gateway.TickDelivered, "DELIVRD")
		b.receipt("2", gateway.TickDelivered, "DELIVRD")
		b.wantTick(m, gateway.TickSending, "")
		b.wantQueues(map[string][2]int64{"beta": {0, 3}})
		for _, s := range slices.Clone(b.beta.held) {
			b.beta.settle(s, acceptAll(s))
		}
		b.settle()
		b.wantTick(m, gateway.TickSent, "")
		wantList(b.t, "trace", b.trace(m.ID), []string{"acme uncertain", "acme resend"})
	})
}

// The other carrier takes texts alike: that the first has it after all counts.
func TestLateAcceptanceByTheFirstCarrier(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{})
		b.run()
		m := b.doubtful(customer(1))
		s := b.acme.taken[0]
		b.acme.say(gateway.CarrierDown)
		b.beta.say(gateway.CarrierUp)
		b.beta.mu.Lock()
		b.beta.away = true
		b.beta.mu.Unlock()
		b.settle()
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.acme.put(accepted(s, "1"))
		b.settle()
		b.wantTick(m, gateway.TickSent, "")
		b.wantQueues(map[string][2]int64{})
	})
}

// A text sent again is too long for the one carrier that serves it now: that is
// said, and it stays as it is.
func TestResendThatDoesNotFit(t *testing.T) {
	onEach(t, func(b *bed) {
		b.limits.TokenPerDay = 30
		b.shared(gateway.Format{Long: gateway.LongUDH16})
		b.run()
		b.acme.window = 10
		m := b.bill(customer(1), strings.Repeat("x", 1530))
		for _, s := range slices.Clone(b.acme.held) {
			b.acme.settle(s, result(s, gateway.OutcomeRejected))
		}
		b.acme.say(gateway.CarrierDown)
		b.settle()
		for range 5 { // none of it counts
			_, err := b.r.Resend(b.ctx, b.program, m.ID)
			wantRefusal(b.t, err, gateway.TextTooLong)
		}
		if got := b.message(m.ID); got.Carrier != "acme" || got.Segments != 10 || got.Tick != gateway.TickFailed {
			b.t.Errorf("is %+v", got)
		}
		b.acme.say(gateway.CarrierUp)
		b.settle()
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Error(err)
		}
	})
}

// The validity that a text had is no reason not to send it again.
func TestResendAfterItsValidity(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		if err := b.r.Pause(b.ctx, "acme", true); err != nil {
			b.t.Fatal(err)
		}
		sent, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill", Validity: time.Minute})
		if err != nil {
			b.t.Fatal(err)
		}
		m := sent.Message
		b.pass(2 * time.Minute)
		b.wantTick(m, gateway.TickExpired, gateway.ErrExpired)
		if err := b.r.Pause(b.ctx, "acme", false); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.pass(2 * time.Minute)
		b.wantTick(m, gateway.TickSending, "")
	})
}

// Whose carrier is gone waits for one, and has failed when none comes.
func TestResendWithoutACarrier(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		m := b.doubtful(customer(1))
		b.halt()
		b.line.Name, b.line.Numbers = "other", nil
		b.run()
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.wantTick(m, gateway.TickQueued, "")
		b.later(2 * time.Hour)
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickFailed, gateway.ErrNoRoute)
	})
}
