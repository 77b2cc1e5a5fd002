package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// Deed is a row of the audit: who did what. Rows are only ever added.
type Deed struct {
	ID           gateway.ID
	At           time.Time
	By           gateway.Actor // its Kind, ID and Name
	Action       string
	Conversation gateway.ID // to which, or 0
	Object       string     // to what, where that is no conversation: "template 01h…"
	Detail       string
}

// Audit adds a row; its ID and time are given by the transaction.
func (tx *Tx) Audit(d Deed) {
	tx.write()
	d.ID, d.At = tx.NewID(), tx.now
	tx.deeds = append(tx.deeds, d)
}

// FactKind tells what a report counts.
type FactKind uint8

const (
	FactIncoming  FactKind = iota + 1 // a customer's text began something new
	FactTaken                         // from waiting; Took is for how long it had waited
	FactAnswered                      // by a person for the first time; Took is since its beginning
	FactDealtWith                     // with Reason
	FactFailed                        // a text of ours did not arrive
	FactArrived                       // it did, after all
)

// Fact is a row of what reports count. Rows are only ever added.
type Fact struct {
	Kind   FactKind
	Queue  gateway.ID
	Person gateway.ID // who did it, or 0
	Took   time.Duration
	Reason string
}

// Count adds a row, with the transaction's time.
func (tx *Tx) Count(f Fact) {
	tx.write()
	tx.facts = append(tx.facts, f)
}

// flushRecords writes what only ever grows, at the end of the batch.
func (tx *Tx) flushRecords() error {
	deeds, facts := tx.deeds, tx.facts
	tx.deeds, tx.facts = nil, nil
	if err := tx.bulk(`INSERT INTO audit (id, at, kind, actor, actor_name, action, conversation, object, detail) VALUES`, 9, nil, ``, len(deeds), func(i int, a []any) {
		d := &deeds[i]
		a[0], a[1], a[2], a[3], a[4] = (*int64)(&d.ID), micros(d.At), int64(d.By.Kind), (*int64)(&d.By.ID), &d.By.Name
		a[5], a[6], a[7], a[8] = &d.Action, (*int64)(&d.Conversation), &d.Object, &d.Detail
	}); err != nil {
		return err
	}
	return tx.bulk(`INSERT INTO facts (id, at, kind, queue, person, took, reason) VALUES`, 7, nil, ``, len(facts), func(i int, a []any) {
		f := &facts[i]
		a[0], a[1], a[2], a[3], a[4] = int64(tx.NewID()), micros(tx.now), int64(f.Kind), (*int64)(&f.Queue), (*int64)(&f.Person)
		a[5], a[6] = f.Took.Microseconds(), &f.Reason
	})
}

// DeedList says which rows of the audit to list.
type DeedList struct {
	Conversation gateway.ID // 0: any
	Actor        gateway.ID
	Action       string
	Since        time.Time
	Visible      Visible    // conversations' rows of the queues that are managed; of others, one's own; Everything: all
	Before       gateway.ID // 0: from the newest
	Limit        int
}

// Deeds lists the audit, newest first.
func (db *DB) Deeds(ctx context.Context, l DeedList) ([]Deed, error) {
	q := &query{}
	if l.Conversation != 0 {
		q.add("conversation <> 0 AND conversation = " + q.arg(int64(l.Conversation)))
	}
	if l.Actor != 0 {
		q.add("actor = " + q.arg(int64(l.Actor)))
	}
	if l.Action != "" {
		q.add("action = " + q.arg(l.Action))
	}
	if !l.Since.IsZero() {
		q.add("at >= " + q.arg(micros(l.Since)))
	}
	if l.Before != 0 {
		q.add("id < " + q.arg(int64(l.Before)))
	}
	if !l.Visible.Everything {
		q.add("(actor = " + q.arg(int64(l.Visible.Person)) + " OR EXISTS (SELECT 1 FROM conversations c WHERE c.id = audit.conversation AND c.queue IN (" +
			q.list(append([]gateway.ID{0}, l.Visible.Manages...)) + ")))")
	}
	return collect(ctx, db, func(r rows) (d Deed, err error) {
		return d, r.Scan(&d.ID, (*microTime)(&d.At), &d.By.Kind, &d.By.ID, &d.By.Name, &d.Action, &d.Conversation, &d.Object, &d.Detail)
	}, `SELECT id, at, kind, actor, actor_name, action, conversation, object, detail FROM audit`+q.where()+` ORDER BY id DESC LIMIT `+q.arg(l.Limit), q.args...)
}

// DecisionList says which rows of the ledger of opt-outs to list.
type DecisionList struct {
	Number, Peer string   // "": any
	Numbers      []string // of a limited token; nil: all
	Everything   bool     // else only of the queues that are managed
	Manages      []gateway.ID
	Before       gateway.ID // 0: from the newest
	Limit        int
}

// Decisions lists the ledger of opt-outs, newest first. A number that nobody has
// given to a queue is General's.
func (db *DB) Decisions(ctx context.Context, l DecisionList) ([]Decision, error) {
	q := &query{}
	if l.Number != "" {
		q.add("o.number = " + q.arg(l.Number))
	}
	if l.Peer != "" {
		q.add("o.peer = " + q.arg(l.Peer))
	}
	if l.Numbers != nil {
		q.add("o.number IN (" + q.texts(l.Numbers) + ")")
	}
	if !l.Everything {
		general := q.arg(int64(GeneralQueue))
		q.add("COALESCE((SELECT n.queue FROM queue_numbers n WHERE n.number = o.number), " + general + ") IN (" + q.list(append([]gateway.ID{0}, l.Manages...)) + ")")
	}
	if l.Before != 0 {
		q.add("o.id < " + q.arg(int64(l.Before)))
	}
	return collect(ctx, db, func(r rows) (d Decision, err error) {
		return d, r.Scan(&d.ID, &d.Number, &d.Peer.Value, &d.Peer.Kind, &d.OptedOut, &d.Keyword, &d.Message, &d.Person, &d.PersonName, (*microTime)(&d.At), &d.Note)
	}, `SELECT o.id, o.number, o.peer, o.peer_kind, o.opted_out, o.keyword, o.message, o.person, `+byName+`, o.at, o.note
		FROM opt_outs o LEFT JOIN people p ON p.id = o.person LEFT JOIN tokens t ON t.id = o.person`+q.where()+` ORDER BY o.id DESC LIMIT `+q.arg(l.Limit), q.args...)
}
