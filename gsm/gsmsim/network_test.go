package gsmsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
)

// decode reads the PDU of +CMGL, +CMT or +CDS.
func decode(t *testing.T, hex string) *tpdu.TPDU {
	t.Helper()
	p, err := pdumode.UnmarshalHexString(hex)
	if err != nil {
		t.Fatalf("%v: %s", err, hex)
	}
	m, err := sms.Unmarshal(p.TPDU)
	if err != nil {
		t.Fatalf("%v: %s", err, hex)
	}
	return m
}

// inbox lists the memory, and decodes it.
func (c *client) inbox() (all []*tpdu.TPDU) {
	c.t.Helper()
	for _, line := range c.lines("AT+CMGL=4") {
		if line != "OK" && !strings.HasPrefix(line, "+CMGL:") {
			all = append(all, decode(c.t, line))
		}
	}
	return all
}

// texts are what the inbox says, each part by itself.
func (c *client) texts() (all []string) {
	c.t.Helper()
	for _, m := range c.inbox() {
		all = append(all, m.OA.Number()+" "+partText(m))
	}
	return all
}

func TestTextsComeIn(t *testing.T) {
	c, m := quiet(t, Options{})
	c.expect("AT+CNMI=2,1,0,0,0", "OK")
	number := m.Options().Number
	long := strings.Repeat("Seven seas. ", 14)
	for i, d := range []Delivery{
		{From: customer, Text: "hello"},
		{From: "Google", Text: "code 1234"},
		{From: "60777", Text: "short"},
		{From: "2602058901", National: true, Text: "national"},
		{From: customer, Text: "Привет"},
		{From: customer, Text: "plain", UCS2: true},
		{From: customer, Text: "ğüşöçİ", Languages: []int{1}},
		{From: customer, Text: long, Ref16: true, Reference: 0x1234, Order: []int{2, 1}},
		{From: customer, Data: []byte{1, 2, 3}},
		{From: customer, Text: "now", Flash: true, PID: 0x41, SentAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		WAPPush(customer, number, "http://mms.example/1"),
	} {
		d.To = number
		if err := m.Network().Deliver(d); err != nil {
			t.Fatal(i, err)
		}
		for range max(1, len(d.Order)) {
			if got := c.line(); !strings.HasPrefix(got, `+CMTI: "SM",`) {
				t.Errorf("it says %q", got)
			}
		}
	}
	all := c.inbox()
	var got []string
	for _, m := range all {
		for i := range m.UDH { // the library has the identifiers of languages in decimal
			if id := &m.UDH[i].ID; *id == 0x25 {
				*id = 25
			}
		}
		text, err := sms.Decode([]*tpdu.TPDU{m})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.OA.Number()+" "+string(text))
	}
	want := []string{
		customer + " hello", "Google code 1234", "60777 short", "2602058901 national", customer + " Привет", customer + " plain",
		customer + " ğüşöçİ", customer + " " + long[152:], customer + " " + long[:152], customer + " \x01\x02\x03", customer + " now",
	}
	if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) {
		t.Errorf("stored %q\nwant %q", got, want)
	}
	if all[3].OA.TypeOfNumber() != tpdu.TonNational || all[1].OA.TypeOfNumber() != tpdu.TonAlphanumeric {
		t.Error("types of number")
	}
	if all[5].DCS != 8 || len(all[6].UDH) == 0 || all[10].DCS != 0x10 || all[10].PID != 0x41 || all[10].SCTS.Hour() != 3 {
		t.Errorf("%+v %+v %+v", all[5], all[6], all[10])
	}
	if parts, part, reference, ok := all[7].ConcatInfo(); !ok || parts != 2 || part != 2 || reference != 0x1234 {
		t.Errorf("header of the first part to come: %d/%d %x", part, parts, reference)
	}
	if push := all[11]; push.UDH[0].ID != 5 || !strings.Contains(string(push.UD), "http://mms.example/1") {
		t.Errorf("WAP push %+v", push)
	}

	if err := m.Network().DeliverTPDU(number, []byte{0x04, 0xff}); err != nil {
		t.Fatal(err)
	}
	c.says(`+CMTI: "SM",13`)
	c.expect("AT+CMGR=13", "+CMGR: 0,,2", "07915100550500F004FF", "OK")
	for _, d := range []Delivery{{To: number}, {From: customer}, {From: customer, To: number, Text: "a", Order: []int{2}},
		{From: "far too long a name", To: number, Text: "Привет", Order: []int{0}}} {
		if err := m.Network().Deliver(d); err == nil {
			t.Errorf("%+v is accepted", d)
		}
	}
	if err := m.Network().Text(customer, "+19990000000", "x"); !errors.Is(err, ErrNoNumber) {
		t.Error(err)
	}
}

