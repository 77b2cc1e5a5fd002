package carrier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// format is how the account's submit_sm look, as far as that is known before
// there is a text.
type format struct {
	cfg         *smpp.Config
	tlvs        smpp.TLVs // of every one
	e164        plan
	short       plan
	name        plan
	destination plan // of a number in E.164
	plain       bool // no optional parameters (SMPP 3.3)
}

// plan is a type of number and a numbering plan (SMPP 3.4 §5.2.5, §5.2.6).
type plan struct{ ton, npi uint8 }

// User data is 140 octets, or 160 septets (3GPP TS 23.040 §9.2.3.24).
const (
	maxOctets  = 140
	maxSeptets = 160
)

// esmUDHI says that a user data header comes first (SMPP 3.4 §5.2.12).
const esmUDHI = 0x40

func newFormat(cfg *smpp.Config) (f format, err error) {
	f = format{cfg: cfg, plain: cfg.InterfaceVersion == smpp.Version33}
	for _, p := range []struct {
		option, value string
		usual         plan
		to            *plan
	}{
		{"e164", cfg.TypeOfNumber.E164, plan{1, 1}, &f.e164},
		{"short", cfg.TypeOfNumber.Short, plan{3, 0}, &f.short},
		{"alphanumeric", cfg.TypeOfNumber.Alphanumeric, plan{5, 0}, &f.name},
		{"destination", cfg.TypeOfNumber.Destination, plan{1, 1}, &f.destination},
	} {
		if *p.to = p.usual; p.value == "" {
			continue
		}
		if *p.to, err = parsePlan(p.value); err != nil {
			return f, fmt.Errorf("ton_npi.%s: %w", p.option, err)
		}
	}
	tlvs, err := parseTLVs(cfg.TLVs)
	if err != nil {
		return f, err
	}
	for _, t := range tlvs {
		f.tlvs = append(f.tlvs, smpp.TLV{Tag: smpp.Tag(t.Tag), Value: t.Value})
	}
	if f.plain && (len(f.tlvs) > 0 || cfg.LongMessages == smpp.LongSAR || cfg.LongMessages == smpp.LongPayload) {
		return f, errors.New("interface_version: 3.3 has no optional parameters: long_messages must be udh or udh16, and tlvs empty")
	}
	return f, nil
}

func parsePlan(s string) (plan, error) {
	ton, npi, ok := strings.Cut(s, "/")
	t, err1 := strconv.ParseUint(ton, 10, 8)
	n, err2 := strconv.ParseUint(npi, 10, 8)
	if !ok || err1 != nil || err2 != nil {
		return plan{}, fmt.Errorf("%q is not like 1/1", s)
	}
	return plan{uint8(t), uint8(n)}, nil
}

// parseTLVs reads optional parameters as people write them, in the order of their
// tags. An error says which is wrong, and how.
func parseTLVs(raw map[string]string) (tlvs []gateway.TLV, err error) {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		tag, err := smpp.ParseTag(key)
		if err != nil {
			return nil, fmt.Errorf("tlvs: %q %w", key, err)
		}
		value, err := smpp.ParseTLVValue(raw[key])
		if err != nil {
			return nil, fmt.Errorf("tlvs: the value of %s %w", key, err)
		}
		tlvs = append(tlvs, gateway.TLV{Tag: uint16(tag), Value: value})
	}
	return tlvs, nil
}

// TLVs reads the optional parameters that somebody wants with a text. An error is
// for them.
func (c *SMPP) TLVs(raw map[string]string) ([]gateway.TLV, error) {
	if c.cfg.InterfaceVersion == smpp.Version33 && len(raw) > 0 {
		return nil, fmt.Errorf("tlvs: %s speaks SMPP 3.3, which has no optional parameters", c.opt.Name)
	}
	return parseTLVs(raw)
}

// Format is how a text is to be prepared for this account.
func (c *SMPP) Format() gateway.Format {
	alphabets := map[smpp.Alphabet]gateway.Alphabet{smpp.AlphabetLatin1: gateway.AlphabetLatin1, smpp.AlphabetASCII: gateway.AlphabetASCII}
	longs := map[smpp.LongMessages]gateway.Long{smpp.LongUDH16: gateway.LongUDH16, smpp.LongSAR: gateway.LongSAR, smpp.LongPayload: gateway.LongPayload}
	transliterations := map[smpp.Transliteration]gateway.Transliteration{
		smpp.TransliteratePunctuation: gateway.TransliteratePunctuation, smpp.TransliterateAll: gateway.TransliterateAll,
	}
	return gateway.Format{Alphabet: alphabets[c.cfg.DataCoding0], Long: longs[c.cfg.LongMessages], Transliterate: transliterations[c.cfg.Transliterate]}
}

