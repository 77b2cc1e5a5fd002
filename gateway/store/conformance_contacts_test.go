package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
)

func (b *bed) addContact(c gateway.Contact) gateway.Contact {
	b.t.Helper()
	b.do(func(tx *Tx) error {
		saved := c
		saved.ID = 0
		err := tx.SaveContact(&saved)
		c = saved
		return err
	})
	return c
}

func (b *bed) contact(id gateway.ID) (gateway.Contact, bool) {
	b.t.Helper()
	c, ok, err := b.Contact(b.ctx, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return c, ok
}

func testContacts(b *bed) {
	acme := gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "ACME"}
	c := b.addContact(gateway.Contact{Name: "Zoë O'Neil", Given: "Z", Company: "ACME", Notes: "two\nlines", Tags: []string{"vip", "a b"},
		Numbers: []gateway.Address{phone(9), acme, phone(1)}})
	if c.ID == 0 || c.CreatedAt.IsZero() || c.UpdatedAt != c.CreatedAt {
		b.t.Errorf("added %+v", c)
	}
	got, _ := b.contact(c.ID)
	equal(b.t, "contact", got, c)
	other := b.addContact(gateway.Contact{Name: "B", Numbers: []gateway.Address{phone(2)}})
	equal(b.t, "whose", ask(b, func(tx *Tx) (map[gateway.Address]gateway.ID, error) {
		return tx.ContactsOf([]gateway.Address{phone(1), phone(2), phone(3), {Kind: gateway.AddressUnknown, Value: "ACME"}})
	}), map[gateway.Address]gateway.ID{phone(1): c.ID, phone(2): other.ID})
	b.do(func(tx *Tx) error {
		in, ok, err := tx.Contact(c.ID)
		if !ok || err != nil {
			return fmt.Errorf("%v, %v", ok, err)
		}
		equal(b.t, "in a transaction", in, c)
		c.Name, c.Given, c.Company, c.Notes, c.Tags, c.Numbers = "Zoë", "", "", "", nil, []gateway.Address{phone(1), phone(4)}
		return tx.SaveContact(&c)
	})
	got, _ = b.contact(c.ID)
	equal(b.t, "changed", got, c)
	if !c.UpdatedAt.After(c.CreatedAt) {
		b.t.Errorf("changed at %v, made at %v", c.UpdatedAt, c.CreatedAt)
	}
	if err := b.Update(b.ctx, func(tx *Tx) error {
		return tx.SaveContact(&gateway.Contact{Name: "C", Numbers: []gateway.Address{phone(4)}})
	}); err == nil {
		b.t.Error("a number is two contacts'")
	}
	b.do(func(tx *Tx) error { return tx.DeleteContact(c.ID) })
	if _, ok := b.contact(c.ID); ok {
		b.t.Error("deleted, and there")
	}
	b.addContact(gateway.Contact{Name: "C", Numbers: []gateway.Address{phone(4)}})
}

