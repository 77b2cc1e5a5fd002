package gsm

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// maxAnswer bounds the lines of an answer: two for each message of the largest
	// memory there is, and room.
	maxAnswer = 2 * 1024
	// maxInbox bounds what came unasked and was not looked at yet. A modem that
	// writes more during one command repeats itself: the oldest is dropped, and what
	// it announced is found by the next sweep.
	maxInbox = 256
)

// command is one AT command.
type command struct {
	text     string // "AT+CSQ"
	prefixes []string
	free     bool // the answer has no prefix, as that of AT+CGMM
	call     bool // ends a call, which is the only thing that "NO CARRIER" may answer
	pdu      string
	timeout  time.Duration
}

// notice is what a modem said unasked: a line, and the PDU on the next line where
// it announces one, or what came of that.
type notice struct {
	line string
	pdu  string
}

// chat is the conversation with a modem on one port. It has one owner, who calls
// everything but for what the two workers do: one reads, one writes, and both are
// waited for by close. Once an error says that the port is of no more use (broken)
// there is no way back: it is closed and another one is opened.
type chat struct {
	port  io.ReadWriteCloser
	trace func(out bool, line string)
	quiet time.Duration // a silence after which a modem is not in the middle of a line

	chunks  chan []byte // what was read; closed at its end. A reader ahead of the owner waits
	writes  chan []byte // one at a time
	wrote   chan written
	stop    chan struct{}
	workers sync.WaitGroup
	readErr error // why chunks is closed

	lines  splitter
	cur    *exchange
	inbox  []notice // in the order of the wire
	lost   int      // notices that found the inbox full
	said   int      // lines that are not known to come unasked
	half   *notice  // waits for its PDU, or for the rest of a text in quotes
	writer bool     // the writer is in a Write
	dirty  bool     // a command is not answered: resynchronise before the next one
	broken error
}

type written struct {
	n   int
	err error
}

// exchange is a command that waits for its answer.
type exchange struct {
	command
	lines    []string
	data     bool   // the next line belongs to the last one: a PDU under its header
	unframed string // the first line, where it looks like an echo
	stage    stage
	taken    bool // the kernel may have every octet of the PDU
	done     bool
	err      error
	strays   int // final results behind its own
}

type stage uint8

const (
	stageAnswer stage = iota // the answer to the command is to come
	stagePrompt              // the prompt is
	stagePDU                 // the answer to the PDU is
)

func newChat(port io.ReadWriteCloser, quiet time.Duration, trace func(bool, string)) *chat {
	c := &chat{
		port: port, trace: trace, quiet: quiet,
		chunks: make(chan []byte, 16), writes: make(chan []byte), wrote: make(chan written, 1), stop: make(chan struct{}),
	}
	c.workers.Add(2)
	go c.read()
	go c.write()
	return c
}

// close ends the conversation and waits for the workers.
func (c *chat) close() {
	close(c.stop)
	c.port.Close()
	c.workers.Wait()
}

func (c *chat) read() {
	defer c.workers.Done()
	defer close(c.chunks)
	buffer := make([]byte, 4096)
	for {
		n, err := c.port.Read(buffer)
		if n > 0 {
			select {
			case c.chunks <- append([]byte(nil), buffer[:n]...):
			case <-c.stop:
				return
			}
		}
		if err != nil {
			c.readErr = err
			return
		}
	}
}

func (c *chat) write() {
	defer c.workers.Done()
	for {
		select {
		case b := <-c.writes:
			n, err := c.port.Write(b)
			c.wrote <- written{n, err}
		case <-c.stop:
			return
		}
	}
}

// do runs a command and returns the lines of its answer. Its deadline is
// cmd.timeout from now, whatever else the modem says meanwhile; of one with a PDU,
// the prompt must come within promptTimeout. A refusal is an *Error. After a
// timeout the conversation is resynchronised before the next command: ErrDeaf
// where that cannot be done.
func (c *chat) do(ctx context.Context, cmd command) ([]string, error) {
	x, err := c.exchange(ctx, cmd)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", mask(cmd.text), err)
	}
	return x.lines, nil
}

// exchange is do for those who want to know how far it came.
func (c *chat) exchange(ctx context.Context, cmd command) (*exchange, error) {
	x := &exchange{command: cmd}
	if err := c.ready(ctx); err != nil {
		return x, err
	}
	deadline := time.NewTimer(cmd.timeout)
	defer deadline.Stop()
	return x, c.run(ctx, x, deadline.C)
}

