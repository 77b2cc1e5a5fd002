package smpp

import "fmt"

// PDU is one protocol data unit. Body is nil where the command has none
// (enquire_link, unbind, generic_nack, the responses to cancel_sm and
// replace_sm), and else a pointer to the type named here:
//
//	bind_*                                            BindRequest
//	bind_*_resp                                       BindResponse
//	submit_sm, deliver_sm, data_sm                    ShortMessage
//	submit_sm_resp, deliver_sm_resp, data_sm_resp     Response
//	submit_multi, submit_multi_resp                   SubmitMultiRequest, SubmitMultiResponse
//	query_sm, query_sm_resp                           QueryRequest, QueryResponse
//	cancel_sm, replace_sm                             CancelRequest, ReplaceRequest
//	outbind, alert_notification                       OutbindRequest, Alert
type PDU struct {
	Header
	Body any
}

// Address is an address with its type of number and numbering plan (SMPP 3.4
// §5.2.5, §5.2.6).
type Address struct {
	TON, NPI uint8
	Value    string
}

// ShortMessage is the body of submit_sm and deliver_sm (SMPP 3.4 §4.4.1, §4.6.1),
// and of data_sm (§4.7.1), which has no ProtocolID, Priority, Schedule,
// ValidityPeriod, ReplaceIfPresent and DefaultMessageID.
type ShortMessage struct {
	ServiceType        string
	Source, Dest       Address
	ESMClass           uint8
	ProtocolID         uint8
	Priority           uint8
	Schedule           string // SMPP time (§7.1.1), or empty
	ValidityPeriod     string // SMPP time, or empty
	RegisteredDelivery uint8
	ReplaceIfPresent   uint8
	DataCoding         uint8
	DefaultMessageID   uint8
	// Message is short_message, or the message_payload parameter where that is
	// empty. Above MaxShortMessage octets, and in data_sm, it is written as
	// message_payload. A decoded one shares the memory of its frame.
	Message []byte
	TLVs    TLVs
	// Trailing is what followed the last whole optional parameter: the peer lied
	// about a length. It is not written.
	Trailing []byte
}

// MaxShortMessage is the longest short_message (SMPP 3.4 §5.2.22).
const MaxShortMessage = 254

// BindRequest is the body of bind_transmitter, bind_receiver and
// bind_transceiver (SMPP 3.4 §4.1).
type BindRequest struct {
	SystemID, Password, SystemType string
	InterfaceVersion               uint8
	AddressRange                   Address
}

// BindResponse is the body of their responses.
type BindResponse struct {
	SystemID string
	TLVs     TLVs // sc_interface_version, where the peer is of version 3.4
}

// Response is the body of submit_sm_resp, data_sm_resp and deliver_sm_resp. In
// the last the id is unused.
type Response struct {
	MessageID string
	TLVs      TLVs
}

// Destination is one recipient of a submit_multi: an address, or the name of a
// distribution list.
type Destination struct {
	Address
	List string
}

// SubmitMultiRequest is the body of submit_multi (SMPP 3.4 §4.5.1). Dest of its
// ShortMessage is unused.
type SubmitMultiRequest struct {
	ShortMessage
	Destinations []Destination
}

// Unsuccessful is one recipient that a submit_multi did not reach.
type Unsuccessful struct {
	Address
	Status Status
}

// SubmitMultiResponse is the body of submit_multi_resp.
type SubmitMultiResponse struct {
	MessageID    string
	Unsuccessful []Unsuccessful
	TLVs         TLVs
}

// QueryRequest is the body of query_sm (SMPP 3.4 §4.8.1).
type QueryRequest struct {
	MessageID string
	Source    Address
}

// QueryResponse is the body of query_sm_resp (SMPP 3.4 §4.8.2).
type QueryResponse struct {
	MessageID, FinalDate string
	MessageState         uint8
	ErrorCode            uint8
}

// CancelRequest is the body of cancel_sm (SMPP 3.4 §4.9.1).
type CancelRequest struct {
	ServiceType, MessageID string
	Source, Dest           Address
}

// ReplaceRequest is the body of replace_sm (SMPP 3.4 §4.10.1).
type ReplaceRequest struct {
	MessageID                string
	Source                   Address
	Schedule, ValidityPeriod string
	RegisteredDelivery       uint8
	DefaultMessageID         uint8
	Message                  []byte
}

// OutbindRequest is the body of outbind (SMPP 3.4 §4.1.7).
type OutbindRequest struct {
	SystemID, Password string
}

// Alert is the body of alert_notification (SMPP 3.4 §4.12.1).
type Alert struct {
	Source, ESME Address
	TLVs         TLVs
}

// DecodeError is a PDU that cannot be read. Its framing is sound: the next one
// can be.
type DecodeError struct {
	Header Header
	Field  string // the field that is missing or false
	Offset int    // where it begins in the frame
	Status Status // how a request is to be answered
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("smpp: %s: bad %s at octet %d", e.Header.Command, e.Field, e.Offset)
}

