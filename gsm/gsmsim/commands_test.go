package gsmsim

import (
	"fmt"
	"testing"

	"github.com/warthog618/sms/encoding/gsm7"
)

func TestCommands(t *testing.T) {
	c, m := quiet(t, Options{
		IMEI: "356092040000015", ICCID: "8901260200000000012", IMSI: "001010000000001", Number: "+15005550001", Operator: "Example",
	})
	for _, e := range []struct {
		command string
		want    []string
	}{
		{"AT", []string{"OK"}},
		{"at", []string{"OK"}},
		{"ATE0V1Q0", []string{"OK"}},
		{"AT+CMEE=1;+CMEE?", []string{"+CMEE: 1", "OK"}},
		{"ATI", []string{"Manufacturer: smsbridge", "Model: Simulated modem", "Revision: 1.0", "IMEI: 356092040000015", "+GCAP: +CGSM,+DS,+ES", "OK"}},
		{"AT+CGMI", []string{"smsbridge", "OK"}},
		{"AT+GMM", []string{"Simulated modem", "OK"}},
		{"AT+CGMR", []string{"1.0", "OK"}},
		{"AT+CGSN", []string{"356092040000015", "OK"}},
		{"AT+CGSN=?", []string{"OK"}},
		{"AT+CIMI", []string{"001010000000001", "OK"}},
		{"AT+CCID", []string{`+CCID: "8901260200000000012"`, "OK"}},
		{"AT+CNUM", []string{`+CNUM: "Line 1","+15005550001",145`, "OK"}},
		{"AT+GCAP", []string{"+GCAP: +CGSM,+DS,+ES", "OK"}},
		{"AT+CPIN?", []string{"+CPIN: READY", "OK"}},
		{`AT+CLCK="SC",2`, []string{"+CLCK: 0", "OK"}},
		{"AT+CREG?", []string{"+CREG: 0,1", "OK"}},
		{"AT+CREG=2;+CREG?", []string{`+CREG: 2,1,"84CD","00D30156",2`, "OK"}},
		{"AT+CGREG?", []string{"+CGREG: 0,1", "OK"}},
		{"AT+CEREG?", []string{"+CME ERROR: 100"}},
		{"AT+COPS?", []string{`+COPS: 0,0,"Example",2`, "OK"}},
		{"AT+COPS=3,2;+COPS?", []string{`+COPS: 0,2,"00101",2`, "OK"}},
		{"AT+COPS=?", []string{`+COPS: (2,"Example","Example","00101",2),(3,"Other","Other","00102",2),,(0,1,2,3,4),(0,1,2)`, "OK"}},
		{`AT+COPS=1,2,"26201"`, []string{"+CME ERROR: 30"}},
		{"AT+CSQ", []string{"+CSQ: 20,99", "OK"}},
		{"AT+CFUN?", []string{"+CFUN: 1", "OK"}},
		{"AT+CSCA?", []string{`+CSCA: "+15005550000",145`, "OK"}},
		{`AT+CSCA="+15005550009",145;+CSCA?`, []string{`+CSCA: "+15005550009",145`, "OK"}},
		{"AT+CSMS=?", []string{"+CSMS: (0,1)", "OK"}},
		{"AT+CSMS=1", []string{"+CSMS: 1,1,1", "OK"}},
		{"AT+CSMS?", []string{"+CSMS: 1,1,1,1", "OK"}},
		{"AT+CPMS=?", []string{`+CPMS: ("SM","ME","MT","SR"),("SM","ME","MT"),("SM","ME","MT")`, "OK"}},
		{"AT+CPMS?", []string{`+CPMS: "SM",0,30,"SM",0,30,"SM",0,30`, "OK"}},
		{`AT+CPMS="MT","ME"`, []string{"+CPMS: 0,130,0,100,0,30", "OK"}},
		{`AT+CPMS="XX"`, []string{"+CMS ERROR: 302"}},
		{"AT+CMGF?", []string{"+CMGF: 0", "OK"}},
		{"AT+CMGF=2", []string{"+CME ERROR: 50"}},
		{"AT+CNMI=?", []string{"+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)", "OK"}},
		{"AT+CNMI=2,1,0,1,0;+CNMI?", []string{"+CNMI: 2,1,0,1,0", "OK"}},
		{"AT+CNMI=3,1,0,1,0", []string{"+CMS ERROR: 303"}},
		{"AT+CMGL=4", []string{"OK"}},
		{"AT+CMGR=1", []string{"+CMS ERROR: 321"}},
		{"AT+CMGR=999", []string{"+CMS ERROR: 321"}},
		{"AT+CMGD=1", []string{"OK"}},
		{"AT+CMGD=999", []string{"+CMS ERROR: 321"}},
		{"AT+CMMS=?", []string{"+CMMS: (0-2)", "OK"}},
		{"AT+CNMA", []string{"+CMS ERROR: 340"}},
		{"AT+CUSD=2", []string{"OK"}},
		{`AT+CSCS="UCS2";+COPS=3,0;+COPS?`, []string{`+COPS: 0,0,"004500780061006D0070006C0065",2`, "OK"}},
		{`AT+CSCS="GSM"`, []string{"OK"}},
		{"AT+CLIP=1;+CLIP?", []string{"+CLIP: 1,1", "OK"}},
		{"ATH", []string{"OK"}},
		{"AT+CHUP", []string{"OK"}},
		{"ATD+12602058901;", []string{"NO CARRIER"}},
		{"AT+NOSUCH", []string{"ERROR"}},
		{"AT+CNOSUCH", []string{"+CME ERROR: 100"}},
		{"AT^CURC=0", []string{"ERROR"}}, // another vendor's
		{"AT?", []string{"ERROR"}},
		{"ATZ", []string{"OK"}}, // which brings the echo back
	} {
		c.expect(e.command, e.want...)
	}
	c.write("AT+NOSUCH\r")
	if got := c.until("ERROR\r\n"); got != "AT+NOSUCH\r\r\nERROR\r\n" {
		t.Errorf("no echo after ATZ: %q", got)
	}
	if m.Path() == "" || m.Options().Vendor != "" {
		t.Errorf("path %q, vendor %q", m.Path(), m.Options().Vendor)
	}
}

