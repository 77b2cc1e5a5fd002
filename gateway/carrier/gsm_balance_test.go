package carrier

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"smsbridge/gsm"
)

// A balance that cannot be had is asked for once more, and then as seldom as any; one
// that has to wait for the modem, or for somebody in a menu, is asked for thereafter.
func TestBalanceIsAskedSeldom(t *testing.T) {
	failed := errors.New("does not match")
	for _, c := range []struct {
		name    string
		every   time.Duration
		answers []error // the last one again and again
		want    []time.Duration
	}{
		{"answered", time.Hour, []error{nil}, []time.Duration{10 * time.Second, time.Hour, time.Hour, time.Hour}},
		{"fails always", time.Hour, []error{failed}, []time.Duration{10 * time.Second, 2 * time.Minute, time.Hour, time.Hour}},
		{"fails now and then", time.Hour, []error{failed, nil, failed, failed},
			[]time.Duration{10 * time.Second, 2 * time.Minute, time.Hour, 2 * time.Minute, time.Hour}},
		{"is asked often", time.Minute, []error{failed}, []time.Duration{10 * time.Second, time.Minute, time.Minute}},
		{"has to wait", time.Hour, []error{errNotUp, gsm.ErrBusy, nil}, []time.Duration{10 * time.Second, 30 * time.Second, 30 * time.Second, time.Hour}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			var got []time.Duration
			last := time.Now()
			pollBalance(ctx, c.every, func() error {
				got = append(got, time.Since(last))
				last = time.Now()
				if len(got) == len(c.want) {
					cancel()
				}
				return c.answers[min(len(got), len(c.answers))-1]
			})
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: after %v, want %v", c.name, got, c.want)
			}
		})
	}
}
