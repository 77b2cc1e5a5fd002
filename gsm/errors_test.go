package gsm

import (
	"fmt"
	"strings"
	"testing"
)

func span(first, last int) []int {
	var list []int
	for n := first; n <= last; n++ {
		list = append(list, n)
	}
	return list
}

func TestErrorClasses(t *testing.T) {
	known := map[int]Class{}
	for class, codes := range map[Class][]int{
		Recipient:    {1, 28, 30, 195, 196},
		Subscription: {10, 8, 29, 50, 69, 193},
		Rejected:     {21},
		Temporary:    {17, 22, 27, 38, 41, 42, 47, 127, 192, 194, 212},
		OurPDU: append(append(append([]int{81, 111, 198, 199, 304, 305}, span(95, 99)...),
			span(128, 145)...), span(159, 176)...),
		Duplicate:      {197},
		Storage:        {208, 209, 211, 320, 322},
		Device:         {210, 213, 255, 300, 500, 512, 513, 515},
		Capability:     {302, 303},
		SIM:            span(310, 318),
		Race:           {321},
		SMSC:           {330},
		Network:        {331},
		NetworkTimeout: {332, 350, 514},
		Harmless:       {340},
		Routing:        {524},
	} {
		for _, code := range codes {
			known[code] = class
		}
	}
	for code := range 1024 { // what is in no list is the device's
		e, ok := ParseError(fmt.Sprintf("+CMS ERROR: %d", code))
		if !ok || e.Kind != "CMS" || e.Code != code {
			t.Fatalf("%d: %+v, %t", code, e, ok)
		}
		if e.Class() != known[code] {
			t.Errorf("%v is of class %v, want %v", e, e.Class(), known[code])
		}
	}
}

func TestErrorLines(t *testing.T) {
	for _, row := range []struct {
		line, kind string
		code       int
		class      Class
	}{
		{"ERROR", "ERROR", -1, Device},
		{" error\r", "ERROR", -1, Device},
		{"NO CARRIER", "ERROR", -1, Device},
		{"BUSY", "ERROR", -1, Device},
		{"NO ANSWER", "ERROR", -1, Device},
		{"NO DIALTONE", "ERROR", -1, Device},
		{"COMMAND NOT SUPPORT", "ERROR", -1, Capability},
		{"TOO MANY PARAMETERS", "ERROR", -1, Capability},
		{"+CMS ERROR: 38", "CMS", 38, Temporary},
		{"+CMS ERROR:38", "CMS", 38, Temporary},
		{"+CMS ERROR: network out of order", "CMS", 38, Temporary},
		{"+CMS ERROR: Network Out Of Order", "CMS", 38, Temporary},
		{"+CMS ERROR: (U)SIM PIN required", "CMS", 311, SIM},
		{"+CMS ERROR: USIM busy", "CMS", 314, SIM},
		{"+CMS ERROR: invalid memory index", "CMS", 321, Race},
		{"+CMS ERROR: SMSC address unknown", "CMS", 330, SMSC},
		{"+CMS ERROR: no +CNMA acknowledgement expected", "CMS", 340, Harmless},
		{"+CMS ERROR: memory capacity exceeded", "CMS", 211, Storage},
		{"+CMS ERROR: SIM not inserted", "CMS", 310, SIM},
		{"+CMS ERROR: Unassigned (unallocated) number", "CMS", 1, Recipient},
		{"+CMS ERROR: incorrect password", "CMS", -1, SIM}, // of the other list
		{"+CMS ERROR: something new", "CMS", -1, Device},
		{"+CMS ERROR", "CMS", -1, Device},
		{"+CME ERROR: SIM PIN required", "CME", 11, SIM},
		{"+CME ERROR: SIM busy", "CME", 14, SIM},
		{"+CME ERROR: 3", "CME", 3, Capability},
		{"+CME ERROR: 10", "CME", 10, SIM},
		{"+CME ERROR: 20", "CME", 20, Storage},
		{"+CME ERROR: 21", "CME", 21, Race},
		{"+CME ERROR: 30", "CME", 30, Network},
		{"+CME ERROR: 31", "CME", 31, NetworkTimeout},
		{"+CME ERROR: 50", "CME", 50, OurPDU},
		{"+CME ERROR: 100", "CME", 100, Device},
		{"+CME ERROR: 322", "CME", 322, Storage}, // a code of TS 27.005 all the same
		{"+CME ERROR: SMSC address unknown", "CME", -1, SMSC},
		{"+CME ERROR: 25+CNUM: \"\",\"+33671651906\",145", "CME", 25, OurPDU},
		{"+CMS ERROR: 99999999999999999999", "CMS", -1, Device},
	} {
		e, ok := ParseError(row.line)
		if !ok {
			t.Errorf("%q is no error", row.line)
			continue
		}
		if e.Kind != row.kind || e.Code != row.code || e.Class() != row.class {
			t.Errorf("%q is %+v of class %v", row.line, e, e.Class())
		}
		if e.Error() == "" {
			t.Errorf("%q says nothing", row.line)
		}
	}
	for _, line := range []string{"", "OK", "+CMS", "+CMTI: \"SM\",1", "ERRORS", "+CMGS: 38"} {
		if e, ok := ParseError(line); ok {
			t.Errorf("%q is %+v", line, e)
		}
	}
}

// TestErrorTexts reads each text of each list back.
func TestErrorTexts(t *testing.T) {
	for kind, texts := range map[string]map[int]string{"CMS": cmsTexts, "CME": cmeTexts} {
		for code, text := range texts {
			e, ok := ParseError("+" + kind + " ERROR: " + strings.ToUpper(text))
			if !ok || e.Code != code && texts[e.Code] != text {
				t.Errorf("%s %d, %q: %+v", kind, code, text, e)
			}
		}
	}
}

func TestErrorError(t *testing.T) {
	for want, line := range map[string]string{
		"+CMS ERROR: 38 (network out of order)": "+CMS ERROR: 38",
		"+CMS ERROR: 777":                       "+CMS ERROR: 777",
		"+CME ERROR: out of paper":              "+CME ERROR: out of paper",
		"NO CARRIER":                            "no carrier",
	} {
		if e, _ := ParseError(line); e.Error() != want {
			t.Errorf("%q says %q, want %q", line, e.Error(), want)
		}
	}
	if s := Class(99).String(); s != "class 99" || Routing.String() != "routing" {
		t.Error(s)
	}
}
