package store

import (
	"errors"
	"time"

	"smsbridge/gateway"
)

const conversationColumns = `id, number, peer, peer_kind, queue, status, archived, owner, owner_since, last_owner, epoch,
	unread, unanswered, snoozed_until, waiting_since, last_message, created_at, updated_at, offered, offered_till, answer_since,
	begun_at, answered, opted_out`

// shownConversation is conversationColumns and what is known of the customer.
const shownConversation = conversationColumns + `,
	EXISTS (SELECT 1 FROM blocks b WHERE b.peer = conversations.peer AND b.peer_kind = conversations.peer_kind),
	COALESCE((SELECT n.contact FROM contact_numbers n WHERE n.peer = conversations.peer AND n.peer_kind = conversations.peer_kind), 0),
	COALESCE((SELECT k.name FROM contact_numbers n JOIN contacts k ON k.id = n.contact WHERE n.peer = conversations.peer AND n.peer_kind = conversations.peer_kind), '')`

// scanConversation scans the columns of shownConversation.
func scanConversation(r rows, c *gateway.Conversation) error {
	return r.Scan(&c.ID, &c.Number, &c.Peer.Value, &c.Peer.Kind, &c.Queue, &c.Status, &c.Archived, &c.Owner, (*microTime)(&c.OwnerSince), &c.LastOwner, &c.Epoch,
		&c.Unread, &c.Unanswered, (*microTime)(&c.SnoozedUntil), (*microTime)(&c.WaitingSince), &c.LastMessage,
		(*microTime)(&c.CreatedAt), (*microTime)(&c.UpdatedAt), &c.Offered, (*microTime)(&c.OfferedTill), (*microTime)(&c.AnswerSince),
		(*microTime)(&c.BegunAt), &c.Answered, &c.OptedOut, &c.Blocked, &c.Contact, &c.ContactName)
}

// Conversation returns the conversation as this transaction has it; false if
// there is none.
func (tx *Tx) Conversation(id gateway.ID) (gateway.Conversation, bool, error) {
	if err := tx.LoadConversations([]gateway.ID{id}); err != nil {
		return gateway.Conversation{}, false, err
	}
	e := tx.conversations[id]
	if e == nil {
		return gateway.Conversation{}, false, nil
	}
	return e.conversation, true, nil
}

