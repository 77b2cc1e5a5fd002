package store

import (
	"context"
	"slices"
	"strings"

	"smsbridge/gateway"
)

const contactColumns = `k.id, k.name, k.first_name, k.company, k.notes, k.tags, k.created_at, k.updated_at`

// numbered is a contact with one of its numbers, as a join has it.
type numbered struct {
	contact gateway.Contact
	number  gateway.Address
}

func scanNumbered(r rows) (n numbered, err error) {
	var tags string
	c := &n.contact
	err = r.Scan(&c.ID, &c.Name, &c.Given, &c.Company, &c.Notes, &tags, (*microTime)(&c.CreatedAt), (*microTime)(&c.UpdatedAt), &n.number.Value, &n.number.Kind)
	if tags != "" {
		c.Tags = strings.Split(strings.Trim(tags, "\n"), "\n")
	}
	return n, err
}

// gather makes contacts of rows in which those of one are neighbours.
func gather(all []numbered) []gateway.Contact {
	var cs []gateway.Contact
	for _, n := range all {
		if len(cs) == 0 || cs[len(cs)-1].ID != n.contact.ID {
			cs = append(cs, n.contact)
		}
		c := &cs[len(cs)-1]
		c.Numbers = append(c.Numbers, n.number)
	}
	return cs
}

// NamePlace is where a page of a list by name begins: behind the row with this
// name, as SortedName makes it, and ID.
type NamePlace struct {
	Name string
	ID   gateway.ID
}

func (p *NamePlace) add(q *query, table string) {
	if p != nil {
		name, id := q.arg(p.Name), q.arg(int64(p.ID))
		q.add("(" + table + "sorted > " + name + " OR " + table + "sorted = " + name + " AND " + table + "id > " + id + ")")
	}
}

// SortedName is by what lists order a name: its first octets, in small letters.
// Names that begin alike are ordered by ID.
func SortedName(name string) string {
	const most = 90 // with an ID, a cursor stays below 200 characters
	s := strings.ToLower(name)
	for i, r := range s {
		if i+len(string(r)) > most {
			return s[:i]
		}
	}
	return s
}

// folded is what is searched of texts.
func folded(texts ...string) string { return strings.ToLower(strings.Join(texts, "\n")) }

// ContactList says which contacts to list.
type ContactList struct {
	Search string // part of the name, the company or a number; "": any
	Digits string // part of a number's digits, beside Search; "": none
	Tag    string
	After  *NamePlace
	Limit  int
}

// Contacts lists contacts by name.
func (db *DB) Contacts(ctx context.Context, l ContactList) ([]gateway.Contact, error) {
	q := &query{}
	if l.Search != "" {
		like := q.arg("%" + escapeLike(folded(l.Search)) + "%")
		numbers := "LOWER(s.peer) LIKE " + like + " ESCAPE '!'"
		if l.Digits != "" {
			numbers += " OR s.peer LIKE " + q.arg("%"+escapeLike(l.Digits)+"%") + " ESCAPE '!'"
		}
		q.add("(c.folded LIKE " + like + " ESCAPE '!' OR EXISTS (SELECT 1 FROM contact_numbers s WHERE s.contact = c.id AND (" + numbers + ")))")
	}
	if l.Tag != "" {
		q.add("LOWER(c.tags) LIKE LOWER(" + q.arg("%\n"+escapeLike(l.Tag)+"\n%") + ") ESCAPE '!'")
	}
	l.After.add(q, "c.")
	all, err := collect(ctx, db, scanNumbered, `SELECT `+contactColumns+`, n.peer, n.peer_kind FROM
		(SELECT * FROM contacts c`+q.where()+` ORDER BY c.sorted, c.id LIMIT `+q.arg(l.Limit)+`) k
		JOIN contact_numbers n ON n.contact = k.id ORDER BY k.sorted, k.id, n.position`, q.args...)
	return gather(all), err
}

const oneContact = `SELECT ` + contactColumns + `, n.peer, n.peer_kind FROM contacts k JOIN contact_numbers n ON n.contact = k.id WHERE k.id = $1 ORDER BY n.position`

// Contact reads one; false if there is none.
func (db *DB) Contact(ctx context.Context, id gateway.ID) (gateway.Contact, bool, error) {
	all, err := collect(ctx, db, scanNumbered, oneContact, int64(id))
	return first(gather(all), err)
}

// Contact reads one as this transaction has it; false if there is none.
func (tx *Tx) Contact(id gateway.ID) (gateway.Contact, bool, error) {
	var all []numbered
	err := tx.each(func(r rows) error {
		n, err := scanNumbered(r)
		all = append(all, n)
		return err
	}, oneContact+tx.c.db.dialect.forUpdate, int64(id))
	return first(gather(all), err)
}

