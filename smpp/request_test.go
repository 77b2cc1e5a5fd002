package smpp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// outcome is what Cancel or Query returned.
type outcome struct {
	answer QueryResponse
	status Status
	err    error
}

var (
	sampleCancel = &CancelRequest{"CMT", "abc", Address{5, 0, "VANSO"}, Address{1, 1, "447700900123"}}
	sampleQuery  = &QueryRequest{"abc", Address{5, 0, "VANSO"}}
)

func cancelling(ctx context.Context, s *Session) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		status, err := s.Cancel(ctx, sampleCancel)
		c <- outcome{QueryResponse{}, status, err}
	}()
	return c
}

func querying(ctx context.Context, s *Session) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		answer, status, err := s.Query(ctx, sampleQuery)
		c <- outcome{answer, status, err}
	}()
	return c
}

func TestCancelAndQuery(t *testing.T) {
	cfg := testConfig()
	cfg.Window = 1
	r := newRecorder(t, 1)
	s, p := bind(t, cfg, r.handler())
	s.TrySubmit(sampleMessage(), 1)
	submit := p.expect(CmdSubmitSM) // the window is full
	cancelled, queried := cancelling(t.Context(), s), querying(t.Context(), s)
	for range 2 {
		frame, err := p.frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		switch pdu, _ := Decode(frame); b := pdu.Body.(type) {
		case *CancelRequest:
			if *b != *sampleCancel {
				t.Errorf("got %+v", b)
			}
			p.header(CmdCancelSMResp, ESME_RCANCELFAIL, pdu.Sequence)
		case *QueryRequest:
			if *b != *sampleQuery {
				t.Errorf("got %+v", b)
			}
			p.send(AppendQueryResponse(nil, Header{CmdQuerySMResp, ESME_ROK, pdu.Sequence}, &QueryResponse{"abc", "", 2, 7}))
		}
	}
	if got := receive(t, cancelled); got != (outcome{status: ESME_RCANCELFAIL}) {
		t.Errorf("got %+v", got)
	}
	if got := receive(t, queried); got != (outcome{answer: QueryResponse{"abc", "", 2, 7}}) {
		t.Errorf("got %+v", got)
	}
	p.accepted(submit, "id")
	r.result()
	closeGently(t, s, p)
}

// TestOddAnswers answers query_sm in ways that say nothing of the message.
func TestOddAnswers(t *testing.T) {
	s, p := bind(t, testConfig(), Handler{})
	cases := []struct {
		name   string
		answer func(seq uint32) []byte
		status Status
		bad    bool
	}{
		{"refused", func(seq uint32) []byte { return AppendHeader(nil, Header{CmdQuerySMResp, ESME_RQUERYFAIL, seq}) }, ESME_RQUERYFAIL, false},
		{"refused, with half a body", func(seq uint32) []byte {
			return patchLength(append(AppendHeader(nil, Header{CmdQuerySMResp, ESME_RQUERYFAIL, seq}), "ab"...), 0)
		}, ESME_RQUERYFAIL, false},
		{"not understood", func(seq uint32) []byte { return AppendHeader(nil, Header{CmdGenericNack, ESME_RINVCMDID, seq}) }, ESME_RINVCMDID, false},
		{"not understood, without error", func(seq uint32) []byte { return AppendHeader(nil, Header{CmdGenericNack, ESME_ROK, seq}) }, ESME_RUNKNOWNERR, false},
		{"header only", func(seq uint32) []byte { return AppendHeader(nil, Header{CmdQuerySMResp, ESME_ROK, seq}) }, ESME_ROK, true},
		{"half a body", func(seq uint32) []byte {
			return patchLength(append(AppendHeader(nil, Header{CmdQuerySMResp, ESME_ROK, seq}), "ab\x00\x00\x02"...), 0)
		}, ESME_ROK, true},
		{"oversize", func(seq uint32) []byte {
			return patchLength(append(AppendHeader(nil, Header{CmdQuerySMResp, ESME_ROK, seq}), make([]byte, MaxFrame)...), 0)
		}, ESME_ROK, true},
	}
	for _, c := range cases {
		queried := querying(t.Context(), s)
		p.send(c.answer(p.expect(CmdQuerySM).Sequence))
		got := receive(t, queried)
		var bad *DecodeError
		if got.status != c.status || errors.As(got.err, &bad) != c.bad || (got.err != nil) != c.bad || got.answer != (QueryResponse{}) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	closeGently(t, s, p)
}

func TestRequestWithoutAnswer(t *testing.T) {
	t.Run("timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cfg := testConfig()
			cfg.ResponseTimeout, cfg.EnquireLink = time.Second, time.Hour
			s, p := pipe(t, cfg, Handler{})
			cancelled := cancelling(t.Context(), s)
			seq := p.expect(CmdCancelSM).Sequence
			if got := receive(t, cancelled); !errors.Is(got.err, ErrUncertain) {
				t.Errorf("got %+v", got)
			}
			p.header(CmdCancelSMResp, ESME_ROK, seq) // to nothing now
			synctest.Wait()
			if got := s.Counters().Unmatched; got != 1 || s.Err() != nil {
				t.Errorf("%d unmatched, %v", got, s.Err())
			}
		})
	})
	t.Run("context", func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		s, p := bind(t, testConfig(), Handler{})
		queried := querying(ctx, s)
		p.expect(CmdQuerySM)
		cause := errors.New("nobody waits")
		stop(cause)
		if got := receive(t, queried); !errors.Is(got.err, ErrUncertain) || !errors.Is(got.err, cause) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("disconnect", func(t *testing.T) {
		s, p := bind(t, testConfig(), Handler{})
		cancelled := cancelling(t.Context(), s)
		p.expect(CmdCancelSM)
		p.conn.Close()
		if got := receive(t, cancelled); !errors.Is(got.err, ErrUncertain) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("ended", func(t *testing.T) {
		s, p := bind(t, testConfig(), Handler{})
		closeGently(t, s, p)
		if got := receive(t, cancelling(t.Context(), s)); !errors.Is(got.err, ErrUnsent) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("closing", func(t *testing.T) {
		s, p := bind(t, testConfig(), Handler{})
		s.TrySubmit(sampleMessage(), 1)
		submit := p.expect(CmdSubmitSM)
		closed := make(chan error, 1)
		go func() { closed <- s.Close(context.Background()) }()
		for s.Free() > 0 {
			p.header(CmdEnquireLink, 0, 1)
			p.expect(CmdEnquireLinkResp)
		}
		if got := receive(t, querying(t.Context(), s)); !errors.Is(got.err, ErrUnsent) {
			t.Errorf("got %+v", got)
		}
		p.accepted(submit, "id")
		p.header(CmdUnbindResp, ESME_ROK, p.expect(CmdUnbind).Sequence)
		if err := receive(t, closed); err != nil {
			t.Error(err)
		}
	})
	t.Run("receiver", func(t *testing.T) {
		cfg := testConfig()
		cfg.Bind = BindReceiver
		synctest.Test(t, func(t *testing.T) {
			s, _ := pipe(t, cfg, Handler{})
			if got := receive(t, cancelling(t.Context(), s)); !errors.Is(got.err, ErrUnsent) {
				t.Errorf("got %+v", got)
			}
		})
	})
}
