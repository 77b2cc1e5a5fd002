package store

import (
	"fmt"
	"testing"
	"time"

	"smsbridge/gateway"
)

// testPeopleChange changes people's names, roles, places and passwords.
func testPeopleChange(b *bed) {
	ana, ben := b.addPerson("101"), b.addPerson("102")
	owners := func() int { return ask(b, (*Tx).Owners) }
	if n := owners(); n != 0 {
		b.t.Errorf("%d owners among agents", n)
	}
	ana.Name, ana.Role = "Anna", "owner"
	if !b.changes(func(tx *Tx) error { return tx.SavePerson(ana) }) {
		b.t.Error("a name does not change the directory's version")
	}
	b.do(func(tx *Tx) error {
		got, ok, err := tx.Person(ana.ID)
		equal(b.t, "saved", got, ana)
		if _, none, err := tx.Person(99); !ok || none || err != nil {
			return fmt.Errorf("found %v, and who does not exist: %v, %v", ok, none, err)
		}
		return err
	})
	if n := owners(); n != 1 {
		b.t.Errorf("%d owners, want 1", n)
	}
	for _, hash := range []string{"a1", "a2"} {
		b.do(func(tx *Tx) error {
			return tx.AddSignIn(SignIn{Hash: []byte(hash), Person: ana.ID, CreatedAt: tx.Now(), SeenAt: tx.Now()})
		})
	}
	b.do(func(tx *Tx) error { return tx.SetPassword(ana.ID, "new", []byte("a2")) })
	if left := must(b.Directory(b.ctx))(b.t).SignIns; len(left) != 1 || string(left[0].Hash) != "a2" {
		b.t.Errorf("sessions after a new password: %+v", left)
	}
	b.do(func(tx *Tx) error { return tx.DisablePerson(ana.ID) })
	if n := owners(); n != 0 {
		b.t.Errorf("%d owners, and the only one is disabled", n)
	}
	if !b.changes(func(tx *Tx) error { return tx.EnablePerson(ana.ID) }) || b.changes(func(tx *Tx) error { return tx.EnablePerson(ana.ID) }) {
		b.t.Error("only who is disabled can be enabled")
	}
	b.do(func(tx *Tx) error { return tx.SetMember(GeneralQueue, ben.ID, true) })
	b.do(func(tx *Tx) error { return tx.Unmanage(ben.ID) })
	b.do(func(tx *Tx) error {
		m, ok, err := tx.Member(GeneralQueue, ben.ID)
		if !ok || err != nil {
			return fmt.Errorf("%v, %v", ok, err)
		}
		equal(b.t, "no longer a manager", m, Member{GeneralQueue, ben.ID, false, 1})
		if _, ok, err = tx.Member(GeneralQueue, ana.ID); ok {
			return fmt.Errorf("a member whom nobody has put there")
		}
		return err
	})
}

