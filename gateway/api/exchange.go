package api

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// ImportAnswer says what became of the rows of an import.
type ImportAnswer struct {
	Created int             `json:"created"`
	Updated int             `json:"updated" doc:"Those that have one of a row's numbers already"`
	Refused []ImportRefusal `json:"refused" nullable:"false"`
}

// ImportRefusal is a row that could not be saved.
type ImportRefusal struct {
	Line   int    `json:"line" doc:"Where the row begins; the header is 1"`
	Reason string `json:"reason" doc:"For people"`
}

const exportPage = 500 // contacts at once

func (a *API) exchangeRoutes() {
	op := a.operation(http.MethodGet, "/contacts/export", http.StatusOK, nil, "All contacts as CSV: for managers and system owners")
	op.Description = "As POST /contacts/import reads them. A cell that a spreadsheet would compute has a ' before it, which the import takes away again."
	op.Responses["200"].Content = map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}}
	mount[struct{}](a, op, a.exportContacts)
	write[ImportAnswer, struct {
		RawBody []byte `contentType:"text/csv" doc:"UTF-8, at most 4 MB, with a header of name, first_name, company, numbers, notes and tags in any order, separated by comma or semicolon; several numbers and tags by semicolons"`
	}](a, http.MethodPost, "/contacts/import", http.StatusOK, "Add contacts, or change those with a row's number: for managers and system owners", a.importContacts)
}

// exchangesContacts refuses who may not have all contacts at once.
func (c *caller) exchangesContacts() error {
	if err := c.needs(scopeWriteContacts); err != nil {
		return err
	}
	if c.person() && !c.actor.ManagesAny() {
		return forbidden("Only managers and system owners import and export contacts.")
	}
	if c.limits != nil {
		return forbidden("The token is limited to numbers, and contacts are everybody's.")
	}
	return nil
}

func (a *API) importContacts(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.exchangesContacts(); err != nil {
		return err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return problem(http.StatusUnsupportedMediaType, codeInvalidRequest, "The body must be text/csv.")
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	rows, err := readContacts(body)
	if err != nil {
		return invalid("body", err.Error())
	}
	var changes []gateway.ContactChange
	for i := range rows {
		if row := &rows[i]; row.refused == "" {
			if row.refused, err = a.readNumbers(r.Context(), row); err != nil {
				return err
			}
			if row.refused == "" {
				changes = append(changes, row.change)
			}
		}
	}
	done, err := a.router.ImportContacts(r.Context(), c.actor, changes)
	if err != nil {
		return err
	}
	answer := ImportAnswer{Refused: []ImportRefusal{}}
	for _, row := range rows {
		reason := row.refused
		if reason == "" {
			result := done[0]
			done = done[1:]
			switch reason = result.Refused; {
			case result.Created:
				answer.Created++
			case result.Updated:
				answer.Updated++
			}
		}
		if reason != "" {
			answer.Refused = append(answer.Refused, ImportRefusal{row.line, reason})
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, text)
}

// readNumbers reads the numbers of a row, and returns why they are none, or "".
func (a *API) readNumbers(ctx context.Context, row *contactRow) (refused string, err error) {
	row.change.Numbers, err = a.contactNumbers(ctx, row.numbers)
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) {
		return "", err
	}
	if refusal.Suggestion != "" {
		return refusal.Text + " It may be " + refusal.Suggestion + ".", nil
	}
	return refusal.Text, nil
}

func (a *API) exportContacts(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.exchangesContacts(); err != nil {
		return err
	}
	page, err := a.db.Contacts(r.Context(), store.ContactList{Limit: exportPage})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="contacts.csv"`)
	out := http.NewResponseController(w)
	defer out.SetWriteDeadline(time.Time{}) // the connection may be used again
	b := []byte(strings.Join(contactColumns[:], ",") + "\n")
	for {
		b = appendContacts(b, page)
		if err := out.SetWriteDeadline(time.Now().Add(answerWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := w.Write(b); err != nil || len(page) < exportPage {
			return nil // whoever has gone cannot be told
		}
		last := page[len(page)-1]
		page, err = a.db.Contacts(r.Context(), store.ContactList{After: &store.NamePlace{Name: store.SortedName(last.Name), ID: last.ID}, Limit: exportPage})
		if err != nil {
			a.log.ErrorContext(r.Context(), "export of contacts not finished", "error", err)
			panic(http.ErrAbortHandler) // or half of them would pass for all
		}
		b = b[:0]
	}
}
