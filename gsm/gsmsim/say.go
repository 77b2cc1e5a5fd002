package gsmsim

import (
	"bytes"
	"strings"
	"time"
)

// say writes an answer, at once or late.
func (p *port) say(a answer, late time.Duration) {
	m := p.modem
	m.mu.Lock()
	defer m.mu.Unlock()
	if late > 0 {
		m.later(late, func() { p.emit(a) })
		return
	}
	p.emit(a)
}

// emit writes an answer in one piece, and what misbehaviour adds. mu is held.
func (p *port) emit(a answer) {
	m := p.modem
	if a.silent {
		return
	}
	m.log.Debug("answer", "lines", a.lines, "final", a.final)
	if m.b.Garbage.take() {
		p.push(garbage(64))
	}
	if m.b.Flood.take() {
		p.push(bytes.Repeat([]byte("x"), 64<<10))
	}
	if a.raw != "" {
		p.push([]byte(a.raw))
		return
	}
	if m.b.Noise {
		m.urcNoise()
	}
	var b bytes.Buffer
	for i, line := range a.lines {
		if i == 0 {
			b.WriteString(p.lineStart())
		}
		b.WriteString(line + "\r\n")
		// Not between a header and its PDU: no modem is that bad.
		if m.b.Noise && !strings.HasPrefix(line, "+CMGL:") && !strings.HasPrefix(line, "+CMGR:") {
			b.WriteString("\r\n" + m.vendor.noise[i%len(m.vendor.noise)] + "\r\n")
		}
	}
	if !p.quiet {
		if p.verbose {
			b.WriteString("\r\n" + a.final + "\r\n")
		} else {
			b.WriteString(numeric(a.final) + "\r")
		}
	}
	p.push(m.dress(b.String()))
	if m.b.Noise {
		m.urcNoise()
	}
}

func (p *port) lineStart() string {
	if p.verbose {
		return "\r\n"
	}
	return ""
}

// urc writes an indication, its further lines after it, to the port that has them
// and after the end of a prompt. mu is held.
func (m *Modem) urc(lines ...string) {
	if m.told.mute || m.b.Silent {
		return
	}
	p := m.urcPort()
	if p == nil {
		return
	}
	b := m.dress("\r\n" + strings.Join(lines, "\r\n") + "\r\n")
	if p.prompt != nil && !m.b.Noise {
		p.held = append(p.held, b...)
		return
	}
	p.push(b)
}

// dress writes lines as the modem's Behaviour has them. mu is held.
func (m *Modem) dress(lines string) []byte {
	if m.b.NoSpace {
		lines = strings.ReplaceAll(lines, ": ", ":")
	}
	if m.b.CRCRLF {
		lines = strings.ReplaceAll(lines, "\r\n", "\r\r\n")
	}
	return []byte(lines)
}

// urcPort is where indications go, nil for nowhere. mu is held.
func (m *Modem) urcPort() *port {
	var found *port
	n := 0
	for _, p := range m.ports {
		if p.kind != PortAT {
			continue
		}
		if found == nil || n == m.told.urcPort {
			found = p
		}
		n++
	}
	return found
}

// urcNoise says something that nobody asked for. mu is held.
func (m *Modem) urcNoise() {
	if !m.told.noise {
		return
	}
	for _, line := range m.vendor.noise {
		m.urc(line)
	}
}

// promptEnds writes what waited for it. mu is held.
func (p *port) promptEnds() {
	p.prompt = nil
	if len(p.held) > 0 {
		p.push(p.held)
		p.held = nil
	}
}
