package smpp

import (
	"bytes"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/v2/smpp/pdu"
)

// library decodes the cursor's frame with go-smpp, and advances over the fields
// that it found. A field that the frame ended before, which go-smpp leaves out,
// fails the cursor.
func (c *cursor) library(names ...pdufield.Name) pdufield.Map {
	body, err := pdu.Decode(bytes.NewReader(c.b))
	if err != nil {
		c.fail("body")
		return pdufield.Map{}
	}
	fields := body.Fields()
	for _, name := range names {
		f := fields[name]
		if f == nil {
			c.fail(string(name))
			return fields
		}
		c.at += f.Len()
	}
	return fields
}

// text returns a C-octet string of fields, "" where it is missing.
func text(fields pdufield.Map, name pdufield.Name) string {
	if f := fields[name]; f != nil {
		return f.String()
	}
	return ""
}

// number returns an integer of fields, 0 where it is missing.
func number(fields pdufield.Map, name pdufield.Name) uint8 {
	if f, ok := fields[name].(*pdufield.Fixed); ok && f != nil {
		return f.Data
	}
	return 0
}

func decodeBind(c *cursor) *BindRequest {
	f := c.library(pdufield.SystemID, pdufield.Password, pdufield.SystemType,
		pdufield.InterfaceVersion, pdufield.AddrTON, pdufield.AddrNPI, pdufield.AddressRange)
	return &BindRequest{
		SystemID:         text(f, pdufield.SystemID),
		Password:         text(f, pdufield.Password),
		SystemType:       text(f, pdufield.SystemType),
		InterfaceVersion: number(f, pdufield.InterfaceVersion),
		AddressRange: Address{
			number(f, pdufield.AddrTON), number(f, pdufield.AddrNPI), text(f, pdufield.AddressRange),
		},
	}
}

// decodeBindResponse does without go-smpp, which gives nothing of a PDU with a
// spoilt optional parameter.
func decodeBindResponse(c *cursor) *BindResponse {
	return &BindResponse{SystemID: c.cstring("system_id"), TLVs: c.tlvs()}
}

func decodeQuery(c *cursor) *QueryRequest {
	f := c.library(pdufield.MessageID, pdufield.SourceAddrTON, pdufield.SourceAddrNPI, pdufield.SourceAddr)
	return &QueryRequest{
		MessageID: text(f, pdufield.MessageID),
		Source: Address{
			number(f, pdufield.SourceAddrTON), number(f, pdufield.SourceAddrNPI), text(f, pdufield.SourceAddr),
		},
	}
}

func decodeSubmitMultiResponse(c *cursor) *SubmitMultiResponse {
	f := c.library(pdufield.MessageID, pdufield.NoUnsuccess)
	m := &SubmitMultiResponse{MessageID: text(f, pdufield.MessageID)}
	n := int(number(f, pdufield.NoUnsuccess))
	list, _ := f[pdufield.UnsuccessSme].(*pdufield.UnSmeList)
	if list == nil || len(list.Data) != n {
		c.fail("unsuccess_sme")
		return m
	}
	for _, u := range list.Data {
		code := u.ErrCode.Data
		if len(code) != 4 {
			c.fail("unsuccess_sme")
			return m
		}
		c.at += 2 + len(u.DestAddr.Data) + 4
		m.Unsuccessful = append(m.Unsuccessful, Unsuccessful{
			Address: Address{u.Ton.Data, u.Npi.Data, u.DestAddr.String()},
			Status:  Status(uint32(code[0])<<24 | uint32(code[1])<<16 | uint32(code[2])<<8 | uint32(code[3])),
		})
	}
	m.TLVs = c.tlvs()
	return m
}

// decodeSubmitMulti reads the body of submit_multi. go-smpp takes the name of a
// distribution list for an address (SMPP 3.4 §4.5.1.1).
func decodeSubmitMulti(c *cursor) *SubmitMultiRequest {
	m := &SubmitMultiRequest{}
	m.ServiceType = c.cstring("service_type")
	m.Source = c.address("source_addr")
	for n := c.octet("number_of_dests"); n > 0 && c.bad == ""; n-- {
		switch flag := c.octet("dest_flag"); flag {
		case destSME:
			m.Destinations = append(m.Destinations, Destination{Address: c.address("destination_addr")})
		case destList:
			m.Destinations = append(m.Destinations, Destination{List: c.cstring("dl_name")})
		default:
			c.fail("dest_flag")
		}
	}
	decodeRest(c, &m.ShortMessage)
	return m
}

// dest_flag (SMPP 3.4 §5.2.25).
const (
	destSME  = 1
	destList = 2
)

