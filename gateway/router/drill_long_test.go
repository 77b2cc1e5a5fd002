//go:build drill

package router

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestDrillTake is TestRaceForConversations over a million conversations, or as
// many as SMSBRIDGE_DRILL_N says.
func TestDrillTake(t *testing.T) {
	n := 1_000_000
	if s := os.Getenv("SMSBRIDGE_DRILL_N"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	raceForConversations(t, "sqlite:"+filepath.Join(t.TempDir(), "store.db"), n)
}
