package carrier_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// metric is the value of a sample, named as in the text format with its labels
// in order.
func (a *account) metric(name string) float64 {
	a.t.Helper()
	families, err := a.registry.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if f.GetName()+"{"+strings.Join(labels, ",")+"}" == "smsbridge_"+name {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	a.t.Fatalf("there is no metric %s", name)
	return 0
}

// await waits until the SMSC's counters satisfy ok.
func await(t testing.TB, s *smppsim.SMSC, ok func(smppsim.Stats) bool) {
	t.Helper()
	if stats, err := s.Await(t.Context(), ok); err != nil {
		t.Fatalf("%v: %+v", err, stats)
	}
}

// awaitStatus waits for a change that no report tells of.
func (a *account) awaitStatus(ok func(carrier.Status) bool) carrier.Status {
	a.t.Helper()
	tick, limit := time.NewTicker(time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		if s := a.Status(); ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-limit:
			a.t.Fatalf("the status stays %+v", a.Status())
		}
	}
}

func allUp(s carrier.Status) bool {
	return !slices.ContainsFunc(s.Binds, func(b carrier.BindStatus) bool { return b.State != "up" })
}

func TestBindsOfEveryMode(t *testing.T) {
	for _, c := range []struct {
		mode            smpp.BindMode
		sessions        int // of one bind
		sends, receives bool
	}{
		{smpp.BindTransceiver, 1, true, true}, {smpp.BindPair, 2, true, true}, {smpp.BindTransmitter, 1, true, false}, {smpp.BindReceiver, 1, false, true},
	} {
		t.Run(string(c.mode), func(t *testing.T) {
			const binds = 3
			a := startAccount(t, smppsim.Script{Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}}, func(cfg *smpp.Config) { cfg.Bind, cfg.Binds = c.mode, binds })
			a.up()
			s := a.awaitStatus(allUp)
			await(t, a.smsc, func(stats smppsim.Stats) bool { return stats.Bound == binds*c.sessions })
			for i, b := range s.Binds {
				if b.Bind != i+1 || b.Host != a.smsc.Addr() || b.Mode != string(c.mode) || b.SMSC != "smppsim" || b.Version != "3.4" || b.Window != 10 || b.Since.IsZero() {
					t.Errorf("bind %d is shown as %+v", i+1, b)
				}
				if label := fmt.Sprintf(`{bind="%d",carrier="acme"}`, b.Bind); a.metric("bind_up"+label) != 1 || a.metric("window_size"+label) != 10 || a.metric("bind_state_changes_total"+label) != 1 {
					t.Errorf("the metrics of bind %d say otherwise", b.Bind)
				}
			}
			room, window := a.Room()
			if !c.sends {
				if room != 0 || window < 1 || a.Submit([]gateway.Submission{submission(1, "x")}) != 0 {
					t.Errorf("there is room for %d, window %d, where nothing can be sent", room, window)
				}
			} else {
				if room != 2*10*binds || window != 10*binds {
					t.Errorf("there is room for %d in a window of %d", room, window)
				}
				a.submit(submission(1, "x"))
				if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeAccepted {
					t.Errorf("outcome %d (%s)", r.Outcome, r.Text)
				}
			}
			if !c.receives {
				return
			}
			answered := make(chan smpp.Status, 1)
			go func() {
				status, _ := a.smsc.Deliver(t.Context(), "12602058901", ours[1:], "hi")
				answered <- status
			}()
			a.next(gateway.ReportInbound).Ack(gateway.AckOK, false, nil)
			if got := <-answered; got != smpp.ESME_ROK {
				t.Errorf("answered %v", got)
			}
		})
	}
}

// message is a text of several parts, with an 8-bit reference.
func message(n, parts int) []gateway.Submission {
	var all []gateway.Submission
	for i := range parts {
		s := submission(n, "x")
		s.Segment = s.Segment.Segment(i)
		if parts > 1 {
			s.UDH, s.Payload = true, []byte{5, 0, 3, byte(n), byte(parts), byte(i + 1), byte(n >> 8), 'x'}
		}
		all = append(all, s)
	}
	return all
}

// feed submits all as there is room, as the router does, and waits for their
// results.
func (a *account) feed(all []gateway.Submission) {
	a.t.Helper()
	limit := time.After(patience)
	for left := len(all); left > 0; {
		if room, window := a.Room(); room >= (window+1)/2 {
			all = all[a.Submit(all[:min(room, len(all))]):]
		}
		select {
		case r := <-a.stream.Reports():
			if r.Kind == gateway.ReportResult {
				left--
				if r.Outcome != gateway.OutcomeAccepted {
					a.t.Fatalf("%+v", r)
				}
			}
		case <-a.stream.Room():
		case <-limit:
			a.t.Fatalf("%d results are missing", left)
		}
	}
}

