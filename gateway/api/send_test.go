package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func TestPrograms(t *testing.T) {
	s := newSite(t)
	p := s.program("reminders", "messages:send", "")
	m := want[Message](t, p.do("POST", "/messages", SendBody{From: ours, To: "260-205-8901", Text: "your order is ready", Reference: "order 7"}), 202)
	if m.From != ours || m.To != customer || *m.Tick != "queued" || m.Author.Name != "reminders" || m.Reference != "order 7" {
		t.Errorf("%+v", m)
	}
	c := want[Conversation](t, s.as("max").do("GET", "/conversations/"+m.ConversationID, nil), 200)
	if c.Status != "closed" || !c.Archived || c.Owner != nil || c.LastMessage.ID != m.ID {
		t.Errorf("%+v", c)
	}
	if got := want[Message](t, p.do("GET", "/messages/"+m.ID, nil), 200); got.ID != m.ID {
		t.Errorf("%+v", got)
	}
	// Possible is enough for a program.
	want[Message](t, p.do("POST", "/messages", SendBody{From: ours, To: "+12600000000", Text: "x"}), 202)
	for _, tc := range []struct {
		body any
		code string
	}{
		{SendBody{From: ours, To: "not a number", Text: "x"}, "number_invalid"},
		{SendBody{From: ours, To: "911", Text: "x"}, "number_invalid"},
		{SendBody{From: "+12605550000", To: customer, Text: "x"}, "number_not_ours"},
		{SendBody{To: customer, Text: "x"}, "number_not_ours"},
		{SendBody{From: ours, To: customer, Text: ""}, "text_empty"},
		{SendBody{From: ours, To: customer, Text: strings.Repeat("long ", 400)}, "text_too_long"},
		{SendBody{From: ours, To: customer, Text: "x", Reference: strings.Repeat("r", 256)}, "invalid_request"},
		{`{"to": "+12602058901", "text": "x", "urgent": true}`, "invalid_request"},
		{`{"to": 12602058901, "text": "x"}`, "invalid_request"},
	} {
		refused(t, p.do("POST", "/messages", tc.body), 422, tc.code)
	}
	refused(t, s.as("ana").do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 403, "forbidden")
	if got := want[Message](t, p.do("POST", "/messages/"+m.ID+"/cancel", nil), 200); *got.Tick != "failed" || got.Error.Code != "cancelled" {
		t.Errorf("%+v", got)
	}
	refused(t, p.do("POST", "/messages/"+m.ID+"/cancel", nil), 409, "conflict")
	if got := want[Message](t, p.do("POST", "/messages/"+m.ID+"/resend", nil), 200); *got.Tick != "queued" {
		t.Errorf("%+v", got)
	}
	refused(t, s.program("other", "messages:send", "").do("POST", "/messages/"+m.ID+"/cancel", nil), 404, "not_found")
	refused(t, s.program("other", "messages:send", "").do("GET", "/messages/"+m.ID, nil), 404, "not_found")
}

func TestOptedOut(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "STOP")
	refused(t, s.program("p", "messages:send", "").do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 422, "opted_out")
}

