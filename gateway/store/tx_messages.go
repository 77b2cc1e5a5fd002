package store

import (
	"time"

	"smsbridge/gateway"
)

const messageColumns = `id, conversation, number, peer, peer_kind, kind, direction, text, encoding, segments, tick, error, error_text,
	carrier, lane, author, author_name, reference, created_at, sent_at, delivered_at, expires_at, extras`

func scanMessage(r rows) (m gateway.Message, err error) {
	err = scanMessageTo(r, &m)
	return m, err
}

func scanMessageTo(r rows, m *gateway.Message) error {
	return r.Scan(&m.ID, &m.Conversation, &m.Number, &m.Peer.Value, &m.Peer.Kind, &m.Kind, &m.Direction, &m.Text, &m.Encoding, &m.Segments,
		&m.Tick, &m.Error, &m.ErrorText, &m.Carrier, &m.Lane, &m.Author, &m.AuthorName, &m.Reference,
		(*microTime)(&m.CreatedAt), (*microTime)(&m.SentAt), (*microTime)(&m.DeliveredAt), (*microTime)(&m.ExpiresAt), (*extrasColumn)(&m.Extras))
}

// InsertMessage adds a message. The transaction keeps m and writes it as it is
// at the end of the batch.
func (tx *Tx) InsertMessage(m *gateway.Message) {
	tx.write()
	tx.messages = append(tx.messages, m)
}

func (tx *Tx) flushMessages() error {
	ms := tx.messages
	tx.messages = nil
	return tx.bulk(`INSERT INTO messages (`+messageColumns+`) VALUES`, 23, nil, ``, len(ms), func(i int, a []any) {
		m := ms[i]
		a[0], a[1], a[2], a[3], a[4] = (*int64)(&m.ID), (*int64)(&m.Conversation), &m.Number, &m.Peer.Value, int64(m.Peer.Kind)
		a[5], a[6], a[7], a[8], a[9] = int64(m.Kind), int64(m.Direction), &m.Text, int64(m.Encoding), int64(m.Segments)
		a[10], a[11], a[12], a[13], a[14] = int64(m.Tick), (*string)(&m.Error), &m.ErrorText, &m.Carrier, int64(m.Lane)
		a[15], a[16], a[17] = (*int64)(&m.Author), &m.AuthorName, &m.Reference
		a[18], a[19], a[20], a[21] = micros(m.CreatedAt), micros(m.SentAt), micros(m.DeliveredAt), micros(m.ExpiresAt)
		a[22] = writeExtras(&m.Extras)
	})
}

// Messages reads messages by their IDs, those of this batch included.
func (tx *Tx) Messages(ids []gateway.ID) (map[gateway.ID]*gateway.Message, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	all := make(map[gateway.ID]*gateway.Message, len(ids))
	err := in(tx, `SELECT `+messageColumns+` FROM messages WHERE id`, ids, ``, func(r rows) error {
		m := new(gateway.Message)
		err := scanMessageTo(r, m)
		all[m.ID] = m
		return err
	})
	return all, err
}

// UpdateTicks saves the tick, error and times of messages.
func (tx *Tx) UpdateTicks(ms []*gateway.Message) error {
	if err := tx.flush(); err != nil {
		return err
	}
	return tx.bulk(`UPDATE messages SET tick = v.column2, error = v.column3, error_text = v.column4, sent_at = v.column5, delivered_at = v.column6
		FROM (VALUES`, 6, []string{"BIGINT", "SMALLINT", "TEXT", "TEXT", "BIGINT", "BIGINT"}, `) AS v WHERE messages.id = v.column1`,
		len(ms), func(i int, a []any) {
			m := ms[i]
			a[0], a[1], a[2], a[3] = (*int64)(&m.ID), int64(m.Tick), (*string)(&m.Error), &m.ErrorText
			a[4], a[5] = micros(m.SentAt), micros(m.DeliveredAt)
		})
}

// InsertSegments adds the segments of a message.
func (tx *Tx) InsertSegments(m *gateway.Message, segments []gateway.Segment) {
	tx.write()
	for i := range segments {
		tx.segments = append(tx.segments, &segments[i])
		tx.owners = append(tx.owners, m.Conversation)
		tx.numbers = append(tx.numbers, m.Number)
	}
}

const segmentColumns = `id, carrier, lane, tick, attempt, turn, not_until, term, udh, payload, error`

