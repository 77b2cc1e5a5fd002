package api

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
)

// names of what s's people see of a list, to compare.
func (c *client) list(t *testing.T, query string) []Conversation {
	t.Helper()
	return want[ConversationList](t, c.do("GET", "/conversations"+query, nil), 200).Items
}

func (s *site) waiting(t *testing.T) Conversation {
	t.Helper()
	cs := s.as("olga").list(t, "?view=waiting")
	if len(cs) != 1 {
		t.Fatalf("%d conversations wait", len(cs))
	}
	return cs[0]
}

// TestWhoSees walks one conversation through its states, and asks five people
// and two programs for it in each.
func TestWhoSees(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	clients := map[string]*client{}
	for name := range s.people {
		clients[name] = s.as(name)
	}
	clients["reader"] = s.program("reader", "conversations:read messages:read", "")
	clients["limited"] = s.program("limited", "conversations:read messages:read", general)
	path := "/conversations/" + c.ID
	check := func(state string, who ...string) {
		t.Helper()
		for name, cl := range clients {
			sees := false
			for _, w := range who {
				sees = sees || w == name
			}
			status := 404
			if sees {
				status = 200
			}
			for _, p := range []string{path, path + "/messages", path + "/events", "/messages/" + c.LastMessage.ID} {
				if a := cl.do("GET", p, nil); a.status != status {
					t.Errorf("%s: %s gets %d for %s, want %d", state, name, a.status, p, status)
				}
			}
			if n := len(cl.list(t, "?view=all")); (n == 1) != sees {
				t.Errorf("%s: %s lists %d", state, name, n)
			}
		}
	}
	do := func(name, method, action string, body any, status int) {
		t.Helper()
		if a := clients[name].do(method, path+action, body); a.status != status {
			t.Fatalf("%s %s: %d %s", name, action, a.status, a.body)
		}
	}
	check("waiting", "ana", "ben", "max", "olga", "reader")
	do("ana", "POST", "/take", nil, 200)
	check("taken", "ana", "max", "olga", "reader")
	do("ana", "POST", "/archive", nil, 200)
	check("taken, archived", "ana", "max", "olga", "reader")
	do("ana", "POST", "/transfer", transferBody{Agent: s.people["stan"].String(), Note: "yours"}, 200)
	check("transferred", "stan", "max", "olga", "reader")
	do("stan", "POST", "/dealt-with", nil, 200)
	check("closed", "stan", "max", "olga", "reader")
	do("olga", "DELETE", "", nil, 204)
	check("deleted")
}

func TestConversationJSON(t *testing.T) {
	s := newSite(t)
	s.run()
	before := time.Now().Add(-time.Second)
	s.arrive(customer, ours, "hello \"there\"\n")
	ana := s.as("ana")
	c := ana.list(t, "")[0]
	if c.Channel != "sms" || c.CarrierKind != "smpp" || c.Number != ours || c.Peer != customer || c.Queue.Name != "Sales" || c.Queue.ID != s.queue.String() ||
		c.Status != "waiting" || c.Owner != nil || c.Archived || c.Unread != 1 || c.Contact != nil || c.UpdatedAt.Before(before) {
		t.Errorf("%+v", c)
	}
	m := c.LastMessage
	if m == nil || m.Direction != "in" || m.From != customer || m.To != ours || m.Text != "hello \"there\"\n" || m.Tick != nil || m.Error != nil ||
		m.Kind != "text" || m.Carrier != "acme" || m.ConversationID != c.ID || m.Author != nil {
		t.Errorf("%+v", m)
	}
	m2 := want[Message](t, ana.do("POST", "/conversations/"+c.ID+"/messages", replyBody{Text: "hi ✓"}), 202)
	if m2.Direction != "out" || m2.From != ours || m2.To != customer || m2.Tick == nil || *m2.Tick != "queued" || m2.Author.Name != "ana" || m2.Encoding != "ucs2" || m2.Segments != 1 {
		t.Errorf("%+v", m2)
	}
	c = want[Conversation](t, ana.do("GET", "/conversations/"+c.ID, nil), 200)
	if c.Status != "taken" || c.Owner == nil || c.Owner.Name != "ana" || c.Owner.Extension != "101" || c.LastMessage.ID != m2.ID || c.OwnerSince == nil {
		t.Errorf("%+v", c)
	}
	thread := want[MessageList](t, ana.do("GET", "/conversations/"+c.ID+"/messages", nil), 200)
	kinds := ""
	for _, m := range thread.Items {
		kinds += m.Kind + " "
	}
	if kinds != "system text text " || thread.NextCursor != nil {
		t.Errorf("thread %q %v", kinds, thread.NextCursor)
	}
	events := want[EventList](t, ana.do("GET", "/conversations/"+c.ID+"/events", nil), 200)
	if len(events.Items) != 2 || events.Items[0].Type != "conversation.taken" || events.Items[0].Data.By.Name != "ana" || events.Items[1].Type != "conversation.created" {
		t.Errorf("events %+v", events)
	}
}