func TestIdempotency(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	p, ana, ben := s.program("p", "messages:send", ""), s.as("ana"), s.as("ben")
	for _, tc := range []struct {
		name        string
		c           *client
		path        string
		body, other string
	}{
		{"send", p, "/messages", `{"from":"` + ours + `","to":"` + customer + `","text":"a"}`, `{"from":"` + ours + `","to":"` + customer + `","text":"b"}`},
		{"reply", ana, "/conversations/" + c.ID + "/messages", `{"text":"a"}`, `{"text":"b"}`},
		{"start", ben, "/conversations", `{"from":"` + ours + `","to":"+12602058905","text":"a"}`, `{"from":"` + ours + `","to":"+12602058905","text":"b"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first := tc.c.do("POST", tc.path, tc.body, "Idempotency-Key", "key")
			again := tc.c.do("POST", tc.path, " "+tc.body, "Idempotency-Key", "key")
			if first.status/100 != 2 || again.status != first.status || string(again.body) != string(first.body) {
				t.Errorf("%d %s\n%d %s", first.status, first.body, again.status, again.body)
			}
			refused(t, tc.c.do("POST", tc.path, tc.other, "Idempotency-Key", "key"), 422, "idempotency_mismatch")
			refused(t, tc.c.do("POST", tc.path, tc.body, "Idempotency-Key", strings.Repeat("k", 256)), 422, "invalid_request")
			if second := tc.c.do("POST", tc.path, tc.body, "Idempotency-Key", "key 2"); second.status != first.status || string(second.body) == string(first.body) {
				t.Errorf("%d %s", second.status, second.body)
			}
		})
	}
	// A key is its caller's own, and a refusal is not kept.
	q := s.program("q", "messages:send", "")
	refused(t, q.do("POST", "/messages", SendBody{From: ours, To: "x", Text: "b"}, "Idempotency-Key", "key"), 422, "number_invalid")
	want[Message](t, q.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "b"}, "Idempotency-Key", "key"), 202)
}

func TestBatch(t *testing.T) {
	s := newSite(t)
	p := s.program("p", "messages:send messages:read", "")
	var items []any
	for i := range 300 {
		items = append(items, batchItem{SendBody: SendBody{From: ours, To: fmt.Sprintf("+1260205%04d", 1000+i%100), Text: fmt.Sprint(i)}, Key: fmt.Sprint("key ", i)})
	}
	items = append(items, SendBody{From: ours, To: "nobody", Text: "x"}, map[string]any{"to": customer, "txt": "x"}, 5,
		batchItem{SendBody: SendBody{From: ours, To: "+12602051000", Text: "other"}, Key: "key 0"})
	send := func() []BatchResult {
		t.Helper()
		got := want[BatchAnswer](t, p.do("POST", "/messages/batch", map[string]any{"messages": items}), 202).Items
		if len(got) != len(items) {
			t.Fatalf("%d answers", len(got))
		}
		return got
	}
	got := send()
	last := map[string]string{}
	for i, r := range got[:300] {
		if r.Status != 202 || r.Message == nil || r.Message.Text != fmt.Sprint(i) {
			t.Fatalf("%d: %+v", i, r)
		}
		if r.Message.ID <= last[r.Message.To] {
			t.Errorf("%d came before the text to the same customer that stands before it", i)
		}
		last[r.Message.To] = r.Message.ID
	}
	for i, code := range []string{"number_invalid", "invalid_request", "invalid_request", "idempotency_mismatch"} {
		if r := got[300+i]; r.Status != 422 || r.Error == nil || r.Error.Code != code {
			t.Errorf("%+v, want %s", r, code)
		}
	}
	for i, r := range send()[:300] {
		if r.Status != 202 || r.Message.ID != got[i].Message.ID {
			t.Errorf("%d was sent again", i)
		}
	}
	if l := want[MessageList](t, p.do("GET", "/messages?limit=1000", nil), 200); len(l.Items) != 300 {
		t.Errorf("%d messages", len(l.Items))
	}
	refused(t, p.do("POST", "/messages/batch", map[string]any{"messages": make([]SendBody, 1001)}), 422, "invalid_request")
	refused(t, p.do("POST", "/messages/batch", map[string]any{"messages": []SendBody{}}), 422, "invalid_request")
}

func TestMessages(t *testing.T) {
	s := newSite(t)
	s.run()
	sender, reader := s.program("sender", "messages:send", ""), s.program("reader", "messages:read", "")
	limited := s.program("limited", "messages:read", general)
	sent := want[Message](t, sender.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "out", Reference: "r1"}), 202)
	s.arrive("+12602058902", ours, "in")
	s.arrive("+12602058903", general, "in general")
	for _, tc := range []struct {
		c     *client
		query string
		want  string
	}{
		{reader, "", "in general,in,out"},
		{reader, "?direction=in", "in general,in"},
		{reader, "?direction=out", "out"},
		{reader, "?tick=queued", "out"},
		{reader, "?tick=delivered", ""},
		{reader, "?number=%2B12602058999", "in general"},
		{reader, "?peer=%2B12602058901", "out"},
		{reader, "?reference=r1", "out"},
		{reader, "?since=2099-01-01T00:00:00Z", ""},
		{sender, "", "out"},
		{limited, "", "in general"},
		{s.as("max"), "", "in,out"},
		{s.as("olga"), "", "in general,in,out"},
	} {
		var texts []string
		for _, m := range want[MessageList](t, tc.c.do("GET", "/messages"+tc.query, nil), 200).Items {
			texts = append(texts, m.Text)
		}
		if got := strings.Join(texts, ","); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.query, got, tc.want)
		}
	}
	refused(t, s.as("ana").do("GET", "/messages", nil), 403, "forbidden")
	want[Message](t, reader.do("GET", "/messages/"+sent.ID, nil), 200)
	refused(t, limited.do("GET", "/messages/"+sent.ID, nil), 404, "not_found")
	refused(t, reader.do("GET", "/messages/nonsense", nil), 404, "not_found")
	refused(t, reader.do("GET", "/messages?tick=lost", nil), 422, "invalid_request")
	// A sender keeps what it sent, though the conversation is deleted.
	if a := s.as("max").do("DELETE", "/conversations/"+sent.ConversationID, nil); a.status != 204 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	want[Message](t, sender.do("GET", "/messages/"+sent.ID, nil), 200)
	refused(t, reader.do("GET", "/messages/"+sent.ID, nil), 404, "not_found")
	if l := want[MessageList](t, reader.do("GET", "/messages", nil), 200); len(l.Items) != 2 {
		t.Errorf("%+v", l)
	}
}

func TestScopes(t *testing.T) {
	s := newSite(t)
	m := want[Message](t, s.program("p", "admin", "").do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 202)
	for _, tc := range []struct {
		method, path string
		body         any
		scope        string
		status       int
	}{
		{"POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}, "messages:send", 202},
		{"POST", "/messages/batch", map[string]any{"messages": []SendBody{{From: ours, To: customer, Text: "x"}}}, "messages:send", 202},
		{"GET", "/messages", nil, "messages:read", 200},
		{"GET", "/messages/" + m.ID, nil, "messages:read", 200},
		{"GET", "/quarantine", nil, "carriers:manage", 200},
		{"GET", "/carriers/acme/trace", nil, "carriers:manage", 200},
		{"GET", "/conversations", nil, "conversations:read", 200},
		{"GET", "/conversations/" + m.ConversationID, nil, "conversations:read", 200},
		{"GET", "/conversations/" + m.ConversationID + "/messages", nil, "conversations:read", 200},
		{"GET", "/conversations/" + m.ConversationID + "/events", nil, "conversations:read", 200},
		{"GET", "/agents", nil, "conversations:read", 200},
		{"GET", "/queues", nil, "conversations:read", 200},
		{"POST", "/conversations/" + m.ConversationID + "/notes", noteBody{Text: "x"}, "conversations:write", 200},
		{"POST", "/conversations/" + m.ConversationID + "/transfer", transferBody{Queue: s.queue.String()}, "conversations:write", 200},
		{"GET", "/carriers", nil, "carriers:read", 200},
		{"GET", "/carriers", nil, "carriers:manage", 200},
		{"POST", "/carriers/acme/pause", nil, "carriers:manage", 200},
		{"POST", "/carriers/acme/resume", nil, "carriers:manage", 200},
	} {
		others := "messages:send messages:read conversations:read conversations:write events:read contacts:write carriers:read carriers:manage metrics:read "
		others = strings.ReplaceAll(others, tc.scope+" ", "")
		if tc.path == "/messages" || tc.path == "/messages/"+m.ID { // a sender reads what it sent
			others = strings.ReplaceAll(others, "messages:send ", "")
		}
		if tc.path == "/carriers" { // who manages them sees them
			others = "messages:read"
		}
		p := refused(t, s.program("without", others, "").do(tc.method, tc.path, tc.body), 403, "forbidden")
		if !strings.HasPrefix(tc.scope, "carriers") && p.Scope != tc.scope {
			t.Errorf("%s %s: lacks %q, want %s", tc.method, tc.path, p.Scope, tc.scope)
		}
		for _, scope := range []string{tc.scope, "admin"} {
			if a := s.program("with", scope, "").do(tc.method, tc.path, tc.body); a.status != tc.status {
				t.Errorf("%s %s: %d %s", tc.method, tc.path, a.status, a.body)
			}
		}
	}
	refused(t, s.program("p", "messages:read", "").do("GET", "/events", nil), 403, "forbidden")
	limited := s.program("limited", "admin", general)
	refused(t, limited.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 422, "number_not_ours")
	if m := want[Message](t, limited.do("POST", "/messages", SendBody{To: customer, Text: "x"}), 202); m.From != general {
		t.Errorf("%+v", m)
	}
	refused(t, limited.do("POST", "/conversations/"+m.ConversationID+"/notes", noteBody{Text: "x"}), 404, "not_found")
	refused(t, s.program("p", "admin", "").do("POST", "/conversations/"+m.ConversationID+"/take", nil), 403, "forbidden")
	refused(t, s.program("p", "admin", "").do("DELETE", "/session", nil), 403, "forbidden")
	bad := &client{s: s, token: "nonsense"}
	refused(t, bad.do("GET", "/me", nil), 401, "unauthorized")
	if me := want[Me](t, limited.do("GET", "/me", nil), 200); me.Kind != "token" || me.Scopes[0] != "admin" || me.Numbers[0] != general {
		t.Errorf("%+v", me)
	}
}

func TestCarriers(t *testing.T) {
	s := newSite(t)
	s.run()
	olga, ana := s.as("olga"), s.as("ana")
	l := want[CarrierList](t, ana.do("GET", "/carriers", nil), 200)
	if len(l.Items) != 1 || l.Items[0].Name != "acme" || l.Items[0].Kind != "smpp" || len(l.Items[0].Numbers) != 2 || l.Items[0].Rate != 10 {
		t.Errorf("%+v", l)
	}
	refused(t, ana.do("POST", "/carriers/acme/pause", nil), 403, "forbidden")
	refused(t, olga.do("POST", "/carriers/other/pause", nil), 404, "not_found")
	if c := want[Carrier](t, olga.do("POST", "/carriers/acme/pause", nil), 200); c.State != "paused" {
		t.Errorf("%+v", c)
	}
	if c := want[Carrier](t, olga.do("POST", "/carriers/acme/resume", "{}"), 200); c.State == "paused" {
		t.Errorf("%+v", c)
	}
	want[Carrier](t, olga.do("POST", "/carriers/acme/reconnect", nil), 200)
}

func TestAgentsAndQueues(t *testing.T) {
	s := newSite(t)
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ben"]) })
	ana := s.as("ana")
	agents := want[AgentList](t, ana.do("GET", "/agents", nil), 200).Items
	if len(agents) != 4 || agents[0].Name != "ana" || agents[0].Extension != "101" || agents[0].Availability != "available" || agents[0].ID != s.people["ana"].String() {
		t.Errorf("%+v", agents)
	}
	first := want[AgentList](t, ana.do("GET", "/agents?limit=3", nil), 200)
	if rest := want[AgentList](t, ana.do("GET", "/agents?limit=3&cursor="+*first.NextCursor, nil), 200); len(first.Items) != 3 || len(rest.Items) != 1 || rest.NextCursor != nil {
		t.Errorf("%+v %+v", first, rest)
	}
	queues := want[QueueList](t, ana.do("GET", "/queues", nil), 200).Items
	if len(queues) != 2 || queues[0].Name != "General" || queues[0].Numbers[0] != general || queues[1].Name != "Sales" || queues[1].Numbers[0] != ours {
		t.Errorf("%+v", queues)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	s := newSite(t)
	p, ana := s.program("p", "admin", ""), s.as("ana")
	refused(t, p.do("POST", "/messages", `{"to":`), 400, "invalid_request")
	refused(t, p.do("POST", "/messages", `{"to":"x"} {}`), 400, "invalid_request")
	refused(t, p.do("POST", "/messages", `[]`), 422, "invalid_request")
	refused(t, p.do("POST", "/messages", `to=x`, "Content-Type", "application/x-www-form-urlencoded"), 415, "invalid_request")
	refused(t, p.do("POST", "/messages", `{"text":"`+strings.Repeat("x", maxBody)+`"}`), 413, "invalid_request")
	refused(t, ana.do("POST", "/conversations/x/take", `{"epoch":"1"}`), 422, "invalid_request")
	refused(t, ana.do("POST", "/conversations/x/take", `{"force":true}`), 422, "invalid_request")
	refused(t, ana.do("GET", "/nowhere", nil), 404, "not_found")
	a := ana.do("PUT", "/me", nil)
	refused(t, a, 405, "method_not_allowed")
	if got := a.header.Get("Allow"); got != "GET, PATCH" {
		t.Errorf("Allow: %s", got)
	}
	s.db.Close()
	refused(t, p.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 503, "store_unavailable")
}

func TestOpenAPI(t *testing.T) {
	s := newSite(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if a := (&client{s: s}).do("GET", "/openapi.json", nil); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
	a := (&client{s: s}).do("GET", "/openapi.json", nil)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(a.body, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("%v, version %q", err, doc.OpenAPI)
	}
	for path, methods := range s.api.paths {
		for _, m := range methods {
			if doc.Paths[path][strings.ToLower(m)] == nil {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	for _, route := range []string{"post /session", "delete /session", "get /me", "patch /me", "get /conversations", "post /conversations", "get /conversations/{id}",
		"get /conversations/{id}/messages", "post /conversations/{id}/messages", "get /conversations/{id}/events", "post /conversations/{id}/take",
		"post /conversations/{id}/transfer", "post /conversations/{id}/release", "post /conversations/{id}/dealt-with", "post /conversations/{id}/archive",
		"post /conversations/{id}/unarchive", "post /conversations/{id}/read", "post /conversations/{id}/snooze", "post /conversations/{id}/notes",
		"post /conversations/{id}/block", "delete /conversations/{id}", "get /numbers/parse", "post /messages", "post /messages/batch", "get /messages",
		"get /messages/{id}", "post /messages/{id}/resend", "post /messages/{id}/cancel", "get /carriers", "post /carriers/{name}/pause",
		"post /carriers/{name}/resume", "post /carriers/{name}/reconnect", "get /agents", "get /queues", "get /events"} {
		method, path, _ := strings.Cut(route, " ")
		if doc.Paths[prefix+path][method] == nil {
			t.Errorf("%s is missing", route)
		}
	}
	for path, want := range map[string]string{"/docs": "/openapi.json", "/docs/docs.js": "/openapi.json", "/docs/docs.css": "details"} {
		if a := (&client{s: s}).do("GET", path, nil); a.status != 200 || !strings.Contains(string(a.body), want) || strings.Contains(string(a.body), "//unpkg") {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	for name, properties := range map[string][]string{"Conversation": {"id", "unread", "last_message"}, "TransferBody": {"epoch", "agent", "note"}, "BatchItem": {"to", "idempotency_key"}} {
		var all struct {
			Components struct {
				Schemas map[string]struct{ Properties map[string]any }
			}
		}
		if err := json.Unmarshal(a.body, &all); err != nil {
			t.Fatal(err)
		}
		for _, p := range properties {
			if all.Components.Schemas[name].Properties[p] == nil {
				t.Errorf("schema %s lacks %s", name, p)
			}
		}
	}
}

func TestPanics(t *testing.T) {
	s := newSite(t)
	s.api.mux.HandleFunc("GET "+prefix+"/panic", func(http.ResponseWriter, *http.Request) { panic("secret") })
	a := s.as("ana").do("GET", "/panic", nil)
	refused(t, a, 500, "internal")
	if strings.Contains(string(a.body), "secret") {
		t.Errorf("%s", a.body)
	}
}

func TestStatusOfEveryRefusal(t *testing.T) {
	for code, status := range map[gateway.RefusalCode]int{
		gateway.NotFound: 404, gateway.AlreadyTaken: 409, gateway.OwnedByOther: 409, gateway.NotOwner: 409, gateway.NotArchived: 409, gateway.StaleEpoch: 409,
		gateway.Conflict: 409, gateway.NumberInvalid: 422, gateway.NumberNotOurs: 422, gateway.TextEmpty: 422, gateway.TextTooLong: 422, gateway.Mismatch: 422,
		gateway.OptedOut: 422, gateway.Blocked: 422, gateway.AgentUnavailable: 422, gateway.Forbidden: 403,
	} {
		if got := statusOf(code); got != status {
			t.Errorf("%s: %d, want %d", code, got, status)
		}
	}
}
