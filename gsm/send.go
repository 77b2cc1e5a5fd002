package gsm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// SendError is why a message was not sent, or is not known to be.
type SendError struct {
	// Certain: the network certainly does not have it. Otherwise it may.
	Certain bool
	Err     error // an *Error where the modem or the network refused it
	// Class is what to do about it: of Err, if that is an *Error. Else Network
	// stands for a modem that is not ready, OurPDU for a message that cannot be
	// encoded, and Device for all that fails between us and the modem.
	Class Class
}

func (e *SendError) Error() string {
	if e.Certain {
		return fmt.Sprintf("gsm: not sent: %v", e.Err)
	}
	return fmt.Sprintf("gsm: perhaps sent: %v", e.Err)
}

func (e *SendError) Unwrap() error { return e.Err }

// failuresTolerated is how many sends in a row may fail by the network's or the
// modem's fault before the modem registers anew.
const failuresTolerated = 3

// Send sends one message or part of one, and returns its TP-MR, which the modem
// counts and the status report will have. Errors are a *SendError. One is under
// way at a time (Room). When ctx ends before the modem was asked, nothing was sent;
// after that Send waits for what the modem says, for three minutes at most.
func (m *Modem) Send(ctx context.Context, sub Submit) (reference uint8, err error) {
	pdu, length, err := sub.Encode()
	if err != nil {
		return 0, &SendError{true, err, OurPDU}
	}
	type result struct {
		reference uint8
		err       error
	}
	results := make(chan result, 1)
	var claimed atomic.Bool // by the session that sends it, or by us who give up
	answer := func(reference uint8, err error) {
		m.mu.Lock()
		m.sending = false
		m.mu.Unlock()
		results <- result{reference, err}
	}
	m.mu.Lock()
	switch {
	case m.info.Phase != PhaseUp:
		err = ErrNotReady
	case m.sending:
		err = ErrBusy
	default:
		err = m.enqueueLocked(call{
			run: func(run context.Context, s *session) {
				if claimed.CompareAndSwap(false, true) {
					answer(s.send(run, pdu, length))
				} else {
					answer(0, ctx.Err())
				}
			},
			refuse: func(err error) { answer(0, unsent(err)) },
		})
		m.sending = err == nil
	}
	m.mu.Unlock()
	if err != nil {
		return 0, unsent(err)
	}
	select {
	case r := <-results:
		return r.reference, r.err
	case <-ctx.Done():
		if claimed.CompareAndSwap(false, true) {
			return 0, &SendError{true, ctx.Err(), Device}
		}
	}
	r := <-results
	return r.reference, r.err
}

// unsent is the error of what was not tried.
func unsent(err error) error {
	class := Device
	if errors.Is(err, ErrNotReady) {
		class = Network
	}
	return &SendError{true, err, class}
}

// send gives a PDU to the modem (TS 27.005 §3.5.1).
func (s *session) send(ctx context.Context, pdu string, length int) (uint8, error) {
	if !s.ready {
		return 0, unsent(ErrNotReady)
	}
	if s.suspect { // a modem that has started anew would send, and not tell of the report
		if err := s.checkSettings(ctx); err != nil {
			s.shaken = err
			return 0, unsent(ErrNotReady)
		}
	}
	reference, err := s.submit(ctx, pdu, length)
	e := (*SendError)(nil)
	if errors.As(err, &e) && e.Certain && e.Class == SMSC { // it has forgotten the service centre
		if s.fatal(s.writeSMSC(ctx)) == nil {
			reference, err = s.submit(ctx, pdu, length)
		}
	}
	s.sent(err)
	return reference, err
}

func (s *session) submit(ctx context.Context, pdu string, length int) (uint8, error) {
	x, err := s.chat.exchange(ctx, command{
		text: fmt.Sprintf("AT+CMGS=%d", length), pdu: pdu, prefixes: []string{"+CMGS:"}, timeout: sendTimeout,
	})
	s.heard(err)
	if err == nil {
		if reference, ok := referenceIn(x.lines); ok {
			return reference, nil
		}
		return 0, &SendError{false, ErrNoReference, Device}
	}
	if errors.Is(err, ErrTimeout) && x.taken && s.chat.ready(ctx) == nil {
		// Only this command can have been answered while the conversation was brought
		// back in step.
		if reference, ok := s.lateReference(); ok {
			return reference, nil
		}
	}
	return 0, classify(x, err)
}

func referenceIn(lines []string) (uint8, bool) {
	for _, l := range lines {
		if reference, ok := ParseSent(l); ok {
			return reference, true
		}
	}
	return 0, false
}

// lateReference takes the answer to a +CMGS from among what came unasked.
func (s *session) lateReference() (reference uint8, ok bool) {
	for i, n := range s.chat.inbox {
		if reference, ok := ParseSent(n.line); ok && strings.HasPrefix(n.line, "+CMGS") {
			s.chat.inbox = append(s.chat.inbox[:i:i], s.chat.inbox[i+1:]...)
			return reference, true
		}
	}
	return 0, false
}

// classify says what an error of +CMGS means for the message. Before the prompt, and
// until the ^Z that ends the PDU is written, the modem cannot have sent it. After
// that, only a refusal that somebody gave a reason for is certain: a modem that
// timed out or failed may have sent it all the same (Quectel BG95, CMS 500; EG06,
// CMS 350).
func classify(x *exchange, err error) *SendError {
	e := &SendError{Certain: !x.taken, Err: err, Class: Device}
	refusal := (*Error)(nil)
	if !errors.As(err, &refusal) {
		return e
	}
	e.Class = refusal.Class()
	switch e.Class {
	case Device, NetworkTimeout, Duplicate, Harmless, Race, Routing:
	default:
		e.Certain = true
	}
	if !x.taken {
		e.Certain = true
	}
	return e
}

// sent draws the conclusions of a send for the modem's health.
func (s *session) sent(err error) {
	e := (*SendError)(nil)
	if !errors.As(err, &e) {
		s.failures = 0
		s.ladder.well()
		return
	}
	switch e.Class {
	case Storage:
		s.due.sweep = time.Now()
	case SIM, Capability, Network:
		s.doubt()
	case Temporary, NetworkTimeout, Device:
		s.failures++
		s.doubt()
	}
	s.m.update(func(i *Info) { i.Errors = s.timeouts + s.failures })
	if s.failures >= failuresTolerated {
		s.failures = 0
		s.trouble(LevelRadio, err)
	}
}
