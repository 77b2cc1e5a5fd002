package carrier

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

var (
	concat8  = []byte{5, 0, 3, 7, 2, 1}
	concat16 = []byte{6, 8, 4, 1, 7, 2, 1}
)

func with(header []byte, text string) []byte { return append(bytes.Clone(header), text...) }

func TestCompose(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	user := smpp.TLV{Tag: smpp.TagUserMessageReference, Value: []byte{byte(gateway.UserReference(16) >> 8), byte(gateway.UserReference(16))}}
	long := strings.Repeat("x", 161)
	for _, c := range []struct {
		name   string
		config func(*smpp.Config)
		s      gateway.Submission
		level  uint8
		want   smpp.ShortMessage // without addresses
	}{
		{"plain", nil, gateway.Submission{Payload: []byte("hi")}, 0x34, smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi"), TLVs: smpp.TLVs{user}}},
		{"an old SMSC", nil, gateway.Submission{Payload: []byte("hi")}, 0x33, smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi")}},
		{"no reference", func(c *smpp.Config) { c.UserMessageReference = false }, gateway.Submission{Payload: []byte("hi")}, 0x50,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi")}},
		{"particulars", func(c *smpp.Config) {
			c.ServiceType, c.Priority, c.ProtocolID, c.RegisteredDelivery, c.UserMessageReference = "CMT", 2, 64, 17, false
		}, gateway.Submission{Payload: []byte("hi")}, 0x34,
			smpp.ShortMessage{ServiceType: "CMT", Priority: 2, ProtocolID: 64, RegisteredDelivery: 17, Message: []byte("hi")}},
		{"validity", nil, gateway.Submission{Payload: []byte("hi"), Expires: now.Add(90 * time.Minute)}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ValidityPeriod: "000000013000000R", Message: []byte("hi")}},
		{"nearly over", nil, gateway.Submission{Payload: []byte("hi"), Expires: now.Add(time.Millisecond)}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ValidityPeriod: "000000000001000R", Message: []byte("hi")}},
		{"UCS-2", nil, gateway.Submission{Payload: []byte("\x04\x10"), Encoding: gateway.EncodingUCS2}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 8, Message: []byte("\x04\x10")}},
		{"binary", nil, gateway.Submission{Payload: []byte{1, 0}, Encoding: gateway.EncodingBinary}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 4, Message: []byte{1, 0}}},
		{"Latin-1", nil, gateway.Submission{Payload: []byte{0xE9}, Encoding: gateway.EncodingLatin1}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte{0xE9}}},
		{"flash", nil, gateway.Submission{Payload: []byte("hi"), Flash: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 0x10, Message: []byte("hi")}},
		{"UCS-2 flash", nil, gateway.Submission{Payload: []byte("\x04\x10"), Encoding: gateway.EncodingUCS2, Flash: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 0x18, Message: []byte("\x04\x10")}},
		{"binary flash", nil, gateway.Submission{Payload: []byte{1, 0}, Encoding: gateway.EncodingBinary, Flash: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 0x14, Message: []byte{1, 0}}},
		{"UDH", nil, gateway.Submission{Payload: with(concat8, "hi"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ESMClass: 0x40, Message: with(concat8, "hi")}},
		{"UDH of 16 bits", func(c *smpp.Config) { c.LongMessages = smpp.LongUDH16 }, gateway.Submission{Payload: with(concat16, "hi"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ESMClass: 0x40, Message: with(concat16, "hi")}},
		{"SAR", func(c *smpp.Config) { c.LongMessages = smpp.LongSAR }, gateway.Submission{Payload: with(concat16, "hi"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi"), TLVs: smpp.TLVs{
				{Tag: smpp.TagSARMsgRefNum, Value: []byte{1, 7}}, {Tag: smpp.TagSARTotalSegments, Value: []byte{2}}, {Tag: smpp.TagSARSegmentSeqnum, Value: []byte{1}}}}},
		{"another header than SAR has", func(c *smpp.Config) { c.LongMessages = smpp.LongSAR }, gateway.Submission{Payload: with(concat8, "hi"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ESMClass: 0x40, Message: with(concat8, "hi")}},
		{"packed", func(c *smpp.Config) { c.DataCoding0 = smpp.AlphabetGSM7Packed }, gateway.Submission{Payload: []byte("hellohello")}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte{0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37}}},
		{"packed behind a header", func(c *smpp.Config) { c.DataCoding0 = smpp.AlphabetGSM7Packed }, gateway.Submission{Payload: with(concat8, "hello"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, ESMClass: 0x40, Message: append(bytes.Clone(concat8), smpp.PackGSM7([]byte("hello"), 6)...)}},
		{"packed with SAR", func(c *smpp.Config) { c.DataCoding0, c.LongMessages = smpp.AlphabetGSM7Packed, smpp.LongSAR },
			gateway.Submission{Payload: with(concat16, "hello"), UDH: true}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: smpp.PackGSM7([]byte("hello"), 0), TLVs: smpp.TLVs{
				{Tag: smpp.TagSARMsgRefNum, Value: []byte{1, 7}}, {Tag: smpp.TagSARTotalSegments, Value: []byte{2}}, {Tag: smpp.TagSARSegmentSeqnum, Value: []byte{1}}}}},
		{"UCS-2 is not packed", func(c *smpp.Config) { c.DataCoding0 = smpp.AlphabetGSM7Packed },
			gateway.Submission{Payload: []byte("\x04\x10"), Encoding: gateway.EncodingUCS2}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 8, Message: []byte("\x04\x10")}},
		{"short in payload mode", func(c *smpp.Config) { c.LongMessages = smpp.LongPayload }, gateway.Submission{Payload: []byte(long[:160])}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte(long[:160])}},
		{"long", func(c *smpp.Config) { c.LongMessages = smpp.LongPayload }, gateway.Submission{Payload: []byte(long)}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: []byte(long)}}}},
		{"long in octets", func(c *smpp.Config) { c.LongMessages = smpp.LongPayload },
			gateway.Submission{Payload: []byte(long[:142]), Encoding: gateway.EncodingUCS2}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, DataCoding: 8, TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: []byte(long[:142])}}}},
		{"TLVs", func(c *smpp.Config) {
			c.TLVs, c.UserMessageReference = map[string]string{"0x1401": "law", "0x1400": "hex:00ff", "0x1402": "hex:"}, false
		}, gateway.Submission{Payload: []byte("hi"), TLVs: []gateway.TLV{{Tag: 0x1401, Value: []byte("mine")}, {Tag: 0x1403, Value: []byte{1}}}}, 0,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi"), TLVs: smpp.TLVs{
				{Tag: 0x1400, Value: []byte{0, 255}}, {Tag: 0x1401, Value: []byte("mine")}, {Tag: 0x1402, Value: []byte{}}, {Tag: 0x1403, Value: []byte{1}}}}},
		{"3.3", func(c *smpp.Config) { c.InterfaceVersion = smpp.Version33 }, gateway.Submission{Payload: []byte("hi"), TLVs: []gateway.TLV{{Tag: 0x1401}}}, 0x34,
			smpp.ShortMessage{RegisteredDelivery: 1, Message: []byte("hi")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := smpp.Defaults()
			if c.config != nil {
				c.config(&cfg)
			}
			f, err := newFormat(&cfg)
			if err != nil {
				t.Fatal(err)
			}
			var w composer
			dirty := gateway.Submission{Segment: 32, Payload: with(concat16, "before"), UDH: true, TLVs: []gateway.TLV{{Tag: 0x1401, Value: []byte("before")}}}
			w.compose(&f, &dirty, 0x34, now)
			c.s.Segment = 16
			m := *w.compose(&f, &c.s, c.level, now)
			m.Source, m.Dest = smpp.Address{}, smpp.Address{}
			if len(m.TLVs) == 0 {
				m.TLVs = nil
			}
			if !reflect.DeepEqual(m, c.want) {
				t.Errorf("got  %+v\nwant %+v", m, c.want)
			}
		})
	}
}

