package router

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	failOverEvery = 5 // seconds
	moveAtOnce    = 200
	moveAtMost    = 50_000 // messages in one go; the next one goes on
)

// overdue tells whether a carrier has not worked for as long as a path waits for
// it. Who pauses one does not want its texts to wait.
func (p *pump) overdue(path *path, now time.Time) bool {
	away := p.state.Load().away
	return p.paused.Load() || !away.IsZero() && now.Sub(away) >= path.failover
}

// replaceable tells whether a carrier that works stands in for this one.
func (p *pump) replaceable(now time.Time) bool {
	for _, n := range p.line.Numbers {
		for i := range p.r.paths[n.Value] {
			path := &p.r.paths[n.Value][i]
			if slices.Contains(path.pumps, p) && p.overdue(path, now) && slices.ContainsFunc(path.pumps, (*pump).works) {
				return true
			}
		}
	}
	return false
}

// failOver gives what is certainly unsent at a carrier that has not worked for a
// while to the next one of its path.
func (p *pump) failOver(ctx context.Context) error {
	if !p.shared || p.works() || p.queued.Load() <= 0 || !p.replaceable(time.Now()) {
		return nil
	}
	ids, err := p.r.db.QueuedMessages(ctx, store.QueuedRoute{Carrier: p.line.Name}, moveAtMost)
	if err != nil {
		return err
	}
	all := 0
	for some := range slices.Chunk(ids, moveAtOnce) {
		moved := 0
		if err := p.r.eachMessage(ctx, some, func(tx *store.Tx, b *book, m *gateway.Message) error {
			path := p.r.pathOf(m.Number, m.Peer)
			if path == nil || !p.overdue(path, tx.Now()) {
				return nil
			}
			ok, err := b.giveTo(m, path.choose(m.Peer, []string{p.line.Name}), true)
			if ok {
				tx.AfterCommit(func() { moved++ })
			}
			return err
		}); err != nil {
			return err
		}
		all += moved
	}
	if all > 0 {
		p.log.Info("texts go another way", "messages", all)
	}
	return nil
}

// eachMessage does something to messages, in one transaction.
func (r *Router) eachMessage(ctx context.Context, ids []gateway.ID, do func(*store.Tx, *book, *gateway.Message) error) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		b := r.openBook(tx)
		if err := b.load(ids); err != nil {
			return err
		}
		for _, id := range ids {
			if m := b.messages[id]; m != nil {
				if err := do(tx, b, m); err != nil {
					return err
				}
			}
		}
		return b.finish()
	})
}

// giveTo gives a message to another carrier, split as that takes it, unless any of
// it may have left, or that cannot take it. With working, only a carrier that works
// will do.
func (b *book) giveTo(m *gateway.Message, to *pump, working bool) (bool, error) {
	if to == nil || to.line.Name == m.Carrier || working && !to.works() || m.Tick != gateway.TickQueued {
		return false, nil
	}
	turn, lane := false, m.Lane
	for i := range max(1, m.Segments) {
		s := b.segments[m.ID.Segment(i)]
		if s == nil || s.Tick != gateway.TickQueued || s.Error != "" {
			return false, nil
		}
		turn = turn || s.Turn
	}
	segments, err := b.r.split(b.tx, m, to, lane, turn)
	var refusal *gateway.Refusal
	if errors.As(err, &refusal) { // there it would be too long
		return false, nil
	}
	if err != nil {
		return false, err
	}
	b.attempts = append(b.attempts, store.Attempt{Segment: m.ID, Carrier: to.line.Name, Outcome: "moved", Note: "from " + m.Carrier + " to " + to.line.Name})
	if err := b.replace(m, to, segments); err != nil {
		return false, err
	}
	return true, b.tx.Rewrite(m)
}

// split makes a message's segments as a carrier takes them, and says in it how it
// travels.
func (r *Router) split(tx *store.Tx, m *gateway.Message, to *pump, lane gateway.Lane, turn bool) ([]gateway.Segment, error) {
	parts, encoding, err := gateway.Split(m.Text, to.line.Format, 0)
	if err == nil && len(parts) > 1 {
		var ref uint16
		if ref, err = tx.NextConcatRef(m.Number, m.Peer); err == nil {
			parts, _, err = gateway.Split(m.Text, to.line.Format, ref)
		}
	}
	if err != nil {
		return nil, err
	}
	m.Encoding = encoding
	segments := make([]gateway.Segment, len(parts))
	for i, part := range parts {
		segments[i] = gateway.Segment{ID: m.ID.Segment(i), Carrier: to.line.Name, Lane: lane, Tick: gateway.TickQueued, Turn: turn,
			Payload: part.Payload, UDH: part.UDH}
	}
	return segments, nil
}

// reroute gives what nobody has claimed to the carriers that serve its numbers
// now.
func (r *Router) reroute(ctx context.Context) error {
	var routes []store.QueuedRoute
	if err := r.db.Update(ctx, func(tx *store.Tx) (err error) { routes, err = tx.QueuedRoutes(); return err }); err != nil {
		return err
	}
	for _, q := range routes {
		if err := r.rerouteOne(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (r *Router) rerouteOne(ctx context.Context, q store.QueuedRoute) error {
	paths, carrier := r.paths[q.Number], r.pumps[q.Carrier]
	switch elsewhere := slices.ContainsFunc(paths, func(p path) bool { return !slices.Contains(p.pumps, carrier) }); {
	case len(paths) > 0 && !elsewhere, paths == nil && carrier != nil:
		return nil
	case len(paths) == 0 && q.Carrier == "":
		return nil
	case len(paths) == 0:
		r.log.Info("no carrier serves the number of waiting messages any more", "was", q.Carrier)
		return r.db.Update(ctx, func(tx *store.Tx) error { return tx.Reroute(q, "") })
	}
	ids, err := r.db.QueuedMessages(ctx, q, math.MaxInt32)
	if err != nil {
		return err
	}
	r.log.Info("messages are routed anew", "was", q.Carrier)
	for some := range slices.Chunk(ids, moveAtOnce) {
		if err := r.eachMessage(ctx, some, func(_ *store.Tx, b *book, m *gateway.Message) error { return b.reassign(m) }); err != nil {
			return err
		}
	}
	return nil
}

// reassign gives a message whose carrier does not serve its number any more to
// one that does. What is partly out keeps its form.
func (b *book) reassign(m *gateway.Message) error {
	path := b.r.pathOf(m.Number, m.Peer)
	// With no path it stays where it is, until its validity ends.
	if path == nil || slices.ContainsFunc(path.pumps, func(p *pump) bool { return p.line.Name == m.Carrier }) {
		return nil
	}
	to := path.choose(m.Peer, nil)
	if to == nil {
		to = path.pumps[0]
	}
	moved, err := b.giveTo(m, to, false)
	if moved || err != nil {
		return err
	}
	for s := range b.segmentsOf(m) {
		if s.Tick == gateway.TickQueued {
			b.count(s, -1)
			s.Carrier = to.line.Name
			b.count(s, 1)
			b.touch(s)
		}
	}
	m.Carrier = to.line.Name
	return b.tx.Rewrite(m)
}
