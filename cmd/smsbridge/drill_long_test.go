//go:build drill

package main_test

import (
	"testing"
	"time"
)

func TestDrillRace(t *testing.T) {
	begun := time.Now()
	raceForConversations(t, 10_000)
	t.Logf("in %v", time.Since(begun).Round(time.Second))
}

func TestDrillKill(t *testing.T) {
	for _, uncertain := range []string{"hold", "resend"} {
		t.Run(uncertain, func(t *testing.T) {
			s := newStorm(t, uncertain, 1, calmScript, "")
			s.rage(stormSize{kills: 200, repeated: 1000})
			s.check()
		})
	}
}

func TestDrillModemKilled(t *testing.T) { killModems(t, 150) }
