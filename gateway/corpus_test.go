package gateway

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
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
			if got := userDataLengths(parts, encoding); !slices.Equal(got, r.Lengths) {
				t.Errorf("%s: lengths %v; want %v", r.ID, got, r.Lengths)
			}
			if r.Unpacked != "" && hex.EncodeToString(parts[0].Payload) != r.Unpacked {
				t.Errorf("%s: % x; want %s", r.ID, parts[0].Payload, r.Unpacked)
			}
		case "language":
			got, _, err := Decode(CodingGSM7, Shift{}, mustHex(t, r.Unpacked))
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
			if got, _, err := Decode(coding, Shift{}, mustHex(t, r.Hex)); got != want || err != nil {
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
		got, _, err := Decode(coding, Shift{}, joined)
		if got != r.Text || err != nil {
			t.Errorf("%s: %q, %v; want %q", r.ID, got, err, r.Text)
		}
	}
}
