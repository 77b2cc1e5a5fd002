package smppsim

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"smsbridge/smpp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ours     = "+12602058900"
	customer = "+447700900123"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

func start(t testing.TB, o Options) *SMSC {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func await(t testing.TB, s *SMSC, ok func(Stats) bool) Stats {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stats, err := s.Await(ctx, ok)
	if err != nil {
		t.Fatalf("%v; counters %+v", err, stats)
	}
	return stats
}

// esme is the other side, one PDU at a time.
type esme struct {
	t      testing.TB
	conn   net.Conn
	frames *smpp.FrameReader
	seq    uint32
}

func connect(t testing.TB, s *SMSC) *esme {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	return newESME(t, conn)
}

func newESME(t testing.TB, conn net.Conn) *esme {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &esme{t: t, conn: conn, frames: smpp.NewFrameReader(conn)}
}

// bound connects and binds as a transceiver.
func bound(t testing.TB, s *SMSC) *esme {
	t.Helper()
	e := connect(t, s)
	if p := e.bind(smpp.CmdBindTransceiver, "us", "secret"); p.Status != smpp.ESME_ROK {
		t.Fatalf("bind: %v", p.Status)
	}
	return e
}

func (e *esme) bind(command smpp.CommandID, systemID, password string) smpp.PDU {
	e.t.Helper()
	e.seq++
	e.write(smpp.AppendBind(nil, smpp.Header{Command: command, Sequence: e.seq}, &smpp.BindRequest{
		SystemID: systemID, Password: password, InterfaceVersion: 0x34,
	}))
	p := e.read()
	if p.Command != command.Response() || p.Sequence != e.seq {
		e.t.Fatalf("%v %d answers %v %d", p.Command, p.Sequence, command, e.seq)
	}
	return p
}

func (e *esme) write(b []byte) {
	e.t.Helper()
	if _, err := e.conn.Write(b); err != nil {
		e.t.Fatal(err)
	}
}

func (e *esme) read() smpp.PDU {
	e.t.Helper()
	frame, err := e.frames.Next()
	if err != nil {
		e.t.Fatal(err)
	}
	p, err := smpp.Decode(append([]byte(nil), frame...))
	if err != nil {
		e.t.Fatal(err)
	}
	return p
}

// ends fails the test unless the SMSC ends the connection now.
func (e *esme) ends() {
	e.t.Helper()
	frame, err := e.frames.Next()
	if err == nil {
		e.t.Fatalf("read %x after the end", frame)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		e.t.Fatal("the connection stays open")
	}
}

// quiet fails the test if the SMSC writes anything before it answers an
// enquire_link.
func (e *esme) quiet() {
	e.t.Helper()
	e.request(smpp.CmdEnquireLink)
	if p := e.read(); p.Command != smpp.CmdEnquireLinkResp || p.Sequence != e.seq {
		e.t.Fatalf("read %v %+v, want nothing", p.Command, p.Body)
	}
}

func (e *esme) request(command smpp.CommandID) {
	e.t.Helper()
	e.seq++
	e.write(smpp.AppendHeader(nil, smpp.Header{Command: command, Sequence: e.seq}))
}

func hello(to string) *smpp.ShortMessage {
	return &smpp.ShortMessage{
		Source: addressOf(ours), Dest: addressOf(to), RegisteredDelivery: 1, Message: []byte("hello"),
	}
}

func (e *esme) submit(m *smpp.ShortMessage) {
	e.t.Helper()
	e.seq++
	e.write(smpp.AppendShortMessage(nil, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: e.seq}, m))
}

// readResponse reads the response to the latest request.
func (e *esme) readResponse() (id string, status smpp.Status) {
	e.t.Helper()
	p := e.read()
	if p.Command != smpp.CmdSubmitSMResp || p.Sequence != e.seq {
		e.t.Fatalf("%v %d answers submit_sm %d", p.Command, p.Sequence, e.seq)
	}
	return p.Body.(*smpp.Response).MessageID, p.Status
}

// readDelivery reads a deliver_sm and leaves it unanswered.
func (e *esme) readDelivery() (smpp.Header, *smpp.ShortMessage) {
	e.t.Helper()
	p := e.read()
	if p.Command != smpp.CmdDeliverSM {
		e.t.Fatalf("%v, want deliver_sm", p.Command)
	}
	return p.Header, p.Body.(*smpp.ShortMessage)
}

func (e *esme) acknowledge(h smpp.Header, status smpp.Status) {
	e.t.Helper()
	e.write(smpp.AppendResponse(nil, smpp.Header{
		Command: h.Command.Response(), Status: status, Sequence: h.Sequence,
	}, nil))
}

func (e *esme) readReceipt() smpp.Receipt {
	e.t.Helper()
	h, m := e.readDelivery()
	e.acknowledge(h, smpp.ESME_ROK)
	r, kind := smpp.ParseReceipt(m, time.UTC)
	if kind != smpp.IsReceipt {
		e.t.Fatalf("%q is no receipt", m.Message)
	}
	return r
}

// drain reads until the connection ends.
func (e *esme) drain() {
	e.t.Helper()
	if _, err := io.Copy(io.Discard, e.conn); err != nil && !errors.Is(err, net.ErrClosed) {
		e.t.Log(err)
	}
}
