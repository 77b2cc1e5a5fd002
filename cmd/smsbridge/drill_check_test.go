package main_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"smsbridge/smpp"
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
				s.t.Errorf("%q was delivered %d times and is stored %d times: %s", body, want, n, s.describe(d.copies))
			}
		}
	}
	for body, n := range stored {
		if s.isGhost(body) {
			doubled++
			continue
		}
		s.t.Errorf("%q is stored %d times, and was not delivered", body, n)
	}
	s.t.Logf("inbound: %d acknowledged, %d texts of them repeated word for word; %d repetitions taken for redeliveries (a blow at most %v after the first's acknowledgement), %d redeliveries for repetitions; %d wrong",
		all, repeated, swallowed, longest, doubled, wrong)
}

// isGhost says whether a text of which a part is missing is a part that was
// delivered again for want of its acknowledgement, after its text was whole.
func (s *storm) isGhost(body string) bool {
	there := strings.TrimSpace(strings.ReplaceAll(body, "[…]", ""))
	for whole, d := range s.inbound {
		if strings.Contains(body, "[…]") && (strings.HasPrefix(whole, there+" ") || strings.HasSuffix(whole, " "+there)) {
			return s.within(d.copies[0].begin, d.copies[len(d.copies)-1].acked, severing[1:]...)
		}
	}
	return false
}

// describe tells when copies came, and which blows fell a second around them.
func (s *storm) describe(copies []span) string {
	var b strings.Builder
	first, last := copies[0].begin, copies[len(copies)-1].acked
	for _, c := range copies {
		fmt.Fprintf(&b, "from %v to %v; ", c.begin.Sub(first), c.acked.Sub(first))
	}
	for _, x := range s.blows {
		if x.to.After(first.Add(-time.Second)) && x.at.Before(last.Add(time.Second)) {
			fmt.Fprintf(&b, "%s from %v to %v; ", x.kind, x.at.Sub(first), x.to.Sub(first))
		}
	}
	return b.String()
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

// sentPart is a submit, and where it came in the order of its connection.
type sentPart struct {
	smppsim.Submit
	key        string // the beginning of the message's text, which no other has
	number     int    // of the part, from 1
	generation int    // of the SMSC
	connection string
	place      int // among the submits of its connection
}

// partKey names a part of a message by the message's keyOf.
type partKey struct {
	text   string
	number int
}

var longText = regexp.MustCompile(`(out program \d+-\d+)\.`)

// keyOf is sentPart's key of a message.
func keyOf(m message) string {
	key, _, _ := strings.Cut(m.Text, ".")
	return key
}

// sentParts lists what SMSCs have accepted, in this order.
func (s *storm) sentParts() (all []sentPart) {
	s.t.Helper()
	places := map[string]int{}
	for generation, submits := range append(slices.Clone(s.earlier), s.smsc.Load().Submits()) {
		for _, m := range submits {
			content := smpp.ReadContent(&m.PDU, smpp.AlphabetGSM7)
			p := sentPart{Submit: m, key: string(content.Payload), number: 1, generation: generation, connection: fmt.Sprint(generation, "/", m.Connection)}
			if content.Fragment != nil {
				p.number = int(content.Fragment.Number)
				found := longText.FindStringSubmatch(p.key)
				if found == nil {
					s.t.Fatalf("part %d of %d says %q", p.number, m.Parts, p.key)
				}
				p.key = found[1]
			}
			p.place = places[p.connection]
			places[p.connection]++
			all = append(all, p)
		}
	}
	return all
}

// checkOutbound compares what was accepted from clients with what was submitted.
func (s *storm) checkOutbound(sent []sentPart) {
	type submitted struct {
		times     []time.Time
		forgotten bool // by an SMSC that has been restarted, with its receipt
	}
	at := map[partKey]*submitted{}
	for _, p := range sent {
		k := partKey{p.key, p.number}
		if at[k] == nil {
			at[k] = new(submitted)
		}
		at[k].times = append(at[k].times, p.Time)
		at[k].forgotten = at[k].forgotten || p.generation < len(s.earlier)
	}
	ticks, twice := map[string]int{}, 0
	for _, m := range list[message](s.program, "/messages?direction=out") {
		if m.Kind != "text" {
			continue
		}
		if s.outbound[m.ID] != m.Text {
			s.t.Errorf("%q is stored, and was not accepted", m.Text)
		}
		delete(s.outbound, m.ID)
		ticks[m.Tick]++
		parts, forgotten := 0, false
		for n := range m.Segments {
			sub := at[partKey{keyOf(m), n + 1}]
			if sub == nil {
				continue
			}
			parts++
			forgotten = forgotten || sub.forgotten
			if len(sub.times) < 2 {
				continue
			}
			twice++
			first := sub.times[0]
			if !s.resend || len(sub.times) > 2 || !s.within(first.Add(-grace), first.Add(grace), doubtful...) {
				s.t.Errorf("part %d of %q was submitted %d times", n+1, m.Text, len(sub.times))
			}
		}
		switch {
		case m.Tick == "delivered" && parts == m.Segments:
		case m.Tick == "sent" && forgotten:
		case m.Tick == "unknown" && m.Error != nil && m.Error.Code == "uncertain":
		default:
			s.t.Errorf("%q: %s, %+v, %d of %d parts submitted", m.Text, m.Tick, m.Error, parts, m.Segments)
		}
	}
	for _, body := range s.outbound {
		s.t.Errorf("%q was accepted, and is lost", body)
	}
	s.t.Logf("outbound: %v; %d parts submitted twice", ticks, twice)
}

func (s *storm) check() {
	kinds := map[string]int{}
	for _, b := range s.blows {
		kinds[b.kind]++
	}
	s.t.Logf("blows: %v in %v", kinds, s.blows[len(s.blows)-1].at.Sub(s.blows[0].at).Round(time.Second))
	s.checkInbound()
	s.checkOutbound(s.sentParts())
}
