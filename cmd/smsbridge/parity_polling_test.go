package main_test

import (
	"fmt"
	"slices"
	"testing"
)

// The behaviours that a queue's settings bring about.

// offered takes the events of a new text that is offered to somebody.
func (s *stream) offered(customer string) (id string) {
	s.t.Helper()
	e := s.next()
	if e.Type != "message.received" || e.Data.Conversation.Peer != customer {
		s.t.Fatalf("%s's stream: %+v, want a text of %s", s.who.name, e, customer)
	}
	s.expect(e.Data.Conversation.ID, "conversation.created")
	return e.Data.Conversation.ID
}

// Polling by "first": the first available agent is offered what waits, and the
// next when the first goes away.
func TestParityPollingFirst(t *testing.T) {
	k := newDesk(t)
	k.sales(map[string]any{"offer": "first", "offer_count": 1}, k.ana, k.ben)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.texts(customer, ourNumber, "Hello")
	id := ana.offered(customer)
	k.ben.seesNothing(id)
	k.ben.refused("POST", "/conversations/"+id+"/take", nil, 404, "not_found")
	k.ana.must("PATCH", "/me", map[string]string{"availability": "away"}, 200, nil)
	ben.expect(id, "conversation.offered")
	k.ben.has(id, "default", "waiting", "all")
	k.ben.act(id, "take", nil)
}

// Polling by "top 3": the first three are offered what waits, the fourth is not,
// until it has waited for too long.
func TestParityPollingTopThree(t *testing.T) {
	k := newDesk(t)
	agents := []*user{k.ana, k.ben, k.hire("Cem", "103", "agent"), k.hire("Dia", "104", "agent")}
	k.sales(map[string]any{"offer": "first", "offer_count": 3}, agents...)
	streams := make([]*stream, len(agents))
	for i, u := range agents {
		streams[i] = u.follow()
	}
	k.texts(customer, ourNumber, "Hello")
	id := k.olga.with(customer).ID
	for i, u := range agents[:3] {
		streams[i].offered(customer)
		u.has(id, "default", "waiting", "all")
	}
	agents[3].seesNothing(id)
	k.silentAbout(streams[3], "what is offered to three")
	k.ana.act(id, "take", nil)
	for _, s := range streams[1:3] {
		s.until("taken", func(e event) bool { return e.Type == "conversation.taken" && e.Data.Gone })
	}
}

// What nobody of those takes to whom it is offered is offered to all.
func TestParityPollingWidens(t *testing.T) {
	k := newDesk(t)
	k.sales(map[string]any{"offer": "first", "offer_count": 1, "widen_after": "1s"}, k.ana, k.ben)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.texts(customer, ourNumber, "Hello")
	id := ana.offered(customer)
	ben.expect(id, "conversation.offered")
	for _, u := range []*user{k.ana, k.ben} {
		u.has(id, "default", "waiting", "all")
	}
}

// Polling by round robin: each is offered one in turn.
func TestParityPollingRoundRobin(t *testing.T) {
	k := newDesk(t)
	agents := []*user{k.ana, k.ben}
	k.sales(map[string]any{"offer": "round_robin"}, agents...)
	streams := []*stream{k.ana.follow(), k.ben.follow()}
	for i := range 4 {
		peer := fmt.Sprintf("+1260205891%d", i)
		k.texts(peer, ourNumber, "Hello")
		id := streams[i%2].offered(peer)
		agents[1-i%2].seesNothing(id)
	}
}

// A queue that assigns gives what comes to an agent at once, and nobody takes it
// by hand.
func TestParityAutoAssign(t *testing.T) {
	k := newDesk(t)
	sales := k.sales(map[string]any{"offer": "first", "auto_assign": true}, k.ana, k.ben)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.texts(customer, ourNumber, "Hello")
	id := ana.offered(customer)
	if e := ana.expect(id, "conversation.taken"); e.Data.Conversation.Owner.Name != "Ana" {
		t.Errorf("it was given to %+v", e.Data.Conversation.Owner)
	}
	k.ana.has(id, "default", "mine", "all")
	k.ben.seesNothing(id)
	k.silentAbout(ben, "what Ana was given")

	k.set(sales, map[string]any{"offer": "everyone", "auto_assign": false})
	k.texts(otherCustomer, ourNumber, "Hello")
	id = ben.offered(otherCustomer)
	k.ana.has(id, "default", "waiting", "all")
	k.ben.act(id, "take", nil)
}

// A number may be an extension's: its texts come to that person, and while they
// are away to the queue.
func TestParityNumberOfAnExtension(t *testing.T) {
	k := newDesk(t)
	k.olga.manages("PATCH", "/numbers/"+ourNumber, map[string]any{"person": k.ana.id()}, nil)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.texts(customer, ourNumber, "Hello")
	id := ana.offered(customer)
	ana.expect(id, "conversation.taken")
	k.ana.has(id, "default", "mine", "all")
	k.ben.seesNothing(id)
	k.silentAbout(ben, "Ana's number")
	k.ana.must("PATCH", "/me", map[string]string{"availability": "away"}, 200, nil)
	k.texts(otherCustomer, ourNumber, "Hello")
	k.ben.has(ben.offered(otherCustomer), "default", "waiting", "all")
}

// What nobody has said anything in for as long as the queue allows is closed, as
// if its agent had dealt with it.
func TestParityAutoClose(t *testing.T) {
	k := newDesk(t)
	k.sales(map[string]any{"close_after": "1s"}, k.ana, k.ben)
	k.texts(customer, ourNumber, "Hello")
	c := k.olga.with(customer)
	ana := k.ana.follow()
	k.ana.act(c.ID, "take", nil)
	ana.expect(c.ID, "conversation.taken", "conversation.dealt_with")
	k.ana.has(c.ID, "archived", "all")
	k.ben.seesNothing(c.ID)
	k.texts(customer, ourNumber, "Hello again")
	k.ben.has(c.ID, "default", "waiting", "all")
}

// Where a queue has it so, colleagues read what somebody has taken, and write
// nothing in it.
func TestParityColleaguesRead(t *testing.T) {
	k := newDesk(t)
	k.sales(map[string]any{"readable": true}, k.ana, k.ben)
	k.texts(customer, ourNumber, "Hello")
	id := k.olga.with(customer).ID
	ben := k.ben.follow()
	k.ana.act(id, "take", nil)
	if e := ben.expect(id, "conversation.taken"); e.Data.Conversation.Owner.Name != "Ana" {
		t.Errorf("Ben is told %+v", e)
	}
	k.ben.has(id, "all")
	if got := texts(k.ben.thread(id)); !slices.Equal(got, []string{"Hello"}) {
		t.Errorf("Ben reads %q", got)
	}
	k.ben.refused("POST", "/conversations/"+id+"/messages", map[string]string{"text": "Me too"}, 409, "owned_by_other")
	k.ben.refused("POST", "/conversations/"+id+"/release", nil, 409, "not_owner")
}

// Forgetting Dealt with traps no customer: what an agent who is away holds, and
// whose customer waits, goes back to the queue.
func TestParityAbsentOwner(t *testing.T) {
	k := newDesk(t)
	k.sales(map[string]any{"return_after": "1s"}, k.ana, k.ben)
	k.texts(customer, ourNumber, "Hello")
	id := k.olga.with(customer).ID
	k.ana.act(id, "take", nil)
	ben := k.ben.follow()
	k.ana.must("PATCH", "/me", map[string]string{"availability": "away"}, 200, nil)
	ben.expect(id, "conversation.released")
	k.ben.has(id, "default", "waiting", "all")
	k.ben.act(id, "take", nil)
}
