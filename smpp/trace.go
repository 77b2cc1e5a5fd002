package smpp

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// trace shows the PDUs of a stream, which has nothing but whole ones or one header.
func (h *Handler) trace(outgoing bool, stream []byte) {
	if h.Trace == nil {
		return
	}
	for len(stream) > 0 {
		n := min(max(HeaderLen, int(binary.BigEndian.Uint32(stream))), len(stream))
		h.Trace(outgoing, stream[:n:n])
		stream = stream[n:]
	}
}

// maxDump bounds how many octets of one field are described.
const maxDump = 4 << 10

// Describe returns a PDU, as FrameReader cuts it, in one line: its command, status
// and sequence_number, the fields by their names in the specification and the
// optional parameters by theirs, octets in hexadecimal with the text in them that
// can be printed. What cannot be decoded is in hexadecimal, with the reason.
//
// The password of a bind or outbind is never in it: of one that cannot be decoded,
// or of a response to one, which a peer may have made of the request, nothing is
// shown that could hold it.
func Describe(frame []byte) string {
	if len(frame) < HeaderLen {
		return fmt.Sprintf("no PDU, %d octets: %x", len(frame), frame)
	}
	p, err := Decode(frame)
	d := description(fmt.Appendf(nil, "%s %s sequence_number=%d", p.Command, p.Status, p.Sequence))
	body := frame[HeaderLen:]
	meaningless := p.Command.IsResponse() && p.Status != ESME_ROK // yet some send one
	var bad *DecodeError
	switch {
	case errors.As(err, &bad) && secretive(p.Command):
		d.text(" malformed: bad " + bad.Field)
	case bad != nil:
		d.text(fmt.Sprintf(" malformed: bad %s at octet %d of %d", bad.Field, bad.Offset, binary.BigEndian.Uint32(frame)))
		d.octets("body", body, printable(body))
	case len(body) == 0:
	case meaningless && !secretive(p.Command):
		d.octets("body", body, printable(body))
	case meaningless || p.Body == nil:
		d.text(fmt.Sprintf(" (%d octets more)", len(body)))
	default:
		d.body(p)
	}
	return string(d)
}

// secretive reports whether a PDU holds a password, or may repeat one.
func secretive(c CommandID) bool {
	switch c {
	case CmdBindReceiver, CmdBindTransmitter, CmdBindTransceiver, CmdOutbind, CmdGenericNack,
		CmdBindReceiverResp, CmdBindTransmitterResp, CmdBindTransceiverResp:
		return true
	}
	return false
}

// description is the line that is being written.
type description []byte

func (d *description) text(s string) { *d = append(*d, s...) }

func (d *description) number(name string, v uint8) { *d = fmt.Appendf(*d, " %s=%d", name, v) }

func (d *description) bits(name string, v uint8) { *d = fmt.Appendf(*d, " %s=0x%02x", name, v) }

func (d *description) str(name, v string) { *d = fmt.Appendf(*d, " %s=%q", name, v) }

func (d *description) address(ton, npi, name string, a Address) {
	d.number(ton, a.TON)
	d.number(npi, a.NPI)
	d.str(name, a.Value)
}

func (d *description) source(a Address) {
	d.address("source_addr_ton", "source_addr_npi", "source_addr", a)
}

func (d *description) dest(a Address) {
	d.address("dest_addr_ton", "dest_addr_npi", "destination_addr", a)
}

// octets writes v in hexadecimal, and what it says.
func (d *description) octets(name string, v []byte, says string) {
	shown := v[:min(len(v), maxDump)]
	*d = append(append(*d, ' '), name...)
	*d = hex.AppendEncode(append(*d, '='), shown)
	if len(shown) < len(v) {
		*d = fmt.Appendf(*d, "... (%d octets)", len(v))
	}
	if says != "" {
		*d = strconv.AppendQuote(append(*d, ' '), says)
	}
}

