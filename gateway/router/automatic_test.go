package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const closedReply = "We are open from 8 to 17."

func officeHours() *gateway.Hours {
	h := &gateway.Hours{Timezone: "America/Denver", Reply: closedReply}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Open = append(h.Open, gateway.Span{Days: []gateway.Weekday{gateway.Weekday(d)}, From: 8 * 60, To: 17 * 60})
	}
	return h
}

// TestOpeningHours begins on Thursday, 1 January 2026, at 17:00 in Denver the day
// before: the queue has just closed.
func TestOpeningHours(t *testing.T) {
	onEach(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.Hours = officeHours() })
		b.run()
		c := b.receive(customer(1), "hello?")
		wantList(t, "texts", b.texts(c.ID), []string{"hello?", "> " + closedReply})
		if c := b.conversation(c.ID); c.Status != gateway.StatusWaiting || !c.Unanswered || c.Unread != 1 || b.seenBy(c) != "Ana Ben Mia Sue" {
			t.Errorf("an automatic answer led to %+v", c)
		}
		b.receive(customer(1), "anybody?")
		b.act(b.ana, c.ID, gateway.ActTake)
		b.receive(customer(1), "well?")
		wantList(t, "texts", b.texts(c.ID), []string{"hello?", "> " + closedReply, "anybody?", "well?"})
		// Machines are not answered.
		for _, from := range []gateway.Address{{Kind: gateway.AddressShort, Value: "55512"}, {Kind: gateway.AddressAlphanumeric, Value: "ACME"}, {Kind: gateway.AddressUnknown, Value: "?"}} {
			wantList(t, from.Value, b.texts(b.receive(from, "Your code is 1").ID), []string{"Your code is 1"})
		}
		b.later(13 * time.Hour) // 6:00
		b.receive(customer(1), "early")
		b.later(2*time.Hour + time.Minute)
		other := b.receive(customer(2), "good morning")
		wantList(t, "texts", b.texts(c.ID), []string{"hello?", "> " + closedReply, "anybody?", "well?", "early", "> " + closedReply})
		wantList(t, "texts in time", b.texts(other.ID), []string{"good morning"})
		// A deleted conversation is no way around the twelve hours.
		b.later(10 * time.Hour)
		b.receive(customer(3), "late")
		b.act(b.ana, b.pair(customer(3)).ID, gateway.ActDealtWith)
		b.act(b.ana, b.pair(customer(3)).ID, gateway.ActDelete)
		wantList(t, "texts", b.texts(b.receive(customer(3), "later").ID), []string{"later"})
	})
}

