package api

import (
	"encoding/json"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

// passed returns the next frame that is not stored.
func (r *reader) passed() (event string, data map[string]any) {
	r.t.Helper()
	for {
		select {
		case f, ok := <-r.frames:
			if !ok {
				r.t.Fatal("the stream has ended")
			}
			if f.event == "" || f.id != "" {
				continue
			}
			var e struct {
				Type string
				Time time.Time
				Data map[string]any
			}
			if err := json.Unmarshal([]byte(f.data), &e); err != nil || e.Type != f.event || e.Time.IsZero() {
				r.t.Fatalf("%v in %+v", err, f)
			}
			return f.event, e.Data
		case <-time.After(10 * time.Second):
			r.t.Fatal("nothing came")
		}
	}
}

// TestPresence: who sees a waiting conversation is told who else looks at it, and
// nobody else is.
func TestPresence(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	ana, ben, stan := s.as("ana"), s.as("ben"), s.as("stan")
	bens, stans, anas := ben.listen(t), stan.listen(t), ana.listen(t)
	before, err := s.db.EventSeq(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	path := "/conversations/" + c.ID + "/presence"
	say := func(by *client, state string) {
		t.Helper()
		if a := by.do("POST", path, PresenceBody{state}); a.status != 204 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	for _, state := range []string{"looking", "looking", "typing", "gone"} { // the same again is no news
		say(ana, state)
	}
	for _, want := range []string{"looking", "typing", "gone"} {
		event, data := bens.passed()
		who, _ := data["who"].(map[string]any)
		if event != "conversation.presence" || data["state"] != want || who["name"] != "ana" || data["conversation"].(map[string]any)["id"] != c.ID || data["until"] == nil {
			t.Errorf("%s %v, want %s", event, data, want)
		}
	}
	refused(t, stan.do("POST", path, PresenceBody{"looking"}), 404, "not_found")
	refused(t, ana.do("POST", path, PresenceBody{"asleep"}), 422, "invalid_request")
	refused(t, s.program("crm", "conversations:write", "").do("POST", path, PresenceBody{"looking"}), 403, "forbidden")
	if after, err := s.db.EventSeq(t.Context()); err != nil || after != before {
		t.Errorf("it was stored: %d, %v", after, err)
	}
	// Whoever it is not for has had nothing: the next they get is something else.
	for _, name := range []string{"away", "available"} {
		want[Me](t, ben.do("PATCH", "/me", availability{name}), 200)
	}
	for _, r := range []*reader{stans, anas} {
		event, data := r.passed()
		if event != "agent.availability" || data["availability"] != "away" || data["agent"].(map[string]any)["name"] != "ben" {
			t.Errorf("%s %v", event, data)
		}
	}
	// A stream goes on behind what passes.
	s.arrive(customer, ours, "anybody?")
	if e := anas.stored(); e != "message.received" {
		t.Errorf("then %s", e)
	}
}

// stored is the type of the next event that is stored.
func (r *reader) stored() string {
	r.t.Helper()
	for {
		select {
		case f, ok := <-r.frames:
			if !ok {
				r.t.Fatal("the stream has ended")
			}
			if f.id != "" {
				return f.event
			}
		case <-time.After(10 * time.Second):
			r.t.Fatal("no event")
		}
	}
}

func TestTransferMany(t *testing.T) {
	s := newSite(t)
	s.run()
	var ids []string
	for _, from := range []string{"+12602058901", "+12602058902", "+12602058903"} {
		s.arrive(from, ours, "hello")
	}
	ana, max := s.as("ana"), s.as("max")
	for _, c := range ana.list(t, "?view=waiting&sort=oldest") {
		ids = append(ids, c.ID)
	}
	want[Conversation](t, ana.do("POST", "/conversations/"+ids[0]+"/take", nil), 200)
	got := want[BulkAnswer](t, max.do("POST", "/conversations/transfer",
		bulkTransferBody{Conversations: append(ids, "0000000000000", ids[0]), Agent: s.people["ben"].String(), Note: "yours now"}), 200).Items
	if len(got) != 5 || got[0].Status != 200 || got[1].Status != 200 || got[2].Status != 200 || got[3].Status != 404 || got[3].Error.Code != "not_found" || got[4].Status != 200 {
		t.Errorf("%+v", got)
	}
	if mine := s.as("ben").list(t, "?view=mine"); len(mine) != 3 {
		t.Errorf("ben has %d", len(mine))
	}
	if mine := ana.list(t, "?view=all"); len(mine) != 0 {
		t.Errorf("ana sees %d", len(mine))
	}
	got = want[BulkAnswer](t, ana.do("POST", "/conversations/transfer", bulkTransferBody{Conversations: ids, Agent: s.people["ana"].String()}), 200).Items
	for _, r := range got {
		if r.Status != 404 {
			t.Errorf("ana took %+v", r)
		}
	}
	refused(t, max.do("POST", "/conversations/transfer", bulkTransferBody{Agent: s.people["ben"].String()}), 422, "invalid_request")
	refused(t, max.do("POST", "/conversations/transfer", bulkTransferBody{Conversations: ids}), 422, "invalid_request")
	refused(t, max.do("POST", "/conversations/transfer", bulkTransferBody{Conversations: make([]string, maxBulk+1), Agent: s.people["ben"].String()}), 422, "invalid_request")
	refused(t, s.program("reader", "conversations:read", "").do("POST", "/conversations/transfer", bulkTransferBody{Conversations: ids, Queue: s.queue.String()}), 403, "forbidden")
}

// TestSnoozeUntilTheNextText puts a conversation off without a time.
func TestSnoozeUntilTheNextText(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c, ana := s.waiting(t), s.as("ana")
	path := "/conversations/" + c.ID
	want[Conversation](t, ana.do("POST", path+"/take", nil), 200)
	for _, body := range []any{nil, "{}", `{"until":null}`} {
		got := want[Conversation](t, ana.do("POST", path+"/snooze", body), 200)
		if !got.Snoozed || got.SnoozedUntil != nil {
			t.Errorf("%+v", got)
		}
	}
	s.arrive(customer, ours, "and?")
	if got := want[Conversation](t, ana.do("GET", path, nil), 200); got.Snoozed || got.Owner.Name != "ana" || got.Unread != 2 {
		t.Errorf("%+v", got)
	}
	refused(t, ana.do("POST", path+"/snooze", `{"until":"9999-12-31T23:59:59Z"}`), 422, "invalid_request")
	want[Conversation](t, ana.do("POST", path+"/snooze", nil), 200)
	past := time.Now().Add(-time.Second)
	if got := want[Conversation](t, ana.do("POST", path+"/snooze", snoozeBody{Until: &past}), 200); got.Snoozed {
		t.Errorf("%+v", got)
	}
}

// TestSteps: each step has a line in the thread and a row in the audit.
func TestSteps(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c, ana, max := s.waiting(t), s.as("ana"), s.as("max")
	path := "/conversations/" + c.ID
	for _, step := range []struct {
		by   *client
		path string
		body any
	}{
		{ana, "/take", nil}, {ana, "/archive", nil}, {ana, "/unarchive", nil}, {ana, "/snooze", nil}, {ana, "/snooze", `{"until":"2020-01-01T00:00:00Z"}`},
		{ana, "/release", nil}, {max, "/transfer", transferBody{Agent: s.people["ben"].String(), Note: "please"}}, {max, "/transfer", transferBody{Queue: s.queue.String()}},
		{max, "/dealt-with", dealtWithBody{Reason: "spam"}}, {max, "/unarchive", nil}, {max, "/block", nil},
	} {
		if a := step.by.do("POST", path+step.path, step.body); a.status != 200 {
			t.Fatalf("%s: %d %s", step.path, a.status, a.body)
		}
	}
	thread := want[MessageList](t, max.do("GET", path+"/messages", nil), 200).Items
	lines := []string{}
	for i := len(thread) - 1; i >= 0; i-- {
		if thread[i].Kind == "system" {
			lines = append(lines, thread[i].Text)
		}
	}
	wanted := []string{"ana took this conversation.", "ana archived this conversation.", "ana unarchived this conversation.",
		"ana put this conversation off until the next text.", "ana took up this conversation again.", "ana released this conversation to Sales.",
		"max transferred this conversation to ben. please", "max transferred this conversation to Sales.",
		"max marked this conversation as dealt with: spam", "max took this conversation.", "max blocked this customer."}
	if len(lines) != len(wanted) {
		t.Fatalf("%q", lines)
	}
	for i := range lines {
		if lines[i] != wanted[i] {
			t.Errorf("%q, want %q", lines[i], wanted[i])
		}
	}
	deeds, err := s.db.Deeds(t.Context(), store.DeedList{Visible: store.Visible{Everything: true}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range deeds {
		if d.Conversation.String() == c.ID {
			got[d.Action] += d.By.Name + " "
		}
	}
	for action, by := range map[string]string{"conversation.taken": "max ana ", "conversation.archived": "ana ", "conversation.unarchived": "ana ", "conversation.snoozed": "ana ",
		"conversation.unsnoozed": "ana ", "conversation.released": "ana ", "conversation.transferred": "max max ", "conversation.dealt_with": "max ",
		"conversation.reopened": "max ", "conversation.blocked": "max "} {
		if got[action] != by {
			t.Errorf("%s by %q, want %q", action, got[action], by)
		}
	}
}
