package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// These tests run the program itself, as a process, and reach it as its users
// do: over HTTP, over SMPP and by its commands.

// patience bounds each wait for the program. Nothing takes nearly as long but
// on a machine that has other things to do.
const patience = 30 * time.Second

// scratch holds the built program while the tests run.
var scratch string

func TestMain(m *testing.M) {
	if os.Getenv(smscRole) != "" {
		serveSMSC()
		return
	}
	if os.Getenv(benchRole) != "" {
		serveBenchSMSC()
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "smsbridge-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue { // these tests wait for processes more than they compute
		if err := f.Value.Set(strconv.Itoa(2 * runtime.GOMAXPROCS(0))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program builds the program once, with the race detector if the tests have it,
// and as they have it.
var program = sync.OnceValues(func() (string, error) {
	args := []string{"build", "-buildvcs=false", "-o", filepath.Join(scratch, "smsbridge")}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" || s.Key == "-gcflags" {
				args = append(args, s.Key+"="+s.Value)
			}
		}
	}
	output, err := exec.Command("go", append(args, ".")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, output)
	}
	return filepath.Join(scratch, "smsbridge"), nil
})

// command prepares a run of the program. It ends with the test at the latest.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	// The journal's variables would change how the program logs.
	cmd.Env = append(os.Environ(), "JOURNAL_STREAM=", "NOTIFY_SOCKET=", "CREDENTIALS_DIRECTORY=")
	return cmd
}

// daemon is `smsbridge serve`, which may be killed and started again.
type daemon struct {
	t      testing.TB
	config string // path
	client http.Client
	url    atomic.Value // string: of the present run, or the last
	run    *daemonRun   // the same
	all    *transcript
}

// daemonRun is one process.
type daemonRun struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // then
}

// transcript keeps what a daemon logs, all its runs together.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.WriteString(line)
	l.b.WriteByte('\n')
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newDaemon writes a configuration, of which carriers is the YAML, into a folder
// of its own. The daemon is not running yet.
func newDaemon(t testing.TB, carriers string) *daemon {
	t.Helper()
	d := &daemon{t: t, config: filepath.Join(t.TempDir(), "smsbridge.yaml"), all: new(transcript)}
	d.client.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	text := "listen: 127.0.0.1:0\nregion: US\nstore: sqlite:smsbridge.db\nnode: test\ncarriers:\n" + carriers
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.kill()
		if log := d.all.String(); t.Failed() {
			t.Logf("the daemon's log:\n%s", lastLines(log, 200))
		} else if strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
			t.Errorf("the daemon's log:\n%s", log)
		}
	})
	return d
}

func lastLines(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// smppCarrier is the YAML of an account; more is indented by six spaces.
func smppCarrier(address, options, more string) string {
	return fmt.Sprintf("  - name: acme\n    numbers: [%q]\n%s    smpp:\n      hosts: [%q]\n      system_id: us\n      password: secret\n"+
		"      rate: 1000/s\n      reconnect: {min: 50ms, max: 250ms}\n%s", ourNumber, options, address, more)
}

const ourNumber = "+12602058900"

var readyLine = regexp.MustCompile(`msg=ready listen=(\S+)`)

// start starts the daemon and waits until it serves.
func (d *daemon) start(prefix ...string) {
	d.t.Helper()
	cmd := command(d.t, "serve", "--config", d.config)
	if len(prefix) > 0 {
		cmd.Args = slices.Concat(prefix, []string{cmd.Path}, cmd.Args[1:])
		var err error
		if cmd.Path, err = exec.LookPath(prefix[0]); err != nil {
			d.t.Fatal(err)
		}
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	run := &daemonRun{cmd: cmd, done: make(chan struct{})}
	d.run = run
	ready := make(chan string, 1)
	go func() {
		defer close(run.done)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			d.all.add(lines.Text())
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m[1]
			}
		}
		run.err = cmd.Wait()
	}()
	select {
	case address := <-ready:
		d.url.Store("http://" + address)
	case <-run.done:
		d.t.Fatalf("the daemon has ended: %v", run.err)
	case <-time.After(patience):
		d.t.Fatal("the daemon is not ready")
	}
}

// address is where the daemon serves HTTP.
func (d *daemon) address() string { return d.url.Load().(string) }

// get reads a page outside the API.
func (d *daemon) get(path string, want int) []byte {
	d.t.Helper()
	return d.fetch(d.address()+path, want)
}

func (d *daemon) fetch(url string, want int) []byte {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if response.StatusCode != want {
		d.t.Fatalf("GET %s: %d, want %d: %s", url, response.StatusCode, want, body)
	}
	return body
}

// kill ends the daemon as a power cut does, and waits for that.
func (d *daemon) kill() {
	if d.run != nil {
		_ = d.run.cmd.Process.Kill()
		<-d.run.done
	}
}

// restart is a crash and what systemd does about it.
func (d *daemon) restart() {
	d.t.Helper()
	d.kill()
	d.start()
}

// terminate stops the daemon as systemd does, and returns its exit code and how
// long it took.
func (d *daemon) terminate() (code int, took time.Duration) {
	d.t.Helper()
	began := time.Now()
	if err := d.run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	select {
	case <-d.run.done:
	case <-time.After(patience):
		d.t.Fatal("the daemon does not stop")
	}
	return d.run.cmd.ProcessState.ExitCode(), time.Since(began)
}

// tool runs one of the program's commands on the daemon's configuration.
func (d *daemon) tool(stdin string, args ...string) string {
	d.t.Helper()
	cmd := command(d.t, append(args, "--config", d.config)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("smsbridge %v: %v\n%s", args, err, &stderr)
	}
	return string(output)
}

const password = "correct horse"

// person adds somebody, who is not signed in yet.
func (d *daemon) person(name, extension, role string) *user {
	d.t.Helper()
	d.tool(password+"\n", "user", "add", name, "--extension", extension, "--role", role, "--password-stdin")
	jar, err := cookiejar.New(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return &user{t: d.t, d: d, name: name, extension: extension, http: &http.Client{Transport: d.client.Transport, Jar: jar}}
}

// token makes a program with scopes; more is further arguments.
func (d *daemon) token(name, scopes string, more ...string) *user {
	d.t.Helper()
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(d.tool("", append([]string{"token", "create", name, "--scope", scopes, "--json"}, more...)...)), &made); err != nil || made.Token == "" {
		d.t.Fatalf("token create: %v", err)
	}
	return &user{t: d.t, d: d, name: name, token: made.Token, http: &d.client}
}

// await asks again and again until ok returns nil.
func await(t testing.TB, what string, ok func() error) {
	t.Helper()
	awaitWithin(t, patience, what, ok)
}

func awaitWithin(t testing.TB, limit time.Duration, what string, ok func() error) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := ok()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			t.Fatalf("%s: %v", what, err)
		}
	}
}
