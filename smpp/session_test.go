package smpp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// peer is the SMSC's end of a connection, played by hand.
type peer struct {
	t      testing.TB
	conn   net.Conn
	frames *FrameReader
}

func newPeer(t testing.TB, conn net.Conn) *peer {
	t.Cleanup(func() { conn.Close() })
	return &peer{t, conn, NewFrameReader(conn)}
}

// expect reads the next PDU, which must be of this command.
func (p *peer) expect(command CommandID) PDU {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	frame, err := p.frames.Next()
	if err != nil {
		p.t.Fatalf("expecting %s: %v", command, err)
	}
	pdu, err := Decode(slices.Clone(frame))
	if err != nil {
		p.t.Fatalf("expecting %s: %v", command, err)
	}
	if pdu.Command != command {
		p.t.Fatalf("got %s (%s), want %s", pdu.Command, pdu.Status, command)
	}
	return pdu
}

// expectEnd reads until the connection is closed.
func (p *peer) expectEnd() {
	p.t.Helper()
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for {
		if _, err := p.frames.Next(); errors.Is(err, os.ErrDeadlineExceeded) {
			p.t.Fatal("the connection is still open")
		} else if err != nil {
			return
		}
	}
}

func (p *peer) send(frame []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(frame); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) header(command CommandID, status Status, seq uint32) {
	p.t.Helper()
	p.send(AppendHeader(nil, Header{command, status, seq}))
}

// accepted answers a submit_sm.
func (p *peer) accepted(submit PDU, id string) {
	p.t.Helper()
	p.send(AppendResponse(nil, Header{CmdSubmitSMResp, ESME_ROK, submit.Sequence}, &Response{MessageID: id}))
}

// deliverSM is a deliver_sm.
func deliverSM(seq uint32, s string) []byte {
	return AppendShortMessage(nil, Header{CmdDeliverSM, ESME_ROK, seq}, &ShortMessage{
		Source: Address{1, 1, "447700900123"}, Dest: Address{1, 1, "447700900456"}, Message: []byte(s),
	})
}

// recorder keeps what a session reports.
type recorder struct {
	t          testing.TB
	results    chan Result
	deliveries chan *Delivery
	broken     chan *Delivery
}

func newRecorder(t testing.TB, size int) *recorder {
	return &recorder{t, make(chan Result, size), make(chan *Delivery, size), make(chan *Delivery, size)}
}

func (r *recorder) handler() Handler {
	offer := func(c chan *Delivery, d *Delivery) bool {
		select {
		case c <- d:
			return true
		default:
			return false
		}
	}
	return Handler{
		Deliver: func(d *Delivery) bool { return offer(r.deliveries, d) },
		Broken:  func(d *Delivery, _ error) bool { return offer(r.broken, d) },
		Result:  func(x Result) { r.results <- x },
	}
}

func (r *recorder) result() Result { r.t.Helper(); return receive(r.t, r.results) }

