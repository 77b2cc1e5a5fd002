package carrier_test

import (
	"context"
	"flag"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Those of modems are parallel, and mostly wait.
	if p := flag.Lookup("test.parallel"); p.Value.String() == p.DefValue {
		if err := flag.Set(p.Name, "24"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

// account is a carrier.SMPP whose stream the test reads.
type account struct {
	*carrier.SMPP
	t        testing.TB
	smsc     *smppsim.SMSC
	registry *prometheus.Registry
	stream   *gateway.Stream
	stop     func()
	ended    chan struct{}
	states   []gateway.Report // that were passed over
}

func startAccount(t testing.TB, script smppsim.Script, change func(*smpp.Config)) *account {
	t.Helper()
	return startAccountAt(t, startSMSC(t, smppsim.Options{Script: script}), change)
}

// startSMSC starts one that knows the account.
func startSMSC(t testing.TB, o smppsim.Options) *smppsim.SMSC {
	t.Helper()
	if o.Accounts == nil {
		o.Accounts = map[string]smppsim.Account{"us": {Password: "pw"}}
	}
	smsc, err := smppsim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	return smsc
}

func startAccountAt(t testing.TB, smsc *smppsim.SMSC, change func(*smpp.Config)) *account {
	t.Helper()
	a := newAccount(t, smsc, change)
	a.run()
	return a
}

// newAccount makes one that does not run yet.
func newAccount(t testing.TB, smsc *smppsim.SMSC, change func(*smpp.Config)) *account {
	t.Helper()
	cfg := smpp.Defaults()
	cfg.Hosts, cfg.SystemID, cfg.Password, cfg.Rate = []string{smsc.Addr()}, "us", "pw", 1000
	cfg.Reconnect = smpp.Reconnect{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	registry := prometheus.NewPedanticRegistry()
	var sessions atomic.Int64
	c, err := carrier.NewSMPP(carrier.SMPPOptions{Name: "acme", Config: cfg, Numbers: []gateway.Address{{Kind: gateway.AddressE164, Value: ours}},
		Region: "US", NewID: func() gateway.ID { return gateway.ID(sessions.Add(1) << gateway.SegmentBits) }, Log: slog.New(slog.DiscardHandler), Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	_, window := c.Room()
	return &account{SMPP: c, t: t, smsc: smsc, registry: registry, stream: gateway.NewStream(256, 4*window+16), ended: make(chan struct{})}
}

func (a *account) run() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() { defer close(a.ended); a.Run(ctx, a.stream) }()
	a.stop = func() { cancel(); <-a.ended }
	a.t.Cleanup(a.stop)
}

// next is the next report of a kind; others are passed over. No state is missed:
// they come when they come.
func (a *account) next(kind gateway.ReportKind) gateway.Report {
	a.t.Helper()
	if kind == gateway.ReportState && len(a.states) > 0 {
		r := a.states[0]
		a.states = a.states[1:]
		return r
	}
	limit := time.After(patience)
	for {
		select {
		case r := <-a.stream.Reports():
			if r.Kind == kind {
				return r
			}
			if r.Kind == gateway.ReportState {
				a.states = append(a.states, r)
			}
		case <-limit:
			a.t.Fatal("no report")
		}
	}
}

func (a *account) expectState(want gateway.CarrierState) gateway.Report {
	a.t.Helper()
	r := a.next(gateway.ReportState)
	if r.State != want {
		a.t.Fatalf("the carrier is %v (%s), want %v", r.State, r.Text, want)
	}
	return r
}

func (a *account) up() {
	a.t.Helper()
	a.expectState(gateway.CarrierConnecting)
	a.expectState(gateway.CarrierUp)
}

func submission(n int, text string) gateway.Submission {
	return gateway.Submission{Segment: gateway.ID(n << gateway.SegmentBits), Attempt: 1, From: gateway.Address{Kind: gateway.AddressE164, Value: ours},
		To: gateway.Address{Kind: gateway.AddressE164, Value: "+12602058901"}, Payload: []byte(text), Expires: time.Now().Add(48 * time.Hour)}
}

func (a *account) submit(subs ...gateway.Submission) {
	a.t.Helper()
	if n := a.Submit(subs); n != len(subs) {
		a.t.Fatalf("%d of %d submissions were taken", n, len(subs))
	}
}

func TestAcceptedInOrder(t *testing.T) {
	a := startAccount(t, smppsim.Script{Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}, nil)
	a.up()
	if room, window := a.Room(); room != 20 || window != 10 {
		t.Fatalf("room for %d in a window of %d, want 20 and 10", room, window)
	}
	var all []gateway.Submission
	for i := 1; i <= 20; i++ {
		all = append(all, submission(i, strings.Repeat("x", i)))
	}
	a.submit(all...)
	if n := a.Submit(all[:1]); n == 1 && len(a.smsc.Submits()) == 0 {
		t.Error("more was taken than there is room for")
	}
	for i := range all {
		r := a.next(gateway.ReportResult)
		if r.Outcome != gateway.OutcomeAccepted || r.Reference == "" || r.Segment != all[i].Segment || r.Attempt != 1 {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	for i, s := range a.smsc.Submits()[:20] {
		if s.From != ours || s.To != "+12602058901" || len(s.PDU.Message) != i+1 || s.PDU.RegisteredDelivery != 1 || s.PDU.ValidityPeriod != "000002000000000R" {
			t.Errorf("submit_sm %d: %+v", i, s)
		}
	}
}

func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		name   string
		submit smppsim.SubmitScript
		want   gateway.Outcome
		code   string
	}{
		{"throttled", smppsim.SubmitScript{ThrottleEvery: 1}, gateway.OutcomeThrottled, "ESME_RTHROTTLED"},
		{"queue full", smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: smpp.ESME_RMSGQFUL}, gateway.OutcomeThrottled, "ESME_RMSGQFUL"},
		{"system error", smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: smpp.ESME_RSYSERR}, gateway.OutcomeRetry, "ESME_RSYSERR"},
		{"no such number", smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: smpp.ESME_RINVDSTADR}, gateway.OutcomeRejected, "ESME_RINVDSTADR"},
		{"vendor's own", smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: 0x0455}, gateway.OutcomeRejected, "other"},
		{"never answered", smppsim.SubmitScript{SilentEvery: 1}, gateway.OutcomeUncertain, ""},
		{"connection dropped", smppsim.SubmitScript{DropAfter: 1}, gateway.OutcomeUncertain, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := startAccount(t, smppsim.Script{Submit: c.submit}, func(cfg *smpp.Config) { cfg.ResponseTimeout = 100 * time.Millisecond })
			a.up()
			a.submit(submission(1, "hello"))
			if r := a.next(gateway.ReportResult); r.Outcome != c.want || r.Code != c.code || c.code != "" && r.Text == "" {
				t.Errorf("got outcome %d, %q (%s); want %d, %q", r.Outcome, r.Code, r.Text, c.want, c.code)
			}
		})
	}
}

