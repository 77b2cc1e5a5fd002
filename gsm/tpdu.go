package gsm

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// The frames of TPDUs are read here and not by warthog618/sms, whose packing of
// septets and times are used: it refuses padding after a TPDU, reserved coding
// schemes, an odd octet of UCS-2 and names with an escape, and of each of them a
// person's message would be lost. The tests compare with it what it does read.

// Deliver is an SMS-DELIVER (3GPP TS 23.040 §9.2.2.1) as a SIM or modem holds
// it.
type Deliver struct {
	SMSC         Address
	From         Address
	At           time.Time // TP-SCTS with its zone; zero where it is no time
	PID, DCS     uint8
	Coding       Coding
	Class        int8   // 0 to 3, or -1: none
	Data         []byte // user data without its header: septets one an octet, or octets
	Header       Header
	More         bool   // the service centre has more for this SIM
	ReportWanted bool   // the sender asked for a status report
	Waiting      bool   // it says how full a mailbox is (TS 23.038 §4), often without a text
	Raw          []byte // the whole TPDU with its SMSC, and with what followed it
}

// Report is an SMS-STATUS-REPORT (3GPP TS 23.040 §9.2.2.3).
type Report struct {
	Reference uint8 // TP-MR of the message that it is about
	To        Address
	SentAt    time.Time // TP-SCTS: when the service centre took the message
	DoneAt    time.Time // TP-DT; zero where it is no time
	Status    uint8     // TP-ST: StatusOf says what it means
	SMSC      Address
	Raw       []byte // the whole TPDU with its SMSC, and with what followed it
}

// Bits of a TPDU's first octet (3GPP TS 23.040 §9.2.3).
const (
	bitsType      = 0x03 // TP-MTI
	bitNoMore     = 0x04 // TP-MMS of what is delivered
	bitDuplicates = 0x04 // TP-RD of what is submitted
	bitsValidity  = 0x18 // TP-VPF
	bitReport     = 0x20 // TP-SRI, TP-SRR
	bitHeader     = 0x40 // TP-UDHI

	typeDeliver = 0
	typeSubmit  = 1
	typeStatus  = 2

	validityEnhanced = 0x08
	validityRelative = 0x10
	validityAbsolute = 0x18
)

// ParseTPDU reads what a modem received: a *Deliver, a *Report, or a *Submit
// that it found in a memory of sent messages. withSMSC says that the service
// centre's address stands before it. What follows the TPDU is ignored.
func ParseTPDU(octets []byte, withSMSC bool) (any, error) {
	raw := bytes.Clone(octets)
	if !withSMSC {
		raw = append([]byte{0}, octets...)
	}
	r := &octetReader{rest: raw}
	smsc, err := r.readSMSC()
	if err != nil {
		return nil, err
	}
	first := r.next()
	if r.short {
		return nil, errors.New("there is no TPDU")
	}
	switch first & bitsType {
	case typeSubmit:
		return r.readSubmit(smsc, first)
	case typeStatus:
		return r.readReport(smsc, raw)
	}
	// A reserved type is to be read as SMS-DELIVER (TS 23.040 §9.2.3.1). Slots
	// of a SIM that are filled with 0xff do not pass for one.
	return r.readDeliver(smsc, first, raw)
}

func (r *octetReader) readDeliver(smsc Address, first byte, raw []byte) (any, error) {
	from, err := r.readAddress()
	if err != nil {
		return nil, err
	}
	d := &Deliver{
		SMSC: smsc, From: from, PID: r.next(), DCS: r.next(), Raw: raw,
		More: first&bitNoMore == 0, ReportWanted: first&bitReport != 0,
	}
	scheme := parseDCS(d.DCS)
	d.Coding, d.Class, d.Waiting = scheme.coding, scheme.class, scheme.waiting
	d.At, _ = r.readTime() // a text is worth more than its time
	u, err := r.readUserData(scheme, first&bitHeader != 0)
	if err != nil {
		return nil, err
	}
	d.Data = u.data
	if u.header != nil {
		d.Header = parseHeader(u.header[1:])
	}
	return d, nil
}

// readReport reads up to TP-ST: nothing after it matters, and modems fill it.
func (r *octetReader) readReport(smsc Address, raw []byte) (any, error) {
	p := &Report{SMSC: smsc, Reference: r.next(), Raw: raw}
	var err error
	if p.To, err = r.readAddress(); err != nil {
		return nil, err
	}
	// A report without the time of its message is not told from rubbish.
	if p.SentAt, err = r.readTime(); err != nil {
		return nil, err
	}
	p.DoneAt, _ = r.readTime()
	if p.Status = r.next(); r.short {
		return nil, errors.New("the status report is cut off")
	}
	return p, nil
}

// readTime reads a service centre's time stamp (3GPP TS 23.040 §9.2.3.11).
func (r *octetReader) readTime() (time.Time, error) {
	octets := r.take(7)
	var ts tpdu.Timestamp
	if err := ts.UnmarshalBinary(octets); err != nil {
		return time.Time{}, fmt.Errorf("time stamp %x: %w", octets, err)
	}
	// The library takes a month 0 for the December before.
	if again, err := ts.MarshalBinary(); err != nil || !bytes.Equal(again[:6], octets[:6]) {
		return time.Time{}, fmt.Errorf("time stamp %x is no time", octets)
	}
	return ts.Time, nil
}

// ParsePDU reads a TPDU in hexadecimal, as +CMGR, +CMGL, +CMT and +CDS have it.
// length is what the modem says of it, -1 if it says nothing: octets without the
// service centre's address (3GPP TS 27.005 §3.1). Many a modem is wrong there,
// so it only tells those apart that leave out that address.
func ParsePDU(pdu string, length int) (any, error) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\"\x1a\x00", r) {
			return -1
		}
		return r
	}, pdu)
	octets, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("PDU: %w", err)
	}
	if len(octets) == 0 {
		return nil, errors.New("the PDU is empty")
	}
	if length == len(octets) {
		if m, err := ParseTPDU(octets, false); err == nil {
			return m, nil
		}
	}
	return ParseTPDU(octets, true)
}
