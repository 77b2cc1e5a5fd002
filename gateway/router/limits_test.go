package router

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func (b *bed) program1(text string, to gateway.Address) error {
	_, err := b.r.SendProgram(b.ctx, b.program, ourNumber, to, Text{Text: text})
	return err
}

// told lists who has reached a limit, by the events.
func (b *bed) told() []string {
	b.t.Helper()
	all, err := b.db.Events(b.ctx, 0, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	who := []string{}
	for _, e := range all {
		if e.Type == gateway.EventLimitReached {
			who = append(who, e.ByName+": "+e.Note)
		}
	}
	return who
}

func TestTokenPerDay(t *testing.T) {
	onEach(t, func(b *bed) {
		b.limits.TokenPerDay = 10
		b.run()
		b.acme.window = 100
		send := func(n int) {
			b.t.Helper()
			for i := range n {
				if err := b.program1("bill", customer(i)); err != nil {
					b.t.Fatal(err)
				}
			}
		}
		send(8)
		long := strings.Repeat("x", 400) // three segments
		for range 2 {                    // what is refused is not counted
			r := wantRefusal(b.t, b.program1(long, customer(1)), gateway.RateLimited)
			if midnight := time.Until(time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)); r.RetryAfter != midnight || r.Cap != "token" {
				b.t.Errorf("refused with %+v, want to be tried again after %v", r, midnight)
			}
		}
		b.halt()
		b.run() // the day goes on
		send(2)
		wantRefusal(b.t, b.program1("bill", customer(1)), gateway.RateLimited)
		b.wantMetric(1, "limit_reached_total", "token")
		wantList(b.t, "told", b.told(), []string{
			"billing: This token has sent 8 of the 10 segments that it may send today (UTC).",
			"billing: This token has sent 10 of the 10 segments that it may send today (UTC)."}) // once a run
		b.pass(59 * time.Minute)
		wantRefusal(b.t, b.program1("bill", customer(1)), gateway.RateLimited)
		if n := len(b.told()); n != 2 {
			b.t.Errorf("told %d times within the hour", n)
		}
		b.pass(2 * time.Minute)
		wantRefusal(b.t, b.program1("bill", customer(1)), gateway.RateLimited)
		if n := len(b.told()); n != 3 {
			b.t.Errorf("told %d times after an hour", n)
		}
		b.wantMetric(3, "limit_reached_total", "token")
		other := b.program
		other.PerDay = 12
		if _, err := b.r.SendProgram(b.ctx, other, ourNumber, customer(1), Text{Text: "bill"}); err != nil {
			b.t.Errorf("a limit of its own: %v", err)
		}
		b.halt()
		b.pass(time.Until(time.Now().Truncate(24*time.Hour).Add(24*time.Hour)) - time.Second)
		b.run()
		wantRefusal(b.t, b.program1("bill", customer(1)), gateway.RateLimited)
		b.pass(time.Second)
		send(10)
		wantRefusal(b.t, b.program1("bill", customer(1)), gateway.RateLimited)
		if err := b.program1("bill", gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "nobody"}); err == nil {
			b.t.Error("a name was texted")
		}
	})
}

// Whatever runs at once, no more than the limit goes out, also where a batch must
// run again because of somebody else's error.
func TestLimitsHoldInABatch(t *testing.T) {
	onEach(t, func(b *bed) {
		b.limits = Limits{TokenPerDay: 5, AgentPerMinute: 5}
		b.run()
		poison := errors.New("poison")
		release := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() { b.do(func(*store.Tx) error { <-release; return nil }) })
		b.settle()
		var mu sync.Mutex
		through := map[string]int{}
		for i := range 9 {
			all.Go(func() {
				if err := b.program1("bill", customer(i)); err == nil {
					mu.Lock()
					through["billing"]++
					mu.Unlock()
				}
			})
			all.Go(func() {
				if _, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(100+i), Text{Text: "hi"}); err == nil {
					mu.Lock()
					through["Ana"]++
					mu.Unlock()
				}
			})
		}
		all.Go(func() {
			if err := b.db.Update(b.ctx, func(tx *store.Tx) error { tx.Emit(gateway.Event{Type: "x"}); return poison }); !errors.Is(err, poison) {
				b.t.Error(err)
			}
		})
		b.settle()
		close(release)
		all.Wait()
		if through["billing"] != 5 || through["Ana"] != 5 {
			b.t.Errorf("let through: %v, want 5 of each", through)
		}
		b.wantMetric(4, "limit_reached_total", "token")
		b.wantMetric(4, "limit_reached_total", "agent")
	})
}

