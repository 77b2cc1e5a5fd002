package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"smsbridge/config"
)

// demoPatience bounds each step of the story: its parts take seconds.
const demoPatience = 15 * time.Second

// running is a demo that somebody watches.
type running struct {
	t     *testing.T
	lines chan string // what it prints; closed at its end
	stop  context.CancelFunc
	code  chan int
	err   *bytes.Buffer // to be read once it has stopped
}

func startDemo(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	d := &running{t: t, lines: make(chan string, 1000), stop: stop, code: make(chan int, 1), err: new(bytes.Buffer)}
	r, w := io.Pipe()
	go func() {
		d.code <- run(ctx, append([]string{"demo", "--listen", "127.0.0.1:0"}, args...), std{in: strings.NewReader(""), out: w, err: d.err})
		w.Close()
	}()
	go func() {
		defer close(d.lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			d.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { d.stopped() })
	return d
}

// sees waits for a line and returns what its groups match.
func (d *running) sees(pattern string) []string {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.NewTimer(demoPatience)
	defer deadline.Stop()
	var seen []string
	for {
		select {
		case line, ok := <-d.lines:
			if !ok {
				d.t.Fatalf("the demo ended without a line like %q:\n%s\n%s", pattern, strings.Join(seen, "\n"), d.err)
			}
			if m := re.FindStringSubmatch(line); m != nil {
				return m[1:]
			}
			seen = append(seen, line)
		case <-deadline.C:
			d.t.Fatalf("no line like %q in:\n%s", pattern, strings.Join(seen, "\n"))
		}
	}
}

// stopped ends the demo as Ctrl-C does, and returns its exit code.
func (d *running) stopped() int {
	d.stop()
	for range d.lines {
	}
	code := <-d.code
	d.code <- code
	return code
}

// agent is a person with a cookie jar, or a program with a token.
type agent struct {
	t     *testing.T
	http  http.Client
	api   string
	token string
}

func newAgent(t *testing.T, api string) *agent {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &agent{t: t, api: api, http: http.Client{Jar: jar, Timeout: demoPatience}}
}

// answer is what the story needs of any answer.
type answer struct {
	ID      string `json:"id"`
	Status  any    `json:"status"` // a conversation's word, or a problem's number
	Code    string `json:"code"`
	Tick    string `json:"tick"`
	Carrier string `json:"carrier"`
	Owner   *named `json:"owner"`
	Items   []struct {
		ID     string `json:"id"`
		Number string `json:"number"`
		Peer   string `json:"peer"`
		Kind   string `json:"carrier_kind"`
	} `json:"items"`
}

func (a *agent) asks(method, path, body string, want int) answer {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.api+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := a.http.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if response.StatusCode != want {
		a.t.Fatalf("%s %s: status %d, want %d: %s", method, path, response.StatusCode, want, text)
	}
	var got answer
	if err := json.Unmarshal(text, &got); err != nil {
		a.t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
	return got
}

// waitsAt finds who waits for an answer from one of our numbers.
func (a *agent) waitsAt(number, kind string) string {
	a.t.Helper()
	deadline, again := time.After(demoPatience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		for _, c := range a.asks("GET", "/conversations?view=waiting", "", http.StatusOK).Items {
			if c.Number == number && c.Kind == kind {
				return "/conversations/" + c.ID
			}
		}
		select {
		case <-again.C:
		case <-deadline:
			a.t.Fatalf("nobody has texted %s by %s", number, kind)
		}
	}
}

// The story that the demo prints, as a person would follow it.
func TestDemoTellsItsStory(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	url := d.sees(`address +(http://\S+)`)[0]
	ana, ben, program := newAgent(t, url+"/api/v1"), newAgent(t, url+"/api/v1"), newAgent(t, url+"/api/v1")
	anaPassword := d.sees(`Ana +agent +extension 101 +password (\S+)`)[0]
	benPassword := d.sees(`Ben +agent +extension 102 +password (\S+)`)[0]
	d.sees(`Mia +manager +extension 201 +password \S+`)
	d.sees(`Olga +owner +extension 301 +password \S+`)
	program.token = d.sees(`token +(sms_\S+)`)[0]
	folder := d.sees(`data +(\S+), removed at the end`)[0]

	ana.asks("POST", "/session", `{"extension":"101","password":"`+anaPassword+`"}`, http.StatusOK)
	ben.asks("POST", "/session", `{"extension":"102","password":"`+benPassword+`"}`, http.StatusOK)
	d.sees(`Maya \+1 260 205 8901 → Reception  "Hi, is my order ready\? .*"  waiting`)
	waiting := ana.asks("GET", "/conversations?view=waiting&sort=oldest&limit=1", "", http.StatusOK)
	if len(waiting.Items) != 1 || waiting.Items[0].Peer != "+12602058901" {
		t.Fatalf("waiting: %+v, want Maya's conversation", waiting.Items)
	}
	conversation := "/conversations/" + waiting.Items[0].ID

	if got := ana.asks("POST", conversation+"/take", "", http.StatusOK); got.Owner == nil || got.Owner.Name != "Ana" {
		t.Errorf("taken by %+v, want Ana", got.Owner)
	}
	d.sees(`Maya .* taken by Ana`)
	late := ben.asks("POST", conversation+"/take", "", http.StatusConflict)
	if late.Code != "already_taken" || late.Owner == nil || late.Owner.Name != "Ana" {
		t.Errorf("Ben's take: %+v, want already_taken by Ana", late)
	}
	late = ben.asks("POST", conversation+"/messages", `{"text":"It is."}`, http.StatusConflict)
	if late.Code != "owned_by_other" || late.Owner == nil || late.Owner.Name != "Ana" {
		t.Errorf("Ben's reply: %+v, want owned_by_other, Ana", late)
	}

	reply := ana.asks("POST", conversation+"/messages", `{"text":"Hello Maya, yes, it is."}`, http.StatusAccepted)
	d.sees(`Maya .* ← Ana  "Hello Maya, yes, it is\."`)
	d.sees(`Maya .* ← Ana  "Hello Maya.*"  sent ✓$`)
	d.sees(`Maya .* ← Ana  "Hello Maya.*"  delivered ✓✓$`)
	if got := ana.asks("GET", "/messages/"+reply.ID, "", http.StatusOK); got.Tick != "delivered" {
		t.Errorf("tick %q, want delivered", got.Tick)
	}
	d.sees(`Maya .* → Ana  "Great, I'll be there at five\."`) // to her, not to the queue
	if thread := ana.asks("GET", conversation+"/messages", "", http.StatusOK); len(thread.Items) < 4 {
		t.Errorf("%d lines in the thread; want two texts, a reply and who took it", len(thread.Items))
	}
	if got := ana.asks("POST", conversation+"/dealt-with", "", http.StatusOK); got.Status != "closed" {
		t.Errorf("status %v, want closed", got.Status)
	}
	d.sees(`Maya .* dealt with by Ana`)

	// The same with who texted the SIM: it is answered from there, and the modem's
	// status report says when it was delivered.
	conversation = ana.waitsAt("+12602058950", "gsm")
	ana.asks("POST", conversation+"/take", "", http.StatusOK)
	d.sees(`Ivy \+1 260 205 8911  taken by Ana`)
	ben.asks("POST", conversation+"/take", "", http.StatusConflict)
	reply = ana.asks("POST", conversation+"/messages", `{"text":"Coming down ☔"}`, http.StatusAccepted)
	d.sees(`Ivy .* ← Ana  "Coming down ☔"  sent ✓$`)
	d.sees(`Ivy .* ← Ana  "Coming down ☔"  delivered ✓✓$`)
	if got := ana.asks("GET", "/messages/"+reply.ID, "", http.StatusOK); got.Tick != "delivered" || got.Carrier != "desk-sim" {
		t.Errorf("tick %q by %q, want delivered by desk-sim", got.Tick, got.Carrier)
	}
	d.sees(`Ivy .* → Ana  "I see you, thanks!"`)

	program.asks("POST", "/messages", `{"from":"+12602058900","to":"`+unreachable+`","text":"Your parcel is ready."}`, http.StatusAccepted)
	d.sees(`Kim .* ← demo  "Your parcel is ready\."  failed !  The carrier could not deliver it`)

	stopping := time.Now()
	if code := d.stopped(); code != exitOK {
		t.Errorf("exit code %d: %s", code, d.err)
	}
	if took := time.Since(stopping); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", folder, err)
	}
}

func TestDemoKeepsItsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "kept")
	var passwords []string
	for range 2 {
		d := startDemo(t, "--dir", dir)
		url := d.sees(`address +(http://\S+)`)[0]
		password := d.sees(`Ana +agent +extension 101 +password (\S+)`)[0]
		newAgent(t, url+"/api/v1").asks("POST", "/session", `{"extension":"101","password":"`+password+`"}`, http.StatusOK)
		passwords = append(passwords, password)
		if code := d.stopped(); code != exitOK {
			t.Fatalf("exit code %d: %s", code, d.err)
		}
	}
	if passwords[0] == passwords[1] {
		t.Error("the second run has the passwords of the first")
	}
	if _, err := config.Load(filepath.Join(dir, "smsbridge.yaml"), config.Options{Getenv: func(string) string { return "" }}); err != nil {
		t.Error(err)
	}
}

func TestDemoRefusesListen(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, test := range []struct {
		listen string
		code   int
		want   string
	}{
		{l.Addr().String(), exitFail, l.Addr().String() + " is in use by another program"},
		{"nonsense", exitUsage, "--listen must be host:port"},
	} {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"demo", "--listen", test.listen}, std{in: strings.NewReader(""), out: &out, err: &errs})
		if got := errs.String(); code != test.code || strings.Count(got, "\n") != 1 || !strings.Contains(got, test.want) || !strings.Contains(got, "--listen") {
			t.Errorf("--listen %s: exit code %d, %q; want %d and a line with %q and --listen", test.listen, code, got, test.code, test.want)
		}
	}
}
