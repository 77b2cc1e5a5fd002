package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

func TestWrongConfigurationDoesNotStart(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, smppCarrier("127.0.0.1:2775", "", "      windw: 3\n")+"    allow_to: [one]\nstorre: x\n")
	for _, name := range []string{"serve", "check"} {
		var stderr bytes.Buffer
		cmd := command(t, name, "--config", d.config)
		cmd.Stderr = &stderr
		var exit *exec.ExitError
		if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("%s: %v, want exit code 1", name, err)
		}
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		for _, want := range []string{":14: carriers[0].smpp.windw: ", ":15: carriers[0].allow_to[0]: ", ":16: storre: "} {
			if !strings.Contains(stderr.String(), d.config+want) {
				t.Errorf("%s: no problem at %q in:\n%s", name, want, &stderr)
			}
		}
		if len(lines) != 3 {
			t.Errorf("%s: %d lines, want 3:\n%s", name, len(lines), &stderr)
		}
	}
	if _, err := os.Stat(strings.TrimSuffix(d.config, ".yaml") + ".db"); !os.IsNotExist(err) {
		t.Errorf("the store was made: %v", err)
	}
}

// A daemon whose carrier is away signs people in and queues. The SMSC is
// `smsbridge simulate smsc`, with the control endpoint that its users have.
func TestCarrierIsDown(t *testing.T) {
	t.Parallel()
	address := unusedAddress(t)
	d := newDaemon(t, smppCarrier(address, "", ""))
	ana, operator := d.person("Ana", "101", "agent"), d.token("operator", "carriers:read,metrics:read")
	d.start()
	ana.signIn()
	stream := ana.follow()
	d.get("/-/ready", 200)
	await(t, "the carrier is down", func() error {
		if c := list[carrier](operator, "/carriers")[0]; c.State != "down" || c.Error == "" {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	var c conversation
	ana.must("POST", "/conversations", map[string]string{"to": "(260) 205-8901", "text": "Are you there?"}, 201, &c)
	if c.Peer != customer || c.LastMessage.Tick != "queued" {
		t.Errorf("to %s, %s; want %s, queued", c.Peer, c.LastMessage.Tick, customer)
	}
	d.get("/-/ready", 200)
	d.get("/-/healthy", 200)

	simulator := command(t, "simulate", "smsc", "--listen", address, "--http", "127.0.0.1:0", "--system-id", "us", "--password", "secret", "--quiet")
	stdout, err := simulator.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := simulator.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = simulator.Process.Kill(); _ = simulator.Wait() })
	printed := bufio.NewScanner(stdout)
	if !printed.Scan() {
		t.Fatal("the simulator prints nothing")
	}
	control := strings.TrimPrefix(printed.Text(), "control endpoint on ")
	for _, want := range []string{"sent", "delivered"} {
		e := stream.until("message.tick", func(e event) bool { return e.Type == "message.tick" })
		if e.Data.Message.ID != c.LastMessage.ID || e.Data.Message.Tick != want {
			t.Fatalf("%+v, want %s", e.Data.Message, want)
		}
	}
	var arrived []smppsim.Message
	if err := json.Unmarshal(d.fetch(control+"/messages", 200), &arrived); err != nil || len(arrived) != 1 || arrived[0].Text != "Are you there?" || arrived[0].To != customer {
		t.Errorf("at the SMSC: %+v %v", arrived, err)
	}
}

// unusedAddress is one that nobody listens on, and nobody is given by chance
// while the test runs; who asks for it by its number may listen on it.
func unusedAddress(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port)
}

