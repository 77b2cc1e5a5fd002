package router

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"smsbridge/gateway"
)

// stateLines are the lines of a log about the connection of acme, in short.
func stateLines(t testing.TB, log []byte) []string {
	t.Helper()
	all := []string{}
	for line := range bytes.Lines(log) {
		var l struct{ Msg, Level, State, Error, Why string }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		switch l.Msg {
		case "carrier is not connected":
			all = append(all, fmt.Sprintf("%s %s: %s", l.Level, l.State, l.Error))
		case "carrier is up", "carrier is up in part", "carrier is up as a whole", "carrier is held", "carrier disconnected":
			all = append(all, l.Level+" "+l.Msg+l.Error+l.Why)
		}
	}
	return all
}

// said is a state that acme reports, and since when it is shown to be in it.
type said struct {
	state gateway.CarrierState
	text  string
	since int // which of those that were said, from 0
}

func (b *bed) sayAll(all []said) {
	b.t.Helper()
	at := make([]time.Time, len(all))
	for i, s := range all {
		b.pass(31 * time.Second)
		at[i] = time.Now()
		b.acme.put(gateway.Report{Kind: gateway.ReportState, At: at[i], State: s.state, Text: s.text})
		b.settle()
		shown, err := b.r.Carriers(b.ctx)
		if err != nil {
			b.t.Fatal(err)
		}
		if c := shown[0]; c.State != s.state || c.Error != s.text || !c.Since.Equal(at[s.since]) {
			b.t.Errorf("%d: %v %q since %v, want it since %v", i, c.State, c.Error, c.Since, at[s.since])
		}
	}
}

// A carrier that fails the same at each attempt is logged once, and is shown to
// have failed since the first, though it connects in between.
func TestStatesAreLoggedOnce(t *testing.T) {
	const up, connecting, down, refused = gateway.CarrierUp, gateway.CarrierConnecting, gateway.CarrierDown, gateway.CarrierRefused
	onSQLite(t, func(b *bed) {
		var log bytes.Buffer
		b.log = slog.New(slog.NewJSONHandler(&log, nil))
		b.run()
		b.sayAll([]said{
			{down, "silent", 0}, {connecting, "asked", 0}, {down, "silent", 0}, {connecting, "asked", 0}, {down, "silent", 0},
			{down, "gone", 0}, {connecting, "asked", 0}, {down, "gone", 0},
			{connecting, "asked", 0}, {refused, "PIN", 9}, {connecting, "asked", 9}, {refused, "PIN", 9},
			{up, "", 12}, {up, "bind 2: gone", 12}, {up, "", 12},
			{down, "gone", 15}, {connecting, "asked", 15}, {up, "", 17},
			{gateway.CarrierHeld, "no credit", 18}, {up, "", 19}, {down, "", 20},
		})
		wantList(b.t, "logged", stateLines(b.t, log.Bytes()), []string{"INFO carrier is up",
			"WARN down: silent", "WARN down: gone", "WARN refused: PIN",
			"INFO carrier is up", "WARN carrier is up in partbind 2: gone", "INFO carrier is up as a whole",
			"WARN down: gone", "INFO carrier is up",
			"ERROR carrier is heldno credit", "INFO carrier is up", "INFO carrier disconnected"})
	})
}

// That a carrier is not connected any more is logged also if it says that it is
// connecting, as a modem does that has lost its network.
func TestLossIsLoggedOnce(t *testing.T) {
	const up, connecting, down = gateway.CarrierUp, gateway.CarrierConnecting, gateway.CarrierDown
	onSQLite(t, func(b *bed) {
		var log bytes.Buffer
		b.log = slog.New(slog.NewJSONHandler(&log, nil))
		b.run()
		b.sayAll([]said{
			{connecting, "no network", 0}, {connecting, "refused by it", 0}, {connecting, "no network", 0}, {up, "", 3},
			{connecting, "no network", 4}, {down, "silent", 4}, {connecting, "no network", 4}, {up, "", 7},
		})
		wantList(b.t, "logged", stateLines(b.t, log.Bytes()), []string{"INFO carrier is up",
			"WARN connecting: no network", "INFO carrier is up", "WARN connecting: no network", "WARN down: silent", "INFO carrier is up"})
	})
}
