package router

import (
	"strconv"
	"testing"
	"time"

	"smsbridge/gateway"
)

// idForms are the names that an id in hexadecimal or decimal may have.
func idForms(reference string) []gateway.Form {
	all := []gateway.Form{{Reference: reference, By: "raw"}}
	if n, err := strconv.ParseUint(reference, 16, 64); err == nil {
		all = append(all, gateway.Form{Reference: strconv.FormatUint(n, 10), By: "hex-to-decimal"})
	}
	if n, err := strconv.ParseUint(reference, 10, 64); err == nil {
		all = append(all, gateway.Form{Reference: strconv.FormatUint(n, 16), By: "decimal-to-hex"})
	}
	return all
}

// say has acme report on a reference, of a text to a customer.
func (b *bed) say(reference string, tick gateway.Tick, to gateway.Address, user uint16) {
	b.t.Helper()
	r := receiptReport(reference, tick, "WORD", &ack{})
	r.Receipt.Peer, r.Receipt.UserReference = to, user
	b.acme.put(r)
	b.settle()
}

// taken sends a text to a customer that acme accepts as reference.
func (b *bed) taken(to gateway.Address, reference string) gateway.Message {
	b.t.Helper()
	m := b.bill(to, "bill")
	s := b.acme.onlyHeld(b.t)
	b.acme.settle(s, accepted(s, reference))
	b.settle()
	return m
}

// doubtful sends a text to a customer of which nobody knows whether acme took it.
func (b *bed) doubtful(to gateway.Address) gateway.Message {
	b.t.Helper()
	m := b.bill(to, "bill")
	s := b.acme.onlyHeld(b.t)
	b.acme.settle(s, result(s, gateway.OutcomeUncertain))
	b.settle()
	return m
}

func (b *bed) idForm() IDForm {
	b.t.Helper()
	all, err := b.r.Carriers(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return all[0].IDs
}

// What the ids of a carrier are like is learnt from what is beyond doubt, and kept.
func TestFormOfIDsIsLearnt(t *testing.T) {
	onEach(t, func(b *bed) {
		b.line.Forms = idForms
		b.run()
		for i, id := range []string{"aa", "ab", "ac"} {
			if got := b.idForm(); got.Form != "" || !got.Learnt || got.Matches["decimal-to-hex"] != i {
				b.t.Errorf("after %d receipts: %+v", i, got)
			}
			n, _ := strconv.ParseUint(id, 16, 64)
			m := b.taken(customer(i), id)
			b.say(strconv.FormatUint(n, 10), gateway.TickDelivered, gateway.Address{}, 0)
			b.wantTick(m, gateway.TickDelivered, "")
		}
		b.wantMetric(3, "receipt_match_total", "decimal-to-hex", "acme")
		for _, restart := range []bool{false, true} {
			if restart {
				b.pass(2 * time.Second)
				b.halt()
				b.run()
			}
			if got := b.idForm(); got.Form != "decimal-to-hex" || got.Matches["decimal-to-hex"] < 3 {
				b.t.Errorf("learnt %+v, restarted %v", got, restart)
			}
			// 10 is the id of one, and in decimal that of another.
			wrong, right := b.taken(customer(7), "10"), b.taken(customer(8), "a")
			b.say("10", gateway.TickDelivered, gateway.Address{}, 0)
			b.wantTick(wrong, gateway.TickSent, "")
			b.wantTick(right, gateway.TickDelivered, "")
		}
	})
}

// The receipt is ahead of its response, and what it would be about by another
// form went to somebody else: it waits.
func TestOtherFormIsForTheSameCustomer(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.Forms, b.line.Form = idForms, "decimal-to-hex"
		b.run()
		if got := b.idForm(); got.Form != "decimal-to-hex" || got.Learnt {
			b.t.Errorf("shown as %+v", got)
		}
		wrong := b.taken(customer(7), "10")
		right := b.bill(customer(8), "bill")
		s := b.acme.onlyHeld(b.t)
		b.say("10", gateway.TickDelivered, customer(8), 0)
		b.wantMetric(1, "receipts_unmatched", "acme")
		b.acme.settle(s, accepted(s, "a"))
		b.pass(2 * time.Second)
		b.wantTick(wrong, gateway.TickSent, "")
		b.wantTick(right, gateway.TickDelivered, "")
		b.wantMetric(1, "receipt_match_total", "early", "acme")
		other := b.taken(customer(9), "b0")
		b.say("b0", gateway.TickDelivered, customer(9), 0)
		b.wantTick(other, gateway.TickDelivered, "")
	})
}

