package router

import (
	"math"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// sending is a bed whose carrier holds the first text of a conversation.
func sending(b *bed, text string) (gateway.Message, gateway.Submission) {
	b.t.Helper()
	b.run()
	m := b.reply(b.ana, b.receive(customer(1), "hello").ID, text)
	return m, b.acme.onlyHeld(b.t)
}

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name    string
		outcome gateway.Outcome
		after   time.Duration // retry after
		tick    gateway.Tick
		code    gateway.ErrorCode
		attempt int // of the next submission; 0: there is none
	}{
		{"accepted", gateway.OutcomeAccepted, 0, gateway.TickSent, "", 0},
		{"rejected", gateway.OutcomeRejected, 0, gateway.TickFailed, gateway.ErrRejected, 0},
		{"retry", gateway.OutcomeRetry, time.Minute, gateway.TickSending, "", 2},
		{"throttled is no attempt", gateway.OutcomeThrottled, time.Minute, gateway.TickSending, "", 1},
		{"unsent is no attempt", gateway.OutcomeUnsent, 0, gateway.TickSending, "", 1},
		{"uncertain is held", gateway.OutcomeUncertain, 0, gateway.TickUnknown, gateway.ErrUncertain, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				m, s := sending(b, "hi")
				b.wantTick(m, gateway.TickSending, "")
				r := result(s, test.outcome)
				r.RetryAfter, r.Code = test.after, "ESME_RTEST"
				b.acme.settle(s, r)
				b.settle()
				if test.after > 0 {
					b.wantTick(m, gateway.TickQueued, "")
					b.pass(test.after - 2*time.Second)
					b.wantTick(m, gateway.TickQueued, "")
				}
				b.pass(10 * time.Second)
				b.wantTick(m, test.tick, test.code)
				if test.attempt > 0 {
					if again := b.acme.onlyHeld(b.t); again.Segment != s.Segment || again.Attempt != test.attempt {
						b.t.Errorf("submitted again as %+v", again)
					}
				} else if n := len(b.acme.payloads()); n != 1 {
					b.t.Errorf("submitted %d times", n)
				}
				if want := int64(min(1, test.attempt)); b.r.pumps["acme"].sending.Load() != want {
					b.t.Errorf("%d count as sending, want %d", b.r.pumps["acme"].sending.Load(), want)
				}
				b.wantMetric(float64(min(1, test.attempt)), "queue_segments", "acme", "sending")
				b.wantMetric(0, "queue_segments", "acme", "queued")
			})
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	onSQLite(t, func(b *bed) {
		var at []time.Time
		b.make()
		b.acme.answer = func(s gateway.Submission) gateway.Report {
			at = append(at, time.Now())
			return result(s, gateway.OutcomeRetry)
		}
		b.begin()
		m := b.reply(b.ana, b.receive(customer(1), "hello").ID, "hi")
		b.pass(10 * time.Minute)
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
		if len(at) != maxAttempts {
			b.t.Fatalf("submitted %d times, want %d", len(at), maxAttempts)
		}
		for i := 1; i < len(at); i++ {
			if pause, least := at[i].Sub(at[i-1]), minBackOff<<(i-1); pause < least || pause > least+2*time.Second {
				b.t.Errorf("attempt %d came after %v, want %v", i+1, pause, least)
			}
		}
	})
}

func TestUncertainIsSentAgainOnce(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.OnUncertain, b.line.ResendAfter = Resend, 30*time.Second
		m, s := sending(b, "hi")
		b.acme.settle(s, result(s, gateway.OutcomeUncertain))
		b.pass(29 * time.Second)
		b.wantTick(m, gateway.TickQueued, "")
		b.pass(5 * time.Second)
		again := b.acme.onlyHeld(b.t)
		b.acme.settle(again, result(again, gateway.OutcomeUncertain))
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		b.wantMetric(2, "uncertain_total", "acme")
	})
}

