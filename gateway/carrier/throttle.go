package carrier

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	leastRate   = 0.2 // PDUs a second
	minThrottle = time.Second
	maxThrottle = 5 * time.Second
	minQueueFul = 30 * time.Second
	maxQueueFul = 180 * time.Second
	recoverStep = 10 * time.Second // between steps back to what is configured
	recoverPart = 0.05             // of the configured rate, a step
	throttledTo = 5 * time.Minute  // after that somebody should know
	heldFor     = 15 * time.Minute
)

// pace is how fast a carrier may be given PDUs, over all its binds: the
// configured rate and window, or less while it says that this is too much. Times
// are given to it, and it has no lock.
type pace struct {
	rate, fullRate     float64
	window, fullWindow int
	limit              *rate.Limiter

	until     time.Time     // nothing is sent before; zero: it may be
	why       string        // what the carrier said
	throttle  time.Duration // the next pause of ESME_RTHROTTLED
	queueFull time.Duration // the next pause of ESME_RMSGQFUL
	slowed    time.Time     // what was sent before the last time says nothing new
	narrowed  time.Time     // the same of ESME_RMSGQFUL
	recovered time.Time     // the last step, or the end of the last pause
	since     time.Time     // of less than is configured; zero: it is that
	warned    bool

	heldUntil time.Time // zero: not held
	heldWhy   string
	held      time.Time // the last time: as slowed
}

func newPace(perSecond float64, window int) pace {
	p := pace{rate: perSecond, fullRate: perSecond, window: window, fullWindow: window, limit: rate.NewLimiter(rate.Inf, 1),
		throttle: minThrottle, queueFull: minQueueFul}
	if p.limited() {
		p.limit = rate.NewLimiter(rate.Limit(perSecond), burst(perSecond))
	}
	return p
}

// burst of a twentieth of a second keeps timers from deciding the rate.
func burst(perSecond float64) int { return max(1, int(perSecond/20)) }

func (p *pace) limited() bool { return p.fullRate > 0 }

func (p *pace) setRate(now time.Time, perSecond float64) {
	if !p.limited() {
		return
	}
	p.rate = perSecond
	p.limit.SetLimitAt(now, rate.Limit(perSecond))
	p.limit.SetBurstAt(now, burst(perSecond))
}

// open reports whether there is neither a pause nor a hold.
func (p *pace) open() bool { return p.until.IsZero() && p.heldUntil.IsZero() }

// take uses up a token for one PDU, or says how long there will be none.
func (p *pace) take(now time.Time) time.Duration {
	if !p.open() {
		return time.Hour // whoever ends the pause wakes the senders
	}
	if p.limit.AllowN(now, 1) {
		return 0
	}
	missing := 1 - p.limit.TokensAt(now)
	return max(time.Duration(missing/p.rate*float64(time.Second)), time.Microsecond)
}

// slow heeds ESME_RTHROTTLED of what was sent then. It returns by how much this
// makes the pause longer: what was on its way with it says the same once more.
func (p *pace) slow(now, sent time.Time, why string) time.Duration {
	if !sent.After(p.slowed) {
		return 0
	}
	p.slowed = now
	p.setRate(now, max(p.rate/2, min(leastRate, p.fullRate)))
	d := p.throttle
	p.throttle = min(2*d, maxThrottle)
	return p.pause(now, d, why)
}

// narrow heeds ESME_RMSGQFUL, in the same way.
func (p *pace) narrow(now, sent time.Time, why string) time.Duration {
	if !sent.After(p.narrowed) {
		return 0
	}
	p.narrowed = now
	p.window = max(1, p.window/2)
	d := p.queueFull
	p.queueFull = min(2*d, maxQueueFul)
	return p.pause(now, d, why)
}

func (p *pace) pause(now time.Time, d time.Duration, why string) time.Duration {
	if p.since.IsZero() {
		p.since, p.warned = now, false
	}
	until := now.Add(d)
	if !until.After(p.until) {
		return 0
	}
	longer := d
	if !p.until.IsZero() {
		longer = until.Sub(p.until)
	}
	p.until, p.recovered, p.why = until, until, why
	return longer
}

// accepted says that what was sent then was taken.
func (p *pace) accepted(sent time.Time) {
	if p.throttle > minThrottle && sent.After(p.slowed) {
		p.throttle = minThrottle
	}
}

// hold heeds a refusal for lack of credit of what was sent then, and reports
// whether that is new.
func (p *pace) hold(now, sent time.Time, why string) bool {
	if !sent.After(p.held) || !p.heldUntil.IsZero() {
		return false
	}
	p.held, p.heldUntil, p.heldWhy = now, now.Add(heldFor), why
	return true
}

// release ends a hold.
func (p *pace) release() {
	p.heldUntil, p.heldWhy = time.Time{}, ""
}

// change is what time has brought about.
type change struct {
	opened bool // a pause or hold has ended, and there is neither any more
	over   bool // all is as configured again
	long   bool // it has been otherwise for long
}

// advance does what is due.
func (p *pace) advance(now time.Time) (ch change) {
	wasOpen := p.open()
	if !p.heldUntil.IsZero() && !now.Before(p.heldUntil) {
		p.release()
	}
	if !p.until.IsZero() && !now.Before(p.until) {
		p.until = time.Time{}
	}
	ch.opened = !wasOpen && p.open()
	if p.since.IsZero() {
		return ch
	}
	for p.until.IsZero() && !now.Before(p.recovered.Add(recoverStep)) && !p.whole() {
		p.recovered = p.recovered.Add(recoverStep)
		if p.window < p.fullWindow {
			p.window++
		}
		if p.rate < p.fullRate {
			p.setRate(now, min(p.rate+recoverPart*p.fullRate, p.fullRate))
		}
	}
	if p.until.IsZero() && p.whole() {
		p.since, p.why, p.throttle, p.queueFull = time.Time{}, "", minThrottle, minQueueFul
		ch.over = true
	} else if !p.warned && now.Sub(p.since) >= throttledTo {
		p.warned, ch.long = true, true
	}
	return ch
}

// whole reports whether rate and window are as configured.
func (p *pace) whole() bool { return p.window == p.fullWindow && p.rate >= p.fullRate }

// next is when advance has something to do, at most that long after now.
func (p *pace) next(now time.Time, most time.Duration) time.Duration {
	d := most
	soon := func(t time.Time) {
		if !t.IsZero() {
			d = min(d, max(t.Sub(now), time.Millisecond))
		}
	}
	soon(p.until)
	soon(p.heldUntil)
	if !p.since.IsZero() {
		if p.until.IsZero() {
			soon(p.recovered.Add(recoverStep))
		}
		if !p.warned {
			soon(p.since.Add(throttledTo))
		}
	}
	return d
}
