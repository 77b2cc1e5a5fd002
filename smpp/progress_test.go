package smpp

import (
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a configuration for tests in a bubble: half of it is below patience.
func slowly(window int) Config {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout, cfg.EnquireLink = window, 4*time.Second, time.Hour
	return cfg
}

func TestLateResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, 10)
		s, p := pipe(t, slowly(1), r.handler())
		s.TrySubmit(sampleMessage(), 5)
		first := p.expect(CmdSubmitSM)
		if got := r.result(); got.Tag != 5 || got.Err != ErrUncertain || got.Late || got.Elapsed < 4*time.Second {
			t.Fatalf("got %+v", got)
		}
		<-time.After(3 * time.Second)
		p.accepted(first, "late")
		if got := r.result(); got.Tag != 5 || got.Err != nil || !got.Late || got.MessageID != "late" {
			t.Fatalf("got %+v", got)
		}
		if s.Free() != 1 || s.Counters().Late != 1 {
			t.Errorf("free %d, %+v", s.Free(), s.Counters())
		}
		p.accepted(first, "again")
		<-time.After(time.Minute)
		if s.Err() != nil || !s.TrySubmit(sampleMessage(), 7) {
			t.Fatalf("nothing is outstanding, yet %v, free %d", s.Err(), s.Free())
		}
		p.header(CmdSubmitSMResp, ESME_RSYSERR, p.expect(CmdSubmitSM).Sequence)
		if got := r.result(); got.Tag != 7 || got.Status != ESME_RSYSERR || s.Counters().Unmatched != 1 {
			t.Errorf("got %+v, %+v", got, s.Counters())
		}
	})
}

// TestNoProgress lets the SMSC answer enquire_link and nothing else.
func TestNoProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := slowly(3)
		cfg.EnquireLink = time.Second
		r := newRecorder(t, 10)
		began := time.Now()
		s, p := pipe(t, cfg, r.handler())
		go func() {
			for {
				frame, err := p.frames.Next()
				if err != nil {
					return
				}
				if h := parseHeader(frame); h.Command == CmdEnquireLink {
					p.conn.Write(AppendHeader(nil, Header{CmdEnquireLinkResp, ESME_ROK, h.Sequence}))
				}
			}
		}()
		taken := uint64(0)
		for s.Err() == nil {
			if s.TrySubmit(sampleMessage(), taken) {
				taken++
			}
			<-time.After(900 * time.Millisecond)
		}
		<-s.Done()
		// A window, and one to find out.
		if s.Err() != ErrNoProgress || taken != 4 {
			t.Errorf("ended with %v, %d taken", s.Err(), taken)
		}
		if took := time.Since(began); took < 8*time.Second || took > 14*time.Second {
			t.Errorf("ended after %s", took)
		}
		for tag := range taken {
			if got := r.result(); got.Tag != tag || got.Err != ErrUncertain || got.Late {
				t.Errorf("got %+v", got)
			}
		}
		if len(r.results) != 0 {
			t.Errorf("one more result: %+v", <-r.results)
		}
	})
}

// TestLostResponse loses one response on a line that is hardly used: what comes
// next is not held up, and its response shows that the line lives.
func TestLostResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, 10)
		s, p := pipe(t, slowly(10), r.handler())
		s.TrySubmit(sampleMessage(), 1)
		p.expect(CmdSubmitSM)
		if got := r.result(); got.Tag != 1 || got.Err != ErrUncertain {
			t.Fatalf("got %+v", got)
		}
		if s.Free() != 1 || !s.TrySubmit(sampleMessage(), 2) || s.Free() != 0 {
			t.Fatalf("one is to be taken, and no more: free %d", s.Free())
		}
		p.accepted(p.expect(CmdSubmitSM), "2")
		if got := r.result(); got.Tag != 2 || got.Err != nil || s.Free() != 10 {
			t.Fatalf("got %+v, free %d", got, s.Free())
		}
		<-time.After(time.Minute)
		if s.Err() != nil {
			t.Errorf("the session ended: %v", s.Err())
		}
	})
}

// TestProgress answers every second submission: the session lives, and sends.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder(t, 100)
		s, p := pipe(t, slowly(10), r.handler())
		for i := range uint64(30) {
			if !s.TrySubmit(sampleMessage(), i) {
				t.Fatalf("submission %d is not taken: %v", i, s.Err())
			}
			if submit := p.expect(CmdSubmitSM); i%2 == 0 {
				p.header(CmdSubmitSMResp, ESME_RTHROTTLED, submit.Sequence)
			}
			<-time.After(time.Second)
		}
		uncertain := 0
		for len(r.results) > 0 {
			if got := r.result(); got.Err == ErrUncertain {
				uncertain++
			} else if got.Status != ESME_RTHROTTLED {
				t.Errorf("got %+v", got)
			}
		}
		if uncertain != 13 || s.Err() != nil {
			t.Errorf("%d uncertain, %v", uncertain, s.Err())
		}
	})
}

func TestNacksToNothing(t *testing.T) {
	cases := []struct {
		name   string
		pauses []time.Duration // before each
		err    error
	}{
		{"two", []time.Duration{0, 0}, nil},
		{"three at once", []time.Duration{0, 0, 0}, ErrProtocol},
		{"three within a minute", []time.Duration{0, 29 * time.Second, 29 * time.Second}, ErrProtocol},
		{"one every half minute", []time.Duration{0, 30 * time.Second, 30 * time.Second, 30 * time.Second, 30 * time.Second}, nil},
		{"faster in the end", []time.Duration{0, time.Minute, time.Second, time.Second}, ErrProtocol},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, p := pipe(t, slowly(1), Handler{})
				for _, pause := range c.pauses {
					<-time.After(pause)
					p.header(CmdSubmitSMResp, ESME_RINVCMDID, 77) // an unmatched response is none of them
					p.header(CmdGenericNack, ESME_RINVCMDID, 0)
				}
				synctest.Wait()
				if got := s.Counters(); s.Err() != c.err || got.Nacks != uint64(len(c.pauses)) || got.Unmatched != 2*got.Nacks {
					t.Errorf("%v, %+v", s.Err(), got)
				}
			})
		})
	}
}

func TestNackToARequest(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	for range 4 {
		s.TrySubmit(sampleMessage(), 1)
		p.header(CmdGenericNack, ESME_RINVCMDLEN, p.expect(CmdSubmitSM).Sequence)
		if got := r.result(); got.Status != ESME_RINVCMDLEN {
			t.Errorf("got %+v", got)
		}
	}
	if got := s.Counters().Nacks; got != 0 || s.Err() != nil {
		t.Errorf("%d, %v", got, s.Err())
	}
}
