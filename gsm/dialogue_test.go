//go:build linux

package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A dialogue is a file of steps over a pseudo-terminal. Each command that it does
// not speak of is answered as most modems do (fake.usual).
//
//	? COMMAND        what follows by "<", up to an empty line, is the answer to it,
//	                 always; if nothing does, there is none
//	> COMMAND        waits until that is written; what ends with * is its beginning
//	< LINE           writes a line in its frame; << "GO STRING" writes as it is
//	~ 300ms          waits
//	hang up          closes the modem's end
//	send, ussd CODE  begins one
//	expect WHAT …    waits for it: see step
type play struct {
	modem   *Modem
	heard   *recorder
	fake    *fake
	script  *script
	results chan string // of send and ussd
}

// script is what answers the commands that a dialogue speaks of.
type script struct {
	mu    sync.Mutex
	rules map[string][]string
	came  chan struct{}
	want  string
}

func (s *script) hook(text string) (lines []string, handled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.want != "" && (text == s.want || strings.HasSuffix(s.want, "*") && strings.HasPrefix(text, strings.TrimSuffix(s.want, "*"))) {
		s.want = ""
		s.came <- struct{}{}
		return nil, true
	}
	lines, handled = s.rules[text]
	return lines, handled
}

// await has the next command that is meant left to the dialogue, unless it came.
func (s *script) await(command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.came) == 0 {
		s.want = command
	}
}

// answer adds lines to the answer to a command; without any it begins it.
func (s *script) answer(command string, lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if lines == nil {
		s.rules[command] = nil
	}
	s.rules[command] = append(s.rules[command], lines...)
}

func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var all sync.WaitGroup // they wait more than they work
	for _, name := range files {
		master, path := openPTY(t)
		all.Go(func() {
			if err := playDialogue(t.Context(), name, master, path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func playDialogue(ctx context.Context, name string, master *os.File, path string) error {
	file, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f := newFake()
	s := &script{rules: map[string][]string{}, came: make(chan struct{}, 1)}
	f.hook = s.hook
	cfg := Defaults()
	cfg.Device = path
	m := New(cfg, Options{})
	m.pace.settle, m.pace.reopen, m.pace.quiet = 100*time.Millisecond, time.Hour, 50*time.Millisecond
	p := &play{modem: m, heard: &recorder{commit: true}, fake: f, script: s, results: make(chan string, 10)}
	served := make(chan struct{})
	f.conn = master
	f.done.Add(1)
	go func() { defer close(served); f.serve(master) }()
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan struct{})
	begin := sync.OnceFunc(func() {
		go func() { defer close(ran); m.Run(ctx, p.heard) }()
	})
	lines := strings.Split(string(file), "\n")
	var rule string
	var failed error
	for n, l := range lines {
		if rest, ok := strings.CutPrefix(l, "? "); ok {
			rule = rest
			s.answer(rule)
			continue
		}
		if rest, ok := strings.CutPrefix(l, "< "); ok && rule != "" {
			s.answer(rule, rest)
			continue
		}
		rule = ""
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		if strings.HasPrefix(l, "> ") {
			s.await(l[2:])
		} else if n+1 < len(lines) && strings.HasPrefix(lines[n+1], "> ") {
			s.await(lines[n+1][2:]) // this step brings it about
		}
		begin()
		if err := p.step(ctx, l); err != nil {
			failed = fmt.Errorf("%s:%d: %s: %v\n%+v\n%q", name, n+1, l, err, m.Info(), f.written())
			break
		}
	}
	cancel()
	<-ran
	master.Close()
	<-served
	return failed
}

const patience = 30 * time.Second // of a machine that does other things, too

func (p *play) step(ctx context.Context, l string) error {
	word, rest, _ := strings.Cut(l, " ")
	switch word {
	case ">":
		select {
		case <-p.script.came:
		case <-time.After(patience):
			return errors.New("it was not written")
		}
	case "<":
		p.fake.say(rest)
	case "<<":
		raw, err := strconv.Unquote(rest)
		if err != nil {
			return err
		}
		io.WriteString(p.fake.conn, raw)
	case "~":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		time.Sleep(d)
	case "hang":
		p.fake.conn.Close()
	case "send":
		go func() {
			reference, err := p.modem.Send(ctx, text)
			p.results <- outcome(reference, err)
		}()
	case "ussd":
		go func() {
			reply, err := p.modem.USSD(ctx, rest)
			p.results <- fmt.Sprintf("ussd %q %v %v", reply.Text, reply.More, err)
		}()
	case "reset":
		return p.modem.Reset(ctx, LevelReset)
	case "expect":
		return p.expect(rest)
	default:
		return errors.New("no such step")
	}
	return nil
}

// outcome is "sent 42", "unsent" or "uncertain".
func outcome(reference uint8, err error) string {
	switch {
	case err == nil:
		return fmt.Sprintf("sent %d", reference)
	case certain(err):
		return "unsent"
	}
	return "uncertain"
}

// expect waits until what is expected is so: a phase, a number of messages or
// reports, a call, the setting of +CNMI, the result of a send or a USSD.
func (p *play) expect(what string) error {
	word, rest, _ := strings.Cut(what, " ")
	switch word {
	case "sent", "unsent", "uncertain", "ussd":
		select {
		case got := <-p.results:
			if got != what {
				return errors.New(got)
			}
			return nil
		case <-time.After(patience):
			return errors.New("no result")
		}
	}
	limit, again := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer again.Stop()
	got := ""
	for {
		switch word {
		case "phase":
			got = p.modem.Info().Phase.String()
		case "messages":
			got = strconv.Itoa(len(p.heard.got()))
		case "report":
			p.heard.mu.Lock()
			if n := len(p.heard.reports); n > 0 {
				got = strconv.Itoa(int(p.heard.reports[n-1].Reference))
			}
			p.heard.mu.Unlock()
		case "call":
			p.heard.mu.Lock()
			got = strings.Join(p.heard.called, " ")
			p.heard.mu.Unlock()
		case "cnmi":
			got = p.modem.Info().CNMI
		case "modem":
			i := p.modem.Info()
			got = i.Vendor + ", " + i.Model + ", " + i.Revision + ", " + i.IMEI
		case "smsc":
			got = p.modem.Info().SMSC
		default:
			return errors.New("no such expectation")
		}
		if got == rest {
			return nil
		}
		select {
		case <-again.C:
		case <-limit:
			return fmt.Errorf("it is %q", got)
		}
	}
}