func TestPartsStayTogether(t *testing.T) {
	const binds = 4
	smsc := startSMSC(t, smppsim.Options{Record: 10_000, Script: smppsim.Script{
		Receipt: smppsim.ReceiptScript{When: smppsim.ReceiptsNever}, Submit: smppsim.SubmitScript{Jitter: 2 * time.Millisecond}}})
	a := startAccountAt(t, smsc, func(cfg *smpp.Config) { cfg.Binds, cfg.Window, cfg.Rate = binds, 3, 1e6 })
	a.up()
	a.awaitStatus(allUp)
	var all []gateway.Submission
	for n := range 300 {
		all = append(all, message(n+1, n*7%10+1)...)
	}
	a.feed(all)
	used := map[uint64]int{}
	open := map[uint64]string{} // by connection, the parts that are to follow
	for _, s := range smsc.Submits() {
		used[s.Connection]++
		if p := s.PDU.Message; s.PDU.ESMClass&0x40 != 0 {
			if want := open[s.Connection]; want != "" && want != string(p[3:7]) || want == "" && p[5] != 1 {
				t.Fatalf("part %d of %d of message %d is out of place", p[5], p[4], p[3])
			}
			open[s.Connection] = ""
			if p[5] < p[4] {
				open[s.Connection] = string([]byte{p[3], p[4], p[5] + 1, p[6]})
			}
		} else if open[s.Connection] != "" {
			t.Fatal("a message came between the parts of another")
		}
	}
	for c, n := range used {
		if n < len(all)/binds/2 {
			t.Errorf("connection %d has %d of %d submissions", c, n, len(all))
		}
	}
	if len(used) != binds {
		t.Errorf("%d connections were used", len(used))
	}
}

// What another text pushed between the parts of one is put behind them.
func TestLatePartsGoFirst(t *testing.T) {
	smsc := startSMSC(t, smppsim.Options{Script: smppsim.Script{Submit: smppsim.SubmitScript{Delay: 20 * time.Millisecond}}})
	a := startAccountAt(t, smsc, func(cfg *smpp.Config) { cfg.Window = 2 })
	a.up()
	m := message(1, 3)
	a.submit(m[0], m[1])
	a.submit(submission(2, "urgent"), m[2])
	for range 4 {
		a.next(gateway.ReportResult)
	}
	var got []int
	for _, s := range smsc.Submits() {
		got = append(got, len(s.PDU.Message))
	}
	if want := []int{8, 8, 8, 6}; !slices.Equal(got, want) {
		t.Errorf("lengths %v, want %v", got, want)
	}
}

// One bind more than the SMSC allows is no success, and no failure of the others.
func TestAlreadyBound(t *testing.T) {
	smsc := startSMSC(t, smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "pw", MaxBinds: 1}}})
	a := startAccountAt(t, smsc, func(cfg *smpp.Config) { cfg.Binds = 2 })
	a.up()
	s := a.awaitStatus(func(s carrier.Status) bool { return s.Binds[1].State == "down" })
	if r := a.expectState(gateway.CarrierUp); !strings.Contains(r.Text, "bind 2: ") || !strings.Contains(r.Text, "ESME_RALYBND") || s.Binds[1].Error == "" {
		t.Errorf("reported as %q, shown as %+v", r.Text, s.Binds[1])
	}
	if room, window := a.Room(); room != 20 || window != 10 {
		t.Errorf("room for %d in a window of %d, with one bind of two", room, window)
	}
	if a.metric(`bind_up{bind="2",carrier="acme"}`) != 0 || a.metric(`bind_state{bind="2",carrier="acme",state="down"}`) != 1 {
		t.Error("the metrics say otherwise")
	}
}

// One attempt shows that the credentials are wrong; not every bind makes it.
func TestCredentialsAreTriedOnce(t *testing.T) {
	a := startAccount(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Password, cfg.Binds = "wrong", 4 })
	a.expectState(gateway.CarrierConnecting)
	a.expectState(gateway.CarrierRefused)
	if a.metric(`bind_state{bind="1",carrier="acme",state="auth_failed"}`) != 1 {
		t.Error("no metric says so")
	}
	a.Reconnect()
	await(t, a.smsc, func(s smppsim.Stats) bool { return s.BindFailures >= 2 })
	a.stop()
	if n := a.smsc.Stats().BindFailures; n != 2 {
		t.Errorf("%d attempts, with one of somebody's", n)
	}
}

