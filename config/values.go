package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // time zones also where the machine has none
	"unicode"
	"unicode/utf8"

	"smsbridge/gsm"
)

func notEmpty(s string) error {
	if s == "" {
		return errors.New("must not be empty")
	}
	return nil
}

// matching makes a check of a regular expression, of which what says the
// meaning. The value is not repeated.
func matching(pattern, what string) func(string) error {
	re := regexp.MustCompile(pattern)
	return func(s string) error {
		if !re.MatchString(s) {
			return errors.New("must be " + what)
		}
		return nil
	}
}

var (
	region        = matching(`^[A-Z]{2}$`, "two capital letters (ISO 3166), such as US")
	nodeName      = matching(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`, "1 to 64 letters, digits, dots, - and _")
	carrierName   = matching(`^[a-z0-9][a-z0-9_-]{0,31}$`, "1 to 32 lower-case letters, digits, - and _, and begin with a letter or digit")
	prefix        = matching(`^\+[1-9][0-9]{0,14}$`, "the beginning of an E.164 number, such as \"+1\" or \"+44\"")
	pin           = matching(`^[0-9]{4,8}$`, "4 to 8 digits")
	serviceCentre = matching(`^(\+[1-9][0-9]{6,14})?$`, "an E.164 number, such as \"+12602058900\", or empty")
	commandLine   = matching(`^(?i:AT)[ -~]{1,254}$`, "an AT command on one line, such as AT+CSCS=\"GSM\"")

	// What an AT command line must not have in it, after others or alone.
	pinCommand = regexp.MustCompile(`(?i)[+^]CPIN\s*=\s*[^?\s]`)
	textMode   = regexp.MustCompile(`(?i)\+CMGF\s*=\s*[^0?\s]`)

	e164      = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	shortCode = regexp.MustCompile(`^[0-9]{3,8}$`)
	domain    = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)
)

func hostName(s string) error {
	if _, err := netip.ParseAddr(s); err == nil {
		return nil
	}
	// The last label of a name is not numeric: 10.0.0.256 is no name either.
	last := s[strings.LastIndexByte(strings.TrimSuffix(s, "."), '.')+1:]
	if len(s) > 253 || !domain.MatchString(s) || strings.Trim(last, "0123456789.") == "" {
		return fmt.Errorf("must be a host name or an IP address, not %s", quote(s))
	}
	return nil
}

func address(s string, lowestPort uint64) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return fmt.Errorf("must be host:port (an IPv6 address in [ ]), not %s", quote(s))
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || p < lowestPort {
		return fmt.Errorf("must have a port from %d to 65535, not %s", lowestPort, quote(port))
	}
	if host == "" {
		return nil
	}
	return hostName(host)
}

// listenAddress accepts an empty host, every interface, and port 0, a free one.
func listenAddress(s string) error { return address(s, 0) }

func hostPort(s string) error {
	if strings.HasPrefix(s, ":") {
		return fmt.Errorf("must name a host before the port, not %s", quote(s))
	}
	return address(s, 1)
}

// publicURL does not repeat the value: it may hold a password by mistake.
func publicURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("must be a URL such as https://sms.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must be a URL without user, query and fragment")
	}
	return nil
}

func network(s string) error {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return errors.New("must be a network such as 172.16.0.0/12, or an address such as 10.0.0.7/32")
	case p.Bits() == 0:
		return errors.New("is everybody: name the networks that only proxies are in")
	}
	return nil
}

// store does not repeat the value either.
func store(s string) error {
	const want = "must be sqlite:PATH or postgres://USER@HOST/DATABASE"
	scheme, rest, _ := strings.Cut(s, ":")
	switch scheme {
	case "sqlite":
		if rest == "" || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "//") && !strings.HasPrefix(rest, "///") {
			return errors.New(want + "; PATH is a file's")
		}
		path, query, _ := strings.Cut(rest, "?")
		if strings.ContainsAny(path, "#\x00") {
			return errors.New("takes a path after sqlite:, without # in it")
		}
		if values, err := url.ParseQuery(query); err != nil || len(values) > 1 || len(values) == 1 && !isDuration(values.Get("fsync_delay")) {
			return errors.New("takes one parameter after the path: ?fsync_delay=5ms, to measure how a slower disk would do")
		}
		return nil
	case "postgres", "postgresql":
		u, err := url.Parse(s)
		if err != nil || !strings.HasPrefix(rest, "//") {
			return errors.New(want + "; a % or # in a password is written %25 or %23")
		}
		if u.Fragment != "" {
			return errors.New("holds a #, which is written %23 in a URL")
		}
		return nil
	}
	return errors.New(want)
}

func isDuration(s string) bool {
	_, err := time.ParseDuration(s)
	return err == nil
}

// number accepts what can be a number of ours.
func number(s string) error {
	switch {
	case strings.HasPrefix(s, "+"):
		if !e164.MatchString(s) {
			return fmt.Errorf("must be + and 7 to 15 digits without spaces, not %s", quote(s))
		}
	case strings.Trim(s, "0123456789") == "":
		if !shortCode.MatchString(s) {
			return fmt.Errorf("must have 3 to 8 digits as a short code, and begin with + as any other number, not %s", quote(s))
		}
	case !alphanumeric(s):
		return fmt.Errorf("must be E.164 (+12602058900), a short code (3 to 8 digits) or a name of "+
			"at most 11 GSM characters with a letter among them, not %s", quote(s))
	}
	return nil
}

// The GSM 7 bit default alphabet and its extension (TS 23.038 §6.2.1), without
// the control characters.
const (
	gsmBasic = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "^{}\\[~]|€"
)

// alphanumeric says whether s can be an alphanumeric sender: up to 11 septets
// (TS 23.040 §9.1.2.5) and a letter, which tells it from a number.
func alphanumeric(s string) bool {
	septets, letter := 0, false
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			septets++
		case strings.ContainsRune(gsmExtension, r):
			septets += 2
		default:
			return false
		}
		letter = letter || unicode.IsLetter(r)
	}
	return letter && septets <= 11 && strings.TrimSpace(s) == s
}

func timeZone(s string) error {
	// "" and "Local" are Go's own names, and Local is another one elsewhere.
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("must be a time zone such as UTC or Europe/London, not %s", quote(s))
	}
	return nil
}

func device(s string) error {
	if s != gsm.DeviceAuto && (!strings.HasPrefix(s, "/") || strings.ContainsRune(s, 0)) {
		return fmt.Errorf("must be the absolute path of a device, or %s, not %s", gsm.DeviceAuto, quote(s))
	}
	return nil
}

func imei(s string) error {
	switch {
	case len(s) != 15 || strings.Trim(s, "0123456789") != "":
		return errors.New("must be 15 digits")
	case !gsm.ValidIMEI(s):
		return errors.New("must be 15 digits, of which the last checks the others: one of these is wrong")
	}
	return nil
}

// atCommand accepts what may be sent to a modem beside what the driver sends.
func atCommand(s string) error {
	switch err := commandLine(s); {
	case err != nil:
		return err
	case pinCommand.MatchString(s):
		return errors.New("must not enter a PIN, which pin and pin_file do once, as a wrong one locks the SIM")
	case textMode.MatchString(s):
		return errors.New("must leave +CMGF as it is: texts are exchanged as PDUs")
	}
	return nil
}

// keyword checks a word by which customers decide.
func keyword(s string) error {
	if s != strings.TrimSpace(s) || s == "" || len(s) > 64 {
		return errors.New("must have 1 to 64 octets, without spaces around it")
	}
	return nil
}

// reply checks an automatic answer.
func reply(s string) error {
	if utf8.RuneCountInString(s) > 1000 {
		return errors.New("must have at most 1000 characters")
	}
	return nil
}

// ussd checks a code of the network's, such as *100#.
func ussd(s string) error {
	if s == "" || len(s) > 182 || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789*#+", r) }) {
		return errors.New(`must be a code of digits, * and #, such as "*100#"`)
	}
	return nil
}

func regularExpression(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("must be a regular expression: %w", err)
	}
	return nil
}
