package router

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"smsbridge/gateway"
)

// Pool is a name under which several carriers are sent from: a customer is
// texted from the number that they know, a new one from that with most room.
type Pool struct {
	Name     string
	Carriers []string
}

// pool is a Pool with its pumps.
type pool []*pump

func (r *Router) addPools(pools []Pool) error {
	for _, p := range pools {
		if r.pools[p.Name] != nil {
			return fmt.Errorf("pool %s: there are two", p.Name)
		}
		for _, name := range p.Carriers {
			carrier := r.pumps[name]
			if carrier == nil || len(carrier.line.Numbers) == 0 {
				return fmt.Errorf("pool %s: there is no carrier %s with a number", p.Name, name)
			}
			r.pools[p.Name] = append(r.pools[p.Name], carrier)
		}
	}
	return nil
}

// Pools lists the names of pools.
func (r *Router) Pools() []string {
	var all []string
	for name := range r.pools {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// PoolNumbers lists the numbers of a pool, in its order.
func (r *Router) PoolNumbers(name string) []string {
	var all []string
	for _, p := range r.pools[name] {
		all = append(all, p.line.Numbers[0].Value)
	}
	return all
}

// PoolNumber picks the number of a pool from which a customer is texted: that of
// their newest conversation, or of the carrier that works and has most room. Of
// the pool's numbers only those count that allowed lets through; it is "" if there
// is none, or no such pool.
func (r *Router) PoolNumber(ctx context.Context, name string, to gateway.Address, allowed func(number string) bool) (string, error) {
	var usable pool
	var numbers []string
	for _, p := range r.pools[name] {
		if n := p.line.Numbers[0].Value; allowed(n) {
			usable, numbers = append(usable, p), append(numbers, n)
		}
	}
	if len(usable) == 0 {
		return "", nil
	}
	known, err := r.db.NumberFor(ctx, to, numbers)
	if err != nil || known != "" {
		return known, err
	}
	return usable.roomiest().line.Numbers[0].Value, nil
}

// roomiest is the carrier that may send most before it reaches a limit, of those
// that work if there are any; the first of equals.
func (p pool) roomiest() *pump {
	choice := slices.DeleteFunc(slices.Clone(p), func(carrier *pump) bool { return !carrier.works() })
	if len(choice) == 0 {
		choice = p
	}
	return slices.MaxFunc(choice, func(a, b *pump) int { return cmp.Compare(a.headroom(), b.headroom()) })
}

// headroom is how many more it may send, once what waits for it is sent.
func (p *pump) headroom() int {
	room := 1 << 30
	if p.line.Headroom != nil {
		room = p.line.Headroom()
	}
	return room - int(p.queued.Load()+p.sending.Load())
}

// USSD sends a code of the network's over a modem, or an answer in the session
// that this began; "" ends that.
func (r *Router) USSD(ctx context.Context, carrier, code string) (text string, more bool, err error) {
	p := r.pumps[carrier]
	if p == nil {
		return "", false, &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such carrier."}
	}
	if p.line.USSD == nil {
		return "", false, &gateway.Refusal{Code: gateway.Conflict, Text: carrier + " is no modem: only modems send USSD codes."}
	}
	return p.line.USSD(ctx, code)
}