func TestListsOfConversations(t *testing.T) {
	s := newSite(t)
	s.run()
	for i := range 5 {
		s.arrive(fmt.Sprintf("+1260205890%d", i), ours, fmt.Sprintf("text %d", i))
	}
	s.arrive("+12602058909", general, "for all")
	ana := s.as("ana")
	all := ana.list(t, "?view=waiting&sort=oldest")
	if len(all) != 6 || all[0].Peer != "+12602058900" || all[5].Peer != "+12602058909" {
		t.Fatalf("%+v", all)
	}
	act := func(i int, actions ...string) {
		for _, a := range actions {
			want[Conversation](t, ana.do("POST", "/conversations/"+all[i].ID+"/"+a, nil), 200)
		}
	}
	act(0, "take")
	act(1, "take", "archive")
	act(2, "dealt-with")
	for _, tc := range []struct {
		query string
		want  string
	}{
		{"", "0 9 4 3 "},
		{"?view=waiting", "9 4 3 "},
		{"?view=waiting&sort=oldest", "3 4 9 "},
		{"?view=mine", "0 "},
		{"?view=archived", "2 1 "},
		{"?view=all", "2 1 0 9 4 3 "},
		{"?view=waiting&queue=" + s.queue.String(), "4 3 "},
		{"?view=all&q=text%203", "3 "},
		{"?view=all&q=TEXT+1", "1 "},
		{"?view=all&q=58904", "4 "},
		{"?view=all&q=%25", ""},
	} {
		got := ""
		for _, c := range ana.list(t, tc.query) {
			got += c.Peer[len(c.Peer)-1:] + " "
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.query, got, tc.want)
		}
		// In pages of two it is the same list.
		paged, cursor := "", ""
		for range 10 {
			q := "?limit=2"
			if tc.query != "" {
				q = tc.query + "&limit=2"
			}
			l := want[ConversationList](t, ana.do("GET", "/conversations"+q+cursor, nil), 200)
			for _, c := range l.Items {
				paged += c.Peer[len(c.Peer)-1:] + " "
			}
			if l.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + *l.NextCursor
		}
		if paged != tc.want {
			t.Errorf("%s in pages: %q, want %q", tc.query, paged, tc.want)
		}
	}
	want[ConversationList](t, ana.do("GET", "/conversations?limit=99999", nil), 200)
	for _, q := range []string{"?limit=0", "?limit=x", "?cursor=nonsense", "?view=some", "?sort=oldest", "?queue=5"} {
		refused(t, ana.do("GET", "/conversations"+q, nil), 422, "invalid_request")
	}
}

func TestTakeRace(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	names := []string{"ana", "ben", "max", "olga"}
	answers := make([]answer, len(names)*4)
	var all sync.WaitGroup
	for i := range answers {
		cl := s.as(names[i%len(names)])
		all.Go(func() { answers[i] = cl.do("POST", "/conversations/"+c.ID+"/take", "{}") })
	}
	all.Wait()
	owner := s.as("olga").list(t, "?view=all")[0].Owner
	for i, a := range answers {
		if name := names[i%len(names)]; name == owner.Name {
			if got := want[Conversation](t, a, 200); got.Owner.ID != owner.ID || got.Epoch != c.Epoch+1 {
				t.Errorf("%+v", got)
			}
			continue
		}
		p := refused(t, a, 409, "already_taken")
		if p.Owner == nil || p.Owner.Name != owner.Name || p.Owner.ID != owner.ID || p.Since == nil {
			t.Errorf("%s", a.body)
		}
	}
}

