package api

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzAppendString compares with what encoding/json writes.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "ÄÖ €", "\u2028\u2029", "\xff\xc3", "👍🏽", "<b>&</b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := appendString(nil, s)
		var got string
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("%v in %s", err, written)
		}
		reference, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(reference, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", written, got, want)
		}
		if strings.ContainsAny(string(written), "\n\r") {
			t.Errorf("a line ends in %q", written)
		}
	})
}
