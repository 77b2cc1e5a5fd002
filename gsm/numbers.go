package gsm

import "strings"

// international puts the "+" before a number whose type of address says so and
// that lacks it (3GPP TS 24.008 §10.5.4.7: 145 is international, telephone).
func international(number string, typ field) string {
	if t, ok := typ.number(); ok && t&0x70 == 0x10 && number != "" && number[0] != '+' {
		return "+" + number
	}
	return number
}

// numberOf reads a number that may be UCS-2 in hexadecimal: "+" is 002B.
func numberOf(f field) string {
	if t, ok := ucs2Hex(f.text); ok {
		return t
	}
	return f.text
}

// ParseSMSC reads the address of the service centre, +CSCA (3GPP TS 27.005
// §3.3.1). It is "" where the SIM names none.
func ParseSMSC(line string) (string, bool) {
	rest, ok := payload(line, "+CSCA")
	if !ok {
		return "", false
	}
	list := fields(rest)
	return international(numberOf(list[0]), at(list, 1)), true
}

// ParseOwnNumber reads a number of the SIM itself, +CNUM (TS 27.007 §7.1): a
// name, the number, its type. Many a SIM does not know it.
func ParseOwnNumber(line string) (string, bool) {
	// A Huawei glues the line to an error before it.
	if i := strings.Index(line, "+CNUM"); i > 0 {
		line = line[i:]
	}
	rest, ok := payload(line, "+CNUM")
	if !ok {
		return "", false
	}
	list := fields(rest)
	number := international(numberOf(at(list, 1)), at(list, 2))
	return number, strings.Trim(number, bcdDigits+"+") == "" && number != ""
}

// ParseCaller reads who rings, +CLIP (TS 27.007 §7.11): "" of one who hides it.
func ParseCaller(line string) (string, bool) {
	rest, ok := payload(line, "+CLIP")
	if !ok {
		return "", false
	}
	list := fields(rest)
	return international(numberOf(list[0]), at(list, 1)), true
}

// ParseFunctionality reads +CFUN (TS 27.007 §8.2): 0 is off, 1 is on, 4 is
// flight mode.
func ParseFunctionality(line string) (int, bool) {
	rest, ok := payload(line, "+CFUN")
	if !ok {
		return 0, false
	}
	return fields(rest)[0].number()
}

// ParseCapabilities reads +GCAP (ITU-T V.250 §6.1.9): "+CGSM" says that there is
// GSM, and newer modems do not bother to.
func ParseCapabilities(line string) ([]string, bool) {
	rest, ok := payload(line, "+GCAP")
	if !ok {
		return nil, false
	}
	var list []string
	for _, f := range fields(rest) {
		if f.text != "" {
			list = append(list, strings.ToUpper(f.text))
		}
	}
	return list, true
}

// ParseCharacterSets reads +CSCS (TS 27.007 §5.5): those that there are, or the
// one that is set.
func ParseCharacterSets(line string) ([]string, bool) {
	rest, ok := payload(line, "+CSCS")
	if !ok {
		return nil, false
	}
	list := texts(fields(rest)[0])
	return list, len(list) > 0
}
