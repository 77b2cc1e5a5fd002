package gsm

import (
	"slices"
	"testing"
	"time"
)

func TestReports(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*fake)
		come func(*fake)
	}{
		{"routed", nil, func(f *fake) { f.say("+CDS: 25", reportPDU) }},
		{"routed, with a line between", nil, func(f *fake) { f.say("+CDS: 25", "^RSSI:20", reportPDU) }},
		{"announced", func(f *fake) { f.offered = "(0-2),(0,1),(0),(0,2),(0)"; f.stored["SR"] = map[int]string{} }, func(f *fake) {
			f.store("SM", 3, reportPDU)
			f.say(`+CDSI: "SM",3`)
		}},
		{"announced where it is not", func(f *fake) {
			f.vendor, f.model = "Quectel", "EC25"
			f.replies["AT+CPMS=?"] = `+CPMS: ("SM","ME","SR"),("SM","ME"),("SM","ME")`
			f.stored["SR"] = map[int]string{}
		}, func(f *fake) {
			f.store("SR", 1, reportPDU)
			f.say(`+CDSI: "SM",0`)
		}},
		{"found", nil, func(f *fake) { f.store("ME", 3, reportPDU) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, nil, c.set, func(t *testing.T, r *rig) {
				c.come(r.fake)
				r.wait(50 * time.Second)
				if len(r.reports) != 1 || r.reports[0].Reference != 54 || r.reports[0].Status != 0 {
					t.Fatalf("%+v", r.reports)
				}
				r.dones[0](false)
				r.wait(50 * time.Second)
				if len(r.reports) != 2 {
					t.Fatalf("%d reports when the first was not committed", len(r.reports))
				}
				r.dones[1](true)
				r.wait(2 * time.Minute)
				if n := r.fake.lies("SM") + r.fake.lies("ME") + r.fake.lies("SR"); len(r.reports) != 2 || n != 0 {
					t.Errorf("%d reports, %d stored", len(r.reports), n)
				}
				if len(r.got()) != 0 || r.fake.asked("AT+CNMA") != 0 {
					t.Errorf("%+v", r.got())
				}
			})
		})
	}
}

// A report whose second line is lost does not take the line that follows.
func TestReportCutOff(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.fake.store("ME", 1, pduOf('A'))
		r.fake.say("+CDS: 25", `+CMTI: "ME",1`, "+CDS: 25", reportPDU)
		r.wait(time.Second)
		if len(r.got()) < 1 || len(r.reports) != 1 {
			t.Errorf("%d messages, %d reports", len(r.got()), len(r.reports))
		}
	})
}

// A text whose second line was garbled is kept with both: its octets can be read by
// a person, and come from nowhere else.
func TestRoutedGarbled(t *testing.T) {
	garbled := "0791728301#010F5040BC87238880900F1"
	for _, c := range []struct {
		lines []string
		want  []string // messages that cannot be read
	}{
		{[]string{"+CMT: ,17", garbled}, []string{"+CMT: ,17\n" + garbled}},
		{[]string{"+CMT: ,17", `+CMTI: "SM",7`, garbled}, []string{"+CMT: ,17\n" + garbled}},
		{[]string{"+CMT: ,17", "+CMT: ,17", garbled}, []string{"+CMT: ,17", "+CMT: ,17\n" + garbled}},
		{[]string{"+CMT: ,17", "OK", garbled}, []string{"+CMT: ,17"}},
	} {
		inBubble(t, func(_ *Config, o *Options) { o.Routed = true }, nil, func(t *testing.T, r *rig) {
			r.fake.say(c.lines...)
			r.wait(time.Second)
			var got []string
			for _, m := range r.got() {
				if m.Err == nil {
					t.Errorf("%+v", m)
				}
				got = append(got, string(m.Raw))
				m.Done(true)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q: %q", c.lines, got)
			}
			r.wait(time.Second)
			if n := r.fake.asked("AT+CNMA"); n != len(c.want) {
				t.Errorf("%q: acknowledged %d times", c.lines, n)
			}
		})
	}
}

// Routed messages are acknowledged once they are committed, and not before.
func TestRouted(t *testing.T) {
	inBubble(t, func(_ *Config, o *Options) { o.Routed = true }, nil, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		if got := r.Info().CNMI; got != "2,2,0,1,0" || r.fake.asked("AT+CSMS=1") != 1 {
			t.Errorf("CNMI %s", got)
		}
		r.fake.say("+CMT: ,17", pduOf('A'))
		r.wait(3 * time.Second)
		got := r.got()
		if len(got) != 1 || got[0].Memory != "" || got[0].Index != -1 || string(got[0].Deliver.Data) != "A" {
			t.Fatalf("%+v", got)
		}
		if r.fake.asked("AT+CNMA") != 0 {
			t.Error("acknowledged before it was committed")
		}
		got[0].Done(true)
		r.wait(time.Second)
		r.fake.say("+CMT: ,17", pduOf('B'))
		r.wait(time.Second)
		r.got()[1].Done(false)
		r.fake.say("+CDS: 25", reportPDU)
		r.wait(time.Second)
		r.dones[0](true)
		r.wait(3 * time.Minute)
		if n := r.fake.asked("AT+CNMA"); n != 2 || len(r.got()) != 2 {
			t.Errorf("acknowledged %d times, %d messages", n, len(r.got()))
		}
		// It is turned on again every minute, as a modem turns it off by itself.
		if n := r.fake.asked("AT+CNMI=2,2,0,1,0"); n < 3 || n > 5 {
			t.Errorf("set %d times", n)
		}
	})
}

// Where nothing can be acknowledged, nothing is routed.
func TestRoutedImpossible(t *testing.T) {
	for _, set := range []func(*fake){
		func(f *fake) { f.replies["AT+CSMS=?"] = "+CSMS: (0,128)" },
		func(f *fake) { f.replies["AT+CSMS=1"] = "+CMS ERROR: 303" },
		func(f *fake) { f.vendor, f.model = "Quectel", "M26" },
	} {
		inBubble(t, func(_ *Config, o *Options) { o.Routed = true }, set, func(t *testing.T, r *rig) {
			if got := r.Info().CNMI; got != "2,1,0,1,0" {
				t.Errorf("CNMI %s", got)
			}
		})
	}
}

// A modem that turns off what it hands over, though we let it acknowledge by
// itself, wants us to (BenQ M20). It is told so from then on.
func TestStrictModem(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.commitAll()
		r.fake.say("+CDS: 25", reportPDU)
		r.wait(20 * time.Second)
		if r.fake.asked("AT+CNMA") != 0 {
			t.Error("acknowledged what the modem acknowledges")
		}
		r.fake.change(func() { r.fake.cnmi = "2,0,0,0,0" })
		r.wait(2 * time.Minute)
		r.fake.say("+CDS: 25", reportPDU)
		r.wait(time.Second)
		if len(r.reports) != 2 || r.fake.asked("AT+CNMA") != 1 || r.fake.cnmi != "2,1,0,1,0" {
			t.Errorf("%d reports, acknowledged %d times, CNMI %s", len(r.reports), r.fake.asked("AT+CNMA"), r.fake.cnmi)
		}
	})
}

// A setting that is lost is set again within a minute or so, and what was missed is
// found.
func TestSettingLost(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.cnmi = "0,0,0,0,0" })
		r.wait(2 * time.Minute)
		if r.fake.cnmi != "2,1,0,1,0" {
			t.Error(r.fake.cnmi)
		}
		r.phase(t, PhaseUp)
	})
}