func (tx *Tx) flushSegments() error {
	segs, owners, numbers := tx.segments, tx.owners, tx.numbers
	tx.segments, tx.owners, tx.numbers = nil, nil, nil
	return tx.bulk(`INSERT INTO segments (`+segmentColumns+`, conversation, number) VALUES`, 13, nil, ``, len(segs), func(i int, a []any) {
		s := segs[i]
		a[0], a[1], a[2], a[3], a[4] = (*int64)(&s.ID), &s.Carrier, int64(s.Lane), int64(s.Tick), int64(s.Attempt)
		a[5], a[6], a[7], a[8] = asInt(s.Turn), micros(s.NotUntil), &s.Term, asInt(s.UDH)
		a[9], a[10], a[11], a[12] = &s.Payload, (*string)(&s.Error), (*int64)(&owners[i]), &numbers[i]
	})
}

func scanSegment(r rows) (s gateway.Segment, err error) {
	err = r.Scan(&s.ID, &s.Carrier, &s.Lane, &s.Tick, &s.Attempt, &s.Turn, (*microTime)(&s.NotUntil), &s.Term, &s.UDH, &s.Payload, &s.Error)
	return s, err
}

// Segments reads segments by their IDs, those of this batch included.
func (tx *Tx) Segments(ids []gateway.ID) (map[gateway.ID]*gateway.Segment, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	all := make(map[gateway.ID]*gateway.Segment, len(ids))
	err := in(tx, `SELECT `+segmentColumns+` FROM segments WHERE id`, ids, ``, func(r rows) error {
		s, err := scanSegment(r)
		all[s.ID] = &s
		return err
	})
	return all, err
}

// UpdateSegments saves the tick, attempt, turn, back-off and error of segments.
func (tx *Tx) UpdateSegments(segs []*gateway.Segment) error {
	if err := tx.flush(); err != nil {
		return err
	}
	return tx.bulk(`UPDATE segments SET tick = v.column2, attempt = v.column3, turn = v.column4, not_until = v.column5, error = v.column6, carrier = v.column7
		FROM (VALUES`, 7, []string{"BIGINT", "SMALLINT", "SMALLINT", "SMALLINT", "BIGINT", "TEXT", "TEXT"}, `) AS v WHERE segments.id = v.column1`,
		len(segs), func(i int, a []any) {
			s := segs[i]
			a[0], a[1], a[2], a[3] = (*int64)(&s.ID), int64(s.Tick), int64(s.Attempt), asInt(s.Turn)
			a[4], a[5], a[6] = micros(s.NotUntil), (*string)(&s.Error), &s.Carrier
		})
}