// While nothing is known of the carrier, an id that may be two texts' is about the
// one that went to its customer.
func TestAmbiguousIDIsTheCustomers(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.Forms = idForms
		b.run()
		raw, decimal := b.taken(customer(7), "10"), b.taken(customer(8), "a")
		b.say("10", gateway.TickDelivered, gateway.Address{Value: customer(8).Value[1:]}, 0)
		b.wantTick(raw, gateway.TickSent, "")
		b.wantTick(decimal, gateway.TickDelivered, "")
		if got := b.idForm().Matches; got["decimal-to-hex"] != 1 || len(got) != 1 {
			b.t.Errorf("learnt from it: %v", got)
		}
		// Of a receipt that says no customer the likeliest name counts, and teaches nothing.
		b.say("10", gateway.TickFailed, gateway.Address{}, 0)
		b.wantTick(raw, gateway.TickFailed, gateway.ErrUndeliv)
		if got := b.idForm().Matches; got["decimal-to-hex"] != 1 || len(got) != 1 {
			b.t.Errorf("learnt from it: %v", got)
		}
	})
}

// What reads like a receipt and is not marked as one is a customer's text, unless
// it is about something that we sent.
func TestUnmarkedReceipt(t *testing.T) {
	for _, restart := range []bool{false, true} {
		onEach(t, func(b *bed) {
			m := sent(b, "7")
			if restart {
				b.halt()
				b.run()
			}
			like := func(reference string) *gateway.Inbound {
				in := b.text(customer(1), "id:"+reference+" stat:DELIVRD")
				in.Maybe = &gateway.Receipt{Reference: reference, Tick: gateway.TickDelivered, Word: "DELIVRD", At: in.At, Peer: customer(1)}
				return in
			}
			for _, a := range b.deliver(like("8"), like("7")) {
				a.want(b.t, gateway.AckOK)
			}
			b.wantTick(m, gateway.TickDelivered, "")
			wantList(b.t, "texts", b.texts(m.Conversation), []string{"hello", "> hi", "id:8 stat:DELIVRD"})
			b.wantMetric(1, "receipt_match_total", "raw", "acme")
			b.wantMetric(0, "receipts_unmatched", "acme")
		})
	}
}

// A receipt of an unknown reference settles what was uncertain, if nothing else
// can be meant.
func TestAdoption(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		m := b.doubtful(customer(1))
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		b.say("77", gateway.TickDelivered, customer(2), 0)                              // another customer's
		b.say("78", gateway.TickNone, customer(1), 0)                                   // says nothing
		b.say("79", gateway.TickSent, gateway.Address{Value: customer(1).Value[1:]}, 0) // this one's
		b.wantTick(m, gateway.TickSent, "")
		b.wantMetric(2, "receipts_unmatched", "acme")
		b.wantMetric(1, "receipt_match_total", "destination", "acme")
		b.say("79", gateway.TickDelivered, customer(1), 0) // it is known from now on
		b.wantTick(m, gateway.TickDelivered, "")
		b.wantMetric(1, "receipt_match_total", "raw", "acme")
	})
}

func TestAdoptionByUserReference(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		one, two := b.doubtful(customer(1)), b.doubtful(customer(1))
		b.say("77", gateway.TickDelivered, customer(1), 0)
		b.wantTick(one, gateway.TickUnknown, gateway.ErrUncertain)
		b.wantTick(two, gateway.TickUnknown, gateway.ErrUncertain)
		b.say("78", gateway.TickFailed, customer(1), gateway.UserReference(two.ID))
		b.wantTick(two, gateway.TickFailed, gateway.ErrUndeliv)
		b.wantMetric(1, "receipt_match_total", "user-reference", "acme")
		b.pass(2 * time.Second) // now the first can mean one alone
		b.wantTick(one, gateway.TickDelivered, "")
		b.wantMetric(1, "receipt_match_total", "destination", "acme")
	})
}

