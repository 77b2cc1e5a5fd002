package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
)

const (
	cookieName      = "smsbridge_session"
	sessionIdle     = 12 * time.Hour
	sessionAbsolute = 7 * 24 * time.Hour
	touchEvery      = 5 * time.Minute
)

// Scopes of tokens.
const (
	scopeSend               = "messages:send"
	scopeReadMessages       = "messages:read"
	scopeReadConversations  = "conversations:read"
	scopeWriteConversations = "conversations:write"
	scopeEvents             = "events:read"
	scopeWriteContacts      = "contacts:write"
	scopeReadCarriers       = "carriers:read"
	scopeManageCarriers     = "carriers:manage"
	scopeReadMetrics        = "metrics:read"
	scopeAdmin              = "admin" // all of them
)

// caller is who asks: a person or a program, as they are at this moment.
type caller struct {
	actor  gateway.Actor
	secret [32]byte // the hash of the session's cookie or of the token
	scopes string
	limits []string  // of a program: the numbers it is limited to; nil: all
	ends   time.Time // when the session or token ends if it is not used; zero: never
}

func (c *caller) person() bool { return c.actor.Kind == gateway.ActorPerson }

func (c *caller) has(scope string) bool {
	for s := range strings.FieldsSeq(c.scopes) {
		if s == scope || s == scopeAdmin {
			return true
		}
	}
	return false
}

// needs refuses programs whose token lacks the scope.
func (c *caller) needs(scope string) error {
	if c.person() || c.has(scope) {
		return nil
	}
	p := forbidden("The token lacks the scope " + scope + ".")
	p.Scope = scope
	return p
}

// needsPerson refuses programs.
func (c *caller) needsPerson() error {
	if c.person() {
		return nil
	}
	return forbidden("This is for people who sign in.")
}

// owns tells whether the caller is a system owner.
func (c *caller) owns() bool { return c.person() && c.actor.SystemOwner }

// manages tells whether the caller manages the queue, or owns the system.
func (c *caller) manages(queue gateway.ID) bool {
	return c.owns() || c.person() && c.actor.Queues[queue]
}

// needsOwner refuses all but system owners.
func (c *caller) needsOwner() error {
	if c.owns() {
		return nil
	}
	return forbidden("Only system owners do this.")
}

// needsManager refuses all but who manages a queue or owns the system, and
// programs that may do everything.
func (c *caller) needsManager() error {
	switch {
	case !c.person():
		return c.needsEverything()
	case !c.owns() && len(c.visible().Manages) == 0:
		return forbidden("Only managers and system owners do this.")
	}
	return nil
}

// needsEverything refuses programs that may not do everything: those without the
// scope admin, and those that are limited to numbers.
func (c *caller) needsEverything() error {
	if err := c.needs(scopeAdmin); err != nil || c.person() || c.limits == nil {
		return err
	}
	return forbidden("The token is limited to numbers, and this is about all of them.")
}

// reaches tells whether a program's limits, if any, allow the number.
func (c *caller) reaches(number string) bool {
	return c.limits == nil || slices.Contains(c.limits, number)
}

// sees tells whether the caller may see what v and number belong to whole.
func (c *caller) sees(v gateway.View, number string) bool {
	return v.VisibleTo(c.actor) && c.reaches(number)
}

// visible bounds lists by what the caller sees.
func (c *caller) visible() store.Visible {
	v := store.Visible{Everything: !c.person() || c.actor.SystemOwner, Person: c.actor.ID}
	for q, manages := range c.actor.Queues {
		v.Member = append(v.Member, q)
		if manages {
			v.Manages = append(v.Manages, q)
		}
	}
	for q := range c.actor.Reads {
		v.Reads = append(v.Reads, q)
	}
	slices.Sort(v.Reads)
	slices.Sort(v.Member)
	slices.Sort(v.Manages)
	return v
}

type callerKey struct{}

// callerOf returns who makes the request of ctx. Only routes that need nobody
// have none.
func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

var errUnauthorized = problem(http.StatusUnauthorized, codeUnauthorized, "Sign in, or give a token.")

