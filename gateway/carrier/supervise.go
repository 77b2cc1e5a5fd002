package carrier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

const (
	// stopTimeout is how long outstanding responses are waited for at the end;
	// unbinding takes another five seconds at most.
	stopTimeout = 15 * time.Second
	// failBackEvery is how long a bind stays with another host than the first
	// before it tries those before it, and up to half as long again.
	failBackEvery = 5 * time.Minute
	// lasted is how long a bind must have lived to be no failure.
	lasted = 10 * time.Second

	alreadyBoundFor = 30 * time.Second
	refusedFor      = 5 * time.Minute
	minBindBackOff  = 10 * time.Second
	maxBindBackOff  = 300 * time.Second
)

// errAsked ends a link because a person wants that.
var errAsked = errors.New("ended to connect anew, as somebody asked")

// bind is one of the account's connections, kept up by a goroutine of its own.
type bind struct {
	c       *SMPP
	number  int
	metrics bindMetrics
	hurry   chan struct{} // somebody wants a new connection now
	retired sync.WaitGroup
	tried   func() // is called after every attempt

	// The account's mutex guards these.
	link    *link // nil while there is none
	state   gateway.CarrierState
	since   time.Time
	host    string // the one that it has, or tried last
	problem string // why it is not up
}

func newBind(c *SMPP, number int) *bind {
	b := &bind{c: c, number: number, hurry: make(chan struct{}, 1), since: time.Now(), metrics: c.metrics.bind(number), tried: func() {}}
	b.metrics.window.Set(float64(c.cfg.Window))
	b.metrics.show(b.state)
	return b
}

// supervise keeps the bind connected until ctx ends. The first bind calls tried
// once it has; the others wait for first, which that closes, so that wrong
// credentials are tried once and not by all of them.
func (b *bind) supervise(ctx context.Context, first <-chan struct{}, tried func()) {
	defer b.retired.Wait()
	if b.number > 1 {
		select {
		case <-first:
		case <-ctx.Done():
		}
	} else {
		b.tried = tried
	}
	hosts := b.c.cfg.Hosts
	r := retry{bounds: b.c.cfg.Reconnect}
	for host := 0; b.mayTry(ctx); {
		b.c.mu.Lock()
		b.host = hosts[host]
		b.c.mu.Unlock()
		l, err := b.connect(ctx, host)
		began := time.Now()
		if err == nil {
			err = b.keep(ctx, l)
		}
		if ctx.Err() != nil {
			return
		}
		if host = (host + 1) % len(hosts); errors.Is(err, errAsked) || l != nil && time.Since(began) >= lasted {
			r.rounds, host = 0, 0
		}
		b.fail(err)
		b.tried()
		if b.wait(ctx, r.after(err, host != 0)) {
			host = 0
		}
	}
}

// mayTry waits while the SMSC is not to be bothered with our credentials, and
// reports whether ctx still lives.
func (b *bind) mayTry(ctx context.Context) bool {
	for ctx.Err() == nil {
		b.c.mu.Lock()
		wait := time.Until(b.c.refused)
		if wait <= 0 && !b.c.refused.IsZero() { // one tries, and the others see what comes of it
			b.c.refused = time.Now().Add(b.c.cfg.BindTimeout)
		}
		b.c.mu.Unlock()
		if wait <= 0 {
			return true
		}
		b.wait(ctx, wait)
	}
	return false
}

// fail shows that the bind is not up, and why.
func (b *bind) fail(err error) {
	var refusal *smpp.BindError
	if errors.As(err, &refusal) && refusal.Credentials() {
		b.c.mu.Lock()
		b.c.refused = time.Now().Add(refusedFor)
		b.c.mu.Unlock()
		b.setState(gateway.CarrierRefused, fmt.Sprintf(
			"the SMSC does not accept our system_id or password (%v); tried again every 5 to 10 minutes, for more could lock the account", err))
		return
	}
	b.setState(gateway.CarrierDown, err.Error())
}

// wait waits, or less if somebody is in a hurry, which it reports.
func (b *bind) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-b.hurry:
		return true
	}
	return false
}

// retry says how long to wait between attempts to bind.
type retry struct {
	bounds smpp.Reconnect
	rounds int // of all hosts, without one that lasted
}