// LoadConversations reads those that the transaction does not know yet in one
// statement.
func (tx *Tx) LoadConversations(ids []gateway.ID) error {
	missing := make([]gateway.ID, 0, len(ids))
	for _, id := range ids {
		if tx.conversations[id] == nil {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return in(tx, `SELECT `+shownConversation+` FROM conversations WHERE id`, missing, tx.c.db.dialect.forUpdate, func(r rows) error {
		e := new(entry)
		err := scanConversation(r, &e.conversation)
		if err == nil {
			tx.remember(e)
		}
		return err
	})
}

func (tx *Tx) remember(e *entry) {
	if tx.conversations == nil {
		tx.conversations, tx.pairs = map[gateway.ID]*entry{}, map[pair]*entry{}
	}
	c := &e.conversation
	if c.ID != 0 {
		tx.conversations[c.ID] = e
	}
	if c.Status != gateway.StatusDeleted {
		tx.pairs[pair{c.Number, c.Peer}] = e
	}
}

// Pair returns the conversation between number and peer that is not deleted, or
// one of StatusNone with both set. Either says whether the peer is blocked.
func (tx *Tx) Pair(number string, peer gateway.Address) (gateway.Conversation, error) {
	if e := tx.pairs[pair{number, peer}]; e != nil {
		return e.conversation, nil
	}
	var found *entry
	err := tx.each(func(r rows) error {
		found = new(entry)
		return scanConversation(r, &found.conversation)
	}, `SELECT `+shownConversation+` FROM conversations WHERE peer = $1 AND number = $2 AND peer_kind = $3 AND status <> 4`+tx.c.db.dialect.forUpdate,
		peer.Value, number, peer.Kind)
	if err != nil {
		return gateway.Conversation{}, err
	}
	if found == nil {
		found = &entry{conversation: gateway.Conversation{Number: number, Peer: peer}}
		if err := tx.customer(&found.conversation); err != nil {
			return gateway.Conversation{}, err
		}
	}
	tx.remember(found)
	return found.conversation, nil
}

// customer reads what is known of the customer of a conversation that has no row.
func (tx *Tx) customer(c *gateway.Conversation) (err error) {
	if c.Blocked, err = tx.blocked(c.Peer); err != nil {
		return err
	}
	if c.OptedOut, err = tx.OptedOut(c.Number, c.Peer); err != nil {
		return err
	}
	return tx.each(func(r rows) error { return r.Scan(&c.Contact, &c.ContactName) },
		`SELECT k.id, k.name FROM contact_numbers n JOIN contacts k ON k.id = n.contact WHERE n.peer = $1 AND n.peer_kind = $2`, c.Peer.Value, c.Peer.Kind)
}

func (tx *Tx) blocked(peer gateway.Address) (yes bool, err error) {
	err = tx.each(func(r rows) error { yes = true; var one int; return r.Scan(&one) },
		`SELECT 1 FROM blocks WHERE peer = $1 AND peer_kind = $2`, peer.Value, peer.Kind)
	return yes, err
}

// SaveConversation makes c the conversation's state in this transaction. A new
// one needs an ID from NewID.
func (tx *Tx) SaveConversation(c gateway.Conversation) error {
	if c.ID == 0 || c.Status == gateway.StatusNone {
		return errors.New("save conversation: no id or status")
	}
	tx.write()
	e := tx.conversations[c.ID]
	if e == nil {
		e = &entry{}
	}
	e.conversation = c
	tx.remember(e)
	if p := (pair{c.Number, c.Peer}); c.Status == gateway.StatusDeleted && (tx.pairs[p] == nil || tx.pairs[p] == e) {
		// Known not to exist: the row that a SELECT would find is not yet written.
		tx.remember(&entry{conversation: gateway.Conversation{Number: c.Number, Peer: c.Peer, Blocked: c.Blocked, OptedOut: c.OptedOut,
			Contact: c.Contact, ContactName: c.ContactName}})
	}
	if !e.dirty {
		e.dirty = true
		tx.dirty = append(tx.dirty, e)
	}
	return nil
}

func (tx *Tx) flushConversations() error {
	dirty := tx.dirty
	tx.dirty = nil
	// A deleted conversation makes room for its successor in the unique index,
	// so it goes first.
	for i, first := 0, 0; i < len(dirty); i++ {
		dirty[i].dirty = false
		if dirty[i].conversation.Status == gateway.StatusDeleted {
			dirty[i], dirty[first] = dirty[first], dirty[i]
			first++
		}
	}
	return tx.bulk(`INSERT INTO conversations (`+conversationColumns+`) VALUES`, 24, nil, ` ON CONFLICT (id) DO UPDATE SET
		queue = excluded.queue, status = excluded.status, archived = excluded.archived, owner = excluded.owner,
		owner_since = excluded.owner_since, last_owner = excluded.last_owner, epoch = excluded.epoch, unread = excluded.unread,
		unanswered = excluded.unanswered, snoozed_until = excluded.snoozed_until, waiting_since = excluded.waiting_since,
		last_message = excluded.last_message, updated_at = excluded.updated_at, offered = excluded.offered,
		offered_till = excluded.offered_till, answer_since = excluded.answer_since, begun_at = excluded.begun_at,
		answered = excluded.answered, opted_out = excluded.opted_out`, len(dirty), func(i int, a []any) {
		c := &dirty[i].conversation
		a[0], a[1], a[2], a[3], a[4] = (*int64)(&c.ID), &c.Number, &c.Peer.Value, int64(c.Peer.Kind), (*int64)(&c.Queue)
		a[5], a[6], a[7], a[8] = int64(c.Status), asInt(c.Archived), (*int64)(&c.Owner), micros(c.OwnerSince)
		a[9], a[10], a[11], a[12] = (*int64)(&c.LastOwner), &c.Epoch, int64(c.Unread), asInt(c.Unanswered)
		a[13], a[14], a[15] = micros(c.SnoozedUntil), micros(c.WaitingSince), (*int64)(&c.LastMessage)
		a[16], a[17] = micros(c.CreatedAt), micros(c.UpdatedAt)
		a[18], a[19], a[20] = (*string)(&c.Offered), micros(c.OfferedTill), micros(c.AnswerSince)
		a[21], a[22], a[23] = micros(c.BegunAt), asInt(c.Answered), asInt(c.OptedOut)
	})
}

func asInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Block records that person blocked peer, on all our numbers; false if it was
// blocked already.
func (tx *Tx) Block(peer gateway.Address, person gateway.ID) (bool, error) {
	n, err := tx.exec(`INSERT INTO blocks (peer, peer_kind, person, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		peer.Value, int64(peer.Kind), int64(person), micros(tx.now))
	for k, e := range tx.pairs {
		if k.peer == peer {
			e.conversation.Blocked = true
		}
	}
	return n > 0, err
}

// Unblock lets peer reach us again; false if it was not blocked.
func (tx *Tx) Unblock(peer gateway.Address) (bool, error) {
	n, err := tx.exec(`DELETE FROM blocks WHERE peer = $1 AND peer_kind = $2`, peer.Value, int64(peer.Kind))
	for k, e := range tx.pairs {
		if k.peer == peer {
			e.conversation.Blocked = false
		}
	}
	return n > 0, err
}

// Decision is a row of the ledger of opt-outs: what a customer decided about texts
// from one of our numbers. Person and Note are of one that was told to somebody.
type Decision struct {
	ID         gateway.ID
	Number     string
	Peer       gateway.Address
	OptedOut   bool
	Keyword    string     // the customer's text
	Message    gateway.ID // which that was
	Person     gateway.ID
	PersonName string // when it is read
	Note       string
	At         time.Time
}

// Decide appends to the ledger, and gives d its ID and time. The conversation of
// the two, if there is one, has it from now on.
func (tx *Tx) Decide(d *Decision) error {
	d.ID, d.At = tx.NewID(), tx.now
	if _, err := tx.exec(`INSERT INTO opt_outs (id, number, peer, peer_kind, opted_out, keyword, message, person, at, note)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, int64(d.ID), d.Number, d.Peer.Value, int64(d.Peer.Kind), asInt(d.OptedOut), d.Keyword,
		int64(d.Message), int64(d.Person), micros(d.At), d.Note); err != nil {
		return err
	}
	c, err := tx.Pair(d.Number, d.Peer)
	if err != nil || c.OptedOut == d.OptedOut {
		return err
	}
	c.OptedOut = d.OptedOut
	if c.ID == 0 {
		tx.remember(&entry{conversation: c})
		return nil
	}
	return tx.SaveConversation(c)
}

// OptedOut says whether peer does not want texts from number. Conversations know
// it themselves.
func (tx *Tx) OptedOut(number string, peer gateway.Address) (out bool, err error) {
	err = tx.each(func(r rows) error { return r.Scan(&out) },
		`SELECT opted_out FROM opt_outs WHERE peer = $1 AND number = $2 AND peer_kind = $3 ORDER BY id DESC LIMIT 1`,
		peer.Value, number, int64(peer.Kind))
	return out, err
}

// AnsweredAt is when peer was last answered automatically for a kind of reason,
// on number; zero if never.
func (tx *Tx) AnsweredAt(number string, peer gateway.Address, kind string) (at time.Time, err error) {
	err = tx.each(func(r rows) error { return r.Scan((*microTime)(&at)) },
		`SELECT at FROM automatic_replies WHERE peer = $1 AND number = $2 AND peer_kind = $3 AND kind = $4`, peer.Value, number, int64(peer.Kind), kind)
	return at, err
}

// SetAnsweredAt remembers that it is now.
func (tx *Tx) SetAnsweredAt(number string, peer gateway.Address, kind string) error {
	_, err := tx.exec(`INSERT INTO automatic_replies (peer, peer_kind, number, kind, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (peer, number, peer_kind, kind) DO UPDATE SET at = excluded.at`, peer.Value, int64(peer.Kind), number, kind, micros(tx.now))
	return err
}
