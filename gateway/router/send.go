package router

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Text is what somebody wants to say.
type Text struct {
	Text      string
	Reference string // a program's own, returned as given
	// Key makes a repetition harmless: the same Key and Body within 24 hours
	// give the same message, another Body is refused. Refusals are not kept.
	Key   string
	Body  [32]byte
	Epoch *int64 // refuse if the conversation has changed since
	Flash bool   // to be shown at once, and not kept
	TLVs  []gateway.TLV
	// Validity is for how long it may be sent, where that is shorter than the
	// carrier's; 0: as long as that.
	Validity time.Duration
}

// Sent is a message and the conversation that it went into.
type Sent struct {
	Message      gateway.Message
	Conversation gateway.Conversation
	Created      bool // the conversation is new
	Repeated     bool // the Key led to it before: nothing was sent now
}

// Reply sends a text into a conversation. In one transaction it takes the
// conversation, or makes sure that by owns it, and queues the text.
func (r *Router) Reply(ctx context.Context, by gateway.Actor, id gateway.ID, text Text) (Sent, error) {
	d := newDraft(text, nil)
	var sent Sent
	err := r.update(ctx, by, func(tx *store.Tx) error {
		if done, err := r.repeated(tx, by, text, &sent); done || err != nil {
			return err
		}
		c, ok, err := tx.Conversation(id)
		if err != nil {
			return err
		}
		if !ok {
			return &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such conversation."}
		}
		if err := stale(c, by, text.Epoch); err != nil {
			return err
		}
		sent, err = r.send(tx, d, c, by, gateway.Action{Kind: gateway.ActReply})
		return err
	})
	return sent, err
}

// Start sends a text to a customer, by a person who need not know whether there
// is a conversation: an existing one is taken, appended to or refused.
func (r *Router) Start(ctx context.Context, by gateway.Actor, from string, to gateway.Address, text Text) (Sent, error) {
	return r.sendTo(ctx, by, from, to, text, gateway.ActStart)
}

// SendProgram sends a program's text, which moves no conversation.
func (r *Router) SendProgram(ctx context.Context, by gateway.Actor, from string, to gateway.Address, text Text) (Sent, error) {
	return r.sendTo(ctx, by, from, to, text, gateway.ActProgramText)
}

func (r *Router) sendTo(ctx context.Context, by gateway.Actor, from string, to gateway.Address, text Text, kind gateway.ActionKind) (Sent, error) {
	d := newDraft(text, r.guess(from, to))
	number := r.dir.Number(from)
	var sent Sent
	err := r.update(ctx, by, func(tx *store.Tx) error {
		if done, err := r.repeated(tx, by, text, &sent); done || err != nil {
			return err
		}
		c, err := tx.Pair(from, to)
		if err != nil {
			return err
		}
		sent, err = r.send(tx, d, c, by, gateway.Action{Kind: kind, Queue: number.Queue, Agent: number.Person})
		return err
	})
	return sent, err
}

// update is the store's Update with what the rules refuse made ready for people.
func (r *Router) update(ctx context.Context, by gateway.Actor, fn func(*store.Tx) error) error {
	err := r.db.Update(ctx, fn)
	var refusal *gateway.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Code {
	case gateway.AlreadyTaken, gateway.OwnedByOther:
		r.metrics.conflicts.Inc()
		if p, ok := r.dir.Person(refusal.Owner); ok {
			told := *refusal
			told.OwnerName = p.Name
			told.Text = fmt.Sprintf("%s has this conversation.", p.Name)
			return &told
		}
	case gateway.OptedOut:
		r.metrics.optOutRefused.Inc()
	case gateway.RateLimited:
		r.limitReached(ctx, by, refusal)
	}
	return err
}