// testQueuesChange reads back, in transactions, what queues and numbers have
// become.
func testQueuesChange(b *bed) {
	ana := b.addPerson("101")
	sales := ask(b, func(tx *Tx) (gateway.ID, error) { return tx.AddQueue("Sales", nil) })
	want := Queue{ID: sales, Name: "Verkauf", Settings: gateway.DefaultQueueSettings()}
	want.Settings.Offer, want.Settings.WidenAfter = gateway.OfferRoundRobin, gateway.Duration(time.Minute)
	if !ask(b, func(tx *Tx) (bool, error) { return tx.SaveQueue(want) }) {
		b.t.Error("not saved")
	}
	number := Number{"+1001", sales, ana.ID, true}
	b.do(func(tx *Tx) error {
		got, ok, err := tx.Queue(sales)
		if !ok || err != nil {
			return fmt.Errorf("%v, %v", ok, err)
		}
		equal(b.t, "queue", got, want)
		none, err := tx.Number("+1001")
		equal(b.t, "a number that nobody has claimed", none, Number{"+1001", GeneralQueue, 0, false})
		if err != nil {
			return err
		}
		if err := tx.SetNumber(number); err != nil {
			return err
		}
		set, err := tx.Number("+1001")
		equal(b.t, "number", set, number)
		return err
	})
	c, _ := b.sendTexts(customer, nil, nil)
	b.do(func(tx *Tx) error { c.Status, c.Owner = gateway.StatusTaken, ana.ID; return tx.SaveConversation(c) })
	for people, want := range map[gateway.ID]int{ana.ID: 1, 99: 0} {
		if got := must(b.Held(b.ctx, []gateway.ID{people}))(b.t)[people]; got != want {
			b.t.Errorf("%s holds %d, want %d", people, got, want)
		}
	}
	if !ask(b, func(tx *Tx) (bool, error) { return tx.HideQueue(sales) }) {
		b.t.Error("not hidden")
	}
	b.do(func(tx *Tx) error {
		if _, ok, err := tx.Queue(sales); ok || err != nil {
			return fmt.Errorf("a queue that is being deleted: %v, %v", ok, err)
		}
		number.Queue = GeneralQueue
		got, err := tx.Number("+1001")
		equal(b.t, "the number of a queue that was deleted", got, number)
		return err
	})
	hidden := func() []gateway.ID { return must(b.HiddenQueues(b.ctx))(b.t) }
	b.do(func(tx *Tx) error {
		c.Queue = sales
		if err := tx.SaveConversation(c); err != nil {
			return err
		}
		return tx.DropQueue(sales)
	})
	equal(b.t, "hidden while something is in it", hidden(), []gateway.ID{sales})
	b.do(func(tx *Tx) error {
		c.Queue = GeneralQueue
		if err := tx.SaveConversation(c); err != nil {
			return err
		}
		return tx.DropQueue(sales)
	})
	equal(b.t, "hidden", hidden(), []gateway.ID(nil))
}

func testPushSubscriptions(b *bed) {
	ana, ben := b.addPerson("101"), b.addPerson("102")
	add := func(p gateway.ID, endpoint string) PushSubscription {
		s := PushSubscription{Person: p, Endpoint: endpoint, P256DH: "key", Auth: "secret"}
		if !b.changes(func(tx *Tx) error { return tx.AddPushSubscription(&s, 2) }) {
			b.t.Error("a subscription does not change the directory's version")
		}
		return s
	}
	add(ana.ID, "https://push.example/1")
	second, third := add(ana.ID, "https://push.example/2"), add(ana.ID, "https://push.example/3")
	list := func(p gateway.ID) []PushSubscription { return must(b.PushSubscriptions(b.ctx, p))(b.t) }
	equal(b.t, "the oldest goes", list(ana.ID), []PushSubscription{third, second})
	moved := add(ben.ID, "https://push.example/2") // another signs in with the same browser
	equal(b.t, "ana's", list(ana.ID), []PushSubscription{third})
	equal(b.t, "ben's", list(ben.ID), []PushSubscription{moved})
	if ask(b, func(tx *Tx) (bool, error) { return tx.EndPushSubscription(ana.ID, moved.ID) }) {
		b.t.Error("somebody else's subscription was ended")
	}
	if !ask(b, func(tx *Tx) (bool, error) { return tx.EndPushSubscription(ana.ID, third.ID) }) {
		b.t.Error("one's own was not ended")
	}
	if d := must(b.Directory(b.ctx))(b.t); d.Pushed[ana.ID] || !d.Pushed[ben.ID] {
		b.t.Errorf("who is reached: %v", d.Pushed)
	}
	b.do(func(tx *Tx) error { return tx.DisablePerson(ben.ID) })
	if left := list(ben.ID); len(left) != 0 {
		b.t.Errorf("of who is disabled: %+v", left)
	}
}