// authenticate finds out who makes the request.
func (a *API) authenticate(r *http.Request) (*caller, error) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, token, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, errUnauthorized
		}
		hash := hashSecret(strings.TrimSpace(token))
		c, ok := programOf(a.dir, hash)
		if !ok {
			// A command may have made it a moment ago.
			if err := a.dir.Reload(r.Context()); err != nil {
				return nil, err
			}
			c, ok = programOf(a.dir, hash)
		}
		if !ok {
			return nil, problem(http.StatusUnauthorized, codeUnauthorized, "There is no such token, or it was revoked or has expired.")
		}
		a.noteUse(r.Context(), c.actor.ID)
		return c, nil
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil, errUnauthorized
	}
	hash := hashSecret(cookie.Value)
	now := time.Now()
	c, stale, ok := a.sessions.personOf(a.dir, hash, now)
	if !ok {
		return nil, problem(http.StatusUnauthorized, codeUnauthorized, "The session has ended. Sign in again.")
	}
	a.router.Seen(c.actor.ID)
	if stale {
		// The request is no worse for it if this fails.
		if err := a.db.Update(r.Context(), func(tx *store.Tx) error { return tx.TouchSignIn(hash[:], now) }); err != nil {
			a.log.WarnContext(r.Context(), "session not extended", "error", err)
		}
	}
	return c, nil
}

// current is c as it is now; false once it may no longer ask for anything.
func (a *API) current(c *caller) (*caller, bool) {
	if !c.person() {
		return programOf(a.dir, c.secret)
	}
	now, _, ok := a.sessions.personOf(a.dir, c.secret, time.Time{})
	return now, ok
}

func programOf(dir *router.Directory, hash [32]byte) (*caller, bool) {
	t, ok := dir.Token(hash)
	if !ok || !t.ExpiresAt.IsZero() && !time.Now().Before(t.ExpiresAt) {
		return nil, false
	}
	c := &caller{actor: gateway.Actor{Kind: gateway.ActorProgram, ID: t.ID, Name: t.Name}, secret: hash, scopes: t.Scopes, ends: t.ExpiresAt}
	c.actor.AllowTo, c.actor.PerDay = strings.Fields(t.AllowTo), t.PerDay
	if t.Numbers != "" {
		c.limits = strings.Fields(t.Numbers)
	}
	return c, true
}

// noteUse remembers, to some minutes, when a token was last used.
func (a *API) noteUse(ctx context.Context, token gateway.ID) {
	now := time.Now()
	if last, ok := a.used.Load(token); ok && now.Sub(last.(time.Time)) < touchEvery {
		return
	}
	a.used.Store(token, now)
	// The request is no worse for it if this fails.
	if err := a.db.Update(ctx, func(tx *store.Tx) error { return tx.TouchToken(token) }); err != nil {
		a.log.WarnContext(ctx, "last use of a token not noted", "error", err)
	}
}

// sessions knows when sessions were last used. The store is told now and then:
// an inbox that is looked at must not write all the time.
type sessions struct {
	mu   sync.Mutex
	seen map[[32]byte]time.Time
}

// personOf returns whose session it is, and whether the store is to be told
// that it was used. With the zero time it is not used, only looked at.
func (s *sessions) personOf(dir *router.Directory, hash [32]byte, now time.Time) (c *caller, stale, ok bool) {
	in, ok := dir.SignIn(hash)
	if !ok {
		return nil, false, false
	}
	actor, ok := dir.Actor(in.Person)
	if !ok {
		return nil, false, false
	}
	used := !now.IsZero()
	if !used {
		now = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, live := s.liveLocked(in, hash, now)
	if !live {
		return nil, false, false
	}
	if used && now.Sub(seen) >= touchEvery {
		stale = true
		s.touchLocked(dir, hash, now)
	}
	ends := seen.Add(sessionIdle)
	if last := in.CreatedAt.Add(sessionAbsolute); last.Before(ends) {
		ends = last
	}
	return &caller{actor: actor, secret: hash, ends: ends}, stale, true
}

// live tells when a session was last used, and whether it goes on.
func (s *sessions) live(in store.SignIn, hash [32]byte, now time.Time) (seen time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.liveLocked(in, hash, now)
}

func (s *sessions) liveLocked(in store.SignIn, hash [32]byte, now time.Time) (seen time.Time, ok bool) {
	if seen = s.seen[hash]; in.SeenAt.After(seen) {
		seen = in.SeenAt
	}
	return seen, now.Sub(seen) <= sessionIdle && now.Sub(in.CreatedAt) <= sessionAbsolute
}

func (s *sessions) touchLocked(dir *router.Directory, hash [32]byte, now time.Time) {
	if s.seen == nil {
		s.seen = map[[32]byte]time.Time{}
	}
	if len(s.seen) >= 1024 {
		for h := range s.seen {
			if _, ok := dir.SignIn(h); !ok {
				delete(s.seen, h)
			}
		}
	}
	s.seen[hash] = now
}
