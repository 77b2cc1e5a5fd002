package gateway

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func userData(p Part) []byte {
	if p.UDH {
		return p.Payload[1+p.Payload[0]:]
	}
	return p.Payload
}

func TestSplit(t *testing.T) {
	var (
		wide    = Format{Long: LongUDH16}
		sar     = Format{Long: LongSAR}
		whole   = Format{Long: LongPayload}
		latin   = Format{Alphabet: AlphabetLatin1}
		latin16 = Format{Alphabet: AlphabetLatin1, Long: LongUDH16}
		ascii   = Format{Alphabet: AlphabetASCII}
		ascii16 = Format{Alphabet: AlphabetASCII, Long: LongSAR}
	)
	a, e, o := strings.Repeat("a", 2000), strings.Repeat("é", 2000), strings.Repeat("ő", 2000)
	for _, tt := range []struct {
		name   string
		format Format
		text   string
		want   []string // hex of each payload
	}{
		{"one segment", Format{}, "hi @", []string{"68692000"}},
		{"an escape is left out, and eats nothing", Format{}, "a\x1be", []string{"6165"}},
		{"a zero is left out", Format{}, "a\x00b\x7f\u0085c", []string{"616263"}},
		{"lines", Format{}, "a\r\nb", []string{"610d0a62"}},
		{"a tab has no septet", Format{}, "a\tb", []string{"006100090062"}},
		{"a backquote has no septet", Format{}, "`", []string{"0060"}},
		{"beyond the basic plane", Format{}, "😀", []string{"d83dde00"}},
		{"what is no UTF-8", Format{}, "a\xffb", []string{"0061fffd0062"}},
		{"an escape pair stays whole", Format{}, a[:152] + "€" + "bbbbbbbbbb", []string{
			"050003c80201" + hexOf(a[:152]),
			"050003c80202" + "1b65" + "62626262626262626262",
		}},
		{"a surrogate pair stays whole", Format{}, o[:2*66] + "😀" + o[:2*10], []string{
			"050003c80201" + strings.Repeat("0151", 66),
			"050003c80202" + "d83dde00" + strings.Repeat("0151", 10),
		}},
		{"160 septets need no header", wide, a[:160], []string{hexOf(a[:160])}},
		{"a 16-bit header leaves 152", wide, a[:153+8], []string{
			"06080412c80201" + hexOf(a[:152]), "06080412c80202" + hexOf(a[:9]),
		}},
		{"an escape pair does not end such a part", wide, a[:151] + "{" + a[:8], []string{
			"06080412c80201" + hexOf(a[:151]), "06080412c80202" + "1b28" + hexOf(a[:8]),
		}},
		{"a 16-bit header leaves 66 units, and no half one", wide, o[:2*71], []string{
			"06080412c80201" + strings.Repeat("0151", 66), "06080412c80202" + strings.Repeat("0151", 5),
		}},
		{"a surrogate pair does not end such a part", wide, o[:2*65] + "😀" + o[:2*5], []string{
			"06080412c80201" + strings.Repeat("0151", 65), "06080412c80202" + "d83dde00" + strings.Repeat("0151", 5),
		}},
		{"SAR has the same header", sar, a[:161], []string{
			"06080412c80201" + hexOf(a[:152]), "06080412c80202" + hexOf(a[:9]),
		}},
		{"whole", whole, a[:1530], []string{hexOf(a[:1530])}},
		{"whole, UCS-2", whole, o[:2*670], []string{strings.Repeat("0151", 670)}},
		{"Latin-1", latin, "ça va, @à Á", []string{"e7612076612c2040e020c1"}},
		{"beyond Latin-1", latin, "5 €", []string{"0035002020ac"}},
		{"Latin-1 has a tab and no escape", latin, "\t`{\x1b\u0090", []string{"09607b"}},
		{"140 octets of Latin-1", latin, e[:280], []string{strings.Repeat("e9", 140)}},
		{"134 beside a header", latin, e[:282], []string{
			"050003c80201" + strings.Repeat("e9", 134), "050003c80202" + strings.Repeat("e9", 7),
		}},
		{"133 beside a 16-bit one", latin16, e[:282], []string{
			"06080412c80201" + strings.Repeat("e9", 133), "06080412c80202" + strings.Repeat("e9", 8),
		}},
		{"ASCII", ascii, "@$_ {`}", []string{"40245f207b607d"}},
		{"beyond ASCII", ascii, "é", []string{"00e9"}},
		{"160 septets of ASCII", ascii, a[:158] + "[", []string{hexOf(a[:158] + "[")}},
		{"161 septets of ASCII", ascii, a[:159] + "[", []string{
			"050003c80201" + hexOf(a[:153]), "050003c80202" + hexOf(a[:6]+"["),
		}},
		{"a bracket is two septets at the end of a part, too", ascii, a[:152] + "[" + a[:8], []string{
			"050003c80201" + hexOf(a[:152]), "050003c80202" + hexOf("["+a[:8]),
		}},
		{"a backquote is one", ascii, a[:159] + "`", []string{hexOf(a[:159] + "`")}},
		{"152 beside a 16-bit header", ascii16, a[:161], []string{
			"06080412c80201" + hexOf(a[:152]), "06080412c80202" + hexOf(a[:9]),
		}},
	} {
		parts, encoding, err := Split(tt.text, tt.format, 0x12c8)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []string
		for _, p := range parts {
			got = append(got, hex.EncodeToString(p.Payload))
			if p.UDH != (len(parts) > 1) {
				t.Errorf("%s: UDH = %v", tt.name, p.UDH)
			}
		}
		if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, encoding, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
		checkSplit(t, tt.text, tt.format, 0x12c8)
	}
}

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

func TestSplitRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		format Format
		text   string
		code   RefusalCode
		says   []string
	}{
		{"empty", Format{}, "", TextEmpty, nil},
		{"nothing to send", Format{}, "\x00\x1b", TextEmpty, nil},
		{"1530 septets fill ten segments", Format{}, strings.Repeat("a", 1530), "", nil},
		{"1531 do not", Format{}, strings.Repeat("a", 1531), TextTooLong, []string{"1531 characters", "11 segments", "1530"}},
		{"670 units fill ten segments", Format{}, strings.Repeat("ő", 670), "", nil},
		{"671 do not", Format{}, strings.Repeat("ő", 671), TextTooLong, []string{"671 characters", "11 segments", "670"}},
		{"pairs leave gaps", Format{}, strings.Repeat("€", 765), TextTooLong, []string{"765 characters", "11 segments"}},
		{"1520 with 16-bit headers", Format{Long: LongUDH16}, strings.Repeat("a", 1521), TextTooLong, []string{"1521 characters", "1520"}},
		{"660 units with them", Format{Long: LongSAR}, strings.Repeat("ő", 661), TextTooLong, []string{"661 characters", "660"}},
		{"whole, as it is SMS on the air", Format{Long: LongPayload}, strings.Repeat("a", 1531), TextTooLong, []string{"11 segments"}},
		{"1340 octets of Latin-1", Format{Alphabet: AlphabetLatin1}, strings.Repeat("é", 1341), TextTooLong, []string{"11 segments", "1340"}},
		{"brackets of ASCII", Format{Alphabet: AlphabetASCII}, strings.Repeat("[", 761), TextTooLong, []string{"11 segments", "1530"}},
	} {
		_, _, err := Split(tt.text, tt.format, 1)
		var r *Refusal
		switch {
		case tt.code == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.code == "":
		case !errors.As(err, &r) || r.Code != tt.code:
			t.Errorf("%s: %v; want %s", tt.name, err, tt.code)
		default:
			for _, s := range tt.says {
				if !strings.Contains(r.Text, s) {
					t.Errorf("%s: %q does not say %q", tt.name, r.Text, s)
				}
			}
		}
	}
}