// Addresses go out as carriers want them (SMPP 3.4 §5.2.5, §5.2.6).
func TestAddresses(t *testing.T) {
	cfg := smpp.Defaults()
	usual, err := newFormat(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.TypeOfNumber = smpp.TypeOfNumber{E164: "2/1", Short: "0/1", Alphanumeric: "5/8", Destination: "0/0"}
	other, err := newFormat(&cfg)
	if err != nil {
		t.Fatal(err)
	}
	number := gateway.Address{Kind: gateway.AddressE164, Value: "+12602058900"}
	short := gateway.Address{Kind: gateway.AddressShort, Value: "60777"}
	name := gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "MyBank"}
	for _, c := range []struct {
		f        *format
		from, to gateway.Address
		wantFrom smpp.Address
		wantTo   smpp.Address
	}{
		{&usual, number, short, smpp.Address{TON: 1, NPI: 1, Value: "12602058900"}, smpp.Address{TON: 3, NPI: 0, Value: "60777"}},
		{&usual, name, number, smpp.Address{TON: 5, NPI: 0, Value: "MyBank"}, smpp.Address{TON: 1, NPI: 1, Value: "12602058900"}},
		{&usual, gateway.Address{Value: "123"}, number, smpp.Address{TON: 0, NPI: 1, Value: "123"}, smpp.Address{TON: 1, NPI: 1, Value: "12602058900"}},
		{&other, number, short, smpp.Address{TON: 2, NPI: 1, Value: "12602058900"}, smpp.Address{TON: 0, NPI: 1, Value: "60777"}},
		{&other, name, number, smpp.Address{TON: 5, NPI: 8, Value: "MyBank"}, smpp.Address{TON: 0, NPI: 0, Value: "12602058900"}},
	} {
		var w composer
		if m := w.compose(c.f, &gateway.Submission{From: c.from, To: c.to}, 0, time.Now()); m.Source != c.wantFrom || m.Dest != c.wantTo {
			t.Errorf("from %+v to %+v, want %+v and %+v", m.Source, m.Dest, c.wantFrom, c.wantTo)
		}
	}
}

