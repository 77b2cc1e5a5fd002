package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	_ "modernc.org/sqlite"             // the "sqlite" driver

	"smsbridge/gateway"
)

var (
	// ErrUnavailable wraps what may pass by itself: a full disk, an I/O error, a
	// database server that is away. Nothing is known to have been committed.
	ErrUnavailable = errors.New("store unavailable")
	// ErrClosed is returned once Close has begun.
	ErrClosed = errors.New("store closed")
	// ErrInUse says that another daemon runs on this store.
	ErrInUse = errors.New("another smsbridge daemon is using this store")
)

// readTimeout bounds every read outside Update: on SQLite a long reader keeps
// the write-ahead log from being checkpointed.
const readTimeout = 5 * time.Second

// Options says how a store is opened. The zero value opens it beside a daemon,
// as commands do.
type Options struct {
	// Node is the name of the daemon that opens the store for itself, or "" for
	// a command. A second daemon on the same store gets ErrInUse.
	Node string
	Log  *slog.Logger // nil: nothing is logged
	// OnCommit receives the events of each batch, numbered, in commit order,
	// before the callers of that batch return. It must not block nor change them.
	OnCommit func([]gateway.Event)
	// Observe receives the size of each batch and how long its commit took.
	Observe func(batch int, commit time.Duration)
}

// DB is a store. Its methods are safe for concurrent use.
type DB struct {
	dialect  dialect
	opt      Options
	path     string // of the SQLite file; "" for PostgreSQL
	lock     *os.File
	lockConn *sql.Conn // holds PostgreSQL's advisory lock
	written  *writtenRing
	writer   *sql.DB
	readers  *sql.DB
	ids      idGen
	delay    time.Duration // added to each commit, to measure slower disks

	mu      sync.RWMutex // guards closed; held for reading while an update is queued
	closed  bool
	updates chan *update
	done    chan struct{} // the committer has ended

	stmts sync.Map // SQL text -> *sql.Stmt, of readers
}

// Open opens, and if need be makes and migrates, the store that dsn names:
// "sqlite:PATH" or a postgres:// URL. "sqlite:PATH?fsync_delay=5ms" makes each
// commit that much slower, to see how a slower disk would do.
func Open(ctx context.Context, dsn string, opt Options) (*DB, error) {
	db := &DB{opt: opt, updates: make(chan *update, 4*maxBatch), done: make(chan struct{})}
	if db.opt.Log == nil {
		db.opt.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		err = db.openSQLite(strings.TrimPrefix(dsn, "sqlite:"))
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		err = db.openPostgres(ctx, dsn)
	default:
		return nil, fmt.Errorf("store %q: want sqlite:PATH or postgres://…", dsn)
	}
	if err == nil {
		err = db.migrate(ctx)
	}
	if err == nil {
		err = db.seedIDs(ctx)
	}
	if err != nil {
		db.closePools()
		return nil, err
	}
	go db.commitLoop()
	if err := db.ensureGeneral(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) openSQLite(path string) error {
	db.dialect = sqliteDialect()
	if p, query, ok := strings.Cut(path, "?"); ok {
		path = p
		values, err := url.ParseQuery(query)
		if err == nil && values.Get("fsync_delay") != "" {
			db.delay, err = time.ParseDuration(values.Get("fsync_delay"))
		}
		if err != nil {
			return fmt.Errorf("store %s: %w", path, err)
		}
	}
	db.path = path
	if err := makeOwned(path); err != nil {
		return fmt.Errorf("store %s: %w", path, err)
	}
	if db.opt.Node != "" {
		if err := db.lockFile(path + ".lock"); err != nil {
			return err
		}
		var err error
		if db.written, err = openWrittenRing(path + ".acks"); err != nil {
			return err
		}
	}
	uri := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"
	for _, p := range sqlitePragmas() {
		uri += "&_pragma=" + strings.TrimPrefix(p, "PRAGMA ")
	}
	var err error
	if db.writer, err = sql.Open("sqlite", uri); err != nil {
		return err
	}
	db.readers, err = sql.Open("sqlite", uri+"&_pragma=cache_size(-4000)&_pragma=query_only(1)")
	db.limitPools(runtime.GOMAXPROCS(0))
	return err
}

// makeOwned makes the file, and its folder, if they are missing. Made by root
// they are given to the folder's owner, so that the daemon's user can open what
// a command made; SQLite itself does the same for the files beside it.
func makeOwned(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return giveToOwnerOf(dir, f)
}

func giveToOwnerOf(dir string, f *os.File) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}

func (db *DB) openPostgres(ctx context.Context, dsn string) error {
	db.dialect = postgresDialect()
	var err error
	if db.writer, err = sql.Open("pgx", dsn); err != nil {
		return err
	}
	if db.readers, err = sql.Open("pgx", dsn); err != nil {
		return err
	}
	db.limitPools(max(4, runtime.GOMAXPROCS(0)))
	if db.opt.Node == "" {
		return nil
	}
	return db.lockServer(ctx)
}

