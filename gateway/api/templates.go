package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Template is a text that is written again and again.
type Template struct {
	ID        string    `json:"id" doc:"Opaque"`
	Name      string    `json:"name"`
	Category  string    `json:"category"`
	Language  string    `json:"language" example:"en"`
	Text      string    `json:"text" example:"Hi {{contact.first_name}}, this is {{agent.name}}."`
	Queue     *Named    `json:"queue" doc:"Null: it is for all"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Template) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "queue")
}

// TemplateList is a page of templates.
type TemplateList struct {
	Items      []Template `json:"items" nullable:"false"`
	NextCursor *string    `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

type templateBody struct {
	Name     *string    `json:"name,omitempty" maxLength:"100"`
	Category *string    `json:"category,omitempty" maxLength:"50"`
	Language *string    `json:"language,omitempty" maxLength:"20"`
	Text     *string    `json:"text,omitempty" maxLength:"2000" doc:"With gaps: {{contact.name}}, {{contact.first_name}}, {{contact.company}}, {{agent.name}}, {{agent.first_name}}, {{agent.extension}}, {{queue.name}}, {{number}}, {{peer}}"`
	Queue    queueOrAll `json:"queue,omitempty"`
}

// queueOrAll is the id of a queue, or null for all of them; it may be left out.
type queueOrAll struct{ id *gateway.ID }

// UnmarshalJSON implements json.Unmarshaler.
func (q *queueOrAll) UnmarshalJSON(b []byte) error {
	q.id = new(gateway.ID)
	if string(b) == "null" {
		return nil
	}
	if json.Unmarshal(b, q.id) != nil || *q.id == 0 {
		return &gateway.FieldError{Field: "queue", Text: "want the id of a queue, or null for all"}
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (queueOrAll) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true, Description: "The id of a queue; null: for all"}
}

type templateQuery struct {
	Page
	Q        string `query:"q" maxLength:"200" doc:"Part of the name or the text"`
	Category string `query:"category" maxLength:"50"`
	Language string `query:"language" maxLength:"20"`
	Queue    string `query:"queue" doc:"Its id: what can be used in it, so those for all as well"`
}

type renderBody struct {
	Conversation string `json:"conversation" doc:"For which to fill it in"`
}

// Rendered is a template filled in.
type Rendered struct {
	Text string `json:"text"`
}

func (a *API) templateRoutes() {
	read[TemplateList](a, "/templates", "Templates for all and of one's queues, by name", a.listTemplates)
	read[Template](a, "/templates/{id}", "One template", func(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
		t, err := a.readableTemplate(ctx, c, in.ID)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a.template(&t))
	})
	write[Template, struct{ Body templateBody }](a, http.MethodPost, "/templates", http.StatusCreated, "Add one: for its queue's managers and system owners", a.addTemplate)
	write[Template, struct {
		ByID
		Body templateBody
	}](a, http.MethodPatch, "/templates/{id}", http.StatusOK, "Change what is given of it", a.changeTemplate)
	write[nothing, ByID](a, http.MethodDelete, "/templates/{id}", http.StatusNoContent, "Delete it", a.deleteTemplate)
	write[Rendered, struct {
		ByID
		Body renderBody
	}](a, http.MethodPost, "/templates/{id}/render", http.StatusOK, "Fill it in for a conversation; variable_missing says which gaps stay open", a.renderTemplate)
}

func (a *API) template(t *gateway.Template) Template {
	out := Template{t.ID.String(), t.Name, t.Category, t.Language, t.Text, nil, t.CreatedAt, t.UpdatedAt}
	if t.Queue != 0 {
		name, _ := a.dir.QueueName(t.Queue)
		out.Queue = &Named{t.Queue.String(), name}
	}
	return out
}

func (a *API) writeTemplate(w http.ResponseWriter, status int, t gateway.Template) error {
	body, err := json.Marshal(a.template(&t))
	if err != nil {
		return err
	}
	return writeJSON(w, status, body)
}

func (a *API) listTemplates(ctx context.Context, c *caller, in *templateQuery) ([]byte, error) {
	if err := c.needs(scopeAdmin); err != nil {
		return nil, err
	}
	after, err := in.namePlace()
	if err != nil {
		return nil, err
	}
	l := store.TemplateList{Search: strings.TrimSpace(in.Q), Category: in.Category, Language: in.Language, After: after, Limit: in.limit() + 1}
	if v := c.visible(); !v.Everything {
		l.Queues = append([]gateway.ID{}, v.Member...)
	}
	if in.Queue != "" {
		queue, err := gateway.ParseID(in.Queue)
		if err != nil {
			return nil, invalid("query.queue", "no id of a queue")
		}
		if !(gateway.Template{Queue: queue}).ReadableBy(c.actor) {
			queue = 0 // leaves those for all
		}
		l.Queues = []gateway.ID{queue}
	}
	ts, err := a.db.Templates(ctx, l)
	if err != nil {
		return nil, err
	}
	return list(ts, in.limit(), func(b []byte, t *gateway.Template) []byte { return marshalled(b, a.template(t)) },
		func(t *gateway.Template) string { return nameCursor(t.Name, t.ID) }), nil
}

