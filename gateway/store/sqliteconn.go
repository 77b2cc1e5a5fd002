package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"smsbridge/gateway"
)

// sqliteConn is a conn on SQLite's own interface. A connection of database/sql
// costs more than SQLite itself where a statement takes microseconds: locks,
// an allocation for each parameter, a goroutine for each context.
//
// SQLite does no locking for it (SQLITE_OPEN_NOMUTEX): one goroutine uses it.
type sqliteConn struct {
	tls   *libc.TLS
	db    uintptr // sqlite3*
	out   uintptr // where SQLite puts a handle that it returns
	stmts map[string]*sqliteStmt
}

// sqliteError is what SQLite answered, as *sqlite.Error is for the readers.
type sqliteError struct {
	code int // extended result code
	text string
}

func (e *sqliteError) Error() string { return e.text + " (" + strconv.Itoa(e.code) + ")" }

// Code returns the extended result code.
func (e *sqliteError) Code() int { return e.code }

var errNoMemory = &sqliteError{sqlite3.SQLITE_NOMEM, "out of memory"}

// openSQLiteConn opens the file at path, which is no URI, and runs the session's
// statements. ctx bounds nothing but the beginning: SQLite's waits end with its
// own busy_timeout.
func openSQLiteConn(ctx context.Context, path string, session []string) (_ *sqliteConn, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &sqliteConn{tls: libc.NewTLS(), stmts: map[string]*sqliteStmt{}}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	if c.out = libc.Xmalloc(c.tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0)))); c.out == 0 {
		return nil, errNoMemory
	}
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.out,
		sqlite3.SQLITE_OPEN_READWRITE|sqlite3.SQLITE_OPEN_CREATE|sqlite3.SQLITE_OPEN_NOMUTEX|sqlite3.SQLITE_OPEN_EXRESCODE, 0)
	c.db = *(*uintptr)(pointer(c.out)) // set on most errors too
	if rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("open %s: %w", path, c.fault(rc))
	}
	for _, text := range session {
		if _, err := c.exec(text, nil); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return c, nil
}

// pointer is of memory that C code allocated: it does not move, and the garbage
// collector does not know it.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

func (c *sqliteConn) fault(rc int32) error {
	if c.db == 0 {
		return &sqliteError{int(rc), libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))}
	}
	return &sqliteError{int(rc), libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))}
}

func (c *sqliteConn) exec(text string, args []any) (int64, error) {
	if err := c.query(text, args, nil); err != nil {
		return 0, err
	}
	return sqlite3.Xsqlite3_changes64(c.tls, c.db), nil
}

func (c *sqliteConn) query(text string, args []any, scan func(rows) error) error {
	st, err := c.prepare(text)
	if err != nil {
		return err
	}
	if st.running {
		return errors.New("statement run while it is running")
	}
	st.running = true
	defer st.reset()
	if err := st.bind(args); err != nil {
		return err
	}
	for {
		switch rc := sqlite3.Xsqlite3_step(c.tls, st.handle); rc {
		case sqlite3.SQLITE_DONE:
			return nil
		case sqlite3.SQLITE_ROW:
			if scan == nil {
				continue
			}
			if err := scan(st); err != nil {
				return err
			}
		default:
			return c.fault(rc)
		}
	}
}

func (c *sqliteConn) prepare(text string) (*sqliteStmt, error) {
	if st := c.stmts[text]; st != nil {
		return st, nil
	}
	sql, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, sql)
	if rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, sql, int32(len(text)+1), sqlite3.SQLITE_PREPARE_PERSISTENT, c.out, 0); rc != sqlite3.SQLITE_OK {
		return nil, c.fault(rc)
	}
	st := &sqliteStmt{c: c, handle: *(*uintptr)(pointer(c.out))}
	st.columns = int(sqlite3.Xsqlite3_column_count(c.tls, st.handle))
	if err := st.numberParameters(); err != nil {
		sqlite3.Xsqlite3_finalize(c.tls, st.handle)
		return nil, err
	}
	c.stmts[text] = st
	return st, nil
}

// close may be called on a connection that was opened in part. A transaction
// that is left open is rolled back.
func (c *sqliteConn) close() {
	for _, st := range c.stmts {
		sqlite3.Xsqlite3_finalize(c.tls, st.handle)
		libc.Xfree(c.tls, st.buf)
	}
	c.stmts = nil
	sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
}