// stale refuses what was decided on a state that has changed since, to those
// who may see the new one.
func stale(c gateway.Conversation, by gateway.Actor, epoch *int64) error {
	if epoch == nil || *epoch == c.Epoch || !c.View().VisibleTo(by) {
		return nil
	}
	return &gateway.Refusal{Code: gateway.StaleEpoch, Text: "The conversation has changed since you saw it.", Current: &c}
}

// repeated finds what the text's key has led to before.
func (r *Router) repeated(tx *store.Tx, by gateway.Actor, text Text, sent *Sent) (bool, error) {
	if text.Key == "" {
		return false, nil
	}
	before, found, err := tx.SentBefore(by.ID, text.Key, tx.Now().Add(-keepIdempotency))
	if err != nil || !found {
		return false, err
	}
	if !bytes.Equal(before.Body, text.Body[:]) {
		return false, &gateway.Refusal{Code: gateway.Mismatch, Text: "This Idempotency-Key was used for another request."}
	}
	ms, err := tx.Messages([]gateway.ID{before.Message})
	if err != nil {
		return false, err
	}
	m := ms[before.Message]
	if m == nil {
		return false, nil
	}
	c, _, err := tx.Conversation(m.Conversation)
	if err != nil {
		return false, err
	}
	// The same answer: as it was when it was accepted.
	m.Tick, m.Error, m.ErrorText, m.SentAt, m.DeliveredAt = gateway.TickQueued, "", "", time.Time{}, time.Time{}
	*sent = Sent{Message: *m, Conversation: c, Repeated: true}
	return true, nil
}

// draft is a text split before its transaction begins, as the carrier takes it
// that is likely to send it.
type draft struct {
	Text
	despite  bool // of an opt-out
	format   gateway.Format
	parts    []gateway.Part
	encoding gateway.Encoding
	err      error // why it cannot be sent in this format
}

func newDraft(text Text, likely *pump) *draft {
	d := &draft{Text: text}
	if likely != nil {
		d.format = likely.line.Format
	}
	d.parts, d.encoding, d.err = gateway.Split(text.Text, d.format, 0)
	if d.err == nil && strings.TrimSpace(text.Text) == "" { // spaces could be sent, and say nothing
		d.err = &gateway.Refusal{Code: gateway.TextEmpty, Text: "There is nothing to send."}
	}
	return d
}

// fit splits the text anew where the carrier takes it otherwise. What is too long
// for one may fit another.
func (d *draft) fit(p *pump) error {
	if p != nil && p.line.Format != d.format {
		despite := d.despite
		*d = *newDraft(d.Text, p)
		d.despite = despite
	}
	return d.err
}

// send applies the action to c and queues the draft's message.
func (r *Router) send(tx *store.Tx, d *draft, c gateway.Conversation, by gateway.Actor, a gateway.Action) (Sent, error) {
	now := tx.Now()
	next, events, err := c.Act(a, by, now)
	if err != nil {
		return Sent{}, err
	}
	if err := r.sendable(c, d.despite); err != nil {
		return Sent{}, err
	}
	p, err := r.pick(tx, next)
	if err != nil {
		return Sent{}, err
	}
	if p != nil {
		if err := p.allows(next.Peer); err != nil {
			return Sent{}, err
		}
	}
	if err := d.fit(p); err != nil {
		return Sent{}, err
	}
	if err := r.withinLimits(tx, by, next.Peer, len(d.parts)); err != nil {
		return Sent{}, err
	}
	if next.ID == 0 {
		next.ID = tx.NewID()
	}
	m := &gateway.Message{ID: tx.NewID(), Conversation: next.ID, Direction: gateway.Out, Number: next.Number, Peer: next.Peer,
		Text: d.Text.Text, Encoding: d.encoding, Segments: len(d.parts), Tick: gateway.TickQueued,
		Author: by.ID, AuthorName: by.Name, Reference: d.Reference, CreatedAt: now, Extras: gateway.Extras{Flash: d.Flash, TLVs: d.TLVs}}
	if by.Kind == gateway.ActorProgram {
		m.Lane = gateway.LanePrograms
	}
	validity := d.Validity
	if p != nil {
		m.Carrier = p.line.Name
		if p.line.Validity > 0 && (validity <= 0 || validity > p.line.Validity) {
			validity = p.line.Validity
		}
	}
	if validity > 0 {
		m.ExpiresAt = now.Add(validity)
	}
	next.LastMessage = m.ID
	if err := r.queue(tx, d, m, next, c.Status == gateway.StatusNone || c.ID != next.ID, p); err != nil {
		return Sent{}, err
	}
	if err := r.save(tx, c, next, events, by, m, Details{}); err != nil {
		return Sent{}, err
	}
	if d.Key != "" {
		if err := tx.RememberSent(by.ID, d.Key, store.Sent{Body: d.Body[:], Message: m.ID}); err != nil {
			return Sent{}, err
		}
	}
	return Sent{Message: *m, Conversation: next, Created: c.ID != next.ID}, nil
}

