package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fillDisk is a process whose files may not grow further than they have for a
// while, as on a full disk.
func fillDisk(dsn string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := Open(ctx, dsn, Options{Node: "a"})
	if err != nil {
		return err
	}
	defer db.Close()
	payload := strings.Repeat("x", 4096)
	add := func(n int) error {
		return db.Update(ctx, func(tx *Tx) error { return tx.Quarantine(fmt.Sprint(n), []byte(payload), "") })
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	full := before
	full.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		return err
	}
	kept := 0
	for ; kept < 1000; kept++ {
		if err = add(kept); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("a full disk was answered %v after %d", err, kept)
	}
	for range 3 {
		if err := add(-1); !errors.Is(err, ErrUnavailable) {
			return fmt.Errorf("a disk that is still full was answered %v", err)
		}
	}
	if _, err := db.EventSeq(ctx); err != nil {
		return fmt.Errorf("a read while the disk is full: %w", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := add(kept); err != nil {
		return fmt.Errorf("with room again: %w", err)
	}
	var rows, failed int
	if err := db.readers.QueryRow(`SELECT COUNT(*), COUNT(CASE WHEN carrier = '-1' THEN 1 END) FROM quarantine`).Scan(&rows, &failed); err != nil {
		return err
	}
	if rows != kept+1 || failed != 0 {
		return fmt.Errorf("%d rows are kept, want %d; %d that were refused", rows, kept+1, failed)
	}
	fmt.Println("recovered")
	return nil
}

// TestDiskFull has an SQLite store run out of room: callers are told that it
// may pass, reads go on, and writes work again when there is room.
func TestDiskFull(t *testing.T) {
	child, output := startChild(t, "full", "sqlite:"+t.TempDir()+"/store.db")
	said, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil || string(said) != "recovered\n" {
		t.Errorf("%v: %s", err, said)
	}
}
