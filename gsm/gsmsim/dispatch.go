package gsmsim

import (
	"slices"
	"strconv"
	"strings"
)

// entry is a command that modems have.
type entry struct {
	do      func(*Modem, *port, command) answer // with mu held
	vendors []string                            // who have it; none: all
	sim     simNeed
}

// simNeed is how a command fails without an unlocked SIM.
type simNeed int

const (
	needsNothing simNeed = iota
	needsSIM             // +CME ERROR
	needsSMS             // +CMS ERROR
)

// commandTable is what the simulator understands. What is not in it, or of another
// vendor, is refused as unknown.
func commandTable() map[string]entry {
	huawei, quectel, zte := []string{"huawei"}, []string{"quectel"}, []string{"zte"}
	simcom := []string{"sim800", "simcom7600"}
	lte := []string{"quectel", "simcom7600"}
	yes := func(*Modem, *port, command) answer { return ok() }
	return map[string]entry{
		"": {do: yes}, "E": {do: doEcho}, "V": {do: doVerbose}, "Q": {do: doQuiet}, "Z": {do: doReset}, "&F": {do: doReset},
		"&D": {do: yes}, "&C": {do: yes}, "&K": {do: yes}, "&W": {do: yes}, "X": {do: yes}, "L": {do: yes}, "M": {do: yes},
		"S0": {do: doRegister}, "S3": {do: doRegister}, "S4": {do: doRegister}, "S5": {do: doRegister}, "S7": {do: doRegister},
		"I": {do: doIdentify}, "H": {do: doHangUp}, "A": {do: doAnswerCall}, "D": {do: doDial},

		"+CGMI": {do: doManufacturer}, "+GMI": {do: doManufacturer}, "+CGMM": {do: doModel}, "+GMM": {do: doModel},
		"+CGMR": {do: doRevision}, "+GMR": {do: doRevision}, "+CGSN": {do: doIMEI}, "+GSN": {do: doIMEI},
		"+GCAP": {do: doCapabilities}, "+CMEE": {do: doErrors}, "+CSCS": {do: doCharset}, "+IPR": {do: yes}, "+IFC": {do: yes},
		"+CBC": {do: doBattery}, "+CCLK": {do: doTime}, "+WS46": {do: yes},

		"+CPIN": {do: doPIN}, "+CLCK": {do: doLock}, "+CPINR": {do: doTries, vendors: []string{"generic"}},
		"^CPIN": {do: doTries, vendors: huawei}, "+QPINC": {do: doTries, vendors: quectel},
		"+SPIC": {do: doTries, vendors: simcom}, "+ZPINPUK": {do: doTries, vendors: zte},
		"+CIMI": {do: doIMSI, sim: needsSIM}, "+CNUM": {do: doNumber, sim: needsSIM},
		"+CCID": {do: doICCID, vendors: []string{"generic", "sim800", "quectel"}}, "^ICCID": {do: doICCID, vendors: huawei},
		"+QCCID": {do: doICCID, vendors: quectel}, "+ICCID": {do: doICCID, vendors: simcom},
		"+CICCID": {do: doICCID, vendors: []string{"simcom7600"}}, "+ZGETICCID": {do: doICCID, vendors: zte},

		"+CREG": {do: doRegistration}, "+CGREG": {do: doRegistration}, "+CEREG": {do: doRegistration, vendors: lte},
		"+COPS": {do: doOperator}, "+CSQ": {do: doSignal}, "+CESQ": {do: doExtendedSignal, vendors: lte}, "+CFUN": {do: doFunctionality},
		"+CGATT": {do: doAttach},

		"+CMGF": {do: doFormat}, "+CSMS": {do: doService}, "+CNMI": {do: doIndications, sim: needsSMS},
		"+CNMA": {do: doAcknowledge}, "+CSCA": {do: doServiceCentre, sim: needsSMS}, "+CPMS": {do: doMemories, sim: needsSMS},
		"+CMGL": {do: doList, sim: needsSMS}, "+CMGR": {do: doRead, sim: needsSMS}, "+CMGD": {do: doDelete, sim: needsSMS},
		"+CMGW": {do: doWrite, sim: needsSMS}, "+CMGS": {do: doSend, sim: needsSMS}, "+CMMS": {do: doMore},
		"+CSMP": {do: yes}, "+CSDH": {do: yes}, "+CGSMS": {do: doPreferredService},

		"+CUSD": {do: doUSSD, sim: needsSIM}, "+CLIP": {do: doCLIP}, "+CRC": {do: doCRC}, "+CHUP": {do: doHangUp},
		"+CPAS": {do: doActivity},

		"^CURC": {do: doNoise, vendors: huawei}, "^PORTSEL": {do: doPortSel, vendors: huawei}, "^SYSINFO": {do: doSystemInfo, vendors: huawei},
		"+QURCCFG": {do: doURCPort, vendors: quectel},
		// The stick is a disk and a network card too; gammu insists on these.
		"+ZOPRT": {do: yes, vendors: zte},
		"+ZCDRUN": {do: func(*Modem, *port, command) answer {
			return ok("Close autorun state result(0:FAIL 1:SUCCESS):1")
		}, vendors: zte},
	}
}

