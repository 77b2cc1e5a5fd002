package router

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Route says which carriers serve one of our numbers towards some destinations,
// where several do.
type Route struct {
	Number   string
	To       []string // beginnings of E.164 numbers; none: all. The longest that fits counts
	Carriers []string // their names, in this order
	// Weights are the carriers' shares. Without them the first that works has
	// everything. A customer stays with one carrier while it works.
	Weights       []int
	FailoverAfter time.Duration // how long a carrier may be away before what is certainly unsent goes to another
}

// path is a Route with its pumps.
type path struct {
	to       []string
	pumps    []*pump
	weights  []int
	failover time.Duration
}

// addPaths resolves the routes, and gives each other number its one carrier.
func (r *Router) addPaths(routes []Route) error {
	for _, route := range routes {
		p := path{to: route.To, weights: route.Weights, failover: route.FailoverAfter}
		for _, name := range route.Carriers {
			carrier := r.pumps[name]
			if carrier == nil || !carrier.lists(route.Number) {
				return fmt.Errorf("route of %s: carrier %s does not list it", route.Number, name)
			}
			p.pumps = append(p.pumps, carrier)
		}
		r.paths[route.Number] = append(r.paths[route.Number], p)
	}
	for _, carrier := range r.pumps {
		for _, n := range carrier.line.Numbers {
			paths := r.paths[n.Value]
			switch {
			case carrier.line.ReceiveOnly:
				if paths == nil {
					r.paths[n.Value] = []path{}
				}
			case len(paths) == 0:
				r.paths[n.Value] = []path{{pumps: []*pump{carrier}}}
			case !slices.ContainsFunc(paths, func(p path) bool { return slices.Contains(p.pumps, carrier) }):
				return fmt.Errorf("number %s: both %s and %s serve it, and no route says how", n.Value, paths[0].pumps[0].line.Name, carrier.line.Name)
			}
		}
	}
	return nil
}

func (p *pump) lists(number string) bool {
	return slices.ContainsFunc(p.line.Numbers, func(n gateway.Address) bool { return n.Value == number })
}

// pathOf finds the path of a number towards a destination: the one with the
// longest beginning that fits.
func (r *Router) pathOf(number string, to gateway.Address) *path {
	var best *path
	longest := -1
	for i := range r.paths[number] {
		p := &r.paths[number][i]
		fits := -1
		if len(p.to) == 0 {
			fits = 0
		}
		for _, prefix := range p.to {
			if strings.HasPrefix(to.Value, prefix) {
				fits = max(fits, len(prefix))
			}
		}
		if fits > longest {
			best, longest = p, fits
		}
	}
	return best
}

// choose picks the carrier for a text: of those that may text the destination
// the one whose turn it is, passing over those that do not work, and those named
// in without. Nil: there is none.
func (p *path) choose(to gateway.Address, without []string) *pump {
	if p == nil {
		return nil
	}
	if len(p.pumps) == 1 && len(without) == 0 {
		return p.pumps[0]
	}
	total, works := 0, false
	usable := func(carrier *pump) bool {
		return !slices.Contains(without, carrier.line.Name) && carrier.allows(to) == nil
	}
	for i, carrier := range p.pumps {
		if usable(carrier) && carrier.works() {
			total += p.weight(i)
			works = true
		}
	}
	at := -1
	if len(p.weights) > 0 && total > 0 {
		h := fnv.New32a()
		h.Write([]byte(to.Value))
		at = int(h.Sum32() % uint32(total))
	}
	for i, carrier := range p.pumps {
		if !usable(carrier) || works && !carrier.works() {
			continue
		}
		if at < p.weight(i) {
			return carrier
		}
		at -= p.weight(i)
	}
	return nil
}

func (p *path) weight(i int) int {
	if len(p.weights) == 0 {
		return 1
	}
	return p.weights[i]
}

// works tells whether a carrier takes texts now. One that is connecting for the
// first time is given the benefit of the doubt.
func (p *pump) works() bool {
	state := p.state.Load().state
	return !p.paused.Load() && (state == gateway.CarrierUp || state == gateway.CarrierConnecting)
}

// pick finds the carrier for a text. A number that none lists goes out by the one
// that it came in on. A carrier that may not text the destination is returned
// nevertheless, if it is the only one: its refusal says why.
func (r *Router) pick(tx *store.Tx, c gateway.Conversation) (*pump, error) {
	if p := r.pathOf(c.Number, c.Peer); p != nil {
		if carrier := p.choose(c.Peer, nil); carrier != nil {
			return carrier, nil
		}
		return p.pumps[0], nil
	}
	if r.paths[c.Number] != nil {
		return nil, &gateway.Refusal{Code: gateway.NotAllowed, Text: "No carrier sends from " + c.Number + " to this number."}
	}
	name, err := tx.LastCarrier(c.ID)
	return r.pumps[name], err
}

