package gsm

import (
	"strings"
	"testing"
)

func TestChoosePort(t *testing.T) {
	two := []Stick{
		{Path: "1-1", Vendor: "12d1", Ttys: []Tty{{Device: "a1", Protocol: "ff0202"}, {Device: "a2", Protocol: "ff0201"}}},
		{Path: "1-2", Vendor: "2c7c", Ttys: []Tty{{Device: "diagnostics"}, {Device: "b1", Interface: 2}}},
		{Path: "1-3", Vendor: "0403", Ttys: []Tty{{Device: "a cable"}}},
	}
	hilink := []Stick{{Path: "1-1", Vendor: "12d1", Product: "14dc", Advice: "is in HiLink mode"}}
	ask := func(path string) (string, error) {
		switch path {
		case "a1":
			return "", ErrTimeout
		case "diagnostics", "a cable":
			t.Errorf("%s was asked", path)
		}
		return "imei of " + path, nil
	}
	for _, c := range []struct {
		sticks []Stick
		imei   string
		want   string
		err    string
	}{
		{two, "imei of b1", "b1", ""},
		{two, "imei of a2", "a2", ""},
		{two, "another", "", "of 2 that answer"},
		{two, "", "", "2 modems are plugged in"},
		{two[:1], "", "a2", ""},
		{two[2:], "", "", "no modem is plugged in"},
		{hilink, "", "", "USB modem (12d1:14dc, at 1-1) is in HiLink mode"},
		{nil, "", "", "no modem is plugged in"},
	} {
		got, err := choosePort(c.sticks, c.imei, ask)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%d sticks, imei %q: %q, %v", len(c.sticks), c.imei, got, err)
		}
	}
}
