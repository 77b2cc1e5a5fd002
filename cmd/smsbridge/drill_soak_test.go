//go:build drill

package main_test

import (
	"os"
	"testing"
	"time"
)

// TestDrillSoak takes half an hour, or as long as SMSBRIDGE_SOAK says: 3m.
func TestDrillSoak(t *testing.T) {
	length := 30 * time.Minute
	if s := os.Getenv("SMSBRIDGE_SOAK"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatalf("SMSBRIDGE_SOAK: %v", err)
		}
	}
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			s := newSoak(t, uncertain, length/2)
			s.rage()
			s.check()
		})
	}
}
