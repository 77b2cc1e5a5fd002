package store

import (
	"slices"
	"time"

	"smsbridge/gateway"
)

// testExtras keeps what few messages have, wherever a message is read.
func testExtras(b *bed) {
	full := gateway.Extras{Flash: true, TLVs: []gateway.TLV{{Tag: 0x1400, Value: []byte{0, 0xff}}, {Tag: 0x1401}}, Data: []byte{0, 1, 0xff}, Missing: 2}
	c, ids := b.sendTexts(customer, []string{"0", "1"}, func(i int, m *gateway.Message, _ []gateway.Segment) {
		if i == 0 {
			m.Extras = full
		}
	})
	equal(b.t, "read", b.message(ids[0]).Extras, full)
	if m := b.message(ids[1]); !m.Extras.Empty() {
		b.t.Errorf("a message without any has %+v", m.Extras)
	}
	within := ask(b, func(tx *Tx) (map[gateway.ID]*gateway.Message, error) { return tx.Messages(ids) })
	equal(b.t, "in a transaction", within[ids[0]].Extras, full)
	rows := must(b.MessageRows(b.ctx, MessageList{Conversation: c.ID, Limit: 10}))(b.t)
	equal(b.t, "listed", rows[1].Extras, full)
	b.do(func(tx *Tx) error {
		tx.Emit(gateway.Event{Type: gateway.EventMessageSent, Conversation: &c, Message: within[ids[0]]})
		return nil
	})
	events := must(b.Events(b.ctx, 0, 10))(b.t)
	equal(b.t, "of an event", events[0].Message.Extras, full)
	var claimed []gateway.Submission
	b.do(func(tx *Tx) (err error) { claimed, _, err = tx.Claim("acme", 7, 10); return err })
	if len(claimed) != 2 || !claimed[0].Flash || claimed[1].Flash || claimed[1].TLVs != nil {
		b.t.Fatalf("claimed as %+v", claimed)
	}
	equal(b.t, "claimed", claimed[0].TLVs, full.TLVs)
}

func testAttempts(b *bed) {
	_, ids := b.sendTexts(customer, []string{"0+0", "1"}, nil)
	var at time.Time
	add := func(as ...Attempt) {
		b.do(func(tx *Tx) error { at = tx.Now(); return tx.InsertAttempts(as) })
	}
	refused := func() []string {
		all := ask(b, func(tx *Tx) ([]string, error) { return tx.RefusedBy(ids[0]) })
		slices.Sort(all)
		return all
	}
	equal(b.t, "refused by", refused(), []string(nil))
	add()
	add(Attempt{Segment: ids[0].Segment(1), Attempt: 1, Carrier: "acme", Outcome: "retry", Code: "ESME_RX_T_APPN", Note: "later, a\x00b"},
		Attempt{Segment: ids[0], Attempt: 1, Carrier: "acme", Outcome: "retry"},
		Attempt{Segment: ids[0], Carrier: "beta", Outcome: "moved", Note: "from acme to beta"},
		Attempt{Segment: ids[1], Attempt: 1, Carrier: "gamma", Outcome: "retry"})
	got := must(b.Attempts(b.ctx, ids[0]))(b.t)
	if len(got) != 3 {
		b.t.Fatalf("%d attempts", len(got))
	}
	if got[0].Note == "" {
		b.t.Error("the note was not kept")
	}
	got[0].Note = "later"
	equal(b.t, "attempt", got[0], Attempt{ids[0].Segment(1), 1, "acme", "retry", "ESME_RX_T_APPN", "later", at})
	equal(b.t, "attempt", got[2], Attempt{ids[0], 0, "beta", "moved", "", "from acme to beta", at})
	equal(b.t, "refused by", refused(), []string{"acme"})
	add(Attempt{Segment: ids[0], Attempt: 2, Carrier: "beta", Outcome: "retry"}, Attempt{Segment: ids[0], Attempt: 2, Carrier: "delta", Outcome: "rejected"})
	equal(b.t, "refused by", refused(), []string{"acme", "beta"})
	add(Attempt{Segment: ids[0], Carrier: "beta", Outcome: "resend", Note: "Ana"})
	equal(b.t, "refused by since it was sent again", refused(), []string(nil))
	add(Attempt{Segment: ids[0], Attempt: 3, Carrier: "beta", Outcome: "retry"})
	equal(b.t, "refused by since it was sent again", refused(), []string{"beta"})
}

