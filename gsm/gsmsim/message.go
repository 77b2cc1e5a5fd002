package gsmsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// maxHeld is how many indications <mode> 0 of +CNMI keeps.
const maxHeld = 100

// Fields of +CNMI (TS 27.005 §3.4.1).
const (
	cnmiMode = iota
	cnmiMT
	cnmiBM
	cnmiDS
	cnmiBFR
)

func doFormat(m *Modem, p *port, c command) answer {
	return m.setting(c, &m.told.cmgf, "+CMGF: (0,1)", 1)
}

// doService is +CSMS (TS 27.005 §3.2.1): with 1, what is routed wants +CNMA.
func doService(m *Modem, p *port, c command) answer {
	services := m.vendor.csms
	if m.b.RefuseCSMS {
		services = []int{0}
	}
	switch c.op {
	case opTest:
		var listed []string
		for _, s := range services {
			listed = append(listed, strconv.Itoa(s))
		}
		return ok("+CSMS: (" + strings.Join(listed, ",") + ")")
	case opGet:
		return ok(fmt.Sprintf("+CSMS: %d,1,1,1", m.told.csms))
	}
	service, valid := c.number(0, -1)
	if !valid || !slices.Contains(services, service) {
		return m.cms(cmsNotSupported)
	}
	m.told.csms = service
	return ok("+CSMS: 1,1,1")
}

func doMore(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CMMS: (0-2)")
	case opGet:
		return ok("+CMMS: 0")
	}
	return ok()
}

func doPreferredService(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CGSMS: (0-3)")
	case opGet:
		return ok("+CGSMS: 1")
	}
	return ok()
}

// doServiceCentre is +CSCA (TS 27.005 §3.3.1).
func doServiceCentre(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok()
	case opGet:
		return ok(fmt.Sprintf("+CSCA: %s,%d", m.quote(m.sim.smsc), toa(m.sim.smsc)))
	}
	number := m.unquote(c.arg(0))
	if number == "" {
		return m.cms(cmsParameter)
	}
	if kind, valid := c.number(1, 0); valid && kind == 145 && number[0] != '+' {
		number = "+" + number
	}
	m.sim.smsc, m.sim.smscStale, m.b.NoSMSC, m.b.StaleSMSC = number, false, false, false
	return ok()
}

// doIndications is +CNMI (TS 27.005 §3.4.1). A value that is not in the set that
// +CNMI=? lists is refused, and so is what the modem's Behaviour says.
func doIndications(m *Modem, p *port, c command) answer {
	sets := m.vendor.cnmi
	switch c.op {
	case opTest:
		return ok("+CNMI: " + strings.Join(sets[:], ","))
	case opGet:
		n := m.told.cnmi
		return ok(fmt.Sprintf("+CNMI: %d,%d,%d,%d,%d", n[0], n[1], n[2], n[3], n[4]))
	}
	fields := c.list()
	if c.op == opDo {
		fields = nil // all defaults
	}
	var wanted [5]int
	if len(fields) > len(wanted) || m.b.RefuseCNMI {
		return m.cms(cmsNotSupported)
	}
	for i := range fields {
		n, valid := c.number(i, m.told.cnmi[i])
		if !valid || !inSet(sets[i], n) || i == cnmiDS && slices.Contains(m.b.RefuseReports, n) {
			return m.cms(cmsNotSupported)
		}
		wanted[i] = n
	}
	m.told.cnmi = wanted
	if wanted[cnmiMode] != 0 {
		if wanted[cnmiBFR] == 0 {
			for _, lines := range m.held {
				m.urc(lines)
			}
		}
		m.held = nil
	}
	return ok()
}

// inSet reads a set as +CNMI=? lists it: (0,1) or (0-2).
func inSet(set string, n int) bool {
	for _, field := range strings.Split(strings.Trim(set, "()"), ",") {
		low, high, isRange := strings.Cut(field, "-")
		from, _ := strconv.Atoi(low)
		to := from
		if isRange {
			to, _ = strconv.Atoi(high)
		}
		if n >= from && n <= to {
			return true
		}
	}
	return false
}

// indicate says that something has come, or keeps that to itself with <mode> 0. mu
// is held.
func (m *Modem) indicate(lines ...string) {
	if m.told.cnmi[cnmiMode] == 0 {
		if m.held = append(m.held, strings.Join(lines, "\r\n")); len(m.held) > maxHeld {
			m.held = m.held[1:]
		}
		return
	}
	m.urc(lines...)
}

// receive takes a parcel from the network, unless the modem is off the air, has no
// room or has not yet acknowledged one. False leaves it with the network.
func (m *Modem) receive(p *parcel) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || !m.registered() {
		return false
	}
	return m.arrive(p)
}

