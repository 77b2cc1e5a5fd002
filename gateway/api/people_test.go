package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

func TestAgentsAreFound(t *testing.T) {
	s := newSite(t)
	s.run()
	ana := s.as("ana")
	s.arrive(customer, ours, "x")
	if a := ana.do("POST", "/conversations/"+s.waiting(t).ID+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	want[Me](t, s.as("ben").do("PATCH", "/me", availability{"away"}), 200)
	find := func(query string) string {
		var b strings.Builder
		for _, a := range want[AgentList](t, ana.do("GET", "/agents"+query, nil), 200).Items {
			fmt.Fprintf(&b, "%s %s %d, ", a.Name, a.Availability, a.Open)
		}
		return strings.TrimSuffix(b.String(), ", ")
	}
	for query, want := range map[string]string{
		"":         "ana available 1, ben away 0, max offline 0, olga available 0, stan offline 0",
		"?q=AN":    "ana available 1, stan offline 0",
		"?q=10":    "ana available 1, ben away 0, max offline 0, olga available 0, stan offline 0",
		"?q=105":   "stan offline 0",
		"?q=05":    "",
		"?limit=1": "ana available 1",
	} {
		if got := find(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	if a := want[Agent](t, ana.do("GET", "/agents/"+s.people["max"].String(), nil), 200); a.Name != "max" || a.Role != "manager" || a.Extension != "103" {
		t.Errorf("%+v", a)
	}
	refused(t, ana.do("GET", "/agents/nobody", nil), 404, "not_found")
	refused(t, s.program("p", "messages:send", "").do("GET", "/agents", nil), 403, "forbidden")
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ben"]) })
	refused(t, ana.do("GET", "/agents/"+s.people["ben"].String(), nil), 404, "not_found")
	refused(t, ana.do("GET", "/agents?disabled=true", nil), 403, "forbidden")
	if got := want[AgentList](t, s.as("olga").do("GET", "/agents?disabled=true", nil), 200).Items; len(got) != 1 || !got[0].Disabled || got[0].Name != "ben" {
		t.Errorf("%+v", got)
	}
}

func TestAgentIsAdded(t *testing.T) {
	s := newSite(t)
	olga := s.as("olga")
	body := `{"name":" Zoe ","extension":"301","role":"manager","password":"a good one","queues":[{"id":"` + s.queue.String() + `","manages":true}]}`
	s.everyone("POST", "/agents", body, map[*client]int{s.as("ana"): 403, s.as("max"): 403, s.program("p", "admin", ""): 403})
	a := want[Agent](t, olga.do("POST", "/agents", body), 201)
	if a.Name != "Zoe" || a.Role != "manager" || a.Availability != "offline" {
		t.Errorf("%+v", a)
	}
	s.audited("person.added", "olga", a.ID, "301", "manager")
	if d := s.deeds("person.added")[0]; strings.Contains(d.Detail+d.Object, "a good one") {
		t.Errorf("the audit has the password: %+v", d)
	}
	me := want[Me](t, (&client{s: s}).do("POST", "/session", credentials{"301", "a good one"}), 200)
	if len(me.Queues) != 2 || me.Queues[0].Manages || !me.Queues[1].Manages || me.Availability != "available" {
		t.Errorf("%+v", me)
	}
	if p := refused(t, olga.do("POST", "/agents", body), 409, "conflict"); p.Errors[0].Location != "body.extension" {
		t.Errorf("%+v", p)
	}
	m := want[Agent](t, olga.do("POST", "/agents", `{"name":"Yan","extension":"302","role":"manager","password":"a good one"}`), 201)
	if members := s.api.members(store.GeneralQueue); members[0].ID != m.ID || !members[0].Manages {
		t.Errorf("a manager without a queue manages General: %+v", members)
	}
	for change, at := range map[string]string{
		`"name":""`:         "body.name",
		`"extension":"3 4"`: "body.extension",
		`"extension":"` + strings.Repeat("1", 33) + `"`: "body.extension",
		`"role":"king"`:      "body.role",
		`"password":"short"`: "body.password",
		`"password":"` + strings.Repeat("x", 1025) + `"`: "body.password",
		`"queues":[{"id":"x"}]`:                          "body.queues[0].id",
		`"queues":[{"id":"` + s.queue.String() + `"},{"id":"` + s.queue.String() + `","manages":true}],"role":"agent"`: "body.queues[1].manages",
	} {
		// What comes later in an object counts.
		body := `{"name":"X","extension":"303","role":"agent","password":"a good one",` + change + `}`
		if p := refused(t, olga.do("POST", "/agents", body), 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", change, p)
		}
	}
}

func TestAgentIsChanged(t *testing.T) {
	s := newSite(t)
	olga, max := s.as("olga"), s.as("max")
	path := "/agents/" + s.people["max"].String()
	s.everyone("PATCH", path, `{"name":"M"}`, map[*client]int{s.as("ana"): 403, max: 403, s.program("p", "admin", ""): 403})
	if a := want[Agent](t, olga.do("PATCH", path, `{"name":"Maxim"}`), 200); a.Name != "Maxim" || a.Role != "manager" {
		t.Errorf("%+v", a)
	}
	s.audited("person.changed", "olga", s.people["max"].String(), "Maxim", "max")
	if a := want[Agent](t, olga.do("PATCH", path, `{"role":"agent"}`), 200); a.Role != "agent" {
		t.Errorf("%+v", a)
	}
	if me := want[Me](t, max.do("GET", "/me", nil), 200); me.Queues[1].Manages {
		t.Errorf("an agent manages a queue: %+v", me)
	}
	want[Agent](t, olga.do("PATCH", path, `{"role":"manager"}`), 200)
	if me := want[Me](t, max.do("GET", "/me", nil), 200); !slices.ContainsFunc(me.Queues, func(q MyQueue) bool { return q.Name == "General" && q.Manages }) {
		t.Errorf("a manager manages nothing: %+v", me)
	}
	stream := max.listen(t)
	want[Agent](t, olga.do("PATCH", path, `{"password":"another one"}`), 200)
	stream.ends(time.Second)
	refused(t, max.do("GET", "/me", nil), 401, "unauthorized")
	if d := s.deeds("person.changed")[0]; d.Detail != "password" {
		t.Errorf("%+v", d)
	}
	nobody := &client{s: s}
	want[Me](t, nobody.do("POST", "/session", credentials{"103", "another one"}), 200)
	if a := want[Agent](t, olga.do("PATCH", path, `{"disabled":true}`), 200); !a.Disabled || a.Availability != "offline" {
		t.Errorf("%+v", a)
	}
	refused(t, nobody.do("POST", "/session", credentials{"103", "another one"}), 401, "unauthorized")
	want[Agent](t, olga.do("PATCH", path, `{"disabled":false}`), 200)
	want[Me](t, nobody.do("POST", "/session", credentials{"103", "another one"}), 200)
	for body, at := range map[string]string{`{"name":" "}`: "body.name", `{"role":"king"}`: "body.role", `{"password":"x"}`: "body.password"} {
		if p := refused(t, olga.do("PATCH", path, body), 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
	refused(t, olga.do("PATCH", "/agents/0000000000009", `{}`), 404, "not_found")
}

// TestSomebodyOwnsTheSystem keeps the last system owner.
func TestSomebodyOwnsTheSystem(t *testing.T) {
	s := newSite(t)
	olga := s.as("olga")
	path := "/agents/" + s.people["olga"].String()
	for _, body := range []string{`{"disabled":true}`, `{"role":"manager"}`} {
		refused(t, olga.do("PATCH", path, body), 409, "conflict")
	}
	want[Agent](t, olga.do("PATCH", path, `{"name":"Olga","role":"owner"}`), 200)
	want[Agent](t, olga.do("PATCH", "/agents/"+s.people["ana"].String(), `{"role":"owner"}`), 200)
	if a := want[Agent](t, olga.do("PATCH", path, `{"role":"agent"}`), 200); a.Role != "agent" {
		t.Errorf("%+v", a)
	}
	refused(t, olga.do("PATCH", path, `{"role":"owner"}`), 403, "forbidden")
	refused(t, s.as("ana").do("PATCH", "/agents/"+s.people["ana"].String(), `{"disabled":true}`), 409, "conflict")
}
