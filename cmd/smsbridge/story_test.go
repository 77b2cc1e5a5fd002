package main_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"smsbridge/smpp"
)

const customer = "+12602058901"

// A customer writes, two agents want it, one gets it, answers, is answered, and
// is done; once undisturbed, and once with the daemon killed between the steps.
func TestStory(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"undisturbed": false, "killed between the steps": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tellStory(t, killed)
		})
	}
}

func tellStory(t *testing.T, killed bool) {
	smsc := startSMSC(t)
	d := newDaemon(t, smppCarrier(smsc.address, "", ""))
	ana, ben := d.person("Ana", "101", "agent"), d.person("Ben", "102", "agent")
	mia, olga := d.person("Mia", "201", "manager"), d.person("Olga", "301", "owner")
	d.start()
	crash := func() {
		t.Helper()
		if killed {
			d.restart()
		}
	}
	streams := map[*user]*stream{}
	for _, u := range []*user{ana, ben, mia, olga} {
		u.signIn()
		streams[u] = u.follow()
	}
	everybody := []*user{ana, ben, mia, olga}

	// Two parts, cut within a character.
	question := strings.Repeat("Zażółć? ", 8) + "😀 Is it ready?"
	first, second := splitSurrogates(t, question)
	smsc.deliver(ucs2Part(customer, 7, 2, 1, first))
	crash()
	for _, u := range everybody {
		if got := list[conversation](u, "/conversations"); len(got) != 0 {
			t.Fatalf("%s sees %+v before the text is whole", u.name, got)
		}
	}
	smsc.deliver(ucs2Part(customer, 7, 2, 2, second))
	crash()
	var id string
	for _, u := range everybody {
		e := streams[u].next()
		if id == "" {
			id = e.Data.Conversation.ID
		}
		if e.Type != "message.received" || e.Data.Message.Text != question || e.Data.Message.Segments != 2 {
			t.Fatalf("%s's stream: %s %+v, want the question", u.name, e.Type, e.Data.Message)
		}
		streams[u].expect(id, "conversation.created")
		waiting := list[conversation](u, "/conversations?view=waiting")
		if len(waiting) != 1 || waiting[0].ID != id || waiting[0].Status != "waiting" || waiting[0].Owner != nil || waiting[0].LastMessage.Text != question {
			t.Fatalf("%s's queue: %+v", u.name, waiting)
		}
	}

	winner, loser := race(t, id, ana, ben)
	crash()
	for _, u := range []*user{winner, mia, olga} {
		if e := streams[u].expect(id, "conversation.taken"); e.Data.Conversation.Owner.Name != winner.name {
			t.Errorf("%s's stream: taken by %+v, want %s", u.name, e.Data.Conversation.Owner, winner.name)
		}
	}
	gone := streams[loser].next()
	if gone.Type != "conversation.taken" || !gone.Data.Gone || gone.Data.Conversation.Owner.Name != winner.name ||
		gone.Data.Conversation.Peer != "" || gone.Data.Conversation.LastMessage != nil {
		t.Errorf("%s's stream: %+v, want it gone to %s and no more", loser.name, gone, winner.name)
	}

	reply := replyInThree(t, smsc, winner, streams[winner], id)
	crash()
	for _, u := range []*user{mia, olga} {
		streams[u].expect(id, "message.sent", "message.tick", "message.tick")
	}

	const thanks = "Thank you, I am coming."
	smsc.deliver(text(customer, thanks))
	crash()
	for _, u := range []*user{winner, mia, olga} {
		if e := streams[u].expect(id, "message.received"); e.Data.Message.Text != thanks || e.Data.Conversation.Status != "taken" {
			t.Errorf("%s's stream: %+v", u.name, e.Data.Message)
		}
		thread := texts(list[message](u, "/conversations/"+id+"/messages"))
		if want := []string{thanks, reply, question}; !slices.Equal(thread, want) {
			t.Errorf("%s's thread: %q, want %q", u.name, thread, want)
		}
	}
	for _, view := range []string{"", "?view=waiting", "?view=mine", "?view=all", "?view=archived"} {
		if got := list[conversation](loser, "/conversations"+view); len(got) != 0 {
			t.Errorf("%s sees %+v in %q", loser.name, got, view)
		}
	}
	for _, path := range []string{"", "/messages", "/events"} {
		loser.must("GET", "/conversations/"+id+path, nil, 404, nil)
	}

	winner.must("POST", "/conversations/"+id+"/dealt-with", nil, 200, nil)
	crash()
	for _, u := range []*user{winner, mia, olga} {
		streams[u].expect(id, "conversation.dealt_with")
	}

	const again = "One more thing."
	smsc.deliver(text(customer, again))
	crash()
	// To the one who lost, nothing has come since it was gone.
	for _, u := range everybody {
		var types []string
		for range 2 {
			e := streams[u].expectOf(id)
			types = append(types, e.Type)
		}
		if want := []string{"message.received", "conversation.reopened"}; !slices.Equal(types, want) {
			t.Errorf("%s's stream: %q, want %q", u.name, types, want)
		}
		if got := list[conversation](u, "/conversations?view=waiting"); len(got) != 1 || got[0].ID != id || got[0].LastMessage.Text != again {
			t.Errorf("%s's queue: %+v", u.name, got)
		}
	}
}

