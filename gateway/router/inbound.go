package router

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// redeliveryWindow is how long a delivery is known again on a later session, where
// the carrier does not keep what is not acknowledged for longer.
const redeliveryWindow = 10 * time.Minute

func (l *Line) redeliveryWindow() time.Duration {
	if l.Redelivers > 0 {
		return l.Redelivers
	}
	return redeliveryWindow
}

// inbound stores a text or a part of one, unless it is the repetition of
// something stored.
func (b *batch) inbound(in *gateway.Inbound) error {
	stored := *in
	stored.From.Value, stored.To = storable(in.From.Value), storable(in.To)
	in = &stored
	if b.p.r.tests.text(b.p, in) {
		return nil
	}
	again, err := b.redelivered(in)
	if err != nil {
		return err
	}
	if again {
		b.absorbed++
		b.unacknowledged(in)
		return nil
	}
	t, waits, err := b.assemble(in)
	if err != nil {
		return err
	}
	switch {
	case waits:
	case t.shown != 0:
		if err := b.showMore(in, t); err != nil {
			return err
		}
	default:
		if _, err := b.receive(in, t); err != nil {
			return err
		}
		b.texts++
	}
	b.unacknowledged(in)
	return nil
}

// loadUnacknowledged reads, of what these reports deliver, what has been
// committed before.
func (b *batch) loadUnacknowledged(reports []gateway.Report) error {
	var fingerprints [][]byte
	for i := range reports {
		if in := reports[i].Inbound; reports[i].Kind == gateway.ReportInbound && in.Session != 0 {
			fingerprints = append(fingerprints, in.Fingerprint[:])
		}
	}
	found, err := b.tx.Unacknowledged(b.p.line.Name, fingerprints, b.tx.Now().Add(-b.p.line.redeliveryWindow()))
	for _, u := range found {
		b.mayRepeat[u.Fingerprint] = append(b.mayRepeat[u.Fingerprint], u)
	}
	return err
}

// redelivered says whether this is the second delivery of something that a
// session which has ended brought and whose acknowledgement is not known to have
// been written. Each stored one absorbs one. The first may be in this very batch,
// when the carrier lost patience with a store that was slow.
//
// A part that an unfinished text waits for is none: texts under one reference
// may have a part in common, and absorbed it would leave the second unfinished.
func (b *batch) redelivered(in *gateway.Inbound) (bool, error) {
	first := b.mayRepeat[in.Fingerprint]
	i := slices.IndexFunc(first, func(u store.Unacknowledged) bool {
		return u.Session != in.Session && (in.Alive == nil || !in.Alive(u.Session))
	})
	if i < 0 {
		return false, nil
	}
	if in.Fragment != nil {
		open, _, _, err := b.openSet(in)
		if err != nil || open != 0 {
			return false, err
		}
	}
	b.repeated = append(b.repeated, first[i].ID)
	b.mayRepeat[in.Fingerprint] = slices.Delete(first, i, i+1)
	return true, nil
}

// unacknowledged remembers what is about to be acknowledged, until that is
// known to have been written.
func (b *batch) unacknowledged(in *gateway.Inbound) {
	if in.Session == 0 {
		return
	}
	u := store.Unacknowledged{ID: b.tx.NewID(), Fingerprint: in.Fingerprint, Session: in.Session}
	b.unacked = append(b.unacked, u)
	b.mayRepeat[u.Fingerprint] = append(b.mayRepeat[u.Fingerprint], u)
}

// storable writes out as \xNN the octets that a text column cannot hold. The
// carrier's words are kept as they came, and two remain two.
func storable(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0 || r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02X`, s[i])
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// receive gives a text to its conversation.
func (b *batch) receive(in *gateway.Inbound, t received) (*gateway.Message, error) {
	r, tx := b.p.r, b.tx
	if r.paths[in.To] == nil {
		b.unlisted++
	}
	c, err := tx.Pair(in.To, in.From)
	if err != nil {
		return nil, err
	}
	arrival, word := gateway.ArrivalText, r.keywords.Parse(t.text)
	if c.Blocked {
		arrival = gateway.ArrivalBlocked
	} else if word != gateway.KeywordNone {
		arrival = gateway.ArrivalKeyword
	}
	next, events := c.Receive(arrival, r.dir.QueueOf(in.To), tx.Now())
	if next.ID == 0 {
		next.ID = tx.NewID()
	}
	if next, events, err = r.place(tx, system, c, next, events, arrival == gateway.ArrivalText); err != nil {
		return nil, err
	}
	m := &gateway.Message{ID: tx.NewID(), Conversation: next.ID, Direction: gateway.In, Number: in.To, Peer: in.From, Text: t.text,
		Encoding: t.encoding, Segments: t.segments, Carrier: b.p.line.Name, CreatedAt: tx.Now(), Extras: gateway.Extras{Data: t.data, Missing: t.missing}}
	if arrival != gateway.ArrivalBlocked {
		next.LastMessage = m.ID
	}
	tx.InsertMessage(m)
	if err := r.save(tx, c, next, events, system, m, Details{}); err != nil {
		return nil, err
	}
	if arrival == gateway.ArrivalBlocked {
		tx.Audit(store.Deed{By: system, Action: "message.blocked", Conversation: next.ID, Object: "message " + m.ID.String()})
	}
	if c.ID != next.ID && len(events) == 0 { // no event tells of a blocked customer's
		tx.AfterCommit(func() { r.metrics.conversations.add(next.Queue, next.Status, 1) })
	}
	b.received = append(b.received, m)
	if word != gateway.KeywordNone {
		return m, b.keyword(word, in, m)
	}
	if arrival == gateway.ArrivalText {
		return m, r.answerClosed(tx, next)
	}
	return m, nil
}

// keyword records what the customer decided, drops what is still queued for one
// who wants no more, and says so once.
func (b *batch) keyword(word gateway.Keyword, in *gateway.Inbound, m *gateway.Message) error {
	if word == gateway.KeywordNone {
		return nil
	}
	r, tx := b.p.r, b.tx
	before, err := tx.Pair(in.To, in.From)
	if err != nil {
		return err
	}
	if word != gateway.KeywordHelp {
		if err := tx.Decide(&store.Decision{Number: in.To, Peer: in.From, OptedOut: word == gateway.KeywordStop, Keyword: m.Text, Message: m.ID}); err != nil {
			return err
		}
	}
	if word == gateway.KeywordStop {
		// What this batch has put back into the queue is dropped, too.
		if err := b.writeSegments(); err != nil {
			return err
		}
		if err := b.dropOptedOut(in.To, in.From); err != nil {
			return err
		}
	}
	return r.answerKeyword(tx, word, before)
}
