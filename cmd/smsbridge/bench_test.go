package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// These benchmarks measure the program as a process, beside an SMSC in a process
// of its own, with an event stream being read. The figures are of everything
// that happens between a request and the last event about it; the load shares
// the machine. Run them with `make bench`, and look at ratios.

// benchRole is the variable by which a benchmark starts its own binary again, as
// an SMSC that is told by lines what to deliver.
const benchRole = "SMSBRIDGE_BENCH_SMSC"

// serveBenchSMSC answers each line "flood N" when N texts are acknowledged.
func serveBenchSMSC() {
	script := smppsim.Script{}
	if os.Getenv(benchRole) == "silent" {
		script.Receipt.When = smppsim.ReceiptsNever
	}
	smsc, err := smppsim.Start(context.Background(), smppsim.Options{Script: script, Record: 1})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer smsc.Close()
	fmt.Println(smsc.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		n, err := strconv.ParseInt(strings.TrimPrefix(lines.Text(), "flood "), 10, 64)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(flood(smsc, n))
	}
}

func flood(smsc *smppsim.SMSC, n int64) string {
	var next, refused atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			for i := next.Add(1); i <= n; i = next.Add(1) {
				from := fmt.Sprintf("+1260%07d", 2058000+i%1000)
				if status, err := smsc.Deliver(context.Background(), from, ourNumber, fmt.Sprintf("M%08d a text of the bench", i)); err != nil || status != smpp.ESME_ROK {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	return fmt.Sprintf("%d refused", refused.Load())
}

// bench is a daemon under load.
type bench struct {
	*testing.B
	daemon *daemon
	token  *user
	smsc   io.Writer
	said   *bufio.Scanner
	events atomic.Pointer[counter]
}

// counter counts the events that contain a word, and closes done at the last.
type counter struct {
	word  []byte
	left  int
	done  chan struct{}
	begin time.Time
	delay []time.Duration // of each, if the text carries its time
}

func startBench(b *testing.B, window int, receipts bool, storeOptions string) *bench {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	role := "receipts"
	if !receipts {
		role = "silent"
	}
	cmd.Env = append(os.Environ(), benchRole+"="+role)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	s := &bench{B: b, smsc: in, said: bufio.NewScanner(out)}
	if !s.said.Scan() {
		b.Fatal("the SMSC does not start")
	}
	carrier := smppCarrier(s.said.Text(), "", fmt.Sprintf("      window: %d\n", window))
	s.daemon = newDaemon(b, strings.Replace(carrier, "rate: 1000/s", "rate: 100000/s", 1))
	if storeOptions != "" {
		text, err := os.ReadFile(s.daemon.config)
		if err != nil {
			b.Fatal(err)
		}
		text = bytes.Replace(text, []byte("sqlite:smsbridge.db"), []byte(`"sqlite:smsbridge.db`+storeOptions+`"`), 1)
		if err := os.WriteFile(s.daemon.config, text, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	s.daemon.start()
	s.token = s.daemon.token("bench", "messages:send,messages:read,events:read,carriers:read")
	s.follow()
	await(b, "the carrier", func() error {
		var all struct{ Items []struct{ State string } }
		s.token.must("GET", "/carriers", nil, http.StatusOK, &all)
		if len(all.Items) != 1 || all.Items[0].State != "up" {
			return fmt.Errorf("carriers: %v", all)
		}
		return nil
	})
	return s
}

// follow reads an event stream for as long as the benchmark runs.
func (s *bench) follow() {
	response, err := s.token.open(s.Context(), "GET", "/events", nil)
	if err != nil {
		s.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		lines := bufio.NewScanner(bufio.NewReaderSize(response.Body, 256<<10))
		lines.Buffer(make([]byte, 64<<10), 1<<20)
		for lines.Scan() {
			c := s.events.Load()
			if c == nil || c.left == 0 || !bytes.HasPrefix(lines.Bytes(), []byte("data: ")) || !bytes.Contains(lines.Bytes(), c.word) {
				continue
			}
			if at := bytes.Index(lines.Bytes(), []byte(" t=")); at > 0 {
				stamp := lines.Bytes()[at+3:]
				if n, err := strconv.ParseInt(string(stamp[:bytes.IndexByte(stamp, '"')]), 10, 64); err == nil {
					c.delay = append(c.delay, time.Since(time.Unix(0, n)))
				}
			}
			if c.left--; c.left == 0 {
				close(c.done)
			}
		}
	})
	s.Cleanup(func() { response.Body.Close(); reading.Wait() })
}

// expect begins to count events.
func (s *bench) expect(word string, n int) *counter {
	c := &counter{word: []byte(word), left: n, done: make(chan struct{}), begin: time.Now()}
	s.events.Store(c)
	return c
}

func (s *bench) wait(c *counter) {
	select {
	case <-c.done:
	case <-time.After(2 * time.Minute):
		s.Fatal("not every text has its event")
	}
}

// send posts n texts over some connections, each at most so often a second in
// all, by the plainest HTTP: the load should cost little beside its object.
func (s *bench) send(n, connections int, rate float64) []time.Duration {
	var next atomic.Int64
	var mu sync.Mutex
	var delays []time.Duration
	var all sync.WaitGroup
	begin := time.Now()
	for range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.daemon.address(), "http://"))
			if err != nil {
				s.Error(err)
				return
			}
			defer conn.Close()
			answers := bufio.NewReader(conn)
			var mine []time.Duration
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if rate > 0 {
					if wait := time.Until(begin.Add(time.Duration(float64(i) / rate * float64(time.Second)))); wait > 0 {
						<-time.After(wait)
					}
				}
				at := time.Now()
				body := fmt.Sprintf(`{"from":%q,"to":"+1260%07d","text":"L%08d a text of the bench t=%d"}`, ourNumber, 2000000+i*7919%7000000, i, at.UnixNano())
				fmt.Fprintf(conn, "POST /api/v1/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
					s.token.token, len(body), body)
				if err := readAnswer(answers); err != nil {
					s.Error(err)
					return
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			delays = append(delays, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	return delays
}

func readAnswer(r *bufio.Reader) error {
	status, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(v); err != nil {
				return err
			}
		}
	}
	if _, err := r.Discard(length); err != nil {
		return err
	}
	if !strings.Contains(status, " 202 ") {
		return fmt.Errorf("POST /messages: %s", strings.TrimSpace(status))
	}
	return nil
}

// cpu is what the daemon has used (proc(5): utime and stime in ticks of 10 ms).
func (s *bench) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.daemon.run.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is a line of the daemon's /proc status, in MB.
func (s *bench) memory(line string) float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.daemon.run.cmd.Process.Pid))
	for l := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(l, line+":"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return float64(kb) / 1024
		}
	}
	return 0
}

