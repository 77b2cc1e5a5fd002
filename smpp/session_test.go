package smpp

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

func TestReceiverTakesNoSubmissions(t *testing.T) {
	l := listen(t)
	cfg := testConfig()
	cfg.Bind = BindReceiver
	c := dial(cfg, l, Handler{})
	p := accept(t, l)
	p.header(CmdBindReceiverResp, ESME_ROK, p.expect(CmdBindReceiver).Sequence)
	d := receive(t, c)
	if d.err != nil {
		t.Fatal(d.err)
	}
	if d.s.Version() != 0 || d.s.Free() != 0 || d.s.TrySubmit(&ShortMessage{}, 1) {
		t.Error("a receiver submits")
	}
	closeGently(t, d.s, p)
}

func TestSubmit(t *testing.T) {
	cfg := testConfig()
	cfg.Window = 2
	r := newRecorder(t, 10)
	s, p := bind(t, cfg, r.handler())
	m := sampleMessage()
	if !s.TrySubmit(m, 100) || !s.TrySubmit(m, 101) || s.TrySubmit(m, 102) || s.Free() != 0 {
		t.Fatal("a window of two takes two")
	}
	first, second := p.expect(CmdSubmitSM), p.expect(CmdSubmitSM)
	if first.Sequence == second.Sequence || first.Sequence == 0 {
		t.Errorf("sequence numbers %d and %d", first.Sequence, second.Sequence)
	}
	p.accepted(second, "b")
	if got := r.result(); got.Tag != 101 || got.MessageID != "b" || got.Status != ESME_ROK || got.Err != nil || got.Late || got.Elapsed <= 0 {
		t.Errorf("got %+v", got)
	}
	if s.Free() != 1 {
		t.Errorf("free %d, want 1", s.Free())
	}
	p.header(CmdSubmitSMResp, ESME_RTHROTTLED, first.Sequence)
	if got := r.result(); got.Tag != 100 || got.Status != ESME_RTHROTTLED || got.Err != nil {
		t.Errorf("got %+v", got)
	}
	closeGently(t, s, p)
}

