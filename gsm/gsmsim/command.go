package gsmsim

import (
	"strconv"
	"strings"
)

// command is one command of a line (ITU-T V.250 §5.3, §5.4).
type command struct {
	name string // "+CMGS", "E", "&F", "S3"; upper case
	op   opKind
	args string // after = or, for basic commands, after the name
}

type opKind int

const (
	opDo   opKind = iota // AT+X, ATE0
	opGet                // AT+X?
	opTest               // AT+X=?
	opSet                // AT+X=…
)

// extended are the first characters of names that are longer than one letter.
const extended = "+^*$%#!"

// parseLine splits what follows AT. Quoted semicolons end nothing.
func parseLine(line string) (commands []command, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" {
		return []command{{}}, true // AT alone
	}
	for line = strings.TrimSpace(line); line != ""; {
		var c command
		if strings.IndexByte(extended, line[0]) >= 0 {
			end := unquoted(line, ';')
			c, ok = parseExtended(line[:end])
			line = strings.TrimPrefix(line[end:], ";")
		} else {
			c, line, ok = parseBasic(line)
		}
		if !ok {
			return nil, false
		}
		commands = append(commands, c)
		line = strings.TrimLeft(line, " ;")
	}
	return commands, true
}

// unquoted is the index of the first c outside quotes, or the length.
func unquoted(s string, c byte) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c && !quoted:
			return i
		}
	}
	return len(s)
}

func parseExtended(s string) (command, bool) {
	end := strings.IndexAny(s, "=?")
	if end < 0 {
		return command{name: strings.ToUpper(strings.TrimSpace(s))}, len(s) > 1
	}
	c := command{name: strings.ToUpper(strings.TrimSpace(s[:end]))}
	switch rest := strings.TrimSpace(s[end:]); {
	case rest == "?":
		c.op = opGet
	case rest == "=?":
		c.op = opTest
	case rest[0] == '=':
		c.op, c.args = opSet, strings.TrimSpace(rest[1:])
	default:
		return c, false
	}
	return c, len(c.name) > 1
}

// parseBasic reads one letter, or & and a letter, or S and a number, with what
// belongs to it. D takes the rest of the line.
func parseBasic(s string) (c command, rest string, ok bool) {
	name := 1
	if s[0] == '&' || s[0] == '\\' {
		name = 2
	}
	if len(s) < name {
		return command{}, "", false
	}
	c.name = strings.ToUpper(s[:name])
	s = s[name:]
	if last := c.name[len(c.name)-1]; last < 'A' || last > 'Z' {
		return command{}, "", false
	}
	if c.name == "D" {
		c.args = s
		return c, "", true
	}
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	c.args, s = s[:digits], s[digits:]
	if c.name == "S" {
		c.name, c.args = "S"+c.args, ""
		switch {
		case strings.HasPrefix(s, "?"):
			c.op, s = opGet, s[1:]
		case strings.HasPrefix(s, "="):
			end := 1
			for end < len(s) && s[end] >= '0' && s[end] <= '9' {
				end++
			}
			c.op, c.args, s = opSet, s[1:end], s[end:]
		}
	}
	return c, s, true
}

// list splits the arguments at commas outside quotes, and takes the quotes off.
func (c command) list() []string {
	var fields []string
	for rest := c.args; ; {
		end := unquoted(rest, ',')
		fields = append(fields, strings.Trim(strings.TrimSpace(rest[:end]), `"`))
		if end == len(rest) {
			return fields
		}
		rest = rest[end+1:]
	}
}

// arg is the i-th argument, empty where there is none.
func (c command) arg(i int) string {
	if fields := c.list(); i < len(fields) {
		return fields[i]
	}
	return ""
}

// number is the i-th argument, or otherwise where it is left out; false if it is
// no number.
func (c command) number(i, otherwise int) (int, bool) {
	s := c.arg(i)
	if s == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0
}

// answer is what a command says.
type answer struct {
	lines  []string
	final  string // finalOK when empty
	raw    string // instead of all that
	silent bool   // it says nothing now
	after  func() // called without mu once it was said
}

// Final result codes (ITU-T V.250 §5.7.1).
const (
	finalOK        = "OK"
	finalError     = "ERROR"
	finalNoCarrier = "NO CARRIER"
)

// numeric is a result code as ATV0 has it.
func numeric(final string) string {
	switch final {
	case finalOK:
		return "0"
	case finalNoCarrier:
		return "3"
	case finalError:
		return "4"
	}
	return final
}

func ok(lines ...string) answer { return answer{lines: lines, final: finalOK} }

func failed() answer { return answer{final: finalError} }

// Causes of +CME ERROR (TS 27.007 §9.2) and +CMS ERROR (TS 27.005 §3.2.5).
const (
	cmeNotAllowed      = 3
	cmeNotSupported    = 4
	cmeNoSIM           = 10
	cmePIN             = 11
	cmePUK             = 12
	cmeBusy            = 14
	cmeWrongPassword   = 16
	cmeNoNetwork       = 30
	cmeParameter       = 50
	cmeUnknown         = 100
	cmsNotAllowed      = 302
	cmsNotSupported    = 303
	cmsParameter       = 304
	cmsNoSIM           = 310
	cmsPIN             = 311
	cmsSIMBusy         = 314
	cmsPUK             = 316
	cmsIndex           = 321
	cmsFull            = 322
	cmsNoServiceCentre = 330
	cmsNoNetwork       = 331
	cmsNoAckExpected   = 340
	cmsUnknown         = 500
)

// cme is an error of TS 27.007, as +CMEE wants it. mu is held.
func (m *Modem) cme(code int) answer {
	texts := map[int]string{
		cmeNotAllowed: "operation not allowed", cmeNotSupported: "operation not supported", cmeNoSIM: "SIM not inserted",
		cmePIN: "SIM PIN required", cmePUK: "SIM PUK required", cmeBusy: "SIM busy", cmeWrongPassword: "incorrect password",
		cmeNoNetwork: "no network service", cmeParameter: "incorrect parameters", cmeUnknown: "unknown",
	}
	text, known := texts[code]
	switch {
	case m.told.cmee == 0 && !m.b.TextErrors:
		return failed()
	case known && (m.told.cmee == 2 || m.b.TextErrors):
		return answer{final: "+CME ERROR: " + text}
	}
	return answer{final: "+CME ERROR: " + strconv.Itoa(code)}
}

// cms is an error of TS 27.005. mu is held.
func (m *Modem) cms(code int) answer {
	texts := map[int]string{
		21: "short message transfer rejected", 28: "unidentified subscriber", 38: "network out of order", 41: "temporary failure",
		42: "congestion", cmsNotAllowed: "operation not allowed", cmsNotSupported: "operation not supported",
		cmsParameter: "invalid PDU mode parameter", cmsNoSIM: "SIM not inserted", cmsPIN: "SIM PIN required", cmsSIMBusy: "SIM busy",
		cmsPUK: "SIM PUK required", cmsIndex: "invalid memory index", cmsFull: "memory full", cmsNoServiceCentre: "SMSC address unknown",
		cmsNoNetwork: "no network service", 332: "network timeout", cmsNoAckExpected: "no +CNMA acknowledgement expected",
		cmsUnknown: "unknown error",
	}
	if text, known := texts[code]; known && (m.told.cmee == 2 || m.b.TextErrors) {
		return answer{final: "+CMS ERROR: " + text}
	}
	return answer{final: "+CMS ERROR: " + strconv.Itoa(code)}
}
