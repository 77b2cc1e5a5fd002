package carrier_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// A menu in the answer to a balance is left: the next code is no answer in it. One in
// somebody's hands stays until they give it up.
func TestGSMUSSDMenus(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, func(c *gsm.Config) {
		c.Balance = &gsm.Balance{USSD: "*123#", Pattern: `(\d+\.\d\d) EUR`, Every: time.Hour}
	})
	f.network.OnUSSD(func(u gsmsim.USSD) gsmsim.Reply {
		return gsmsim.Reply{Text: fmt.Sprintf("%s open=%v: 12.34 EUR. 1: more", u.Text, u.Open), More: true}
	})
	eventually(t, func() error {
		if b := f.modem.Modem().Balance; b != "12.34" {
			return fmt.Errorf("balance %q", b)
		}
		return nil
	})
	for _, c := range []struct {
		code string
		open bool
	}{{"*100#", false}, {"1", true}, {"", false}, {"*101#", false}} {
		text, more, err := f.modem.USSD(t.Context(), c.code)
		want := ""
		if c.code != "" {
			want = fmt.Sprintf("%s open=%v: ", c.code, c.open)
		}
		if err != nil || !strings.HasPrefix(text, want) || more != (want != "") {
			t.Errorf("%q: %q %v %v", c.code, text, more, err)
		}
	}
}

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
