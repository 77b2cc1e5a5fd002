package main_test

import (
	"slices"
	"strings"
	"testing"
)

// A transfer to another extension, with a note: it disappears for me and appears
// there, at once on both sides.
func TestParityTransferToAnExtension(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "I have a question about my bill.")
	k.ana.act(c.ID, "take", nil)
	k.ana.reply(c.ID, "One moment, please.")
	k.sentTo(customer, 1)
	var to string
	for _, a := range list[struct{ ID, Extension string }](k.ana, "/agents") {
		if a.Extension == "102" {
			to = a.ID
		}
	}
	ana, ben := k.ana.follow(), k.ben.follow()
	k.ana.act(c.ID, "transfer", map[string]string{"agent": to, "note": "It is about the invoice."})
	k.ben.has(c.ID, "default", "mine", "all")
	k.ana.seesNothing(c.ID)
	k.ana.refused("POST", "/conversations/"+c.ID+"/messages", map[string]string{"text": "Still me"}, 409, "owned_by_other")
	k.ben.reply(c.ID, "This is Ben.")
	e := ben.until("transfer", func(e event) bool { return e.Type == "conversation.transferred" })
	if e.Data.Gone || e.Data.By.Name != "Ana" || e.Data.Conversation.Owner.Name != "Ben" || e.Data.Conversation.LastMessage.Text != "One moment, please." {
		t.Errorf("Ben is told %+v", e)
	}
	for { // the receipt of Ana's text may still come before
		if e := ana.next(); e.Type == "conversation.transferred" {
			if !e.Data.Gone || e.Data.Conversation.Owner.Name != "Ben" {
				t.Errorf("Ana is told %+v", e)
			}
			break
		}
	}
	if lines := k.ben.lines(c.ID); !contains(lines, "Ana transferred this conversation to Ben.", "It is about the invoice.") {
		t.Errorf("the thread says %q", lines)
	}
	if got := texts(k.ben.thread(c.ID)); len(got) != 3 {
		t.Errorf("Ben reads %q, want all of it", got)
	}
	k.texts(customer, ourNumber, "Hello Ben")
	if got := k.ben.with(customer); got.Owner.Name != "Ben" || got.LastMessage.Text != "Hello Ben" {
		t.Errorf("the answer is in %+v", got)
	}
	k.ana.seesNothing(c.ID)
}

// A transfer back to the queue: it waits for everybody there.
func TestParityTransferToTheQueue(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	var general string
	for _, q := range list[named](k.ana, "/queues") {
		if q.Name == "General" {
			general = q.ID
		}
	}
	ben := k.ben.follow()
	k.ana.act(c.ID, "transfer", map[string]string{"queue": general, "note": "I am going home."})
	ben.expect(c.ID, "conversation.transferred")
	for _, u := range []*user{k.ana, k.ben} {
		u.has(c.ID, "default", "waiting", "all")
	}
	if !contains(k.ben.lines(c.ID), "General", "I am going home.") {
		t.Errorf("the thread says %q", k.ben.lines(c.ID))
	}
}

// Dealt with: a system line, the archive, and the next text goes to the queue.
func TestParityDealtWith(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	closed := k.ana.act(c.ID, "dealt-with", map[string]string{"reason": "sold"})
	if closed.Status != "closed" || closed.Owner != nil {
		t.Errorf("%+v", closed)
	}
	k.ana.has(c.ID, "archived", "all")
	k.ben.seesNothing(c.ID)
	if lines := k.ana.lines(c.ID); !contains(lines, "Ana", "dealt with", "sold") {
		t.Errorf("the thread says %q", lines)
	}
	ben := k.ben.follow()
	k.texts(customer, ourNumber, "One more thing.")
	ben.expect(c.ID, "message.received", "conversation.reopened")
	for _, u := range []*user{k.ana, k.ben, k.olga} {
		u.has(c.ID, "default", "waiting", "all")
	}
	k.ben.act(c.ID, "take", nil)
}

// Not dealt with: the next text goes to the agent who took it, and not to the
// queue.
func TestParityNotDealtWith(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	k.ana.reply(c.ID, "Good morning!")
	k.sentTo(customer, 1)
	ana, ben := k.ana.follow(), k.ben.follow()
	k.texts(customer, ourNumber, "One more thing.")
	e := ana.until("text", func(e event) bool { return e.Type == "message.received" })
	if e.Data.Conversation.ID != c.ID || e.Data.Conversation.Owner.Name != "Ana" || e.Data.Message.Text != "One more thing." {
		t.Errorf("Ana is told %+v", e)
	}
	k.ana.has(c.ID, "default", "mine", "all")
	k.ben.seesNothing(c.ID)
	k.silentAbout(ben, "Ana's customer")
}

// Archiving without dealing with it keeps it mine, and the caller's text brings it
// back to me.
func TestParityArchiveKeepsIt(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	ben := k.ben.follow()
	if archived := k.ana.act(c.ID, "archive", nil); archived.Owner == nil || archived.Owner.Name != "Ana" {
		t.Errorf("%+v", archived)
	}
	k.ana.has(c.ID, "archived", "all")
	k.texts(customer, ourNumber, "One more thing.")
	k.ana.has(c.ID, "default", "mine", "all")
	k.ben.seesNothing(c.ID)
	k.silentAbout(ben, "Ana's archive")
}

