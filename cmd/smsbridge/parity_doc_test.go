package main

import (
	"regexp"
	"strings"
	"testing"
)

// Each test that the table of parity names exists, and each behaviour that is said
// to be here has one, unless it is the client's.
func TestParityDocNamesTests(t *testing.T) {
	tests, named := testsThatExist(t), regexp.MustCompile("`(Test[A-Z]\\w+)`")
	rows := 0
	for line := range strings.Lines(string(document(t, "docs/3cx-parity.md"))) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.Contains(cells[1], "---") || strings.HasPrefix(cells[1], " behaviour") {
			continue
		}
		rows++
		behaviour, verdict, shown := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), named.FindAllStringSubmatch(cells[3], -1)
		here := strings.HasPrefix(verdict, "as 3CX") || strings.HasPrefix(verdict, "better")
		if !here && !strings.HasPrefix(verdict, "not yet") && !strings.HasPrefix(verdict, "not part of this product") {
			t.Errorf("%s: no verdict in %q", behaviour, verdict)
		}
		if here && len(shown) == 0 && !strings.Contains(verdict, "by the client") {
			t.Errorf("%s: it is here, and no test shows it", behaviour)
		}
		for _, m := range shown {
			if !tests[m[1]] {
				t.Errorf("%s: shown by %s, which does not exist", behaviour, m[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("the table has %d rows", rows)
	}
	for name := range tests {
		if strings.HasPrefix(name, "TestParity") && name != t.Name() && !strings.Contains(string(document(t, "docs/3cx-parity.md")), "`"+name+"`") {
			t.Errorf("docs/3cx-parity.md does not name %s", name)
		}
	}
}