// after says how long to wait after err. With another, there is a host that was
// not tried in this round.
func (r *retry) after(err error, another bool) time.Duration {
	rounds := r.rounds
	if !another {
		r.rounds++
	}
	var refusal *smpp.BindError
	if errors.As(err, &refusal) {
		switch s := refusal.Status; {
		case refusal.Credentials():
			return refusedFor + rand.N(refusedFor)
		case s == smpp.ESME_RALYBND: // it has not noticed yet that the last session is gone
			return alreadyBoundFor + rand.N(alreadyBoundFor)
		case !another && (s == smpp.ESME_RBINDFAIL || s == smpp.ESME_RSYSERR || s == smpp.ESME_RTHROTTLED):
			d := backOff(minBindBackOff, maxBindBackOff*4/5, rounds)
			return d + rand.N(d/4)
		}
	}
	d := backOff(r.bounds.Min, r.bounds.Max, rounds)
	return d/2 + rand.N(d/2+1) // keeps many clients of one SMSC from coming back at once
}

// backOff doubles least n times, up to most.
func backOff(least, most time.Duration, n int) time.Duration {
	d := least << min(n, 20)
	if d <= 0 || d > most {
		return most
	}
	return d
}

// keep uses l, and what the bind moves to from it, until the connection ends. It
// returns why it did.
func (b *bind) keep(ctx context.Context, l *link) error {
	b.open(ctx, l)
	for {
		next, err := b.use(ctx, l)
		if next == nil {
			return err
		}
		b.open(ctx, next)
		old := l
		b.retired.Go(func() {
			if err := b.end(ctx, old, true); err != nil {
				b.c.opt.Log.Warn("the connection to the other host ended badly", "bind", b.number, "error", err)
			}
		})
		l = next
	}
}

// open begins to send over a link, which is the bind's from now on.
func (b *bind) open(ctx context.Context, l *link) {
	c, host := b.c, b.c.cfg.Hosts[l.host]
	c.mu.Lock()
	b.link, b.host, c.refused = l, host, time.Time{}
	if l.transmitter != nil {
		c.links = append(c.links, l)
		l.ready = true
	}
	c.mu.Unlock()
	if l.transmitter != nil {
		c.startSender(ctx, l)
	}
	select { // it fulfils what was wished before
	case <-b.hurry:
	default:
	}
	c.opt.Log.Info("bound", "bind", b.number, "host", host, "as", c.cfg.Bind, "smsc", l.peer, "version", l.version())
	b.setState(gateway.CarrierUp, "")
	b.tried()
	l.out.Grew()
}

// use waits until the link ends, which it makes complete, or until an earlier
// host has accepted a bind: that is next, and l still lives then.
func (b *bind) use(ctx context.Context, l *link) (next *link, err error) {
	trial, stop := b.tryEarlier(ctx, l.host)
	asked := false
	select {
	case <-ctx.Done():
	case <-l.over:
	case err = <-l.spoilt:
	case <-b.hurry:
		asked = true
	case next = <-trial:
		stop()
		return next, nil
	}
	stop()
	ended := b.end(ctx, l, false)
	if errors.Is(err, errStuck) || errors.Is(ended, smpp.ErrNoProgress) {
		b.metrics.recycled.Inc()
	}
	switch {
	case asked:
		err = errAsked
	case err != nil:
	case ended != nil:
		err = ended
	default:
		err = errors.New("the connection was ended")
	}
	return nil, err
}

// tryEarlier tries the hosts before this one, every few minutes, and gives the
// link to the first that accepts a bind. Nothing comes of it after stop.
func (b *bind) tryEarlier(ctx context.Context, host int) (<-chan *link, func()) {
	found := make(chan *link)
	if host == 0 {
		return found, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var trying sync.WaitGroup
	trying.Go(func() {
		for {
			timer := time.NewTimer(b.c.failBack + rand.N(b.c.failBack/2))
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			for earlier := range host {
				l, err := b.connect(ctx, earlier)
				if err != nil {
					b.c.opt.Log.Info("staying with this host", "bind", b.number, "host", b.c.cfg.Hosts[host], "error", err)
					continue
				}
				select {
				case found <- l:
				case <-ctx.Done():
					_ = l.close(ctx) // nothing was sent over it
				}
				return
			}
		}
	})
	return found, func() { cancel(); trying.Wait() }
}

// end ends a link. With drain, what it was given is sent first. What is not sent
// is handed back, and responses that are outstanding are waited for.
func (b *bind) end(ctx context.Context, l *link, drain bool) error {
	c := b.c
	c.mu.Lock()
	l.ready = false
	if b.link == l {
		b.link = nil
	}
	c.mu.Unlock()
	if l.transmitter != nil {
		if drain {
			l.sender.drain(ctx)
		}
		l.sender.stop()
		c.mu.Lock()
		left := c.takeBackLocked(l)
		c.mu.Unlock()
		l.giveBack(left)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := l.close(closing)
	c.forget(l)
	return err
}