// readableTemplate reads a template that the caller may use.
func (a *API) readableTemplate(ctx context.Context, c *caller, external string) (gateway.Template, error) {
	if err := c.needs(scopeAdmin); err != nil {
		return gateway.Template{}, err
	}
	id, err := gateway.ParseID(external)
	if err != nil {
		return gateway.Template{}, notFound("template")
	}
	t, ok, err := a.db.Template(ctx, id)
	if err == nil && (!ok || !t.ReadableBy(c.actor)) {
		err = notFound("template")
	}
	return t, err
}

func templateChange(r *http.Request, c *caller) (gateway.TemplateChange, error) {
	if err := c.needs(scopeAdmin); err != nil {
		return gateway.TemplateChange{}, err
	}
	var in templateBody
	err := decode(r, &in)
	return gateway.TemplateChange{Queue: in.Queue.id, Name: in.Name, Category: in.Category, Language: in.Language, Text: in.Text}, err
}

func (a *API) addTemplate(w http.ResponseWriter, r *http.Request, c *caller) error {
	change, err := templateChange(r, c)
	if err != nil {
		return err
	}
	t, err := a.router.AddTemplate(r.Context(), c.actor, change)
	if err != nil {
		return err
	}
	w.Header().Set("Location", prefix+"/templates/"+t.ID.String())
	return a.writeTemplate(w, http.StatusCreated, t)
}

func (a *API) changeTemplate(w http.ResponseWriter, r *http.Request, c *caller) error {
	change, err := templateChange(r, c)
	if err != nil {
		return err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return notFound("template")
	}
	t, err := a.router.ChangeTemplate(r.Context(), c.actor, id, change)
	if err != nil {
		return err
	}
	return a.writeTemplate(w, http.StatusOK, t)
}

func (a *API) deleteTemplate(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needs(scopeAdmin); err != nil {
		return err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return notFound("template")
	}
	if err := a.router.DeleteTemplate(r.Context(), c.actor, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) renderTemplate(w http.ResponseWriter, r *http.Request, c *caller) error {
	t, err := a.readableTemplate(r.Context(), c, r.PathValue("id"))
	if err != nil {
		return err
	}
	var in renderBody
	if err := decode(r, &in); err != nil {
		return err
	}
	conversation, err := a.visibleConversation(r.Context(), c, in.Conversation)
	if err != nil {
		return err
	}
	var contact gateway.Contact
	if conversation.Contact != 0 {
		if contact, _, err = a.db.Contact(r.Context(), conversation.Contact); err != nil {
			return err
		}
	}
	queue, _ := a.dir.QueueName(conversation.Queue)
	values := map[string]string{"contact.name": contact.Name, "contact.first_name": contact.FirstName(), "contact.company": contact.Company,
		"queue.name": queue, "number": conversation.Number, "peer": conversation.Peer.Value}
	if c.person() {
		values["agent.name"], values["agent.first_name"], values["agent.extension"] = c.actor.Name, gateway.FirstWord(c.actor.Name), c.actor.Extension
	}
	text, missing := t.Fill(func(v string) string { return values[v] })
	if len(missing) > 0 {
		p := problem(http.StatusUnprocessableEntity, codeVariableMissing, whatIsMissing(missing, contact))
		p.Missing, p.Text = missing, text
		return p
	}
	body, err := json.Marshal(Rendered{text})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

// whatIsMissing says which variables have no value, and what to do about it.
func whatIsMissing(missing []string, contact gateway.Contact) string {
	have := "has no value"
	if len(missing) > 1 {
		have = "have no value"
	}
	do := "Fill the gaps in by hand."
	switch {
	case !strings.HasPrefix(missing[0], "contact."):
	case contact.ID == 0:
		do = "The customer is no contact yet: add them, or fill the gaps in by hand."
	default:
		do = fmt.Sprintf("Complete the contact %s, or fill the gaps in by hand.", contact.Name)
	}
	return fmt.Sprintf("{{%s}} %s. %s", strings.Join(missing, "}}, {{"), have, do)
}
