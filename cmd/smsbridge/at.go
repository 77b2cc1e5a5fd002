package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"smsbridge/gsm"
)

const atUsage = `usage: smsbridge at DEVICE [--timeout 60s]

Type AT commands to a modem. What it says unasked is shown as it comes; where it asks
for a text, the next line is that, and an empty one gives up. quit or Ctrl-C ends.

Without a terminal each line of standard input is a command, which is waited for; exit
code 1 if one of them failed.
`

func at(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("at", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, atUsage); f.PrintDefaults() }
	patience := f.Duration("timeout", time.Minute, "how long a command may take")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	if len(rest) != 1 || *patience <= 0 {
		fmt.Fprint(std.err, atUsage)
		return exitUsage
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := atConsole{patience: *patience, hint: func(bool) {}}
	restore := func() {}
	if in, out := terminalOf(std.in), terminalOf(std.out); in != nil && out != nil {
		raw, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fail(std, err)
		}
		restore = func() { _ = term.Restore(int(in.Fd()), raw) }
		c.become(in, out, cancel)
	} else {
		out := &lockedWriter{w: std.out}
		lines := bufio.NewScanner(std.in)
		c.show = func(line string) { fmt.Fprintln(out, line) }
		c.next = func() (string, error) {
			if !lines.Scan() {
				return "", errors.Join(lines.Err(), io.EOF)
			}
			return lines.Text(), nil
		}
	}
	err := c.run(ctx, rest[0])
	restore()
	if err != nil {
		return fail(std, err)
	}
	return exitOK
}

// terminalOf is the terminal that something is; nil if it is none.
func terminalOf(v any) *os.File {
	f, ok := v.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// atConsole passes lines on to a modem.
type atConsole struct {
	patience time.Duration
	typed    bool // by a person
	next     func() (string, error)
	show     func(line string)
	hint     func(text bool) // a text is wanted, or no more
}

// become makes it one for a person at a terminal, who ends it by stop.
func (c *atConsole) become(in, out *os.File, stop func()) {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, "> ")
	if width, height, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
		_ = t.SetSize(width, height) // of no consequence but for long lines
	}
	t.History = &history{}
	c.typed = true
	c.show = func(line string) { fmt.Fprintln(t, line) }
	c.hint = func(text bool) {
		t.SetPrompt("> ")
		if text {
			t.SetPrompt("text> ")
			fmt.Fprintln(t, "(the next line is the text; an empty one gives up)")
		}
	}
	c.next = func() (string, error) {
		line, err := t.ReadLine()
		if word := strings.ToLower(strings.TrimSpace(line)); err != nil || word == "quit" || word == "exit" {
			stop()
			return "", io.EOF
		}
		return line, nil
	}
}

// run passes lines on until they, or ctx, or the modem end.
func (c *atConsole) run(ctx context.Context, device string) error {
	modem, err := gsm.OpenConsole(ctx, device, c.show)
	if err != nil {
		return err
	}
	defer modem.Close()
	if c.typed {
		c.show("Connected to " + device + ". quit or Ctrl-C ends.")
	}
	// The goroutine ends with its input, for which nobody can wait.
	lines := make(chan string)
	var readErr error
	go func() {
		defer close(lines)
		for {
			line, err := c.next()
			if err != nil {
				readErr = err
				return
			}
			select {
			case lines <- line:
			case <-ctx.Done():
				return
			}
		}
	}()
	failed, text := 0, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-modem.Gone():
			return errors.New("the modem was unplugged")
		case line, ok := <-lines:
			if !ok {
				if text {
					_, _ = modem.Text(ctx, "", c.patience)
				}
				if failed > 0 {
					return fmt.Errorf("commands that failed: %d", failed)
				}
				if c.typed || errors.Is(readErr, io.EOF) {
					return nil
				}
				return readErr
			}
			if line = strings.TrimSpace(line); !text && (line == "" || line[0] == '#') {
				continue
			}
			if !text && isMasked(line) {
				c.show("The PIN or password of this line is masked, and nothing was sent: type the line with it.")
				failed++
				continue
			}
			answer, err := c.say(ctx, modem, line, text)
			switch {
			case ctx.Err() != nil:
				return nil
			case errors.Is(err, gsm.ErrTimeout) && c.typed:
				c.show(fmt.Sprintf("no answer within %v", c.patience))
			case err != nil:
				return fmt.Errorf("%s: %w", gsm.Mask(line), err)
			case answer.Failed && !c.typed:
				failed++
			}
			if wants := answer.Final == ">"; wants != text {
				text = wants
				c.hint(text)
			}
		}
	}
}

func (c *atConsole) say(ctx context.Context, modem *gsm.Console, line string, text bool) (gsm.Answer, error) {
	if text {
		return modem.Text(ctx, line, c.patience)
	}
	return modem.Do(ctx, line, c.patience)
}

// isMasked tells a line copied from a trace or a log: asterisks are nobody's PIN, and
// cost one of the tries all the same.
func isMasked(line string) bool {
	return strings.Contains(line, "****") && strings.HasSuffix(gsm.Mask(line), "=****")
}

// history is what the arrow keys bring back: no line with a PIN, which masked would
// be of no use.
type history struct{ lines []string }

const historyAtMost = 200

// Add implements term.History.
func (h *history) Add(line string) {
	if n := len(h.lines); strings.TrimSpace(line) == "" || gsm.Mask(line) != line || isMasked(line) || n > 0 && h.lines[n-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > historyAtMost {
		h.lines = h.lines[1:]
	}
}

// Len implements term.History.
func (h *history) Len() int { return len(h.lines) }

// At implements term.History; 0 is the newest.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
