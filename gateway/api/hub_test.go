package api

import (
	"fmt"
	"strings"
	"testing"

	"smsbridge/gateway"
)

// TestHubWakesWhoMaySee publishes events and compares, for each of many readers,
// what they are given with what they may see.
func TestHubWakesWhoMaySee(t *testing.T) {
	readers := map[string]*caller{"program": {actor: gateway.Actor{Kind: gateway.ActorProgram}}, "limited": {actor: gateway.Actor{Kind: gateway.ActorProgram}, limits: []string{ours}},
		"system owner": {actor: gateway.Actor{ID: 2, SystemOwner: true}}}
	for id := gateway.ID(10); id < 100; id++ {
		a := gateway.Actor{ID: id, Queues: map[gateway.ID]bool{1: false}, Reads: map[gateway.ID]bool{}}
		if id < 60 { // more than are told of each event
			a.Queues[2] = id == 11
		}
		if id > 95 {
			a.Queues[3], a.Reads[3] = false, id == 97
		}
		readers[fmt.Sprint(int(id))] = &caller{actor: a}
	}
	for _, lagging := range []bool{false, true} {
		h := NewHub()
		streams := map[string]*stream{}
		for name, who := range readers {
			s := &stream{who: who, watcher: newWatcher()}
			h.watch(s.watcher, who)
			h.since(s.watcher, nil, 1)
			streams[name] = s
		}
		var events []gateway.Event
		views := []gateway.View{}
		for q := gateway.ID(1); q <= 3; q++ {
			for _, owner := range []gateway.ID{10, 97, 98, 500} {
				views = append(views, gateway.View{Queue: q, Status: gateway.StatusTaken, Owner: owner}, gateway.View{Queue: q, Status: gateway.StatusClosed, Owner: owner})
			}
			views = append(views, gateway.View{Queue: q, Status: gateway.StatusWaiting}, gateway.View{Queue: q, Status: gateway.StatusWaiting, Offered: gateway.Only(98)})
		}
		for i, v := range views {
			for j, before := range views {
				c := &gateway.Conversation{ID: 7, Number: []string{ours, general}[(i+j)%2]}
				events = append(events, gateway.Event{Seq: int64(len(events) + 1), Type: gateway.EventTransferred, Before: before, After: v, Conversation: c})
			}
		}
		got, want := map[string]*strings.Builder{}, map[string]*strings.Builder{}
		for name := range streams {
			got[name], want[name] = &strings.Builder{}, &strings.Builder{}
		}
		look := func() {
			for name, s := range streams {
				for {
					entries, ok := h.since(s.watcher, nil, 10)
					if !ok {
						t.Fatal("too slow")
					}
					for _, e := range entries {
						if what := s.shows(e); what != shownNothing {
							fmt.Fprintf(got[name], "%d %d\n", e.Seq, what)
						}
						s.seq = e.Seq
					}
					if len(entries) < 10 {
						break
					}
				}
			}
		}
		for n := 0; len(events) > 0; n++ {
			batch := events[:min(len(events), 1+n%7)]
			events = events[len(batch):]
			h.Publish(batch)
			for name, who := range readers {
				s := &stream{who: who}
				for i := range batch {
					if what := s.shows(&entry{Event: batch[i]}); what != shownNothing {
						fmt.Fprintf(want[name], "%d %d\n", batch[i].Seq, what)
					}
				}
			}
			if !lagging || n%50 == 0 {
				look()
			}
		}
		look()
		for name := range streams {
			if got[name].String() != want[name].String() {
				t.Errorf("%s (lagging %v) is shown\n%s\nwant\n%s", name, lagging, got[name], want[name])
			}
		}
		// Who sees nothing is left alone.
		h.watch(streams["99"].watcher, &caller{actor: gateway.Actor{ID: 99}})
		h.since(streams["99"].watcher, nil, 1000)
		h.Publish([]gateway.Event{{Seq: h.seq + 1, Conversation: &gateway.Conversation{}, After: gateway.View{Queue: 2, Status: gateway.StatusWaiting}}})
		if len(streams["99"].watcher.wake) > 0 || len(streams["10"].watcher.wake) == 0 {
			t.Error("the wrong streams are woken")
		}
		// What another process has committed meanwhile is everybody's to look at.
		h.Publish([]gateway.Event{{Seq: h.seq + 5, Conversation: &gateway.Conversation{}}})
		if entries, ok := h.since(streams["99"].watcher, nil, 10); !ok || len(entries) != 1 || entries[0].Seq != entries[0].before+5 {
			t.Error("a gap is not noticed")
		}
		for _, s := range streams {
			h.leave(s.watcher)
		}
		if n := h.open.Load(); n != 0 || len(h.everything.members) != 0 {
			t.Errorf("%d streams are left", n)
		}
	}
}

// TestPassing tells the readers it is for, and nobody else, what is not stored.
func TestPassing(t *testing.T) {
	h := NewHub()
	var streams []*stream
	for id := gateway.ID(10); id < 13; id++ {
		s := &stream{who: &caller{actor: gateway.Actor{ID: id}}, watcher: newWatcher()}
		h.watch(s.watcher, s.who)
		h.since(s.watcher, nil, 1)
		streams = append(streams, s)
	}
	h.pass(&passing{frame: []byte("x"), audience: func(c *caller) bool { return c.actor.ID == 11 }})
	for i, s := range streams {
		woken := len(s.watcher.wake)
		entries, ok := h.since(s.watcher, nil, 10)
		if !ok || len(entries) != woken || (woken == 1) != (i == 1) {
			t.Errorf("stream %d: %d entries, woken %d times", i, len(entries), woken)
		}
		for _, e := range entries {
			if s.shows(e) != shownWhole || string(e.appendWhole(nil, nil, nil)) != "x" {
				t.Error("it is not shown")
			}
		}
	}
}

// TestHubLooksAgain has a reader become a member of a queue: what came lately is
// looked at again, by who they are now.
func TestHubLooksAgain(t *testing.T) {
	h := NewHub()
	s := &stream{watcher: newWatcher()}
	be := func(queues ...gateway.ID) {
		s.who = &caller{actor: gateway.Actor{ID: 10, Queues: map[gateway.ID]bool{}}}
		for _, q := range queues {
			s.who.actor.Queues[q] = false
		}
		h.watch(s.watcher, s.who)
	}
	publish := func(queue gateway.ID) {
		h.Publish([]gateway.Event{{Seq: h.seq + 1, Conversation: &gateway.Conversation{}, After: gateway.View{Queue: queue, Status: gateway.StatusWaiting}}})
	}
	look := func() (seqs []int64) {
		entries, _ := h.since(s.watcher, nil, 100)
		for _, e := range entries {
			if s.shows(e) == shownWhole {
				seqs = append(seqs, e.Seq)
			}
			s.seq = e.Seq
		}
		return seqs
	}
	be(1)
	publish(1)
	publish(2)
	if got := fmt.Sprint(look()); got != "[1]" {
		t.Errorf("a member of 1 is shown %s", got)
	}
	publish(2)
	publish(1)
	publish(2)
	be(2)
	if got := fmt.Sprint(look()); got != "[3 5]" {
		t.Errorf("who has become a member of 2 is shown %s", got)
	}
	publish(1)
	if len(s.watcher.wake) != 0 || fmt.Sprint(look()) != "[]" {
		t.Error("who is no member of 1 any more is told of it")
	}
}
