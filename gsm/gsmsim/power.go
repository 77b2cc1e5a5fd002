package gsmsim

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Unplug pulls the stick out: programs that have it open are hung up on, the
// device and the link go away. What is stored on it and the SIM stays. Unplugging
// twice does nothing.
func (m *Modem) Unplug() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hangUp()
}

// hangUp is Unplug with mu held.
func (m *Modem) hangUp() {
	if len(m.ports) == 0 {
		return
	}
	for i, p := range m.ports {
		m.unlink(i)
		close(p.gone)
		p.pty.close()
	}
	if m.options.Link != "" {
		_ = os.Remove(m.options.Link)
	}
	m.ports = nil
	m.starts++
	m.sim.unlocked = false
	m.endCall(CallFailed)
}

// Plug plugs the stick in again, as a new device. It starts as after power on.
// Plugging twice does nothing.
func (m *Modem) Plug() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	err := m.plug()
	m.mu.Unlock()
	m.network.kick()
	return err
}

func (m *Modem) plug() error {
	if len(m.ports) > 0 {
		return nil
	}
	var ports []*port
	for _, kind := range m.options.Ports {
		t, err := openPTY()
		if err != nil {
			for _, p := range ports {
				p.pty.close()
			}
			return fmt.Errorf("gsmsim: %w", err)
		}
		ports = append(ports, newPort(m, kind, t))
	}
	m.ports = ports
	m.start()
	if err := m.link(); err != nil {
		for _, p := range ports {
			p.pty.close()
		}
		m.ports = nil
		return fmt.Errorf("gsmsim: %w", err)
	}
	for _, p := range ports {
		m.running.Go(p.read)
		m.running.Go(p.write)
		m.running.Go(p.pty.tidy)
	}
	m.announce()
	return nil
}

// Await waits until the modem is plugged in, and returns its Path.
func (m *Modem) Await(ctx context.Context) (string, error) {
	for {
		m.mu.Lock()
		changed, closed := m.changed, m.closed
		m.mu.Unlock()
		if path := m.Path(); path != "" {
			return path, nil
		}
		if closed {
			return "", ErrClosed
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-changed:
		}
	}
}

// link makes the symbolic links, each at once with its new target.
func (m *Modem) link() error {
	if m.options.Link == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(m.options.Link), 0o755); err != nil {
		return err
	}
	first := true
	for i, p := range m.ports {
		if len(m.ports) > 1 {
			if err := replaceLink(p.pty.path, m.portLink(i)); err != nil {
				return err
			}
		}
		if p.kind == PortAT && first {
			first = false
			if err := replaceLink(p.pty.path, m.options.Link); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Modem) portLink(i int) string { return m.options.Link + "-" + strconv.Itoa(i) }

func (m *Modem) unlink(i int) {
	if m.options.Link != "" && len(m.ports) > 1 {
		_ = os.Remove(m.portLink(i))
	}
}

// replaceLink replaces a symbolic link, and nothing else.
func replaceLink(target, link string) error {
	if info, err := os.Lstat(link); err == nil && info.Mode()&fs.ModeSymlink == 0 {
		return fmt.Errorf("%s exists and is no symbolic link", link)
	}
	temporary := link + ".new"
	_ = os.Remove(temporary)
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, link)
}

// Reboot starts the modem again, as a crash of its firmware does: it loses what
// commands set and keeps its SIM and memories.
func (m *Modem) Reboot() {
	m.mu.Lock()
	m.reset()
	m.mu.Unlock()
	m.network.kick()
}

// reset is Reboot with mu held.
func (m *Modem) reset() {
	if len(m.ports) == 0 {
		return
	}
	if !m.b.Reenumerate && !m.b.DeadReset {
		m.start()
		return
	}
	m.hangUp()
	if m.b.DeadReset {
		return
	}
	m.clock.after(m.b.BootTime, func() {
		if err := m.Plug(); err != nil {
			m.log.Error("plugged in again", "error", err)
		}
	})
}

// start is power on. mu is held.
func (m *Modem) start() {
	m.starts++
	m.told = settings{
		cfun: 1, charset: "GSM", mem: [3]string{m.vendor.preferred, m.vendor.preferred, m.vendor.preferred},
		mute: m.b.NeedPortSel, noise: true,
	}
	m.sim.unlocked = false
	m.searches = 0
	m.awaiting, m.acked, m.held, m.ussd = nil, nil, nil, false
	m.endCall(CallFailed)
	for _, p := range m.ports {
		p.restart()
	}
	m.booting = m.b.BootTime > 0
	if !m.booting {
		m.started()
		return
	}
	this := m.starts
	m.clock.after(m.b.BootTime, func() {
		m.mu.Lock()
		if m.starts == this {
			m.booting = false
			m.started()
		}
		m.mu.Unlock()
		m.network.kick()
	})
}

// started says what the vendor's modems say then. mu is held.
func (m *Modem) started() {
	m.search()
	if m.starts == 1 {
		return // nobody has opened it yet
	}
	for _, line := range m.vendor.boot {
		if strings.HasPrefix(line, "+CPIN:") {
			line = "+CPIN: " + m.simState()
		}
		m.urc(line)
	}
}

// later calls f with mu held, unless the modem starts again or goes first.
func (m *Modem) later(d time.Duration, f func()) {
	this := m.starts
	m.clock.after(d, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.starts == this && !m.closed {
			f()
		}
	})
}