func testBlockList(b *bed) {
	ana := b.addPerson("101")
	short := gateway.Address{Kind: gateway.AddressShort, Value: customer.Value[1:5]}
	b.do(func(tx *Tx) error {
		for _, peer := range []gateway.Address{customer, short, {Kind: gateway.AddressUnknown, Value: customer.Value}} {
			if _, err := tx.Block(peer, ana.ID); err != nil {
				return err
			}
		}
		if _, err := tx.exec(`INSERT INTO contacts (id, name, sorted, folded, first_name, company, notes, tags, created_at, updated_at) VALUES (7, 'Zoe', '', '', '', '', '', '', 0, 0)`); err != nil {
			return err
		}
		_, err := tx.exec(`INSERT INTO contact_numbers (peer, peer_kind, contact, position) VALUES ($1, $2, 7, 1)`, customer.Value, int64(customer.Kind))
		return err
	})
	first := must(b.BlockList(b.ctx, gateway.Address{}, 2))(b.t)
	if len(first) != 2 {
		b.t.Fatalf("%+v", first)
	}
	rest := must(b.BlockList(b.ctx, first[1].Peer, 2))(b.t)
	if len(rest) != 1 {
		b.t.Fatalf("%+v", rest)
	}
	seen := map[gateway.Address]Blocked{}
	for _, x := range append(first, rest...) {
		seen[x.Peer] = x
	}
	got := seen[customer]
	if len(seen) != 3 || got.PersonName != ana.Name || got.Contact != 7 || got.ContactName != "Zoe" || got.At.IsZero() || seen[short].ContactName != "" {
		b.t.Errorf("%+v", seen)
	}
	b.do(func(tx *Tx) error {
		kinds, err := tx.BlockedAs(customer.Value)
		if err != nil || len(kinds) != 2 {
			return fmt.Errorf("blocked as %+v, %v", kinds, err)
		}
		return err
	})
}

func testDecisions(b *bed) {
	ana := b.addPerson("101")
	var sales gateway.ID
	b.do(func(tx *Tx) (err error) { sales, err = tx.AddQueue("Sales", []string{"+1001"}); return err })
	b.do(func(tx *Tx) error {
		for _, d := range []Decision{
			{Number: "+1001", Peer: customer, OptedOut: true, Keyword: "STOP", Message: 16},
			{Number: "+1001", Peer: customer, Person: ana.ID, Note: "said so"},
			{Number: "+1002", Peer: phone(2), OptedOut: true, Keyword: "STOP", Message: 32},
		} {
			if err := tx.Decide(&d); err != nil {
				return err
			}
		}
		return nil
	})
	for _, test := range []struct {
		list DecisionList
		want string
	}{
		{DecisionList{Everything: true}, "+1002 +1001 +1001 "},
		{DecisionList{Everything: true, Number: "+1001"}, "+1001 +1001 "},
		{DecisionList{Everything: true, Peer: phone(2).Value}, "+1002 "},
		{DecisionList{Everything: true, Numbers: []string{"+1002"}}, "+1002 "},
		{DecisionList{Everything: true, Numbers: []string{}}, ""},
		{DecisionList{Manages: []gateway.ID{sales}}, "+1001 +1001 "},
		{DecisionList{Manages: []gateway.ID{GeneralQueue}}, "+1002 "},
		{DecisionList{Manages: []gateway.ID{}}, ""},
	} {
		test.list.Limit = 10
		got := ""
		for _, d := range must(b.Decisions(b.ctx, test.list))(b.t) {
			got += d.Number + " "
		}
		if got != test.want {
			b.t.Errorf("%+v: %s, want %s", test.list, got, test.want)
		}
	}
	all := must(b.Decisions(b.ctx, DecisionList{Everything: true, Number: "+1001", Limit: 1}))(b.t)
	if d := all[0]; len(all) != 1 || d.OptedOut || d.PersonName != ana.Name || d.Note != "said so" || d.Peer != customer || d.At.IsZero() {
		b.t.Errorf("%+v", all)
	}
	older := must(b.Decisions(b.ctx, DecisionList{Everything: true, Number: "+1001", Before: all[0].ID, Limit: 10}))(b.t)
	if len(older) != 1 || !older[0].OptedOut || older[0].Keyword != "STOP" || older[0].Message != 16 || older[0].PersonName != "" {
		b.t.Errorf("%+v", older)
	}
}

