package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"smsbridge/gsm"
)

// check fills in what depends on the machine, and reports options that are
// wrong together though each is right by itself.
func (d *decoder) check(c *Config) {
	if path, ok := strings.CutPrefix(c.Store, "sqlite:"); ok {
		path, query, with := strings.Cut(path, "?")
		if !filepath.IsAbs(path) {
			path = filepath.Join(d.folder, path)
		}
		c.Store = "sqlite:" + filepath.Clean(path)
		if with {
			c.Store += "?" + query
		}
	}
	if _, ok := d.given["node"]; !ok {
		host, err := os.Hostname()
		if err == nil {
			err = nodeName(host)
		}
		if err != nil {
			d.problem("node", "is missing, and the host name cannot stand for it: %s", err)
		}
		c.Node = host
	}
	if c.TLS != nil {
		d.keyPair("tls", c.TLS.CertFile, c.TLS.KeyFile)
	}
	if c.Metrics.Listen == c.Listen && !d.bad["listen"] && !strings.HasSuffix(c.Listen, ":0") {
		d.problem("metrics.listen", "must differ from listen; without it, /metrics is on listen")
	}
	d.carriers(c.Carriers)
	d.routes(c)
	d.pools(c)
	d.shared(c)
}

// carriers checks each carrier, and what only one of them may have.
func (d *decoder) carriers(carriers []Carrier) {
	names, devices := map[string]string{}, map[string]string{}
	for i, c := range carriers {
		path := fmt.Sprintf("carriers[%d]", i)
		d.once(names, c.Name, path+".name", "the name of another carrier")
		numbers := map[string]string{}
		for j, number := range c.Numbers {
			d.once(numbers, number, fmt.Sprintf("%s.numbers[%d]", path, j), "listed as "+number)
		}
		if c.SMPP != nil {
			d.smpp(path+".smpp", c.SMPP)
		}
		if c.GSM != nil {
			d.gsm(path+".gsm", c.GSM)
			d.once(devices, c.GSM.Device, path+".gsm.device", "the device of another modem")
			d.once(devices, c.GSM.IMEI, path+".gsm.imei", "the IMEI of another modem")
		}
		d.kind(path, c)
	}
}

// once reports a value that an earlier carrier has, too. seen holds the path of
// each value's first use.
func (d *decoder) once(seen map[string]string, value, path, what string) {
	if value == "" || d.bad[path] {
		return
	}
	if first, ok := seen[value]; ok {
		d.problem(path, "is already %s: %s on line %d", what, first, d.given[first].line)
		return
	}
	seen[value] = path
}

// kind checks that a carrier is an SMPP account or a modem, and has the numbers
// that it can have.
func (d *decoder) kind(path string, c Carrier) {
	if d.bad[path] {
		return
	}
	_, account := d.given[path+".smpp"]
	_, modem := d.given[path+".gsm"]
	if account == modem {
		what := "has neither smpp nor gsm: it must have one of them"
		if account {
			what = "has both smpp and gsm: it must have one of them"
		}
		d.problem(path, "%s", what)
	}
	numbers := path + ".numbers"
	if _, ok := d.given[numbers]; !ok || d.bad[numbers] {
		return
	}
	switch {
	case modem && !account && len(c.Numbers) != 1:
		d.problem(numbers, "must have exactly one number, that of the modem's SIM, not %d", len(c.Numbers))
	case len(c.Numbers) == 0:
		d.problem(numbers, "must have at least one number")
	case modem && !account && !d.bad[numbers+"[0]"] && alphanumeric(c.Numbers[0]):
		d.problem(numbers+"[0]", "must be a number: a SIM has no alphanumeric one")
	}
}

func (d *decoder) gsm(path string, c *gsm.Config) {
	_, device := d.given[path+".device"]
	_, imei := d.given[path+".imei"]
	switch {
	case device && imei:
		d.problem(path+".imei", "stands beside device: give one of them")
	case !device && !imei:
		d.problem(path+".device", "is missing, and so is imei")
	}
}