func TestRate(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Rate, cfg.Window = 100, 20 })
	a.up()
	var all []gateway.Submission
	for i := 1; i <= 25; i++ {
		all = append(all, submission(i, "x"))
	}
	begin := time.Now()
	a.submit(all...)
	for range all {
		a.next(gateway.ReportResult)
	}
	// Five may go at once; the other twenty take 10 ms each.
	if took := time.Since(begin); took < 190*time.Millisecond {
		t.Errorf("25 texts at 100/s took %v", took)
	}
}

func TestStopHandsBackWhatIsUnsent(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Rate = 1 })
	a.up()
	a.submit(submission(1, "one"), submission(2, "two"), submission(3, "three"))
	if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeAccepted {
		t.Fatalf("the first: %+v", r)
	}
	a.stop()
	for _, n := range []int{2, 3} {
		if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeUnsent || r.Segment != submission(n, "").Segment {
			t.Errorf("submission %d: %+v", n, r)
		}
	}
	if room, _ := a.Room(); room != 0 || a.Submit([]gateway.Submission{submission(4, "four")}) != 0 {
		t.Error("it takes more after its end")
	}
	if n := len(a.smsc.Submits()); n != 1 {
		t.Errorf("%d were sent", n)
	}
}

// What has expired before its turn is not sent: the store ends it.
func TestExpiredIsNotSent(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, nil)
	a.up()
	late, endless := submission(1, "late"), submission(2, "endless")
	late.Expires, endless.Expires = time.Now(), time.Time{}
	a.submit(late, endless)
	if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeUnsent || r.Segment != late.Segment {
		t.Errorf("%+v", r)
	}
	if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeAccepted || r.Segment != endless.Segment {
		t.Errorf("%+v", r)
	}
	if all := a.smsc.Submits(); len(all) != 1 || all[0].PDU.ValidityPeriod != "" {
		t.Errorf("sent: %+v", all)
	}
}

func TestConnectsAnew(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, nil)
	a.up()
	a.smsc.Disconnect()
	a.expectState(gateway.CarrierDown)
	a.expectState(gateway.CarrierUp)
	a.smsc.Unbind()
	a.expectState(gateway.CarrierDown)
	a.expectState(gateway.CarrierUp)
	a.Reconnect()
	if r := a.expectState(gateway.CarrierDown); !strings.Contains(r.Text, "somebody asked") {
		t.Errorf("a wish appears as %q", r.Text)
	}
	a.expectState(gateway.CarrierUp)
}

func TestCredentialsRefused(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Password = "wrong" })
	a.expectState(gateway.CarrierConnecting)
	if r := a.expectState(gateway.CarrierRefused); !strings.Contains(r.Text, "system_id or password") || !strings.Contains(r.Text, "ESME_RINVPASWD") {
		t.Errorf("the reason is %q", r.Text)
	}
	// Nobody waits minutes to stop it.
	a.stop()
}

