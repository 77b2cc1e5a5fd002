package store

import (
	"fmt"
	"time"

	"smsbridge/gateway"
)

func testClaim(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0", "1", "2+2", "3", "4"}, func(i int, m *gateway.Message, s []gateway.Segment) {
		if i < 2 {
			m.Lane, s[0].Lane = gateway.LanePrograms, gateway.LanePrograms
		}
		m.Encoding, s[0].UDH = gateway.EncodingUCS2, true
		if i == 4 {
			s[0].Carrier = "other"
		}
	})
	var got []gateway.Submission
	b.do(func(tx *Tx) (err error) { got, _, err = tx.Claim("acme", 7, 2); return err })
	if len(got) != 2 {
		b.t.Fatalf("%d claimed", len(got))
	}
	m := b.message(ids[2])
	want := gateway.Submission{Segment: ids[2], Attempt: 1, Parts: 2, From: gateway.Address{Value: ourNumber}, To: c.Peer,
		Encoding: gateway.EncodingUCS2, UDH: true, Payload: []byte("2+2"), Expires: m.ExpiresAt}
	equal(b.t, "claimed", got[0], want)
	if s := b.segment(ids[2]); s.Tick != gateway.TickSending || s.Attempt != 1 || s.Term != 7 {
		b.t.Errorf("a claimed segment is %+v", s)
	}
	b.do(func(tx *Tx) error {
		part, _, err := tx.ClaimRest("acme", 7, ids[0], 0)
		if err == nil && len(part) != 0 {
			err = fmt.Errorf("claimed %v without room", part)
		}
		return err
	})
	b.do(func(tx *Tx) error {
		part, _, err := tx.ClaimRest("acme", 7, ids[2], 50)
		if err == nil && len(part) != 0 {
			err = fmt.Errorf("claimed %v twice", part)
		}
		return err
	})
	rest, _ := b.claim(50)
	equal(b.t, "claimed", append([]gateway.ID{got[0].Segment, got[1].Segment}, rest...), []gateway.ID{ids[2], ids[2].Segment(1), ids[3], ids[0], ids[1]})
	if again, _ := b.claim(50); len(again) != 0 {
		b.t.Errorf("claimed twice: %v", again)
	}
	// What is inserted and claimed in one batch is claimed as well.
	b.do(func(tx *Tx) error {
		m, segments := newText(tx, &c, "5", 1)
		tx.InsertMessage(m)
		tx.InsertSegments(m, segments)
		claimed, _, err := tx.Claim("acme", 7, 50)
		if err == nil && len(claimed) != 1 {
			err = fmt.Errorf("claimed %d in the batch that inserted it", len(claimed))
		}
		return err
	})
}

func testClaimLeavesOut(b *bed) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	_, ids := b.sendTexts(customer, []string{"no turn", "in back-off", "expired", "sent", "no limit", "back-off over"}, func(i int, m *gateway.Message, s []gateway.Segment) {
		switch i {
		case 0:
			s[0].Turn = false
		case 1:
			s[0].NotUntil = now.Add(time.Hour)
		case 2:
			m.ExpiresAt = now.Add(-time.Second)
		case 3:
			s[0].Tick = gateway.TickSent
		case 4:
			m.ExpiresAt = time.Time{}
		case 5:
			s[0].NotUntil = now.Add(-time.Second)
		}
	})
	late := ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.Expired("acme", 10) })
	equal(b.t, "past their validity", late, ids[2:3])
	if none := ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.Expired("other", 10) }); len(none) != 0 {
		b.t.Errorf("another carrier's past their validity: %v", none)
	}
	claimed, expired := b.claim(50)
	equal(b.t, "claimed", claimed, ids[4:6])
	equal(b.t, "expired", expired, ids[2:3])
	if s := b.segment(ids[2]); s.Tick != gateway.TickQueued {
		b.t.Errorf("an expired segment was made %v", s.Tick)
	}
}

