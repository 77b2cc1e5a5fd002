package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// hire adds a person, who manages the queue if there is one.
func (s *site) hire(name, extension, role string, manages gateway.ID) *client {
	s.t.Helper()
	s.update(func(tx *store.Tx) error {
		p := store.Person{Extension: extension, Name: name, Role: role, Password: s.hash}
		if err := tx.AddPerson(&p); err != nil || manages == 0 {
			s.people[name] = p.ID
			return err
		}
		s.people[name] = p.ID
		return tx.SetMember(manages, p.ID, true)
	})
	return s.as(name)
}

// deeds lists the audit of an action, newest first.
func (s *site) deeds(action string) []Deed {
	s.t.Helper()
	return want[DeedList](s.t, s.as("olga").do("GET", "/audit?action="+action, nil), 200).Items
}

// audited makes sure that the newest row of an action is by this person, and says
// all of this.
func (s *site) audited(action, by string, says ...string) {
	s.t.Helper()
	all := s.deeds(action)
	if len(all) == 0 {
		s.t.Errorf("no %s in the audit", action)
		return
	}
	if all[0].Actor.Name != by {
		s.t.Errorf("%s by %s, want %s", action, all[0].Actor.Name, by)
	}
	for _, want := range says {
		if !strings.Contains(all[0].Object+" "+all[0].Detail, want) {
			s.t.Errorf("%s says nothing of %q: %+v", action, want, all[0])
		}
	}
}

// everyone asks the same as each, and wants these statuses.
func (s *site) everyone(method, path string, body any, statuses map[*client]int) {
	s.t.Helper()
	for c, status := range statuses {
		if a := c.do(method, path, body); a.status != status {
			s.t.Errorf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.body)
		}
	}
}

