package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
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
}

// Scopes are those that a token may have.
var Scopes = []string{"messages:send", "messages:read", "conversations:read", "conversations:write", "events:read", "contacts:write",
	"carriers:read", "carriers:manage", "metrics:read", "admin"}

const minPassword = 8 // characters

func checkPassword(password string) error {
	if len([]rune(password)) < minPassword {
		return fmt.Errorf("the password has fewer than %d characters", minPassword)
	}
	return nil
}

// Add adds a person. A manager manages the queue that is named; without one, an
// agent is in General alone.
func (a *Accounts) Add(ctx context.Context, name, extension, role, queue, password string) (Person, error) {
	p := store.Person{Name: strings.TrimSpace(name), Extension: strings.TrimSpace(extension), Role: role}
	switch {
	case p.Name == "":
		return Person{}, errors.New("a person needs a name")
	case p.Extension == "" || strings.ContainsAny(p.Extension, " \t") || len(p.Extension) > 32:
		return Person{}, errors.New("a person needs an extension, at most 32 characters without spaces")
	case !slices.Contains([]string{"agent", "manager", "owner"}, role):
		return Person{}, fmt.Errorf("role %q: want agent, manager or owner", role)
	case role == "manager" && queue == "":
		queue = "General"
	}
	if err := checkPassword(password); err != nil {
		return Person{}, err
	}
	hash, err := api.HashPassword(password)
	if err != nil {
		return Person{}, err
	}
	p.Password = hash
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
		if err := tx.AddPerson(&p); err != nil || member.ID == 0 {
			return err
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
	if err := checkPassword(password); err != nil {
		return err
	}
	hash, err := api.HashPassword(password)
	if err != nil {
		return err
	}
	return a.change(ctx, extension, func(tx *store.Tx, id gateway.ID) error { return tx.SetPassword(id, hash, nil) })
}

// Disable keeps a person from signing in; a running daemon ends their sessions
// and returns what they own.
func (a *Accounts) Disable(ctx context.Context, extension string) error {
	return a.change(ctx, extension, func(tx *store.Tx, id gateway.ID) error { return tx.DisablePerson(id) })
}

func (a *Accounts) change(ctx context.Context, extension string, do func(*store.Tx, gateway.ID) error) error {
	dir, err := a.db.Directory(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(dir.People, func(p store.Person) bool { return p.Extension == extension })
	if i < 0 {
		return fmt.Errorf("nobody has the extension %s", extension)
	}
	return a.db.Update(ctx, func(tx *store.Tx) error { return do(tx, dir.People[i].ID) })
}

var prefix = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// CreateToken makes a token with t's name, scopes and limits; its secret cannot be
// shown again.
func (a *Accounts) CreateToken(ctx context.Context, t Token) (Token, error) {
	if strings.TrimSpace(t.Name) == "" {
		return Token{}, errors.New("a token needs a name")
	}
	if len(t.Scopes) == 0 {
		return Token{}, fmt.Errorf("a token needs --scope: %s", strings.Join(Scopes, ", "))
	}
	for _, s := range t.Scopes {
		if !slices.Contains(Scopes, s) {
			return Token{}, fmt.Errorf("scope %q: want %s", s, strings.Join(Scopes, ", "))
		}
	}
	for _, n := range t.Numbers {
		if _, err := gateway.ParseConfigured(n); err != nil {
			return Token{}, fmt.Errorf("number %w", err)
		}
	}
	for _, p := range t.AllowTo {
		if !prefix.MatchString(p) {
			return Token{}, fmt.Errorf("--allow-to %q: want the beginning of an E.164 number, such as +1 or +44", p)
		}
	}
	if t.PerDay < 0 {
		return Token{}, fmt.Errorf("--per-day %d: want a number of segments, or 0 for no limit of its own", t.PerDay)
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	text := "sms_" + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(text))
	stored := store.Token{Name: t.Name, Hash: hash[:], Scopes: strings.Join(t.Scopes, " "), Numbers: strings.Join(t.Numbers, " "),
		AllowTo: strings.Join(t.AllowTo, " "), PerDay: t.PerDay}
	err := a.db.Update(ctx, func(tx *store.Tx) error { return tx.AddToken(&stored) })
	t.ID, t.Secret, t.CreatedAt = stored.ID, text, stored.CreatedAt
	return t, err
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
			all = append(all, Token{ID: t.ID, Name: t.Name, Scopes: strings.Fields(t.Scopes), Numbers: strings.Fields(t.Numbers),
				AllowTo: strings.Fields(t.AllowTo), PerDay: t.PerDay, CreatedAt: t.CreatedAt})
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
	return a.db.Update(ctx, func(tx *store.Tx) error { _, err := tx.RevokeToken(found[0]); return err })
}

// Check finds what is right as a configuration but not possible in this version.
func Check(cfg *config.Config) error {
	n := &Node{cfg: cfg, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	_, err := n.lines(func() gateway.ID { return 0 })
	return err
}
