package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// What becomes of conversations without anybody's doing something to them.

// arrives has a customer's text delivered, and returns its conversation.
func (s *stage) arrives(peer string) Conversation {
	s.t.Helper()
	s.arrive(peer, ours, "hello")
	return s.listed("s", "?view=all")[peer]
}

// do is an action that is allowed.
func (s *stage) do(who, id, action string, body any) {
	s.t.Helper()
	if a := s.clients[who].do("POST", "/conversations/"+id+action, body); a.status != 200 && a.status != 202 {
		s.t.Fatalf("%s %s: %d %s", who, action, a.status, a.body)
	}
}

func (s *stage) give(id, who string) {
	s.t.Helper()
	s.do("s", id, "/transfer", transferBody{Agent: s.people[cast[who]].String()})
}

// skip passes over what has come to everybody's streams.
func (s *stage) skip() {
	s.t.Helper()
	s.emit(1)
	for who := range s.readers {
		for s.next(who).Type != "carrier.up" {
		}
	}
}

// hears makes sure that this, and nothing else, comes to somebody's stream about
// customers: the types with the last digit of their number; - is gone.
func (s *stage) hears(peers map[string]string, expected map[string]string) {
	s.t.Helper()
	s.emit(1)
	for who := range s.readers {
		var got []string
		for e := s.next(who); e.Type != "carrier.up"; e = s.next(who) {
			peer, gone := peers[e.Data.Conversation.ID], ""
			if e.Data.Gone {
				gone = "-"
			}
			got = append(got, fmt.Sprintf("%s%s/%s", gone, strings.TrimPrefix(e.Type, "conversation."), peer[len(peer)-1:]))
		}
		if want := expected[who]; strings.Join(got, " ") != want {
			s.t.Errorf("%s hears %q, want %q", who, got, want)
		}
	}
}

// TestTextReturnsToTheNumbersQueue has a conversation dealt with in another queue:
// when its customer writes again, it waits in that of its number.
func TestTextReturnsToTheNumbersQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t, gateway.DefaultQueueSettings())
	c := s.arrives("+12602060001")
	s.do("m", c.ID, "/transfer", transferBody{Queue: s.other.String()})
	s.do("n", c.ID, "/take", nil)
	s.do("n", c.ID, "/dealt-with", nil)
	s.skip()
	s.arrive(c.Peer, ours, "hello again")
	whole := "message.received/1 reopened/1"
	s.hears(map[string]string{c.ID: c.Peer}, map[string]string{"m": whole, "u": whole, "g": whole, "s": whole, "p": whole, "n": "-message.received/1 -reopened/1"})
	if got := s.clients["m"].list(t, ""); len(got) != 1 || got[0].Queue.Name != "Sales" || got[0].Status != "waiting" {
		t.Errorf("%+v", got)
	}
	refused(t, s.clients["n"].do("GET", "/conversations/"+c.ID, nil), 404, "not_found")
}

// TestOwnerLeaves disables who has conversations: those whose customers wait for
// an answer wait in the queue again, and the others are closed.
func TestOwnerLeaves(t *testing.T) {
	t.Parallel()
	s := newStage(t, gateway.DefaultQueueSettings())
	peers := map[string]string{}
	var answered, taken, archived Conversation
	for i, c := range []*Conversation{&answered, &taken, &archived} {
		*c = s.arrives(fmt.Sprintf("+1260206000%d", i))
		peers[c.ID] = c.Peer
		s.give(c.ID, "O")
	}
	s.do("O", answered.ID, "/messages", replyBody{Text: "hi"})
	s.do("O", archived.ID, "/archive", nil)
	s.skip()
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["otto"]) })
	for range 3 { // one each: then it has all happened
		s.next("g")
	}
	s.readers["O"].ends(10 * time.Second)
	delete(s.readers, "O")
	delete(s.readers, "g")
	for _, who := range []string{"s", "p"} {
		heard := map[string]bool{}
		for range 3 {
			e := s.next(who)
			heard[e.Type+peers[e.Data.Conversation.ID]] = !e.Data.Gone
		}
		for c, kind := range map[*Conversation]string{&answered: "dealt_with", &taken: "released", &archived: "released"} {
			if !heard["conversation."+kind+c.Peer] {
				t.Errorf("%s hears %v, want %s of %s", who, heard, kind, c.Peer)
			}
		}
	}
	for _, who := range []string{"m", "u"} { // in the order in which they were found
		heard := map[string]bool{}
		for range 2 {
			e := s.next(who)
			heard[e.Type+peers[e.Data.Conversation.ID]] = !e.Data.Gone && e.Data.Conversation.Status == "waiting"
		}
		if !heard["conversation.released"+taken.Peer] || !heard["conversation.released"+archived.Peer] {
			t.Errorf("%s hears %v", who, heard)
		}
	}
	s.hears(peers, nil)
	if waiting := s.listed("m", "?view=waiting"); len(waiting) != 2 {
		t.Errorf("%+v", waiting)
	}
	if c := s.listed("g", "?view=archived")[answered.Peer]; c.Status != "closed" || c.Owner != nil {
		t.Errorf("%+v", c)
	}
}

// TestQueueLeaves deletes a queue: what is in it is General's, in which everybody
// is. Its managers were that of it alone.
func TestQueueLeaves(t *testing.T) {
	t.Parallel()
	s := newStage(t, gateway.DefaultQueueSettings())
	waits, taken := s.arrives("+12602060001"), s.arrives("+12602060002")
	s.give(taken.ID, "O")
	s.skip()
	olga, _ := s.dir.Actor(s.people["olga"])
	if err := s.router.DeleteQueue(t.Context(), olga, s.queue); err != nil {
		t.Fatal(err)
	}
	peers := map[string]string{waits.ID: waits.Peer, taken.ID: taken.Peer}
	both, one := "transferred/1 transferred/2", "transferred/1"
	s.hears(peers, map[string]string{"s": both, "p": both, "O": both, "m": one, "u": one, "g": one, "x": one, "L": one, "B": one, "n": one})
	for who := range cast {
		if c := s.listed(who, "?view=waiting")[waits.Peer]; c.Queue.Name != "General" {
			t.Errorf("%s: %+v", who, c)
		}
	}
	if a := s.clients["g"].do("GET", "/conversations/"+taken.ID, nil); a.status != 404 {
		t.Errorf("who managed the queue sees it: %d", a.status)
	}
}
