package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockFile takes the lock that makes this process the one daemon on an SQLite
// store. It is the lease of every carrier.
func (db *DB) lockFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}
	db.lock = f
	return giveToOwnerOf(filepath.Dir(path), f)
}

// lockKey names the advisory lock of the one daemon on a PostgreSQL store, until
// carriers are leased among several.
const lockKey = 7305808801

// lockServer takes the lock on a connection that is kept for nothing else.
func (db *DB) lockServer(ctx context.Context) error {
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	var got bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1)", lockKey).Scan(&got); err != nil {
		conn.Close()
		return fmt.Errorf("store lock: %w", err)
	}
	if !got {
		conn.Close()
		return ErrInUse
	}
	db.lockConn = conn
	return nil
}

// unlockServer gives the lock up: by itself the server would do so some time
// after the connection ends, and refuse the next daemon until then.
func (db *DB) unlockServer() error {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	if _, err := db.lockConn.ExecContext(ctx, "SELECT pg_advisory_unlock($1)", lockKey); err != nil {
		db.opt.Log.Warn("store: unlock", "error", err)
	}
	return db.lockConn.Close()
}

const lockCheck = 2 * time.Second

// KeepLock watches over the lock that makes this the one daemon on its store,
// until ctx ends. A server that was away has forgotten it: it is taken again, or,
// where another daemon was faster, ErrInUse returned, and this one must stop. It
// is called by one goroutine, which ends before Close is called.
func (db *DB) KeepLock(ctx context.Context) error {
	if db.dialect.name != "postgres" || db.opt.Node == "" {
		<-ctx.Done() // a file's lock stays as long as the process
		return nil
	}
	tick := time.NewTicker(lockCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := db.checkLock(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (db *DB) checkLock(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if db.lockConn != nil {
		if _, err := db.lockConn.ExecContext(ctx, "SELECT 1"); err == nil {
			return nil
		} else if ctx.Err() == nil {
			db.opt.Log.Warn("store: the connection that holds the lock is lost", "error", err)
		}
		db.lockConn.Close()
		db.lockConn = nil
	}
	err := db.lockServer(ctx)
	if err == ErrInUse {
		return fmt.Errorf("the store's lock was lost: %w", err)
	}
	return nil // the server is away: what cannot reach it writes nothing either
}
