package carrier

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// shortMessage is the submit_sm of a submission.
func (c *SMPP) shortMessage(s *gateway.Submission) *smpp.ShortMessage {
	m := &smpp.ShortMessage{
		ServiceType: c.cfg.ServiceType, Source: smppAddress(s.From), Dest: smppAddress(s.To),
		RegisteredDelivery: 1, // SMPP 3.4 §5.2.17: a receipt, whatever became of it
		Message:            s.Payload,
	}
	if s.UDH {
		m.ESMClass = 0x40 // SMPP 3.4 §5.2.12: user data header indicator
	}
	switch s.Encoding {
	case gateway.EncodingUCS2:
		m.DataCoding = 0x08
	case gateway.EncodingBinary:
		m.DataCoding = 0x04
	}
	if !s.Expires.IsZero() {
		m.ValidityPeriod = smpp.RelativeTime(time.Until(s.Expires).Round(time.Second))
	}
	return m
}

// smppAddress gives an address its type of number and plan (SMPP 3.4 §5.2.5):
// international without "+", the network's own short codes, names.
func smppAddress(a gateway.Address) smpp.Address {
	switch a.Kind {
	case gateway.AddressE164:
		return smpp.Address{TON: 1, NPI: 1, Value: strings.TrimPrefix(a.Value, "+")}
	case gateway.AddressShort:
		return smpp.Address{TON: 3, NPI: 0, Value: a.Value}
	case gateway.AddressAlphanumeric:
		return smpp.Address{TON: 5, NPI: 0, Value: a.Value}
	}
	return smpp.Address{TON: 0, NPI: 1, Value: a.Value}
}

// deliver puts a text or a receipt on the stream; false if that is full.
func (c *SMPP) deliver(l *link, d *smpp.Delivery) bool {
	m, now := d.Message, time.Now()
	report := gateway.Report{At: now, Ack: ack(d)}
	if rc, kind := smpp.ParseReceipt(m, c.zone); kind == smpp.IsReceipt {
		report.Kind, report.Receipt = gateway.ReportReceipt, receiptOf(&rc, m, now)
	} else {
		report.Kind, report.Inbound = gateway.ReportInbound, c.inboundOf(l, d, now)
	}
	return l.out.Offer(report)
}

var ticks = map[smpp.State]gateway.Tick{
	smpp.StateEnroute: gateway.TickSent, smpp.StateDelivered: gateway.TickDelivered, smpp.StateExpired: gateway.TickExpired,
	smpp.StateDeleted: gateway.TickFailed, smpp.StateUndeliverable: gateway.TickFailed, smpp.StateAccepted: gateway.TickSent,
	smpp.StateUnknown: gateway.TickUnknown, smpp.StateRejected: gateway.TickFailed, smpp.StateSkipped: gateway.TickFailed,
}

func receiptOf(rc *smpp.Receipt, m *smpp.ShortMessage, now time.Time) *gateway.Receipt {
	word := rc.Word
	if word == "" {
		word = strings.ToUpper(rc.State.String())
	}
	return &gateway.Receipt{
		Reference: valid(rc.MessageID), Tick: ticks[rc.State], Word: valid(word), Err: valid(rc.Err), Intermediate: rc.Intermediate,
		Peer: gateway.Address{Value: valid(m.Source.Value)}, DoneAt: rc.Done, At: now, Raw: valid(rc.Raw),
	}
}

// valid makes octets fit to be stored as text.
func valid(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func (c *SMPP) inboundOf(l *link, d *smpp.Delivery, now time.Time) *gateway.Inbound {
	m := d.Message
	content := smpp.ReadContent(m, c.cfg.DataCoding0)
	in := &gateway.Inbound{
		From: c.senders.classify(m.Source, c.opt.Region), To: c.ours(m.Dest), Coding: codings[content.Coding], Payload: content.Payload,
		Raw: d.Raw, Fingerprint: fingerprint(d.Raw), Session: l.id, At: now,
	}
	if f := content.Fragment; f != nil {
		in.Fragment = &gateway.Fragment{Reference: f.Reference, Wide: f.Wide, Total: f.Total, Number: f.Number}
	}
	return in
}

var codings = map[smpp.Coding]gateway.Coding{
	smpp.CodingGSM7: gateway.CodingGSM7, smpp.CodingASCII: gateway.CodingASCII, smpp.CodingLatin1: gateway.CodingLatin1,
	smpp.CodingUCS2: gateway.CodingUCS2, smpp.CodingISO8859_5: gateway.CodingISO8859_5, smpp.CodingISO8859_8: gateway.CodingISO8859_8,
	smpp.CodingBinary: gateway.CodingBinary,
}

// fingerprint identifies a PDU but for its sequence number (octets 12 to 15).
func fingerprint(raw []byte) (f [16]byte) {
	h := sha256.New()
	h.Write(raw[:min(12, len(raw))])
	if len(raw) > 16 {
		h.Write(raw[16:])
	}
	copy(f[:], h.Sum(nil))
	return f
}

// ours is the number that was texted, as it is configured, or as it came.
func (c *SMPP) ours(a smpp.Address) string {
	if n, ok := c.numbers[digitsOf(a.Value)]; ok {
		return n
	}
	return valid(gateway.ClassifyInbound(a.Value, a.TON, a.NPI, c.opt.Region).Value)
}

// digitsOf drops what carriers write before a number, or leaves a name as it is.
func digitsOf(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(s, "+"), "00")
}

// senders remembers how the latest senders were classified: parsing a phone
// number costs more than all else that is done to a text.
type senders struct {
	mu    sync.Mutex
	known map[smpp.Address]gateway.Address
}

const maxSenders = 8192

func (s *senders) classify(a smpp.Address, region string) gateway.Address {
	s.mu.Lock()
	defer s.mu.Unlock()
	if got, ok := s.known[a]; ok {
		return got
	}
	if s.known == nil || len(s.known) >= maxSenders {
		s.known = map[smpp.Address]gateway.Address{}
	}
	got := gateway.ClassifyInbound(a.Value, a.TON, a.NPI, region)
	got.Value = valid(got.Value)
	s.known[a] = got
	return got
}
