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

// ParseKeyword recognises a text that is a keyword and nothing else, in any
// case, with or without the full stop that telephones add.
func ParseKeyword(text string) Keyword {
	if len(text) > 16 {
		return KeywordNone
	}
	switch strings.ToUpper(strings.TrimRight(strings.TrimSpace(text), ".! ")) {
	case "STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT":
		return KeywordStop
	case "START", "UNSTOP":
		return KeywordStart
	case "HELP", "INFO":
		return KeywordHelp
	}
	return KeywordNone
}