func TestMeasure(t *testing.T) {
	latin, ascii := Format{Alphabet: AlphabetLatin1}, Format{Alphabet: AlphabetASCII}
	for _, tt := range []struct {
		name   string
		format Format
		text   string
		want   Measurement // but for Text, which is the text unless said
	}{
		{"nothing", Format{}, "", Measurement{EncodingGSM7, 0, 0, 0, 160, ""}},
		{"an escape", Format{}, "\x1b", Measurement{EncodingGSM7, 0, 0, 0, 160, ""}},
		{"control characters", Format{}, "a\x00b\xff", Measurement{EncodingUCS2, 1, 3, 3, 67, "ab\ufffd"}},
		{"septets", Format{}, "5 €", Measurement{EncodingGSM7, 1, 3, 4, 156, ""}},
		{"a full segment", Format{}, strings.Repeat("a", 160), Measurement{EncodingGSM7, 1, 160, 160, 0, ""}},
		{"one more", Format{}, strings.Repeat("a", 161), Measurement{EncodingGSM7, 2, 161, 161, 153 - 8, ""}},
		{"one more, by 16 bits", Format{Long: LongSAR}, strings.Repeat("a", 161), Measurement{EncodingGSM7, 2, 161, 161, 152 - 9, ""}},
		{"one more, for the SMSC to split", Format{Long: LongPayload}, strings.Repeat("a", 161), Measurement{EncodingGSM7, 2, 161, 161, 153 - 8, ""}},
		{"pairs leave gaps", Format{}, strings.Repeat("€", 153), Measurement{EncodingGSM7, 3, 153, 306, 151, ""}},
		{"too many", Format{}, strings.Repeat("a", 1531), Measurement{EncodingGSM7, 11, 1531, 1531, 152, ""}},
		{"units", Format{}, strings.Repeat("ő", 70), Measurement{EncodingUCS2, 1, 70, 70, 0, ""}},
		{"more of them", Format{}, strings.Repeat("ő", 71), Measurement{EncodingUCS2, 2, 71, 71, 63, ""}},
		{"a pair is two units", Format{}, "😀", Measurement{EncodingUCS2, 1, 1, 2, 68, ""}},
		{"Latin-1", latin, strings.Repeat("é", 141), Measurement{EncodingLatin1, 2, 141, 141, 127, ""}},
		{"ASCII", ascii, "[a]", Measurement{EncodingASCII, 1, 3, 5, 155, ""}},
		{"ASCII in parts", ascii, strings.Repeat("[", 81), Measurement{EncodingASCII, 2, 81, 162, 153 - 10, ""}},
		{"a family, a skin, a flag, a keycap", Format{}, "👩‍👩‍👧👍🏽🇪🇸🇫🇷1️⃣", Measurement{EncodingUCS2, 1, 5, 8 + 4 + 8 + 3, 70 - 23, ""}},
		{"accents apart", Format{}, "e\u0301\r\nn\u0303", Measurement{EncodingUCS2, 1, 3, 6, 64, ""}},
		{"an accent alone", Format{}, "\u0301", Measurement{EncodingUCS2, 1, 1, 1, 69, ""}},
	} {
		if tt.want.Text == "" && tt.want.Segments > 0 {
			tt.want.Text = tt.text
		}
		if got := Measure(tt.text, tt.format); got != tt.want {
			t.Errorf("%s: %+v; want %+v", tt.name, got, tt.want)
		}
	}
}

func TestSplitRoundTrip(t *testing.T) {
	gsm := rapid.SampledFrom(append([]rune("€{}[]\\^~|\f"), gsm7Alphabet[:escape]...))
	ucs := rapid.SampledFrom([]rune("aé€ő漢😀𝄞\t\n"))
	latin := rapid.SampledFrom([]rune("aéçÿ@[{~\t\n"))
	ascii := rapid.SampledFrom([]rune("ab[{}`~@_\r\n"))
	typeset := rapid.SampledFrom([]rune("aé“”’–…\u00a0\u200bżőł"))
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]*rapid.Generator[rune]{gsm, ucs, latin, ascii, typeset}).Draw(t, "alphabet")
		text := string(rapid.SliceOfN(from, 1, 600).Draw(t, "text"))
		checkSplit(t, text, formatOf(rapid.Byte().Draw(t, "format")), 0x1242)
	})
}

// formatOf makes every format of some octets.
func formatOf(b byte) Format {
	return Format{Alphabet: Alphabet(b % 3), Long: Long(b / 3 % 4), Transliterate: Transliteration(b / 12 % 3)}
}

type failer interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

