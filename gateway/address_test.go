package gateway

import (
	"strings"
	"testing"
)

func TestClassifyInbound(t *testing.T) {
	for _, tt := range []struct {
		raw    string
		ton    uint8
		region string
		want   Address
	}{
		// Names stay names, whatever digits their letters have on a keypad.
		{"MyBank24", 0, "GB", Address{AddressAlphanumeric, "MyBank24"}},
		{"ALERT 55", 0, "US", Address{AddressAlphanumeric, "ALERT 55"}},
		{"1800FLOWERS", 1, "US", Address{AddressAlphanumeric, "1800FLOWERS"}},
		{"Müller", 0, "DE", Address{AddressAlphanumeric, "Müller"}},
		{"22122", 5, "DE", Address{AddressAlphanumeric, "22122"}},
		{"Google\x00\x00", 5, "US", Address{AddressAlphanumeric, "Google"}},

		// Short codes are no numbers of a country.
		{"12345", 0, "US", Address{AddressShort, "12345"}},
		{"12345", 1, "US", Address{AddressShort, "12345"}},
		{"12345678", 1, "US", Address{AddressShort, "12345678"}},
		{"911", 0, "US", Address{AddressShort, "911"}},
		{"1971", 0, "DK", Address{AddressShort, "1971"}},
		{"2058901", 0, "US", Address{AddressShort, "2058901"}},
		{"8001111", 0, "GB", Address{AddressShort, "8001111"}},
		{"55500", 3, "", Address{AddressShort, "55500"}},

		// But where numbers are short, mobiles are.
		{"91234567", 0, "SG", Address{AddressE164, "+6591234567"}},
		{"91234567", 2, "SG", Address{AddressE164, "+6591234567"}},
		{"6834001", 1, "US", Address{AddressE164, "+6834001"}},

		// International, with and without what says so.
		{"+12602058901", 1, "US", Address{AddressE164, "+12602058901"}},
		{"+12602058901", 0, "", Address{AddressE164, "+12602058901"}},
		{"12602058901", 1, "GB", Address{AddressE164, "+12602058901"}},
		{"12602058901", 0, "GB", Address{AddressE164, "+12602058901"}},
		{"4915112345678", 1, "", Address{AddressE164, "+4915112345678"}},
		{"4915112345678", 0, "", Address{AddressE164, "+4915112345678"}},
		{"4915112345678", 0, "DE", Address{AddressE164, "+4915112345678"}},
		{"4915112345678", 2, "DE", Address{AddressE164, "+494915112345678"}},
		{"447973428644", 0, "GB", Address{AddressE164, "+447973428644"}},
		{"00447911123456", 0, "US", Address{AddressE164, "+447911123456"}},
		{"0011447911123456", 0, "AU", Address{AddressE164, "+447911123456"}},
		{"01144 7911 123456", 0, "us", Address{AddressE164, "+447911123456"}},
		{"390612345678", 1, "US", Address{AddressE164, "+390612345678"}},
		{"447700900123", 1, "GB", Address{AddressE164, "+447700900123"}}, // possible, not valid

		// National, also under a wrong type of number.
		{"2602058901", 0, "US", Address{AddressE164, "+12602058901"}},
		{"2602058901", 2, "US", Address{AddressE164, "+12602058901"}},
		{"2602058901", 1, "US", Address{AddressE164, "+12602058901"}},
		{"07911123456", 1, "GB", Address{AddressE164, "+447911123456"}},
		{"07911123456\x00", 2, "GB", Address{AddressE164, "+447911123456"}},
		{"(260) 205-8901", 0, "US", Address{AddressE164, "+12602058901"}},

		// The rest is kept as it came.
		{"", 0, "US", Address{AddressUnknown, ""}},
		{"", 5, "US", Address{AddressUnknown, ""}},
		{"+12345", 1, "US", Address{AddressUnknown, "+12345"}},
		{"999999999999", 0, "US", Address{AddressUnknown, "999999999999"}},
		{"2602058901", 0, "", Address{AddressUnknown, "2602058901"}},
		{"*100#", 0, "US", Address{AddressUnknown, "*100#"}},
		{"+", 1, "US", Address{AddressUnknown, "+"}},
		{"12602058901#5", 1, "US", Address{AddressUnknown, "12602058901#5"}},
		{"\xff\xfe1", 0, "US", Address{AddressUnknown, "\xff\xfe1"}},
		{strings.Repeat("1", 200), 0, "US", Address{AddressUnknown, strings.Repeat("1", 200)}},
	} {
		if got := ClassifyInbound(tt.raw, tt.ton, 1, tt.region); got != tt.want {
			t.Errorf("ClassifyInbound(%q, %d, 1, %q) = %v %q; want %v %q",
				tt.raw, tt.ton, tt.region, got.Kind, got.Value, tt.want.Kind, tt.want.Value)
		}
	}
}

