package smpp

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Delivery is a deliver_sm or data_sm that waits for its answer.
type Delivery struct {
	Message *ShortMessage // nil if it could not be decoded
	Raw     []byte        // the whole PDU; Message shares its memory; owned by the receiver
	DataSM  bool

	session  *Session
	header   Header
	answered atomic.Bool
}

// Ack answers the delivery on the connection that it came on; the first time
// only, and not once that connection has ended or our unbind is behind it. With
// more, the answer may wait for the next PDU that is written, which must follow
// soon. written, unless nil, is called from the writer once the answer was handed
// to the kernel, and never if it was not; it must not block.
func (d *Delivery) Ack(status Status, more bool, written func()) {
	if d.answered.Swap(true) {
		return
	}
	s := d.session
	s.mu.Lock()
	s.owed--
	s.signalLocked()
	if s.ended || s.final != nil || s.leaving {
		s.mu.Unlock()
		return
	}
	h := Header{d.header.Command.Response(), status, d.header.Sequence}
	s.sendLocked(AppendResponse(s.out, h, nil))
	if written != nil {
		s.written = append(s.written, written)
	}
	s.mu.Unlock()
	if !more {
		s.flush()
	}
}

// read reads PDUs until the session ends.
func (s *Session) read() {
	defer s.workers.Done()
	for {
		frame, err := s.frames.Next()
		s.heard.Store(int64(time.Since(s.began)))
		var oversize *OversizeError
		switch {
		case err == nil:
			s.handler.trace(false, frame)
			s.dispatch(frame)
		case errors.As(err, &oversize):
			s.handler.trace(false, oversize.header())
			s.oversize(oversize.Header)
		case errors.Is(err, ErrFraming):
			s.counters.unknown.Add(1)
			s.reply(Header{CmdGenericNack, ESME_RINVCMDLEN, 0}, err)
			<-s.stop // the writer ends the session when the answer is out, or cannot be
			return
		default:
			s.end(s.farewell(fmt.Errorf("smpp: read: %w", err)))
			return
		}
	}
}

// farewell is why the session ends where the peer closes the connection: after an
// unbind, by whichever side, it has reason to.
func (s *Session) farewell(err error) error {
	select {
	case <-s.unbound:
		return ErrClosed
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.final != nil {
		return s.final
	}
	return err
}

func (s *Session) dispatch(frame []byte) {
	h := parseHeader(frame)
	switch {
	case h.Command == CmdDeliverSM || h.Command == CmdDataSM:
		s.deliver(bytes.Clone(frame))
	case h.Command.IsResponse():
		s.respond(Decode(frame)) // a spoilt response still answers its request
	case !h.Command.known():
		s.counters.unknown.Add(1)
		s.reply(Header{CmdGenericNack, ESME_RINVCMDID, h.Sequence}, nil)
	default:
		s.answer(h)
	}
}

// deliver hands a message to the handler, or answers that there is no room.
func (s *Session) deliver(raw []byte) {
	s.mu.Lock()
	deaf := s.deaf
	if !deaf {
		s.owed++
	}
	s.mu.Unlock()
	if deaf {
		return
	}
	p, err := Decode(raw)
	d := &Delivery{Raw: raw, DataSM: p.Command == CmdDataSM, session: s, header: p.Header}
	taken, status := false, ESME_RMSGQFUL
	switch {
	case err == nil:
		d.Message, _ = p.Body.(*ShortMessage)
		taken = s.handler.Deliver != nil && s.handler.Deliver(d)
	case s.handler.Broken != nil:
		s.counters.unknown.Add(1)
		taken = s.handler.Broken(d, err)
	default:
		s.counters.unknown.Add(1)
		if bad := (*DecodeError)(nil); errors.As(err, &bad) {
			status = bad.Status
		}
	}
	if !taken {
		s.counters.full.Add(1)
		if !d.answered.Swap(true) {
			s.mu.Lock()
			s.owed--
			s.signalLocked()
			s.mu.Unlock()
			s.reply(Header{p.Command.Response(), status, p.Sequence}, nil)
		}
	}
}

// respond matches a response with our request.
func (s *Session) respond(p PDU, err error) {
	r, ok := s.settle(p.Header)
	if !ok {
		s.unmatched(p.Command)
		return
	}
	if p.Command == CmdGenericNack && p.Status == ESME_ROK {
		p.Status = ESME_RUNKNOWNERR
	}
	switch r.command {
	case CmdCancelSM, CmdQuerySM:
		r.replies <- reply{p, err}
	case CmdUnbind:
		close(s.unbound)
	case CmdSubmitSM:
		if r.late {
			s.counters.late.Add(1)
		}
		result := Result{Tag: r.tag, Status: p.Status, Late: r.late, Elapsed: time.Duration(s.heard.Load()) - r.at}
		if body, ok := p.Body.(*Response); ok && body != nil && p.Status == ESME_ROK {
			result.MessageID = body.MessageID
		}
		if s.handler.Result != nil {
			s.handler.Result(result)
		}
	}
}

// unmatched counts a response to nothing. A generic_nack without the sequence_number
// of a request says that a PDU of ours was not even that to the SMSC (SMPP 3.4 §4.3).
func (s *Session) unmatched(command CommandID) {
	s.counters.unmatched.Add(1)
	if command != CmdGenericNack {
		return
	}
	s.counters.nacks.Add(1)
	now := time.Duration(s.heard.Load())
	s.nacks = append(s.nacks, now)
	if n := len(s.nacks) - maxNacks; n >= 0 {
		if now-s.nacks[n] < nackPeriod {
			s.end(ErrProtocol)
		}
		s.nacks = s.nacks[n+1:]
	}
}

// answer answers a request that needs no handler.
func (s *Session) answer(h Header) {
	switch h.Command {
	case CmdEnquireLink:
		s.reply(Header{CmdEnquireLinkResp, ESME_ROK, h.Sequence}, nil)
	case CmdUnbind:
		s.mu.Lock()
		s.draining = true
		s.signalLocked()
		s.mu.Unlock()
		select {
		case s.asked <- h: // the keeper answers it
		default: // it is impatient
			s.reply(Header{CmdUnbindResp, ESME_ROK, h.Sequence}, ErrUnbound)
		}
	case CmdAlertNotification, CmdOutbind: // there is no response to them
		s.counters.misdirected.Add(1)
	default:
		s.counters.misdirected.Add(1)
		s.reply(Header{h.Command.Response(), ESME_RINVBNDSTS, h.Sequence}, nil)
	}
}

// oversize answers a PDU of which only the header is read.
func (s *Session) oversize(h Header) {
	s.counters.unknown.Add(1)
	if h.Command.IsResponse() {
		s.respond(PDU{Header: h}, nil)
		return
	}
	s.reply(Header{CmdGenericNack, ESME_RINVCMDLEN, h.Sequence}, nil)
}
