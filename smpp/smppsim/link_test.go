package smppsim

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestEnquireLinkBothWays(t *testing.T) {
	s := start(t, Options{Script: Script{Link: LinkScript{EnquireLink: 5 * time.Millisecond}}})
	e := bound(t, s)
	for range 3 {
		p := e.read()
		if p.Command != smpp.CmdEnquireLink {
			t.Fatalf("%v, want enquire_link", p.Command)
		}
		e.write(smpp.AppendHeader(nil, smpp.Header{Command: smpp.CmdEnquireLinkResp, Sequence: p.Sequence}))
	}
	if err := s.SetScript(Script{}); err != nil {
		t.Fatal(err)
	}
	e.request(smpp.CmdEnquireLink)
	for e.read().Command != smpp.CmdEnquireLinkResp {
	}
	if stats := s.Stats(); stats.EnquireLinks != 1 || stats.EnquireLinksSent < 3 || stats.ProtocolErrors != 0 {
		t.Errorf("counters %+v", stats)
	}
}

func TestPeerThatDoesNotAnswerIsDropped(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for name, script := range map[string]Script{
		"enquire_link": {Link: LinkScript{EnquireLink: 5 * time.Millisecond}, Deliver: DeliverScript{ResponseTimeout: timeout}},
		"deliver_sm":   {Deliver: DeliverScript{ResponseTimeout: timeout}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Script: script})
			e := bound(t, s)
			e.submit(hello(customer))
			e.drain()
			await(t, s, func(stats Stats) bool { return stats.Bound == 0 && stats.Redelivered == 1 })
		})
	}
}

func TestDisconnectAndUnbind(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	s.Disconnect()
	e.ends()
	await(t, s, func(stats Stats) bool { return stats.Bound == 0 })
	e = bound(t, s)
	s.Unbind()
	p := e.read()
	if p.Command != smpp.CmdUnbind {
		t.Fatalf("%v, want unbind", p.Command)
	}
	e.write(smpp.AppendHeader(nil, smpp.Header{Command: smpp.CmdUnbindResp, Sequence: p.Sequence}))
	e.ends()
}

func TestPDUsThatCannotBeServed(t *testing.T) {
	header := func(command smpp.CommandID, body ...byte) []byte {
		b := smpp.AppendHeader(nil, smpp.Header{Command: command, Sequence: 9})
		b = append(b, body...)
		b[3] = byte(len(b))
		return b
	}
	query := smpp.AppendQuery(nil, smpp.Header{Command: smpp.CmdQuerySM, Sequence: 9}, &smpp.QueryRequest{MessageID: "1"})
	oversize := append([]byte{0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 0x20000-16)...)
	for _, test := range []struct {
		name    string
		pdu     []byte
		command smpp.CommandID
		status  smpp.Status
	}{
		{"unknown command", header(0x99), smpp.CmdGenericNack, smpp.ESME_RINVCMDID},
		{"what only an SMSC sends", smpp.AppendOutbind(nil, smpp.Header{Command: smpp.CmdOutbind, Sequence: 9}, &smpp.OutbindRequest{}),
			smpp.CmdGenericNack, smpp.ESME_RINVCMDID},
		{"submit_sm cut off", header(smpp.CmdSubmitSM, 0, 1), smpp.CmdSubmitSMResp, smpp.ESME_RINVCMDLEN},
		{"query_sm", query, smpp.CmdQuerySMResp, smpp.ESME_RQUERYFAIL},
		{"oversize", oversize, smpp.CmdSubmitSMResp, smpp.ESME_RINVCMDLEN},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{})
			e := bound(t, s)
			e.write(test.pdu)
			if p := e.read(); p.Command != test.command || p.Status != test.status || p.Sequence != 9 {
				t.Errorf("%v %v %d", p.Command, p.Status, p.Sequence)
			}
			e.quiet()
		})
	}
}

func TestLostFramingEndsTheConnection(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	e.write([]byte("GET / HTTP/1.1\r\n\r\n"))
	if p := e.read(); p.Command != smpp.CmdGenericNack || p.Status != smpp.ESME_RINVCMDLEN {
		t.Errorf("%v %v", p.Command, p.Status)
	}
	e.ends()
}

// FuzzListener writes octets to a listener. Whatever they are, the connection ends
// when they do, and the next one can bind.
func FuzzListener(f *testing.F) {
	bind := smpp.AppendBind(nil, smpp.Header{Command: smpp.CmdBindTransceiver, Sequence: 1}, &smpp.BindRequest{SystemID: "us"})
	submit := smpp.AppendShortMessage(bytes.Clone(bind), smpp.Header{Command: smpp.CmdSubmitSM, Sequence: 2}, hello(customer))
	part := hello(customer)
	part.ESMClass, part.Message = esmUDHI, concatenated(1, 2, 1, []byte("part"))
	f.Add([]byte{})
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(submit)
	f.Add(submit[:len(submit)-3])
	f.Add(smpp.AppendShortMessage(bytes.Clone(bind), smpp.Header{Command: smpp.CmdDataSM, Sequence: 2}, part))
	f.Add(smpp.AppendHeader(bytes.Clone(bind), smpp.Header{Command: smpp.CmdUnbind, Sequence: 2}))
	f.Add(smpp.AppendResponse(submit, smpp.Header{Command: smpp.CmdDeliverSMResp, Sequence: 1}, nil))
	s, err := Start(context.Background(), Options{Spool: 100, Script: Script{Receipt: ReceiptScript{When: ReceiptsAlways}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, octets []byte) {
		e := connect(t, s)
		// A connection that the SMSC has given up refuses the rest.
		_, _ = e.conn.Write(octets)
		_ = e.conn.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, e.conn); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Fatal("the connection stays open")
			}
		}
		_ = e.conn.Close()
		next := connect(t, s)
		if p := next.bind(smpp.CmdBindTransmitter, "next", ""); p.Status != smpp.ESME_ROK && p.Status != smpp.ESME_RINVSYSID {
			t.Fatalf("bind: %v", p.Status)
		}
		_ = next.conn.Close()
	})
}