// HasOpen says whether a message of the conversation is queued or out, so that
// a further one must wait for its turn.
func (tx *Tx) HasOpen(conversation gateway.ID) (open bool, err error) {
	for _, o := range tx.owners {
		if o == conversation {
			return true, nil
		}
	}
	err = tx.each(func(r rows) error { open = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM segments WHERE tick IN (1, 2) AND conversation = $1 LIMIT 1`, int64(conversation))
	return open, err
}

// PassTurn gives the turn to the oldest message that waits behind one that has
// ended, in each of these conversations, unless another is still queued or out.
// It returns the carriers that have something to claim by it.
func (tx *Tx) PassTurn(conversations []gateway.ID) ([]string, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	type open struct {
		first gateway.ID // the oldest without a turn
		busy  bool
	}
	state := map[gateway.ID]*open{}
	if err := in(tx, `SELECT conversation, id, turn FROM segments WHERE tick IN (1, 2) AND conversation`, conversations, ``, func(r rows) error {
		var c, id gateway.ID
		var turn bool
		if err := r.Scan(&c, &id, &turn); err != nil {
			return err
		}
		o := state[c]
		if o == nil {
			o = &open{}
			state[c] = o
		}
		if turn {
			o.busy = true
		} else if o.first == 0 || id.Message() < o.first {
			o.first = id.Message()
		}
		return nil
	}); err != nil {
		return nil, err
	}
	var carriers []string
	for _, o := range state {
		if o.busy || o.first == 0 {
			continue
		}
		c, err := tx.GiveTurn(o.first)
		if err != nil {
			return nil, err
		}
		carriers = append(carriers, c)
	}
	return carriers, nil
}

// GiveTurn lets a pump claim the segments of a message, and names its carrier.
func (tx *Tx) GiveTurn(message gateway.ID) (carrier string, err error) {
	tx.write()
	err = tx.each(func(r rows) error { return r.Scan(&carrier) },
		`UPDATE segments SET turn = 1 WHERE id BETWEEN $1 AND $2 AND tick = 1 RETURNING carrier`,
		int64(message), int64(message.Segment(gateway.MaxSegments)))
	return carrier, err
}

// HeldBack returns the messages that wait for a turn behind one that has been
// in back-off since before the given time.
func (tx *Tx) HeldBack(since time.Time) (ids []gateway.ID, err error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	err = tx.each(func(r rows) error {
		var id gateway.ID
		err := r.Scan(&id)
		ids = append(ids, id.Message())
		return err
	}, `SELECT MIN(b.id) FROM segments b JOIN segments a ON a.conversation = b.conversation AND a.tick IN (1, 2) AND a.tick = 1 AND a.turn = 1
		JOIN messages m ON m.id = (a.id & -16)
		WHERE b.tick IN (1, 2) AND b.tick = 1 AND b.turn = 0 AND a.not_until <> 0 AND m.created_at < $1 GROUP BY b.conversation`, micros(since))
	return ids, err
}

// Claim takes up to n segments for a carrier, people's before programs', oldest
// first: they are sending, under the lease's term, once this transaction is
// committed. Those past their validity are not taken but returned as expired.
func (tx *Tx) Claim(carrier string, term int64, n int) (claimed []gateway.Submission, expired []gateway.ID, err error) {
	return tx.claim(term, `s.carrier = $1 AND s.tick = 1 AND s.turn = 1 AND s.not_until <= $2 ORDER BY s.lane, s.id LIMIT $3`,
		carrier, micros(tx.now), n)
}

// ClaimRest is Claim for the segments of one message.
func (tx *Tx) ClaimRest(carrier string, term int64, message gateway.ID, n int) (claimed []gateway.Submission, expired []gateway.ID, err error) {
	return tx.claim(term, `s.carrier = $1 AND s.tick = 1 AND s.turn = 1 AND s.not_until <= $2 AND s.id BETWEEN $3 AND $4 ORDER BY s.id LIMIT $5`,
		carrier, micros(tx.now), int64(message), int64(message.Segment(gateway.MaxSegments)), n)
}

func (tx *Tx) claim(term int64, which string, args ...any) (claimed []gateway.Submission, expired []gateway.ID, err error) {
	if err := tx.flush(); err != nil {
		return nil, nil, err
	}
	var extras gateway.Extras
	err = tx.each(func(r rows) error {
		var c gateway.Submission
		err := r.Scan(&c.Segment, &c.Attempt, &c.UDH, &c.Payload, &c.From.Value, &c.To.Value, &c.To.Kind, &c.Encoding, (*microTime)(&c.Expires), (*extrasColumn)(&extras), &c.Parts)
		c.Attempt++
		c.Flash, c.TLVs = extras.Flash, extras.TLVs
		if !c.Expires.IsZero() && !c.Expires.After(tx.now) {
			expired = append(expired, c.Segment)
		} else {
			claimed = append(claimed, c)
		}
		return err
	}, `SELECT s.id, s.attempt, s.udh, s.payload, m.number, m.peer, m.peer_kind, m.encoding, m.expires_at, m.extras, m.segments
		FROM segments s JOIN messages m ON m.id = (s.id & -16) WHERE `+which, args...)
	if err != nil || len(claimed) == 0 {
		return nil, expired, err
	}
	ids := make([]gateway.ID, len(claimed))
	for i := range claimed {
		ids[i] = claimed[i].Segment
	}
	tx.write()
	err = in(tx, `UPDATE segments SET tick = 2, attempt = attempt + 1, term = $1 WHERE id`, ids, ``, noRows, term)
	return claimed, expired, err
}

func noRows(rows) error { return nil }

// Abandoned returns the segments that an earlier term left on their way to the
// carrier: nobody knows whether they went.
func (tx *Tx) Abandoned(carrier string, term int64) ([]gateway.ID, error) {
	return tx.ids(`SELECT id FROM segments WHERE tick IN (1, 2) AND tick = 2 AND carrier = $1 AND term < $2`, carrier, term)
}

// Expired returns segments that are still queued past their message's validity,
// whether or not a carrier is connected.
func (tx *Tx) Expired(carrier string, limit int) ([]gateway.ID, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	return tx.ids(`SELECT s.id FROM segments s JOIN messages m ON m.id = (s.id & -16) WHERE s.tick IN (1, 2) AND s.tick = 1 AND s.carrier = $1
		AND m.expires_at <> 0 AND m.expires_at <= $2 LIMIT $3`, carrier, micros(tx.now), limit)
}

// NextConcatRef returns a reference for a text of several parts that the pair
// has not used lately (3GPP TS 23.040 §9.2.3.24.1): 256 of them in a row differ
// in their low octet too, which is all that an 8-bit reference has.
func (tx *Tx) NextConcatRef(number string, peer gateway.Address) (ref uint16, err error) {
	tx.write()
	err = tx.one(func(r rows) error { var n int64; err := r.Scan(&n); ref = uint16(n); return err },
		`INSERT INTO concat_refs (number, peer, ref) VALUES ($1, $2, 1)
		ON CONFLICT (number, peer) DO UPDATE SET ref = (concat_refs.ref + 1) % 32768 RETURNING ref`, number, peer.Value)
	return ref, err
}