// arrive is receive with mu held and the radio on.
func (m *Modem) arrive(p *parcel) bool {
	if m.acked == p {
		m.acked = nil
		return true
	}
	if m.awaiting != nil {
		return false
	}
	if p.report {
		return m.arriveReport(p)
	}
	class := messageClass(p.tpdu)
	switch mt := m.told.cnmi[cnmiMT]; {
	case mt == 2 && class != tpdu.MClass2, mt == 3 && class == tpdu.MClass3, mt >= 2 && class == tpdu.MClass0:
		return m.route(p, fmt.Sprintf("+CMT: ,%d", len(p.tpdu)))
	}
	memory := m.told.mem[2]
	index, stored := m.view(memory).add(stored{smsc: m.options.SMSC, tpdu: p.tpdu}, m.b.StorageFull)
	if !stored {
		return m.noRoom(memory)
	}
	if m.told.cnmi[cnmiMT] == 0 || m.b.LoseCMTI.take() {
		return true
	}
	switch {
	case m.b.CMTINoIndex.take():
		m.indicate("+CMTI: ,-1")
	case m.b.CMTIWrongMemory.take():
		m.indicate(fmt.Sprintf(`+CMTI: "%s",%d`, otherMemory(memory), index))
	default:
		m.indicate(fmt.Sprintf(`+CMTI: "%s",%d`, memory, index))
	}
	return true
}

func (m *Modem) arriveReport(p *parcel) bool {
	if m.b.NoReports {
		return true
	}
	switch m.told.cnmi[cnmiDS] {
	case 1:
		return m.route(p, fmt.Sprintf("+CDS: %d", len(p.tpdu)))
	case 2:
		index, stored := m.view(m.vendor.reports).add(stored{smsc: m.options.SMSC, tpdu: p.tpdu}, m.b.StorageFull)
		if !stored {
			return m.noRoom(m.vendor.reports)
		}
		announced := m.vendor.announced
		if m.b.CDSIWrongMemory.take() {
			announced = otherMemory(announced)
		}
		m.indicate(fmt.Sprintf(`+CDSI: "%s",%d`, announced, index))
	}
	return true // with <ds> 0 nobody asked for it
}

func otherMemory(name string) string {
	if name == memSIM {
		return memPhone
	}
	return memSIM
}

// noRoom says so once for each time that the memory becomes full; the network keeps
// what came. mu is held.
func (m *Modem) noRoom(memory string) bool {
	if !m.fullSaid && m.vendor.full != "" {
		m.urc(strings.ReplaceAll(m.vendor.full, "%s", memory))
	}
	m.fullSaid = true
	return false
}

// route hands a TPDU over at once. Where an acknowledgement is due, the network
// keeps it until that comes, and routing ends if it does not (TS 27.005 §3.4.4).
func (m *Modem) route(p *parcel, header string) bool {
	m.indicate(header, pduHex(m.options.SMSC, p.tpdu))
	if m.told.csms != 1 && !m.b.RequireCNMA {
		return true
	}
	m.awaiting = p
	m.later(m.b.ackTimeout(), func() {
		if m.awaiting == p {
			m.awaiting = nil
			m.told.cnmi[cnmiMT], m.told.cnmi[cnmiDS] = 0, 0
			m.network.kick()
		}
	})
	return false
}

// redeliverAfter is when the network sends what was refused with +CNMA=2 again.
const redeliverAfter = 5 * time.Second

// doAcknowledge is +CNMA (TS 27.005 §3.4.4, §4.7).
func doAcknowledge(m *Modem, p *port, c command) answer {
	if c.op == opTest {
		return ok("+CNMA: (0-2)")
	}
	n, valid := c.number(0, 0)
	switch {
	case m.told.csms != 1 && !m.b.RequireCNMA:
		return m.cms(cmsNotAllowed)
	case m.awaiting == nil:
		return m.cms(cmsNoAckExpected)
	case !valid || n > 2:
		return m.cms(cmsParameter)
	case n == 2:
		m.awaiting.notBefore = time.Now().Add(redeliverAfter)
	default:
		m.acked = m.awaiting
	}
	m.awaiting = nil
	return ok()
}

// messageClass is that of TP-DCS (TS 23.038 §4).
func messageClass(b []byte) tpdu.MessageClass {
	t := tpdu.TPDU{Direction: tpdu.MT}
	if err := t.UnmarshalBinary(b); err != nil {
		return tpdu.MClassUnknown
	}
	class, err := t.DCS.Class()
	if err != nil {
		return tpdu.MClassUnknown
	}
	return class
}