func TestFormatRefuses(t *testing.T) {
	for name, change := range map[string]func(*smpp.Config){
		"a plan without a number": func(c *smpp.Config) { c.TypeOfNumber.E164 = "international/1" },
		"a plan of one number":    func(c *smpp.Config) { c.TypeOfNumber.Short = "1" },
		"no tag":                  func(c *smpp.Config) { c.TLVs = map[string]string{"law": "x"} },
		"too large a tag":         func(c *smpp.Config) { c.TLVs = map[string]string{"0x10000": "x"} },
		"no octets":               func(c *smpp.Config) { c.TLVs = map[string]string{"0x1400": "hex:0"} },
		"SAR in 3.3":              func(c *smpp.Config) { c.InterfaceVersion, c.LongMessages = smpp.Version33, smpp.LongSAR },
		"TLVs in 3.3":             func(c *smpp.Config) { c.InterfaceVersion, c.TLVs = smpp.Version33, map[string]string{"0x1400": "x"} },
	} {
		cfg := smpp.Defaults()
		change(&cfg)
		if _, err := NewSMPP(SMPPOptions{Name: "acme", Config: cfg}); err == nil || !strings.Contains(err.Error(), "carrier acme: smpp.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormat(t *testing.T) {
	cfg := smpp.Defaults()
	for _, c := range []struct {
		alphabet smpp.Alphabet
		long     smpp.LongMessages
		letters  smpp.Transliteration
		want     gateway.Format
	}{
		{smpp.AlphabetGSM7, smpp.LongUDH, smpp.TransliterateNone, gateway.Format{}},
		{smpp.AlphabetGSM7Packed, smpp.LongUDH16, smpp.TransliteratePunctuation,
			gateway.Format{Long: gateway.LongUDH16, Transliterate: gateway.TransliteratePunctuation}},
		{smpp.AlphabetLatin1, smpp.LongSAR, smpp.TransliterateAll,
			gateway.Format{Alphabet: gateway.AlphabetLatin1, Long: gateway.LongSAR, Transliterate: gateway.TransliterateAll}},
		{smpp.AlphabetASCII, smpp.LongPayload, "", gateway.Format{Alphabet: gateway.AlphabetASCII, Long: gateway.LongPayload}},
	} {
		cfg.DataCoding0, cfg.LongMessages, cfg.Transliterate = c.alphabet, c.long, c.letters
		a, err := NewSMPP(SMPPOptions{Name: "acme", Config: cfg})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Format(); got != c.want {
			t.Errorf("%v %v %v: %+v, want %+v", c.alphabet, c.long, c.letters, got, c.want)
		}
	}
}
