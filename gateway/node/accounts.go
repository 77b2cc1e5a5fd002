package node

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/config"
	"smsbridge/gateway"
	"smsbridge/gateway/api"
	"smsbridge/gateway/store"
)

// Accounts manages people and tokens straight in the configured store, which it
// makes and migrates if need be. It works beside a running daemon, which notices
// within a second.
type Accounts struct {
	db *store.DB
}

// OpenAccounts opens the store of a configuration. The caller closes it.
func OpenAccounts(ctx context.Context, cfg *config.Config) (*Accounts, error) {
	db, err := store.Open(ctx, cfg.Store, store.Options{})
	if err != nil {
		return nil, err
	}
	return &Accounts{db}, nil
}

// Close closes the store.
func (a *Accounts) Close() error { return a.db.Close() }

// Person is somebody who signs in, as commands show them.
type Person struct {
	ID        gateway.ID `json:"id"`
	Extension string     `json:"extension"`
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	Queues    []string   `json:"queues"`
	Disabled  bool       `json:"disabled"`
}

// Token is a program's key, as commands show it. Secret is set once, when it is
// made.
type Token struct {
	ID        gateway.ID `json:"id"`
	Name      string     `json:"name"`
	Scopes    []string   `json:"scopes"`
	Numbers   []string   `json:"numbers,omitempty"`  // of ours, that it is limited to
	AllowTo   []string   `json:"allow_to,omitempty"` // beginnings of the numbers that it may text
	PerDay    int        `json:"per_day,omitempty"`  // segments that it may send in a day (UTC)
	Secret    string     `json:"token,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at,omitzero"`
	// LastUsedAt is when it was last used, to some minutes.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// deed is a row of the audit for what a command did.
func deed(action, object, detail string) store.Deed {
	return store.Deed{By: gateway.Actor{Kind: gateway.ActorSystem, Name: "smsbridge command"}, Action: action, Object: object, Detail: detail}
}

// Add adds a person. A manager manages the queue that is named; without one, an
// agent is in General alone.
func (a *Accounts) Add(ctx context.Context, name, extension, role, queue, password string) (Person, error) {
	p := store.Person{Name: name, Extension: extension, Role: role}
	if err := api.CheckPerson(&p); err != nil {
		return Person{}, err
	}
	if role == "manager" && queue == "" {
		queue = "General"
	}
	var err error
	if p.Password, err = api.NewPassword(password); err != nil {
		return Person{}, err
	}
	dir, err := a.db.Directory(ctx)
	if err != nil {
		return Person{}, err
	}
	result := Person{Extension: p.Extension, Name: p.Name, Role: role, Queues: []string{"General"}}
	var member store.Queue
	if queue != "" {
		i := slices.IndexFunc(dir.Queues, func(q store.Queue) bool { return strings.EqualFold(q.Name, queue) })
		if i < 0 {
			return Person{}, fmt.Errorf("there is no queue %q", queue)
		}
		member = dir.Queues[i]
		if member.ID != store.GeneralQueue {
			result.Queues = append(result.Queues, member.Name)
		}
	}
	err = a.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.AddPerson(&p); err != nil {
			return err
		}
		tx.Audit(deed("person.added", "person "+p.ID.String(), p.Extension+" as "+p.Role))
		if member.ID == 0 {
			return nil
		}
		return tx.SetMember(member.ID, p.ID, role == "manager")
	})
	result.ID = p.ID
	return result, err
}

// List lists everybody.
func (a *Accounts) List(ctx context.Context) ([]Person, error) {
	dir, err := a.db.Directory(ctx)
	if err != nil {
		return nil, err
	}
	names := map[gateway.ID]string{}
	for _, q := range dir.Queues {
		names[q.ID] = q.Name
	}
	all := []Person{}
	for _, p := range dir.People {
		s := Person{ID: p.ID, Extension: p.Extension, Name: p.Name, Role: p.Role, Disabled: !p.DisabledAt.IsZero(), Queues: []string{"General"}}
		for _, m := range dir.Members {
			if m.Person == p.ID && m.Queue != store.GeneralQueue {
				s.Queues = append(s.Queues, names[m.Queue])
			}
		}
		all = append(all, s)
	}
	return all, nil
}

