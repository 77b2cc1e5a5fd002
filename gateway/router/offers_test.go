package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func minutes(n int) gateway.Duration { return gateway.Duration(time.Duration(n) * time.Minute) }

// TestFirstAvailableIsOffered has two agents, in the order of their extensions.
func TestFirstAvailableIsOffered(t *testing.T) {
	onEach(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.Offer, s.WidenAfter = gateway.OfferFirst, minutes(5) })
		b.run()
		defer b.r.Connected(b.ana.ID)()
		defer b.r.Connected(b.ben.ID)()
		c := b.receive(customer(1), "hello")
		b.wantSeen(c, "Ana Mia Sue")
		if _, err := b.r.Act(b.ctx, b.ben, c.ID, gateway.Action{Kind: gateway.ActTake}, Details{}); err == nil {
			t.Error("Ben took what he was not offered")
		} else {
			wantRefusal(t, err, gateway.NotFound)
		}
		_, err := b.r.Reply(b.ctx, b.ben, c.ID, Text{Text: "hi"})
		wantRefusal(t, err, gateway.NotFound)
		cursor := b.newest()
		b.pass(6 * time.Minute)
		b.wantSeen(c, "Ana Ben Mia Sue")
		es := b.since(cursor)
		if len(es) != 1 || es[0].Type != gateway.EventOffered || es[0].Before.VisibleTo(b.ben) || !es[0].After.VisibleTo(b.ben) {
			t.Errorf("it was widened by %+v", es)
		}
		if got := b.act(b.ben, c.ID, gateway.ActTake); got.Owner != b.ben.ID || got.Offered != gateway.Everyone {
			t.Errorf("taken: %+v", got)
		}
		// What is let go waits for those whose turn it is.
		b.act(b.ben, c.ID, gateway.ActRelease)
		b.wantSeen(c, "Ana Mia Sue")
	})
}

// TestOffersFollowAvailability: who goes makes room for the next, who comes is
// offered what nobody could be.
func TestOffersFollowAvailability(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.Offer = gateway.OfferFirst })
		b.run()
		c := b.receive(customer(1), "hello")
		b.wantSeen(c, "Mia Sue") // nobody is there
		ends := b.r.Connected(b.ana.ID)
		b.pass(2 * time.Second)
		b.wantSeen(c, "Ana Mia Sue")
		defer b.r.Connected(b.ben.ID)()
		b.pass(2 * time.Second)
		b.wantSeen(c, "Ana Mia Sue")
		ends()
		b.pass(offlineAfter / 2)
		b.wantSeen(c, "Ana Mia Sue") // perhaps she loads the page again
		b.pass(offlineAfter)
		b.wantSeen(c, "Ana Ben Mia Sue") // an offer stands
		b.choose(b.ben, Away)
		other := b.receive(customer(2), "hello")
		b.wantSeen(other, "Mia Sue")
		b.choose(b.ben, Available)
		b.pass(2 * time.Second)
		b.wantSeen(other, "Ben Mia Sue")
		b.general(func(s *gateway.QueueSettings) { s.Offer = gateway.OfferEveryone })
		b.pass(2 * time.Second)
		b.wantSeen(other, "Ana Ben Mia Sue")
	})
}

func TestTopThreeAndRoundRobin(t *testing.T) {
	onSQLite(t, func(b *bed) {
		var all []gateway.ID
		b.do(func(tx *store.Tx) error {
			for i := range 5 {
				p := store.Person{Extension: string(rune('1' + i)), Name: "P", Role: "agent"}
				if err := tx.AddPerson(&p); err != nil {
					return err
				}
				if err := tx.SetMember(store.GeneralQueue, p.ID, false); err != nil {
					return err
				}
				all = append(all, p.ID)
			}
			return tx.PlaceMember(store.GeneralQueue, all[4], -1)
		})
		b.general(func(s *gateway.QueueSettings) { s.Offer, s.OfferCount = gateway.OfferFirst, 3 })
		b.run()
		for _, id := range all {
			defer b.r.Connected(id)()
		}
		if got, want := b.receive(customer(1), "hello").Offered, gateway.Only(all[4], all[0], all[1]); got != want {
			t.Errorf("offered to %q, want the first three %q", got, want)
		}
		b.general(func(s *gateway.QueueSettings) { s.Offer = gateway.OfferRoundRobin })
		for i, want := range []gateway.ID{all[4], all[0], all[1], all[2], all[3], all[4]} {
			if i == 3 {
				b.later(40 * time.Second) // whose turn it is outlives the process
				for _, id := range all {
					defer b.r.Connected(id)()
				}
			}
			if got := b.receive(customer(10+i), "hello").Offered; got != gateway.Only(want) {
				t.Errorf("the %d. is offered to %q, want %q", i+1, got, gateway.Only(want))
			}
		}
	})
}

