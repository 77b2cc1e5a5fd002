package carrier_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

func TestCancel(t *testing.T) {
	from := gateway.Address{Kind: gateway.AddressE164, Value: ours}
	to := gateway.Address{Kind: gateway.AddressE164, Value: "+12602058901"}
	smsc := startSMSC(t, smppsim.Options{})
	a := newAccount(t, smsc, nil)
	if _, ok, err := a.Cancel(t.Context(), "17", from, to); ok || err == nil {
		t.Error("it was asked without a connection")
	}
	a.run()
	a.up()
	lines := make(chan string, 16)
	a.Trace(time.Now().Add(time.Hour), func(_ int, _ bool, line string) { lines <- line })
	status, ok, err := a.Cancel(t.Context(), "17", from, to) // the simulator never does
	if status != "ESME_RCANCELFAIL" || ok || err != nil {
		t.Errorf("answered %s, %v, %v", status, ok, err)
	}
	if line := <-lines; !strings.HasPrefix(line, "cancel_sm ") || !strings.Contains(line, `message_id="17" source_addr_ton=1 source_addr_npi=1 source_addr="12602058900"`) ||
		!strings.Contains(line, `destination_addr="12602058901"`) {
		t.Errorf("sent %s", line)
	}
	if err := smsc.SetScript(smppsim.Script{Link: smppsim.LinkScript{Silent: true}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, ok, err := a.Cancel(ctx, "17", from, to); ok || err == nil {
		t.Error("no answer is taken for one")
	}
	smsc.Disconnect()
}

// traced is what a trace has seen.
type traced struct {
	mu    sync.Mutex
	lines []string
	seen  chan struct{}
}

func (x *traced) sink(bind int, outgoing bool, line string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lines = append(x.lines, map[bool]string{true: "> ", false: "< "}[outgoing]+line)
	select {
	case x.seen <- struct{}{}:
	default:
	}
}

// await waits for lines that begin so, in this order.
func (x *traced) await(t *testing.T, want ...string) {
	t.Helper()
	limit := time.After(patience)
	for {
		x.mu.Lock()
		left := want
		for _, line := range x.lines {
			if len(left) > 0 && strings.HasPrefix(line, left[0]) {
				left = left[1:]
			}
			if strings.Contains(line, "secret") {
				t.Errorf("a password: %s", line)
			}
		}
		x.mu.Unlock()
		if len(left) == 0 {
			return
		}
		select {
		case <-x.seen:
		case <-limit:
			t.Fatalf("no %s in %s", left[0], strings.Join(x.lines, "\n"))
		}
	}
}

func TestTrace(t *testing.T) {
	smsc := startSMSC(t, smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "secret"}}})
	a := newAccount(t, smsc, func(cfg *smpp.Config) { cfg.Password = "secret" })
	x := traced{seen: make(chan struct{}, 1)}
	a.Trace(time.Now().Add(time.Hour), x.sink)
	a.run()
	a.up()
	a.submit(submission(1, "hello"))
	x.await(t, "> bind_transceiver ESME_ROK", "< bind_transceiver_resp", "> submit_sm ", "< submit_sm_resp ESME_ROK", "< deliver_sm ")
	a.Trace(time.Now().Add(-time.Second), x.sink)
	a.submit(submission(2, "after its time"))
	a.next(gateway.ReportResult)
	a.next(gateway.ReportResult)
	a.Trace(time.Now().Add(time.Hour), x.sink)
	a.Trace(time.Time{}, nil)
	a.submit(submission(3, "after its end"))
	a.next(gateway.ReportResult)
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, line := range x.lines {
		if strings.Contains(line, "after its") {
			t.Error(line)
		}
	}
}

// What a header says beside its concatenation comes through.
func TestInboundHeader(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, nil)
	a.up()
	go a.smsc.DeliverPDU(t.Context(), &smpp.ShortMessage{Source: smpp.Address{Value: "12602058901"}, Dest: smpp.Address{Value: ours[1:]}, ESMClass: 0x40,
		Message: []byte{12, 5, 4, 0x0B, 0x84, 0x23, 0xF0, 0x24, 1, 1, 0x25, 1, 3, 'h', 'i'}})
	r := a.next(gateway.ReportInbound)
	r.Ack(gateway.AckOK, false, nil)
	if in := r.Inbound; in.Port != 2948 || in.Shift != (gateway.Shift{Locking: 3, Single: 1}) || string(in.Payload) != "hi" {
		t.Errorf("%+v", in)
	}
}