func receive[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func testConfig() Config {
	cfg := Defaults()
	cfg.SystemID, cfg.Password, cfg.SystemType = "us", "secret", "VMA"
	cfg.AddrTON, cfg.AddrNPI, cfg.AddressRange = 1, 2, "^44"
	return cfg
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// accept takes one connection.
func accept(t testing.TB, l net.Listener) *peer {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return newPeer(t, conn)
}

type dialled struct {
	s   *Session
	err error
}

func dial(cfg Config, l net.Listener, h Handler) <-chan dialled {
	c := make(chan dialled, 1)
	go func() {
		s, err := Dial(context.Background(), cfg, l.Addr().String(), h)
		c <- dialled{s, err}
	}()
	return c
}

// bind makes a session with a peer that accepted its bind.
func bind(t testing.TB, cfg Config, h Handler) (*Session, *peer) {
	t.Helper()
	l := listen(t)
	c := dial(cfg, l, h)
	p := accept(t, l)
	request := p.expect(CmdBindTransceiver)
	p.send(AppendBindResponse(nil, Header{CmdBindTransceiverResp, ESME_ROK, request.Sequence}, &BindResponse{
		SystemID: "them", TLVs: TLVs{{TagSCInterfaceVersion, []byte{0x34}}},
	}))
	d := receive(t, c)
	if d.err != nil {
		t.Fatal(d.err)
	}
	t.Cleanup(func() { d.s.end(ErrClosed); <-d.s.Done() })
	return d.s, p
}

// closeGently closes s while the peer plays along.
func closeGently(t testing.TB, s *Session, p *peer) {
	t.Helper()
	c := make(chan error, 1)
	go func() { c <- s.Close(context.Background()) }()
	p.header(CmdUnbindResp, ESME_ROK, p.expect(CmdUnbind).Sequence)
	if err := receive(t, c); err != nil {
		t.Errorf("Close: %v", err)
	}
	p.expectEnd()
}

func TestBind(t *testing.T) {
	l := listen(t)
	cfg := testConfig()
	c := dial(cfg, l, Handler{})
	p := accept(t, l)
	request := p.expect(CmdBindTransceiver)
	want := BindRequest{"us", "secret", "VMA", 0x34, Address{1, 2, "^44"}}
	if got := *request.Body.(*BindRequest); got != want {
		t.Errorf("bound with %+v, want %+v", got, want)
	}
	p.header(CmdEnquireLink, ESME_ROK, 9) // some ask before they answer
	p.expect(CmdEnquireLinkResp)
	p.send(AppendBindResponse(nil, Header{CmdBindTransceiverResp, ESME_ROK, request.Sequence}, &BindResponse{
		SystemID: "them", TLVs: TLVs{{TagSCInterfaceVersion, []byte{0x34}}},
	}))
	d := receive(t, c)
	if d.err != nil {
		t.Fatal(d.err)
	}
	if d.s.Peer().SystemID != "them" || d.s.Version() != 0x34 || d.s.Free() != 10 || d.s.Err() != nil {
		t.Errorf("peer %+v, version %#x, free %d, %v", d.s.Peer(), d.s.Version(), d.s.Free(), d.s.Err())
	}
	closeGently(t, d.s, p)
	if !errors.Is(d.s.Err(), ErrClosed) || d.s.Free() != 0 || d.s.TrySubmit(&ShortMessage{}, 1) {
		t.Errorf("after Close: %v, free %d", d.s.Err(), d.s.Free())
	}
	if err := d.s.Close(context.Background()); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestBindRefused(t *testing.T) {
	for status, credentials := range map[Status]bool{
		ESME_RINVPASWD: true, ESME_RINVSYSID: true, ESME_RALYBND: false, ESME_RBINDFAIL: false, ESME_RTHROTTLED: false,
	} {
		l := listen(t)
		c := dial(testConfig(), l, Handler{})
		p := accept(t, l)
		request := p.expect(CmdBindTransceiver)
		p.header(CmdBindTransceiverResp, status, request.Sequence)
		var refused *BindError
		if d := receive(t, c); !errors.As(d.err, &refused) || refused.Status != status || refused.Credentials() != credentials {
			t.Errorf("%s: got %v", status, d.err)
		}
		p.expectEnd()
	}
}

func TestBindFails(t *testing.T) {
	cases := []struct {
		name string
		play func(p *peer, seq uint32)
		want error
	}{
		{"silence", func(p *peer, _ uint32) { p.expectEnd() }, context.DeadlineExceeded},
		{"hang-up", func(p *peer, _ uint32) { p.conn.Close() }, io.EOF},
		{"nonsense", func(p *peer, _ uint32) { p.send([]byte("HTTP/1.1 400 Bad Request\r\n")); p.expectEnd() }, ErrFraming},
		{"generic_nack", func(p *peer, seq uint32) { p.header(CmdGenericNack, ESME_RINVCMDID, seq); p.expectEnd() }, nil},
	}
	for _, c := range cases {
		l := listen(t)
		cfg := testConfig()
		cfg.BindTimeout = 100 * time.Millisecond
		if c.name != "silence" {
			cfg.BindTimeout = patience
		}
		done := dial(cfg, l, Handler{})
		p := accept(t, l)
		c.play(p, p.expect(CmdBindTransceiver).Sequence)
		d := receive(t, done)
		var refused *BindError
		if d.err == nil || (c.want == nil) != errors.As(d.err, &refused) || (c.want != nil && !errors.Is(d.err, c.want)) {
			t.Errorf("%s: got %v, want %v", c.name, d.err, c.want)
		}
	}
}

func TestDialRefusesPair(t *testing.T) {
	cfg := testConfig()
	cfg.Bind = BindPair
	if _, err := Dial(context.Background(), cfg, "127.0.0.1:1", Handler{}); err == nil {
		t.Error("a pair was bound as one session")
	}
}

func TestDialStopsWithContext(t *testing.T) {
	l := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	c := make(chan error, 1)
	go func() {
		_, err := Dial(ctx, testConfig(), l.Addr().String(), Handler{})
		c <- err
	}()
	p := accept(t, l)
	p.expect(CmdBindTransceiver)
	cancel()
	if err := receive(t, c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

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

func TestLateResponse(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout = 1, 30*time.Millisecond
	r := newRecorder(t, 10)
	s, p := bind(t, cfg, r.handler())
	s.TrySubmit(sampleMessage(), 5)
	first := p.expect(CmdSubmitSM)
	if got := r.result(); got.Tag != 5 || got.Err != ErrUncertain || got.Late {
		t.Fatalf("got %+v", got)
	}
	if !s.TrySubmit(sampleMessage(), 6) {
		t.Fatal("a timeout keeps its slot")
	}
	p.expect(CmdSubmitSM)
	if got := r.result(); got.Tag != 6 || got.Err != ErrUncertain {
		t.Fatalf("got %+v", got)
	}
	p.accepted(first, "late")
	if got := r.result(); got.Tag != 5 || got.Err != nil || !got.Late || got.MessageID != "late" {
		t.Fatalf("got %+v", got)
	}
	if s.Free() != 1 || s.Counters().Late != 1 {
		t.Errorf("free %d, %+v", s.Free(), s.Counters())
	}
	p.accepted(first, "again")
	p.header(CmdEnquireLink, 0, 1)
	p.expect(CmdEnquireLinkResp)
	s.end(ErrClosed)
	<-s.Done()
	if len(r.results) != 0 {
		t.Errorf("one more result: %+v", <-r.results)
	}
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

// TestHandedToTheKernel breaks a connection that takes only so many octets: what
// was not handed over whole is unsent, the rest uncertain.
func TestHandedToTheKernel(t *testing.T) {
	frame := len(AppendShortMessage(nil, Header{CmdSubmitSM, 0, 1}, sampleMessage()))
	cases := []struct {
		name   string
		takes  int
		secure bool
		want   []error
	}{
		{"nothing", 0, false, []error{ErrUnsent, ErrUnsent, ErrUnsent}},
		{"all but one octet", frame - 1, false, []error{ErrUnsent, ErrUnsent, ErrUnsent}},
		{"one", frame, false, []error{ErrUncertain, ErrUnsent, ErrUnsent}},
		{"one and a half", frame + frame/2, false, []error{ErrUncertain, ErrUnsent, ErrUnsent}},
		{"over TLS", frame / 2, true, []error{ErrUncertain, ErrUncertain, ErrUncertain}},
	}
	for _, c := range cases {
		client, server := net.Pipe()
		conn := &limitedConn{Conn: client, takes: c.takes}
		raw := net.Conn(conn)
		if c.secure {
			raw = client // as if conn were TLS over it
		}
		cfg := testConfig()
		r := newRecorder(t, 10)
		s := newSession(conn, raw, NewFrameReader(conn), cfg, BindResponse{}, 1, r.handler())
		for tag := range uint64(3) { // the writer does not run yet: they go out in one write
			if !s.TrySubmit(sampleMessage(), tag) {
				t.Fatal("not taken")
			}
		}
		s.start()
		receive(t, s.Done())
		for tag, want := range c.want {
			if got := r.result(); got.Tag != uint64(tag) || got.Err != want {
				t.Errorf("%s: got %+v, want %v", c.name, got, want)
			}
		}
		if len(r.results) != 0 {
			t.Errorf("%s: one more result", c.name)
		}
		server.Close()
	}
}

// limitedConn breaks when it has taken so many octets.
type limitedConn struct {
	net.Conn
	takes int
}

func (c *limitedConn) Write(b []byte) (int, error) {
	if len(b) <= c.takes {
		c.takes -= len(b)
		return len(b), nil
	}
	return c.takes, io.ErrClosedPipe
}

// TestStalledPeer lets the SMSC stop reading: what it never took is unsent, and
// the session ends by its write deadline.
func TestStalledPeer(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout = 1000, 200*time.Millisecond
	r := newRecorder(t, 3000)
	s, _ := bind(t, cfg, r.handler())
	big := &ShortMessage{Message: make([]byte, 60_000)}
	taken := 0
	for s.TrySubmit(big, uint64(taken)) {
		taken++
	}
	receive(t, s.Done())
	unsent := 0
	for range taken {
		if got := r.result(); got.Err == ErrUnsent {
			unsent++
		} else if got.Err != ErrUncertain {
			t.Errorf("got %+v", got)
		}
	}
	if !errors.Is(s.Err(), os.ErrDeadlineExceeded) || len(r.results) != 0 {
		t.Errorf("ended with %v, %d more results", s.Err(), len(r.results))
	}
}

// TestFloodOfRequests never reads the answers.
func TestFloodOfRequests(t *testing.T) {
	s, p := bind(t, testConfig(), Handler{})
	var flood []byte
	for range 10_000 {
		flood = AppendHeader(flood, Header{CmdEnquireLink, 0, 1})
	}
	for {
		if _, err := p.conn.Write(flood); err != nil {
			break
		}
	}
	receive(t, s.Done())
	if !errors.Is(s.Err(), ErrStalled) {
		t.Errorf("ended with %v", s.Err())
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

// TestExactlyOneResult submits from many goroutines to a peer that loses some
// responses, repeats others, and hangs up in the middle.
func TestExactlyOneResult(t *testing.T) {
	cfg := testConfig()
	cfg.Window, cfg.ResponseTimeout = 50, 20*time.Millisecond
	var mu sync.Mutex
	results := map[uint64]int{}
	h := Handler{Result: func(r Result) {
		if !r.Late {
			mu.Lock()
			results[r.Tag]++
			mu.Unlock()
		}
	}}
	s, p := bind(t, cfg, h)
	var wg sync.WaitGroup
	var submitted [4]int
	for g := range submitted {
		wg.Go(func() {
			for {
				select {
				case <-s.Done():
					return
				default:
				}
				if s.TrySubmit(sampleMessage(), uint64(g)<<32|uint64(submitted[g])) {
					submitted[g]++
				}
			}
		})
	}
	for i := range 3000 {
		submit := p.expect(CmdSubmitSM)
		if i%100 != 7 {
			p.accepted(submit, fmt.Sprint(i))
		}
		if i%100 == 13 {
			p.accepted(submit, "again")
		}
	}
	p.conn.Close()
	wg.Wait()
	total := 0
	for _, n := range submitted {
		total += n
	}
	if len(results) != total {
		t.Errorf("%d submissions have results, want %d", len(results), total)
	}
	for tag, n := range results {
		if n != 1 {
			t.Errorf("submission %d has %d results", tag, n)
		}
	}
}

// FuzzSession lets the SMSC send random octets: the session ends with the
// connection, and what was submitted has one result.
func FuzzSession(f *testing.F) {
	for _, row := range loadRows[corpusPDU](f, "testdata/pdus.jsonl", corpusPDUs) {
		f.Add(unhex(f, row.Hex))
	}
	f.Add(append(deliverSM(1, "a"), AppendHeader(nil, Header{CmdUnbind, 0, 2})...))
	f.Add(AppendResponse(nil, Header{CmdSubmitSMResp, 0, 2}, &Response{MessageID: "x"}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		client, server := net.Pipe()
		results := 0
		s := newSession(client, client, NewFrameReader(client), withDefaults(testConfig()), BindResponse{}, 1, Handler{
			Deliver: func(d *Delivery) bool { d.Ack(ESME_ROK, len(d.Raw)%2 == 0, func() {}); return true },
			Broken:  func(d *Delivery, _ error) bool { d.Ack(ESME_ROK, false, nil); return true },
			Result: func(r Result) {
				if !r.Late {
					results++
				}
			},
		})
		s.TrySubmit(sampleMessage(), 1)
		s.start()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = io.Copy(io.Discard, server) })
		_, _ = server.Write(stream) // the session may hang up in the middle
		server.Close()
		receive(t, s.Done())
		wg.Wait()
		if results != 1 {
			t.Fatalf("%d results", results)
		}
	})
}
