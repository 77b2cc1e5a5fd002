package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration file.
type Problem struct {
	File    string
	Line    int    // from 1
	Column  int    // from 1; 0 where it is not known
	Key     string // "carriers[0].smpp.window"; empty where it is about no option
	Message string // holds no secret
}

// String returns the problem as FILE:LINE: KEY: MESSAGE.
func (p Problem) String() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.Message)
}

// Problems is everything that is wrong with a configuration file, in the order
// of its lines. As an error it is never empty.
type Problems []Problem

// Error returns the problems one a line, without a newline at the end.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
