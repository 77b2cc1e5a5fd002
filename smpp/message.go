package smpp

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// decodeShortMessage reads the body of submit_sm or deliver_sm.
func decodeShortMessage(c *cursor) *ShortMessage {
	m := &ShortMessage{ServiceType: c.cstring("service_type")}
	m.Source = c.address("source_addr")
	m.Dest = c.address("destination_addr")
	decodeRest(c, m)
	return m
}

// decodeRest reads what submit_sm, deliver_sm and submit_multi share: all after
// the destination.
func decodeRest(c *cursor, m *ShortMessage) {
	m.ESMClass = c.octet("esm_class")
	m.ProtocolID = c.octet("protocol_id")
	m.Priority = c.octet("priority_flag")
	m.Schedule = c.cstring("schedule_delivery_time")
	m.ValidityPeriod = c.cstring("validity_period")
	m.RegisteredDelivery = c.octet("registered_delivery")
	m.ReplaceIfPresent = c.octet("replace_if_present_flag")
	m.DataCoding = c.octet("data_coding")
	m.DefaultMessageID = c.octet("sm_default_msg_id")
	m.Message = c.octets(int(c.octet("sm_length")), "short_message")
	decodePayload(c, m)
}

// decodeDataSM reads the body of data_sm, whose text is always an optional
// parameter.
func decodeDataSM(c *cursor) *ShortMessage {
	m := &ShortMessage{ServiceType: c.cstring("service_type")}
	m.Source = c.address("source_addr")
	m.Dest = c.address("destination_addr")
	m.ESMClass = c.octet("esm_class")
	m.RegisteredDelivery = c.octet("registered_delivery")
	m.DataCoding = c.octet("data_coding")
	decodePayload(c, m)
	return m
}

// decodePayload reads the optional parameters of a message. A spoilt one is only
// forgiven to a message that has its text: a Netfors SMSC sends receipts whose
// receipted_message_id is too long for the PDU, with all that matters in the
// text, but in a message without text the spoilt one may be the text.
func decodePayload(c *cursor, m *ShortMessage) {
	m.TLVs, m.Trailing = c.lenientTLVs()
	if len(m.Message) == 0 {
		if payload, ok := m.TLVs.Get(TagMessagePayload); ok {
			m.Message = payload
		} else if len(m.Trailing) > 0 {
			c.fail("optional parameters")
		}
	}
}

// decodeAccepted reads the body of submit_sm_resp, deliver_sm_resp or
// data_sm_resp, and keeps an id whose NUL is missing.
func decodeAccepted(c *cursor) *Response {
	m := &Response{MessageID: c.cstring("message_id")}
	if c.bad != "" {
		m.MessageID = string(c.b[c.at:])
		return m
	}
	m.TLVs, _ = c.lenientTLVs()
	return m
}

// AppendShortMessage appends a submit_sm, deliver_sm or data_sm. C-octet strings
// end at the first NUL. With a message_payload among the TLVs, Message is either
// empty or that payload again; a longer PDU than MaxFrame is the caller's mistake.
func AppendShortMessage(dst []byte, h Header, m *ShortMessage) []byte {
	start := len(dst)
	dst = appendHeader(dst, h)
	dst = appendCString(dst, m.ServiceType)
	dst = appendAddress(dst, m.Source)
	dst = appendAddress(dst, m.Dest)
	if h.Command == CmdDataSM {
		dst = append(dst, m.ESMClass, m.RegisteredDelivery, m.DataCoding)
		if _, ok := m.TLVs.Get(TagMessagePayload); !ok && len(m.Message) > 0 {
			dst = appendTLV(dst, TagMessagePayload, m.Message)
		}
		return patchLength(appendTLVs(dst, m.TLVs), start)
	}
	return patchLength(appendRest(dst, m), start)
}

func appendRest(dst []byte, m *ShortMessage) []byte {
	dst = append(dst, m.ESMClass, m.ProtocolID, m.Priority)
	dst = appendCString(dst, m.Schedule)
	dst = appendCString(dst, m.ValidityPeriod)
	dst = append(dst, m.RegisteredDelivery, m.ReplaceIfPresent, m.DataCoding, m.DefaultMessageID)
	message := m.Message
	payload, inPayload := m.TLVs.Get(TagMessagePayload)
	if inPayload && bytes.Equal(message, payload) {
		message = nil
	}
	if len(message) <= MaxShortMessage {
		dst = append(dst, uint8(len(message)))
		dst = append(dst, message...)
	} else {
		dst = append(dst, 0)
		if !inPayload {
			dst = appendTLV(dst, TagMessagePayload, message)
		}
	}
	return appendTLVs(dst, m.TLVs)
}

// AppendResponse appends a submit_sm_resp, deliver_sm_resp or data_sm_resp. One
// that reports an error has no body (SMPP 3.4 §4.4.2), but in deliver_sm_resp and
// data_sm_resp, where an unused empty message_id stays (§4.6.2).
func AppendResponse(dst []byte, h Header, r *Response) []byte {
	start := len(dst)
	dst = appendHeader(dst, h)
	if h.Status == ESME_ROK || h.Command != CmdSubmitSMResp {
		if r == nil {
			dst = append(dst, 0)
		} else {
			dst = appendCString(dst, r.MessageID)
			dst = appendTLVs(dst, r.TLVs)
		}
	}
	return patchLength(dst, start)
}

// AppendHeader appends a PDU without a body: enquire_link, unbind, their
// responses, generic_nack, or any response that reports an error.
func AppendHeader(dst []byte, h Header) []byte {
	return patchLength(appendHeader(dst, h), len(dst))
}

func appendHeader(dst []byte, h Header) []byte {
	dst = append(dst, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Command))
	dst = binary.BigEndian.AppendUint32(dst, uint32(h.Status))
	return binary.BigEndian.AppendUint32(dst, h.Sequence)
}

// patchLength writes the length of the PDU that dst holds from start on.
func patchLength(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start))
	return dst
}

func appendCString(dst []byte, s string) []byte {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	dst = append(dst, s...)
	return append(dst, 0)
}

func appendAddress(dst []byte, a Address) []byte {
	dst = append(dst, a.TON, a.NPI)
	return appendCString(dst, a.Value)
}
