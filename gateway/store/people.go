package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"smsbridge/gateway"
)

// GeneralQueue is the queue of every number that no other has claimed. Every
// person is in it.
const GeneralQueue gateway.ID = 1

// Person is somebody who signs in.
type Person struct {
	ID           gateway.ID
	Extension    string
	Name         string
	Role         string    // agent, manager, owner
	Password     string    // its argon2id hash
	Availability string    // available, away
	Since        time.Time // when they chose that
	CreatedAt    time.Time
	DisabledAt   time.Time
}

// Token is a program's key, known by its hash.
type Token struct {
	ID        gateway.ID
	Name      string
	Hash      []byte
	Scopes    string // separated by spaces
	Numbers   string // separated by spaces; "" is all
	AllowTo   string // beginnings of the numbers that it may text, separated by spaces; "" is all
	PerDay    int    // texts that it may send in a day (UTC); 0: as many as the configuration lets it
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time // to some minutes
	RevokedAt time.Time
}

// Queue is a group of people and the numbers whose texts wait for them.
type Queue struct {
	ID       gateway.ID
	Name     string
	Settings gateway.QueueSettings
}

// Member is one person's place in a queue: what waits is offered in the order of
// Position.
type Member struct {
	Queue    gateway.ID
	Person   gateway.ID
	Manages  bool
	Position int
}

// Number is one of ours and whose it is.
type Number struct {
	Number string
	Queue  gateway.ID // in which its texts wait; of a person's number, while they are away
	Person gateway.ID // whose it is, or 0
	// CarrierStops says that the carrier itself answers STOP and START.
	CarrierStops bool
}

// SignIn is a session of a person, known by its cookie's hash.
type SignIn struct {
	Hash      []byte
	Person    gateway.ID
	CreatedAt time.Time
	SeenAt    time.Time
	Address   string // it was made from
	Agent     string // by which browser
}

// Directory is everything that decides who is who and may do what. It is small,
// read whole, and read again when it has changed.
type Directory struct {
	People  []Person
	Tokens  []Token
	Queues  []Queue
	Members []Member
	Numbers map[string]Number // those that somebody has given to a queue or a person
	SignIns []SignIn
	Pushed  map[gateway.ID]bool // who has a browser that takes messages while no page is open
}

func (db *DB) ensureGeneral(ctx context.Context) error {
	return db.Update(ctx, func(tx *Tx) error {
		have := false
		if err := tx.each(func(r rows) error { have = true; var one int; return r.Scan(&one) }, `SELECT 1 FROM queues WHERE id = $1`, int64(GeneralQueue)); err != nil || have {
			return err
		}
		_, err := tx.exec(`INSERT INTO queues (id, name, created_at) VALUES ($1, 'General', $2) ON CONFLICT DO NOTHING`, int64(GeneralQueue), micros(tx.now))
		return err
	})
}

// Directory reads people, tokens, queues and sessions.
func (db *DB) Directory(ctx context.Context) (*Directory, error) {
	d := &Directory{Numbers: map[string]Number{}, Pushed: map[gateway.ID]bool{}}
	var err error
	if d.People, err = collect(ctx, db, scanPerson, `SELECT `+personColumns+` FROM people ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Tokens, err = collect(ctx, db, scanToken, `SELECT `+tokenColumns+` FROM tokens ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Queues, err = collect(ctx, db, scanQueue, `SELECT id, name, settings FROM queues WHERE deleted_at = 0 ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Members, err = collect(ctx, db, func(r rows) (m Member, err error) { return m, r.Scan(&m.Queue, &m.Person, &m.Manages, &m.Position) },
		`SELECT queue, person, manages, position FROM queue_members ORDER BY queue, position, person`); err != nil {
		return nil, err
	}
	numbers, err := collect(ctx, db, func(r rows) (n Number, err error) { return n, r.Scan(&n.Number, &n.Queue, &n.Person, &n.CarrierStops) },
		`SELECT number, queue, person, carrier_stops FROM queue_numbers`)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		d.Numbers[n.Number] = n
	}
	pushed, err := collect(ctx, db, scanID, `SELECT DISTINCT person FROM push_subscriptions`)
	if err != nil {
		return nil, err
	}
	for _, id := range pushed {
		d.Pushed[id] = true
	}
	d.SignIns, err = collect(ctx, db, func(r rows) (s SignIn, err error) {
		return s, r.Scan(&s.Hash, &s.Person, (*microTime)(&s.CreatedAt), (*microTime)(&s.SeenAt), &s.Address, &s.Agent)
	}, `SELECT hash, person, created_at, seen_at, address, agent FROM sessions`)
	return d, err
}

// DirectoryVersion changes when any process has changed the directory, so that
// it is worth reading again. Asking costs no write.
func (db *DB) DirectoryVersion(ctx context.Context) (int64, error) {
	n, _, err := first(collect(ctx, db, func(r rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT n FROM directory_version WHERE one = 1`))
	return n, err
}

