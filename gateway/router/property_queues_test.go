package router

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"pgregory.net/rapid"

	"smsbridge/gateway"
)

// alongside makes a second router on the store, with clocks of its own and no
// carriers, until the test ends. It does not know who is connected to the first.
func (b *bed) alongside() *Router {
	b.t.Helper()
	dir, err := OpenDirectory(b.ctx, b.db)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := New(Options{Store: b.db, Directory: dir, Log: slog.New(slog.DiscardHandler), Region: "US"})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { r.housekeep(ctx) })
	all.Go(func() { dir.watch(ctx, func(err error) { b.t.Error(err) }) })
	b.t.Cleanup(func() { cancel(); all.Wait() })
	return r
}

// crowd is who of an inbox's people is connected where.
type crowd struct {
	ends map[gateway.ID][]func()
}

func newCrowd(b *bed) crowd {
	b.general(func(s *gateway.QueueSettings) { *s = gateway.DefaultQueueSettings() })
	for _, p := range []gateway.Actor{b.ana, b.ben} {
		b.choose(p, Available)
	}
	return crowd{map[gateway.ID][]func(){}}
}

func (in *inbox) leave() {
	for _, ends := range in.ends {
		for _, end := range ends {
			end()
		}
	}
}

// somebodyComesOrGoes connects to one of the routers or both, loses all
// connections, says that they are away, or are back.
func (in *inbox) somebodyComesOrGoes(t *rapid.T) {
	who := rapid.SampledFrom([]gateway.Actor{in.ana, in.ben}).Draw(t, "who")
	switch rapid.SampledFrom([]string{"here", "there", "lost", "away", "back"}).Draw(t, "what") {
	case "here":
		in.ends[who.ID] = append(in.ends[who.ID], in.r.Connected(who.ID))
	case "there":
		in.ends[who.ID] = append(in.ends[who.ID], in.beside.Connected(who.ID))
	case "lost":
		for _, end := range in.ends[who.ID] {
			end()
		}
		delete(in.ends, who.ID)
		if rapid.IntRange(0, 4).Draw(t, "for long") == 0 {
			in.pass(offlineAfter + time.Second)
		}
	case "away":
		in.choose(who, Away)
	case "back":
		in.choose(who, Available)
	}
}

// queueChanges draws settings whose times are seconds.
func (in *inbox) queueChanges(t *rapid.T) {
	after := func(name string) gateway.Duration {
		return gateway.Duration(rapid.SampledFrom([]time.Duration{0, time.Second, 5 * time.Second}).Draw(t, name))
	}
	s := gateway.QueueSettings{Offer: gateway.Offer(rapid.IntRange(0, 2).Draw(t, "offer")), OfferCount: rapid.IntRange(1, 2).Draw(t, "count"),
		WidenAfter: after("widen"), AutoAssign: rapid.Bool().Draw(t, "assign"), Readable: rapid.Bool().Draw(t, "readable"),
		ReturnAfter: after("return"), CloseAfter: after("close")}
	if rapid.Bool().Draw(t, "hours") {
		s.Hours = officeHours()
	}
	in.general(func(now *gateway.QueueSettings) { *now = s })
}

// checkHandling makes sure that what a queue does by itself is what its settings
// and the rules allow.
func (in *inbox) checkHandling(t *rapid.T, e gateway.Event) {
	c := e.Conversation
	if e.After.Status != gateway.StatusWaiting && (c.Offered != gateway.Everyone || e.After.Offered != gateway.Everyone) {
		t.Errorf("event %d: offered though it does not wait: %+v", e.Seq, c)
	}
	for _, who := range []gateway.Actor{in.mia, in.sue} {
		if e.After.Status != gateway.StatusDeleted && !e.After.VisibleTo(who) {
			t.Errorf("event %d: %s does not see %+v", e.Seq, who.Name, e.After)
		}
	}
	if e.By != 0 {
		return
	}
	switch e.Type {
	case gateway.EventTaken:
		if c.Owner != in.ana.ID && c.Owner != in.ben.ID { // managers are given nothing
			t.Errorf("event %d: given to %v from %+v", e.Seq, c.Owner, e.Before)
		}
	case gateway.EventReleased:
		if e.Before.Status != gateway.StatusTaken || !c.Unanswered || e.Before.Owner != in.ana.ID && e.Before.Owner != in.ben.ID && e.Before.Owner != in.mia.ID && e.Before.Owner != in.sue.ID {
			t.Errorf("event %d: taken from %+v though nobody waits: %+v", e.Seq, e.Before, c)
		}
	case gateway.EventDealtWith:
		if e.Before.Status != gateway.StatusTaken || c.LastOwner != e.Before.Owner {
			t.Errorf("event %d: %+v was closed as %+v", e.Seq, e.Before, c)
		}
	case gateway.EventOffered:
		if e.Before.Status != gateway.StatusWaiting || e.After.Status != gateway.StatusWaiting || e.Before.Offered == gateway.Everyone {
			t.Errorf("event %d: offered from %+v to %+v", e.Seq, e.Before, e.After)
		}
		for _, who := range []gateway.Actor{in.ana, in.ben} {
			if e.Before.VisibleTo(who) && !e.After.VisibleTo(who) {
				t.Errorf("event %d: %s saw it, and does no more", e.Seq, who.Name)
			}
		}
	}
}
