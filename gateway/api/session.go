package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Me is who asks.
type Me struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind" enum:"person,token"`
	Name         string     `json:"name"`
	Extension    string     `json:"extension"`
	Role         string     `json:"role" enum:"agent,manager,owner," doc:"Empty for tokens"`
	Availability string     `json:"availability" enum:"available,away,offline," doc:"Empty for tokens"`
	Queues       []MyQueue  `json:"queues" nullable:"false" doc:"Those one is in"`
	Scopes       []string   `json:"scopes,omitempty" nullable:"false" doc:"Of a token"`
	Numbers      []string   `json:"numbers,omitempty" nullable:"false" doc:"Those that a token is limited to"`
	ExpiresAt    *time.Time `json:"session_expires_at,omitempty" doc:"When one must sign in again at the latest"`
}

// MyQueue is a queue that one is in.
type MyQueue struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Manages bool   `json:"manages"`
}

type credentials struct {
	Extension string `json:"extension"`
	Password  string `json:"password"`
}

type availability struct {
	Availability string `json:"availability" enum:"available,away"`
}

func (a *API) sessionRoutes() {
	write[Me, struct{ Body credentials }](a, http.MethodPost, "/session", http.StatusOK, "Sign in", a.signIn)
	write[nothing, struct{}](a, http.MethodDelete, "/session", http.StatusNoContent, "Sign out", a.signOut)
	read[Me](a, "/me", "Who am I", func(_ context.Context, c *caller, _ *struct{}) ([]byte, error) { return json.Marshal(a.me(c)) })
	write[Me, struct{ Body availability }](a, http.MethodPatch, "/me", http.StatusOK, "Say whether one is available", a.setAvailability)
}

const maxAgent = 200 // characters of what a browser calls itself

var errSignIn = problem(http.StatusUnauthorized, codeUnauthorized, "The extension or the password is wrong.")

func (a *API) signIn(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var in credentials
	if err := decode(r, &in); err != nil {
		return err
	}
	if len(in.Password) > maxPassword {
		in.Password = "" // which is nobody's, and costs as much
	}
	who := attempt{clientAddress(r, a.proxies), cut(strings.TrimSpace(in.Extension), 2*maxExtension)}
	p, err := a.checkPassword(r.Context(), who, in.Password)
	if err != nil {
		a.metrics.failures.Inc()
		return err
	}
	secret := newSecret()
	hash := hashSecret(secret)
	err = a.change(r.Context(), func(tx *store.Tx) error {
		now := tx.Now()
		if err := tx.PruneSignIns(now.Add(-sessionIdle-touchEvery), now.Add(-sessionAbsolute)); err != nil {
			return err
		}
		if err := tx.AddSignIn(store.SignIn{Hash: hash[:], Person: p.ID, CreatedAt: now, SeenAt: now, Address: who.address, Agent: cut(r.UserAgent(), maxAgent)}); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: gateway.Actor{ID: p.ID, Name: p.Name}, Action: "session.created", Object: "session " + sessionID(hash[:]), Detail: "from " + who.address})
		return nil
	})
	if err != nil {
		return err
	}
	a.router.Seen(p.ID)
	http.SetCookie(w, a.cookie(secret, int(sessionAbsolute.Seconds())))
	c, _, ok := a.sessions.personOf(a.dir, hash, time.Now())
	if !ok {
		return errSignIn // disabled meanwhile
	}
	return respond(w, http.StatusOK, a.me(c))
}

// checkPassword returns who signs in. It takes as long for who is unknown.
func (a *API) checkPassword(ctx context.Context, who attempt, password string) (store.Person, error) {
	if err := a.throttled(who); err != nil { // before it costs anything
		return store.Person{}, err
	}
	if err := a.gate.enter(ctx); err != nil {
		return store.Person{}, err
	}
	defer a.gate.leave()
	if err := a.throttled(who); err != nil { // by those that came at the same time
		return store.Person{}, err
	}
	if err := a.dir.Reload(ctx); err != nil { // a command may have added them a moment ago
		return store.Person{}, err
	}
	p, known := a.dir.ByExtension(who.extension)
	if right := CheckPassword(p.Password, password); !right || !known || !p.DisabledAt.IsZero() {
		now := time.Now()
		a.throttle.failed(who, now)
		a.addresses.failed(attempt{address: who.address}, now)
		// Who hangs up before the answer has guessed all the same.
		if err := a.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { tx.Audit(failed(who)); return nil }); err != nil {
			return store.Person{}, err
		}
		return store.Person{}, errSignIn
	}
	a.throttle.succeeded(who)
	return p, nil
}

func (a *API) throttled(who attempt) error {
	now := time.Now()
	wait := a.throttle.wait(who, now)
	if all := a.addresses.wait(attempt{address: who.address}, now); all > wait && !a.signedInFrom(who) {
		wait = all
	}
	if wait > 0 {
		return rateLimited("Too many failed sign-ins. Wait before the next.", wait)
	}
	return nil
}

// signedInFrom tells whether the person with this extension is signed in from this
// address: those who work behind one address are not kept out by who guesses there.
func (a *API) signedInFrom(who attempt) bool {
	p, ok := a.dir.ByExtension(who.extension)
	return ok && slices.ContainsFunc(a.dir.Sessions(), func(s store.SignIn) bool {
		_, live := a.sessions.live(s, [32]byte(s.Hash), time.Now())
		return live && s.Person == p.ID && s.Address == who.address
	})
}

func (a *API) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.secure, MaxAge: maxAge}
}

func (a *API) signOut(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	err := a.change(r.Context(), func(tx *store.Tx) error {
		if ended, err := tx.EndSignIn(c.secret[:]); err != nil || !ended {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "session.ended", Object: "session " + sessionID(c.secret[:])})
		return nil
	})
	if err != nil {
		return err
	}
	http.SetCookie(w, a.cookie("", -1))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) me(c *caller) Me {
	m := Me{ID: c.actor.ID.String(), Kind: "token", Name: c.actor.Name, Queues: []MyQueue{}, Scopes: strings.Fields(c.scopes), Numbers: c.limits}
	if !c.person() {
		return m
	}
	p, _ := a.dir.Person(c.actor.ID)
	availability, _ := a.router.Availability(p.ID)
	m.Kind, m.Extension, m.Role, m.Availability = "person", p.Extension, p.Role, string(availability)
	for _, q := range a.dir.Queues() {
		if manages, in := c.actor.Queues[q.ID]; in {
			m.Queues = append(m.Queues, MyQueue{q.ID.String(), q.Name, manages})
		}
	}
	if s, ok := a.dir.SignIn(c.secret); ok {
		expires := s.CreatedAt.Add(sessionAbsolute).UTC()
		m.ExpiresAt = &expires
	}
	return m
}

func (a *API) setAvailability(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	var in availability
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Availability != "available" && in.Availability != "away" {
		return invalid("body.availability", "want available or away")
	}
	if err := a.change(r.Context(), func(tx *store.Tx) error { return tx.SetAvailability(c.actor.ID, in.Availability) }); err != nil {
		return err
	}
	a.passAvailability(c.actor.ID)
	return respond(w, http.StatusOK, a.me(c))
}
