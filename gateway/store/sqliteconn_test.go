package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"smsbridge/gateway"
)

func openTestConn(t *testing.T, path string) *sqliteConn {
	t.Helper()
	c, err := openSQLiteConn(t.Context(), path, sqliteDialect().session)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func mustExec(t *testing.T, c *sqliteConn, text string, args ...any) int64 {
	t.Helper()
	n, err := c.exec(text, args)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return n
}

func TestSQLiteConnValues(t *testing.T) {
	c := openTestConn(t, filepath.Join(t.TempDir(), "a.db"))
	long := strings.Repeat("long ", 10000)
	for _, tt := range []struct {
		arg  any
		want any // scanned into its type
	}{
		{int64(-1 << 63), int64(-1 << 63)},
		{0, 0},
		{uint8(255), uint8(255)},
		{true, int64(1)},
		{false, false},
		{int64(1), true},
		{gateway.ID(1<<62 + 16), gateway.ID(1<<62 + 16)},
		{gateway.AddressE164, gateway.AddressE164},
		{gateway.EventMessageSent, gateway.EventMessageSent},
		{"", ""},
		{"short", "short"},
		{long, long},
		{"zażółć 🙂", "zażółć 🙂"},
		{"a\x00b", "a\x00b"},
		{"text", []byte("text")},
		{[]byte{0, 1, 0}, []byte{0, 1, 0}},
		{[]byte{}, []byte{}},
		{[]byte(nil), []byte(nil)},
		{nil, []byte(nil)},
	} {
		got := reflect.New(reflect.TypeOf(tt.want))
		if err := c.query("SELECT $1", []any{tt.arg}, func(r rows) error { return r.Scan(got.Interface()) }); err != nil {
			t.Errorf("%T %.20v: %v", tt.arg, tt.arg, err)
		} else if !reflect.DeepEqual(got.Elem().Interface(), tt.want) {
			t.Errorf("%T %.20v is read as %.20v, want %.20v", tt.arg, tt.arg, got.Elem().Interface(), tt.want)
		}
	}
}

func TestSQLiteConnRefusesValues(t *testing.T) {
	c := openTestConn(t, filepath.Join(t.TempDir(), "a.db"))
	for _, tt := range []struct {
		text string
		args []any
		dest any
		want string
	}{
		{"SELECT 1", []any{1}, new(int), "1 arguments, want 0"},
		{"SELECT $1", nil, new(int), "0 arguments, want 1"},
		{"SELECT $1", []any{1.5}, new(int), "argument 1: cannot bind a float64"},
		{"SELECT $1", []any{uint64(1 << 63)}, new(int), "argument 1: cannot bind a uint64"},
		{"SELECT $a", []any{1}, new(int), "parameter $a: want $1, $2…"},
		{"SELECT 1, 2", nil, new(int), "1 columns scanned, want 2"},
		{"SELECT 256", nil, new(uint8), "column 1 into *uint8: cannot hold 256"},
		{"SELECT -1", nil, new(gateway.Tick), "column 1 into *gateway.Tick: cannot hold -1"},
		{"SELECT 2", nil, new(bool), "column 1 into *bool: cannot hold 2"},
		{"SELECT 1", nil, new(float64), "column 1 into *float64: cannot hold 1"},
		{"SELECT 1", nil, 1, "column 1 into int: not a pointer to scan into"},
		{"SELECT 'x'", nil, new(int64), "column 1 into *int64: is no integer"},
		{"SELECT NULL", nil, new(int64), "column 1 into *int64: is NULL"},
		{"SELECT NULL", nil, new(string), "column 1 into *string: is NULL"},
		{"SELECT NULL", nil, new(gateway.Tick), "column 1 into *gateway.Tick: is NULL"},
	} {
		err := c.query(tt.text, tt.args, func(r rows) error { return r.Scan(tt.dest) })
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s, %v: %v, want %s", tt.text, tt.args, err, tt.want)
		}
	}
}