func TestLateResultAfterUncertain(t *testing.T) {
	tests := []struct {
		late gateway.Outcome
		tick gateway.Tick
		code gateway.ErrorCode
	}{
		{gateway.OutcomeAccepted, gateway.TickSent, ""},
		{gateway.OutcomeRejected, gateway.TickFailed, gateway.ErrRejected},
		{gateway.OutcomeThrottled, gateway.TickFailed, gateway.ErrRejected},
	}
	for _, test := range tests {
		t.Run(outcomes[test.late], func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				m, s := sending(b, "hi")
				b.acme.settle(s, result(s, gateway.OutcomeUncertain))
				b.settle()
				b.acme.put(result(s, test.late))
				b.settle()
				b.wantTick(m, test.tick, test.code)
			})
		})
	}
}

// With resend, a late acceptance keeps the text from going out twice.
func TestLateAcceptanceBeforeTheResend(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.OnUncertain, b.line.ResendAfter = Resend, 30*time.Second
		m, s := sending(b, "hi")
		b.acme.settle(s, result(s, gateway.OutcomeUncertain))
		b.pass(10 * time.Second)
		b.acme.put(accepted(s, "7"))
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickSent, "")
		wantList(b.t, "submitted", b.acme.payloads(), []string{"hi"})
	})
}

func TestSegmentsFold(t *testing.T) {
	onEach(t, func(b *bed) {
		b.make()
		b.acme.window = 1 // two at a time
		b.begin()
		c := b.receive(customer(1), "hello")
		first := b.reply(b.ana, c.ID, strings.Repeat("x", 600))
		second := b.reply(b.ana, c.ID, "behind it")
		for i := range 4 {
			b.wantTick(first, gateway.TickSending, "")
			if s := b.acme.held[0]; int(s.Segment-first.ID) != i || s.Payload[5] != byte(i+1) || s.Payload[4] != 4 || !s.UDH {
				b.t.Errorf("part %d went as %+v", i+1, s)
			}
			b.acme.settle(b.acme.held[0], acceptAll(b.acme.held[0]))
			b.settle()
		}
		b.wantTick(first, gateway.TickSent, "")
		for i := range 4 {
			b.wantTick(first, gateway.TickSent, "")
			b.receipt(first.ID.Segment(i).String(), gateway.TickDelivered, "DELIVRD").want(b.t, gateway.AckOK)
		}
		b.wantTick(first, gateway.TickDelivered, "")
		b.wantTick(second, gateway.TickSending, "")
	})
}

// A segment that fails drops those still queued, and the next text goes out once
// those that were on their way have ended.
func TestFailedSegmentDropsTheRest(t *testing.T) {
	for _, outcome := range []gateway.Outcome{gateway.OutcomeAccepted, gateway.OutcomeRejected, gateway.OutcomeRetry, gateway.OutcomeUncertain} {
		t.Run("the other is "+outcomes[outcome], func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.make()
				b.acme.window = 1
				b.begin()
				c := b.receive(customer(1), "hello")
				first := b.reply(b.ana, c.ID, strings.Repeat("x", 600))
				second := b.reply(b.ana, c.ID, "behind it")
				one := b.acme.held[0]
				b.acme.settle(one, result(one, gateway.OutcomeRejected))
				b.settle()
				b.wantTick(first, gateway.TickFailed, gateway.ErrRejected)
				for len(b.acme.held) > 0 { // the second, and perhaps the third that took the first's place
					b.wantTick(second, gateway.TickQueued, "")
					s := b.acme.held[0]
					if s.Segment.Message() != first.ID {
						b.t.Fatalf("%q went out beside the first text", s.Payload)
					}
					b.acme.held = b.acme.held[1:]
					b.acme.put(result(s, outcome))
					b.settle()
					if len(b.acme.held) == 1 && b.acme.held[0].Segment == second.ID {
						break
					}
				}
				b.pass(time.Minute)
				b.wantTick(first, gateway.TickFailed, gateway.ErrRejected)
				b.wantTick(second, gateway.TickSending, "")
			})
		})
	}
}

