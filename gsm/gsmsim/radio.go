package gsmsim

import (
	"fmt"
	"strconv"
	"time"
)

// registration is the state of the modem's network service. mu is held.
func (m *Modem) registration() Registration {
	switch {
	case len(m.ports) == 0 || m.booting || m.told.cfun != 1 || m.told.copsMode == 2 || m.simState() != "READY":
		return NoNetwork
	case m.away || m.searches > 0:
		return Searching
	}
	return m.b.Registration
}

// search has the modem look for its network for RegisterTime. mu is held.
func (m *Modem) search() {
	if m.b.RegisterTime <= 0 {
		return
	}
	m.searches++
	m.later(m.b.RegisterTime, func() {
		if m.searches--; m.searches == 0 {
			m.sayRegistration()
			m.network.kick()
		}
	})
}

// registered says whether texts can be sent and received. mu is held.
func (m *Modem) registered() bool {
	r := m.registration()
	return r == Home || r == Roaming
}

// sayRegistration tells whoever asked for indications. mu is held.
func (m *Modem) sayRegistration() {
	for _, kind := range []string{"+CREG", "+CGREG", "+CEREG"} {
		if n := *m.registrationSetting(kind); n > 0 {
			m.urc(kind + ": " + m.registrationFields(kind, n))
		}
	}
}

func (m *Modem) registrationSetting(kind string) *int {
	switch kind {
	case "+CREG":
		return &m.told.creg
	case "+CGREG":
		return &m.told.cgreg
	}
	return &m.told.cereg
}

// registrationFields are <stat> and, where n is 2, where the modem is.
func (m *Modem) registrationFields(kind string, n int) string {
	stat := strconv.Itoa(m.registration().stat())
	if n < 2 || !m.registered() {
		return stat
	}
	return stat + `,"84CD","00D30156",` + m.technology()
}

// technology is <AcT> (TS 27.007 §7.3).
func (m *Modem) technology() string {
	switch {
	case m.vendor.lte:
		return "7"
	case m.options.vendorName() == "sim800":
		return "0"
	}
	return "2"
}

func doRegistration(m *Modem, p *port, c command) answer {
	setting := m.registrationSetting(c.name)
	if c.op == opGet {
		return ok(fmt.Sprintf("%s: %d,%s", c.name, *setting, m.registrationFields(c.name, *setting)))
	}
	return m.setting(c, setting, c.name+": (0-2)", 2)
}

func doOperator(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		if !m.registered() {
			return ok("+COPS: ,,(0,1,2,3,4),(0,1,2)")
		}
		return ok(fmt.Sprintf(`+COPS: (2,%s,%s,"%s",%s),(3,%s,%s,"00102",%s),,(0,1,2,3,4),(0,1,2)`,
			m.quote(m.options.Operator), m.quote(m.options.Operator), m.options.PLMN, m.technology(),
			m.quote("Other"), m.quote("Other"), m.technology()))
	case opGet:
		if !m.registered() {
			return ok("+COPS: " + strconv.Itoa(m.told.copsMode))
		}
		name := m.quote(m.options.Operator)
		if m.told.copsFormat == 2 {
			name = `"` + m.options.PLMN + `"`
		}
		return ok(fmt.Sprintf("+COPS: %d,%d,%s,%s", m.told.copsMode, m.told.copsFormat, name, m.technology()))
	}
	mode, valid := c.number(0, 0)
	format, validFormat := c.number(1, m.told.copsFormat)
	switch {
	case !valid || !validFormat || mode > 4 || format > 2:
		return m.cme(cmeParameter)
	case mode == 3: // <format> alone
		m.told.copsFormat = format
	case mode == 1 && m.unquote(c.arg(2)) != m.options.PLMN && m.unquote(c.arg(2)) != m.options.Operator:
		return m.cme(cmeNoNetwork)
	default:
		m.told.copsMode, m.told.copsFormat = mode, format
		m.sayRegistration()
	}
	return ok()
}

func doSignal(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok("+CSQ: (0-31,99),(0-7,99)")
	}
	rssi := m.b.signal()
	if r := m.registration(); r == NoNetwork {
		rssi = 99
	}
	return ok(fmt.Sprintf("+CSQ: %d,99", rssi))
}

// doExtendedSignal is TS 27.007 §8.69, for LTE: RSRQ and RSRP.
func doExtendedSignal(m *Modem, p *port, c command) answer {
	if !m.registered() {
		return ok("+CESQ: 99,99,255,255,255,255")
	}
	return ok(fmt.Sprintf("+CESQ: 99,99,255,255,20,%d", 2*m.b.signal()))
}

// doFunctionality is TS 27.007 §8.2. +CFUN=1,1 starts the modem again once it was
// answered.
func doFunctionality(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CFUN: (0,1,4),(0,1)")
	case opGet:
		return ok("+CFUN: " + strconv.Itoa(m.told.cfun))
	}
	fun, valid := c.number(0, 1)
	reset, validReset := c.number(1, 0)
	if !valid || !validReset || fun != 0 && fun != 1 && fun != 4 {
		return m.cme(cmeParameter)
	}
	a := ok()
	if reset == 1 {
		a.after = m.Reboot
		return a
	}
	if fun == m.told.cfun {
		return a
	}
	m.told.cfun = fun
	if fun == 1 {
		m.search()
	}
	if fun == 0 {
		m.sim.unlocked = false // the SIM is switched off as well
	}
	a.after = func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.sayRegistration()
	}
	return a
}

func doAttach(m *Modem, p *port, c command) answer {
	if c.op == opGet {
		return ok("+CGATT: " + map[bool]string{true: "1", false: "0"}[m.registered()])
	}
	return ok()
}

func doTime(m *Modem, p *port, c command) answer {
	if c.op == opGet {
		return ok(`+CCLK: "` + time.Now().UTC().Format("06/01/02,15:04:05") + `+00"`)
	}
	return ok()
}

func doActivity(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok("+CPAS: (0,3,4)")
	}
	activity := 0
	if m.call != nil {
		activity = 3
	}
	return ok("+CPAS: " + strconv.Itoa(activity))
}
