package store

import (
	"time"

	"smsbridge/gateway"
)

// Reference is what a carrier called one attempt at a segment.
type Reference struct {
	Reference string
	Segment   gateway.ID
	Attempt   int
	At        time.Time
}

// InsertReferences records the references of a carrier. Each attempt's stays.
func (tx *Tx) InsertReferences(carrier string, refs []Reference) error {
	return tx.bulk(`INSERT INTO refs (carrier, reference, segment, attempt, at) VALUES`, 5, nil, ` ON CONFLICT DO NOTHING`, len(refs), func(i int, a []any) {
		r := &refs[i]
		a[0], a[1], a[2], a[3], a[4] = &carrier, &r.Reference, (*int64)(&r.Segment), int64(r.Attempt), micros(r.At)
	})
}

// References finds what a carrier has called by these names, newest first.
func (tx *Tx) References(carrier string, names []string) (map[string][]Reference, error) {
	found := make(map[string][]Reference, len(names))
	err := in(tx, `SELECT reference, segment, attempt, at FROM refs WHERE carrier = $1 AND reference`, names, ` ORDER BY at DESC, segment DESC`, func(r rows) error {
		var ref Reference
		var at int64
		err := r.Scan(&ref.Reference, &ref.Segment, &ref.Attempt, &at)
		ref.At = fromMicros(at)
		found[ref.Reference] = append(found[ref.Reference], ref)
		return err
	}, carrier)
	return found, err
}

// WaitingReceipt is a receipt that matched nothing yet.
type WaitingReceipt struct {
	ID gateway.ID
	gateway.Receipt
}

type receiptRow struct {
	id      gateway.ID
	carrier string
	segment gateway.ID
	waiting bool
	r       *gateway.Receipt
}

// InsertReceipt keeps a receipt with the segment that it was matched to. One
// without waits to be matched.
func (tx *Tx) InsertReceipt(carrier string, r *gateway.Receipt, segment gateway.ID) {
	tx.write()
	tx.receipts = append(tx.receipts, receiptRow{tx.NewID(), carrier, segment, segment == 0, r})
}

func (tx *Tx) flushReceipts() error {
	rs := tx.receipts
	tx.receipts = nil
	return tx.bulk(`INSERT INTO receipts (id, carrier, reference, segment, tick, intermediate, word, err, peer, done_at, at, waiting, raw, user_reference, meaning) VALUES`,
		15, nil, ``, len(rs), func(i int, a []any) {
			x, r := &rs[i], rs[i].r
			a[0], a[1], a[2], a[3], a[4] = (*int64)(&x.id), &x.carrier, &r.Reference, (*int64)(&x.segment), int64(r.Tick)
			a[5], a[6], a[7], a[8] = asInt(r.Intermediate), &r.Word, &r.Err, &r.Peer.Value
			a[9], a[10], a[11], a[12], a[13] = micros(r.DoneAt), micros(r.At), asInt(x.waiting), &r.Raw, int64(r.UserReference)
			a[14] = &r.Meaning
		})
}

// WaitingReceipts returns the receipts of a carrier that have matched nothing
// and are newer than after, oldest first.
func (tx *Tx) WaitingReceipts(carrier string, after gateway.ID, limit int) (all []WaitingReceipt, err error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	err = tx.each(func(r rows) error {
		var w WaitingReceipt
		var done, at int64
		err := r.Scan(&w.ID, &w.Reference, &w.Tick, &w.Intermediate, &w.Word, &w.Err, &w.Peer.Value, &done, &at, &w.Raw, &w.UserReference, &w.Meaning)
		w.DoneAt, w.At = fromMicros(done), fromMicros(at)
		all = append(all, w)
		return err
	}, `SELECT id, reference, tick, intermediate, word, err, peer, done_at, at, raw, user_reference, meaning FROM receipts
		WHERE waiting = 1 AND carrier = $1 AND id > $2 ORDER BY id LIMIT $3`, carrier, int64(after), limit)
	return all, err
}

// SettleReceipt ends a receipt's waiting: matched to a segment, or to none.
func (tx *Tx) SettleReceipt(id, segment gateway.ID) error {
	_, err := tx.exec(`UPDATE receipts SET waiting = 0, segment = $2 WHERE id = $1`, int64(id), int64(segment))
	return err
}

// Unacknowledged is something committed before its acknowledgement was written.
type Unacknowledged struct {
	ID          gateway.ID
	Fingerprint [16]byte
	Session     gateway.ID
}

// InsertUnacknowledged records them, to know them again if they come again.
func (tx *Tx) InsertUnacknowledged(carrier string, us []Unacknowledged) error {
	return tx.bulk(`INSERT INTO redeliveries (id, carrier, fingerprint, session, at) VALUES`, 5, nil, ``, len(us), func(i int, a []any) {
		u := &us[i]
		a[0], a[1], a[2], a[3], a[4] = int64(u.ID), carrier, u.Fingerprint[:], int64(u.Session), micros(tx.now)
	})
}

// Acknowledged forgets those whose acknowledgement was handed to the kernel.
func (tx *Tx) Acknowledged(ids []gateway.ID) error {
	if len(ids) == 0 {
		return nil
	}
	tx.write()
	return in(tx, `DELETE FROM redeliveries WHERE id`, ids, ``, noRows)
}