// AppendBind appends a bind_transmitter, bind_receiver or bind_transceiver.
func AppendBind(dst []byte, h Header, b *BindRequest) []byte {
	var body pdu.Body
	switch h.Command {
	case CmdBindReceiver:
		body = pdu.NewBindReceiver()
	case CmdBindTransmitter:
		body = pdu.NewBindTransmitter()
	default:
		body = pdu.NewBindTransceiver()
	}
	return appendLibrary(dst, body, h, pdufield.Map{
		pdufield.SystemID:         variable(b.SystemID),
		pdufield.Password:         variable(b.Password),
		pdufield.SystemType:       variable(b.SystemType),
		pdufield.InterfaceVersion: &pdufield.Fixed{Data: b.InterfaceVersion},
		pdufield.AddrTON:          &pdufield.Fixed{Data: b.AddressRange.TON},
		pdufield.AddrNPI:          &pdufield.Fixed{Data: b.AddressRange.NPI},
		pdufield.AddressRange:     variable(b.AddressRange.Value),
	})
}

// AppendQuery appends a query_sm.
func AppendQuery(dst []byte, h Header, q *QueryRequest) []byte {
	return appendLibrary(dst, pdu.NewQuerySM(), h, pdufield.Map{
		pdufield.MessageID:     variable(q.MessageID),
		pdufield.SourceAddrTON: &pdufield.Fixed{Data: q.Source.TON},
		pdufield.SourceAddrNPI: &pdufield.Fixed{Data: q.Source.NPI},
		pdufield.SourceAddr:    variable(q.Source.Value),
	})
}

// appendLibrary appends what go-smpp makes of fields; the header is h throughout.
func appendLibrary(dst []byte, body pdu.Body, h Header, fields pdufield.Map) []byte {
	for name, f := range fields {
		body.Fields()[name] = f
	}
	body.Header().Status = pdu.Status(h.Status)
	body.Header().Seq = h.Sequence
	b := bytes.NewBuffer(dst)
	_ = body.SerializeTo(b) // a bytes.Buffer takes everything
	return b.Bytes()
}

func variable(s string) *pdufield.Variable {
	return &pdufield.Variable{Data: appendCString(nil, s)}
}

// AppendBindResponse appends the response to a bind. One that reports an error
// has no body.
func AppendBindResponse(dst []byte, h Header, r *BindResponse) []byte {
	start := len(dst)
	dst = appendHeader(dst, h)
	if h.Status == ESME_ROK {
		dst = appendTLVs(appendCString(dst, r.SystemID), r.TLVs)
	}
	return patchLength(dst, start)
}

// AppendQueryResponse appends a query_sm_resp.
func AppendQueryResponse(dst []byte, h Header, r *QueryResponse) []byte {
	start := len(dst)
	dst = appendHeader(dst, h)
	if h.Status == ESME_ROK {
		dst = appendCString(appendCString(dst, r.MessageID), r.FinalDate)
		dst = append(dst, r.MessageState, r.ErrorCode)
	}
	return patchLength(dst, start)
}

// AppendCancel appends a cancel_sm.
func AppendCancel(dst []byte, h Header, m *CancelRequest) []byte {
	start := len(dst)
	dst = appendCString(appendCString(appendHeader(dst, h), m.ServiceType), m.MessageID)
	return patchLength(appendAddress(appendAddress(dst, m.Source), m.Dest), start)
}

// AppendReplace appends a replace_sm. Message has at most MaxShortMessage octets;
// the rest is cut.
func AppendReplace(dst []byte, h Header, m *ReplaceRequest) []byte {
	start := len(dst)
	dst = appendAddress(appendCString(appendHeader(dst, h), m.MessageID), m.Source)
	dst = appendCString(appendCString(dst, m.Schedule), m.ValidityPeriod)
	message := m.Message[:min(len(m.Message), MaxShortMessage)]
	dst = append(dst, m.RegisteredDelivery, m.DefaultMessageID, uint8(len(message)))
	return patchLength(append(dst, message...), start)
}

// AppendOutbind appends an outbind.
func AppendOutbind(dst []byte, h Header, m *OutbindRequest) []byte {
	start := len(dst)
	dst = appendCString(appendCString(appendHeader(dst, h), m.SystemID), m.Password)
	return patchLength(dst, start)
}

// AppendAlert appends an alert_notification.
func AppendAlert(dst []byte, h Header, m *Alert) []byte {
	start := len(dst)
	dst = appendAddress(appendAddress(appendHeader(dst, h), m.Source), m.ESME)
	return patchLength(appendTLVs(dst, m.TLVs), start)
}
