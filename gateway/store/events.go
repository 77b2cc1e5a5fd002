package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"smsbridge/gateway"
)

// snapshot is what an event remembers of the conversation and the message as
// they were: the rest does not change and is joined when it is read.
type snapshot struct {
	Epoch        int64             `json:"e,omitempty"`
	Unread       int               `json:"u,omitempty"`
	Archived     bool              `json:"a,omitempty"`
	Unanswered   bool              `json:"q,omitempty"`
	OwnerSince   int64             `json:"o,omitempty"`
	WaitingSince int64             `json:"w,omitempty"`
	Snoozed      int64             `json:"z,omitempty"`
	LastMessage  gateway.ID        `json:"m,omitempty"`
	Tick         gateway.Tick      `json:"t,omitempty"`
	Error        gateway.ErrorCode `json:"x,omitempty"`
	ErrorText    string            `json:"xt,omitempty"`
	SentAt       int64             `json:"s,omitempty"`
	DeliveredAt  int64             `json:"d,omitempty"`
}

// appendSnapshot appends the snapshot of what e tells about, by hand: an event
// costs little else.
func appendSnapshot(b []byte, e *gateway.Event) []byte {
	start := len(b)
	if c := e.Conversation; c != nil {
		b = appendNumber(b, `,"e":`, c.Epoch)
		b = appendNumber(b, `,"u":`, int64(c.Unread))
		b = appendTrue(b, `,"a":true`, c.Archived)
		b = appendTrue(b, `,"q":true`, c.Unanswered)
		b = appendNumber(b, `,"o":`, micros(c.OwnerSince))
		b = appendNumber(b, `,"w":`, micros(c.WaitingSince))
		b = appendNumber(b, `,"z":`, micros(c.SnoozedUntil))
		b = appendText(b, `,"m":`, c.LastMessage.String())
	}
	if m := e.Message; m != nil {
		b = appendNumber(b, `,"t":`, int64(m.Tick))
		b = appendText(b, `,"x":`, string(m.Error))
		b = appendText(b, `,"xt":`, m.ErrorText)
		b = appendNumber(b, `,"s":`, micros(m.SentAt))
		b = appendNumber(b, `,"d":`, micros(m.DeliveredAt))
	}
	if len(b) == start {
		return append(b, "{}"...)
	}
	b[start] = '{'
	return append(b, '}')
}

func appendNumber(b []byte, key string, v int64) []byte {
	if v == 0 {
		return b
	}
	return strconv.AppendInt(append(b, key...), v, 10)
}

func appendTrue(b []byte, text string, v bool) []byte {
	if !v {
		return b
	}
	return append(b, text...)
}

func appendText(b []byte, key, v string) []byte {
	if v == "" {
		return b
	}
	quoted, _ := json.Marshal(v) // of a string: never an error
	return append(append(b, key...), quoted...)
}

func (tx *Tx) insertEvents(events []gateway.Event) error {
	var state []byte
	var none int64
	var nowhere string
	return tx.bulk(`INSERT INTO events (seq, at, type, number, conversation, message, carrier, person, person_name, note,
		queue_before, status_before, owner_before, queue_after, status_after, owner_after, state, offered_before, offered_after) VALUES`, 19, nil, ``, len(events), func(i int, a []any) {
		e := &events[i]
		number, conversation, message := &nowhere, &none, &none
		if e.Conversation != nil {
			conversation, number = (*int64)(&e.Conversation.ID), &e.Conversation.Number
		}
		if e.Message != nil {
			message = (*int64)(&e.Message.ID)
		}
		state = appendSnapshot(state[:0], e)
		a[0], a[1], a[2], a[3], a[4], a[5] = &e.Seq, micros(e.Time), (*string)(&e.Type), number, conversation, message
		a[6], a[7], a[8], a[9] = &e.Carrier, (*int64)(&e.By), &e.ByName, &e.Note
		a[10], a[11], a[12] = (*int64)(&e.Before.Queue), int64(e.Before.Status), (*int64)(&e.Before.Owner)
		a[13], a[14], a[15], a[16] = (*int64)(&e.After.Queue), int64(e.After.Status), (*int64)(&e.After.Owner), string(state)
		a[17], a[18] = (*string)(&e.Before.Offered), (*string)(&e.After.Offered)
	})
}

const eventColumns = `e.seq, e.at, e.type, e.conversation, e.message, e.carrier, e.person, e.person_name, e.note,
	e.queue_before, e.status_before, e.owner_before, e.queue_after, e.status_after, e.owner_after, e.state, e.offered_before, e.offered_after`

// Events returns up to limit events after the given number, in order. What is
// read is complete: no event with a smaller number is committed later.
func (db *DB) Events(ctx context.Context, after int64, limit int) ([]gateway.Event, error) {
	return collect(ctx, db, scanEvent, `SELECT `+eventColumns+`, `+joinedConversation+`, `+joinedMessage+` FROM events e
		LEFT JOIN conversations c ON c.id = e.conversation LEFT JOIN messages m ON m.id = e.message
		WHERE e.seq > $1 ORDER BY e.seq LIMIT $2`, after, limit)
}