func TestSQLiteConnParametersByNumber(t *testing.T) {
	c := openTestConn(t, filepath.Join(t.TempDir(), "a.db"))
	var got [4]string
	scan := func(r rows) error { return r.Scan(&got[0], &got[1], &got[2], &got[3]) }
	for text, want := range map[string][4]string{
		"SELECT $2, $1, $2, $3": {"b", "a", "b", "c"},
		"SELECT ?, ?, ?, 'd'":   {"a", "b", "c", "d"},
	} {
		if err := c.query(text, []any{"a", "b", "c"}, scan); err != nil || got != want {
			t.Errorf("%s = %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestSQLiteConnCountsRows(t *testing.T) {
	c := openTestConn(t, filepath.Join(t.TempDir(), "a.db"))
	mustExec(t, c, "CREATE TABLE t (k TEXT UNIQUE)")
	for _, tt := range []struct {
		text string
		want int64
	}{
		{"INSERT INTO t VALUES ('a'), ('b')", 2},
		{"INSERT INTO t VALUES ('b') ON CONFLICT DO NOTHING", 0},
		{"INSERT INTO t VALUES ('c'), ('d'), ('e') RETURNING k", 3},
		{"DELETE FROM t WHERE k > 'a'", 4},
	} {
		if n := mustExec(t, c, tt.text); n != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.text, n, tt.want)
		}
	}
}

// What fails leaves its statement ready to run again.
func TestSQLiteConnAfterErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	c, other := openTestConn(t, path), openTestConn(t, path)
	d := sqliteDialect()
	mustExec(t, other, "PRAGMA busy_timeout(0)")
	mustExec(t, c, "CREATE TABLE t (k TEXT UNIQUE)")
	mustExec(t, c, "INSERT INTO t VALUES ($1)", "a")

	_, err := c.exec("INSERT INTO t VALUES ($1)", []any{"a"})
	var e *sqliteError
	if !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_CONSTRAINT_UNIQUE || err.Error() != "UNIQUE constraint failed: t.k (2067)" {
		t.Errorf("second insert: %v", err)
	}
	if d.retry(err) || d.full(err) {
		t.Errorf("%v is retried or taken for a full disk", err)
	}
	mustExec(t, c, "INSERT INTO t VALUES ($1)", "b")

	mustExec(t, c, d.begin)
	if _, err := other.exec(d.begin, nil); !d.retry(err) || d.full(err) {
		t.Errorf("begin beside a transaction: %v, which is not retried", err)
	}
	mustExec(t, c, "COMMIT")
	mustExec(t, other, d.begin)
	mustExec(t, other, "ROLLBACK")

	own := errors.New("own")
	const all = "SELECT k FROM t ORDER BY k"
	if err := c.query(all, nil, func(rows) error { return own }); err != own {
		t.Errorf("error of scan: %v", err)
	}
	var keys []string
	read := func(r rows) error { keys = append(keys, ""); return r.Scan(&keys[len(keys)-1]) }
	if err := c.query(all, nil, func(r rows) error {
		if err := c.query(all, nil, read); err == nil {
			t.Error("a statement was run within itself")
		}
		return read(r)
	}); err != nil || strings.Join(keys, "") != "ab" {
		t.Errorf("keys %q, %v", keys, err)
	}
	if _, err := c.exec("SELEKT", nil); !errors.As(err, &e) || e.Code() != sqlite3.SQLITE_ERROR {
		t.Errorf("no SQL: %v", err)
	}
	// Were a statement left running, this would be refused.
	mustExec(t, c, "DROP TABLE t")
}

func TestSQLiteConnOddPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "a%20b.db", "a#b.db", "a'b\".db", "zażółć.db", "a:b.db", "&x=1.db"} {
		db, err := Open(t.Context(), "sqlite:"+filepath.Join(dir, name), Options{Node: "a"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var seq int64
		if err = db.Update(t.Context(), func(tx *Tx) error { tx.Emit(gateway.Event{Type: gateway.EventMessageSent}); return nil }); err == nil {
			seq, err = db.EventSeq(t.Context()) // by another connection
		}
		if err != nil || seq == 0 {
			t.Errorf("%s: %d events, %v", name, seq, err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3*7 { // each with its lock and its acknowledgements
		t.Errorf("%d files, %v: %v", len(files), err, files)
	}
}

func TestSQLiteConnCannotOpen(t *testing.T) {
	_, err := openSQLiteConn(t.Context(), filepath.Join(t.TempDir(), "missing", "a.db"), nil)
	if d := sqliteDialect(); !d.full(err) || d.retry(err) {
		t.Errorf("%v, which is not called unavailable", err)
	}
}

// The one writer is as durable as the readers' connections are.
func TestSQLiteConnPragmas(t *testing.T) {
	c := openTestConn(t, filepath.Join(t.TempDir(), "a.db"))
	for name, want := range map[string]string{"busy_timeout": "10000", "journal_mode": "wal", "synchronous": "2", "foreign_keys": "1",
		"temp_store": "2", "journal_size_limit": "67108864"} {
		var got string
		if err := c.query("PRAGMA "+name, nil, func(r rows) error { return r.Scan(&got) }); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", name, got, err, want)
		}
	}
}

// Memory is counted in builds with -tags memory.counters, files in all.
func TestSQLiteConnLeaksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	use := func() {
		c, err := openSQLiteConn(t.Context(), path, sqliteDialect().session)
		if err != nil {
			t.Fatal(err)
		}
		defer c.close()
		mustExec(t, c, "CREATE TABLE IF NOT EXISTS t (k TEXT UNIQUE)")
		mustExec(t, c, "BEGIN")
		mustExec(t, c, "INSERT INTO t VALUES ($1)", strings.Repeat("x", 5000))
		if _, err := c.exec("INSERT INTO t VALUES ($1)", []any{strings.Repeat("x", 5000)}); err == nil {
			t.Error("no error")
		}
		if _, err := c.exec("INSERT INTO missing VALUES ($1)", []any{"x"}); err == nil {
			t.Error("no error")
		}
		if _, err := openSQLiteConn(t.Context(), filepath.Dir(path), nil); err == nil {
			t.Error("no error")
		}
	}
	count := func() (files int, memory libc.MemAllocatorStat) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(fds), libc.MemStat()
	}
	use() // what SQLite allocates once
	files, memory := count()
	for range 20 {
		use()
	}
	if f, m := count(); f != files || m.Allocs != memory.Allocs || m.Bytes != memory.Bytes {
		t.Errorf("%d files and %+v, before %d and %+v", f, m, files, memory)
	}
}
