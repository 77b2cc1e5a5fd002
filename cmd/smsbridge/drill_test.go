package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// storm is a load in both directions on a daemon that is killed, on an SMSC that
// is restarted and on connections that are cut, and the memory of what each side
// was promised. The SMSC is in the test's process, and outlives the daemon.
type storm struct {
	t       testing.TB
	d       *daemon
	program *user
	agents  []*user
	resend  bool
	address string
	smsc    atomic.Pointer[smppsim.SMSC]
	// running is held for reading while a text is delivered: this SMSC forgets
	// what it is owed an answer for when it restarts, and real ones do not.
	running sync.RWMutex

	mu       sync.Mutex
	inbound  map[string]*delivered // by text
	outbound map[string]string     // accepted: text by id
	submits  []smppsim.Submit      // of SMSCs that have been restarted
	blows    []blow
}

// delivered is a text that the SMSC has delivered, once or deliberately twice.
type delivered struct{ copies []span }

// span is from the first try until the acknowledgement was read.
type span struct{ begin, acked time.Time }

// blow is what was done to the daemon or its connections, and when.
type blow struct {
	kind string // kill, cut, restart of the SMSC
	at   time.Time
}

// stormSize says how long a storm lasts: until it has had so many of each.
type stormSize struct{ kills, repeated int }

func newStorm(t testing.TB, uncertain string) *storm {
	s := &storm{t: t, resend: uncertain == "resend", inbound: map[string]*delivered{}, outbound: map[string]string{}}
	s.startSMSC("")
	t.Cleanup(func() { s.smsc.Load().Close() })
	s.address = s.smsc.Load().Addr()
	s.d = newDaemon(t, smppCarrier(s.address, "    on_uncertain: "+uncertain+"\n", "      response_timeout: 1s\n"))
	s.agents = []*user{s.d.person("Ana", "101", "agent"), s.d.person("Ben", "102", "agent")}
	s.program = s.d.token("load", "messages:send,messages:read,carriers:read")
	s.d.start()
	for _, a := range s.agents {
		a.signIn()
	}
	return s
}

