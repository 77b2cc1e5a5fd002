package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gateway/store/storetest"
)

// Two agents go for the same conversations at the same moment: one has it, and
// nothing of the other's exists.
func TestRaceForConversations(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { raceForConversations(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), 2000) })
	t.Run("postgres", func(t *testing.T) { raceForConversations(t, storetest.Postgres(t), 500) })
}

// The same through two routers, each with a connection to the store of its own,
// as two daemons would have it.
func TestRaceBetweenRouters(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { raceBetweenRouters(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db")) })
	t.Run("postgres", func(t *testing.T) { raceBetweenRouters(t, storetest.Postgres(t)) })
}

func raceBetweenRouters(t *testing.T, dsn string) {
	b := newBed(t, dsn)
	b.make()
	db, err := store.Open(t.Context(), dsn, store.Options{Node: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dir, err := OpenDirectory(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if b.other, err = New(Options{Store: db, Directory: dir, Log: slog.New(slog.DiscardHandler), Region: "US"}); err != nil {
		t.Fatal(err)
	}
	raceFor(b, b.waiting(0, 200))
}

// waiting makes conversations that wait, with the customers from the first on.
func (b *bed) waiting(first, n int) (ids []gateway.ID) {
	b.t.Helper()
	b.do(func(tx *store.Tx) error {
		ids = ids[:0]
		for i := range n {
			peer := gateway.Address{Kind: gateway.AddressE164, Value: fmt.Sprintf("+1%010d", 2000000000+first+i)}
			c, _ := gateway.NewConversation(tx.NewID(), ourNumber, peer, store.GeneralQueue).Receive(gateway.ArrivalText, store.GeneralQueue, tx.Now())
			if err := tx.SaveConversation(c); err != nil {
				return err
			}
			ids = append(ids, c.ID)
		}
		return nil
	})
	return ids
}

// try is one agent's go at a conversation, through a router.
type try struct {
	r            *Router
	conversation gateway.ID
	by           gateway.Actor
	reply        bool
	message      gateway.ID // of a reply that was let through
	err          error
}

func raceForConversations(t *testing.T, dsn string, n int) {
	b := newBed(t, dsn)
	b.make()
	b.acme.window, b.acme.answer = 50, acceptAll
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.r.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-b.acme.said
	const chunk = 200
	for done := 0; done < n; done += chunk {
		raceFor(b, b.waiting(done, min(chunk, n-done)))
	}
	if got := int(b.metric("take_conflicts_total")); got != n {
		t.Errorf("%d conflicts were counted, want %d", got, n)
	}
}

// raceFor has both agents go for all of these, and looks at what came of it.
func raceFor(b *bed, ids []gateway.ID) {
	tries := make([]try, 0, 2*len(ids))
	for _, id := range ids {
		for _, by := range []gateway.Actor{b.ana, b.ben} {
			r := b.r
			if b.other != nil && by.ID == b.ben.ID {
				r = b.other
			}
			tries = append(tries, try{r: r, conversation: id, by: by, reply: rand.IntN(2) == 0})
		}
	}
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range tries {
		all.Go(func() {
			<-begin
			tries[i].run()
		})
	}
	close(begin)
	all.Wait()
	for i := 0; i < len(tries); i += 2 {
		checkRace(b, &tries[i], &tries[i+1])
	}
}

func (y *try) run() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if !y.reply {
		_, y.err = y.r.Act(ctx, y.by, y.conversation, gateway.Action{Kind: gateway.ActTake}, Details{})
		return
	}
	sent, err := y.r.Reply(ctx, y.by, y.conversation, Text{Text: y.by.Name})
	y.message, y.err = sent.Message.ID, err
}

func checkRace(b *bed, one, two *try) {
	b.t.Helper()
	winner, loser := one, two
	if one.err != nil {
		winner, loser = two, one
	}
	if winner.err != nil || loser.err == nil {
		b.t.Errorf("conversation %v: %v and %v", one.conversation, one.err, two.err)
		return
	}
	want := gateway.AlreadyTaken
	if loser.reply {
		want = gateway.OwnedByOther
	}
	var r *gateway.Refusal
	if !errors.As(loser.err, &r) || r.Code != want || r.Owner != winner.by.ID {
		b.t.Errorf("the loser got %v, want %s", loser.err, want)
	}
	if c := b.conversation(winner.conversation); c.Status != gateway.StatusTaken || c.Owner != winner.by.ID || c.Epoch != 2 {
		b.t.Errorf("%s won, and it is %+v", winner.by.Name, c)
	}
	texts := []string{}
	if winner.reply {
		texts = append(texts, "> "+winner.by.Name)
	}
	wantList(b.t, "texts", b.texts(winner.conversation), texts)
	b.acme.checkTaken(b, winner, loser)
}

// checkTaken makes sure that nothing of the loser's reached the carrier.
func (c *fakeCarrier) checkTaken(b *bed, winner, loser *try) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to := b.conversation(loser.conversation).Peer
	for _, s := range c.taken[max(0, len(c.taken)-1000):] {
		if s.To == to && (string(s.Payload) != winner.by.Name || s.Segment.Message() != winner.message) {
			b.t.Errorf("%q was submitted to %v though %s won", s.Payload, to, winner.by.Name)
		}
	}
}
