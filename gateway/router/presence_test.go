package router

import (
	"testing"

	"smsbridge/gateway/store"
)

// TestAvailabilityOfSubscribers has a browser that takes messages count for a
// page that is open.
func TestAvailabilityOfSubscribers(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		b.pass(2 * offlineAfter)
		is := func(want Availability) {
			b.t.Helper()
			b.reload()
			if got, _ := b.r.Availability(b.ana.ID); got != want {
				b.t.Errorf("%s, want %s", got, want)
			}
		}
		is(Offline)
		s := store.PushSubscription{Person: b.ana.ID, Endpoint: "https://push.example/1"}
		b.do(func(tx *store.Tx) error { return tx.AddPushSubscription(&s, 10) })
		is(Available)
		b.do(func(tx *store.Tx) error { return tx.SetAvailability(b.ana.ID, "away") })
		is(Away)
		b.do(func(tx *store.Tx) error { return tx.SetAvailability(b.ana.ID, "available") })
		b.do(func(tx *store.Tx) error { _, err := tx.EndPushSubscription(b.ana.ID, s.ID); return err })
		is(Offline)
	})
}
