package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// Attempt is one thing that became of a segment, or that somebody had done about
// it, beside a simple acceptance.
type Attempt struct {
	Segment gateway.ID
	Attempt int
	Carrier string
	Outcome string // of the submission, or "resend", "cancel", "moved"
	Code    string // the carrier's status
	Note    string // in words, or who did it
	At      time.Time
}

// InsertAttempts adds to the trace of segments.
func (tx *Tx) InsertAttempts(as []Attempt) error {
	return tx.bulk(`INSERT INTO attempts (id, segment, attempt, carrier, outcome, code, note, at) VALUES`, 8, nil, ``, len(as), func(i int, a []any) {
		x := &as[i]
		a[0], a[1], a[2], a[3] = int64(tx.NewID()), (*int64)(&x.Segment), int64(x.Attempt), &x.Carrier
		a[4], a[5], a[6], a[7] = &x.Outcome, &x.Code, &x.Note, micros(tx.now)
	})
}

// RefusedBy names the carriers that have refused a segment of a message since it
// was last sent again by a person.
func (tx *Tx) RefusedBy(message gateway.ID) (carriers []string, err error) {
	err = tx.each(func(r rows) error {
		var c string
		err := r.Scan(&c)
		carriers = append(carriers, c)
		return err
	}, `SELECT DISTINCT carrier FROM attempts WHERE segment BETWEEN $1 AND $2 AND outcome = 'retry'
		AND id > COALESCE((SELECT MAX(id) FROM attempts WHERE segment BETWEEN $1 AND $2 AND outcome = 'resend'), 0)`, int64(message), int64(message.Segment(gateway.MaxSegments)))
	return carriers, err
}

// Attempts returns what became of a message's segments, oldest first.
func (db *DB) Attempts(ctx context.Context, message gateway.ID) ([]Attempt, error) {
	return collect(ctx, db, func(r rows) (a Attempt, err error) {
		return a, r.Scan(&a.Segment, &a.Attempt, &a.Carrier, &a.Outcome, &a.Code, &a.Note, (*microTime)(&a.At))
	}, `SELECT segment, attempt, carrier, outcome, code, note, at FROM attempts WHERE segment BETWEEN $1 AND $2 ORDER BY id`,
		int64(message), int64(message.Segment(gateway.MaxSegments)))
}

// Accepted is a Reference with the carrier that gave it.
type Accepted struct {
	Carrier string
	Reference
}

// ReferencesOf returns what carriers called a message's segments, oldest first.
func (db *DB) ReferencesOf(ctx context.Context, message gateway.ID) ([]Accepted, error) {
	return collect(ctx, db, func(r rows) (a Accepted, err error) {
		return a, r.Scan(&a.Carrier, &a.Reference.Reference, &a.Segment, &a.Attempt, (*microTime)(&a.At))
	}, `SELECT carrier, reference, segment, attempt, at FROM refs WHERE segment BETWEEN $1 AND $2 ORDER BY at, segment`,
		int64(message), int64(message.Segment(gateway.MaxSegments)))
}

// StoredReceipt is a receipt as it is kept.
type StoredReceipt struct {
	Carrier string
	Segment gateway.ID
	gateway.Receipt
}

// ReferenceOf returns the newest reference of a segment; a zero one if it has
// none.
func (tx *Tx) ReferenceOf(segment gateway.ID) (a Accepted, err error) {
	err = tx.each(func(r rows) error {
		return r.Scan(&a.Carrier, &a.Reference.Reference, &a.Segment, &a.Attempt, (*microTime)(&a.At))
	}, `SELECT carrier, reference, segment, attempt, at FROM refs WHERE segment = $1 ORDER BY attempt DESC, at DESC LIMIT 1`, int64(segment))
	return a, err
}

// ReceiptsOf returns the receipts of a message's segments, oldest first.
func (db *DB) ReceiptsOf(ctx context.Context, message gateway.ID) ([]StoredReceipt, error) {
	return collect(ctx, db, func(r rows) (s StoredReceipt, err error) {
		return s, r.Scan(&s.Carrier, &s.Segment, &s.Reference, &s.Tick, &s.Intermediate, &s.Word, &s.Err, (*microTime)(&s.DoneAt), (*microTime)(&s.At), &s.Raw)
	}, `SELECT carrier, segment, reference, tick, intermediate, word, err, done_at, at, raw FROM receipts
		WHERE segment BETWEEN $1 AND $2 AND segment <> 0 ORDER BY id`, int64(message), int64(message.Segment(gateway.MaxSegments)))
}

// SegmentsOf returns a message's segments.
func (db *DB) SegmentsOf(ctx context.Context, message gateway.ID) ([]gateway.Segment, error) {
	return collect(ctx, db, scanSegment, `SELECT `+segmentColumns+` FROM segments WHERE id BETWEEN $1 AND $2 ORDER BY id`,
		int64(message), int64(message.Segment(gateway.MaxSegments)))
}

// Quarantined is something that could not be decoded.
type Quarantined struct {
	ID      gateway.ID
	Carrier string
	Raw     []byte
	Reason  string
	At      time.Time
}

// Quarantine lists what could not be decoded, newest first, of one carrier or of
// all (""), before the given one (0: from the newest).
func (db *DB) Quarantine(ctx context.Context, carrier string, before gateway.ID, limit int) ([]Quarantined, error) {
	q := query{}
	if carrier != "" {
		q.add("carrier = " + q.arg(carrier))
	}
	if before != 0 {
		q.add("id < " + q.arg(int64(before)))
	}
	return collect(ctx, db, func(r rows) (x Quarantined, err error) {
		return x, r.Scan(&x.ID, &x.Carrier, &x.Raw, &x.Reason, (*microTime)(&x.At))
	}, `SELECT id, carrier, raw, reason, at FROM quarantine`+q.where()+` ORDER BY id DESC LIMIT `+q.arg(limit), q.args...)
}
