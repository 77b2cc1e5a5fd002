package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"smsbridge/gateway"
)

type (
	execFunc     func(context.Context, string, ...any) (sql.Result, error)
	queryRowFunc func(context.Context, string, ...any) *sql.Row
)

const (
	maxBatch   = 256 // updates in one commit
	maxRetries = 5   // of one update that loses races
	maxYields  = 3   // to callers that add to a batch
	// commitTimeout bounds a transaction: a database that hangs must not hang
	// carriers, which are answered "temporary" instead.
	commitTimeout = 30 * time.Second
)

// update is one caller's work.
type update struct {
	ctx   context.Context // the caller's: says whether it still waits
	fn    func(*Tx) error
	state atomic.Int32 // queued, then running or abandoned
	err   error
	done  chan struct{}
}

const (
	updateQueued int32 = iota
	updateRunning
	updateAbandoned
)

// Update runs fn in a transaction that other callers share, and returns when
// the transaction is durable: with nil, or with fn's own error and nothing of
// fn's written.
//
// fn touches nothing but its Tx and what it returns through; it may run more
// than once, and only the last run counts. It checks before it writes: an error
// before the first write costs the others nothing, while one after it makes the
// whole batch run again, each by itself. If ctx ends before fn was begun, it is
// never begun; once begun, Update waits for the outcome.
//
// An error that wraps ErrUnavailable may pass by itself.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	u := &update{ctx: ctx, fn: fn, done: make(chan struct{})}
	if err := db.enqueue(ctx, u); err != nil {
		return err
	}
	select {
	case <-u.done:
		return u.err
	case <-ctx.Done():
		if u.state.CompareAndSwap(updateQueued, updateAbandoned) {
			return ctx.Err()
		}
		<-u.done
		return u.err
	}
}

func (db *DB) enqueue(ctx context.Context, u *update) error {
	if err := ctx.Err(); err != nil { // select would pick either
		return err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return ErrClosed
	}
	select {
	case db.updates <- u:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// conn is the one connection that writes: SQLite's own interface, or a driver
// of database/sql. Statements are prepared once by their text. It runs under no
// caller's context: its deadlines are the database's own (busy_timeout,
// statement_timeout).
type conn interface {
	exec(text string, args []any) (affected int64, err error)
	query(text string, args []any, scan func(rows) error) error
	close()
}

// committer owns the writing connection. Only commitLoop's goroutine touches it.
type committer struct {
	db   *DB
	conn conn
	bulk map[bulkKey]string
	args []any // of bulk
	// events is how many the last batch had: room for as many is made at once.
	events int
}

func (db *DB) commitLoop() {
	defer close(db.done)
	c := &committer{db: db, bulk: map[bulkKey]string{}}
	defer c.drop()
	batch := make([]*update, 0, maxBatch)
	for u := range db.updates {
		batch = append(batch[:0], u)
		batch = db.drain(batch)
		n := 0
		for _, u := range batch {
			if u.ctx.Err() == nil && u.state.CompareAndSwap(updateQueued, updateRunning) {
				batch[n] = u
				n++
			}
		}
		if n > 0 {
			c.run(batch[:n])
		}
		clear(batch)
	}
}

// drain takes what is waiting already. There is no linger: what arrives during
// a commit is the next batch. But callers that were answered just now get to
// run first: else they miss this batch with their next update, and all callers
// fall into two groups that wait for each other's commits.
func (db *DB) drain(batch []*update) []*update {
	for range maxYields {
		runtime.Gosched()
		n := len(batch)
		if batch = db.take(batch); len(batch) == n {
			break
		}
	}
	return batch
}

func (db *DB) take(batch []*update) []*update {
	for len(batch) < maxBatch {
		select {
		case u, ok := <-db.updates:
			if !ok {
				return batch
			}
			batch = append(batch, u)
		default:
			return batch
		}
	}
	return batch
}

func (c *committer) run(batch []*update) {
	err := c.try(batch)
	switch {
	case err == nil:
	case c.unavailable(err):
		c.db.opt.Log.Error("store: commit failed", "error", err, "updates", len(batch))
		answer(batch, asUnavailable(err))
	default:
		for i, u := range batch {
			var away bool
			if u.err, away = c.alone(u); away {
				answer(batch[i+1:], u.err) // rather than wait for as many timeouts
				break
			}
		}
	}
	for _, u := range batch {
		close(u.done)
	}
}

func answer(batch []*update, err error) {
	for _, u := range batch {
		u.err = err
	}
}

func asUnavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// alone runs one update in its own transactions until it wins, and says whether
// the store is unavailable.
func (c *committer) alone(u *update) (err error, away bool) {
	for i := 0; ; i++ {
		u.err = nil
		err := c.try([]*update{u})
		var own *poisoned
		switch {
		case err == nil:
			return u.err, false
		case c.unavailable(err):
			return asUnavailable(err), true
		case !c.db.dialect.retry(err) || i == maxRetries:
			if errors.As(err, &own) {
				return own.error, false
			}
			return err, false
		}
		pause := time.NewTimer(time.Duration(1+rand.IntN(10<<i)) * time.Millisecond)
		<-pause.C
	}
}

// try runs the batch in one transaction. An error means that nothing was
// committed and no update was answered; a nil error, that each update's own
// err stands.
func (c *committer) try(batch []*update) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	if err := c.begin(ctx); err != nil {
		return err
	}
	tx := &Tx{c: c, now: time.Now().UTC().Truncate(time.Microsecond)}
	defer func() {
		if err != nil {
			if _, rerr := c.conn.exec("ROLLBACK", nil); rerr != nil {
				c.drop() // a connection in an unknown state is of no use
			}
		}
	}()
	for _, u := range batch {
		tx.wrote = false
		if err := runOne(u, tx); err != nil {
			return err
		}
	}
	if err := tx.finish(); err != nil {
		return err
	}
	start := time.Now()
	if _, err := c.conn.exec("COMMIT", nil); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if c.db.delay > 0 && tx.any {
		<-time.After(c.db.delay)
	}
	c.committed(tx, len(batch), time.Since(start))
	return nil
}

func (c *committer) committed(tx *Tx, batch int, took time.Duration) {
	c.events = len(tx.events)
	if c.db.opt.Observe != nil && tx.any {
		c.db.opt.Observe(batch, took)
	}
	if c.db.opt.OnCommit != nil && len(tx.events) > 0 {
		c.db.opt.OnCommit(tx.events)
	}
	for _, f := range tx.after {
		f()
	}
}

// runOne runs an update's function. The error returned is the batch's: the
// update's own, if it stands, is left in u.err.
func runOne(u *update, tx *Tx) (err error) {
	u.err = nil
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in update: %v\n%s", p, debug.Stack())
		}
	}()
	err = u.fn(tx)
	switch {
	case err == nil && tx.fault != nil: // PostgreSQL would roll back and call that a commit
		return &poisoned{tx.fault, tx.fault}
	case err != nil && (tx.wrote || tx.fault != nil):
		return &poisoned{err, tx.fault}
	}
	u.err = err
	return nil
}

