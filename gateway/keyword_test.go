package gateway

import "testing"

func TestParseKeyword(t *testing.T) {
	for text, want := range map[string]Keyword{
		"STOP": KeywordStop, " stop. ": KeywordStop, "Opt out": KeywordStop, "Unsubscribe": KeywordStop, "quit!": KeywordStop,
		"start": KeywordStart, "UNSTOP": KeywordStart, "help": KeywordHelp, "Info": KeywordHelp,
		"please stop": KeywordNone, "stop calling me": KeywordNone, "": KeywordNone, "yes": KeywordNone,
		"end of the month is fine": KeywordNone, "stopp": KeywordNone,
	} {
		if got := NewKeywords(nil, nil, nil).Parse(text); got != want {
			t.Errorf("ParseKeyword(%q) = %d, want %d", text, got, want)
		}
	}
}