// sqliteStmt is a prepared statement and, while it runs, its present row.
type sqliteStmt struct {
	c       *sqliteConn
	handle  uintptr // sqlite3_stmt*
	columns int
	params  []int // the argument of each parameter
	args    int
	running bool

	// buf holds the texts and blobs of the arguments. SQLite reads them there
	// (SQLITE_STATIC) until the statement is reset.
	buf     uintptr
	bufSize int
}

// numberParameters finds which argument each parameter is. SQLite numbers $1
// and $2 by where they come first in the text, not by their names.
func (st *sqliteStmt) numberParameters() error {
	st.params = make([]int, sqlite3.Xsqlite3_bind_parameter_count(st.c.tls, st.handle))
	for i := range st.params {
		n := i + 1
		if name := sqlite3.Xsqlite3_bind_parameter_name(st.c.tls, st.handle, int32(i+1)); name != 0 {
			var err error
			if n, err = strconv.Atoi(libc.GoString(name)[1:]); err != nil || n < 1 {
				return fmt.Errorf("parameter %s: want $1, $2…", libc.GoString(name))
			}
		}
		st.params[i] = n - 1
		st.args = max(st.args, n)
	}
	return nil
}

func (st *sqliteStmt) reset() {
	sqlite3.Xsqlite3_reset(st.c.tls, st.handle) // repeats the error of the last step
	st.running = false
}

func (st *sqliteStmt) bind(args []any) error {
	if len(args) != st.args {
		return fmt.Errorf("%d arguments, want %d", len(args), st.args)
	}
	size := 0
	for _, arg := range args {
		switch v := arg.(type) {
		case int64, *int64, *gateway.ID:
		case string:
			size += len(v)
		case *string:
			size += len(*v)
		case []byte:
			size += len(v)
		case *[]byte:
			size += len(*v)
		default:
			if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
				size += v.Len()
			}
		}
	}
	if err := st.grow(size); err != nil {
		return err
	}
	at := st.buf
	for i, n := range st.params {
		rc, err := st.bindOne(int32(i+1), args[n], &at)
		if err != nil {
			return fmt.Errorf("argument %d: %w", n+1, err)
		}
		if rc != sqlite3.SQLITE_OK {
			return st.c.fault(rc)
		}
	}
	return nil
}

// grow makes room for size bytes in the buffer, which is never nil: a nil
// pointer would be bound as NULL.
func (st *sqliteStmt) grow(size int) error {
	if size <= st.bufSize && st.buf != 0 {
		return nil
	}
	size = max(64, size+size/2)
	p := libc.Xmalloc(st.c.tls, libc.Tsize_t(size))
	if p == 0 {
		return errNoMemory
	}
	libc.Xfree(st.c.tls, st.buf)
	st.buf, st.bufSize = p, size
	return nil
}

func (st *sqliteStmt) bindOne(i int32, arg any, at *uintptr) (rc int32, err error) {
	tls, h := st.c.tls, st.handle
	switch v := arg.(type) {
	case int64:
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, v), nil
	case *int64:
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, *v), nil
	case *gateway.ID:
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, int64(*v)), nil
	case string:
		return st.bindText(i, v, at), nil
	case *string:
		return st.bindText(i, *v, at), nil
	case []byte:
		return st.bindBlob(i, v, at), nil
	case *[]byte:
		return st.bindBlob(i, *v, at), nil
	case nil:
		return sqlite3.Xsqlite3_bind_null(tls, h, i), nil
	}
	v := reflect.ValueOf(arg)
	switch {
	case v.CanInt():
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, v.Int()), nil
	case v.CanUint() && v.Uint() <= math.MaxInt64:
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, int64(v.Uint())), nil
	case v.Kind() == reflect.Bool:
		return sqlite3.Xsqlite3_bind_int64(tls, h, i, asInt(v.Bool())), nil
	case v.Kind() == reflect.String:
		return st.bindText(i, v.String(), at), nil
	}
	return 0, fmt.Errorf("cannot bind a %T", arg)
}

func (st *sqliteStmt) bindText(i int32, v string, at *uintptr) int32 {
	p := *at
	*at += uintptr(copy(libc.GoBytes(p, len(v)), v))
	return sqlite3.Xsqlite3_bind_text(st.c.tls, st.handle, i, p, int32(len(v)), 0)
}

func (st *sqliteStmt) bindBlob(i int32, v []byte, at *uintptr) int32 {
	if v == nil {
		return sqlite3.Xsqlite3_bind_null(st.c.tls, st.handle, i)
	}
	p := *at
	*at += uintptr(copy(libc.GoBytes(p, len(v)), v))
	return sqlite3.Xsqlite3_bind_blob(st.c.tls, st.handle, i, p, int32(len(v)), 0)
}
