package gateway

import "strings"

// Keyword is a word by which a customer decides about being texted.
type Keyword uint8

const (
	KeywordNone  Keyword = iota
	KeywordStop          // no more texts from this number
	KeywordStart         // texts again
	KeywordHelp          // who is this?
)

// Keywords are the words by which customers decide, as normal makes them.
type Keywords map[string]Keyword

// NewKeywords returns the words that are known everywhere, and more of them, in
// other languages for instance. A word that is given counts before a known one.
func NewKeywords(stop, start, help []string) Keywords {
	k := Keywords{}
	add := func(as Keyword, words ...string) {
		for _, w := range words {
			if w = normal(w); w != "" {
				k[w] = as
			}
		}
	}
	add(KeywordStop, "STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT")
	add(KeywordStart, "START", "UNSTOP")
	add(KeywordHelp, "HELP", "INFO")
	add(KeywordHelp, help...)
	add(KeywordStart, start...)
	add(KeywordStop, stop...) // who may have meant that must not be texted on
	return k
}

// MaxKeyword is the length of a keyword, in octets.
const MaxKeyword = 64

// Parse recognises a text that is a keyword and nothing else, in any case, with
// or without the full stop that telephones add.
func (k Keywords) Parse(text string) Keyword {
	if len(text) > MaxKeyword {
		return KeywordNone
	}
	return k[normal(text)]
}

func normal(text string) string {
	return strings.ToUpper(strings.TrimRight(strings.TrimSpace(text), ".! "))
}
