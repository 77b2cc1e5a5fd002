package gateway

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"sort"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/warthog618/sms/encoding/gsm7/charset"
	"pgregory.net/rapid"
)

func readRows[T any](t *testing.T, file string) []T {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []T
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row T
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		rows = append(rows, row)
	}
	if err := lines.Err(); err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), err)
	}
	return rows
}

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The alphabet agrees with the one that the modem's encoder uses.
func TestGSM7Alphabet(t *testing.T) {
	basic, extended := charset.DefaultDecoder(), charset.DefaultExtDecoder()
	for s := range 128 {
		if s == escape {
			continue
		}
		if got, want := gsm7Alphabet[s], basic[byte(s)]; got != want {
			t.Errorf("septet %#x is %q; want %q", s, got, want)
		}
		if b, ok := appendGSM7(nil, gsm7Alphabet[s]); !ok || !bytes.Equal(b, []byte{byte(s)}) {
			t.Errorf("%q is sent as % x, %v; want %#x", gsm7Alphabet[s], b, ok, s)
		}
	}
	for s, r := range extended {
		if s == 0x0d {
			continue // the library's second line feed is not in TS 23.038 §6.2.1.1
		}
		if got := gsm7Extended(s); got != r {
			t.Errorf("extended septet %#x is %q; want %q", s, got, r)
		}
		if b, ok := appendGSM7(nil, r); !ok || !bytes.Equal(b, []byte{escape, s}) {
			t.Errorf("%q is sent as % x, %v; want 1b %#x", r, b, ok, s)
		}
	}
	for r := rune(0); r < 0x3000; r++ {
		_, inBasic := charset.DefaultEncoder()[r]
		_, inExtended := charset.DefaultExtEncoder()[r]
		if _, ok := appendGSM7(nil, r); ok != (inBasic || inExtended) && r != escape {
			t.Errorf("%U has septets: %v", r, ok)
		}
	}
}

func TestCorpusGSM7(t *testing.T) {
	type row struct {
		ID         string
		Kind       string
		Text       string
		Alphabet   string
		Unpacked   string
		Lengths    []int `json:"segment_lengths"`
		DataCoding int   `json:"data_coding"`
		Hex        string
		Want       *string `json:"expected_text"`
	}
	for _, r := range readRows[row](t, "testdata/gsm7.jsonl") {
		switch r.Kind {
		case "encode", "segment":
			parts, encoding, err := Split(r.Text, Format{}, 7)
			if err != nil {
				t.Errorf("%s: %v", r.ID, err)
				continue
			}
			if encoding.String() != r.Alphabet {
				t.Errorf("%s: encoding %v; want %s", r.ID, encoding, r.Alphabet)
			}
			if got := userDataLengths(parts, encoding); !equalInts(got, r.Lengths) {
				t.Errorf("%s: lengths %v; want %v", r.ID, got, r.Lengths)
			}
			if r.Unpacked != "" && hex.EncodeToString(parts[0].Payload) != r.Unpacked {
				t.Errorf("%s: % x; want %s", r.ID, parts[0].Payload, r.Unpacked)
			}
		case "language":
			got, _, err := Decode(CodingGSM7, mustHex(t, r.Unpacked))
			if want := strings.ReplaceAll(*r.Want, "\x1b", ""); err != nil || strings.ReplaceAll(got, "\uFFFD", "") != want {
				t.Errorf("%s: %q, %v; want %q", r.ID, got, err, want)
			}
		case "decode":
			coding := CodingGSM7
			if r.DataCoding == 8 {
				coding = CodingUCS2
			}
			want := "TEL. \uFFFD" // gsm-158, which is no GSM text: kept, with a mark
			if r.Want != nil {
				want = *r.Want
			}
			if got, _, err := Decode(coding, mustHex(t, r.Hex)); got != want || err != nil {
				t.Errorf("%s: %q, %v; want %q", r.ID, got, err, want)
			}
		}
	}
}

// userDataLengths counts as the corpus does: septets, or UTF-16 units.
func userDataLengths(parts []Part, encoding Encoding) []int {
	var n []int
	for _, p := range parts {
		l := len(userData(p))
		if encoding == EncodingUCS2 {
			l /= 2
		}
		n = append(n, l)
	}
	return n
}

