package gsm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Submit is an SMS-SUBMIT (3GPP TS 23.040 §9.2.2.2).
type Submit struct {
	SMSC             string // empty: the service centre that the SIM names
	To               string // "+" and digits, or a short code
	Coding           Coding
	UDH              bool          // Payload begins with a user data header
	Payload          []byte        // header, if any, and user data: septets one an octet
	Flash            bool          // class 0: shown at once and not stored
	Validity         time.Duration // from when the service centre takes it; 0: it decides
	Report           bool          // TP-SRR: a status report is wanted
	RejectDuplicates bool          // TP-RD
	Reference        uint8         // TP-MR. Modems count themselves and put in their own
}

// Encode returns the PDU for AT+CMGS, upper-case hexadecimal with the service
// centre's address first, and the length that the command wants: octets without
// that address (3GPP TS 27.005 §4.3).
func (s *Submit) Encode() (pdu string, length int, err error) {
	smsc := []byte{0}
	if s.SMSC != "" {
		typ, value, _, err := encodeAddress(s.SMSC)
		if err != nil {
			return "", 0, fmt.Errorf("service centre: %w", err)
		}
		smsc = append([]byte{byte(1 + len(value)), typ}, value...)
	}
	header := 0
	if s.UDH {
		if len(s.Payload) == 0 || int(s.Payload[0]) >= len(s.Payload) {
			return "", 0, errors.New("the header is longer than the payload")
		}
		header = 1 + int(s.Payload[0])
	}
	ud, err := encodeUserData(s.Coding, s.Payload, header)
	if err != nil {
		return "", 0, err
	}
	typ, value, semi, err := encodeAddress(s.To)
	if err != nil {
		return "", 0, fmt.Errorf("recipient: %w", err)
	}
	t := []byte{s.firstOctet(), s.Reference, byte(semi), typ}
	t = append(t, value...)
	t = append(t, 0, s.dcs())
	if s.Validity > 0 {
		t = append(t, encodeValidity(s.Validity))
	}
	t = append(t, ud...)
	return strings.ToUpper(hex.EncodeToString(append(smsc, t...))), len(t), nil
}

func (s *Submit) firstOctet() byte {
	first := byte(typeSubmit)
	for _, bit := range []struct {
		set bool
		bit byte
	}{
		{s.RejectDuplicates, bitDuplicates}, {s.Validity > 0, validityRelative},
		{s.Report, bitReport}, {s.UDH, bitHeader},
	} {
		if bit.set {
			first |= bit.bit
		}
	}
	return first
}

// dcs is of the general group (3GPP TS 23.038 §4), which all networks carry.
func (s *Submit) dcs() byte {
	dcs := map[Coding]byte{GSM7: 0x00, Binary: 0x04, UCS2: 0x08}[s.Coding]
	if s.Flash {
		dcs |= 0x10
	}
	return dcs
}

const day = 24 * time.Hour

// encodeValidity returns the relative TP-VP (3GPP TS 23.040 §9.2.3.12.1) that
// is at least d, and 63 weeks where that is too long.
func encodeValidity(d time.Duration) byte {
	up := func(unit time.Duration) time.Duration { return (d + unit - 1) / unit }
	switch {
	case d <= 12*time.Hour:
		return byte(max(up(5*time.Minute), 1) - 1)
	case d <= day:
		return byte(119 + up(30*time.Minute))
	case d <= 30*day:
		return byte(166 + up(day))
	case d <= 63*7*day:
		return byte(192 + max(up(7*day), 5))
	}
	return 255
}

func decodeValidity(vp byte) time.Duration {
	v := time.Duration(vp)
	switch {
	case v < 144:
		return (v + 1) * 5 * time.Minute
	case v < 168:
		return (v - 119) * 30 * time.Minute
	case v < 197:
		return (v - 166) * day
	}
	return (v - 192) * 7 * day
}

// readSubmit reads what a memory of sent messages holds. What Submit has no
// field for is lost: a validity that ends at a time, national numbers, classes
// other than 0.
func (r *octetReader) readSubmit(smsc Address, first byte) (any, error) {
	s := &Submit{
		SMSC: smsc.Digits, Reference: r.next(), UDH: first&bitHeader != 0,
		Report: first&bitReport != 0, RejectDuplicates: first&bitDuplicates != 0,
	}
	to, err := r.readAddress()
	if err != nil {
		return nil, err
	}
	s.To = to.Digits
	r.next() // TP-PID
	scheme := parseDCS(r.next())
	s.Coding, s.Flash = scheme.coding, scheme.class == 0
	switch first & bitsValidity {
	case validityRelative:
		s.Validity = decodeValidity(r.next())
	case validityEnhanced:
		s.Validity = decodeEnhanced(r.take(7))
	case validityAbsolute:
		r.take(7)
	}
	u, err := r.readUserData(scheme, s.UDH)
	if err != nil {
		return nil, err
	}
	s.Payload = slices.Concat(u.header, u.data)
	return s, nil
}

// decodeEnhanced reads TP-VP in the enhanced format (TS 23.040 §9.2.3.12.3),
// and is 0 of forms that are reserved.
func decodeEnhanced(vp []byte) time.Duration {
	if len(vp) < 4 {
		return 0
	}
	switch vp[0] & 7 {
	case 1:
		return decodeValidity(vp[1])
	case 2:
		return time.Duration(vp[1]) * time.Second
	case 3:
		bcd := func(b byte) time.Duration { return time.Duration(b&0x0f)*10 + time.Duration(b>>4) }
		return bcd(vp[1])*time.Hour + bcd(vp[2])*time.Minute + bcd(vp[3])*time.Second
	}
	return 0
}