// Recents and Archived are two views: what waits and what is mine, and what is put
// away.
func TestParityRecentsAndArchived(t *testing.T) {
	k := newDesk(t)
	waiting, mine, away := k.begins(customer, "One"), k.begins(otherCustomer, "Two"), k.begins(thirdCustomer, "Three")
	k.ana.act(mine.ID, "take", nil)
	k.ana.act(away.ID, "dealt-with", nil)
	for view, want := range map[string][]string{"": {mine.ID, waiting.ID}, "?view=archived": {away.ID}} {
		var got []string
		for _, c := range list[conversation](k.ana, "/conversations"+view) {
			got = append(got, c.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q lists %q, want %q", view, got, want)
		}
	}
}

// From the archive: transfer, unarchive, delete.
func TestParityFromTheArchive(t *testing.T) {
	k := newDesk(t)
	given, back, deleted := k.begins(customer, "One"), k.begins(otherCustomer, "Two"), k.begins(thirdCustomer, "Three")
	k.ana.refused("DELETE", "/conversations/"+deleted.ID, nil, 409, "not_archived")
	for _, c := range []conversation{given, back, deleted} {
		k.ana.act(c.ID, "dealt-with", nil)
		k.ana.has(c.ID, "archived", "all")
	}
	k.ana.act(given.ID, "transfer", map[string]string{"agent": k.ben.id()})
	k.ben.has(given.ID, "default", "mine", "all")
	k.ana.seesNothing(given.ID)
	if c := k.ana.act(back.ID, "unarchive", nil); c.Status != "taken" || c.Owner.Name != "Ana" {
		t.Errorf("unarchived: %+v", c)
	}
	k.ana.has(back.ID, "default", "mine", "all")
	k.ana.must("DELETE", "/conversations/"+deleted.ID, nil, 204, nil)
	for _, u := range []*user{k.ana, k.ben, k.olga} {
		u.seesNothing(deleted.ID)
	}
	k.texts(thirdCustomer, ourNumber, "Four")
	if again := k.ben.with(thirdCustomer); again.ID == deleted.ID || again.Status != "waiting" || len(texts(k.ben.thread(again.ID))) != 1 {
		t.Errorf("after it was deleted, a text is in %+v", again)
	}
}

// A tick when a text is sent, two when it is delivered; what is not says why.
func TestParityTicks(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.ana.act(c.ID, "take", nil)
	ana := k.ana.follow()
	sent := k.ana.reply(c.ID, "Good morning!")
	ticks := []string{sent.Tick}
	for ticks[len(ticks)-1] != "delivered" {
		e := ana.until("tick", func(e event) bool { return e.Type == "message.tick" && e.Data.Message.ID == sent.ID })
		ticks = append(ticks, e.Data.Message.Tick)
	}
	if want := []string{"queued", "sent", "delivered"}; !slices.Equal(ticks, want) {
		t.Errorf("ticks %q, want %q", ticks, want)
	}
	failing := k.begins(thirdCustomer, "Hello")
	failed := k.ana.settled(k.ana.reply(failing.ID, "Good morning!").ID, "failed")
	if failed.Error == nil || !strings.HasSuffix(failed.Error.Text, ".") {
		t.Errorf("it failed with %+v, want a sentence", failed.Error)
	}
}

// Unread texts are counted on the list, and marked as read by their owner.
func TestParityUnreadAndMarkAsRead(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "Hello")
	k.texts(customer, ourNumber, "Hello?")
	if c = k.ana.act(c.ID, "take", nil); c.Unread != 2 {
		t.Errorf("%d unread, want 2", c.Unread)
	}
	ana := k.ana.follow()
	if c = k.ana.act(c.ID, "read", nil); c.Unread != 0 {
		t.Errorf("%d unread, want none", c.Unread)
	}
	ana.expect(c.ID, "conversation.read") // on the other screens, too
	k.texts(customer, ourNumber, "Hello!")
	if got := list[conversation](k.ana, "/conversations?view=mine"); len(got) != 1 || got[0].Unread != 1 {
		t.Errorf("the list shows %+v", got)
	}
}

// A customer is blocked: their texts disturb nobody, and nobody texts them.
func TestParityBlock(t *testing.T) {
	k := newDesk(t)
	c := k.begins(customer, "You have won!")
	ben := k.ben.follow()
	k.ana.act(c.ID, "block", nil)
	ben.expect(c.ID, "conversation.updated")
	k.ana.act(c.ID, "dealt-with", nil)
	ben.gone(c.ID, "conversation.dealt_with", "")
	k.texts(customer, ourNumber, "You have won again!")
	k.ana.has(c.ID, "archived", "all")
	k.ben.seesNothing(c.ID)
	k.silentAbout(ben, "who is blocked")
	k.ana.refused("POST", "/conversations/"+c.ID+"/messages", map[string]string{"text": "Stop it"}, 422, "blocked")
}
