package api

import (
	"fmt"
	"strings"
	"testing"
)

func (c *client) importCSV(t *testing.T, file string) ImportAnswer {
	t.Helper()
	return want[ImportAnswer](t, c.do("POST", "/contacts/import", file, "Content-Type", "text/csv; charset=utf-8"), 200)
}

func (c *client) contacts(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	cursor := ""
	for {
		l := want[ContactList](t, c.do("GET", "/contacts?limit=1000"+cursor, nil), 200)
		for _, c := range l.Items {
			fmt.Fprintf(&b, "%q %q %q %q %q %q\n", c.Name, c.FirstName, c.Company, c.Numbers, c.Notes, c.Tags)
		}
		if l.NextCursor == nil {
			return b.String()
		}
		cursor = "&cursor=" + *l.NextCursor
	}
}

func TestImport(t *testing.T) {
	s := newSite(t)
	s.run()
	s.arrive(customer, ours, "hello")
	max, hears := s.as("max"), s.as("ben").listen(t)
	max.addContact(t, "Old", "+12602058902", "ACME")
	max.addContact(t, "Older", "+12602058903")
	want[ContactDetails](t, max.do("PATCH", "/contacts/"+max.addContact(t, "Kept", "+12602058904").ID, `{"notes":"kept","tags":["kept"],"company":"gone"}`), 200)
	answer := max.importCSV(t, "\ufeffname;first_name;company;numbers\r\n"+
		"Ana Pérez;Anita;\"A; B\";\"(260) 205-8901;12345\"\r\n"+ // 2
		"New;;;'+12602058902\r\n"+ // 3: of Old
		"Both;;;\"+12602058902;+12602058903\"\r\n"+ // 4
		";;;+12602058905\r\n"+ // 5
		"Wrong;;;1-800-FLOWERS\r\n"+ // 6
		"Rounded;;;1,26021E+10\r\n"+ // 7
		"\"a\"b\";;;1\r\n"+ // 8
		"Kept;;;+12602058904\r\n"+ // 9: the company is empty
		"Again;;;\"12345;+12602058906\"\r\n") // 10: of the second line
	if answer.Created != 1 || answer.Updated != 3 {
		t.Errorf("%+v", answer)
	}
	var refusals []string
	for _, r := range answer.Refused {
		refusals = append(refusals, fmt.Sprint(r.Line, " ", r.Reason))
	}
	for i, says := range []string{"4 Its numbers are those of two contacts, New and Older.", "5 name: a contact needs a name", "6 \"1-800-FLOWERS\" is no number that can be texted.",
		"7 \"1,26021E+10\" was rounded by a spreadsheet.", "8 It is no CSV"} {
		if i >= len(refusals) || !strings.HasPrefix(refusals[i], says) {
			t.Errorf("refused %q, want %s", refusals, says)
		}
	}
	if len(refusals) != 5 || !strings.HasSuffix(refusals[2], "It may be +18003569377.") {
		t.Errorf("%q", refusals)
	}
	if got, want := max.contacts(t), `"Again" "Again" "" ["+12602058901" "12345" "+12602058906"] "" []
"Kept" "Kept" "" ["+12602058904"] "kept" ["kept"]
"New" "New" "" ["+12602058902" "ACME"] "" []
"Older" "Older" "" ["+12602058903"] "" []
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, name := range []string{"Ana Pérez", "Again"} {
		if e := hears.next(); e.Type != "conversation.updated" || e.Data.Conversation.Contact == nil || e.Data.Conversation.Contact.Name != name {
			t.Errorf("%+v", e)
		}
	}
	refused(t, max.do("POST", "/contacts/import", "name,numbers\n"), 415, "invalid_request")
	refused(t, max.do("POST", "/contacts/import", "name,phone\n", "Content-Type", "text/csv"), 422, "invalid_request")
	refused(t, max.do("POST", "/contacts/import", strings.Repeat("x", maxBatchBody+1), "Content-Type", "text/csv"), 413, "invalid_request")
}

// TestExchange takes contacts from one site to another and back.
func TestExchange(t *testing.T) {
	s, other := newSite(t), newSite(t)
	max := s.as("max")
	var file strings.Builder
	file.WriteString("name,numbers,tags,notes\n")
	for i := range 2*exportPage + 10 {
		fmt.Fprintf(&file, "Customer %d,\"+1260205%04d;+1260206%04d\",\"a;b c\",\"one\n\"\"two\"\"\"\n", i%300, i, i)
	}
	if answer := max.importCSV(t, file.String()); answer.Created != 2*exportPage+10 || answer.Updated != 0 || len(answer.Refused) != 0 {
		t.Fatalf("%+v", answer)
	}
	for _, body := range []string{
		`{"name":"=cmd|' /C calc'!A0","first_name":"@x","company":"-1+1","numbers":["ACME","12345"],"notes":"\t=1","tags":["+x","=y"]}`,
		`{"name":"'=quoted","company":"' plain","numbers":["=A"],"notes":"line; with, \"signs\"\n"}`,
		`{"name":"Zoë","numbers":["+447400123456"]}`,
	} {
		want[ContactDetails](t, max.do("POST", "/contacts", body), 201)
	}
	a := max.do("GET", "/contacts/export", nil)
	if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
		t.Fatalf("%d %v", a.status, a.header)
	}
	refused(t, s.program("limited", "contacts:write", ours).do("GET", "/contacts/export", nil), 403, "forbidden")
	text := string(a.body)
	for _, line := range []string{"name,first_name,company,numbers,notes,tags\n", "\n'=cmd|' /C calc'!A0,'@x,'-1+1,ACME;12345,'=1,'+x;=y\n", "\n''=quoted,", ",'+447400123456,"} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q", line)
		}
	}
	olga := other.as("olga")
	if answer := olga.importCSV(t, text); answer.Created != 2*exportPage+13 || answer.Updated != 0 || len(answer.Refused) != 0 {
		t.Errorf("%+v", answer)
	}
	if got, want := olga.contacts(t), max.contacts(t); got != want {
		t.Error("there they are not what they were here")
	}
	before := max.contacts(t)
	if answer := max.importCSV(t, text); answer.Updated != 2*exportPage+13 || answer.Created != 0 || len(answer.Refused) != 0 {
		t.Errorf("%+v", answer)
	}
	if max.contacts(t) != before {
		t.Error("an import of what is there changes it")
	}
}
