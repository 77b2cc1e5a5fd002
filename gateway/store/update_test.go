package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"smsbridge/gateway/store/storetest"
)

// TestUpdateCallerGone ends a caller's context before, while and after its
// update is begun.
func TestUpdateCallerGone(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		ran := false
		gone, cancel := context.WithCancel(b.ctx)
		cancel()
		for range 20 {
			if err := b.Update(gone, func(*Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
				t.Fatalf("called when gone already: %v", err)
			}
		}

		release := b.hold()
		gone, cancel = context.WithCancel(b.ctx)
		answer := make(chan error, 1)
		go func() { answer <- b.Update(gone, func(*Tx) error { ran = true; return nil }) }()
		b.queued(1)
		cancel()
		release()
		if err := <-answer; !errors.Is(err, context.Canceled) {
			t.Errorf("gone while it was queued: %v", err)
		}
		b.do(func(*Tx) error { return nil }) // whatever was queued before has been dealt with
		if ran {
			t.Error("an update was begun for a caller that was gone")
		}

		gone, cancel = context.WithCancel(b.ctx)
		begun, goOn := make(chan struct{}), make(chan struct{})
		go func() {
			answer <- b.Update(gone, func(tx *Tx) error {
				close(begun)
				<-goOn
				_, err := tx.Block(customer, 1)
				return err
			})
		}()
		<-begun
		cancel()
		select {
		case err := <-answer:
			t.Errorf("gone after it was begun: answered %v before its end", err)
		case <-time.After(20 * time.Millisecond):
		}
		close(goOn)
		if err := <-answer; err != nil {
			t.Errorf("gone after it was begun: %v, want the outcome", err)
		}
		if blocked := ask(b, func(tx *Tx) (bool, error) { return tx.blocked(customer) }); !blocked {
			t.Error("what was begun was not committed")
		}
	})
}

// TestUpdateQueueFull ends a caller's context while there is no room for it.
func TestUpdateQueueFull(t *testing.T) {
	b := openBed(t, "sqlite:"+t.TempDir()+"/store.db", Options{Node: "a"})
	release := b.hold()
	all, cancel := context.WithCancel(b.ctx)
	answers := make(chan error, cap(b.updates)+1)
	for range cap(b.updates) {
		go func() { answers <- b.Update(all, func(*Tx) error { return nil }) }()
	}
	b.queued(cap(b.updates))
	go func() { answers <- b.Update(all, func(*Tx) error { return nil }) }()
	cancel()
	for range cap(answers) {
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	release()
	b.do(func(*Tx) error { return nil })
}

func TestClose(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		b := openBed(t, dsn, Options{Node: "a"})
		release := b.hold()
		answer := make(chan error, 1)
		go func() {
			answer <- b.Update(b.ctx, func(tx *Tx) error { _, err := tx.Block(customer, 1); return err })
		}()
		b.queued(1)
		closed := make(chan error, 1)
		go func() { closed <- b.Close() }()
		waitFor(t, "Close begins", func() bool {
			b.mu.RLock()
			defer b.mu.RUnlock()
			return b.closed
		})
		if err := b.Update(b.ctx, func(*Tx) error { return nil }); err != ErrClosed {
			t.Errorf("an update after Close: %v", err)
		}
		release()
		if err := <-answer; err != nil {
			t.Errorf("an update that was queued before Close: %v", err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("closed again: %v", err)
		}
		again := openBed(t, dsn, Options{Node: "a"})
		if blocked := ask(again, func(tx *Tx) (bool, error) { return tx.blocked(customer) }); !blocked {
			t.Error("what was queued before Close is lost")
		}
	})
}

// TestPostgresConnectionLost has the server end every connection: between
// updates nobody notices, and within one its callers are told to come again.
func TestPostgresConnectionLost(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		dsn := storetest.Postgres(t)
		b := openBed(t, dsn, Options{})
		admin, err := sql.Open("pgx", dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		kill := func() {
			if _, err := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
				t.Error(err)
			}
		}
		runs := 0
		kill()
		b.do(func(tx *Tx) error { runs++; _, err := tx.Block(phone(1), 1); return err })
		if runs != 1 {
			t.Errorf("ran %d times", runs)
		}
		runs = 0
		err = b.Update(b.ctx, func(tx *Tx) error {
			runs++
			if _, err := tx.Block(phone(2), 1); err != nil {
				return err
			}
			kill()
			return nil
		})
		if !errors.Is(err, ErrUnavailable) || runs != 1 {
			t.Errorf("lost before COMMIT: ran %d times, answered %v, want once and ErrUnavailable", runs, err)
		}
		for n, want := range map[int]bool{1: true, 2: false} {
			if got := ask(b, func(tx *Tx) (bool, error) { return tx.blocked(phone(n)) }); got != want {
				t.Errorf("blocked(%d) = %v, want %v", n, got, want)
			}
		}
	})
}
