package router

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func TestReplyTakesOrVerifies(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		b.reply(b.ana, c.ID, "hi")
		if got := b.conversation(c.ID); got.Status != gateway.StatusTaken || got.Owner != b.ana.ID || got.Unanswered {
			b.t.Errorf("after the reply: %+v", got)
		}
		b.reply(b.ana, c.ID, "more")
		_, err := b.r.Reply(b.ctx, b.ben, c.ID, Text{Text: "mine?"})
		r := wantRefusal(b.t, err, gateway.OwnedByOther)
		if r.Owner != b.ana.ID || r.OwnerName != "Ana" || r.Since.IsZero() {
			b.t.Errorf("refused with %+v", r)
		}
		_, err = b.r.Act(b.ctx, b.ben, c.ID, gateway.Action{Kind: gateway.ActTake}, Details{})
		wantRefusal(b.t, err, gateway.AlreadyTaken)
		_, err = b.r.Start(b.ctx, b.ben, ourNumber, customer(1), Text{Text: "mine?"})
		wantRefusal(b.t, err, gateway.OwnedByOther)
		wantList(b.t, "texts", b.texts(c.ID), []string{"hello", "> hi", "> more"})
		b.wantMetric(3, "take_conflicts_total")
	})
}

func TestStartAndProgram(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		started, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(1), Text{Text: "hi"})
		if err != nil || !started.Created || started.Conversation.Owner != b.ana.ID || started.Conversation.Status != gateway.StatusTaken {
			b.t.Errorf("started %+v, %v", started, err)
		}
		bill, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(2), Text{Text: "bill", Reference: "n7"})
		if err != nil || !bill.Created || bill.Conversation.Status != gateway.StatusClosed || bill.Conversation.LastOwner != 0 || bill.Message.Reference != "n7" {
			b.t.Errorf("a program's %+v, %v", bill, err)
		}
		b.wantMetric(1, "conversations", "General", "taken")
		b.wantMetric(1, "conversations", "General", "closed")
		if c := b.receive(customer(2), "thanks"); c.ID != bill.Conversation.ID || c.Status != gateway.StatusWaiting {
			b.t.Errorf("the answer led to %+v", c)
		}
		if more, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill"}); err != nil || more.Conversation.Owner != b.ana.ID {
			b.t.Errorf("into a taken one: %+v, %v", more, err)
		}
	})
}

func TestIdempotency(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		text := Text{Text: "bill", Key: "k1", Body: sha256.Sum256([]byte("bill"))}
		first, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), text)
		if err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		s := b.acme.onlyHeld(b.t)
		b.acme.settle(s, accepted(s, "1"))
		b.settle()
		again, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), text)
		if err != nil || !again.Repeated || again.Message.ID != first.Message.ID || again.Message.Tick != gateway.TickQueued {
			b.t.Errorf("repeated: %+v, %v", again, err)
		}
		other := text
		other.Body = sha256.Sum256([]byte("another"))
		_, err = b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), other)
		wantRefusal(b.t, err, gateway.Mismatch)
		if mine, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(2), text); err != nil || mine.Repeated {
			b.t.Errorf("a key of another scope: %+v, %v", mine, err)
		}
		b.halt() // idle seconds cost the test time
		b.pass(25 * time.Hour)
		b.run()
		if late, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), text); err != nil || late.Repeated {
			b.t.Errorf("after a day: %+v, %v", late, err)
		}
	})
}

func TestStaleEpoch(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		epoch := c.Epoch
		b.act(b.mia, c.ID, gateway.ActTake)
		_, err := b.r.Act(b.ctx, b.mia, c.ID, gateway.Action{Kind: gateway.ActRelease}, Details{Epoch: &epoch})
		if r := wantRefusal(b.t, err, gateway.StaleEpoch); r.Current == nil || r.Current.Owner != b.mia.ID {
			b.t.Errorf("refused with %+v", r)
		}
	})
}

func TestSnoozeWakesByItself(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		b.act(b.ana, c.ID, gateway.ActTake)
		if _, err := b.r.Act(b.ctx, b.ana, c.ID, gateway.Action{Kind: gateway.ActSnooze, Until: time.Now().Add(time.Minute)}, Details{}); err != nil {
			b.t.Fatal(err)
		}
		b.pass(50 * time.Second)
		if b.conversation(c.ID).SnoozedUntil.IsZero() {
			b.t.Error("woke too early")
		}
		b.pass(20 * time.Second)
		if !b.conversation(c.ID).SnoozedUntil.IsZero() {
			b.t.Error("did not wake")
		}
	})
}

func TestEventsSayWhoSawAndWhoSees(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		cursor, err := b.db.EventSeq(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		c := b.receive(customer(1), "hello")
		m := b.reply(b.ana, c.ID, "hi")
		s := b.acme.onlyHeld(b.t)
		b.acme.settle(s, accepted(s, "1"))
		b.settle()
		b.act(b.ana, c.ID, gateway.ActDealtWith)
		w := gateway.View{Queue: store.GeneralQueue, Status: gateway.StatusWaiting}
		taken := gateway.View{Queue: store.GeneralQueue, Status: gateway.StatusTaken, Owner: b.ana.ID}
		closed := gateway.View{Queue: store.GeneralQueue, Status: gateway.StatusClosed, Owner: b.ana.ID}
		want := []struct {
			kind          gateway.EventType
			before, after gateway.View
		}{
			{gateway.EventMessageReceived, gateway.View{}, w}, {gateway.EventCreated, gateway.View{}, w},
			{gateway.EventMessageSent, w, taken}, {gateway.EventTaken, w, taken},
			{gateway.EventMessageTick, taken, taken}, {gateway.EventDealtWith, taken, closed},
		}
		events, err := b.db.Events(b.ctx, cursor, 100)
		if err != nil || len(events) != len(want) {
			b.t.Fatalf("%d events, %v, want %d: %+v", len(events), err, len(want), events)
		}
		for i, e := range events {
			if e.Type != want[i].kind || e.Before != want[i].before || e.After != want[i].after || e.Seq != cursor+int64(i)+1 || e.Conversation.ID != c.ID {
				b.t.Errorf("event %d is %+v", i, e)
			}
		}
		if e := events[4]; e.Message == nil || e.Message.ID != m.ID || e.Message.Tick != gateway.TickSent {
			b.t.Errorf("the tick's message is %+v", e.Message)
		}
		b.wantGauges()
	})
}

// wantGauges compares what is kept with what a count says.
func (b *bed) wantGauges() {
	b.t.Helper()
	counts, err := b.db.ConversationCounts(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	want := map[string]float64{"waiting": 0, "taken": 0, "closed": 0}
	for _, c := range counts {
		want[c.Status.String()] += float64(c.Count)
	}
	for status, n := range want {
		b.wantMetric(n, "conversations", "General", status)
	}
	backlog, err := b.db.Backlog(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	for name, p := range b.r.pumps {
		if q, s := p.queued.Load(), p.sending.Load(); q != int64(backlog[name][gateway.TickQueued]) || s != int64(backlog[name][gateway.TickSending]) {
			b.t.Errorf("%s: %d count as queued and %d as sending, but the store has %v", name, q, s, fmt.Sprint(backlog[name]))
		}
	}
}
