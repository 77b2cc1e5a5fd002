package main_test

import (
	"slices"
	"time"

	"smsbridge/smpp/smppsim"
)

// within says whether a blow of these kinds fell into a span of time.
func (s *storm) within(from, to time.Time, kinds ...string) bool {
	return slices.ContainsFunc(s.blows, func(b blow) bool {
		return slices.Contains(kinds, b.kind) && !b.to.Before(from) && !b.at.After(to)
	})
}

// grace is how long after an acknowledgement was read, or a submission accepted,
// the daemon may need to record that: milliseconds, but on a machine that is busy.
const grace = 5 * time.Second

var (
	// severing are the blows that take a connection away while texts are delivered.
	severing = []string{"kill", "cut", "outage", "deaf"}
	// doubtful are those that leave it open whether a text has left.
	doubtful = append([]string{"restart", "silent", "late"}, severing...)
)

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
	var all, repeated, swallowed, doubled, wrong int
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
		case n < want && s.within(first.begin, first.acked.Add(grace), severing...) && s.within(first.begin, last.acked, severing...):
			swallowed++
			longest = max(longest, s.sinceAck(first))
		case n > want && s.within(first.begin, last.acked, severing[1:]...):
			doubled++
		default:
			if wrong++; wrong <= 10 {
				s.t.Errorf("%q was delivered %d times and is stored %d times: %v", body, want, n, d.copies)
			}
		}
	}
	for body, n := range stored {
		s.t.Errorf("%q is stored %d times, and was not delivered", body, n)
	}
	s.t.Logf("inbound: %d acknowledged, %d texts of them repeated word for word; %d repetitions taken for redeliveries (a blow at most %v after the first's acknowledgement), %d redeliveries for repetitions; %d wrong",
		all, repeated, swallowed, longest, doubled, wrong)
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
	for _, submits := range s.earlier {
		count(submits, true)
	}
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
		if !s.resend || len(sub.times) > 2 || !s.within(first.Add(-grace), first.Add(grace), doubtful...) {
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