// OldestEvent returns the number of the oldest event that is kept, or 0.
func (db *DB) OldestEvent(ctx context.Context) (int64, error) {
	all, err := collect(ctx, db, func(r rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT COALESCE(MIN(seq), 0) FROM events`)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[0], nil
}

// ConversationEvents returns a conversation's own events (not its messages'),
// newest first, before the given number (0: from the newest).
func (db *DB) ConversationEvents(ctx context.Context, id gateway.ID, before int64, limit int) ([]gateway.Event, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return collect(ctx, db, scanEvent, `SELECT `+eventColumns+`, `+joinedConversation+`, `+joinedMessage+` FROM events e
		LEFT JOIN conversations c ON c.id = e.conversation LEFT JOIN messages m ON m.id = e.message
		WHERE e.conversation = $1 AND e.conversation <> 0 AND e.message = 0 AND e.seq < $2 ORDER BY e.seq DESC LIMIT $3`, int64(id), before, limit)
}

// PruneEvents removes up to limit events older than before, and says how many.
// It writes nothing when there is none.
func (tx *Tx) PruneEvents(before time.Time, limit int) (int64, error) {
	var upTo int64
	if err := tx.each(func(r rows) error { return r.Scan(&upTo) },
		`SELECT COALESCE(MAX(seq), 0) FROM (SELECT seq, at FROM events ORDER BY seq LIMIT $1) AS oldest WHERE at < $2`, limit, micros(before)); err != nil || upTo == 0 {
		return 0, err
	}
	return tx.exec(`DELETE FROM events WHERE seq <= $1 AND at < $2`, upTo, micros(before))
}

// PruneIdempotency removes keys older than before, if there are any.
func (tx *Tx) PruneIdempotency(before time.Time) error {
	old := false
	if err := tx.each(func(r rows) error { old = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM idempotency WHERE at < $1 LIMIT 1`, micros(before)); err != nil || !old {
		return err
	}
	_, err := tx.exec(`DELETE FROM idempotency WHERE at < $1`, micros(before))
	return err
}

// The joined rows may be missing: carrier events have neither.
var (
	joinedConversation = joined("c", `number, peer, peer_kind, created_at, opted_out`) + `,
	EXISTS (SELECT 1 FROM blocks b WHERE b.peer = c.peer AND b.peer_kind = c.peer_kind),
	COALESCE((SELECT n.contact FROM contact_numbers n WHERE n.peer = c.peer AND n.peer_kind = c.peer_kind), 0),
	COALESCE((SELECT k.name FROM contact_numbers n JOIN contacts k ON k.id = n.contact WHERE n.peer = c.peer AND n.peer_kind = c.peer_kind), '')`
	joinedMessage = joined("m", messageColumns)
)

// joined lists columns of an outer-joined table with zero for null.
func joined(alias, columns string) string {
	texts := map[string]bool{"number": true, "peer": true, "text": true, "error": true, "error_text": true, "carrier": true,
		"author_name": true, "reference": true, "extras": true}
	var b strings.Builder
	for i, col := range strings.Split(columns, ",") {
		col = strings.TrimSpace(col)
		zero := "0"
		if texts[col] {
			zero = "''"
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("COALESCE(" + alias + "." + col + ", " + zero + ")")
	}
	return b.String()
}

func scanEvent(r rows) (e gateway.Event, err error) {
	var at, created int64
	var conversation, message gateway.ID
	var state []byte
	var c gateway.Conversation
	own := []any{&e.Seq, &at, &e.Type, &conversation, &message, &e.Carrier, &e.By, &e.ByName, &e.Note,
		&e.Before.Queue, &e.Before.Status, &e.Before.Owner, &e.After.Queue, &e.After.Status, &e.After.Owner, &state, &e.Before.Offered, &e.After.Offered,
		&c.Number, &c.Peer.Value, &c.Peer.Kind, &created, &c.OptedOut, &c.Blocked, &c.Contact, &c.ContactName}
	m, err := scanMessage(behind{r, own})
	if err != nil {
		return e, err
	}
	e.Time = fromMicros(at)
	var s snapshot
	if err := json.Unmarshal(state, &s); err != nil {
		return e, fmt.Errorf("event %d: %w", e.Seq, err)
	}
	if conversation != 0 {
		c.ID, c.CreatedAt, c.UpdatedAt = conversation, fromMicros(created), e.Time
		c.Queue, c.Status, c.Archived, c.Epoch, c.Unread, c.Unanswered = e.After.Queue, e.After.Status, s.Archived, s.Epoch, s.Unread, s.Unanswered
		if c.Status == gateway.StatusTaken {
			c.Owner = e.After.Owner
		} else {
			c.LastOwner = e.After.Owner
		}
		c.OwnerSince, c.WaitingSince, c.SnoozedUntil = fromMicros(s.OwnerSince), fromMicros(s.WaitingSince), fromMicros(s.Snoozed)
		c.LastMessage, c.Offered = s.LastMessage, e.After.Offered
		e.Conversation = &c
	}
	if message != 0 {
		m.Tick, m.Error, m.ErrorText, m.SentAt, m.DeliveredAt = s.Tick, s.Error, s.ErrorText, fromMicros(s.SentAt), fromMicros(s.DeliveredAt)
		e.Message = &m
	}
	return e, nil
}

// behind puts columns of one's own before those of another scan function.
type behind struct {
	rows
	own []any
}

func (b behind) Scan(dest ...any) error { return b.rows.Scan(append(b.own, dest...)...) }
