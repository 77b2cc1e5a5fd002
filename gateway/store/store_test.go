package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store/storetest"
)

// bed is an open store in a test.
type bed struct {
	*DB
	t   testing.TB
	ctx context.Context
	dsn string
}

// onEach runs a test on an empty store of either kind.
func onEach(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, storetest.Postgres(t))
	})
}

func openBed(t testing.TB, dsn string, opt Options) *bed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	db, err := Open(ctx, dsn, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bed{db, t, ctx, dsn}
}

// do runs an update that must succeed.
func (b *bed) do(fn func(*Tx) error) {
	b.t.Helper()
	if err := b.Update(b.ctx, fn); err != nil {
		b.t.Fatal(err)
	}
}

// ask returns what fn reads in an update that must succeed.
func ask[T any](b *bed, fn func(*Tx) (T, error)) (v T) {
	b.t.Helper()
	b.do(func(tx *Tx) (err error) { v, err = fn(tx); return err })
	return v
}

// must is for reads outside Update.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// equal compares by what %+v prints, pointers followed one level by the caller.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// waitFor polls a condition that another goroutine makes true.
func waitFor(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: did not happen in 20 s", what)
		}
	}
}

// hold keeps the committer in an update until release is called, so that what
// is queued meanwhile becomes one batch. release returns when it is committed.
func (b *bed) hold() (release func()) {
	began, end, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- b.Update(b.ctx, func(*Tx) error { close(began); <-end; return nil })
	}()
	<-began
	return func() {
		close(end)
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
}

func (b *bed) queued(n int) {
	b.t.Helper()
	waitFor(b.t, fmt.Sprintf("%d updates in the queue", n), func() bool { return len(b.updates) == n })
}

var (
	ourNumber = "+12602058900"
	customer  = gateway.Address{Kind: gateway.AddressE164, Value: "+12605550100"}
)

func phone(n int) gateway.Address {
	return gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1260555%04d", n)}
}

// newConversation makes a waiting one. It is for use in an update.
func newConversation(tx *Tx, peer gateway.Address) gateway.Conversation {
	c := gateway.NewConversation(tx.NewID(), ourNumber, peer, GeneralQueue)
	c.Status, c.CreatedAt, c.UpdatedAt, c.WaitingSince = gateway.StatusWaiting, tx.Now(), tx.Now(), tx.Now()
	return c
}

// newText makes a text with segments that are queued for carrier "acme" and
// have their turn.
func newText(tx *Tx, c *gateway.Conversation, text string, segments int) (*gateway.Message, []gateway.Segment) {
	m := &gateway.Message{ID: tx.NewID(), Conversation: c.ID, Direction: gateway.Out, Number: c.Number, Peer: c.Peer, Text: text,
		Segments: segments, Tick: gateway.TickQueued, Carrier: "acme", CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(48 * time.Hour)}
	all := make([]gateway.Segment, segments)
	for i := range all {
		all[i] = gateway.Segment{ID: m.ID.Segment(i), Carrier: "acme", Tick: gateway.TickQueued, Turn: true, Payload: []byte(text)}
	}
	return m, all
}

func isSQLite(dsn string) bool { return strings.HasPrefix(dsn, "sqlite:") }
