package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload sends SIGHUP to the program, and listens as systemd does to what it
// says of itself.
func TestReload(t *testing.T) {
	d := newDaemon(t, "  []\n")
	socket := filepath.Join(t.TempDir(), "notify")
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	d.start("env", "NOTIFY_SOCKET="+socket)
	expectNotice(t, notify, "READY=1")
	text, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	change := func(more, logged string) {
		t.Helper()
		if err := os.WriteFile(d.config, append(text[:len(text):len(text)], more...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.run.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		await(t, logged, func() error {
			if !strings.Contains(d.all.String(), logged) {
				return fmt.Errorf("%q is not logged", logged)
			}
			return nil
		})
	}
	change("", "the configuration has not changed")
	change("regoin: GB\n", "did you mean region?")
	await(t, "the metric of a failed reload", func() error { return metricIs(d, "smsbridge_config_last_reload_successful 0") })
	change("log: {level: debug}\n", "the configuration has changed")
	if said := expectNotice(t, notify, "RELOADING=1"); !strings.Contains(said, "MONOTONIC_USEC=") {
		t.Errorf("systemd is told %q, without the time", said)
	}
	expectNotice(t, notify, "READY=1")
	if code, took := d.terminate(); code != 0 || took > 10*time.Second {
		t.Errorf("the daemon ended with %d after %v", code, took)
	}
	expectNotice(t, notify, "STOPPING=1")
}

// expectNotice is the next message to systemd, which must contain want.
func expectNotice(t *testing.T, from *net.UnixConn, want string) string {
	t.Helper()
	if err := from.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := from.Read(b)
	if err != nil {
		t.Fatalf("waiting for %s: %v", want, err)
	}
	if said := string(b[:n]); !strings.Contains(said, want) {
		t.Fatalf("systemd is told %q, want %s", said, want)
	}
	return string(b[:n])
}

// metricIs looks for a line among the metrics.
func metricIs(d *daemon, line string) error {
	response, err := http.Get(d.address() + "/metrics")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	all, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if !strings.Contains("\n"+string(all), "\n"+line+"\n") {
		return fmt.Errorf("%q is not among the metrics", line)
	}
	return nil
}