func TestSending(t *testing.T) {
	c, m := quiet(t, Options{LastMR: 254})
	c.expect("AT+CNMI=2,1,0,1,0", "OK")
	for _, want := range []string{"+CMGS: 255", "+CMGS: 0", "+CMGS: 1"} {
		if got := c.submit(shortLength, shortPDU); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		c.says("OK")
		if got := c.line(); !strings.HasPrefix(got, "+CDS: ") {
			t.Fatalf("it says %q", got)
		}
		report := decode(t, c.line())
		if fmt.Sprintf("+CMGS: %d", report.MR) != want || report.RA.Number() != customer || report.ST != 0 {
			t.Errorf("report %+v", report)
		}
	}
	all := m.Network().Submitted()
	if s := all[1]; len(all) != 3 || s.From != m.Options().Number || s.To != customer || s.Text != "hello" || s.Whole != "hello" ||
		s.Reference != 0 || !s.Report || !s.Complete || s.SMSC != m.Options().SMSC {
		t.Errorf("%+v", all)
	}
	for _, e := range []struct{ length, pdu, want string }{
		{"17", shortPDU, "+CMS ERROR: 304"},
		{shortLength, "XX" + shortPDU[2:], "+CMS ERROR: 304"},
		{shortLength, "", "+CMS ERROR: 304"},
		{"18", "0004" + shortPDU[4:], "+CMS ERROR: 304"}, // an SMS-DELIVER
	} {
		if got := c.submit(e.length, e.pdu); got != e.want {
			t.Errorf("%+v: %q", e, got)
		}
	}
	c.write("AT+CMGS=18\r")
	c.until("> ")
	c.write("0021\x1b")
	c.says("OK")
	for _, command := range []string{"AT+CMGS=0", "AT+CMGS", "AT+CMGS=999", "AT+CMGW=0"} {
		c.expect(command, "+CMS ERROR: 304")
	}
	c.expect("AT+CMGF=1", "OK")
	c.expect(`AT+CMGS="+12602058901"`, "+CMS ERROR: 303")
	c.expect("AT+CMGF=0", "OK")
	if len(m.Network().Submitted()) != 3 {
		t.Error("something was sent")
	}

	c.write("AT+CMGW=18,2\r")
	c.until("> ")
	c.write(shortPDU + "\x1a")
	c.says("+CMGW: 1", "OK")
	c.expect("AT+CMGR=1", "+CMGR: 2,,18", shortPDU, "OK")
}

