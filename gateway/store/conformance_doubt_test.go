package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"smsbridge/gateway"
)

// change changes a segment that is stored.
func (b *bed) change(id gateway.ID, change func(*gateway.Segment)) {
	b.t.Helper()
	s := b.segment(id)
	change(&s)
	b.do(func(tx *Tx) error { return tx.UpdateSegments([]*gateway.Segment{&s}) })
}

func testDoubtful(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0+0", "1", "2", "3"}, func(i int, _ *gateway.Message, s []gateway.Segment) {
		if i == 2 {
			s[0].Carrier = "beta"
		}
		if i < 3 {
			s[0].Error, s[0].Attempt = gateway.ErrUncertain, 1
		}
	})
	doubts := func(since time.Time, limit int) []Doubt {
		return ask(b, func(tx *Tx) ([]Doubt, error) { return tx.Doubtful("acme", since, limit) })
	}
	lately := time.Now().Add(-time.Minute)
	at := b.message(ids[0]).CreatedAt
	want := []Doubt{{ids[1], 1, c.Peer.Value, at}, {ids[0], 1, c.Peer.Value, at}}
	equal(b.t, "doubtful", doubts(lately, 10), want)
	equal(b.t, "the newest", doubts(lately, 1), want[:1])
	equal(b.t, "written since", doubts(time.Now().Add(time.Minute), 10), []Doubt(nil))
	b.change(ids[0], func(s *gateway.Segment) { s.Error = "" })
	equal(b.t, "doubtful", doubts(lately, 10), want[:1])

	sending := func(peer string) bool { return ask(b, func(tx *Tx) (bool, error) { return tx.Sending(peer) }) }
	if sending(c.Peer.Value) {
		b.t.Error("what is queued is being sent")
	}
	b.claim(1)
	if !sending(c.Peer.Value) || sending(phone(2).Value) {
		b.t.Error("what is claimed is not being sent to its customer alone")
	}
	b.do(func(tx *Tx) error { c.Status, c.Archived = gateway.StatusDeleted, true; return tx.SaveConversation(c) })
	if !sending(c.Peer.Value) {
		b.t.Error("deleting the conversation has ended what is on its way")
	}
}

// testDoubtedBefore has attempts in doubt, of which one was named, one refused, and
// one left as it was.
func testDoubtedBefore(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0", "1", "2"}, nil)
	b.do(func(tx *Tx) error {
		var as []Attempt
		for _, id := range ids {
			as = append(as, Attempt{Segment: id, Attempt: 1, Carrier: "acme", Outcome: "uncertain"})
		}
		return tx.InsertAttempts(append(as, Attempt{Segment: ids[1], Attempt: 1, Carrier: "acme", Outcome: "rejected"}))
	})
	b.do(func(tx *Tx) error {
		return tx.InsertReferences("acme", []Reference{{Reference: "A", Segment: ids[2], Attempt: 1, At: tx.Now()}})
	})
	lately := time.Now().Add(-time.Minute)
	for _, test := range []struct {
		carrier, peer string
		since         time.Time
		but           gateway.ID
		want          bool
	}{
		{"acme", c.Peer.Value, lately, 0, true},
		{"acme", c.Peer.Value, lately, ids[0], false}, // the others are settled
		{"acme", c.Peer.Value, lately, ids[1], true},
		{"acme", c.Peer.Value, time.Now().Add(time.Minute), 0, false},
		{"acme", phone(2).Value, lately, 0, false},
		{"beta", c.Peer.Value, lately, 0, false},
	} {
		got := ask(b, func(tx *Tx) (bool, error) { return tx.DoubtedBefore(test.carrier, test.peer, test.since, test.but) })
		equal(b.t, fmt.Sprintf("%+v", test), got, test.want)
	}
}