// startAtSecond makes an account with two hosts, of which the first refuses.
func startAtSecond(t *testing.T, second smppsim.Script, change func(*smpp.Config)) (*account, *smppsim.SMSC) {
	t.Helper()
	first := startSMSC(t, smppsim.Options{Script: refusing})
	a := newAccount(t, startSMSC(t, smppsim.Options{Script: second}), func(cfg *smpp.Config) {
		cfg.Hosts = append([]string{first.Addr()}, cfg.Hosts...)
		if change != nil {
			change(cfg)
		}
	})
	return a, first
}

var refusing = smppsim.Script{Bind: smppsim.BindScript{Status: smpp.ESME_RSYSERR}}

func (a *account) failOver() {
	a.t.Helper()
	a.run()
	a.expectState(gateway.CarrierConnecting)
	if r := a.expectState(gateway.CarrierDown); !strings.Contains(r.Text, "ESME_RSYSERR") {
		a.t.Errorf("the first is left for %q", r.Text)
	}
	for a.next(gateway.ReportState).State != gateway.CarrierUp {
	}
	for _, b := range a.awaitStatus(allUp).Binds {
		if b.Host != a.smsc.Addr() {
			a.t.Fatalf("bound to %s, not to the second host", b.Host)
		}
	}
}

func TestFailOverAndBack(t *testing.T) {
	a, first := startAtSecond(t, smppsim.Script{Submit: smppsim.SubmitScript{Delay: 200 * time.Millisecond}}, func(cfg *smpp.Config) { cfg.Window = 2 })
	a.SetFailBack(20 * time.Millisecond)
	a.failOver()
	await(t, first, func(s smppsim.Stats) bool { return s.BindFailures >= 3 }) // it stays, and tries
	a.submit(submission(1, "one"), submission(2, "two"), submission(3, "three"))
	await(t, a.smsc, func(s smppsim.Stats) bool { return s.Submits == 2 })
	if err := first.SetScript(smppsim.Script{}); err != nil {
		t.Fatal(err)
	}
	a.awaitStatus(func(s carrier.Status) bool { return s.Binds[0].Host == first.Addr() && s.Binds[0].State == "up" })
	a.submit(submission(4, "four"))
	for results := 0; results < 4; {
		select {
		case r := <-a.stream.Reports():
			if r.Kind == gateway.ReportResult {
				results++
			}
			if r.Kind == gateway.ReportState || r.Kind == gateway.ReportResult && r.Outcome != gateway.OutcomeAccepted {
				t.Fatalf("moving back shows: %+v", r)
			} else if r.Kind == gateway.ReportReceipt {
				r.Ack(gateway.AckOK, false, nil)
			}
		case <-time.After(patience):
			t.Fatal("no report")
		}
	}
	await(t, a.smsc, func(s smppsim.Stats) bool { return s.Bound == 0 })
	if n, m := a.smsc.Stats().Accepted, first.Stats().Accepted; n != 3 || m != 1 {
		t.Errorf("%d were sent by the second host and %d by the first, want 3 and 1", n, m)
	}
}

func TestReconnectTriesFirstHost(t *testing.T) {
	a, first := startAtSecond(t, smppsim.Script{}, func(cfg *smpp.Config) { cfg.Binds = 2 })
	a.failOver()
	if err := first.SetScript(smppsim.Script{}); err != nil {
		t.Fatal(err)
	}
	a.Reconnect()
	await(t, first, func(s smppsim.Stats) bool { return s.Bound == 2 })
	a.awaitStatus(allUp)
}

// A bind that may not send is begun anew, and what it was given is not an attempt.
func TestWrongBindStatusRebinds(t *testing.T) {
	a := startAccount(t, smppsim.Script{Submit: smppsim.SubmitScript{ErrorEvery: 2, ErrorStatus: smpp.ESME_RINVBNDSTS}}, nil)
	a.up()
	a.submit(submission(1, "one"))
	a.next(gateway.ReportResult)
	a.submit(submission(2, "two"))
	if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeUnsent || r.Code != "ESME_RINVBNDSTS" {
		t.Errorf("%+v", r)
	}
	if r := a.expectState(gateway.CarrierDown); !strings.Contains(r.Text, "may not send") {
		t.Errorf("the reason is %q", r.Text)
	}
	a.expectState(gateway.CarrierUp)
}

// An SMSC that cannot read what it is sent is bound to anew.
func TestUnreadableRebinds(t *testing.T) {
	a := startAccount(t, smppsim.Script{Submit: smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: smpp.ESME_RINVCMDID}}, nil)
	a.up()
	for i := range 3 {
		a.submit(submission(i+1, "x"))
		if r := a.next(gateway.ReportResult); r.Outcome != gateway.OutcomeRejected {
			t.Errorf("%+v", r)
		}
	}
	a.expectState(gateway.CarrierDown)
	a.expectState(gateway.CarrierUp)
}
