package main_test

import (
	"encoding/json"
	"slices"
	"testing"
)

// manages makes a request of management, which answers 200, 201, 202 or 204, and
// decodes what it answers into v unless that is nil.
func (u *user) manages(method, path string, body, v any) {
	u.t.Helper()
	status, answer, err := u.try(u.t.Context(), method, path, body)
	if err != nil || status < 200 || status > 204 {
		u.t.Fatalf("%s: %s %s: %d %v: %s", u.name, method, path, status, err, answer)
	}
	if v != nil {
		if err := json.Unmarshal(answer, v); err != nil {
			u.t.Fatalf("%s: %s %s: %v: %s", u.name, method, path, err, answer)
		}
	}
}

// queue makes a queue with settings and these members, in their order.
func (k *desk) queue(name string, settings map[string]any, members ...*user) (id string) {
	k.t.Helper()
	var made named
	k.olga.manages("POST", "/queues", map[string]any{"name": name}, &made)
	if made.ID == "" {
		k.t.Fatalf("the queue %s has no id", name)
	}
	k.set(made.ID, settings)
	for i, u := range members {
		k.olga.manages("PUT", "/queues/"+made.ID+"/members/"+u.id(), map[string]any{"manages": false, "position": i + 1}, nil)
	}
	return made.ID
}

func (k *desk) set(queue string, settings map[string]any) {
	k.t.Helper()
	if settings != nil {
		k.olga.manages("PATCH", "/queues/"+queue, map[string]any{"settings": settings}, nil)
	}
}

// sales makes a queue for the texts to our number.
func (k *desk) sales(settings map[string]any, members ...*user) (id string) {
	k.t.Helper()
	id = k.queue("Sales", settings, members...)
	k.olga.manages("PATCH", "/numbers/"+ourNumber, map[string]any{"queue": id}, nil)
	return id
}