func TestQueueIsMadeAndChanged(t *testing.T) {
	s := newSite(t)
	olga, max, ana := s.as("olga"), s.as("max"), s.as("ana")
	program := s.program("p", "admin", "")
	body := `{"name":"Support","numbers":["` + general + `"],"settings":{"offer":"first","offer_count":2,"widen_after":"1m"}}`
	s.everyone("POST", "/queues", body, map[*client]int{ana: 403, max: 403, program: 403})
	made := want[Queue](t, olga.do("POST", "/queues", body), 201)
	if made.Name != "Support" || len(made.Numbers) != 1 || made.Numbers[0] != general || made.Settings.Offer != gateway.OfferFirst ||
		made.Settings.OfferCount != 2 || made.Settings.WidenAfter != gateway.Duration(time.Minute) || made.Members == nil {
		t.Errorf("%+v", made)
	}
	s.audited("queue.added", "olga", made.ID, "Support", general, `"offer":"first"`)
	if p := refused(t, olga.do("POST", "/queues", `{"name":"support"}`), 409, "conflict"); len(p.Errors) != 1 || p.Errors[0].Location != "body.name" {
		t.Errorf("%+v", p)
	}

	path := "/queues/" + made.ID
	lea := s.hire("lea", "201", "manager", s.dir.QueueOf(general))
	hours := `{"timezone":"Europe/Zurich","open":[{"days":["mon","fri"],"from":"08:00","to":"17:30"}],"reply":"We are closed."}`
	s.everyone("PATCH", path, `{"name":"Aid"}`, map[*client]int{ana: 403, max: 403, program: 403})
	changed := want[Queue](t, lea.do("PATCH", path, `{"name":"Aid","settings":{"hours":`+hours+`,"return_after":"15m"}}`), 200)
	if changed.Name != "Aid" || changed.Settings.Hours == nil || changed.Settings.Offer != gateway.OfferFirst || changed.Settings.ReturnAfter != gateway.Duration(15*time.Minute) {
		t.Errorf("%+v", changed)
	}
	s.audited("queue.changed", "lea", made.ID, "Aid", "Support", "return_after")
	if q, _ := s.dir.Queue(s.dir.QueueOf(general)); q.Settings.Hours == nil || q.Name != "Aid" {
		t.Errorf("in use: %+v", q)
	}
	before := len(s.deeds("queue.changed"))
	changed = want[Queue](t, lea.do("PATCH", path, `{"settings":{"hours":null}}`), 200)
	if changed.Settings.Hours != nil || changed.Settings.ReturnAfter != gateway.Duration(15*time.Minute) {
		t.Errorf("%+v", changed.Settings)
	}
	if closed := want[Queue](t, lea.do("PATCH", path, `{"settings":{"hours":{"timezone":"UTC"}}}`), 200); closed.Settings.Hours == nil || closed.Settings.Hours.Open == nil {
		t.Errorf("%+v", closed.Settings)
	}
	want[Queue](t, lea.do("PATCH", path, `{}`), 200)
	if n := len(s.deeds("queue.changed")) - before; n != 2 {
		t.Errorf("%d rows of the audit, want 2: what changes nothing is not recorded", n)
	}

	for body, at := range map[string]string{
		`{"name":" "}`: "body.name",
		`{"name":"` + strings.Repeat("x", 101) + `"}`:                                            "body.name",
		`{"settings":{"offer":"nobody"}}`:                                                        "body.settings.offer",
		`{"settings":{"offer":1}}`:                                                               "body.settings.offer",
		`{"settings":{"offer_count":101}}`:                                                       "body.settings.offer_count",
		`{"settings":{"offer_count":null}}`:                                                      "body.settings.offer_count",
		`{"settings":{"widen_after":"soon"}}`:                                                    "body.settings.widen_after",
		`{"settings":{"close_after":"-1h"}}`:                                                     "body.settings.close_after",
		`{"settings":{"colour":"red"}}`:                                                          "body.settings.colour",
		`{"settings":{"hours":{"timezone":"Mars/Base"}}}`:                                        "body.settings.hours.timezone",
		`{"settings":{"hours":{"timezone":"UTC","open":[{"days":[],"from":"08:00"}]}}}`:          "body.settings.hours.open[0].days",
		`{"settings":{"hours":{"timezone":"UTC","open":[{"days":["sat"],"from":"8 o'clock"}]}}}`: "body.settings.hours",
		`{"settings":[]}`:                                                                        "body.settings",
	} {
		if p := refused(t, olga.do("PATCH", path, body), 422, "invalid_request"); len(p.Errors) != 1 || p.Errors[0].Location != at {
			t.Errorf("%s: %s, want it at %s", body, p.Detail, at)
		}
	}
	if p := refused(t, olga.do("POST", "/queues", `{"name":"x","numbers":["+1999"]}`), 422, "invalid_request"); p.Errors[0].Location != "body.numbers[0]" {
		t.Errorf("%+v", p)
	}
	refused(t, olga.do("PATCH", "/queues/nonsense", `{}`), 404, "not_found")
}

