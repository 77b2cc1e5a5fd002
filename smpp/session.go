package smpp

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What ends a session, or a submission without a response.
var (
	// ErrUncertain: the SMSC may have the message, or not. Nobody knows.
	ErrUncertain = errors.New("smpp: no response")
	// ErrUnsent: the SMSC certainly does not have the message.
	ErrUnsent = errors.New("smpp: not sent")
	// ErrClosed: we closed the session.
	ErrClosed = errors.New("smpp: session closed")
	// ErrUnbound: the SMSC unbound.
	ErrUnbound = errors.New("smpp: unbound by the SMSC")
	// ErrSilent: the SMSC did not answer enquire_link.
	ErrSilent = errors.New("smpp: enquire_link not answered")
	// ErrStalled: the SMSC asks and does not read the answers.
	ErrStalled = errors.New("smpp: peer does not read")
)

const (
	unbindTimeout = 5 * time.Second
	// maxLate bounds how many timed-out requests are remembered for a late
	// response.
	maxLate = 10_000
	// probes is how many enquire_links in a row may go without any PDU.
	probes = 2
)

// Handler is what a session calls. Deliver and Broken come from the reader, in
// the order of the wire, as does Result but for timeouts and what is left at the
// end. None of them may block, or call Close.
type Handler struct {
	// Deliver takes a deliver_sm or data_sm, to be answered by its Ack. False says
	// that there is no room for it now: the session answers ESME_RMSGQFUL.
	Deliver func(*Delivery) bool
	// Broken takes one that cannot be decoded, in the same way.
	Broken func(*Delivery, error) bool
	// Result tells what became of a submission.
	Result func(Result)
}

// Result is what became of a submission. Every submission that TrySubmit took has
// exactly one that is not Late, before Done.
type Result struct {
	Tag       uint64
	Status    Status        // of submit_sm_resp or generic_nack, if Err is nil
	MessageID string        // with ESME_ROK; empty where the SMSC gave none
	Err       error         // ErrUncertain, ErrUnsent, or nil
	Late      bool          // the response came after the result ErrUncertain, and counts
	Elapsed   time.Duration // since TrySubmit
}

// Counters count oddities of the peer since the bind.
type Counters struct {
	Unmatched   uint64 // responses to nothing
	Late        uint64 // responses after their timeout
	Unknown     uint64 // commands that are none, oversize or truncated PDUs
	Misdirected uint64 // requests that no SMSC may make
	Refused     uint64 // deliver_sm and data_sm that the handler had no room for
}

// Session is a bound connection. All methods may be called from any goroutine,
// but those that wait not from a Handler.
type Session struct {
	conn    net.Conn // raw, or TLS over it
	raw     net.Conn
	frames  *FrameReader // the reader's
	cfg     Config
	peer    BindResponse
	handler Handler
	began   time.Time

	stop    chan struct{} // closed when the session ends: everyone leaves
	done    chan struct{} // closed when everyone has left and every result is given
	drained chan struct{} // closed when draining and nothing is outstanding
	unbound chan struct{} // closed by the response to our unbind
	wake    chan struct{} // there is something to write
	workers sync.WaitGroup

	heard    atomic.Int64 // when the last PDU came, since began
	counters struct{ unmatched, late, unknown, misdirected, full atomic.Uint64 }

	mu       sync.Mutex
	requests map[uint32]request // ours, by sequence_number
	late     []uint32           // those of them that timed out, oldest first
	used     int                // slots of the window
	sequence uint32
	draining bool // no submissions any more
	ended    bool
	err      error
	out      []byte   // PDUs to be written
	written  []func() // to be called when out is
	final    error    // ends the session once out is written
	queued   uint64   // octets that were ever put into out

	// The writer's; the keeper reads them when the writer has left.
	attempted uint64 // octets given to Write
	handed    uint64 // octets that Write took
}

// request is one of ours that waits for its response.
type request struct {
	command CommandID
	late    bool
	tag     uint64
	at      time.Duration // since began
	end     uint64        // of its octets in the stream
}

