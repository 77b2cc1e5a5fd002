package carrier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/router"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// expectGrowth waits until the carrier says that it has room.
func (a *account) expectGrowth() {
	a.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case <-a.stream.Room():
			if room, _ := a.Room(); room > 0 {
				return
			}
		case <-limit:
			a.t.Fatal("the carrier makes no room")
		}
	}
}

// What is throttled goes back at once, with all that waits, and there is no room
// until the pause is over.
func TestThrottleHandsBack(t *testing.T) {
	for _, c := range []struct {
		status smpp.Status
		window int // after it
		rate   float64
		pause  time.Duration
	}{
		{smpp.ESME_RTHROTTLED, 4, 50, time.Second},
		{smpp.ESME_RMSGQFUL, 2, 100, 30 * time.Second},
	} {
		t.Run(c.status.String(), func(t *testing.T) {
			a := startAccount(t, smppsim.Script{Submit: smppsim.SubmitScript{Delay: 20 * time.Millisecond, ErrorEvery: 2, ErrorStatus: c.status},
				Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}, func(cfg *smpp.Config) { cfg.Window, cfg.Rate, cfg.Binds = 4, 100, 2 })
			a.up()
			a.awaitStatus(allUp)
			var all []gateway.Submission
			for i := range 16 {
				all = append(all, submission(i+1, "x"))
			}
			a.submit(all...)
			outcomes := map[gateway.Outcome]int{}
			for range all {
				r := a.next(gateway.ReportResult)
				outcomes[r.Outcome]++
				if r.RetryAfter != 0 {
					t.Errorf("%+v", r)
				}
			}
			if outcomes[gateway.OutcomeThrottled] == 0 || outcomes[gateway.OutcomeUnsent] == 0 || outcomes[gateway.OutcomeRetry] != 0 {
				t.Errorf("outcomes: %v", outcomes)
			}
			if room, _ := a.Room(); room != 0 {
				t.Errorf("room for %d in the pause", room)
			}
			s := a.awaitStatus(func(s carrier.Status) bool { return a.metric(`rate_limit_per_second{carrier="acme"}`) == c.rate })
			if wait := time.Until(s.PausedUntil); s.Rate != c.rate || s.Reason != c.status.String() || s.Binds[0].Window != c.window || wait > c.pause || wait < c.pause-time.Second {
				t.Errorf("status %+v, paused for %v", s, wait)
			}
			if got := a.metric(`throttled_seconds_total{carrier="acme"}`); got != c.pause.Seconds() {
				t.Errorf("throttled for %v s, want %v", got, c.pause.Seconds())
			}
			if got := a.metric(`window_size{bind="2",carrier="acme"}`); got != float64(c.window) {
				t.Errorf("window_size is %v, want %d", got, c.window)
			}
			if c.pause > time.Second {
				return
			}
			a.expectGrowth()
			if time.Now().Before(s.PausedUntil) {
				t.Error("there is room before the pause is over")
			}
		})
	}
}