// composer makes submit_sm for one link, all in the same memory.
type composer struct {
	m    smpp.ShortMessage
	tlvs smpp.TLVs
	user [2]byte
	sar  [4]byte
}

// compose makes the submit_sm of a submission. It is good until the next call.
// level is the SMSC's sc_interface_version.
func (w *composer) compose(f *format, s *gateway.Submission, level uint8, now time.Time) *smpp.ShortMessage {
	w.m = smpp.ShortMessage{
		ServiceType: f.cfg.ServiceType, Source: f.address(s.From, f.e164), Dest: f.address(s.To, f.destination),
		ProtocolID: f.cfg.ProtocolID, Priority: f.cfg.Priority, RegisteredDelivery: f.cfg.RegisteredDelivery,
		DataCoding: dataCoding(s.Encoding, s.Flash), Message: s.Payload,
	}
	if !s.Expires.IsZero() {
		w.m.ValidityPeriod = smpp.RelativeTime(max(s.Expires.Sub(now).Round(time.Second), time.Second))
	}
	w.tlvs = append(w.tlvs[:0], f.tlvs...)
	if !f.plain {
		for _, t := range s.TLVs {
			w.set(smpp.Tag(t.Tag), t.Value)
		}
		if f.cfg.UserMessageReference && level >= 0x34 {
			binary.BigEndian.PutUint16(w.user[:], gateway.UserReference(s.Segment))
			w.set(smpp.TagUserMessageReference, w.user[:])
		}
	}
	w.body(f, s)
	w.m.TLVs = w.tlvs
	return &w.m
}

// body puts the payload where the carrier wants it.
func (w *composer) body(f *format, s *gateway.Submission) {
	m := &w.m
	header := 0
	if s.UDH && len(s.Payload) > 0 {
		header = min(1+int(s.Payload[0]), len(s.Payload))
		m.ESMClass = esmUDHI
	}
	if p := s.Payload; f.cfg.LongMessages == smpp.LongSAR && header == 7 && p[1] == 8 && p[2] == 4 {
		// SMPP 3.4 §5.3.2.22 to 24, in place of TS 23.040 §9.2.3.24.8
		copy(w.sar[:], p[3:7])
		w.set(smpp.TagSARMsgRefNum, w.sar[:2])
		w.set(smpp.TagSARTotalSegments, w.sar[2:3])
		w.set(smpp.TagSARSegmentSeqnum, w.sar[3:4])
		m.Message, m.ESMClass, header = p[header:], 0, 0
	}
	most := maxOctets
	if s.Encoding == gateway.EncodingGSM7 || s.Encoding == gateway.EncodingASCII {
		most = maxSeptets
	}
	if s.Encoding == gateway.EncodingGSM7 && f.cfg.DataCoding0 == smpp.AlphabetGSM7Packed {
		m.Message = append(slices.Clone(m.Message[:header]), smpp.PackGSM7(m.Message[header:], header)...)
		most = maxOctets
	}
	if f.cfg.LongMessages == smpp.LongPayload && len(m.Message) > most {
		w.set(smpp.TagMessagePayload, m.Message)
		m.Message = nil
	}
}

// set gives a parameter its value, in the place of another one.
func (w *composer) set(tag smpp.Tag, value []byte) {
	for i := range w.tlvs {
		if w.tlvs[i].Tag == tag {
			w.tlvs[i].Value = value
			return
		}
	}
	w.tlvs = append(w.tlvs, smpp.TLV{Tag: tag, Value: value})
}

// dataCoding is the data_coding of an encoding (SMPP 3.4 §5.2.19); a flash text
// has message class 0 (3GPP TS 23.038 §4).
func dataCoding(e gateway.Encoding, flash bool) uint8 {
	coding := uint8(0) // the carrier's default alphabet
	switch e {
	case gateway.EncodingUCS2:
		coding = 0x08
	case gateway.EncodingBinary:
		coding = 0x04
	}
	if flash {
		coding |= 0x10
	}
	return coding
}

// address gives an address its type of number and plan: international without
// "+", the network's own short codes, names.
func (f *format) address(a gateway.Address, e164 plan) smpp.Address {
	p, value := plan{0, 1}, a.Value
	switch a.Kind {
	case gateway.AddressE164:
		p, value = e164, strings.TrimPrefix(value, "+")
	case gateway.AddressShort:
		p = f.short
	case gateway.AddressAlphanumeric:
		p = f.name
	}
	return smpp.Address{TON: p.ton, NPI: p.npi, Value: value}
}
