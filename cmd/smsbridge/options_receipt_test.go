package main_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// TestReceiptForms has every text delivered, in whatever form the carrier says so.
func TestReceiptForms(t *testing.T) {
	t.Parallel()
	forms := map[string]smppsim.ReceiptScript{
		"both":        {},
		"text":        {Form: smppsim.ReceiptText},
		"tlvs":        {Form: smppsim.ReceiptTLVs},
		"unmarked":    {Form: smppsim.ReceiptText, Unmarked: true, Delay: 300 * time.Millisecond},
		"ucs2":        {Form: smppsim.ReceiptText, UCS2: true},
		"data":        {DataSM: true},
		"payload":     {Form: smppsim.ReceiptText, Payload: true},
		"early":       {Early: true},
		"doubled":     {Doubled: true},
		"reversed":    {Reversed: 3},
		"elsewhere":   {Elsewhere: true},
		"enroute":     {Enroute: true},
		"unasked":     {When: smppsim.ReceiptsAlways},
		"hex":         {ID: smppsim.IDHex},
		"upper":       {ID: smppsim.IDHexUpper},
		"padded":      {ID: smppsim.IDPadded},
		"upper-early": {ID: smppsim.IDHexUpper, Early: true, Form: smppsim.ReceiptText},
	}
	var accounts []account
	for name, script := range forms {
		a := account{name: name, script: smppsim.Script{Receipt: script}}
		switch name {
		case "elsewhere":
			a.smpp = "      binds: 2\n"
		case "unasked":
			a.smpp = "      registered_delivery: 0\n"
		}
		accounts = append(accounts, a)
	}
	b := newRig(t, "", accounts...)
	b.carrier("elsewhere", "bound twice", func(c carrier) bool { return len(c.Binds) == 2 && c.Binds[0].State == "up" && c.Binds[1].State == "up" })
	sent := map[string][]message{}
	for name := range forms {
		for n := range 3 {
			sent[name] = append(sent[name], b.send(name, fmt.Sprint(name, " ", n), nil))
		}
	}
	for name, texts := range sent {
		for _, m := range texts {
			if got := b.program.settled(m.ID, "delivered"); got.Error != nil {
				t.Errorf("%s: error %+v", name, got.Error)
			}
		}
	}
	if in := list[message](b.program, "/messages?direction=in"); len(in) != 0 {
		t.Errorf("receipts were taken for texts: %+v", in)
	}
	for series, value := range scrape(t, b.d) {
		if strings.HasPrefix(series, "smsbridge_receipts_unmatched") && value != "0" {
			t.Errorf("%s %s", series, value)
		}
	}
}

// TestLearnsMessageIDs shows how the ids of receipts are related to those of
// responses, once that was seen.
func TestLearnsMessageIDs(t *testing.T) {
	t.Parallel()
	ids := func(response, receipt smppsim.IDForm) smppsim.Script {
		return smppsim.Script{Submit: smppsim.SubmitScript{ID: response}, Receipt: smppsim.ReceiptScript{ID: receipt}}
	}
	forms := []struct {
		name   string
		script smppsim.Script
		smpp   string
		form   string
		learnt bool
	}{
		{"same", ids(smppsim.IDSame, smppsim.IDSame), "", "raw", true},
		{"uuid", ids(smppsim.IDUUID, smppsim.IDSame), "", "raw", true},
		{"case", ids(smppsim.IDHex, smppsim.IDHexUpper), "", "case", true},
		{"decimal", ids(smppsim.IDHex, smppsim.IDDecimal), "", "hex-to-decimal", true},
		{"hex", ids(smppsim.IDDecimal, smppsim.IDHex), "", "decimal-to-hex", true},
		{"zeros", ids(smppsim.IDPadded, smppsim.IDDecimal), "", "zeros", true},
		{"told", ids(smppsim.IDDecimal, smppsim.IDHexUpper), "      message_id: decimal-to-hex\n", "decimal-to-hex", false},
	}
	var accounts []account
	for _, f := range forms {
		accounts = append(accounts, account{name: f.name, script: f.script, smpp: f.smpp})
	}
	b := newRig(t, "", accounts...)
	for _, f := range forms {
		for n := range 10 {
			b.program.settled(b.send(f.name, fmt.Sprint("text ", n), nil).ID, "delivered")
		}
		c := b.carrier(f.name, "learning", func(c carrier) bool { return c.MessageID.Form != "" })
		if c.MessageID.Form != f.form || c.MessageID.Learnt != f.learnt || c.MessageID.Matches[f.form] < 5 {
			t.Errorf("%s: %+v, want %s, learnt %v", f.name, c.MessageID, f.form, f.learnt)
		}
	}
}