// TestQueueIsShown shows settings to people and members to managers.
func TestQueueIsShown(t *testing.T) {
	s := newSite(t)
	path := "/queues/" + s.queue.String()
	for who, expect := range map[*client]struct{ settings, members bool }{
		s.as("ana"): {true, false}, s.as("max"): {true, true}, s.as("olga"): {true, true}, s.program("p", "conversations:read", ""): {false, false},
	} {
		one := want[Queue](t, who.do("GET", path, nil), 200)
		if (one.Settings != nil) != expect.settings || (one.Members != nil) != expect.members {
			t.Errorf("%+v, want %+v", one, expect)
		}
		all := want[QueueList](t, who.do("GET", "/queues", nil), 200).Items
		if len(all) != 2 || all[1].ID != one.ID || len(all[1].Members) != len(one.Members) {
			t.Errorf("%+v", all)
		}
	}
	refused(t, s.program("q", "messages:send", "").do("GET", path, nil), 403, "forbidden")
	refused(t, s.as("ana").do("GET", "/queues/0000000000009", nil), 404, "not_found")
	if got := want[Queue](t, s.program("limited", "conversations:read", general).do("GET", path, nil), 200); len(got.Numbers) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestMembers(t *testing.T) {
	s := newSite(t)
	olga, max, ana := s.as("olga"), s.as("max"), s.as("ana")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	stan := "/queues/" + s.queue.String() + "/members/" + s.people["stan"].String()
	list := func(queue gateway.ID) string {
		var b strings.Builder
		for _, m := range want[MemberList](t, olga.do("GET", "/queues/"+queue.String()+"/members", nil), 200).Items {
			fmt.Fprintf(&b, "%s %v %d %v, ", m.Name, m.Manages, m.Position, m.Implied)
		}
		return strings.TrimSuffix(b.String(), ", ")
	}
	if got, want := list(s.queue), "ana false 1 false, ben false 2 false, max true 3 false"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := list(store.GeneralQueue), "lea true 1 false, ana false 0 true, ben false 0 true, max false 0 true, stan false 0 true"; got != want {
		t.Errorf("General has %s, want %s", got, want)
	}
	s.everyone("GET", "/queues/"+s.queue.String()+"/members", nil, map[*client]int{ana: 403, lea: 403, max: 200, s.program("p", "admin", ""): 403})
	s.everyone("PUT", stan, memberChange{}, map[*client]int{ana: 403, lea: 403, s.program("q", "admin", ""): 403})

	m := want[Member](t, max.do("PUT", stan, nil), 200)
	if m.Name != "stan" || m.Manages || m.Position != 4 {
		t.Errorf("%+v", m)
	}
	s.audited("queue.member_set", "max", s.queue.String(), "stan")
	want[Member](t, max.do("PUT", stan, `{"position":1}`), 200)
	refused(t, max.do("PUT", stan, `{"manages":true}`), 403, "forbidden")
	if m := want[Member](t, olga.do("PUT", stan, `{"manages":true}`), 200); !m.Manages || m.Position != 1 {
		t.Errorf("%+v", m)
	}
	if a := want[Agent](t, olga.do("GET", "/agents/"+s.people["stan"].String(), nil), 200); a.Role != "manager" {
		t.Errorf("%+v", a)
	}
	want[Member](t, max.do("PUT", stan, `{"manages":true,"position":2}`), 200) // as it is
	refused(t, max.do("DELETE", stan, nil), 403, "forbidden")
	if p := refused(t, max.do("PUT", stan, `{"position":0}`), 422, "invalid_request"); p.Errors[0].Location != "body.position" {
		t.Errorf("%+v", p)
	}
	if a := olga.do("DELETE", stan, nil); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.audited("queue.member_removed", "olga", s.queue.String(), "stan")
	refused(t, olga.do("DELETE", stan, nil), 404, "not_found")
	refused(t, max.do("PUT", "/queues/"+s.queue.String()+"/members/0000000000009", nil), 404, "not_found")
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ben"]) })
	refused(t, max.do("PUT", "/queues/"+s.queue.String()+"/members/"+s.people["ben"].String(), nil), 422, "agent_unavailable")
}

// TestMembershipTakesEffectOnStreams puts somebody into a queue and takes somebody
// else out, while both watch.
func TestMembershipTakesEffectOnStreams(t *testing.T) {
	s := newSite(t)
	s.run()
	olga := s.as("olga")
	ben, stan := s.as("ben").listen(t), s.as("stan").listen(t)
	members := "/queues/" + s.queue.String() + "/members/"
	want[Member](t, olga.do("PUT", members+s.people["stan"].String(), nil), 200)
	if a := olga.do("DELETE", members+s.people["ben"].String(), nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	s.arrive(customer, ours, "for Sales")
	s.arrive(customer, general, "for all")
	text := func(r *reader) (texts string) {
		for {
			if e := r.next(); e.Type == "message.received" {
				texts += e.Data.Message.Text + ";"
				if e.Data.Message.Text == "for all" {
					return texts
				}
			}
		}
	}
	if got := text(ben); got != "for all;" {
		t.Errorf("who has left the queue gets %q", got)
	}
	if got := text(stan); got != "for Sales;for all;" {
		t.Errorf("who has come into the queue gets %q", got)
	}
}

// TestQueueIsDeleted deletes a queue with a conversation of each status.
func TestQueueIsDeleted(t *testing.T) {
	s := newSite(t)
	s.run()
	olga, ana, max := s.as("olga"), s.as("ana"), s.as("max")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	var ids []string
	for i, actions := range [][]string{{}, {"take"}, {"take", "archive"}, {"take", "dealt-with"}} {
		s.arrive(fmt.Sprintf("+1260205891%d", i), ours, "x")
		c := ana.list(t, "?view=waiting&queue="+s.queue.String())[0]
		if i > 0 && c.ID == ids[0] {
			c = ana.list(t, "?view=waiting&queue="+s.queue.String())[1]
		}
		for _, action := range actions {
			if a := ana.do("POST", "/conversations/"+c.ID+"/"+action, nil); a.status != 200 {
				t.Fatalf("%s: %s", action, a.body)
			}
		}
		ids = append(ids, c.ID)
	}
	path := "/queues/" + s.queue.String()
	s.everyone("DELETE", path, nil, map[*client]int{ana: 403, max: 403, s.program("p", "admin", ""): 403})
	refused(t, olga.do("DELETE", "/queues/"+store.GeneralQueue.String(), nil), 403, "forbidden")
	watching := lea.listen(t)
	if a := olga.do("DELETE", path, nil); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	s.audited("queue.deleted", "olga", s.queue.String())
	refused(t, olga.do("GET", path, nil), 404, "not_found")
	refused(t, olga.do("DELETE", path, nil), 404, "not_found")
	for i, status := range []string{"waiting", "taken", "taken", "closed"} {
		c := want[Conversation](t, olga.do("GET", "/conversations/"+ids[i], nil), 200)
		if c.Status != status || c.Queue.Name != "General" || c.Archived != (i > 1) || (c.Owner != nil) != (status == "taken") {
			t.Errorf("%d: %+v", i, c)
		}
		if e := watching.next(); e.Type != "conversation.transferred" || e.Data.Conversation.Queue.Name != "General" {
			t.Errorf("%+v", e)
		}
	}
	if q := s.dir.QueueOf(ours); q != store.GeneralQueue {
		t.Errorf("its number is %s's", q)
	}
	if hidden, err := s.db.HiddenQueues(t.Context()); err != nil || len(hidden) != 0 {
		t.Errorf("left %v, %v", hidden, err)
	}
	s.arrive("+12602058919", ours, "later")
	if c := s.as("stan").list(t, "?view=waiting")[0]; c.Queue.Name != "General" || c.Number != ours {
		t.Errorf("%+v", c)
	}
	want[Queue](t, olga.do("POST", "/queues", `{"name":"Sales"}`), 201) // the name is free again
}

// TestSettingsAreDescribed reads how the OpenAPI document has what is a word in
// JSON and a number in here.
func TestSettingsAreDescribed(t *testing.T) {
	s := newSite(t)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]struct {
					Type  any
					Enum  []any
					Items struct{ Type any }
				}
			}
		}
	}
	if err := json.Unmarshal((&client{s: s}).do("GET", "/openapi.json", nil).body, &doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	for _, name := range []string{"QueueSettings", "PartialSettings"} {
		p := schemas[name].Properties
		if p["offer"].Type != "string" || len(p["offer"].Enum) != 3 || p["widen_after"].Type != "string" || p["offer_count"].Type != "integer" {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if got := schemas["Span"].Properties; got["from"].Type != "string" || got["days"].Items.Type != "string" {
		t.Errorf("%+v", got)
	}
	if len(schemas["PartialSettings"].Required) != 0 || len(schemas["QueueSettings"].Required) == 0 {
		t.Errorf("required %v and %v", schemas["PartialSettings"].Required, schemas["QueueSettings"].Required)
	}
}