func TestAutoAssign(t *testing.T) {
	onEach(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.Offer, s.AutoAssign = gateway.OfferRoundRobin, true })
		b.run()
		c := b.receive(customer(1), "hello")
		if c.Status != gateway.StatusWaiting || c.Offered != gateway.Nobody {
			t.Errorf("with nobody there: %+v", c)
		}
		defer b.r.Connected(b.ana.ID)()
		b.pass(2 * time.Second)
		if got := b.conversation(c.ID); got.Owner != b.ana.ID {
			t.Errorf("somebody came, and it is %+v", got)
		}
		defer b.r.Connected(b.ben.ID)()
		cursor := b.newest()
		c = b.receive(customer(2), "hello")
		if c.Owner != b.ben.ID || c.Unread != 1 || !c.Unanswered {
			t.Errorf("assigned: %+v", c)
		}
		es := b.since(cursor)
		if len(es) != 3 || es[0].Type != gateway.EventMessageReceived || es[2].Type != gateway.EventTaken || es[2].By != 0 || es[0].After.VisibleTo(b.ana) || es[0].Before != (gateway.View{}) {
			t.Errorf("events %+v", es)
		}
		if got := b.receive(customer(3), "hello"); got.Owner != b.ana.ID {
			t.Errorf("the third: %+v", got)
		}
		if got := b.receive(customer(2), "more"); got.Owner != b.ben.ID {
			t.Errorf("the second customer's next text: %+v", got)
		}
		// To everyone means to who has least.
		b.general(func(s *gateway.QueueSettings) { s.Offer = gateway.OfferEveryone })
		if got := b.receive(customer(4), "hello"); got.Owner != b.ben.ID {
			t.Errorf("Ana has two, Ben one, and it went to %+v", got)
		}
		for _, m := range b.lines(c.ID) {
			if m == "This conversation was given to Ben." {
				return
			}
		}
		t.Errorf("the thread says %q", b.lines(c.ID))
	})
}

// TestPersonsNumber: a number may be one agent's, whose queue is for when they
// are away.
func TestPersonsNumber(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		b.changeDirectory(func(tx *store.Tx) error {
			return tx.SetNumber(store.Number{Number: ourNumber, Queue: store.GeneralQueue, Person: b.ben.ID})
		})
		c := b.receive(customer(1), "hello") // he has not come yet
		if c.Status != gateway.StatusWaiting {
			t.Errorf("%+v", c)
		}
		defer b.r.Connected(b.ben.ID)()
		if c = b.receive(customer(2), "hello"); c.Owner != b.ben.ID || b.seenBy(c) != "Ben Mia Sue" {
			t.Errorf("%+v, seen by %s", c, b.seenBy(c))
		}
		b.act(b.ben, c.ID, gateway.ActDealtWith)
		b.choose(b.ben, Away)
		if c = b.receive(customer(2), "again"); c.Status != gateway.StatusWaiting || b.seenBy(c) != "Ana Ben Mia Sue" {
			t.Errorf("%+v, seen by %s", c, b.seenBy(c))
		}
		if _, err := b.r.Start(b.ctx, b.ana, ourNumber, customer(3), Text{Text: "hi"}); err == nil {
			t.Error("Ana wrote from Ben's number")
		} else {
			wantRefusal(t, err, gateway.NumberNotOurs)
		}
		for i, by := range []gateway.Actor{b.ben, b.sue} {
			if _, err := b.r.Start(b.ctx, by, ourNumber, customer(4+i), Text{Text: "hi"}); err != nil {
				t.Errorf("%s: %v", by.Name, err)
			}
		}
	})
}

