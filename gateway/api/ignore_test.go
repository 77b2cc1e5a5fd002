package api

import "testing"

func TestIgnore(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	c := s.waiting(t)
	path := "/conversations/" + c.ID
	ana, again, ben := s.as("ana"), s.as("ana"), s.as("ben")
	hers, his := again.listen(t), ben.listen(t)
	got := want[Conversation](t, ana.do("POST", path+"/ignore", ActionBody{Epoch: &c.Epoch}), 200)
	if !got.Ignored || got.Status != "waiting" || got.Epoch != c.Epoch || !got.UpdatedAt.Equal(c.UpdatedAt) {
		t.Errorf("%+v", got)
	}
	if e := hers.next(); e.Type != "conversation.ignored" || e.ID != "" || e.Data.Conversation.ID != c.ID || e.Data.Conversation.Status != "waiting" || e.Data.Conversation.Peer != "" {
		t.Errorf("%+v", e)
	}
	shows := func(c *client, ignored bool) {
		t.Helper()
		one := want[Conversation](t, c.do("GET", path, nil), 200)
		if all := c.list(t, "?view=all"); one.Ignored != ignored || all[0].Ignored != ignored || one.Contact != nil {
			t.Errorf("ignored: %v, in the list %v", one.Ignored, all[0].Ignored)
		}
		if h := want[History](t, c.do("GET", path+"/history", nil), 200); h.Items[0].Ignored != ignored {
			t.Errorf("ignored in the history: %v", h.Items[0].Ignored)
		}
	}
	shows(again, true)
	shows(ben, false)
	shows(s.program("p", "conversations:read", ""), false)
	s.arrive(customer, ours, "again") // it waits as before
	if e := his.next(); e.Type != "message.received" || e.Data.Message.Text != "again" {
		t.Errorf("ben hears %+v", e)
	}
	shows(ana, true)
	want[Conversation](t, ben.do("POST", path+"/take", nil), 200)
	want[Conversation](t, ben.do("POST", path+"/release", nil), 200)
	shows(ana, false)

	refused(t, ana.do("POST", path+"/ignore", ActionBody{Epoch: &c.Epoch}), 409, "stale_epoch")
	want[Conversation](t, ana.do("POST", path+"/ignore", nil), 200)
	shows(ana, true)
	refused(t, s.as("stan").do("POST", path+"/ignore", nil), 404, "not_found")
	refused(t, ana.do("POST", "/conversations/x/ignore", nil), 404, "not_found")
	refused(t, s.program("q", "admin", "").do("POST", path+"/ignore", nil), 403, "forbidden")
}
