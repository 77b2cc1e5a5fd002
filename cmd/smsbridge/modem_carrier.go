package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"smsbridge/gsm"
)

// modemCarrier is an item of carriers for a modem that was found.
type modemCarrier struct {
	name   string
	what   string // of which modem and SIM
	number string // E.164; empty: to be filled in
	device string // by which it is opened; empty: by its IMEI
	imei   string
	pin    bool // the SIM wants one
}

// absolute makes paths of devices fit for the configuration: the daemon runs in a
// folder of its own.
func absolute(devices []string) (err error) {
	for i, d := range devices {
		if devices[i], err = filepath.Abs(d); err != nil {
			return err
		}
	}
	return nil
}

// carrierNames counts the modems that answer.
type carrierNames struct{ n int }

func (c *carrierNames) next(p *gsm.Plugged) string {
	if p.Found == nil {
		return ""
	}
	c.n++
	return fmt.Sprintf("sim%d", c.n)
}

// carrierOf describes a modem that was found. Its device is the name of the socket
// that it is in, where there is one: those of ports are given out anew at each start.
func carrierOf(p *gsm.Plugged, name, number string) modemCarrier {
	f := p.Found
	c := modemCarrier{name: name, what: strings.TrimSpace(f.Vendor + " " + f.Model), number: number, device: p.Port.ByPath, imei: f.IMEI, pin: f.SIM == gsm.PINWanted}
	if f.ICCID != "" {
		c.what += ", SIM " + f.ICCID
	}
	if p.Stick == nil || !gsm.ValidIMEI(c.imei) { // the driver looks for an IMEI among USB devices
		c.imei = ""
	}
	if c.device == "" && c.imei == "" {
		c.device = p.Port.Device
	}
	return c
}

func (c modemCarrier) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s                            # %s\n", c.name, printable(c.what))
	if c.number != "" {
		fmt.Fprintf(&b, "    numbers: [%q]\n", c.number)
	} else {
		b.WriteString("    numbers: [\"+\"]                       # the SIM does not know it in full: fill it in\n")
	}
	b.WriteString("    gsm:\n")
	switch {
	case c.device == "":
		fmt.Fprintf(&b, "      imei: %q\n", c.imei)
	case c.imei == "":
		fmt.Fprintf(&b, "      device: %q\n", c.device)
	default:
		fmt.Fprintf(&b, "      device: %q\n      #imei: %q             # instead of device: wherever it is plugged in\n", c.device, c.imei)
	}
	if c.pin {
		fmt.Fprintf(&b, "      #pin_file: %s-pin                 # the SIM wants its PIN, which is tried once\n", c.name)
	}
	return b.String()
}

// printable is what a modem calls itself, fit for a comment.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// e164 reads a number as people and SIMs write it; without + it is one of the region.
func e164(number, region string) (string, bool) {
	number = strings.TrimSpace(number)
	if region == "" && !strings.HasPrefix(number, "+") {
		return "", false
	}
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", false
	}
	return phonenumbers.Format(n, phonenumbers.E164), true
}

// regionOf is the country of a number, such as GB; empty where that is not known.
func regionOf(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return ""
	}
	region := phonenumbers.GetRegionCodeForNumber(n)
	if len(region) != 2 || region == "ZZ" { // of a number that nobody has: the largest country with its code
		region = phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
	}
	if len(region) != 2 || region == "ZZ" {
		return ""
	}
	return region
}
