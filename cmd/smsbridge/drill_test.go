package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
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
	pace    rate.Limit // of the load: 1 is 180 texts a second, both directions together
	script  smppsim.Script
	address string
	smsc    atomic.Pointer[smppsim.SMSC]
	// running is held for reading while a text is delivered: this SMSC forgets
	// what it is owed an answer for when it restarts, and real ones do not.
	running sync.RWMutex

	mu       sync.Mutex
	inbound  map[string]*delivered // by text
	outbound map[string]string     // accepted: text by id
	earlier  [][]smppsim.Submit    // of SMSCs that have been restarted
	past     []smppsim.Stats       // of the same
	blows    []blow
}

// delivered is a text that the SMSC has delivered, once or deliberately twice.
type delivered struct{ copies []span }

// span is from the first try until the acknowledgement was read.
type span struct{ begin, acked time.Time }

// blow is what was done to the daemon or its connections, and when. What lasted has
// an end.
type blow struct {
	kind   string // kill, cut, restart of the SMSC; a soak has others
	at, to time.Time
}

// stormSize says how long a storm lasts: until it has had so many of each.
type stormSize struct{ kills, repeated int }

// newStorm starts both sides; more is options of the account.
func newStorm(t testing.TB, uncertain string, pace rate.Limit, script smppsim.Script, more string) *storm {
	s := &storm{t: t, resend: uncertain == "resend", pace: pace, script: script, inbound: map[string]*delivered{}, outbound: map[string]string{}}
	s.startSMSC("")
	t.Cleanup(func() { s.smsc.Load().Close() })
	s.address = s.smsc.Load().Addr()
	s.d = newDaemon(t, smppCarrier(s.address, "    on_uncertain: "+uncertain+"\n", "      response_timeout: 3s\n"+more))
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
		Script: s.script,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.smsc.Store(smsc)
}

// calmScript is that of an SMSC which is not scripted otherwise.
var calmScript = smppsim.Script{
	Submit:  smppsim.SubmitScript{Jitter: 10 * time.Millisecond},
	Receipt: smppsim.ReceiptScript{Jitter: 100 * time.Millisecond},
	Deliver: smppsim.DeliverScript{RetryAfter: 50 * time.Millisecond},
}

// rage runs the load until there have been as many blows as wanted, and then
// waits until everything has come to its end.
func (s *storm) rage(size stormSize) {
	repeated, stop := s.load()
	defer stop()
	for kills := 0; (kills < size.kills || repeated.Load() < int64(size.repeated)) && !s.t.Failed(); {
		s.calm(100)
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
	s.settle(2 * patience)
}

// load begins. stop ends it and waits for that; it may be called again.
func (s *storm) load() (repeated *atomic.Int64, stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	repeated = new(atomic.Int64)
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() { s.deliverTexts(ctx, worker, repeated) })
	}
	for worker := range 2 {
		all.Go(func() { s.sendAsProgram(ctx, worker) })
	}
	for _, a := range s.agents {
		all.Go(func() { s.replyAsAgent(ctx, a) })
	}
	return repeated, func() { cancel(); all.Wait() }
}

// settle waits until everything has come to its end, where no text was lost.
func (s *storm) settle(limit time.Duration) {
	s.t.Helper()
	if s.t.Failed() {
		s.t.FailNow()
	}
	began, last := time.Now(), ""
	defer func() { s.t.Logf("settled in %v %s", time.Since(began).Round(time.Second), last) }()
	awaitWithin(s.t, limit, "the carrier's queue", func() error {
		var p struct {
			Items []struct {
				State, Note string
				Queued      int
			}
		}
		s.program.must("GET", "/carriers", nil, 200, &p)
		if p.Items[0].State != "up" || p.Items[0].Queued > 0 {
			last = fmt.Sprintf("%+v", p.Items)
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
func (s *storm) calm(most int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	smsc := s.smsc.Load()
	begin, passed := smsc.Stats(), uint64(1+rand.N(most))
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
	at := time.Now()
	s.blows = append(s.blows, blow{kind: kind, at: at, to: at})
	switch kind {
	case "kill":
		s.d.restart()
	case "cut":
		s.smsc.Load().Disconnect()
	case "restart":
		old := s.smsc.Load()
		old.Close()
		s.earlier = append(s.earlier, old.Submits())
		s.past = append(s.past, old.Stats())
		s.startSMSC(s.address)
	}
}

// deliverTexts plays customers. Every third text comes twice, word for word: half
// of those at once, half the one after the other.
func (s *storm) deliverTexts(ctx context.Context, worker int, repeated *atomic.Int64) {
	pace := rate.NewLimiter(25*s.pace, 1)
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
			// Two parts, each unlike those of other texts: this SMSC begins its references
			// anew when it restarts.
			s.deliver(from, fmt.Sprintf("%-180s%s", body, body))
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
	pace := rate.NewLimiter(25*s.pace, 1)
	for n := 0; pace.Wait(ctx) == nil; n++ {
		body := fmt.Sprintf("out program %d-%d", worker, n)
		if n%10 == 0 {
			body = strings.Repeat(body+".", 12) // each part says which text it is of
		}
		s.send(s.program, "/messages", map[string]string{"from": ourNumber, "to": fmt.Sprintf("+1260206%04d", 1000+worker*100+n%(100+4000*worker)), "text": body})
	}
}

func (s *storm) replyAsAgent(ctx context.Context, a *user) {
	pace := rate.NewLimiter(15*s.pace, 1)
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

func TestKill(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, uncertain, 1, calmScript, "")
			s.rage(stormSize{kills: 6})
			s.check()
		})
	}
}
