package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"smsbridge/smpp/smppsim"
)

// TestStop stops a daemon that has more on its hands than it can finish: one text
// on the wire, others behind it.
func TestStop(t *testing.T) {
	t.Parallel()
	smsc, err := smppsim.Start(t.Context(), smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "secret"}},
		Script: smppsim.Script{Submit: smppsim.SubmitScript{Delay: 300 * time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", "      window: 2\n"))
	program := d.token("load", "messages:send,messages:read,events:read")
	d.start()
	stream := program.follow()
	refuseSecond(t, d)

	const n = 20
	for i := range n {
		program.must("POST", "/messages", map[string]string{"to": fmt.Sprintf("+1260205%04d", 1000+i), "text": fmt.Sprint("text ", i)}, 202, nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := smsc.Await(ctx, func(s smppsim.Stats) bool { return s.Accepted > s.Responses }); err != nil {
		t.Fatal(err)
	}
	code, took := d.terminate()
	if code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %v, want 0 within seconds", code, took)
	}
	stats := smsc.Stats()
	if stats.Accepted != stats.Responses || stats.Bound != 0 {
		t.Errorf("it left with %d of %d responses, %d bound", stats.Responses, stats.Accepted, stats.Bound)
	}
	if stats.Accepted >= n {
		t.Fatalf("all %d were sent before it stopped", n)
	}

	d.start()
	delivered := map[string]bool{}
	for len(delivered) < n {
		e := stream.until("delivery", func(e event) bool { return e.Type == "message.tick" && e.Data.Message.Tick == "delivered" })
		delivered[e.Data.Message.ID] = true
	}
	var submitted []string
	for _, m := range smsc.Messages() {
		submitted = append(submitted, m.Text)
	}
	slices.Sort(submitted)
	if len(submitted) != n || len(slices.Compact(submitted)) != n {
		t.Errorf("submitted: %q, want %d texts once", submitted, n)
	}
}

// refuseSecond starts a second daemon on the store of one that runs.
func refuseSecond(t *testing.T, d *daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	second := command(t, "serve", "--config", d.config)
	var stderr bytes.Buffer
	second.Stderr = &stderr
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = second.Process.Kill() })
	defer stop()
	err := second.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("a second daemon: %v, want exit code 1", err)
	}
	if lines := strings.TrimSpace(stderr.String()); strings.Contains(lines, "\n") || !strings.Contains(lines, "smsbridge.db") || !strings.Contains(lines, "another") {
		t.Errorf("a second daemon says %q; want one line that names the store and says that another has it", lines)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, smppCarrier("127.0.0.1:1", "", ""))
	d.start()
	page := d.get("/metrics", 200)
	problems, err := promlint.New(bytes.NewReader(page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	series := scrape(t, d)
	for _, name := range []string{
		`bind_up{bind="1",carrier="acme"}`, `bind_state{bind="1",carrier="acme",state="auth_failed"}`,
		`submit_total{carrier="acme",result="accepted"}`, `submit_total{carrier="acme",result="uncertain"}`,
		`segments_total{carrier="acme",tick="delivered"}`, `segments_total{carrier="acme",tick="failed"}`,
		`receipts_total{carrier="acme",state="delivered"}`, `receipt_match_total{by="none",carrier="acme"}`,
		`receipts_unmatched{carrier="acme"}`, `receipt_delay_seconds_count{carrier="acme"}`,
		`queue_segments{carrier="acme",state="queued"}`, `queue_oldest_age_seconds{carrier="acme"}`,
		`uncertain_total{carrier="acme"}`, `quarantined_total{carrier="acme"}`, `inbound_total{carrier="acme"}`,
		`inbound_redelivered_total{carrier="acme"}`, `last_received_timestamp_seconds{carrier="acme"}`,
		`throttled_seconds_total{carrier="acme"}`, `submit_response_seconds_count{carrier="acme"}`, `window_in_use{bind="1",carrier="acme"}`,
		`conversations{queue="General",status="waiting"}`, `conversations{queue="General",status="taken"}`,
		`conversation_wait_seconds_count{queue="General"}`, `inbound_unknown_number_total`, `inbound_fragments_pending`,
		`take_conflicts_total`, `opt_out_refused_total`, `login_failures_total`, `event_streams`,
	} {
		if got, ok := series["smsbridge_"+name]; !ok || got != "0" {
			t.Errorf("%s is %q at the start, want 0", name, got)
		}
	}
	for _, name := range []string{`window_size{bind="1",carrier="acme"}`, `lease_held{carrier="acme"}`, `store_size_bytes`, `store_free_bytes`,
		`store_commit_seconds_count`, `store_batch_size_count`, `bind_state_changes_total{bind="1",carrier="acme"}`, `config_last_reload_successful`} {
		if _, ok := series["smsbridge_"+name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
}
