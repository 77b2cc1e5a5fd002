package gateway

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"slices"
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

// The rows marked unsure are read as 3GPP has it, and octets that are no
// septets are kept with a mark.
func TestCorpusGSM7(t *testing.T) {
	type row struct {
		ID         string
		Kind       string
		Text       string
		Alphabet   string
		Septets    int
		Unpacked   string
		Lengths    []int   `json:"segment_lengths"`
		Segments16 int     `json:"segments_16bit_ref"`
		DataCoding int     `json:"data_coding"`
		Hex        string  // of a payload without headers
		WithUDH    string  `json:"smpp_short_message"`
		Locking    uint8   `json:"locking_table"`
		Single     uint8   `json:"single_shift_table"`
		Want       *string `json:"expected_text"`
		Strict     *string `json:"expected_text_strict"`
	}
	rows := map[string]int{}
	for _, r := range readRows[row](t, "testdata/gsm7.jsonl") {
		rows[r.Kind]++
		switch r.Kind {
		case "encode", "segment":
			parts, encoding, err := Split(r.Text, Format{}, 7)
			if err != nil || encoding.String() != r.Alphabet {
				t.Errorf("%s: encoding %v, %v; want %s", r.ID, encoding, err, r.Alphabet)
				continue
			}
			if got := unitsOf(parts, encoding); !slices.Equal(got, r.Lengths) {
				t.Errorf("%s: lengths %v; want %v", r.ID, got, r.Lengths)
			}
			if r.Unpacked != "" && hex.EncodeToString(parts[0].Payload) != r.Unpacked {
				t.Errorf("%s: % x; want %s", r.ID, parts[0].Payload, r.Unpacked)
			}
			if got := Measure(r.Text, Format{}); got.Segments != len(r.Lengths) || r.Septets != 0 && got.Units != r.Septets {
				t.Errorf("%s: %+v; want %d segments, %d septets", r.ID, got, len(r.Lengths), r.Septets)
			}
			if got := Measure(r.Text, Format{Long: LongUDH16}).Segments; r.Segments16 != 0 && got != r.Segments16 {
				t.Errorf("%s: %d segments with 16-bit references; want %d", r.ID, got, r.Segments16)
			}
		case "language":
			shift, payload, want := Shift{r.Locking, r.Single}, r.Unpacked, r.Want
			if r.WithUDH != "" {
				shift, payload = shiftOf(mustHex(t, r.WithUDH[:8])), r.WithUDH[8:]
				want = r.Strict
			}
			if got, _, err := Decode(CodingGSM7, shift, mustHex(t, payload)); err != nil || got != *want {
				t.Errorf("%s: %q, %v; want %q", r.ID, got, err, *want)
			}
		case "decode":
			want := "TEL. \uFFFD"
			if r.Want != nil {
				want = *r.Want
			}
			if got, _, err := Decode(codingOf(r.DataCoding), Shift{}, mustHex(t, r.Hex)); got != want || err != nil {
				t.Errorf("%s: %q, %v; want %q", r.ID, got, err, want)
			}
		}
	}
	if want := map[string]int{"encode": 25, "segment": 18, "language": 10, "decode": 3}; !maps.Equal(rows, want) {
		t.Errorf("rows %v; want %v", rows, want)
	}
}

// shiftOf reads a user data header of one element of one octet (3GPP TS 23.040
// §9.2.3.24.15 and .16).
func shiftOf(header []byte) Shift {
	if header[1] == 0x25 {
		return Shift{Locking: header[3]}
	}
	return Shift{Single: header[3]}
}

func codingOf(dataCoding int) Coding {
	if dataCoding == 8 {
		return CodingUCS2
	}
	return CodingGSM7
}

func unitsOf(parts []Part, encoding Encoding) []int {
	var n []int
	for _, p := range parts {
		n = append(n, countUnits(userData(p), encoding))
	}
	return n
}

// The joined user data is what is decoded, never a part by itself. The rows are
// those of SMPP; those of modems are TPDUs.
func TestCorpusConcat(t *testing.T) {
	type message struct {
		Text  string
		SoFar string `json:"text_so_far"`
	}
	type row struct {
		ID    string
		Parts []struct {
			DataCoding int    `json:"data_coding"`
			Message    string `json:"short_message"`
		}
		Expected struct{ Messages, Incomplete []message }
	}
	rows := readRows[row](t, "testdata/concat.jsonl")
	for _, r := range rows {
		var parts [][]byte
		for _, p := range r.Parts {
			parts = append(parts, mustHex(t, p.Message))
		}
		slices.SortFunc(parts, func(a, b []byte) int { return int(a[5]) - int(b[5]) })
		var joined []byte
		for _, p := range parts {
			joined = append(joined, p[6:]...)
		}
		got, _, err := Decode(codingOf(r.Parts[0].DataCoding), Shift{}, joined)
		want := append(r.Expected.Messages, r.Expected.Incomplete...)[0]
		switch {
		case err != nil || strings.ContainsRune(got, unknown):
			t.Errorf("%s: %q, %v", r.ID, got, err)
		case want.Text+want.SoFar == "": // not said in the corpus
		case got != want.Text+want.SoFar:
			t.Errorf("%s: %q; want %q", r.ID, got, want.Text+want.SoFar)
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d rows; want 5", len(rows))
	}
}
