package smpp

import (
	"testing"
	"time"
)

func TestRelativeTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                     "",
		time.Millisecond:      "000000000001000R",
		48 * time.Hour:        "000002000000000R",
		90 * time.Minute:      "000000013000000R",
		30 * 24 * time.Hour:   "000100000000000R",
		364 * 24 * time.Hour:  "001130000000000R",
		1000 * 24 * time.Hour: "020900000000000R",
	} {
		if got := RelativeTime(d); got != want || (got != "" && len(got) != 16) {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