// SetPassword replaces a password and ends the person's sessions.
func (a *Accounts) SetPassword(ctx context.Context, extension, password string) error {
	hash, err := api.NewPassword(password)
	if err != nil {
		return err
	}
	return a.change(ctx, extension, "password", func(tx *store.Tx, id gateway.ID) error { return tx.SetPassword(id, hash, nil) })
}

// Disable keeps a person from signing in; a running daemon ends their sessions
// and returns what they own.
func (a *Accounts) Disable(ctx context.Context, extension string) error {
	return a.change(ctx, extension, "disabled", func(tx *store.Tx, id gateway.ID) error { return tx.DisablePerson(id) })
}

func (a *Accounts) change(ctx context.Context, extension, what string, do func(*store.Tx, gateway.ID) error) error {
	dir, err := a.db.Directory(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(dir.People, func(p store.Person) bool { return p.Extension == extension })
	if i < 0 {
		return fmt.Errorf("nobody has the extension %s", extension)
	}
	return a.db.Update(ctx, func(tx *store.Tx) error {
		id := dir.People[i].ID
		if err := do(tx, id); err != nil {
			return err
		}
		tx.Audit(deed("person.changed", "person "+id.String(), what))
		return nil
	})
}

// Scopes are those that a token may have.
func Scopes() []string { return api.Scopes() }

// CreateToken makes a token with t's name, scopes, limits and expiry; its secret
// cannot be shown again.
func (a *Accounts) CreateToken(ctx context.Context, t Token) (Token, error) {
	secret, stored, err := api.TokenOrder{Name: t.Name, Scopes: t.Scopes, Numbers: t.Numbers, AllowTo: t.AllowTo, PerDay: t.PerDay, ExpiresAt: t.ExpiresAt}.Make(time.Now())
	if err != nil {
		return Token{}, err
	}
	err = a.db.Update(ctx, func(tx *store.Tx) error {
		if err := tx.AddToken(&stored); err != nil {
			return err
		}
		tx.Audit(deed("token.added", "token "+stored.ID.String(), stored.Name+": "+stored.Scopes))
		return nil
	})
	t = tokenOf(stored)
	t.Secret = secret
	return t, err
}

func tokenOf(t store.Token) Token {
	return Token{ID: t.ID, Name: t.Name, Scopes: strings.Fields(t.Scopes), Numbers: strings.Fields(t.Numbers), AllowTo: strings.Fields(t.AllowTo),
		PerDay: t.PerDay, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.UsedAt}
}

// Tokens lists the tokens in use.
func (a *Accounts) Tokens(ctx context.Context) ([]Token, error) {
	dir, err := a.db.Directory(ctx)
	if err != nil {
		return nil, err
	}
	all := []Token{}
	for _, t := range dir.Tokens {
		if t.RevokedAt.IsZero() {
			all = append(all, tokenOf(t))
		}
	}
	return all, nil
}

// Revoke ends a token, named by its ID or, where only one has it, its name.
func (a *Accounts) Revoke(ctx context.Context, which string) error {
	all, err := a.Tokens(ctx)
	if err != nil {
		return err
	}
	var found []gateway.ID
	for _, t := range all {
		if t.ID.String() == which || t.Name == which {
			found = append(found, t.ID)
		}
	}
	switch len(found) {
	case 0:
		return fmt.Errorf("there is no token %q in use", which)
	case 1:
	default:
		return fmt.Errorf("%d tokens are called %q: name one by its id", len(found), which)
	}
	return a.db.Update(ctx, func(tx *store.Tx) error {
		if revoked, err := tx.RevokeToken(found[0]); err != nil || !revoked {
			return err
		}
		tx.Audit(deed("token.revoked", "token "+found[0].String(), ""))
		return nil
	})
}

// Check finds what is right as a configuration and yet not possible. It opens nothing.
func Check(cfg *config.Config) error {
	n := &Node{cfg: cfg, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	_, err := n.lines(func() gateway.ID { return 0 })
	return err
}
