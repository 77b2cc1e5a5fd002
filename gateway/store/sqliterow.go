package store

import (
	"errors"
	"fmt"
	"reflect"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"smsbridge/gateway"
)

var errNull = errors.New("is NULL")

// Scan copies the present row's columns, as (*sql.Rows).Scan does for the types
// that this package scans.
func (st *sqliteStmt) Scan(dest ...any) error {
	if len(dest) != st.columns {
		return fmt.Errorf("%d columns scanned, want %d", len(dest), st.columns)
	}
	for i, d := range dest {
		if err := st.column(int32(i), d); err != nil {
			return fmt.Errorf("column %d into %T: %w", i+1, d, err)
		}
	}
	return nil
}

func (st *sqliteStmt) column(i int32, dest any) (err error) {
	switch d := dest.(type) {
	case *int64:
		*d, err = st.integer(i)
	case *gateway.ID:
		var n int64
		n, err = st.integer(i)
		*d = gateway.ID(n)
	case *string:
		var b []byte
		b, err = st.bytes(i)
		*d = string(b)
	case *[]byte:
		// NULL is nil, and an empty blob is not.
		b, null := st.bytes(i)
		*d = nil
		if null == nil {
			*d = append([]byte{}, b...)
		}
	case *microTime:
		var n int64
		n, err = st.integer(i)
		*d = microTime(fromMicros(n))
	case *extrasColumn:
		var b []byte
		if b, err = st.bytes(i); err == nil {
			err = d.read(b)
		}
	default:
		err = st.columnByKind(i, dest)
	}
	return err
}

func (st *sqliteStmt) columnByKind(i int32, dest any) error {
	p := reflect.ValueOf(dest)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return errors.New("not a pointer to scan into")
	}
	d := p.Elem()
	if d.Kind() == reflect.String {
		b, err := st.bytes(i)
		d.SetString(string(b))
		return err
	}
	n, err := st.integer(i)
	switch {
	case err != nil:
	case d.CanInt() && !d.OverflowInt(n):
		d.SetInt(n)
	case d.CanUint() && n >= 0 && !d.OverflowUint(uint64(n)):
		d.SetUint(uint64(n))
	case d.Kind() == reflect.Bool && (n == 0 || n == 1):
		d.SetBool(n == 1)
	default:
		err = fmt.Errorf("cannot hold %d", n)
	}
	return err
}

func (st *sqliteStmt) integer(i int32) (int64, error) {
	n := sqlite3.Xsqlite3_column_int64(st.c.tls, st.handle, i)
	// SQLite makes 0 of what is no number.
	if n == 0 {
		if typ := sqlite3.Xsqlite3_column_type(st.c.tls, st.handle, i); typ == sqlite3.SQLITE_NULL {
			return 0, errNull
		} else if typ != sqlite3.SQLITE_INTEGER {
			return 0, errors.New("is no integer")
		}
	}
	return n, nil
}

// bytes returns a column's bytes where SQLite has them, until the next step.
func (st *sqliteStmt) bytes(i int32) ([]byte, error) {
	// As a blob, for which SQLite copies nothing: a text would get a NUL behind it.
	p := sqlite3.Xsqlite3_column_blob(st.c.tls, st.handle, i)
	n := sqlite3.Xsqlite3_column_bytes(st.c.tls, st.handle, i)
	if p == 0 {
		// What is empty has no address either.
		if sqlite3.Xsqlite3_column_type(st.c.tls, st.handle, i) == sqlite3.SQLITE_NULL {
			return nil, errNull
		}
		return nil, nil
	}
	return libc.GoBytes(p, int(n)), nil
}