func TestWrongTextsAreRefused(t *testing.T) {
	t.Parallel()
	d := newDaemon(t, smppCarrier("127.0.0.1:1", "", ""))
	ana, program := d.person("Ana", "101", "agent"), d.token("load", "messages:send")
	d.start()
	ana.signIn()
	long := strings.Repeat("x", 1531)
	for _, test := range []struct {
		name       string
		who        *user
		path       string
		body       map[string]string
		status     int
		code       string
		suggestion string
		detail     []string
	}{
		{"letters", ana, "/conversations", map[string]string{"to": "260-205-TEXT", "text": "x"}, 422, "number_invalid", "+12602058398", nil},
		{"no number", ana, "/conversations", map[string]string{"to": "nobody", "text": "x"}, 422, "number_invalid", "", nil},
		{"possible, not valid", ana, "/conversations", map[string]string{"to": "+12601008901", "text": "x"}, 422, "number_invalid", "", []string{"to_as_typed"}},
		{"too long", ana, "/conversations", map[string]string{"to": customer, "text": long}, 422, "text_too_long", "", []string{"1531 characters", "11 segments", "at most 10"}},
		{"too long in UCS-2", program, "/messages", map[string]string{"to": customer, "text": strings.Repeat("ż", 671)}, 422, "text_too_long", "", []string{"671 characters", "11 segments"}},
		{"empty", program, "/messages", map[string]string{"to": customer, "text": ""}, 422, "text_empty", "", nil},
		{"not ours", program, "/messages", map[string]string{"from": "+12602050000", "to": customer, "text": "x"}, 422, "number_not_ours", "", nil},
		{"no scope", program, "/conversations", map[string]string{"to": customer, "text": "x"}, 403, "forbidden", "", nil},
		{"not JSON's fields", program, "/messages", map[string]string{"recipient": customer, "text": "x"}, 422, "invalid_request", "", []string{"recipient"}},
	} {
		var p problem
		test.who.must("POST", test.path, test.body, test.status, &p)
		if p.Code != test.code || test.suggestion != "" && p.Suggestion != test.suggestion {
			t.Errorf("%s: %+v, want %s, suggestion %q", test.name, p, test.code, test.suggestion)
		}
		for _, want := range test.detail {
			if !strings.Contains(p.Detail, want) {
				t.Errorf("%s: %q says nothing of %q", test.name, p.Detail, want)
			}
		}
	}
	program.must("POST", "/messages", map[string]string{"to": customer, "text": long[:1530]}, 202, nil) // ten segments
}

// TestDiskIsFull keeps the running daemon's files from growing, as a full disk
// does, while a response is on its way.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	smsc, err := smppsim.Start(t.Context(), smppsim.Options{Accounts: map[string]smppsim.Account{"us": {Password: "secret"}},
		Script: smppsim.Script{Submit: smppsim.SubmitScript{Delay: 500 * time.Millisecond}, Deliver: smppsim.DeliverScript{RetryAfter: 50 * time.Millisecond}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { smsc.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	counts := func(what string, ok func(smppsim.Stats) bool) {
		t.Helper()
		if stats, err := smsc.Await(ctx, ok); err != nil {
			t.Fatalf("%s: %v: %+v", what, err, stats)
		}
	}
	d := newDaemon(t, smppCarrier(smsc.Addr(), "", ""))
	program := d.token("load", "messages:send,messages:read,events:read")
	d.start()
	stream := program.follow()
	counts("bound", func(s smppsim.Stats) bool { return s.Bound == 1 })
	var before message
	program.must("POST", "/messages", map[string]string{"to": customer, "text": "before"}, 202, &before)
	counts("submitted", func(s smppsim.Stats) bool { return s.Accepted == 1 })

	limitFiles(t, d, 0)
	body := map[string]string{"to": customer, "text": "while it is full"}
	var p problem
	if program.must("POST", "/messages", body, 503, &p, "Idempotency-Key", "k"); p.Code != "store_unavailable" {
		t.Errorf("code %q, want store_unavailable", p.Code)
	}
	answered := make(chan error, 1)
	go func() {
		status, err := smsc.Deliver(ctx, customer, ourNumber, "are you full?")
		if err == nil && status != smpp.ESME_ROK {
			err = fmt.Errorf("answered %v", status)
		}
		answered <- err
	}()
	counts("response", func(s smppsim.Stats) bool { return s.Responses == 1 })
	so := smsc.Stats().Retried // while the daemon has a result that it cannot store
	counts("temporary errors", func(s smppsim.Stats) bool { return s.Retried >= so+3 })
	if got := list[message](program, "/messages?direction=in"); len(got) != 0 {
		t.Errorf("stored on a full disk: %+v", got)
	}
	d.get("/-/healthy", 200)

	limitFiles(t, d, unix.RLIM_INFINITY)
	if err := <-answered; err != nil {
		t.Errorf("deliver_sm with room again: %v", err)
	}
	var after message
	program.must("POST", "/messages", body, 202, &after, "Idempotency-Key", "k")
	for _, m := range []message{before, after} {
		stream.until("delivery of "+m.Text, func(e event) bool {
			return e.Type == "message.tick" && e.Data.Message.ID == m.ID && e.Data.Message.Tick == "delivered"
		})
	}
	if got := list[message](program, "/messages?direction=in"); len(got) != 1 || got[0].Text != "are you full?" {
		t.Errorf("in the store: %+v, want the text once", got)
	}
	if got := smsc.Messages(); len(got) != 2 {
		t.Errorf("submitted: %+v, want two texts", got)
	}
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// limitFiles bounds the size of the files that the daemon writes.
func limitFiles(t *testing.T, d *daemon, octets uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: octets, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(d.run.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
}
