package store

import (
	"time"

	"smsbridge/gateway"
)

func testRedelivery(b *bed) {
	print := [16]byte{1, 0, 0xff}
	b.do(func(tx *Tx) error {
		return tx.InsertUnacknowledged("acme", []Unacknowledged{{16, print, 1}, {32, print, 1}, {48, [16]byte{2}, 1}, {64, [16]byte{3}, 1}})
	})
	known := func(carrier string, since time.Time, prints ...[]byte) (ids []gateway.ID) {
		for _, u := range ask(b, func(tx *Tx) ([]Unacknowledged, error) { return tx.Unacknowledged(carrier, prints, since) }) {
			if u.Session != 1 || u.Fingerprint[0] == 0 {
				b.t.Errorf("known again as %+v", u)
			}
			ids = append(ids, u.ID)
		}
		return ids
	}
	lately := time.Now().Add(-time.Minute)
	other := [16]byte{2}
	equal(b.t, "two alike, oldest first", known("acme", lately, print[:]), []gateway.ID{16, 32})
	equal(b.t, "of several", known("acme", lately, print[:], other[:], make([]byte, 16)), []gateway.ID{16, 32, 48})
	equal(b.t, "of another carrier", known("other", lately, print[:]), []gateway.ID(nil))
	equal(b.t, "long ago", known("acme", time.Now().Add(time.Minute), print[:]), []gateway.ID(nil))
	b.do(func(tx *Tx) error { return tx.Acknowledged(nil) })
	b.do(func(tx *Tx) error { return tx.Acknowledged([]gateway.ID{16, 64, 80}) })
	equal(b.t, "one has absorbed one", known("acme", lately, print[:]), []gateway.ID{32})
	b.do(func(tx *Tx) error { return tx.PruneUnacknowledged("acme", lately) })
	equal(b.t, "pruned too early", known("acme", lately, print[:], other[:]), []gateway.ID{32, 48})
	b.do(func(tx *Tx) error { return tx.PruneUnacknowledged("acme", time.Now().Add(time.Minute)) })
	equal(b.t, "pruned", known("acme", lately, print[:], other[:]), []gateway.ID(nil))
}

func testParts(b *bed) {
	part := func(number uint8, change func(*gateway.Inbound)) *gateway.Inbound {
		in := &gateway.Inbound{From: customer, To: ourNumber, Fragment: &gateway.Fragment{Reference: 7, Total: 2, Number: number},
			Coding: gateway.CodingUCS2, Shift: gateway.Shift{Locking: 1, Single: 2}, Port: 2948, Payload: []byte{number, 0}}
		if change != nil {
			change(in)
		}
		return in
	}
	var at time.Time
	b.do(func(tx *Tx) error {
		at = tx.Now()
		for _, p := range []struct {
			set gateway.ID
			in  *gateway.Inbound
		}{
			{32, part(1, nil)}, {16, part(2, nil)}, {16, part(1, nil)},
			{48, part(1, func(in *gateway.Inbound) { in.Fragment.Wide = true })},
			{48, part(1, func(in *gateway.Inbound) { in.Fragment.Total = 3 })},
			{48, part(1, func(in *gateway.Inbound) { in.Fragment.Reference = 8 })},
			{48, part(1, func(in *gateway.Inbound) { in.From.Kind = gateway.AddressUnknown })},
			{48, part(1, func(in *gateway.Inbound) { in.From = phone(9) })},
			{48, part(1, func(in *gateway.Inbound) { in.To = "+1999" })},
		} {
			if err := tx.InsertPart("acme", p.in, p.set, p.set/16); err != nil {
				return err
			}
		}
		return tx.InsertPart("other", part(1, nil), 64, 0)
	})
	stored := func() []Part { return ask(b, func(tx *Tx) ([]Part, error) { return tx.Parts("acme", part(1, nil)) }) }
	want := func(set gateway.ID, number uint8) Part {
		return Part{Set: set, Number: number, Coding: gateway.CodingUCS2, Shift: gateway.Shift{Locking: 1, Single: 2}, Port: 2948,
			Payload: []byte{number, 0}, At: at, Shown: set / 16}
	}
	equal(b.t, "parts", stored(), []Part{want(16, 1), want(16, 2), want(32, 1)})
	if n := must(b.PendingParts(b.ctx))(b.t); n != 10 {
		b.t.Errorf("%d parts are pending, want 10", n)
	}
	b.do(func(tx *Tx) error { return tx.DeleteParts("acme", part(2, nil), 16) })
	equal(b.t, "parts", stored(), []Part{want(32, 1)})
	if n := must(b.PendingParts(b.ctx))(b.t); n != 8 {
		b.t.Errorf("%d parts are pending, want 8", n)
	}
}

