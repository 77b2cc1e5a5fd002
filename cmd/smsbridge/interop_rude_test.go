package main_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// TestInteropRudeness has the SMSC send everything that no SMSC should. The link
// stays up, what is text comes through, and what is not is kept.
func TestInteropRudeness(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "")
	quarantined := 0
	for _, o := range smppsim.Oddities(customer, ourNumber) {
		t.Run(o.Name, func(t *testing.T) {
			i, smsc := i.under(t), smsc.under(t)
			smsc.raw(o.PDU)
			request := smpp.CommandID(o.PDU[4])<<24 | smpp.CommandID(o.PDU[5])<<16 | smpp.CommandID(o.PDU[6])<<8 | smpp.CommandID(o.PDU[7])
			switch {
			case o.Text != "":
				smsc.answers("deliver_sm_resp", "ESME_ROK")
				i.arrives(o.Text)
			case request == 0x999:
				smsc.answers("generic_nack", "ESME_RINVCMDID")
			case request == smpp.CmdSubmitSM || request == smpp.CmdBindTransceiver:
				smsc.answers(request.Response().String(), "ESME_RINVBNDSTS")
			case len(o.PDU) > smpp.MaxFrame:
				smsc.answers("generic_nack", "ESME_RINVCMDLEN")
			case request == smpp.CmdDeliverSM || request == smpp.CmdDataSM:
				smsc.answers(request.Response().String(), "ESME_ROK") // its octets are kept
				quarantined++
			}
			smsc.deliverAmid("After " + o.Name)
			i.arrives("After " + o.Name)
		})
	}
	i.counts("quarantined_total", "", "", fmt.Sprint(quarantined))
	if quarantined != 5 {
		t.Errorf("%d quarantined", quarantined)
	}
	smsc.raw(withBody(smpp.Header{Command: smpp.CmdGenericNack, Status: smpp.ESME_RINVCMDID}, ""))
	smsc.deliver(0, "", "After generic_nack")
	i.arrives("After generic_nack")
	i.replies("And on.", 1, 0)
	i.stays()

	// A command_length that cannot be true is the end of the connection, and not of
	// the daemon.
	for _, octets := range []string{"0000000400000005", "7fffffff0000000500000000000000ff", hex.EncodeToString([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))} {
		smsc.order(map[string]string{"raw": octets})
		smsc.answers("generic_nack", "ESME_RINVCMDLEN")
		i.binds()
		smsc.deliver(0, "", "After "+octets)
		i.arrives("After " + octets)
	}
	i.stops()
}

// answers waits for the answer to octets.
func (s *foreignSMSC) answers(command, status string) {
	s.t.Helper()
	if e := s.sees("pdu"); e.Command != command || e.Status != status {
		s.t.Errorf("answered %s %s, want %s %s", e.Command, e.Status, command, status)
	}
}

// deliverAmid delivers a text while other answers may come.
func (s *foreignSMSC) deliverAmid(body string) {
	s.t.Helper()
	s.order(map[string]foreignText{"deliver": {customer[1:], ourNumber[1:], body, 0, ""}})
	for {
		if e := s.sees("answer", "pdu"); e.Event == "answer" {
			if e.Status != "ESME_ROK" {
				s.t.Errorf("deliver_sm was answered %s", e.Status)
			}
			return
		}
	}
}

// TestInteropSplitWrites delivers a text octet by octet, and several PDUs at once.
func TestInteropSplitWrites(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "")
	text := func(sequence uint32, body string) []byte {
		return smpp.AppendShortMessage(nil, smpp.Header{Command: smpp.CmdDeliverSM, Sequence: sequence}, &smpp.ShortMessage{
			Source: smpp.Address{TON: 1, NPI: 1, Value: customer[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]}, Message: []byte(body),
		})
	}
	for _, octet := range text(0x7000_0001, "octet by octet") {
		smsc.raw([]byte{octet})
	}
	smsc.answers("deliver_sm_resp", "ESME_ROK")
	i.arrives("octet by octet")
	var all []byte
	const n = 20
	for k := range uint32(n) {
		all = append(all, text(0x7000_0100+k, fmt.Sprint("text ", k))...)
	}
	smsc.raw(append(all, text(0x7000_0200, strings.Repeat("z", 160))[:50]...))
	for range n {
		smsc.answers("deliver_sm_resp", "ESME_ROK")
	}
	for k := range n {
		i.arrives(fmt.Sprint("text ", k))
	}
	smsc.raw(text(0x7000_0200, strings.Repeat("z", 160))[50:])
	smsc.answers("deliver_sm_resp", "ESME_ROK")
	i.arrives(strings.Repeat("z", 160))
	i.stays()
	i.stops()
}