// guess is the carrier that pick is likely to find, by what is known before the
// transaction begins.
func (r *Router) guess(number string, to gateway.Address) *pump {
	return r.pathOf(number, to).choose(to, nil)
}

// failOver gives what is certainly unsent at a carrier that has not worked for a
// while to the next one of its path.
func (p *pump) failOver(ctx context.Context) error {
	since := p.state.Load().since
	if p.works() || p.queued.Load() <= 0 || !p.shared {
		return nil
	}
	const atOnce = 200
	for after := gateway.ID(0); ; {
		moved, last, n := 0, after, 0
		err := p.r.db.Update(ctx, func(tx *store.Tx) error {
			ids, err := tx.QueuedMessages(p.line.Name, after, atOnce)
			if err != nil || len(ids) == 0 {
				n = 0
				return err
			}
			moved, n, last = 0, len(ids), ids[len(ids)-1]
			b := p.r.openBook(tx)
			if err := b.load(ids); err != nil {
				return err
			}
			for _, id := range ids {
				m := b.messages[id]
				if m == nil {
					continue
				}
				path := p.r.pathOf(m.Number, m.Peer)
				if path == nil || !p.paused.Load() && tx.Now().Sub(since) < path.failover {
					continue
				}
				ok, err := b.giveTo(m, path.choose(m.Peer, []string{p.line.Name}), true)
				if err != nil {
					return err
				}
				if ok {
					moved++
				}
			}
			return b.finish()
		})
		if moved > 0 && err == nil {
			p.log.Info("texts go another way", "messages", moved)
		}
		if err != nil || n < atOnce {
			return err
		}
		after = last
	}
}

// giveTo gives a message to another carrier, split as that takes it, unless any of
// it may have left. With working, only a carrier that works will do.
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
	if err != nil {
		return false, err
	}
	note := "from " + m.Carrier + " to " + to.line.Name
	for i := range max(1, m.Segments) {
		id := m.ID.Segment(i)
		b.count(b.segments[id], -1)
		b.forget(b.segments[id])
	}
	m.Carrier, m.Segments = to.line.Name, len(segments)
	for i := range segments {
		b.segments[segments[i].ID] = &segments[i]
		b.count(&segments[i], 1)
	}
	b.attempts = append(b.attempts, store.Attempt{Segment: m.ID, Carrier: to.line.Name, Outcome: "moved", Note: note})
	if err := b.tx.Rewrite(m); err != nil {
		return false, err
	}
	return true, b.tx.ReplaceSegments(m, segments)
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

// rerouteAtOnce bounds what one transaction of reroute gives another way.
const rerouteAtOnce = 200

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
	paths := r.paths[q.Number]
	switch served := slices.ContainsFunc(paths, func(p path) bool {
		return slices.ContainsFunc(p.pumps, func(c *pump) bool { return c.line.Name == q.Carrier })
	}); {
	case served, paths == nil && r.pumps[q.Carrier] != nil:
		return nil
	case len(paths) == 0 && q.Carrier == "":
		return nil
	case len(paths) == 0:
		r.log.Info("no carrier serves the number of waiting messages any more", "was", q.Carrier)
		return r.db.Update(ctx, func(tx *store.Tx) error { return tx.Reroute(q, "") })
	}
	r.log.Info("messages routed anew", "was", q.Carrier)
	for after := gateway.ID(0); ; {
		n := 0
		if err := r.db.Update(ctx, func(tx *store.Tx) error {
			ids, err := tx.QueuedMessages(q.Carrier, after, rerouteAtOnce)
			if err != nil {
				return err
			}
			b := r.openBook(tx)
			if err := b.load(ids); err != nil {
				return err
			}
			n = len(ids)
			for _, id := range ids {
				after = id
				if m := b.messages[id]; m != nil && m.Number == q.Number {
					if err := b.reassign(m); err != nil {
						return err
					}
				}
			}
			return b.finish()
		}); err != nil || n < rerouteAtOnce {
			return err
		}
	}
}

// reassign gives a message whose carrier does not serve its number any more to
// one that does. What is partly out keeps its form.
func (b *book) reassign(m *gateway.Message) error {
	path := b.r.pathOf(m.Number, m.Peer)
	if path == nil { // it stays where it is, until its validity ends
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
	for i := range m.Segments {
		if s := b.segments[m.ID.Segment(i)]; s != nil && s.Tick == gateway.TickQueued {
			b.count(s, -1)
			s.Carrier = to.line.Name
			b.count(s, 1)
			b.touch(s)
		}
	}
	m.Carrier = to.line.Name
	return b.tx.Rewrite(m)
}