// TestMeaningOfReceipts reads states and codes as a carrier's configuration says.
func TestMeaningOfReceipts(t *testing.T) {
	t.Parallel()
	receipt := func(state, code string) smppsim.Script {
		return smppsim.Script{Receipt: smppsim.ReceiptScript{State: state, Err: code}}
	}
	const sentence = "The handset is off."
	codes := "      err_codes: {\"027\": " + sentence + "}\n"
	cases := []struct {
		name       string
		script     smppsim.Script
		smpp       string
		tick, code string
		says       string
	}{
		{"handset", receipt("DELIVRD", ""), "", "delivered", "", ""},
		{"network", receipt("DELIVRD", ""), "      delivered_means: network\n", "sent", "", ""},
		{"accepted", receipt("ACCEPTD", ""), "", "sent", "", ""},
		{"accepted-is-delivered", receipt("ACCEPTD", ""), "      accepted: delivered\n", "delivered", "", ""},
		{"off", receipt("UNDELIV", "027"), codes, "failed", "undelivered", sentence},
		{"off-plainly", receipt("UNDELIV", "027"), "", "failed", "undelivered", "027"},
		{"other-code", receipt("UNDELIV", "028"), codes, "failed", "undelivered", "028"},
		{"expired", receipt("EXPIRED", ""), "", "expired", "expired", "in time"},
		{"rejected", receipt("REJECTD", ""), "", "failed", "undelivered", "REJECTD"},
		{"deleted", receipt("DELETED", ""), "", "failed", "undelivered", "DELETED"},
		{"unknown", receipt("UNKNOWN", ""), "", "unknown", "no_receipt", "does not know"},
	}
	var accounts []account
	for _, c := range cases {
		accounts = append(accounts, account{name: c.name, script: c.script, smpp: c.smpp})
	}
	b := newRig(t, "", accounts...)
	sent := map[string]message{}
	for _, c := range cases {
		sent[c.name] = b.send(c.name, "Hello", nil)
	}
	for _, c := range cases {
		b.hasStep(sent[c.name].ID, "receipt")
		m := b.program.settled(sent[c.name].ID, c.tick)
		code, says := "", ""
		if m.Error != nil {
			code, says = m.Error.Code, m.Error.Text
		}
		if code != c.code || !strings.Contains(says, c.says) {
			t.Errorf("%s: error %q, %q, want %q that says %q", c.name, code, says, c.code, c.says)
		}
	}
}

type step struct{ What, Code, Text, Reference string }

// hasStep waits until something has happened to a message.
func (b *rig) hasStep(id, what string) step {
	b.t.Helper()
	var trace struct{ Steps []step }
	var found step
	await(b.t, "the message's life", func() error {
		b.program.must("GET", "/messages/"+id+"/trace", nil, 200, &trace)
		i := slices.IndexFunc(trace.Steps, func(s step) bool { return s.What == what })
		if i < 0 {
			return fmt.Errorf("no %s in %+v", what, trace.Steps)
		}
		found = trace.Steps[i]
		return nil
	})
	return found
}

