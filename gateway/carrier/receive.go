package carrier

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// deliver puts a text or a receipt on the stream; false if that is full.
func (c *SMPP) deliver(l *link, d *smpp.Delivery) bool {
	now := time.Now()
	report := gateway.Report{At: now, Link: l.id, Ack: ack(d)}
	rc, kind := smpp.ParseReceipt(d.Message, c.zone)
	if kind == smpp.IsReceipt {
		report.Kind, report.Receipt = gateway.ReportReceipt, c.receiptOf(&rc, d.Message, now)
		if report.Receipt.NoCredit {
			c.mu.Lock()
			held := time.Now()
			c.holdLocked(held, held, report.Receipt.Word)
			back := c.takeAllBackLocked()
			c.mu.Unlock()
			l.giveBack(back)
		}
		return l.out.Offer(report)
	}
	report.Kind, report.Inbound = gateway.ReportInbound, c.inboundOf(l, d, now)
	if kind == smpp.MaybeReceipt {
		report.Inbound.Maybe = c.receiptOf(&rc, d.Message, now)
	}
	return l.out.Offer(report)
}

// broken puts what could not be decoded on the stream; false if that is full.
func (c *SMPP) broken(l *link, d *smpp.Delivery, err error) bool {
	return l.out.Offer(gateway.Report{Kind: gateway.ReportBroken, At: time.Now(), Link: l.id, Text: err.Error(),
		Inbound: &gateway.Inbound{Raw: d.Raw, Session: l.id, At: time.Now()}, Ack: ack(d)})
}

// ack answers a delivery with what a status means in SMPP.
func ack(d *smpp.Delivery) func(gateway.AckStatus, bool, func()) {
	return func(status gateway.AckStatus, more bool, written func()) {
		if status == gateway.AckOK {
			d.Ack(smpp.ESME_ROK, more, written)
		} else {
			d.Ack(smpp.ESME_RX_T_APPN, more, nil)
		}
	}
}

var ticks = map[smpp.State]gateway.Tick{
	smpp.StateEnroute: gateway.TickSent, smpp.StateDelivered: gateway.TickDelivered, smpp.StateExpired: gateway.TickExpired,
	smpp.StateDeleted: gateway.TickFailed, smpp.StateUndeliverable: gateway.TickFailed, smpp.StateAccepted: gateway.TickSent,
	smpp.StateUnknown: gateway.TickUnknown, smpp.StateRejected: gateway.TickFailed, smpp.StateSkipped: gateway.TickFailed,
}

// tickOf says what a state means at this carrier.
func (c *SMPP) tickOf(s smpp.State) gateway.Tick {
	switch {
	case s == smpp.StateDelivered && c.cfg.DeliveredMeans == smpp.DeliveredNetwork:
		return gateway.TickSent
	case s == smpp.StateAccepted && c.cfg.Accepted == smpp.AcceptedDelivered:
		return gateway.TickDelivered
	}
	return ticks[s]
}

// noCredit is the word of a receipt for a text that the account could not pay.
const noCredit = "NOCRED"

func (c *SMPP) receiptOf(rc *smpp.Receipt, m *smpp.ShortMessage, now time.Time) *gateway.Receipt {
	word := rc.Word
	if word == "" {
		word = strings.ToUpper(rc.State.String())
	}
	user, _ := m.TLVs.Uint(smpp.TagUserMessageReference)
	return &gateway.Receipt{
		Reference: valid(rc.MessageID), Tick: c.tickOf(rc.State), Word: valid(word), Err: valid(rc.Err), Intermediate: rc.Intermediate,
		Peer: gateway.Address{Value: valid(m.Source.Value)}, DoneAt: rc.Done, At: now, Raw: valid(rc.Raw),
		Meaning: c.meaning(rc.Err), UserReference: uint16(user), NoCredit: rc.Word == noCredit,
	}
}

// meaning is what the configuration says of an error code, which carriers write
// with more or fewer zeros before it.
func (c *SMPP) meaning(code string) string {
	if text, ok := c.cfg.ErrCodes[code]; ok {
		return text
	}
	bare := strings.TrimLeft(code, "0")
	if bare == "" && code != "" {
		bare = "0"
	}
	return c.cfg.ErrCodes[bare]
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
		Shift: gateway.Shift{Locking: content.LockingShift, Single: content.SingleShift}, Port: content.Port,
		Raw: d.Raw, Fingerprint: fingerprint(d.Raw), Session: l.id, Alive: c.isAlive, At: now,
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