func newSession(conn, raw net.Conn, frames *FrameReader, cfg Config, peer BindResponse, sequence uint32, h Handler) *Session {
	return &Session{
		conn: conn, raw: raw, frames: frames, cfg: cfg, peer: peer, handler: h, began: time.Now(),
		stop: make(chan struct{}), done: make(chan struct{}), drained: make(chan struct{}),
		unbound: make(chan struct{}), wake: make(chan struct{}, 1),
		requests: make(map[uint32]request, cfg.Window), sequence: sequence,
	}
}

// start starts the goroutines. The keeper waits for the other two and closes done,
// which Close waits for.
func (s *Session) start() {
	s.workers.Add(2)
	go s.read()
	go s.write()
	go s.keep()
}

// Peer returns the response to the bind.
func (s *Session) Peer() BindResponse { return s.peer }

// Version returns the SMSC's sc_interface_version, or 0 where it gives none: then
// it is older than 3.4 and takes no optional parameters (SMPP 3.4 §3.3).
func (s *Session) Version() uint8 {
	v, _ := s.peer.TLVs.Uint(TagSCInterfaceVersion)
	return uint8(v)
}

// Done is closed when the session has ended, by whomever, and every result was
// given.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err tells why the session ended: ErrClosed, ErrUnbound, ErrSilent, ErrStalled,
// or an error of the connection. It is nil while it lives.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Counters returns what was counted so far.
func (s *Session) Counters() Counters {
	c := &s.counters
	return Counters{c.unmatched.Load(), c.late.Load(), c.unknown.Load(), c.misdirected.Load(), c.full.Load()}
}

// Free returns how many submissions TrySubmit would take now.
func (s *Session) Free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeLocked()
}

func (s *Session) freeLocked() int {
	if s.draining || s.ended || s.cfg.Bind == BindReceiver {
		return 0
	}
	return s.cfg.Window - s.used
}

// TrySubmit sends m as submit_sm, and says so; the Result carries tag. It takes
// nothing when the window is full or the session is closing. It never blocks and
// keeps nothing of m.
func (s *Session) TrySubmit(m *ShortMessage, tag uint64) bool {
	s.mu.Lock()
	if s.freeLocked() <= 0 {
		s.mu.Unlock()
		return false
	}
	s.used++
	seq := s.nextLocked()
	s.sendLocked(AppendShortMessage(s.out, Header{CmdSubmitSM, ESME_ROK, seq}, m))
	s.requests[seq] = request{command: CmdSubmitSM, tag: tag, at: time.Since(s.began), end: s.queued}
	s.mu.Unlock()
	s.flush()
	return true
}

// nextLocked returns a sequence_number that is not in use (SMPP 3.4 §3.2).
func (s *Session) nextLocked() uint32 {
	for {
		s.sequence = s.sequence%0x7FFFFFFF + 1
		if _, taken := s.requests[s.sequence]; !taken {
			return s.sequence
		}
	}
}

// request sends a request without a body.
func (s *Session) request(command CommandID) {
	s.mu.Lock()
	if !s.ended {
		seq := s.nextLocked()
		s.sendLocked(AppendHeader(s.out, Header{command, ESME_ROK, seq}))
		s.requests[seq] = request{command: command, at: time.Since(s.began), end: s.queued}
	}
	s.mu.Unlock()
	s.flush()
}

// settle takes the request that a response of this command answers.
func (s *Session) settle(h Header) (request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[h.Sequence]
	if !ok || (h.Command != r.command.Response() && h.Command != CmdGenericNack) {
		return request{}, false
	}
	delete(s.requests, h.Sequence)
	if r.command == CmdSubmitSM && !r.late {
		s.releaseLocked()
	}
	return r, true
}

// releaseLocked frees a slot of the window.
func (s *Session) releaseLocked() {
	s.used--
	s.signalLocked()
}

// signalLocked tells Close that nothing is outstanding.
func (s *Session) signalLocked() {
	if s.draining && s.used == 0 {
		select {
		case <-s.drained:
		default:
			close(s.drained)
		}
	}
}

