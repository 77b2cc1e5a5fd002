package gsm

import "strings"

// RegistrationState is <stat> of +CREG and its kin (3GPP TS 27.007 §7.2).
type RegistrationState int8

const (
	NotRegistered RegistrationState = iota
	RegisteredHome
	Searching
	RegistrationDenied
	RegistrationUnknown
	RegisteredRoaming
	RegisteredSMSOnlyHome
	RegisteredSMSOnlyRoaming
	EmergencyOnly
	RegisteredCSFBHome    // "CSFB not preferred"
	RegisteredCSFBRoaming // likewise
	AttachedRLOS          // restricted local operator services: no messages
)

var registrationNames = [...]string{
	"not registered", "home", "searching", "denied", "unknown", "roaming", "home, SMS only",
	"roaming, SMS only", "emergency only", "home, CSFB not preferred", "roaming, CSFB not preferred",
	"attached for local services",
}

func (s RegistrationState) String() string {
	if s >= 0 && int(s) < len(registrationNames) {
		return registrationNames[s]
	}
	return "unknown"
}

// Registered tells whether messages pass.
func (s RegistrationState) Registered() bool {
	switch s {
	case RegisteredHome, RegisteredRoaming, RegisteredSMSOnlyHome, RegisteredSMSOnlyRoaming,
		RegisteredCSFBHome, RegisteredCSFBRoaming:
		return true
	}
	return false
}

// Roaming tells whether the network is a foreign one.
func (s RegistrationState) Roaming() bool {
	return s == RegisteredRoaming || s == RegisteredSMSOnlyRoaming || s == RegisteredCSFBRoaming
}

// Registration is what +CREG, +CGREG, +CEREG and +C5GREG say.
type Registration struct {
	Domain string // "CREG": circuits, "CGREG": packets, "CEREG": LTE, "C5GREG": 5G
	State  RegistrationState
	Area   uint32 // location or tracking area; 0: not said
	Cell   uint64 // 0: not said
	Tech   string // "gsm", "umts", "lte" …; "": not said
}

// technologies are <AcT> (3GPP TS 27.007 §7.3).
var technologies = [...]string{
	"gsm", "gsm", "umts", "edge", "hsdpa", "hsupa", "hspa", "lte", "gsm-iot", "nb-iot",
	"lte", "5gnr", "5gnr", "lte-5gnr",
}

func technology(f field) string {
	if n, ok := f.number(); ok && n >= 0 && n < len(technologies) && !f.quoted {
		return technologies[n]
	}
	return ""
}

// ParseRegistration reads the answer to AT+CREG?, which begins with the mode
// that is set, and the unsolicited line, which does not; nothing else tells them
// apart.
func ParseRegistration(line string) (Registration, bool) {
	for _, domain := range []string{"CREG", "CGREG", "CEREG", "C5GREG"} {
		rest, ok := payload(line, "+"+domain)
		if !ok {
			continue
		}
		list := fields(rest)
		if len(list) > 1 && isRegistrationState(list) {
			list = list[1:]
		}
		state, ok := list[0].number()
		if !ok || state < 0 || state > 127 {
			return Registration{}, false
		}
		r := Registration{Domain: domain, State: RegistrationState(state)}
		r.place(list[1:])
		return r, true
	}
	return Registration{}, false
}

// isRegistrationState tells whether the second field is the state. If it is not
// it is the area, in quotes or with four digits.
func isRegistrationState(list []field) bool {
	f := list[1]
	n, ok := f.number()
	if !ok || f.quoted || n < 0 || n > int(AttachedRLOS) {
		return false
	}
	return len(f.text) <= 3 || at(list, 2).quoted
}

// place reads area, cell and technology. Some put the routing area, two digits,
// before the cell and some after the technology, where it is not looked at.
func (r *Registration) place(list []field) {
	r.Area = uint32(at(list, 0).hex())
	if len(list) == 4 && len(list[1].text) <= 2 && len(list[2].text) > 2 {
		list = list[1:]
	}
	r.Cell = at(list, 1).hex()
	r.Tech = technology(at(list, 2))
}

// Operator is the network that +COPS? names.
type Operator struct {
	Mode int    // 0: chosen by the modem, 1: by hand, 2: none …
	Name string // as Format has it; "": not registered
	// Format is 0 and 1 for names, 2 for the network's digits; -1: not said.
	Format int
	Tech   string
}

// ParseOperator reads +COPS? (3GPP TS 27.007 §7.3).
func ParseOperator(line string) (Operator, bool) {
	rest, ok := payload(line, "+COPS")
	if !ok {
		return Operator{}, false
	}
	list := fields(rest)
	mode, ok := list[0].number()
	if !ok {
		return Operator{}, false
	}
	return Operator{
		Mode: mode, Format: at(list, 1).or(-1),
		Name: characters(at(list, 2).text), Tech: technology(at(list, 3)),
	}, true
}

// FoundNetwork is one that AT+COPS=? found.
type FoundNetwork struct {
	Status                  int // 0 unknown, 1 available, 2 current, 3 forbidden
	Long, Short, PLMN, Tech string
}

// ParseNetworks reads what AT+COPS=? says, all of its lines. After the networks
// come the modes and formats that it supports, and are left out. Some close a
// network before its technology, and some open none.
func ParseNetworks(text string) []FoundNetwork {
	var list []FoundNetwork
	for _, part := range networkParts(text) {
		f := fields(strings.ReplaceAll(part, "),", ","))
		status, ok := f[0].number()
		if !ok || len(f) < 4 || status < 0 || status > 3 {
			continue
		}
		n := FoundNetwork{
			Status: status, Tech: technologies[0],
			Long: characters(f[1].text), Short: characters(f[2].text),
			PLMN: strings.Trim(f[3].text, `)"`),
		}
		if t, ok := ucs2Hex(n.PLMN); ok {
			n.PLMN = t
		}
		if !f[3].quoted || !isNumber(n.PLMN) {
			continue
		}
		tech, _, _ := strings.Cut(at(f, 4).text, ")") // "+COPS:" may follow, of the next line
		if t := technology(field{text: tech}); t != "" {
			n.Tech = t
		}
		list = append(list, n)
	}
	return list
}

// networkParts splits where a parenthesis and a status begin: names may have
// parentheses too.
func networkParts(text string) []string {
	text = strings.NewReplacer("\r", "", "\n", "").Replace(text)
	var parts []string
	start := -1
	for i := range len(text) {
		if text[i] != '(' {
			continue
		}
		rest := strings.TrimLeft(text[i+1:], " ")
		if len(rest) > 1 && '0' <= rest[0] && rest[0] <= '9' && rest[1] == ',' {
			if start >= 0 {
				parts = append(parts, text[start:i])
			}
			start = i + 1
		}
	}
	if start >= 0 {
		parts = append(parts, text[start:])
	}
	return parts
}
