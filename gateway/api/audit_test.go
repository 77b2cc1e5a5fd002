package api

import (
	"database/sql"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

func TestAuditIsListed(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max, olga := s.as("ana"), s.as("max"), s.as("olga")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	s.arrive(customer, ours, "x")
	c := ana.list(t, "?view=waiting")[0]
	for _, action := range []string{"take", "release", "take"} {
		if a := ana.do("POST", "/conversations/"+c.ID+"/"+action, nil); a.status != 200 {
			t.Fatalf("%s", a.body)
		}
	}
	want[Queue](t, max.do("PATCH", "/queues/"+s.queue.String(), `{"name":"Sell"}`), 200)
	want[Queue](t, olga.do("PATCH", "/queues/"+store.GeneralQueue.String(), `{"settings":{"readable":true}}`), 200)
	everything := s.program("all", "admin", "")
	s.everyone("GET", "/audit", nil, map[*client]int{ana: 403, s.as("stan"): 403, s.program("q", "messages:read", ""): 403, s.program("limited", "admin", ours): 403})
	actions := func(c *client, query string) string {
		t.Helper()
		text := ""
		for _, d := range want[DeedList](t, c.do("GET", "/audit"+query, nil), 200).Items {
			text += d.Actor.Name + " " + d.Action + ", "
		}
		return text
	}
	all := "olga queue.changed, max queue.changed, ana conversation.taken, ana conversation.released, ana conversation.taken, "
	of := "ana conversation.taken, ana conversation.released, ana conversation.taken, "
	for query, want := range map[string]string{
		"": all, "?conversation=" + c.ID: of, "?actor=" + s.people["max"].String(): "max queue.changed, ", "?action=conversation.released": "ana conversation.released, ",
		"?since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): "",
	} {
		for _, who := range []*client{olga, everything} {
			if got := actions(who, query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	}
	if got, want := actions(max, ""), "max queue.changed, "+of; got != want {
		t.Errorf("a manager sees %s, want %s", got, want)
	}
	if got := actions(lea, ""); got != "" {
		t.Errorf("a manager of another queue sees %s", got)
	}
	first := want[DeedList](t, olga.do("GET", "/audit?limit=2", nil), 200)
	if d := first.Items[0]; d.Actor.Kind != "person" || d.Actor.ID == nil || d.ConversationID != nil || d.At.IsZero() {
		t.Errorf("%+v", d)
	}
	if rest := want[DeedList](t, olga.do("GET", "/audit?cursor="+*first.NextCursor, nil), 200).Items; len(rest) != 3 {
		t.Errorf("%+v", rest)
	}
	for _, query := range []string{"conversation=x", "actor=x", "cursor=x", "since=yesterday"} {
		refused(t, olga.do("GET", "/audit?"+query, nil), 422, "invalid_request")
	}
}

// TestReadingIsRecorded reads one conversation in several ways, as several people
// and programs.
func TestReadingIsRecorded(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max := s.as("ana"), s.as("max")
	reader := s.program("reader", "conversations:read messages:read", "")
	s.arrive(customer, ours, "x")
	c := ana.list(t, "?view=waiting")[0]
	path, message := "/conversations/"+c.ID, "/messages/"+c.LastMessage.ID
	read := func(who *client, paths ...string) {
		t.Helper()
		for _, p := range paths {
			if a := who.do("GET", p, nil); a.status != 200 {
				t.Fatalf("%s: %s", p, a.body)
			}
		}
	}
	recorded := func(want int) {
		t.Helper()
		if got := s.deeds("conversation.read"); len(got) != want {
			t.Errorf("%d rows, want %d: %+v", len(got), want, got)
		}
	}
	read(max, path, path+"/messages", path+"/events", message)
	recorded(0) // what waits is everybody's business
	if a := ana.do("POST", path+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	read(ana, path, path+"/messages", message)
	recorded(0)
	for i, p := range []string{path, path + "/messages", path + "/events", message, message + "/trace"} {
		s.api.reads.mu.Lock()
		clear(s.api.reads.last)
		s.api.reads.mu.Unlock()
		read(max, p)
		recorded(i + 1)
	}
	read(max, path, message)
	recorded(5) // once in five minutes
	read(reader, path, message)
	recorded(6)
	if d := s.deeds("conversation.read"); d[0].Actor.Kind != "token" || d[0].Actor.Name != "reader" || *d[0].ConversationID != c.ID || d[1].Actor.Name != "max" {
		t.Errorf("%+v", d)
	}
	refused(t, s.as("ben").do("GET", path, nil), 404, "not_found")
	recorded(6) // nothing was read
	if a := ana.do("POST", path+"/dealt-with", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	read(ana, path)
	recorded(6)
	read(max, path) // it is another state
	recorded(7)

	sender := s.program("sender", "messages:send messages:read", "")
	m := want[Message](t, sender.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 202)
	read(sender, "/messages/"+m.ID, "/messages/"+m.ID+"/trace") // its own
	recorded(7)

	read(max, "/messages?direction=in&peer="+query(customer), "/messages?peer="+query(customer)+"&direction=in", "/messages?direction=out")
	read(sender, "/messages")
	if d := s.deeds("messages.listed"); len(d) != 2 || d[1].Detail != "direction=in&peer=%2B12602058901" || d[0].Detail != "direction=out" || d[0].Actor.Name != "max" {
		t.Errorf("%+v", d)
	}
}

// TestListsOfOthersAreRecorded: last texts in lists and histories are read, too.
func TestListsOfOthersAreRecorded(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max := s.as("ana"), s.as("max")
	s.arrive(customer, ours, "secret")
	c := ana.list(t, "?view=waiting")[0]
	max.list(t, "?view=all")
	if d := s.deeds("conversations.listed"); len(d) != 0 {
		t.Errorf("what waits is everybody's: %+v", d)
	}
	if a := ana.do("POST", "/conversations/"+c.ID+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	ana.list(t, "?view=all")
	max.list(t, "")
	for range 2 {
		max.list(t, "?view=all&q=secret")
		want[History](t, max.do("GET", "/conversations/"+c.ID+"/history", nil), 200)
	}
	if d := s.deeds("conversations.listed"); len(d) != 1 || d[0].Actor.Name != "max" || d[0].Detail != "q=secret&view=all" {
		t.Errorf("%+v", d)
	}
	if d := s.deeds("history.read"); len(d) != 1 || d[0].Detail != "conversation "+c.ID {
		t.Errorf("%+v", d)
	}
}

// TestWhatCannotBeRecordedIsNotRead has the store refuse to write.
func TestWhatCannotBeRecordedIsNotRead(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max := s.as("ana"), s.as("max")
	s.arrive(customer, ours, "x")
	c := ana.list(t, "?view=waiting")[0]
	if a := ana.do("POST", "/conversations/"+c.ID+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	other, err := sql.Open("sqlite", s.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`CREATE TRIGGER refuse BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'refused'); END`); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/conversations/" + c.ID, "/conversations/" + c.ID + "/messages", "/messages/" + c.LastMessage.ID, "/messages"} {
		if a := max.do("GET", path, nil); a.status < 500 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := ana.do("GET", "/conversations/"+c.ID, nil); a.status != 200 { // one's own
		t.Errorf("%s", a.body)
	}
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	if p := s.api.problemOf(t.Context(), s.api.record(t.Context(), reading{}, store.Deed{})); p.Status != 503 || p.Code != "store_unavailable" {
		t.Errorf("%+v", p)
	}
}

func TestReadingsAreBounded(t *testing.T) {
	var r readings
	now := time.Now()
	for i := range maxReadings + 10 {
		r.recorded(reading{reader: 1, conversation: 2, epoch: int64(i)}, now)
	}
	if len(r.last) > maxReadings {
		t.Errorf("%d are remembered", len(r.last))
	}
	last := reading{reader: 1, conversation: 2, epoch: maxReadings + 9}
	if !r.lately(last, now) || r.lately(last, now.Add(recordEvery)) || r.lately(reading{reader: 2, conversation: 2}, now) {
		t.Error("what was recorded is not remembered for five minutes, and only that")
	}
}