func (s *storm) startSMSC(address string) {
	smsc, err := smppsim.Start(context.WithoutCancel(s.t.Context()), smppsim.Options{
		Listen: address, Record: 1 << 20, Accounts: map[string]smppsim.Account{"us": {Password: "secret"}},
		Script: smppsim.Script{
			Submit:  smppsim.SubmitScript{Jitter: 10 * time.Millisecond},
			Receipt: smppsim.ReceiptScript{Jitter: 100 * time.Millisecond},
			Deliver: smppsim.DeliverScript{RetryAfter: 50 * time.Millisecond},
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.smsc.Store(smsc)
}

// rage runs the load until there have been as many blows as wanted, and then
// waits until everything has come to its end.
func (s *storm) rage(size stormSize) {
	loading, stop := context.WithCancel(s.t.Context())
	defer stop()
	var repeated atomic.Int64
	var load sync.WaitGroup
	for worker := range 4 {
		load.Go(func() { s.deliverTexts(loading, worker, &repeated) })
	}
	for worker := range 2 {
		load.Go(func() { s.sendAsProgram(loading, worker) })
	}
	for _, a := range s.agents {
		load.Go(func() { s.replyAsAgent(loading, a) })
	}
	for kills := 0; (kills < size.kills || repeated.Load() < int64(size.repeated)) && !s.t.Failed(); {
		s.calm()
		kind := []string{"kill", "kill", "kill", "kill", "kill", "cut", "restart"}[rand.N(7)]
		if kind != "kill" && kills == 0 {
			continue
		}
		if kind == "kill" {
			kills++
		}
		s.strike(kind)
	}
	stop()
	load.Wait()
	if s.t.Failed() {
		s.t.FailNow()
	}
	awaitWithin(s.t, 2*patience, "the carrier's queue", func() error {
		var p struct {
			Items []struct {
				State  string
				Queued int
			}
		}
		s.program.must("GET", "/carriers", nil, 200, &p)
		if p.Items[0].State != "up" || p.Items[0].Queued > 0 {
			return fmt.Errorf("%+v", p.Items)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	if stats, err := s.smsc.Load().Await(ctx, func(st smppsim.Stats) bool { return st.Owed == 0 }); err != nil {
		s.t.Fatalf("the SMSC is still owed answers: %+v", stats)
	}
}

// calm lasts until a random amount of traffic has passed, and a moment more, so
// that the blow falls anywhere.
func (s *storm) calm() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	smsc := s.smsc.Load()
	begin, passed := smsc.Stats(), uint64(1+rand.N(100))
	if _, err := smsc.Await(ctx, func(st smppsim.Stats) bool {
		return st.Accepted+st.InboundAcked >= begin.Accepted+begin.InboundAcked+passed
	}); err != nil {
		s.t.Fatalf("no traffic: %v", err)
	}
	<-time.After(rand.N(5 * time.Millisecond))
}

func (s *storm) strike(kind string) {
	if kind == "restart" {
		s.running.Lock()
		defer s.running.Unlock()
	}
	s.mu.Lock()
	s.blows = append(s.blows, blow{kind, time.Now()})
	s.mu.Unlock()
	switch kind {
	case "kill":
		s.d.restart()
	case "cut":
		s.smsc.Load().Disconnect()
	case "restart":
		old := s.smsc.Load()
		old.Close()
		s.submits = append(s.submits, old.Submits()...)
		s.startSMSC(s.address)
	}
}

// deliverTexts plays customers. Every third text comes twice, word for word: half
// of those at once, half the one after the other.
func (s *storm) deliverTexts(ctx context.Context, worker int, repeated *atomic.Int64) {
	pace := rate.NewLimiter(25, 1)
	for n := 0; pace.Wait(ctx) == nil; n++ {
		from, body := fmt.Sprintf("+1260205%04d", 1000+worker*25+n%25), fmt.Sprintf("in %d-%d", worker, n)
		switch n % 6 {
		case 0:
			var both sync.WaitGroup
			both.Go(func() { s.deliver(from, body) })
			both.Go(func() { s.deliver(from, body) })
			both.Wait()
			repeated.Add(1)
		case 3:
			s.deliver(from, body)
			s.deliver(from, body)
			repeated.Add(1)
		case 5:
			s.deliver(from, fmt.Sprintf("%-200s.", body)) // two parts
		default:
			s.deliver(from, body)
		}
	}
}

// deliver returns when the daemon has acknowledged.
func (s *storm) deliver(from, body string) {
	s.running.RLock()
	defer s.running.RUnlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 2*patience)
	defer cancel()
	begin := time.Now()
	status, err := s.smsc.Load().Deliver(ctx, from, ourNumber, body)
	if err != nil || status != smpp.ESME_ROK {
		s.t.Errorf("deliver_sm %q: %v %v", body, status, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inbound[body] == nil {
		s.inbound[body] = new(delivered)
	}
	s.inbound[body].copies = append(s.inbound[body].copies, span{begin, time.Now()})
}

func (s *storm) sendAsProgram(ctx context.Context, worker int) {
	pace := rate.NewLimiter(25, 1)
	for n := 0; pace.Wait(ctx) == nil; n++ {
		body := fmt.Sprintf("out program %d-%d", worker, n)
		if n%10 == 0 {
			body = fmt.Sprintf("%-200s.", body)
		}
		s.send(s.program, "/messages", map[string]string{"from": ourNumber, "to": fmt.Sprintf("+1260206%04d", 1000+worker*100+n%100), "text": body})
	}
}

func (s *storm) replyAsAgent(ctx context.Context, a *user) {
	pace := rate.NewLimiter(15, 1)
	for n := 0; pace.Wait(ctx) == nil; n++ {
		status, answer, err := a.try(ctx, "GET", "/conversations?limit=50", nil)
		var seen page[conversation]
		if err != nil || status != 200 || json.Unmarshal(answer, &seen) != nil || len(seen.Items) == 0 {
			continue // the daemon is away
		}
		c := seen.Items[rand.N(len(seen.Items))]
		s.send(a, "/conversations/"+c.ID+"/messages", map[string]string{"text": fmt.Sprintf("out %s %d", a.name, n)})
	}
}

// send repeats a request with its key until the daemon has answered it.
func (s *storm) send(from *user, path string, body map[string]string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 2*patience)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		status, answer, err := from.try(ctx, "POST", path, body, "Idempotency-Key", body["text"])
		var m message
		switch {
		case err != nil || status == 503:
			select {
			case <-retry.C:
				continue
			case <-ctx.Done():
				s.t.Errorf("%s: POST %s: %v", from.name, path, err)
				return
			}
		case status == 202 && json.Unmarshal(answer, &m) == nil:
			s.mu.Lock()
			s.outbound[m.ID] = body["text"]
			s.mu.Unlock()
			return
		case status == 404 || status == 409: // the other agent was faster
			return
		default:
			s.t.Errorf("%s: POST %s: %d %s", from.name, path, status, answer)
			return
		}
	}
}

// within says whether there was a blow of these kinds in a span of time.
func (s *storm) within(from, to time.Time, kinds ...string) bool {
	return slices.ContainsFunc(s.blows, func(b blow) bool {
		return slices.Contains(kinds, b.kind) && !b.at.Before(from) && !b.at.After(to)
	})
}

// grace is how long after an acknowledgement was read, or a submission accepted,
// the daemon may need to record that: milliseconds, but on a machine that is busy.
const grace = time.Second

// checkInbound compares what the SMSC was acknowledged with what is stored. Two
// things cannot be told apart by anybody, and are allowed where a blow says so:
//
//   - A text is repeated word for word, on a later session, and the daemon was
//     killed after it had committed the first copy and before it had recorded that
//     the acknowledgement was written: the second copy counts as a redelivery.
//   - A connection was cut after the acknowledgement was written and before the
//     SMSC had read it: what it delivers again counts as a repetition.
func (s *storm) checkInbound() {
	stored := map[string]int{}
	for _, m := range list[message](s.program, "/messages?direction=in") {
		stored[m.Text]++
	}
	var all, repeated, swallowed, doubled int
	var longest time.Duration // from an acknowledgement to the blow that hid it
	for body, d := range s.inbound {
		all += len(d.copies)
		n, want := stored[body], len(d.copies)
		delete(stored, body)
		if want > 1 {
			repeated++
		}
		slices.SortFunc(d.copies, func(a, b span) int { return a.acked.Compare(b.acked) })
		first, last := d.copies[0], d.copies[want-1]
		switch {
		case n == want:
		case n == 0:
			s.t.Errorf("%q was acknowledged, and is lost", body)
		case n < want && s.within(first.begin, first.acked.Add(grace), "kill", "cut") && s.within(first.begin, last.acked, "kill", "cut"):
			swallowed++
			longest = max(longest, s.sinceAck(first))
		case n > want && s.within(first.begin, last.acked, "cut"):
			doubled++
		default:
			s.t.Errorf("%q was delivered %d times and is stored %d times: %v", body, want, n, d.copies)
		}
	}
	for body, n := range stored {
		s.t.Errorf("%q is stored %d times, and was not delivered", body, n)
	}
	s.t.Logf("inbound: %d acknowledged, %d texts of them repeated word for word; %d repetitions taken for redeliveries (a blow at most %v after the first's acknowledgement), %d redeliveries for repetitions",
		all, repeated, swallowed, longest, doubled)
}

// sinceAck is from a copy's acknowledgement to the blow that followed, or zero if
// one came before.
func (s *storm) sinceAck(first span) time.Duration {
	for _, b := range s.blows {
		if b.kind != "restart" && b.at.After(first.begin) {
			return max(0, b.at.Sub(first.acked))
		}
	}
	return 0
}

// checkOutbound compares what was accepted from clients with what was submitted.
func (s *storm) checkOutbound() {
	type submitted struct {
		times     []time.Time
		forgotten bool // by an SMSC that has been restarted, with its receipt
	}
	at := map[string]*submitted{}
	count := func(submits []smppsim.Submit, forgotten bool) {
		for _, m := range submits {
			if m.Text == "" {
				continue // a part before the last
			}
			if at[m.Text] == nil {
				at[m.Text] = new(submitted)
			}
			at[m.Text].times = append(at[m.Text].times, m.Time)
			at[m.Text].forgotten = at[m.Text].forgotten || forgotten
		}
	}
	count(s.submits, true)
	count(s.smsc.Load().Submits(), false)
	ticks, twice := map[string]int{}, 0
	for _, m := range list[message](s.program, "/messages?direction=out") {
		if m.Kind != "text" {
			continue
		}
		if s.outbound[m.ID] != m.Text {
			s.t.Errorf("%q is stored, and was not accepted", m.Text)
		}
		delete(s.outbound, m.ID)
		sub := at[m.Text]
		if sub == nil {
			sub = new(submitted)
		}
		ticks[m.Tick]++
		switch {
		case m.Tick == "delivered" && len(sub.times) > 0:
		case m.Tick == "sent" && sub.forgotten:
		case m.Tick == "unknown" && m.Error != nil && m.Error.Code == "uncertain":
		default:
			s.t.Errorf("%q: %s, %+v, submitted %d times", m.Text, m.Tick, m.Error, len(sub.times))
		}
		if len(sub.times) < 2 {
			continue
		}
		twice++
		slices.SortFunc(sub.times, time.Time.Compare)
		first := sub.times[0]
		if !s.resend || len(sub.times) > 2 || !s.within(first.Add(-grace), first.Add(grace), "kill", "cut", "restart") {
			s.t.Errorf("%q was submitted %d times", m.Text, len(sub.times))
		}
	}
	for _, body := range s.outbound {
		s.t.Errorf("%q was accepted, and is lost", body)
	}
	s.t.Logf("outbound: %v; %d submitted twice", ticks, twice)
}

func (s *storm) check() {
	kinds := map[string]int{}
	for _, b := range s.blows {
		kinds[b.kind]++
	}
	s.t.Logf("blows: %v in %v", kinds, s.blows[len(s.blows)-1].at.Sub(s.blows[0].at).Round(time.Second))
	s.checkInbound()
	s.checkOutbound()
}

func TestKill(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, uncertain)
			s.rage(stormSize{kills: 6})
			s.check()
		})
	}
}