// A SMSC that is not there is tried in turn with one that is.
func TestSecondHost(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Hosts = append([]string{"127.0.0.1:1"}, cfg.Hosts...) })
	a.expectState(gateway.CarrierConnecting)
	a.expectState(gateway.CarrierDown)
	a.expectState(gateway.CarrierUp)
}

func TestPairOfBinds(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Bind = smpp.BindPair })
	a.up()
	a.submit(submission(1, "hello"))
	// They come by two connections: either may be first.
	var result, receipt bool
	for !result || !receipt {
		select {
		case r := <-a.stream.Reports():
			result = result || r.Kind == gateway.ReportResult && r.Outcome == gateway.OutcomeAccepted
			receipt = receipt || r.Kind == gateway.ReportReceipt && r.Receipt.Tick == gateway.TickDelivered
		case <-time.After(patience):
			t.Fatalf("result %v, receipt %v", result, receipt)
		}
	}
	if n := a.smsc.Stats().Binds; n != 2 {
		t.Errorf("%d binds, want 2", n)
	}
}

func TestDelivery(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, nil)
	a.up()
	type answer struct {
		status smpp.Status
		err    error
	}
	deliver := func(m *smpp.ShortMessage) (gateway.Report, chan answer) {
		answered := make(chan answer, 1)
		go func() {
			status, err := a.smsc.DeliverPDU(t.Context(), m)
			answered <- answer{status, err}
		}()
		return a.next(gateway.ReportInbound), answered
	}
	text := &smpp.ShortMessage{Source: smpp.Address{TON: 1, NPI: 1, Value: "12602058901"}, Dest: smpp.Address{Value: "12602058900"}, Message: []byte("hi")}
	first, answered := deliver(text)
	in := first.Inbound
	if in.From != (gateway.Address{Kind: gateway.AddressE164, Value: "+12602058901"}) || in.To != ours || string(in.Payload) != "hi" || in.Coding != gateway.CodingGSM7 || in.Fragment != nil {
		t.Errorf("inbound: %+v", in)
	}
	select {
	case got := <-answered:
		t.Fatalf("it was answered %v before it was acknowledged", got)
	default:
	}
	written := make(chan struct{})
	first.Ack(gateway.AckOK, false, func() { close(written) })
	select {
	case <-written:
	case <-time.After(patience):
		t.Fatal("the acknowledgement is not known to be written")
	}
	if got := <-answered; got.status != smpp.ESME_ROK || got.err != nil {
		t.Errorf("answered %v", got)
	}
	again, answered := deliver(text)
	if again.Inbound.Fingerprint != in.Fingerprint || again.Inbound.Session != in.Session {
		t.Error("the same PDU under another sequence number has another fingerprint, or session")
	}
	again.Ack(gateway.AckTemporary, false, nil) // it comes once more
	again = a.next(gateway.ReportInbound)
	again.Ack(gateway.AckOK, false, nil)
	if got := <-answered; got.status != smpp.ESME_ROK {
		t.Errorf("answered %v", got)
	}
	text.Message = []byte("ho")
	if other, _ := deliver(text); other.Inbound.Fingerprint == in.Fingerprint {
		t.Error("another text has the same fingerprint")
	} else {
		other.Ack(gateway.AckOK, false, nil)
	}
	part := &smpp.ShortMessage{Source: smpp.Address{TON: 5, Value: "MyBank"}, Dest: smpp.Address{Value: "4711"}, ESMClass: 0x40, DataCoding: 8,
		Message: []byte{5, 0, 3, 9, 2, 1, 0xd8, 0x3d}}
	r, _ := deliver(part)
	if f := r.Inbound.Fragment; f == nil || *f != (gateway.Fragment{Reference: 9, Total: 2, Number: 1}) || r.Inbound.Coding != gateway.CodingUCS2 ||
		r.Inbound.From != (gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "MyBank"}) || r.Inbound.To != "4711" {
		t.Errorf("part: %+v %+v", r.Inbound, f)
	}
	r.Ack(gateway.AckOK, false, nil)
}

func TestReceipts(t *testing.T) {
	for state, want := range map[string]gateway.Tick{
		"DELIVRD": gateway.TickDelivered, "UNDELIV": gateway.TickFailed, "EXPIRED": gateway.TickExpired, "REJECTD": gateway.TickFailed,
		"UNKNOWN": gateway.TickUnknown, "ENROUTE": gateway.TickSent, "ACCEPTD": gateway.TickSent, "DELETED": gateway.TickFailed,
	} {
		t.Run(state, func(t *testing.T) {
			a := startAccount(t, smppsim.Script{Receipt: smppsim.ReceiptScript{State: state}}, nil)
			a.up()
			a.submit(submission(1, "hello"))
			result := a.next(gateway.ReportResult)
			r := a.next(gateway.ReportReceipt)
			r.Ack(gateway.AckOK, false, nil)
			if r.Receipt.Tick != want || r.Receipt.Reference != result.Reference || r.Receipt.Word != state {
				t.Errorf("receipt %+v of %s, want %v", r.Receipt, result.Reference, want)
			}
		})
	}
}