// ready brings the conversation to where a command can be sent.
func (c *chat) ready(ctx context.Context) error {
	if err := c.drain(); err != nil {
		return err
	}
	if c.dirty {
		return c.resync(ctx)
	}
	return ctx.Err()
}

// run sends a command and waits for its end.
func (c *chat) run(ctx context.Context, x *exchange, deadline <-chan time.Time) error {
	c.cur = x
	defer func() { c.cur = nil }()
	if x.pdu != "" {
		x.stage = stagePrompt
	}
	c.lines.unframe()
	c.note(true, x.text)
	if err := c.put(ctx, x.text+"\r", deadline); err != nil {
		return err
	}
	prompt := deadline
	if x.pdu != "" {
		t := time.NewTimer(promptTimeout)
		defer t.Stop()
		prompt = t.C
	}
	for !x.done && x.stage != stagePDU {
		if err := c.wait(ctx, prompt); err != nil {
			return err
		}
	}
	if x.stage != stagePDU {
		return x.err
	}
	c.note(true, x.pdu)
	x.taken = true
	if err := c.put(ctx, x.pdu+"\x1a", deadline); err != nil && !x.done {
		return err
	}
	for !x.done {
		if err := c.wait(ctx, deadline); err != nil {
			return err
		}
	}
	return x.err
}

// put writes text, and reads meanwhile: a modem may not read while nobody reads
// what it has to say.
func (c *chat) put(ctx context.Context, text string, deadline <-chan time.Time) error {
	select {
	case c.writes <- []byte(text):
		c.writer = true
	case <-deadline:
		return c.fail(ErrStuck)
	}
	for c.writer {
		if err := c.wait(ctx, deadline); err != nil {
			if c.writer { // only closing the port ends it
				c.broken = fmt.Errorf("%w: %w", ErrStuck, err)
				return c.broken
			}
			return err
		}
	}
	return c.broken
}

// wait waits for the next thing to happen: octets, the end of a write, or of time.
func (c *chat) wait(ctx context.Context, deadline <-chan time.Time) error {
	var quiet <-chan time.Time
	if c.cur != nil && isFinal(string(c.lines.part)) { // perhaps its line end never comes
		t := time.NewTimer(c.quiet)
		defer t.Stop()
		quiet = t.C
	}
	select {
	case b, ok := <-c.chunks:
		return c.take(b, ok)
	case w := <-c.wrote:
		c.writer = false
		if w.err == nil {
			return nil
		}
		if x := c.cur; x != nil && x.taken && w.n < len(x.pdu)+1 {
			x.taken = false // what ends it is not written
		}
		return c.fail(fmt.Errorf("%w: %w", ErrGone, w.err))
	case <-quiet:
		c.lines.end(c.line)
		return nil
	case <-deadline:
		c.dirty = true
		return ErrTimeout
	case <-ctx.Done():
		c.dirty = true
		return ctx.Err()
	}
}

// take reads a chunk, of which ok says whether there was one.
func (c *chat) take(b []byte, ok bool) error {
	if !ok {
		return c.fail(fmt.Errorf("%w: %w", ErrGone, c.readErr))
	}
	c.lines.feed(b, c.wantsPrompt, c.line)
	return nil
}

func (c *chat) fail(err error) error {
	if c.broken == nil {
		c.broken = err
	}
	return c.broken
}

// drain takes what was read before a command is sent: none of it answers that.
func (c *chat) drain() error {
	for c.broken == nil {
		select {
		case b, ok := <-c.chunks:
			c.take(b, ok)
		default:
			return nil
		}
	}
	return c.broken
}

// next returns the oldest notice, if there is one.
func (c *chat) next() (notice, bool) {
	if len(c.inbox) == 0 {
		return notice{}, false
	}
	n := c.inbox[0]
	c.inbox = c.inbox[1:]
	return n, true
}

func (c *chat) push(n notice) {
	if len(c.inbox) >= maxInbox {
		c.inbox = c.inbox[1:]
		c.lost++
	}
	c.inbox = append(c.inbox, n)
}

func (c *chat) wantsPrompt() bool { return c.cur != nil && c.cur.stage == stagePrompt && !c.cur.done }

func (c *chat) note(out bool, text string) {
	if c.trace != nil {
		c.trace(out, mask(text))
	}
}

// mask hides PINs and passwords, in what we write as in its echo.
func mask(text string) string {
	upper := strings.ToUpper(text)
	for _, name := range []string{"+CPIN=", "+CPIN2=", "+CLCK=", "+CPWD=", "^CPIN=", "+QPIN="} {
		if at := strings.Index(upper, name); at >= 0 {
			return text[:at+len(name)] + "****"
		}
	}
	return text
}
