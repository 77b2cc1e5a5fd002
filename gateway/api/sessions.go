package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Session is somebody who is signed in with one browser.
type Session struct {
	ID        string    `json:"id"`
	Person    Person    `json:"person"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"To some minutes"`
	Address   string    `json:"address" doc:"It was made from; of IPv6 the network"`
	Browser   string    `json:"browser" doc:"As it called itself then"`
	Current   bool      `json:"current" doc:"It is the one that asks"`
}

// SessionList lists sessions.
type SessionList struct {
	Items      []Session `json:"items" nullable:"false"`
	NextCursor *string   `json:"next_cursor"`
}

type sessionQuery struct {
	Page
	Person string `query:"person" doc:"Of whom; for system owners. Without it, one's own"`
}

type passwordChange struct {
	Old string `json:"old"`
	New string `json:"new" minLength:"8" maxLength:"1024"`
}

func (a *API) sessionListRoutes() {
	read[SessionList](a, "/sessions", "Where one is signed in, the newest first", a.listSessions)
	write[nothing, ByID](a, http.MethodDelete, "/sessions/{id}", http.StatusNoContent, "End a session; system owners end anybody's", a.endSession)
	write[nothing, struct{ Body passwordChange }](a, http.MethodPost, "/me/password", http.StatusNoContent, "Change one's password; one's other sessions end", a.changePassword)
}

// sessionID names a session. From it, nobody finds the cookie, nor its hash.
func sessionID(hash []byte) string {
	sum := sha256.Sum256(append([]byte("session id\x00"), hash...))
	return hex.EncodeToString(sum[:12])
}

func (a *API) listSessions(_ context.Context, c *caller, in *sessionQuery) ([]byte, error) {
	if err := c.needsPerson(); err != nil {
		return nil, err
	}
	of := c.actor.ID
	if in.Person != "" {
		var err error
		if of, err = gateway.ParseID(in.Person); err != nil {
			return nil, invalid("query.person", "no id of a person")
		}
		if of != c.actor.ID && !c.owns() {
			return nil, forbidden("Only system owners see the sessions of others.")
		}
	}
	all := []Session{}
	for _, s := range a.dir.Sessions() {
		if s.Person == of {
			if shown, ok := a.shownSession(c, s); ok {
				all = append(all, shown)
			}
		}
	}
	return namedPage(all, &in.Page, func(s *Session) string { return s.ID })
}

// shownSession shows a session; false if it has ended.
func (a *API) shownSession(c *caller, s store.SignIn) (Session, bool) {
	hash := [32]byte(s.Hash)
	seen, live := a.sessions.live(s, hash, time.Now())
	p := a.shownPerson(s.Person)
	if !live || p == nil {
		return Session{}, false
	}
	return Session{sessionID(s.Hash), *p, s.CreatedAt.UTC(), seen.UTC(), s.Address, s.Agent, c.secret == hash}, true
}

func (a *API) endSession(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	id := r.PathValue("id")
	var found store.SignIn
	for _, s := range a.dir.Sessions() {
		if sessionID(s.Hash) == id && (s.Person == c.actor.ID || c.owns()) {
			found = s
		}
	}
	if found.Hash == nil {
		return notFound("session")
	}
	err := a.change(r.Context(), func(tx *store.Tx) error {
		ok, err := tx.EndSignIn(found.Hash)
		if err == nil && !ok {
			err = notFound("session")
		}
		if err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "session.revoked", Object: "session " + id, Detail: "of person " + found.Person.String()})
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changePassword replaces one's own. Whoever found a browser open must not guess
// the old one for ever: it counts like a sign-in.
func (a *API) changePassword(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	var in passwordChange
	if err := decode(r, &in); err != nil {
		return err
	}
	who := attempt{clientAddress(r, a.proxies), c.actor.Extension}
	if _, err := a.checkPassword(r.Context(), who, in.Old); err == errSignIn {
		return invalid("body.old", "this is not your password")
	} else if err != nil {
		return err
	}
	hash, err := a.newPassword(r.Context(), in.New)
	if err != nil {
		if f, ok := err.(*gateway.FieldError); ok {
			return invalid("body.new", f.Text)
		}
		return err
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		if err := tx.SetPassword(c.actor.ID, hash, c.secret[:]); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "person.changed", Object: "person " + c.actor.ID.String(), Detail: "password"})
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// failed is a row of the audit for a password that was wrong. What was typed as
// an extension may be anything.
func failed(who attempt) store.Deed {
	return store.Deed{By: gateway.Actor{Kind: gateway.ActorSystem}, Action: "session.failed",
		Detail: "extension " + cut(strings.ToValidUTF8(who.extension, "?"), 32) + " from " + who.address}
}
