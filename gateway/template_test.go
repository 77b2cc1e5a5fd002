package gateway

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTemplateFill(t *testing.T) {
	values := map[string]string{"contact.name": "Ana Pérez", "contact.first_name": "Ana", "agent.name": "{{peer}}", "number": "+12602058900"}
	for _, tt := range []struct{ text, want, missing string }{
		{"no gap", "no gap", ""},
		{"Hi {{contact.first_name}}!", "Hi Ana!", ""},
		{"{{ contact.name }}{{number}}", "Ana Pérez+12602058900", ""},
		{"{{\tcontact.name\n}}", "Ana Pérez", ""},
		{"from {{agent.name}}", "from {{peer}}", ""}, // values are no templates
		{"{{contact.first_name}} of {{ contact.company }}, {{queue.name}}, {{contact.company}}", "Ana of {{ contact.company }}, {{queue.name}}, {{contact.company}}", "contact.company queue.name"},
		{"a { b } c {d}", "a { b } c {d}", ""},
		{"{", "{", ""},
	} {
		made, err := Template{}.Apply(TemplateChange{Name: &tt.text, Text: &tt.text})
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		got, missing := made.Fill(func(v string) string { return values[v] })
		if got != tt.want || strings.Join(missing, " ") != tt.missing {
			t.Errorf("%q: %q, missing %v", tt.text, got, missing)
		}
	}
}

func TestTemplateRefusals(t *testing.T) {
	name := "a name"
	long := func(n int) string { return strings.Repeat("ü", n) }
	for _, tt := range []struct {
		change TemplateChange
		field  string
		says   string
	}{
		{TemplateChange{Text: &name}, "name", "needs a name"},
		{TemplateChange{Name: &name}, "text", "needs a text"},
		{TemplateChange{Name: new(long(101)), Text: &name}, "name", "100"},
		{TemplateChange{Name: &name, Text: new(long(2001))}, "text", "2000"},
		{TemplateChange{Name: &name, Text: &name, Language: new(long(21))}, "language", "20"},
		{TemplateChange{Name: &name, Text: &name, Category: new(long(51))}, "category", "50"},
		{TemplateChange{Name: &name, Text: new("Hi {{contact.nme}}")}, "text", "{{contact.nme}}; there are {{contact.name}}, {{contact.first_name}}"},
		{TemplateChange{Name: &name, Text: new("Hi {{}}")}, "text", "{{}}"},
		{TemplateChange{Name: &name, Text: new("Hi {{Contact.Name}}")}, "text", "{{Contact.Name}}"},
		{TemplateChange{Name: &name, Text: new("Hi {{contact.name")}, "text", "{{contact.name is not closed"},
		{TemplateChange{Name: &name, Text: new("Hi {{contact.name} and {{peer}}")}, "text", "is not closed"},
		{TemplateChange{Name: &name, Text: new("Hi contact.name}}")}, "text", "without {{"},
		{TemplateChange{Name: &name, Text: new("{{{peer}}}")}, "text", "{{{peer}}"},
	} {
		_, err := Template{}.Apply(tt.change)
		var fault *FieldError
		if !errors.As(err, &fault) || fault.Field != tt.field || !strings.Contains(fault.Text, tt.says) {
			t.Errorf("%v, want %s to say %s", err, tt.field, tt.says)
		}
	}
}

func TestTemplateRights(t *testing.T) {
	member := Actor{ID: 1, Queues: map[ID]bool{1: false, 2: false}}
	manager := Actor{ID: 2, Queues: map[ID]bool{1: false, 3: true}}
	owner := Actor{ID: 3, SystemOwner: true, Queues: map[ID]bool{1: false}}
	for _, tt := range []struct {
		name          string
		by            Actor
		queue         ID
		reads, manage bool
	}{
		{"member", member, 0, true, false},
		{"member, own queue", member, 2, true, false},
		{"member, other queue", member, 3, false, false},
		{"manager", manager, 0, true, true},
		{"manager, own queue", manager, 3, true, true},
		{"manager, as a member", manager, 1, true, false},
		{"manager, other queue", manager, 2, false, false},
		{"owner", owner, 2, true, true},
		{"owner, for all", owner, 0, true, true},
	} {
		tpl := Template{Queue: tt.queue}
		if tpl.ReadableBy(tt.by) != tt.reads || tpl.ManagedBy(tt.by) != tt.manage {
			t.Errorf("%s: reads %v, manages %v", tt.name, tpl.ReadableBy(tt.by), tpl.ManagedBy(tt.by))
		}
	}
}

// FuzzTemplate fills whatever is accepted: nothing is lost where no value is
// known, and no gap is left where all are.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"", "Hi {{contact.name}}", "{{ peer }}{{number}}", "{{", "}}", "{{{peer}}}", "{{contact.name {{peer}}", "{{\xff}}", "é{{agent.extension}}ü"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		pieces, err := readTemplate(text)
		tpl := Template{Text: text}
		if err != nil {
			if !utf8.ValidString(text) && utf8.ValidString(err.Error()) {
				return
			}
			if len(err.Error()) > 600 {
				t.Errorf("%d octets of error", len(err.Error()))
			}
			return
		}
		gaps := 0
		for _, p := range pieces {
			if p.variable != "" {
				gaps++
			}
		}
		if got, missing := tpl.Fill(func(string) string { return "" }); got != text || (len(missing) > 0) != (gaps > 0) {
			t.Errorf("%q without values is %q, missing %v", text, got, missing)
		}
		if got, missing := tpl.Fill(func(string) string { return "x" }); strings.Contains(got, "{{") && gaps == 0 || len(missing) > 0 {
			t.Errorf("%q filled is %q, missing %v", text, got, missing)
		}
	})
}
