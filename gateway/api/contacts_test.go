package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

func (c *client) addContact(t *testing.T, name string, numbers ...string) ContactDetails {
	t.Helper()
	return want[ContactDetails](t, c.do("POST", "/contacts", contactBody{Name: &name, Numbers: numbers}), 201)
}

func TestContacts(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	a := ana.do("POST", "/contacts", map[string]any{"name": " Ana Pérez ", "company": "ACME", "numbers": []string{"(260) 205-8901", "12345", "ACME", "+12602058901"},
		"notes": "two\nlines", "tags": []string{"vip", "VIP", "a b"}})
	c := want[ContactDetails](t, a, 201)
	if c.Name != "Ana Pérez" || c.FirstName != "Ana" || c.Company != "ACME" || strings.Join(c.Numbers, " ") != "+12602058901 12345 ACME" || c.Notes != "two\nlines" ||
		strings.Join(c.Tags, ",") != "vip,a b" || c.CreatedAt.IsZero() || a.header.Get("Location") != prefix+"/contacts/"+c.ID {
		t.Errorf("%+v %v", c, a.header)
	}
	path := "/contacts/" + c.ID
	if got := want[ContactDetails](t, s.as("stan").do("GET", path, nil), 200); fmt.Sprint(got) != fmt.Sprint(c) {
		t.Errorf("%+v, want %+v", got, c)
	}
	got := want[ContactDetails](t, ana.do("PATCH", path, `{"first_name":"Anita","company":"","tags":[],"numbers":["ACME","+447400123456"]}`), 200)
	if got.Name != c.Name || got.FirstName != "Anita" || got.Company != "" || len(got.Tags) != 0 || strings.Join(got.Numbers, " ") != "ACME +447400123456" || got.Notes != c.Notes {
		t.Errorf("%+v", got)
	}
	if again := want[ContactDetails](t, ana.do("PATCH", path, `{"company":" "}`), 200); !again.UpdatedAt.Equal(got.UpdatedAt) {
		t.Error("what changes nothing is written")
	}
	if got = want[ContactDetails](t, ana.do("PATCH", path, `{"name":"Eve Pérez","first_name":""}`), 200); got.FirstName != "Eve" {
		t.Errorf("%+v", got)
	}

	p := refused(t, ana.do("POST", "/contacts", `{"name":"Ben","numbers":["23456","+44 7400 123456"]}`), 409, "conflict")
	if p.Contact == nil || p.Contact.ID != c.ID || p.Contact.Name != "Eve Pérez" || !strings.Contains(p.Detail, "+447400123456 is Eve Pérez's") {
		t.Errorf("%+v", p)
	}
	ben := ana.addContact(t, "Ben", "12345")
	refused(t, ana.do("PATCH", "/contacts/"+ben.ID, `{"numbers":["12345","ACME"]}`), 409, "conflict")
	if p = refused(t, ana.do("POST", "/contacts", `{"name":"x","numbers":["1-800-FLOWERS"]}`), 422, "number_invalid"); p.Suggestion != "+18003569377" {
		t.Errorf("%+v", p)
	}
	for _, n := range []string{"", "911", "+1260", "(260) 205-8901 or so", "2602"} {
		status, code := 422, "number_invalid"
		if n == "2602" { // a short code
			status, code = 201, ""
		}
		if a := ana.do("POST", "/contacts", map[string]any{"name": "x", "numbers": []string{n}}); a.status != status || code != "" && !strings.Contains(string(a.body), code) {
			t.Errorf("%q: %d %s", n, a.status, a.body)
		}
	}
	for body, at := range map[string]string{
		`{"numbers":["12346"]}`: "body.name",
		`{"name":"x"}`:          "body.numbers",
		`{"name":"x","numbers":["12346"],"tags":["a;b"]}`:                               "body.tags",
		`{"name":"x","numbers":["12346"],"mail":"x"}`:                                   "body",
		`{"name":"x","numbers":"12346"}`:                                                "body.numbers",
		`{"name":"` + strings.Repeat("x", 201) + `","numbers":["12346"]}`:               "body.name",
		`{"name":"x","company":"` + strings.Repeat("x", 201) + `","numbers":["12346"]}`: "body.company",
	} {
		if p := refused(t, ana.do("POST", "/contacts", body), 422, "invalid_request"); len(p.Errors) != 1 || p.Errors[0].Location != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
	for _, id := range []string{"x", "0000000000009"} {
		refused(t, ana.do("GET", "/contacts/"+id, nil), 404, "not_found")
		refused(t, ana.do("PATCH", "/contacts/"+id, "{}"), 404, "not_found")
		refused(t, s.as("max").do("DELETE", "/contacts/"+id, nil), 404, "not_found")
	}
	if a := s.as("max").do("DELETE", path, nil); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	refused(t, ana.do("GET", path, nil), 404, "not_found")
	var log []string
	deeds, err := s.db.Deeds(t.Context(), store.DeedList{Visible: store.Visible{Everything: true}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deeds {
		if d.Object == "contact "+c.ID {
			log = append(log, d.By.Name+" "+d.Action+" "+d.Detail)
		}
	}
	if got := strings.Join(log, ", "); got != "max contact.deleted Eve Pérez, ana contact.changed , ana contact.changed , ana contact.created " {
		t.Errorf("audit: %s", got)
	}
}

// TestContactOfOddSender knows who texted from what is no number.
func TestContactOfOddSender(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	senders := []gateway.Address{{Kind: gateway.AddressShort, Value: "59039001"}, {Kind: gateway.AddressUnknown, Value: "+1260"}, {Kind: gateway.AddressAlphanumeric, Value: "1800FLOWERS"}, {Value: "+1;2"}}
	for i, sender := range senders {
		body := map[string]any{"name": "x", "numbers": []string{sender.Value}}
		refused(t, ana.do("POST", "/contacts", body), 422, "number_invalid")
		s.update(func(tx *store.Tx) error {
			c := gateway.NewConversation(tx.NewID(), ours, sender, s.queue)
			c.Status, c.CreatedAt, c.UpdatedAt, c.WaitingSince = gateway.StatusWaiting, tx.Now(), tx.Now(), tx.Now()
			return tx.SaveConversation(c)
		})
		if i == 3 { // which could not be exported
			refused(t, ana.do("POST", "/contacts", body), 422, "number_invalid")
			continue
		}
		c := want[ContactDetails](t, ana.do("POST", "/contacts", body), 201)
		if len(c.Numbers) != 1 || c.Numbers[0] != sender.Value {
			t.Errorf("%+v", c)
		}
		found := ana.list(t, "?view=waiting")
		if found[0].Peer != sender.Value || found[0].Contact == nil || found[0].Contact.ID != c.ID {
			t.Errorf("%+v", found[0])
		}
	}
}

func TestContactList(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	for i, name := range []string{"Dora", "ana", "Carl", "ben", "Ana"} {
		ana.addContact(t, name, fmt.Sprintf("+1260205890%d", i))
	}
	want[ContactDetails](t, ana.do("POST", "/contacts", `{"name":"Éva","company":"Dora & Co","numbers":["Shop"],"tags":["vip"]}`), 201)
	for _, tt := range []struct{ query, want string }{
		{"", "ana Ana ben Carl Dora Éva"},
		{"?q=DORA", "Dora Éva"},
		{"?q=%C3%89VA", "Éva"},
		{"?q=shop", "Éva"},
		{"?q=205-8902", "Carl"},
		{"?q=(260)%20205-8902", "Carl"},
		{"?q=%2B1260205", "ana Ana ben Carl Dora"},
		{"?q=5%25", ""},
		{"?tag=VIP", "Éva"},
		{"?tag=vi", ""},
		{"?tag=vip&q=ana", ""},
	} {
		for _, limit := range []int{2, 50} {
			got, cursor := "", ""
			for range 10 {
				join := "?"
				if tt.query != "" {
					join = "&"
				}
				l := want[ContactList](t, ana.do("GET", fmt.Sprint("/contacts", tt.query, join, "limit=", limit, cursor), nil), 200)
				for _, c := range l.Items {
					got += " " + c.Name
				}
				if l.NextCursor == nil {
					break
				}
				cursor = "&cursor=" + *l.NextCursor
			}
			if strings.TrimSpace(got) != tt.want {
				t.Errorf("%s by %d: %s, want %s", tt.query, limit, got, tt.want)
			}
		}
	}
	refused(t, ana.do("GET", "/contacts?cursor=x", nil), 422, "invalid_request")
	long := strings.Repeat("ü", 200)
	ana.addContact(t, long, "+12602058921")
	ana.addContact(t, long, "+12602058922")
	l := want[ContactList](t, ana.do("GET", "/contacts?limit=7", nil), 200)
	if l = want[ContactList](t, ana.do("GET", "/contacts?cursor="+*l.NextCursor, nil), 200); len(l.Items) != 1 || l.Items[0].Name != long {
		t.Errorf("%+v", l)
	}
}

// TestContactRights asks as everybody for everything.
func TestContactRights(t *testing.T) {
	s := newSite(t)
	clients := map[string]*client{"reader": s.program("reader", "conversations:read", ""), "writer": s.program("writer", "contacts:write", ""),
		"other": s.program("other", "messages:send messages:read conversations:write events:read carriers:read", "")}
	for name := range s.people {
		clients[name] = s.as(name)
	}
	everybody := "ana ben max olga stan"
	n := 0
	for _, tt := range []struct {
		method, path string
		body         string
		who          string
	}{
		{"GET", "/contacts", "", everybody + " reader writer"},
		{"GET", "/contacts/ID", "", everybody + " reader writer"},
		{"GET", "/contacts/ID/history", "", everybody + " reader"},
		{"POST", "/contacts", `{"name":"x","numbers":["+1260205NNNN"]}`, everybody + " writer"},
		{"PATCH", "/contacts/ID", `{"notes":"NNNN"}`, everybody + " writer"},
		{"DELETE", "/contacts/ID", "", "max olga writer"},
		{"GET", "/contacts/export", "", "max olga writer"},
		{"POST", "/contacts/import", "name,numbers\nx,+1260205NNNN\n", "max olga writer"},
	} {
		for name, cl := range clients {
			n++
			c := clients["olga"].addContact(t, "c", fmt.Sprintf("+1260206%04d", n))
			var body any
			kind := "application/json"
			if tt.body != "" {
				body = strings.ReplaceAll(tt.body, "NNNN", fmt.Sprintf("%04d", n))
			}
			if strings.HasSuffix(tt.path, "import") {
				kind = "text/csv"
			}
			a := cl.do(tt.method, strings.ReplaceAll(tt.path, "ID", c.ID), body, "Content-Type", kind)
			if allowed := strings.Contains(" "+tt.who+" ", " "+name+" "); allowed && a.status >= 300 {
				t.Errorf("%s may not %s %s: %d %s", name, tt.method, tt.path, a.status, a.body)
			} else if !allowed {
				refused(t, a, 403, "forbidden")
			}
		}
	}
}

// TestContactEvents has contacts change before the streams of others, and looks
// at what their lists then show.
func TestContactEvents(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	s.arrive(customer, general, "hello")
	s.arrive("+12602058902", ours, "other")
	ben, stan := s.as("ben"), s.as("stan")
	benHears, stanHears := ben.listen(t), stan.listen(t)
	heard := func(r *reader, want ...string) {
		t.Helper()
		got := map[string]bool{}
		for range want {
			e := r.next()
			name := "-"
			if e.Data.Conversation.Contact != nil {
				name = e.Data.Conversation.Contact.Name
			}
			if e.Type != "conversation.updated" || e.Data.By == nil || e.Data.By.Name != "ana" {
				t.Errorf("%+v", e)
			}
			got[e.Data.Conversation.Number[9:]+" "+e.Data.Conversation.Peer[9:]+" "+name] = true
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("heard %v, want %v", got, want)
			}
		}
	}
	ana := s.as("ana")
	c := ana.addContact(t, "Cleo", customer)
	heard(benHears, "900 901 Cleo", "999 901 Cleo")
	heard(stanHears, "999 901 Cleo")
	want[ContactDetails](t, ana.do("PATCH", "/contacts/"+c.ID, `{"name":"Clio","numbers":["+12602058902"]}`), 200)
	heard(benHears, "900 901 -", "999 901 -", "900 902 Clio")
	heard(stanHears, "999 901 -")
	for _, got := range ben.list(t, "?q=CLIO") {
		if got.Contact == nil || got.Contact.ID != c.ID || got.Peer != "+12602058902" {
			t.Errorf("%+v", got)
		}
	}
	if n := len(ben.list(t, "?q=clio")); n != 1 {
		t.Errorf("%d are found by the name", n)
	}
	want[ContactDetails](t, ana.do("PATCH", "/contacts/"+c.ID, `{}`), 200) // nobody hears of it
	s.emit(1)
	if e := benHears.next(); e.Type != "carrier.up" {
		t.Errorf("%+v", e)
	}
	a := s.as("olga").do("DELETE", "/contacts/"+c.ID, nil)
	if a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if e := benHears.next(); e.Data.Conversation.Contact != nil || e.Data.By.Name != "olga" {
		t.Errorf("%+v", e)
	}
	s.arrive("+12602058902", ours, "more")
	if e := benHears.next(); e.Type != "message.received" || e.Data.Conversation.Contact != nil {
		t.Errorf("%+v", e)
	}
}

// TestPathsBesideIDs asks for fixed paths that stand where an id could.
func TestPathsBesideIDs(t *testing.T) {
	s := newSite(t)
	max := s.as("max")
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/contacts/import", 404}, {"DELETE", "/contacts/export", 404}, {"PUT", "/contacts/x", 405}, {"GET", "/messages/batch", 404}, {"PUT", "/messages/preview", 405},
	} {
		req := max.request(tt.method, tt.path, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, resp.StatusCode, tt.status)
		}
	}
}