func (db *DB) limitPools(readers int) {
	db.writer.SetMaxOpenConns(1)
	if db.readers != nil {
		db.readers.SetMaxOpenConns(readers + 1)
		db.readers.SetMaxIdleConns(readers + 1)
	}
}

// seedIDs gives this process its node number and makes its IDs greater than
// those in the store, whatever the clock says.
func (db *DB) seedIDs(ctx context.Context) error {
	db.ids.node = cliNode
	if db.opt.Node != "" {
		if err := db.numberNode(ctx); err != nil {
			return fmt.Errorf("node %s: %w", db.opt.Node, err)
		}
	}
	// On SQLite terms are IDs too; only what is still out needs a later one.
	for _, newest := range []string{"id) FROM messages", "id) FROM conversations", "id) FROM people", "id) FROM receipts", "id) FROM opt_outs",
		"id) FROM fragments", "id) FROM quarantine", "id) FROM attempts", "id) FROM audit", "id) FROM facts",
		"id) FROM contacts", "id) FROM templates", "term) FROM segments WHERE tick IN (1, 2)"} {
		var id sql.NullInt64
		if err := db.writer.QueryRowContext(ctx, "SELECT MAX("+newest).Scan(&id); err != nil {
			return fmt.Errorf("newest %s: %w", newest, err)
		}
		db.ids.past(gateway.ID(id.Int64))
	}
	return nil
}

// numberNode gives a node's name a number, once and for all. The daemon's lock
// keeps others from numbering at the same time.
func (db *DB) numberNode(ctx context.Context) error {
	find := func() error {
		return db.writer.QueryRowContext(ctx, `SELECT n FROM nodes WHERE name = $1`, db.opt.Node).Scan(&db.ids.node)
	}
	err := find()
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if _, err := db.writer.ExecContext(ctx, `INSERT INTO nodes (n, name) SELECT COALESCE(MAX(n) + 1, 0), CAST($1 AS TEXT) FROM nodes`, db.opt.Node); err != nil {
		return err
	}
	if err := find(); err != nil {
		return err
	}
	if db.ids.node >= cliNode {
		return fmt.Errorf("the store knows %d other nodes, as many as can be numbered", cliNode)
	}
	return nil
}

// Path is where an SQLite store lies; "" for PostgreSQL.
func (db *DB) Path() string { return db.path }

// NewID returns an ID greater than every earlier one of this node.
func (db *DB) NewID() gateway.ID { return db.ids.next(time.Now()) }

// Close answers what was queued, then closes the database. It is idempotent.
func (db *DB) Close() error {
	db.mu.Lock()
	again := db.closed
	if !again {
		db.closed = true
		close(db.updates)
	}
	db.mu.Unlock()
	<-db.done
	if again {
		return nil
	}
	return db.closePools()
}

func (db *DB) closePools() error {
	var errs []error
	if db.lockConn != nil {
		errs = append(errs, db.unlockServer())
	}
	for _, p := range []*sql.DB{db.readers, db.writer} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if db.written != nil {
		errs = append(errs, db.written.close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	return errors.Join(errs...)
}

// query runs a read with its statement prepared once. The caller closes rows.
func (db *DB) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	st, ok := db.stmts.Load(text)
	if !ok {
		p, err := db.readers.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		if st, ok = db.stmts.LoadOrStore(text, p); ok {
			p.Close()
		}
	}
	return st.(*sql.Stmt).QueryContext(ctx, storable(args)...)
}

// collect reads every row of a query outside Update.
func collect[T any](ctx context.Context, db *DB, scan func(rows) (T, error), text string, args ...any) ([]T, error) {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := func() ([]T, error) {
		rs, err := db.query(ctx, text, args...)
		if err != nil {
			return nil, err
		}
		return scanAll(rs, scan)
	}()
	switch {
	case err == nil:
		return all, nil
	case caller.Err() != nil:
		return nil, caller.Err()
	}
	// The statements are right: what fails is the store.
	return nil, fmt.Errorf("read: %w: %w", ErrUnavailable, err)
}

// rows is what a scan function reads one row from.
type rows interface{ Scan(...any) error }

func scanAll[T any](rs *sql.Rows, scan func(rows) (T, error)) ([]T, error) {
	defer rs.Close()
	var all []T
	for rs.Next() {
		v, err := scan(rs)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rs.Err()
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// microTime scans what micros made.
type microTime time.Time

// Scan implements sql.Scanner.
func (t *microTime) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("time of type %T", v)
	}
	*t = microTime(fromMicros(n))
	return nil
}

func fromMicros(v int64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMicro(v).UTC()
}