// dispatch performs a command. mu is held.
func (m *Modem) dispatch(p *port, c command) answer {
	e, known := m.commands[c.name]
	if !known || len(e.vendors) > 0 && !slices.Contains(e.vendors, m.options.vendorName()) {
		if strings.HasPrefix(c.name, "+C") {
			return m.cme(cmeUnknown)
		}
		return failed()
	}
	if e.sim != needsNothing {
		if cmeCode, cmsCode := m.simLack(); cmeCode != 0 {
			if e.sim == needsSMS {
				return m.cms(cmsCode)
			}
			return m.cme(cmeCode)
		}
	}
	if a := e.do(m, p, c); a.final != "" || a.raw != "" || a.silent {
		return a
	}
	return ok()
}

func (o Options) vendorName() string {
	if o.Vendor == "" {
		return "generic"
	}
	return o.Vendor
}

// simLack is what the SIM lacks, as +CME ERROR and +CMS ERROR say it. mu is held.
func (m *Modem) simLack() (cmeCode, cmsCode int) {
	switch m.simState() {
	case "NOT INSERTED":
		return cmeNoSIM, cmsNoSIM
	case "SIM PIN":
		return cmePIN, cmsPIN
	case "SIM PUK":
		return cmePUK, cmsPUK
	}
	if m.b.SIMBusy.take() {
		return cmeBusy, cmsSIMBusy
	}
	return 0, 0
}

func doEcho(m *Modem, p *port, c command) answer {
	p.echo = c.args != "0" && c.args != ""
	return ok()
}

func doVerbose(m *Modem, p *port, c command) answer {
	p.verbose = c.args != "0" && c.args != ""
	return ok()
}

func doQuiet(m *Modem, p *port, c command) answer {
	p.quiet = c.args == "1"
	return ok()
}

// doReset keeps what belongs to the stick rather than to the line.
func doReset(m *Modem, p *port, c command) answer {
	p.restart()
	fresh := m.told
	fresh.cmee, fresh.creg, fresh.cgreg, fresh.cereg = 0, 0, 0, 0
	fresh.cmgf, fresh.clip, fresh.crc, fresh.charset, fresh.cnmi, fresh.csms = 0, false, false, "GSM", [5]int{}, 0
	m.told = fresh
	if c.name == "&F" {
		m.b.BadProfile = false
	}
	return ok()
}

// doRegister knows the S registers that drivers set (ITU-T V.250 §6.2), as they are
// at the start.
func doRegister(m *Modem, p *port, c command) answer {
	value := map[string]string{"S0": "000", "S3": "013", "S4": "010", "S5": "008", "S7": "060"}[c.name]
	switch c.op {
	case opGet:
		return ok(value)
	case opSet:
		return ok()
	}
	return failed()
}

func doIdentify(m *Modem, p *port, c command) answer {
	v := m.vendor
	switch m.options.vendorName() {
	case "quectel":
		return ok(v.manufacturer, v.model, "Revision: "+v.revision)
	case "sim800":
		return ok("SIM800 R14.18")
	}
	return ok("Manufacturer: "+v.manufacturer, "Model: "+v.model, "Revision: "+v.revision, "IMEI: "+m.options.IMEI, "+GCAP: "+capabilities)
}

