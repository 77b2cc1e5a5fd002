package main_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"smsbridge/gsm/gsmsim"
)

// A customer texts a SIM, an agent answers, and the ticks follow the telephone.
func TestModemStory(t *testing.T) {
	t.Parallel()
	r := oneStick(t, stick{sim: gsmsim.Options{Vendor: "huawei", PIN: "1234"}, options: wideLimits + "      pin: \"1234\"\n"})
	ana := r.d.person("Ana", "101", "agent")
	ana.signIn()
	events := ana.follow()
	r.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if s.Text == "bad" {
			return gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x43}}}
		}
		return gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x22}, {Status: 0, After: 200 * time.Millisecond}}}
	})
	r.text("+12602058901", "Are you open? 👍")
	e := events.until("text", func(e event) bool { return e.Type == "message.received" })
	if e.Data.Message.Text != "Are you open? 👍" || e.Data.Message.From != "+12602058901" || e.Data.Message.Carrier != "sim1" {
		t.Errorf("%+v", e.Data.Message)
	}
	conversation := "/conversations/" + e.Data.Conversation.ID
	var m message
	ana.must("POST", conversation+"/messages", map[string]string{"text": "Until six."}, 202, &m)
	for _, tick := range []string{"sent", "delivered"} {
		e := events.until(tick, func(e event) bool { return e.Type == "message.tick" && e.Data.Message.ID == m.ID })
		if e.Data.Message.Tick != tick {
			t.Errorf("%s, want %s", e.Data.Message.Tick, tick)
		}
	}
	if s := r.submitted(1)[0]; s.Text != "Until six." || s.To != "+12602058901" || s.From != ourNumber {
		t.Errorf("%+v", s)
	}
	bad := r.ticks(r.send("+12602058902", "bad"), "failed")
	if bad.Error == nil || !strings.Contains(bad.Error.Text, "The number cannot be reached.") {
		t.Errorf("%+v", bad.Error)
	}

	end, err := r.network.Call(t.Context(), "+12602058901", ourNumber)
	if err != nil || end != gsmsim.CallRejected {
		t.Errorf("the call %v: %v", end, err)
	}
	await(t, "the note of the call", func() error {
		for _, m := range list[message](ana, conversation+"/messages") {
			if m.Kind == "system" && strings.Contains(m.Text, "called") {
				return nil
			}
		}
		return fmt.Errorf("none")
	})
}

// What people who look after a modem do.
func TestModemCare(t *testing.T) {
	t.Parallel()
	r := oneStick(t, stick{sim: gsmsim.Options{PIN: "1234"}, options: wideLimits + "      pin: \"1234\"\n"})
	r.network.OnUSSD(func(u gsmsim.USSD) gsmsim.Reply {
		if u.Open {
			return gsmsim.Reply{Text: "You chose " + u.Text + "."}
		}
		return gsmsim.Reply{Text: "1: balance", More: true}
	})
	var reply struct {
		Text string
		More bool
	}
	r.post("sim1/ussd", map[string]string{"code": "*100#"}, &reply)
	if reply.Text != "1: balance" || !reply.More {
		t.Errorf("%+v", reply)
	}
	r.post("sim1/ussd", map[string]string{"code": "1"}, &reply)
	if reply.Text != "You chose 1." || reply.More {
		t.Errorf("%+v", reply)
	}
	r.post("sim1/ussd", map[string]string{"code": "*100#"}, &reply)
	r.post("sim1/ussd", map[string]bool{"cancel": true}, &reply)
	if reply.Text != "" || reply.More {
		t.Errorf("%+v", reply)
	}
	r.post("sim1/ussd", map[string]string{"code": "*101#"}, &reply)
	if reply.Text != "1: balance" {
		t.Errorf("an answer in a menu that was left: %+v", reply)
	}
	r.post("sim1/ussd", map[string]bool{"cancel": true}, nil)

	r.post("sim1/trace", map[string]string{"for": "5m"}, nil)
	r.sims["sim1"].Unplug()
	r.await("sim1", "down")
	if err := r.sims["sim1"].Plug(); err != nil {
		t.Fatal(err)
	}
	r.post("sim1/reconnect", nil, nil)
	r.await("sim1", "up")
	r.ticks(r.send("+12602058901", "hello"), "delivered")
	var trace struct {
		Items []struct{ Direction, PDU string }
	}
	r.program.must("GET", "/carriers/sim1/trace", nil, 200, &trace)
	said := ""
	for _, l := range trace.Items {
		said += l.Direction + " " + l.PDU + "\n"
	}
	if !strings.Contains(said, "out AT+CMGS=") || !strings.Contains(said, "out AT+CPIN=") || !strings.Contains(said, "in +CMGS: ") || strings.Contains(said, `"1234"`) {
		t.Errorf("said:\n%s", said)
	}

	r.post("sim1/pause", nil, nil)
	id := r.send("+12602058901", "later")
	r.text("+12602058901", "meanwhile")
	await(t, "the text", func() error {
		if all := list[message](r.program, "/messages?direction=in"); len(all) != 1 {
			return fmt.Errorf("%d texts", len(all))
		}
		return nil
	})
	if m := r.ticks(id, "queued"); m.Tick != "queued" {
		t.Errorf("%+v", m)
	}
	if c := r.carrier("sim1"); c.State != "paused" {
		t.Errorf("%s", c.State)
	}
	r.post("sim1/resume", nil, nil)
	r.ticks(id, "delivered")
	r.post("sim1/reconnect", nil, nil)
	r.ticks(r.send("+12602058901", "after it"), "delivered")
}

