package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"smsbridge/gateway"
)

// AddQueue makes a queue with these numbers.
func (tx *Tx) AddQueue(name string, numbers []string) (gateway.ID, error) {
	if err := tx.freeQueueName(name, 0); err != nil {
		return 0, err
	}
	id := tx.NewID()
	if _, err := tx.changeDirectory(`INSERT INTO queues (id, name, created_at) VALUES ($1, $2, $3)`, int64(id), name, micros(tx.now)); err != nil {
		return 0, err
	}
	for _, n := range numbers {
		if err := tx.SetNumber(Number{Number: n, Queue: id}); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func (tx *Tx) freeQueueName(name string, but gateway.ID) error {
	taken, err := tx.ids(`SELECT id FROM queues WHERE LOWER(name) = LOWER($1) AND id <> $2`, name, int64(but))
	if err == nil && len(taken) > 0 {
		err = fmt.Errorf("queue %s %w", name, ErrExists)
	}
	return err
}

// SaveQueue saves a queue's name and settings; false if there is no such queue.
func (tx *Tx) SaveQueue(q Queue) (bool, error) {
	if err := tx.freeQueueName(q.Name, q.ID); err != nil {
		return false, err
	}
	settings, err := json.Marshal(q.Settings)
	if err != nil {
		return false, err
	}
	n, err := tx.changeDirectory(`UPDATE queues SET name = $2, settings = $3 WHERE id = $1 AND deleted_at = 0`, int64(q.ID), q.Name, string(settings))
	return n > 0, err
}

// SetNumber says whose a number is.
func (tx *Tx) SetNumber(n Number) error {
	_, err := tx.changeDirectory(`INSERT INTO queue_numbers (number, queue, person, carrier_stops) VALUES ($1, $2, $3, $4)
		ON CONFLICT (number) DO UPDATE SET queue = excluded.queue, person = excluded.person, carrier_stops = excluded.carrier_stops`,
		n.Number, int64(n.Queue), int64(n.Person), asInt(n.CarrierStops))
	return err
}

// SetMember puts a person into a queue, behind its other members, or says
// whether they manage it.
func (tx *Tx) SetMember(queue, person gateway.ID, manages bool) error {
	_, err := tx.changeDirectory(`INSERT INTO queue_members (queue, person, manages, position)
		SELECT $1, $2, $3, COALESCE(MAX(position), 0) + 1 FROM queue_members WHERE queue = $1
		ON CONFLICT (queue, person) DO UPDATE SET manages = excluded.manages`, int64(queue), int64(person), asInt(manages))
	return err
}

// PlaceMember moves a member to a position.
func (tx *Tx) PlaceMember(queue, person gateway.ID, position int) error {
	_, err := tx.changeDirectory(`UPDATE queue_members SET position = $3 WHERE queue = $1 AND person = $2`, int64(queue), int64(person), position)
	return err
}

// RemoveMember takes a person out of a queue; what they own they keep.
func (tx *Tx) RemoveMember(queue, person gateway.ID) error {
	_, err := tx.changeDirectory(`DELETE FROM queue_members WHERE queue = $1 AND person = $2`, int64(queue), int64(person))
	return err
}

// HideQueue is the first step of deleting a queue: nobody finds it any more, and
// its numbers and templates are General's. The conversations in it are moved thereafter.
func (tx *Tx) HideQueue(id gateway.ID) (bool, error) {
	n, err := tx.changeDirectory(`UPDATE queues SET deleted_at = $2, name = name || ' ' || $3 WHERE id = $1 AND deleted_at = 0`, int64(id), micros(tx.now), id.String())
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := tx.changeDirectory(`UPDATE queue_numbers SET queue = $2 WHERE queue = $1`, int64(id), int64(GeneralQueue)); err != nil {
		return false, err
	}
	if _, err := tx.exec(`UPDATE templates SET queue = $2 WHERE queue = $1`, int64(id), int64(GeneralQueue)); err != nil {
		return false, err
	}
	_, err = tx.changeDirectory(`DELETE FROM queue_members WHERE queue = $1`, int64(id))
	return err == nil, err
}

// DropQueue is the last step. It is not taken while a conversation is in the
// queue: one that came at the last moment must be moved first.
func (tx *Tx) DropQueue(id gateway.ID) error {
	if err := tx.flush(); err != nil {
		return err
	}
	if left, err := tx.ids(`SELECT id FROM conversations WHERE queue = $1 AND status <> 4 LIMIT 1`, int64(id)); err != nil || len(left) > 0 {
		return err
	}
	if _, err := tx.exec(`DELETE FROM queue_turns WHERE queue = $1`, int64(id)); err != nil {
		return err
	}
	_, err := tx.changeDirectory(`DELETE FROM queues WHERE id = $1 AND deleted_at <> 0`, int64(id))
	return err
}

// HiddenQueues lists queues that are being deleted.
func (db *DB) HiddenQueues(ctx context.Context) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT id FROM queues WHERE deleted_at <> 0`)
}

// InQueue lists conversations of a queue that are not deleted.
func (db *DB) InQueue(ctx context.Context, queue gateway.ID, limit int) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT id FROM conversations WHERE queue = $1 AND status <> 4 LIMIT $2`, int64(queue), limit)
}

