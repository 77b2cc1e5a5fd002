package smppsim

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"smsbridge/smpp"
)

// kannel is the gateway Kannel, bound to a simulator as its client: bearerbox,
// which speaks SMPP, and smsbox, which speaks HTTP.
type kannel struct {
	t         *testing.T
	sendsms   string      // URL
	calls     chan string // what it called back
	callback  string      // URL
	client    *http.Client
	bearerbox *exec.Cmd
}

const kannelConf = `group = core
admin-port = %[1]d
admin-interface = 127.0.0.1
admin-password = secret
smsbox-port = %[2]d
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
dlr-storage = internal
sms-resend-freq = 1
log-file = %[4]s/bearerbox.log
log-level = 1

group = smsc
smsc = smpp
smsc-id = simulator
host = %[5]s
port = %[6]s
transceiver-mode = 1
smsc-username = us
smsc-password = secret
system-type = ""
interface-version = 34
enquire-link-interval = 1
reconnect-delay = 1
connection-timeout = 60

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = %[2]d
sendsms-port = %[3]d
sendsms-interface = 127.0.0.1
log-file = %[4]s/smsbox.log
log-level = 1

group = sendsms-user
username = tester
password = secret
max-messages = 10
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
omit-empty = true
get-url = "%[7]s/text?from=%%p&to=%%P&coding=%%c&text=%%b"
`

// startKannel runs Kannel in a folder of the test. It cannot be told to listen on a
// port of its choice, so that another program may take one of those it is given.
func startKannel(t *testing.T, s *SMSC) *kannel {
	t.Helper()
	bearerbox, err := lookKannel("bearerbox")
	smsbox, otherErr := lookKannel("smsbox")
	if err == nil {
		err = otherErr
	}
	if err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("SMSBRIDGE_TEST_INTEROP") == "required" {
			t.Fatal(err)
		}
		t.Skipf("NOT TESTED: Kannel bound to the simulator. Install kannel: %v", err)
	}
	k := &kannel{t: t, calls: make(chan string, 100), client: &http.Client{Timeout: patience}}
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); r.URL.Path == "/text" {
			text := query.Get("text")
			if query.Get("coding") == "2" {
				text = decodeUCS2([]byte(text))
			}
			k.calls <- fmt.Sprintf("text from %s to %s: %s", query.Get("from"), query.Get("to"), text)
		} else {
			k.calls <- "receipt " + r.URL.RawQuery
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(k.client.CloseIdleConnections)
	k.callback = web.URL
	const attempts = 3
	for attempt := 1; ; attempt++ {
		if k.run(bearerbox, smsbox, s) {
			return k
		}
		if attempt == attempts {
			t.Fatalf("Kannel did not start in %d attempts", attempts)
		}
	}
}

// lookKannel finds a program that Debian keeps out of the PATH of ordinary users.
func lookKannel(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}

// run starts both programs, and says whether they serve.
func (k *kannel) run(bearerbox, smsbox string, s *SMSC) bool {
	k.t.Helper()
	folder := k.t.TempDir()
	ports := freePorts(k.t, 3)
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		k.t.Fatal(err)
	}
	conf := filepath.Join(folder, "kannel.conf")
	text := fmt.Sprintf(kannelConf, ports[0], ports[1], ports[2], folder, host, port, k.callback)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { k.showLogs(folder) })
	k.sendsms = fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/sendsms", ports[2])
	var ended <-chan struct{}
	k.bearerbox, ended = k.start(folder, bearerbox, conf)
	if !k.listens(ports[1], ended) {
		return false
	}
	_, ended = k.start(folder, smsbox, conf)
	if !k.listens(ports[2], ended) {
		return false
	}
	status := fmt.Sprintf("http://127.0.0.1:%d/status.txt?password=secret", ports[0])
	return k.poll("smsbox is connected to bearerbox", ended, func() bool {
		response, err := k.client.Get(status)
		if err != nil {
			return false
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return err == nil && strings.Contains(string(body), "smsbox")
	})
}

func (k *kannel) showLogs(folder string) {
	if !k.t.Failed() {
		return
	}
	for _, name := range []string{"bearerbox.out", "bearerbox.log", "smsbox.out", "smsbox.log"} {
		if b, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
			k.t.Logf("%s:\n%s", name, b[max(0, len(b)-6000):])
		}
	}
}

// start starts one of the programs, which ends with the test at the latest.
func (k *kannel) start(folder, program, conf string) (*exec.Cmd, <-chan struct{}) {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), program, "-v", "2", conf)
	cmd.Dir = folder
	said, err := os.Create(filepath.Join(folder, filepath.Base(program)+".out"))
	if err != nil {
		k.t.Fatal(err)
	}
	defer said.Close()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ends says nothing: it is killed
	}()
	k.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return cmd, ended
}

