package router

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// events lists what was recorded since, without what carriers' states are.
func (b *bed) events(since int64) (types []string, now int64) {
	b.t.Helper()
	all, err := b.db.Events(b.ctx, since, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	types = []string{}
	for _, e := range all {
		since = e.Seq
		if e.Type != gateway.EventCarrierUp && e.Type != gateway.EventCarrierDown {
			types = append(types, string(e.Type))
		}
	}
	return types, since
}

// A text of which parts do not come is shown without them, and takes its place
// as they come: it is one text, that arrives once.
func TestPartialText(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		_, seq := b.events(0)
		parts := b.parts(customer(1), 7, "onetwosi", 3)
		b.deliver(parts[1])[0].want(b.t, gateway.AckOK)
		b.pass(4 * time.Minute)
		if c := b.pair(customer(1)); c.ID != 0 {
			b.t.Fatalf("shown at once: %+v", c)
		}
		b.pass(2*time.Minute + time.Second)
		c := b.pair(customer(1))
		wantList(b.t, "texts", b.texts(c.ID), []string{"[…]two[…]"})
		if m := b.message(c.LastMessage); m.Missing != 2 || m.Segments != 3 || c.Unread != 1 || c.Status != gateway.StatusWaiting {
			b.t.Errorf("shown as %+v in %+v", m, c)
		}
		types, seq := b.events(seq)
		wantList(b.t, "events", types, []string{"message.received", "conversation.created"})
		b.wantMetric(1, "inbound_partial_total", "acme")
		b.wantMetric(1, "inbound_total", "acme")
		b.wantMetric(1, "inbound_fragments_pending")

		b.halt()
		b.run()
		b.deliver(parts[1])[0].want(b.t, gateway.AckOK) // once more: it is known
		b.later(10 * time.Minute)
		b.deliver(parts[2])[0].want(b.t, gateway.AckOK)
		wantList(b.t, "texts", b.texts(c.ID), []string{"[…]twosi"})
		b.deliver(parts[0])[0].want(b.t, gateway.AckOK)
		wantList(b.t, "texts", b.texts(c.ID), []string{"onetwosi"})
		after := b.pair(customer(1))
		if m := b.message(c.LastMessage); m.Missing != 0 || after.Unread != 1 || after.LastMessage != c.LastMessage || after.Epoch != c.Epoch {
			b.t.Errorf("completed as %+v in %+v", m, after)
		}
		types, _ = b.events(seq)
		wantList(b.t, "events", types, []string{"message.updated", "message.updated"})
		b.wantMetric(0, "inbound_total", "acme") // since the restart: it has arrived before
		b.wantMetric(0, "inbound_fragments_pending")
	})
}

// A character may straddle parts that came, whatever else is missing.
func TestPartialTextKeepsCharactersWhole(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		payload := ucs2("ab😀cd")
		for i, part := range [][]byte{payload[:6], payload[6:]} { // within the pair
			b.deliver(fingerprinted(&gateway.Inbound{From: customer(1), To: ourNumber, Coding: gateway.CodingUCS2, Payload: part,
				Session: 1, Fragment: &gateway.Fragment{Reference: 9, Total: 3, Number: uint8(i + 2)}}))
		}
		b.later(7 * time.Minute)
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"[…]ab😀cd"})
	})
}

// Parts may differ in how they are written.
func TestPartsOfTwoCodings(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		for i, part := range []struct {
			coding  gateway.Coding
			payload []byte
		}{{gateway.CodingGSM7, []byte("plain ")}, {gateway.CodingUCS2, ucs2("żółw ")}, {gateway.CodingUCS2, ucs2("😀")}} {
			b.deliver(fingerprinted(&gateway.Inbound{From: customer(1), To: ourNumber, Coding: part.coding, Payload: part.payload,
				Session: 1, Fragment: &gateway.Fragment{Reference: 9, Total: 3, Number: uint8(i + 1)}}))
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"plain żółw 😀"})
	})
}

