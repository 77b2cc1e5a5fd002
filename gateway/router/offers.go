package router

import (
	"context"
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

var system = gateway.Actor{Kind: gateway.ActorSystem}

// place says to whom a conversation that has come to wait is offered, or gives it
// to somebody at once, as its queue has it: not to by, or to who had it, if there
// are others. arrival is true for a customer's text: a number that is somebody's
// brings it to them unless they are away.
func (r *Router) place(tx *store.Tx, by gateway.Actor, c, next gateway.Conversation, events []gateway.EventType, arrival bool) (gateway.Conversation, []gateway.EventType, error) {
	if next.Status != gateway.StatusWaiting || c.Status == gateway.StatusWaiting && c.Queue == next.Queue && c.ID == next.ID {
		return next, events, nil
	}
	if arrival {
		if n := r.dir.Number(next.Number); n.Person != 0 {
			if a, _ := r.Availability(n.Person); a == Available {
				return assign(next, events, n.Person, tx.Now())
			}
		}
	}
	q, ok := r.dir.Queue(next.Queue)
	if !ok || !q.Settings.Restricts() {
		return next, events, nil
	}
	add, err := r.choose(tx, q, gateway.Nobody, by.ID, c.Owner)
	if err != nil {
		return next, events, err
	}
	if q.Settings.AutoAssign && len(add) > 0 {
		return assign(next, events, add[0], tx.Now())
	}
	var till time.Time
	if q.Settings.WidenAfter > 0 {
		till = tx.Now().Add(time.Duration(q.Settings.WidenAfter))
	}
	// What follows from the arrival is one state with it: the offer has no event.
	next.Offered, next.OfferedTill = gateway.Only(add...), till
	return next, events, nil
}

func assign(c gateway.Conversation, events []gateway.EventType, to gateway.ID, now time.Time) (gateway.Conversation, []gateway.EventType, error) {
	next, more, err := c.Act(gateway.Action{Kind: gateway.ActAssign, Agent: to}, system, now)
	return next, append(slices.Clip(events), more...), err
}

// choose finds whom to offer what waits in a queue, beside those to whom it is
// offered already, and has their turn pass. Who has just let it go comes last.
func (r *Router) choose(tx *store.Tx, q store.Queue, offered gateway.Audience, lets ...gateway.ID) ([]gateway.ID, error) {
	candidates := r.candidates(q.ID)
	others := slices.DeleteFunc(slices.Clone(candidates), func(c gateway.Candidate) bool { return slices.Contains(lets, c.ID) })
	if slices.ContainsFunc(others, func(c gateway.Candidate) bool { return c.Available }) {
		candidates = others
	}
	var last gateway.ID
	var err error
	switch q.Settings.Offer {
	case gateway.OfferRoundRobin:
		if last, err = tx.LastOffered(q.ID); err != nil {
			return nil, err
		}
	case gateway.OfferEveryone:
		ids := make([]gateway.ID, len(candidates))
		for i := range candidates {
			ids[i] = candidates[i].ID
		}
		owns, err := tx.Holding(ids)
		if err != nil {
			return nil, err
		}
		for i := range candidates {
			candidates[i].Owns = owns[candidates[i].ID]
		}
	}
	add := q.Settings.Next(candidates, offered, last)
	if q.Settings.Offer == gateway.OfferRoundRobin && len(add) > 0 {
		return add, tx.SetLastOffered(q.ID, add[len(add)-1])
	}
	return add, nil
}

// candidates are those of a queue to whom what waits can be offered. Its managers
// see it anyway.
func (r *Router) candidates(queue gateway.ID) []gateway.Candidate {
	var all []gateway.Candidate
	for _, m := range r.dir.Members(queue) {
		if m.Manages {
			continue
		}
		a, _ := r.Availability(m.Person)
		all = append(all, gateway.Candidate{ID: m.Person, Available: a == Available})
	}
	return all
}

const tendAtOnce = 500 // conversations in one look at the store

// tendOffers widens what has waited for long enough, and offers what is offered
// to too few: they have gone, or somebody has come.
func (r *Router) tendOffers(ctx context.Context) error {
	var after gateway.ID
	for {
		waiting, err := r.db.OfferedToSome(ctx, after, tendAtOnce)
		if err != nil || len(waiting) == 0 {
			return err
		}
		now := time.Now()
		for _, w := range waiting {
			after = w.Conversation
			if !r.offerDue(w, now) {
				continue
			}
			if err := r.db.Update(ctx, func(tx *store.Tx) error { return r.offerAgain(tx, w.Conversation) }); err != nil {
				return err
			}
		}
		if len(waiting) < tendAtOnce {
			return nil
		}
	}
}

// offerDue tells whether it is worth a transaction to look at an offer.
func (r *Router) offerDue(w store.Restricted, now time.Time) bool {
	q, ok := r.dir.Queue(w.Queue)
	if !ok || !q.Settings.Restricts() || w.Till != 0 && now.UnixMicro() >= w.Till {
		return true
	}
	return len(q.Settings.Next(r.candidates(w.Queue), w.Offered, 0)) > 0
}

func (r *Router) offerAgain(tx *store.Tx, id gateway.ID) error {
	c, ok, err := tx.Conversation(id)
	if err != nil || !ok || c.Status != gateway.StatusWaiting || c.Offered == gateway.Everyone {
		return err
	}
	q, ok := r.dir.Queue(c.Queue)
	a := gateway.Action{Kind: gateway.ActOffer}
	switch {
	case !ok || !q.Settings.Restricts(), !c.OfferedTill.IsZero() && !tx.Now().Before(c.OfferedTill): // to everyone
	default:
		add, err := r.choose(tx, q, c.Offered)
		if err != nil || len(add) == 0 {
			return err
		}
		if a.Audience, a.Until = c.Offered.And(add...), c.OfferedTill; q.Settings.AutoAssign {
			a = gateway.Action{Kind: gateway.ActAssign, Agent: add[0]}
		}
	}
	next, events, err := c.Act(a, system, tx.Now())
	if err != nil || len(events) == 0 {
		return err
	}
	return r.save(tx, c, next, events, system, nil, Details{})
}

// returnAbsent takes from absent owners what customers have waited for too long.
func (r *Router) returnAbsent(ctx context.Context) error {
	now := time.Now()
	for _, q := range r.dir.Queues() {
		after := time.Duration(q.Settings.ReturnAfter)
		if after <= 0 {
			continue
		}
		absent := func(id gateway.ID) bool {
			a, since := r.Availability(id)
			return a != Available && now.Sub(since) >= after
		}
		for id, p := range r.dir.current.Load().people {
			if !p.DisabledAt.IsZero() || !absent(id) { // what disabled people have is returned at once
				continue
			}
			before := now.Add(-after)
			if err := r.actOnAll(ctx, gateway.ActOwnerAway, func() ([]gateway.ID, error) {
				return r.db.Unanswered(ctx, id, q.ID, before.UnixMicro(), tendAtOnce)
			}, func(c gateway.Conversation) bool {
				return c.Owner == id && c.Queue == q.ID && !c.AnswerSince.After(before) && absent(id)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeSilent closes what is taken and to which nothing has happened for as long
// as its queue allows.
func (r *Router) closeSilent(ctx context.Context) error {
	for _, q := range r.dir.Queues() {
		after := time.Duration(q.Settings.CloseAfter)
		if after <= 0 {
			continue
		}
		before := time.Now().Add(-after)
		if err := r.actOnAll(ctx, gateway.ActSilence, func() ([]gateway.ID, error) {
			return r.db.Untouched(ctx, q.ID, before.UnixMicro(), tendAtOnce)
		}, func(c gateway.Conversation) bool { return c.Queue == q.ID && !c.UpdatedAt.After(before) }); err != nil {
			return err
		}
	}
	return nil
}

// tendRounds bounds one pass of a sweep; the next goes on.
const tendRounds = 20

// actOnAll does what time brings about to all that find lists and to which it
// applies still.
func (r *Router) actOnAll(ctx context.Context, kind gateway.ActionKind, find func() ([]gateway.ID, error), applies func(gateway.Conversation) bool) error {
	for range tendRounds {
		ids, err := find()
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := r.Act(ctx, system, id, gateway.Action{Kind: kind}, Details{If: applies}); err != nil {
				return err
			}
		}
		if len(ids) < tendAtOnce {
			break
		}
	}
	return nil
}
