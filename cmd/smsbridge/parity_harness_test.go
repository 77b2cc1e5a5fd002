package main_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// The parity tests show, each under its name, a behaviour that 3CX's guides
// describe, or what is done here instead; docs/3cx-parity.md lists them.

// desk is a daemon with two numbers of ours, an SMSC, and people: Ana and Ben who
// answer texts, and Olga who owns the system.
type desk struct {
	t              *testing.T
	smsc           *smppsim.SMSC
	d              *daemon
	ana, ben, olga *user
}

const (
	secondNumber  = "+12602058955" // of ours, too
	otherCustomer = "+12602058902"
	thirdCustomer = "+12602058903"
)

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	numbers := []string{ourNumber, secondNumber}
	smsc, err := smppsim.Start(context.WithoutCancel(t.Context()), smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "secret", Numbers: numbers}},
		Script: smppsim.Script{Receipt: smppsim.ReceiptScript{Delay: 20 * time.Millisecond, StateTo: map[string]string{thirdCustomer[1:]: "UNDELIV"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	carrier := account{name: "us", numbers: numbers}
	k := &desk{t: t, smsc: smsc, d: newDaemon(t, carrier.yaml(smsc.Addr()))}
	k.d.start()
	k.ana, k.ben, k.olga = k.hire("Ana", "101", "agent"), k.hire("Ben", "102", "agent"), k.hire("Olga", "301", "owner")
	return k
}

// hire adds somebody, who signs in.
func (k *desk) hire(name, extension, role string) *user {
	k.t.Helper()
	u := k.d.person(name, extension, role)
	u.signIn()
	return u
}

// texts has a customer send a text to a number of ours, which is accepted.
func (k *desk) texts(from, to, text string) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patience)
	defer cancel()
	if status, err := k.smsc.Deliver(ctx, from, to, text); err != nil || status != smpp.ESME_ROK {
		k.t.Fatalf("deliver_sm: %v %v", status, err)
	}
}

// begins has a customer write, and returns the conversation as Olga sees it.
func (k *desk) begins(from, text string) conversation {
	k.t.Helper()
	k.texts(from, ourNumber, text)
	return k.olga.with(from)
}

// with returns one's conversation with a customer.
func (u *user) with(customer string) conversation {
	u.t.Helper()
	for _, c := range list[conversation](u, "/conversations?view=all") {
		if c.Peer == customer {
			return c
		}
	}
	u.t.Fatalf("%s sees no conversation with %s", u.name, customer)
	return conversation{}
}

// act does something to a conversation that is allowed.
func (u *user) act(id, action string, body any) (c conversation) {
	u.t.Helper()
	u.must("POST", "/conversations/"+id+"/"+action, body, 200, &c)
	return c
}

// reply answers a customer.
func (u *user) reply(id, text string) (m message) {
	u.t.Helper()
	u.must("POST", "/conversations/"+id+"/messages", map[string]string{"text": text}, 202, &m)
	return m
}

// refused makes sure that a request is refused, and returns how.
func (u *user) refused(method, path string, body any, status int, code string) (p problem) {
	u.t.Helper()
	u.must(method, path, body, status, &p)
	if p.Code != code {
		u.t.Fatalf("%s: %s %s: %s, want %s", u.name, method, path, p.Code, code)
	}
	return p
}

// has makes sure of the views in which somebody lists a conversation; default is
// the list without a view.
func (u *user) has(id string, views ...string) {
	u.t.Helper()
	for _, view := range []string{"default", "waiting", "mine", "archived", "all"} {
		query := "?view=" + view
		if view == "default" {
			query = ""
		}
		listed := slices.ContainsFunc(list[conversation](u, "/conversations"+query), func(c conversation) bool { return c.ID == id })
		if listed != slices.Contains(views, view) {
			u.t.Errorf("%s: in the list %s: %v, want it in %q", u.name, view, listed, views)
		}
	}
}

// seesNothing makes sure that a conversation is not there for somebody.
func (u *user) seesNothing(id string) {
	u.t.Helper()
	u.has(id)
	for _, path := range []string{"", "/messages", "/events"} {
		u.refused("GET", "/conversations/"+id+path, nil, 404, "not_found")
	}
}

func (u *user) thread(id string) []message {
	u.t.Helper()
	return list[message](u, "/conversations/"+id+"/messages")
}

// lines are the system lines of a conversation, newest first.
func (u *user) lines(id string) (all []string) {
	u.t.Helper()
	for _, m := range u.thread(id) {
		if m.Kind == "system" {
			all = append(all, m.Text)
		}
	}
	return all
}

func (u *user) id() string {
	u.t.Helper()
	var me named
	u.must("GET", "/me", nil, 200, &me)
	return me.ID
}

// gone takes the next event, by which a conversation goes to somebody else, or
// with nobody's name just goes.
func (s *stream) gone(id, eventType, to string) {
	s.t.Helper()
	e := s.next()
	name := ""
	if e.Data.Conversation.Owner != nil {
		name = e.Data.Conversation.Owner.Name
	}
	if e.Type != eventType || !e.Data.Gone || e.Data.Conversation.ID != id || name != to || e.Data.Conversation.Peer != "" || e.Data.Conversation.LastMessage != nil || e.Data.Message != nil {
		s.t.Fatalf("%s's stream: %+v, want %s gone to %q and no more", s.who.name, e, eventType, to)
	}
}

// silentAbout makes sure that nothing has come to somebody's stream by having
// another customer write, of which they hear.
func (k *desk) silentAbout(s *stream, what string) {
	k.t.Helper()
	const marker = "+12602058999"
	k.texts(marker, secondNumber, "What is the time?")
	if e := s.next(); e.Type != "message.received" || e.Data.Conversation.Peer != marker {
		k.t.Errorf("%s's stream: %+v, want nothing about %s", s.who.name, e, what)
	}
	if e := s.next(); e.Data.Conversation.Peer != marker { // created, or once more
		k.t.Errorf("%s's stream: %+v, want nothing about %s", s.who.name, e, what)
	}
}

// sentTo waits until the SMSC has been sent this to a customer, and returns all
// that it has.
func (k *desk) sentTo(customer string, n int) (all []string) {
	k.t.Helper()
	await(k.t, fmt.Sprintf("what %s is sent", customer), func() error {
		all = nil
		for _, m := range k.smsc.Messages() {
			if m.To == customer {
				all = append(all, m.Text)
			}
		}
		if len(all) < n {
			return fmt.Errorf("%q, want %d", all, n)
		}
		return nil
	})
	return all
}

// contains tells whether one of the lines has all the words.
func contains(lines []string, words ...string) bool {
	return slices.ContainsFunc(lines, func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	})
}