func TestFates(t *testing.T) {
	c, m := quiet(t, Options{})
	n := m.Network()
	c.expect("AT+CNMI=2,1,0,1,0", "OK")
	reports := func(want ...byte) {
		t.Helper()
		for _, status := range want {
			if got := c.line(); got != "+CDS: 25" {
				t.Fatalf("it says %q, want a report", got)
			}
			if r := decode(t, c.line()); r.ST != status {
				t.Errorf("status %#x, want %#x", r.ST, status)
			}
		}
	}
	var fate Fate
	n.OnSubmit(func(Submitted) Fate { return fate })
	fate = Fate{Error: 21}
	if got := c.submit(shortLength, shortPDU); got != "+CMS ERROR: 21" || len(n.Submitted()) != 0 {
		t.Errorf("%q", got)
	}
	fate = Fate{Delay: 10 * time.Millisecond, Reports: []Report{{Status: 0x20, Early: true}, {Status: 0x30}, {Status: 0x46, After: 20 * time.Millisecond}}}
	c.write("AT+CMGS=18\r")
	c.until("> ")
	c.write(shortPDU + "\x1a")
	reports(0x20)
	c.says("+CMGS: 2", "OK")
	reports(0x30, 0x46)
	fate = Fate{Silent: true}
	c.write("AT+CMGS=18\r")
	c.until("> ")
	c.write(shortPDU + "\x1a")
	reports(0)
	fate = Fate{NoReports: true}
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 4" {
		t.Errorf("%q", got)
	}
	c.says("OK")
	fate = Fate{Unasked: true}
	if got := c.submit(shortLength, "0001"+shortPDU[4:]); got != "+CMGS: 5" { // no report is wanted
		t.Errorf("%q", got)
	}
	c.says("OK")
	reports(0)
	c.expect("AT", "OK")
}

func TestModemsTextEachOther(t *testing.T) {
	n := NewNetwork()
	t.Cleanup(n.Close)
	a, ma := quiet(t, Options{Network: n, Number: "+15005550001"})
	b, mb := quiet(t, Options{Network: n, Number: "+15005550002", Slots: 1, Vendor: "sim800"})
	if ma.Options().IMEI == mb.Options().IMEI || ma.Options().ICCID == mb.Options().ICCID || ma.Path() == mb.Path() {
		t.Error("the modems are the same")
	}
	if _, err := New(Options{Network: n, Number: "+15005550001"}); !errors.Is(err, ErrNumberTaken) {
		t.Error(err)
	}
	a.expect("AT+CNMI=2,1,0,1,0", "OK")
	b.expect("AT+CNMI=2,1,0,0,0", "OK")
	long := strings.Repeat("Привет ", 12)
	parts, err := sms.Encode([]byte(long), sms.To("+15005550002"))
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range parts {
		part.FirstOctet |= tpdu.FoSRR
		body, err := part.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		a.write(fmt.Sprintf("AT+CMGS=%d\r", len(body)))
		a.until("> ")
		a.write(fmt.Sprintf("00%x\x1a", body))
		a.says(fmt.Sprintf("+CMGS: %d", i+1), "OK")
		if i > 0 {
			// The other SIM holds one text: the second part waits, and so does its report.
			b.says("+SMS FULL")
			break
		}
		b.says(`+CMTI: "SM",1`)
		a.says("+CDS: 25")
		if r := decode(t, a.line()); r.MR != 1 {
			t.Errorf("report of %d", r.MR)
		}
	}
	if all := n.Submitted(); all[0].Complete || !all[1].Complete || all[1].Whole != long || all[1].Part != 2 || all[1].Parts != 2 {
		t.Errorf("%+v", all)
	}
	if n.Waiting("+15005550002") != 1 {
		t.Errorf("%d wait", n.Waiting("+15005550002"))
	}
	first := b.texts()
	b.expect("AT+CMGD=1", "OK")
	b.says(`+CMTI: "SM",1`)
	a.says("+CDS: 25")
	if r := decode(t, a.line()); r.MR != 2 {
		t.Errorf("report of %d", r.MR)
	}
	if got := append(first, b.texts()...); strings.Join(got, "") != "+15005550001 "+long[:len("Привет ")*9+len("Прив")]+"+15005550001 "+long[len("Привет ")*9+len("Прив"):] {
		t.Errorf("%q", got)
	}
}

