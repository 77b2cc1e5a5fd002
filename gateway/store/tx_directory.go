package store

import (
	"smsbridge/gateway"
)

// Queue returns a queue as this transaction has it; false if there is none, or it
// is being deleted.
func (tx *Tx) Queue(id gateway.ID) (q Queue, ok bool, err error) {
	err = tx.each(func(r rows) error { ok = true; q, err = scanQueue(r); return err },
		`SELECT id, name, settings FROM queues WHERE id = $1 AND deleted_at = 0`, int64(id))
	return q, ok, err
}

// Number returns whose a number is; General's, unless somebody has said otherwise.
func (tx *Tx) Number(number string) (Number, error) {
	n := Number{Number: number, Queue: GeneralQueue}
	return n, tx.each(func(r rows) error { return r.Scan(&n.Queue, &n.Person, &n.CarrierStops) },
		`SELECT queue, person, carrier_stops FROM queue_numbers WHERE number = $1`, number)
}

// Member returns a person's place in a queue; false if nobody has put them there.
func (tx *Tx) Member(queue, person gateway.ID) (m Member, ok bool, err error) {
	m = Member{Queue: queue, Person: person}
	err = tx.each(func(r rows) error { ok = true; return r.Scan(&m.Manages, &m.Position) },
		`SELECT manages, position FROM queue_members WHERE queue = $1 AND person = $2`, int64(queue), int64(person))
	return m, ok, err
}

// Person returns a person, disabled or not; false if there is no such person.
func (tx *Tx) Person(id gateway.ID) (p Person, ok bool, err error) {
	err = tx.each(func(r rows) error { ok = true; p, err = scanPerson(r); return err },
		`SELECT `+personColumns+` FROM people WHERE id = $1`, int64(id))
	return p, ok, err
}

// Owners counts the system owners who are not disabled.
func (tx *Tx) Owners() (n int, err error) {
	err = tx.one(func(r rows) error { return r.Scan(&n) }, `SELECT COUNT(*) FROM people WHERE role = 'owner' AND disabled_at = 0`)
	return n, err
}

// SavePerson saves a person's name and role.
func (tx *Tx) SavePerson(p Person) error {
	_, err := tx.changeDirectory(`UPDATE people SET name = $2, role = $3 WHERE id = $1`, int64(p.ID), p.Name, p.Role)
	return err
}

// EnablePerson lets a disabled person sign in again.
func (tx *Tx) EnablePerson(id gateway.ID) error {
	_, err := tx.changeDirectory(`UPDATE people SET disabled_at = 0 WHERE id = $1 AND disabled_at <> 0`, int64(id))
	return err
}

// Unmanage leaves a person in their queues as one who manages none.
func (tx *Tx) Unmanage(id gateway.ID) error {
	_, err := tx.changeDirectory(`UPDATE queue_members SET manages = 0 WHERE person = $1 AND manages <> 0`, int64(id))
	return err
}

// Manages tells whether somebody manages a queue.
func (tx *Tx) Manages(id gateway.ID) (manages bool, err error) {
	err = tx.each(func(r rows) error { return r.Scan(&manages) },
		`SELECT COUNT(*) > 0 FROM queue_members WHERE person = $1 AND manages <> 0`, int64(id))
	return manages, err
}