// A modem is tested with what it can tell apart: its own two alphabets.
func TestModemSelfTest(t *testing.T) {
	t.Parallel()
	r := oneStick(t, stick{})
	test := func() (string, int) {
		cmd := command(t, "selftest", "sim1", "--to", ourNumber, "--url", r.d.address(), "--config", r.d.config)
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, code := test()
	if code != 0 || !strings.Contains(out, "Every character comes back whole.") || strings.Contains(out, "data_coding") || strings.Contains(out, "latin1") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	r.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if strings.Contains(s.Text, "😀") {
			return gsmsim.Fate{Error: 1}
		}
		return gsmsim.Fate{}
	})
	if out, code = test(); code != 1 || !strings.Contains(out, "CMS 1") || !strings.Contains(out, "not every text came back whole") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// The memories fill and are emptied, which is to be seen.
func TestModemFull(t *testing.T) {
	t.Parallel()
	r := oneStick(t, stick{sim: gsmsim.Options{Slots: 10}})
	r.sims["sim1"].Set(func(b *gsmsim.Behaviour) { b.Rules = []gsmsim.Rule{{Command: "+CMGD", Do: gsmsim.DoCMS, Code: 320}} })
	for i := range 15 {
		r.text("+12602058901", fmt.Sprint("text ", i))
	}
	awaitWithin(t, 2*patience, "a full SIM", func() error {
		c := r.carrier("sim1")
		if c.Modem.StorageUsed < 10 || c.Modem.StorageSize < 10 {
			return fmt.Errorf("%+v", c.Modem)
		}
		return nil
	})
	metric := func(name string) string {
		for _, l := range strings.Split(string(r.d.get("/metrics", 200)), "\n") {
			if strings.HasPrefix(l, "smsbridge_"+name+"{") {
				return l[strings.LastIndex(l, " ")+1:]
			}
		}
		return "missing"
	}
	if u := metric("modem_storage_used"); u != "10" || metric("modem_up") != "1" || metric("modem_info") != "1" || metric("modem_registration_state") != "1" {
		t.Errorf("modem_storage_used %s\n%s", u, r.d.get("/metrics", 200))
	}
	if problems, err := promlint.New(bytes.NewReader(r.d.get("/metrics", 200))).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
	r.sims["sim1"].Set(func(b *gsmsim.Behaviour) { b.Rules = nil })
	awaitWithin(t, 2*patience, "all texts", func() error {
		if all := list[message](r.program, "/messages?direction=in"); len(all) != 15 {
			return fmt.Errorf("%d texts", len(all))
		}
		if u := metric("modem_storage_used"); u != "0" || r.network.Waiting(ourNumber) > 0 {
			return fmt.Errorf("%s are left", u)
		}
		return nil
	})
}

// A wrong PIN is tried once, over all restarts of the daemon.
func TestModemWrongPIN(t *testing.T) {
	t.Parallel()
	r := newModemRig(t, "", stick{name: "sim1", number: ourNumber, sim: gsmsim.Options{PIN: "1234"}, options: wideLimits + "      pin: \"9999\"\n"})
	for range 3 {
		if c := r.await("sim1", "refused"); !strings.Contains(c.Error, "PIN") {
			t.Errorf("%q", c.Error)
		}
		r.d.restart()
		r.sims["sim1"].Reboot()
	}
	r.await("sim1", "refused")
	if n := r.sims["sim1"].PINTries(); n != 2 {
		t.Errorf("%d tries are left, want 2", n)
	}
}

// A stop with a text at the network waits a while, and says what became of it.
func TestModemStops(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		delay time.Duration
		want  string
	}{{2 * time.Second, "sent"}, {time.Hour, "unknown"}} {
		t.Run(c.want, func(t *testing.T) {
			t.Parallel()
			r := oneStick(t, stick{})
			r.network.OnSubmit(func(gsmsim.Submitted) gsmsim.Fate { return gsmsim.Fate{Delay: c.delay, NoReports: true} })
			id := r.send("+12602058901", "hello")
			r.submitted(1)
			code, took := r.d.terminate()
			if code != 0 || took > 20*time.Second {
				t.Errorf("exit code %d after %v", code, took)
			}
			r.d.start()
			if m := r.ticks(id, "sent", "unknown", "failed", "queued"); m.Tick != c.want || c.want == "unknown" && (m.Error == nil || m.Error.Code != "uncertain") {
				t.Errorf("%s %+v, want %s", m.Tick, m.Error, c.want)
			}
		})
	}
}