func testTraceReads(b *bed) {
	now := time.UnixMicro(1e15).UTC()
	_, ids := b.sendTexts(customer, []string{"0+0", "1"}, nil)
	one, two := ids[0], ids[0].Segment(1)
	receipt := gateway.Receipt{Reference: "A", Tick: gateway.TickFailed, Word: "UNDELIV", Err: "042", Intermediate: true, DoneAt: now, At: now.Add(time.Second), Raw: "id:A"}
	b.do(func(tx *Tx) error {
		for i, r := range []Reference{{"A", one, 1, now}, {"B", two, 1, now.Add(time.Second)}, {"C", one, 2, now.Add(2 * time.Second)}, {"D", ids[1], 1, now}} {
			if err := tx.InsertReferences([]string{"acme", "beta"}[i%2], []Reference{r}); err != nil {
				return err
			}
		}
		for _, s := range []gateway.ID{one, 0, two, ids[1]} {
			tx.InsertReceipt("acme", &receipt, s)
		}
		return nil
	})
	equal(b.t, "references", must(b.ReferencesOf(b.ctx, one))(b.t), []Accepted{
		{"acme", Reference{"A", one, 1, now}}, {"beta", Reference{"B", two, 1, now.Add(time.Second)}}, {"acme", Reference{"C", one, 2, now.Add(2 * time.Second)}}})
	newest := func(id gateway.ID) Accepted {
		return ask(b, func(tx *Tx) (Accepted, error) { return tx.ReferenceOf(id) })
	}
	equal(b.t, "newest reference", newest(one), Accepted{"acme", Reference{"C", one, 2, now.Add(2 * time.Second)}})
	equal(b.t, "reference of none", newest(1<<20), Accepted{})
	got := must(b.ReceiptsOf(b.ctx, one))(b.t)
	if len(got) != 2 {
		b.t.Fatalf("%d receipts", len(got))
	}
	equal(b.t, "receipt", got[1], StoredReceipt{"acme", two, receipt})
	segments := must(b.SegmentsOf(b.ctx, one))(b.t)
	if len(segments) != 2 {
		b.t.Fatalf("%d segments", len(segments))
	}
	equal(b.t, "segment", segments[1], b.segment(two))
}

// testWaitingReceipt keeps what tells receipts apart that wait, and what people are told.
func testWaitingReceipt(b *bed) {
	b.do(func(tx *Tx) error {
		tx.InsertReceipt("acme", &gateway.Receipt{Reference: "A", UserReference: 0xffff, Meaning: "The number is barred.", At: tx.Now()}, 0)
		return nil
	})
	all := ask(b, func(tx *Tx) ([]WaitingReceipt, error) { return tx.WaitingReceipts("acme", 0, 10) })
	if len(all) != 1 || all[0].UserReference != 0xffff || all[0].Meaning != "The number is barred." {
		b.t.Errorf("waiting: %+v", all)
	}
}

func testReplacedSegments(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0+0+0", "1"}, nil)
	queued := func(q QueuedRoute, limit int) []gateway.ID { return must(b.QueuedMessages(b.ctx, q, limit))(b.t) }
	equal(b.t, "queued", queued(QueuedRoute{Carrier: "acme"}, 10), ids)
	equal(b.t, "queued", queued(QueuedRoute{Carrier: "acme"}, 1), ids[:1])
	equal(b.t, "queued from the number", queued(QueuedRoute{Number: c.Number, Carrier: "acme"}, 10), ids)
	equal(b.t, "queued from another", queued(QueuedRoute{Number: "+1999", Carrier: "acme"}, 10), []gateway.ID(nil))
	var m *gateway.Message
	b.do(func(tx *Tx) error {
		ms, err := tx.Messages(ids[:1])
		if err != nil {
			return err
		}
		m = ms[ids[0]]
		m.Text, m.Encoding, m.Segments, m.Carrier, m.ExpiresAt, m.Missing = "other", gateway.EncodingLatin1, 2, "beta", tx.Now().Add(time.Hour), 1
		segments := []gateway.Segment{{ID: ids[0], Carrier: "beta", Tick: gateway.TickQueued, Turn: true, Payload: []byte("a")}, {ID: ids[0].Segment(1), Carrier: "beta", Tick: gateway.TickQueued, Turn: true, Payload: []byte("b")}}
		if err := tx.ReplaceSegments(m, segments); err != nil {
			return err
		}
		return tx.Rewrite(m)
	})
	equal(b.t, "rewritten", b.message(ids[0]), *m)
	segments := must(b.SegmentsOf(b.ctx, ids[0]))(b.t)
	if len(segments) != 2 || segments[0].Carrier != "beta" || string(segments[1].Payload) != "b" {
		b.t.Errorf("segments: %+v", segments)
	}
	equal(b.t, "queued", queued(QueuedRoute{Carrier: "acme"}, 10), ids[1:])
	if open := ask(b, func(tx *Tx) (bool, error) { return tx.HasOpen(c.ID) }); !open {
		b.t.Error("the new segments are not the conversation's")
	}
	if s := b.segment(ids[1]); s.Carrier != "acme" {
		b.t.Errorf("another message's segment: %+v", s)
	}
	b.claim(10)
	equal(b.t, "queued when claimed", queued(QueuedRoute{Carrier: "acme"}, 10), []gateway.ID(nil))
}
