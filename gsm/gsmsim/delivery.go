package gsmsim

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// Delivery is a text for one of the simulated numbers. From and To alone are
// needed, and one of Text and Data.
type Delivery struct {
	// From is +E.164, digits that are a national number or a short code (TON
	// unknown), or up to 11 letters (TON alphanumeric).
	From string
	To   string
	Text string
	// Data is 8-bit data, instead of Text.
	Data []byte
	// UCS2 writes Text so, also where the default alphabet would do.
	UCS2 bool
	// Languages are the national language tables that Text may be written with, by
	// identifier (TS 23.038 §6.2.1.2.4): locking, single shift, or both. Where they do
	// not help it is UCS-2.
	Languages []int
	// Header are elements of the user data header, before that of a long text.
	Header []tpdu.InformationElement
	// National is the type of number national, of digits in From.
	National bool
	Flash    bool // class 0
	PID      byte

	// Reference is of a text in parts; counted where zero. Ref16 has 16 bits of it.
	Reference int
	Ref16     bool
	// Order is which parts come, beginning with 1, and in which order; nil is all in
	// order.
	Order []int

	SentAt time.Time     // TP-SCTS; now when zero
	After  time.Duration // it is sent so much later
}

// wapPort is where multimedia messages are announced (WAP-259).
const wapPort = 2948

// WAPPush is what announces a multimedia message: an M-Notification.ind of
// application/vnd.wap.mms-message for port 2948.
func WAPPush(from, to, url string) Delivery {
	body := []byte{0x01, 0x06, 0x04, 0x03, 0xbe, 0xaf, 0x84} // transaction 1, Push, headers: content type, X-Wap-Application-Id
	body = append(body, 0x8c, 0x82, 0x98)                    // m-notification-ind, transaction id
	body = append(body, "T1\x00\x8d\x90\x83"...)             // version 1.0, content location
	body = append(append(body, url...), 0)
	ports := binary.BigEndian.AppendUint16(nil, wapPort)
	ports = binary.BigEndian.AppendUint16(ports, 9200)
	return Delivery{From: from, To: to, Data: body, Header: []tpdu.InformationElement{{ID: 0x05, Data: ports}}}
}

var errEmpty = errors.New("gsmsim: a text without sender, receiver or content")

// counter is a reference that the segmenter asks for.
type counter int

func (c counter) Count() int { return int(c) }

// parts encodes a delivery as SMS-DELIVER (TS 23.040 §9.2.2.1).
func (d *Delivery) parts(reference int) ([][]byte, error) {
	if d.From == "" || d.To == "" {
		return nil, errEmpty
	}
	t := tpdu.TPDU{Direction: tpdu.MT, OA: address(d.From, d.National), PID: d.PID, SCTS: stamp(d.SentAt)}
	t.FirstOctet = tpdu.FirstOctet(tpdu.FoMMS) // no more messages are waiting
	var content []byte
	header := append(tpdu.UserDataHeader{}, d.Header...)
	switch {
	case d.Data != nil:
		content, t.DCS = d.Data, tpdu.Dcs8BitData
	case d.UCS2:
		content, t.DCS = utf16be(d.Text), tpdu.DcsUCS2Data
	default:
		userData, tables, alphabet := tpdu.EncodeUserData([]byte(d.Text), tpdu.WithCharset(d.Languages...))
		content, header = userData, append(header, languageElements(tables)...)
		if alphabet == tpdu.AlphaUCS2 {
			t.DCS = tpdu.DcsUCS2Data
		}
	}
	if d.Flash {
		t.DCS |= 0x10
	}
	if len(header) > 0 {
		t.SetUDH(header)
	}
	segments := []tpdu.TPDU{t}
	if len(content) > 0 {
		options := []tpdu.SegmentationOption{tpdu.WithConcatRef(counter(reference))}
		if d.Ref16 {
			options = append(options, tpdu.With16BitConcatRef)
		}
		segments = t.Segment(content, options...)
	}
	order := d.Order
	if order == nil {
		for i := range segments {
			order = append(order, i+1)
		}
	}
	var parts [][]byte
	for _, n := range order {
		if n < 1 || n > len(segments) || len(segments) > 255 {
			return nil, fmt.Errorf("gsmsim: no part %d of %d", n, len(segments))
		}
		b, err := segments[n-1].MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("gsmsim: from %q: %w", d.From, err)
		}
		parts = append(parts, b)
	}
	return parts, nil
}

// languageElements gives the elements that name national language tables their
// identifiers, 24 and 25 in hexadecimal (TS 23.040 §9.2.3.24): the library has them
// in decimal.
func languageElements(tables tpdu.UserDataHeader) tpdu.UserDataHeader {
	for i := range tables {
		if id := &tables[i].ID; *id == 24 || *id == 25 {
			*id += 0x24 - 24
		}
	}
	return tables
}

// address writes a number or a name as TS 23.040 §9.1.2.5 does.
func address(s string, national bool) tpdu.Address {
	a := tpdu.NewAddress()
	digits := strings.TrimPrefix(s, "+")
	switch {
	case strings.Trim(digits, "0123456789*#") != "" || digits == "":
		a.SetTypeOfNumber(tpdu.TonAlphanumeric)
		a.Addr = s
	case digits != s:
		a.SetNumber(s)
	default:
		a.SetNumberingPlan(tpdu.NpISDN)
		a.Addr = s
		if national {
			a.SetTypeOfNumber(tpdu.TonNational)
		}
	}
	return a
}

func stamp(t time.Time) tpdu.Timestamp {
	if t.IsZero() {
		t = time.Now().UTC()
	}
	return tpdu.Timestamp{Time: t}
}

// statusReport is an SMS-STATUS-REPORT (TS 23.040 §9.2.2.3).
func statusReport(reference byte, recipient tpdu.Address, submitted time.Time, status byte) ([]byte, error) {
	t := tpdu.TPDU{
		Direction: tpdu.MT, FirstOctet: tpdu.FirstOctet(tpdu.FoMMS).WithMTI(tpdu.MtCommand),
		MR: reference, RA: recipient, SCTS: stamp(submitted), DT: stamp(time.Time{}), ST: status,
	}
	return t.MarshalBinary()
}

// pduHex writes a TPDU behind the service centre that it came from, as +CMGL does
// (TS 27.005 §3.1).
func pduHex(smsc string, t []byte) string {
	p := pdumode.PDU{TPDU: t}
	if smsc != "" {
		p.SMSC.Address = tpdu.NewAddress(tpdu.FromNumber(smsc))
	}
	s, err := p.MarshalHexString()
	if err != nil {
		s = "00" + hex.EncodeToString(t)
	}
	return strings.ToUpper(s)
}

// partText decodes one part; what cannot be decoded is hex.
func partText(t *tpdu.TPDU) string {
	if alphabet, err := t.Alphabet(); err == nil && alphabet != tpdu.Alpha8Bit {
		if text, err := sms.Decode([]*tpdu.TPDU{t}); err == nil {
			return string(text)
		}
	}
	return hex.EncodeToString(t.UD)
}

func utf16be(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, unit)
	}
	return b
}

func ucs2Hex(s string) string { return strings.ToUpper(hex.EncodeToString(utf16be(s))) }

func fromUCS2Hex(s string) (string, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%2 != 0 {
		return s, false
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), true
}
