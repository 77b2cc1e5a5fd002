package router

import (
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
			if carrier.line.ReceiveOnly {
				return fmt.Errorf("route of %s: carrier %s only receives", route.Number, name)
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
// in without. Nil: there is none. Where none works, it is the first.
func (p *path) choose(to gateway.Address, without []string) *pump {
	if p == nil {
		return nil
	}
	if len(p.pumps) == 1 && len(without) == 0 {
		return p.pumps[0]
	}
	usable := make([]int, 0, len(p.pumps))
	for i, carrier := range p.pumps {
		if !slices.Contains(without, carrier.line.Name) && carrier.allows(to) == nil {
			usable = append(usable, i)
		}
	}
	if len(usable) == 0 {
		return nil
	}
	first := p.pumps[usable[0]]
	h := hash(to.Value)
	for len(usable) > 0 {
		var at int
		at, h = p.draw(usable, h)
		if carrier := p.pumps[usable[at]]; carrier.works() {
			return carrier
		}
		usable = slices.Delete(usable, at, at+1)
	}
	return first
}

// draw picks one of these by their weights, always the same one for a hash; what
// it has not used of that is left for another draw, so that customers whose
// carrier works stay with it when another one does not.
func (p *path) draw(usable []int, h uint64) (at int, rest uint64) {
	total := uint64(0)
	for _, i := range usable {
		total += p.weight(i)
	}
	if total == 0 {
		return 0, h
	}
	n, rest := h%total, h/total
	for at, i := range usable {
		if n < p.weight(i) {
			return at, rest
		}
		n -= p.weight(i)
	}
	return 0, rest
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// weight is a carrier's share; without weights, the order decides.
func (p *path) weight(i int) uint64 {
	if len(p.weights) == 0 {
		return 0
	}
	return uint64(p.weights[i])
}

// works tells whether a carrier takes texts now. One that is connecting for the
// first time is given the benefit of the doubt; one that was up, or could not
// connect, is not.
func (p *pump) works() bool { return !p.paused.Load() && p.state.Load().works() }

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
