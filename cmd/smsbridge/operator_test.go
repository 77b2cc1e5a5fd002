package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// startScripted starts an SMSC in this process, with the account that smppCarrier
// has.
func startScripted(t testing.TB, script smppsim.Script) *smppsim.SMSC {
	t.Helper()
	smsc, err := smppsim.Start(t.Context(), smppsim.Options{
		Accounts: map[string]smppsim.Account{"us": {Password: "secret", Numbers: []string{ourNumber}}}, Script: script})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	return smsc
}

// settled waits until a message's tick is one that nothing follows.
func (u *user) settled(id, want string) message {
	u.t.Helper()
	var m message
	await(u.t, "the message's tick", func() error {
		u.must("GET", "/messages/"+id, nil, 200, &m)
		if m.Tick != want {
			return fmt.Errorf("%s, want %s", m.Tick, want)
		}
		return nil
	})
	return m
}

const customerNumber = "+12602058901"

func (u *user) send(text string, more map[string]any) message {
	u.t.Helper()
	body := map[string]any{"to": customerNumber, "text": text}
	for k, v := range more {
		body[k] = v
	}
	var m message
	u.must("POST", "/messages", body, 202, &m)
	return m
}

// TestTraceShowsALife follows a text through a refusal for now, an acceptance and
// its receipt, over HTTP and by the command.
func TestTraceShowsALife(t *testing.T) {
	t.Parallel()
	smsc := startScripted(t, smppsim.Script{})
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", ""))
	shop, other := d.token("shop", "messages:send"), d.token("other", "messages:send")
	d.start()
	sent := shop.send("Your parcel is ready.", nil)
	shop.settled(sent.ID, "delivered")
	var trace struct {
		Message  message
		Segments []struct{ Tick string }
		Steps    []struct{ What, Reference, Code, Text, By string }
	}
	shop.must("GET", "/messages/"+sent.ID+"/trace", nil, 200, &trace)
	var what []string
	for _, s := range trace.Steps {
		what = append(what, s.What)
	}
	if want := []string{"written", "accepted", "receipt"}; !slices.Equal(what, want) {
		t.Fatalf("steps %q, want %q", what, want)
	}
	id := smsc.Submits()[0].ID
	if trace.Steps[0].By != "shop" || trace.Steps[1].Reference != id || trace.Steps[2].Code != "DELIVRD" || !strings.Contains(trace.Steps[2].Text, "id:"+id) {
		t.Errorf("the trace is %+v", trace.Steps)
	}
	other.must("GET", "/messages/"+sent.ID+"/trace", nil, 404, nil)
	printed := d.tool("", "trace", sent.ID)
	for _, want := range []string{"Your parcel is ready.", "by shop", id, "DELIVRD", "delivered"} {
		if !strings.Contains(printed, want) {
			t.Errorf("smsbridge trace does not say %q:\n%s", want, printed)
		}
	}
	var asJSON struct{ Steps []struct{ What string } }
	if err := json.Unmarshal([]byte(d.tool("", "trace", "--json", sent.ID)), &asJSON); err != nil || len(asJSON.Steps) != 3 {
		t.Errorf("smsbridge trace --json: %v %+v", err, asJSON)
	}
	// One line for its fate, and no text, nor a whole number, in the log.
	log := d.all.String()
	if n := strings.Count(log, "msg=text id="+sent.ID); n != 1 {
		t.Errorf("the log has %d lines about the text:\n%s", n, log)
	}
	if strings.Contains(log, "parcel") || strings.Contains(log, customerNumber) {
		t.Errorf("the log holds a text or a number:\n%s", log)
	}
}

// TestPDUTrace looks at what is said on a link, its bind included.
func TestPDUTrace(t *testing.T) {
	t.Parallel()
	smsc := startScripted(t, smppsim.Script{})
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", ""))
	shop, operator := d.token("shop", "messages:send"), d.token("operator", "carriers:read,carriers:manage")
	d.start()
	shop.must("POST", "/carriers/acme/trace", map[string]string{"for": "5m"}, 403, nil)
	operator.must("POST", "/carriers/acme/trace", map[string]string{"for": "2h"}, 409, nil)
	operator.must("POST", "/carriers/acme/trace", map[string]string{"for": "soon"}, 422, nil)
	operator.must("POST", "/carriers/acme/trace", map[string]string{"for": "5m"}, 200, nil)
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	sent := shop.send("Look at me", nil)
	shop.settled(sent.ID, "delivered")
	var trace struct {
		Until string
		Items []struct{ Direction, PDU string }
	}
	said := ""
	await(t, "the trace", func() error {
		operator.must("GET", "/carriers/acme/trace", nil, 200, &trace)
		said = ""
		for _, l := range trace.Items {
			said += l.Direction + " " + l.PDU + "\n"
		}
		for _, want := range []string{"out bind_transceiver", "in bind_transceiver_resp", "out submit_sm", "Look at me", "in submit_sm_resp", "in deliver_sm", "out deliver_sm_resp"} {
			if !strings.Contains(said, want) {
				return fmt.Errorf("no %q in\n%s", want, said)
			}
		}
		return nil
	})
	if strings.Contains(said, "secret") || strings.Contains(said, "736563726574") || strings.Contains(d.all.String(), "secret") {
		t.Errorf("the password is in the trace:\n%s", said)
	}
	operator.must("POST", "/carriers/acme/trace", map[string]string{"for": "0s"}, 200, nil)
	before := len(trace.Items)
	sent = shop.send("Do not look", nil)
	shop.settled(sent.ID, "delivered")
	operator.must("GET", "/carriers/acme/trace", nil, 200, &trace)
	if len(trace.Items) != before {
		t.Errorf("the trace goes on after its end: %d lines, were %d", len(trace.Items), before)
	}
}