// LastOffered is who of a queue was offered something last, or 0.
func (tx *Tx) LastOffered(queue gateway.ID) (person gateway.ID, err error) {
	err = tx.each(func(r rows) error { return r.Scan(&person) }, `SELECT person FROM queue_turns WHERE queue = $1`, int64(queue))
	return person, err
}

// SetLastOffered remembers who was.
func (tx *Tx) SetLastOffered(queue, person gateway.ID) error {
	_, err := tx.exec(`INSERT INTO queue_turns (queue, person) VALUES ($1, $2) ON CONFLICT (queue) DO UPDATE SET person = excluded.person`, int64(queue), int64(person))
	return err
}

// Holding counts the conversations that people own and have not put away.
func (tx *Tx) Holding(people []gateway.ID) (map[gateway.ID]int, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	all := map[gateway.ID]int{}
	err := in(tx, `SELECT owner, COUNT(*) FROM conversations WHERE owner <> 0 AND archived = 0 AND snoozed_until = 0 AND owner`, people, ` GROUP BY owner`, func(r rows) error {
		var p gateway.ID
		var n int
		err := r.Scan(&p, &n)
		all[p] = n
		return err
	})
	return all, err
}

const heldAtOnce = 50 // people in one query, which is one text for any number of them

// Held counts the conversations that people own and have not put away.
func (db *DB) Held(ctx context.Context, people []gateway.ID) (map[gateway.ID]int, error) {
	all := map[gateway.ID]int{}
	for chunk := range slices.Chunk(people, heldAtOnce) {
		q := &query{}
		q.add("owner <> 0 AND archived = 0 AND snoozed_until = 0 AND owner IN (" + q.list(append(slices.Clone(chunk), make([]gateway.ID, heldAtOnce-len(chunk))...)) + ")")
		if _, err := collect(ctx, db, func(r rows) (none struct{}, err error) {
			var p gateway.ID
			var n int
			err = r.Scan(&p, &n)
			all[p] = n
			return none, err
		}, `SELECT owner, COUNT(*) FROM conversations`+q.where()+` GROUP BY owner`, q.args...); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Restricted is a conversation that waits and is offered to some alone.
type Restricted struct {
	Conversation gateway.ID
	Queue        gateway.ID
	Offered      gateway.Audience
	Till         int64 // microseconds since 1970, or 0
}

// OfferedToSome lists conversations that wait and are offered to some of their
// queue alone, after the given one.
func (db *DB) OfferedToSome(ctx context.Context, after gateway.ID, limit int) ([]Restricted, error) {
	return collect(ctx, db, func(r rows) (o Restricted, err error) {
		return o, r.Scan(&o.Conversation, &o.Queue, &o.Offered, &o.Till)
	},
		`SELECT id, queue, offered, offered_till FROM conversations WHERE status = 1 AND offered <> '' AND id > $1 ORDER BY id LIMIT $2`, int64(after), limit)
}

// Unanswered lists what a person owns in a queue and whose customer has waited
// for an answer since before the given time.
func (db *DB) Unanswered(ctx context.Context, person, queue gateway.ID, before int64, limit int) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT id FROM conversations WHERE owner = $1 AND owner <> 0 AND queue = $2 AND unanswered = 1 AND answer_since <= $3 LIMIT $4`,
		int64(person), int64(queue), before, limit)
}

// Untouched lists what people own in a queue and to which nothing has happened since
// before the given time.
func (db *DB) Untouched(ctx context.Context, queue gateway.ID, before int64, limit int) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT id FROM conversations WHERE owner <> 0 AND queue = $1 AND status = 2 AND snoozed_until = 0 AND updated_at <= $2 LIMIT $3`,
		int64(queue), before, limit)
}