func userData(p Part) []byte {
	if p.UDH {
		return p.Payload[1+p.Payload[0]:]
	}
	return p.Payload
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// The joined user data is what is decoded, never a part by itself.
func TestCorpusConcat(t *testing.T) {
	type row struct {
		ID         string
		DataCoding int `json:"data_coding"`
		Parts      []string
		Text       string
	}
	for _, r := range readRows[row](t, "testdata/concat.jsonl") {
		var parts [][]byte
		for _, p := range r.Parts {
			parts = append(parts, mustHex(t, p))
		}
		sort.Slice(parts, func(i, j int) bool { return parts[i][5] < parts[j][5] })
		var joined []byte
		for _, p := range parts {
			joined = append(joined, p[6:]...)
		}
		coding := CodingGSM7
		if r.DataCoding == 8 {
			coding = CodingUCS2
		}
		got, _, err := Decode(coding, joined)
		if got != r.Text || err != nil {
			t.Errorf("%s: %q, %v; want %q", r.ID, got, err, r.Text)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want []string // hex of each payload
	}{
		{"one segment", "hi @", []string{"68692000"}},
		{"an escape is left out, and eats nothing", "a\x1be", []string{"6165"}},
		{"a zero is left out", "a\x00b\x7f\u0085c", []string{"616263"}},
		{"lines", "a\r\nb", []string{"610d0a62"}},
		{"a tab has no septet", "a\tb", []string{"006100090062"}},
		{"a backtick has no septet", "`", []string{"0060"}},
		{"beyond the basic plane", "😀", []string{"d83dde00"}},
		{"what is no UTF-8", "a\xffb", []string{"0061fffd0062"}},
		{"an escape pair stays whole", strings.Repeat("a", 152) + "€" + strings.Repeat("b", 10), []string{
			"050003c80201" + strings.Repeat("61", 152),
			"050003c80202" + "1b65" + strings.Repeat("62", 10),
		}},
		{"a surrogate pair stays whole", strings.Repeat("ő", 66) + "😀" + strings.Repeat("ő", 10), []string{
			"050003c80201" + strings.Repeat("0151", 66),
			"050003c80202" + "d83dde00" + strings.Repeat("0151", 10),
		}},
	} {
		parts, encoding, err := Split(tt.text, Format{}, 200)
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
		if n, e := SegmentCount(tt.text); n != len(tt.want) || e != encoding {
			t.Errorf("%s: SegmentCount = %d, %v", tt.name, n, e)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		code       RefusalCode
		says       []string
	}{
		{"empty", "", TextEmpty, nil},
		{"nothing to send", "\x00\x1b", TextEmpty, nil},
		{"1530 septets fill ten segments", strings.Repeat("a", 1530), "", nil},
		{"1531 do not", strings.Repeat("a", 1531), TextTooLong, []string{"1531 characters", "11 segments", "1530"}},
		{"670 units fill ten segments", strings.Repeat("ő", 670), "", nil},
		{"671 do not", strings.Repeat("ő", 671), TextTooLong, []string{"671 characters", "11 segments", "670"}},
		{"pairs leave gaps", strings.Repeat("€", 765), TextTooLong, []string{"765 characters", "11 segments"}},
	} {
		_, _, err := Split(tt.text, Format{}, 1)
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
	if n, _ := SegmentCount(""); n != 0 {
		t.Errorf("no text needs %d segments", n)
	}
	if n, _ := SegmentCount(strings.Repeat("a", 1531)); n != 11 {
		t.Errorf("1531 characters need %d segments", n)
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		coding Coding
		hex    string
		want   string
		enc    Encoding
	}{
		{"a final @ is no filling", CodingGSM7, "6100", "a@", EncodingGSM7},
		{"euro", CodingGSM7, "1b65", "€", EncodingGSM7},
		{"an unused extension is its basic character", CodingGSM7, "1b61", "a", EncodingGSM7},
		{"escape twice", CodingGSM7, "1b1b61", "\uFFFDa", EncodingGSM7},
		{"escape at the end", CodingGSM7, "611b", "a\uFFFD", EncodingGSM7},
		{"escape before no septet", CodingGSM7, "1b8061", "\uFFFDa", EncodingGSM7},
		{"no septet", CodingGSM7, "61ff", "a\uFFFD", EncodingGSM7},
		{"nothing", CodingGSM7, "", "", EncodingGSM7},
		{"surrogates", CodingUCS2, "d83dde00", "😀", EncodingUCS2},
		{"high surrogate alone", CodingUCS2, "d83d0061", "\uFFFDa", EncodingUCS2},
		{"low surrogate alone", CodingUCS2, "de000061", "\uFFFDa", EncodingUCS2},
		{"surrogate at the end", CodingUCS2, "0061d83d", "a\uFFFD", EncodingUCS2},
		{"odd octet", CodingUCS2, "006100620a", "ab", EncodingUCS2},
		{"big-endian mark", CodingUCS2, "feff0061", "a", EncodingUCS2},
		{"little-endian mark", CodingUCS2, "fffe61003dd800de", "a😀", EncodingUCS2},
		{"filling", CodingUCS2, "006100000000", "a", EncodingUCS2},
		{"zero within", CodingUCS2, "006100000062", "a\uFFFDb", EncodingUCS2},
		{"Latin-1", CodingLatin1, "e96200", "éb", EncodingGSM7},
		{"Latin-1 beyond GSM", CodingLatin1, "e7", "ç", EncodingUCS2},
		{"ASCII", CodingASCII, "7b61", "{a", EncodingGSM7},
		{"ASCII that is Latin-1", CodingASCII, "e9", "é", EncodingGSM7},
		{"Cyrillic", CodingISO8859_5, "bfe0d8", "При", EncodingUCS2},
		{"Hebrew", CodingISO8859_8, "e9ec", "יל", EncodingUCS2},
		{"unassigned Hebrew", CodingISO8859_8, "a1", "\uFFFD", EncodingUCS2},
		{"binary", CodingBinary, "0001", "", EncodingBinary},
	} {
		got, enc, err := Decode(tt.coding, mustHex(t, tt.hex))
		if got != tt.want || enc != tt.enc || err != nil {
			t.Errorf("%s: %q, %v, %v; want %q, %v", tt.name, got, enc, err, tt.want, tt.enc)
		}
	}
	if _, _, err := Decode(Coding(99), nil); err == nil {
		t.Error("coding 99 was decoded")
	}
}

func TestSplitRoundTrip(t *testing.T) {
	gsm := rapid.SampledFrom(append([]rune("€{}[]\\^~|\f"), gsm7Alphabet[:escape]...))
	ucs := rapid.SampledFrom([]rune("aé€ő漢😀𝄞\t\n"))
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]*rapid.Generator[rune]{gsm, ucs}).Draw(t, "alphabet")
		text := string(rapid.SliceOfN(from, 1, 600).Draw(t, "text"))
		checkSplit(t, text, 42)
		parts, encoding, err := Split(text, Format{}, 42)
		if err != nil {
			return
		}
		if got := joinParts(t, parts, encoding); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	})
}

