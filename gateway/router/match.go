package router

import (
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// match is a receipt's segment, the attempt at it that the receipt is about, and
// how it was found.
type match struct {
	segment *gateway.Segment // nil: none was found
	attempt int
	by      string
}

// receipt matches what a carrier says of something it accepted, and applies it.
func (b *batch) receipt(rc *gateway.Receipt) error {
	kept := keep(rc)
	known, err := b.applyKnown(&kept)
	if err == nil && !known {
		b.orphans = append(b.orphans, &kept)
	}
	return err
}

// unmarkedReceipt applies what reads like a receipt and is not marked as one, if
// it is about something that is known. Otherwise it is a text.
func (b *batch) unmarkedReceipt(rc *gateway.Receipt) (bool, error) {
	kept := keep(rc)
	return b.applyKnown(&kept)
}

// applyKnown stores and applies a receipt if it is about something that is known.
func (b *batch) applyKnown(rc *gateway.Receipt) (bool, error) {
	m, err := b.match(rc)
	if err != nil || m.segment == nil {
		return false, err
	}
	b.tx.InsertReceipt(b.p.line.Name, rc, m.segment.ID)
	return true, b.learnt(m, rc)
}

// keep makes a receipt fit to be stored.
func keep(rc *gateway.Receipt) gateway.Receipt {
	kept := *rc
	for _, s := range []*string{&kept.Reference, &kept.Word, &kept.Err, &kept.Peer.Value, &kept.Raw} {
		*s = storable(*s)
	}
	return kept
}

// match finds the segment that a receipt is about, under the names that the
// carrier may have given it; the newest is meant, for ids are used again. What
// the batch knows by the likeliest names has been read before.
func (b *batch) match(rc *gateway.Receipt) (match, error) {
	if m, err := b.matchLikely(rc); m.segment != nil || err != nil || b.p.line.Forms == nil {
		return m, err
	}
	forms := b.p.forms(rc.Reference)
	if err := b.loadReferences(references(forms)); err != nil {
		return match{}, err
	}
	return b.matchForms(rc, forms)
}

// matchLikely looks, among the references that are in memory, for the name by
// which this carrier's receipts are known to be matched.
func (b *batch) matchLikely(rc *gateway.Receipt) (match, error) {
	form := b.p.form()
	if form == rawForm {
		if ref, ok := b.known[rc.Reference]; ok {
			b.evidence = append(b.evidence, rawForm)
			return b.matched(ref, rawForm)
		}
		return match{}, nil
	}
	if form == "" {
		return match{}, nil
	}
	for _, f := range b.p.forms(rc.Reference) {
		if ref, ok := b.known[f.Reference]; ok && f.By == form {
			b.evidence = append(b.evidence, f.By)
			return b.matched(ref, f.By)
		}
	}
	return match{}, nil
}

// matchKnown looks among the references that are in memory.
func (b *batch) matchKnown(rc *gateway.Receipt) (match, error) {
	if m, err := b.matchLikely(rc); m.segment != nil || err != nil || b.p.line.Forms == nil {
		return m, err
	}
	return b.matchForms(rc, b.p.forms(rc.Reference))
}

// matchForms takes the likeliest name that is known. What one id is in decimal,
// another may be in hexadecimal: where names lead to several segments, that one is
// meant which went to the receipt's customer, and where the carrier's form is
// known, another counts only for the customer's. A match is evidence of the form
// if nothing speaks against it.
func (b *batch) matchForms(rc *gateway.Receipt, forms []gateway.Form) (match, error) {
	var all []match
	form := b.p.form()
	theirs := -1
	for _, f := range forms {
		ref, ok := b.known[f.Reference]
		if !ok || slices.ContainsFunc(all, func(m match) bool { return m.segment.ID == ref.Segment }) {
			continue
		}
		m, err := b.matched(ref, f.By)
		if err != nil {
			return match{}, err
		}
		if m.segment == nil {
			continue
		}
		to := b.messages[m.segment.ID.Message()].Peer.Value
		if rc.Peer.Value != "" && !sameNumber(to, rc.Peer.Value) && form != "" && f.By != form {
			continue
		}
		all = append(all, m)
		if theirs < 0 && sameNumber(to, rc.Peer.Value) {
			theirs = len(all) - 1
		}
	}
	switch {
	case len(all) == 0:
		return match{}, nil
	case theirs >= 0:
		b.evidence = append(b.evidence, all[theirs].by)
		return all[theirs], nil
	case len(all) == 1 && rc.Peer.Value == "":
		b.evidence = append(b.evidence, all[0].by)
	}
	return all[0], nil
}

// sameNumber compares numbers of which a carrier may leave out the plus sign.
func sameNumber(a, b string) bool { return strings.TrimPrefix(a, "+") == strings.TrimPrefix(b, "+") }

// form is how the carrier's receipts are known to give ids; "" while it is not.
func (p *pump) form() string {
	if p.line.Forms == nil {
		return rawForm
	}
	return p.ids.Load().Form
}

// rawForm is the form of ids that are given as they were.
const rawForm = "raw"

// forms lists the names of a reference, those of the form that is known of the
// carrier first.
func (p *pump) forms(reference string) []gateway.Form {
	if p.line.Forms == nil {
		return nil
	}
	forms, form := p.line.Forms(reference), p.form()
	if form != "" && form != rawForm {
		slices.SortStableFunc(forms, func(a, b gateway.Form) int { return rank(a, form) - rank(b, form) })
	}
	return forms
}

func rank(f gateway.Form, form string) int {
	if f.By == form {
		return 0
	}
	return 1
}

// likely adds to names those by which a reference is probably known: all, while
// nothing is known of the carrier.
func (p *pump) likely(names []string, reference string) []string {
	form := p.form()
	if form == rawForm {
		return append(names, reference)
	}
	for _, f := range p.forms(reference) {
		if form == "" || f.By == form {
			names = append(names, f.Reference)
		}
	}
	return names
}

func references(forms []gateway.Form) []string {
	names := make([]string, len(forms))
	for i, f := range forms {
		names[i] = f.Reference
	}
	return names
}

// loadReferences reads what these names stand for. Those of this batch are newer.
func (b *batch) loadReferences(names []string) error {
	found, err := b.tx.References(b.p.line.Name, names)
	for name, refs := range found {
		if _, ok := b.known[name]; !ok {
			b.known[name] = refs[0]
		}
	}
	return err
}

func (b *batch) matched(ref store.Reference, by string) (match, error) {
	s, err := b.segment(ref.Segment)
	return match{s, ref.Attempt, by}, err
}

func (b *batch) segment(id gateway.ID) (*gateway.Segment, error) {
	if b.segments[id] == nil {
		if err := b.load([]gateway.ID{id}); err != nil {
			return nil, err
		}
	}
	return b.segments[id], nil
}

const (
	// maxDoubts bounds the doubtful segments that a receipt may settle; there are
	// two windows of them after a crash.
	maxDoubts = 2000
	doubtAge  = 72 * time.Hour // beside the validity
)

// doubtsSince is when the oldest text was written that a receipt may be about.
func (b *batch) doubtsSince() time.Time {
	return b.tx.Now().Add(-b.p.line.Validity - doubtAge)
}

// adopt finds what a receipt of an unknown reference is about among what nobody
// knows the carrier to have: by our own reference that came back with it, or
// because nothing else that is out to this customer could be meant. From then
// on the reference is known.
func (b *batch) adopt(rc *gateway.Receipt) (match, error) {
	if rc.Tick == gateway.TickNone {
		return match{}, nil
	}
	if !b.doubted {
		// A segment must be seen as this batch has left it.
		if err := b.writeSegments(); err != nil {
			return match{}, err
		}
		var err error
		if b.doubts, err = b.tx.Doubtful(b.p.line.Name, b.doubtsSince(), maxDoubts); err != nil {
			return match{}, err
		}
		b.doubted = true
	}
	var candidates []store.Doubt
	by := "destination"
	for _, d := range b.doubts {
		if !sameNumber(d.Peer, rc.Peer.Value) || rc.At.Before(d.At) {
			continue
		}
		if rc.UserReference != 0 && rc.UserReference == gateway.UserReference(d.Segment) {
			candidates, by = []store.Doubt{d}, "user-reference"
			break
		}
		candidates = append(candidates, d)
	}
	if len(candidates) != 1 {
		return match{}, nil
	}
	d := candidates[0]
	if by == "destination" {
		if busy, err := b.tx.Sending(d.Peer); busy || err != nil {
			return match{}, err
		}
		// An earlier attempt at another text, that has gone once more since, may
		// have arrived, too: the receipt may be about that.
		if also, err := b.tx.DoubtedBefore(b.p.line.Name, d.Peer, b.doubtsSince(), d.Segment); also || err != nil {
			return match{}, err
		}
	}
	s, err := b.segment(d.Segment)
	if err != nil || s == nil || s.Error != gateway.ErrUncertain {
		return match{}, err
	}
	if s.Tick == gateway.TickSending { // again: nobody doubts that attempt yet
		d.Attempt--
	}
	b.doubts = slices.DeleteFunc(b.doubts, func(x store.Doubt) bool { return x.Segment == d.Segment })
	ref := store.Reference{Reference: rc.Reference, Segment: d.Segment, Attempt: d.Attempt, At: b.tx.Now()}
	b.known[rc.Reference] = ref
	if err := b.tx.InsertReferences(b.p.line.Name, []store.Reference{ref}); err != nil {
		return match{}, err
	}
	return match{s, d.Attempt, by}, nil
}