// TestOddResponses answers one submission after another in ways that the
// specification does not know.
func TestOddResponses(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	raw := func(command CommandID, status Status, seq uint32, body string) []byte {
		return patchLength(append(AppendHeader(nil, Header{command, status, seq}), body...), 0)
	}
	cases := []struct {
		name   string
		play   func(seq uint32)
		status Status
		id     string
	}{
		{"id without NUL", func(seq uint32) { p.send(raw(CmdSubmitSMResp, 0, seq, "abc")) }, ESME_ROK, "abc"},
		{"no id", func(seq uint32) { p.header(CmdSubmitSMResp, 0, seq) }, ESME_ROK, ""},
		{"id beside an error", func(seq uint32) { p.send(raw(CmdSubmitSMResp, ESME_RMSGQFUL, seq, "abc\x00")) }, ESME_RMSGQFUL, ""},
		{"vendor status", func(seq uint32) { p.header(CmdSubmitSMResp, 0x400, seq) }, 0x400, ""},
		{"generic_nack", func(seq uint32) { p.header(CmdGenericNack, ESME_RINVCMDLEN, seq) }, ESME_RINVCMDLEN, ""},
		{"generic_nack without error", func(seq uint32) { p.header(CmdGenericNack, 0, seq) }, ESME_RUNKNOWNERR, ""},
		{"oversize", func(seq uint32) { p.send(raw(CmdSubmitSMResp, 0, seq, string(make([]byte, MaxFrame)))) }, ESME_ROK, ""},
		{"other responses first", func(seq uint32) {
			p.header(CmdSubmitSMResp, 0, seq+1000) // to nothing
			p.header(CmdEnquireLinkResp, 0, seq)   // of another command
			p.header(CmdGenericNack, 3, 0)
			p.send(deliverSM(seq, "the same number, from the other side"))
			p.accepted(PDU{Header: Header{Sequence: seq}}, "mine")
		}, ESME_ROK, "mine"},
		{"one octet at a time", func(seq uint32) {
			for _, o := range AppendResponse(nil, Header{CmdSubmitSMResp, 0, seq}, &Response{MessageID: "slow"}) {
				p.send([]byte{o})
			}
		}, ESME_ROK, "slow"},
	}
	for i, c := range cases {
		if !s.TrySubmit(sampleMessage(), uint64(i)) {
			t.Fatalf("%s: not taken", c.name)
		}
		c.play(p.expect(CmdSubmitSM).Sequence)
		if got := r.result(); got.Tag != uint64(i) || got.Status != c.status || got.MessageID != c.id || got.Err != nil {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	if got := string(receive(t, r.deliveries).Message.Message); got != "the same number, from the other side" {
		t.Errorf("delivered %q", got)
	}
	if got := s.Counters(); got.Unmatched != 3 {
		t.Errorf("%+v, want 3 unmatched", got)
	}
	closeGently(t, s, p)
}

func TestDeliver(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	p.send(append(deliverSM(0, "zero"), deliverSM(7, "seven")...))
	data := AppendShortMessage(nil, Header{CmdDataSM, 0, 8}, &ShortMessage{Message: []byte("data")})
	p.send(data)
	zero, seven, eight := receive(t, r.deliveries), receive(t, r.deliveries), receive(t, r.deliveries)
	if string(zero.Message.Message) != "zero" || zero.DataSM || !eight.DataSM || string(eight.Raw) != string(data) {
		t.Errorf("got %+v", zero)
	}
	written := make(chan string, 3)
	eight.Ack(ESME_ROK, true, func() { written <- "eight" })
	seven.Ack(ESME_RX_T_APPN, true, nil)
	zero.Ack(ESME_ROK, false, func() { written <- "zero" })
	zero.Ack(ESME_RSYSERR, false, func() { written <- "twice" })
	for _, want := range []Header{{CmdDataSMResp, 0, 8}, {CmdDeliverSMResp, ESME_RX_T_APPN, 7}, {CmdDeliverSMResp, 0, 0}} {
		if got := p.expect(want.Command).Header; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if a, b := receive(t, written), receive(t, written); a != "eight" || b != "zero" || len(written) != 0 {
		t.Errorf("written %s, %s and %d more", a, b, len(written))
	}
	closeGently(t, s, p)
}

func TestAckAfterTheEnd(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	p.send(deliverSM(1, "a"))
	d := receive(t, r.deliveries)
	p.conn.Close()
	<-s.Done()
	if !errors.Is(s.Err(), io.EOF) {
		t.Errorf("ended with %v, want EOF", s.Err())
	}
	d.Ack(ESME_ROK, false, func() { t.Error("written to a connection that is gone") })
}

func TestFullHandler(t *testing.T) {
	r := newRecorder(t, 1)
	s, p := bind(t, testConfig(), r.handler())
	p.send(append(deliverSM(1, "a"), deliverSM(2, "b")...))
	if got := p.expect(CmdDeliverSMResp).Header; got.Status != ESME_RMSGQFUL || got.Sequence != 2 {
		t.Errorf("got %+v", got)
	}
	receive(t, r.deliveries).Ack(ESME_ROK, false, nil)
	p.expect(CmdDeliverSMResp)
	if got := s.Counters().Refused; got != 1 {
		t.Errorf("refused %d, want 1", got)
	}
	closeGently(t, s, p)
}

func TestBrokenDelivery(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	frame := deliverSM(3, "abcdef")
	frame = patchLength(frame[:len(frame)-3], 0)
	p.send(frame)
	d := receive(t, r.broken)
	if d.Message != nil || string(d.Raw) != string(frame) {
		t.Errorf("got %+v", d)
	}
	d.Ack(ESME_ROK, false, nil)
	if got := p.expect(CmdDeliverSMResp).Header; got.Sequence != 3 || got.Status != ESME_ROK {
		t.Errorf("got %+v", got)
	}
	closeGently(t, s, p)
}

func TestBrokenDeliveryWithoutHandler(t *testing.T) {
	s, p := bind(t, testConfig(), Handler{})
	p.send(patchLength(deliverSM(3, "abcdef")[:60], 0))
	if got := p.expect(CmdDeliverSMResp).Header; got.Sequence != 3 || got.Status != ESME_RINVMSGLEN {
		t.Errorf("got %+v", got)
	}
	closeGently(t, s, p)
}

// TestRequestsFromTheSMSC sends what the session answers by itself.
func TestRequestsFromTheSMSC(t *testing.T) {
	s, p := bind(t, testConfig(), Handler{})
	submit := AppendShortMessage(nil, Header{CmdSubmitSM, 0, 11}, sampleMessage())
	oversize := patchLength(append(AppendHeader(nil, Header{CmdDeliverSM, 0, 12}), make([]byte, MaxFrame)...), 0)
	cases := []struct {
		name string
		send []byte
		want Header
	}{
		{"enquire_link", AppendHeader(nil, Header{CmdEnquireLink, 0, 0xFFFFFFFF}), Header{CmdEnquireLinkResp, 0, 0xFFFFFFFF}},
		{"unknown", AppendHeader(nil, Header{0x112, 0, 10}), Header{CmdGenericNack, ESME_RINVCMDID, 10}},
		{"submit_sm", submit, Header{CmdSubmitSMResp, ESME_RINVBNDSTS, 11}},
		{"oversize", oversize, Header{CmdGenericNack, ESME_RINVCMDLEN, 12}},
		{"bind", AppendBind(nil, Header{CmdBindReceiver, 0, 13}, &BindRequest{}), Header{CmdBindReceiverResp, ESME_RINVBNDSTS, 13}},
		{"padded enquire_link", patchLength(append(AppendHeader(nil, Header{CmdEnquireLink, 0, 14}), 0xFF), 0), Header{CmdEnquireLinkResp, 0, 14}},
	}
	for _, c := range cases {
		p.header(CmdAlertNotification, 0, 1) // goes without an answer
		p.send(c.send)
		if got := p.expect(c.want.Command).Header; got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	closeGently(t, s, p)
}

func TestLostFraming(t *testing.T) {
	for _, lie := range []string{"\x00\x00\x00\x0f", "\x38\x00\x00\x0f\x80\x00\x00\x06"} {
		s, p := bind(t, testConfig(), Handler{})
		p.send([]byte(lie))
		if got := p.expect(CmdGenericNack); got.Status != ESME_RINVCMDLEN {
			t.Errorf("got %+v", got)
		}
		p.expectEnd()
		<-s.Done()
		if !errors.Is(s.Err(), ErrFraming) {
			t.Errorf("ended with %v", s.Err())
		}
	}
}

func TestUnbindBySMSC(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	s.TrySubmit(sampleMessage(), 1)
	p.expect(CmdSubmitSM)
	p.header(CmdUnbind, 0, 77)
	if got := p.expect(CmdUnbindResp); got.Sequence != 77 || got.Status != ESME_ROK {
		t.Errorf("got %+v", got)
	}
	p.expectEnd()
	<-s.Done()
	if got := r.result(); got.Err != ErrUncertain || !errors.Is(s.Err(), ErrUnbound) {
		t.Errorf("got %+v, ended with %v", got, s.Err())
	}
}

func TestEnquireLink(t *testing.T) {
	cfg := testConfig()
	cfg.EnquireLink = 20 * time.Millisecond
	s, p := bind(t, cfg, Handler{})
	for range 3 {
		p.header(CmdEnquireLinkResp, 0, p.expect(CmdEnquireLink).Sequence)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	p.expect(CmdEnquireLink)
	p.expect(CmdEnquireLink)
	p.expectEnd()
	<-s.Done()
	if !errors.Is(s.Err(), ErrSilent) {
		t.Errorf("ended with %v", s.Err())
	}
}

func TestAnyPDUKeepsTheLinkAlive(t *testing.T) {
	cfg := testConfig()
	cfg.EnquireLink = 20 * time.Millisecond
	r := newRecorder(t, 100)
	s, p := bind(t, cfg, r.handler())
	for i := range uint32(10) {
		p.expect(CmdEnquireLink) // never answered
		p.send(deliverSM(i, "alive"))
		receive(t, r.deliveries)
	}
	if s.Err() != nil {
		t.Errorf("ended with %v", s.Err())
	}
}

func TestCloseWaitsForResponses(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	s.TrySubmit(sampleMessage(), 1)
	submit := p.expect(CmdSubmitSM)
	c := make(chan error, 1)
	go func() { c <- s.Close(context.Background()) }()
	p.header(CmdEnquireLink, 0, 1)
	p.expect(CmdEnquireLinkResp)
	p.accepted(submit, "id")
	unbind := p.expect(CmdUnbind)
	if got := r.result(); got.MessageID != "id" {
		t.Errorf("got %+v", got)
	}
	p.header(CmdUnbindResp, 0, unbind.Sequence)
	if err := receive(t, c); err != nil {
		t.Error(err)
	}
}

func TestCloseWithoutResponses(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	s.TrySubmit(sampleMessage(), 1)
	p.expect(CmdSubmitSM)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := make(chan error, 1)
	go func() { c <- s.Close(ctx) }()
	p.header(CmdUnbindResp, 0, p.expect(CmdUnbind).Sequence)
	if err := receive(t, c); err != nil {
		t.Error(err)
	}
	if got := r.result(); got.Err != ErrUncertain {
		t.Errorf("got %+v", got)
	}
}

func TestSequenceNumbersWrap(t *testing.T) {
	r := newRecorder(t, 10)
	s, p := bind(t, testConfig(), r.handler())
	s.mu.Lock()
	s.sequence = 0x7FFFFFFE
	s.requests[1] = request{command: CmdEnquireLink, at: time.Hour}
	s.mu.Unlock()
	for _, want := range []uint32{0x7FFFFFFF, 2} {
		s.TrySubmit(sampleMessage(), 1)
		if got := p.expect(CmdSubmitSM); got.Sequence != want {
			t.Errorf("sequence %#x, want %#x", got.Sequence, want)
		}
	}
}