func (d *description) body(p PDU) {
	switch b := p.Body.(type) {
	case *ShortMessage:
		d.str("service_type", b.ServiceType)
		d.source(b.Source)
		d.dest(b.Dest)
		if p.Command == CmdDataSM {
			d.bits("esm_class", b.ESMClass)
			d.bits("registered_delivery", b.RegisteredDelivery)
			d.bits("data_coding", b.DataCoding)
			d.tlvs(b.TLVs, b)
			return
		}
		d.rest(b)
	case *SubmitMultiRequest:
		d.str("service_type", b.ServiceType)
		d.source(b.Source)
		d.number("number_of_dests", uint8(len(b.Destinations)))
		for _, dest := range b.Destinations {
			if dest.List != "" {
				d.str("dl_name", dest.List)
			} else {
				d.dest(dest.Address)
			}
		}
		d.rest(&b.ShortMessage)
	case *Response:
		d.str("message_id", b.MessageID)
		d.tlvs(b.TLVs, nil)
	case *SubmitMultiResponse:
		d.str("message_id", b.MessageID)
		d.number("no_unsuccess", uint8(len(b.Unsuccessful)))
		for _, u := range b.Unsuccessful {
			d.dest(u.Address)
			d.text(" error_status_code=" + u.Status.String())
		}
		d.tlvs(b.TLVs, nil)
	case *BindRequest:
		d.str("system_id", b.SystemID)
		d.text(" password=(hidden)")
		d.str("system_type", b.SystemType)
		d.bits("interface_version", b.InterfaceVersion)
		d.address("addr_ton", "addr_npi", "address_range", b.AddressRange)
	case *OutbindRequest:
		d.str("system_id", b.SystemID)
		d.text(" password=(hidden)")
	case *BindResponse:
		d.bindResponse(b)
	case *QueryRequest:
		d.str("message_id", b.MessageID)
		d.source(b.Source)
	case *QueryResponse:
		d.str("message_id", b.MessageID)
		d.str("final_date", b.FinalDate)
		d.number("message_state", b.MessageState)
		d.number("error_code", b.ErrorCode)
	case *CancelRequest:
		d.str("service_type", b.ServiceType)
		d.str("message_id", b.MessageID)
		d.source(b.Source)
		d.dest(b.Dest)
	case *ReplaceRequest:
		d.str("message_id", b.MessageID)
		d.source(b.Source)
		d.str("schedule_delivery_time", b.Schedule)
		d.str("validity_period", b.ValidityPeriod)
		d.bits("registered_delivery", b.RegisteredDelivery)
		d.number("sm_default_msg_id", b.DefaultMessageID)
		d.number("sm_length", uint8(len(b.Message)))
		d.octets("short_message", b.Message, printable(b.Message))
	case *Alert:
		d.source(b.Source)
		d.address("esme_addr_ton", "esme_addr_npi", "esme_addr", b.ESME)
		d.tlvs(b.TLVs, nil)
	}
}

// rest writes what submit_sm, deliver_sm and submit_multi share.
func (d *description) rest(m *ShortMessage) {
	d.bits("esm_class", m.ESMClass)
	d.bits("protocol_id", m.ProtocolID)
	d.number("priority_flag", m.Priority)
	d.str("schedule_delivery_time", m.Schedule)
	d.str("validity_period", m.ValidityPeriod)
	d.bits("registered_delivery", m.RegisteredDelivery)
	d.number("replace_if_present_flag", m.ReplaceIfPresent)
	d.bits("data_coding", m.DataCoding)
	d.number("sm_default_msg_id", m.DefaultMessageID)
	var short []byte
	if payload, ok := m.TLVs.Get(TagMessagePayload); !ok || len(payload) == 0 || len(m.Message) == 0 || &payload[0] != &m.Message[0] {
		short = m.Message
	}
	d.number("sm_length", uint8(len(short)))
	d.octets("short_message", short, says(m, short))
	d.tlvs(m.TLVs, m)
}

// bindResponse shows of the parameters only the one that cannot be a password.
func (d *description) bindResponse(b *BindResponse) {
	d.str("system_id", b.SystemID)
	others := 0
	for _, t := range b.TLVs {
		if t.Tag == TagSCInterfaceVersion && len(t.Value) == 1 {
			d.bits("sc_interface_version", t.Value[0])
		} else {
			others++
		}
	}
	if others > 0 {
		*d = fmt.Appendf(*d, " (%d parameters more)", others)
	}
}

// tlvs writes optional parameters; m, unless nil, is the message that they are of.
func (d *description) tlvs(tlvs TLVs, m *ShortMessage) {
	for _, t := range tlvs {
		text := printable(t.Value)
		if t.Tag == TagMessagePayload && m != nil {
			text = says(m, t.Value)
		} else if len(t.Value) < 4 {
			text = "" // a number
		}
		d.octets(t.Tag.String(), t.Value, text)
	}
	if m != nil && len(m.Trailing) > 0 {
		d.octets("trailing", m.Trailing, "")
	}
}

// says returns what can be printed of a message's text behind its header.
func says(m *ShortMessage, b []byte) string {
	if m.ESMClass&esmUDHI != 0 {
		if h, ok := parseUDH(b); ok {
			b = b[len(h.octets):]
		}
	}
	b = b[:min(len(b), maxDump)]
	if CodingOf(m.DataCoding, AlphabetGSM7) != CodingUCS2 {
		return printable(b)
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '.'
		}
		return r
	}, utf16Text(b[:len(b)&^1], 0))
}

// printable returns octets as ASCII, or "" where few of them are.
func printable(b []byte) string {
	b = b[:min(len(b), maxDump)]
	text := make([]byte, len(b))
	known := 0
	for i, o := range b {
		if text[i] = '.'; o >= ' ' && o < 0x7F {
			text[i] = o
			known++
		}
	}
	if 2*known < len(b) {
		return ""
	}
	return string(text)
}
