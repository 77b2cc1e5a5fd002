package store

import (
	"context"
	"time"

	"smsbridge/gateway"
)

// Blocked is a customer who reaches nobody.
type Blocked struct {
	Peer        gateway.Address
	Contact     gateway.ID // who they are known as, or 0
	ContactName string
	Person      gateway.ID // or program, who blocked them
	PersonName  string
	At          time.Time
}

// byName finds the name of a person or of a program.
const byName = `COALESCE(p.name, t.name, '')`

// BlockList lists blocked customers by their numbers, behind the given one.
func (db *DB) BlockList(ctx context.Context, after gateway.Address, limit int) ([]Blocked, error) {
	return collect(ctx, db, func(r rows) (b Blocked, err error) {
		return b, r.Scan(&b.Peer.Value, &b.Peer.Kind, &b.Contact, &b.ContactName, &b.Person, &b.PersonName, (*microTime)(&b.At))
	}, `SELECT b.peer, b.peer_kind, COALESCE(k.id, 0), COALESCE(k.name, ''), b.person, `+byName+`, b.at FROM blocks b
		LEFT JOIN contact_numbers n ON n.peer = b.peer AND n.peer_kind = b.peer_kind LEFT JOIN contacts k ON k.id = n.contact
		LEFT JOIN people p ON p.id = b.person LEFT JOIN tokens t ON t.id = b.person
		WHERE b.peer > $1 OR b.peer = $1 AND b.peer_kind > $2 ORDER BY b.peer, b.peer_kind LIMIT $3`, after.Value, int64(after.Kind), limit)
}

// BlockedAs lists what is blocked under a number, whatever kind of address it is.
func (tx *Tx) BlockedAs(number string) (all []gateway.Address, err error) {
	err = tx.each(func(r rows) error {
		a := gateway.Address{Value: number}
		err := r.Scan(&a.Kind)
		all = append(all, a)
		return err
	}, `SELECT peer_kind FROM blocks WHERE peer = $1 ORDER BY peer_kind`, number)
	return all, err
}
