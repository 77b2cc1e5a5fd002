package router

import (
	"errors"
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// inbox is a router under random hands: several people, customers, a program
// and a carrier, on customers of its own.
type inbox struct {
	*bed
	base   int // of its customers
	cursor int64
	epochs map[gateway.ID]int64
	sent   map[gateway.ID]bool // messages that were let through
	live   map[string]gateway.ID
	beside *Router // on the same store
	fates
	crowd
}

func TestRouterKeepsTheInvariants(t *testing.T) {
	// Each step is a commit: fewer rounds than rapid makes by itself.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		if err := f.Value.Set("30"); err != nil {
			t.Fatal(err)
		}
	}
	onSQLite(t, func(b *bed) {
		b.shared(gateway.Format{Alphabet: gateway.AlphabetLatin1}, Route{Number: ourNumber, Carriers: []string{"acme", "beta"}, FailoverAfter: 3 * time.Second})
		b.line.OnUncertain, b.line.ResendAfter = Resend, 2*time.Second
		b.replies = Replies{Stop: "No more texts.", Start: "Texts again."}
		b.run()
		beside := b.alongside()
		round := 0
		// A bubble has no deadline, which rapid would ask for.
		rapid.Check(struct{ testing.TB }{b.t}, func(t *rapid.T) {
			round++
			b.clearUp()
			cursor, err := b.db.EventSeq(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			in := &inbox{bed: b, base: 10 * round, cursor: cursor, epochs: map[gateway.ID]int64{}, sent: map[gateway.ID]bool{}, live: map[string]gateway.ID{},
				beside: beside, fates: newFates(b), crowd: newCrowd(b)}
			defer in.leave()
			t.Repeat(map[string]func(*rapid.T){
				"receive": in.customerWrites,
				"reply":   in.personWrites,
				"act":     in.personActs,
				"program": in.programWrites,
				"settle":  in.carrierAnswers,
				"answer":  in.carrierAnswers,
				"receipt": in.carrierReports,
				"link":    in.carrierComesOrGoes,
				"time":    in.timePasses,
				"cancel":  in.somebodyCancels,
				"resend":  in.somebodySendsAgain,
				"people":  in.somebodyComesOrGoes,
				"queue":   in.queueChanges,
				"count":   func(*rapid.T) { in.settle(); in.wantGauges() },
				"":        in.check,
			})
		})
	})
}

func (in *inbox) customer(t *rapid.T) gateway.Address {
	return gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1%010d", 2000000000+in.base+rapid.IntRange(0, 1).Draw(t, "customer"))}
}

func (in *inbox) person(t *rapid.T) gateway.Actor {
	return rapid.SampledFrom([]gateway.Actor{in.ana, in.ben, in.mia, in.sue}).Draw(t, "by")
}

func (in *inbox) customerWrites(t *rapid.T) {
	from := in.customer(t)
	text := rapid.SampledFrom([]string{"ok", "ok", "where are you?", "STOP", "START", "HELP"}).Draw(t, "text")
	before := in.pair(from)
	after := in.receive(from, text)
	if gateway.NewKeywords(nil, nil, nil).Parse(text) != gateway.KeywordNone || before.Blocked {
		if before.ID != 0 && after.View() != before.View() {
			t.Errorf("%q moved %+v to %+v", text, before, after)
		}
		return
	}
	if after.Status != gateway.StatusWaiting && after.Status != gateway.StatusTaken || after.Archived {
		t.Errorf("a text left %+v", after)
	}
}

func (in *inbox) personWrites(t *rapid.T) {
	by, to := in.person(t), in.customer(t)
	before := in.pair(to)
	var sent Sent
	var err error
	started := rapid.Bool().Draw(t, "start") || before.ID == 0
	if started {
		sent, err = in.r.Start(in.ctx, by, ourNumber, to, Text{Text: by.Name + textOf(t)})
	} else {
		sent, err = in.r.Reply(in.ctx, by, before.ID, Text{Text: by.Name + textOf(t)})
	}
	if err != nil {
		in.refused(t, err, to, before)
		return
	}
	in.sent[sent.Message.ID] = true
	if before.Status == gateway.StatusTaken && before.Owner != by.ID || before.Status == gateway.StatusWaiting && !before.View().VisibleTo(by) && !started {
		t.Errorf("%s wrote into what another owns, or does not see: %+v", by.Name, before)
	}
	if c := in.pair(to); c.Status != gateway.StatusTaken || c.Owner != by.ID {
		t.Errorf("%s wrote, and it is %+v", by.Name, c)
	}
}

// refused makes sure that a refusal changed nothing.
func (in *inbox) refused(t *rapid.T, err error, peer gateway.Address, before gateway.Conversation) {
	var r *gateway.Refusal
	if !errors.As(err, &r) {
		t.Fatal(err)
	}
	if after := in.pair(peer); after != before {
		t.Errorf("%v, and yet %+v became %+v", err, before, after)
	}
}

