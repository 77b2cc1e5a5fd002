package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Token is a program's key. What it is itself is known to nobody any more.
type Token struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes" nullable:"false"`
	Numbers    []string   `json:"numbers" nullable:"false" doc:"Of ours, that it is limited to; none: all"`
	AllowTo    []string   `json:"allow_to" nullable:"false" doc:"Beginnings of the numbers that it may text; none: all"`
	PerDay     int        `json:"per_day" doc:"Segments that it may send in a day (UTC); 0: as many as the configuration says"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at" doc:"Null: it does not"`
	LastUsedAt *time.Time `json:"last_used_at" doc:"To some minutes; null: never"`
	Token      string     `json:"token,omitempty" doc:"Only in the answer that made it"`
}

// TokenList lists tokens.
type TokenList struct {
	Items      []Token `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor"`
}

func (a *API) tokenRoutes() {
	read[TokenList](a, "/tokens", "Programs' keys that are in use or have expired, the newest first", func(_ context.Context, c *caller, in *Page) ([]byte, error) {
		if c.person() {
			if err := c.needsOwner(); err != nil {
				return nil, err
			}
		} else if err := c.needsEverything(); err != nil {
			return nil, err
		}
		var all []Token
		for _, t := range a.dir.Tokens() {
			all = append(all, a.shownToken(t))
		}
		return namedPage(all, in, func(t *Token) string { return t.ID })
	})
	write[Token, struct{ Body TokenOrder }](a, http.MethodPost, "/tokens", http.StatusCreated, "Make one; token is shown this once", a.addToken)
	write[nothing, ByID](a, http.MethodDelete, "/tokens/{id}", http.StatusNoContent, "Revoke one", a.revokeToken)
}

func (a *API) shownToken(t store.Token) Token {
	used := t.UsedAt
	if here, ok := a.used.Load(t.ID); ok && here.(time.Time).After(used) {
		used = here.(time.Time)
	}
	return Token{ID: t.ID.String(), Name: t.Name, Scopes: fields(t.Scopes), Numbers: fields(t.Numbers), AllowTo: fields(t.AllowTo), PerDay: t.PerDay,
		CreatedAt: t.CreatedAt.UTC(), ExpiresAt: timeOrNull(t.ExpiresAt), LastUsedAt: timeOrNull(used)}
}

func fields(s string) []string { return append([]string{}, strings.Fields(s)...) }

func (a *API) addToken(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	var in TokenOrder
	if err := decode(r, &in); err != nil {
		return err
	}
	secret, t, err := in.Make(time.Now())
	if err != nil {
		return err
	}
	for i, n := range in.Numbers {
		if !a.router.Serves(n) {
			return invalid(fmt.Sprintf("body.numbers[%d]", i), fmt.Sprintf("no carrier lists %q as ours", n))
		}
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		if err := tx.AddToken(&t); err != nil {
			return err
		}
		detail, err := json.Marshal(in)
		if err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "token.added", Object: "token " + t.ID.String(), Detail: cut(string(detail), 2000)})
		return nil
	})
	if err != nil {
		return err
	}
	shown := a.shownToken(t)
	shown.Token = secret
	return respond(w, http.StatusCreated, shown)
}

func (a *API) revokeToken(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return notFound("token")
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		ok, err := tx.RevokeToken(id)
		if err == nil && !ok {
			err = notFound("token")
		}
		if err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "token.revoked", Object: "token " + id.String()})
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
