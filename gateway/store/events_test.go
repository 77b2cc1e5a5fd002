package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
)

func testEvents(b *bed) {
	var want []gateway.Event
	var c gateway.Conversation
	b.do(func(tx *Tx) error {
		now := tx.Now()
		c = newConversation(tx, customer)
		c.Epoch, c.Unread, c.Unanswered, c.LastMessage, c.SnoozedUntil = 3, 2, true, 16, now.Add(time.Hour)
		m, _ := newText(tx, &c, "text", 1)
		m.Tick, m.Error, m.ErrorText, m.SentAt, m.DeliveredAt = gateway.TickDelivered, "x", "why", now, now.Add(time.Second)
		tx.InsertMessage(m)
		taken := c
		taken.Status, taken.Owner, taken.OwnerSince = gateway.StatusTaken, 5, now
		if err := tx.SaveConversation(taken); err != nil {
			return err
		}
		closed := taken
		closed.Status, closed.Owner, closed.LastOwner, closed.Archived, closed.OwnerSince = gateway.StatusClosed, 0, 5, true, time.Time{}
		sent := *m
		want = []gateway.Event{
			{Type: gateway.EventMessageSent, After: c.View(), Conversation: &c, Message: &sent},
			{Type: gateway.EventTaken, Before: c.View(), After: taken.View(), Conversation: &taken, By: 5, ByName: "Ana", Note: "to you"},
			{Type: gateway.EventCarrierDown, Carrier: "acme", Note: "refused"},
			{Type: gateway.EventDealtWith, Before: taken.View(), After: closed.View(), Conversation: &closed, Time: now.Add(-time.Minute)},
		}
		for _, e := range want {
			tx.Emit(e)
		}
		for i := range want {
			want[i].Seq = int64(i + 1)
			if want[i].Time.IsZero() {
				want[i].Time = now
			}
			if want[i].Conversation != nil {
				want[i].Conversation.UpdatedAt = want[i].Time
			}
		}
		return nil
	})
	shown := func(e gateway.Event) string {
		text := ""
		if e.Conversation != nil {
			text += fmt.Sprintf("%+v ", *e.Conversation)
			e.Conversation = nil
		}
		if e.Message != nil {
			text += fmt.Sprintf("%+v ", *e.Message)
			e.Message = nil
		}
		return text + fmt.Sprintf("%+v", e)
	}
	got := must(b.Events(b.ctx, 0, 10))(b.t)
	if len(got) != len(want) {
		b.t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		equal(b.t, string(want[i].Type), shown(got[i]), shown(want[i]))
	}
	seqs := func(es []gateway.Event, err error) (all []int64) {
		for _, e := range must(es, err)(b.t) {
			all = append(all, e.Seq)
		}
		return all
	}
	equal(b.t, "after 1, two", seqs(b.Events(b.ctx, 1, 2)), []int64{2, 3})
	equal(b.t, "after the last", seqs(b.Events(b.ctx, 4, 2)), []int64(nil))
	equal(b.t, "of the conversation", seqs(b.ConversationEvents(b.ctx, c.ID, 0, 10)), []int64{4, 2})
	equal(b.t, "of the conversation before", seqs(b.ConversationEvents(b.ctx, c.ID, 4, 10)), []int64{2})
	equal(b.t, "newest", must(b.EventSeq(b.ctx))(b.t), 4)
}

func testPruneEvents(b *bed) {
	now := time.Now().UTC()
	if oldest := must(b.OldestEvent(b.ctx))(b.t); oldest != 0 {
		b.t.Errorf("oldest of none is %d", oldest)
	}
	b.do(func(tx *Tx) error {
		for i := range 10 {
			tx.Emit(gateway.Event{Type: gateway.EventCarrierUp, Carrier: "acme", Time: now.Add(time.Duration(i-6) * time.Hour)})
		}
		return nil
	})
	for i, want := range []struct{ removed, oldest int64 }{{4, 5}, {2, 7}, {0, 7}} {
		removed := ask(b, func(tx *Tx) (int64, error) { return tx.PruneEvents(now.Add(-time.Minute), 4) })
		if oldest := must(b.OldestEvent(b.ctx))(b.t); removed != want.removed || oldest != want.oldest {
			b.t.Errorf("round %d: removed %d, oldest %d, want %+v", i, removed, oldest, want)
		}
	}
	if seq := must(b.EventSeq(b.ctx))(b.t); seq != 10 {
		b.t.Errorf("pruning has made the newest event %d", seq)
	}
}

const eventsPerWriter = 300

// writeEvents is a second process that emits events, several at a time.
func writeEvents(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := Open(ctx, dsn, Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Println("ready")
	return emitMany(ctx, db, "child")
}

// emitMany has four callers emit events, numbered for each.
func emitMany(ctx context.Context, db *DB, name string) error {
	errs := make(chan error, 4)
	for w := range cap(errs) {
		go func() {
			for i := range eventsPerWriter / cap(errs) {
				if err := db.Update(ctx, func(tx *Tx) error {
					tx.Emit(gateway.Event{Type: gateway.EventCarrierUp, Carrier: fmt.Sprint(name, w), Note: fmt.Sprint(i)})
					return nil
				}); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var first error
	for range cap(errs) {
		if err := <-errs; err != nil {
			first = err
		}
	}
	return first
}

// TestEventsOfTwoProcesses reads by cursor while two processes write: each
// event is seen once, in order, and none is committed behind the cursor.
func TestEventsOfTwoProcesses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		var mu sync.Mutex
		var streamed []int64
		b := openBed(t, dsn, Options{Node: "a", OnCommit: func(es []gateway.Event) {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range es {
				streamed = append(streamed, e.Seq)
			}
		}})
		child, output := startChild(t, "events", dsn)
		if _, err := fmt.Fscanln(output, new(string)); err != nil {
			t.Fatal(err)
		}
		wrote := make(chan error, 1)
		go func() { wrote <- emitMany(b.ctx, b.DB, "parent") }()

		var own []int64
		next := map[string]int{}
		cursor := int64(0)
		for cursor < 2*eventsPerWriter {
			for _, e := range must(b.Events(b.ctx, cursor, 50))(t) {
				if e.Seq != cursor+1 {
					t.Fatalf("event %d follows %d", e.Seq, cursor)
				}
				cursor = e.Seq
				if want := fmt.Sprint(next[e.Carrier]); e.Note != want {
					t.Fatalf("%s: event %s, want %s", e.Carrier, e.Note, want)
				}
				next[e.Carrier]++
				if e.Carrier[0] == 'p' {
					own = append(own, e.Seq)
				}
			}
		}
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(streamed, own) {
			t.Errorf("OnCommit saw %v, the table has %v", streamed, own)
		}
	})
}