// race has two people take a conversation at the same instant.
func race(t *testing.T, id string, a, b *user) (winner, loser *user) {
	t.Helper()
	users := []*user{a, b}
	var statuses [2]int
	var answers [2][]byte
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i, u := range users {
		all.Go(func() {
			<-begin
			var err error
			if statuses[i], answers[i], err = u.try(t.Context(), "POST", "/conversations/"+id+"/take", nil); err != nil {
				t.Error(err)
			}
		})
	}
	close(begin)
	all.Wait()
	w := slices.Index(statuses[:], 200)
	if w < 0 || statuses[1-w] != 409 {
		t.Fatalf("two takes: %v, want a 200 and a 409: %s %s", statuses, answers[0], answers[1])
	}
	var refusal problem
	if err := json.Unmarshal(answers[1-w], &refusal); err != nil {
		t.Fatal(err)
	}
	if refusal.Code != "already_taken" || refusal.Owner == nil || refusal.Owner.Name != users[w].name {
		t.Errorf("the other take: %s, want already_taken by %s", answers[1-w], users[w].name)
	}
	return users[w], users[1-w]
}

// replyInThree sends a text of three segments, and follows its tick to the end.
func replyInThree(t *testing.T, smsc *remoteSMSC, from *user, s *stream, id string) (reply string) {
	t.Helper()
	reply = strings.Repeat("Your order is ready, and we are open until six. ", 8)
	var sent message
	from.must("POST", "/conversations/"+id+"/messages", map[string]string{"text": reply}, 202, &sent)
	if sent.Segments != 3 || sent.Tick != "queued" {
		t.Errorf("the reply: %d segments, %s; want 3, queued", sent.Segments, sent.Tick)
	}
	var ticks []string
	for i, want := range []string{"message.sent", "message.tick", "message.tick"} {
		e := s.expect(id, want)
		if e.Data.Message.ID != sent.ID {
			t.Fatalf("event %d is about another message", i)
		}
		ticks = append(ticks, e.Data.Message.Tick)
	}
	if want := []string{"queued", "sent", "delivered"}; !slices.Equal(ticks, want) {
		t.Errorf("ticks %q, want %q", ticks, want)
	}
	arrived := smsc.messages()
	if len(arrived) != 1 || arrived[0].Text != reply || len(arrived[0].IDs) != 3 || arrived[0].From != ourNumber || arrived[0].To != customer {
		t.Errorf("at the SMSC: %+v, want the reply in three parts", arrived)
	}
	return reply
}

// text is a text of one part.
func text(from, body string) *smpp.ShortMessage {
	return &smpp.ShortMessage{Source: smpp.Address{TON: 1, NPI: 1, Value: from[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]}, Message: []byte(body)}
}

// texts are the words of a thread, without the lines between them.
func texts(thread []message) (all []string) {
	for _, m := range thread {
		if m.Kind == "text" {
			all = append(all, m.Text)
		}
	}
	return all
}

// expectOf returns the next event, which is whole and about a conversation.
func (s *stream) expectOf(conversation string) event {
	s.t.Helper()
	e := s.next()
	if e.Data.Gone || e.Data.Conversation.ID != conversation {
		s.t.Fatalf("%s's stream: %s of %s (gone: %v)", s.who.name, e.Type, e.Data.Conversation.ID, e.Data.Gone)
	}
	return e
}
