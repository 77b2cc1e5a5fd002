package api

import (
	"net/url"
	"strings"
	"testing"

	"smsbridge/gateway/store"
)

func TestBlockedCustomers(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max, olga := s.as("ana"), s.as("max"), s.as("olga")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	s.arrive(customer, ours, "bad")
	s.arrive("+12602058902", ours, "worse")
	for _, c := range ana.list(t, "?view=waiting") {
		if a := ana.do("POST", "/conversations/"+c.ID+"/block", nil); a.status != 200 {
			t.Fatalf("%s", a.body)
		}
	}
	everything := s.program("all", "admin", "")
	s.everyone("GET", "/blocked", nil, map[*client]int{ana: 403, max: 200, lea: 200, olga: 200, everything: 200,
		s.program("limited", "admin", ours): 403, s.program("q", "conversations:read", ""): 403})
	first := want[BlockedList](t, max.do("GET", "/blocked?limit=1", nil), 200)
	if b := first.Items[0]; len(first.Items) != 1 || b.Peer != customer || b.Contact != nil || b.By.Name != "ana" || b.At.IsZero() || first.NextCursor == nil {
		t.Fatalf("%+v", first)
	}
	rest := want[BlockedList](t, max.do("GET", "/blocked?limit=1&cursor="+*first.NextCursor, nil), 200)
	if len(rest.Items) != 1 || rest.Items[0].Peer != "+12602058902" || rest.NextCursor != nil {
		t.Errorf("%+v", rest)
	}
	refused(t, max.do("GET", "/blocked?cursor=x", nil), 422, "invalid_request")

	path := "/blocked/" + url.PathEscape(customer)
	s.everyone("DELETE", path, nil, map[*client]int{ana: 403, s.program("r", "conversations:write", ""): 403})
	stream := max.listen(t)
	if a := lea.do("DELETE", path, nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	if e := stream.next(); e.Type != "conversation.updated" || e.Data.Conversation.Blocked || e.Data.By.Name != "lea" {
		t.Errorf("%+v", e)
	}
	if d := s.deeds("conversation.unblocked"); len(d) != 1 || d[0].Actor.Name != "lea" || d[0].ConversationID == nil {
		t.Errorf("%+v", d)
	}
	refused(t, max.do("DELETE", path, nil), 404, "not_found")

	for _, c := range olga.list(t, "?view=all") {
		if c.Peer == customer {
			if c.Blocked {
				t.Errorf("%+v", c)
			}
			continue
		}
		path := "/conversations/" + c.ID + "/unblock"
		s.everyone("POST", path, nil, map[*client]int{ana: 403, lea: 404, s.as("stan"): 404, s.program("x", "conversations:read", ""): 403})
		if got := want[Conversation](t, max.do("POST", path, nil), 200); got.Blocked {
			t.Errorf("%+v", got)
		}
		want[Conversation](t, max.do("POST", path, nil), 200) // as it is
	}
	if d := s.deeds("conversation.unblocked"); len(d) != 2 || d[0].Actor.Name != "max" {
		t.Errorf("%+v", d)
	}
	if left := want[BlockedList](t, olga.do("GET", "/blocked", nil), 200).Items; len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestOptOutsOfAConversation(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, ben, max := s.as("ana"), s.as("ben"), s.as("max")
	s.arrive(customer, ours, "please call me instead")
	c := ana.list(t, "?view=waiting")[0]
	if a := ana.do("POST", "/conversations/"+c.ID+"/take", nil); a.status != 200 {
		t.Fatalf("%s", a.body)
	}
	sent := want[Message](t, ana.do("POST", "/conversations/"+c.ID+"/messages", replyBody{Text: "We will."}), 202)
	path := "/conversations/" + c.ID + "/opt-out"
	s.everyone("POST", path, `{"opted_out":true}`, map[*client]int{ben: 404, s.as("stan"): 404, s.program("q", "messages:send", ""): 403})
	if p := refused(t, ana.do("POST", path, `{"note":"x"}`), 422, "invalid_request"); p.Errors[0].Location != "body.opted_out" {
		t.Errorf("%+v", p)
	}
	refused(t, ana.do("POST", path, `{"opted_out":true,"note":"`+strings.Repeat("x", 4001)+`"}`), 422, "text_too_long")
	if got := want[Conversation](t, ana.do("POST", path, `{"opted_out":true,"note":"on the telephone"}`), 200); !got.OptedOut {
		t.Errorf("%+v", got)
	}
	s.audited("conversation.opted_out", "ana")
	if m := want[Message](t, ana.do("GET", "/messages/"+sent.ID, nil), 200); *m.Tick != "failed" || m.Error.Code != "opted_out" {
		t.Errorf("what was queued is %s: %+v", *m.Tick, m.Error)
	}
	refused(t, ana.do("POST", "/conversations/"+c.ID+"/messages", replyBody{Text: "x"}), 422, "opted_out")
	all := want[OptOutList](t, max.do("GET", "/opt-outs?number="+query(ours)+"&peer="+query(customer), nil), 200).Items
	if len(all) != 1 || !all[0].OptedOut || all[0].By.Name != "ana" || all[0].Note != "on the telephone" || all[0].MessageID != nil || all[0].Number != ours || all[0].Peer != customer {
		t.Errorf("%+v", all)
	}
	if got := want[Conversation](t, max.do("POST", path, `{"opted_out":false}`), 200); got.OptedOut {
		t.Errorf("%+v", got)
	}
	s.audited("conversation.opted_in", "max")
}

func TestLedgerOfOptOuts(t *testing.T) {
	s := newSite(t)
	s.run()
	ana, max, olga := s.as("ana"), s.as("max"), s.as("olga")
	lea := s.hire("lea", "201", "manager", store.GeneralQueue)
	shop := s.program("shop", "messages:send messages:read", ours)
	body := `{"number":"` + ours + `","peer":"(260) 205-8901","opted_out":true,"note":"by letter"}`
	s.everyone("POST", "/opt-outs", body, map[*client]int{ana: 403, lea: 403, s.program("q", "messages:read", ""): 403})
	made := want[OptOut](t, max.do("POST", "/opt-outs", body), 201)
	if made.Peer != customer || made.Number != ours || !made.OptedOut || made.By.Name != "max" || made.Note != "by letter" {
		t.Errorf("%+v", made)
	}
	s.audited("conversation.opted_out", "max", made.ID)
	refused(t, shop.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 422, "opted_out")
	if again := want[OptOut](t, shop.do("POST", "/opt-outs", body), 201); again.ID == made.ID || again.By.Name != "shop" {
		t.Errorf("%+v", again)
	}
	over := strings.Replace(body, "true", "false", 1)
	refused(t, shop.do("POST", "/opt-outs", over), 403, "forbidden") // who may send may not undo what keeps it from sending
	want[OptOut](t, s.program("desk", "messages:send conversations:write", ours).do("POST", "/opt-outs", over), 201)
	m := want[Message](t, shop.do("POST", "/messages", SendBody{From: ours, To: customer, Text: "x"}), 202)

	stream := olga.listen(t)
	want[OptOut](t, olga.do("POST", "/opt-outs", body), 201) // now there is a conversation, and something queued
	for _, event := range []string{"conversation.updated", "message.tick"} {
		e := stream.next()
		if e.Type != event || !e.Data.Conversation.OptedOut {
			t.Errorf("%+v, want %s", e, event)
		}
	}
	if got := want[Message](t, shop.do("GET", "/messages/"+m.ID, nil), 200); *got.Tick != "failed" {
		t.Errorf("%+v", got)
	}
	want[OptOut](t, lea.do("POST", "/opt-outs", strings.Replace(body, ours, general, 1)), 201)

	s.arrive("+12602058907", ours, "STOP")
	count := func(c *client, query string) int {
		t.Helper()
		return len(want[OptOutList](t, c.do("GET", "/opt-outs"+query, nil), 200).Items)
	}
	for who, n := range map[*client]int{max: 5, olga: 6, lea: 1, shop: 5, s.program("reader", "messages:read", ""): 6} {
		if got := count(who, ""); got != n {
			t.Errorf("%d rows, want %d", got, n)
		}
	}
	s.everyone("GET", "/opt-outs", nil, map[*client]int{ana: 403, s.program("r", "messages:send", ""): 403})
	first := want[OptOutList](t, max.do("GET", "/opt-outs?limit=1", nil), 200)
	if o := first.Items[0]; o.Keyword != "STOP" || o.By != nil || o.MessageID == nil || first.NextCursor == nil {
		t.Errorf("%+v", first)
	}
	if n := count(max, "?cursor="+*first.NextCursor); n != 4 {
		t.Errorf("%d more rows", n)
	}
	for body, code := range map[string]string{
		`{"peer":"` + customer + `","opted_out":true}`:                         "invalid_request",
		`{"number":"` + ours + `","peer":"` + customer + `"}`:                  "invalid_request",
		`{"number":"+12602050000","peer":"` + customer + `","opted_out":true}`: "number_not_ours",
		`{"number":"` + ours + `","peer":"nobody","opted_out":true}`:           "number_invalid",
		`{"number":"` + ours + `","peer":"","opted_out":true}`:                 "number_invalid",
	} {
		refused(t, olga.do("POST", "/opt-outs", body), 422, code)
	}
	refused(t, shop.do("POST", "/opt-outs", strings.Replace(body, ours, general, 1)), 422, "number_not_ours")
}
