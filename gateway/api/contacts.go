package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// ContactDetails is all that is known of a contact.
type ContactDetails struct {
	ID        string    `json:"id" doc:"Opaque"`
	Name      string    `json:"name"`
	FirstName string    `json:"first_name" doc:"The first word of the name, unless another is given"`
	Company   string    `json:"company"`
	Numbers   []string  `json:"numbers" nullable:"false" doc:"E.164, short codes, and names under which businesses text; none is another contact's"`
	Notes     string    `json:"notes"`
	Tags      []string  `json:"tags" nullable:"false"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ContactList is a page of contacts.
type ContactList struct {
	Items      []ContactDetails `json:"items" nullable:"false"`
	NextCursor *string          `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

// contactBody is what somebody says of a contact: what is left out stays as it
// is.
type contactBody struct {
	Name      *string  `json:"name,omitempty" maxLength:"200" doc:"A new contact needs one"`
	FirstName *string  `json:"first_name,omitempty" maxLength:"200" doc:"Empty: the first word of the name"`
	Company   *string  `json:"company,omitempty" maxLength:"200"`
	Numbers   []string `json:"numbers,omitempty" maxItems:"20" doc:"As people write them; they replace those that it has. A new contact needs one"`
	Notes     *string  `json:"notes,omitempty" maxLength:"4000"`
	Tags      []string `json:"tags,omitempty" maxItems:"20" doc:"They replace those that it has"`
}

type contactQuery struct {
	Page
	Q   string `query:"q" maxLength:"200" doc:"Part of the name, the company or a number"`
	Tag string `query:"tag" maxLength:"50"`
}

func (a *API) contactRoutes() {
	read[ContactList](a, "/contacts", "Contacts, by name", a.listContacts)
	read[ContactDetails](a, "/contacts/{id}", "One contact", a.getContact)
	write[ContactDetails, struct{ Body contactBody }](a, http.MethodPost, "/contacts", http.StatusCreated, "Add a contact", a.addContact)
	write[ContactDetails, struct {
		ByID
		Body contactBody
	}](a, http.MethodPatch, "/contacts/{id}", http.StatusOK, "Change what is given of a contact", a.changeContact)
	write[nothing, ByID](a, http.MethodDelete, "/contacts/{id}", http.StatusNoContent, "Delete a contact: for managers and system owners", a.deleteContact)
	a.exchangeRoutes()
}

// readsContacts refuses programs that may not read contacts.
func (c *caller) readsContacts() error {
	if c.has(scopeWriteContacts) {
		return nil
	}
	return c.needs(scopeReadConversations)
}

func contactDetails(c *gateway.Contact) ContactDetails {
	d := ContactDetails{c.ID.String(), c.Name, c.FirstName(), c.Company, make([]string, len(c.Numbers)), c.Notes, append([]string{}, c.Tags...), c.CreatedAt, c.UpdatedAt}
	for i, n := range c.Numbers {
		d.Numbers[i] = n.Value
	}
	return d
}

func writeContact(w http.ResponseWriter, status int, c gateway.Contact) error {
	body, err := json.Marshal(contactDetails(&c))
	if err != nil {
		return err
	}
	return writeJSON(w, status, body)
}

// namePlace reads the cursor of a list by name; nil without one.
func (p *Page) namePlace() (*store.NamePlace, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(b) < 8 {
		return nil, invalid("query.cursor", "not one that a list answered with")
	}
	return &store.NamePlace{ID: gateway.ID(binary.BigEndian.Uint64(b)), Name: string(b[8:])}, nil
}

func nameCursor(name string, id gateway.ID) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(id))
	return base64.RawURLEncoding.EncodeToString(append(b, store.SortedName(name)...))
}

// marshalled appends v as JSON. It is for types of ours, which always have one.
func marshalled(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return append(b, text...)
}

