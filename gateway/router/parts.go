package router

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	// maxPartAge is how long a part waits for the others of its text. Telephones
	// use references again, and a text must not be joined from two.
	maxPartAge = 48 * time.Hour
	// partialAfter is how long the missing parts of a text are waited for before
	// it is shown without them.
	partialAfter = 5 * time.Minute
	// missingPart stands in a text for what has not come.
	missingPart = "[…]"
)

// received is a text that came, or what has come of it.
type received struct {
	text     string
	encoding gateway.Encoding
	segments int
	data     []byte     // of a binary message
	missing  int        // parts that have not come
	shown    gateway.ID // the message in which it was shown without all of its parts, or 0
}

// assemble decodes a text of one part, or stores a part and decodes the text if
// its set is complete, or shown though it is not. Otherwise it waits for the rest.
func (b *batch) assemble(in *gateway.Inbound) (t received, waits bool, err error) {
	f := in.Fragment
	if f == nil || f.Total <= 1 {
		t, err = readParts([]store.Part{partOf(in, 1)}, 1)
		return t, false, err
	}
	set, err := b.addPart(in)
	if err != nil || set == nil {
		return received{}, true, err
	}
	t, err = readParts(set, int(f.Total))
	for _, p := range set {
		t.shown = max(t.shown, p.Shown)
	}
	return t, false, err
}

func partOf(in *gateway.Inbound, number uint8) store.Part {
	return store.Part{Number: number, Coding: in.Coding, Shift: in.Shift, Port: in.Port, Payload: in.Payload}
}

// addPart stores a part in the newest set that lacks it. Where none does, the
// same bytes again are nothing new, and other bytes under the same number begin
// another set, for references are soon used again. It returns the set if that can
// be read: it is complete, and removed, or shown as far as it has come.
func (b *batch) addPart(in *gateway.Inbound) ([]store.Part, error) {
	f, name := in.Fragment, b.p.line.Name
	open, set, known, err := b.openSet(in)
	if err != nil || known && open == 0 {
		return nil, err
	}
	shown := gateway.ID(0)
	if len(set) > 0 {
		shown = set[0].Shown
	}
	complete := len(set)+1 == int(f.Total)
	if complete {
		b.parts -= len(set)
		err = b.tx.DeleteParts(name, in, open)
	} else {
		if open == 0 {
			open = b.tx.NewID()
		}
		b.parts++
		err = b.tx.InsertPart(name, in, open, shown)
	}
	if err != nil || !complete && shown == 0 {
		return nil, err
	}
	set = append(set, partOf(in, f.Number))
	slices.SortFunc(set, func(a, b store.Part) int { return int(a.Number) - int(b.Number) })
	return set, nil
}

// openSet finds the newest set that lacks the part, and its parts; none is 0.
// The part is known if a set has it, bytes and all.
func (b *batch) openSet(in *gateway.Inbound) (open gateway.ID, set []store.Part, known bool, err error) {
	stored, err := b.tx.Parts(b.p.line.Name, in)
	if err != nil {
		return 0, nil, false, err
	}
	for first := 0; first < len(stored); {
		last := first
		for last < len(stored) && stored[last].Set == stored[first].Set {
			last++
		}
		parts := stored[first:last:last]
		first = last
		if parts[len(parts)-1].At.Before(b.tx.Now().Add(-maxPartAge)) {
			continue
		}
		i := slices.IndexFunc(parts, func(p store.Part) bool { return p.Number == in.Fragment.Number })
		switch {
		case i < 0:
			open, set = parts[0].Set, parts
		case bytes.Equal(parts[i].Payload, in.Payload):
			known = true
		}
	}
	return open, set, known, nil
}

// readParts reads the parts that there are, in their order. A character may
// straddle two of them, so that those that follow each other are joined first.
func readParts(parts []store.Part, total int) (received, error) {
	t := received{segments: total, missing: total - len(parts)}
	text, next := "", uint8(1)
	for i := 0; i < len(parts); {
		first := &parts[i]
		if first.Number != next {
			text += missingPart
		}
		run := first.Payload[:len(first.Payload):len(first.Payload)]
		for i, next = i+1, first.Number+1; i < len(parts) && parts[i].Number == next && parts[i].Coding == first.Coding && parts[i].Shift == first.Shift; i++ {
			run = append(run, parts[i].Payload...)
			next++
		}
		s, encoding, err := gateway.Decode(first.Coding, first.Shift, run)
		if err != nil {
			return t, err
		}
		text, t.encoding = text+s, encoding
	}
	if int(next) <= total {
		text += missingPart
	}
	if t.encoding == gateway.EncodingBinary {
		for _, p := range parts {
			t.data = append(t.data, p.Payload...)
		}
		text = gateway.DescribeBinary(parts[0].Coding, parts[0].Port, t.data)
	}
	t.text = withoutNUL(text)
	return t, nil
}

