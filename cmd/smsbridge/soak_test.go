package main_test

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// soak is a storm by a carrier that has bad days: it throttles, refuses for now,
// unbinds, falls silent, answers late. The daemon is restarted in the first third
// only: in the other two one runs, and what it holds is watched.
type soak struct {
	*storm
	length  time.Duration
	begun   time.Time
	mu      sync.Mutex
	samples []sample
}

// sample is what the daemon says of itself at a time.
type sample struct {
	at                   time.Duration // after the begin
	resident, goroutines float64
}

func newSoak(t testing.TB, uncertain string, length time.Duration) *soak {
	script := calmScript
	script.Receipt.Elsewhere = true
	script.Deliver.ResponseTimeout = 10 * time.Second
	if uncertain == "resend" {
		script.Submit.ID, script.Receipt.ID = smppsim.IDHex, smppsim.IDDecimal
	}
	pace := rate.Limit(2)
	if length < brief {
		pace = 1
	}
	s := newStorm(t, uncertain, pace, script, "      binds: 2\n      enquire_link: 500ms\nlog: {texts: none}\n")
	return &soak{storm: s, length: length, begun: time.Now()}
}

// brief is below what there is no time for blows that take the daemon half a minute
// to get over.
const brief = time.Minute

func (s *soak) brief() bool { return s.length < brief }

// kinds are the blows that may come at a time, the more frequent ones several times.
func (s *soak) kinds(at time.Duration) []string {
	kinds := strings.Fields("cut cut cut cut unbind unbind restart restart throttle outage silent late deaf")
	if at < s.length/3 {
		kinds = append(kinds, strings.Fields("term term term kill kill")...)
	}
	if s.brief() {
		// The daemon slows down for a while each time.
		kinds = slices.DeleteFunc(kinds, func(k string) bool { return k == "throttle" && s.smsc.Load().Stats().Throttled > 0 })
	} else if at < s.length*5/6 {
		kinds = append(kinds, "error")
		if rand.N(10) == 0 {
			kinds = append(kinds, "queue-full")
		}
	}
	return kinds
}

// rage runs the load for as long as it is to last, and strikes: once with each kind
// that there is at the time, and then at random.
func (s *soak) rage() {
	ctx, cancel := context.WithCancel(s.t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { s.watch(ctx) })
	defer watching.Wait()
	defer cancel()
	_, stop := s.load()
	defer stop()
	had := map[string]bool{}
	for at := time.Duration(0); at < s.length && !s.t.Failed(); at = time.Since(s.begun) {
		if s.brief() {
			s.calm(100)
		} else {
			s.calm(1000)
		}
		kinds := s.kinds(time.Since(s.begun))
		left := slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return had[k] })
		if len(left) > 0 && rand.N(2) == 0 {
			kinds = left
		}
		kind := kinds[rand.N(len(kinds))]
		had[kind] = true
		s.strike(kind)
	}
	stop()
	if s.brief() {
		s.settle(2 * patience)
	} else {
		s.settle(20 * patience)
	}
}

func (s *soak) strike(kind string) {
	at := time.Now()
	smsc := s.smsc.Load()
	switch kind {
	case "unbind":
		smsc.Unbind()
	case "term":
		if code, _ := s.d.terminate(); code != 0 {
			s.t.Errorf("exit code %d", code)
		}
		s.d.start()
	case "throttle", "queue-full", "error", "outage", "silent", "late", "deaf":
		s.spell(kind)
	default:
		s.storm.strike(kind)
		return
	}
	s.blows = append(s.blows, blow{kind, at, time.Now()})
}

// longestSpell bounds how long the SMSC has one of its days.
const longestSpell = 10 * time.Second

// spell has the SMSC behave in one way until that has been felt, or for long.
func (s *soak) spell(kind string) {
	smsc := s.smsc.Load()
	script, begin, much := s.script, smsc.Stats(), uint64(1+rand.N(20))
	var felt func(smppsim.Stats) bool
	refused := func(now smppsim.Stats) bool { return now.Refused >= begin.Refused+min(much, 5) }
	switch kind {
	case "throttle":
		script.Submit.ThrottleEvery = 1 + rand.N(3)
		felt = func(now smppsim.Stats) bool { return now.Throttled >= begin.Throttled+much }
	case "queue-full":
		script.Submit.ErrorEvery, script.Submit.ErrorStatus, felt = 1, smpp.ESME_RMSGQFUL, refused
	case "error":
		script.Submit.ErrorEvery, script.Submit.ErrorStatus, felt = 1+rand.N(5), smpp.ESME_RSYSERR, refused
	case "outage":
		script.Bind.Status = smpp.ESME_RUNKNOWNERR // after others the daemon waits for long
		felt = func(now smppsim.Stats) bool { return now.BindFailures >= begin.BindFailures+min(much, 5) }
	case "silent":
		script.Submit.SilentEvery = 1 + rand.N(3)
		felt = func(now smppsim.Stats) bool { return now.Silent >= begin.Silent+much }
	case "late": // later than response_timeout
		script.Submit.Delay = 3500 * time.Millisecond
		felt = func(now smppsim.Stats) bool { return now.Accepted >= begin.Accepted+much }
	case "deaf":
		script.Link.Silent = true
		felt = func(now smppsim.Stats) bool { return now.Connections > begin.Connections }
	}
	s.setScript(smsc, script)
	if kind == "outage" {
		smsc.Disconnect()
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), longestSpell)
	defer cancel()
	_, _ = smsc.Await(ctx, felt)
	s.setScript(smsc, s.another())
	if kind == "deaf" {
		smsc.Disconnect() // answers were not heard: what they answer is to be delivered again
	}
}

func (s *soak) setScript(smsc *smppsim.SMSC, script smppsim.Script) {
	s.t.Helper()
	if err := smsc.SetScript(script); err != nil {
		s.t.Fatal(err)
	}
}

// another is the script between spells: receipts come in one way or another.
func (s *soak) another() smppsim.Script {
	script := s.script
	r := &script.Receipt
	switch rand.N(8) {
	case 0:
		r.Early = true
	case 1:
		r.Doubled = true
	case 2:
		r.DataSM = true
	case 3:
		r.UCS2 = true
	case 4:
		r.Payload = true
	case 5:
		r.Form = smppsim.ReceiptTLVs
	}
	return script
}

// watch reads the daemon's metrics now and then.
func (s *soak) watch(ctx context.Context) {
	often := time.NewTicker(max(s.length/45, 100*time.Millisecond))
	defer often.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
		}
		response, err := s.d.client.Get(s.d.address() + "/metrics")
		if err != nil {
			continue // it is away
		}
		values := map[string]float64{}
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), " "); ok {
				values[name], _ = strconv.ParseFloat(value, 64)
			}
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if values["go_goroutines"] == 0 {
			continue
		}
		s.mu.Lock()
		s.samples = append(s.samples, sample{time.Since(s.begun), values["process_resident_memory_bytes"], values["go_goroutines"]})
		s.mu.Unlock()
	}
}

// TestSoak is a small part of TestDrillSoak.
func TestSoak(t *testing.T) {
	t.Parallel()
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			t.Parallel()
			s := newSoak(t, uncertain, 12*time.Second)
			s.rage()
			s.check()
		})
	}
}
