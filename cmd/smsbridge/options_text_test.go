package main_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// TestLongMessages sends long texts in every alphabet that a carrier's data_coding
// 0 may be, marked in every way: they arrive joined and whole.
func TestLongMessages(t *testing.T) {
	t.Parallel()
	texts := map[smpp.Alphabet]string{
		smpp.AlphabetGSM7:       strings.Repeat("Größe: {€} [à] @£$ ~^|\\ Δ ", 13),
		smpp.AlphabetGSM7Packed: strings.Repeat("Größe: {€} [à] @£$ ~^|\\ Δ ", 13),
		smpp.AlphabetLatin1:     strings.Repeat("Größe: {ý} [à] @£$ ~^|\\ ½ þ ", 13),
		smpp.AlphabetASCII:      strings.Repeat("Size: {x} [a] @#$ ~^|\\ `_` ", 13),
	}
	const wide = "Zażółć gęślą jaźń 😀, "
	var accounts []account
	for alphabet := range texts {
		for _, long := range []smpp.LongMessages{smpp.LongUDH, smpp.LongUDH16, smpp.LongSAR, smpp.LongPayload} {
			a := account{name: string(alphabet) + "-" + string(long), smpp: fmt.Sprintf("      data_coding_0: %s\n      long_messages: %s\n", alphabet, long)}
			a.script.Submit.DataCoding0 = alphabet
			accounts = append(accounts, a)
		}
	}
	b := newRig(t, "", accounts...)
	sent := map[string]message{}
	for _, a := range accounts {
		alphabet := smpp.Alphabet(a.name[:strings.LastIndex(a.name, "-")])
		for _, text := range []string{texts[alphabet], strings.Repeat(wide, 10), "short [x]"} {
			sent[a.name+text] = b.send(a.name, text, nil)
		}
	}
	for _, a := range accounts {
		alphabet, long := smpp.Alphabet(a.name[:strings.LastIndex(a.name, "-")]), smpp.LongMessages(a.name[strings.LastIndex(a.name, "-")+1:])
		want := []string{texts[alphabet], strings.Repeat(wide, 10), "short [x]"}
		for _, text := range want {
			m := b.program.settled(sent[a.name+text].ID, "delivered")
			if zero := strings.TrimSuffix(string(alphabet), "-packed"); m.Encoding != zero && !strings.Contains(text, "Zażółć") {
				t.Errorf("%s: encoding %s, want %s", a.name, m.Encoding, zero)
			}
		}
		var got []string
		for _, s := range b.submits(a.name) {
			if s.Text != "" {
				got = append(got, s.Text)
			}
			checkMark(t, a.name, long, &s)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: arrived %q, want %q", a.name, got, want)
		}
	}
}

// checkMark looks at how the part of a long text is marked as one.
func checkMark(t *testing.T, name string, long smpp.LongMessages, s *smppsim.Submit) {
	t.Helper()
	m := &s.PDU
	payload, _ := m.TLVs.Get(smpp.TagMessagePayload)
	ok := false
	switch {
	case strings.HasPrefix(s.Text, "short"):
		ok = s.Parts == 1 && m.ESMClass == 0 && payload == nil && len(m.Message) > 0
	case long == smpp.LongPayload:
		if ok = s.Parts == 1 && m.ESMClass == 0 && len(payload) > 160; ok {
			return // where there is a payload, Message is that
		}
	case long == smpp.LongSAR:
		total, _ := m.TLVs.Uint(smpp.TagSARTotalSegments)
		ok = s.Parts > 1 && m.ESMClass == 0 && int(total) == s.Parts
	case long == smpp.LongUDH16:
		ok = s.Parts > 1 && m.ESMClass == 0x40 && bytes.HasPrefix(m.Message, []byte{6, 8, 4})
	default:
		ok = s.Parts > 1 && m.ESMClass == 0x40 && bytes.HasPrefix(m.Message, []byte{5, 0, 3})
	}
	if octets := len(m.Message); !ok || octets > 160 || m.DataCoding == 8 && octets > 140 {
		t.Errorf("%s: part 1 of %d in esm_class %#x, data_coding %d, %x, %v", name, s.Parts, m.ESMClass, m.DataCoding, m.Message, m.TLVs)
	}
}

