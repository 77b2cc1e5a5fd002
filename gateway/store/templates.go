package store

import (
	"context"

	"smsbridge/gateway"
)

const templateColumns = `id, queue, name, category, language, text, created_at, updated_at`

func scanTemplate(r rows) (t gateway.Template, err error) {
	return t, r.Scan(&t.ID, &t.Queue, &t.Name, &t.Category, &t.Language, &t.Text, (*microTime)(&t.CreatedAt), (*microTime)(&t.UpdatedAt))
}

// TemplateList says which templates to list.
type TemplateList struct {
	Search             string       // part of the name or the text
	Category, Language string       // "": any
	Queues             []gateway.ID // only those of these, and those for all; nil: any
	After              *NamePlace
	Limit              int
}

// Templates lists templates by name.
func (db *DB) Templates(ctx context.Context, l TemplateList) ([]gateway.Template, error) {
	q := &query{}
	if l.Search != "" {
		q.add("folded LIKE " + q.arg("%"+escapeLike(folded(l.Search))+"%") + " ESCAPE '!'")
	}
	if l.Category != "" {
		q.add("category = " + q.arg(l.Category))
	}
	if l.Language != "" {
		q.add("language = " + q.arg(l.Language))
	}
	if l.Queues != nil {
		q.add("queue IN (" + q.list(append([]gateway.ID{0}, l.Queues...)) + ")")
	}
	l.After.add(q, "")
	return collect(ctx, db, scanTemplate, `SELECT `+templateColumns+` FROM templates`+q.where()+` ORDER BY sorted, id LIMIT `+q.arg(l.Limit), q.args...)
}

// Template reads one; false if there is none.
func (db *DB) Template(ctx context.Context, id gateway.ID) (gateway.Template, bool, error) {
	return first(collect(ctx, db, scanTemplate, `SELECT `+templateColumns+` FROM templates WHERE id = $1`, int64(id)))
}

// Template reads one as this transaction has it; false if there is none.
func (tx *Tx) Template(id gateway.ID) (t gateway.Template, found bool, err error) {
	err = tx.each(func(r rows) (err error) {
		found = true
		t, err = scanTemplate(r)
		return err
	}, `SELECT `+templateColumns+` FROM templates WHERE id = $1`+tx.c.db.dialect.forUpdate, int64(id))
	return t, found, err
}

// SaveTemplate adds a template, and gives it an ID, or saves it anew.
func (tx *Tx) SaveTemplate(t *gateway.Template) error {
	t.UpdatedAt = tx.now
	if t.ID == 0 {
		t.ID, t.CreatedAt = tx.NewID(), tx.now
	}
	_, err := tx.exec(`INSERT INTO templates (id, queue, name, sorted, folded, category, language, text, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET queue = excluded.queue, name = excluded.name,
		sorted = excluded.sorted, folded = excluded.folded, category = excluded.category, language = excluded.language, text = excluded.text,
		updated_at = excluded.updated_at`, int64(t.ID), int64(t.Queue), t.Name, SortedName(t.Name), folded(t.Name, t.Text), t.Category, t.Language, t.Text,
		micros(t.CreatedAt), micros(t.UpdatedAt))
	return err
}

// DeleteTemplate deletes a template.
func (tx *Tx) DeleteTemplate(id gateway.ID) error {
	_, err := tx.exec(`DELETE FROM templates WHERE id = $1`, int64(id))
	return err
}