// Unacknowledged returns what was committed since then without its
// acknowledgement being known to be written, of these fingerprints, oldest
// first: it may be delivered again on a later session.
func (tx *Tx) Unacknowledged(carrier string, fingerprints [][]byte, since time.Time) (all []Unacknowledged, err error) {
	err = in(tx, `SELECT id, fingerprint, session FROM redeliveries WHERE carrier = $1 AND at >= $2 AND fingerprint`, fingerprints, ` ORDER BY id`, func(r rows) error {
		var u Unacknowledged
		var fingerprint []byte
		err := r.Scan(&u.ID, &fingerprint, &u.Session)
		copy(u.Fingerprint[:], fingerprint)
		all = append(all, u)
		return err
	}, carrier, micros(since))
	return all, err
}

// PruneUnacknowledged forgets what a carrier delivered and was committed before
// then, if there is any: it is not known again any more.
func (tx *Tx) PruneUnacknowledged(carrier string, before time.Time) error {
	old := false
	if err := tx.each(func(r rows) error { old = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM redeliveries WHERE carrier = $1 AND at < $2 LIMIT 1`, carrier, micros(before)); err != nil || !old {
		return err
	}
	_, err := tx.exec(`DELETE FROM redeliveries WHERE carrier = $1 AND at < $2`, carrier, micros(before))
	return err
}

// Part is one stored part of an inbound text.
type Part struct {
	Set     gateway.ID
	Number  uint8
	Coding  gateway.Coding
	Shift   gateway.Shift
	Port    uint16
	Payload []byte
	At      time.Time
	Shown   gateway.ID // the message in which its set is shown though it is not complete, or 0
}

// Parts returns the stored parts that share an inbound part's pair, reference
// and total, by set and number.
func (tx *Tx) Parts(carrier string, in *gateway.Inbound) (all []Part, err error) {
	f := in.Fragment
	err = tx.each(func(r rows) error {
		var p Part
		err := scanPart(r, &p)
		all = append(all, p)
		return err
	}, `SELECT `+partColumns+` FROM fragments WHERE peer = $1 AND number = $2 AND carrier = $3 AND reference = $4 AND total = $5
		AND wide = $6 AND peer_kind = $7 ORDER BY part_set, part`,
		in.From.Value, in.To, carrier, int64(f.Reference), int64(f.Total), asInt(f.Wide), int64(in.From.Kind))
	return all, err
}

const partColumns = `part_set, part, coding, locking, single, port, payload, at, shown`

func scanPart(r rows, p *Part) error {
	return r.Scan(&p.Set, &p.Number, &p.Coding, &p.Shift.Locking, &p.Shift.Single, &p.Port, &p.Payload, (*microTime)(&p.At), &p.Shown)
}

// InsertPart stores a part in a set, which is shown in a message already, or
// not (0).
func (tx *Tx) InsertPart(carrier string, in *gateway.Inbound, set, shown gateway.ID) error {
	f := in.Fragment
	_, err := tx.exec(`INSERT INTO fragments (id, part_set, carrier, number, peer, peer_kind, reference, wide, total, part, coding, locking, single, port,
		payload, at, shown) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		int64(tx.NewID()), int64(set), carrier, in.To, in.From.Value, int64(in.From.Kind), int64(f.Reference), asInt(f.Wide),
		int64(f.Total), int64(f.Number), int64(in.Coding), int64(in.Shift.Locking), int64(in.Shift.Single), int64(in.Port),
		notNull(in.Payload), micros(tx.now), int64(shown))
	return err
}

// DeleteParts removes a set that has been joined.
func (tx *Tx) DeleteParts(carrier string, in *gateway.Inbound, set gateway.ID) error {
	_, err := tx.exec(`DELETE FROM fragments WHERE peer = $1 AND number = $2 AND carrier = $3 AND reference = $4 AND total = $5 AND part_set = $6`,
		in.From.Value, in.To, carrier, int64(in.Fragment.Reference), int64(in.Fragment.Total), int64(set))
	return err
}

// notNull makes of no octets an empty value: the columns are NOT NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Quarantine keeps what could not be decoded, and why.
func (tx *Tx) Quarantine(carrier string, raw []byte, reason string) error {
	_, err := tx.exec(`INSERT INTO quarantine (id, carrier, raw, at, reason) VALUES ($1, $2, $3, $4, $5)`,
		int64(tx.NewID()), carrier, notNull(raw), micros(tx.now), reason)
	return err
}

// Lease makes this node the one that runs a carrier, and returns the term under
// which it claims: greater than every earlier one. On SQLite the file lock is
// the lease, the start of the daemon its term, and nothing is written.
func (tx *Tx) Lease(carrier string) (term int64, err error) {
	if tx.c.db.dialect.name == "sqlite" {
		return int64(tx.NewID()), nil
	}
	tx.write()
	err = tx.one(func(r rows) error { return r.Scan(&term) },
		`INSERT INTO leases (carrier, node, term, expires_at) VALUES ($1, $2, $3, 0)
		ON CONFLICT (carrier) DO UPDATE SET node = excluded.node, term = CASE WHEN excluded.term > leases.term THEN excluded.term ELSE leases.term + 1 END
		RETURNING term`, carrier, tx.c.db.opt.Node, int64(tx.NewID()))
	return term, err
}

// Paused says whether a person has paused the carrier.
func (tx *Tx) Paused(carrier string) (paused bool, err error) {
	err = tx.each(func(r rows) error { return r.Scan(&paused) }, `SELECT paused FROM carriers WHERE name = $1`, carrier)
	return paused, err
}

// SetPaused pauses or resumes a carrier, across restarts.
func (tx *Tx) SetPaused(carrier string, paused bool) error {
	_, err := tx.exec(`INSERT INTO carriers (name, paused) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET paused = excluded.paused`, carrier, asInt(paused))
	return err
}
