package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// QueuedRoute is a number and the carrier that its queued segments wait for.
type QueuedRoute struct {
	Number  string
	Carrier string
}

// QueuedRoutes lists where the segments that nobody has claimed are to go.
func (tx *Tx) QueuedRoutes() (all []QueuedRoute, err error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	err = tx.each(func(r rows) error {
		var q QueuedRoute
		err := r.Scan(&q.Number, &q.Carrier)
		all = append(all, q)
		return err
	}, `SELECT DISTINCT number, carrier FROM segments WHERE tick IN (1, 2) AND tick = 1`)
	return all, err
}

// Reroute gives the queued segments of a route to another carrier.
func (tx *Tx) Reroute(q QueuedRoute, carrier string) error {
	if _, err := tx.exec(`UPDATE messages SET carrier = $3 WHERE id IN
		(SELECT id & -16 FROM segments WHERE tick IN (1, 2) AND tick = 1 AND number = $1 AND carrier = $2)`, q.Number, q.Carrier, carrier); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE segments SET carrier = $3 WHERE tick IN (1, 2) AND tick = 1 AND number = $1 AND carrier = $2`, q.Number, q.Carrier, carrier)
	return err
}

// Unrouted returns queued segments that no carrier has served since before.
func (tx *Tx) Unrouted(before time.Time, limit int) ([]gateway.ID, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	return tx.ids(`SELECT s.id FROM segments s JOIN messages m ON m.id = (s.id & -16)
		WHERE s.tick IN (1, 2) AND s.tick = 1 AND s.carrier = '' AND m.created_at < $1 LIMIT $2`, micros(before), limit)
}

// LastCarrier names the carrier by which the conversation's customer last
// texted, or "".
func (tx *Tx) LastCarrier(conversation gateway.ID) (carrier string, err error) {
	if conversation == 0 {
		return "", nil
	}
	if err := tx.flush(); err != nil {
		return "", err
	}
	err = tx.each(func(r rows) error { return r.Scan(&carrier) },
		`SELECT carrier FROM messages WHERE conversation = $1 AND direction = 0 AND kind = 0 ORDER BY id DESC LIMIT 1`, int64(conversation))
	return carrier, err
}

// QueuedTo returns the segments to a customer that no carrier has claimed, from
// one of our numbers or, if it is "", from all.
func (tx *Tx) QueuedTo(number string, peer gateway.Address) ([]gateway.ID, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	return tx.ids(`SELECT id FROM segments WHERE tick IN (1, 2) AND tick = 1 AND conversation IN
		(SELECT id FROM conversations WHERE peer = $1 AND peer_kind = $2 AND status <> 4 AND ($3 = '' OR number = $3)
		UNION ALL SELECT id FROM conversations WHERE peer = $1 AND peer_kind = $2 AND status = 4 AND ($3 = '' OR number = $3))`,
		peer.Value, int64(peer.Kind), number)
}

// SnoozedUntil returns the conversations whose snooze has ended.
func (db *DB) SnoozedUntil(ctx context.Context, now time.Time) ([]gateway.ID, error) {
	return collect(ctx, db, scanID,
		`SELECT id FROM conversations WHERE snoozed_until <> 0 AND snoozed_until <= $1 LIMIT 1000`, micros(now))
}

// OwnedBy lists the conversations that people own.
func (db *DB) OwnedBy(ctx context.Context, people []gateway.ID, limit int) ([]gateway.ID, error) {
	if len(people) == 0 {
		return nil, nil
	}
	q := query{}
	q.add("owner IN (" + q.list(people) + ") AND owner <> 0")
	return collect(ctx, db, scanID,
		`SELECT id FROM conversations`+q.where()+` LIMIT `+q.arg(limit), q.args...)
}
