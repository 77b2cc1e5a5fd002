package smppsim

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"smsbridge/smpp"
)

// performance is a Script as one account plays it.
type performance struct {
	Script
	seen     atomic.Uint64 // submits
	oddities atomic.Uint64 // sent
	throttle *rate.Limiter // nil where there is no limit
}

func perform(script Script) *performance {
	p := &performance{Script: script}
	if limit := script.Submit.ThrottleAbove; limit > 0 {
		p.throttle = rate.NewLimiter(rate.Limit(limit), max(1, int(limit)))
	}
	return p
}

// verdict is what becomes of one submit.
type verdict struct {
	status     smpp.Status
	nack       bool
	odd        bool // an oddity comes first
	dropBefore bool
	dropAfter  bool
	unbind     bool
	silent     bool
}

func (p *performance) judge(to string) verdict {
	n := p.seen.Add(1)
	every := func(k int) bool { return k > 0 && n%uint64(k) == 0 }
	v := p.answer(every, to)
	v.odd = every(p.Link.OddityEvery)
	return v
}

func (p *performance) answer(every func(int) bool, to string) verdict {
	s := &p.Submit
	if every(s.DropBefore) {
		return verdict{dropBefore: true}
	}
	if every(s.ThrottleEvery) || p.throttle != nil && !p.throttle.Allow() {
		return verdict{status: smpp.ESME_RTHROTTLED}
	}
	if every(s.NackEvery) {
		return verdict{nack: true, status: smpp.ESME_RINVCMDID}
	}
	if every(s.ErrorEvery) {
		if s.ErrorStatus == smpp.ESME_ROK {
			return verdict{status: smpp.ESME_RSUBMITFAIL}
		}
		return verdict{status: s.ErrorStatus}
	}
	if status, ok := bySuffix(s.ErrorTo, to); ok && status != smpp.ESME_ROK {
		return verdict{status: status}
	}
	return verdict{unbind: every(s.UnbindEvery), dropAfter: every(s.DropAfter), silent: every(s.SilentEvery)}
}

// finalState returns the word of the final receipt, "" for none.
func (p *performance) finalState(to string) string {
	r := &p.Receipt
	if r.StateOf != nil {
		return r.StateOf(to)
	}
	if word, ok := bySuffix(r.StateTo, to); ok {
		return word
	}
	if r.State == "" {
		return "DELIVRD"
	}
	return r.State
}

// receiptID returns the id of message n as receipts write it.
func (p *performance) receiptID(n uint64) string {
	if p.Receipt.ID == IDSame {
		return p.Submit.ID.format(n)
	}
	return p.Receipt.ID.format(n)
}

func jittered(d, jitter time.Duration) time.Duration {
	if jitter > 0 {
		d += rand.N(jitter)
	}
	return d
}