func testDeeds(b *bed) {
	ana, ben := b.addPerson("101"), b.addPerson("102")
	by := func(p Person) gateway.Actor { return gateway.Actor{ID: p.ID, Name: p.Name} }
	c, _ := b.sendTexts(customer, nil, nil) // in General
	for _, d := range []Deed{
		{By: by(ana), Action: "conversation.taken", Conversation: c.ID, Detail: "to ana"},
		{By: by(ben), Action: "queue.changed", Object: "queue x"},
		{By: gateway.Actor{Kind: gateway.ActorSystem}, Action: "session.failed", Detail: "extension 1"},
	} {
		b.do(func(tx *Tx) error { tx.Audit(d); return nil })
	}
	list := func(l DeedList) []Deed {
		if l.Limit == 0 {
			l.Limit = 10
		}
		return must(b.Deeds(b.ctx, l))(b.t)
	}
	actions := func(all []Deed) (s string) {
		for _, d := range all {
			s += d.Action + " "
		}
		return s
	}
	everything := Visible{Everything: true}
	all := list(DeedList{Visible: everything})
	if d := all[len(all)-1]; d.By.ID != ana.ID || d.By.Name != ana.Name || d.Conversation != c.ID || d.Detail != "to ana" || d.At.IsZero() {
		b.t.Errorf("%+v", d)
	}
	if all[0].By.Kind != gateway.ActorSystem {
		b.t.Errorf("%+v", all[0])
	}
	for _, test := range []struct {
		list DeedList
		want string
	}{
		{DeedList{Visible: everything}, "session.failed queue.changed conversation.taken "},
		{DeedList{Visible: everything, Conversation: c.ID}, "conversation.taken "},
		{DeedList{Visible: everything, Actor: ben.ID}, "queue.changed "},
		{DeedList{Visible: everything, Action: "session.failed"}, "session.failed "},
		{DeedList{Visible: everything, Since: time.Now().Add(time.Hour)}, ""},
		{DeedList{Visible: everything, Before: all[1].ID}, "conversation.taken "},
		{DeedList{Visible: Visible{Person: ben.ID}}, "queue.changed "},
		{DeedList{Visible: Visible{Person: ben.ID, Manages: []gateway.ID{GeneralQueue}}}, "queue.changed conversation.taken "},
		{DeedList{Visible: Visible{Person: 99, Manages: []gateway.ID{99}}}, ""},
	} {
		if got := actions(list(test.list)); got != test.want {
			b.t.Errorf("%+v: %s, want %s", test.list, got, test.want)
		}
	}
}

// TestLifetimeOfSessions moves the clock past what sessions are kept for.
func TestLifetimeOfSessions(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		ana := b.addPerson("101")
		now := time.Now()
		for hash, s := range map[string]SignIn{
			"used":    {CreatedAt: now.Add(-6 * 24 * time.Hour), SeenAt: now.Add(-time.Hour)},
			"idle":    {CreatedAt: now.Add(-24 * time.Hour), SeenAt: now.Add(-13 * time.Hour)},
			"too old": {CreatedAt: now.Add(-8 * 24 * time.Hour), SeenAt: now},
		} {
			s.Hash, s.Person = []byte(hash), ana.ID
			b.do(func(tx *Tx) error { return tx.AddSignIn(s) })
		}
		prune := func(later time.Duration) (left string) {
			at := now.Add(later)
			b.do(func(tx *Tx) error { return tx.PruneSignIns(at.Add(-12*time.Hour), at.Add(-7*24*time.Hour)) })
			for _, s := range must(b.Directory(b.ctx))(t).SignIns {
				left += string(s.Hash)
			}
			return left
		}
		for _, test := range []struct {
			later time.Duration
			want  string
		}{{0, "used"}, {10 * time.Hour, "used"}, {12 * time.Hour, ""}} {
			if got := prune(test.later); got != test.want {
				t.Errorf("%v later %q are left, want %q", test.later, got, test.want)
			}
		}
	})
}
