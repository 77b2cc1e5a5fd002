package router

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"smsbridge/gateway"
)

// selfTestText has what carriers mangle: what lies elsewhere in GSM 7 bit than in
// ASCII and Latin-1, its extension, letters with accents, and a character that
// only UCS-2 has.
const selfTestText = "@£$¥_{}[]~|^€\\ ñ ü 😀"

// Trial is one text of a self-test.
type Trial struct {
	Alphabet string // ucs2, or what data_coding 0 was taken for: gsm7, gsm7-packed, latin1, ascii
	Sent     string
	Answer   string // of the carrier: accepted, or its status
	Came     bool   // it came back
	Text     string // as what it came back, by the configuration
	Whole    bool   // it came back whole, when its octets are read As one alphabet
	As       string
}

const (
	// trialsExpire is for how long a carrier may try to deliver a trial, and
	// keepTrials for how long what comes back of one is recognised.
	trialsExpire = 10 * time.Minute
	keepTrials   = 20 * time.Minute
)

// selfTests are the trials of late, by their marks.
type selfTests struct {
	mu     sync.Mutex
	trials map[string]*trial
	ids    map[gateway.ID]*trial // by what stands for a segment: its results are nobody else's
	until  time.Time             // then they are forgotten
}

type trial struct {
	Trial
	mark string
	from string // both are numbers of ours
	to   string
	done chan struct{} // closed when it has come back, or was refused
	over bool
}

// SelfTest has a carrier send a text, in each alphabet that its data_coding 0 may
// stand for, or that a modem has, to a number of ours, and says how each came back. What comes back is
// taken for no customer's text. It ends when all are back, or with ctx.
func (r *Router) SelfTest(ctx context.Context, carrier, to string) ([]Trial, error) {
	p, err := r.pump(carrier)
	if err != nil {
		return nil, err
	}
	number := gateway.ParseNumber(to, r.region)
	if number.E164 != "" {
		to = number.E164
	}
	if !r.Serves(to) {
		return nil, &gateway.Refusal{Code: gateway.NumberNotOurs, Text: to + " is no number of ours: what is sent there would not come back."}
	}
	if len(p.line.Numbers) == 0 {
		return nil, &gateway.Refusal{Code: gateway.NumberNotOurs, Text: "The carrier has no number of ours to send from."}
	}
	dest := gateway.ClassifyInbound(to, 0, 0, r.region)
	trials := p.trials(p.line.Numbers[0].Value, to)
	batch := make([]gateway.Submission, len(trials))
	for i, t := range trials {
		batch[i] = gateway.Submission{Segment: r.db.NewID(), Attempt: 1, From: p.line.Numbers[0], To: dest, Expires: time.Now().Add(trialsExpire)}
		batch[i].Payload, batch[i].Encoding = p.encodeTrial(t)
	}
	r.tests.begin(trials, batch)
	taken := p.give(ctx, batch)
	why := cmp.Or(p.stuck(), notTaken)
	for _, t := range trials[taken:] {
		r.tests.finish(t, func() { t.Answer = why })
	}
	ctx, cancel := context.WithTimeout(ctx, trialsExpire)
	defer cancel()
	for _, t := range trials {
		select {
		case <-t.done:
		case <-ctx.Done():
		}
	}
	r.tests.mu.Lock()
	defer r.tests.mu.Unlock()
	results := make([]Trial, len(trials))
	for i, t := range trials {
		results[i] = t.Trial
	}
	return results, nil
}

const (
	// notTaken answers a trial that the carrier did not take.
	notTaken = "not connected, or busy: try again"
	// tryRoom is how often a carrier without room for a trial is tried again.
	tryRoom = 250 * time.Millisecond
)

// give has the carrier take a batch, and waits for room while it is up, until ctx
// ends: a modem takes one or two at a time, as the limits of its SIM allow.
func (p *pump) give(ctx context.Context, batch []gateway.Submission) (taken int) {
	again := time.NewTicker(tryRoom)
	defer again.Stop()
	for {
		taken += p.line.Carrier.Submit(batch[taken:])
		if taken == len(batch) || p.state.Load().state != gateway.CarrierUp || p.stuck() != "" {
			return taken
		}
		select {
		case <-ctx.Done():
			return taken
		case <-again.C:
		}
	}
}

// stuck says why it sends nothing for longer than anybody waits; "" if it does.
func (p *pump) stuck() string {
	if p.line.Status == nil {
		return ""
	}
	if s := p.line.Status(); s.Stuck {
		return s.Note
	}
	return ""
}

// trials are one text in UCS-2, and one in each alphabet of which it has what
// that has. A modem is told which alphabet it is, and has two.
func (p *pump) trials(from, to string) []*trial {
	alphabets := []string{"ucs2", "gsm7", "latin1", "ascii", "gsm7-packed"}
	if p.line.Kind == "gsm" {
		alphabets = []string{"gsm7", "ucs2"}
	}
	var all []*trial
	for _, alphabet := range alphabets {
		if alphabet == "gsm7-packed" && p.line.Pack == nil {
			continue
		}
		// Digits and capitals are the same in all of these.
		mark := "TEST" + strings.ToUpper(rand.Text()[:8])
		t := &trial{mark: mark, from: from, to: to, done: make(chan struct{})}
		t.Alphabet, t.Sent = alphabet, mark+" "+representable(selfTestText, alphabet)
		all = append(all, t)
	}
	return all
}

