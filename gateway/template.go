package gateway

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Template is a text that is written again and again, with gaps for what differs.
type Template struct {
	ID        ID
	Queue     ID // 0: for all
	Name      string
	Category  string
	Language  string
	Text      string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TemplateChange says what of a template is replaced: what is not nil.
type TemplateChange struct {
	Queue                          *ID
	Name, Category, Language, Text *string
}

const (
	maxTemplateName     = 100 // characters
	maxTemplateCategory = 50
	maxTemplateLanguage = 20
	maxTemplateText     = 2000
)

// TemplateVariables are the names that may stand between {{ and }}. A new slice
// each time.
func TemplateVariables() []string {
	return []string{"contact.name", "contact.first_name", "contact.company", "agent.name", "agent.first_name", "agent.extension", "queue.name", "number", "peer"}
}

// ReadableBy tells whether a may use the template: those for all, and those of
// the queues that one is in. Whether a program may, its token says.
func (t Template) ReadableBy(a Actor) bool {
	return a.Kind != ActorPerson || t.Queue == 0 || a.belongsTo(t.Queue)
}

// ManagedBy tells whether a may change the template.
func (t Template) ManagedBy(a Actor) bool {
	if a.Kind != ActorPerson || t.Queue != 0 {
		return a.Kind != ActorPerson || a.manages(t.Queue)
	}
	return a.ManagesAny()
}

// Apply returns the template as it is after a change, or a *FieldError.
func (t Template) Apply(change TemplateChange) (Template, error) {
	if change.Queue != nil {
		t.Queue = *change.Queue
	}
	for _, f := range []struct {
		field *string
		to    *string
		tidy  func(string) string
	}{{&t.Name, change.Name, OneLine}, {&t.Category, change.Category, OneLine}, {&t.Language, change.Language, OneLine}, {&t.Text, change.Text, manyLines}} {
		if f.to != nil {
			*f.field = f.tidy(*f.to)
		}
	}
	for _, f := range []struct {
		field, text string
		most        int
	}{{"name", t.Name, maxTemplateName}, {"category", t.Category, maxTemplateCategory}, {"language", t.Language, maxTemplateLanguage}, {"text", t.Text, maxTemplateText}} {
		if utf8.RuneCountInString(f.text) > f.most {
			return t, unfit(f.field, "longer than %d characters", f.most)
		}
	}
	switch {
	case t.Name == "":
		return t, unfit("name", "a template needs a name")
	case t.Text == "":
		return t, unfit("text", "a template needs a text")
	}
	_, err := readTemplate(t.Text)
	return t, err
}

// Fill puts values into the gaps. The names of those that have none come back,
// each once, and their gaps stay as they were written.
func (t Template) Fill(value func(variable string) string) (text string, missing []string) {
	pieces, err := readTemplate(t.Text)
	if err != nil { // it was saved by other rules
		return t.Text, nil
	}
	var b strings.Builder
	for _, p := range pieces {
		v := p.text
		if p.variable != "" {
			if has := value(p.variable); has != "" {
				v = has
			} else if !slices.Contains(missing, p.variable) {
				missing = append(missing, p.variable)
			}
		}
		b.WriteString(v)
	}
	return b.String(), missing
}

// piece is a stretch of a template's text as it is written: a variable with its
// braces, or what is between two.
type piece struct {
	text     string
	variable string
}

// readTemplate takes a text apart, or returns a *FieldError that says what of it
// is no gap.
func readTemplate(text string) ([]piece, error) {
	var all []piece
	for text != "" {
		open := strings.Index(text, "{{")
		if open < 0 {
			open = len(text)
		}
		if strings.Contains(text[:open], "}}") {
			return nil, unfit("text", "}} without {{ before it")
		}
		if open > 0 {
			all = append(all, piece{text: text[:open]})
			text = text[open:]
			continue
		}
		end := strings.Index(text, "}}")
		if end < 0 || strings.Contains(text[2:end], "{{") {
			return nil, unfit("text", "%s is not closed: a gap ends with }}", clipped(text))
		}
		name := strings.TrimSpace(text[2:end])
		if !slices.Contains(TemplateVariables(), name) {
			return nil, unfit("text", "there is no variable {{%s}}; there are {{%s}}", clipped(name), strings.Join(TemplateVariables(), "}}, {{"))
		}
		end += len("}}")
		all = append(all, piece{text[:end], name})
		text = text[end:]
	}
	return all, nil
}

// clipped is the beginning of what an error quotes.
func clipped(s string) string {
	const most = 40
	for i, n := 0, 0; i < len(s); n++ {
		if n == most {
			return s[:i] + "…"
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s
}