// changeDirectory runs a statement that changes the directory.
func (tx *Tx) changeDirectory(text string, args ...any) (int64, error) {
	n, err := tx.exec(text, args...)
	if err != nil || n == 0 {
		return n, err
	}
	_, err = tx.exec(`UPDATE directory_version SET n = n + 1 WHERE one = 1`)
	return n, err
}

const (
	personColumns = `id, extension, name, role, password, availability, availability_at, created_at, disabled_at`
	tokenColumns  = `id, name, hash, scopes, numbers, allow_to, per_day, created_at, expires_at, used_at, revoked_at`
)

func scanPerson(r rows) (p Person, err error) {
	return p, r.Scan(&p.ID, &p.Extension, &p.Name, &p.Role, &p.Password, &p.Availability, (*microTime)(&p.Since), (*microTime)(&p.CreatedAt), (*microTime)(&p.DisabledAt))
}

func scanToken(r rows) (t Token, err error) {
	return t, r.Scan(&t.ID, &t.Name, &t.Hash, &t.Scopes, &t.Numbers, &t.AllowTo, &t.PerDay, (*microTime)(&t.CreatedAt),
		(*microTime)(&t.ExpiresAt), (*microTime)(&t.UsedAt), (*microTime)(&t.RevokedAt))
}

func scanQueue(r rows) (q Queue, err error) {
	var settings string
	if err := r.Scan(&q.ID, &q.Name, &settings); err != nil {
		return q, err
	}
	q.Settings = gateway.DefaultQueueSettings()
	if settings != "" {
		if err := json.Unmarshal([]byte(settings), &q.Settings); err != nil {
			return q, fmt.Errorf("settings of queue %s: %w", q.Name, err)
		}
	}
	return q, q.Settings.Check()
}

// ErrExists says that an extension or the name of a queue is taken.
var ErrExists = errors.New("exists already")

// AddPerson adds a person, and gives them an ID.
func (tx *Tx) AddPerson(p *Person) error {
	taken := false
	if err := tx.each(func(r rows) error { taken = true; var one int; return r.Scan(&one) }, `SELECT 1 FROM people WHERE extension = $1`, p.Extension); err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("extension %s %w", p.Extension, ErrExists)
	}
	p.ID, p.CreatedAt, p.Availability, p.Since = tx.NewID(), tx.now, "available", tx.now
	_, err := tx.changeDirectory(`INSERT INTO people (`+personColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		int64(p.ID), p.Extension, p.Name, p.Role, p.Password, p.Availability, micros(p.Since), micros(p.CreatedAt))
	return err
}