func TestTextsWaitForTheModem(t *testing.T) {
	n := NewNetwork()
	t.Cleanup(n.Close)
	m, err := New(Options{Network: n, Number: "+15005550001", PIN: "1234"})
	if err != nil {
		t.Fatal(err)
	}
	text(t, m, customer, "one")
	c := dial(t, m)
	c.expect("ATE0", "ATE0", "OK")
	if n.Waiting("+15005550001") != 1 {
		t.Error("it came in without the PIN")
	}
	c.expect(`AT+CPIN="1234";+CNMI=2,1`, "OK")
	c.says(`+CMTI: "SM",1`)
	c.expect("AT+CFUN=4", "OK")
	text(t, m, customer, "two")
	c.expect("AT+CREG?", "+CREG: 0,0", "OK")
	c.expect("AT+CFUN=1", "OK")
	c.says(`+CMTI: "SM",2`)
	m.Set(func(b *Behaviour) { b.Registration = Denied })
	text(t, m, customer, "three")
	c.expect("AT+CREG?", "+CREG: 0,3", "OK")
	m.Close()
	if n.Waiting("+15005550001") != 1 {
		t.Errorf("%d wait", n.Waiting("+15005550001"))
	}
	next := plugIn(t, Options{Network: n, Number: "+15005550001"})
	c = dial(t, next)
	c.expect("ATE0", "ATE0", "OK")
	for next.Stored(memSIM) == 0 {
		c.expect("AT", "OK")
	}
	if got := c.texts(); !slices.Equal(got, []string{customer + " three"}) {
		t.Errorf("%q", got)
	}
}

func TestRouting(t *testing.T) {
	c, m := quiet(t, Options{Behaviour: Behaviour{AckTimeout: 50 * time.Millisecond}})
	c.expect("AT+CNMI=2,2,0,1,0", "OK")
	text(t, m, customer, "plain")
	routed := func() {
		t.Helper()
		if got := c.line(); !strings.HasPrefix(got, "+CMT: ,") {
			t.Fatalf("it says %q", got)
		}
		decode(t, c.line())
	}
	routed()
	c.expect("AT+CNMA", "+CMS ERROR: 302")
	c.expect("AT+CSMS=1", "+CSMS: 1,1,1", "OK")
	text(t, m, customer, "one")
	text(t, m, customer, "two")
	routed()
	c.expect("AT+CNMA", "OK")
	routed()
	// Nobody acknowledges the second: routing ends, and it is stored.
	for m.Stored(memSIM) == 0 {
		c.expect("AT", "OK")
	}
	c.expect("AT+CNMI?", "+CNMI: 2,0,0,0,0", "OK")
	if got := c.texts(); !slices.Equal(got, []string{customer + " two"}) {
		t.Errorf("%q", got)
	}
	if m.Network().Waiting(m.Options().Number) != 0 {
		t.Error("the network still has something")
	}
}

func TestIndicationModes(t *testing.T) {
	c, m := quiet(t, Options{})
	c.expect("AT+CNMI=0,1,0,0,0", "OK")
	text(t, m, customer, "one")
	for m.Stored(memSIM) == 0 {
		c.expect("AT", "OK")
	}
	c.write("AT+CNMI=2,1,0,2,0\r")
	c.says(`+CMTI: "SM",1`, "OK")
	if got := c.submit(shortLength, shortPDU); got != "+CMGS: 1" {
		t.Errorf("%q", got)
	}
	c.says("OK", `+CDSI: "SR",1`)
	c.expect(`AT+CPMS="SR"`, "+CPMS: 1,20,1,30,1,30", "OK")
	if got := c.inbox(); len(got) != 1 || got[0].SmsType() != tpdu.SmsStatusReport {
		t.Errorf("%+v", got)
	}
	c.expect("AT+CMGD=1", "OK")
	c.expect(`AT+CPMS="SM"`, "+CPMS: 1,30,1,30,1,30", "OK")
	if got := c.lines("AT+CMGL=0"); len(got) != 3 || got[0] != "+CMGL: 1,0,,22" {
		t.Errorf("%q", got)
	}
	c.expect("AT+CMGL=0", "OK") // it is read now
}
