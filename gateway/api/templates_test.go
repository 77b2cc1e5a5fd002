package api

import (
	"fmt"
	"strings"
	"testing"

	"smsbridge/gateway/store"
)

func (c *client) addTemplate(t *testing.T, name, text string, queue any) Template {
	t.Helper()
	return want[Template](t, c.do("POST", "/templates", map[string]any{"name": name, "text": text, "queue": queue}), 201)
}

func TestTemplates(t *testing.T) {
	s := newSite(t)
	max, ana := s.as("max"), s.as("ana")
	a := max.do("POST", "/templates", map[string]any{"name": " Hello ", "category": "greetings", "language": "en-GB", "text": "Hi {{contact.first_name}}"})
	hello := want[Template](t, a, 201)
	if hello.Name != "Hello" || hello.Category != "greetings" || hello.Language != "en-GB" || hello.Text != "Hi {{contact.first_name}}" || hello.Queue != nil ||
		a.header.Get("Location") != prefix+"/templates/"+hello.ID {
		t.Errorf("%+v", hello)
	}
	sales := max.addTemplate(t, "bye", "Bye 100%", s.queue.String())
	if sales.Queue == nil || sales.Queue.Name != "Sales" {
		t.Errorf("%+v", sales)
	}
	if got := want[Template](t, ana.do("GET", "/templates/"+sales.ID, nil), 200); fmt.Sprint(got.Name, *got.Queue) != fmt.Sprint(sales.Name, *sales.Queue) {
		t.Errorf("%+v", got)
	}
	list := func(c *client, query string) string {
		t.Helper()
		var names []string
		for _, x := range want[TemplateList](t, c.do("GET", "/templates"+query, nil), 200).Items {
			names = append(names, x.Name)
		}
		return strings.Join(names, " ")
	}
	for _, tt := range []struct{ query, want string }{
		{"", "bye Hello"}, {"?q=HI", "Hello"}, {"?q=100%25", "bye"}, {"?category=greetings", "Hello"}, {"?language=en-GB", "Hello"}, {"?language=en", ""},
		{"?queue=" + s.queue.String(), "bye Hello"}, {"?queue=" + store.GeneralQueue.String(), "Hello"}, {"?limit=1", "bye"},
	} {
		if got := list(ana, tt.query); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.query, got, tt.want)
		}
	}
	first := want[TemplateList](t, ana.do("GET", "/templates?limit=1", nil), 200)
	if got := list(ana, "?limit=1&cursor="+*first.NextCursor); got != "Hello" {
		t.Errorf("the second page has %s", got)
	}
	if got := list(s.as("stan"), "") + "|" + list(s.as("stan"), "?queue="+s.queue.String()); got != "Hello|Hello" {
		t.Errorf("stan sees %s", got)
	}
	path := "/templates/" + hello.ID
	got := want[Template](t, max.do("PATCH", path, map[string]any{"text": "Hallo", "language": "de", "queue": s.queue.String()}), 200)
	if got.Text != "Hallo" || got.Language != "de" || got.Category != "greetings" || got.Queue == nil {
		t.Errorf("%+v", got)
	}
	if got = want[Template](t, max.do("PATCH", path, `{"name":"Hello"}`), 200); got.Queue == nil {
		t.Errorf("what is left out is changed: %+v", got)
	}
	if got = want[Template](t, max.do("PATCH", path, `{"queue":null}`), 200); got.Queue != nil {
		t.Errorf("%+v", got)
	}
	for body, at := range map[string]string{
		`{"name":"x","text":"{{contact.nme}}"}`:                   "body.text: there is no variable {{contact.nme}}; there are {{contact.name}}, {{contact.first_name}}, {{contact.company}}",
		`{"name":"x","text":"{{contact.name"}`:                    "body.text: {{contact.name is not closed",
		`{"text":"x"}`:                                            "body.name: ",
		`{"name":"x"}`:                                            "body.text: ",
		`{"name":"x","text":"x","queue":"x"}`:                     "body.queue: want the id",
		`{"name":"x","text":"x","queue":"0000000000009"}`:         "body.queue: there is no such queue",
		`{"name":"x","text":"` + strings.Repeat("x", 2001) + `"}`: "body.text: longer than 2000",
		`{"name":"x","text":"x","kind":"x"}`:                      "body: ",
	} {
		if p := refused(t, max.do("POST", "/templates", body), 422, "invalid_request"); !strings.HasPrefix(p.Detail, at) || p.Errors[0].Location != strings.SplitN(at, ":", 2)[0] {
			t.Errorf("%.80s: %+v", body, p)
		}
	}
	if a := max.do("DELETE", path, nil); a.status != 204 {
		t.Errorf("%d %s", a.status, a.body)
	}
	refused(t, ana.do("GET", path, nil), 404, "not_found")
	for _, id := range []string{"x", "0000000000009"} {
		refused(t, max.do("GET", "/templates/"+id, nil), 404, "not_found")
		refused(t, max.do("PATCH", "/templates/"+id, "{}"), 404, "not_found")
		refused(t, max.do("DELETE", "/templates/"+id, nil), 404, "not_found")
	}
}