// TestOptionsOfTexts looks at the submit_sm that options and requests lead to.
func TestOptionsOfTexts(t *testing.T) {
	t.Parallel()
	plain := account{name: "plain"}
	odd := account{name: "odd", numbers: []string{"+12602058950", "60777", "Shop"}, smpp: `      ton_npi: {e164: 2/3, short: 6/9, alphanumeric: 5/1, destination: 0/8}
      service_type: OTP
      priority: 2
      protocol_id: 65
      registered_delivery: 0
      user_message_reference: false
      tlvs: {0x1400: "1101234567890123456", 0x1401: "hex:00ff"}
`}
	old := account{name: "old", smpp: "      interface_version: 3.3\n"}
	punctuation := account{name: "punctuation", smpp: "      transliterate: punctuation\n"}
	all := account{name: "all", smpp: "      transliterate: all\n"}
	b := newRig(t, "", plain, odd, old, punctuation, all)
	type fields struct {
		source, dest                               smpp.Address
		service                                    string
		priority, protocol, registered, dataCoding uint8
		text, tlvs                                 string
	}
	us := func(number string) smpp.Address { return smpp.Address{TON: 1, NPI: 1, Value: number} }
	customers := us(customerNumber[1:])
	oddly := func(f fields) fields {
		f.dest, f.service, f.priority, f.protocol = smpp.Address{NPI: 8, Value: customerNumber[1:]}, "OTP", 2, 65
		if f.tlvs == "" {
			f.tlvs = "1400=1101234567890123456 1401=\x00\xff"
		}
		return f
	}
	for _, tt := range []struct {
		name, carrier, text string
		more                map[string]any
		tick                string
		want                fields
	}{
		{"as it is", "plain", "Hello", nil, "delivered",
			fields{source: us("12602058910"), dest: customers, registered: 1, text: "Hello", tlvs: "0204"}},
		{"flash", "plain", "Now!", map[string]any{"flash": true}, "delivered",
			fields{source: us("12602058910"), dest: customers, registered: 1, dataCoding: 0x10, text: "Now!", tlvs: "0204"}},
		{"flash in UCS-2", "plain", "Już!", map[string]any{"flash": true}, "delivered",
			fields{source: us("12602058910"), dest: customers, registered: 1, dataCoding: 0x18, text: "Już!", tlvs: "0204"}},
		{"TLVs of the message", "plain", "With", map[string]any{"tlvs": map[string]string{"0x1400": "7", "5121": "hex:01"}}, "delivered",
			fields{source: us("12602058910"), dest: customers, registered: 1, text: "With", tlvs: "0204 1400=7 1401=\x01"}},
		{"not transliterated", "plain", "It’s – ready", nil, "delivered",
			fields{source: us("12602058910"), dest: customers, registered: 1, dataCoding: 8, text: "It’s – ready", tlvs: "0204"}},
		{"all of the carrier's", "odd", "Hello", nil, "sent", oddly(fields{source: smpp.Address{TON: 2, NPI: 3, Value: "12602058950"}, text: "Hello"})},
		{"from a short code", "odd", "Short", map[string]any{"from": "60777"}, "sent",
			oddly(fields{source: smpp.Address{TON: 6, NPI: 9, Value: "60777"}, text: "Short"})},
		{"from a name", "odd", "Name", map[string]any{"from": "Shop"}, "sent", oddly(fields{source: smpp.Address{TON: 5, NPI: 1, Value: "Shop"}, text: "Name"})},
		{"TLVs over the carrier's", "odd", "Over", map[string]any{"tlvs": map[string]string{"0x1401": "mine"}}, "sent",
			oddly(fields{source: smpp.Address{TON: 2, NPI: 3, Value: "12602058950"}, text: "Over", tlvs: "1400=1101234567890123456 1401=mine"})},
		{"as 3.3", "old", "Old", nil, "delivered", fields{source: us("12602058912"), dest: customers, registered: 1, text: "Old"}},
		{"punctuation", "punctuation", "It’s – “ready”…", nil, "delivered",
			fields{source: us("12602058913"), dest: customers, registered: 1, text: `It's - "ready"...`, tlvs: "0204"}},
		{"punctuation alone", "punctuation", "It’s żółte", nil, "delivered",
			fields{source: us("12602058913"), dest: customers, registered: 1, dataCoding: 8, text: "It’s żółte", tlvs: "0204"}},
		{"letters", "all", "It’s żółte", nil, "delivered", fields{source: us("12602058914"), dest: customers, registered: 1, text: "It's zolte", tlvs: "0204"}},
		{"what has no letter", "all", "It’s 😀", nil, "delivered",
			fields{source: us("12602058914"), dest: customers, registered: 1, dataCoding: 8, text: "It’s 😀", tlvs: "0204"}},
	} {
		before := len(b.submits(tt.carrier))
		sent := b.send(tt.carrier, tt.text, tt.more)
		s := b.submitted(tt.carrier, before+1)[before]
		m := &s.PDU
		got := fields{m.Source, m.Dest, m.ServiceType, m.Priority, m.ProtocolID, m.RegisteredDelivery, m.DataCoding, s.Text, showTLVs(m.TLVs)}
		if got != tt.want {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, got, tt.want)
		}
		b.program.settled(sent.ID, tt.tick)
	}
	b.program.must("POST", "/messages", map[string]any{"from": "+12602058912", "to": customerNumber, "text": "x", "tlvs": map[string]string{"0x1400": "7"}}, 422, nil)
	b.program.must("POST", "/messages", map[string]any{"from": "+12602058910", "to": customerNumber, "text": "x", "tlvs": map[string]string{"0x0204": "7"}}, 422, nil)
}

