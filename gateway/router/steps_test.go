package router

import (
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// TestGivenByItsQueue has a queue that gives what waits in it at once: who lets
// something go does not get it back while somebody else is there, and what the
// queue did is said to be the queue's.
func TestGivenByItsQueue(t *testing.T) {
	onEach(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.Offer, s.AutoAssign = gateway.OfferFirst, true })
		b.run()
		defer b.r.Connected(b.ana.ID)()
		away := b.r.Connected(b.ben.ID)
		c := b.receive(customer(1), "hello")
		if c.Owner != b.ana.ID {
			t.Fatalf("it was given to %v, want Ana", c.Owner)
		}
		cursor := b.newest()
		if got := b.act(b.ana, c.ID, gateway.ActRelease); got.Owner != b.ben.ID {
			t.Errorf("what Ana let go went to %v, want Ben", got.Owner)
		}
		got, err := b.r.Act(b.ctx, b.ben, c.ID, gateway.Action{Kind: gateway.ActTransfer, Queue: store.GeneralQueue}, Details{Note: "They buy."})
		if err != nil || got.Owner != b.ana.ID {
			t.Errorf("what Ben sent to the queue went to %v, want Ana: %v", got.Owner, err)
		}
		wantList(t, "lines", b.lines(c.ID), []string{"This conversation was given to Ana.",
			"Ana released this conversation to General.", "This conversation was given to Ben.",
			"Ben transferred this conversation to General. They buy.", "This conversation was given to Ana."})
		var did []string
		for _, e := range b.since(cursor) {
			did = append(did, string(e.Type)+" "+e.ByName)
		}
		wantList(t, "events", did, []string{"conversation.released Ana", "conversation.taken ", "conversation.transferred Ben", "conversation.taken "})
		deeds, err := b.db.Deeds(b.ctx, store.DeedList{Conversation: c.ID, Action: "conversation.transferred", Visible: store.Visible{Everything: true}, Limit: 10})
		if err != nil || len(deeds) != 1 || deeds[0].Detail != "to queue "+store.GeneralQueue.String() {
			t.Errorf("%+v, %v", deeds, err)
		}
		// Alone, she has it again.
		away()
		b.choose(b.ben, Away)
		if got := b.act(b.ana, c.ID, gateway.ActRelease); got.Owner != b.ana.ID {
			t.Errorf("it went to %v", got.Owner)
		}
	})
}

// TestSnoozeLasts until its time or the customer's next text, whatever its owner
// writes; archiving ends it.
func TestSnoozeLasts(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		b.act(b.ana, c.ID, gateway.ActTake)
		snooze := func(d time.Duration) {
			t.Helper()
			if _, err := b.r.Act(b.ctx, b.ana, c.ID, gateway.Action{Kind: gateway.ActSnooze, Until: time.Now().Add(d)}, Details{}); err != nil {
				t.Fatal(err)
			}
		}
		snooze(time.Hour)
		b.reply(b.ana, c.ID, "I will call you.")
		if got := b.conversation(c.ID); got.SnoozedUntil.IsZero() {
			t.Error("her own text ends it")
		}
		b.pass(time.Hour + 2*time.Second) // with a text unread
		if lines := b.lines(c.ID); lines[len(lines)-1] != "This conversation is due again." {
			t.Errorf("%q", lines)
		}
		snooze(time.Hour)
		n := len(b.lines(c.ID))
		if got := b.receive(customer(1), "well?"); !got.SnoozedUntil.IsZero() || len(b.lines(c.ID)) != n {
			t.Errorf("by a text: %+v, %q", got, b.lines(c.ID))
		}
		snooze(time.Hour)
		b.act(b.ana, c.ID, gateway.ActArchive)
		b.pass(2 * time.Hour)
		if got := b.conversation(c.ID); !got.Archived || !got.SnoozedUntil.IsZero() {
			t.Errorf("archived: %+v", got)
		}
	})
}

// TestNoteOfATransferIsKept though the conversation is there already.
func TestNoteOfATransferIsKept(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		for _, a := range []gateway.Action{{Kind: gateway.ActTransfer, Queue: c.Queue}, {Kind: gateway.ActTransfer, Agent: b.ana.ID}, {Kind: gateway.ActTransfer, Agent: b.ana.ID}} {
			if _, err := b.r.Act(b.ctx, b.mia, c.ID, a, Details{Note: "urgent"}); err != nil {
				t.Fatal(err)
			}
		}
		ms, err := b.db.MessageRows(b.ctx, store.MessageList{Conversation: c.ID, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, m := range slices.Backward(ms) {
			if strings.Contains(m.Text, "urgent") {
				said = append(said, m.Kind.String()+" "+m.Text)
			}
		}
		wantList(t, "notes", said, []string{"note urgent", "system Mia transferred this conversation to Ana. urgent", "note urgent"})
	})
}

// TestEmergencyNumberIsNotAnswered though it seems to have texted.
func TestEmergencyNumberIsNotAnswered(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(gateway.Address{Kind: gateway.AddressShort, Value: "911"}, "call us")
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "help"})
		wantRefusal(t, err, gateway.NumberInvalid)
		if c := b.conversation(c.ID); c.Status != gateway.StatusWaiting {
			t.Errorf("%+v", c)
		}
	})
}

// TestEmptyTextsAndReasons: spaces are no text, and a reason is one line.
func TestEmptyTextsAndReasons(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: " \n "})
		wantRefusal(t, err, gateway.TextEmpty)
		if _, err := b.r.Act(b.ctx, b.ana, c.ID, gateway.Action{Kind: gateway.ActDealtWith}, Details{Reason: " spam\r\nagain "}); err != nil {
			t.Fatal(err)
		}
		if lines := b.lines(c.ID); lines[len(lines)-1] != "Ana marked this conversation as dealt with: spam  again" {
			t.Errorf("%q", lines)
		}
	})
}
