package smpp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// What ends a session, or a request without a response.
var (
	// ErrUncertain: the SMSC may have what was sent, or not. Nobody knows.
	ErrUncertain = errors.New("smpp: no response")
	// ErrUnsent: the SMSC certainly does not have it.
	ErrUnsent = errors.New("smpp: not sent")
	// ErrClosed: we closed the session.
	ErrClosed = errors.New("smpp: session closed")
	// ErrUnbound: the SMSC unbound.
	ErrUnbound = errors.New("smpp: unbound by the SMSC")
	// ErrSilent: the SMSC did not answer enquire_link.
	ErrSilent = errors.New("smpp: enquire_link not answered")
	// ErrNoProgress: the SMSC is there and answers no submission. When none was
	// answered for a whole ResponseTimeout in which one was outstanding, only one at
	// a time is taken, and when none is for a second one, the session ends. So little
	// more than a window becomes uncertain, a lost response holds nobody up, and a
	// late one, of any status, saves the session.
	ErrNoProgress = errors.New("smpp: submissions not answered")
	// ErrProtocol: the SMSC sent several generic_nacks that answer nothing within a
	// minute. It does not understand us, nor we it.
	ErrProtocol = errors.New("smpp: generic_nack to nothing")
	// ErrStalled: the SMSC asks and does not read the answers.
	ErrStalled = errors.New("smpp: peer does not read")
)

const (
	never         = time.Duration(-1)
	unbindTimeout = 5 * time.Second
	// ackTimeout is how long Close waits for the answers to what was delivered.
	ackTimeout = 2 * time.Second
	// unbindGrace is how long an unbind of the SMSC is not answered, for responses
	// that may be on their way: what has none then is uncertain.
	unbindGrace = 2 * time.Second
	// maxLate bounds how many timed-out requests are remembered for a late
	// response.
	maxLate = 10_000
	// probes is how many enquire_links in a row may go without any PDU.
	probes = 2
	// maxNacks within nackPeriod that match no request end the session.
	maxNacks   = 3
	nackPeriod = time.Minute
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
	// Trace, unless nil, sees every PDU of the session and of its bind: one that
	// came in as it came, one that goes out right before it is written. Of an oversize
	// one it sees the header. Reader and writer call it at once, and pdu is theirs
	// again when it returns. It is the caller's to switch it at run time. Passwords
	// are in there: Describe leaves them out.
	Trace func(outgoing bool, pdu []byte)
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
	Nacks       uint64 // of those, generic_nack
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
	settled chan struct{} // closed when deaf and no delivery waits for its answer
	asked   chan Header   // the SMSC's unbind
	wake    chan struct{} // there is something to write
	workers sync.WaitGroup

	heard    atomic.Int64    // when the last PDU came, since began
	nacks    []time.Duration // when the last of them came to nothing; the reader's
	counters struct{ unmatched, nacks, late, unknown, misdirected, full atomic.Uint64 }

	mu       sync.Mutex
	requests map[uint32]request // ours, by sequence_number
	late     []uint32           // those of them that timed out, oldest first
	used     int                // slots of the window
	waiting  time.Duration      // since when no submission was answered while one should be; never if none should
	stuck    bool               // that is for a whole ResponseTimeout
	hopeless bool               // and for another one: the keeper ends the session
	sequence uint32
	draining bool // no submissions any more
	deaf     bool // no deliveries any more: what comes is delivered again on the next session
	owed     int  // deliveries that wait for their answers
	leaving  bool // our unbind is written: the SMSC need not read what follows
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

func newSession(conn, raw net.Conn, frames *FrameReader, cfg Config, peer BindResponse, sequence uint32, h Handler) *Session {
	return &Session{
		conn: conn, raw: raw, frames: frames, cfg: cfg, peer: peer, handler: h, began: time.Now(),
		stop: make(chan struct{}), done: make(chan struct{}), drained: make(chan struct{}),
		unbound: make(chan struct{}), settled: make(chan struct{}), asked: make(chan Header, 1), wake: make(chan struct{}, 1),
		requests: make(map[uint32]request, cfg.Window), sequence: sequence, waiting: never,
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

// TakesTLVs reports whether the SMSC says that it is of version 3.4 or later, and
// we bound as such: the others need not understand optional parameters (SMPP 3.4
// §3.3, §3.4). Bound as 3.3 none are sent at all; else it is for the caller to
// leave them out, as many an SMSC takes them without saying so.
func (s *Session) TakesTLVs() bool {
	return s.Version() >= 0x34 && s.cfg.InterfaceVersion != Version33
}

// Done is closed when the session has ended, by whomever, and every result was
// given.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err tells why the session ended: ErrClosed, ErrUnbound, ErrSilent, ErrNoProgress,
// ErrProtocol, ErrStalled, or an error of the connection. It is nil while it lives.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Counters returns what was counted so far.
func (s *Session) Counters() Counters {
	c := &s.counters
	return Counters{c.unmatched.Load(), c.nacks.Load(), c.late.Load(), c.unknown.Load(), c.misdirected.Load(), c.full.Load()}
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
// the outstanding responses until ctx ends, takes no more deliveries, waits for
// the answers to those there are for at most two seconds, unbinds, waits for the
// answer for at most five seconds, and closes the connection. It returns nil, or
// what else had ended the session.
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
	s.mu.Lock()
	s.deaf = true
	s.signalLocked()
	s.mu.Unlock()
	timeout := time.NewTimer(ackTimeout)
	defer timeout.Stop()
	select {
	case <-s.settled:
	case <-timeout.C:
	case <-ctx.Done():
	case <-s.stop:
	}
	s.request(CmdUnbind, AppendHeader, nil)
	timeout.Reset(unbindTimeout)
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
