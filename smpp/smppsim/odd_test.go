package smppsim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"smsbridge/smpp"
)

// frame reads a PDU without decoding it.
func (e *esme) frame() []byte {
	e.t.Helper()
	frame, err := e.frames.Next()
	if err != nil {
		e.t.Fatal(err)
	}
	return bytes.Clone(frame)
}

func TestSpoiltResponses(t *testing.T) {
	for form, want := range map[ResponseForm]string{
		ResponseWhole: "7\x00", ResponseHeader: "", ResponseEmpty: "\x00", ResponseUnterminated: "7", ResponsePadded: "7\x00\x00\x00\x00",
	} {
		s := start(t, Options{FirstID: 7, Script: withoutReceipts(SubmitScript{Form: form})})
		e := bound(t, s)
		e.submit(hello(customer))
		frame := e.frame()
		if got := string(frame[smpp.HeaderLen:]); got != want || int(binary.BigEndian.Uint32(frame)) != len(frame) {
			t.Errorf("form %d: %q", form, frame)
		}
		e.quiet()
	}
}

func TestResponsesThatAnswerNothing(t *testing.T) {
	s := start(t, Options{Script: withoutReceipts(SubmitScript{Doubled: true, NackEvery: 2})})
	e := bound(t, s)
	e.submit(hello(customer))
	for range 2 {
		if _, status := e.readResponse(); status != smpp.ESME_ROK {
			t.Error(status)
		}
	}
	e.submit(hello(customer))
	if p := e.read(); p.Command != smpp.CmdGenericNack || p.Status != smpp.ESME_RINVCMDID || p.Sequence != e.seq {
		t.Errorf("%v %v %d", p.Command, p.Status, p.Sequence)
	}
	if stats := s.Stats(); stats.Accepted != 1 || stats.Refused != 1 {
		t.Errorf("counters %+v", stats)
	}
}

func TestUnbindInMidWindow(t *testing.T) {
	s := start(t, Options{Script: withoutReceipts(SubmitScript{UnbindEvery: 2})})
	e := bound(t, s)
	for range 2 {
		e.submit(hello(customer))
	}
	e.seq--
	e.readResponse()
	p := e.read()
	if p.Command != smpp.CmdUnbind {
		t.Fatalf("%v, want unbind", p.Command)
	}
	e.write(smpp.AppendHeader(nil, smpp.Header{Command: smpp.CmdUnbindResp, Sequence: p.Sequence}))
	e.ends()
	if got := len(s.Submits()); got != 2 {
		t.Errorf("%d accepted", got)
	}
}

func TestOutbindComesFirst(t *testing.T) {
	s := start(t, Options{Script: Script{Bind: BindScript{Outbind: true}}})
	e := connect(t, s)
	if p := e.read(); p.Command != smpp.CmdOutbind || p.Body.(*smpp.OutbindRequest).SystemID != "smppsim" {
		t.Errorf("%v %+v", p.Command, p.Body)
	}
	if p := e.bind(smpp.CmdBindTransceiver, "us", ""); p.Status != smpp.ESME_ROK {
		t.Error(p.Status)
	}
}

func TestSlowReader(t *testing.T) {
	s := start(t, Options{Script: Script{Submit: SubmitScript{}, Receipt: ReceiptScript{When: ReceiptsNever}, Link: LinkScript{ReadRate: 400}}})
	e := bound(t, s)
	began := time.Now()
	var all []byte
	for sequence := range uint32(3) {
		all = smpp.AppendShortMessage(all, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: sequence + 10}, hello(customer))
	}
	e.write(all)
	for range 3 {
		e.read()
	}
	// The first octets are read with the bind, and nothing is waited for after the last.
	if took, least := time.Since(began), time.Duration(len(all)-40)*time.Second/400; took < least {
		t.Errorf("%d octets were read in %v, want %v at least", len(all), took, least)
	}
}

func TestSlowReaderLetsThePeerWait(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{When: ReceiptsNever}, Link: LinkScript{ReadRate: 1000}}})
	e := bound(t, s)
	if err := e.conn.(*net.TCPConn).SetWriteBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if err := e.conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := e.conn.Write(make([]byte, 1<<20)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a megabyte was taken: %v", err)
	}
}

func TestSendRaw(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret"}}})
	if err := s.SendRaw("us", nil); !errors.Is(err, ErrNotBound) {
		t.Error(err)
	}
	if err := s.SendRaw("them", nil); !errors.Is(err, ErrNoAccount) {
		t.Error(err)
	}
	transmitter := connect(t, s)
	transmitter.bind(smpp.CmdBindTransmitter, "us", "secret")
	pdu := []byte("\x00\x00\x00\x10\x00\x00\x00\x99\x00\x00\x00\x00\x00\x00\x00\x05")
	for range 2 {
		if err := s.SendRaw("us", pdu); err != nil {
			t.Fatal(err)
		}
		if got := transmitter.frame(); !bytes.Equal(got, pdu) {
			t.Errorf("%x", got)
		}
	}
	receivers := []*esme{bound(t, s), bound(t, s)}
	for range receivers {
		if err := s.SendRaw("us", pdu); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range receivers {
		if got := e.frame(); !bytes.Equal(got, pdu) {
			t.Errorf("%x", got)
		}
	}
	transmitter.quiet()
}

func TestOdditiesComeInTurn(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{When: ReceiptsNever}, Link: LinkScript{OddityEvery: 2}}})
	e := bound(t, s)
	for _, want := range Oddities(customer, ours) {
		e.submit(hello(customer))
		e.readResponse()
		e.submit(hello(customer))
		if len(want.PDU) <= smpp.MaxFrame {
			if got := e.frame(); !bytes.Equal(got, want.PDU) {
				t.Errorf("%s: %x, want %x", want.Name, got, want.PDU)
			}
		} else if frame, err := e.frames.Next(); err == nil {
			t.Errorf("%s: %x is not oversize", want.Name, frame)
		}
		e.readResponse()
	}
	e.write(smpp.AppendHeader(nil, smpp.Header{Command: smpp.CmdGenericNack, Status: smpp.ESME_RINVCMDID, Sequence: maxSequence + 5}))
	await(t, s, func(stats Stats) bool { return stats.OddityAnswers == 1 })
	if stats := s.Stats(); stats.ProtocolErrors != 0 || stats.Oddities != uint64(len(Oddities(customer, ours))) {
		t.Errorf("counters %+v", stats)
	}
}
