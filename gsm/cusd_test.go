package gsm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestUSSDDialogue(t *testing.T) {
	type result struct {
		reply USSDReply
		err   error
	}
	ask := func(ctx context.Context, r *rig, code string) chan result {
		c := make(chan result, 1)
		go func() { reply, err := r.USSD(ctx, code); c <- result{reply, err} }()
		r.wait(time.Second)
		return c
	}
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		c := ask(t.Context(), r, "*100#")
		if _, err := r.USSD(t.Context(), "*101#"); !errors.Is(err, ErrBusy) {
			t.Errorf("a second one: %v", err)
		}
		r.fake.say("+CUSD: 1,\"1. Balance\r\n2. More\",15")
		if got := <-c; got.err != nil || got.reply != (USSDReply{"1. Balance\n2. More", true}) {
			t.Errorf("%+v", got)
		}
		c = ask(t.Context(), r, "1")
		r.fake.say(`+CUSD: 0,"0042006F006E006A006F00750072",72`)
		if got := <-c; got.err != nil || got.reply != (USSDReply{"Bonjour", false}) {
			t.Errorf("%+v", got)
		}
		for _, says := range []string{"+CUSD: 2", "+CUSD: 4", "+CUSD: 5"} {
			c = ask(t.Context(), r, "*100#")
			r.fake.say(says)
			if got := <-c; !errors.As(got.err, new(*USSDError)) {
				t.Errorf("%s: %+v", says, got)
			}
		}
		got := <-ask(t.Context(), r, "*100#")
		r.wait(time.Second)
		if !errors.Is(got.err, ErrTimeout) || r.fake.asked("AT+CUSD=2") != 1 {
			t.Errorf("no answer: %+v", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		c = ask(ctx, r, "*100#")
		cancel()
		r.wait(time.Second)
		if got := <-c; !errors.Is(got.err, context.Canceled) || r.fake.asked("AT+CUSD=2") != 2 {
			t.Errorf("cancelled: %+v", got)
		}
		if err := r.CancelUSSD(t.Context()); err != nil || r.fake.asked("AT+CUSD=2") != 3 {
			t.Error(err)
		}
		c = ask(t.Context(), r, "*100#")
		r.fake.change(func() { r.fake.conn.Close() })
		if got := <-c; !errors.Is(got.err, ErrGone) {
			t.Errorf("unplugged: %+v", got)
		}
		r.wait(20 * time.Second)
		for _, code := range []string{"", "*100#\"", "a\rAT", strings.Repeat("1", 200)} {
			if _, err := r.USSD(t.Context(), code); err == nil {
				t.Errorf("%q is taken", code)
			}
		}
		r.fake.change(func() { r.fake.replies[`AT+CUSD=1,"*9#",15`] = "+CME ERROR: 100" })
		if _, err := r.USSD(t.Context(), "*9#"); !errors.As(err, new(*Error)) {
			t.Error(err)
		}
	})
	inBubble(t, nil, func(f *fake) { f.vendor, f.model = "huawei", "E1550" }, func(t *testing.T, r *rig) {
		c := ask(t.Context(), r, "*100#")
		if r.fake.asked(`AT+CUSD=1,"AA180C3602",15`) != 1 {
			t.Errorf("%q", r.fake.log[len(r.fake.log)-1])
		}
		r.fake.say(`+CUSD: 0,"AA180C3602",15`)
		if got := <-c; got.reply.Text != "*100#" {
			t.Errorf("%+v", got)
		}
	})
}

// asks begins a USSD and lets the code go out.
func (r *rig) asks(t *testing.T, ask func(context.Context, string) (USSDReply, error), code string) chan error {
	c := make(chan error, 1)
	go func() { _, err := ask(t.Context(), code); c <- err }()
	r.wait(time.Second)
	return c
}

// A menu that nobody answers is ended, so that the next code is no answer to it.
func TestUSSDLeftOpen(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		c := r.asks(t, r.USSD, "*100#")
		r.fake.say(`+CUSD: 1,"1. Balance",15`)
		if err := <-c; err != nil {
			t.Fatal(err)
		}
		r.wait(dialogueKept - 10*time.Second)
		c = r.asks(t, r.USSD, "1") // counts anew
		r.fake.say(`+CUSD: 1,"1. Today",15`)
		if err := <-c; err != nil {
			t.Fatal(err)
		}
		r.wait(dialogueKept - 10*time.Second)
		if n := r.fake.asked("AT+CUSD=2"); n != 0 {
			t.Errorf("ended %d times too soon", n)
		}
		r.wait(11 * time.Second)
		if n := r.fake.asked("AT+CUSD=2"); n != 1 {
			t.Errorf("ended %d times", n)
		}
		r.wait(time.Hour)
		if n := r.fake.asked("AT+CUSD=2"); n != 1 {
			t.Errorf("ended %d times", n)
		}
		// Nor is one that the network has ended.
		c = r.asks(t, r.USSD, "*100#")
		r.fake.say(`+CUSD: 1,"1. Balance",15`)
		<-c
		r.fake.say("+CUSD: 2")
		r.wait(time.Hour)
		if n := r.fake.asked("AT+CUSD=2"); n != 1 {
			t.Errorf("ended %d times", n)
		}
	})
}

// A code that a program asks is no answer in somebody's menu, and leaves none open.
func TestAskStandsAlone(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		for _, end := range []func(){
			func() { r.fake.say("+CUSD: 2") },
			func() { r.wait(dialogueKept) },
			func() {
				if err := r.CancelUSSD(t.Context()); err != nil {
					t.Error(err)
				}
			},
			func() {
				c := r.asks(t, r.USSD, "1")
				r.fake.say(`+CUSD: 0,"5.00 EUR",15`)
				<-c
			},
			func() { r.fake.say("RDY"); r.wait(20 * time.Second) },
		} {
			c := r.asks(t, r.USSD, "*100#")
			r.fake.say(`+CUSD: 1,"1. Balance",15`)
			if err := <-c; err != nil {
				t.Fatal(err)
			}
			if err := <-r.asks(t, r.Ask, "*101#"); !errors.Is(err, ErrBusy) || r.fake.asked(`AT+CUSD=1,"*101#"`) != 0 {
				t.Fatalf("in a menu: %v", err)
			}
			end()
			r.wait(time.Second)
			before := r.fake.asked("AT+CUSD=2")
			c = r.asks(t, r.Ask, "*101#")
			r.fake.say(`+CUSD: 1,"5.00 EUR. 1. More",15`)
			if err := <-c; err != nil {
				t.Fatal(err)
			}
			r.wait(time.Second)
			if n := r.fake.asked("AT+CUSD=2") - before; n != 1 {
				t.Errorf("ended %d times", n)
			}
			r.fake.change(func() { r.fake.log = nil })
		}
	})
}