func TestActions(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	ana, ben, max := s.as("ana"), s.as("ben"), s.as("max")
	path := "/conversations/" + c.ID

	refused(t, ana.do("POST", path+"/archive", nil), 409, "not_owner")
	refused(t, ana.do("DELETE", path, nil), 409, "not_archived")
	got := want[Conversation](t, ana.do("POST", path+"/take", ActionBody{Epoch: &c.Epoch}), 200)
	if got.Status != "taken" || got.Unread != 1 {
		t.Errorf("%+v", got)
	}
	p := refused(t, ana.do("POST", path+"/release", ActionBody{Epoch: &c.Epoch}), 409, "stale_epoch")
	if p.Conversation == nil || p.Conversation.Epoch != got.Epoch || p.Conversation.Owner.Name != "ana" {
		t.Errorf("%+v", p)
	}
	if got = want[Conversation](t, ana.do("POST", path+"/read", nil), 200); got.Unread != 0 {
		t.Errorf("%+v", got)
	}
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	if got = want[Conversation](t, ana.do("POST", path+"/snooze", snoozeBody{Until: &until}), 200); got.SnoozedUntil == nil || !got.SnoozedUntil.Equal(until) {
		t.Errorf("%+v", got)
	}
	if got = want[Conversation](t, ana.do("POST", path+"/notes", noteBody{Text: "a friend"}), 200); got.LastMessage.Text != "hello" {
		t.Errorf("%+v", got)
	}
	thread := want[MessageList](t, ana.do("GET", path+"/messages", nil), 200).Items
	if thread[0].Kind != "note" || thread[0].Text != "a friend" || thread[0].Author.Name != "ana" || thread[0].Tick != nil {
		t.Errorf("%+v", thread[0])
	}
	refused(t, ana.do("POST", path+"/notes", noteBody{Text: " "}), 422, "text_empty")
	refused(t, ana.do("POST", path+"/notes", noteBody{ActionBody: ActionBody{Epoch: &c.Epoch}, Text: "late"}), 409, "stale_epoch")

	refused(t, ben.do("POST", path+"/messages", replyBody{Text: "me"}), 409, "owned_by_other")
	refused(t, ben.do("POST", path+"/release", nil), 404, "not_found")
	refused(t, max.do("POST", path+"/archive", nil), 409, "not_owner")
	refused(t, ana.do("POST", path+"/transfer", "{}"), 422, "invalid_request")
	refused(t, ana.do("POST", path+"/transfer", transferBody{Agent: "0000000000009"}), 422, "agent_unavailable")
	refused(t, ana.do("POST", path+"/transfer", transferBody{Queue: "sales"}), 422, "agent_unavailable")
	brief := want[Brief](t, ana.do("POST", path+"/transfer", transferBody{Agent: s.people["ben"].String()}), 200)
	if brief.ID != c.ID || brief.Status != "taken" || brief.Owner.Name != "ben" {
		t.Errorf("%+v", brief)
	}
	refused(t, ana.do("GET", path, nil), 404, "not_found")
	want[Conversation](t, ben.do("POST", path+"/transfer", transferBody{Queue: s.queue.String()}), 200)
	if got = want[Conversation](t, ana.do("POST", path+"/block", nil), 200); !got.Blocked {
		t.Errorf("%+v", got)
	}
	refused(t, ana.do("POST", path+"/messages", replyBody{Text: "hi"}), 422, "blocked")
	want[Conversation](t, ana.do("POST", path+"/dealt-with", nil), 200)
	if a := ana.do("DELETE", path, nil); a.status != 204 || len(a.body) != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	refused(t, ana.do("POST", path+"/take", nil), 404, "not_found")
	refused(t, ana.do("POST", "/conversations/nonsense/take", nil), 404, "not_found")
}

func TestStart(t *testing.T) {
	s := newSite(t)
	ana, ben, stan := s.as("ana"), s.as("ben"), s.as("stan")
	a := ana.do("POST", "/conversations", startBody{From: ours, To: "(260) 205-8901", Text: "hi"})
	c := want[Conversation](t, a, 201)
	if c.Status != "taken" || c.Owner.Name != "ana" || c.Peer != customer || c.LastMessage.Text != "hi" || a.header.Get("Location") != prefix+"/conversations/"+c.ID {
		t.Errorf("%+v", c)
	}
	if again := want[Conversation](t, ana.do("POST", "/conversations", startBody{From: ours, To: customer, Text: "more"}), 201); again.ID != c.ID {
		t.Errorf("%+v", again)
	}
	p := refused(t, ben.do("POST", "/conversations", startBody{From: ours, To: customer, Text: "hi"}), 409, "owned_by_other")
	if p.Owner.Name != "ana" {
		t.Errorf("%+v", p)
	}
	refused(t, ana.do("POST", "/conversations", startBody{To: customer, Text: "hi"}), 422, "number_not_ours")
	if c := want[Conversation](t, stan.do("POST", "/conversations", startBody{To: customer, Text: "hi"}), 201); c.Number != general {
		t.Errorf("%+v", c)
	}
	refused(t, stan.do("POST", "/conversations", startBody{From: ours, To: customer, Text: "hi"}), 422, "number_not_ours")
	refused(t, ana.do("POST", "/conversations", startBody{From: "+15550001111", To: customer, Text: "hi"}), 422, "number_not_ours")
	refused(t, ana.do("POST", "/conversations", startBody{From: ours, To: "911", Text: "help"}), 422, "number_invalid")
	refused(t, ana.do("POST", "/conversations", startBody{From: ours, To: "", Text: "help"}), 422, "number_invalid")
	p = refused(t, ana.do("POST", "/conversations", startBody{From: ours, To: "12602058903x", Text: "hi"}), 422, "number_invalid")
	p = refused(t, ana.do("POST", "/conversations", startBody{From: ours, To: "1-800-FLOWERS", Text: "hi"}), 422, "number_invalid")
	if p.Suggestion == "" {
		t.Errorf("no suggestion: %+v", p)
	}
	invalidButPossible := startBody{From: ours, To: "+12600000000", Text: "hi"}
	refused(t, ana.do("POST", "/conversations", invalidButPossible), 422, "number_invalid")
	invalidButPossible.ToAsTyped = true
	want[Conversation](t, ana.do("POST", "/conversations", invalidButPossible), 201)
	refused(t, ana.do("POST", "/conversations", startBody{From: ours, To: customer}), 422, "text_empty")
}

