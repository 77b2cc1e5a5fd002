package smppsim

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/charmap"

	"smsbridge/smpp"
)

// The GSM 7 bit default alphabet and its extension (3GPP TS 23.038 §6.2.1). The
// escape has no character.
const (
	gsm7Basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\uFFFDÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7ExtendedRunes   = "\f^{}\\[~]|€"
	gsm7ExtendedSeptets = "\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65"
	gsm7Escape          = 0x1b
)

// alphabet is the tables of GSM 7 bit, made once an SMSC.
type alphabet struct {
	basic    [128]rune
	extended map[byte]rune
	septets  map[rune][]byte // one, or two with the escape
}

func newAlphabet() *alphabet {
	a := &alphabet{extended: make(map[byte]rune), septets: make(map[rune][]byte)}
	for i, r := range []rune(gsm7Basic) {
		a.basic[i] = r
		if i != gsm7Escape {
			a.septets[r] = []byte{byte(i)}
		}
	}
	for i, r := range []rune(gsm7ExtendedRunes) {
		a.extended[gsm7ExtendedSeptets[i]] = r
		a.septets[r] = []byte{gsm7Escape, gsm7ExtendedSeptets[i]}
	}
	return a
}

// decode reads a whole text, its parts joined, without headers. What has no
// character becomes U+FFFD; octets that are no text give "".
func (a *alphabet) decode(coding smpp.Coding, payload []byte) string {
	switch coding {
	case smpp.CodingGSM7:
		return a.decodeSeptets(payload)
	case smpp.CodingUCS2:
		return decodeUCS2(payload)
	case smpp.CodingASCII, smpp.CodingLatin1:
		return decodeCharmap(charmap.ISO8859_1, payload)
	case smpp.CodingISO8859_5:
		return decodeCharmap(charmap.ISO8859_5, payload)
	case smpp.CodingISO8859_8:
		return decodeCharmap(charmap.ISO8859_8, payload)
	}
	return ""
}

func (a *alphabet) decodeSeptets(septets []byte) string {
	var b strings.Builder
	b.Grow(len(septets))
	for i := 0; i < len(septets); i++ {
		s := septets[i]
		switch {
		case s >= 0x80:
			b.WriteRune('\uFFFD')
		case s != gsm7Escape:
			b.WriteRune(a.basic[s])
		case i+1 < len(septets) && septets[i+1] < 0x80:
			i++
			r, ok := a.extended[septets[i]]
			if !ok {
				r = a.basic[septets[i]]
			}
			b.WriteRune(r)
		default:
			b.WriteRune('\uFFFD')
		}
	}
	return b.String()
}

func decodeUCS2(payload []byte) string {
	units := make([]uint16, len(payload)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(payload[2*i:])
	}
	return string(utf16.Decode(units))
}

func decodeCharmap(m *charmap.Charmap, payload []byte) string {
	text, _ := m.NewDecoder().String(string(payload)) // no octet is refused
	return text
}

// Octets of user data of a text of one part, septets counted one an octet.
const (
	gsm7Single   = 160
	octetsSingle = 140
)

const (
	dataCodingDefault = 0x00
	dataCodingUCS2    = 0x08
)

// split encodes text as data_coding 0, or in UCS-2 where that has not all its
// characters, and cuts it into payloads, without headers. No part ends within an
// escape sequence or a surrogate pair.
func (a *alphabet) split(text string, how style) (payloads [][]byte, dataCoding uint8) {
	var septets bool
	zero := how.zero
	data, ok := encodeOctets(text, zero)
	if zero != smpp.AlphabetLatin1 && zero != smpp.AlphabetASCII {
		data, ok = a.encodeSeptets(text)
		septets = ok
	}
	if !ok {
		dataCoding = dataCodingUCS2
		data = encodeUCS2(text)
	}
	single := octetsSingle
	if septets {
		single = gsm7Single
	}
	if len(data) <= single || how.splitting == SplitPayload {
		payloads = [][]byte{data}
	} else {
		payloads = cut(data, how.splitting.part(septets), septets, !ok)
	}
	if septets && zero == smpp.AlphabetGSM7Packed {
		header := 0
		if len(payloads) > 1 {
			header = how.splitting.header()
		}
		for i, payload := range payloads {
			payloads[i] = smpp.PackGSM7(payload, header)
		}
	}
	return payloads, dataCoding
}

func cut(data []byte, part int, septets, ucs2 bool) (payloads [][]byte) {
	for len(data) > part {
		n := part
		if ucs2 && data[n-2]&0xFC == 0xD8 {
			n -= 2
		} else if septets && data[n-1] == gsm7Escape {
			n--
		}
		payloads = append(payloads, data[:n:n])
		data = data[n:]
	}
	return append(payloads, data)
}

// encodeOctets encodes in Latin-1 or ASCII.
func encodeOctets(text string, zero smpp.Alphabet) ([]byte, bool) {
	limit := rune(0x100)
	if zero == smpp.AlphabetASCII {
		limit = 0x80
	}
	data := make([]byte, 0, len(text))
	for _, r := range text {
		if r >= limit {
			return nil, false
		}
		data = append(data, byte(r))
	}
	return data, true
}

func encodeUCS2(text string) []byte {
	data := make([]byte, 0, 2*len(text))
	for _, unit := range utf16.Encode([]rune(text)) {
		data = binary.BigEndian.AppendUint16(data, unit)
	}
	return data
}

func (a *alphabet) encodeSeptets(text string) ([]byte, bool) {
	data := make([]byte, 0, 2*len(text))
	for _, r := range text {
		s, ok := a.septets[r]
		if !ok {
			return data, false
		}
		data = append(data, s...)
	}
	return data, true
}

// concatenated puts the header of part number of total before payload (3GPP TS
// 23.040 §9.2.3.24.1).
func concatenated(reference uint8, total, number int, payload []byte) []byte {
	return append([]byte{5, 0, 3, reference, uint8(total), uint8(number)}, payload...)
}

// Types of number and numbering plans (SMPP 3.4 §5.2.5, §5.2.6).
const (
	tonInternational = 1
	tonAlphanumeric  = 5
	npiISDN          = 1
)

// addressOf reads "+447700900123", a number without its country, or a name.
func addressOf(s string) smpp.Address {
	if number, ok := strings.CutPrefix(s, "+"); ok && isDigits(number) {
		return smpp.Address{TON: tonInternational, NPI: npiISDN, Value: number}
	}
	if isDigits(s) {
		return smpp.Address{NPI: npiISDN, Value: s}
	}
	return smpp.Address{TON: tonAlphanumeric, Value: s}
}

// addressText is the inverse of addressOf.
func addressText(a smpp.Address) string {
	if a.TON == tonInternational && isDigits(a.Value) {
		return "+" + a.Value
	}
	return a.Value
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
