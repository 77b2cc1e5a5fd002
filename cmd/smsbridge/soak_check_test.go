package main_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"smsbridge/smpp/smppsim"
)

// check compares what each side was promised with what it got, and looks at how
// the daemon fared.
func (s *soak) check() {
	s.storm.check()
	sent := s.sentParts()
	s.checkOrder(sent)
	s.checkDoubles(sent)
	s.checkUnmatched(sent)
	s.checkSteady()
	for line := range strings.Lines(s.d.all.String()) {
		if strings.Contains(line, "level=ERROR") {
			s.t.Errorf("the daemon logged %s", line)
		}
	}
	s.tell()
}

// checkOrder looks at the order within conversations, and at how the parts of long
// texts came: by one connection, with nothing in between, unless a blow fell into
// their way.
func (s *soak) checkOrder(sent []sentPart) {
	first := map[string]int{}
	parts := map[string][]sentPart{}
	for i, p := range sent {
		if _, ok := first[p.key]; !ok {
			first[p.key] = i
		}
		if p.Parts > 1 {
			parts[p.key] = append(parts[p.key], p)
		}
	}
	texts := list[message](s.program, "/messages?direction=out")
	slices.SortFunc(texts, func(a, b message) int { return strings.Compare(a.ID, b.ID) })
	last, wrong, pairs := map[string]message{}, 0, 0
	for _, m := range texts {
		at, ok := first[keyOf(m)]
		if !ok || m.Kind != "text" {
			continue
		}
		before, ok := last[m.ConversationID]
		if ok {
			pairs++
		}
		if ok && first[keyOf(before)] > at {
			if wrong++; wrong <= 10 {
				s.t.Errorf("%q was submitted before %q, which was written before it", m.Text, before.Text)
			}
			continue
		}
		last[m.ConversationID] = m
	}
	apart := 0
	for key, p := range parts {
		from, to := p[0].Time, p[len(p)-1].Time
		together := len(p) == p[0].Parts
		for i := range p {
			together = together && p[i].connection == p[0].connection && p[i].place == p[0].place+i && p[i].number == i+1
		}
		if together {
			continue
		}
		apart++
		if !s.within(from.Add(-grace), to.Add(grace), append([]string{"throttle", "queue-full", "error", "unbind", "term"}, doubtful...)...) {
			s.t.Errorf("the parts of %q came apart: %s", key, describeParts(p))
		}
	}
	s.t.Logf("order: %d successions within conversations, %d wrong; %d long texts, %d came apart by a blow", pairs, wrong, len(parts), apart)
}

func describeParts(parts []sentPart) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "\n%s part %d of %d by connection %s, its submit %d, to %s", p.Time.Format(time.StampMilli), p.number, p.Parts, p.connection, p.place, p.To)
	}
	return b.String()
}

// checkDoubles sees to it that what was submitted twice was uncertain before: its
// trace says so, or the daemon was killed meanwhile.
func (s *soak) checkDoubles(sent []sentPart) {
	times := map[partKey][]time.Time{}
	for _, p := range sent {
		k := partKey{p.key, p.number}
		times[k] = append(times[k], p.Time)
	}
	ids := map[string]string{}
	for _, m := range list[message](s.program, "/messages?direction=out") {
		ids[keyOf(m)] = m.ID
	}
	for k, at := range times {
		if len(at) < 2 {
			continue
		}
		var trace struct {
			Steps []struct {
				What    string
				Segment int
			}
		}
		s.program.must("GET", "/messages/"+ids[k.text]+"/trace", nil, 200, &trace)
		uncertain := false
		for _, step := range trace.Steps {
			uncertain = uncertain || step.What == "uncertain" && step.Segment == k.number
		}
		if !s.resend || len(at) > 2 || !uncertain && !s.within(at[0].Add(-grace), at[1], "kill") {
			s.t.Errorf("part %d of %q was submitted %d times: %v; its trace is %+v", k.number, k.text, len(at), at, trace.Steps)
		}
	}
}