func TestAgentRate(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.limits.AgentPerMinute = 6
		b.run()
		b.receive(customer(50), "STOP")
		for range 10 { // refused for another reason: not counted
			_, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(50), Text{Text: "hi"})
			wantRefusal(b.t, err, gateway.OptedOut)
		}
		start := func(by gateway.Actor, n int) error {
			_, err := b.r.Start(b.ctx, by, ourNumber, customer(n), Text{Text: "hi"})
			return err
		}
		for i := range 6 {
			if err := start(b.ana, i); err != nil {
				b.t.Fatal(err)
			}
		}
		r := wantRefusal(b.t, start(b.ana, 7), gateway.RateLimited)
		if r.RetryAfter != 10*time.Second || r.Cap != "agent" {
			b.t.Errorf("refused with %+v", r)
		}
		if c := b.pair(customer(7)); c.ID != 0 {
			b.t.Errorf("the refused text left %+v", c)
		}
		if err := start(b.ben, 8); err != nil {
			b.t.Errorf("another's text: %v", err)
		}
		b.pass(r.RetryAfter)
		if err := start(b.ana, 7); err != nil {
			b.t.Error(err)
		}
		wantRefusal(b.t, start(b.ana, 9), gateway.RateLimited)
		b.wantMetric(2, "limit_reached_total", "agent")
		if n := len(b.told()); n != 1 {
			b.t.Errorf("told %d times", n)
		}
	})
}

// To send again counts as well: a stolen password must not empty an account so.
func TestSendingAgainCounts(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.limits = Limits{TokenPerDay: 2, AgentPerMinute: 1}
		b.run()
		m := b.doubtful(customer(1))
		if _, err := b.r.Resend(b.ctx, b.sue, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		s := b.acme.onlyHeld(b.t)
		b.acme.settle(s, result(s, gateway.OutcomeUncertain))
		b.settle()
		_, err := b.r.Resend(b.ctx, b.sue, m.ID)
		wantRefusal(b.t, err, gateway.RateLimited)
		if _, err := b.r.Resend(b.ctx, b.program, m.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		s = b.acme.onlyHeld(b.t)
		b.acme.settle(s, result(s, gateway.OutcomeRejected))
		b.settle()
		_, err = b.r.Resend(b.ctx, b.program, m.ID)
		wantRefusal(b.t, err, gateway.RateLimited)
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
	})
}

func TestTokenAllowTo(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.limits.TokenPerDay = 1
		b.run()
		b.program.AllowTo = []string{"+44", "+1261"}
		for _, to := range []gateway.Address{customer(1), {Kind: gateway.AddressShort, Value: "44123"}} {
			wantRefusal(b.t, b.program1("bill", to), gateway.NotAllowed)
		}
		if err := b.program1("bill", gateway.Address{Kind: gateway.AddressE164, Value: "+12615550100"}); err != nil {
			b.t.Error(err)
		}
		b.wantMetric(0, "limit_reached_total", "token")
		if n := len(b.told()); n != 0 {
			b.t.Errorf("told %d times", n)
		}
	})
}

// A text is measured as the carrier takes it: what is too long for most may fit
// one that says it plainer, and the reverse.
func TestTextFitsTheCarriersForm(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.Format.Transliterate = gateway.TransliteratePunctuation
		b.run()
		c := b.receive(customer(1), "hello")
		m := b.reply(b.ana, c.ID, strings.Repeat("it’s ", 200)) // 1000 characters
		if m.Encoding != gateway.EncodingGSM7 || m.Segments != 7 {
			b.t.Errorf("queued as %+v", m)
		}
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: strings.Repeat("żółw ", 200)})
		wantRefusal(b.t, err, gateway.TextTooLong)
		_, err = b.r.Reply(b.ctx, b.ana, c.ID, Text{})
		wantRefusal(b.t, err, gateway.TextEmpty)
		wantList(b.t, "texts", b.texts(c.ID)[:1], []string{"hello"})
	})
}