func TestTemplateRights(t *testing.T) {
	s := newSite(t)
	clients := map[string]*client{"admin": s.program("admin", "admin", ""), "other": s.program("other", "messages:send conversations:read conversations:write contacts:write", "")}
	for name := range s.people {
		clients[name] = s.as(name)
	}
	olga := clients["olga"]
	for _, tt := range []struct {
		name          string
		queue         any
		reads, writes string
	}{
		{"for all", nil, "ana ben max olga stan admin", "max olga admin"},
		{"of Sales", s.queue.String(), "ana ben max olga admin", "max olga admin"},
		{"of General", store.GeneralQueue.String(), "ana ben max olga stan admin", "olga admin"},
	} {
		for name, c := range clients {
			tpl := olga.addTemplate(t, "x", "x", tt.queue)
			path := "/templates/" + tpl.ID
			in := func(who string) bool { return strings.Contains(" "+who+" ", " "+name+" ") }
			status := func(done int) int {
				switch {
				case in(tt.writes):
					return done
				case in(tt.reads) || name == "other":
					return 403
				}
				return 404
			}
			read := 200
			if name == "other" {
				read = 403
			} else if !in(tt.reads) {
				read = 404
			}
			add := 201
			if !in(tt.writes) {
				add = 403
			}
			for _, do := range []struct {
				method, path string
				body         any
				status       int
			}{
				{"GET", path, nil, read},
				{"PATCH", path, `{"text":"y"}`, status(200)},
				{"DELETE", path, nil, status(204)},
				{"POST", "/templates", map[string]any{"name": "x", "text": "x", "queue": tt.queue}, add},
			} {
				if a := c.do(do.method, do.path, do.body); a.status != do.status {
					t.Errorf("%s: %s gets %d for %s, want %d: %s", tt.name, name, a.status, do.method, do.status, a.body)
				}
			}
		}
	}
	tpl := clients["max"].addTemplate(t, "x", "x", s.queue.String())
	refused(t, clients["max"].do("PATCH", "/templates/"+tpl.ID, map[string]any{"queue": store.GeneralQueue.String()}), 403, "forbidden")
}

func TestTemplateRender(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	s.arrive("+12602058902", ours, "hello")
	ana, max := s.as("ana"), s.as("max")
	cs := map[string]string{}
	for _, c := range ana.list(t, "?view=all") {
		cs[c.Peer] = c.ID
	}
	whole := max.addTemplate(t, "whole", "{{contact.name}}|{{ contact.first_name }}|{{agent.name}}|{{agent.first_name}}|{{agent.extension}}|{{queue.name}}|{{number}}|{{peer}}", nil)
	company := max.addTemplate(t, "company", "{{contact.first_name}} of {{ contact.company }} {{contact.company}}", s.queue.String())
	ana.addContact(t, "Cleo Patra", customer)
	render := func(c *client, tpl Template, peer string) answer {
		return c.do("POST", "/templates/"+tpl.ID+"/render", renderBody{Conversation: cs[peer]})
	}
	if got := want[Rendered](t, render(ana, whole, customer), 200); got.Text != "Cleo Patra|Cleo|ana|ana|101|Sales|"+ours+"|"+customer {
		t.Errorf("%+v", got)
	}
	p := refused(t, render(ana, company, customer), 422, "variable_missing")
	if strings.Join(p.Missing, " ") != "contact.company" || p.Text != "Cleo of {{ contact.company }} {{contact.company}}" ||
		p.Detail != "{{contact.company}} has no value. Complete the contact Cleo Patra, or fill the gaps in by hand." {
		t.Errorf("%+v", p)
	}
	p = refused(t, render(ana, company, "+12602058902"), 422, "variable_missing")
	if strings.Join(p.Missing, " ") != "contact.first_name contact.company" || !strings.HasPrefix(p.Detail, "{{contact.first_name}}, {{contact.company}} have no value. The customer is no contact yet") {
		t.Errorf("%+v", p)
	}
	admin := s.program("admin", "admin", "")
	if p = refused(t, render(admin, whole, customer), 422, "variable_missing"); strings.Join(p.Missing, " ") != "agent.name agent.first_name agent.extension" {
		t.Errorf("%+v", p)
	}
	refused(t, render(s.as("stan"), whole, customer), 404, "not_found")
	refused(t, render(s.as("stan"), company, customer), 404, "not_found")
	refused(t, ana.do("POST", "/templates/"+whole.ID+"/render", "{}"), 404, "not_found")
	refused(t, s.program("p", "conversations:read", "").do("POST", "/templates/"+whole.ID+"/render", "{}"), 403, "forbidden")
}
