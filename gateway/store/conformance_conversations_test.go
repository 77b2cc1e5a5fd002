package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
)

func (b *bed) conversation(id gateway.ID) gateway.Conversation {
	b.t.Helper()
	c, ok, err := b.Conversation(b.ctx, id)
	if !ok || err != nil {
		b.t.Fatalf("conversation %d: %v, %v", id, ok, err)
	}
	return c
}

func testConversations(b *bed) {
	var c gateway.Conversation
	b.do(func(tx *Tx) error {
		now := tx.Now()
		c = gateway.Conversation{ID: tx.NewID(), Number: ourNumber, Peer: customer, Queue: 1, Status: gateway.StatusTaken, Archived: true, Owner: 5,
			OwnerSince: now, LastOwner: 6, Epoch: 1 << 40, Unread: 3, Unanswered: true, SnoozedUntil: now.Add(time.Hour), WaitingSince: now.Add(-time.Hour),
			LastMessage: 16, CreatedAt: now, UpdatedAt: now.Add(time.Second)}
		return tx.SaveConversation(c)
	})
	equal(b.t, "conversation", b.conversation(c.ID), c)
	b.do(func(tx *Tx) error {
		got, ok, err := tx.Conversation(c.ID)
		if !ok || err != nil {
			return fmt.Errorf("%v, %v", ok, err)
		}
		equal(b.t, "in a transaction", got, c)
		c.Queue, c.Status, c.Archived, c.Owner, c.OwnerSince, c.LastOwner, c.Epoch = 2, gateway.StatusClosed, false, 0, time.Time{}, 7, 2
		c.Unread, c.Unanswered, c.SnoozedUntil, c.WaitingSince, c.LastMessage = 0, false, time.Time{}, time.Time{}, 32
		c.UpdatedAt = tx.Now()
		if err := tx.SaveConversation(c); err != nil {
			return err
		}
		got, err = tx.Pair(ourNumber, customer)
		equal(b.t, "saved in this transaction", got, c)
		return err
	})
	equal(b.t, "changed", b.conversation(c.ID), c)
	equal(b.t, "counts", must(b.ConversationCounts(b.ctx))(b.t), []StatusCount{{2, gateway.StatusClosed, 1}})
	b.do(func(tx *Tx) error {
		if err := tx.LoadConversations([]gateway.ID{c.ID, 1 << 20, c.ID}); err != nil {
			return err
		}
		if _, ok, err := tx.Conversation(1 << 20); ok || err != nil {
			return fmt.Errorf("one that is not there: %v, %v", ok, err)
		}
		none, err := tx.Pair(ourNumber, phone(2))
		equal(b.t, "no conversation", none, gateway.Conversation{Number: ourNumber, Peer: phone(2)})
		if tx.SaveConversation(none) == nil {
			return fmt.Errorf("one without an ID was saved")
		}
		return err
	})
}

// testSuccessor deletes a conversation and has the customer text again, at once
// and later. Kinds of address are different customers.
func testSuccessor(b *bed) {
	for round := range 3 {
		var before, after gateway.Conversation
		b.do(func(tx *Tx) error {
			c, err := tx.Pair(ourNumber, customer)
			if err != nil {
				return err
			}
			if round == 0 {
				c = newConversation(tx, customer)
				if err := tx.SaveConversation(c); err != nil {
					return err
				}
			}
			before, c.Status = c, gateway.StatusDeleted
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
			if c, err = tx.Pair(ourNumber, customer); err != nil || c.Status != gateway.StatusNone || c.ID != 0 {
				return fmt.Errorf("round %d: after the deletion %+v, %v", round, c, err)
			}
			after = newConversation(tx, customer)
			return tx.SaveConversation(after)
		})
		if got := b.conversation(before.ID); got.Status != gateway.StatusDeleted {
			b.t.Errorf("the deleted one is %v", got.Status)
		}
		equal(b.t, "its successor", b.conversation(after.ID), after)
	}
	b.do(func(tx *Tx) error {
		other := customer
		other.Kind = gateway.AddressUnknown
		return tx.SaveConversation(newConversation(tx, other))
	})
	if all := must(b.Conversations(b.ctx, ConversationList{Visible: Visible{Everything: true}, Limit: 50}))(b.t); len(all) != 2 {
		b.t.Errorf("%d conversations that are not deleted, want 2", len(all))
	}
}

