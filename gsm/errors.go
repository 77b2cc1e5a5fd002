package gsm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Error is a final result line that is no OK.
type Error struct {
	Kind string // "CMS" (3GPP TS 27.005 §3.2.5), "CME" (TS 27.007 §9.2) or "ERROR"
	Code int    // -1: not known
	Text string // as the modem wrote it, or what the code means
}

func (e *Error) Error() string {
	switch {
	case e.Kind == "ERROR":
		return e.Text
	case e.Code < 0:
		return fmt.Sprintf("+%s ERROR: %s", e.Kind, e.Text)
	case e.Text == "":
		return fmt.Sprintf("+%s ERROR: %d", e.Kind, e.Code)
	}
	return fmt.Sprintf("+%s ERROR: %d (%s)", e.Kind, e.Code, e.Text)
}

// plainErrors end a command without a code (ITU-T V.250 §5.7.1), the last few
// in the words of vendors. "NO CARRIER" and "BUSY" also tell of calls: who never
// dials takes them for that.
var plainErrors = []string{
	"ERROR", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE",
	"COMMAND NOT SUPPORT", "COMMAND NOT SUPPORTED", "TOO MANY PARAMETERS", "NOT SUPPORT",
}

// ParseError reads a final result line that says that a command failed; false
// is of any other line. Codes come as numbers, and as texts under AT+CMEE=2,
// which some modems return to by themselves.
func ParseError(line string) (*Error, bool) {
	line = strings.TrimSpace(line)
	upper := strings.ToUpper(line)
	if slices.Contains(plainErrors, upper) {
		return &Error{"ERROR", -1, upper}, true
	}
	kind := ""
	for _, k := range []string{"CMS", "CME"} {
		if strings.HasPrefix(upper, "+"+k+" ERROR") {
			kind = k
		}
	}
	if kind == "" {
		return nil, false
	}
	text := strings.Trim(line[len("+CMS ERROR"):], " :\t\"")
	digits := text
	if i := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = text[:i]
		// "+CME ERROR: 25+CNUM: …": a Huawei glues the next line to it.
		if !strings.HasPrefix(text[i:], "+") {
			digits = ""
		}
	}
	if code, err := strconv.Atoi(digits); err == nil {
		return &Error{kind, code, meaning(kind, code)}, true
	}
	return &Error{kind, codeOf(kind, text), text}, true
}

// Class is what to do about an error.
type Class uint8

const (
	// Device: the modem failed, or does not say at what. What it was sending
	// counts as uncertain if the PDU was out, and else was not sent. Wait for five
	// seconds, then reset in steps.
	Device Class = iota
	// Recipient: the number is wrong or barred. The message has failed.
	Recipient
	// Subscription: this SIM may not send. Another SIM can; several in a row
	// suspend it.
	Subscription
	// Rejected: no credit, or taken for spam. One more attempt on another SIM.
	Rejected
	// Temporary: the network or the service centre is busy. Try again, later each
	// time; after the third, register anew.
	Temporary
	// OurPDU: what was sent is wrong or not supported. The message has failed;
	// with 144 and 145 another coding may pass, with 198 and 199 no validity.
	OurPDU
	// Duplicate: the service centre has the message already. It counts as sent,
	// and nothing must send it again.
	Duplicate
	// Storage: a memory is full or fails. Empty it and try again.
	Storage
	// Capability: the modem cannot do this, or not yet. Initialise it again, with
	// less.
	Capability
	// SIM: it is absent, locked, busy or broken. The modem is offline. A PIN is
	// tried once, a PUK never.
	SIM
	// Race: a message is not where it was. List the memory again.
	Race
	// SMSC: the service centre's address is missing or wrong. Write it anew and try
	// once more.
	SMSC
	// Network: not registered. Wait until it is.
	Network
	// NetworkTimeout: the network did not answer. Whether the message went out is
	// uncertain.
	NetworkTimeout
	// Harmless: an acknowledgement that nobody waited for.
	Harmless
	// Routing: the modem has stopped handing messages over. Send AT+CNMI again.
	Routing
)

var classNames = [...]string{
	"device", "recipient", "subscription", "rejected", "temporary", "our PDU", "duplicate", "storage",
	"capability", "SIM", "race", "SMSC", "network", "network timeout", "harmless", "routing",
}

func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Class returns what to do about an error. One that is not known is a
// Device's.
func (e *Error) Class() Class {
	kind, code := e.Kind, e.Code
	if kind == "ERROR" {
		if strings.Contains(e.Text, "SUPPORT") || e.Text == "TOO MANY PARAMETERS" {
			return Capability
		}
		return Device
	}
	if code < 0 { // modems put the texts of one list under the name of the other
		kind = map[string]string{"CMS": "CME", "CME": "CMS"}[kind]
		code = codeOf(kind, e.Text)
	}
	if kind == "CME" && code < 300 {
		return classOfCME(code)
	}
	return classOfCMS(code)
}

func classOfCMS(code int) Class {
	switch code {
	case 1, 28, 30, 195, 196:
		return Recipient
	case 8, 10, 29, 50, 69, 193:
		return Subscription
	case 21:
		return Rejected
	case 17, 22, 27, 38, 41, 42, 47, 127, 192, 194, 212:
		return Temporary
	case 81, 111, 198, 199, 304, 305:
		return OurPDU
	case 197:
		return Duplicate
	case 208, 209, 211, 320, 322:
		return Storage
	case 302, 303:
		return Capability
	case 321:
		return Race
	case 330:
		return SMSC
	case 331:
		return Network
	case 332, 350, 514:
		return NetworkTimeout
	case 340:
		return Harmless
	case 524:
		return Routing
	}
	switch {
	case 95 <= code && code <= 99, 128 <= code && code <= 145, 159 <= code && code <= 176:
		return OurPDU
	case 310 <= code && code <= 318:
		return SIM
	}
	return Device
}

// classOfCME is of TS 27.007 §9.2.1, from the meanings of the same kind in
// TS 27.005.
func classOfCME(code int) Class {
	switch code {
	case 3, 4:
		return Capability
	case 20, 23:
		return Storage
	case 21, 22:
		return Race
	case 24, 25, 26, 27, 50:
		return OurPDU
	case 30, 32, 103, 106, 111, 112, 113:
		return Network
	case 31:
		return NetworkTimeout
	}
	if 5 <= code && code <= 18 || 40 <= code && code <= 48 {
		return SIM
	}
	return Device
}
