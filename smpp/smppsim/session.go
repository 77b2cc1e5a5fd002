package smppsim

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"smsbridge/smpp"
)

const (
	bindTimeout  = 10 * time.Second // from connecting to the bind request (SMPP 3.4 §7.2, session_init_timer)
	inactivity   = 10 * time.Minute // without a PDU (inactivity_timer)
	writeTimeout = 30 * time.Second
	// linger is how long the peer's octets are still read, and thrown away, after
	// the last of ours: to close before would reset the connection, and could take
	// from the peer what it was sent.
	linger = time.Second
)

// session is one connection. From account on it is guarded by the SMSC's mu.
type session struct {
	smsc   *SMSC
	conn   net.Conn
	number uint64 // of the connection; set before it is served
	out    outbox
	slow   bool // it reads slowly from now on; the reader's

	account    *account // nil until bound
	mode       smpp.CommandID
	sequence   uint32
	inflight   map[uint32]sent
	deliveries int // of inflight
	unanswered int // submits whose response is due later
	enquired   time.Time
}

// sent is a request of ours that waits for its response. An enquire_link has no
// delivery.
type sent struct {
	delivery *delivery
	at       time.Time
}

func newSession(s *SMSC, conn net.Conn) *session {
	c := &session{smsc: s, conn: conn, inflight: make(map[uint32]sent)}
	c.out.moved.L = &c.out.mu
	return c
}

// serve reads until the connection ends, and cleans up.
func (c *session) serve() {
	var writer sync.WaitGroup
	writer.Go(c.write)
	c.invite()
	c.read()
	c.out.end(outboxFinished)
	_ = c.conn.SetReadDeadline(time.Now().Add(linger))
	_, _ = io.Copy(io.Discard, c.conn)
	c.out.end(outboxClosed)
	_ = c.conn.Close()
	writer.Wait()
	c.smsc.forget(c)
}

// read handles PDUs until the connection, or what is wanted of it, ends.
func (c *session) read() {
	frames := smpp.NewFrameReader((*sessionReader)(c))
	for c.out.reads() {
		frame, err := frames.Next()
		var oversize *smpp.OversizeError
		switch {
		case err == nil:
			c.handleFrame(frame)
		case errors.As(err, &oversize):
			c.reject(oversize.Header, smpp.ESME_RINVCMDLEN)
		case errors.Is(err, smpp.ErrFraming):
			c.reject(smpp.Header{}, smpp.ESME_RINVCMDLEN)
			return
		default:
			return
		}
	}
}

// abort drops the connection, and what is not yet written with it.
func (c *session) abort() {
	c.out.end(outboxClosed)
	_ = c.network().Close() // without TLS's farewell, which could block
}

// write writes until the outbox ends.
func (c *session) write() {
	var batch []byte
	for {
		var flushed bool
		batch, flushed = c.out.take(batch)
		if flushed {
			if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		}
		if batch == nil {
			return
		}
		if err := c.put(batch); err != nil {
			// A peer that has died may have answered first: an SMSC that threw that
			// away would deliver again what it was told it need not.
			c.out.end(outboxBroken)
			_ = c.conn.SetReadDeadline(time.Now().Add(linger))
			return
		}
		if cap(batch) > maxUnwritten {
			batch = nil
		}
	}
}

// forget takes a session that has ended out. What it did not answer waits for the
// next one.
func (s *SMSC) forget(c *session) {
	s.lock()
	defer s.unlock()
	delete(s.sessions, c)
	if c.account == nil {
		return
	}
	c.account.leave(c)
	s.log.Info("unbound", "system_id", c.account.name)
	s.feed(c.account)
}

// handleFrame answers one PDU.
func (c *session) handleFrame(frame []byte) {
	s := c.smsc
	s.lock()
	silent := c.account != nil && c.account.play.Link.Silent
	s.unlock()
	if silent {
		return
	}
	p, err := smpp.Decode(frame)
	var bad *smpp.DecodeError
	if errors.As(err, &bad) {
		c.reject(p.Header, bad.Status)
		return
	}
	if p.Command.IsResponse() {
		c.handleResponse(p.Header)
		return
	}
	switch p.Command {
	case smpp.CmdSubmitSM, smpp.CmdDataSM:
		c.handleSubmit(p.Header, p.Body.(*smpp.ShortMessage))
	case smpp.CmdBindReceiver, smpp.CmdBindTransmitter, smpp.CmdBindTransceiver:
		c.handleBind(p.Header, p.Body.(*smpp.BindRequest))
	case smpp.CmdEnquireLink:
		s.count(&s.stats.EnquireLinks)
		c.answer(p.Header, smpp.ESME_ROK)
	case smpp.CmdUnbind:
		c.answer(p.Header, smpp.ESME_ROK)
		c.out.end(outboxFinished)
	case smpp.CmdQuerySM:
		c.handleQuery(p.Header, p.Body.(*smpp.QueryRequest))
	case smpp.CmdCancelSM:
		c.handleCancel(p.Header, p.Body.(*smpp.CancelRequest))
	case smpp.CmdReplaceSM:
		c.answer(p.Header, smpp.ESME_RREPLACEFAIL)
	case smpp.CmdSubmitMulti:
		c.answer(p.Header, smpp.ESME_RSUBMITFAIL)
	default: // what only an SMSC sends
		c.reject(smpp.Header{Command: 0, Sequence: p.Sequence}, smpp.ESME_RINVCMDID)
	}
}