func (a *API) listContacts(ctx context.Context, c *caller, in *contactQuery) ([]byte, error) {
	if err := c.readsContacts(); err != nil {
		return nil, err
	}
	after, err := in.namePlace()
	if err != nil {
		return nil, err
	}
	l := store.ContactList{Search: strings.TrimSpace(in.Q), Tag: strings.TrimSpace(in.Tag), After: after, Limit: in.limit() + 1}
	l.Digits = a.digitsOf(l.Search)
	cs, err := a.db.Contacts(ctx, l)
	if err != nil {
		return nil, err
	}
	return list(cs, in.limit(), func(b []byte, c *gateway.Contact) []byte { return marshalled(b, contactDetails(c)) },
		func(c *gateway.Contact) string { return nameCursor(c.Name, c.ID) }), nil
}

// digitsOf is what is to be found in numbers where somebody looks for one as they
// write it; "" for what is no number.
func (a *API) digitsOf(q string) string {
	if p := gateway.ParseNumber(q, a.router.Region()); p.Valid && p.E164 != "" {
		return p.E164
	}
	if strings.Trim(q, "+0123456789()-./ ") != "" {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, q)
}

func (a *API) contactOf(ctx context.Context, c *caller, external string) (gateway.Contact, error) {
	if err := c.readsContacts(); err != nil {
		return gateway.Contact{}, err
	}
	id, err := gateway.ParseID(external)
	if err != nil {
		return gateway.Contact{}, notFound("contact")
	}
	found, ok, err := a.db.Contact(ctx, id)
	if err == nil && !ok {
		err = notFound("contact")
	}
	return found, err
}

func (a *API) getContact(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
	found, err := a.contactOf(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(contactDetails(&found))
}

// contactChange reads what a contact is to be. Its numbers are read as people in
// the router's region write them.
func (a *API) contactChange(r *http.Request) (gateway.ContactChange, error) {
	var in contactBody
	if err := decode(r, &in); err != nil {
		return gateway.ContactChange{}, err
	}
	change := gateway.ContactChange{Name: in.Name, Given: in.FirstName, Company: in.Company, Notes: in.Notes, Tags: in.Tags}
	var err error
	change.Numbers, err = a.contactNumbers(r.Context(), in.Numbers)
	return change, err
}

// contactNumbers reads numbers; nil stays nil. Carriers deliver texts from what
// nobody would take for a number: who has texted can be known as what they came
// from.
func (a *API) contactNumbers(ctx context.Context, typed []string) ([]gateway.Address, error) {
	if typed == nil {
		return nil, nil
	}
	numbers := make([]gateway.Address, 0, len(typed))
	for _, t := range typed {
		n, err := gateway.ParseContactNumber(t, a.router.Region())
		if err != nil {
			known, ok, failed := a.db.Texted(ctx, strings.TrimSpace(t))
			switch {
			case failed != nil:
				return nil, failed
			case !ok || strings.ContainsFunc(t, func(r rune) bool { return r == ';' || unicode.IsControl(r) }):
				return nil, err
			}
			n = known
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

func (a *API) addContact(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needs(scopeWriteContacts); err != nil {
		return err
	}
	change, err := a.contactChange(r)
	if err != nil {
		return err
	}
	added, err := a.router.AddContact(r.Context(), c.actor, change)
	if err != nil {
		return err
	}
	w.Header().Set("Location", prefix+"/contacts/"+added.ID.String())
	return writeContact(w, http.StatusCreated, added)
}

// contactTarget reads which contact a request is to change.
func contactTarget(r *http.Request, c *caller) (gateway.ID, error) {
	if err := c.needs(scopeWriteContacts); err != nil {
		return 0, err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return 0, notFound("contact")
	}
	return id, nil
}

func (a *API) changeContact(w http.ResponseWriter, r *http.Request, c *caller) error {
	id, err := contactTarget(r, c)
	if err != nil {
		return err
	}
	change, err := a.contactChange(r)
	if err != nil {
		return err
	}
	changed, err := a.router.ChangeContact(r.Context(), c.actor, id, change)
	if err != nil {
		return err
	}
	return writeContact(w, http.StatusOK, changed)
}

func (a *API) deleteContact(w http.ResponseWriter, r *http.Request, c *caller) error {
	id, err := contactTarget(r, c)
	if err != nil {
		return err
	}
	if err := a.router.DeleteContact(r.Context(), c.actor, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
