package main_test

import (
	"slices"
	"testing"
)

// Everybody in the group sees a new text, on the open page and in the list.
func TestParityEverybodySeesANewText(t *testing.T) {
	k := newDesk(t)
	everybody := []*user{k.ana, k.ben, k.olga}
	streams := map[*user]*stream{}
	for _, u := range everybody {
		streams[u] = u.follow()
	}
	c := k.begins(customer, "Is my order ready?")
	for _, u := range everybody {
		if e := streams[u].expect(c.ID, "message.received"); e.Data.Message.Text != "Is my order ready?" || e.Data.Message.From != customer {
			t.Errorf("%s is told %+v", u.name, e.Data.Message)
		}
		streams[u].expect(c.ID, "conversation.created")
		u.has(c.ID, "default", "waiting", "all")
	}
}

// One reads the whole chat before taking it, and nobody notices.
func TestParityReadBeforeTaking(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.texts(customer, ourNumber, "Is anybody there?")
	ben := k.ben.follow()
	if got, want := texts(k.ana.thread(c.ID)), []string{"Is anybody there?", "Hello"}; !slices.Equal(got, want) {
		t.Errorf("Ana reads %q, want %q", got, want)
	}
	if now := k.ben.with(customer); now.Status != "waiting" || now.Owner != nil || now.Unread != 2 {
		t.Errorf("Ana has read it, and Ben sees %+v", now)
	}
	k.silentAbout(ben, "reading")
	k.ana.act(c.ID, "take", nil)
}

// Take makes it mine, it vanishes from everyone else's queue, and a system line
// says so.
func TestParityTakeMakesItMine(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	ana, ben, olga := k.ana.follow(), k.ben.follow(), k.olga.follow()
	if taken := k.ana.act(c.ID, "take", nil); taken.Status != "taken" || taken.Owner.Name != "Ana" {
		t.Errorf("Ana took it, and has %+v", taken)
	}
	ana.expect(c.ID, "conversation.taken")
	ben.gone(c.ID, "conversation.taken", "Ana")
	if e := olga.expect(c.ID, "conversation.taken"); e.Data.Conversation.Owner.Name != "Ana" {
		t.Errorf("Olga sees it with %+v", e.Data.Conversation.Owner)
	}
	k.ana.has(c.ID, "default", "mine", "all")
	k.ben.seesNothing(c.ID)
	if lines := k.ana.lines(c.ID); !slices.Equal(lines, []string{"Ana took this conversation."}) {
		t.Errorf("the thread says %q", lines)
	}
}

// The first reply takes the chat, without Take.
func TestParityFirstReplyTakes(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	ana := k.ana.follow()
	k.ben.reply(c.ID, "Good morning!")
	ana.gone(c.ID, "message.sent", "Ben")
	ana.gone(c.ID, "conversation.taken", "Ben")
	k.ben.has(c.ID, "default", "mine", "all")
	k.ana.seesNothing(c.ID)
	if !contains(k.ben.lines(c.ID), "Ben took this conversation.") {
		t.Errorf("the thread says %q", k.ben.lines(c.ID))
	}
	k.sentTo(customer, 1)
}

// Nobody else can respond to it or see it, however they try; they are told who
// has it.
func TestParityNobodyElseRespondsOrSees(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	k.ben.seesNothing(c.ID)
	for _, try := range []struct {
		path string
		body any
		code string
	}{
		{"/conversations/" + c.ID + "/take", nil, "already_taken"},
		{"/conversations/" + c.ID + "/messages", map[string]string{"text": "Me too"}, "owned_by_other"},
		{"/conversations", map[string]string{"from": ourNumber, "to": customer, "text": "Me too"}, "owned_by_other"},
	} {
		if p := k.ben.refused("POST", try.path, try.body, 409, try.code); p.Owner == nil || p.Owner.Name != "Ana" {
			t.Errorf("%s: Ben is told %+v", try.path, p)
		}
	}
	for _, action := range []string{"release", "dealt-with", "archive", "read", "block"} {
		k.ben.refused("POST", "/conversations/"+c.ID+"/"+action, nil, 404, "not_found")
	}
	k.ana.reply(c.ID, "Good morning!")
	if sent := k.sentTo(customer, 1); !slices.Equal(sent, []string{"Good morning!"}) {
		t.Errorf("the customer was sent %q", sent)
	}
}

// A new text to a number in E.164 begins a chat, which is mine.
func TestParityStartToANumber(t *testing.T) {
	k := newDesk(t)
	ben := k.ben.follow()
	var c conversation
	k.ana.must("POST", "/conversations", map[string]string{"from": ourNumber, "to": customer, "text": "Your order is ready."}, 201, &c)
	if c.Status != "taken" || c.Owner.Name != "Ana" || c.Peer != customer || c.Number != ourNumber {
		t.Errorf("Ana began %+v", c)
	}
	if sent := k.sentTo(customer, 1); sent[0] != "Your order is ready." {
		t.Errorf("the customer was sent %q", sent)
	}
	k.texts(customer, ourNumber, "Thank you!")
	k.ana.has(c.ID, "default", "mine", "all")
	k.ben.seesNothing(c.ID)
	k.silentAbout(ben, "what Ana began")
}

// A number without +1 is understood as it is written in the country of our
// number, and one that is no number is refused with what may have been meant:
// nothing fails silently.
func TestParityNumberWithoutPlus(t *testing.T) {
	k := newDesk(t)
	start := func(to string) map[string]string {
		return map[string]string{"from": ourNumber, "to": to, "text": "Your order is ready."}
	}
	for _, typed := range []string{"2602058901", "(260) 205-8901", "1-260-205-8901"} {
		var c conversation
		if k.ana.must("POST", "/conversations", start(typed), 201, &c); c.Peer != customer {
			t.Errorf("%s goes to %s", typed, c.Peer)
		}
	}
	k.sentTo(customer, 3)
	if p := k.ana.refused("POST", "/conversations", start("260-205-TEXT"), 422, "number_invalid"); p.Suggestion != "+12602058398" || p.Detail == "" {
		t.Errorf("refused with %+v, want a suggestion", p)
	}
	k.ana.refused("POST", "/conversations", start("+1260205"), 422, "number_invalid")
	var parsed struct{ E164, Suggestion, National string }
	if k.ana.must("GET", "/numbers/parse?input=2602058901", nil, 200, &parsed); parsed.Suggestion != customer {
		t.Errorf("while it is typed: %+v", parsed)
	}
	if n := len(k.smsc.Messages()); n != 3 {
		t.Errorf("%d texts were sent, want 3", n)
	}
}

// Call is the client's: it has the customer's number to dial, and as one writes it.
func TestParityCallTheCustomer(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Please call me.")
	if c.Peer != customer || c.LastMessage.From != customer {
		t.Errorf("no number to dial in %+v", c)
	}
	var parsed struct{ E164, National string }
	if k.ana.must("GET", "/numbers/parse?input=%2B12602058901", nil, 200, &parsed); parsed.E164 != customer || parsed.National != "(260) 205-8901" {
		t.Errorf("%+v", parsed)
	}
}