func TestVendors(t *testing.T) {
	for vendor, dialogue := range map[string][][]string{
		"huawei": {
			{"AT+CGMI", "huawei", "OK"}, {"AT^ICCID?", "^ICCID: 981062200000000021F3", "OK"}, {"AT^CPIN?", "^CPIN: READY,,10,3,10,3", "OK"},
			{"AT^CURC=0", "OK"}, {"AT^CURC?", "^CURC: 0", "OK"}, {"AT^PORTSEL=1", "OK"}, {"AT^SYSINFO", "^SYSINFO:2,3,0,5,1,,4", "OK"},
			{"AT+CPMS=?", `+CPMS: ("SM","ME"),("SM","ME"),("SM","ME")`, "OK"}, {"AT+CEREG?", "+CME ERROR: 100"},
		},
		"quectel": {
			{"AT+QCCID", "+QCCID: 8901260200000000123", "OK"}, {"AT+QPINC?", `+QPINC: "SC",3,10`, `+QPINC: "P2",3,10`, "OK"},
			{`AT+QURCCFG="urcport","usbat"`, "OK"}, {`AT+QURCCFG="urcport"`, `+QURCCFG: "urcport","usbat"`, "OK"},
			{"AT+CEREG?", "+CEREG: 0,1", "OK"}, {"AT+CESQ", "+CESQ: 99,99,255,255,20,40", "OK"},
			{"AT+CPMS?", `+CPMS: "ME",0,23,"ME",0,23,"ME",0,23`, "OK"},
		},
		"sim800": {
			{"AT+CCID", "8901260200000000123", "OK"}, {"AT+SPIC", "+SPIC: 3,10,3,10", "OK"}, {"AT+CMGR=1", "OK"},
			{"AT+CNMI=?", "+CNMI: (0-3),(0-3),(0,2),(0,1),(0,1)", "OK"}, {"AT+CNMI=2,1,0,2,0", "+CMS ERROR: 303"},
		},
		"simcom7600": {{"AT+CICCID", "+ICCID: 8901260200000000123", "OK"}, {"AT+CEREG?", "+CEREG: 0,1", "OK"}},
		"zte":        {{"AT+ZPINPUK=?", "+ZPINPUK: 3,10", "OK"}, {"AT+ZGETICCID", "+ZGETICCID: 8901260200000000123", "OK"}},
		"generic":    {{`AT+CPINR="SIM PIN"`, "+CPINR: SIM PIN,3,3", "+CPINR: SIM PUK,10,10", "OK"}},
	} {
		t.Run(vendor, func(t *testing.T) {
			c, _ := quiet(t, Options{Vendor: vendor, ICCID: "8901260200000000123"})
			for _, e := range dialogue {
				c.expect(e[0], e[1:]...)
			}
		})
	}
	if _, err := New(Options{Vendor: "nokia"}); err == nil {
		t.Error("a vendor that there is not")
	}
}