func testBlocks(b *bed) {
	c, _ := b.sendTexts(customer, nil, nil)
	b.do(func(tx *Tx) error {
		if _, err := tx.Pair(ourNumber, customer); err != nil {
			return err
		}
		if _, err := tx.Pair(ourNumber, phone(2)); err != nil {
			return err
		}
		for i, peer := range []gateway.Address{customer, phone(2), customer} {
			if fresh, err := tx.Block(peer, 5); err != nil || fresh != (i < 2) {
				return fmt.Errorf("block %d: %v, %v", i, fresh, err)
			}
		}
		for _, peer := range []gateway.Address{customer, phone(2)} {
			if c, err := tx.Pair(ourNumber, peer); err != nil || !c.Blocked {
				return fmt.Errorf("in the same transaction: %+v, %v", c, err)
			}
		}
		return nil
	})
	if !b.conversation(c.ID).Blocked {
		b.t.Error("read as not blocked")
	}
	for peer, want := range map[gateway.Address]bool{customer: true, phone(2): true, phone(3): false, {Value: customer.Value}: false} {
		if got := ask(b, func(tx *Tx) (gateway.Conversation, error) { return tx.Pair(ourNumber, peer) }); got.Blocked != want {
			b.t.Errorf("%+v: blocked is %v, want %v", peer, got.Blocked, want)
		}
	}
}

func testOptOuts(b *bed) {
	out := func(number string, peer gateway.Address) bool {
		return ask(b, func(tx *Tx) (bool, error) { return tx.OptedOut(number, peer) })
	}
	for _, want := range []bool{true, false, true} {
		b.do(func(tx *Tx) error {
			return tx.Decide(&Decision{Number: ourNumber, Peer: customer, OptedOut: want, Keyword: "STOP", Message: 16, Person: 5})
		})
		if got := out(ourNumber, customer); got != want {
			b.t.Errorf("opted out: %v, want %v", got, want)
		}
	}
	if out("+1999", customer) || out(ourNumber, phone(2)) {
		b.t.Error("an opt-out holds for another pair")
	}
}

