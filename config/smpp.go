package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"smsbridge/smpp"
)

// smpp reports options of an account that are wrong together.
func (d *decoder) smpp(path string, c *smpp.Config) {
	hosts := path + ".hosts"
	if _, ok := d.given[hosts]; ok && !d.bad[hosts] && len(c.Hosts) == 0 {
		d.problem(hosts, "must have at least one host")
	}
	seen := map[string]string{}
	for i, host := range c.Hosts {
		d.once(seen, host, fmt.Sprintf("%s[%d]", hosts, i), "in the list")
	}
	_, password := d.given[path+".password"]
	_, file := d.given[path+".password_file"]
	if !password && !file {
		d.problem(path+".password", "is missing, and so is password_file; an account without one has password: \"\"")
	}
	if c.TLS != nil {
		d.smppTLS(path+".tls", c.TLS)
	}
	d.localAddr(path, c)
	d.optionalParameters(path, c)
	tags, statuses := map[string]string{}, map[string]string{}
	for _, key := range inOrder(d, c.TLVs, path+".tlvs") {
		tag, _ := smpp.ParseTag(key)
		d.once(tags, fmt.Sprint(tag), path+".tlvs."+key, "given in another form")
	}
	for _, key := range inOrder(d, c.StatusActions, path+".status_actions") {
		status, _ := parseStatus(key)
		d.once(statuses, status.String(), path+".status_actions."+key, "given in another form")
	}
	lowest, highest := path+".reconnect.min", path+".reconnect.max"
	if c.Reconnect.Min > c.Reconnect.Max && !d.bad[lowest] && !d.bad[highest] {
		at := lowest
		if _, ok := d.given[lowest]; !ok {
			at = highest
		}
		d.problem(at, "leaves min %s above max %s", short(c.Reconnect.Min), short(c.Reconnect.Max))
	}
}

// localAddr reports a host that the address of ours cannot reach: one of the
// other family.
func (d *decoder) localAddr(path string, c *smpp.Config) {
	ours, err := netip.ParseAddr(c.LocalAddr)
	if err != nil {
		return
	}
	for i, s := range c.Hosts {
		host, _, _ := net.SplitHostPort(s)
		theirs, err := netip.ParseAddr(host)
		at := fmt.Sprintf("%s.hosts[%d]", path, i)
		if err == nil && theirs.Is4() != ours.Is4() && !d.bad[at] {
			d.problem(at, "cannot be reached from local_addr %s, which is of the other version of IP", ours)
		}
	}
}

// optionalParameters reports options that need optional parameters, which
// came with SMPP 3.4.
func (d *decoder) optionalParameters(path string, c *smpp.Config) {
	if c.InterfaceVersion != smpp.Version33 {
		return
	}
	const why = "cannot work with interface_version 3.3, which has no optional parameters"
	if tlvs := path + ".tlvs"; len(c.TLVs) > 0 {
		d.problem(tlvs, why)
	}
	if long := path + ".long_messages"; c.LongMessages == smpp.LongSAR || c.LongMessages == smpp.LongPayload {
		d.problem(long, "%s "+why, c.LongMessages)
	}
}

// localAddr accepts an address of one interface, or nothing.
func localAddr(s string) error {
	if s == "" {
		return nil
	}
	if ip, err := netip.ParseAddr(s); err != nil || ip.IsMulticast() || ip.Is4In6() {
		return fmt.Errorf("must be an IP address of this machine, such as 192.0.2.7, not %s", quote(s))
	}
	return nil
}

// tonNPI bounds TON and NPI as SMPP 3.4 §5.2.5 and §5.2.6 do.
var tonNPI = matching(`^([0-6]/([0-9]|1[0-8]))?$`, "TON/NPI, 0/0 to 6/18, such as \"5/0\"")

func tlvTag(s string) error {
	_, err := smpp.ParseTag(s)
	return err
}

func tlvValue(s string) error {
	_, err := smpp.ParseTLVValue(s)
	return err
}

// errCode accepts what can be the err of a receipt: most carriers give it digits,
// some letters or a word.
func errCode(s string) error {
	if len(s) > 16 {
		return errors.New("is no err of a receipt: must have at most 16 characters")
	}
	return nil
}

func sentence(s string) error {
	if strings.TrimSpace(s) == "" || utf8.RuneCountInString(s) > 200 || strings.ContainsFunc(s, unicode.IsControl) {
		return errors.New("must be a sentence of at most 200 characters, on one line")
	}
	return nil
}

var statusNumber = regexp.MustCompile(`^0x[0-9A-Fa-f]{1,8}$`)

// parseStatus is smpp.ParseStatus without what that ignores after a number.
func parseStatus(s string) (smpp.Status, bool) {
	if strings.HasPrefix(s, "0x") && !statusNumber.MatchString(s) {
		return 0, false
	}
	return smpp.ParseStatus(s)
}

func failedStatus(s string) error {
	status, ok := parseStatus(s)
	if !ok {
		return errors.New("is no command_status: must be a name such as ESME_RSUBMITFAIL, or a number such as 0x401")
	}
	if status == smpp.ESME_ROK {
		return errors.New("is success, for which no other action is possible")
	}
	return nil
}
