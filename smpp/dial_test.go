package smpp

import (
	"context"
	"errors"
	"io"
	"net"
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

func TestDialRefusesConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"a pair as one session": func(c *Config) { c.Bind = BindPair },
		"an unknown version":    func(c *Config) { c.InterfaceVersion = "3.5" },
		"a name to come from":   func(c *Config) { c.LocalAddr = "localhost" },
		"SAR without TLVs":      func(c *Config) { c.InterfaceVersion, c.LongMessages = Version33, LongSAR },
		"payload without TLVs":  func(c *Config) { c.InterfaceVersion, c.LongMessages = Version33, LongPayload },
	} {
		cfg := testConfig()
		change(&cfg)
		if _, err := Dial(context.Background(), cfg, listen(t).Addr().String(), Handler{}); err == nil {
			t.Errorf("%s: bound", name)
		}
	}
}

func TestInterfaceVersion(t *testing.T) {
	cases := []struct {
		version InterfaceVersion
		bound   uint8
		peer    []byte // sc_interface_version
		takes   bool
	}{
		{Version33, 0x33, []byte{0x34}, false},
		{Version34, 0x34, []byte{0x34}, true},
		{Version34, 0x34, []byte{0x33}, false},
		{Version34, 0x34, nil, false},
		{Version50, 0x50, []byte{0x50}, true},
		{"", 0x34, []byte{0x50}, true},
	}
	for _, c := range cases {
		l, cfg := listen(t), testConfig()
		cfg.InterfaceVersion = c.version
		done := dial(cfg, l, Handler{})
		p := accept(t, l)
		request := p.expect(CmdBindTransceiver)
		if got := request.Body.(*BindRequest).InterfaceVersion; got != c.bound {
			t.Errorf("%q is bound as %#x, want %#x", c.version, got, c.bound)
		}
		response := &BindResponse{SystemID: "them"}
		if c.peer != nil {
			response.TLVs = TLVs{{TagSCInterfaceVersion, c.peer}}
		}
		p.send(AppendBindResponse(nil, Header{CmdBindTransceiverResp, ESME_ROK, request.Sequence}, response))
		d := receive(t, done)
		if d.err != nil {
			t.Fatal(d.err)
		}
		if got := d.s.TakesTLVs(); got != c.takes {
			t.Errorf("%q to %x takes TLVs: %v, want %v", c.version, c.peer, got, c.takes)
		}
		closeGently(t, d.s, p)
	}
}

// TestSubmitWithoutTLVs binds as 3.3.
func TestSubmitWithoutTLVs(t *testing.T) {
	cfg := testConfig()
	cfg.InterfaceVersion = Version33
	s, p := bind(t, cfg, Handler{})
	text := []byte("hello")
	for _, m := range []*ShortMessage{
		{Message: text, TLVs: TLVs{{TagUserMessageReference, []byte{1, 2}}, {0x1400, text}}},
		{Message: text, TLVs: TLVs{{TagMessagePayload, text}}},
		{TLVs: TLVs{{TagMessagePayload, text}}},
	} {
		tlvs := len(m.TLVs)
		if !s.TrySubmit(m, 1) || len(m.TLVs) != tlvs {
			t.Fatalf("not taken, or changed: %+v", m)
		}
		got := p.expect(CmdSubmitSM).Body.(*ShortMessage)
		if string(got.Message) != "hello" || got.TLVs != nil {
			t.Errorf("got %+v", got)
		}
	}
	if s.TrySubmit(&ShortMessage{Message: make([]byte, MaxShortMessage+1)}, 1) {
		t.Error("a text that has no place was taken")
	}
}

func TestLocalAddr(t *testing.T) {
	l, cfg := listen(t), testConfig()
	cfg.LocalAddr = "127.0.0.2"
	done := dial(cfg, l, Handler{})
	p := accept(t, l)
	if got := p.conn.RemoteAddr().(*net.TCPAddr).IP.String(); got != "127.0.0.2" {
		t.Errorf("connected from %s", got)
	}
	p.header(CmdBindTransceiverResp, ESME_RINVSYSID, p.expect(CmdBindTransceiver).Sequence)
	if d := receive(t, done); d.err == nil {
		t.Error("bound")
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
