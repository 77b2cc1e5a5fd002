package main_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// fields are those of a PDU, as the npm package smpp calls them.
type fields map[string]any

// octets are a field that is not text.
func octets(b string) map[string]string {
	return map[string]string{"hex": hex.EncodeToString([]byte(b))}
}

// with returns f with more fields.
func (f fields) with(more fields) fields {
	f = maps.Clone(f)
	maps.Copy(f, more)
	return f
}

// fromCustomer are the addresses of what the customer sends us.
func fromCustomer() fields {
	return fields{
		"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": customer[1:],
		"dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": ourNumber[1:], "data_coding": 0,
	}
}

// manually has the SMSC leave responses and receipts to the test.
func (s *foreignSMSC) manually() {
	s.t.Helper()
	s.rule(map[string]bool{"manual": true})
}

// send sends a PDU.
func (s *foreignSMSC) send(command string, f fields) {
	s.t.Helper()
	s.order(map[string]any{"send": map[string]any{"command": command, "fields": f}})
}

// asks sends a request, and returns when the daemon has accepted it.
func (s *foreignSMSC) asks(command string, f fields) {
	s.t.Helper()
	s.send(command, f)
	s.accepted()
}

// accepted waits until the daemon has accepted a request.
func (s *foreignSMSC) accepted() {
	s.t.Helper()
	if e := s.sees("answer"); e.Status != "ESME_ROK" {
		s.t.Errorf("%s %s", e.Command, e.Status)
	}
}

// raw sends octets as they are.
func (s *foreignSMSC) raw(b []byte) {
	s.t.Helper()
	s.order(map[string]string{"raw": hex.EncodeToString(b)})
}

// responds accepts a submit.
func (s *foreignSMSC) responds(submit foreignEvent, id string) {
	s.t.Helper()
	s.send("submit_sm_resp", fields{"sequence_number": submit.Sequence, "message_id": id})
}

// refuses has the next submits answered with a status.
func (s *foreignSMSC) refuses(status string, times int) {
	s.t.Helper()
	s.rule(map[string]any{"refuse": map[string]any{"status": status, "times": times}})
}

// submits has the agent send a text, and returns how it comes to the SMSC.
func (i *interop) submits(body string) (message, foreignEvent) {
	i.t.Helper()
	sent := i.sends(body)
	e := i.smsc.sees("submit")
	if e.Text != body {
		i.t.Errorf("submitted %q, want %q", e.Text, body)
	}
	return sent, e
}

// manualInterop starts a daemon and an SMSC that leaves responses and receipts to
// the test. The customer has written.
func manualInterop(t *testing.T, options string) (*interop, *foreignSMSC) {
	t.Helper()
	i := newInterop(t, startForeignSMSC(t), options)
	i.begins()
	i.smsc.manually()
	return i, i.smsc
}

// begins has the customer write the text that the agent answers in a test.
func (i *interop) begins() {
	i.t.Helper()
	i.smsc.deliver(0, "", "Hello")
	i.arrives("Hello")
}

// receiptText is what a receipt says, in the words of SMPP 3.4 appendix B.
func receiptText(id, word string) string {
	return fmt.Sprintf("id:%s sub:001 dlvrd:001 submit date:2603040506 done date:2603040507 stat:%s err:000 text:Hello", id, word)
}

// receiptOf is a receipt as most SMSCs send it.
func receiptOf(id, word string) fields {
	return fromCustomer().with(fields{"esm_class": esmReceipt, "short_message": receiptText(id, word)})
}

// ucs2 are a text's octets in UCS-2.
func ucs2(text string) string {
	var b []byte
	for _, r := range text {
		b = append(b, byte(r>>8), byte(r))
	}
	return string(b)
}

// stays fails the test if the daemon has lost its bind since it started.
func (i *interop) stays() {
	i.t.Helper()
	metrics := scrape(i.t, i.d)
	for series, want := range map[string]string{
		`smsbridge_bind_up{bind="1",carrier="acme"}`:                  "1",
		`smsbridge_bind_state_changes_total{bind="1",carrier="acme"}`: "1",
	} {
		if metrics[series] != want {
			i.t.Errorf("%s is %q, want %s", series, metrics[series], want)
		}
	}
}

// counts waits for a counter of the carrier. Labels come before that of the
// carrier in the order of the alphabet, or after it.
func (i *interop) counts(name, before, after, want string) {
	i.t.Helper()
	series := fmt.Sprintf(`smsbridge_%s{%scarrier="acme"%s}`, name, before, after)
	await(i.t, series, func() error {
		if got := scrape(i.t, i.d)[series]; got != want {
			return fmt.Errorf("%q, want %s", got, want)
		}
		return nil
	})
}

// in makes a part of a test report its own failures.
func (i *interop) under(t *testing.T) *interop {
	part := *i
	part.t, part.smsc = t, i.smsc.under(t)
	return &part
}

func (s *foreignSMSC) under(t *testing.T) *foreignSMSC {
	part := *s
	part.t = t
	return &part
}

// reaches waits until a text has a tick. What asks has sent counts already: the
// daemon accepts a receipt when it has applied it.
func (i *interop) reaches(id, want string) {
	i.t.Helper()
	await(i.t, "the tick", func() error {
		var m message
		i.agent.must("GET", "/messages/"+id, nil, 200, &m)
		if m.Tick != want {
			return fmt.Errorf("%s, want %s", m.Tick, want)
		}
		return nil
	})
}

// partsOf joins the parts of a text in the order in which their headers have them,
// and takes the answers to their receipts.
func (s *foreignSMSC) partsOf(n int) string {
	s.t.Helper()
	parts := map[string]string{}
	for receipts := 0; len(parts) < n || receipts < n; {
		switch e := s.sees("submit", "receipt"); e.Event {
		case "submit":
			parts[e.UDH] = e.Text
		case "receipt":
			receipts++
		}
	}
	var whole string
	for _, header := range slices.Sorted(maps.Keys(parts)) {
		whole += parts[header]
	}
	return whole
}
