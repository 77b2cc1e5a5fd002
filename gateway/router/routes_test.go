package router

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// shared has acme and beta serve our number, beta with its own format.
func (b *bed) shared(format gateway.Format, routes ...Route) {
	b.second = &Line{Name: "beta", Kind: "smpp", Numbers: b.line.Numbers, Format: format}
	if len(routes) == 0 {
		routes = []Route{{Number: ourNumber, Carriers: []string{"acme", "beta"}, FailoverAfter: time.Minute}}
	}
	b.routes = routes
}

// bill has a program text a customer, and returns the message as it is stored.
func (b *bed) bill(to gateway.Address, text string) gateway.Message {
	b.t.Helper()
	sent, err := b.r.SendProgram(b.ctx, b.program, ourNumber, to, Text{Text: text})
	if err != nil {
		b.t.Fatal(err)
	}
	b.settle()
	return b.message(sent.Message.ID)
}

func TestRouteChoosesTheCarrier(t *testing.T) {
	both := []string{"acme", "beta"}
	tests := []struct {
		name   string
		routes []Route
		acme   Line
		beta   Line
		states [2]gateway.CarrierState // of acme and beta
		pause  string
		want   string // "" is a refusal
	}{
		{name: "the first", want: "acme"},
		{name: "the first is down", states: [2]gateway.CarrierState{gateway.CarrierDown, gateway.CarrierUp}, want: "beta"},
		{name: "the first is refused", states: [2]gateway.CarrierState{gateway.CarrierRefused, gateway.CarrierUp}, want: "beta"},
		{name: "the first has no credit", states: [2]gateway.CarrierState{gateway.CarrierHeld, gateway.CarrierUp}, want: "beta"},
		{name: "the first is paused", pause: "acme", want: "beta"},
		{name: "all are down", states: [2]gateway.CarrierState{gateway.CarrierDown, gateway.CarrierDown}, want: "acme"},
		{name: "the longest beginning", routes: []Route{{Number: ourNumber, Carriers: both},
			{Number: ourNumber, To: []string{"+1260", "+44"}, Carriers: []string{"beta", "acme"}}, {Number: ourNumber, To: []string{"+1"}, Carriers: both}}, want: "beta"},
		{name: "the weightier", routes: []Route{{Number: ourNumber, Carriers: both, Weights: []int{0, 1}}}, want: "beta"},
		{name: "the weightier is down", routes: []Route{{Number: ourNumber, Carriers: both, Weights: []int{0, 1}}},
			states: [2]gateway.CarrierState{gateway.CarrierUp, gateway.CarrierDown}, want: "acme"},
		{name: "the one that may", acme: Line{AllowTo: []string{"+44"}}, want: "beta"},
		{name: "none may", acme: Line{AllowTo: []string{"+44"}}, beta: Line{AllowTo: []string{"+49"}}},
		{name: "no beginning fits", routes: []Route{{Number: ourNumber, To: []string{"+44"}, Carriers: both}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.shared(gateway.Format{}, test.routes...)
				b.line.AllowTo, b.second.AllowTo = test.acme.AllowTo, test.beta.AllowTo
				b.run()
				if test.states[0] != gateway.CarrierConnecting {
					b.acme.say(test.states[0])
					b.beta.say(test.states[1])
				}
				if test.pause != "" {
					if err := b.r.Pause(b.ctx, test.pause, true); err != nil {
						b.t.Fatal(err)
					}
				}
				b.settle()
				if test.want == "" {
					_, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill"})
					wantRefusal(b.t, err, gateway.NotAllowed)
					return
				}
				if got := b.bill(customer(1), "bill").Carrier; got != test.want {
					b.t.Errorf("goes to %q, want %q", got, test.want)
				}
			})
		})
	}
}

// One that only receives stands in no other's way.
func TestReceiveOnly(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.ReceiveOnly = true
		b.second = &Line{Name: "beta", Numbers: b.line.Numbers}
		b.run()
		if m := b.bill(customer(1), "bill"); m.Carrier != "beta" {
			b.t.Errorf("goes to %q", m.Carrier)
		}
		b.receive(customer(2), "hello") // by acme
		b.halt()
		b.second = nil
		b.run()
		c := b.receive(customer(2), "hello?")
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "hi"})
		wantRefusal(b.t, err, gateway.NotAllowed)
		if !b.r.Serves(ourNumber) || b.metric("inbound_unknown_number_total") != 0 {
			b.t.Error("the number is not known as ours")
		}
	})
}

func TestRoutesAreChecked(t *testing.T) {
	both := []string{"acme", "beta"}
	tests := []struct {
		name   string
		beta   Line
		routes []Route
		want   string // of the error
	}{
		{"no route", Line{}, nil, "no route says how"},
		{"one that does not list the number", Line{Numbers: []gateway.Address{}}, []Route{{Number: ourNumber, Carriers: both}}, "does not list it"},
		{"one that only receives", Line{ReceiveOnly: true}, []Route{{Number: ourNumber, Carriers: both}}, "only receives"},
		{"one is left out", Line{}, []Route{{Number: ourNumber, Carriers: []string{"acme"}}}, "no route says how"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			numbers := []gateway.Address{{Kind: gateway.AddressE164, Value: ourNumber}}
			test.beta.Name, test.beta.Carrier = "beta", newFakeCarrier()
			if test.beta.Numbers == nil {
				test.beta.Numbers = numbers
			}
			onSQLite(t, func(b *bed) {
				b.make()
				_, err := New(Options{Store: b.db, Directory: b.r.dir, Log: b.r.log, Routes: test.routes,
					Lines: []Line{{Name: "acme", Numbers: numbers, Carrier: newFakeCarrier()}, test.beta}})
				if err == nil || !strings.Contains(err.Error(), test.want) {
					b.t.Errorf("got %v, want an error with %q", err, test.want)
				}
			})
		})
	}
}

// A customer stays with one carrier while that works, whatever becomes of the
// others, and the shares are about what the weights say.
func TestWeights(t *testing.T) {
	const customers = 3000
	path := path{weights: []int{1, 2, 3}}
	for _, name := range []string{"a", "b", "c"} {
		p := &pump{line: Line{Name: name}}
		p.state.Store(&condition{state: gateway.CarrierUp})
		path.pumps = append(path.pumps, p)
	}
	shares := func() (of []string, n map[string]int) {
		n = map[string]int{}
		for i := range customers {
			to := gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260%07d", i)}
			name := path.choose(to, nil).line.Name
			of = append(of, name)
			n[name]++
		}
		return of, n
	}
	near := func(what string, got, want int) {
		t.Helper()
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s has %d customers, want about %d", what, got, want)
		}
	}
	before, n := shares()
	near("a", n["a"], 500)
	near("b", n["b"], 1000)
	near("c", n["c"], 1500)
	path.pumps[1].state.Store(&condition{state: gateway.CarrierDown})
	during, n := shares()
	for i := range before {
		if before[i] != "b" && during[i] != before[i] {
			t.Fatalf("customer %d went from %s to %s when b went down", i, before[i], during[i])
		}
	}
	near("a without b", n["a"], 500+250)
	near("c without b", n["c"], 1500+750)
	path.pumps[1].state.Store(&condition{state: gateway.CarrierUp})
	after, _ := shares()
	for i := range before {
		if after[i] != before[i] {
			t.Fatalf("customer %d did not come back from %s to %s", i, after[i], before[i])
		}
	}
}