// representable leaves out what an alphabet does not have.
func representable(text, alphabet string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		ok := true
		switch alphabet {
		case "gsm7", "gsm7-packed":
			ok = r < 0x10000
		case "latin1":
			ok = r < 0x100
		case "ascii":
			ok = r < 0x80
		}
		if !ok {
			return -1
		}
		return r
	}, text))
}

// encodeTrial makes octets that the carrier passes on as they are, as data_coding
// 0, but for UCS-2.
func (p *pump) encodeTrial(t *trial) ([]byte, gateway.Encoding) {
	format := gateway.Format{}
	switch t.Alphabet {
	case "latin1":
		format.Alphabet = gateway.AlphabetLatin1
	case "ascii":
		format.Alphabet = gateway.AlphabetASCII
	}
	parts, encoding, err := gateway.Split(t.Sent, format, 0)
	if err != nil || len(parts) != 1 {
		panic(fmt.Sprintf("self-test %q in %s: %v", t.Sent, t.Alphabet, err)) // the text is our own
	}
	switch {
	case encoding == gateway.EncodingUCS2, p.line.Kind == "gsm":
		return parts[0].Payload, encoding
	case t.Alphabet == "gsm7-packed":
		return p.line.Pack(parts[0].Payload), gateway.EncodingLatin1
	}
	return parts[0].Payload, gateway.EncodingLatin1
}

func (s *selfTests) begin(trials []*trial, batch []gateway.Submission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	if s.trials == nil {
		s.trials, s.ids = map[string]*trial{}, map[gateway.ID]*trial{}
	}
	s.until = time.Now().Add(keepTrials)
	for i, t := range trials {
		s.trials[t.mark], s.ids[batch[i].Segment] = t, t
	}
}

// forget drops the trials when their time is over. s.mu is held.
func (s *selfTests) forget() {
	if len(s.trials) > 0 && time.Now().After(s.until) {
		s.trials, s.ids = nil, nil
	}
}

func (s *selfTests) finish(t *trial, how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.over {
		return
	}
	how()
	t.over = true
	close(t.done)
}

// result takes what became of a trial's submission; false if it is none.
func (s *selfTests) result(report *gateway.Report) bool {
	s.mu.Lock()
	t := s.ids[report.Segment]
	if t != nil {
		t.Answer = outcomes[report.Outcome]
		if report.Code != "" {
			t.Answer = report.Code
		}
	}
	s.mu.Unlock()
	if t != nil && report.Outcome != gateway.OutcomeAccepted {
		s.finish(t, func() {})
	}
	return t != nil
}

// readings are the alphabets in which a text that comes back may be.
var readings = []struct {
	name   string
	coding gateway.Coding
}{{"gsm7", gateway.CodingGSM7}, {"latin1", gateway.CodingLatin1}, {"ucs2", gateway.CodingUCS2}}

// text takes a trial that came back; false if it is none.
func (s *selfTests) text(p *pump, in *gateway.Inbound) bool {
	s.mu.Lock()
	s.forget()
	any := len(s.trials) > 0
	s.mu.Unlock()
	if !any || in.Fragment != nil {
		return false
	}
	read := map[string]string{}
	for _, r := range readings {
		if in.Coding == gateway.CodingUCS2 && r.name != "ucs2" {
			continue
		}
		if text, _, err := gateway.Decode(r.coding, in.Shift, in.Payload); err == nil {
			read[r.name] = text
		}
	}
	if p.line.Unpack != nil && in.Coding != gateway.CodingUCS2 {
		if text, _, err := gateway.Decode(gateway.CodingGSM7, in.Shift, p.line.Unpack(in.Payload)); err == nil {
			read["gsm7-packed"] = text
		}
	}
	t := s.find(in, read)
	if t == nil {
		return false
	}
	s.finish(t, func() {
		t.Came = true
		t.Text, _, _ = gateway.Decode(in.Coding, in.Shift, in.Payload)
		names := []string{t.Alphabet, "gsm7", "latin1", "ucs2", "gsm7-packed"}
		if i := slices.IndexFunc(names, func(n string) bool { return read[n] == t.Sent }); i >= 0 {
			t.Whole, t.As = true, names[i]
		}
	})
	return true
}

// find looks for a trial's mark in any reading. Packed septets that were taken for
// something else are beyond recognition: that is what is left.
func (s *selfTests) find(in *gateway.Inbound, read map[string]string) (packed *trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for mark, t := range s.trials {
		if t.Alphabet == "gsm7-packed" && t.from == in.From.Value && t.to == in.To {
			packed = t
		}
		for _, text := range read {
			if strings.Contains(text, mark) {
				return t
			}
		}
	}
	return packed
}