func testContactList(b *bed) {
	names := map[gateway.ID]string{}
	for i, c := range []gateway.Contact{
		{Name: "ben", Company: "Öl und Gas 100%_"},
		{Name: "Ana", Tags: []string{"vip", "new_one"}},
		{Name: "ÉMILE", Tags: []string{"VIP"}},
		{Name: "carl", Tags: []string{"vipers"}},
		{Name: "Ana", Company: "ACME"},
	} {
		c.Numbers = []gateway.Address{phone(i), {Kind: gateway.AddressAlphanumeric, Value: fmt.Sprintf("Shop%d", i)}}
		c = b.addContact(c)
		names[c.ID] = fmt.Sprint(c.Name, i)
	}
	list := func(l ContactList) string {
		all := ""
		for _, c := range must(b.Contacts(b.ctx, l))(b.t) {
			if len(c.Numbers) != 2 {
				b.t.Errorf("%+v", c)
			}
			all += names[c.ID] + " "
		}
		return all
	}
	for _, test := range []struct {
		list ContactList
		want string
	}{
		{ContactList{Search: "ANA"}, "Ana1 Ana4 "},
		{ContactList{Search: "öl"}, "ben0 "},
		{ContactList{Search: "émile"}, "ÉMILE2 "},
		{ContactList{Search: "acme"}, "Ana4 "},
		{ContactList{Search: "0%_"}, "ben0 "},
		{ContactList{Search: "shop3"}, "carl3 "},
		{ContactList{Search: "555-0003", Digits: "5550003"}, "carl3 "},
		{ContactList{Search: "5550003"}, "carl3 "},
		{ContactList{Search: "nobody"}, ""},
		{ContactList{Tag: "vip"}, "Ana1 ÉMILE2 "},
		{ContactList{Tag: "new_one"}, "Ana1 "},
		{ContactList{Tag: "newXone"}, ""},
		{ContactList{Tag: "vip", Search: "ana"}, "Ana1 "},
	} {
		test.list.Limit = 50
		got := list(test.list)
		equal(b.t, fmt.Sprintf("%+v", test.list), got, test.want)
	}
	whole := list(ContactList{Limit: 50})
	equal(b.t, "by name", whole, "Ana1 Ana4 ben0 carl3 ÉMILE2 ")
	paged := ""
	var after *NamePlace
	for range 10 {
		page := must(b.Contacts(b.ctx, ContactList{After: after, Limit: 2}))(b.t)
		for _, c := range page {
			paged += names[c.ID] + " "
			after = &NamePlace{SortedName(c.Name), c.ID}
		}
		if len(page) < 2 {
			break
		}
	}
	equal(b.t, "in pages", paged, whole)
	long := strings.Repeat("ü", 200)
	if s := SortedName(long); len(s) != 90 || !strings.HasPrefix(long, s) {
		b.t.Errorf("%d octets to sort by", len(s))
	}
}

