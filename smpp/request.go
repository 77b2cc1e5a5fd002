package smpp

import (
	"context"
	"fmt"
	"time"
)

// reply is what a request beside the submissions got.
type reply struct {
	pdu PDU
	err error // ErrUncertain, ErrUnsent, or what is wrong with the response
}

// Cancel asks the SMSC to forget a message (SMPP 3.4 §4.9), and returns what it
// says. It waits for the response until ctx ends, or the response timeout, and may
// be called from any goroutine but from a Handler. It takes no slot of the window.
// The error wraps ErrUncertain where no response came, or ErrUnsent where the SMSC
// was certainly not asked, as when the session is closing or only receives.
func (s *Session) Cancel(ctx context.Context, m *CancelRequest) (Status, error) {
	r, err := s.ask(ctx, CmdCancelSM, func(dst []byte, h Header) []byte { return AppendCancel(dst, h, m) })
	return r.Status, err
}

// Query asks what became of a message (SMPP 3.4 §4.8), under the terms of Cancel.
// The response means something with ESME_ROK only. One that cannot be read is a
// *DecodeError.
func (s *Session) Query(ctx context.Context, m *QueryRequest) (QueryResponse, Status, error) {
	r, err := s.ask(ctx, CmdQuerySM, func(dst []byte, h Header) []byte { return AppendQuery(dst, h, m) })
	if err != nil || r.Status != ESME_ROK {
		return QueryResponse{}, r.Status, err
	}
	body, _ := r.Body.(*QueryResponse)
	if body == nil || *body == (QueryResponse{}) { // decoded, but a header alone is no state
		return QueryResponse{}, r.Status, &DecodeError{Header: r.Header, Field: "message_state", Offset: HeaderLen, Status: ESME_RINVCMDLEN}
	}
	return *body, r.Status, nil
}

// ask sends a request and waits for its response.
func (s *Session) ask(ctx context.Context, command CommandID, body func([]byte, Header) []byte) (PDU, error) {
	if s.cfg.Bind == BindReceiver {
		return PDU{}, fmt.Errorf("%w: %s from a receiver", ErrUnsent, command)
	}
	replies := make(chan reply, 1)
	if !s.request(command, body, replies) {
		return PDU{}, fmt.Errorf("%w: %s on a session that ends", ErrUnsent, command)
	}
	select {
	case r := <-replies:
		if r.err != nil {
			r.err = fmt.Errorf("%s: %w", command, r.err)
		}
		return r.pdu, r.err
	case <-ctx.Done():
		return PDU{}, fmt.Errorf("%s: %w: %w", command, ErrUncertain, context.Cause(ctx))
	}
}

// request sends a request that takes no slot of the window, and says so. Exactly
// one reply goes to replies, unless that is nil. A session that ends sends unbind
// and enquire_link, and nothing else.
func (s *Session) request(command CommandID, body func([]byte, Header) []byte, replies chan<- reply) bool {
	s.mu.Lock()
	if s.ended || (s.draining && replies != nil) {
		s.mu.Unlock()
		return false
	}
	s.leaving = s.leaving || command == CmdUnbind
	seq := s.nextLocked()
	s.sendLocked(body(s.out, Header{command, ESME_ROK, seq}))
	s.requests[seq] = request{command: command, replies: replies, at: time.Since(s.began), end: s.queued}
	s.mu.Unlock()
	s.flush()
	return true
}

// failed tells who waits for a response that none comes.
func (r *request) failed(err error) {
	if r.replies != nil {
		r.replies <- reply{err: err}
	}
}
