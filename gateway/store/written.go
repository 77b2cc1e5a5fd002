package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"smsbridge/gateway"
)

// writtenSlots is how many acknowledgements may be written before the newest
// batch has forgotten the first of them: more than a stream holds.
const writtenSlots = 1 << 14

// writtenRing remembers which acknowledgements were written, until a transaction
// forgets them: a mapped file, because what is stored there outlives the process
// at once and costs no system call. After a power cut it may have lost the last
// of them; then what is delivered again counts as a repetition once too often.
type writtenRing struct {
	mu   sync.Mutex
	mem  []byte
	next int
	left []gateway.ID // by the run before
}

func openWrittenRing(path string) (*writtenRing, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("acknowledgements: %w", err)
	}
	defer f.Close()
	if err := giveToOwnerOf(filepath.Dir(path), f); err != nil {
		return nil, fmt.Errorf("acknowledgements: %w", err)
	}
	// Room for all of it: storing into a hole on a full disk ends the process.
	err = syscall.Fallocate(int(f.Fd()), 0, 0, writtenSlots*8)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		err = f.Truncate(writtenSlots * 8)
	}
	if err != nil {
		return nil, fmt.Errorf("acknowledgements: %s: %w", path, err)
	}
	r := &writtenRing{}
	if r.mem, err = syscall.Mmap(int(f.Fd()), 0, writtenSlots*8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("acknowledgements: %s: %w", path, err)
	}
	for i := range writtenSlots {
		if id := gateway.ID(binary.LittleEndian.Uint64(r.mem[i*8:])); id != 0 {
			r.left = append(r.left, id)
		}
	}
	return r, nil
}

func (r *writtenRing) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	mem := r.mem
	r.mem = nil
	return syscall.Munmap(mem)
}

// NoteWritten records that the acknowledgement of what InsertUnacknowledged
// called id was handed to the kernel. It survives the end of the process, and
// needs no transaction. On PostgreSQL, where the store is elsewhere, it does
// nothing.
func (db *DB) NoteWritten(id gateway.ID) {
	r := db.written
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mem != nil {
		binary.LittleEndian.PutUint64(r.mem[r.next*8:], uint64(id))
		r.next = (r.next + 1) % writtenSlots
	}
}

// ForgetLeft forgets what an earlier run noted as written and did not live to
// forget.
func (tx *Tx) ForgetLeft() error {
	ring := tx.c.db.written
	if ring == nil || len(ring.left) == 0 {
		return nil
	}
	stored, err := tx.ids(`SELECT id FROM redeliveries`)
	if err != nil {
		return err
	}
	noted := make(map[gateway.ID]bool, len(ring.left))
	for _, id := range ring.left {
		noted[id] = true
	}
	return tx.Acknowledged(slices.DeleteFunc(stored, func(id gateway.ID) bool { return !noted[id] }))
}