// keep watches the clock until the session ends, then waits for the others and
// settles what is left.
func (s *Session) keep() {
	period := min(max(min(s.cfg.ResponseTimeout, s.cfg.EnquireLink)/8, time.Millisecond), time.Second)
	tick := time.NewTicker(period)
	defer tick.Stop()
	var sent int
	var probed time.Duration
	for {
		select {
		case <-tick.C:
		case <-s.stop:
			s.workers.Wait()
			s.abandon()
			close(s.done)
			return
		}
		now, heard := time.Since(s.began), time.Duration(s.heard.Load())
		s.expire(now)
		if heard >= probed {
			sent = 0
		}
		switch {
		case sent == 0 && now-heard < s.cfg.EnquireLink, sent > 0 && now-probed < min(s.cfg.EnquireLink, s.cfg.ResponseTimeout):
		case sent == probes:
			s.end(ErrSilent)
		default:
			sent, probed = sent+1, now
			s.request(CmdEnquireLink)
		}
	}
}

// expire gives up waiting for responses. A submission stays known, so that its
// response still counts while the session lives.
func (s *Session) expire(now time.Duration) {
	var expired []request
	s.mu.Lock()
	for seq, r := range s.requests {
		if r.late || now-r.at < s.cfg.ResponseTimeout {
			continue
		}
		if r.command != CmdSubmitSM {
			delete(s.requests, seq)
			continue
		}
		expired = append(expired, r)
		r.late = true
		s.requests[seq] = r
		s.late = append(s.late, seq)
		s.releaseLocked()
	}
	for ; len(s.late) > maxLate; s.late = s.late[1:] {
		if s.requests[s.late[0]].late {
			delete(s.requests, s.late[0])
		}
	}
	s.mu.Unlock()
	s.report(expired, func(request) error { return ErrUncertain }, now)
}

// abandon settles what has no response when the session has ended.
func (s *Session) abandon() {
	handed := s.handed
	if s.conn != s.raw {
		// TLS: octets of a failed Write may have gone out in a record.
		handed = s.attempted
	}
	var left []request
	s.mu.Lock()
	for _, r := range s.requests {
		if r.command == CmdSubmitSM && !r.late {
			left = append(left, r)
		}
	}
	s.requests = nil
	s.used = 0
	s.mu.Unlock()
	s.report(left, func(r request) error {
		if r.end > handed {
			return ErrUnsent
		}
		return ErrUncertain
	}, time.Since(s.began))
}

// report gives results in the order of the submissions.
func (s *Session) report(requests []request, err func(request) error, now time.Duration) {
	if s.handler.Result == nil {
		return
	}
	slices.SortFunc(requests, func(a, b request) int { return cmp.Compare(a.end, b.end) })
	for _, r := range requests {
		s.handler.Result(Result{Tag: r.tag, Err: err(r), Elapsed: now - r.at})
	}
}

// end ends the session because of err; only the first one counts.
func (s *Session) end(err error) {
	s.mu.Lock()
	first := !s.ended
	if first {
		s.ended, s.err = true, err
		close(s.stop)
	}
	s.mu.Unlock()
	if first && (err == ErrClosed || err == ErrUnbound) {
		s.conn.Close() // says goodbye over TLS, for which it takes five seconds at most
	}
	s.raw.Close()
}

// Close ends the session in good order: it takes no more submissions, waits for
// the outstanding responses until ctx ends, unbinds, waits for the answer for at
// most five seconds, and closes the connection. It returns nil, or what else had
// ended the session.
func (s *Session) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.draining
	s.draining = true
	s.signalLocked()
	s.mu.Unlock()
	if !first {
		<-s.done
		return s.closeError()
	}
	select {
	case <-s.drained:
	case <-ctx.Done():
	case <-s.stop:
	}
	s.request(CmdUnbind)
	timeout := time.NewTimer(unbindTimeout)
	defer timeout.Stop()
	select {
	case <-s.unbound:
	case <-timeout.C:
	case <-s.stop:
	}
	s.end(ErrClosed)
	<-s.done
	return s.closeError()
}

func (s *Session) closeError() error {
	if err := s.Err(); err != ErrClosed {
		return err
	}
	return nil
}