func testSilent(b *bed) {
	_, ids := b.sendTexts(customer, []string{"0+0", "1", "2", "3", "4", "5", "6"}, func(i int, m *gateway.Message, s []gateway.Segment) {
		m.Tick = gateway.TickSent
		for k := range s {
			s[k].Tick = gateway.TickSent
		}
		switch i {
		case 1:
			m.Tick, s[0].Tick = gateway.TickDelivered, gateway.TickDelivered
		case 2:
			s[0].Carrier = "beta"
		case 3:
			s[0].NotUntil = time.Now().Add(time.Hour)
		case 4: // due, but for its validity
			s[0].NotUntil = time.Now().Add(-time.Hour)
		case 5:
			s[0].NotUntil, m.ExpiresAt = time.Now().Add(-time.Hour), time.Now().Add(-2*time.Hour)
		}
	})
	b.do(func(tx *Tx) error {
		tx.InsertReceipt("acme", &gateway.Receipt{Tick: gateway.TickSent, Intermediate: true, At: tx.Now()}, ids[0])
		tx.InsertReceipt("acme", &gateway.Receipt{At: tx.Now()}, ids[6])
		return nil
	})
	now := time.Now()
	s := Silence{Carrier: "acme", Before: now.Add(time.Minute), Window: 100, Now: now, Expired: now.Add(-time.Hour)}
	silent := func(s Silence, limit int) (ids []gateway.ID, upTo gateway.ID, more bool) {
		b.t.Helper()
		ids, upTo, more, err := b.Silent(b.ctx, s, limit)
		if err != nil {
			b.t.Fatal(err)
		}
		return ids, upTo, more
	}
	all := []gateway.ID{ids[0], ids[0].Segment(1), ids[6]}
	got, upTo, more := silent(s, 10)
	equal(b.t, "silent", got, all)
	if more || upTo <= ids[6] || upTo >= idAt(s.Before) {
		b.t.Errorf("looked as far as %d, more %v", upTo, more)
	}
	s.After = upTo
	got, again, more := silent(s, 10)
	equal(b.t, "looked at again", got, []gateway.ID(nil))
	if more || again != upTo {
		b.t.Errorf("looked as far as %d, more %v", again, more)
	}
	s.After = 0
	got, upTo, more = silent(s, 2)
	equal(b.t, "as many as are wanted", got, all[:2])
	if !more || upTo != ids[0]-1 { // the message may have more segments
		b.t.Errorf("looked as far as %d, more %v", upTo, more)
	}
	s.Window = 3
	got, upTo, more = silent(s, 10)
	equal(b.t, "in a window", got, all[:2])
	if !more || upTo != ids[2] {
		b.t.Errorf("looked as far as %d, more %v", upTo, more)
	}
	s.After, s.Window, s.Heard = 0, 100, true
	got, _, _ = silent(s, 10)
	equal(b.t, "of which nothing was heard", got, []gateway.ID{ids[0].Segment(1), ids[6]})
	s.Before = now.Add(-time.Hour)
	got, upTo, more = silent(s, 10)
	if len(got) != 0 || more || upTo != idAt(s.Before)-1 {
		b.t.Errorf("before they were written: %v, %d, %v", got, upTo, more)
	}
	equal(b.t, "due by a time of their own", must(b.SilentAgain(b.ctx, s, 10))(b.t), []gateway.ID{ids[5]})
	s.Carrier = "beta"
	equal(b.t, "of another carrier", must(b.SilentAgain(b.ctx, s, 10))(b.t), []gateway.ID(nil))
}

func testCarrierState(b *bed) {
	state := func(carrier, name string) string {
		return ask(b, func(tx *Tx) (string, error) { return tx.CarrierState(carrier, name) })
	}
	for _, value := range []string{"1", "2"} {
		b.do(func(tx *Tx) error {
			return errors.Join(tx.SetCarrierState("acme", "a", value), tx.SetCarrierState("acme", "b", "x"), tx.SetCarrierState("beta", "a", "y"))
		})
		if state("acme", "a") != value || state("acme", "b") != "x" || state("beta", "a") != "y" || state("beta", "b") != "" {
			b.t.Errorf("remembered %q, %q, %q, %q", state("acme", "a"), state("acme", "b"), state("beta", "a"), state("beta", "b"))
		}
	}
}

func testSentOn(b *bed) {
	day := time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC)
	next := day.Add(time.Second)
	sent := func(token gateway.ID, day time.Time) int {
		return ask(b, func(tx *Tx) (int, error) { return tx.SentOn(token, day) })
	}
	add := func(token gateway.ID, day time.Time, n int) {
		b.do(func(tx *Tx) error { return tx.AddSentOn(token, day, n) })
	}
	add(7, day, 3)
	add(7, day, 2)
	add(8, day, 1)
	if sent(7, day) != 5 || sent(8, day) != 1 || sent(7, next) != 0 || sent(9, day) != 0 {
		b.t.Errorf("sent: %d, %d, %d, %d", sent(7, day), sent(8, day), sent(7, next), sent(9, day))
	}
	// What one update adds, the others of its batch see; what fails adds nothing.
	release := b.hold()
	var wg sync.WaitGroup
	seen := make([]int, 4)
	for i := range seen {
		wg.Go(func() {
			err := b.Update(b.ctx, func(tx *Tx) (err error) {
				if seen[i], err = tx.SentOn(7, day); err != nil {
					return err
				}
				if err := tx.AddSentOn(7, day, 10); err != nil || i > 0 {
					return err
				}
				return errors.New("not this one")
			})
			if (err != nil) != (i == 0) {
				b.t.Error(err)
			}
		})
		b.queued(i + 1)
	}
	release()
	wg.Wait()
	slices.Sort(seen[1:])
	equal(b.t, "seen", seen[1:], []int{5, 15, 25})
	if n := sent(7, day); n != 35 {
		b.t.Errorf("sent %d", n)
	}
	rows := func() (n int) {
		if err := b.readers.QueryRow(`SELECT COUNT(*) FROM sent_on`).Scan(&n); err != nil {
			b.t.Error(err)
		}
		return n
	}
	add(7, next, 3) // the days before are forgotten, of this token
	if sent(7, next) != 3 || sent(7, day) != 0 || sent(8, day) != 1 || rows() != 2 {
		b.t.Errorf("sent: %d, %d, %d, in %d rows", sent(7, next), sent(7, day), sent(8, day), rows())
	}
}

