package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// Doubt is a segment of which nobody knows whether the carrier has it.
type Doubt struct {
	Segment gateway.ID
	Attempt int
	Peer    string
	At      time.Time // when its message was written
}

// Doubtful lists those of a carrier that were written since then, newest first.
func (tx *Tx) Doubtful(carrier string, since time.Time, limit int) (all []Doubt, err error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	err = tx.each(func(r rows) error {
		var d Doubt
		err := r.Scan(&d.Segment, &d.Attempt, &d.Peer, (*microTime)(&d.At))
		all = append(all, d)
		return err
	}, `SELECT s.id, s.attempt, m.peer, m.created_at FROM segments s JOIN messages m ON m.id = (s.id & -16)
		WHERE s.error = 'uncertain' AND s.carrier = $1 AND s.id >= $2 ORDER BY s.id DESC LIMIT $3`, carrier, int64(idAt(since)), limit)
	return all, err
}

// Sending tells whether a carrier has been given something for a customer and has
// not answered: what it says of that customer may be about it.
func (tx *Tx) Sending(peer string) (yes bool, err error) {
	if err := tx.flush(); err != nil {
		return false, err
	}
	err = tx.each(func(r rows) error { yes = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM segments WHERE tick IN (1, 2) AND tick = 2 AND conversation IN
		(SELECT id FROM conversations WHERE peer = $1 AND status <> 4 UNION ALL SELECT id FROM conversations WHERE peer = $1 AND status = 4) LIMIT 1`, peer)
	return yes, err
}

// DoubtedBefore tells whether an attempt at a text for this customer, written since
// then, is in doubt for ever, whatever became of later ones: the carrier may have
// it, and neither named nor refused it. Those of the given segment do not count.
func (tx *Tx) DoubtedBefore(carrier, peer string, since time.Time, but gateway.ID) (yes bool, err error) {
	if err := tx.flush(); err != nil {
		return false, err
	}
	err = tx.each(func(r rows) error { yes = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM attempts a JOIN messages m ON m.id = (a.segment & -16)
		WHERE a.outcome = 'uncertain' AND a.carrier = $1 AND a.segment >= $2 AND a.segment <> $3 AND m.peer = $4
		AND NOT EXISTS (SELECT 1 FROM refs r WHERE r.segment = a.segment AND r.attempt = a.attempt)
		AND NOT EXISTS (SELECT 1 FROM attempts x WHERE x.segment = a.segment AND x.attempt = a.attempt AND x.id > a.id AND x.outcome = 'rejected')
		LIMIT 1`, carrier, int64(idAt(since)), int64(but), peer)
	return yes, err
}

// idAt is a lower bound of the IDs that are made from then on.
func idAt(t time.Time) gateway.ID {
	return gateway.ID(max(0, t.UnixMilli()-idEpoch) << idTimeShift)
}

// Silence says which segments a carrier has accepted and said nothing final of.
type Silence struct {
	Carrier string
	After   gateway.ID // messages with a greater ID
	Before  time.Time  // written before then
	Window  int        // as many messages are looked at in one go, at most: a read has a deadline
	Now     time.Time
	Expired time.Time // whose validity had ended then
	// Heard leaves out those of which the carrier has said anything: at some,
	// nothing more follows.
	Heard bool
}

const unheard = ` AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.segment = s.id AND r.segment <> 0 AND r.tick <> 0)`

func (s *Silence) unheard() string {
	if s.Heard {
		return unheard
	}
	return ""
}

// Silent returns such segments of messages that were written before a time, and
// how far it has looked: what is up to there need not be looked at again. With
// more there is more to look at, at once. Those of SilentAgain are left out.
func (db *DB) Silent(ctx context.Context, s Silence, limit int) (ids []gateway.ID, upTo gateway.ID, more bool, err error) {
	before := idAt(s.Before)
	type window struct {
		last gateway.ID
		n    int
	}
	w, _, err := first(collect(ctx, db, func(r rows) (w window, err error) { return w, r.Scan(&w.n, &w.last) },
		`SELECT COUNT(*), COALESCE(MAX(id), 0) FROM (SELECT id FROM messages WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3) AS next`,
		int64(s.After), int64(before), s.Window))
	if err != nil || w.n == 0 {
		return nil, max(s.After, before-1), false, err
	}
	ids, err = collect(ctx, db, scanID, `SELECT s.id FROM messages m JOIN segments s ON s.id BETWEEN m.id AND m.id + 15
		WHERE m.id > $1 AND m.id <= $2 AND s.id > $1 AND s.id <= $3 AND m.tick = 3 AND s.tick = 3 AND s.not_until = 0 AND s.carrier = $4`+s.unheard()+`
		ORDER BY s.id LIMIT $5`, int64(s.After), int64(w.last), int64(w.last.Segment(gateway.MaxSegments)), s.Carrier, limit)
	switch {
	case err != nil:
		return nil, s.After, false, err
	case len(ids) == limit:
		return ids, ids[limit-1].Message() - 1, true, nil
	case w.n == s.Window:
		return ids, w.last, true, nil
	}
	return ids, max(s.After, before-1), false, nil
}

// SilentAgain returns such segments that are due by a time of their own, which is
// not that of their ID: a sent one's NotUntil.
func (db *DB) SilentAgain(ctx context.Context, s Silence, limit int) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT s.id FROM segments s JOIN messages m ON m.id = (s.id & -16)
		WHERE s.tick = 3 AND s.not_until <> 0 AND s.not_until <= $1 AND s.carrier = $2 AND m.tick = 3 AND m.expires_at <= $3`+s.unheard()+`
		ORDER BY s.not_until LIMIT $4`, micros(s.Now), s.Carrier, micros(s.Expired), limit)
}

func scanID(r rows) (id gateway.ID, err error) { return id, r.Scan(&id) }

// CarrierState returns what is remembered of a carrier under a name, or "".
func (tx *Tx) CarrierState(carrier, name string) (value string, err error) {
	err = tx.each(func(r rows) error { return r.Scan(&value) }, `SELECT value FROM carrier_state WHERE carrier = $1 AND name = $2`, carrier, name)
	return value, err
}

// SetCarrierState remembers something of a carrier.
func (tx *Tx) SetCarrierState(carrier, name, value string) error {
	_, err := tx.exec(`INSERT INTO carrier_state (carrier, name, value) VALUES ($1, $2, $3)
		ON CONFLICT (carrier, name) DO UPDATE SET value = excluded.value`, carrier, name, value)
	return err
}

// SentOn is how many segments a token has had sent on a day, what this batch adds
// included.
func (tx *Tx) SentOn(token gateway.ID, day time.Time) (int, error) {
	s, err := tx.sentOnDay(token, day)
	if err != nil {
		return 0, err
	}
	return s.n, nil
}

type tokenDay struct {
	token gateway.ID
	day   int64 // since 1970
}

// sentOn is that number as the transaction has it.
type sentOn struct {
	n     int
	fresh bool // there is no row
	dirty bool
}

func (tx *Tx) sentOnDay(token gateway.ID, day time.Time) (*sentOn, error) {
	k := tokenDay{token, day.Unix() / 86400}
	s := tx.sentOn[k]
	if s != nil {
		return s, nil
	}
	s = &sentOn{fresh: true}
	if err := tx.each(func(r rows) error { s.fresh = false; return r.Scan(&s.n) },
		`SELECT n FROM sent_on WHERE token = $1 AND day = $2`, int64(k.token), k.day); err != nil {
		return nil, err
	}
	if tx.sentOn == nil {
		tx.sentOn = map[tokenDay]*sentOn{}
	}
	tx.sentOn[k] = s
	return s, nil
}

// AddSentOn adds to that number. It is written once a batch.
func (tx *Tx) AddSentOn(token gateway.ID, day time.Time, more int) error {
	s, err := tx.sentOnDay(token, day)
	if err != nil {
		return err
	}
	tx.write()
	s.n, s.dirty = s.n+more, true
	return nil
}

// flushSentOn writes those numbers, and forgets the days before.
func (tx *Tx) flushSentOn() error {
	for k, s := range tx.sentOn {
		if !s.dirty {
			continue
		}
		if _, err := tx.exec(`INSERT INTO sent_on (token, day, n) VALUES ($1, $2, $3) ON CONFLICT (token, day) DO UPDATE SET n = excluded.n`,
			int64(k.token), k.day, s.n); err != nil {
			return err
		}
		if s.fresh {
			if _, err := tx.exec(`DELETE FROM sent_on WHERE token = $1 AND day < $2`, int64(k.token), k.day); err != nil {
				return err
			}
		}
	}
	return nil
}

// StaleSet is a set of parts that is not complete, and what its parts share.
type StaleSet struct {
	Set   gateway.ID
	In    gateway.Inbound // From, To, Fragment without its Number
	Shown gateway.ID
}

// StaleSets returns the sets of a carrier whose newest part is older than before
// and that are, or are not, shown already.
func (tx *Tx) StaleSets(carrier string, before time.Time, shown bool, limit int) (all []StaleSet, err error) {
	is := "="
	if shown {
		is = "<>"
	}
	err = tx.each(func(r rows) error {
		s := StaleSet{In: gateway.Inbound{Fragment: &gateway.Fragment{}}}
		err := r.Scan(&s.Set, &s.In.To, &s.In.From.Value, &s.In.From.Kind, &s.In.Fragment.Reference, &s.In.Fragment.Wide, &s.In.Fragment.Total, &s.Shown)
		all = append(all, s)
		return err
	}, `SELECT part_set, number, peer, peer_kind, reference, wide, total, MAX(shown) FROM fragments WHERE carrier = $1
		GROUP BY part_set, number, peer, peer_kind, reference, wide, total HAVING MAX(at) < $2 AND MAX(shown) `+is+` 0 ORDER BY part_set LIMIT $3`,
		carrier, micros(before), limit)
	return all, err
}

// ShowSet says in which message the parts of a set are shown.
func (tx *Tx) ShowSet(set, message gateway.ID) error {
	_, err := tx.exec(`UPDATE fragments SET shown = $2 WHERE part_set = $1`, int64(set), int64(message))
	return err
}

// Received returns the texts of so many parts that a conversation's customer sent
// between two times.
func (tx *Tx) Received(conversation gateway.ID, parts int, since, until time.Time) (all []gateway.Message, err error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	err = tx.each(func(r rows) error {
		m, err := scanMessage(r)
		all = append(all, m)
		return err
	}, `SELECT `+messageColumns+` FROM messages WHERE conversation = $1 AND id >= $2 AND direction = 0 AND kind = 0 AND segments = $3 AND created_at <= $4`,
		int64(conversation), int64(idAt(since)), parts, micros(until))
	return all, err
}

// Rewrite saves what a message says and how it travels, after its text was
// completed or it was given to another carrier.
func (tx *Tx) Rewrite(m *gateway.Message) error {
	if err := tx.flush(); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE messages SET text = $2, encoding = $3, segments = $4, carrier = $5, expires_at = $6, extras = $7 WHERE id = $1`,
		int64(m.ID), m.Text, int64(m.Encoding), int64(m.Segments), m.Carrier, micros(m.ExpiresAt), writeExtras(&m.Extras))
	return err
}

// ReplaceSegments puts other segments in the place of a message's.
func (tx *Tx) ReplaceSegments(m *gateway.Message, segments []gateway.Segment) error {
	if err := tx.flush(); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM segments WHERE id BETWEEN $1 AND $2`, int64(m.ID), int64(m.ID.Segment(gateway.MaxSegments))); err != nil {
		return err
	}
	tx.InsertSegments(m, segments)
	return nil
}

// QueuedMessages returns messages of which segments wait for a carrier, from one of
// our numbers or, if it is "", from all, oldest first.
func (db *DB) QueuedMessages(ctx context.Context, q QueuedRoute, limit int) ([]gateway.ID, error) {
	return collect(ctx, db, scanID, `SELECT DISTINCT (id & -16) AS message FROM segments WHERE tick IN (1, 2) AND tick = 1 AND carrier = $1 AND ($2 = '' OR number = $2)
		ORDER BY message LIMIT $3`, q.Carrier, q.Number, limit)
}