func testConcatRefs(b *bed) {
	const all = 1 << 15
	next := func(n int) (refs []uint16) {
		b.do(func(tx *Tx) error {
			refs = nil
			for range n {
				ref, err := tx.NextConcatRef(ourNumber, customer)
				if err != nil {
					return err
				}
				refs = append(refs, ref)
			}
			return nil
		})
		return refs
	}
	check := func(before int, refs []uint16) {
		for i, ref := range refs {
			if want := uint16((before + i + 1) % all); ref != want {
				b.t.Fatalf("reference %d follows %d, want %d", ref, before+i, want)
			}
		}
		for first := 0; first+256 <= len(refs); first++ {
			var seen [256]bool
			for _, ref := range refs[first : first+256] {
				if seen[byte(ref)] {
					b.t.Fatalf("the low octet of %d comes twice within 256", ref)
				}
				seen[byte(ref)] = true
			}
		}
	}
	check(0, next(300))
	b.do(func(tx *Tx) error { _, err := tx.exec(`UPDATE concat_refs SET ref = $1`, all-400); return err })
	check(all-400, next(800)) // over the end
	if ref := ask(b, func(tx *Tx) (uint16, error) { return tx.NextConcatRef(ourNumber, phone(2)) }); ref != 1 {
		b.t.Errorf("another pair's first reference is %d", ref)
	}
}

func testQuarantine(b *bed) {
	raw := []byte{0, 1, 0xff}
	b.do(func(tx *Tx) error { return tx.Quarantine("acme", raw, "bad service_type") })
	b.do(func(tx *Tx) error { return tx.Quarantine("other", nil, "") })
	all := must(b.Quarantine(b.ctx, "", 0, 10))(b.t)
	if len(all) != 2 || all[0].Carrier != "other" {
		b.t.Fatalf("quarantined: %+v, want the newest first", all)
	}
	older := must(b.Quarantine(b.ctx, "acme", all[0].ID, 10))(b.t)
	if len(older) != 1 || older[0].Reason != "bad service_type" {
		b.t.Fatalf("quarantined of acme: %+v", older)
	}
	equal(b.t, "quarantined", older[0].Raw, raw)
}

func testCarriers(b *bed) {
	paused := func(carrier string) bool { return ask(b, func(tx *Tx) (bool, error) { return tx.Paused(carrier) }) }
	for _, want := range []bool{true, true, false, true} {
		b.do(func(tx *Tx) error { return tx.SetPaused("acme", want) })
		if got := paused("acme"); got != want {
			b.t.Errorf("paused is %v, want %v", got, want)
		}
	}
	if paused("other") {
		b.t.Error("a carrier that nobody paused is paused")
	}
	last := int64(0)
	for range 3 {
		term := ask(b, func(tx *Tx) (int64, error) { return tx.Lease("acme") })
		if term <= last {
			b.t.Errorf("term %d after %d", term, last)
		}
		last = term
	}
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	later := openBed(b.t, b.dsn, Options{Node: "b"})
	if term := ask(later, func(tx *Tx) (int64, error) { return tx.Lease("acme") }); term <= last {
		b.t.Errorf("term %d after %d and a restart", term, last)
	}
	if !ask(later, func(tx *Tx) (bool, error) { return tx.Paused("acme") }) {
		b.t.Error("a restart has resumed a paused carrier")
	}
}
