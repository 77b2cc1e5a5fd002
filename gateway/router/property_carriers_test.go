package router

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"smsbridge/gateway"
)

// fates is what the carriers of an inbox know of its texts.
type fates struct {
	seen map[string]int // carrier -> submissions that were looked at
	// with says which carrier may have a segment: it was given to it, and that has
	// not said that it refuses or never got it.
	with      map[gateway.ID]string
	cancelled map[gateway.ID]bool // certainly never sent
	again     map[gateway.ID]bool // sent again by somebody, and not yet seen so
	ticks     map[gateway.ID]gateway.Tick
	accepted  map[string]string // reference -> carrier
	doubts    []gateway.Submission
	answers   int
}

func newFates(b *bed) fates {
	f := fates{seen: map[string]int{}, with: map[gateway.ID]string{}, cancelled: map[gateway.ID]bool{}, again: map[gateway.ID]bool{},
		ticks: map[gateway.ID]gateway.Tick{}, accepted: map[string]string{}}
	for name, c := range b.carriers() {
		c.mu.Lock()
		f.seen[name] = len(c.taken)
		c.mu.Unlock()
	}
	return f
}

func (b *bed) carriers() map[string]*fakeCarrier {
	return map[string]*fakeCarrier{"acme": b.acme, "beta": b.beta}
}

// clearUp has both carriers take everything.
func (b *bed) clearUp() {
	for busy := true; busy; {
		busy = false
		for _, c := range b.carriers() {
			c.say(gateway.CarrierUp)
			for _, s := range c.holding() {
				busy = true
				c.settle(s, acceptAll(s))
			}
		}
		b.pass(3 * time.Second)
	}
}

// textOf is the rest of a text: of one part, or of two with acme and three with beta.
func textOf(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", strings.Repeat("x", 280)}).Draw(t, "rest")
}

// carrier draws one, and what it holds.
func (in *inbox) carrier(t *rapid.T) (name string, c *fakeCarrier, held []gateway.Submission) {
	in.settle()
	name = rapid.SampledFrom([]string{"acme", "acme", "beta"}).Draw(t, "carrier")
	c = in.carriers()[name]
	return name, c, c.holding()
}

func (in *inbox) carrierAnswers(t *rapid.T) {
	name, c, held := in.carrier(t)
	if len(held) == 0 {
		return
	}
	s := held[rapid.IntRange(0, len(held)-1).Draw(t, "segment")]
	in.answer(name, c, s, gateway.Outcome(rapid.IntRange(int(gateway.OutcomeAccepted), int(gateway.OutcomeUnsent)).Draw(t, "outcome")), rapid.IntRange(0, 2).Draw(t, "limit"))
}

func (in *inbox) answer(name string, c *fakeCarrier, s gateway.Submission, outcome gateway.Outcome, limit int) {
	r := result(s, outcome)
	switch outcome {
	case gateway.OutcomeAccepted:
		in.answers++
		r.Reference = fmt.Sprintf("%s-%d-%d", name, in.base, in.answers)
		in.accepted[r.Reference] = name
	case gateway.OutcomeUncertain:
		in.doubts = append(in.doubts, s)
	case gateway.OutcomeRetry:
		r.Limit, r.RetryAfter = limit, time.Second
		delete(in.with, s.Segment)
	case gateway.OutcomeThrottled:
		r.RetryAfter = time.Second
		delete(in.with, s.Segment)
	default:
		delete(in.with, s.Segment)
	}
	c.settle(s, r)
	in.settle()
}

// carrierReports on something that it accepted, or on something of which nobody
// knew.
func (in *inbox) carrierReports(t *rapid.T) {
	a := &ack{}
	r := receiptReport("", rapid.SampledFrom([]gateway.Tick{gateway.TickSent, gateway.TickDelivered, gateway.TickFailed, gateway.TickUnknown}).Draw(t, "state"), "WORD", a)
	names := slices.Sorted(maps.Keys(in.accepted))
	switch {
	case len(in.doubts) > 0 && rapid.Bool().Draw(t, "adopted"):
		i := rapid.IntRange(0, len(in.doubts)-1).Draw(t, "doubt")
		in.answers++
		r.Receipt.Reference, r.Receipt.Peer = fmt.Sprintf("unknown-%d-%d", in.base, in.answers), in.doubts[i].To
		if rapid.Bool().Draw(t, "by reference") {
			r.Receipt.UserReference = gateway.UserReference(in.doubts[i].Segment)
		}
		in.carriers()[rapid.SampledFrom([]string{"acme", "beta"}).Draw(t, "by")].put(r)
	case len(names) > 0:
		name := rapid.SampledFrom(names).Draw(t, "reference")
		r.Receipt.Reference = name
		in.carriers()[in.accepted[name]].put(r)
	default:
		return
	}
	in.settle()
	a.want(in.t, gateway.AckOK)
}