// ContactsOf finds whose some numbers are; those of nobody are left out.
func (tx *Tx) ContactsOf(numbers []gateway.Address) (map[gateway.Address]gateway.ID, error) {
	found := map[gateway.Address]gateway.ID{}
	values := make([]string, len(numbers))
	for i, n := range numbers {
		values[i] = n.Value
	}
	err := in(tx, `SELECT peer, peer_kind, contact FROM contact_numbers WHERE peer`, values, ``, func(r rows) error {
		var n gateway.Address
		var id gateway.ID
		err := r.Scan(&n.Value, &n.Kind, &id)
		found[n] = id
		return err
	})
	for n := range found { // of another kind
		if !slices.Contains(numbers, n) {
			delete(found, n)
		}
	}
	return found, err
}

// SaveContact adds a contact, and gives it an ID, or saves it anew. Its numbers
// must be nobody else's. Conversations with them know it from then on.
func (tx *Tx) SaveContact(c *gateway.Contact) error {
	tags := ""
	if len(c.Tags) > 0 {
		tags = "\n" + strings.Join(c.Tags, "\n") + "\n"
	}
	c.UpdatedAt = tx.now
	if c.ID == 0 {
		c.ID, c.CreatedAt = tx.NewID(), tx.now
	}
	if _, err := tx.exec(`INSERT INTO contacts (id, name, sorted, folded, first_name, company, notes, tags, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET name = excluded.name, sorted = excluded.sorted,
		folded = excluded.folded, first_name = excluded.first_name, company = excluded.company, notes = excluded.notes, tags = excluded.tags,
		updated_at = excluded.updated_at`, int64(c.ID), c.Name, SortedName(c.Name), folded(c.Name, c.Company), c.Given, c.Company, c.Notes, tags,
		micros(c.CreatedAt), micros(c.UpdatedAt)); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM contact_numbers WHERE contact = $1`, int64(c.ID)); err != nil {
		return err
	}
	if err := tx.bulk(`INSERT INTO contact_numbers (peer, peer_kind, contact, position) VALUES`, 4, nil, ``, len(c.Numbers), func(i int, a []any) {
		a[0], a[1], a[2], a[3] = &c.Numbers[i].Value, int64(c.Numbers[i].Kind), (*int64)(&c.ID), int64(i)
	}); err != nil {
		return err
	}
	tx.forget(c.ID)
	for k, e := range tx.pairs {
		if slices.Contains(c.Numbers, k.peer) {
			e.conversation.Contact, e.conversation.ContactName = c.ID, c.Name
		}
	}
	return nil
}

// DeleteContact deletes a contact. What was said with it stays.
func (tx *Tx) DeleteContact(id gateway.ID) error {
	if _, err := tx.exec(`DELETE FROM contact_numbers WHERE contact = $1`, int64(id)); err != nil {
		return err
	}
	tx.forget(id)
	_, err := tx.exec(`DELETE FROM contacts WHERE id = $1`, int64(id))
	return err
}

// forget has the conversations that this transaction remembers know a contact no
// more.
func (tx *Tx) forget(contact gateway.ID) {
	for _, e := range tx.pairs {
		if e.conversation.Contact == contact {
			e.conversation.Contact, e.conversation.ContactName = 0, ""
		}
	}
}

// Texted finds the customer of a conversation by how they are written, to the
// letter; false if there is none.
func (db *DB) Texted(ctx context.Context, value string) (gateway.Address, bool, error) {
	return first(collect(ctx, db, func(r rows) (a gateway.Address, err error) { return a, r.Scan(&a.Value, &a.Kind) },
		`SELECT peer, peer_kind FROM conversations WHERE peer = $1 AND status <> 4 ORDER BY peer_kind DESC LIMIT 1`, value))
}

// With lists the conversations with some customers that are not deleted, over
// all our numbers, as this transaction has them.
func (tx *Tx) With(peers []gateway.Address) ([]gateway.Conversation, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	values := make([]string, len(peers))
	for i, p := range peers {
		values[i] = p.Value
	}
	var ids []gateway.ID
	if err := in(tx, `SELECT id, peer, peer_kind FROM conversations WHERE status <> 4 AND peer`, values, ``, func(r rows) error {
		var id gateway.ID
		var p gateway.Address
		err := r.Scan(&id, &p.Value, &p.Kind)
		if err == nil && slices.Contains(peers, p) {
			ids = append(ids, id)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := tx.LoadConversations(ids); err != nil {
		return nil, err
	}
	all := make([]gateway.Conversation, 0, len(ids))
	for _, id := range ids {
		if e := tx.conversations[id]; e != nil && e.conversation.Status != gateway.StatusDeleted {
			all = append(all, e.conversation)
		}
	}
	return all, nil
}