func testAbandoned(b *bed) {
	_, ids := b.sendTexts(customer, []string{"0", "1"}, nil)
	terms := make([]int64, 2)
	for i := range terms {
		terms[i] = ask(b, func(tx *Tx) (int64, error) { return tx.Lease("acme") })
		b.do(func(tx *Tx) error { _, _, err := tx.Claim("acme", terms[i], 1); return err })
	}
	if terms[1] <= terms[0] {
		b.t.Errorf("term %d after %d", terms[1], terms[0])
	}
	equal(b.t, "abandoned", ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.Abandoned("acme", terms[1]) }), ids[:1])
	if other := ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.Abandoned("other", terms[1]+1) }); len(other) != 0 {
		b.t.Errorf("another carrier abandoned %v", other)
	}
}

func testTurns(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0+0", "1+1", "2"}, func(i int, _ *gateway.Message, s []gateway.Segment) {
		for k := range s {
			s[k].Turn = i == 0
		}
	})
	idle, _ := b.sendTexts(phone(2), nil, nil)
	open := func(id gateway.ID) bool { return ask(b, func(tx *Tx) (bool, error) { return tx.HasOpen(id) }) }
	if !open(c.ID) || open(idle.ID) {
		b.t.Errorf("open: %v and %v, want true and false", open(c.ID), open(idle.ID))
	}
	b.do(func(tx *Tx) error {
		m, segments := newText(tx, &idle, "not yet written", 1)
		tx.InsertMessage(m)
		tx.InsertSegments(m, segments)
		if open, err := tx.HasOpen(idle.ID); err != nil || !open {
			return fmt.Errorf("what the batch inserted is open: %v, %v", open, err)
		}
		segments[0].Tick = gateway.TickSent
		return nil
	})
	pass := func(ended ...gateway.ID) []string {
		return ask(b, func(tx *Tx) ([]string, error) {
			ss, err := tx.Segments(ended)
			if err != nil {
				return nil, err
			}
			var sent []*gateway.Segment
			for _, s := range ss {
				s.Tick = gateway.TickSent
				sent = append(sent, s)
			}
			if err := tx.UpdateSegments(sent); err != nil {
				return nil, err
			}
			return tx.PassTurn([]gateway.ID{c.ID, idle.ID})
		})
	}
	for i, step := range []struct {
		ended    []gateway.ID
		carriers []string
		claimed  []gateway.ID
	}{
		{nil, nil, []gateway.ID{ids[0], ids[0].Segment(1)}},
		{[]gateway.ID{ids[0]}, nil, nil},
		{[]gateway.ID{ids[0].Segment(1)}, []string{"acme"}, []gateway.ID{ids[1], ids[1].Segment(1)}},
		{[]gateway.ID{ids[1], ids[1].Segment(1)}, []string{"acme"}, ids[2:]},
		{ids[2:], nil, nil},
	} {
		equal(b.t, fmt.Sprintf("step %d: carriers", i), pass(step.ended...), step.carriers)
		claimed, _ := b.claim(50)
		equal(b.t, fmt.Sprintf("step %d: claimed", i), claimed, step.claimed)
	}
	if open(c.ID) {
		b.t.Error("still open when all is sent")
	}
	_, more := b.sendTexts(phone(3), []string{"waits"}, func(_ int, _ *gateway.Message, s []gateway.Segment) { s[0].Turn = false })
	if got := ask(b, func(tx *Tx) (string, error) { return tx.GiveTurn(more[0]) }); got != "acme" {
		b.t.Errorf("the turn was given to carrier %q", got)
	}
	claimed, _ := b.claim(50)
	equal(b.t, "claimed", claimed, more)
}

func testHeldBack(b *bed) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	behind := func(peer int, notUntil, created time.Time) gateway.ID {
		_, ids := b.sendTexts(phone(peer), []string{"first", "second", "third"}, func(i int, m *gateway.Message, s []gateway.Segment) {
			s[0].Turn = i == 0
			m.CreatedAt = created
			if i == 0 {
				s[0].NotUntil = notUntil
			}
		})
		return ids[1]
	}
	old := now.Add(-time.Hour)
	held := behind(1, now.Add(time.Minute), old)
	behind(2, time.Time{}, old)          // not in back-off
	behind(3, now.Add(time.Minute), now) // not for long
	equal(b.t, "held back", ask(b, func(tx *Tx) ([]gateway.ID, error) { return tx.HeldBack(now.Add(-10 * time.Minute)) }), []gateway.ID{held})
}