// showTLVs lists optional parameters by their tags. user_message_reference has a
// value that nobody knows.
func showTLVs(tlvs smpp.TLVs) string {
	var all []string
	for _, t := range tlvs {
		s := fmt.Sprintf("%04x=%s", uint16(t.Tag), t.Value)
		if t.Tag == smpp.TagUserMessageReference {
			s = hex.EncodeToString([]byte{2, byte(t.Tag)})
			if len(t.Value) != 2 || bytes.Equal(t.Value, []byte{0, 0}) {
				s += fmt.Sprintf("=%x", t.Value)
			}
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestValidity looks at validity_period (SMPP 3.4 §7.1.1.2).
func TestValidity(t *testing.T) {
	t.Parallel()
	b := newRig(t, "", account{name: "long"}, account{name: "short", smpp: "      validity: 90s\n"})
	for _, tt := range []struct{ carrier, validity, want string }{
		{"long", "", "000002000000000R"}, {"long", "2h", "000000020000000R"}, {"long", "26h30m", "000001023000000R"}, {"long", "100h", "000002000000000R"},
		{"short", "", "000000000130000R"}, {"short", "1m", "000000000100000R"}, {"short", "1h", "000000000130000R"},
	} {
		before := len(b.submits(tt.carrier))
		more := map[string]any{}
		if tt.validity != "" {
			more["validity"] = tt.validity
		}
		b.send(tt.carrier, "until "+tt.validity, more)
		got := b.submitted(tt.carrier, before+1)[before].PDU.ValidityPeriod
		if !near(got, tt.want) {
			t.Errorf("%s, validity %q: %q, want %q", tt.carrier, tt.validity, got, tt.want)
		}
	}
	b.program.must("POST", "/messages", map[string]any{"from": "+12602058910", "to": customerNumber, "text": "x", "validity": "soon"}, 422, nil)
}

// near compares relative times, which are counted from the text's acceptance here:
// some seconds may have passed.
func near(got, want string) bool {
	seconds := func(s string) (n int) {
		var day, hour, minute, second int
		if _, err := fmt.Sscanf(s, "0000%02d%02d%02d%02d000R", &day, &hour, &minute, &second); err != nil {
			return -1 << 20
		}
		return ((day*24+hour)*60+minute)*60 + second
	}
	d := seconds(want) - seconds(got)
	return 0 <= d && d <= 20
}