// sendable refuses what the customer does not want, and what cannot be answered.
// despite is for the one text that says that there will be no more, and for help.
func (r *Router) sendable(c gateway.Conversation, despite bool) error {
	switch {
	case c.Peer.Emergency(r.Region()): // though it seems to have texted: senders can be forged
		return &gateway.Refusal{Code: gateway.NumberInvalid, Text: gateway.NoEmergencies}
	case c.Peer.Kind == gateway.AddressAlphanumeric || c.Peer.Kind == gateway.AddressUnknown:
		return &gateway.Refusal{Code: gateway.NumberInvalid, Text: fmt.Sprintf("%q is a name, not a number: it cannot be texted.", c.Peer.Value)}
	case c.Blocked:
		return &gateway.Refusal{Code: gateway.Blocked, Text: "This customer is blocked."}
	case c.OptedOut && !despite:
		return &gateway.Refusal{Code: gateway.OptedOut, Text: "This customer has opted out of texts from this number."}
	}
	return nil
}

// allows refuses what the configuration keeps the carrier from texting.
func (p *pump) allows(to gateway.Address) error {
	if len(p.line.AllowTo) == 0 || slices.ContainsFunc(p.line.AllowTo, func(prefix string) bool { return strings.HasPrefix(to.Value, prefix) }) {
		return nil
	}
	return &gateway.Refusal{Code: gateway.NotAllowed,
		Text: fmt.Sprintf("%s may text only numbers that begin with %s.", p.line.Name, strings.Join(p.line.AllowTo, ", "))}
}

// queue inserts the message and its segments.
func (r *Router) queue(tx *store.Tx, d *draft, m *gateway.Message, c gateway.Conversation, fresh bool, p *pump) error {
	parts := d.parts
	if len(parts) > 1 {
		ref, err := tx.NextConcatRef(m.Number, m.Peer)
		if err != nil {
			return err
		}
		if parts, _, err = gateway.Split(m.Text, d.format, ref); err != nil {
			return err
		}
	}
	turn := true
	if !fresh {
		busy, err := tx.HasOpen(c.ID)
		if err != nil {
			return err
		}
		turn = !busy
	}
	segments := make([]gateway.Segment, len(parts))
	for i, part := range parts {
		segments[i] = gateway.Segment{ID: m.ID.Segment(i), Carrier: m.Carrier, Lane: m.Lane, Tick: gateway.TickQueued, Turn: turn,
			Payload: part.Payload, UDH: part.UDH}
	}
	claimed := turn && p != nil && p.direct(tx, m, segments)
	tx.InsertMessage(m)
	tx.InsertSegments(m, segments)
	tx.AfterCommit(func() {
		r.metrics.segments.WithLabelValues(m.Carrier, gateway.TickQueued.String()).Add(float64(len(segments)))
		if p != nil && !claimed {
			p.queued.Add(int64(len(segments)))
			p.kick()
		}
	})
	return nil
}