func TestParseLine(t *testing.T) {
	for line, want := range map[string][]command{
		"":                        {{}},
		"E0V1":                    {{name: "E", args: "0"}, {name: "V", args: "1"}},
		"&F":                      {{name: "&F"}},
		"S3?":                     {{name: "S3", op: opGet}},
		"S0=1":                    {{name: "S0", op: opSet, args: "1"}},
		"E0+CMEE=1;+CREG?;I":      {{name: "E", args: "0"}, {name: "+CMEE", op: opSet, args: "1"}, {name: "+CREG", op: opGet}, {name: "I"}},
		`+CUSD=1,"*100;1#",15;+x`: {{name: "+CUSD", op: opSet, args: `1,"*100;1#",15`}, {name: "+X"}},
		"+CPMS=?":                 {{name: "+CPMS", op: opTest}},
		"D*100#;":                 {{name: "D", args: "*100#;"}},
	} {
		got, ok := parseLine(line)
		if !ok || len(got) != len(want) {
			t.Errorf("%q: %+v", line, got)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q: %+v, want %+v", line, got[i], want[i])
			}
		}
	}
	for _, line := range []string{"?", "+", "1", "+X?y", "&"} {
		if got, ok := parseLine(line); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	for _, s := range []string{"E0V1", `+CUSD=1,"*1;#"`, "S3=", "&", "D", "+CMGS=1", "\x1a\"", "+=?"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		commands, _ := parseLine(s)
		for _, c := range commands {
			c.list()
		}
	})
}

func TestResultForms(t *testing.T) {
	c, _ := quiet(t, Options{})
	c.write("ATV0\r")
	c.until("0\r")
	c.write("AT+NOSUCH\r")
	if got := c.until("4\r"); got != "4\r" {
		t.Errorf("without words: %q", got)
	}
	c.write("ATV1\r")
	c.until("\r\nOK\r\n")
	c.expect("AT+CMEE=2;+COPS=9", "+CME ERROR: incorrect parameters")
	c.expect("AT+CMGR=1", "+CMS ERROR: invalid memory index")
	c.expect("AT+CMEE=0;+COPS=9", "ERROR")
	c.expect("AT+CMGR=1", "+CMS ERROR: 321")
	c.write("noise AT\r\nA/\r")
	c.says("OK", "OK")
	c.write("ATX\bI9\r") // a backspace
	c.until("OK\r\n")
	c.write("ATQ1\r")
	c.expect("ATQ0", "OK")
}