// testContactsOfConversations changes contacts in transactions that remember
// their conversations, and in others.
func testContactsOfConversations(b *bed) {
	unknown := gateway.Address{Kind: gateway.AddressUnknown, Value: phone(1).Value}
	var gone gateway.Conversation
	b.do(func(tx *Tx) error {
		for _, peer := range []gateway.Address{phone(1), phone(2), phone(3), unknown} {
			if err := tx.SaveConversation(newConversation(tx, peer)); err != nil {
				return err
			}
		}
		other := newConversation(tx, phone(1))
		other.Number = "+12602058999"
		if err := tx.SaveConversation(other); err != nil {
			return err
		}
		gone = newConversation(tx, phone(4))
		gone.Status = gateway.StatusDeleted
		return tx.SaveConversation(gone)
	})
	c := gateway.Contact{Name: "Ana", Numbers: []gateway.Address{phone(1), phone(2), phone(4)}}
	with := func(tx *Tx, peers ...gateway.Address) string {
		all, err := tx.With(peers)
		if err != nil {
			b.t.Error(err)
		}
		var lines []string
		for _, c := range all {
			lines = append(lines, fmt.Sprint(c.Number[9:], " ", c.Peer.Value[9:], " ", c.ContactName, c.Contact != 0))
		}
		slices.Sort(lines)
		return strings.Join(lines, ", ")
	}
	b.do(func(tx *Tx) error {
		if _, err := tx.Pair(ourNumber, phone(2)); err != nil {
			return err
		}
		if err := tx.SaveContact(&c); err != nil {
			return err
		}
		equal(b.t, "added", with(tx, c.Numbers...), "900 001 Anatrue, 900 002 Anatrue, 999 001 Anatrue")
		equal(b.t, "another", with(tx, phone(3), unknown), "900 001 false, 900 003 false")
		c.Name, c.Numbers = "Anna", []gateway.Address{phone(2), phone(3)}
		if err := tx.SaveContact(&c); err != nil {
			return err
		}
		equal(b.t, "changed", with(tx, phone(1), phone(2), phone(3)), "900 001 false, 900 002 Annatrue, 900 003 Annatrue, 999 001 false")
		fresh, err := tx.Pair(ourNumber, phone(9))
		if err != nil || fresh.Contact != 0 {
			return fmt.Errorf("%+v, %v", fresh, err)
		}
		c.Numbers = append(c.Numbers, phone(9))
		if err := tx.SaveContact(&c); err != nil {
			return err
		}
		if fresh, err = tx.Pair(ourNumber, phone(9)); err != nil || fresh.ContactName != "Anna" {
			return fmt.Errorf("%+v, %v", fresh, err)
		}
		return nil
	})
	list := func(l ConversationList) (all []string) {
		l.Visible, l.Limit = Visible{Everything: true}, 50
		for _, c := range must(b.Conversations(b.ctx, l))(b.t) {
			all = append(all, fmt.Sprint(c.Peer.Value[9:], c.ContactName))
		}
		slices.Sort(all)
		return all
	}
	equal(b.t, "found by the contact's name", list(ConversationList{Search: "ANN"}), []string{"002Anna", "003Anna"})
	history := func(peers ...gateway.Address) (all []string) {
		for _, c := range must(b.History(b.ctx, peers))(b.t) {
			all = append(all, fmt.Sprint(c.Number[9:], " ", c.Peer.Value[9:], c.ContactName))
		}
		slices.Sort(all)
		return all
	}
	equal(b.t, "with customers", history(phone(1), phone(4)), []string{"900 001", "999 001"})
	equal(b.t, "with others, of another kind", history(unknown, phone(2)), []string{"900 001", "900 002Anna"})
	for value, want := range map[string]bool{phone(1).Value: true, phone(4).Value: false, "x": false} {
		if got, ok, err := b.Texted(b.ctx, value); ok != want || err != nil || ok && got != phone(1) {
			b.t.Errorf("%s: %+v, %v, %v", value, got, ok, err)
		}
	}
	equal(b.t, "with nobody", history(), []string(nil))
	b.do(func(tx *Tx) error {
		if err := tx.DeleteContact(c.ID); err != nil {
			return err
		}
		equal(b.t, "deleted", with(tx, phone(2), phone(3)), "900 002 false, 900 003 false")
		return nil
	})
}

func testHistory(b *bed) {
	var one, two gateway.Conversation
	b.do(func(tx *Tx) error {
		one, two = newConversation(tx, phone(1)), newConversation(tx, phone(2))
		for _, w := range []struct {
			c      *gateway.Conversation
			author gateway.ID
			kind   gateway.MessageKind
		}{{&one, 7, gateway.KindText}, {&one, 5, gateway.KindNote}, {&one, 6, gateway.KindSystem}, {&one, 7, gateway.KindText}, {&one, 0, gateway.KindText}, {&two, 5, gateway.KindText}} {
			m, _ := newText(tx, w.c, "text", 1)
			m.Author, m.Kind = w.author, w.kind
			tx.InsertMessage(m)
		}
		if err := tx.SaveConversation(one); err != nil {
			return err
		}
		return tx.SaveConversation(two)
	})
	b.do(func(tx *Tx) error { one.UpdatedAt = tx.Now().Add(time.Second); return tx.SaveConversation(one) })
	equal(b.t, "newest first", must(b.History(b.ctx, []gateway.Address{phone(1), phone(2)}))(b.t), []gateway.Conversation{one, two})
	equal(b.t, "writers", must(b.Writers(b.ctx, []gateway.ID{one.ID, two.ID, 1}))(b.t), map[gateway.ID][]gateway.ID{one.ID: {7, 5}, two.ID: {5}})
}

