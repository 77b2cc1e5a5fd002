package gsmsim

import (
	"fmt"
	"strconv"
	"strings"
)

// pukTries are left for the PUK when the PIN is used up.
const pukTries = 10

// sim is the SIM: it outlives starts of its modem.
type sim struct {
	pin, puk           string
	locked             bool // it asks for the PIN after each start
	unlocked           bool // the PIN was given since
	pinTries, pukTries int
	smsc               string
	smscStale          bool
	lastMR             byte
}

func newSIM(o Options) sim {
	return sim{
		pin: o.PIN, puk: o.PUK, locked: o.PIN != "", pinTries: o.PINTries, pukTries: pukTries,
		smsc: o.SMSC, lastMR: o.LastMR,
	}
}

// simState is what +CPIN? says. mu is held.
func (m *Modem) simState() string {
	switch {
	case m.b.NoSIM:
		return "NOT INSERTED"
	case m.sim.pinTries == 0:
		return "SIM PUK"
	case m.sim.locked && !m.sim.unlocked:
		return "SIM PIN"
	}
	return "READY"
}

// PINTries are how often the SIM's PIN may still be tried.
func (m *Modem) PINTries() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sim.pinTries
}

// doPIN is TS 27.007 §8.3. A wrong PIN costs a try, and after the last only the PUK
// helps.
func doPIN(m *Modem, p *port, c command) answer {
	if m.b.NoSIM {
		return m.cme(cmeNoSIM)
	}
	state := m.simState()
	switch c.op {
	case opTest:
		return ok()
	case opGet:
		return ok("+CPIN: " + state)
	}
	s := &m.sim
	switch state {
	case "READY":
		return m.cme(cmeNotAllowed)
	case "SIM PUK":
		if c.arg(1) == "" {
			return m.cme(cmePUK)
		}
		if c.arg(0) != s.puk || s.pukTries == 0 {
			s.pukTries = max(0, s.pukTries-1)
			return m.cme(cmeWrongPassword)
		}
		s.pin, s.pinTries, s.pukTries = c.arg(1), 3, pukTries
	default:
		if c.arg(0) != s.pin {
			if s.pinTries--; s.pinTries == 0 {
				return m.cme(cmePUK)
			}
			return m.cme(cmeWrongPassword)
		}
		s.pinTries = 3
	}
	s.unlocked = true
	m.search()
	a := ok()
	a.after = func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sayRegistration()
	}
	return a
}

// doLock knows the lock of the SIM alone (TS 27.007 §7.4).
func doLock(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok(`+CLCK: ("SC")`)
	}
	mode, valid := c.number(1, 2)
	switch {
	case m.b.NoSIM:
		return m.cme(cmeNoSIM)
	case c.arg(0) != "SC" || !valid:
		return m.cme(cmeNotSupported)
	case mode == 2:
		return ok("+CLCK: " + map[bool]string{true: "1", false: "0"}[m.sim.locked])
	case c.arg(2) != m.sim.pin:
		if m.sim.pinTries = max(0, m.sim.pinTries-1); m.sim.pinTries == 0 {
			return m.cme(cmePUK)
		}
		return m.cme(cmeWrongPassword)
	}
	m.sim.pinTries, m.sim.locked, m.sim.unlocked = 3, mode == 1, true
	return ok()
}

// doTries is how the vendors say how many tries are left.
func doTries(m *Modem, p *port, c command) answer {
	if m.b.NoSIM {
		return m.cme(cmeNoSIM)
	}
	pin, puk := m.sim.pinTries, m.sim.pukTries
	switch c.name {
	case "^CPIN":
		times := strconv.Itoa(pin)
		if m.simState() == "READY" {
			times = ""
		}
		return ok(fmt.Sprintf("^CPIN: %s,%s,%d,%d,10,3", m.simState(), times, puk, pin))
	case "+QPINC":
		return ok(fmt.Sprintf(`+QPINC: "SC",%d,%d`, pin, puk), `+QPINC: "P2",3,10`)
	case "+SPIC":
		return ok(fmt.Sprintf("+SPIC: %d,%d,3,10", pin, puk))
	case "+ZPINPUK":
		return ok(fmt.Sprintf("+ZPINPUK: %d,%d", pin, puk))
	}
	return ok(fmt.Sprintf("+CPINR: SIM PIN,%d,3", pin), fmt.Sprintf("+CPINR: SIM PUK,%d,10", puk))
}

func doIMSI(m *Modem, p *port, c command) answer { return read(c, m.options.IMSI) }

// doICCID needs no PIN: the file may always be read (ETSI TS 102 221 §13.2).
func doICCID(m *Modem, p *port, c command) answer {
	if m.b.NoSIM {
		return m.cme(cmeNoSIM)
	}
	switch id := m.options.ICCID; c.name {
	case "^ICCID":
		return ok("^ICCID: " + swapNibbles(id))
	case "+CCID":
		if m.options.vendorName() == "generic" {
			return ok(`+CCID: "` + id + `"`)
		}
		return ok(id) // SIM800
	case "+CICCID":
		return ok("+ICCID: " + id)
	default:
		return ok(c.name + ": " + id)
	}
}

// swapNibbles writes digits in the order of the SIM's file, as some Huawei do.
func swapNibbles(digits string) string {
	if len(digits)%2 == 1 {
		digits += "F"
	}
	var b strings.Builder
	for i := 0; i < len(digits); i += 2 {
		b.WriteByte(digits[i+1])
		b.WriteByte(digits[i])
	}
	return b.String()
}

func doNumber(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok()
	}
	return ok(fmt.Sprintf(`+CNUM: %s,"%s",%d`, m.quote("Line 1"), m.options.Number, toa(m.options.Number)))
}

// toa is the type of an address as strings show it (TS 24.008 §10.5.4.7).
func toa(number string) int {
	if strings.HasPrefix(number, "+") {
		return 145
	}
	return 129
}
