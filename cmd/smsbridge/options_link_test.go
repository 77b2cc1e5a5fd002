package main_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp/smppsim"
)

// TestBinds looks at accounts with several binds, and with hosts that do not work.
func TestBinds(t *testing.T) {
	t.Parallel()
	second := startScripted(t, smppsim.Script{})
	dead := unusedAddress(t)
	b := newRig(t, "",
		account{name: "four", smpp: "      binds: 4\n      window: 2\n", script: smppsim.Script{Submit: smppsim.SubmitScript{Delay: 150 * time.Millisecond}}},
		account{name: "pair", smpp: "      bind: transmitter+receiver\n"},
		account{name: "transmitter", smpp: "      bind: transmitter\n"},
		account{name: "receiver", smpp: "      bind: receiver\n"},
		account{name: "us", numbers: []string{ourNumber}, hosts: fmt.Sprintf("[%q, %q]", dead, second.Addr())},
		account{name: "one-of-two", smpp: "      binds: 2\n", binds: 1})
	c := b.carrier("four", "bound four times", func(c carrier) bool {
		return c.State == "up" && len(c.Binds) == 4 && !slices.ContainsFunc(c.Binds, func(b bindStatus) bool { return b.State != "up" })
	})
	for i, bind := range c.Binds {
		if bind.Bind != i+1 || bind.Host != b.smsc.Addr() || bind.Error != "" {
			t.Errorf("bind %d: %+v", i+1, bind)
		}
	}
	var sent []message
	for n := range 40 {
		sent = append(sent, b.send("four", strings.Repeat(fmt.Sprintf("text %02d of many, ", n), 12), map[string]any{"to": fmt.Sprintf("+1260205%04d", 1000+n)}))
	}
	for _, m := range sent {
		b.program.settled(m.ID, "delivered")
	}
	b.usesAll("four", 4)

	for name, tick := range map[string]string{"pair": "delivered", "transmitter": "sent"} {
		b.program.settled(b.send(name, "Hello", nil).ID, tick)
	}
	var p problem
	b.program.must("POST", "/messages", map[string]any{"from": b.accounts["receiver"].numbers[0], "to": customerNumber, "text": "x"}, 422, &p)
	if p.Code != "destination_not_allowed" {
		t.Errorf("sending by a receiver: %+v", p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, name := range []string{"pair", "receiver"} {
		if status, err := b.smsc.Deliver(ctx, customerNumber, b.accounts[name].numbers[0], "to the "+name); err != nil || status != 0 {
			t.Errorf("%s: deliver_sm is answered %v %v", name, status, err)
		}
	}
	b.arrived("to the pair", "to the receiver")

	c = b.carrier("us", "bound to the second host", isState("up"))
	if len(c.Binds) != 1 || c.Binds[0].Host != second.Addr() {
		t.Errorf("with a dead host: %+v", c.Binds)
	}
	b.program.settled(b.send("us", "Hello", nil).ID, "delivered")
	if len(second.Submits()) != 1 {
		t.Error("it did not go over the second host")
	}

	c = b.carrier("one-of-two", "bound once, and refused once", func(c carrier) bool {
		return slices.ContainsFunc(c.Binds, func(b bindStatus) bool { return strings.Contains(b.Error, "ESME_RALYBND") })
	})
	if c.State != "up" || !slices.ContainsFunc(c.Binds, func(b bindStatus) bool { return b.State == "up" }) {
		t.Errorf("with one bind of two: %+v", c)
	}
	b.program.settled(b.send("one-of-two", "Hello", nil).ID, "delivered")
	if s := b.smsc.Stats(); s.BindFailures != 1 {
		t.Errorf("%d binds refused: it should wait after ESME_RALYBND", s.BindFailures)
	}
}

// usesAll looks at which connections an account has used, and that the parts of
// each text came by one, in their order and with nothing in between.
func (b *rig) usesAll(name string, connections int) {
	b.t.Helper()
	by := map[uint64][]smppsim.Submit{}
	for _, s := range b.submits(name) {
		by[s.Connection] = append(by[s.Connection], s)
	}
	if len(by) != connections {
		b.t.Errorf("%s uses %d connections, want %d", name, len(by), connections)
	}
	for connection, submits := range by {
		for i := 0; i < len(submits); {
			n := submits[i].Parts
			if i+n > len(submits) || submits[i+n-1].Text == "" {
				b.t.Fatalf("connection %d: submit %d is part of %d, and its text ends elsewhere", connection, i, n)
			}
			i += n
		}
	}
}

// arrived waits for texts from customers.
func (b *rig) arrived(want ...string) {
	b.t.Helper()
	slices.Sort(want)
	await(b.t, "texts", func() error {
		var got []string
		for _, m := range list[message](b.program, "/messages?direction=in") {
			got = append(got, m.Text)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%q, want %q", got, want)
		}
		return nil
	})
}

// TestReceiptResolvesDoubt drops the connection instead of a response: the receipt
// that comes over the next one says that the text has arrived.
func TestReceiptResolvesDoubt(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			t.Parallel()
			script := smppsim.Script{Submit: smppsim.SubmitScript{DropAfter: 2}, Receipt: smppsim.ReceiptScript{Delay: 500 * time.Millisecond}}
			b := newRig(t, "", account{name: "drops", options: "    on_uncertain: " + uncertain + "\n", script: script})
			first := b.send("drops", "before", map[string]any{"to": "+12602058999"})
			b.program.settled(first.ID, "delivered")
			doubt := b.send("drops", "Did it leave?", nil)
			if uncertain == "hold" {
				if m := b.program.settled(doubt.ID, "unknown"); m.Error == nil || m.Error.Code != "uncertain" {
					t.Errorf("while nobody knows: %+v", m.Error)
				}
			}
			b.hasStep(doubt.ID, "uncertain")
			m := b.program.settled(doubt.ID, "delivered")
			if m.Error != nil || len(b.submits("drops")) != 2 {
				t.Errorf("%+v after %d submits, want two", m.Error, len(b.submits("drops")))
			}
			if got := scrape(t, b.d)[`smsbridge_receipt_match_total{by="destination",carrier="drops"}`]; got != "1" {
				t.Errorf("%q receipts matched by destination, want 1", got)
			}
		})
	}
}

