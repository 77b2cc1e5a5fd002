package gsm

import "strings"

// Identity is what ATI says of a modem (ITU-T V.250 §6.1.3). Vendors agree on
// nothing there: ask AT+CGMI, +CGMM, +CGMR and +CGSN for what is missing.
type Identity struct {
	Manufacturer, Model, Revision, IMEI string
}

// maxIdentity bounds a value for people, in octets.
const maxIdentity = 100

// ParseIdentity reads the lines of ATI, with labels or without.
func ParseIdentity(lines []string) Identity {
	var id Identity
	var bare []string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		label, value, ok := strings.Cut(line, ":")
		value = value[max(strings.LastIndex(value, "+GMM:"), 0):]
		value = clean(value)
		switch l := strings.ToLower(label); {
		case !ok && line != "" && line[0] != '+' && line != "OK":
			bare = append(bare, clean(line))
		case l == "manufacturer":
			id.Manufacturer = value
		case l == "model":
			id.Model = value
		case l == "revision":
			id.Revision = value
		case l == "imei", l == "esn", l == "meid":
			id.IMEI = value
		}
	}
	if id.Model == "" { // "Quectel", "EC25"; or only the model
		switch len(bare) {
		case 0:
		case 1:
			id.Model = bare[0]
		default:
			id.Manufacturer, id.Model = bare[0], bare[1]
		}
	}
	return id
}

// clean returns a value without the marks that some leave in: "+GMI:", "+GSN:",
// "I:".
func clean(value string) string {
	value = strings.TrimSpace(value)
	for _, mark := range []string{"+GMI:", "+GMM:", "+GMR:", "+GSN:", "I:"} {
		value = strings.TrimSpace(strings.TrimPrefix(value, mark))
	}
	return strings.ToValidUTF8(value[:min(len(value), maxIdentity)], "")
}

// ParseValue reads a line that answers a command by a value alone, such as
// AT+CGMM, with the command's name before it or not. Quotes are kept: some
// names are lists.
func ParseValue(line, name string) string {
	if rest, ok := payload(line, name); ok {
		line = rest
	}
	return clean(line)
}

// ParseIMEI reads what AT+CGSN answers: 15 digits (3GPP TS 23.003 §6.2.1), or 16
// with the software's version, which is cut off. Some add a serial number.
func ParseIMEI(line string) (string, bool) {
	digits, ok := digitsOf(line, "+CGSN", "+GSN")
	if !ok || len(digits) < 14 || len(digits) > 16 {
		return "", false
	}
	return digits[:min(len(digits), 15)], true
}

// ParseIMSI reads what AT+CIMI answers (TS 23.003 §2.2).
func ParseIMSI(line string) (string, bool) {
	digits, ok := digitsOf(line, "+CIMI")
	return digits, ok && len(digits) >= 6 && len(digits) <= 15
}

// ParseICCID reads the number of a SIM (ITU-T E.118): +CCID, +ICCID, ^ICCID,
// +QCCID, or the number alone. Some give its semi-octets unswapped: no number
// begins with 98, and all with 89.
func ParseICCID(line string) (string, bool) {
	digits := valueOf(line, "+CCID", "+ICCID", "^ICCID", "+QCCID", "+ZGETICCID", "%CCID")
	if strings.HasPrefix(digits, "98") {
		b := []byte(digits)
		for i := 0; i+1 < len(b); i += 2 {
			b[i], b[i+1] = b[i+1], b[i]
		}
		digits = string(b)
	}
	return strings.TrimRight(digits, "F"), filled(digits) && len(digits) >= 18 && len(digits) <= 20
}

// digitsOf returns the number that stands alone on a line or after one of the
// names: its first field, with the fill that a SIM may have at its end.
func digitsOf(line string, names ...string) (string, bool) {
	digits := valueOf(line, names...)
	return digits, filled(digits)
}

// valueOf is the first field of a line, or of what stands behind one of the names.
func valueOf(line string, names ...string) string {
	value := line
	for _, name := range names {
		if rest, ok := payload(line, name); ok {
			value = rest
		}
	}
	return strings.ToUpper(fields(value)[0].text)
}

// filled reports whether a text is a number, with fill at its end or without.
func filled(digits string) bool {
	return digits != "" && strings.Trim(strings.TrimRight(digits, "F"), "0123456789") == ""
}

// PINState is what +CPIN says (3GPP TS 27.007 §8.3).
type PINState string

const (
	PINReady       PINState = "READY"
	PINWanted      PINState = "SIM PIN"
	PUKWanted      PINState = "SIM PUK"
	PINNotReady    PINState = "NOT READY"    // of SIMCom, while it starts
	PINNotInserted PINState = "NOT INSERTED" // of SIMCom
)

// pinStates are those that are believed without "+CPIN:" before them, as some
// modems answer.
var pinStates = []PINState{
	PINReady, PINWanted, PUKWanted, "SIM PIN2", "SIM PUK2", "PH-SIM PIN", "PH-FSIM PIN", "PH-FSIM PUK",
	"PH-NET PIN", "PH-NET PUK", "PH-NETSUB PIN", "PH-NETSUB PUK", "PH-SP PIN", "PH-SP PUK",
	"PH-CORP PIN", "PH-CORP PUK", PINNotReady, PINNotInserted, "NOT INSERT", "SIM REMOVED",
}

// ParsePIN reads +CPIN and ^CPIN.
func ParsePIN(line string) (PINState, bool) {
	for _, name := range []string{"+CPIN", "^CPIN"} {
		if rest, ok := payload(line, name); ok {
			state := PINState(strings.ToUpper(fields(rest)[0].text))
			return state, state != ""
		}
	}
	for _, s := range pinStates {
		if strings.EqualFold(strings.TrimSpace(line), string(s)) {
			return s, true
		}
	}
	return "", false
}

// ParsePINTries reads how many attempts are left to enter the PIN, in the ways
// of Huawei (AT^CPIN?), SIMCom (AT+SPIC), Quectel (AT+QPINC) and Telit (AT#PCT).
func ParsePINTries(line string) (int, bool) {
	for _, of := range []struct {
		name string
		at   int
	}{{"^CPIN", 3}, {"+SPIC", 0}, {"+QPINC", 1}, {"#PCT", 0}} {
		rest, ok := payload(line, of.name)
		if !ok {
			continue
		}
		list := fields(rest)
		if of.name == "+QPINC" && !strings.EqualFold(list[0].text, "SC") {
			return 0, false // of PIN2
		}
		if of.name == "^CPIN" && strings.HasPrefix(list[0].text, "SIM PUK") {
			return 0, true
		}
		n, ok := at(list, of.at).number()
		return n, ok && n >= 0
	}
	return 0, false
}