// testVisibility compares lists with the rule that decides on each event.
func testVisibility(b *bed) {
	queues, people := []gateway.ID{1, 2, 3}, []gateway.ID{0, 5, 6}
	var all []gateway.Conversation
	b.do(func(tx *Tx) error {
		all = nil
		for _, queue := range queues {
			for _, person := range people {
				for _, status := range []gateway.Status{gateway.StatusWaiting, gateway.StatusTaken, gateway.StatusClosed, gateway.StatusDeleted} {
					c := newConversation(tx, phone(len(all)))
					c.Queue, c.Status = queue, status
					switch status {
					case gateway.StatusTaken:
						if person == 0 {
							continue
						}
						c.Owner = person
					case gateway.StatusClosed:
						c.LastOwner, c.Archived = person, true
					}
					all = append(all, c)
					if err := tx.SaveConversation(c); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	for name, a := range map[string]gateway.Actor{
		"nobody":       {},
		"a stranger":   {ID: 9},
		"an agent":     {ID: 5, Queues: map[gateway.ID]bool{1: false, 2: false}},
		"a manager":    {ID: 6, Queues: map[gateway.ID]bool{1: false, 3: true}},
		"system owner": {ID: 9, SystemOwner: true},
	} {
		v := Visible{Everything: a.SystemOwner, Person: a.ID}
		for queue, manages := range a.Queues {
			if manages {
				v.Manages = append(v.Manages, queue)
			}
			v.Member = append(v.Member, queue)
		}
		want := map[gateway.ID]bool{}
		for _, c := range all {
			if c.View().VisibleTo(a) {
				want[c.ID] = true
			}
		}
		got := map[gateway.ID]bool{}
		for _, c := range must(b.Conversations(b.ctx, ConversationList{Visible: v, Limit: 1000}))(b.t) {
			got[c.ID] = true
		}
		equal(b.t, name, got, want)
	}
}

func testConversationList(b *bed) {
	var w, old, mine, archived, closed gateway.Conversation
	b.do(func(tx *Tx) error {
		make := func(n int, c *gateway.Conversation, change func()) {
			*c = newConversation(tx, phone(n))
			c.UpdatedAt = tx.Now().Add(time.Duration(n) * time.Second)
			c.WaitingSince = c.UpdatedAt
			change()
		}
		make(1, &w, func() { w.WaitingSince = w.WaitingSince.Add(-time.Hour) })
		make(2, &old, func() { old.Queue, old.WaitingSince = 2, old.WaitingSince.Add(-2*time.Hour) })
		make(3, &mine, func() { mine.Status, mine.Owner = gateway.StatusTaken, 5 })
		make(4, &archived, func() { archived.Status, archived.Owner, archived.Archived = gateway.StatusTaken, 5, true })
		make(5, &closed, func() { closed.Status, closed.LastOwner, closed.Archived = gateway.StatusClosed, 5, true })
		for _, c := range []gateway.Conversation{w, old, mine, archived, closed} {
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
		}
		m, _ := newText(tx, &mine, "Order 100%_done, see you", 1)
		tx.InsertMessage(m)
		return nil
	})
	yes, no := true, false
	for _, test := range []struct {
		name string
		list ConversationList
		want []gateway.Conversation
	}{
		{"all", ConversationList{}, []gateway.Conversation{closed, archived, mine, old, w}},
		{"waiting", ConversationList{Waiting: true}, []gateway.Conversation{old, w}},
		{"waiting longest", ConversationList{Waiting: true, OldestFirst: true}, []gateway.Conversation{old, w}},
		{"mine", ConversationList{Mine: true}, []gateway.Conversation{archived, mine}},
		{"mine, archived", ConversationList{Mine: true, Archived: &yes}, []gateway.Conversation{archived}},
		{"mine or closed, not archived", ConversationList{Mine: true, Closed: true, Archived: &no}, []gateway.Conversation{mine}},
		{"closed", ConversationList{Closed: true}, []gateway.Conversation{closed}},
		{"of a queue", ConversationList{Queue: 2}, []gateway.Conversation{old}},
		{"by part of a number", ConversationList{Search: "550004"}, []gateway.Conversation{archived}},
		{"by a text, in another case", ConversationList{Search: "ORDER"}, []gateway.Conversation{mine}},
		{"by signs that are LIKE's", ConversationList{Search: "0%_D"}, []gateway.Conversation{mine}},
		{"by signs that do not occur", ConversationList{Search: "r%r"}, nil},
	} {
		test.list.Visible = Visible{Everything: true, Person: 5}
		test.list.Limit = 50
		got := must(b.Conversations(b.ctx, test.list))(b.t)
		equal(b.t, test.name, got, test.want)
	}
}

func testConversationPages(b *bed) {
	b.do(func(tx *Tx) error {
		for n := range 25 {
			c := newConversation(tx, phone(n))
			at := tx.Now().Add(time.Duration(n/4) * time.Second) // four share a time
			c.UpdatedAt, c.WaitingSince = at, at
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
		}
		return nil
	})
	for _, oldestFirst := range []bool{false, true} {
		var got []string
		var after *Place
		for {
			page := must(b.Conversations(b.ctx, ConversationList{Waiting: true, OldestFirst: oldestFirst, Visible: Visible{Everything: true}, After: after, Limit: 3}))(b.t)
			for _, c := range page {
				got = append(got, c.Peer.Value)
				after = &Place{c.UpdatedAt, c.ID}
			}
			if len(page) < 3 {
				break
			}
		}
		var want []string
		for n := range 25 {
			want = append(want, phone(n).Value)
		}
		if !oldestFirst {
			slices.Reverse(want)
		}
		equal(b.t, fmt.Sprintf("oldest first %v", oldestFirst), strings.Join(got, " "), strings.Join(want, " "))
	}
}
