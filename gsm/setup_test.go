package gsm

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What real modems offer, and what is chosen of it.
func TestAnnouncements(t *testing.T) {
	for _, c := range []struct {
		name, offered string
		routed        bool
		modes         []int
		want          string
	}{
		{"Qualcomm", "(0,1,2),(0,1,2,3),(0,2),(0,1,2),(0,1)", false, nil, "2,1,0,1,0"},
		{"SIM800", "(0-3),(0-3),(0,2),(0,1),(0,1)", false, nil, "2,1,0,1,0"},
		{"gammu at-cnmi", "(2),(0-1,3),(0,2),(0-1),(0)", false, nil, "2,1,0,1,0"},
		{"TC35", "(0-3),(0,1),(0,2,3),(0,2),(1)", false, nil, "2,1,0,2,1"},
		{"MC75i", "(0,1,2,3),(0,1,2,3),(0,2,3),(0,1,2),(1)", false, nil, "2,1,0,1,1"},
		{"no reports", "(1,2),(0-3),(0),(0),(0)", false, nil, "2,1,0,0,0"},
		{"no mode 2", "(0,1),(0,1),(0,2),(0,2),(0,1)", false, nil, "1,1,0,2,0"},
		{"MU509", "(0-2),(0-3),(0,2),(0-2),(0,1)", false, []int{1}, "1,1,0,1,0"},
		{"routed", "(0-2),(0-3),(0,2),(0-2),(0,1)", true, nil, "2,2,0,1,0"},
		{"not routable", "(0-2),(0,1),(0,2),(0-2),(0,1)", true, nil, "2,1,0,1,0"},
		{"broadcasts at least", "(2),(1),(2),(1),(0)", false, nil, "2,1,2,1,0"},
	} {
		offered, ok := ParseIndications("+CNMI: " + c.offered)
		all := candidates(offered, c.routed, c.modes)
		if !ok || len(all) == 0 || all[0].String() != c.want {
			t.Errorf("%s: %v", c.name, all)
		}
	}
	if all := candidates(Indications{}, false, nil); len(all) != 9 {
		t.Errorf("of a modem that does not say: %v", all)
	}
	none, _ := ParseIndications("+CNMI: (0),(0),(0),(0),(0)")
	if all := candidates(none, false, nil); len(all) != 0 {
		t.Errorf("of one that announces nothing: %v", all)
	}
}

// What a modem offers and refuses, or takes and does not keep, is not relied on.
func TestAnnouncementsVerified(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*fake)
		want string
	}{
		{"ds 1 is refused", func(f *fake) { f.replies["AT+CNMI=2,1,0,1,0"] = "+CMS ERROR: 303" }, "2,1,0,2,0"},
		{"ds 1 is not kept", func(f *fake) { f.cnmi, f.stick = "2,1,0,2,0", false }, "2,1,0,2,0"},
		{"it does not say what it offers", func(f *fake) { f.replies["AT+CNMI=?"] = "ERROR" }, "2,1,0,1,0"},
		{"it does not say what is set", func(f *fake) { f.replies["AT+CNMI?"] = "ERROR" }, "2,1,0,1,0"},
		{"nothing is kept", func(f *fake) { f.stick = false }, ""},
	} {
		inBubble(t, nil, c.set, func(t *testing.T, r *rig) {
			r.phase(t, PhaseUp)
			if got := r.Info().CNMI; got != c.want {
				t.Errorf("%s: %q", c.name, got)
			}
			r.fake.store("ME", 1, pduOf('A'))
			r.wait(time.Minute)
			if len(r.got()) != 1 {
				t.Errorf("%s: %d messages", c.name, len(r.got()))
			}
		})
	}
}

func TestMemories(t *testing.T) {
	for _, c := range []struct {
		name, vendor, model, offered, current string
		sweeps                                []string
		receives                              string
	}{
		{"SIM and modem", "", "", `("SM","ME"),("SM","ME"),("SM","ME")`, `"ME",0,23,"ME",0,23,"ME",0,23`, []string{"SM", "ME"}, "ME"},
		{"both in one, too", "", "", `("SM","ME","MT"),("SM","ME"),("SM","ME","MT")`, `"MT",0,33,"ME",0,23,"MT",0,33`, []string{"SM", "ME"}, "SM"},
		{"only both in one", "", "", `("MT","SM"),("SM"),("MT")`, `"MT",0,33,"SM",0,10,"MT",0,33`, []string{"MT"}, "MT"},
		{"reports", "", "", `("SM","BM","SR"),("SM"),("SM")`, `"SM",0,10,"SM",0,10,"SM",0,10`, []string{"SM", "SR"}, "SM"},
		{"MC75i", "Cinterion", "MC75i", `("SM","ME","MT"),("SM","ME"),("SM","ME")`, `"ME",0,10,"ME",0,10,"ME",0,10`, []string{"MT"}, "SM"},
	} {
		inBubble(t, nil, func(f *fake) {
			f.vendor, f.model = c.vendor, c.model
			f.replies["AT+CPMS=?"], f.replies["AT+CPMS?"] = "+CPMS: "+c.offered, "+CPMS: "+c.current
		}, func(t *testing.T, r *rig) {
			i := r.Info()
			var names []string
			for _, m := range i.Memories {
				names = append(names, m.Name)
			}
			if !slices.Equal(names, c.sweeps) || i.Receives != c.receives {
				t.Errorf("%s: %q, %s", c.name, names, i.Receives)
			}
		})
	}
}

