package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// sales makes a queue of our number, which ana is in.
func (b *bed) sales() store.Queue {
	b.t.Helper()
	q := store.Queue{Name: "Sales", Settings: gateway.DefaultQueueSettings()}
	b.do(func(tx *store.Tx) (err error) {
		if q.ID, err = tx.AddQueue(q.Name, []string{ourNumber}); err != nil {
			return err
		}
		return tx.SetMember(q.ID, b.ana.ID, false)
	})
	return q
}

func (b *bed) reload() {
	b.t.Helper()
	if err := b.r.dir.Reload(b.ctx); err != nil {
		b.t.Fatal(err)
	}
}

// TestCountsFollowAQueuesName renames a queue and deletes it.
func TestCountsFollowAQueuesName(t *testing.T) {
	onEach(t, func(b *bed) {
		q := b.sales()
		b.run()
		b.receive(customer(1), "hello")
		c := b.receive(customer(2), "hello")
		b.reply(b.ana, c.ID, "hi")
		b.wantMetric(1, "conversations", "Sales", "waiting")
		q.Name = "Sell"
		b.do(func(tx *store.Tx) error { _, err := tx.SaveQueue(q); return err })
		b.reload()
		b.wantMetric(1, "conversations", "Sell", "waiting")
		b.wantMetric(1, "conversations", "Sell", "taken")
		wantRefusal(b.t, b.r.DeleteQueue(b.ctx, b.sue, store.GeneralQueue), gateway.Forbidden)
		wantRefusal(b.t, b.r.DeleteQueue(b.ctx, b.sue, 99), gateway.NotFound)
		if err := b.r.DeleteQueue(b.ctx, b.sue, q.ID); err != nil {
			b.t.Fatal(err)
		}
		b.wantMetric(1, "conversations", "General", "waiting")
		b.wantMetric(1, "conversations", "General", "taken")
	})
}

// TestDeletionIsFinished has the first step of a deletion be all that an earlier
// run did.
func TestDeletionIsFinished(t *testing.T) {
	onEach(t, func(b *bed) {
		q := b.sales()
		b.run()
		waiting, taken := b.receive(customer(1), "hello"), b.receive(customer(2), "hello")
		b.reply(b.ana, taken.ID, "hi")
		b.halt()
		b.do(func(tx *store.Tx) error { _, err := tx.HideQueue(q.ID); return err })
		b.run()
		b.pass(11 * time.Second)
		if c := b.conversation(waiting.ID); c.Queue != store.GeneralQueue || c.Status != gateway.StatusWaiting {
			b.t.Errorf("%+v", c)
		}
		if c := b.conversation(taken.ID); c.Queue != store.GeneralQueue || c.Owner != b.ana.ID {
			b.t.Errorf("%+v", c)
		}
		if hidden, err := b.db.HiddenQueues(b.ctx); err != nil || len(hidden) != 0 {
			b.t.Errorf("left %v, %v", hidden, err)
		}
		b.wantMetric(1, "conversations", "General", "waiting")
	})
}
