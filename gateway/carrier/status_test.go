package carrier

import (
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

func TestEveryStatus(t *testing.T) {
	type want struct {
		action  smpp.StatusAction
		outcome gateway.Outcome
		limit   int
		pause   time.Duration // before the second attempt
		text    string
	}
	var (
		throttle  = want{smpp.ActionThrottle, gateway.OutcomeThrottled, 0, 0, "more than it takes"}
		full      = want{smpp.ActionQueueFull, gateway.OutcomeThrottled, 0, 0, "too much that waits"}
		temporary = want{smpp.ActionRetry, gateway.OutcomeRetry, 5, 30 * time.Second, "fault"}
		ambiguous = want{smpp.ActionRetryTwice, gateway.OutcomeRetry, 2, time.Minute, "no reason"}
		session   = want{smpp.ActionRebind, gateway.OutcomeUnsent, 0, 0, "connection"}
		protocol  = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "could not read"}
		encoding  = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "in this form"}
		sender    = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "from this number"}
		account   = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "our account"}
		recipient = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "cannot be reached"}
		content   = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "does not want this text"}
		vendor    = want{smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "reason of its own"}
	)
	// The table of field notes §3.3, as far as submit_sm_resp goes; what it gives
	// to bind and query_sm alone is reserved here.
	table := map[smpp.Status]want{
		0x58: throttle, 0x14: full,
		0x08: temporary, 0x64: temporary, 0xFF: temporary, 0x102: temporary,
		0x45: ambiguous, 0xFE: ambiguous, 0x67: ambiguous,
		0x04: session, 0x02: protocol, 0x03: protocol,
		0x01: {smpp.ActionReject, gateway.OutcomeRejected, 0, 0, "too long"},
		0x40: encoding, 0x42: encoding, 0x43: encoding, 0x44: encoding, 0x54: encoding, 0x55: encoding, 0x63: encoding, 0x104: encoding,
		0x0A: sender, 0x48: sender, 0x49: sender, 0x105: sender,
		0x15: account, 0x06: account, 0x07: account, 0x61: account, 0x62: account, 0xC0: account, 0xC1: account, 0xC2: account, 0xC3: account, 0xC4: account,
		0x100: account, 0x101: account, 0x103: account,
		0x0B: recipient, 0x50: recipient, 0x51: recipient, 0x33: recipient, 0x34: recipient, 0x106: recipient,
		0x65: content, 0x66: content,
		0x0C: ambiguous, 0x11: ambiguous, 0x13: ambiguous, 0x05: ambiguous, 0x0D: ambiguous, 0x0E: ambiguous, 0x0F: ambiguous, 0x53: ambiguous,
		0x09: ambiguous, 0x200: ambiguous, 0x500: ambiguous, 0x3FF: ambiguous, 0xFFFFFFFF: ambiguous,
	}
	for s := smpp.Status(0x107); s <= 0x112; s++ {
		table[s] = account
	}
	for s := smpp.Status(0x400); s <= 0x4FF; s++ {
		table[s] = vendor
	}
	for s, want := range table {
		v := statusActions(nil).verdictOf(s)
		r := gateway.Report{Attempt: 1}
		v.explain(&r, s)
		if v.action != want.action || v.outcome != want.outcome || r.Limit != want.limit || r.RetryAfter != want.pause ||
			!strings.Contains(r.Text, want.text) || !strings.Contains(r.Text, s.String()) || !strings.HasPrefix(s.String(), "ESME") != (r.Code == "other") {
			t.Errorf("%v: %+v, reported as %+v; want %+v", s, v, r, want)
		}
	}
	ok := statusActions(nil).verdictOf(smpp.ESME_ROK)
	r := gateway.Report{Attempt: 1}
	if ok.explain(&r, smpp.ESME_ROK); ok.outcome != gateway.OutcomeAccepted || r.Code != "" || r.Text != "" {
		t.Errorf("ESME_ROK: %+v", r)
	}
	later := gateway.Report{Attempt: 3}
	v := statusActions(nil).verdictOf(smpp.ESME_RSYSERR)
	if v.explain(&later, smpp.ESME_RSYSERR); later.RetryAfter != 2*time.Minute {
		t.Errorf("after the third attempt it waits %v", later.RetryAfter)
	}
}

func TestStatusActions(t *testing.T) {
	actions, err := parseStatusActions(map[string]smpp.StatusAction{
		"ESME_RSUBMITFAIL": smpp.ActionReject, "0x401": smpp.ActionHold, "ESME_RX_P_APPN": smpp.ActionThrottle, "ESME_RSYSERR": smpp.ActionQueueFull,
		"ESME_RINVDSTADR": smpp.ActionRetry, "ESME_RMSGQFUL": smpp.ActionRebind, "0x00000402": smpp.ActionRetryTwice,
	})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[smpp.Status]gateway.Outcome{
		smpp.ESME_RSUBMITFAIL: gateway.OutcomeRejected, 0x401: gateway.OutcomeThrottled, smpp.ESME_RX_P_APPN: gateway.OutcomeThrottled,
		smpp.ESME_RSYSERR: gateway.OutcomeThrottled, smpp.ESME_RINVDSTADR: gateway.OutcomeRetry, smpp.ESME_RMSGQFUL: gateway.OutcomeUnsent,
		0x402: gateway.OutcomeRetry, 0x403: gateway.OutcomeRejected,
	} {
		if got := actions.verdictOf(s); got.outcome != want {
			t.Errorf("%v: %+v", s, got)
		}
	}
	if v := actions.verdictOf(0x401); v.action != smpp.ActionHold || !strings.Contains(v.text, "no credit (0x00000401)") {
		t.Errorf("%+v", v)
	}
	for name, action := range map[string]smpp.StatusAction{"ESME_RNOTHING": smpp.ActionHold, "ESME_RSYSERR": "panic", "ESME_ROK": smpp.ActionHold, "0x401": actionAccept} {
		if _, err := parseStatusActions(map[string]smpp.StatusAction{name: action}); err == nil {
			t.Errorf("%s: %s is taken", name, action)
		}
	}
}
