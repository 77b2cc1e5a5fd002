package main_test

import (
	"fmt"
	"strings"
	"testing"

	"smsbridge/smpp"
)

// TestInteropResponses has submits answered in all the ways in which SMSCs spoil
// that.
func TestInteropResponses(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "")
	response := func(e foreignEvent, body string) []byte {
		return withBody(smpp.Header{Command: smpp.CmdSubmitSMResp, Sequence: e.Sequence}, body)
	}
	for _, test := range []struct {
		name   string
		answer func(foreignEvent) []byte
		id     string // by which a receipt comes; "" for none
		want   string
	}{
		{"a header alone", func(e foreignEvent) []byte { return response(e, "") }, "", "sent"},
		{"an empty id", func(e foreignEvent) []byte { return response(e, "\x00") }, "", "sent"},
		{"an id without NUL", func(e foreignEvent) []byte { return response(e, "c1") }, "c1", "delivered"},
		{"NULs after the id", func(e foreignEvent) []byte { return response(e, "c2\x00\x00\x00\x00") }, "c2", "delivered"},
		{"a lying parameter after the id", func(e foreignEvent) []byte { return response(e, "c3\x00\x02\x0c\xff\xff\x01") }, "c3", "delivered"},
		{"twice", func(e foreignEvent) []byte { return append(response(e, "c4\x00"), response(e, "c4\x00")...) }, "c4", "delivered"},
		{"a response to nothing before it", func(e foreignEvent) []byte {
			other := e
			other.Sequence += 1000
			return append(response(other, "c5\x00"), response(e, "c6\x00")...)
		}, "c6", "delivered"},
		{"the wrong response before it", func(e foreignEvent) []byte {
			return append(withBody(smpp.Header{Command: smpp.CmdEnquireLinkResp, Sequence: e.Sequence}, ""), response(e, "c7\x00")...)
		}, "c7", "delivered"},
		{"an error with a body", func(e foreignEvent) []byte {
			return withBody(smpp.Header{Command: smpp.CmdSubmitSMResp, Status: smpp.ESME_RINVDSTADR, Sequence: e.Sequence}, "c8\x00")
		}, "", "failed"},
		{"generic_nack", func(e foreignEvent) []byte {
			return withBody(smpp.Header{Command: smpp.CmdGenericNack, Status: smpp.ESME_RINVCMDID, Sequence: e.Sequence}, "")
		}, "", "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, smsc := i.under(t), smsc.under(t)
			sent, submit := i.submits("Answered with " + test.name)
			smsc.raw(test.answer(submit))
			if test.id != "" {
				i.ticks(sent.ID, "sent")
				smsc.asks("deliver_sm", receiptOf(test.id, "DELIVRD"))
			}
			i.reaches(sent.ID, test.want)
		})
	}
	i.stays()
	i.stops()
}

// TestInteropRefusals has the SMSC want nothing more for a while, in a window full
// of parts, and refuse for good.
func TestInteropRefusals(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "")
	i.begins()
	smsc.refuses("ESME_RMSGQFUL", 1)
	long := strings.Repeat("A text of two parts, of which one is refused. ", 4)
	sent := i.sends(long)
	smsc.sees("refused")
	if parts := i.smsc.partsOf(2); parts != long {
		t.Errorf("submitted %q", parts)
	}
	i.reaches(sent.ID, "delivered")
	i.counts("submit_status_total", "", `,command_status="ESME_RMSGQFUL"`, "1")

	smsc.refuses("ESME_RINVDSTADR", 1)
	sent = i.sends("To nobody")
	smsc.sees("refused")
	i.reaches(sent.ID, "failed")
	i.counts("submit_status_total", "", `,command_status="ESME_RINVDSTADR"`, "1")

	smsc.refuses("ESME_RSYSERR", 1)
	sent = i.sends("Later, perhaps")
	smsc.sees("refused")
	i.counts("submit_status_total", "", `,command_status="ESME_RSYSERR"`, "1")
	i.reaches(sent.ID, "queued")
	i.stays()
	i.stops()
}

// TestInteropUncertain has connections end while a submit is outstanding: nobody
// knows whether it left.
func TestInteropUncertain(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "")
	for n, end := range []map[string]bool{{"drop": true}, {"unbind": true}} {
		sent, _ := i.submits(fmt.Sprintf("Without an answer %d", n+1))
		smsc.order(end)
		if end["unbind"] {
			if e := smsc.sees("unbound"); e.Status != "ESME_ROK" {
				t.Errorf("unbind was answered %s", e.Status)
			}
		}
		i.binds()
		i.reaches(sent.ID, "unknown")
	}
	i.counts("uncertain_total", "", "", "2")
	sent, submit := i.submits("And on")
	smsc.responds(submit, "d1")
	i.ticks(sent.ID, "sent")
	i.stops()
}

// TestInteropLateResponse has the SMSC answer enquire_link, and a submit when nobody
// expects that any more.
func TestInteropLateResponse(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "      response_timeout: 4s\n"+oftenAlive)
	sent, submit := i.submits("Answered late")
	i.reaches(sent.ID, "unknown")
	smsc.responds(submit, "h1")
	i.reaches(sent.ID, "sent")
	smsc.asks("deliver_sm", receiptOf("h1", "DELIVRD"))
	i.reaches(sent.ID, "delivered")
	i.stops()
}

// TestInteropCancel has a text cancelled that the SMSC has still, and one that has
// gone.
func TestInteropCancel(t *testing.T) {
	t.Parallel()
	i, smsc := manualInterop(t, "")
	for _, test := range []struct {
		id, status string // of the text, and of the answer
		answered   int
		tick       string
	}{
		{"k1", "ESME_RCANCELFAIL", 409, "sent"},
		{"k2", "ESME_ROK", 200, "failed"},
	} {
		sent, submit := i.submits("Cancelled with " + test.status)
		smsc.responds(submit, test.id)
		i.ticks(sent.ID, "sent")
		smsc.rule(map[string]string{"cancel": test.status})
		i.agent.must("POST", "/messages/"+sent.ID+"/cancel", nil, test.answered, nil)
		if e := smsc.sees("cancel"); e.ID != test.id || e.From != ourNumber[1:] || e.To != customer[1:] {
			t.Errorf("asked to cancel %+v", e)
		}
		i.reaches(sent.ID, test.tick)
	}
	i.stays()
	i.stops()
}

// withBody is a PDU of any body.
func withBody(h smpp.Header, body string) []byte {
	b := append(smpp.AppendHeader(nil, h), body...)
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	return b
}