// A word by which the customer decides is one when it is whole, and not before.
func TestKeywordInParts(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		b.deliver(b.parts(customer(1), 7, "STOP.", 2)...)
		b.deliver(b.parts(customer(2), 7, "STOP.", 2)[0])
		longer := b.parts(customer(3), 7, "STOP it, will you", 2)
		longer[0].Payload = ucs2("STOP")
		b.deliver(longer[0])
		b.later(7 * time.Minute)
		out := func(n int) (is bool) {
			b.do(func(tx *store.Tx) (err error) { is, err = tx.OptedOut(ourNumber, customer(n)); return err })
			return is
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(3)).ID), []string{"STOP[…]"})
		if !out(1) || out(2) || out(3) {
			b.t.Errorf("opted out: %v, %v, %v", out(1), out(2), out(3))
		}
		m := b.bill(customer(2), "bill")
		b.acme.window = 0
		behind := b.bill(customer(2), "bill")
		b.deliver(b.parts(customer(2), 7, "STOP.", 2)[1])
		wantList(b.t, "texts", b.texts(m.Conversation), []string{"STOP.", "> bill", "> bill"})
		if !out(2) {
			b.t.Error("STOP that came in two parts is none")
		}
		b.wantTick(behind, gateway.TickFailed, gateway.ErrOptedOut)
	})
}

// A part that comes once more after its text was whole makes no text of its own.
// The whole text again does: people do send the same again.
func TestRepeatedPartIsNoText(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		const text = "one 😀 two 😀 six"
		for _, n := range []int{0, 1, 2, 2, 0} {
			b.deliver(b.parts(customer(1), 7, text, 3)[n])
		}
		b.pass(6 * time.Minute)
		c := b.pair(customer(1))
		wantList(b.t, "texts", b.texts(c.ID), []string{text})
		b.wantMetric(0, "inbound_fragments_pending")
		b.wantMetric(2, "inbound_redelivered_total", "acme")
		b.deliver(b.parts(customer(1), 7, text, 3)...)
		wantList(b.t, "texts", b.texts(c.ID), []string{text, text})
		b.deliver(b.parts(customer(1), 7, "one 😀 two 😀 ten", 3)[2]) // another one
		b.later(7 * time.Minute)
		if got := b.texts(c.ID); len(got) != 3 {
			b.t.Errorf("texts: %q", got)
		}
		b.later(10 * time.Minute)
		b.deliver(b.parts(customer(1), 8, text, 3)[0]) // long after
		b.later(7 * time.Minute)
		if got := b.texts(c.ID); len(got) != 4 {
			b.t.Errorf("texts: %q", got)
		}
	})
}

func TestConsistsOf(t *testing.T) {
	const text = "one two six two"
	for _, test := range []struct {
		pieces []string
		want   bool
	}{
		{[]string{"one ", ""}, true}, {[]string{"", "two"}, true}, {[]string{"", "six ", ""}, true}, {[]string{"one \ufffd", "\ufffdtwo"}, true},
		{[]string{"two", ""}, false}, {[]string{"", "six"}, false}, {[]string{"one two six", "six two"}, false}, {[]string{"", "ten", ""}, false},
		{[]string{"one two six two two", ""}, false}, {[]string{"", "two", "two"}, true},
	} {
		if got := consistsOf(text, test.pieces); got != test.want {
			t.Errorf("%q: %v, want %v", test.pieces, got, test.want)
		}
	}
}

// Parts are forgotten after two days, all that came of them being shown.
func TestOldPartsAreForgotten(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		old := b.parts(customer(1), 7, "onetw", 2)
		b.deliver(old[0])
		b.later(6 * time.Minute)
		b.later(49 * time.Hour)
		b.wantMetric(0, "inbound_fragments_pending")
		b.deliver(old[1])
		b.later(7 * time.Minute)
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"one[…]", "[…]tw"})
		b.wantMetric(1, "inbound_fragments_pending")
	})
}

// A blocked customer's is stored, and nobody is told.
func TestPartialTextOfABlockedCustomer(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			b.t.Fatal(err)
		}
		_, seq := b.events(0)
		parts := b.parts(customer(1), 7, "ST OP", 2)
		b.deliver(parts[0])
		b.later(7 * time.Minute)
		b.deliver(parts[1])
		wantList(b.t, "texts", b.texts(c.ID), []string{"hello", "ST OP"})
		types, _ := b.events(seq)
		wantList(b.t, "events", types, []string{})
	})
}

