package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Console is a person, or a script, at a modem's port.
type Console struct {
	port    io.ReadWriteCloser
	show    func(line string)
	reading sync.WaitGroup

	mu      sync.Mutex
	lines   splitter
	sent    string        // the command or text that may come back as an echo
	waiting chan<- Answer // of Do; has room for one
	prompt  bool          // a ">" is no text but asks for one
	gone    chan struct{} // closed when the port cannot be read any more
	err     error         // why; set before
}

// Answer is how a command ended.
type Answer struct {
	Final  string // OK, or what the modem said instead; ">" where it wants a text
	Failed bool
}

// OpenConsole opens a port for Do. Each line that the modem writes goes to show,
// whether it answers something or not, from a goroutine of the console's. PINs in
// what the modem repeats are masked. A port that somebody has open is ErrBusy, with
// who that is.
func OpenConsole(ctx context.Context, path string, show func(line string)) (*Console, error) {
	if who := HeldBy(path); who != "" {
		return nil, &hindrance{who, ErrBusy}
	}
	port, err := OpenPort(ctx, path, 0)
	if errors.Is(err, ErrBusy) {
		return nil, &hindrance{refusedBy(path), ErrBusy}
	}
	if err != nil {
		return nil, err
	}
	c := &Console{port: port, show: show, gone: make(chan struct{})}
	c.reading.Go(c.read)
	return c, nil
}

// Close ends the console and waits for what it shows.
func (c *Console) Close() error {
	err := c.port.Close()
	c.reading.Wait()
	return err
}

// Gone is closed when the modem was unplugged.
func (c *Console) Gone() <-chan struct{} { return c.gone }

func (c *Console) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := c.port.Read(buffer)
		c.mu.Lock()
		c.lines.feed(buffer[:n], func() bool { return c.prompt }, c.take)
		c.mu.Unlock()
		if err != nil {
			c.err = err
			close(c.gone)
			return
		}
	}
}

// take shows a line and sees whether it ends a command.
func (c *Console) take(l line) {
	if l.prompt {
		c.prompt = false
		c.end(Answer{Final: ">"})
		return
	}
	if c.sent != "" && strings.EqualFold(l.text, c.sent) {
		return // its echo
	}
	c.show(mask(l.text))
	err, final := parseFinal(l.text)
	if final || strings.HasPrefix(l.text, "CONNECT") {
		c.end(Answer{Final: l.text, Failed: err != nil})
	}
}

func (c *Console) end(a Answer) {
	if c.waiting != nil {
		c.waiting <- a
		c.waiting, c.sent = nil, ""
	}
}

// What gives up a text that a modem waits for, and what ends one (TS 27.005 §3.5.1).
const (
	giveUp    = "\x1b"
	endOfText = "\x1a"
)

// Do writes a command and waits for its end, or until the modem asks for a text. An
// error is of a port that is of no more use, of ctx, or ErrTimeout.
func (c *Console) Do(ctx context.Context, command string, patience time.Duration) (Answer, error) {
	return c.run(ctx, command, "\r", patience)
}

// Text writes the text that a modem asked for, and waits for its answer. An empty one
// gives up.
func (c *Console) Text(ctx context.Context, text string, patience time.Duration) (Answer, error) {
	if text == "" {
		return c.run(ctx, "", giveUp, patience)
	}
	return c.run(ctx, text, endOfText, patience)
}

func (c *Console) run(ctx context.Context, text, end string, patience time.Duration) (Answer, error) {
	answer := make(chan Answer, 1)
	c.mu.Lock()
	c.sent, c.waiting, c.prompt = text, answer, end == "\r"
	c.lines.unframe()
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.waiting, c.prompt = nil, false
		c.mu.Unlock()
	}()
	t := time.NewTimer(patience)
	defer t.Stop()
	wrote := make(chan error, 1)
	c.reading.Go(func() { _, err := io.WriteString(c.port, text+end); wrote <- err })
	for {
		select {
		case err := <-wrote:
			if err != nil {
				return Answer{}, fmt.Errorf("%w: %w", ErrGone, err)
			}
			wrote = nil
		case a := <-answer:
			return a, nil
		case <-c.gone:
			return Answer{}, fmt.Errorf("%w: %w", ErrGone, c.err)
		case <-t.C:
			return Answer{}, fmt.Errorf("%w within %v", ErrTimeout, patience)
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	}
}

// Mask hides the PINs and passwords in a command.
func Mask(command string) string { return mask(command) }