func testStaleSets(b *bed) {
	part := func(peer, number int, change func(*gateway.Fragment)) *gateway.Inbound {
		in := &gateway.Inbound{From: phone(peer), To: ourNumber, Fragment: &gateway.Fragment{Reference: 0xffff, Wide: true, Total: 3, Number: uint8(number)}}
		if change != nil {
			change(in.Fragment)
		}
		return in
	}
	put := func(set gateway.ID, in *gateway.Inbound) (at time.Time) {
		b.do(func(tx *Tx) error { at = tx.Now(); return tx.InsertPart("acme", in, set, 0) })
		return at
	}
	put(16, part(1, 1, nil))
	put(32, part(2, 1, nil))
	half := put(32, part(2, 3, nil)).Add(time.Microsecond)
	put(48, part(3, 2, nil))
	newest := put(16, part(1, 2, nil)).Add(time.Microsecond) // another part has come
	b.do(func(tx *Tx) error { return tx.InsertPart("beta", part(4, 1, nil), 64, 0) })
	stale := func(before time.Time, shown bool, limit int) (ids []gateway.ID) {
		for _, s := range ask(b, func(tx *Tx) ([]StaleSet, error) { return tx.StaleSets("acme", before, shown, limit) }) {
			ids = append(ids, s.Set)
		}
		return ids
	}
	equal(b.t, "stale by then", stale(half, false, 10), []gateway.ID{32})
	equal(b.t, "stale", stale(newest, false, 10), []gateway.ID{16, 32, 48})
	equal(b.t, "the oldest", stale(newest, false, 2), []gateway.ID{16, 32})
	equal(b.t, "shown", stale(newest, true, 10), []gateway.ID(nil))
	b.do(func(tx *Tx) error { return tx.ShowSet(32, 160) })
	equal(b.t, "stale", stale(newest, false, 10), []gateway.ID{16, 48})
	equal(b.t, "shown", stale(newest, true, 10), []gateway.ID{32})
	all := ask(b, func(tx *Tx) ([]StaleSet, error) { return tx.StaleSets("acme", newest, true, 10) })
	if s := all[0]; s.Shown != 160 || s.In.From != phone(2) || s.In.To != ourNumber || *s.In.Fragment != (gateway.Fragment{Reference: 0xffff, Wide: true, Total: 3}) {
		b.t.Errorf("shown: %+v, %+v", s, s.In.Fragment)
	}
	put(32, part(2, 2, nil)) // one that came later, and says not where it is shown
	equal(b.t, "shown", stale(time.Now().Add(time.Minute), true, 10), []gateway.ID{32})
}

func testReceived(b *bed) {
	var at [4]time.Time
	var c gateway.Conversation
	for i := range at {
		b.do(func(tx *Tx) error {
			if i == 0 {
				c = newConversation(tx, customer)
				if err := tx.SaveConversation(c); err != nil {
					return err
				}
			}
			at[i] = tx.Now()
			tx.InsertMessage(&gateway.Message{ID: tx.NewID(), Conversation: c.ID, Direction: gateway.Direction(i / 3), Number: c.Number, Peer: c.Peer,
				Text: fmt.Sprint(i), Segments: 2 + i/2, CreatedAt: tx.Now()})
			return nil
		})
	}
	texts := func(parts int, since, until time.Time) (all []string) {
		for _, m := range ask(b, func(tx *Tx) ([]gateway.Message, error) { return tx.Received(c.ID, parts, since, until) }) {
			all = append(all, m.Text)
		}
		return all
	}
	equal(b.t, "of two parts", texts(2, at[0], at[3]), []string{"0", "1"})
	equal(b.t, "until then", texts(2, at[0], at[0]), []string{"0"})
	equal(b.t, "of three parts", texts(3, at[0], at[3]), []string{"2"}) // not ours
	equal(b.t, "since", texts(2, time.Now().Add(time.Minute), time.Now()), []string(nil))
}