func TestOptOutIsConfirmedOnce(t *testing.T) {
	onEach(t, func(b *bed) {
		b.replies = Replies{Stop: "No more texts.", Start: "Texts again.", Help: "Call us."}
		b.keywords = gateway.NewKeywords([]string{"Arrêt"}, nil, []string{"aide"})
		b.run()
		var queued Sent
		for _, text := range []string{"bill", "offer"} { // the second waits for its turn
			var err error
			if queued, err = b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		c := b.receive(customer(1), " arrêt. ")
		b.wantTick(queued.Message, gateway.TickFailed, gateway.ErrOptedOut)
		if !c.OptedOut || c.Status != gateway.StatusClosed {
			t.Errorf("after STOP: %+v", c)
		}
		b.receive(customer(1), "STOP")
		b.receive(customer(1), "Aide")
		b.receive(customer(1), "HELP")
		wantList(t, "texts", b.texts(c.ID), []string{"> bill", "> offer", " arrêt. ", "> No more texts.", "STOP", "Aide", "> Call us.", "HELP"})
		for _, send := range []func() error{
			func() error {
				_, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "offer"})
				return err
			},
			func() error {
				_, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(1), Text{Text: "offer"})
				return err
			},
			func() error { _, err := b.r.Reply(b.ctx, b.sue, c.ID, Text{Text: "offer"}); return err },
			func() error { _, err := b.r.Resend(b.ctx, b.sue, queued.Message.ID); return err },
		} {
			wantRefusal(t, send(), gateway.OptedOut)
		}
		b.wantMetric(4, "opt_out_refused_total")
		if c = b.receive(customer(1), "start"); c.OptedOut {
			t.Errorf("after START: %+v", c)
		}
		b.receive(customer(1), "START")
		wantList(t, "texts", b.texts(c.ID)[8:], []string{"start", "> Texts again.", "START"})
		if got := b.decisions(); got != "stop stop start start" {
			t.Errorf("the ledger has %s", got)
		}
		// A number whose carrier answers by itself.
		b.changeDirectory(func(tx *store.Tx) error {
			return tx.SetNumber(store.Number{Number: ourNumber, Queue: store.GeneralQueue, CarrierStops: true})
		})
		c = b.receive(customer(2), "QUIT")
		wantList(t, "texts", b.texts(c.ID), []string{"QUIT"})
		if !c.OptedOut {
			t.Error("it is not recorded")
		}
		// Nothing that is a name or a short code is answered.
		for _, from := range []gateway.Address{{Kind: gateway.AddressShort, Value: "55512"}, {Kind: gateway.AddressAlphanumeric, Value: "ACME"}} {
			wantList(t, from.Value, b.texts(b.receive(from, "STOP").ID), []string{"STOP"})
		}
	})
}

// decisions is the ledger's order of STOP and START of all customers.
func (b *bed) decisions() string {
	b.t.Helper()
	words := ""
	rows, err := b.db.Decisions(b.ctx, store.DecisionList{Limit: 100, Everything: true})
	if err != nil {
		b.t.Fatal(err)
	}
	for i := len(rows) - 1; i >= 0; i-- {
		if words += "start "; rows[i].OptedOut {
			words = words[:len(words)-6] + "stop "
		}
	}
	return words[:max(0, len(words)-1)]
}

// TestOptOutByHand: an agent records what a customer has told them; a block is
// not undone by START.
func TestOptOutByHand(t *testing.T) {
	onEach(t, func(b *bed) {
		b.replies = Replies{Stop: "No more texts."}
		b.run()
		c := b.receive(customer(1), "please do not text me")
		b.act(b.ana, c.ID, gateway.ActTake)
		b.reply(b.ana, c.ID, "we will not")
		queued := b.reply(b.ana, c.ID, "I promise") // waits for its turn
		_, err := b.r.Decide(b.ctx, b.ben, c.ID, true, "")
		wantRefusal(t, err, gateway.NotFound)
		got, err := b.r.Decide(b.ctx, b.ana, c.ID, true, "told me so")
		if err != nil || !got.OptedOut || !b.conversation(c.ID).OptedOut {
			t.Errorf("%+v, %v", got, err)
		}
		b.wantTick(queued, gateway.TickFailed, gateway.ErrOptedOut)
		_, err = b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "sorry"})
		wantRefusal(t, err, gateway.OptedOut)
		if got, err = b.r.Decide(b.ctx, b.ana, c.ID, false, "changed her mind"); err != nil || got.OptedOut {
			t.Errorf("%+v, %v", got, err)
		}
		b.reply(b.ana, c.ID, "welcome back")
		wantList(t, "lines", b.lines(c.ID), []string{"Ana took this conversation.",
			"Ana recorded that this customer wants no more texts from this number.", "Ana recorded that this customer wants texts from this number again."})
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			t.Fatal(err)
		}
		if c := b.receive(customer(1), "START"); !c.Blocked {
			t.Error("START undid a block")
		}
		_, err = b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "hi"})
		wantRefusal(t, err, gateway.Blocked)
		if c, err = b.r.Unblock(b.ctx, b.mia, c.ID); err != nil || c.Blocked {
			t.Errorf("%+v, %v", c, err)
		}
		b.reply(b.ana, c.ID, "hi again")
	})
}
