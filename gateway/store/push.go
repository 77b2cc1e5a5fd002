package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// PushSubscription is where a person's browser takes messages while no page is
// open, and the keys with which they are encrypted for it.
type PushSubscription struct {
	ID        gateway.ID
	Person    gateway.ID
	Endpoint  string // who knows it can send there
	P256DH    string // base64url, as the browser gives it
	Auth      string // likewise
	CreatedAt time.Time
}

const pushColumns = `id, person, endpoint, p256dh, auth, created_at`

// AddPushSubscription adds s, and gives it an ID. A browser has one endpoint: what
// was at it before is replaced, whosever it was. Of more than keep the oldest of
// the person's go.
func (tx *Tx) AddPushSubscription(s *PushSubscription, keep int) error {
	s.ID, s.CreatedAt = tx.NewID(), tx.now
	if _, err := tx.changeDirectory(`DELETE FROM push_subscriptions WHERE endpoint = $1`, s.Endpoint); err != nil {
		return err
	}
	if _, err := tx.changeDirectory(`INSERT INTO push_subscriptions (`+pushColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		int64(s.ID), int64(s.Person), s.Endpoint, s.P256DH, s.Auth, micros(s.CreatedAt)); err != nil {
		return err
	}
	_, err := tx.changeDirectory(`DELETE FROM push_subscriptions WHERE person = $1 AND id NOT IN
		(SELECT id FROM push_subscriptions WHERE person = $1 ORDER BY id DESC LIMIT $2)`, int64(s.Person), keep)
	return err
}

// EndPushSubscription removes a person's subscription; false if they have none of
// that ID.
func (tx *Tx) EndPushSubscription(person, id gateway.ID) (bool, error) {
	n, err := tx.changeDirectory(`DELETE FROM push_subscriptions WHERE id = $1 AND person = $2`, int64(id), int64(person))
	return n > 0, err
}

// PushSubscriptions lists a person's, the newest first.
func (db *DB) PushSubscriptions(ctx context.Context, person gateway.ID) ([]PushSubscription, error) {
	return collect(ctx, db, func(r rows) (s PushSubscription, err error) {
		return s, r.Scan(&s.ID, &s.Person, &s.Endpoint, &s.P256DH, &s.Auth, (*microTime)(&s.CreatedAt))
	}, `SELECT `+pushColumns+` FROM push_subscriptions WHERE person = $1 ORDER BY id DESC`, int64(person))
}