// carrierComesOrGoes loses its link, and nobody knows what became of what was on
// it, or what was not yet on it was never sent; or it is connected again.
func (in *inbox) carrierComesOrGoes(t *rapid.T) {
	name, c, held := in.carrier(t)
	if state := rapid.SampledFrom([]gateway.CarrierState{gateway.CarrierUp, gateway.CarrierDown, gateway.CarrierHeld}).Draw(t, "state"); state != gateway.CarrierDown {
		c.say(state)
		in.settle()
		return
	}
	outcome := rapid.SampledFrom([]gateway.Outcome{gateway.OutcomeUnsent, gateway.OutcomeUncertain}).Draw(t, "outcome")
	c.say(gateway.CarrierDown)
	for _, s := range held {
		in.answer(name, c, s, outcome, 0)
	}
}

func (in *inbox) timePasses(t *rapid.T) {
	in.pass(time.Duration(rapid.IntRange(1, 4).Draw(t, "seconds")) * time.Second)
}

// oneOfOurs draws a text that was let through.
func (in *inbox) oneOfOurs(t *rapid.T) (gateway.ID, bool) {
	if len(in.sent) == 0 {
		return 0, false
	}
	return rapid.SampledFrom(slices.Sorted(maps.Keys(in.sent))).Draw(t, "message"), true
}

func (in *inbox) somebodyCancels(t *rapid.T) {
	id, ok := in.oneOfOurs(t)
	if !ok {
		return
	}
	before := in.message(id)
	if _, err := in.r.Cancel(in.ctx, in.sue, id); err != nil {
		in.refused(t, err, before.Peer, in.pair(before.Peer))
		return
	}
	in.wantTickOf(t, id, gateway.TickFailed)
	in.cancelled[id] = true
}

func (in *inbox) wantTickOf(t *rapid.T, id gateway.ID, want gateway.Tick) {
	if got := in.message(id).Tick; got != want {
		t.Errorf("%v is %v, want %v", id, got, want)
	}
}

func (in *inbox) somebodySendsAgain(t *rapid.T) {
	id, ok := in.oneOfOurs(t)
	if !ok {
		return
	}
	before := in.message(id)
	segments, err := in.db.SegmentsOf(in.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	in.again[id] = true
	if _, err := in.r.Resend(in.ctx, in.sue, id); err != nil {
		delete(in.again, id)
		in.refused(t, err, before.Peer, in.pair(before.Peer))
		return
	}
	delete(in.cancelled, id)
	for _, s := range segments {
		if !done(s.Tick) {
			delete(in.with, s.ID)
		}
	}
	in.settle()
}

// out tells whether the store takes a segment to be on its way.
func (in *inbox) out(t *rapid.T, id gateway.ID) bool {
	segments, err := in.db.SegmentsOf(in.ctx, id.Message())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(segments, func(s gateway.Segment) bool { return s.ID == id && s.Tick == gateway.TickSending })
}

// checkSubmissions looks at what the carriers were given since the last step: no
// text goes to one that another may have, and none that was called off.
func (in *inbox) checkSubmissions(t *rapid.T) {
	for name, c := range in.carriers() {
		c.mu.Lock()
		fresh := slices.Clone(c.taken[in.seen[name]:])
		c.mu.Unlock()
		in.seen[name] += len(fresh)
		for _, s := range fresh {
			m := s.Segment.Message()
			for i := range gateway.MaxSegments {
				if other := in.with[m.Segment(i)]; other != "" && other != name {
					t.Errorf("segment %d of %v was given to %s, and %s may have segment %d", s.Segment-m, m, name, other, i)
				}
			}
			if in.cancelled[m] {
				t.Errorf("%v was cancelled, and given to %s", m, name)
			}
			in.with[s.Segment] = name
		}
	}
}

// checkTick makes sure that a text's tick moves as the rules say, or back because
// somebody sent it again.
func (in *inbox) checkTick(t *rapid.T, m *gateway.Message) {
	from, seen := in.ticks[m.ID]
	if !seen {
		from = gateway.TickSending
	}
	in.ticks[m.ID] = m.Tick
	if m.Tick == gateway.TickQueued {
		if !in.again[m.ID] {
			t.Errorf("%v went back from %v to queued, and nobody had it sent again", m.ID, from)
		}
		in.ticks[m.ID] = gateway.TickSending
		delete(in.again, m.ID)
		return
	}
	if _, moved := gateway.Advance(from, m.Tick, false); !moved && from != m.Tick {
		t.Errorf("%v went from %v to %v", m.ID, from, m.Tick)
	}
}
