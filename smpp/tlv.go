package smpp

import (
	"encoding/binary"
	"fmt"
)

// Tag is the tag of an optional parameter (SMPP 3.4 §5.3.2).
type Tag uint16

// The optional parameters that this package or its callers look at.
const (
	TagReceiptedMessageID   Tag = 0x001E
	TagUserMessageReference Tag = 0x0204
	TagDestinationPort      Tag = 0x020B
	TagSARMsgRefNum         Tag = 0x020C
	TagSARTotalSegments     Tag = 0x020E
	TagSARSegmentSeqnum     Tag = 0x020F
	TagSCInterfaceVersion   Tag = 0x0210
	TagMSAvailabilityStatus Tag = 0x0422
	TagNetworkErrorCode     Tag = 0x0423
	TagMessagePayload       Tag = 0x0424
	TagMoreMessagesToSend   Tag = 0x0426
	TagMessageState         Tag = 0x0427
)

// tagNames are the names of SMPP 3.4 §5.3.2.
var tagNames = map[Tag]string{
	0x0005: "dest_addr_subunit", 0x0006: "dest_network_type", 0x0007: "dest_bearer_type", 0x0008: "dest_telematics_id",
	0x000D: "source_addr_subunit", 0x000E: "source_network_type", 0x000F: "source_bearer_type", 0x0010: "source_telematics_id",
	0x0017: "qos_time_to_live", 0x0019: "payload_type", 0x001D: "additional_status_info_text",
	TagReceiptedMessageID: "receipted_message_id", 0x0030: "ms_msg_wait_facilities", 0x0201: "privacy_indicator",
	0x0202: "source_subaddress", 0x0203: "dest_subaddress", TagUserMessageReference: "user_message_reference",
	0x0205: "user_response_code", 0x020A: "source_port", TagDestinationPort: "destination_port", TagSARMsgRefNum: "sar_msg_ref_num",
	0x020D: "language_indicator", TagSARTotalSegments: "sar_total_segments", TagSARSegmentSeqnum: "sar_segment_seqnum",
	TagSCInterfaceVersion: "sc_interface_version", 0x0302: "callback_num_pres_ind", 0x0303: "callback_num_atag",
	0x0304: "number_of_messages", 0x0381: "callback_num", 0x0420: "dpf_result", 0x0421: "set_dpf",
	TagMSAvailabilityStatus: "ms_availability_status", TagNetworkErrorCode: "network_error_code",
	TagMessagePayload: "message_payload", 0x0425: "delivery_failure_reason", TagMoreMessagesToSend: "more_messages_to_send",
	TagMessageState: "message_state", 0x0501: "ussd_service_op", 0x1201: "display_time", 0x1203: "sms_signal",
	0x1204: "ms_validity", 0x130C: "alert_on_message_delivery", 0x1380: "its_reply_type", 0x1383: "its_session_info",
}

// String returns the specification's name, or "0x1400" for a tag that has none.
func (t Tag) String() string {
	if name, ok := tagNames[t]; ok {
		return name
	}
	return fmt.Sprintf("0x%04x", uint16(t))
}

// TLV is one optional parameter. Its value is always octets as they travel, a
// number big-endian in as many octets as the specification gives it.
type TLV struct {
	Tag   Tag
	Value []byte
}

// TLVs are the optional parameters of a PDU in the order they came.
type TLVs []TLV

// Get returns the last value of tag, which is the one that counts where a peer
// repeats itself.
func (t TLVs) Get(tag Tag) ([]byte, bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Tag == tag {
			return t[i].Value, true
		}
	}
	return nil, false
}

// String returns the value of tag up to a NUL, or "".
func (t TLVs) String(tag Tag) string {
	v, _ := t.Get(tag)
	return string(untilNUL(v))
}

// Uint returns the value of tag as a big-endian number, when it has one to four
// octets.
func (t TLVs) Uint(tag Tag) (uint32, bool) {
	v, ok := t.Get(tag)
	if !ok || len(v) == 0 || len(v) > 4 {
		return 0, false
	}
	var n uint32
	for _, o := range v {
		n = n<<8 | uint32(o)
	}
	return n, true
}

// parseTLVs reads optional parameters until b ends. What does not make a whole
// one is returned as rest, but for a few NULs, with which some peers pad. The
// values share b's memory.
func parseTLVs(b []byte) (tlvs TLVs, rest []byte) {
	if len(b) >= 4 {
		n := 0
		for at := 0; at+4 <= len(b); n++ {
			at += 4 + int(binary.BigEndian.Uint16(b[at+2:]))
		}
		tlvs = make(TLVs, 0, n)
	}
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return tlvs, b
		}
		tlvs = append(tlvs, TLV{Tag(binary.BigEndian.Uint16(b)), b[4 : 4+n : 4+n]})
		b = b[4+n:]
	}
	for _, o := range b {
		if o != 0 {
			return tlvs, b
		}
	}
	return tlvs, nil
}

func appendTLV(dst []byte, tag Tag, value []byte) []byte {
	value = value[:min(len(value), 0xFFFF)]
	dst = binary.BigEndian.AppendUint16(dst, uint16(tag))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
	return append(dst, value...)
}

func appendTLVs(dst []byte, tlvs TLVs) []byte {
	for _, t := range tlvs {
		dst = appendTLV(dst, t.Tag, t.Value)
	}
	return dst
}

func untilNUL(b []byte) []byte {
	for i, o := range b {
		if o == 0 {
			return b[:i]
		}
	}
	return b
}