// Decode reads the PDU that frame holds from its first octet to its last. Octet
// strings of the result share frame's memory, C-octet strings do not.
//
// Any error is a *DecodeError, and the header is returned with it. Every
// mandatory field must be there, except in a response that reports an error,
// whose body has no meaning, or that has no body at all. What can be used of a
// spoilt response is returned beside the error: a message_id without its NUL
// belongs to a message that was accepted. A false length among the optional
// parameters of a message or its response is forgiven while the message is
// whole.
func Decode(frame []byte) (PDU, error) {
	if len(frame) < HeaderLen {
		return PDU{}, &DecodeError{Field: "command_length", Status: ESME_RINVCMDLEN}
	}
	p := PDU{Header: parseHeader(frame)}
	c := cursor{b: frame, at: HeaderLen}
	if int(frame[0])<<24|int(frame[1])<<16|int(frame[2])<<8|int(frame[3]) != len(frame) {
		return p, &DecodeError{Header: p.Header, Field: "command_length", Status: ESME_RINVCMDLEN}
	}
	if p.Command.IsResponse() {
		p.Body = decodeResponse(p.Command, &c)
		if p.Command.known() && (p.Status != ESME_ROK || len(frame) == HeaderLen) {
			c.bad = ""
		}
	} else {
		p.Body = decodeRequest(p.Command, &c)
	}
	if c.bad != "" {
		return p, &DecodeError{Header: p.Header, Field: c.bad, Offset: c.at, Status: c.status()}
	}
	return p, nil
}

func decodeRequest(id CommandID, c *cursor) any {
	switch id {
	case CmdSubmitSM, CmdDeliverSM:
		return decodeShortMessage(c)
	case CmdDataSM:
		return decodeDataSM(c)
	case CmdEnquireLink, CmdUnbind:
		return nil
	case CmdBindReceiver, CmdBindTransmitter, CmdBindTransceiver:
		return decodeBind(c)
	case CmdQuerySM:
		return decodeQuery(c)
	case CmdSubmitMulti:
		return decodeSubmitMulti(c)
	case CmdCancelSM:
		m := &CancelRequest{ServiceType: c.cstring("service_type"), MessageID: c.cstring("message_id")}
		m.Source = c.address("source_addr")
		m.Dest = c.address("destination_addr")
		return m
	case CmdReplaceSM:
		m := &ReplaceRequest{MessageID: c.cstring("message_id"), Source: c.address("source_addr")}
		m.Schedule = c.cstring("schedule_delivery_time")
		m.ValidityPeriod = c.cstring("validity_period")
		m.RegisteredDelivery = c.octet("registered_delivery")
		m.DefaultMessageID = c.octet("sm_default_msg_id")
		m.Message = c.octets(int(c.octet("sm_length")), "short_message")
		if len(m.Message) > MaxShortMessage { // which no optional parameter could hold (SMPP 3.4 §4.10.1)
			c.fail("short_message")
		}
		return m
	case CmdOutbind:
		return &OutbindRequest{SystemID: c.cstring("system_id"), Password: c.cstring("password")}
	case CmdAlertNotification:
		return &Alert{Source: c.address("source_addr"), ESME: c.address("esme_addr"), TLVs: c.tlvs()}
	}
	c.fail("command_id")
	return nil
}

func decodeResponse(id CommandID, c *cursor) any {
	switch id {
	case CmdSubmitSMResp, CmdDeliverSMResp, CmdDataSMResp:
		return decodeAccepted(c)
	case CmdEnquireLinkResp, CmdUnbindResp, CmdGenericNack, CmdCancelSMResp, CmdReplaceSMResp:
		return nil
	case CmdBindReceiverResp, CmdBindTransmitterResp, CmdBindTransceiverResp:
		return decodeBindResponse(c)
	case CmdQuerySMResp:
		m := &QueryResponse{MessageID: c.cstring("message_id"), FinalDate: c.cstring("final_date")}
		m.MessageState = c.octet("message_state")
		m.ErrorCode = c.octet("error_code")
		return m
	case CmdSubmitMultiResp:
		return decodeSubmitMultiResponse(c)
	}
	c.fail("command_id")
	return nil
}

// cursor reads the fields of a frame. The first that fails is kept, and from then
// on it returns zero values.
type cursor struct {
	b   []byte
	at  int
	bad string
}

func (c *cursor) fail(field string) {
	if c.bad == "" {
		c.bad = field
	}
}

// status is how a PDU with this fault is answered.
func (c *cursor) status() Status {
	switch c.bad {
	case "command_id":
		return ESME_RINVCMDID
	case "short_message":
		return ESME_RINVMSGLEN
	case "optional parameters":
		return ESME_RINVOPTPARSTREAM
	}
	return ESME_RINVCMDLEN
}

func (c *cursor) cstring(field string) string {
	if c.bad != "" {
		return ""
	}
	for i, o := range c.b[c.at:] {
		if o == 0 {
			s := string(c.b[c.at : c.at+i])
			c.at += i + 1
			return s
		}
	}
	c.bad = field
	return ""
}

func (c *cursor) octet(field string) uint8 {
	if c.bad != "" {
		return 0
	}
	if c.at >= len(c.b) {
		c.bad = field
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *cursor) octets(n int, field string) []byte {
	if c.bad != "" {
		return nil
	}
	if len(c.b)-c.at < n {
		c.bad = field
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at : c.at]
}

func (c *cursor) address(field string) Address {
	return Address{TON: c.octet(field), NPI: c.octet(field), Value: c.cstring(field)}
}

// tlvs reads the optional parameters, all of which must be whole.
func (c *cursor) tlvs() TLVs {
	tlvs, rest := c.lenientTLVs()
	if len(rest) > 0 {
		c.fail("optional parameters")
	}
	return tlvs
}

func (c *cursor) lenientTLVs() (TLVs, []byte) {
	if c.bad != "" || c.at == len(c.b) {
		return nil, nil
	}
	tlvs, rest := parseTLVs(c.b[c.at:])
	c.at = len(c.b) - len(rest)
	return tlvs, rest
}
