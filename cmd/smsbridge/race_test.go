package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// Two agents want each of many conversations at the same instant, by taking it,
// by answering at once, or one by each.
func TestRace(t *testing.T) {
	t.Parallel()
	raceForConversations(t, 300)
}

// contest is two agents' race for one conversation.
type contest struct {
	id, peer string
	winner   string // whose first request was accepted
}

func raceForConversations(t *testing.T, n int) {
	smsc, err := smppsim.Start(t.Context(), smppsim.Options{Record: 2 * n, Accounts: map[string]smppsim.Account{"us": {Password: "secret"}},
		Script: smppsim.Script{Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	d := newDaemon(t, strings.Replace(smppCarrier(smsc.Addr(), "", "      window: 100\n"), "1000/s", "10000/s", 1))
	ana, ben, olga := d.person("Ana", "101", "agent"), d.person("Ben", "102", "agent"), d.person("Olga", "301", "owner")
	d.start()
	for _, u := range []*user{ana, ben, olga} {
		u.signIn()
	}
	customersWrite(t, smsc, n)
	waiting := list[conversation](olga, "/conversations?view=waiting")
	if len(waiting) != n {
		t.Fatalf("%d conversations wait, want %d", len(waiting), n)
	}

	contests := make([]contest, n)
	next := make(chan int)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range next {
				contests[i] = contest{id: waiting[i].ID, peer: waiting[i].Peer}
				contests[i].run(t, i, ana, ben)
			}
		})
	}
	for i := range contests {
		next <- i
	}
	close(next)
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	checkContests(t, smsc, olga, contests)
}

func customersWrite(t *testing.T, smsc *smppsim.SMSC, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience+time.Duration(n)*10*time.Millisecond)
	defer cancel()
	next := make(chan int)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for i := range next {
				if status, err := smsc.Deliver(ctx, fmt.Sprintf("+126020%05d", 10000+i), ourNumber, "Is anybody there?"); err != nil || status != smpp.ESME_ROK {
					t.Errorf("deliver_sm: %v %v", status, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// run has both agents begin at once. Who loses tries to answer all the same.
func (c *contest) run(t *testing.T, i int, agents ...*user) {
	begin := make(chan struct{})
	won := make([]bool, len(agents))
	var all sync.WaitGroup
	for k, u := range agents {
		takes := i%4 == 0 || i%4 == k+1 // both, one of them, or neither: 0, 1, 2, 3
		all.Go(func() {
			<-begin
			won[k] = !takes || c.attempt(t, u, "/take", nil, 200, "already_taken")
			answered := c.attempt(t, u, "/messages", map[string]string{"text": u.name + " answers."}, 202, "owned_by_other")
			if takes && answered != won[k] {
				t.Errorf("%s: took it: %v, and could answer: %v", u.name, won[k], answered)
			}
			won[k] = answered
		})
	}
	close(begin)
	all.Wait()
	for k, u := range agents {
		if won[k] && c.winner != "" {
			t.Errorf("both %s and %s have %s", c.winner, u.name, c.peer)
		}
		if won[k] {
			c.winner = u.name
		}
	}
	if c.winner == "" {
		t.Errorf("nobody has %s", c.peer)
	}
}

// attempt says whether a request was accepted. It is refused in one way only.
func (c *contest) attempt(t *testing.T, u *user, path string, body any, want int, refusal string) bool {
	status, answer, err := u.try(t.Context(), "POST", "/conversations/"+c.id+path, body)
	if err == nil && status == want {
		return true
	}
	var p problem
	if err != nil || status != 409 || json.Unmarshal(answer, &p) != nil || p.Code != refusal || p.Owner == nil || p.Owner.Name == u.name {
		t.Errorf("%s: %s: %d %s %v, want %d, or 409 %s with the other's name", u.name, path, status, answer, err, want, refusal)
	}
	return false
}

// checkContests compares who won with who owns, and with what was submitted.
func checkContests(t *testing.T, smsc *smppsim.SMSC, olga *user, contests []contest) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if stats, err := smsc.Await(ctx, func(s smppsim.Stats) bool { return s.Messages >= uint64(len(contests)) }); err != nil {
		t.Fatalf("%d texts were submitted, want %d", stats.Messages, len(contests))
	}
	owners, wins := map[string]string{}, map[string]int{}
	for _, c := range list[conversation](olga, "/conversations?view=all") {
		if c.Owner != nil {
			owners[c.ID] = c.Owner.Name
		}
	}
	submitted := map[string][]string{}
	for _, m := range smsc.Messages() {
		submitted[m.To] = append(submitted[m.To], m.Text)
	}
	for _, c := range contests {
		wins[c.winner]++
		if owners[c.id] != c.winner {
			t.Errorf("%s: %s answered, and %q owns it", c.peer, c.winner, owners[c.id])
		}
		if got := submitted[c.peer]; len(got) != 1 || got[0] != c.winner+" answers." {
			t.Errorf("%s was sent %q, want %s's answer alone", c.peer, got, c.winner)
		}
	}
	t.Logf("%d conversations: %v", len(contests), wins)
}
