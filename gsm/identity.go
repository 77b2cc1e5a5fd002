package gsm

import (
	"strconv"
	"strings"
)

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

// imeiDigits are those of an IMEI without its check digit (3GPP TS 23.003 §6.2.1).
const imeiDigits = 14

// ParseIMEI reads what AT+CGSN answers: 15 digits, the last of which is the check
// digit, 14 without it, or 16 with the software's version in its place. Some add a
// serial number.
func ParseIMEI(line string) (string, bool) {
	digits, ok := digitsOf(line, "+CGSN", "+GSN")
	switch {
	case !ok || len(digits) < imeiDigits || len(digits) > imeiDigits+2:
		return "", false
	case len(digits) == imeiDigits+1:
		return digits, true
	}
	return withCheckDigit(digits[:imeiDigits]), true
}

// ValidIMEI tells whether these can be the 15 digits of an IMEI: the last checks the
// others, or is 0, which a modem may say instead (3GPP TS 23.003 §6.2.1).
func ValidIMEI(s string) bool {
	if len(s) != imeiDigits+1 || strings.Trim(s, "0123456789") != "" {
		return false
	}
	return s[imeiDigits] == '0' || s == withCheckDigit(s[:imeiDigits])
}

// withCheckDigit adds the check digit of Luhn's (3GPP TS 23.003 annex B).
func withCheckDigit(digits string) string {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return digits + strconv.Itoa((10-sum%10)%10)
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
	value := line
	for _, name := range []string{"+CCID", "+ICCID", "^ICCID", "+QCCID", "+ZGETICCID", "%CCID"} {
		if rest, ok := payload(line, name); ok {
			value = rest
		}
	}
	digits := []byte(strings.ToUpper(fields(value)[0].text))
	if strings.HasPrefix(string(digits), "98") {
		for i := 0; i+1 < len(digits); i += 2 { // with them the fill, which then is not at the end
			digits[i], digits[i+1] = digits[i+1], digits[i]
		}
	}
	iccid := strings.TrimRight(string(digits), "F")
	if len(digits) > 20 || len(iccid) < 18 || strings.Trim(iccid, "0123456789") != "" {
		return "", false
	}
	return iccid, true
}

// digitsOf returns the number that stands alone on a line or after one of the
// names: its first field, with the fill that a SIM may have at its end.
func digitsOf(line string, names ...string) (string, bool) {
	digits := strings.ToUpper(fields(valueOf(line, names...))[0].text)
	return digits, digits != "" && strings.Trim(digits, "0123456789F") == "" &&
		strings.Trim(strings.TrimRight(digits, "F"), "0123456789") == ""
}

// valueOf is what follows one of the names, or the line where none does.
func valueOf(line string, names ...string) string {
	for _, name := range names {
		if rest, ok := payload(line, name); ok {
			return rest
		}
	}
	return line
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
