package gsm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/warthog618/sms/encoding/gsm7"
)

// Types of number and the numbering plan of telephones (3GPP TS 23.040
// §9.1.2.5).
const (
	TONUnknown       = 0
	TONInternational = 1
	TONNational      = 2
	TONNetwork       = 3
	TONSubscriber    = 4
	TONAlphanumeric  = 5
	TONAbbreviated   = 6
	NPITelephone     = 1
)

// maxDigits is how many semi-octets an address field has room for: twelve
// octets less its length and its type (TS 23.040 §9.1.2.5).
const maxDigits = 20

// Address is a number or a name as 3GPP TS 23.040 §9.1.2.5 has it.
type Address struct {
	Digits   string // "+" before the digits of an international number; the text of an alphanumeric one
	TON, NPI uint8
}

// bcdDigits are the semi-octets of a number (TS 23.040 §9.1.2.3). 0xf fills.
const bcdDigits = "0123456789*#abc"

// newAddress reads the value of an address that has so many semi-octets.
func newAddress(typ byte, value []byte, semi int) Address {
	a := Address{TON: typ >> 4 & 7, NPI: typ & 0x0f}
	if a.TON == TONAlphanumeric {
		septets := gsm7.Unpack7Bit(value, 0)
		septets = septets[:min(len(septets), semi*4/7)]
		// Seven characters fill seven octets but for seven bits. Who rounds the
		// length up makes an eighth of them, an "@" that no sender has.
		if n := len(septets); n > 0 && n%8 == 0 && septets[n-1] == 0 {
			septets = septets[:n-1]
		}
		a.Digits = decodeSeptets(septets)
		return a
	}
	digits := make([]byte, 0, semi+1)
	for i := range semi {
		d := value[i/2] >> (i % 2 * 4) & 0x0f
		if d == 0x0f { // fill, and the end wherever it stands
			break
		}
		digits = append(digits, bcdDigits[d])
	}
	a.Digits = string(digits)
	if a.TON == TONInternational && a.Digits != "" {
		a.Digits = "+" + a.Digits
	}
	return a
}

// readAddress reads an originating, destination or recipient address.
func (r *octetReader) readAddress() (Address, error) {
	semi, typ := int(r.next()), r.next()
	if semi > maxDigits {
		return Address{}, fmt.Errorf("an address of %d semi-octets, more than %d", semi, maxDigits)
	}
	value := r.take((semi + 1) / 2)
	if r.short {
		return Address{}, errors.New("the address is cut off")
	}
	return newAddress(typ, value, semi), nil
}

// readSMSC reads the address of the service centre that stands before a TPDU.
// Its length counts octets, its type among them (3GPP TS 24.011 §8.2.5.2).
func (r *octetReader) readSMSC() (Address, error) {
	n := int(r.next())
	if n == 0 {
		return Address{}, nil
	}
	if n > 1+maxDigits/2 {
		return Address{}, fmt.Errorf("a service centre's address of %d octets", n)
	}
	typ := r.next()
	value := r.take(n - 1)
	if r.short {
		return Address{}, errors.New("the service centre's address is cut off")
	}
	return newAddress(typ, value, 2*len(value)), nil
}

// isNumber tells what is written in semi-octets.
func isNumber(digits string) bool {
	return strings.Trim(digits, bcdDigits) == ""
}

// encodeAddress returns the type and the value of an address, and its length in
// semi-octets: international after a "+", a short code or whatever the network
// makes of it if it is a number without, and else alphanumeric.
func encodeAddress(text string) (typ byte, value []byte, semi int, err error) {
	typ = 0x80 | NPITelephone
	digits, plus := strings.CutPrefix(text, "+")
	if plus && digits != "" {
		typ |= TONInternational << 4
	} else {
		digits = text
	}
	if !isNumber(digits) {
		septets, ok := encodeSeptets(text)
		if semi = (len(septets)*7 + 3) / 4; !ok || semi > maxDigits {
			return 0, nil, 0, fmt.Errorf("%q is neither a number nor a name that fits an address", text)
		}
		return 0x80 | TONAlphanumeric<<4, gsm7.Pack7Bit(septets, 0), semi, nil
	}
	if len(digits) > maxDigits {
		return 0, nil, 0, fmt.Errorf("%q has more than %d digits", text, maxDigits)
	}
	for i := range len(digits) {
		d := byte(strings.IndexByte(bcdDigits, digits[i]))
		if i%2 == 0 {
			value = append(value, 0xf0|d)
		} else {
			value[i/2] = value[i/2]&0x0f | d<<4
		}
	}
	return typ, value, len(digits), nil
}
