package api

import (
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// agree checks that the counts of a client are those of its lists, and returns
// them.
func (c *client) agree(t *testing.T, name, after string) Counts {
	t.Helper()
	got := want[Counts](t, c.do("GET", "/counts", nil), 200)
	mine := c.list(t, "?view=mine")
	expected := Counts{Waiting: len(c.list(t, "?view=waiting")), Mine: len(mine), Snoozed: len(c.list(t, "?view=snoozed"))}
	for _, m := range mine {
		if expected.Unread += m.Unread; m.Unread > 0 {
			expected.MineUnread++
		}
	}
	expected.Badge = expected.MineUnread + expected.Waiting
	if got != expected {
		t.Errorf("%s after %s: %+v, the lists say %+v", name, after, got, expected)
	}
	if both := len(c.list(t, "")); both != expected.Waiting+expected.Mine {
		t.Errorf("%s after %s: %d without a view, want %d and %d", name, after, both, expected.Waiting, expected.Mine)
	}
	return got
}

// TestCounts has counts and lists agree, for everybody, after each step of some
// conversations.
func TestCounts(t *testing.T) {
	s := newSite(t)
	s.run()
	clients := map[string]*client{}
	for name := range s.people {
		clients[name] = s.as(name)
	}
	clients["program"] = s.program("p", "conversations:read", "")
	clients["limited"] = s.program("l", "conversations:read", general)
	agree := func(after string) {
		t.Helper()
		for name, c := range clients {
			c.agree(t, name, after)
		}
	}
	agree("nothing")
	s.arrive(customer, ours, "hello")
	s.arrive("+12602058902", ours, "hello")
	s.arrive("+12602058903", general, "hello")
	agree("arrivals")
	if n := clients["ana"].agree(t, "ana", "arrivals"); n != (Counts{Waiting: 3, Badge: 3}) {
		t.Errorf("%+v", n)
	}
	if n := clients["stan"].agree(t, "stan", "arrivals"); n != (Counts{Waiting: 1, Badge: 1}) {
		t.Errorf("%+v", n)
	}
	var id string
	for _, c := range clients["ana"].list(t, "?view=waiting") {
		if c.Peer == customer {
			id = c.ID
		}
	}
	path := "/conversations/" + id
	for _, step := range []struct {
		who, action string
		body        any
	}{
		{"ana", "/take", nil},
		{"", "a text", nil},
		{"ana", "/read", nil},
		{"ana", "/snooze", snoozeBody{}},
		{"ana", "/snooze", map[string]time.Time{"until": time.Unix(0, 0)}},
		{"ana", "/snooze", snoozeBody{}},
		{"", "a text", nil},
		{"ana", "/archive", nil},
		{"", "a text", nil},
		{"ana", "/transfer", transferBody{Agent: s.people["ben"].String()}},
		{"ben", "/release", nil},
		{"max", "/take", nil},
		{"max", "/dealt-with", nil},
		{"", "a text", nil},
		{"olga", "/transfer", transferBody{Queue: store.GeneralQueue.String()}},
		{"stan", "/messages", replyBody{Text: "hi"}},
		{"", "a text", nil},
		{"stan", "/dealt-with", nil},
		{"stan", "/unarchive", nil},
		{"stan", "/dealt-with", nil},
	} {
		if step.who == "" {
			s.arrive(customer, ours, "and more")
		} else if a := clients[step.who].do("POST", path+step.action, step.body); a.status != 200 && a.status != 202 {
			t.Fatalf("%s %s: %d %s", step.who, step.action, a.status, a.body)
		}
		agree(step.who + " " + step.action)
	}
	// What is offered to some waits for them and the managers alone. In a queue
	// that offers to everyone the router would widen it at its next look.
	s.update(func(tx *store.Tx) error {
		settings := gateway.DefaultQueueSettings()
		settings.Offer, settings.OfferCount = gateway.OfferFirst, 1
		_, err := tx.SaveQueue(store.Queue{ID: s.queue, Name: "Sales", Settings: settings})
		return err
	})
	waiting := clients["ana"].list(t, "?view=waiting")
	s.update(func(tx *store.Tx) error {
		for _, w := range waiting {
			id, _ := gateway.ParseID(w.ID)
			c, _, err := tx.Conversation(id)
			if err != nil {
				return err
			}
			if c.Offered = gateway.Only(s.people["ben"]); c.Queue == s.queue {
				if err := tx.SaveConversation(c); err != nil {
					return err
				}
			}
		}
		return nil
	})
	agree("an offer to ben")
	a, b := clients["ana"].agree(t, "ana", "the offer"), clients["ben"].agree(t, "ben", "the offer")
	if a.Waiting >= b.Waiting || b.Waiting != clients["max"].agree(t, "max", "the offer").Waiting {
		t.Errorf("ana counts %d, ben %d", a.Waiting, b.Waiting)
	}
	refused(t, s.program("none", "messages:send", "").do("GET", "/counts", nil), 403, "forbidden")
}

// TestReadableQueues lists what others have taken for members of a queue that
// lets them read it.
func TestReadableQueues(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	ana, ben := s.as("ana"), s.as("ben")
	want[Conversation](t, ana.do("POST", "/conversations/"+c.ID+"/take", nil), 200)
	if n := len(ben.list(t, "?view=all")); n != 0 {
		t.Errorf("ben lists %d before he may read", n)
	}
	s.update(func(tx *store.Tx) error {
		settings := gateway.DefaultQueueSettings()
		settings.Readable = true
		_, err := tx.SaveQueue(store.Queue{ID: s.queue, Name: "Sales", Settings: settings})
		return err
	})
	if got := ben.list(t, "?view=all"); len(got) != 1 || got[0].ID != c.ID {
		t.Errorf("ben lists %+v", got)
	}
	want[Conversation](t, ben.do("GET", "/conversations/"+c.ID, nil), 200)
	for _, view := range []string{"", "?view=mine", "?view=waiting"} {
		if n := len(ben.list(t, view)); n != 0 {
			t.Errorf("%s holds %d", view, n)
		}
	}
	if n := len(s.as("stan").list(t, "?view=all")); n != 0 {
		t.Errorf("stan is no member and lists %d", n)
	}
}
