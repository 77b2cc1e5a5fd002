package carrier_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// The log shows an answer in which no balance is found, so that the pattern can be
// mended.
func TestGSMBalanceNotMatched(t *testing.T) {
	t.Parallel()
	f := newGSM(t, gsmsim.Options{}, func(c *gsm.Config) {
		c.Balance = &gsm.Balance{USSD: "*123#", Pattern: `(\d+) USD`, Every: time.Hour}
	})
	f.network.OnUSSD(func(gsmsim.USSD) gsmsim.Reply {
		return gsmsim.Reply{Text: "You have 12.34 EUR." + strings.Repeat("x", 160)}
	})
	out := &logged{}
	f.log = slog.New(slog.NewTextHandler(out, nil))
	f.start()
	f.until(gateway.EventCarrierUp)
	eventually(t, func() error {
		if !strings.Contains(out.String(), "You have 12.34 EUR.") {
			return errNotYet
		}
		return nil
	})
	if log := out.String(); strings.Contains(log, strings.Repeat("x", 150)) || !strings.Contains(log, "balance.pattern") {
		t.Error(log)
	}
}