func TestQuirks(t *testing.T) {
	for _, c := range []struct {
		vendor, model string
		is            func(quirk) bool
	}{
		{"huawei", "E1550", func(q quirk) bool { return q.packedUSSD && q.after[0] == "AT^CURC=0" && !q.rewriteSMSC }},
		{"huawei", "E220", func(q quirk) bool { return q.rewriteSMSC && !q.packedUSSD }},
		{"huawei", "E173", func(q quirk) bool { return slices.Contains(q.after, "AT^PORTSEL=1") }},
		{"Huawei Technologies Co., Ltd.", "MU509", func(q quirk) bool { return slices.Equal(q.modes, []int{1}) }},
		{"Quectel", "EC25", func(q quirk) bool { return q.reportsIn == "SR" && q.iccid == "AT+QCCID" && len(q.after) == 1 }},
		{"Quectel_Ltd", "Quectel_M26", func(q quirk) bool { return q.noRouting && len(q.after) == 0 }},
		{"SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", func(q quirk) bool { return slices.Equal(q.before, []string{"AT&F"}) }},
		{"ZTE CORPORATION", "MF190", func(q quirk) bool { return q.iccid == "AT+ZGETICCID" && q.reportsIn == "SR" }},
		{"SIMCOM_Ltd", "SIMCOM_SIM800L", func(q quirk) bool { return q.before == nil && q.pinTries == "AT+SPIC" }},
		{"Cinterion", "MC75i", func(q quirk) bool { return slices.Contains(q.avoid, "ME") }},
		{"Nokia", "N95", func(q quirk) bool { return q.after == nil && q.iccid == "" }},
	} {
		if q := quirkOf(c.vendor, c.model); !c.is(q) {
			t.Errorf("%s %s: %+v", c.vendor, c.model, q)
		}
	}
	for _, q := range quirks {
		if q.why == "" || q.vendor == "" {
			t.Errorf("%+v has no reason", q)
		}
	}
}

// What a quirk adds is written, and echo and errors are set again where it undoes
// them.
func TestQuirksAreWritten(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.vendor, f.model = "SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H" }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		at := slices.Index(r.fake.log, "AT&F")
		if at < 0 || r.fake.log[at+1] != "ATE0" || r.fake.log[at+2] != "AT+CMEE=1" {
			t.Errorf("%q", r.fake.log)
		}
	})
	inBubble(t, nil, func(f *fake) { f.vendor, f.model = "huawei", "E173" }, func(t *testing.T, r *rig) {
		if r.fake.asked("AT^CURC=0") != 1 || r.fake.asked("AT^PORTSEL=1") != 1 {
			t.Errorf("%q", r.fake.log)
		}
	})
}

// A command of the configuration's that the modem refuses is told of, once for each
// time that it is set up, without what is secret in it.
func TestInitRefused(t *testing.T) {
	var out lockedBuffer
	inBubble(t, func(c *Config, o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&out, nil))
		c.Init = []string{"AT+FINE=1", "AT+NONSENSE=1", `AT+CLCK="SC",0,"1234"`}
	}, func(f *fake) {
		f.replies["AT+NONSENSE=1"], f.replies[`AT+CLCK="SC",0,"1234"`] = "+CME ERROR: 4", "ERROR"
		f.replies["AT+CLIP=1"] = "ERROR" // of ours: nobody can mend it
	}, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		r.wait(5 * time.Minute)
		log := out.String()
		if n := strings.Count(log, "level=WARN"); n != 2 || !strings.Contains(log, "AT+NONSENSE=1") || !strings.Contains(log, "not supported") || strings.Contains(log, "1234") {
			t.Errorf("%d warnings: %s", n, log)
		}
		if got := r.Info().Refused; len(got) != 2 || !strings.HasPrefix(got[0], "AT+NONSENSE=1: ") || !strings.HasPrefix(got[1], "AT+CLCK=****: ") {
			t.Errorf("%q", got)
		}
		r.fake.change(func() { delete(r.fake.replies, "AT+NONSENSE=1") })
		r.fake.say("RDY")
		r.wait(time.Minute)
		if got := r.Info().Refused; len(got) != 1 || strings.Count(out.String(), "level=WARN") != 3 {
			t.Errorf("%q", got)
		}
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