func TestResendLeavesAloneWhatIsOut(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.make()
		b.acme.window = 1
		b.begin()
		c := b.receive(customer(1), "hello")
		m := b.reply(b.ana, c.ID, strings.Repeat("x", 300))
		behind := b.reply(b.ana, c.ID, "behind it")
		one, two := b.acme.held[0], b.acme.held[1]
		b.acme.settle(one, result(one, gateway.OutcomeUncertain))
		b.settle()
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		if _, err := b.r.Resend(b.ctx, b.ana, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		if n := len(b.acme.payloads()); n != 3 {
			b.t.Errorf("%d submissions, want 3: the uncertain one again", n)
		}
		b.acme.settle(two, accepted(two, "2"))
		again := b.acme.held[0]
		if again.Segment != one.Segment || again.Attempt != 2 {
			b.t.Errorf("sent again: %+v", again)
		}
		b.acme.settle(again, accepted(again, "1"))
		b.settle()
		b.wantTick(m, gateway.TickSent, "")
		b.wantTick(behind, gateway.TickSending, "")
	})
}

func TestExpiresInTheQueue(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Validity = time.Minute
		b.make()
		b.begin()
		if err := b.r.Pause(b.ctx, "acme", true); err != nil {
			b.t.Fatal(err)
		}
		m := b.reply(b.ana, b.receive(customer(1), "hello").ID, strings.Repeat("x", 300))
		b.pass(2 * time.Minute)
		b.wantTick(m, gateway.TickExpired, gateway.ErrExpired)
		if err := b.r.Pause(b.ctx, "acme", false); err != nil {
			b.t.Fatal(err)
		}
		b.pass(time.Minute)
		wantList(b.t, "submitted", b.acme.payloads(), []string{})
		b.wantMetric(0, "queue_segments", "acme", "queued")
	})
}

func TestPauseLastsAcrossRestarts(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		if err := b.r.Pause(b.ctx, "acme", true); err != nil {
			b.t.Fatal(err)
		}
		c := b.receive(customer(1), "hello")
		b.halt()
		b.run()
		m := b.reply(b.ana, c.ID, "hi")
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickQueued, "")
		if err := b.r.Pause(b.ctx, "acme", false); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		b.wantTick(m, gateway.TickSending, "")
	})
}

func TestResendAndCancel(t *testing.T) {
	onEach(t, func(b *bed) {
		m, s := sending(b, "hi")
		behind := b.reply(b.ana, m.Conversation, "behind it")
		_, err := b.r.Cancel(b.ctx, b.ana, m.ID)
		wantRefusal(b.t, err, gateway.Conflict)
		_, err = b.r.Resend(b.ctx, b.ana, m.ID)
		wantRefusal(b.t, err, gateway.Conflict)
		_, err = b.r.Cancel(b.ctx, b.ben, behind.ID)
		wantRefusal(b.t, err, gateway.NotFound)
		if _, err := b.r.Cancel(b.ctx, b.ana, behind.ID); err != nil {
			b.t.Fatal(err)
		}
		b.wantTick(behind, gateway.TickFailed, gateway.ErrCancelled)
		b.acme.settle(s, result(s, gateway.OutcomeUncertain))
		b.settle()
		if _, err := b.r.Resend(b.ctx, b.mia, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		again := b.acme.onlyHeld(b.t)
		if again.Segment != s.Segment || again.Attempt != 2 {
			b.t.Errorf("sent again as %+v", again)
		}
		b.acme.settle(again, accepted(again, "9"))
		b.settle()
		b.wantTick(m, gateway.TickSent, "")
	})
}

// segmentsSending counts what the store says is out.
func (b *bed) segmentsSending() (n int) {
	b.do(func(tx *store.Tx) error {
		ids, err := tx.Abandoned("acme", math.MaxInt64)
		n = len(ids)
		return err
	})
	return n
}
