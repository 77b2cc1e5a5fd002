package smppsim

import (
	"bytes"
	"encoding/binary"
	"slices"

	"smsbridge/smpp"
)

// maxSequence is the highest sequence_number of our requests. Oddities have higher
// ones, so that what answers them can be told apart.
const maxSequence = 0x6FFFFFFF

// response writes the response to an accepted submit, spoilt as the script wants.
func (j *accepted) response(b []byte) []byte {
	h := smpp.Header{Command: j.header.Command.Response(), Sequence: j.header.Sequence}
	switch start := len(b); j.play.Submit.Form {
	case ResponseHeader:
		return smpp.AppendHeader(b, h)
	case ResponseEmpty:
		return smpp.AppendResponse(b, h, nil)
	case ResponseUnterminated:
		b = smpp.AppendResponse(b, h, &smpp.Response{MessageID: j.id})
		return withLength(b[:len(b)-1], start)
	case ResponsePadded:
		b = smpp.AppendResponse(b, h, &smpp.Response{MessageID: j.id})
		return withLength(append(b, 0, 0, 0), start)
	}
	return smpp.AppendResponse(b, h, &smpp.Response{MessageID: j.id})
}

// withLength writes the length of the PDU that b holds from start on.
func withLength(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// unbind asks the ESME to leave; its answer ends the connection. mu is held.
func (c *session) unbind() {
	c.out.header(smpp.Header{Command: smpp.CmdUnbind, Sequence: c.nextSequence()})
}

// invite sends an outbind where the script wants one.
func (c *session) invite() {
	s := c.smsc
	s.lock()
	defer s.unlock()
	if s.script.Bind.Outbind {
		c.out.add(func(b []byte) []byte {
			return smpp.AppendOutbind(b, smpp.Header{Command: smpp.CmdOutbind, Sequence: c.nextSequence()}, &smpp.OutbindRequest{SystemID: "smppsim"})
		})
	}
}

// sendOddity sends the account's next oddity, between the addresses of a submit. mu
// is held.
func (c *session) sendOddity(play *performance, m *smpp.ShortMessage) {
	all := Oddities(addressText(m.Dest), addressText(m.Source))
	n := play.oddities.Add(1) - 1
	c.smsc.stats.Oddities++
	c.out.add(func(b []byte) []byte { return append(b, all[n%uint64(len(all))].PDU...) })
}

// SendRaw writes octets, as they are, to a connection that is bound as systemID, in
// turn where there are several; to one that receives, where there is one. Nothing
// waits for an answer, and what answers counts as a protocol error, unless its
// sequence_number is that of one of Oddities.
func (s *SMSC) SendRaw(systemID string, octets []byte) error {
	s.lock()
	defer s.unlock()
	if s.closed {
		return ErrClosed
	}
	a, ok := s.accounts[systemID]
	if !ok {
		return ErrNoAccount
	}
	open := slices.DeleteFunc(slices.Clone(a.sessions), func(c *session) bool { return !c.out.open() })
	if slices.ContainsFunc(open, (*session).receives) {
		open = slices.DeleteFunc(open, func(c *session) bool { return !c.receives() })
	}
	if len(open) == 0 {
		return ErrNotBound
	}
	a.turn++
	s.stats.Oddities++
	open[a.turn%len(open)].out.add(func(b []byte) []byte { return append(b, octets...) })
	return nil
}

// Oddity is what no SMSC should send, and some do.
type Oddity struct {
	Name string
	PDU  []byte
	// Text is what the ESME may make of it: it is whole but for the oddity. Empty is
	// nothing.
	Text string
}

// Oddities are PDUs that an ESME has to survive. The addresses are those of the
// messages among them. The framing of all is sound.
func Oddities(from, to string) []Oddity {
	message := smpp.ShortMessage{Source: addressOf(from), Dest: addressOf(to)}
	sequence := uint32(maxSequence)
	header := func(command smpp.CommandID) smpp.Header {
		sequence++
		return smpp.Header{Command: command, Sequence: sequence}
	}
	bare := func(command smpp.CommandID) []byte { return smpp.AppendHeader(nil, header(command)) }
	spoilt := func(text string, more ...byte) []byte {
		m := message
		m.Message = []byte(text)
		return withLength(append(smpp.AppendShortMessage(nil, header(smpp.CmdDeliverSM), &m), more...), 0)
	}
	whole := spoilt("cut off")
	liar := spoilt("one octet too many")
	liar[len(liar)-len("one octet too many")-1]++
	wrong := message
	wrong.Message = []byte("request of an ESME")
	const lie = "\x00\x1e\x00\x41id" // receipted_message_id of 65 octets, of which two are there
	return []Oddity{
		{Name: "submit_sm_resp to nothing", PDU: smpp.AppendResponse(nil, header(smpp.CmdSubmitSMResp), &smpp.Response{MessageID: "1"})},
		{Name: "enquire_link_resp to nothing", PDU: bare(smpp.CmdEnquireLinkResp)},
		{Name: "unbind_resp to nothing", PDU: bare(smpp.CmdUnbindResp)},
		{Name: "unknown request", PDU: bare(0x00000999)},
		{Name: "unknown response", PDU: bare(0x80000999)},
		{Name: "submit_sm", PDU: smpp.AppendShortMessage(nil, header(smpp.CmdSubmitSM), &wrong)},
		{Name: "bind_transceiver", PDU: smpp.AppendBind(nil, header(smpp.CmdBindTransceiver), &smpp.BindRequest{SystemID: "smsc"})},
		{Name: "outbind when bound", PDU: smpp.AppendOutbind(nil, header(smpp.CmdOutbind), &smpp.OutbindRequest{SystemID: "smsc"})},
		{Name: "alert_notification", PDU: smpp.AppendAlert(nil, header(smpp.CmdAlertNotification), &smpp.Alert{Source: message.Source, ESME: message.Dest})},
		{Name: "deliver_sm without a body", PDU: bare(smpp.CmdDeliverSM)},
		{Name: "deliver_sm cut off", PDU: withLength(bytes.Clone(whole[:smpp.HeaderLen+10]), 0)},
		{Name: "data_sm without a body", PDU: bare(smpp.CmdDataSM)},
		{Name: "sm_length beyond the PDU", PDU: liar},
		{Name: "parameter beyond the PDU, no text", PDU: spoilt("", []byte(lie)...)},
		{Name: "parameter beyond the PDU", PDU: spoilt("parameter beyond", []byte(lie)...), Text: "parameter beyond"},
		{Name: "NULs after the body", PDU: spoilt("NULs after", 0, 0, 0), Text: "NULs after"},
		{Name: "enquire_link with a body", PDU: withLength(append(bare(smpp.CmdEnquireLink), 0, 0, 0, 0), 0)},
		{Name: "above 64 KiB", PDU: spoilt("", append([]byte{0x04, 0x24, 0xff, 0xff}, make([]byte, 70_000)...)...)},
	}
}
