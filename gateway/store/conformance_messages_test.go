package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// sendTexts inserts a conversation with texts, each changed before it is kept.
func (b *bed) sendTexts(peer gateway.Address, texts []string, change func(i int, m *gateway.Message, segments []gateway.Segment)) (c gateway.Conversation, ids []gateway.ID) {
	b.t.Helper()
	b.do(func(tx *Tx) error {
		c, ids = newConversation(tx, peer), nil
		for i, text := range texts {
			m, segments := newText(tx, &c, text, 1+strings.Count(text, "+"))
			if change != nil {
				change(i, m, segments)
			}
			tx.InsertMessage(m)
			tx.InsertSegments(m, segments)
			ids = append(ids, m.ID)
		}
		return tx.SaveConversation(c)
	})
	return c, ids
}

func (b *bed) message(id gateway.ID) gateway.Message {
	b.t.Helper()
	m, ok, err := b.Message(b.ctx, id)
	if !ok || err != nil {
		b.t.Fatalf("message %d: %v, %v", id, ok, err)
	}
	return m
}

func (b *bed) segment(id gateway.ID) gateway.Segment {
	b.t.Helper()
	all := ask(b, func(tx *Tx) (map[gateway.ID]*gateway.Segment, error) { return tx.Segments([]gateway.ID{id}) })
	if all[id] == nil {
		b.t.Fatalf("no segment %d", id)
	}
	return *all[id]
}

func (b *bed) claim(n int) (segments []gateway.ID, expired []gateway.ID) {
	b.t.Helper()
	b.do(func(tx *Tx) error {
		claimed, gone, err := tx.Claim("acme", 7, n)
		segments, expired = nil, gone
		for _, c := range claimed {
			segments = append(segments, c.Segment)
		}
		return err
	})
	return segments, expired
}

func testMessages(b *bed) {
	var m gateway.Message
	var segments []gateway.Segment
	b.do(func(tx *Tx) error {
		now := tx.Now()
		m = gateway.Message{ID: tx.NewID(), Conversation: 77, Kind: gateway.KindNote, Direction: gateway.Out, Number: ourNumber,
			Peer: gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "Café's"}, Text: "Zażółć 🦫 'quoted' \"\\ %_\n", Encoding: gateway.EncodingUCS2,
			Segments: 2, Tick: gateway.TickQueued, Error: gateway.ErrUncertain, ErrorText: "why", Carrier: "acme", Lane: gateway.LanePrograms,
			Author: 5, AuthorName: "Ana", Reference: "ref-1", CreatedAt: now, SentAt: now.Add(1), DeliveredAt: now.Add(time.Hour), ExpiresAt: now.Add(2 * time.Hour)}
		m.SentAt = m.SentAt.Truncate(time.Microsecond)
		segments = []gateway.Segment{
			{ID: m.ID, Carrier: "acme", Tick: gateway.TickQueued, Attempt: 3, Turn: true, Lane: gateway.LanePrograms, NotUntil: now, Term: 9,
				Payload: []byte{0, 5, 0xff}, UDH: true, Error: gateway.ErrRejected},
			{ID: m.ID.Segment(1), Tick: gateway.TickFailed},
		}
		segments[1].Payload = []byte{}
		kept := m
		tx.InsertMessage(&kept)
		tx.InsertSegments(&kept, segments)
		kept.ErrorText = "changed before the batch ended"
		m.ErrorText = kept.ErrorText
		within, err := tx.Messages([]gateway.ID{m.ID, 1 << 20})
		if err != nil {
			return err
		}
		if len(within) != 1 {
			return fmt.Errorf("found %d messages", len(within))
		}
		equal(b.t, "the message within its transaction", *within[m.ID], m)
		return nil
	})
	equal(b.t, "message", b.message(m.ID), m)
	for _, s := range segments {
		equal(b.t, "segment", b.segment(s.ID), s)
	}
	if _, ok, err := b.Message(b.ctx, 1<<20); ok || err != nil {
		b.t.Errorf("a message that is not there: %v, %v", ok, err)
	}
	many := make([]string, 150)
	_, ids := b.sendTexts(customer, many, nil)
	if found := must(b.MessagesByID(b.ctx, append(ids, 1<<20)))(b.t); len(found) != len(ids) {
		b.t.Errorf("%d of %d messages by their IDs", len(found), len(ids))
	}
	if found := ask(b, func(tx *Tx) (map[gateway.ID]*gateway.Message, error) { return tx.Messages(ids) }); len(found) != len(ids) {
		b.t.Errorf("%d of %d messages in a transaction", len(found), len(ids))
	}
	if found := ask(b, func(tx *Tx) (map[gateway.ID]*gateway.Message, error) { return tx.Messages(nil) }); len(found) != 0 {
		b.t.Errorf("%d messages of no IDs", len(found))
	}
}

