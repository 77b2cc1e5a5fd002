package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"smsbridge/gateway"
)

// Tx is the transaction that a batch of updates shares. Conversations that it
// has read or saved are remembered, and what it inserts is written in rows of
// many at the end, or when a read could see it: work per batch, not per text.
//
// A Tx belongs to the committer's goroutine and to one fn at a time.
type Tx struct {
	c     *committer
	now   time.Time
	wrote bool  // by the present fn
	any   bool  // by any fn of the batch
	fault error // of a statement that failed: PostgreSQL's transaction is over

	conversations map[gateway.ID]*entry
	pairs         map[pair]*entry
	dirty         []*entry
	messages      []*gateway.Message
	segments      []*gateway.Segment
	owners        []gateway.ID // of segments: their conversations
	numbers       []string     // of segments
	receipts      []receiptRow
	events        []gateway.Event
	after         []func()
	sentOn        map[tokenDay]*sentOn
	deeds         []Deed
	facts         []Fact
}

// pair is what a conversation is between.
type pair struct {
	number string
	peer   gateway.Address
}

// entry is a conversation that the transaction knows. One with no ID is known
// not to exist.
type entry struct {
	conversation gateway.Conversation
	dirty        bool
}

// Now is the transaction's time, the same for all that it writes.
func (tx *Tx) Now() time.Time { return tx.now }

// NewID returns an ID greater than every earlier one of this node.
func (tx *Tx) NewID() gateway.ID { return tx.c.db.ids.next(tx.now) }

func (tx *Tx) write() { tx.wrote, tx.any = true, true }

// exec runs a statement that writes, and says how many rows it touched.
func (tx *Tx) exec(text string, args ...any) (int64, error) {
	tx.write()
	n, err := tx.c.conn.exec(text, args)
	if err != nil {
		tx.fault = err
		return 0, fmt.Errorf("%s: %w", verb(text), err)
	}
	return n, nil
}

// each calls scan for every row of a query. The query sees what was written
// directly; flush first if it must see deferred rows.
func (tx *Tx) each(scan func(rows) error, text string, args ...any) error {
	if err := tx.c.conn.query(text, args, scan); err != nil {
		tx.fault = err
		return fmt.Errorf("%s: %w", verb(text), err)
	}
	return nil
}

// ids is each, for queries whose rows are an ID.
func (tx *Tx) ids(text string, args ...any) (all []gateway.ID, err error) {
	err = tx.each(func(r rows) error {
		var id gateway.ID
		err := r.Scan(&id)
		all = append(all, id)
		return err
	}, text, args...)
	return all, err
}

// one is each, for the one row that must be there.
func (tx *Tx) one(scan func(rows) error, text string, args ...any) error {
	n := 0
	err := tx.each(func(r rows) error { n++; return scan(r) }, text, args...)
	if err == nil && n == 0 {
		return fmt.Errorf("%s: no row", verb(text))
	}
	return err
}

// verb shortens a statement for an error: its first words say where it failed.
func verb(text string) string {
	f := strings.Fields(text)
	return strings.Join(f[:min(len(f), 4)], " ")
}

// bulkKey names a statement of many rows.
type bulkKey struct {
	head string
	n    int
}

// bulkSizes are the numbers of rows that have a prepared statement; any number
// is made of these. PostgreSQL and SQLite allow over 32,000 parameters.
var bulkSizes = [...]int{64, 16, 4, 1}

// bulk runs "head VALUES (row), (row)… tail" for n rows of cols parameters.
// fill may give pointers, which need not be boxed; what they point to is read
// before bulk returns. casts, for statements whose parameter types PostgreSQL cannot infer, are the
// types of the first row.
func (tx *Tx) bulk(head string, cols int, casts []string, tail string, n int, fill func(i int, args []any)) error {
	for i := 0; i < n; {
		size := 1
		for _, s := range bulkSizes {
			if n-i >= s {
				size = s
				break
			}
		}
		args := tx.c.scratch(size * cols)
		for r := 0; r < size; r++ {
			fill(i+r, args[r*cols:(r+1)*cols])
		}
		if _, err := tx.exec(tx.c.bulkText(head, cols, casts, tail, size), args...); err != nil {
			return err
		}
		clear(args) // or they keep alive what they point to
		i += size
	}
	return nil
}

func (c *committer) scratch(n int) []any {
	if cap(c.args) < n {
		c.args = make([]any, n)
	}
	return c.args[:n]
}

func (c *committer) bulkText(head string, cols int, casts []string, tail string, n int) string {
	key := bulkKey{head, n}
	if text, ok := c.bulk[key]; ok {
		return text
	}
	var b strings.Builder
	b.WriteString(head)
	for i := 0; i < n*cols; i++ {
		switch {
		case i == 0:
			b.WriteString(" (")
		case i%cols == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		p := c.db.dialect.placeholder(i + 1)
		if i < len(casts) {
			p = "CAST(" + p + " AS " + c.db.dialect.types.Replace(casts[i]) + ")"
		}
		b.WriteString(p)
	}
	b.WriteString(")" + tail)
	c.bulk[key] = b.String()
	return b.String()
}

// in runs "head IN ($1, …) tail" over ids in chunks, the last padded with its
// final id so that few statements exist.
func in[T any](tx *Tx, head string, ids []T, tail string, scan func(rows) error, first ...any) error {
	for len(ids) > 0 {
		size := 1
		for _, s := range bulkSizes {
			size = s
			if s <= len(ids) {
				break
			}
		}
		// One step up and padded beats many small statements.
		for i := len(bulkSizes) - 1; i > 0 && size < len(ids); i-- {
			if bulkSizes[i] > size {
				size = bulkSizes[i]
			}
		}
		n := min(size, len(ids))
		args := append(make([]any, 0, len(first)+size), first...)
		for i := range size {
			args = append(args, &ids[min(i, n-1)])
		}
		if err := tx.each(scan, tx.c.inText(head, len(first), size, tail), args...); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (c *committer) inText(head string, first, n int, tail string) string {
	key := bulkKey{head, n}
	if text, ok := c.bulk[key]; ok {
		return text
	}
	var b strings.Builder
	b.WriteString(head)
	for i := range n {
		if i == 0 {
			b.WriteString(" IN (")
		} else {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(first+i+1))
	}
	b.WriteString(")" + tail)
	c.bulk[key] = b.String()
	return b.String()
}

// flush writes the deferred rows, in the order in which they refer to each
// other. A read of messages or segments calls it first.
func (tx *Tx) flush() error {
	if err := tx.flushConversations(); err != nil {
		return err
	}
	if err := tx.flushMessages(); err != nil {
		return err
	}
	if err := tx.flushSegments(); err != nil {
		return err
	}
	return tx.flushReceipts()
}

// finish writes everything, the events last.
func (tx *Tx) finish() error {
	if err := tx.flush(); err != nil {
		return err
	}
	if err := tx.flushSentOn(); err != nil {
		return err
	}
	if err := tx.flushRecords(); err != nil {
		return err
	}
	return tx.number()
}