// TestStartByTheOwner has somebody who was given a conversation, and is not in its
// number's queue, text its customer by their number: it goes on as a reply does.
func TestStartByTheOwner(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	stan := s.as("stan")
	refused(t, stan.do("POST", "/conversations", startBody{From: ours, To: customer, Text: "hi"}), 422, "number_not_ours")
	want[Conversation](t, s.as("max").do("POST", "/conversations/"+c.ID+"/transfer", transferBody{Agent: s.people["stan"].String()}), 200)
	if got := want[Conversation](t, stan.do("POST", "/conversations", startBody{From: ours, To: customer, Text: "hi"}), 201); got.ID != c.ID || got.LastMessage.Text != "hi" {
		t.Errorf("%+v", got)
	}
	refused(t, s.as("ana").do("POST", "/conversations", startBody{From: ours, To: customer, Text: "hi"}), 409, "owned_by_other")
	refused(t, stan.do("POST", "/conversations", startBody{From: ours, To: "+12602058902", Text: "hi"}), 422, "number_not_ours")
}

func TestNumbersParse(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	got := want[ParsedNumber](t, ana.do("GET", "/numbers/parse?input=%28260%29+205-8901", nil), 200)
	if got.E164 != customer || !got.Valid || !got.Possible || got.National != "(260) 205-8901" || got.Suggestion != customer {
		t.Errorf("%+v", got)
	}
	if got := want[ParsedNumber](t, ana.do("GET", "/numbers/parse?input=07400123456&region=GB", nil), 200); got.E164 != "+447400123456" || got.Kind != "mobile" {
		t.Errorf("%+v", got)
	}
	if got := want[ParsedNumber](t, ana.do("GET", "/numbers/parse?input=911", nil), 200); got.Kind != "emergency" || got.Possible {
		t.Errorf("%+v", got)
	}
}

func TestRegionOfOurNumber(t *testing.T) {
	s := newSite(t)
	for from, region := range map[string]string{"+447700900123": "GB", ours: "US", "12345": "US", "Shop": "US"} {
		if got := s.api.regionOf(from); got != region {
			t.Errorf("%s: %s, want %s", from, got, region)
		}
	}
	if a, err := s.api.address("+447700900123", "07400 123456"); err != nil || a != (gateway.Address{Kind: gateway.AddressE164, Value: "+447400123456"}) {
		t.Errorf("%v %v", a, err)
	}
}

// TestInternational compares the short way with the long one.
func TestInternational(t *testing.T) {
	for _, to := range []string{customer, "+447400123456", "+4915112345678", "+5215512345678", "+5491123456789", "+390612345678", "+79161234567", "+78001234567",
		"+12600000000", "+1911", "+1260205890", "+999123456789", "+441", "+6581234567", "+3726123456", "+0123456789", "+80012345678", "12602058901", "+1 260 205 8901"} {
		p := gateway.ParseNumber(to, "US")
		got, ok := international(to)
		if strict := len(to) > 7 && to[0] == '+' && to[1] != '0' && !strings.Contains(to, " "); ok != (p.Possible && strict) || ok && got != p.Address {
			t.Errorf("%s: %v %v, not %v %v", to, got, ok, p.Address, p.Possible)
		}
	}
}

// TestSearchAsPeopleType finds numbers in the ways that people write them, and
// texts and notes, but not what the gateway says of steps.
func TestSearchAsPeopleType(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "about the parcel")
	ana := s.as("ana")
	c := ana.list(t, "?view=waiting")[0]
	if a := ana.do("POST", "/conversations/"+c.ID+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	want[Conversation](t, ana.do("POST", "/conversations/"+c.ID+"/notes", `{"text":"a friend of Max"}`), 200)
	for q, n := range map[string]int{"260-205-8901": 1, "(260) 205-8901": 1, "205 8901": 1, "+12602058901": 1, "2058901": 1, "parcel": 1, "friend": 1, "took": 0, "205-8902": 0} {
		if got := len(ana.list(t, "?view=all&q="+query(q))); got != n {
			t.Errorf("%q finds %d, want %d", q, got, n)
		}
	}
}