func (in *inbox) personActs(t *rapid.T) {
	by, with := in.person(t), in.customer(t)
	before := in.pair(with)
	if before.ID == 0 {
		return
	}
	a := gateway.Action{Kind: rapid.SampledFrom([]gateway.ActionKind{gateway.ActTake, gateway.ActTransfer, gateway.ActRelease, gateway.ActDealtWith, gateway.ActArchive,
		gateway.ActUnarchive, gateway.ActDelete, gateway.ActRead, gateway.ActSnooze}).Draw(t, "action"), Until: time.Now().Add(time.Duration(rapid.IntRange(1, 3600).Draw(t, "until")) * time.Second)}
	if a.Kind == gateway.ActTransfer {
		if a.Agent = in.person(t).ID; rapid.Bool().Draw(t, "to the queue") {
			a.Agent, a.Queue = 0, store.GeneralQueue
		}
	}
	r := in.r
	if rapid.Bool().Draw(t, "elsewhere") {
		r = in.beside
		if err := r.dir.Reload(in.ctx); err != nil {
			t.Fatal(err)
		}
	}
	after, err := r.Act(in.ctx, by, before.ID, a, Details{})
	if err != nil {
		in.refused(t, err, with, before)
		return
	}
	if !before.View().VisibleTo(by) || !before.View().ChangeableBy(by) && after != before {
		t.Errorf("%s did %d to %+v", by.Name, a.Kind, before)
	}
	if stored := in.conversation(before.ID); stored.View() != after.View() || stored.Epoch != after.Epoch || stored.Archived != after.Archived {
		t.Errorf("answered %+v, stored %+v", after, stored)
	}
}

func (in *inbox) programWrites(t *rapid.T) {
	to := in.customer(t)
	before := in.pair(to)
	sent, err := in.r.SendProgram(in.ctx, in.program, ourNumber, to, Text{Text: "bill" + textOf(t)})
	if err != nil {
		in.refused(t, err, to, before)
		return
	}
	in.sent[sent.Message.ID] = true
	if before.ID != 0 && in.pair(to).View() != before.View() {
		t.Errorf("a program moved %+v to %+v", before, in.pair(to))
	}
}

// check reads what was committed since the last step.
func (in *inbox) check(t *rapid.T) {
	in.settle()
	events, err := in.db.Events(in.ctx, in.cursor, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Seq != in.cursor+1 {
			t.Errorf("event %d follows %d", e.Seq, in.cursor)
		}
		in.cursor = e.Seq
		if e.Conversation != nil {
			in.checkEvent(t, e)
		}
		if e.Type == gateway.EventMessageTick {
			in.checkTick(t, e.Message)
		}
	}
	open := map[gateway.ID]gateway.ID{} // conversation -> message
	for _, c := range in.carriers() {
		for _, s := range c.holding() {
			m := in.message(s.Segment.Message())
			if !in.out(t, s.Segment) { // something was heard of it that ended it
				continue
			}
			if other := open[m.Conversation]; other != 0 && other != m.ID {
				t.Errorf("%v and %v of one conversation are out at once", other, m.ID)
			}
			open[m.Conversation] = m.ID
		}
	}
	in.checkSubmissions(t)
}

func (in *inbox) checkEvent(t *rapid.T, e gateway.Event) {
	c := e.Conversation
	taken, closed := e.After.Status == gateway.StatusTaken, e.After.Status == gateway.StatusClosed
	if taken != (c.Owner != 0) || closed && !c.Archived || e.After.Status == gateway.StatusWaiting && c.Archived {
		t.Errorf("event %d: %+v", e.Seq, c)
	}
	last, seen := in.epochs[c.ID]
	switch changed := e.Before != e.After && e.Before.Status != gateway.StatusNone; {
	case c.Epoch < last:
		t.Errorf("event %d: the epoch fell from %d to %d", e.Seq, last, c.Epoch)
	case changed && e.Before.Status != e.After.Status && seen && c.Epoch == last && e.Type != gateway.EventReopened && e.Type != gateway.EventTaken && e.Type != gateway.EventUnarchived:
		t.Errorf("event %d, %s: %+v became %+v within epoch %d", e.Seq, e.Type, e.Before, e.After, last)
	}
	in.epochs[c.ID] = c.Epoch
	pair := c.Number + " " + c.Peer.Value
	if e.After.Status == gateway.StatusDeleted {
		delete(in.live, pair)
	} else if other, ok := in.live[pair]; ok && other != c.ID && e.Type != gateway.EventMessageTick {
		t.Errorf("%v and %v are both between %s", other, c.ID, pair)
	} else if e.Type != gateway.EventMessageTick {
		in.live[pair] = c.ID
	}
	in.checkHandling(t, e)
	if e.Type == gateway.EventMessageSent && e.By != 0 { // what is automatic is nobody's
		if !in.sent[e.Message.ID] {
			t.Errorf("%q of %s was refused, and exists", e.Message.Text, e.ByName)
		}
		if e.By != in.program.ID && (!taken || e.After.Owner != e.By) {
			t.Errorf("%s wrote while it was %+v", e.ByName, e.After)
		}
	}
}
