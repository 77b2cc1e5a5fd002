package smpp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnbindWaitsForResponses lets the SMSC unbind in the middle of a window, and
// answer it then.
func TestUnbindWaitsForResponses(t *testing.T) {
	for _, answered := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder(t, 10)
			s, p := pipe(t, slowly(2), r.handler())
			s.TrySubmit(sampleMessage(), 1)
			s.TrySubmit(sampleMessage(), 2)
			first, second := p.expect(CmdSubmitSM), p.expect(CmdSubmitSM)
			began := time.Now()
			p.header(CmdUnbind, ESME_ROK, 9)
			synctest.Wait()
			if s.TrySubmit(sampleMessage(), 3) {
				t.Error("a submission is taken behind the SMSC's unbind")
			}
			p.accepted(first, "1")
			if answered {
				p.accepted(second, "2")
			}
			if got := p.expect(CmdUnbindResp); got.Sequence != 9 {
				t.Errorf("got %+v", got)
			}
			waited := time.Since(began)
			if answered != (waited < time.Second) || waited > 3*time.Second {
				t.Errorf("answered after %s", waited)
			}
			<-s.Done()
			if got := r.result(); got.Tag != 1 || got.MessageID != "1" {
				t.Errorf("got %+v", got)
			}
			if got := r.result(); got.Tag != 2 || answered != (got.Err == nil) || !answered && got.Err != ErrUncertain {
				t.Errorf("got %+v", got)
			}
			if !errors.Is(s.Err(), ErrUnbound) {
				t.Errorf("ended with %v", s.Err())
			}
		})
	}
}

// TestCloseSendsAnswersFirst: what was delivered before is answered before unbind.
func TestCloseSendsAnswersFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := make(chan *Delivery, 10)
		s, p := pipe(t, slowly(1), Handler{Deliver: func(d *Delivery) bool { taken <- d; return true }})
		p.send(deliverSM(5, "before"))
		d := <-taken
		closed := make(chan error)
		go func() { closed <- s.Close(context.Background()) }()
		<-time.After(time.Second)
		heard := make(chan struct{})
		d.Ack(ESME_ROK, true, func() { close(heard) })
		p.expect(CmdDeliverSMResp)
		<-heard
		unbound(p, p.expect(CmdUnbind))
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

// TestAnswerBehindUnbind: the SMSC need not read an answer that comes behind our
// unbind, so that it counts as not given; and nothing more is taken.
func TestAnswerBehindUnbind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken := make(chan *Delivery, 10)
		s, p := pipe(t, slowly(1), Handler{Deliver: func(d *Delivery) bool { taken <- d; return true }})
		p.send(deliverSM(5, "before"))
		d := <-taken
		closed := make(chan error)
		go func() { closed <- s.Close(context.Background()) }()
		unbind := p.expect(CmdUnbind)
		d.Ack(ESME_ROK, false, func() { t.Error("an answer behind unbind counts as given") })
		p.send(deliverSM(6, "behind"))
		unbound(p, unbind)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if len(taken) != 0 {
			t.Errorf("taken behind unbind: %q", (<-taken).Message.Message)
		}
	})
}

// unbound answers our unbind. The pipe may be closed before it says that all was
// read.
func unbound(p *peer, unbind PDU) {
	_, _ = p.conn.Write(AppendHeader(nil, Header{CmdUnbindResp, ESME_ROK, unbind.Sequence}))
}