func testIgnored(b *bed) {
	var c gateway.Conversation
	b.do(func(tx *Tx) error { c = newConversation(tx, phone(1)); return tx.SaveConversation(c) })
	ignored := func(person gateway.ID) bool {
		return must(b.Ignored(b.ctx, person, []gateway.Conversation{{ID: 1}, c}))(b.t)[c.ID]
	}
	for range 2 {
		b.do(func(tx *Tx) error { return tx.Ignore(5, c.ID, c.Epoch) })
		if !ignored(5) || ignored(6) {
			b.t.Errorf("%v, %v", ignored(5), ignored(6))
		}
		if c.Epoch++; ignored(5) {
			b.t.Error("ignored in another epoch")
		}
	}
}

func testTemplates(b *bed) {
	add := func(t gateway.Template) gateway.Template {
		b.do(func(tx *Tx) error { saved := t; saved.ID = 0; err := tx.SaveTemplate(&saved); t = saved; return err })
		return t
	}
	hello := add(gateway.Template{Name: "hello", Category: "greetings", Language: "en", Text: "Hi {{contact.name}}"})
	hours := add(gateway.Template{Name: "Hours", Category: "info", Language: "en", Text: "8 to 5", Queue: 7})
	bye := add(gateway.Template{Name: "Bye", Category: "greetings", Language: "de", Text: "Tschüß 100%", Queue: 8})
	for _, want := range []gateway.Template{hello, hours, bye} {
		got, ok, err := b.Template(b.ctx, want.ID)
		if !ok || err != nil {
			b.t.Fatal(ok, err)
		}
		equal(b.t, "template", got, want)
	}
	for _, test := range []struct {
		list TemplateList
		want string
	}{
		{TemplateList{}, "Bye hello Hours"},
		{TemplateList{Search: "H"}, "Bye hello Hours"},
		{TemplateList{Search: "TSCHÜ"}, "Bye"},
		{TemplateList{Search: "0%"}, "Bye"},
		{TemplateList{Search: "8%5"}, ""},
		{TemplateList{Category: "greetings"}, "Bye hello"},
		{TemplateList{Category: "greetings", Language: "en"}, "hello"},
		{TemplateList{Queues: []gateway.ID{7}}, "hello Hours"},
		{TemplateList{Queues: []gateway.ID{}}, "hello"},
		{TemplateList{After: &NamePlace{"bye", bye.ID}}, "hello Hours"},
		{TemplateList{After: &NamePlace{"bye", bye.ID}, Limit: 1}, "hello"},
	} {
		if test.list.Limit == 0 {
			test.list.Limit = 50
		}
		var names []string
		for _, t := range must(b.Templates(b.ctx, test.list))(b.t) {
			names = append(names, t.Name)
		}
		equal(b.t, fmt.Sprintf("%+v", test.list), strings.Join(names, " "), test.want)
	}
	b.do(func(tx *Tx) error {
		t, ok, err := tx.Template(hours.ID)
		if !ok || err != nil {
			return fmt.Errorf("%v, %v", ok, err)
		}
		t.Name, t.Queue, t.Text = "Opening", 0, "9 to 5"
		hours = t
		return tx.SaveTemplate(&hours)
	})
	if got, _, _ := b.Template(b.ctx, hours.ID); got != hours || !hours.UpdatedAt.After(hours.CreatedAt) || time.Since(hours.UpdatedAt) > time.Minute {
		b.t.Errorf("changed to %+v, want %+v", got, hours)
	}
	b.do(func(tx *Tx) error { return tx.DeleteTemplate(hello.ID) })
	if _, ok, err := b.Template(b.ctx, hello.ID); ok || err != nil {
		b.t.Errorf("deleted: %v, %v", ok, err)
	}
	queue := ask(b, func(tx *Tx) (gateway.ID, error) { return tx.AddQueue("Sales", nil) })
	b.do(func(tx *Tx) error { bye.Queue = queue; return tx.SaveTemplate(&bye) })
	if !ask(b, func(tx *Tx) (bool, error) { return tx.HideQueue(queue) }) {
		b.t.Error("no such queue")
	}
	if got, _, _ := b.Template(b.ctx, bye.ID); got.Queue != GeneralQueue {
		b.t.Errorf("of a deleted queue: %+v", got)
	}
}
