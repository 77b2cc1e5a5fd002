package gsm

import "strings"

// quirk is what one kind of modem needs beside, or instead of, what TS 27.005 and
// TS 27.007 ask for. Its zero fields change nothing.
type quirk struct {
	vendor, model string // both in upper case; the answers to +CGMI and +CGMM contain them
	why           string

	before   []string // commands right after the identity, with echo and errors set again behind them
	after    []string // commands at the end of the bring-up
	iccid    string   // instead of AT+CCID
	pinTries string   // says how many tries the PIN has left
	reset    string   // instead of AT+CFUN=1,1

	modes       []int    // of +CNMI, in this order, instead of 2, 1
	avoid       []string // memories that are advertised and do not work
	reportsIn   string   // where stored status reports are, whatever +CDSI says
	rewriteSMSC bool     // the service centre counts only once it was written
	noRouting   bool     // routed messages cannot be acknowledged
	packedUSSD  bool     // USSD is written and read as packed septets in hexadecimal
}

// quirks has the particulars of modems, the general before the special: of several
// rows that fit each adds to the ones above it. Sources are the issues of the
// projects named, and the vendors' AT manuals.
var quirks = []quirk{
	{vendor: "HUAWEI", why: "^RSSI, ^BOOT, ^DSFLOWRPT and others come several times a minute; the ICCID and the tries of the PIN have commands of their own",
		after: []string{"AT^CURC=0"}, iccid: "AT^ICCID?", pinTries: "AT^CPIN?"},
	{vendor: "HUAWEI", model: "E220", why: "answers +CMS ERROR: 330 until the service centre that it names is written back (smslib-v3 PR12)",
		rewriteSMSC: true},
	{vendor: "HUAWEI", model: "E173", why: "says nothing unasked after it starts, until its reports are directed to this port (chan-dongle #121)",
		after: []string{"AT^PORTSEL=1"}},
	{vendor: "HUAWEI", model: "E1", why: "takes USSD codes as packed septets alone (chan-dongle)",
		packedUSSD: true},
	{vendor: "HUAWEI", model: "MU509", why: "mode 2 of +CNMI is reserved (its AT manual)",
		modes: []int{1}},
	{vendor: "ZTE", why: "repeats +ZUSIMR:2 until it is asked for its memories (ModemManager)",
		after: []string{"AT+CPMS?"}, reportsIn: "SR", iccid: "AT+ZGETICCID", pinTries: "AT+ZPINPUK=?"},
	{vendor: "QUECTEL", why: "the ICCID and the tries of the PIN have commands of their own",
		iccid: "AT+QCCID", pinTries: `AT+QPINC="SC"`},
	{vendor: "QUECTEL", model: "E", why: "what comes unasked goes to one port only, by default another one (EC25, EG25, EG91, EG06)",
		after: []string{`AT+QURCCFG="urcport","usbat"`}},
	{vendor: "QUECTEL", model: "EC2", why: `keeps status reports in SR and announces them as +CDSI: "SM",0 (chan-quectel PR75)`,
		reportsIn: "SR"},
	{vendor: "QUECTEL", model: "M26", why: "has no +CSMS=1, so that nothing routed can be acknowledged",
		noRouting: true},
	{vendor: "QUECTEL", model: "M35", why: "has no +CSMS=1, so that nothing routed can be acknowledged",
		noRouting: true},
	{vendor: "SIMCOM", why: "the tries of the PIN have a command of their own",
		pinTries: "AT+SPIC"},
	{vendor: "SIMCOM", model: "SIM7", why: "a stored profile may break sending, and the factory's cures it (LilyGo #340)",
		before: []string{"AT&F"}, iccid: "AT+CICCID"},
	{vendor: "TELIT", why: "the ICCID and the tries of the PIN have commands of their own",
		iccid: "AT#CCID", pinTries: "AT#PCT"},
	{vendor: "SIERRA", why: "+CFUN=1,1 is not a reset; !RESET is",
		iccid: "AT!ICCID?", reset: "AT!RESET"},
	{vendor: "CINTERION", why: "the ICCID and the tries of the PIN have commands of their own",
		iccid: "AT^SCID", pinTries: "AT^SPIC"},
	{vendor: "SIEMENS", why: "the ICCID and the tries of the PIN have commands of their own",
		iccid: "AT^SCID", pinTries: "AT^SPIC"},
	{vendor: "CINTERION", model: "MC75", why: "rejects the memory ME that it advertises (gammu PR1207)",
		avoid: []string{"ME"}},
	{vendor: "SIEMENS", model: "MC75", why: "rejects the memory ME that it advertises (gammu PR1207)",
		avoid: []string{"ME"}},
}

// quirkOf returns what fits a modem, all rows together.
func quirkOf(vendor, model string) quirk {
	vendor, model = strings.ToUpper(vendor), strings.ToUpper(model)
	var all quirk
	for _, q := range quirks {
		// Some name themselves in the answer to +CGMM alone.
		if !strings.Contains(vendor, q.vendor) && !strings.Contains(model, q.vendor) {
			continue
		}
		if !matchesModel(model, q) {
			continue
		}
		all.merge(q)
	}
	return all
}

// matchesModel compares the beginning of the model, behind the vendor's name
// where it stands there too: "SIMCOM_SIM7600E-H".
func matchesModel(model string, q quirk) bool {
	name := strings.TrimLeft(strings.TrimPrefix(model, q.vendor), "_- ")
	return strings.HasPrefix(name, q.model)
}

func (q *quirk) merge(r quirk) {
	q.before = append(q.before, r.before...)
	q.after = append(q.after, r.after...)
	q.avoid = append(q.avoid, r.avoid...)
	for _, s := range []struct {
		to   *string
		from string
	}{{&q.iccid, r.iccid}, {&q.pinTries, r.pinTries}, {&q.reset, r.reset}, {&q.reportsIn, r.reportsIn}} {
		if s.from != "" {
			*s.to = s.from
		}
	}
	if r.modes != nil {
		q.modes = r.modes
	}
	q.rewriteSMSC = q.rewriteSMSC || r.rewriteSMSC
	q.noRouting = q.noRouting || r.noRouting
	q.packedUSSD = q.packedUSSD || r.packedUSSD
}
