package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"smsbridge/gateway"
)

// shownMessage is messageColumns with the tick as a person should see it: a
// message is sending while a carrier holds one of its segments, which is not
// worth a write of its own.
var shownMessage = strings.Replace(messageColumns, " tick,", ` CASE WHEN tick = 1 AND EXISTS
	(SELECT 1 FROM segments s WHERE s.id BETWEEN messages.id AND messages.id + 15 AND s.tick = 2) THEN 2 ELSE tick END,`, 1)

func scanShownConversation(r rows) (c gateway.Conversation, err error) {
	err = scanConversation(r, &c)
	return c, err
}

// Conversation reads one; false if there is none. A deleted one is returned.
func (db *DB) Conversation(ctx context.Context, id gateway.ID) (gateway.Conversation, bool, error) {
	return first(collect(ctx, db, scanShownConversation, `SELECT `+shownConversation+` FROM conversations WHERE id = $1`, int64(id)))
}

// NumberFor returns which of our numbers a customer's newest conversation is on,
// of these; "" if there is none.
func (db *DB) NumberFor(ctx context.Context, peer gateway.Address, numbers []string) (string, error) {
	q := &query{}
	q.add("peer = " + q.arg(peer.Value) + " AND peer_kind = " + q.arg(int64(peer.Kind)) + " AND status <> 4 AND number IN (" + q.texts(numbers) + ")")
	number, _, err := first(collect(ctx, db, func(r rows) (n string, err error) { return n, r.Scan(&n) },
		`SELECT number FROM conversations`+q.where()+` ORDER BY updated_at DESC LIMIT 1`, q.args...))
	return number, err
}

// Message reads one; false if there is none.
func (db *DB) Message(ctx context.Context, id gateway.ID) (gateway.Message, bool, error) {
	return first(collect(ctx, db, scanMessage, `SELECT `+shownMessage+` FROM messages WHERE id = $1`, int64(id)))
}

func first[T any](all []T, err error) (v T, ok bool, _ error) {
	if err != nil || len(all) == 0 {
		return v, false, err
	}
	return all[0], true, nil
}

// MessagesByID reads messages by their IDs.
func (db *DB) MessagesByID(ctx context.Context, ids []gateway.ID) (map[gateway.ID]gateway.Message, error) {
	all := make(map[gateway.ID]gateway.Message, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), 100)
		q := query{}
		q.add(`id IN (` + q.list(ids[:n]) + `)`)
		ms, err := collect(ctx, db, scanMessage, `SELECT `+shownMessage+` FROM messages`+q.where(), q.args...)
		if err != nil {
			return nil, err
		}
		for _, m := range ms {
			all[m.ID] = m
		}
		ids = ids[n:]
	}
	return all, nil
}

// query gathers conditions and their arguments.
type query struct {
	conditions []string
	args       []any
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

func (q *query) list(ids []gateway.ID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = q.arg(int64(id))
	}
	return strings.Join(names, ", ")
}

// texts lists values, at least an empty one.
func (q *query) texts(values []string) string {
	names := []string{"''"}
	for _, v := range values {
		names = append(names, q.arg(v))
	}
	return strings.Join(names, ", ")
}

func (q *query) add(condition string) { q.conditions = append(q.conditions, condition) }

