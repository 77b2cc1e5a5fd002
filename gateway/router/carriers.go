package router

import (
	"context"
	"slices"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// CarrierStatus is a carrier as people see it.
type CarrierStatus struct {
	Name    string
	Kind    string
	State   gateway.CarrierState
	Since   time.Time
	Error   string
	Numbers []gateway.Address
	Queued  int64 // segments that are to be sent, those on their way included
	Oldest  time.Time
	Window  int
	InUse   int
	Rate    float64 // segments a second that it takes; 0: not limited
	Links   LinkStatus
	IDs     IDForm
	Modem   *ModemStatus // nil: it is none
}

// IDForm is how the ids of a carrier's receipts relate to those that it gave when
// it accepted.
type IDForm struct {
	Form    string         // raw, case, zeros, hex-to-decimal, decimal-to-hex; "" while it is not known
	Learnt  bool           // by what was matched; otherwise it is configured
	Matches map[string]int // unambiguous ones, by form
}

// Carriers lists all carriers by name.
func (r *Router) Carriers(ctx context.Context) ([]CarrierStatus, error) {
	var all []CarrierStatus
	for _, p := range r.pumps {
		c := p.state.Load()
		s := CarrierStatus{Name: p.line.Name, Kind: p.line.Kind, State: c.state, Since: c.since, Error: c.text,
			Numbers: p.line.Numbers, Rate: p.line.Rate, Queued: p.queued.Load() + p.sending.Load(), InUse: int(p.sending.Load())}
		_, s.Window = p.line.Carrier.Room()
		if p.line.Status != nil {
			s.Links = p.line.Status()
		}
		if p.line.Modem != nil {
			modem := p.line.Modem()
			s.Modem = &modem
		}
		ids := p.ids.Load()
		s.IDs = IDForm{ids.Form, p.line.Form == "", ids.Matches}
		if p.paused.Load() {
			s.State = gateway.CarrierPaused
		}
		if s.Queued > 0 {
			var err error
			if s.Oldest, err = r.db.OldestQueued(ctx, s.Name); err != nil {
				return nil, err
			}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b CarrierStatus) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// KindOf returns the kind of a carrier, or of the one that serves a number.
func (r *Router) KindOf(carrier, number string) string {
	p := r.pumps[carrier]
	if paths := r.paths[number]; p == nil && len(paths) > 0 {
		p = paths[0].pumps[0]
	}
	if p == nil {
		return ""
	}
	return p.line.Kind
}

// Serves tells whether a carrier lists the number as ours.
func (r *Router) Serves(number string) bool { return r.paths[number] != nil }

// Numbers lists our numbers.
func (r *Router) Numbers() []gateway.Address {
	var all []gateway.Address
	for _, p := range r.pumps {
		all = append(all, p.line.Numbers...)
	}
	slices.SortFunc(all, func(a, b gateway.Address) int { return strings.Compare(a.Value, b.Value) })
	return slices.Compact(all) // several carriers may share one
}

// CarriersOf names the carriers that list a number as ours.
func (r *Router) CarriersOf(number string) []string {
	var all []string
	for name, p := range r.pumps {
		if p.lists(number) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// Region is the region of numbers typed without +.
func (r *Router) Region() string { return r.region }

// Directory knows who is who.
func (r *Router) Directory() *Directory { return r.dir }

// Pause keeps a carrier from being given anything to send, across restarts, or
// ends that, and a hold for lack of credit. What comes in is not affected.
func (r *Router) Pause(ctx context.Context, name string, paused bool) error {
	p, err := r.pump(name)
	if err != nil {
		return err
	}
	return r.db.Update(ctx, func(tx *store.Tx) error {
		tx.AfterCommit(func() {
			p.paused.Store(paused)
			if !paused && p.line.Release != nil {
				p.line.Release()
			}
			p.kick()
		})
		return tx.SetPaused(name, paused)
	})
}

// Reconnect has a carrier try at once to connect anew.
func (r *Router) Reconnect(name string) error {
	p, err := r.pump(name)
	if err == nil && p.line.Reconnect != nil {
		p.line.Reconnect()
	}
	return err
}

func (r *Router) pump(name string) (*pump, error) {
	if p := r.pumps[name]; p != nil {
		return p, nil
	}
	return nil, &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such carrier."}
}