func TestParseConfigured(t *testing.T) {
	for s, want := range map[string]AddressKind{
		"+12602058900":      AddressE164,
		"+6834001":          AddressE164,
		"+123456789012345":  AddressE164,
		"555":               AddressShort,
		"12345678":          AddressShort,
		"Acme":              AddressAlphanumeric,
		"A & B 24":          AddressAlphanumeric,
		"1800FLOWERS":       AddressAlphanumeric,
		"12345678901":       AddressUnknown, // a number without its "+"
		"":                  AddressUnknown,
		"55":                AddressUnknown,
		"123456789":         AddressUnknown,
		"+1234567890123456": AddressUnknown,
		"+123456":           AddressUnknown,
		"+0123456789":       AddressUnknown,
		"+1 260 205 8900":   AddressUnknown,
		"+1260205890x":      AddressUnknown,
		"(260) 205-8900":    AddressUnknown,
		"TwelveLetter":      AddressUnknown,
		" Acme":             AddressUnknown,
		"Ac\nme":            AddressUnknown,
		"Acme€":             AddressUnknown,
		"Акме":              AddressUnknown,
	} {
		got, err := ParseConfigured(s)
		if want == AddressUnknown {
			if err == nil {
				t.Errorf("ParseConfigured(%q) = %v; want an error", s, got)
			}
			continue
		}
		if err != nil || got != (Address{want, s}) {
			t.Errorf("ParseConfigured(%q) = %v %q, %v; want %v", s, got.Kind, got.Value, err, want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	for _, a := range []Address{
		{}, {AddressUnknown, "*100#"}, {AddressE164, "+12602058901"}, {AddressShort, "7"},
		{AddressShort, "12345678"}, {AddressAlphanumeric, "Acme"}, {AddressAlphanumeric, "22122"},
	} {
		if got, err := ParseAddress(a.Kind, a.Value); got != a || err != nil {
			t.Errorf("ParseAddress(%v, %q) = %v, %v", a.Kind, a.Value, got, err)
		}
	}
	for _, a := range []Address{
		{AddressE164, "12602058901"}, {AddressE164, "+"}, {AddressShort, "+1234"}, {AddressShort, ""},
		{AddressShort, "123456789"}, {AddressAlphanumeric, ""}, {AddressKind(9), "x"},
	} {
		if got, err := ParseAddress(a.Kind, a.Value); err == nil {
			t.Errorf("ParseAddress(%v, %q) = %v; want an error", a.Kind, a.Value, got)
		}
	}
}

func TestParseNumber(t *testing.T) {
	const us = "+12602058901"
	for _, tt := range []struct {
		input, region string
		e164, kind    string
		possible      bool
		valid         bool
		suggestion    string
		national      string
	}{
		{us, "US", us, "fixed_or_mobile", true, true, "", "(260) 205-8901"},
		{us, "", us, "fixed_or_mobile", true, true, "", "(260) 205-8901"},
		{"(260) 205-8901", "US", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{"(260) 205-8901", "us", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{" 1-260-205-8901 ", "US", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{"\u202a+1 (260) 205\u20118901\u202c", "GB", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{"(+1) 260 205 8901", "GB", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{"0012602058901", "GB", us, "fixed_or_mobile", true, true, us, "(260) 205-8901"},
		{"00447911123456", "US", "+447911123456", "mobile", true, true, "+447911123456", "07911 123456"},
		{"011 44 7911 123456", "US", "+447911123456", "mobile", true, true, "+447911123456", "07911 123456"},
		{"+44 (0)7911 123456", "US", "+447911123456", "mobile", true, true, "+447911123456", "07911 123456"},
		{"06 12345678", "IT", "+390612345678", "fixed", true, true, "+390612345678", "06 1234 5678"},
		{"18005551234", "US", "+18005551234", "toll_free", true, true, "+18005551234", "(800) 555-1234"},
		{"91234567", "SG", "+6591234567", "mobile", true, true, "+6591234567", "9123 4567"},
		{"4915112345678", "DE", "+4915112345678", "mobile", true, true, "+4915112345678", "01511 2345678"},
		{"030 901820", "DE", "+4930901820", "fixed", true, true, "+4930901820", "030 901820"},
		// Possible, not valid: it is sent as typed if a person insists.
		{"+15550100000", "US", "+15550100000", "unknown", true, false, "", "(555) 010-0000"},
		{"07700 900123", "GB", "+447700900123", "unknown", true, false, "+447700900123", "07700 900123"},
		// Guesses, which nobody texts unasked.
		{"4915112345678", "US", "", "invalid", false, false, "+4915112345678", ""},
		{"4915112345678", "", "", "invalid", false, false, "+4915112345678", ""},
		{"447700900123", "US", "", "invalid", false, false, "+447700900123", ""},
		{"+2602058901", "US", "", "invalid", false, false, us, ""},
		{"1800FLOWERS", "US", "", "alphanumeric", false, false, "+18003569377", ""},
		{"260-205-8901 ext 5", "US", "", "alphanumeric", false, false, us, ""},
		// No guesses.
		{"MyBank24", "GB", "", "alphanumeric", false, false, "", ""},
		{"ALERT 55", "US", "", "alphanumeric", false, false, "", ""},
		{"+12345", "US", "", "invalid", false, false, "", ""},
		{"+1260205890", "US", "", "invalid", false, false, "", ""},
		{"205-8901", "US", "", "invalid", false, false, "", ""},
		{"7", "US", "", "invalid", false, false, "", ""},
		{"", "US", "", "invalid", false, false, "", ""},
		{"#21#", "US", "", "invalid", false, false, "", ""},
		{"++12602058901", "US", "", "invalid", false, false, "", ""},
		{strings.Repeat("1", 300), "US", "", "invalid", false, false, "", ""},
		// Short codes, and what is never texted.
		{"12345", "US", "", "short", true, true, "", "12345"},
		{"60777", "GB", "", "short", true, true, "", "60777"},
		{"911", "US", "", "emergency", false, false, "", "911"},
		{"9-1-1", "US", "", "emergency", false, false, "", "911"},
		{"112", "", "", "emergency", false, false, "", "112"},
		{"999", "GB", "", "emergency", false, false, "", "999"},
		{"000", "AU", "", "emergency", false, false, "", "000"},
	} {
		got := ParseNumber(tt.input, tt.region)
		want := ParsedNumber{
			E164: tt.e164, Kind: tt.kind, Possible: tt.possible, Valid: tt.valid,
			Suggestion: tt.suggestion, National: tt.national,
		}
		switch {
		case tt.e164 != "":
			want.Address = Address{AddressE164, tt.e164}
		case tt.kind == "short":
			want.Address = Address{AddressShort, tt.national}
		}
		if got != want {
			t.Errorf("ParseNumber(%q, %q) =\n%+v; want\n%+v", tt.input, tt.region, got, want)
		}
	}
}

func TestAddressKindWords(t *testing.T) {
	for k, want := range map[AddressKind]string{
		AddressUnknown: "unknown", AddressE164: "e164", AddressShort: "short",
		AddressAlphanumeric: "alphanumeric", AddressKind(9): "address(9)",
	} {
		if got := k.String(); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

func FuzzClassifyInbound(f *testing.F) {
	for _, s := range []string{"", "+12602058901", "1800FLOWERS", "12345", "00447911123456", "07911123456\x00", "+٤٤", "*100#"} {
		f.Add(s, uint8(0), uint8(1), "US")
		f.Add(s, uint8(1), uint8(0), "GB")
		f.Add(s, uint8(5), uint8(0), "")
	}
	f.Fuzz(func(t *testing.T, raw string, ton, npi uint8, region string) {
		a := ClassifyInbound(raw, ton, npi, region)
		if a.Kind == AddressUnknown && a.Value != raw {
			t.Errorf("%q was not kept: %q", raw, a.Value)
		}
		if got, err := ParseAddress(a.Kind, a.Value); got != a || err != nil {
			t.Errorf("%q is %v %q, which reads back as %v, %v", raw, a.Kind, a.Value, got, err)
		}
		p := ParseNumber(raw, region)
		if p.Possible != (p.Address != Address{}) || p.Valid && !p.Possible || (p.E164 != "") != (p.Address.Kind == AddressE164) {
			t.Errorf("ParseNumber(%q, %q) = %+v", raw, region, p)
		}
		if p.Suggestion != "" && !isE164(p.Suggestion) {
			t.Errorf("ParseNumber(%q, %q) suggests %q", raw, region, p.Suggestion)
		}
	})
}

func BenchmarkClassifyInbound(b *testing.B) {
	for _, s := range []string{"+12602058901", "12602058901", "Google", "12345"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ClassifyInbound(s, 0, 1, "US")
			}
		})
	}
}