// A text that was in doubt, and went once more, may have arrived the first time: a
// receipt of an unknown reference may be about that, and settles nothing else.
func TestNoAdoptionWhileAnotherWentTwice(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		twice := b.doubtful(customer(1))
		if _, err := b.r.Resend(b.ctx, b.program, twice.ID); err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		s := b.acme.onlyHeld(b.t)
		b.acme.settle(s, accepted(s, "78"))
		b.settle()
		b.wantTick(twice, gateway.TickSent, "")
		m := b.doubtful(customer(1))
		b.say("77", gateway.TickDelivered, customer(1), 0)
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		b.wantMetric(0, "receipt_match_total", "destination", "acme")
		b.say("79", gateway.TickDelivered, customer(1), gateway.UserReference(m.ID))
		b.wantTick(m, gateway.TickDelivered, "")
	})
}

// While something is on its way to the customer, the receipt may be about that.
func TestNoAdoptionWhileSomethingIsOut(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		m := b.doubtful(customer(1))
		out := b.bill(customer(1), "another")
		s := b.acme.onlyHeld(b.t)
		b.say("77", gateway.TickDelivered, customer(1), 0)
		b.pass(time.Minute)
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
		b.acme.settle(s, accepted(s, "78"))
		b.pass(2 * time.Second)
		b.wantTick(m, gateway.TickDelivered, "")
		b.wantTick(out, gateway.TickSent, "")
	})
}

// The receipt came first: before the connection was given up, or before the
// process was killed.
func TestAdoptionOfWhatCameFirst(t *testing.T) {
	for _, test := range []struct {
		name  string
		crash bool
		user  bool // two are in doubt, and our own reference tells them apart
	}{{"given up", false, false}, {"given up, by our reference", false, true}, {"killed", true, false}, {"killed, by our reference", true, true}} {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				b.run()
				var user uint16
				if test.user {
					b.doubtful(customer(1))
				}
				m := b.bill(customer(1), "bill")
				s := b.acme.onlyHeld(b.t)
				if test.user {
					user = gateway.UserReference(m.ID)
				}
				b.say("77", gateway.TickDelivered, customer(1), user)
				b.wantTick(m, gateway.TickSending, "")
				if test.crash {
					b.crash()
					b.run()
				} else {
					b.acme.settle(s, result(s, gateway.OutcomeUncertain))
				}
				b.pass(2 * time.Second)
				b.wantTick(m, gateway.TickDelivered, "")
				b.wantMetric(0, "receipts_unmatched", "acme")
			})
		})
	}
}

// A receipt from before the text was written is about something else.
func TestNoAdoptionByAnOldReceipt(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		b.say("77", gateway.TickDelivered, customer(1), 0)
		b.pass(time.Second)
		m := b.doubtful(customer(1))
		b.pass(2 * time.Second)
		b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
	})
}

// With resend, whatever is heard of the uncertain attempt keeps the text from
// going out twice, until it has.
func TestAdoptionBeforeTheResend(t *testing.T) {
	for _, test := range []struct {
		said      gateway.Tick
		resent    bool // the second attempt is out
		tick      gateway.Tick
		code      gateway.ErrorCode
		submitted int
	}{
		{gateway.TickSent, false, gateway.TickSent, "", 1},
		{gateway.TickFailed, false, gateway.TickFailed, gateway.ErrUndeliv, 1},
		{gateway.TickDelivered, false, gateway.TickDelivered, "", 1},
		{gateway.TickFailed, true, gateway.TickSending, "", 2},
		{gateway.TickDelivered, true, gateway.TickDelivered, "", 2},
	} {
		t.Run(test.said.String()+" "+strconv.FormatBool(test.resent), func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.line.OnUncertain, b.line.ResendAfter = Resend, 30*time.Second
				b.run()
				m := b.doubtful(customer(1))
				if test.resent {
					b.pass(time.Minute)
				}
				b.say("77", test.said, customer(1), gateway.UserReference(m.ID))
				b.pass(time.Minute)
				b.wantTick(m, test.tick, test.code)
				if n := len(b.acme.payloads()); n != test.submitted {
					b.t.Errorf("submitted %d times, want %d", n, test.submitted)
				}
				b.wantQueues(map[string][2]int64{"acme": {0, b.r.pumps["acme"].sending.Load()}})
			})
		})
	}
}
