package smpp

import "encoding/binary"

// Tag is the tag of an optional parameter (SMPP 3.4 §5.3.2).
type Tag uint16

// The optional parameters that this package or its callers look at.
const (
	TagReceiptedMessageID   Tag = 0x001E
	TagUserMessageReference Tag = 0x0204
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