// SetPassword replaces a person's password hash and ends their sessions, but for
// the one whose hash is keep; nil: all.
func (tx *Tx) SetPassword(id gateway.ID, hash string, keep []byte) error {
	if _, err := tx.changeDirectory(`UPDATE people SET password = $2 WHERE id = $1`, int64(id), hash); err != nil {
		return err
	}
	if keep == nil {
		keep = []byte{} // with NULL, SQL would end none
	}
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE person = $1 AND hash <> $2`, int64(id), keep)
	return err
}

// SetAvailability saves what a person chose.
func (tx *Tx) SetAvailability(id gateway.ID, availability string) error {
	_, err := tx.changeDirectory(`UPDATE people SET availability = $2, availability_at = $3 WHERE id = $1 AND availability <> $2`, int64(id), availability, micros(tx.now))
	return err
}

// DisablePerson keeps a person from signing in, and ends their sessions and what
// their browsers have subscribed to.
func (tx *Tx) DisablePerson(id gateway.ID) error {
	if _, err := tx.changeDirectory(`UPDATE people SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`, int64(id), micros(tx.now)); err != nil {
		return err
	}
	if _, err := tx.changeDirectory(`DELETE FROM push_subscriptions WHERE person = $1`, int64(id)); err != nil {
		return err
	}
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE person = $1`, int64(id))
	return err
}

// AddToken adds a token, and gives it an ID.
func (tx *Tx) AddToken(t *Token) error {
	t.ID, t.CreatedAt = tx.NewID(), tx.now
	_, err := tx.changeDirectory(`INSERT INTO tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)`,
		int64(t.ID), t.Name, t.Hash, t.Scopes, t.Numbers, t.AllowTo, t.PerDay, micros(t.CreatedAt), micros(t.ExpiresAt))
	return err
}

// RevokeToken ends a token; false if there is no such token in use.
func (tx *Tx) RevokeToken(id gateway.ID) (bool, error) {
	n, err := tx.changeDirectory(`UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, int64(id), micros(tx.now))
	return n > 0, err
}

// TouchToken moves a token's last use forward.
func (tx *Tx) TouchToken(id gateway.ID) error {
	_, err := tx.exec(`UPDATE tokens SET used_at = $2 WHERE id = $1`, int64(id), micros(tx.now))
	return err
}

// AddSignIn records a session.
func (tx *Tx) AddSignIn(s SignIn) error {
	_, err := tx.changeDirectory(`INSERT INTO sessions (hash, person, created_at, seen_at, address, agent) VALUES ($1, $2, $3, $4, $5, $6)`,
		s.Hash, int64(s.Person), micros(s.CreatedAt), micros(s.SeenAt), s.Address, s.Agent)
	return err
}

// TouchSignIn moves a session's last use forward.
func (tx *Tx) TouchSignIn(hash []byte, seen time.Time) error {
	_, err := tx.exec(`UPDATE sessions SET seen_at = $2 WHERE hash = $1`, hash, micros(seen))
	return err
}

// EndSignIn removes a session; false if there is no such session.
func (tx *Tx) EndSignIn(hash []byte) (bool, error) {
	n, err := tx.changeDirectory(`DELETE FROM sessions WHERE hash = $1`, hash)
	return n > 0, err
}

// PruneSignIns removes sessions last seen before idle or made before oldest, if
// there are any.
func (tx *Tx) PruneSignIns(idle, oldest time.Time) error {
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE seen_at < $1 OR created_at < $2`, micros(idle), micros(oldest))
	return err
}

// Sent is what an idempotency key led to.
type Sent struct {
	Body    []byte // the hash of the request
	Message gateway.ID
}

// SentBefore returns what the key has led to in its scope since the given time.
func (tx *Tx) SentBefore(scope gateway.ID, key string, since time.Time) (s Sent, found bool, err error) {
	err = tx.each(func(r rows) error { found = true; return r.Scan(&s.Body, &s.Message) },
		`SELECT body, message FROM idempotency WHERE scope = $1 AND key = $2 AND at >= $3`, int64(scope), key, micros(since))
	return s, found, err
}

// RememberSent binds the key to what it led to.
func (tx *Tx) RememberSent(scope gateway.ID, key string, s Sent) error {
	_, err := tx.exec(`INSERT INTO idempotency (scope, key, body, message, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (scope, key) DO UPDATE SET body = excluded.body, message = excluded.message, at = excluded.at`,
		int64(scope), key, s.Body, int64(s.Message), micros(tx.now))
	return err
}