// checkUnmatched bounds the receipts that the daemon could not match: it never
// learns the id of what was accepted when the response was lost, and by the
// destination a receipt is matched only where nothing else can be meant.
func (s *soak) checkUnmatched(sent []sentPart) {
	submits, told := map[partKey]int{}, map[partKey]bool{} // by part; told: an SMSC that still runs has it
	for _, p := range sent {
		k := partKey{p.key, p.number}
		submits[k]++
		told[k] = told[k] || p.generation == len(s.earlier)
	}
	doubles := 0
	for _, n := range submits {
		doubles += n - 1
	}
	got, allowed := 0, 0
	await(s.t, "receipts", func() error { // the daemon looks at those that wait once a second
		texts := list[message](s.program, "/messages?direction=out&tick=unknown")
		unknown, alone := map[string]int{}, 0
		for _, m := range texts {
			unknown[m.To]++
		}
		allowed = doubles
		for _, m := range texts {
			for n := range m.Segments {
				k := partKey{keyOf(m), n + 1}
				allowed += min(1, submits[k])
				if told[k] && unknown[m.To] == 1 && m.Segments == 1 && !s.resend {
					alone++
				}
			}
		}
		allowed *= 2 // of each, two may come
		got, _ = strconv.Atoi(scrape(s.t, s.d)[`smsbridge_receipts_unmatched{carrier="acme"}`])
		if got > allowed || alone > 0 {
			return fmt.Errorf("%d match nothing, want at most %d; %d texts are unknown although nothing else could be meant", got, allowed, alone)
		}
		return nil
	})
	s.t.Logf("%d receipts match nothing; at most %d could not be told apart from others", got, allowed)
}

// grownUp is how long it takes until the heap and the store's cache have the size
// that they keep.
const grownUp = 5 * time.Minute

// checkSteady compares the last third, in medians, with the one before.
func (s *soak) checkSteady() {
	var resident, goroutines [3][]float64
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.samples {
		third := min(2, int(3*x.at/s.length))
		resident[third] = append(resident[third], x.resident)
		goroutines[third] = append(goroutines[third], x.goroutines)
	}
	if s.brief() {
		return
	}
	for i := range resident {
		if len(resident[i]) == 0 {
			s.t.Fatalf("no metrics in third %d", i+1)
		}
		slices.Sort(resident[i])
		slices.Sort(goroutines[i])
	}
	median := func(x []float64) float64 { return x[len(x)/2] }
	if before, after := median(resident[1]), median(resident[2]); after > 1.3*before && s.length >= grownUp {
		s.t.Errorf("memory grows: %.0f MB in the second third, %.0f MB in the last", before/1e6, after/1e6)
	}
	if before, after := median(goroutines[1]), median(goroutines[2]); after > before+5 {
		s.t.Errorf("goroutines grow: %.0f in the second third, %.0f in the last", before, after)
	}
}

// tell prints figures.
func (s *soak) tell() {
	var all smppsim.Stats
	for _, st := range append(slices.Clone(s.past), s.smsc.Load().Stats()) {
		all.Accepted += st.Accepted
		all.InboundAcked += st.InboundAcked
		all.Throttled += st.Throttled
		all.Refused += st.Refused
		all.Silent += st.Silent
		all.Binds += st.Binds
		all.ReceiptsAcked += st.ReceiptsAcked
		all.Redelivered += st.Redelivered
	}
	s.t.Logf("the SMSC: %d segments in, %d out, %d receipts; %d binds, %d throttled, %d refused, %d not answered, %d delivered again",
		all.Accepted, all.InboundAcked, all.ReceiptsAcked, all.Binds, all.Throttled, all.Refused, all.Silent, all.Redelivered)
	var b strings.Builder
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, x := range s.samples {
		if i%3 == 0 {
			fmt.Fprintf(&b, " %v: %.0f MB, %.0f;", x.at.Round(time.Second), x.resident/1e6, x.goroutines)
		}
	}
	s.t.Logf("memory and goroutines:%s", strings.TrimSuffix(b.String(), ";"))
}
