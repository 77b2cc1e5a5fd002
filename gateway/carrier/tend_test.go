package carrier

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// idleAccount is one that does not run.
func idleAccount(t *testing.T, log io.Writer, host string) *SMPP {
	t.Helper()
	cfg := smpp.Defaults()
	cfg.Hosts, cfg.SystemID, cfg.Window = []string{host}, "us", 2
	c, err := NewSMPP(SMPPOptions{Name: "acme", Config: cfg, NewID: func() gateway.ID { return 1 }, Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	c.out = gateway.NewStream(16, 16)
	return c
}

// Slowing down is logged when it begins, when it lasts, and when it is over.
func TestPaceIsLogged(t *testing.T) {
	var log strings.Builder
	c := idleAccount(t, &log, "")
	now := time.Now()
	var seen tending
	for second := 0; second <= 400; second++ {
		at := now.Add(time.Duration(second) * time.Second)
		if second%20 == 0 && second < 320 {
			c.pace.slow(at, at.Add(-time.Millisecond), "ESME_RTHROTTLED")
		}
		c.look(&seen, at)
	}
	for second := 400; second <= 1000; second += 10 {
		c.look(&seen, now.Add(time.Duration(second)*time.Second))
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `msg="the carrier wants less" rate=5`) || !strings.Contains(lines[0], "ESME_RTHROTTLED") ||
		!strings.Contains(lines[1], "level=WARN") || !strings.Contains(lines[1], "more than five minutes") || !strings.Contains(lines[2], "as much as is configured again") {
		t.Errorf("logged:\n%s", log.String())
	}
}

// A link that could send and does not is ended, and counted; one that waits for
// responses, for a token or for the end of a pause is not.
func TestStuck(t *testing.T) {
	smsc, err := smppsim.Start(t.Context(), smppsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer smsc.Close()
	c := idleAccount(t, io.Discard, smsc.Addr())
	l, err := c.binds[0].connect(t.Context(), 0) // nobody sends over it
	if err != nil {
		t.Fatal(err)
	}
	defer l.close(context.Background())
	l.ready, c.links = true, []*link{l}
	now := time.Now()
	for _, test := range []struct {
		name   string
		idle   time.Duration
		rate   float64
		flying int
		texts  int
		held   bool
		want   bool
	}{
		{"stuck", 31 * time.Second, 10, 0, 1, false, true},
		{"not for long", 29 * time.Second, 10, 1, 1, false, false},
		{"nothing to send", time.Hour, 10, 0, 0, false, false},
		{"window full", time.Hour, 10, 2, 1, false, false},
		{"slow", time.Minute, 0.01, 0, 1, false, false},
		{"paused", time.Hour, 10, 0, 1, true, false},
	} {
		c.pace = newPace(test.rate, 2)
		if test.held {
			c.pace.hold(now, now, "")
		}
		l.moved, l.sent, l.outbox = now.Add(-test.idle), map[uint64]flight{}, make([]gateway.Submission, test.texts)
		for i := range test.flying {
			l.sent[uint64(i)] = flight{}
		}
		var seen tending
		c.look(&seen, now)
		select {
		case err := <-l.spoilt:
			if !test.want || err != errStuck {
				t.Errorf("%s: ended because of %v", test.name, err)
			}
		default:
			if test.want {
				t.Errorf("%s: not ended", test.name)
			}
		}
	}
}