// report shows the rate of n texts since the count began.
func (s *bench) report(n int, took, cpu time.Duration) {
	s.ReportMetric(float64(n)/took.Seconds(), "texts/s")
	s.ReportMetric(cpu.Seconds()/float64(n)*10_000, "cpu-s/10k")
	s.ReportMetric(s.memory("VmHWM"), "MB-peak")
	s.ReportMetric(0, "ns/op")
}

func percentile(d []time.Duration, p float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return float64(d[int(p*float64(len(d)-1))].Microseconds()) / 1000
}

const benchTexts = 30_000

// BenchmarkDaemonOut is texts from POST /messages to the event of their last tick.
func BenchmarkDaemonOut(b *testing.B) {
	for _, c := range []struct {
		name     string
		window   int
		receipts bool
		store    string
		texts    int
	}{
		{"window=100/receipts", 100, true, "", benchTexts},
		{"window=10/receipts", 10, true, "", benchTexts},
		{"window=100/none", 100, false, "", benchTexts},
		{"window=10/none", 10, false, "", benchTexts},
		{"window=100/receipts/fsync=5ms", 100, true, "?fsync_delay=5ms", benchTexts / 3},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := startBench(b, c.window, c.receipts, c.store)
			b.ReportMetric(s.memory("VmRSS"), "MB-idle")
			word := `"tick":"delivered"`
			if !c.receipts {
				word = `"tick":"sent"`
			}
			var took, cpu time.Duration
			for range b.N {
				n, used := s.expect(word, c.texts), s.cpu()
				s.send(c.texts, 32, 0)
				s.wait(n)
				took, cpu = took+time.Since(n.begin), cpu+s.cpu()-used
			}
			s.report(b.N*c.texts, took, cpu)
		})
	}
}

// BenchmarkDaemonIn is texts from the SMSC to their event.
func BenchmarkDaemonIn(b *testing.B) {
	s := startBench(b, 10, true, "")
	var took, cpu time.Duration
	for range b.N {
		n, used := s.expect(`"type":"message.received"`, benchTexts), s.cpu()
		fmt.Fprintf(s.smsc, "flood %d\n", benchTexts)
		if !s.said.Scan() || s.said.Text() != "0 refused" {
			b.Fatalf("the SMSC says %q", s.said.Text())
		}
		s.wait(n)
		took, cpu = took+time.Since(n.begin), cpu+s.cpu()-used
	}
	s.report(b.N*benchTexts, took, cpu)
}

// BenchmarkDaemonLatency is the time from a request to its answer, and to the
// event that the SMSC has accepted the text, with little to do and at half load.
func BenchmarkDaemonLatency(b *testing.B) {
	for _, c := range []struct {
		name        string
		rate        float64
		texts       int
		connections int
	}{{"rest", 20, 200, 1}, {"half", 3000, 15_000, 32}} {
		b.Run(c.name, func(b *testing.B) {
			s := startBench(b, 100, false, "")
			s.send(100, 1, 0)
			var answers, sent []time.Duration
			for range b.N {
				n := s.expect(`"tick":"sent"`, c.texts)
				answers = append(answers, s.send(c.texts, c.connections, c.rate)...)
				s.wait(n)
				sent = append(sent, n.delay...)
			}
			b.ReportMetric(percentile(answers, .5), "ms-answer-p50")
			b.ReportMetric(percentile(answers, .99), "ms-answer-p99")
			b.ReportMetric(percentile(sent, .5), "ms-sent-p50")
			b.ReportMetric(percentile(sent, .99), "ms-sent-p99")
			b.ReportMetric(0, "ns/op")
		})
	}
}