// TestCancelTexts cancels what is queued, what is at the SMSC, and what that no
// longer cancels.
func TestCancelTexts(t *testing.T) {
	t.Parallel()
	b := newRig(t, "",
		account{name: "queue"},
		account{name: "slow", script: smppsim.Script{Receipt: smppsim.ReceiptScript{Delay: time.Hour}}},
		account{name: "done", script: smppsim.Script{Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}})
	b.program.must("POST", "/carriers/queue/pause", nil, 200, nil)
	queued := b.send("queue", "Never mind", nil)
	b.cancels(queued.ID)
	b.program.must("POST", "/carriers/queue/resume", nil, 200, nil)
	b.program.settled(b.send("queue", "After it", nil).ID, "delivered")
	if got := b.submits("queue"); len(got) != 1 || got[0].Text != "After it" {
		t.Errorf("what was cancelled has left: %+v", got)
	}

	long := b.send("slow", strings.Repeat("of two parts, ", 16), nil)
	b.program.settled(long.ID, "sent")
	b.cancels(long.ID)
	if s := b.smsc.Stats(); s.Cancelled != 2 {
		t.Errorf("the SMSC has cancelled %d parts, want 2", s.Cancelled)
	}

	late := b.send("done", "Too late", nil)
	b.program.settled(late.ID, "sent")
	var p problem
	b.program.must("POST", "/messages/"+late.ID+"/cancel", nil, 409, &p)
	if p.Code != "conflict" || !strings.Contains(p.Detail, "ESME_RCANCELFAIL") {
		t.Errorf("cancelled too late: %+v", p)
	}
	b.program.settled(late.ID, "sent")
	if s := b.hasStep(late.ID, "cancel"); s.Code != "ESME_RCANCELFAIL" {
		t.Errorf("its life says %+v", s)
	}
	b.program.must("POST", "/messages/"+queued.ID+"/cancel", nil, 409, nil)
}

// cancels cancels a message for certain, and makes sure that it stays so.
func (b *rig) cancels(id string) {
	b.t.Helper()
	var m message
	b.program.must("POST", "/messages/"+id+"/cancel", nil, 200, &m)
	if m.Tick != "failed" || m.Error == nil || m.Error.Code != "cancelled" || !strings.Contains(m.Error.Text, "program") {
		b.t.Errorf("cancelled: %s, %+v", m.Tick, m.Error)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if _, err := b.smsc.Await(ctx, func(s smppsim.Stats) bool { return s.ReceiptsSent == s.ReceiptsAcked }); err != nil {
		b.t.Fatal(err)
	}
	if m = b.program.settled(id, "failed"); m.Error.Code != "cancelled" {
		b.t.Errorf("after the receipt: %+v", m.Error)
	}
}
