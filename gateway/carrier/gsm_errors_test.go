package carrier_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"smsbridge/gateway"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// bareModem is a modem's carrier of which the test reads the stream.
func bareModem(t *testing.T) (*carrier.GSM, *gsmsim.Modem, *gateway.Stream) {
	t.Helper()
	sim, err := gsmsim.New(gsmsim.Options{Number: ours})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "s.db"), store.Options{Node: "a", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := gsm.Defaults()
	cfg.Device, cfg.Limits = sim.Path(), gsm.Limits{PerMinute: 100_000, PerDay: 1_000_000}
	registry := prometheus.NewPedanticRegistry()
	c, err := carrier.NewGSM(carrier.GSMOptions{Name: "sim1", Config: cfg, Number: gateway.Address{Kind: gateway.AddressE164, Value: ours}, Region: "US",
		NewID: db.NewID, Store: db, Log: slog.New(slog.DiscardHandler), Metrics: registry})
	if err != nil {
		t.Fatal(err)
	}
	stream := gateway.NewStream(256, 20)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, stream) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		db.Close()
		scrape(t, registry)
	})
	eventually(t, func() error {
		if room, window := c.Room(); room == 0 || window != 1 {
			return fmt.Errorf("room for %d", room)
		}
		return nil
	})
	return c, sim, stream
}

// What each class of errors means for a text.
func TestGSMErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code    int
		outcome gateway.Outcome
		limit   int
		after   time.Duration
		counted bool // for the SIM's limits
	}{
		{1, gateway.OutcomeRejected, 0, 0, true},
		{8, gateway.OutcomeRetry, 2, 15 * time.Second, true},
		{21, gateway.OutcomeRetry, 2, 15 * time.Second, true},
		{42, gateway.OutcomeRetry, 4, 10 * time.Second, true},
		{96, gateway.OutcomeRejected, 0, 0, true},
		{197, gateway.OutcomeAccepted, 0, 0, true},
		{322, gateway.OutcomeRetry, 0, 10 * time.Second, false},
		{302, gateway.OutcomeThrottled, 0, 5 * time.Second, false},
		{314, gateway.OutcomeThrottled, 0, 5 * time.Second, false},
		{330, gateway.OutcomeThrottled, 0, 5 * time.Second, false},
		{331, gateway.OutcomeThrottled, 0, 5 * time.Second, false},
		{332, gateway.OutcomeUncertain, 0, 0, true},
		{500, gateway.OutcomeUncertain, 0, 0, true},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			t.Parallel()
			m, sim, stream := bareModem(t)
			sim.Network().OnSubmit(func(gsmsim.Submitted) gsmsim.Fate { return gsmsim.Fate{Error: c.code} })
			if n := m.Submit([]gateway.Submission{submission(1, "hello")}); n != 1 {
				t.Fatalf("%d were taken", n)
			}
			r := result(t, stream)
			if r.Outcome != c.outcome || r.Limit != c.limit || r.RetryAfter != c.after || r.Code != fmt.Sprintf("CMS %d", c.code) || r.Text == "" {
				t.Errorf("%+v", r)
			}
			if day := m.Modem().SentDay; (day == 1) != c.counted {
				t.Errorf("%d are counted", day)
			}
			if room, _ := m.Room(); c.outcome == gateway.OutcomeThrottled && room != 0 {
				t.Error("it takes more at once")
			}
		})
	}
	// Before the prompt, whatever it is, it was not sent.
	t.Run("500 before the prompt", func(t *testing.T) {
		t.Parallel()
		m, sim, stream := bareModem(t)
		sim.Set(func(b *gsmsim.Behaviour) {
			b.Rules = []gsmsim.Rule{{Command: "+CMGS", At: gsmsim.AtCommand, Do: gsmsim.DoCMS, Code: 500}}
		})
		m.Submit([]gateway.Submission{submission(1, "hello")})
		if r := result(t, stream); r.Outcome != gateway.OutcomeThrottled {
			t.Errorf("%+v", r)
		}
	})
	t.Run("temporary, the third time", func(t *testing.T) {
		t.Parallel()
		m, sim, stream := bareModem(t)
		sim.Network().OnSubmit(func(gsmsim.Submitted) gsmsim.Fate { return gsmsim.Fate{Error: 42} })
		s := submission(1, "hello")
		s.Attempt = 3
		m.Submit([]gateway.Submission{s})
		if r := result(t, stream); r.Outcome != gateway.OutcomeRetry || r.RetryAfter != 5*time.Minute {
			t.Errorf("%+v", r)
		}
	})
}

// result is the next result; states are passed over.
func result(t *testing.T, stream *gateway.Stream) gateway.Report {
	t.Helper()
	limit := time.After(gsmPatience)
	for {
		select {
		case r := <-stream.Reports():
			if r.Kind == gateway.ReportResult {
				return r
			}
		case <-limit:
			t.Fatal("no result")
		}
	}
}

// The metrics are what the dashboards of modems want.
func TestGSMMetrics(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{Vendor: "huawei", IMEI: "356938035643809", Behaviour: gsmsim.Behaviour{Signal: 25}},
		func(c *gsm.Config) { c.Limits = gsm.Limits{PerMinute: 60, PerDay: 500} })
	f.tick(f.send(them, "hello"), gateway.TickDelivered)
	page := scrape(t, f.registry)
	for _, want := range []string{
		`modem_info{imei="356938035643809",model="E173",modem="sim1",revision="11.126.85.00.209",vendor="huawei"} 1`,
		`modem_registration_state{modem="sim1"} 1`, `modem_signal_dbm{modem="sim1"} -63`, `modem_up{modem="sim1"} 1`,
		`modem_storage_used{modem="sim1"} 0`, `modem_storage_size{modem="sim1"} 275`, `modem_resets_total{modem="sim1"} 0`,
		`sim_limit{modem="sim1",window="day"} 500`, `sim_limit{modem="sim1",window="minute"} 60`, `sim_limit{modem="sim1",window="month"} 0`,
		`sim_sent{modem="sim1",window="day"} 1`, `sim_sent{modem="sim1",window="minute"} 1`, `sim_sent{modem="sim1",window="month"} 1`,
		`sim_suspended{modem="sim1"} 0`,
	} {
		if !strings.Contains(page, "\nsmsbridge_"+want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// scrape returns the metrics as Prometheus reads them, and has them checked.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page := w.Body.String()
	if problems, err := promlint.New(strings.NewReader(page)).Lint(); err != nil || len(problems) > 0 || w.Code != 200 {
		t.Errorf("%d: %v %v", w.Code, problems, err)
	}
	return page
}
