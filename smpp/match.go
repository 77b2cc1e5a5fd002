package smpp

import (
	"math/big"
	"slices"
	"strings"
)

// MatchForm is how the id of a receipt is derived from that of the response, in
// the words of MessageIDForm.
type MatchForm string

const (
	MatchRaw          MatchForm = "raw" // the same
	MatchCase         MatchForm = "case"
	MatchZeros        MatchForm = "zeros" // more or fewer zeros before it, whatever the case
	MatchHexToDecimal MatchForm = "hex-to-decimal"
	MatchDecimalToHex MatchForm = "decimal-to-hex"
)

// Candidate is an id that submit_sm_resp may have given.
type Candidate struct {
	ID   string
	Form MatchForm // the main step: zeros and case of a converted number are part of the conversion
}

// MatchCandidates returns the ids that submit_sm_resp may have given to the
// message that a receipt calls reference, the likeliest first: the same, in the
// other case, with more or fewer zeros before it, and in the other notation as
// far as form allows. MessageIDHexToDecimal is a carrier whose responses are
// hexadecimal and whose receipts are decimal. An id is never read as a number of
// limited size: there are ids of 128 bits.
func MatchCandidates(reference string, form MessageIDForm) []Candidate {
	candidates := []Candidate{{reference, MatchRaw}}
	if form == MessageIDExact || reference == "" {
		return candidates
	}
	add := func(by MatchForm, ids ...string) {
		for _, id := range ids {
			if !slices.ContainsFunc(candidates, func(c Candidate) bool { return c.ID == id }) {
				candidates = append(candidates, Candidate{id, by})
			}
		}
	}
	padded := func(by MatchForm, id string, widths ...int) {
		for _, w := range widths {
			if n := w - len(id); n > 0 {
				add(by, strings.Repeat("0", n)+id)
			}
		}
	}
	add(MatchCase, strings.ToLower(reference), strings.ToUpper(reference))
	add(MatchCase, hexWords(reference, strings.ToLower), hexWords(reference, strings.ToUpper))
	if bare := strings.TrimLeft(reference, "0"); bare != "" {
		add(MatchZeros, bare, strings.ToLower(bare), strings.ToUpper(bare))
		if isHex(bare) {
			padded(MatchZeros, bare, len(bare)+1, 8, 10, 16)
		}
	}
	if form != MessageIDDecimalToHex && digits(reference) {
		if n, ok := new(big.Int).SetString(reference, 10); ok {
			id := n.Text(16)
			add(MatchHexToDecimal, id, strings.ToUpper(id))
			padded(MatchHexToDecimal, id, 8, 16)
			padded(MatchHexToDecimal, strings.ToUpper(id), 8, 16)
		}
	}
	if form != MessageIDHexToDecimal && isHex(reference) {
		if n, ok := new(big.Int).SetString(reference, 16); ok {
			id := n.Text(10)
			add(MatchDecimalToHex, id)
			padded(MatchDecimalToHex, id, 10)
		}
	}
	return candidates
}

// hexWords changes those words of s that are hexadecimal numbers.
func hexWords(s string, change func(string) string) string {
	var b strings.Builder
	for word := range strings.SplitAfterSeq(s, "-") {
		if isHex(strings.TrimSuffix(word, "-")) {
			word = change(word)
		}
		b.WriteString(word)
	}
	return b.String()
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != "" && len(s) <= 65 // message_id has at most 65 octets (SMPP 3.4 §5.2.23)
}