// listens waits until somebody listens on a port, or the program ends.
func (k *kannel) listens(port int, ended <-chan struct{}) bool {
	k.t.Helper()
	return k.poll(fmt.Sprintf("port %d is open", port), ended, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// poll waits until something is true, or the program ends.
func (k *kannel) poll(what string, ended <-chan struct{}, ok func() bool) bool {
	k.t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(patience); ; {
		if ok() {
			return true
		}
		select {
		case <-again.C:
		case <-ended:
			return false
		case <-deadline:
			k.t.Fatalf("not in time: %s", what)
		}
	}
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// sends has Kannel submit a text from ours to customer.
func (k *kannel) sends(text string, more url.Values) {
	k.t.Helper()
	query := url.Values{
		"username": {"tester"}, "password": {"secret"}, "from": {ours}, "to": {customer}, "text": {text}, "charset": {"UTF-8"},
	}
	for key, value := range more {
		query[key] = value
	}
	response, err := k.client.Get(k.sendsms + "?" + query.Encode())
	if err != nil {
		k.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusAccepted {
		k.t.Fatalf("sendsms: %s %s, %v", response.Status, body, err)
	}
}

// called waits for Kannel to make these calls, which it does at the same time.
func (k *kannel) called(want ...string) {
	k.t.Helper()
	var got []string
	for deadline := time.After(patience); len(got) < len(want); {
		select {
		case call := <-k.calls:
			got = append(got, call)
		case <-deadline:
			k.t.Fatalf("Kannel called %q, want %q", got, want)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		k.t.Errorf("Kannel called %q, want %q", got, want)
	}
}

// TestKannelBindsToSimulator has a client that nobody here wrote vouch for the
// simulator: texts and receipts in both directions.
func TestKannelBindsToSimulator(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret"}}, Script: Script{
		Submit: SubmitScript{ID: IDUUID}, Receipt: ReceiptScript{Delay: 50 * time.Millisecond, StateTo: map[string]string{"4": "UNDELIV"}},
	}})
	submitted := make(chan Message, 10)
	s.OnMessage(func(m Message) { submitted <- m })
	k := startKannel(t, s)
	await(t, s, func(stats Stats) bool { return stats.Bound == 1 })

	submits := func(want string, parts int) {
		t.Helper()
		select {
		case m := <-submitted:
			if m.Text != want || m.From != ours || len(m.IDs) != parts {
				t.Errorf("submitted %+v, want %q in %d parts", m, want, parts)
			}
		case <-time.After(patience):
			t.Fatalf("%q is not submitted", want)
		}
	}
	receipts := url.Values{"dlr-mask": {"31"}, "dlr-url": {k.callback + "/receipt?%d"}}
	const accepted, delivered, undelivered = "receipt 8", "receipt 1", "receipt 2"
	k.sends("Is it {ready}? It costs 5€ @ noon", receipts)
	submits("Is it {ready}? It costs 5€ @ noon", 1)
	k.called(accepted, delivered)
	k.sends("To nobody", url.Values{"dlr-mask": receipts["dlr-mask"], "dlr-url": receipts["dlr-url"], "to": {customer[:12] + "4"}})
	submits("To nobody", 1)
	k.called(accepted, undelivered)
	long := strings.Repeat("Open from nine until six, also on Saturday. ", 9)
	k.sends(long, nil)
	submits(long, 3)
	k.sends("Zażółć 😀", url.Values{"coding": {"2"}})
	submits("Zażółć 😀", 1)

	kannelReceives(t, s, k)
	kannelIsThrottled(t, s, k, submits)

	await(t, s, func(stats Stats) bool { return stats.EnquireLinks > 1 && stats.Owed == 0 })
	if stats := s.Stats(); stats.ProtocolErrors != 0 || stats.ReceiptsRefused != 0 || stats.InboundRefused != 0 || stats.Binds != 1 {
		t.Errorf("counters %+v", stats)
	}
	if err := k.bearerbox.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	await(t, s, func(stats Stats) bool { return stats.Bound == 0 })
}

// kannelReceives delivers texts in every shape that Kannel knows.
func kannelReceives(t *testing.T, s *SMSC, k *kannel) {
	t.Helper()
	delivers := func(text string, options ...DeliverOption) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if status, err := s.Deliver(ctx, customer, ours, text, options...); err != nil || status != smpp.ESME_ROK {
			t.Fatalf("%q: %v, %v", text, status, err)
		}
		k.called(fmt.Sprintf("text from %s to %s: %s", customer, ours, text))
	}
	delivers("Is it {ready}? It costs 5€ @ noon")
	delivers("Zażółć 😀")
	delivers(strings.Repeat("A long text. ", 30))
	delivers(strings.Repeat("Zażółć gęślą jaźń. ", 10), Split(SplitUDH16))
	delivers(strings.Repeat("A long text. ", 30), Split(SplitSAR))
	delivers(strings.Repeat("A long text. ", 30), Split(SplitPayload))
}

// kannelIsThrottled refuses every second submit for a while.
func kannelIsThrottled(t *testing.T, s *SMSC, k *kannel, submits func(string, int)) {
	t.Helper()
	script := s.Script()
	script.Submit.ThrottleEvery = 2
	if err := s.SetScript(script); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		k.sends(text, nil)
		submits(text, 1)
	}
	if got := s.Stats().Throttled; got != 1 {
		t.Errorf("%d throttled", got)
	}
}
