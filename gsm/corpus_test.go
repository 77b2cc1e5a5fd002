package gsm

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// The rows are copies of what was gathered from real modems and from other
// implementations, with what those make of it.

// rowsOf reads a file of JSON lines from testdata.
func rowsOf[T any](t testing.TB, name string, want int) []T {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var row T
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		rows = append(rows, row)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(rows) != want {
		t.Fatalf("%s has %d rows, want %d", name, len(rows), want)
	}
	return rows
}
