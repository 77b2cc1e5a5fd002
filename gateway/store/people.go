package store

import (
	"context"
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
	Role         string // agent, manager, owner
	Password     string // its argon2id hash
	Availability string // available, away
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
	RevokedAt time.Time
}

// Queue is a group of people and the numbers whose texts wait for them.
type Queue struct {
	ID   gateway.ID
	Name string
}

// Member is one person's place in a queue.
type Member struct {
	Queue   gateway.ID
	Person  gateway.ID
	Manages bool
}

// SignIn is a session of a person, known by its cookie's hash.
type SignIn struct {
	Hash      []byte
	Person    gateway.ID
	CreatedAt time.Time
	SeenAt    time.Time
}

// Directory is everything that decides who is who and may do what. It is small,
// read whole, and read again when it has changed.
type Directory struct {
	People  []Person
	Tokens  []Token
	Queues  []Queue
	Members []Member
	Numbers map[string]gateway.ID // number -> its queue
	SignIns []SignIn
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
	d := &Directory{Numbers: map[string]gateway.ID{}}
	var err error
	if d.People, err = collect(ctx, db, scanPerson, `SELECT `+personColumns+` FROM people ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Tokens, err = collect(ctx, db, scanToken, `SELECT id, name, hash, scopes, numbers, allow_to, per_day, created_at, revoked_at FROM tokens ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Queues, err = collect(ctx, db, func(r rows) (q Queue, err error) { return q, r.Scan(&q.ID, &q.Name) }, `SELECT id, name FROM queues ORDER BY id`); err != nil {
		return nil, err
	}
	if d.Members, err = collect(ctx, db, func(r rows) (m Member, err error) { return m, r.Scan(&m.Queue, &m.Person, &m.Manages) },
		`SELECT queue, person, manages FROM queue_members ORDER BY queue, person`); err != nil {
		return nil, err
	}
	if _, err = collect(ctx, db, func(r rows) (x struct{}, err error) {
		var number string
		var queue gateway.ID
		err = r.Scan(&number, &queue)
		d.Numbers[number] = queue
		return x, err
	}, `SELECT number, queue FROM queue_numbers`); err != nil {
		return nil, err
	}
	d.SignIns, err = collect(ctx, db, func(r rows) (s SignIn, err error) {
		var created, seen int64
		err = r.Scan(&s.Hash, &s.Person, &created, &seen)
		s.CreatedAt, s.SeenAt = fromMicros(created), fromMicros(seen)
		return s, err
	}, `SELECT hash, person, created_at, seen_at FROM sessions`)
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

const personColumns = `id, extension, name, role, password, availability, created_at, disabled_at`

func scanPerson(r rows) (p Person, err error) {
	var created, disabled int64
	err = r.Scan(&p.ID, &p.Extension, &p.Name, &p.Role, &p.Password, &p.Availability, &created, &disabled)
	p.CreatedAt, p.DisabledAt = fromMicros(created), fromMicros(disabled)
	return p, err
}

func scanToken(r rows) (t Token, err error) {
	var created, revoked int64
	err = r.Scan(&t.ID, &t.Name, &t.Hash, &t.Scopes, &t.Numbers, &t.AllowTo, &t.PerDay, &created, &revoked)
	t.CreatedAt, t.RevokedAt = fromMicros(created), fromMicros(revoked)
	return t, err
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
	p.ID, p.CreatedAt, p.Availability = tx.NewID(), tx.now, "available"
	_, err := tx.changeDirectory(`INSERT INTO people (`+personColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
		int64(p.ID), p.Extension, p.Name, p.Role, p.Password, p.Availability, micros(p.CreatedAt))
	return err
}

// SetPassword replaces a person's password hash and ends their sessions.
func (tx *Tx) SetPassword(id gateway.ID, hash string) error {
	if _, err := tx.changeDirectory(`UPDATE people SET password = $2 WHERE id = $1`, int64(id), hash); err != nil {
		return err
	}
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE person = $1`, int64(id))
	return err
}

// SetAvailability saves what a person chose.
func (tx *Tx) SetAvailability(id gateway.ID, availability string) error {
	_, err := tx.changeDirectory(`UPDATE people SET availability = $2 WHERE id = $1`, int64(id), availability)
	return err
}

// DisablePerson keeps a person from signing in and ends their sessions.
func (tx *Tx) DisablePerson(id gateway.ID) error {
	if _, err := tx.changeDirectory(`UPDATE people SET disabled_at = $2 WHERE id = $1 AND disabled_at = 0`, int64(id), micros(tx.now)); err != nil {
		return err
	}
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE person = $1`, int64(id))
	return err
}

// AddQueue makes a queue with these numbers.
func (tx *Tx) AddQueue(name string, numbers []string) (gateway.ID, error) {
	taken := false
	if err := tx.each(func(r rows) error { taken = true; var one int; return r.Scan(&one) }, `SELECT 1 FROM queues WHERE name = $1`, name); err != nil {
		return 0, err
	}
	if taken {
		return 0, fmt.Errorf("queue %s %w", name, ErrExists)
	}
	id := tx.NewID()
	if _, err := tx.changeDirectory(`INSERT INTO queues (id, name, created_at) VALUES ($1, $2, $3)`, int64(id), name, micros(tx.now)); err != nil {
		return 0, err
	}
	for _, n := range numbers {
		if _, err := tx.changeDirectory(`INSERT INTO queue_numbers (number, queue) VALUES ($1, $2) ON CONFLICT (number) DO UPDATE SET queue = excluded.queue`, n, int64(id)); err != nil {
			return 0, err
		}
	}
	return id, nil
}

// SetMember puts a person into a queue.
func (tx *Tx) SetMember(queue, person gateway.ID, manages bool) error {
	_, err := tx.changeDirectory(`INSERT INTO queue_members (queue, person, manages) VALUES ($1, $2, $3)
		ON CONFLICT (queue, person) DO UPDATE SET manages = excluded.manages`, int64(queue), int64(person), asInt(manages))
	return err
}

// AddToken adds a token, and gives it an ID.
func (tx *Tx) AddToken(t *Token) error {
	t.ID, t.CreatedAt = tx.NewID(), tx.now
	_, err := tx.changeDirectory(`INSERT INTO tokens (id, name, hash, scopes, numbers, allow_to, per_day, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)`,
		int64(t.ID), t.Name, t.Hash, t.Scopes, t.Numbers, t.AllowTo, t.PerDay, micros(t.CreatedAt))
	return err
}

// RevokeToken ends a token; false if there is no such token in use.
func (tx *Tx) RevokeToken(id gateway.ID) (bool, error) {
	n, err := tx.changeDirectory(`UPDATE tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, int64(id), micros(tx.now))
	return n > 0, err
}

// AddSignIn records a session.
func (tx *Tx) AddSignIn(s SignIn) error {
	_, err := tx.changeDirectory(`INSERT INTO sessions (hash, person, created_at, seen_at) VALUES ($1, $2, $3, $4)`, s.Hash, int64(s.Person), micros(s.CreatedAt), micros(s.SeenAt))
	return err
}

// TouchSignIn moves a session's last use forward.
func (tx *Tx) TouchSignIn(hash []byte, seen time.Time) error {
	_, err := tx.exec(`UPDATE sessions SET seen_at = $2 WHERE hash = $1`, hash, micros(seen))
	return err
}

// EndSignIn removes a session.
func (tx *Tx) EndSignIn(hash []byte) error {
	_, err := tx.changeDirectory(`DELETE FROM sessions WHERE hash = $1`, hash)
	return err
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