// Texts arrive in their order, and each once, however often the carrier throttles.
func TestThrottleKeepsOrder(t *testing.T) {
	f := startFlow(t, smppsim.Script{Submit: smppsim.SubmitScript{ThrottleEvery: 16}, Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}, 1)
	const texts = 40
	by := gateway.Actor{Kind: gateway.ActorProgram, ID: 7, Name: "test"}
	for i := range texts {
		to := gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260205%04d", i)}
		if _, err := f.router.SendProgram(t.Context(), by, ours, to, router.Text{Text: fmt.Sprintf("%03d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	for left := texts; left > 0; {
		select {
		case e := <-f.events:
			if e.Type == gateway.EventMessageTick && e.Message.Tick != gateway.TickSending && e.Message.Tick != gateway.TickQueued {
				if left--; e.Message.Tick != gateway.TickSent {
					t.Fatalf("%v: %s", e.Message.Tick, e.Message.ErrorText)
				}
			}
		case <-time.After(patience):
			t.Fatalf("%d are missing", left)
		}
	}
	stats := f.smsc.Stats()
	if stats.Throttled < 2 || stats.Accepted != texts {
		t.Errorf("%d throttled, %d accepted", stats.Throttled, stats.Accepted)
	}
	for i, m := range f.smsc.Messages() {
		if m.Text != fmt.Sprintf("%03d", i) {
			t.Fatalf("text %d is %s", i, m.Text)
		}
	}
}

func TestHoldAndRelease(t *testing.T) {
	const noCredit smpp.Status = 0x401
	for name, release := range map[string]func(*account){
		"release": func(a *account) { a.Release() },
		"reconnect": func(a *account) {
			a.Reconnect()
			await(a.t, a.smsc, func(s smppsim.Stats) bool { return s.Binds == 2 })
			a.awaitStatus(allUp)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := startAccount(t, smppsim.Script{Submit: smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: noCredit}}, func(cfg *smpp.Config) {
				cfg.Window, cfg.StatusActions = 1, map[string]smpp.StatusAction{"0x401": smpp.ActionHold}
			})
			a.up()
			a.submit(submission(1, "one"), submission(2, "two"))
			if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeThrottled || r.RetryAfter != 0 || !strings.Contains(r.Text, "credit") {
				t.Errorf("%+v", r)
			}
			if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeUnsent {
				t.Errorf("%+v", r)
			}
			a.awaitHeld()
			if err := a.smsc.SetScript(smppsim.Script{}); err != nil {
				t.Fatal(err)
			}
			release(a)
			for a.next(gateway.ReportState).State != gateway.CarrierUp {
			}
			a.expectGrowth()
			a.submit(submission(1, "one"))
			if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeAccepted {
				t.Errorf("%+v", r)
			}
			if a.metric(`route_held{carrier="acme"}`) != 0 {
				t.Error("the metric says that it is held")
			}
		})
	}
}

func (a *account) awaitHeld() {
	a.t.Helper()
	if r := a.expectState(gateway.CarrierHeld); !strings.Contains(r.Text, "top up") {
		a.t.Errorf("the state says: %q", r.Text)
	}
	if room, _ := a.Room(); room != 0 || a.metric(`route_held{carrier="acme"}`) != 1 || a.Status().HeldUntil.IsZero() || a.Status().Reason == "" {
		a.t.Errorf("room for %d, status %+v", room, a.Status())
	}
}

// A receipt may be the one to say that there is no credit.
func TestReceiptHolds(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, nil)
	a.up()
	go a.smsc.DeliverPDU(t.Context(), &smpp.ShortMessage{ESMClass: 0x04, Source: smpp.Address{Value: "12602058901"}, Dest: smpp.Address{Value: ours[1:]},
		Message: []byte("id:17 sub:001 dlvrd:000 submit date:2601010000 done date:2601010000 stat:NOCRED err:008 text:")})
	r := a.next(gateway.ReportReceipt)
	if r.Ack(gateway.AckOK, false, nil); !r.Receipt.NoCredit || r.Receipt.Tick != gateway.TickFailed {
		t.Errorf("%+v", r.Receipt)
	}
	a.awaitHeld()
	a.Release()
	a.expectState(gateway.CarrierUp)
}

// An SMSC that answers nothing gets no more than a window: the rest goes back, for
// another bind perhaps, and there is room for one at a time until it answers or is
// bound to anew.
func TestNothingAnswered(t *testing.T) {
	a := startAccount(t, smppsim.Script{Submit: smppsim.SubmitScript{SilentEvery: 1}}, func(cfg *smpp.Config) {
		cfg.Window, cfg.ResponseTimeout = 1, 200*time.Millisecond
	})
	a.up()
	a.submit(submission(1, "one"), submission(2, "two"))
	got := map[gateway.ID]gateway.Outcome{}
	for range 2 {
		r := a.next(gateway.ReportResult)
		got[r.Segment] = r.Outcome
	}
	if room, _ := a.Room(); got[submission(1, "").Segment] != gateway.OutcomeUncertain || got[submission(2, "").Segment] != gateway.OutcomeUnsent || room != 1 {
		t.Errorf("outcomes %v, room for %d", got, room)
	}
	if r := a.expectState(gateway.CarrierDown); !strings.Contains(r.Text, smpp.ErrNoProgress.Error()) {
		t.Errorf("it is left for %q", r.Text)
	}
	a.expectState(gateway.CarrierUp)
	if n := a.metric(`bind_recycled_total{bind="1",carrier="acme"}`); n != 1 {
		t.Errorf("recycled %v times", n)
	}
	if n := a.smsc.Stats().Submits; n != 1 {
		t.Errorf("%d were sent", n)
	}
}