func doManufacturer(m *Modem, p *port, c command) answer { return read(c, m.vendor.manufacturer) }
func doModel(m *Modem, p *port, c command) answer        { return read(c, m.vendor.model) }
func doRevision(m *Modem, p *port, c command) answer     { return read(c, m.vendor.revision) }
func doIMEI(m *Modem, p *port, c command) answer         { return read(c, m.options.IMEI) }

const capabilities = "+CGSM,+DS,+ES"

func doCapabilities(m *Modem, p *port, c command) answer { return read(c, "+GCAP: "+capabilities) }

// read answers a command that says one thing.
func read(c command, line string) answer {
	switch c.op {
	case opDo:
		return ok(line)
	case opTest:
		return ok()
	}
	return failed()
}

func doErrors(m *Modem, p *port, c command) answer {
	return m.setting(c, &m.told.cmee, "+CMEE: (0-2)", 2)
}

// setting reads and writes a number from 0 to most. mu is held.
func (m *Modem) setting(c command, value *int, test string, most int) answer {
	switch c.op {
	case opTest:
		return ok(test)
	case opGet:
		return ok(c.name + ": " + strconv.Itoa(*value))
	}
	n, valid := c.number(0, 0)
	if !valid || n > most {
		return m.cme(cmeParameter)
	}
	*value = n
	return ok()
}

func doCharset(m *Modem, p *port, c command) answer {
	sets := []string{"GSM", "IRA", "UCS2"}
	switch c.op {
	case opTest:
		return ok(`+CSCS: ("GSM","IRA","UCS2")`)
	case opGet:
		return ok(`+CSCS: "` + m.told.charset + `"`)
	}
	set := c.arg(0)
	if set == ucs2Hex("UCS2") || set == ucs2Hex("GSM") || set == ucs2Hex("IRA") {
		set, _ = fromUCS2Hex(set)
	}
	if !slices.Contains(sets, set) {
		return m.cme(cmeParameter)
	}
	m.told.charset = set
	return ok()
}

// quote writes a string as +CSCS has it. mu is held.
func (m *Modem) quote(s string) string {
	if m.told.charset == "UCS2" {
		s = ucs2Hex(s)
	}
	return `"` + s + `"`
}

// unquote reads one. mu is held.
func (m *Modem) unquote(s string) string {
	if m.told.charset == "UCS2" {
		if text, valid := fromUCS2Hex(s); valid {
			return text
		}
	}
	return s
}

func doBattery(m *Modem, p *port, c command) answer { return read(c, "+CBC: 0,100") }

func doNoise(m *Modem, p *port, c command) answer {
	switch {
	case c.op == opGet:
		return ok("^CURC: " + map[bool]string{true: "1", false: "0"}[m.told.noise])
	case c.op != opSet:
		return ok()
	}
	m.told.noise = c.args != "0"
	return ok()
}

func doPortSel(m *Modem, p *port, c command) answer {
	if c.op == opSet && c.args == "1" {
		m.told.mute = false
	}
	return ok()
}

func doSystemInfo(m *Modem, p *port, c command) answer {
	service := map[bool]string{true: "2", false: "0"}[m.registered()]
	return ok("^SYSINFO:" + service + ",3,0,5,1,,4")
}

// doURCPort chooses which port has indications: the first that answers AT, or the
// second, the modem's. There is none for a UART.
func doURCPort(m *Modem, p *port, c command) answer {
	names := []string{"usbat", "usbmodem"}
	switch {
	case c.op == opTest:
		return ok(`+QURCCFG: "urcport",("usbat","usbmodem","uart1","all")`)
	case c.arg(0) != "urcport":
		return m.cme(cmeParameter)
	case len(c.list()) == 1:
		return ok(`+QURCCFG: "urcport","` + names[m.told.urcPort] + `"`)
	}
	i := slices.Index(names, c.arg(1))
	if i < 0 {
		return m.cme(cmeParameter)
	}
	m.told.urcPort = i
	return ok()
}
