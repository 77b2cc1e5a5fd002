package router

import "testing"

// What is learnt of a carrier's ids from so many unambiguous matches of each form.
func TestLearning(t *testing.T) {
	for _, c := range []struct {
		name    string
		was     string
		matches map[string]int
		want    string
	}{
		{"nothing", "", map[string]int{}, ""},
		{"too few", "", map[string]int{"raw": 2}, ""},
		{"the same", "", map[string]int{"raw": 3}, "raw"},
		{"another notation", "", map[string]int{"hex-to-decimal": 3}, "hex-to-decimal"},
		{"either", "", map[string]int{"hex-to-decimal": 10, "raw": 10}, ""},
		{"one that happened to fit", "", map[string]int{"hex-to-decimal": 20, "raw": 1}, "hex-to-decimal"},
		{"ids mostly without letters", "", map[string]int{"case": 3, "raw": 40}, "case"},
		{"ids mostly without zeros before them", "", map[string]int{"zeros": 3, "raw": 40}, "zeros"},
		{"two forms beside the same", "", map[string]int{"case": 3, "zeros": 3, "raw": 3}, ""},
		{"a change that is not sure", "raw", map[string]int{"hex-to-decimal": 5, "raw": 50}, "raw"},
		{"a change", "raw", map[string]int{"hex-to-decimal": 1000, "raw": 50}, "hex-to-decimal"},
	} {
		l := learning{Form: c.was, Matches: c.matches}
		if got := l.best(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