// What is killed before its commit has shown nothing, and is done again.
func TestPartialTextIsShownWholly(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		b.deliver(b.parts(customer(1), 7, "onetw", 2)[0])
		b.pass(4 * time.Minute)
		b.halt()
		b.pass(2 * time.Minute)
		b.make()
		killed := errors.New("killed")
		err := b.db.Update(b.ctx, func(tx *store.Tx) error {
			stale, err := tx.StaleSets("acme", tx.Now().Add(-partialAfter), false, 100)
			if err != nil || len(stale) != 1 {
				b.t.Errorf("%d sets are stale, %v", len(stale), err)
				return err
			}
			batch := b.r.pumps["acme"].newBatch(tx, 0)
			return errors.Join(batch.showPartial(&stale[0]), batch.end(), killed)
		})
		if !errors.Is(err, killed) {
			b.t.Fatal(err)
		}
		if c := b.pair(customer(1)); c.ID != 0 {
			b.t.Errorf("something is left: %+v", c)
		}
		b.begin()
		b.pass(time.Minute)
		c := b.pair(customer(1))
		wantList(b.t, "texts", b.texts(c.ID), []string{"one[…]"})
		if c.Unread != 1 {
			b.t.Errorf("%d unread", c.Unread)
		}
	})
}

// What is no text is kept as it is, and shown as what it is.
func TestBinaryMessages(t *testing.T) {
	binary := func(number uint8, payload ...byte) *gateway.Inbound {
		in := &gateway.Inbound{From: customer(1), To: ourNumber, Coding: gateway.CodingBinary, Port: 2948, Payload: payload, Session: 1}
		if number > 0 {
			in.Fragment = &gateway.Fragment{Reference: 9, Total: 2, Number: number}
		}
		return fingerprinted(in)
	}
	for _, restart := range []bool{false, true} {
		onEach(t, func(b *bed) {
			b.run()
			b.deliver(binary(0, 0, 1, 0xff))
			c := b.pair(customer(1))
			want := func(data []byte, missing int) {
				b.t.Helper()
				m := b.message(b.pair(customer(1)).LastMessage)
				if !bytes.Equal(m.Data, data) || m.Encoding != gateway.EncodingBinary || m.Missing != missing || m.Text != gateway.DescribeBinary(gateway.CodingBinary, 2948, data) {
					b.t.Errorf("kept as %+v", m)
				}
			}
			want([]byte{0, 1, 0xff}, 0)
			b.deliver(binary(2, 4, 5))
			b.later(7 * time.Minute)
			want([]byte{4, 5}, 1)
			if restart {
				b.halt()
				b.run()
			}
			b.deliver(binary(1, 0, 3))
			want([]byte{0, 3, 4, 5}, 0)
			b.deliver(binary(2, 4, 5)) // once more
			b.later(7 * time.Minute)
			if n := len(b.texts(c.ID)); n != 2 {
				b.t.Errorf("%d texts, want 2", n)
			}
		})
	}
}

// National tables go with the parts, and their letters may be anywhere.
func TestShiftedParts(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		turkish := gateway.Shift{Locking: 1, Single: 1}
		text := []byte{0x07, 'x', 0x1b, 'S', 0x0b} // ı x Ş ğ
		want, _, err := gateway.Decode(gateway.CodingGSM7, turkish, text)
		if err != nil {
			b.t.Fatal(err)
		}
		for i, payload := range slices.Collect(slices.Chunk(text, 3)) { // within the escape
			b.deliver(fingerprinted(&gateway.Inbound{From: customer(1), To: ourNumber, Coding: gateway.CodingGSM7, Shift: turkish, Payload: payload,
				Session: 1, Fragment: &gateway.Fragment{Reference: 9, Total: 2, Number: uint8(i + 1)}}))
			if i == 0 {
				b.halt()
				b.run()
			}
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{want})
		plain, _, _ := gateway.Decode(gateway.CodingGSM7, gateway.Shift{}, text)
		if want == plain {
			b.t.Error("the tables make no difference to this text")
		}
	})
}