// checkSplit checks what holds of the parts and the measurement of every text.
func checkSplit(t failer, text string, format Format, reference uint16) {
	parts, encoding, err := Split(text, format, reference)
	m := Measure(text, format)
	if encoding != m.Encoding || encoding != EncodingUCS2 && encoding != format.Alphabet.encoding() {
		t.Fatalf("%q, %v: %v; Measure says %v", text, format, encoding, m.Encoding)
	}
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || r.Code == TextEmpty && m.Segments != 0 || r.Code == TextTooLong && m.Segments <= MaxSegments {
			t.Fatalf("%q, %v: %v, though it needs %d", text, format, err, m.Segments)
		}
		return
	}
	want := m.Segments
	if format.Long == LongPayload {
		want = 1
	}
	if len(parts) != want || m.Segments > MaxSegments {
		t.Fatalf("%q, %v: %d parts; Measure says %d", text, format, len(parts), m.Segments)
	}
	var joined []byte
	units := 0
	for i, p := range parts {
		data := userData(p)
		joined = append(joined, data...)
		units += countUnits(data, encoding)
		if format.Long != LongPayload {
			checkPart(t, text, p, encoding, headerOf(format.Long, reference, len(parts), i+1))
		}
	}
	if units != m.Units || len(parts) > 1 && countUnits(userData(parts[len(parts)-1]), encoding)+m.Room != roomOf(encoding, len(parts[0].Payload)-len(userData(parts[0]))) {
		t.Errorf("%q, %v: %d units in %d parts; Measure says %+v", text, format, units, len(parts), m)
	}
	if format.Transliterate == TransliterateNone && m.Text != sendable(text) {
		t.Errorf("%q, %v is sent as %q", text, format, m.Text)
	}
	// Decode takes a mark of the order of octets off.
	if got := decodePart(t, joined, encoding); got != m.Text && !strings.HasPrefix(m.Text, "\ufeff") && !strings.HasPrefix(m.Text, "\ufffe") {
		t.Errorf("%q, %v came back as %q; Measure says %q", text, format, got, m.Text)
	}
}

func headerOf(long Long, reference uint16, total, number int) []byte {
	switch {
	case total == 1:
		return nil
	case long == LongUDH:
		return []byte{5, 0, 3, byte(reference), byte(total), byte(number)}
	}
	return []byte{6, 8, 4, byte(reference >> 8), byte(reference), byte(total), byte(number)}
}

// roomOf returns the units that an SMS holds beside a header of some octets.
func roomOf(encoding Encoding, header int) int {
	switch encoding {
	case EncodingUCS2:
		return (140 - header) / 2
	case EncodingLatin1:
		return 140 - header
	}
	return 160 - (8*header+6)/7
}

func checkPart(t failer, text string, p Part, encoding Encoding, header []byte) {
	data := userData(p)
	if n := countUnits(data, encoding); n == 0 || n > roomOf(encoding, len(header)) {
		t.Errorf("a part of %q has %d units beside a header of %d octets", text, n, len(header))
	}
	if p.UDH != (header != nil) || !bytes.HasPrefix(p.Payload, header) {
		t.Errorf("a part of %q has header % x; want % x", text, p.Payload[:len(p.Payload)-len(data)], header)
	}
	// A part that decodes by itself was not cut within a character.
	if got := decodePart(t, data, encoding); strings.ContainsRune(got, '\uFFFD') && !strings.ContainsAny(text, "\uFFFD\uFFFE") && utf8.ValidString(text) {
		t.Errorf("a part of %q is %q", text, got)
	}
}

func decodePart(t failer, data []byte, encoding Encoding) string {
	coding := CodingGSM7
	switch encoding {
	case EncodingUCS2:
		coding = CodingUCS2
	case EncodingLatin1:
		coding = CodingLatin1
	case EncodingASCII:
		coding = CodingASCII
	}
	text, _, err := Decode(coding, Shift{}, data)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return text
}

func FuzzSplit(f *testing.F) {
	for i, s := range []string{"", "hello", "a\x1b€", "\xff\xfe", strings.Repeat("€", 400), strings.Repeat("😀", 90), "\ufeffa",
		"“Größe” – 5…", strings.Repeat("[é", 90), "Zażółć gęślą jaźń", strings.Repeat("{`", 120)} {
		f.Add(s, byte(5*i), uint16(3))
		f.Add(s, byte(7*i+24), uint16(0x102))
	}
	f.Fuzz(func(t *testing.T, text string, format byte, reference uint16) {
		checkSplit(t, text, formatOf(format), reference)
	})
}

func BenchmarkSplit(b *testing.B) {
	for _, bb := range []struct{ name, text string }{
		{"gsm7 160", strings.Repeat("Your table at 8 ", 10)},
		{"gsm7 160 accents", strings.Repeat("Größe: è à 5 € ", 9)},
		{"gsm7 ten segments", strings.Repeat("x", 1530)},
		{"ucs2 70", strings.Repeat("Привет! ", 8)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Split(bb.text, Format{}, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