func TestAbsentOwnerGivesBack(t *testing.T) {
	onEach(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.ReturnAfter = minutes(3) })
		b.run()
		there := b.r.Connected(b.ana.ID)
		c, quiet := b.receive(customer(1), "hello"), b.receive(customer(2), "hello")
		b.act(b.ana, c.ID, gateway.ActTake)
		b.reply(b.ana, quiet.ID, "done?")
		b.pass(5 * time.Minute)
		b.wantSeen(c, "Ana Mia Sue") // she is there, and may take her time
		b.choose(b.ana, Away)
		b.pass(150 * time.Second)
		b.wantSeen(c, "Ana Mia Sue")
		b.pass(time.Minute)
		b.wantSeen(c, "Ana Ben Mia Sue")
		if got := b.conversation(quiet.ID); got.Owner != b.ana.ID {
			t.Errorf("nobody waits for an answer there, and it is %+v", got)
		}
		c = b.receive(customer(2), "and?")
		b.pass(150 * time.Second)
		if got := b.conversation(quiet.ID); got.Owner != b.ana.ID {
			t.Errorf("the customer has waited for two minutes and a half: %+v", got)
		}
		b.pass(time.Minute)
		if got := b.conversation(quiet.ID); got.Status != gateway.StatusWaiting {
			t.Errorf("given back: %+v", got)
		}
		b.choose(b.ana, Available) // a lost connection counts, too
		b.act(b.ana, c.ID, gateway.ActTake)
		there()
		b.pass(150 * time.Second)
		if got := b.conversation(c.ID); got.Owner != b.ana.ID {
			t.Errorf("offline for two minutes and a half, and it is %+v", got)
		}
		b.pass(time.Minute)
		if got := b.conversation(c.ID); got.Status != gateway.StatusWaiting {
			t.Errorf("offline for three minutes and a half, and it is %+v", got)
		}
	})
}

func TestClosingAfterSilence(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.general(func(s *gateway.QueueSettings) { s.CloseAfter = gateway.Duration(7 * 24 * time.Hour) })
		b.run()
		waits, taken, archived, off := b.receive(customer(1), "a"), b.receive(customer(2), "b"), b.receive(customer(3), "c"), b.receive(customer(4), "d")
		for _, c := range []gateway.Conversation{taken, archived, off} {
			b.reply(b.ana, c.ID, "done?")
		}
		b.act(b.ana, archived.ID, gateway.ActArchive)
		if _, err := b.r.Act(b.ctx, b.ana, off.ID, gateway.Action{Kind: gateway.ActSnooze, Until: gateway.UntilText}, Details{}); err != nil {
			t.Fatal(err)
		}
		b.later(8 * 24 * time.Hour)
		for c, want := range map[gateway.ID]gateway.Status{waits.ID: gateway.StatusWaiting, taken.ID: gateway.StatusClosed, archived.ID: gateway.StatusClosed, off.ID: gateway.StatusTaken} {
			if got := b.conversation(c); got.Status != want {
				t.Errorf("%v is %v, want %v", got.Peer, got.Status, want)
			} else if want == gateway.StatusClosed && got.LastOwner != b.ana.ID {
				t.Errorf("%v was closed for nobody", got.Peer)
			}
		}
		if c := b.receive(customer(4), "and?"); c.Owner != b.ana.ID || !c.SnoozedUntil.IsZero() {
			t.Errorf("the text that was waited for led to %+v", c)
		}
	})
}

func TestQueueThatIsDeleted(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		var sales gateway.ID
		b.changeDirectory(func(tx *store.Tx) (err error) {
			if sales, err = tx.AddQueue("Sales", []string{ourNumber}); err != nil {
				return err
			}
			return tx.SetMember(sales, b.ana.ID, false)
		})
		waits, taken, closed := b.receive(customer(1), "a"), b.receive(customer(2), "b"), b.receive(customer(3), "c")
		b.act(b.ana, taken.ID, gateway.ActTake)
		b.act(b.ana, closed.ID, gateway.ActDealtWith)
		b.wantSeen(waits, "Ana Sue")
		// A crash in the middle is made up for.
		b.changeDirectory(func(tx *store.Tx) error { _, err := tx.HideQueue(sales); return err })
		b.wantSeen(waits, "Sue")
		b.pass(15 * time.Second)
		b.wantSeen(waits, "Ana Ben Mia Sue")
		b.wantSeen(taken, "Ana Mia Sue")
		b.wantSeen(closed, "Ana Mia Sue")
		if c := b.receive(customer(4), "d"); c.Queue != store.GeneralQueue {
			t.Errorf("the number is still of %v", c.Queue)
		}
		if err := b.r.DeleteQueue(b.ctx, b.sue, store.GeneralQueue); err == nil {
			t.Error("General was deleted")
		}
		wantRefusal(t, b.r.DeleteQueue(b.ctx, b.sue, sales), gateway.NotFound)
	})
}