func (q *query) where() string {
	if len(q.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(q.conditions, " AND ")
}

// MessageList says which messages to list.
type MessageList struct {
	Conversation gateway.ID
	Author       gateway.ID // 0: any
	Numbers      []string   // of a limited token; nil: all
	Visible      *Visible   // only of conversations that are not deleted, in the queues that are managed; nil: any
	Direction    *gateway.Direction
	Number       string
	Peer         string
	Tick         gateway.Tick
	Reference    string
	Since        time.Time
	Before       gateway.ID // 0: from the newest
	Limit        int
}

// MessageRows lists messages, newest first. IDs are in the order of time.
func (db *DB) MessageRows(ctx context.Context, l MessageList) ([]gateway.Message, error) {
	q := &query{}
	if l.Conversation != 0 {
		q.add("conversation = " + q.arg(int64(l.Conversation)))
	} else {
		q.add("kind = 0")
	}
	if l.Author != 0 {
		q.add("author = " + q.arg(int64(l.Author)))
	}
	if l.Numbers != nil {
		q.add("number IN (" + q.texts(l.Numbers) + ")")
	}
	if v := l.Visible; v != nil {
		in := ""
		if !v.Everything {
			in = " AND c.queue IN (" + q.list(append([]gateway.ID{0}, v.Manages...)) + ")"
		}
		q.add("EXISTS (SELECT 1 FROM conversations c WHERE c.id = messages.conversation AND c.status <> 4" + in + ")")
	}
	if l.Direction != nil {
		q.add("direction = " + q.arg(int64(*l.Direction)))
	}
	if l.Number != "" {
		q.add("number = " + q.arg(l.Number))
	}
	if l.Peer != "" {
		q.add("peer = " + q.arg(l.Peer))
	}
	if l.Reference != "" {
		q.add("reference = " + q.arg(l.Reference))
	}
	if !l.Since.IsZero() {
		q.add("created_at >= " + q.arg(micros(l.Since)))
	}
	if l.Before != 0 {
		q.add("id < " + q.arg(int64(l.Before)))
	}
	text := `SELECT ` + shownMessage + ` FROM messages` + q.where()
	if l.Tick != gateway.TickNone {
		text = `SELECT * FROM (` + strings.Replace(text, "ELSE tick END,", "ELSE tick END AS tick,", 1) + `) AS shown WHERE tick = ` + q.arg(int64(l.Tick))
	}
	return collect(ctx, db, scanMessage, text+` ORDER BY id DESC LIMIT `+q.arg(l.Limit), q.args...)
}

// Backlog counts the segments of each carrier by tick, of those that are still
// to be sent. Read once at start; gauges are kept from then on.
func (db *DB) Backlog(ctx context.Context) (map[string]map[gateway.Tick]int, error) {
	all := map[string]map[gateway.Tick]int{}
	_, err := collect(ctx, db, func(r rows) (x struct{}, err error) {
		var carrier string
		var tick gateway.Tick
		var n int
		err = r.Scan(&carrier, &tick, &n)
		if all[carrier] == nil {
			all[carrier] = map[gateway.Tick]int{}
		}
		all[carrier][tick] = n
		return x, err
	}, `SELECT carrier, tick, COUNT(*) FROM segments WHERE tick IN (1, 2) GROUP BY carrier, tick`)
	return all, err
}

// OldestQueued returns when the oldest message that waits for a carrier was
// accepted; zero if none waits.
func (db *DB) OldestQueued(ctx context.Context, carrier string) (time.Time, error) {
	all, err := collect(ctx, db, func(r rows) (t time.Time, err error) {
		var at int64
		err = r.Scan(&at)
		return fromMicros(at), err
	}, `SELECT m.created_at FROM messages m WHERE m.id = (SELECT MIN(id) & -16 FROM segments WHERE tick IN (1, 2) AND tick = 1 AND carrier = $1)`, carrier)
	if err != nil || len(all) == 0 {
		return time.Time{}, err
	}
	return all[0], nil
}

// StatusCount is how many conversations of a queue stand in a status.
type StatusCount struct {
	Queue  gateway.ID
	Status gateway.Status
	Count  int
}

// ConversationCounts counts conversations. Read once at start; gauges are kept
// from then on.
func (db *DB) ConversationCounts(ctx context.Context) ([]StatusCount, error) {
	return collect(ctx, db, func(r rows) (c StatusCount, err error) { return c, r.Scan(&c.Queue, &c.Status, &c.Count) },
		`SELECT queue, status, COUNT(*) FROM conversations WHERE status <> 4 GROUP BY queue, status`)
}

// PendingParts counts the stored parts of texts that are not complete.
func (db *DB) PendingParts(ctx context.Context) (int, error) {
	n, _, err := first(collect(ctx, db, func(r rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT COUNT(*) FROM fragments`))
	return n, err
}
