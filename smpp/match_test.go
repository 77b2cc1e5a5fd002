package smpp

import (
	"slices"
	"strings"
	"testing"
)

// ids are the ids of candidates.
func ids(candidates []Candidate) []string {
	var list []string
	for _, c := range candidates {
		list = append(list, c.ID)
	}
	return list
}

func TestCorpusMessageIDs(t *testing.T) {
	type row struct {
		ID, Receipt, Conversion string
		SubmitResp              string `json:"submit_resp"`
		Equivalent              *bool
	}
	for _, row := range loadRows[row](t, "testdata/message_ids.jsonl", 30) {
		if row.Equivalent == nil {
			continue // nobody can tell
		}
		got := slices.Contains(ids(MatchCandidates(row.Receipt, MessageIDAuto)), row.SubmitResp)
		if got != *row.Equivalent {
			t.Errorf("%s: %q and %q match: %v, want %v (%s)", row.ID, row.SubmitResp, row.Receipt, got, *row.Equivalent, row.Conversion)
		}
		back := slices.Contains(ids(MatchCandidates(row.SubmitResp, MessageIDAuto)), row.Receipt)
		if strings.Contains(row.Conversion, "hex vs decimal") && !back {
			t.Errorf("%s: %q does not lead to %q", row.ID, row.SubmitResp, row.Receipt)
		}
	}
}

func TestMatchCandidatesByForm(t *testing.T) {
	cases := []struct {
		reference string
		form      MessageIDForm
		has, not  string
	}{
		{"16", MessageIDHexToDecimal, "10", "22"},
		{"16", MessageIDDecimalToHex, "22", "10"},
		{"16", MessageIDExact, "16", "10"},
		{"", MessageIDAuto, "", "0"},
		{"000", MessageIDAuto, "0", "00"},
	}
	for _, c := range cases {
		got := ids(MatchCandidates(c.reference, c.form))
		if got[0] != c.reference || !slices.Contains(got, c.has) || slices.Contains(got, c.not) {
			t.Errorf("%q %s: got %q, want %q and not %q", c.reference, c.form, got, c.has, c.not)
		}
	}
}

func TestMatchForms(t *testing.T) {
	cases := []struct {
		reference, id string
		want          MatchForm
	}{
		{"1D6A811", "1D6A811", MatchRaw},
		{"1D6A811", "1d6a811", MatchCase},
		{"0E999F21-81EF-4974-A414-3DE98174E3C7", "0e999f21-81ef-4974-a414-3de98174e3c7", MatchCase},
		{"SAR-2347039245475-1EEDF843-2-1", "SAR-2347039245475-1eedf843-2-1", MatchCase},
		{"0000706678557", "706678557", MatchZeros},
		{"B8BE19", "00B8BE19", MatchZeros},
		{"00B8BE19", "b8be19", MatchZeros},
		{"16", "10", MatchHexToDecimal},
		{"1891273321", "70BA8A69", MatchHexToDecimal},
		{"0012107289", "00b8be19", MatchHexToDecimal},
		{"9308878062554710043", "812FC7470000001B", MatchHexToDecimal},
		{"812FC7470000001B", "9308878062554710043", MatchDecimalToHex},
		{"38601FA", "0059113978", MatchDecimalToHex},
	}
	for _, c := range cases {
		if !slices.Contains(MatchCandidates(c.reference, MessageIDAuto), Candidate{c.id, c.want}) {
			t.Errorf("%q does not lead to %q as %s: %v", c.reference, c.id, c.want, MatchCandidates(c.reference, MessageIDAuto))
		}
	}
}

func BenchmarkMatchCandidates(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		MatchCandidates("0123456789", MessageIDAuto)
	}
}