// poisoned is a function's own error after it wrote or a statement failed. Only
// the statement's error says what to do about it: the other may wrap anything.
type poisoned struct {
	error
	fault error
}

func (p *poisoned) Unwrap() error { return p.fault }

// unavailable says that the store, and not the work, is the trouble.
func (c *committer) unavailable(err error) bool {
	return errors.Is(err, ErrUnavailable) || c.db.dialect.full(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, context.DeadlineExceeded)
}

// begin opens a transaction, on a new connection if the old one is lost.
func (c *committer) begin(ctx context.Context) error {
	for {
		fresh := c.conn == nil
		if err := c.connect(ctx); err != nil {
			return err
		}
		_, err := c.conn.exec(c.db.dialect.begin, nil)
		if err == nil {
			return nil
		}
		lost := !fresh && !c.db.dialect.retry(err)
		c.drop()
		if !lost {
			return fmt.Errorf("%w: begin: %w", ErrUnavailable, err)
		}
	}
}

func (c *committer) connect(ctx context.Context) (err error) {
	if c.conn == nil {
		c.conn, err = openConn(ctx, c.db)
	}
	return err
}

// drop gives up the connection, so that the next batch opens a new one.
func (c *committer) drop() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
}

// number gives the events their places, as the transaction's last statements:
// the row lock on event_seq orders commits on both databases and across
// processes, so that a reader of "seq > cursor" misses none.
func (tx *Tx) number() error {
	if len(tx.events) == 0 {
		return nil
	}
	var last int64
	if err := tx.one(func(r rows) error { return r.Scan(&last) },
		`UPDATE event_seq SET n = n + $1 WHERE one = 1 RETURNING n`, len(tx.events)); err != nil {
		return err
	}
	first := last - int64(len(tx.events)) + 1
	for i := range tx.events {
		tx.events[i].Seq = first + int64(i)
	}
	return tx.insertEvents(tx.events)
}

// EventSeq returns the number of the newest committed event.
func (db *DB) EventSeq(ctx context.Context) (int64, error) {
	all, err := collect(ctx, db, func(r rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT n FROM event_seq WHERE one = 1`)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[0], nil
}

// AfterCommit has f called after the transaction's commit, by the committer:
// it must not block, and may run for an update whose own error stood.
func (tx *Tx) AfterCommit(f func()) { tx.after = append(tx.after, f) }

// Emit records an event; its number is given at the end of the batch.
func (tx *Tx) Emit(e gateway.Event) {
	tx.write()
	if e.Time.IsZero() {
		e.Time = tx.now
	}
	if tx.events == nil {
		tx.events = make([]gateway.Event, 0, tx.c.events)
	}
	tx.events = append(tx.events, e)
}
