package carrier

import (
	"errors"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestRetry(t *testing.T) {
	lost := errors.New("connection refused")
	bind := func(s smpp.Status) error { return &smpp.BindError{Host: "smsc", Status: s} }
	for _, c := range []struct {
		name        string
		err         error
		rounds      int
		another     bool
		least, most time.Duration
	}{
		{"lost", lost, 0, false, 250 * time.Millisecond, 500 * time.Millisecond},
		{"lost again", lost, 2, false, time.Second, 2 * time.Second},
		{"lost often", lost, 1000, false, 5 * time.Second, 10 * time.Second},
		{"bound elsewhere", bind(smpp.ESME_RALYBND), 0, false, 30 * time.Second, time.Minute},
		{"bound elsewhere, another host", bind(smpp.ESME_RALYBND), 0, true, 30 * time.Second, time.Minute},
		{"password", bind(smpp.ESME_RINVPASWD), 0, true, 5 * time.Minute, 10 * time.Minute},
		{"system_id", bind(smpp.ESME_RINVSYSID), 7, false, 5 * time.Minute, 10 * time.Minute},
		{"bind failed", bind(smpp.ESME_RBINDFAIL), 0, false, 10 * time.Second, 13 * time.Second},
		{"throttled", bind(smpp.ESME_RTHROTTLED), 2, false, 40 * time.Second, 50 * time.Second},
		{"system error, often", bind(smpp.ESME_RSYSERR), 99, false, 240 * time.Second, 300 * time.Second},
		{"system error, another host", bind(smpp.ESME_RSYSERR), 0, true, 250 * time.Millisecond, 500 * time.Millisecond},
	} {
		var shortest, longest time.Duration
		for i := range 200 {
			r := retry{bounds: smpp.Reconnect{Min: 500 * time.Millisecond, Max: 10 * time.Second}, rounds: c.rounds}
			d := r.after(c.err, c.another)
			if i == 0 {
				shortest, longest = d, d
			}
			shortest, longest = min(shortest, d), max(longest, d)
			if want := c.rounds + 1; c.another != (r.rounds == c.rounds) || !c.another && r.rounds != want {
				t.Fatalf("%s: %d rounds", c.name, r.rounds)
			}
		}
		if shortest < c.least || longest > c.most || shortest == longest {
			t.Errorf("%s: %v to %v, want %v to %v", c.name, shortest, longest, c.least, c.most)
		}
	}
}
