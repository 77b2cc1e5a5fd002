package store

import (
	"context"
	"strings"

	"smsbridge/gateway"
)

// History reads all conversations with some customers that are not deleted, over
// all our numbers, newest change first: one for each pair at most.
func (db *DB) History(ctx context.Context, peers []gateway.Address) ([]gateway.Conversation, error) {
	if len(peers) == 0 {
		return nil, nil
	}
	// Their values alone, in a condition of its own, are what the index has.
	q := &query{}
	values, any := make([]string, len(peers)), make([]string, len(peers))
	for i, p := range peers {
		values[i] = q.arg(p.Value)
		any[i] = "peer = " + values[i] + " AND peer_kind = " + q.arg(int64(p.Kind))
	}
	q.add("status <> 4")
	q.add("peer IN (" + strings.Join(values, ", ") + ")")
	q.add("(" + strings.Join(any, " OR ") + ")")
	return collect(ctx, db, scanShownConversation, `SELECT `+shownConversation+` FROM conversations`+q.where()+` ORDER BY updated_at DESC, id DESC`, q.args...)
}

// Writers finds who wrote in conversations, texts or notes, by conversation and
// in the order in which they first did. Programs are among them.
func (db *DB) Writers(ctx context.Context, conversations []gateway.ID) (map[gateway.ID][]gateway.ID, error) {
	all := map[gateway.ID][]gateway.ID{}
	for len(conversations) > 0 {
		n := min(len(conversations), 100)
		q := &query{}
		q.add("conversation IN (" + q.list(conversations[:n]) + ")")
		q.add("author <> 0 AND kind <> 1")
		if _, err := collect(ctx, db, func(r rows) (x struct{}, err error) {
			var c, author, first gateway.ID
			err = r.Scan(&c, &author, &first)
			all[c] = append(all[c], author)
			return x, err
		}, `SELECT conversation, author, MIN(id) FROM messages`+q.where()+` GROUP BY conversation, author ORDER BY 3`, q.args...); err != nil {
			return nil, err
		}
		conversations = conversations[n:]
	}
	return all, nil
}

// Ignore remembers that a person does not want to be asked about a conversation
// while its epoch stays.
func (tx *Tx) Ignore(person, conversation gateway.ID, epoch int64) error {
	same := false
	if err := tx.each(func(r rows) error { same = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM ignored WHERE person = $1 AND conversation = $2 AND epoch = $3`, int64(person), int64(conversation), epoch); err != nil || same {
		return err
	}
	_, err := tx.exec(`INSERT INTO ignored (person, conversation, epoch) VALUES ($1, $2, $3)
		ON CONFLICT (person, conversation) DO UPDATE SET epoch = excluded.epoch`, int64(person), int64(conversation), epoch)
	return err
}

// Ignored tells which of some conversations a person ignores: those whose epoch
// is still what it was.
func (db *DB) Ignored(ctx context.Context, person gateway.ID, conversations []gateway.Conversation) (map[gateway.ID]bool, error) {
	all := map[gateway.ID]bool{}
	for len(conversations) > 0 {
		n := min(len(conversations), 100)
		epochs := make(map[gateway.ID]int64, n)
		ids := make([]gateway.ID, n)
		for i, c := range conversations[:n] {
			ids[i], epochs[c.ID] = c.ID, c.Epoch
		}
		q := &query{}
		q.add("person = " + q.arg(int64(person)))
		q.add("conversation IN (" + q.list(ids) + ")")
		if _, err := collect(ctx, db, func(r rows) (x struct{}, err error) {
			var id gateway.ID
			var epoch int64
			if err = r.Scan(&id, &epoch); epoch == epochs[id] {
				all[id] = true
			}
			return x, err
		}, `SELECT conversation, epoch FROM ignored`+q.where(), q.args...); err != nil {
			return nil, err
		}
		conversations = conversations[n:]
	}
	return all, nil
}