// TestQuarantine sends what cannot be read: it is kept and acknowledged once, and
// the link lives.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	smsc := startScripted(t, smppsim.Script{})
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", ""))
	shop, operator := d.token("shop", "messages:send"), d.token("operator", "carriers:read,carriers:manage")
	d.start()
	shop.settled(shop.send("before", nil).ID, "delivered")
	whole := smpp.AppendShortMessage(nil, smpp.Header{Command: smpp.CmdDeliverSM, Sequence: 77}, &smpp.ShortMessage{
		Source: smpp.Address{TON: 1, NPI: 1, Value: customerNumber[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]}, Message: []byte("cut off")})
	cut := slices.Clone(whole[:len(whole)-5])
	cut[3] = byte(len(cut))
	if err := smsc.SendRaw("us", cut); err != nil {
		t.Fatal(err)
	}
	var list struct {
		Items []struct{ Carrier, Reason, Octets string }
	}
	await(t, "the quarantine", func() error {
		operator.must("GET", "/quarantine", nil, 200, &list)
		if len(list.Items) != 1 {
			return fmt.Errorf("%d items", len(list.Items))
		}
		return nil
	})
	if got := list.Items[0]; got.Carrier != "acme" || got.Octets != fmt.Sprintf("%x", cut) || !strings.Contains(got.Reason, "short_message") {
		t.Errorf("quarantined %+v", got)
	}
	shop.must("GET", "/quarantine", nil, 403, nil)
	shop.settled(shop.send("after", nil).ID, "delivered")
	if s := smsc.Stats(); s.Binds != 1 {
		t.Errorf("%d binds: the link did not live", s.Binds)
	}
	if got := scrape(t, d)[`smsbridge_quarantined_total{carrier="acme"}`]; got != "1" {
		t.Errorf("quarantined_total is %s", got)
	}
}

// TestSelfTest has texts loop through an SMSC whose data_coding 0 is Latin-1, and
// through one that is configured rightly.
func TestSelfTest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zero       smpp.Alphabet
		configured string
		code       int
		says       string
	}{
		{smpp.AlphabetGSM7, "gsm7", 0, "gsm7"},
		{smpp.AlphabetLatin1, "latin1", 0, "latin1"},
	} {
		script := smppsim.Script{}
		script.Submit.DataCoding0, script.Deliver.Echo = c.zero, true
		smsc := startScripted(t, script)
		d := newDaemon(t, smppCarrier(smsc.Addr(), "", "      data_coding_0: "+c.configured+"\n"))
		operator := d.token("operator", "carriers:read,conversations:read")
		d.start()
		await(t, "the carrier", func() error {
			if s := list[carrier](operator, "/carriers")[0].State; s != "up" {
				return fmt.Errorf("%s", s)
			}
			return nil
		})
		cmd := command(t, "selftest", "acme", "--to", ourNumber, "--url", d.address(), "--config", d.config)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		if code := cmd.ProcessState.ExitCode(); code != c.code {
			t.Errorf("selftest on %s: %v\n%s", c.zero, err, &out)
		}
		if text := out.String(); !strings.Contains(text, c.says) || !strings.Contains(text, "ñ ü 😀") || strings.Count(text, "whole") < 2 {
			t.Errorf("selftest on %s says\n%s", c.zero, text)
		}
		var all struct{ Items []conversation }
		operator.must("GET", "/conversations?view=all", nil, 200, &all)
		if len(all.Items) != 0 {
			t.Errorf("the self-test has become a conversation: %+v", all.Items)
		}
	}
}

// TestSelfTestSaysWhatIsWrong gives the command what cannot work.
func TestSelfTestSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	smsc := startScripted(t, smppsim.Script{})
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", ""))
	d.start()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"selftest", "acme"}, 2, "usage"},
		{[]string{"selftest", "nobody", "--to", ourNumber, "--config", d.config}, 1, `no carrier "nobody"`},
		{[]string{"selftest", "acme", "--to", customerNumber, "--url", d.address(), "--config", d.config}, 1, "is no number of ours"},
		{[]string{"selftest", "acme", "--to", ourNumber, "--url", "http://127.0.0.1:1", "--config", d.config}, 1, "no daemon answers"},
		{[]string{"trace", "nonsense", "--config", d.config}, 1, "want 13 characters"},
		{[]string{"trace", "0000000000001", "--config", d.config}, 1, "there is no message"},
	} {
		output, err := command(t, c.args...).CombinedOutput()
		var exit *exec.ExitError
		if err == nil {
			t.Errorf("%v succeeds", c.args)
			continue
		}
		if exit, _ = err.(*exec.ExitError); exit == nil || exit.ExitCode() != c.code || !strings.Contains(string(output), c.says) {
			t.Errorf("%v: %v, want %d and %q:\n%s", c.args, err, c.code, c.says, output)
		}
	}
}
