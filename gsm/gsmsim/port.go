package gsmsim

import (
	"strings"
	"sync"
	"time"
)

// maxUnread is how many octets wait for a program that does not read. More are
// dropped, as by a modem without flow control.
const maxUnread = 256 << 10

// maxLine is how long a command or a PDU may be; the rest of it is dropped.
const maxLine = 4096

// Control characters (ITU-T V.250 §6.2, TS 27.005 §3.5.1).
const (
	charBackspace = 0x08
	charEscape    = 0x1b
	charSubmit    = 0x1a
)

// port is one of a plugged-in modem's serial ports. Its reader performs the
// commands that come in there, one after the other; its writer writes what is in
// out.
type port struct {
	modem *Modem
	kind  PortKind
	pty   *pty
	gone  chan struct{} // closed when it is hung up on

	line []byte // the reader's: what came since the last command
	last string // the last command line, for A/

	// Guarded by the modem's mu.
	echo, verbose, quiet bool
	prompt               *prompt
	held                 []byte // indications that wait for the end of a prompt

	outMu sync.Mutex
	out   []byte
	ready chan struct{} // of one element: out is not empty
}

func newPort(m *Modem, kind PortKind, t *pty) *port {
	p := &port{modem: m, kind: kind, pty: t, gone: make(chan struct{}), ready: make(chan struct{}, 1)}
	p.restart()
	return p
}

// restart forgets what commands set. mu is held.
func (p *port) restart() {
	p.echo, p.verbose, p.quiet, p.prompt, p.held = true, true, false, nil, nil
}

