package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"smsbridge/gsm"
)

const modemsUsage = `usage: smsbridge modems [DEVICE…] [--json]

The modems that are plugged in by USB, and those at the devices named: who they are,
which port answers AT, what to do where none does, and what to write in the
configuration. No PIN is entered, and no setting changed.
`

func modems(ctx context.Context, args []string, std std) int {
	return modemsIn(ctx, "/", args, std)
}

// modemsIn lists the modems below root, which is "/" but in tests.
func modemsIn(ctx context.Context, root string, args []string, std std) int {
	f := flag.NewFlagSet("modems", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, modemsUsage); f.PrintDefaults() }
	asJSON := f.Bool("json", false, "print JSON")
	devices, code, done := flags(f, args, std)
	if done {
		return code
	}
	if err := absolute(devices); err != nil {
		return fail(std, err)
	}
	all, err := gsm.Survey(ctx, root, devices)
	if err != nil {
		return fail(std, err)
	}
	shown, names := []shownModem{}, carrierNames{}
	for i := range all {
		shown = append(shown, showModem(&all[i], names.next(&all[i])))
	}
	if err := show(std, *asJSON, shown, func(w io.Writer) { printModems(w, shown) }); err != nil {
		return fail(std, err)
	}
	if !*asJSON {
		fmt.Fprint(std.out, modemNotes(shown))
	}
	return exitOK
}

// shownModem is a modem, or what could be one.
type shownModem struct {
	USB          string       `json:"usb"` // where it is plugged in: 1-1.2
	USBID        string       `json:"usb_id"`
	Name         string       `json:"name"` // as the USB device says, or the device that was named
	Port         string       `json:"port"` // that answers AT, or is in use
	ByPath       string       `json:"by_path"`
	Vendor       string       `json:"vendor"`
	Model        string       `json:"model"`
	Revision     string       `json:"revision"`
	IMEI         string       `json:"imei"`
	SIM          string       `json:"sim"` // READY, SIM PIN, or what it says instead
	ICCID        string       `json:"iccid"`
	Number       string       `json:"number"` // as the SIM has it
	Operator     string       `json:"operator"`
	Registration string       `json:"registration"`
	SignalDBm    *int         `json:"signal_dbm"` // null: not known
	HeldBy       string       `json:"held_by"`    // who has the port, and what to do
	Advice       string       `json:"advice"`     // what to do with what answers no AT
	Silent       []silentPort `json:"silent"`
	Config       string       `json:"config"` // an item of carriers
}

type silentPort struct {
	Device string `json:"device"`
	Reason string `json:"reason"`
}

func showModem(p *gsm.Plugged, name string) shownModem {
	m := shownModem{Port: p.Port.Device, ByPath: p.Port.ByPath, HeldBy: p.HeldBy, Silent: []silentPort{}}
	for _, t := range p.Tried {
		m.Silent = append(m.Silent, silentPort(t))
	}
	if s := p.Stick; s != nil {
		m.USB, m.USBID, m.Name, m.Advice = s.Path, s.Vendor+":"+s.Product, strings.TrimSpace(s.Maker+" "+s.Name), s.Advice
		if m.Advice == "" && !s.IsModem() && p.Found == nil && p.HeldBy == "" && len(p.Tried) == 0 {
			m.Advice = "is of no known maker of modems, and was not asked. If it is one: smsbridge modems " + s.Ttys[0].Device
			if len(s.Candidates()) == 0 {
				m.Advice = "shows only ports that are not for AT: for diagnosis and the like"
			}
		}
	} else {
		m.Name = p.Port.Device
	}
	if f := p.Found; f != nil {
		m.Vendor, m.Model, m.Revision, m.IMEI, m.SIM, m.ICCID = f.Vendor, f.Model, f.Revision, f.IMEI, string(f.SIM), f.ICCID
		m.Number, m.Operator, m.Registration = f.Number, f.Operator, f.Registration.String()
		if f.Signal.Known {
			m.SignalDBm = &f.Signal.DBm
		}
		number, _ := e164(f.Number, "")
		m.Config = carrierOf(p, name, number).yaml()
	}
	return m
}

func printModems(w io.Writer, all []shownModem) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(w, "PORT\tMODEM\tIMEI\tSIM\tNUMBER\tNETWORK\tSIGNAL")
	for _, m := range all {
		name, sim, signal := strings.TrimSpace(m.Vendor+" "+m.Model), m.ICCID, ""
		switch {
		case name == "" && m.USB != "":
			name = m.Name + " (" + m.USBID + ", at " + m.USB + ")"
		case m.HeldBy != "":
			name = "in use"
		case name == "":
			name = "none"
		}
		if m.SIM != "" && m.SIM != string(gsm.PINReady) {
			sim = strings.TrimSpace(sim + " " + m.SIM)
		}
		if m.SignalDBm != nil {
			signal = fmt.Sprintf("%d dBm", *m.SignalDBm)
		}
		network := m.Operator
		if m.Registration != "" {
			network = strings.TrimPrefix(network+", "+m.Registration, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", or(m.Port, "-"), name, m.IMEI, sim, m.Number, network, signal)
	}
}

const nothingPlugged = `No modem is plugged in that this machine knows as one. Is it a virtual machine: is the
USB device passed on to it? lsusb lists what there is. A modem at a serial port of the
board is asked by its name, as: smsbridge modems /dev/ttyS0
`

// modemNotes says what to do with what was listed.
func modemNotes(all []shownModem) string {
	if len(all) == 0 {
		return nothingPlugged
	}
	var notes, carriers strings.Builder
	for _, m := range all {
		what := m.Name
		if m.USB != "" {
			what = fmt.Sprintf("%s (%s, at %s)", m.Name, m.USBID, m.USB)
		}
		switch {
		case m.Advice != "":
			fmt.Fprintf(&notes, "%s %s.\n", what, m.Advice)
		case m.HeldBy != "":
			at := ""
			if m.Port != m.Name {
				at = " at " + m.Port
			}
			fmt.Fprintf(&notes, "%s was not asked%s: %s.\n", what, at, m.HeldBy)
		case m.Config == "":
			fmt.Fprintf(&notes, "%s answers AT at none of its ports:\n", what)
			for _, s := range m.Silent {
				fmt.Fprintf(&notes, "  %s: %s%s\n", s.Device, s.Reason, permissionHint(s.Reason))
			}
		}
		carriers.WriteString(m.Config)
	}
	text := ""
	if notes.Len() > 0 {
		text = "\n" + notes.String()
	}
	if carriers.Len() > 0 {
		text += "\nIn the configuration (smsbridge init writes a new one):\n\ncarriers:\n" + carriers.String()
	}
	return text
}

func permissionHint(reason string) string {
	if strings.Contains(reason, "permission denied") {
		return "; be root, or in the group dialout"
	}
	return ""
}
