package router

import (
	"context"
	"testing"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// TestDecisionsWithoutAConversation records what customers said who have never
// texted, and unblocks whom no conversation is about.
func TestDecisionsWithoutAConversation(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		d, err := b.r.DecideFor(b.ctx, b.sue, ourNumber, customer(1), true, "by letter")
		if err != nil || d.ID == 0 || !d.OptedOut || d.PersonName != "Sue" {
			b.t.Fatalf("%+v, %v", d, err)
		}
		_, err = b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill"})
		wantRefusal(b.t, err, gateway.OptedOut)
		if _, err := b.r.DecideFor(b.ctx, b.program, ourNumber, customer(1), false, ""); err != nil {
			b.t.Fatal(err)
		}
		m := b.bill(customer(1), "bill")
		more := b.bill(customer(1), "more") // which waits behind it
		if _, err := b.r.DecideFor(b.ctx, b.sue, ourNumber, customer(1), true, ""); err != nil {
			b.t.Fatal(err)
		}
		if got := b.message(more.ID); got.Tick != gateway.TickFailed || got.Error != gateway.ErrOptedOut {
			b.t.Errorf("what was queued: %+v", got)
		}
		if got := b.conversation(m.Conversation); !got.OptedOut {
			b.t.Errorf("%+v", got)
		}
		ledger, err := b.db.Decisions(b.ctx, store.DecisionList{Everything: true, Limit: 10})
		if err != nil || len(ledger) != 3 || ledger[1].PersonName != "billing" {
			b.t.Errorf("%+v, %v", ledger, err)
		}

		b.do(func(tx *store.Tx) error { _, err := tx.Block(customer(2), b.ana.ID); return err })
		if err := b.r.UnblockPeer(b.ctx, b.sue, customer(2).Value); err != nil {
			b.t.Fatal(err)
		}
		wantRefusal(b.t, b.r.UnblockPeer(b.ctx, b.sue, customer(2).Value), gateway.NotFound)
		deeds, err := b.db.Deeds(b.ctx, store.DeedList{Action: "conversation.unblocked", Visible: store.Visible{Everything: true}, Limit: 10})
		if err != nil || len(deeds) != 1 || deeds[0].Conversation != 0 {
			b.t.Errorf("%+v, %v", deeds, err)
		}
	})
}

// TestBlockedBy tells who may end a block.
func TestBlockedBy(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "bad")
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			b.t.Fatal(err)
		}
		_, err := b.r.Unblock(b.ctx, b.ana, c.ID)
		wantRefusal(b.t, err, gateway.Forbidden)
		for _, by := range []gateway.Actor{b.mia, b.sue, b.program} {
			b.do(func(tx *store.Tx) error { _, err := tx.Block(customer(1), b.ana.ID); return err })
			if got, err := b.r.Unblock(b.ctx, by, c.ID); err != nil || got.Blocked {
				b.t.Errorf("%s: %+v, %v", by.Name, got, err)
			}
		}
	})
}

// TestBlockedCustomersSayStop: nobody is told, the ledger has it, and it holds
// once the block is over.
func TestBlockedCustomersSayStop(t *testing.T) {
	onEach(t, func(b *bed) {
		b.replies = Replies{Stop: "No more texts.", Help: "Call us."}
		b.run()
		c := b.receive(customer(1), "bad")
		if _, err := b.r.Block(b.ctx, b.mia, c.ID); err != nil {
			b.t.Fatal(err)
		}
		cursor := b.newest()
		b.receive(customer(1), "STOP")
		b.receive(customer(1), "HELP")
		if es := b.since(cursor); len(es) > 0 {
			b.t.Errorf("it is told: %+v", es)
		}
		wantList(b.t, "texts", b.texts(c.ID), []string{"bad", "STOP", "HELP"})
		if got := b.decisions(); got != "stop" {
			b.t.Errorf("the ledger has %q", got)
		}
		if got, err := b.r.Unblock(b.ctx, b.mia, c.ID); err != nil || !got.OptedOut {
			b.t.Errorf("%+v, %v", got, err)
		}
		_, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill"})
		wantRefusal(b.t, err, gateway.OptedOut)
	})
}

// TestBlockIsSaidEverywhere: all conversations with a customer say that they are
// blocked, and that they no longer are.
func TestBlockIsSaidEverywhere(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		other := b.text(customer(1), "hello")
		other.To = otherNumber
		b.deliver(other)
		for blocked, do := range map[bool]func(context.Context, gateway.Actor, gateway.ID) (gateway.Conversation, error){true: b.r.Block, false: b.r.Unblock} {
			if !blocked {
				b.do(func(tx *store.Tx) error { _, err := tx.Block(customer(1), b.ana.ID); return err })
			} else {
				b.do(func(tx *store.Tx) error { _, err := tx.Unblock(customer(1)); return err })
			}
			cursor := b.newest()
			if got, err := do(b.ctx, b.mia, c.ID); err != nil || got.Blocked != blocked {
				b.t.Fatalf("%+v, %v", got, err)
			}
			said := map[string]bool{}
			for _, e := range b.since(cursor) {
				said[e.Conversation.Number] = e.Conversation.Blocked == blocked
			}
			if !said[ourNumber] || !said[otherNumber] {
				b.t.Errorf("blocked %v: %v", blocked, said)
			}
		}
	})
}