// push has the writer write b.
func (p *port) push(b []byte) {
	p.outMu.Lock()
	if len(p.out)+len(b) <= maxUnread {
		p.out = append(p.out, b...)
	}
	p.outMu.Unlock()
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

func (p *port) write() {
	for {
		select {
		case <-p.gone:
			return
		case <-p.ready:
		}
		p.outMu.Lock()
		b := p.out
		p.out = nil
		p.outMu.Unlock()
		for len(b) > 0 {
			piece, gap := p.piece(len(b))
			if _, err := p.pty.master.Write(b[:piece]); err != nil {
				return // hung up
			}
			if b = b[piece:]; len(b) > 0 && !p.wait(gap) {
				return
			}
		}
	}
}

// piece says how much of n octets is written at once.
func (p *port) piece(n int) (int, time.Duration) {
	m := p.modem
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.b.SplitWrites > 0 && m.b.SplitWrites < n {
		return m.b.SplitWrites, m.b.writeGap()
	}
	return n, 0
}

// wait says whether the port is still there after d.
func (p *port) wait(d time.Duration) bool {
	if d <= 0 {
		select {
		case <-p.gone:
			return false
		default:
			return true
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.gone:
		return false
	case <-timer.C:
		return true
	}
}

func (p *port) read() {
	buffer := make([]byte, 4096)
	for p.mayRead() {
		n, err := p.pty.master.Read(buffer)
		if err != nil {
			return // hung up
		}
		if !p.mayRead() {
			return
		}
		p.take(buffer[:n])
	}
}

// mayRead waits while the modem does not read, and returns false once the port is
// gone.
func (p *port) mayRead() bool {
	m := p.modem
	for {
		m.mu.Lock()
		blocked, changed := m.b.NotReading, m.changed
		m.mu.Unlock()
		if !blocked {
			return p.wait(0)
		}
		select {
		case <-p.gone:
			return false
		case <-changed:
		}
	}
}

// take goes through octets that were read.
func (p *port) take(b []byte) {
	m := p.modem
	m.mu.Lock()
	deaf := p.kind == PortSilent || m.b.Silent || m.booting
	baud := m.b.Baud
	m.mu.Unlock()
	if deaf {
		p.line = nil
		return
	}
	if baud != 0 && p.pty.baud() != baud {
		p.push(garbage(len(b)))
		return
	}
	for _, c := range b {
		p.octet(c)
	}
}

func (p *port) octet(c byte) {
	m := p.modem
	m.mu.Lock()
	prompted := p.prompt != nil
	if (p.echo || m.b.Echo) && !m.told.mute {
		p.push([]byte{c})
	}
	m.mu.Unlock()
	switch {
	case prompted && c == charSubmit:
		body := string(p.line)
		p.line = nil
		p.submit(body)
	case prompted && c == charEscape:
		p.line = nil
		p.cancel()
	case prompted && (c == '\r' || c == '\n'):
		// A PDU is one line (TS 27.005 §4.1): ends of lines within are ignored.
	case c == '\r':
		line := string(p.line)
		p.line = nil
		p.command(line)
	case c == '\n' && len(p.line) == 0:
	case c == charBackspace && len(p.line) > 0:
		p.line = p.line[:len(p.line)-1]
	case len(p.line) < maxLine:
		p.line = append(p.line, c)
	}
}

// command performs a command line. What does not begin with AT is dropped, and so
// is what comes before it.
func (p *port) command(line string) {
	if strings.EqualFold(strings.TrimSpace(line), "A/") {
		line = p.last
	}
	start := 0
	for start+2 <= len(line) && !strings.EqualFold(line[start:start+2], "AT") {
		start++
	}
	if start+2 > len(line) {
		return
	}
	m := p.modem
	m.mu.Lock()
	mute := m.told.mute && !strings.Contains(strings.ToUpper(line), "^PORTSEL")
	m.mu.Unlock()
	if mute {
		return
	}
	p.last = line
	m.log.Debug("command", "line", line)
	p.perform(line[start+2:])
}

// perform performs the commands of a line until one fails (ITU-T V.250 §5.2.1).
func (p *port) perform(line string) {
	m := p.modem
	commands, ok := parseLine(line)
	if !ok {
		p.say(answer{final: finalError}, 0)
		return
	}
	m.mu.Lock()
	delay := m.b.delay()
	m.mu.Unlock()
	if !p.wait(delay) {
		return
	}
	var all answer
	var late time.Duration
	for _, c := range commands {
		v := p.obey(c.name, AtCommand)
		if v.stop {
			return
		}
		a := v.answer
		if !v.answered {
			m.mu.Lock()
			a = m.dispatch(p, c)
			m.mu.Unlock()
		}
		late = max(late, v.late)
		all.lines = append(all.lines, a.lines...)
		all.final, all.raw, all.after = a.final, a.raw, a.after
		if a.final != finalOK || a.raw != "" {
			break
		}
	}
	p.say(all, late)
	if all.after != nil {
		all.after()
	}
	m.network.kick()
}

// verdict is what a rule makes of a command.
type verdict struct {
	stop     bool // nothing more happens
	answered bool // with answer, and nothing is performed
	answer   answer
	late     time.Duration // the answer comes so much later, and nothing waits for it
}

// obey does what the rule for a moment says, if there is one.
func (p *port) obey(command string, at Moment) verdict {
	m := p.modem
	m.mu.Lock()
	r, ok := m.b.rule(command, at)
	if !ok {
		m.mu.Unlock()
		return verdict{}
	}
	m.log.Debug("rule", "command", command, "at", at, "do", r.Do)
	if r.For > 0 && r.Do != DoLate {
		m.mu.Unlock()
		if !p.wait(r.For) {
			return verdict{stop: true}
		}
		m.mu.Lock()
	}
	defer m.mu.Unlock()
	switch r.Do {
	case DoSilence:
		p.prompt = nil
		return verdict{stop: true}
	case DoLate:
		return verdict{late: r.For}
	case DoError:
		return verdict{answered: true, answer: answer{final: finalError}}
	case DoCME:
		return verdict{answered: true, answer: m.cme(r.Code)}
	case DoCMS:
		return verdict{answered: true, answer: m.cms(r.Code)}
	case DoAnswer:
		return verdict{answered: true, answer: answer{raw: r.Text}}
	case DoUnplug:
		m.hangUp()
		return verdict{stop: true}
	case DoReboot:
		m.reset()
		return verdict{stop: true}
	}
	return verdict{}
}
