package config

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

var yamlWhere = regexp.MustCompile(`^yaml: (line \d+: )?`)

// syntaxProblem reports what yaml.v3 could not parse.
func (d *decoder) syntaxProblem(data []byte, err error) {
	message := yamlWhere.ReplaceAllString(err.Error(), "")
	// yaml.v3 has no type for it, and its text repeats what follows the *: that
	// may be a password.
	if strings.HasPrefix(message, "unknown anchor") {
		message = "a value that begins with * must be in quotes"
	}
	d.problemAt(position{line: syntaxLine(data, err.Error())}, "", "%s", message)
}

// syntaxLine finds the line, from 1, of the syntax error that yaml.v3 describes
// with text. The line in that text is often that of an enclosing block. The
// parser reads forwards only, so the error is in the last line of the shortest
// beginning of the file that already gives the very same error.
func syntaxLine(data []byte, text string) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines)) // where each line ends in data
	end := 0
	for i, line := range lines {
		end += len(line)
		ends[i] = end
	}
	i := sort.Search(len(ends), func(i int) bool {
		err := parseAll(data[:ends[i]])
		return err != nil && err.Error() == text
	})
	return min(i, len(ends)-1) + 1
}

func parseAll(data []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var n yaml.Node
		if err := dec.Decode(&n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
