package smpp

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
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

// pipe makes a bound session over a pipe, for the clock of a synctest bubble.
func pipe(t testing.TB, cfg Config, h Handler) (*Session, *peer) {
	t.Helper()
	client, server := net.Pipe()
	s := newSession(client, client, NewFrameReader(client), withDefaults(cfg), BindResponse{}, 1, h)
	s.start()
	t.Cleanup(func() { s.end(ErrClosed); <-s.Done() })
	return s, newPeer(t, server)
}