// The agent to transfer to is found by name or by extension.
func TestParityTransferFindsAgents(t *testing.T) {
	k := newDesk(t)
	for query, want := range map[string][]string{"be": {"Ben"}, "BEN": {"Ben"}, "102": {"Ben"}, "30": {"Olga"}, "nobody": nil} {
		var got []string
		for _, a := range list[named](k.ana, "/agents?q="+query) {
			got = append(got, a.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
}

// A transfer to another queue: it waits for those in it, and is gone for me.
func TestParityTransferToAnotherQueue(t *testing.T) {
	k := newDesk(t)
	support := k.queue("Support", nil, k.ben)
	c := k.begins(customer, "It is broken.")
	k.ana.act(c.ID, "take", nil)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.ana.act(c.ID, "transfer", map[string]string{"queue": support, "note": "Number 7."})
	ana.gone(c.ID, "conversation.transferred", "")
	ben.expect(c.ID, "conversation.transferred")
	k.ana.seesNothing(c.ID)
	k.ben.has(c.ID, "default", "waiting", "all")
	k.ben.reply(c.ID, "Have you turned it off and on?")
}

// A text of somebody unknown says that it is: they are added, answered, or
// ignored.
func TestParityUnknownSender(t *testing.T) {
	k := newDesk(t)
	type known struct{ Contact *named }
	added, answered, ignored := k.begins(customer, "One"), k.begins(otherCustomer, "Two"), k.begins(thirdCustomer, "Three")
	var before, after known
	if k.ana.must("GET", "/conversations/"+added.ID, nil, 200, &before); before.Contact != nil {
		t.Errorf("%+v is known already", before.Contact)
	}
	ben := k.ben.follow()
	k.ana.manages("POST", "/contacts", map[string]any{"name": "Jo Miller", "numbers": []string{customer}}, nil)
	ben.expect(added.ID, "conversation.updated")
	if k.ben.must("GET", "/conversations/"+added.ID, nil, 200, &after); after.Contact == nil || after.Contact.Name != "Jo Miller" {
		t.Errorf("after it was added, the customer is %+v", after.Contact)
	}

	k.ana.reply(answered.ID, "Who is it?")
	k.ana.has(answered.ID, "default", "mine", "all")

	k.ana.manages("POST", "/conversations/"+ignored.ID+"/ignore", nil, nil)
	k.ana.has(ignored.ID, "default", "waiting", "all") // later it is in the list still
	k.ben.has(ignored.ID, "default", "waiting", "all")
	if c := k.ben.with(thirdCustomer); c.Status != "waiting" || c.Owner != nil {
		t.Errorf("Ana ignored it, and Ben sees %+v", c)
	}
}

// Templates are found, and filled for a customer to be edited or sent. Only
// managers manage them.
func TestParityTemplates(t *testing.T) {
	k := newDesk(t)
	sales := k.sales(nil, k.ana)
	mia := k.hire("Mia", "201", "manager")
	k.olga.manages("PUT", "/queues/"+sales+"/members/"+mia.id(), map[string]any{"manages": true}, nil)
	ready := map[string]any{"name": "Ready", "category": "orders", "language": "en", "text": "Hello {{contact.first_name}}, your order is ready. {{agent.name}}"}
	k.ana.refused("POST", "/templates", ready, 403, "forbidden")
	var made, closed named
	mia.manages("POST", "/templates", ready, &made)
	k.olga.manages("POST", "/templates", map[string]any{"name": "Closed", "category": "hours", "language": "en", "text": "We open at eight."}, &closed)
	for query, want := range map[string][]string{"": {"Closed", "Ready"}, "?q=ready": {"Ready"}, "?category=hours": {"Closed"}, "?language=de": nil} {
		var got []string
		for _, found := range list[named](k.ana, "/templates"+query) {
			got = append(got, found.Name)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", query, got, want)
		}
	}
	c := k.begins(customer, "Is it ready?")
	k.ana.manages("POST", "/contacts", map[string]any{"name": "Jo Miller", "numbers": []string{customer}}, nil)
	var filled struct{ Text string }
	k.ana.manages("POST", "/templates/"+made.ID+"/render", map[string]any{"conversation": c.ID}, &filled)
	if want := "Hello Jo, your order is ready. Ana"; filled.Text != want {
		t.Errorf("filled: %q, want %q", filled.Text, want)
	}
	k.ana.reply(c.ID, filled.Text)
	k.ana.refused("PATCH", "/templates/"+made.ID, map[string]any{"text": "No."}, 403, "forbidden")
	k.ana.refused("DELETE", "/templates/"+made.ID, nil, 403, "forbidden")
	mia.manages("PATCH", "/templates/"+made.ID, map[string]any{"text": "Ready."}, nil)
	mia.manages("DELETE", "/templates/"+made.ID, nil, nil)
}

// The interaction history of a customer, over all agents and numbers, for who may
// see it.
func TestParityInteractionHistory(t *testing.T) {
	k := newDesk(t)
	first := k.begins(customer, "To the one number")
	k.ana.act(first.ID, "dealt-with", nil)
	k.texts(customer, secondNumber, "To the other number")
	var second conversation
	for _, c := range list[conversation](k.olga, "/conversations?view=waiting") {
		if c.Peer == customer {
			second = c
		}
	}
	k.ben.act(second.ID, "take", nil)
	for who, numbers := range map[*user]int{k.olga: 2, k.ben: 1} {
		status, answer, err := who.try(t.Context(), "GET", "/conversations/"+second.ID+"/history", nil)
		if err != nil || status != 200 {
			t.Fatalf("history: %d %v %s", status, err, answer)
		}
		seen := 0
		for _, id := range []string{first.ID, second.ID} {
			if contains([]string{string(answer)}, id) {
				seen++
			}
		}
		if seen != numbers {
			t.Errorf("%s's history of the customer has %d of two: %s", who.name, seen, answer)
		}
		if who == k.ben && contains([]string{string(answer)}, "To the one number") {
			t.Errorf("Ben reads what is Ana's: %s", answer)
		}
	}
	k.ana.refused("GET", "/conversations/"+second.ID+"/history", nil, 404, "not_found")
}

// The badge counts what is unread of mine and what waits.
func TestParityBadgeCounts(t *testing.T) {
	k := newDesk(t)
	type counts struct {
		Waiting, Mine, Unread, Badge int
	}
	count := func(u *user) (n counts) {
		t.Helper()
		u.must("GET", "/counts", nil, 200, &n)
		return n
	}
	mine := k.begins(customer, "One")
	k.texts(customer, ourNumber, "And more")
	k.begins(otherCustomer, "Two")
	k.ana.act(mine.ID, "take", nil)
	if got, want := count(k.ana), (counts{Waiting: 1, Mine: 1, Unread: 2, Badge: 2}); got != want {
		t.Errorf("Ana: %+v, want %+v", got, want)
	}
	if got, want := count(k.ben), (counts{Waiting: 1, Badge: 1}); got != want {
		t.Errorf("Ben: %+v, want %+v", got, want)
	}
	k.ana.act(mine.ID, "read", nil)
	if got, want := count(k.ana), (counts{Waiting: 1, Mine: 1, Badge: 1}); got != want {
		t.Errorf("Ana has read: %+v, want %+v", got, want)
	}
}

// A text is started to a contact who is found by name.
func TestParityStartByName(t *testing.T) {
	k := newDesk(t)
	k.ana.manages("POST", "/contacts", map[string]any{"name": "Jo Miller", "company": "Mills", "numbers": []string{"(260) 205-8901"}}, nil)
	k.ana.manages("POST", "/contacts", map[string]any{"name": "Kim Miller", "numbers": []string{otherCustomer}}, nil)
	found := list[struct{ Numbers []string }](k.ana, "/contacts?q=jo%20mil")
	if len(found) != 1 || len(found[0].Numbers) != 1 {
		t.Fatalf("found %+v", found)
	}
	var c struct{ Contact *named }
	k.ana.must("POST", "/conversations", map[string]string{"from": ourNumber, "to": found[0].Numbers[0], "text": "Your order is ready."}, 201, &c)
	if c.Contact == nil || c.Contact.Name != "Jo Miller" {
		t.Errorf("it is with %+v", c.Contact)
	}
	k.sentTo(customer, 1)
}

// Reports count what came, was answered and dealt with, for agents and queues.
func TestParityReports(t *testing.T) {
	k := newDesk(t)
	answered := k.begins(customer, "Hello")
	k.begins(otherCustomer, "Hello")
	k.ana.reply(answered.ID, "Good morning!")
	k.ana.act(answered.ID, "dealt-with", map[string]string{"reason": "sold"})
	var report struct {
		Items []struct {
			Queue, Agent       *named
			Incoming, Answered int
			DealtWith          int `json:"dealt_with"`
			Reasons            []struct{ Reason string }
		}
	}
	k.olga.must("GET", "/reports?by=queue", nil, 200, &report)
	if len(report.Items) != 1 || report.Items[0].Queue.Name != "General" || report.Items[0].Incoming != 2 || report.Items[0].Answered != 1 || report.Items[0].DealtWith != 1 {
		t.Errorf("by queue: %+v", report.Items)
	}
	report.Items = nil
	k.olga.must("GET", "/reports?by=agent", nil, 200, &report)
	for _, row := range report.Items {
		if row.Agent != nil && (row.Agent.Name != "Ana" || row.Answered != 1 || row.DealtWith != 1 || len(row.Reasons) != 1 || row.Reasons[0].Reason != "sold") {
			t.Errorf("by agent: %+v", row)
		}
	}
}