// testAnyOctets stores what PostgreSQL does not take in a TEXT: a carrier that
// sent it would otherwise deliver it for ever.
func testAnyOctets(b *bed) {
	const bad = "a\x00b\xffc"
	_, ids := b.sendTexts(customer, []string{bad}, func(_ int, m *gateway.Message, _ []gateway.Segment) { m.Reference = bad })
	if got := b.message(ids[0]).Text; !strings.HasPrefix(got, "a") || !strings.HasSuffix(got, "c") {
		b.t.Errorf("text is %q", got)
	}
	b.do(func(tx *Tx) error {
		tx.InsertReceipt("acme", &gateway.Receipt{Reference: bad, Word: bad, Err: bad, Raw: bad, At: tx.Now()}, 0)
		if err := tx.InsertReferences("acme", []Reference{{bad, ids[0], 1, tx.Now()}}); err != nil {
			return err
		}
		return tx.Quarantine("acme", []byte(bad), bad)
	})
	refs := ask(b, func(tx *Tx) (map[string][]Reference, error) { return tx.References("acme", []string{bad}) })
	if len(refs) != 1 {
		b.t.Errorf("%d references found", len(refs))
	}
	if _, err := b.Conversations(b.ctx, ConversationList{Visible: Visible{Everything: true}, Search: bad, Limit: 1}); err != nil {
		b.t.Errorf("search: %v", err)
	}
}

func testUpdateTicks(b *bed) {
	texts := make([]string, 23) // 16 + 4 + 1 + 1 + 1 rows
	_, ids := b.sendTexts(customer, texts, nil)
	before := b.message(ids[22])
	b.do(func(tx *Tx) error {
		ms, err := tx.Messages(ids[:22])
		if err != nil {
			return err
		}
		ss, err := tx.Segments(ids[:22])
		if err != nil {
			return err
		}
		var messages []*gateway.Message
		var segments []*gateway.Segment
		for i, id := range ids[:22] {
			m, s := ms[id], ss[id]
			m.Tick, m.Error, m.ErrorText = gateway.TickFailed, gateway.ErrRejected, fmt.Sprint(i)
			m.SentAt, m.DeliveredAt = tx.Now(), tx.Now().Add(time.Second)
			m.Text = "not saved"
			s.Tick, s.Attempt, s.Turn, s.Error, s.Carrier, s.NotUntil = gateway.TickUnknown, i, false, gateway.ErrUncertain, "other", tx.Now()
			messages, segments = append(messages, m), append(segments, s)
		}
		if err := tx.UpdateTicks(messages); err != nil {
			return err
		}
		return tx.UpdateSegments(segments)
	})
	for i, id := range ids[:22] {
		m, s := b.message(id), b.segment(id)
		if m.Tick != gateway.TickFailed || m.Error != gateway.ErrRejected || m.ErrorText != fmt.Sprint(i) || m.SentAt.IsZero() || m.DeliveredAt.IsZero() || m.Text != "" {
			b.t.Errorf("message %d is %+v", i, m)
		}
		if s.Tick != gateway.TickUnknown || s.Attempt != i || s.Turn || s.Error != gateway.ErrUncertain || s.Carrier != "other" || s.NotUntil.IsZero() {
			b.t.Errorf("segment %d is %+v", i, s)
		}
	}
	equal(b.t, "the message that was not updated", b.message(ids[22]), before)
}

func testMessageRows(b *bed) {
	c, ids := b.sendTexts(customer, []string{"0", "1", "2", "3"}, func(i int, m *gateway.Message, _ []gateway.Segment) {
		m.Author, m.Reference = gateway.ID(i), fmt.Sprint("r", i)
		m.CreatedAt = time.UnixMicro(int64(1000 * i)).UTC()
		if i == 3 {
			m.Kind, m.Direction, m.Tick = gateway.KindNote, gateway.In, gateway.TickNone
		}
	})
	_, other := b.sendTexts(phone(2), []string{"4"}, func(_ int, m *gateway.Message, s []gateway.Segment) {
		m.Direction, m.Number, m.Tick, s[0].Tick = gateway.In, "+1999", gateway.TickNone, gateway.TickSent
		m.CreatedAt = time.UnixMicro(9000).UTC()
	})
	b.claim(1) // ids[0] is sending
	in := gateway.In
	for _, test := range []struct {
		name string
		list MessageList
		want []gateway.ID
	}{
		{"all texts", MessageList{}, []gateway.ID{other[0], ids[2], ids[1], ids[0]}},
		{"a conversation's, notes included", MessageList{Conversation: c.ID}, []gateway.ID{ids[3], ids[2], ids[1], ids[0]}},
		{"the newest", MessageList{Limit: 1}, []gateway.ID{other[0]}},
		{"before", MessageList{Before: ids[2]}, []gateway.ID{ids[1], ids[0]}},
		{"author", MessageList{Author: 2}, []gateway.ID{ids[2]}},
		{"numbers", MessageList{Numbers: []string{"+1999", "+1888"}}, []gateway.ID{other[0]}},
		{"no numbers", MessageList{Numbers: []string{}}, nil},
		{"direction", MessageList{Direction: &in}, []gateway.ID{other[0]}},
		{"number", MessageList{Number: "+1999"}, []gateway.ID{other[0]}},
		{"peer", MessageList{Peer: phone(2).Value}, []gateway.ID{other[0]}},
		{"reference", MessageList{Reference: "r1"}, []gateway.ID{ids[1]}},
		{"since", MessageList{Since: time.UnixMicro(2000)}, []gateway.ID{other[0], ids[2]}},
		{"queued", MessageList{Tick: gateway.TickQueued}, []gateway.ID{ids[2], ids[1]}},
		{"sending", MessageList{Tick: gateway.TickSending}, []gateway.ID{ids[0]}},
		{"sending, of that number, newest", MessageList{Tick: gateway.TickSending, Number: ourNumber, Limit: 5}, []gateway.ID{ids[0]}},
	} {
		if test.list.Limit == 0 {
			test.list.Limit = 50
		}
		var got []gateway.ID
		for _, m := range must(b.MessageRows(b.ctx, test.list))(b.t) {
			got = append(got, m.ID)
		}
		equal(b.t, test.name, got, test.want)
	}
	if m := b.message(ids[0]); m.Tick != gateway.TickSending {
		b.t.Errorf("a claimed message is shown as %v", m.Tick)
	}
}

