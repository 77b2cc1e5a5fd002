package smpp

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"
)

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

// TestDeliverRightBehindBind sends the first text in the same segment as the
// response to the bind.
func TestDeliverRightBehindBind(t *testing.T) {
	l := listen(t)
	cfg := testConfig()
	cfg.Bind = BindTransmitter // some SMSCs deliver to those too
	r := newRecorder(t, 1)
	c := dial(cfg, l, r.handler())
	p := accept(t, l)
	p.expect(CmdBindTransmitter)
	p.send(append(AppendBindResponse(nil, Header{CmdBindTransmitterResp, 0, 0}, &BindResponse{}), deliverSM(5, "early")...))
	if got := receive(t, r.deliveries); string(got.Message.Message) != "early" {
		t.Errorf("got %+v", got)
	}
	d := receive(t, c)
	if d.err != nil {
		t.Fatal(d.err)
	}
	closeGently(t, d.s, p)
}