// TestStatusActions has a carrier refuse, and does what its configuration says.
func TestStatusActions(t *testing.T) {
	t.Parallel()
	refuse := func(status smpp.Status) smppsim.Script {
		return smppsim.Script{Submit: smppsim.SubmitScript{ErrorEvery: 1, ErrorStatus: status}}
	}
	once := refuse(smpp.ESME_RSYSERR)
	once.Submit.ErrorEvery = 2
	throttled := smppsim.Script{Submit: smppsim.SubmitScript{ThrottleEvery: 2}}
	b := newRig(t, "",
		account{name: "reject", smpp: "      status_actions: {ESME_RSUBMITFAIL: reject}\n", script: refuse(smpp.ESME_RSUBMITFAIL)},
		account{name: "destination", script: refuse(smpp.ESME_RINVDSTADR)},
		account{name: "vendor", script: refuse(0x450)},
		account{name: "twice", smpp: "      status_actions: {ESME_RINVDSTADR: retry-twice}\n", script: refuse(smpp.ESME_RINVDSTADR)},
		account{name: "retry", script: refuse(smpp.ESME_RSYSERR)},
		account{name: "throttle", smpp: "      window: 1\n", script: throttled},
		account{name: "as-throttling", smpp: "      status_actions: {0x455: throttle}\n", script: refuse(0x455)},
		account{name: "hold", smpp: "      status_actions: {0x401: hold}\n", script: refuse(0x401)})
	for _, tt := range []struct{ carrier, says string }{
		{"reject", "ESME_RSUBMITFAIL"}, {"destination", "ESME_RINVDSTADR"}, {"vendor", "0x00000450"},
	} {
		m := b.program.settled(b.send(tt.carrier, "Hello", nil).ID, "failed")
		if m.Error == nil || m.Error.Code != "rejected" || !strings.Contains(m.Error.Text, tt.says) || len(b.submits(tt.carrier)) != 0 {
			t.Errorf("%s: %+v, want one that names %s", tt.carrier, m.Error, tt.says)
		}
	}
	for carrier, code := range map[string]string{"twice": "ESME_RINVDSTADR", "retry": "ESME_RSYSERR"} {
		m := b.send(carrier, "Hello", nil)
		if s := b.hasStep(m.ID, "retry"); s.Code != code {
			t.Errorf("%s: %+v", carrier, s)
		}
		b.program.settled(m.ID, "queued")
	}
	var throttledTexts []message
	for n := range 4 {
		throttledTexts = append(throttledTexts, b.send("throttle", fmt.Sprint("text ", n), nil))
	}
	held := b.send("hold", "Hello", nil)
	c := b.carrier("hold", "held", isState("held"))
	if !strings.Contains(c.Error+c.Note, "0x00000401") || scrape(t, b.d)[`smsbridge_route_held{carrier="hold"}`] != "1" {
		t.Errorf("a held carrier says %+v", c)
	}
	later := b.send("hold", "Later", nil)
	b.program.settled(held.ID, "queued")
	if err := b.smsc.SetAccountScript("hold", smppsim.Script{}); err != nil {
		t.Fatal(err)
	}
	b.program.must("POST", "/carriers/hold/reconnect", nil, 200, nil)
	b.program.settled(held.ID, "delivered")
	b.program.settled(later.ID, "delivered")
	b.carrier("hold", "up", isState("up"))
	if got := b.submits("hold"); len(got) != 2 || got[0].Text != "Hello" || got[1].Text != "Later" {
		t.Errorf("after the hold: %+v", got)
	}

	slowed := b.send("as-throttling", "Hello", nil)
	b.carrier("as-throttling", "slower", func(c carrier) bool { return c.Note != "" && c.State == "up" })
	b.program.settled(slowed.ID, "queued")
	for _, m := range throttledTexts {
		b.program.settled(m.ID, "delivered")
	}
	var order []string
	for _, s := range b.submits("throttle") {
		order = append(order, s.Text)
	}
	if want := []string{"text 0", "text 1", "text 2", "text 3"}; !slices.Equal(order, want) {
		t.Errorf("after throttling: %q, want %q", order, want)
	}
}