func testBacklog(b *bed) {
	_, ids := b.sendTexts(customer, []string{"0", "1+1", "2", "3"}, func(i int, m *gateway.Message, s []gateway.Segment) {
		m.CreatedAt = time.UnixMicro(int64(i + 1)).UTC()
		switch i {
		case 2:
			s[0].Carrier = "other"
		case 3:
			s[0].Tick = gateway.TickDelivered
		}
	})
	b.claim(1)
	equal(b.t, "backlog", must(b.Backlog(b.ctx))(b.t), map[string]map[gateway.Tick]int{
		"acme": {gateway.TickQueued: 2, gateway.TickSending: 1}, "other": {gateway.TickQueued: 1}})
	equal(b.t, "oldest", must(b.OldestQueued(b.ctx, "acme"))(b.t), b.message(ids[1]).CreatedAt)
	if at := must(b.OldestQueued(b.ctx, "none"))(b.t); !at.IsZero() {
		b.t.Errorf("oldest of no carrier: %v", at)
	}
}

func testReferences(b *bed) {
	now := time.UnixMicro(1e15).UTC()
	b.do(func(tx *Tx) error {
		if err := tx.InsertReferences("acme", []Reference{{"A", 16, 1, now}, {"A", 32, 2, now.Add(time.Hour)}, {"B", 48, 1, now}, {"A", 16, 3, now.Add(2 * time.Hour)}}); err != nil {
			return err
		}
		return tx.InsertReferences("other", []Reference{{"A", 64, 1, now}})
	})
	got := ask(b, func(tx *Tx) (map[string][]Reference, error) {
		names := []string{"A", "B", "C"}
		for i := range 80 {
			names = append(names, fmt.Sprint(i))
		}
		return tx.References("acme", names)
	})
	equal(b.t, "references", got, map[string][]Reference{"A": {{"A", 32, 2, now.Add(time.Hour)}, {"A", 16, 1, now}}, "B": {{"B", 48, 1, now}}})
}

func testReceipts(b *bed) {
	now := time.UnixMicro(1e15).UTC()
	want := gateway.Receipt{Reference: "A", Tick: gateway.TickDelivered, Word: "DELIVRD", Err: "000", Intermediate: true,
		Peer: gateway.Address{Value: customer.Value}, DoneAt: now, At: now.Add(time.Second), Raw: "id:A"}
	b.do(func(tx *Tx) error {
		for i, segment := range []gateway.ID{0, 16, 0, 0} {
			r := want
			r.Raw = fmt.Sprint(i)
			tx.InsertReceipt("acme", &r, segment)
		}
		tx.InsertReceipt("other", &want, 0)
		return nil
	})
	waiting := func(limit int) []WaitingReceipt {
		return ask(b, func(tx *Tx) ([]WaitingReceipt, error) { return tx.WaitingReceipts("acme", 0, limit) })
	}
	all := waiting(10)
	if len(all) != 3 || len(waiting(2)) != 2 {
		b.t.Fatalf("%d and %d wait, want 3 and 2", len(all), len(waiting(2)))
	}
	want.Raw = "0"
	equal(b.t, "receipt", all[0].Receipt, want)
	b.do(func(tx *Tx) error {
		if err := tx.SettleReceipt(all[0].ID, 16); err != nil {
			return err
		}
		return tx.SettleReceipt(all[2].ID, 0)
	})
	left := waiting(10)
	if len(left) != 1 || left[0].ID != all[1].ID {
		b.t.Errorf("%+v wait after two were settled", left)
	}
}

func TestNewID(t *testing.T) {
	b := openBed(t, "sqlite:"+t.TempDir()+"/store.db", Options{Node: "a"})
	ids := make([]gateway.ID, 10000)
	for i := range ids {
		ids[i] = b.NewID()
		if ids[i].Message() != ids[i] {
			t.Fatalf("%b has no room for segments", ids[i])
		}
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("IDs do not rise")
	}
}
