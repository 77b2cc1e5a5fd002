package store

import (
	"database/sql"
	"errors"
	"testing"

	"smsbridge/gateway/store/storetest"
)

// A server that restarts, or ends the connection, forgets the lock. Who notices
// first has the store.
func TestLockThatTheServerForgets(t *testing.T) {
	dsn := storetest.Postgres(t)
	raw, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	forget := func() {
		t.Helper()
		var ended bool
		if err := raw.QueryRow(`SELECT pg_terminate_backend(pid, 10000) FROM (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OFFSET 0) AS held`).Scan(&ended); err != nil || !ended {
			t.Fatalf("ended %v: %v", ended, err)
		}
	}
	a := openBed(t, dsn, Options{Node: "a"})
	forget()
	if err := a.checkLock(a.ctx); err != nil {
		t.Fatalf("nobody else wanted it: %v", err)
	}
	if db, err := Open(t.Context(), dsn, Options{Node: "b"}); !errors.Is(err, ErrInUse) {
		if err == nil {
			db.Close()
		}
		t.Fatalf("a second daemon while the lock was taken again: %v", err)
	}
	forget()
	openBed(t, dsn, Options{Node: "b"})
	if err := a.checkLock(a.ctx); !errors.Is(err, ErrInUse) {
		t.Errorf("another daemon has the store, and the first hears %v", err)
	}
}
