package carrier

import (
	"context"
	"errors"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// link is one connection of a bind: a session that does both, or one for each
// direction, or only one of them.
type link struct {
	id          gateway.ID
	bind        *bind
	out         *gateway.Stream
	host        int
	transmitter *smpp.Session   // nil if nothing is sent
	receiver    *smpp.Session   // nil if the transmitter receives, or nothing is received
	more        chan struct{}   // something to send, or room for it
	over        <-chan struct{} // closed when one of the sessions has ended
	spoilt      chan error      // why it is to be ended, though it lives
	sender      sender
	peer        string // system_id of the SMSC
	level       uint8  // its sc_interface_version
	composer    composer

	// The account's mutex guards these.
	ready   bool                 // it is given new messages
	outbox  []gateway.Submission // claimed, not yet given to the session
	sent    map[uint64]flight    // without a response
	late    int                  // of those, given up as uncertain
	tag     uint64
	last    gateway.ID // the message of the newest that was sent
	moved   time.Time  // when something was sent or answered, or put into the empty outbox
	oddness []time.Time
}

// flight is a submission on the wire.
type flight struct {
	segment gateway.ID
	attempt int
	at      time.Time
	part    bool // of a message of several
}

// connect binds to a host as the account is configured to.
func (b *bind) connect(ctx context.Context, host int) (*link, error) {
	c := b.c
	l := &link{id: c.opt.NewID(), bind: b, out: c.out, host: host, more: make(chan struct{}, 1), spoilt: make(chan error, 1), sent: map[uint64]flight{}}
	h := smpp.Handler{
		Deliver: func(d *smpp.Delivery) bool { return c.deliver(l, d) },
		Broken:  func(d *smpp.Delivery, err error) bool { return c.broken(l, d, err) },
		Result:  func(r smpp.Result) { c.result(l, r) },
		Trace:   func(outgoing bool, pdu []byte) { c.traced(b.number, outgoing, pdu) },
	}
	c.mu.Lock()
	c.sessions[l.id] = nil
	c.mu.Unlock()
	dial := func(mode smpp.BindMode) (*smpp.Session, error) {
		cfg := c.cfg
		cfg.Bind = mode
		return smpp.Dial(ctx, cfg, c.cfg.Hosts[host], h)
	}
	var err error
	switch mode := c.cfg.Bind; mode {
	case smpp.BindReceiver:
		l.receiver, err = dial(mode)
	case smpp.BindPair:
		if l.receiver, err = dial(smpp.BindReceiver); err != nil {
			break
		}
		if l.transmitter, err = dial(smpp.BindTransmitter); err != nil {
			err = errors.Join(err, l.receiver.Close(ctx))
		}
	default:
		l.transmitter, err = dial(mode)
	}
	c.mu.Lock()
	if c.sessions[l.id] = l; err != nil {
		delete(c.sessions, l.id)
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	l.watch()
	s := l.sessions()[0]
	l.peer, l.level = s.Peer().SystemID, s.Version()
	return l, nil
}

// alive tells whether a link of ours still lives, or is about to: what it brought
// before is not delivered again on another one.
func (c *SMPP) alive(session gateway.ID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.sessions[session]
	if l == nil {
		return ok
	}
	for _, s := range l.sessions() {
		if s.Err() != nil {
			return false
		}
	}
	return true
}

// sessions lists those there are, the transmitter first.
func (l *link) sessions() []*smpp.Session {
	var all []*smpp.Session
	for _, s := range []*smpp.Session{l.transmitter, l.receiver} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// watch makes over follow the sessions. Its goroutine ends with either of them,
// and close waits for that.
func (l *link) watch() {
	all := l.sessions()
	if len(all) == 1 {
		l.over = all[0].Done()
		return
	}
	over := make(chan struct{})
	l.over = over
	go func() {
		defer close(over)
		select {
		case <-all[0].Done():
		case <-all[1].Done():
		}
	}()
}

// close ends what is left of the link; its results have been given then.
func (l *link) close(ctx context.Context) error {
	all := l.sessions()
	errs := make([]error, len(all))
	var closing sync.WaitGroup
	for i, s := range all {
		closing.Go(func() { errs[i] = s.Close(ctx) })
	}
	closing.Wait()
	<-l.over
	return errors.Join(errs...)
}

// recycle has the link ended because of err, and the bind begun anew.
func (l *link) recycle(err error) {
	select {
	case l.spoilt <- err:
	default:
	}
}

// inFlight is how many submissions a response is waited for. The account's mutex
// is held.
func (l *link) inFlight() int { return len(l.sent) - l.late }

// doubtful reports whether the session takes one at a time, for no submission is
// answered (smpp.ErrNoProgress). The account's mutex is held.
func (l *link) doubtful() bool { return l.late > 0 && l.transmitter.Stuck() }

func (l *link) version() string { return versionText(l.level) }
