//go:build linux

package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"smsbridge/gsm/gsmsim"
)

// statusAnswer is what a test needs of `smsbridge status --json`.
type statusAnswer struct {
	Carriers []struct {
		Name, Kind, State string
		Modem             *struct {
			Phase, Model, IMEI string
			SignalDBm          *int `json:"signal_dbm"`
		}
	}
	Queues []struct {
		Name    string
		Waiting int
		Oldest  *string
	}
}

// TestStatus follows a daemon with a modem: what status says with a token and
// without, and that nobody else gets the modem's port meanwhile.
func TestStatus(t *testing.T) {
	t.Parallel()
	const number = "+12602058950"
	device := filepath.Join(t.TempDir(), "modem")
	modem, err := gsmsim.New(gsmsim.Options{Vendor: "huawei", Number: number, Link: device})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(modem.Close)
	d := newDaemon(t, smppCarrier("127.0.0.1:1", "", "")+fmt.Sprintf("  - name: desk-sim\n    numbers: [%q]\n    gsm: {device: %q}\n", number, device))
	reader := d.token("reader", "carriers:read,conversations:read")
	less := d.token("less", "carriers:read")
	d.start()
	if err := modem.Network().Text(customerNumber, number, "Hello?"); err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) (s statusAnswer) {
		t.Helper()
		if err := json.Unmarshal([]byte(d.tool("", append([]string{"status", "--json", "--url", d.address()}, args...)...)), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	await(t, "the modem and its text", func() error {
		s := ask("--token", reader.token)
		if len(s.Carriers) != 2 || len(s.Queues) != 1 || s.Queues[0].Waiting != 1 {
			return fmt.Errorf("%+v", s)
		}
		for _, c := range s.Carriers {
			if c.Name == "desk-sim" && (c.State != "up" || c.Modem == nil || c.Modem.Phase != "up" || c.Modem.IMEI != modem.Options().IMEI || c.Modem.SignalDBm == nil) {
				return fmt.Errorf("%+v", c)
			}
		}
		return nil
	})
	if s := ask(); len(s.Carriers) != 2 || s.Queues[0].Oldest == nil {
		t.Errorf("without a token: %+v", s)
	}
	table := d.tool("", "status", "--url", d.address())
	for _, want := range []string{"acme ", "desk-sim  gsm   up", "10/min", "huawei E173", "General  1"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	for _, refused := range []struct {
		want string
		args []string
	}{
		{"scope", []string{"status", "--url", d.address(), "--token", less.token}},
		{"no daemon answers at http://127.0.0.1:1", []string{"status", "--url", "http://127.0.0.1:1", "--token", "x"}},
		{"smsbridge (process ", []string{"at", device}},
	} {
		cmd := command(t, refused.args...)
		var said bytes.Buffer
		cmd.Stderr = &said
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(said.String(), refused.want) || strings.Count(said.String(), "\n") != 1 {
			t.Errorf("%v: %v, %q, want %q", refused.args, err, &said, refused.want)
		}
	}
	output, err := command(t, "modems", device).CombinedOutput()
	if err != nil || !strings.Contains(string(output), "smsbridge (process ") || !strings.Contains(string(output), "smsbridge status") {
		t.Errorf("%v: %s", err, output)
	}
}