type failer interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}

func joinParts(t failer, parts []Part, encoding Encoding) string {
	var joined []byte
	for _, p := range parts {
		joined = append(joined, userData(p)...)
	}
	coding := CodingGSM7
	if encoding == EncodingUCS2 {
		coding = CodingUCS2
	}
	text, _, err := Decode(coding, joined)
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	return text
}

// checkSplit checks what holds of the parts of every text.
func checkSplit(t failer, text string, ref uint8) {
	parts, encoding, err := Split(text, Format{}, uint16(ref))
	count, countEncoding := SegmentCount(text)
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || r.Code == TextEmpty && count != 0 || r.Code == TextTooLong && count <= MaxSegments {
			t.Fatalf("%q: %v, though it needs %d", text, err, count)
		}
		return
	}
	if len(parts) != count || encoding != countEncoding || count > MaxSegments {
		t.Fatalf("%q: %d parts in %v; SegmentCount says %d in %v", text, len(parts), encoding, count, countEncoding)
	}
	for i, p := range parts {
		data := userData(p)
		octets := len(p.Payload)
		if encoding == EncodingGSM7 {
			octets = (7*len(data) + 7) / 8
			if p.UDH {
				octets = (7*(len(data)+7) + 7) / 8
			}
		}
		if octets > 140 || len(data) == 0 {
			t.Errorf("part %d of %q takes %d octets", i+1, text, octets)
		}
		if p.UDH && !bytes.Equal(p.Payload[:6], []byte{5, 0, 3, ref, byte(count), byte(i + 1)}) {
			t.Errorf("part %d of %d has header % x", i+1, count, p.Payload[:6])
		}
		// A part that decodes by itself was not cut within a character.
		if got := joinParts(t, []Part{p}, encoding); strings.ContainsRune(got, '\uFFFD') && !strings.ContainsAny(text, "\uFFFD\uFFFE") && utf8.ValidString(text) {
			t.Errorf("part %d of %q is %q", i+1, text, got)
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "hello", "a\x1b€", "\xff\xfe", strings.Repeat("€", 400), strings.Repeat("😀", 90), "\ufeffa"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, text string, ref uint8) {
		checkSplit(t, text, ref)
	})
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "a\x1b", "\xd8\x3d", "\xff\xfea\x00", "\x00\x00"} {
		for c := CodingGSM7; c <= CodingISO8859_8; c++ {
			f.Add(uint8(c), []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, coding uint8, payload []byte) {
		before := bytes.Clone(payload)
		text, _, err := Decode(Coding(coding), payload)
		if err != nil && coding <= uint8(CodingISO8859_8) {
			t.Errorf("coding %d: %v", coding, err)
		}
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			t.Errorf("coding %d: % x became %q", coding, payload, text)
		}
		if !bytes.Equal(before, payload) {
			t.Errorf("coding %d changed its payload", coding)
		}
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