// sweepParts shows the texts of which parts have not come, and forgets the parts
// of those that nobody waits for any more.
func (p *pump) sweepParts(ctx context.Context) error {
	if p.r.pending.Load() <= 0 {
		return nil
	}
	return p.r.db.Update(ctx, func(tx *store.Tx) error {
		stale, err := tx.StaleSets(p.line.Name, tx.Now().Add(-partialAfter), false, 100)
		if err != nil {
			return err
		}
		old, err := tx.StaleSets(p.line.Name, tx.Now().Add(-maxPartAge), true, 100)
		if err != nil || len(stale)+len(old) == 0 {
			return err
		}
		b := p.newBatch(tx, 0)
		for i := range stale {
			if err := b.showPartial(&stale[i]); err != nil {
				return err
			}
		}
		for i := range old { // all that came of them is shown
			if _, err := b.removeSet(&old[i]); err != nil {
				return err
			}
		}
		tx.AfterCommit(b.observe)
		return b.end()
	})
}

// removeSet forgets a set, and returns its parts.
func (b *batch) removeSet(s *store.StaleSet) ([]store.Part, error) {
	parts, err := b.setParts(s)
	if err != nil {
		return nil, err
	}
	b.parts -= len(parts)
	return parts, b.tx.DeleteParts(b.p.line.Name, &s.In, s.Set)
}

func (b *batch) setParts(s *store.StaleSet) ([]store.Part, error) {
	all, err := b.tx.Parts(b.p.line.Name, &s.In)
	return slices.DeleteFunc(all, func(p store.Part) bool { return p.Set != s.Set }), err
}

// showPartial gives what has come of a text to its conversation. The sign for what
// is missing keeps it from being a keyword. Parts that came once more after their
// text was whole are nothing new.
func (b *batch) showPartial(s *store.StaleSet) error {
	parts, err := b.setParts(s)
	if err != nil || len(parts) == 0 {
		return err
	}
	t, err := readParts(parts, int(s.In.Fragment.Total))
	if err != nil {
		return err
	}
	if again, err := b.whole(&s.In, parts, t); again || err != nil {
		if err == nil {
			b.absorbed += len(parts)
			_, err = b.removeSet(s)
		}
		return err
	}
	m, err := b.receive(&s.In, t)
	if err != nil {
		return err
	}
	b.texts++
	b.partial++
	return b.tx.ShowSet(s.Set, m.ID)
}

// whole tells whether all of these parts were in a text of as many that had come
// whole shortly before.
func (b *batch) whole(in *gateway.Inbound, parts []store.Part, t received) (bool, error) {
	c, err := b.tx.Pair(in.To, in.From)
	if err != nil || c.ID == 0 {
		return false, err
	}
	first := slices.MinFunc(parts, func(a, b store.Part) int { return a.At.Compare(b.At) }).At
	texts, err := b.tx.Received(c.ID, t.segments, first.Add(-redeliveryWindow), first)
	return slices.ContainsFunc(texts, func(m gateway.Message) bool {
		if m.Missing > 0 {
			return false
		}
		if t.encoding == gateway.EncodingBinary {
			return !slices.ContainsFunc(parts, func(p store.Part) bool { return !bytes.Contains(m.Data, p.Payload) })
		}
		return consistsOf(m.Text, strings.Split(t.text, missingPart))
	}), err
}

// consistsOf tells whether a text begins with the first of these, ends with the
// last, and has the others between them in their order. A character that was cut
// in two may be at the end of each.
func consistsOf(text string, pieces []string) bool {
	for i, piece := range pieces {
		piece = strings.Trim(piece, "\ufffd")
		at := strings.Index(text, piece)
		if i == len(pieces)-1 {
			at = len(text) - len(piece)
		}
		if at < 0 || i == 0 && at > 0 || !strings.HasPrefix(text[at:], piece) {
			return false
		}
		text = text[at+len(piece):]
	}
	return true
}

// showMore puts more of a text, or all of it, in the place of the parts that were
// shown. A word by which the customer decides counts once it is whole.
func (b *batch) showMore(in *gateway.Inbound, t received) error {
	ms, err := b.tx.Messages([]gateway.ID{t.shown})
	if err != nil {
		return err
	}
	m := ms[t.shown]
	if m == nil {
		_, err := b.receive(in, t)
		return err
	}
	m.Text, m.Encoding, m.Data, m.Missing = t.text, t.encoding, t.data, t.missing
	if err := b.tx.Rewrite(m); err != nil {
		return err
	}
	c, ok, err := b.tx.Conversation(m.Conversation)
	if err != nil || !ok || c.Blocked {
		return err
	}
	view := c.View()
	b.tx.Emit(gateway.Event{Type: gateway.EventMessageUpdated, Before: view, After: view, Conversation: &c, Message: m})
	if t.missing > 0 {
		return nil
	}
	return b.keyword(b.p.r.keywords.Parse(t.text), in, m)
}
