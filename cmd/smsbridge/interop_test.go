package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestInterop(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, oftenAlive)
	operator := i.d.token("operator", "carriers:read,carriers:manage")

	smsc.deliver(0, "", "Is it {ready}? It costs 5€ @ noon")
	i.arrives("Is it {ready}? It costs 5€ @ noon")
	smsc.deliver(8, "", "Zażółć 😀")
	i.arrives("Zażółć 😀")
	smsc.deliver(0, "050003070201", strings.Repeat("first ", 20))
	smsc.deliver(0, "050003070202", "and second")
	i.arrives(strings.Repeat("first ", 20) + "and second")

	i.replies("Yes [it] is: 5€, ready @ noon.", 1, 0)
	i.replies(strings.Repeat("Open from nine until six, also on Saturday. ", 9), 3, 0)
	i.replies("Zażółć 😀", 1, 8)
	smsc.rule(map[string]any{"refuse": map[string]any{"status": "ESME_RTHROTTLED", "times": 1}})
	held := i.sends("A little later.")
	smsc.sees("refused")
	if got, _ := smsc.receives(1); got != "A little later." {
		t.Errorf("after throttling: %q", got)
	}
	i.stream.until("delivery", func(e event) bool {
		return e.Type == "message.tick" && e.Data.Message.ID == held.ID && e.Data.Message.Tick == "delivered"
	})

	i.keepsAlive()
	i.maintenance()
	smsc.deliver(0, "", "And you are back.")
	i.arrives("And you are back.")

	refuse(t, smsc, operator)
	smsc.deliver(0, "", "And again.")
	i.arrives("And again.")
	i.stops()
}

// TestInteropNetSMPP binds to an SMSC of SMPP 3.3 whose receipts have another form
// of ids than its responses.
func TestInteropNetSMPP(t *testing.T) {
	t.Parallel()
	smsc := startPerlSMSC(t)
	i := newInterop(t, smsc, oftenAlive)

	smsc.deliver(0, "", "Is it ready?")
	i.arrives("Is it ready?")
	smsc.deliver(8, "", "Zażółć 😀")
	i.arrives("Zażółć 😀")
	smsc.deliver(0, "06080401020202", "and second")
	smsc.deliver(0, "06080401020201", strings.Repeat("first ", 20))
	i.arrives(strings.Repeat("first ", 20) + "and second")
	smsc.order(map[string]any{"deliver": map[string]any{"from": customer[1:], "to": ourNumber[1:], "text": "by data", "data": true}})
	if e := smsc.sees("answer"); e.Status != "ESME_ROK" {
		t.Errorf("data_sm was answered %s", e.Status)
	}
	i.arrives("by data")

	i.replies("It is.", 1, 0)
	i.replies(strings.Repeat("Open from nine until six, also on Saturday. ", 9), 3, 0)
	i.replies(strings.Repeat("Zażółć gęślą jaźń 😀 ", 5), 2, 8)

	i.keepsAlive()
	i.maintenance()
	i.replies("We are back.", 1, 0)
	smsc.order(map[string]bool{"drop": true})
	i.binds()
	i.replies("And again.", 1, 0)
	i.stops()
}

// refuse changes the password at the SMSC, and back.
func refuse(t *testing.T, smsc *foreignSMSC, operator *user) {
	t.Helper()
	state := func(want string) (c carrier) {
		t.Helper()
		await(t, "the carrier's state", func() error {
			if c = list[carrier](operator, "/carriers")[0]; c.State != want {
				return fmt.Errorf("%+v, want %s", c, want)
			}
			return nil
		})
		return c
	}
	smsc.rule(map[string]string{"password": "another"})
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	smsc.sees("unbind")
	if e := smsc.sees("bind"); e.Accepted {
		t.Fatal("a bind with the wrong password was accepted")
	}
	if c := state("refused"); !strings.Contains(c.Error, "ESME_RINVPASWD") {
		t.Errorf("the carrier's error is %q", c.Error)
	}
	if got := scrape(t, operator.d)[`smsbridge_bind_state{bind="1",carrier="acme",state="auth_failed"}`]; got != "1" {
		t.Errorf("bind_state auth_failed is %q", got)
	}
	// A carrier that counts failures locks who tries again and again, and trying
	// does not mend a password.
	smsc.quietFor(time.Second)
	smsc.rule(map[string]string{"password": "secret"})
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	if e := smsc.sees("bind"); !e.Accepted {
		t.Fatal("the right password was refused")
	}
	state("up")
}

// scrape reads the daemon's metrics: values by series.
func scrape(t testing.TB, d *daemon) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(string(d.get("/metrics", 200))) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[series] = value
		}
	}
	return all
}
