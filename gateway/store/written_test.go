package store

import (
	"path/filepath"
	"testing"
	"time"

	"smsbridge/gateway"
)

// What was noted as written is forgotten by the next run, if this one did not
// live to do it; what was not may come again.
func TestNotedAcknowledgements(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "s.db")
	a := openBed(t, dsn, Options{Node: "a"})
	us := []Unacknowledged{{ID: a.NewID(), Fingerprint: [16]byte{1}, Session: 7}, {ID: a.NewID(), Fingerprint: [16]byte{2}, Session: 7}}
	a.do(func(tx *Tx) error { return tx.InsertUnacknowledged("acme", us) })
	for range writtenSlots { // round the ring
		a.NoteWritten(a.NewID())
	}
	a.NoteWritten(us[0].ID)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a.NoteWritten(us[1].ID) // too late, and harmless
	b := openBed(t, dsn, Options{Node: "a"})
	b.do(func(tx *Tx) error { return tx.ForgetLeft() })
	left := ask(b, func(tx *Tx) ([]Unacknowledged, error) {
		return tx.Unacknowledged("acme", [][]byte{us[0].Fingerprint[:], us[1].Fingerprint[:]}, time.Now().Add(-time.Hour))
	})
	if len(left) != 1 || left[0].ID != us[1].ID {
		t.Errorf("left: %+v, want the second alone", left)
	}
	var none gateway.ID
	command := openBed(t, dsn, Options{})
	command.NoteWritten(none) // a command has no ring
}
