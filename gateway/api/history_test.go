package api

import (
	"strings"
	"testing"
)

func TestHistory(t *testing.T) {
	s := newSite(t)
	s.run()
	second := "+12602058902"
	s.arrive(customer, ours, "one")
	s.arrive(second, ours, "two")
	s.arrive(customer, general, "three")
	s.arrive("+12602058903", ours, "somebody else")
	ids := map[string]string{}
	olga, ana, ben := s.as("olga"), s.as("ana"), s.as("ben")
	for _, c := range olga.list(t, "?view=all") {
		ids[c.LastMessage.Text] = c.ID
	}
	history := func(c *client, path string) string {
		t.Helper()
		var all []string
		cursor := ""
		for range 5 {
			h := want[History](t, c.do("GET", path+"/history?limit=2"+cursor, nil), 200)
			for _, i := range h.Items {
				line := i.LastMessage.Text
				for _, p := range i.People {
					line += " " + p.Name
				}
				all = append(all, line)
			}
			if h.NextCursor == nil {
				break
			}
			cursor = "&cursor=" + *h.NextCursor
		}
		return strings.Join(all, ", ")
	}
	if got := history(ana, "/conversations/"+ids["one"]); got != "three, one" {
		t.Errorf("without a contact: %s", got)
	}
	contact := ana.addContact(t, "Cleo", customer, second)
	path := "/contacts/" + contact.ID
	if got := history(ana, "/conversations/"+ids["one"]); got != "three, two, one" {
		t.Errorf("with a contact: %s", got)
	}
	want[Message](t, ana.do("POST", "/conversations/"+ids["one"]+"/messages", replyBody{Text: "four"}), 202)
	want[Conversation](t, s.as("max").do("POST", "/conversations/"+ids["one"]+"/notes", noteBody{Text: "note"}), 200)
	want[Message](t, s.program("crm", "messages:send", "").do("POST", "/messages", SendBody{From: ours, To: customer, Text: "five"}), 202)
	want[Conversation](t, ben.do("POST", "/conversations/"+ids["two"]+"/take", nil), 200)
	want[Conversation](t, ben.do("POST", "/conversations/"+ids["two"]+"/dealt-with", nil), 200)
	for name, want := range map[string]string{
		"ana":  "five ana max, three",
		"ben":  "two ben, three",
		"stan": "three",
		"max":  "two ben, five ana max, three",
		"olga": "two ben, five ana max, three",
	} {
		got := history(s.as(name), path)
		if !sameItems(got, want) {
			t.Errorf("%s sees %s, want %s", name, got, want)
		}
	}
	if got := history(s.program("limited", "conversations:read", general), path); got != "three" {
		t.Errorf("a limited program sees %s", got)
	}
	if got := history(s.program("p", "conversations:read", ""), path); !sameItems(got, "two ben, five ana max, three") {
		t.Errorf("a program sees %s", got)
	}
	refused(t, ben.do("GET", "/conversations/"+ids["one"]+"/history", nil), 404, "not_found")
	refused(t, ben.do("GET", "/contacts/x/history", nil), 404, "not_found")
}

// sameItems compares lists whose order is that of changes within a moment.
func sameItems(a, b string) bool {
	have := map[string]int{}
	for _, x := range strings.Split(a, ", ") {
		have[x]++
	}
	for _, x := range strings.Split(b, ", ") {
		have[x]--
	}
	for _, n := range have {
		if n != 0 {
			return false
		}
	}
	return true
}