// answer responds without a body.
func (c *session) answer(h smpp.Header, status smpp.Status) {
	c.out.header(smpp.Header{Command: h.Command.Response(), Status: status, Sequence: h.Sequence})
}

// reject answers what cannot be read: a known request with its own response, any
// other with generic_nack (SMPP 3.4 §4.3). A response is not answered.
func (c *session) reject(h smpp.Header, status smpp.Status) {
	c.smsc.count(&c.smsc.stats.ProtocolErrors)
	switch h.Command {
	case smpp.CmdSubmitSM, smpp.CmdDataSM, smpp.CmdBindReceiver, smpp.CmdBindTransmitter, smpp.CmdBindTransceiver,
		smpp.CmdQuerySM, smpp.CmdCancelSM, smpp.CmdReplaceSM, smpp.CmdSubmitMulti:
		c.answer(h, status)
		return
	}
	if !h.Command.IsResponse() {
		c.out.header(smpp.Header{Command: smpp.CmdGenericNack, Status: status, Sequence: h.Sequence})
	}
}

// count adds one to a counter.
func (s *SMSC) count(counter *uint64) {
	s.lock()
	defer s.unlock()
	*counter++
}

// nextSequence numbers our requests. mu is held.
func (c *session) nextSequence() uint32 {
	c.sequence = c.sequence%maxSequence + 1
	return c.sequence
}

// receives says whether the bind allows deliver_sm. mu is held.
func (c *session) receives() bool { return c.mode != smpp.CmdBindTransmitter }

func (c *session) handleBind(h smpp.Header, b *smpp.BindRequest) {
	s := c.smsc
	s.lock()
	a, status := s.admit(c, b)
	script := s.script.Bind
	if a != nil {
		script = a.play.Bind
	}
	s.unlock()
	if script.Delay > 0 {
		c.out.release()
		c.pause(script.Delay)
	}
	if status == smpp.ESME_ROK {
		status = script.Status
	}
	s.lock()
	defer s.unlock()
	if status != smpp.ESME_ROK {
		s.stats.BindFailures++
		s.log.Info("bind refused", "system_id", b.SystemID, "status", status.String())
		c.answer(h, status)
		if c.account == nil {
			c.out.end(outboxFinished)
		}
		return
	}
	s.stats.Binds++
	s.log.Info("bound", "system_id", b.SystemID, "bind", h.Command.String())
	c.account, c.mode, c.enquired = a, h.Command, time.Now()
	a.sessions = append(a.sessions, c)
	c.out.bindResponse(smpp.Header{Command: h.Command.Response(), Sequence: h.Sequence}, &smpp.BindResponse{
		SystemID: "smppsim",
		TLVs:     smpp.TLVs{{Tag: smpp.TagSCInterfaceVersion, Value: []byte{0x34}}},
	})
	s.feed(a)
	s.watch(c)
}

// admit checks who binds. mu is held.
func (s *SMSC) admit(c *session, b *smpp.BindRequest) (*account, smpp.Status) {
	if c.account != nil {
		return c.account, smpp.ESME_RALYBND
	}
	a, ok := s.accounts[b.SystemID]
	switch {
	case !ok && s.anyone && len(s.accounts) < maxAccounts:
		return s.addAccount(b.SystemID, Account{}), smpp.ESME_ROK
	case !ok:
		return nil, smpp.ESME_RINVSYSID
	case !s.anyone && a.Password != b.Password:
		return a, smpp.ESME_RINVPASWD
	case a.MaxBinds > 0 && a.bound() >= a.MaxBinds:
		return a, smpp.ESME_RALYBND
	}
	return a, smpp.ESME_ROK
}

// watch looks after a bound session once in a while: it asks whether the peer is
// there, and drops one that owes an answer for too long. mu is held.
func (s *SMSC) watch(c *session) {
	play := c.account.play
	period := time.Second
	if interval := play.Link.EnquireLink; interval > 0 {
		period = min(period, interval)
	}
	period = min(period, play.Deliver.responseTimeout())
	s.clock.after(period, func() {
		s.lock()
		defer s.unlock()
		if _, ok := s.sessions[c]; !ok || !c.out.open() {
			return
		}
		now := time.Now()
		play := c.account.play
		for _, request := range c.inflight {
			if !play.Link.Silent && now.Sub(request.at) >= play.Deliver.responseTimeout() {
				s.log.Info("no answer: connection dropped", "system_id", c.account.name)
				c.abort()
				return
			}
		}
		if interval := play.Link.EnquireLink; interval > 0 && !play.Link.Silent && now.Sub(c.enquired) >= interval {
			c.enquired = now
			sequence := c.nextSequence()
			c.inflight[sequence] = sent{at: now}
			c.out.header(smpp.Header{Command: smpp.CmdEnquireLink, Sequence: sequence})
			s.stats.EnquireLinksSent++
		}
		s.watch(c)
	})
}