func TestPIN(t *testing.T) {
	o := Options{Vendor: "huawei", PIN: "1234", PUK: "87654321"}
	c, m := quiet(t, o)
	c.expect("AT+CREG=1", "OK")
	c.expect("AT+CPIN?", "+CPIN: SIM PIN", "OK")
	c.expect("AT^CPIN?", "^CPIN: SIM PIN,3,10,3,10,3", "OK")
	c.expect("AT+CIMI", "+CME ERROR: 11")
	c.expect("AT+CMGL=4", "+CMS ERROR: 311")
	c.expect("AT+CREG?", "+CREG: 1,0", "OK")
	c.expect(`AT+CPIN="0000"`, "+CME ERROR: 16")
	if m.PINTries() != 2 {
		t.Errorf("%d tries, want 2", m.PINTries())
	}
	c.expect(`AT+CPIN="1234"`, "OK")
	c.says("+CREG: 1")
	c.expect("AT+CPIN=1234", "+CME ERROR: 3")
	c.expect(`AT+CLCK="SC",2`, "+CLCK: 1", "OK")
	m.Reboot()
	c.until("^MODE:5,4\r\n")
	c.expect("ATE0", "ATE0", "OK")
	c.expect("AT+CMEE=1", "OK")
	for _, want := range []string{"+CME ERROR: 16", "+CME ERROR: 16", "+CME ERROR: 12"} {
		c.expect("AT+CPIN=9999", want)
	}
	c.expect("AT+CPIN?", "+CPIN: SIM PUK", "OK")
	c.expect("AT+CMGL=4", "+CMS ERROR: 316")
	c.expect("AT+CPIN=1234", "+CME ERROR: 12")
	c.expect("AT+CPIN=11111111,4321", "+CME ERROR: 16")
	c.expect("AT^CPIN?", "^CPIN: SIM PUK,0,9,0,10,3", "OK")
	c.expect(`AT+CPIN="87654321","4321"`, "OK")
	c.expect("AT+CPIN?", "+CPIN: READY", "OK")
	c.expect(`AT+CLCK="SC",0,"4321"`, "OK")
	m.Reboot()
	c.until("^MODE:5,4\r\n")
	c.expect("AT+CPIN?", "AT+CPIN?", "+CPIN: READY", "OK")
}

func TestUSSD(t *testing.T) {
	c, m := quiet(t, Options{})
	c.expect(`AT+CUSD=1,"*100#",15`, "OK")
	c.says(`+CUSD: 0,"Your balance is 12.34",15`)
	m.Network().OnUSSD(func(u USSD) Reply {
		if u.Open {
			return Reply{Text: "Спасибо " + u.Text}
		}
		return Reply{Text: "1 yes, 2 no", More: true}
	})
	c.expect("ATD*123#;", "OK")
	c.says(`+CUSD: 1,"1 yes, 2 no",15`)
	c.expect(`AT+CUSD=1,"2",15`, "OK")
	c.says(`+CUSD: 0,"` + ucs2Hex("Спасибо 2") + `",72`)

	h, _ := quiet(t, Options{Vendor: "huawei"})
	h.expect("AT+CUSD=1,AA180C3602,15", "OK") // *100#
	septets, err := gsm7.Encode([]byte("Your balance is 12.34"))
	if err != nil {
		t.Fatal(err)
	}
	h.says(fmt.Sprintf(`+CUSD: 0,"%X",15`, gsm7.Pack7BitUSSD(septets, 0)))
}

// FuzzOctets is what a program may write to a port.
func FuzzOctets(f *testing.F) {
	m, err := New(Options{Vendor: "quectel"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(m.Close)
	for _, s := range []string{
		"AT+CMGS=18\r" + shortPDU + "\x1a", "AT+CMGS=1\r00\x1a", "AT+CMGW=18\r\x1b", "AT+CNMI=2,2,0,1,0\rAT+CNMA\r", "AT+CPMS=\"MT\"\rAT+CMGL=4\r",
		"AT+CUSD=1,\"*100#\",15\r", "AT+CSCS=\"UCS2\"\rAT+CSCA=\"00\"\r", "ATD*1#\rATA\rATH\r", "AT+CMGD=1,4\r", "A/\r\b\x1a\x1b", "\xff\xfe\xfdAT\r", "\xff\xfe\xfdA/\r",
		"AT+CMGS=30\r0041000b912106028509f100000e0500030102019432\x1a",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := newPort(m, PortAT, nil)
		p.take(b)
		p.outMu.Lock()
		defer p.outMu.Unlock()
		if len(p.out) > maxUnread {
			t.Errorf("%d octets wait", len(p.out))
		}
	})
}
