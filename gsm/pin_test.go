package gsm

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// sims is the owner's memory of attempts.
type sims struct {
	tried    []string
	accepted []string
	refused  []string
	ready    []string
	fail     error
}

func withPIN(c *Config, o *Options, s *sims) {
	c.PIN = "1234"
	o.PINTried = func(iccid string) (bool, error) { return slices.Contains(s.tried, iccid), nil }
	o.TryPIN = func(iccid string) error {
		if s.fail == nil {
			s.tried = append(s.tried, iccid)
		}
		return s.fail
	}
	o.PINAccepted = func(iccid string) error { s.accepted = append(s.accepted, iccid); return nil }
	o.PINRefused = func(iccid string) error { s.refused = append(s.refused, iccid); return nil }
	o.PINReady = func(iccid string) error { s.ready = append(s.ready, iccid); return nil }
}

func TestPINs(t *testing.T) {
	const iccid = "89490200001234567890"
	for _, c := range []struct {
		name     string
		set      func(*fake)
		config   func(*Config, *Options, *sims)
		phase    Phase
		reason   string
		attempts int
		tried    []string
	}{
		{"right", func(f *fake) { f.pin = "1234" }, nil, PhaseUp, "", 1, []string{iccid}},
		{"none wanted", func(f *fake) {}, nil, PhaseUp, "", 0, nil},
		{"wrong", func(f *fake) { f.pin = "9999" }, nil, PhasePIN, "tried once", 1, []string{iccid}},
		{"none configured", func(f *fake) { f.pin = "1234" },
			func(c *Config, _ *Options, _ *sims) { c.PIN = "" }, PhasePIN, "none is configured", 0, nil},
		{"tried before", func(f *fake) { f.pin = "1234" },
			func(_ *Config, _ *Options, s *sims) { s.tried = []string{iccid} }, PhasePIN, "tried once", 0, []string{iccid}},
		{"no memory", func(f *fake) { f.pin = "1234" },
			func(_ *Config, o *Options, _ *sims) { o.PINTried, o.TryPIN = nil, nil }, PhasePIN, "remember", 0, nil},
		{"not stored", func(f *fake) { f.pin = "1234" },
			func(_ *Config, _ *Options, s *sims) { s.fail = errors.New("disk full") }, PhasePIN, "disk full", 0, nil},
		{"not known", func(f *fake) { f.pin = "1234" },
			func(_ *Config, o *Options, _ *sims) {
				o.PINTried = func(string) (bool, error) { return false, errors.New("no database") }
			}, PhasePIN, "no database", 0, nil},
		{"two tries left", func(f *fake) { f.pin, f.replies[`AT+CPINR="SIM PIN"`] = "1234", "+CPINR: SIM PIN,2,3" },
			nil, PhasePIN, "2 more tries", 0, nil},
		{"three tries left", func(f *fake) { f.pin, f.replies[`AT+CPINR="SIM PIN"`] = "1234", "+CPINR: SIM PIN,3,3" },
			nil, PhaseUp, "", 1, []string{iccid}},
		{"two left, says a Huawei", func(f *fake) {
			f.pin, f.vendor, f.replies["AT^CPIN?"] = "1234", "huawei", "^CPIN: SIM PIN,,10,2,10,3"
		}, nil, PhasePIN, "2 more tries", 0, nil},
		{"one left, says a Quectel", func(f *fake) {
			f.pin, f.vendor, f.replies[`AT+QPINC="SC"`] = "1234", "Quectel", `+QPINC: "SC",1,10`
		}, nil, PhasePIN, "1 more tries", 0, nil},
		{"two left, says a ZTE", func(f *fake) {
			f.pin, f.vendor, f.replies["AT+ZPINPUK=?"] = "1234", "ZTE CORPORATION", "+ZPINPUK: 2,10"
		}, nil, PhasePIN, "2 more tries", 0, nil},
		{"two left, says a SIMCom", func(f *fake) {
			f.pin, f.vendor, f.replies["AT+SPIC"] = "1234", "SIMCOM_Ltd", "+SPIC: 2,10,0,10"
		}, nil, PhasePIN, "2 more tries", 0, nil},
		{"PUK", func(f *fake) { f.tries = 0 }, nil, PhasePUK, "PUK", 0, nil},
		{"PUK as an error", func(f *fake) { f.replies["AT+CPIN?"] = "+CME ERROR: 12" }, nil, PhasePUK, "PUK", 0, nil},
		{"PIN as an error", func(f *fake) { f.replies["AT+CPIN?"] = "+CME ERROR: SIM PIN required" },
			func(c *Config, _ *Options, _ *sims) { c.PIN = "" }, PhasePIN, "none is configured", 0, nil},
		{"network lock", func(f *fake) { f.replies["AT+CPIN?"] = "+CPIN: PH-NET PIN" }, nil, PhasePIN, "locked", 0, nil},
		{"no SIM", func(f *fake) { f.replies["AT+CPIN?"] = "+CME ERROR: 10" }, nil, PhaseNoSIM, "no SIM", 0, nil},
		{"nameless SIM", func(f *fake) {
			f.pin = "1234"
			for _, c := range []string{"AT+CCID", "AT+ICCID", "AT^ICCID?"} {
				f.replies[c] = "ERROR"
			}
		}, nil, PhaseUp, "", 1, []string{"imei-350000000000006"}},
		{"PIN2 wanted", func(f *fake) { f.replies["AT+CPIN?"] = "+CPIN: SIM PIN2" }, nil, PhaseUp, "", 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &sims{}
			inBubble(t, func(cfg *Config, o *Options) {
				withPIN(cfg, o, s)
				if c.config != nil {
					c.config(cfg, o, s)
				}
			}, c.set, func(t *testing.T, r *rig) {
				r.wait(10 * time.Minute) // it has all the time to try again
				r.phase(t, c.phase)
				if got := r.Info().Reason; !strings.Contains(got, c.reason) {
					t.Errorf("%q", got)
				}
				if n := r.fake.asked("AT+CPIN="); n != c.attempts || !slices.Equal(s.tried, c.tried) {
					t.Errorf("%d attempts, remembered %q", n, s.tried)
				}
				if (len(s.accepted) > 0) != (c.attempts == 1 && c.phase == PhaseUp) {
					t.Errorf("accepted %q", s.accepted)
				}
			})
		})
	}
}

// The owner is told of a SIM that is unlocked, under each name that it may have been
// tried by, and of a PIN that is known to be wrong.
func TestPINMemory(t *testing.T) {
	const iccid, imei = "89490200001234567890", "imei-350000000000006"
	wrong := func(f *fake) { f.pin = "9999" }
	for _, c := range []struct {
		name           string
		set            func(*fake)
		config         func(*Config)
		ready, refused []string
	}{
		{"unlocked by somebody", nil, nil, []string{imei, iccid}, nil},
		{"unlocked by us", func(f *fake) { f.pin = "1234" }, nil, []string{imei, iccid}, nil},
		{"nameless", func(f *fake) {
			for _, c := range []string{"AT+CCID", "AT+ICCID", "AT^ICCID?"} {
				f.replies[c] = "ERROR"
			}
		}, nil, []string{imei}, nil},
		{"says that it is ready and reads nothing", func(f *fake) { f.replies["AT+CIMI"] = "+CME ERROR: 13" }, nil, nil, nil},
		{"no PIN configured", nil, func(c *Config) { c.PIN = "" }, nil, nil},
		{"wrong", wrong, nil, nil, []string{iccid}},
		{"not known whether it is wrong", func(f *fake) { wrong(f); f.replies[`AT+CPIN="1234"`] = "ERROR" }, nil, nil, nil},
		{"no answer", func(f *fake) { wrong(f); f.mute[`AT+CPIN="1234"`] = -1 }, nil, nil, nil},
	} {
		s := &sims{}
		inBubble(t, func(cfg *Config, o *Options) {
			withPIN(cfg, o, s)
			if c.config != nil {
				c.config(cfg)
			}
		}, c.set, func(t *testing.T, r *rig) {
			r.wait(10 * time.Minute)
			if !slices.Equal(s.ready, c.ready) || !slices.Equal(s.refused, c.refused) {
				t.Errorf("%s: ready %q, refused %q", c.name, s.ready, s.refused)
			}
			if i := r.Info(); i.Phase == PhasePIN && (!strings.Contains(i.Reason, "smsbridge at pipe") || strings.Contains(i.Reason, "1234")) {
				t.Errorf("%s: %s", c.name, i.Reason)
			}
		})
	}
}

// A SIM that was not there comes, and one that was there goes.
func TestSIMComesAndGoes(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.replies["AT+CPIN?"] = "+CME ERROR: 10" }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseNoSIM)
		r.fake.change(func() { delete(r.fake.replies, "AT+CPIN?") })
		r.fake.say("+CPIN: READY")
		r.wait(5 * time.Second)
		r.phase(t, PhaseUp)
		r.fake.change(func() { r.fake.replies["AT+CPIN?"] = "+CPIN: NOT INSERTED" })
		r.fake.say("+CPIN: NOT INSERTED")
		r.wait(5 * time.Second)
		r.phase(t, PhaseNoSIM)
		r.fake.change(func() { delete(r.fake.replies, "AT+CPIN?") })
		r.wait(time.Minute)
		r.phase(t, PhaseUp)
	})
}

// A SIM is busy for some seconds after its modem started.
func TestBusySIM(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.replies["AT+CPIN?"], f.replies["AT+CSCA?"] = "+CME ERROR: 14", "+CMS ERROR: 314" }, func(t *testing.T, r *rig) {
		r.fake.change(func() { delete(r.fake.replies, "AT+CPIN?") })
		r.wait(5 * time.Second)
		r.fake.change(func() { delete(r.fake.replies, "AT+CSCA?") })
		r.wait(10 * time.Second)
		r.phase(t, PhaseUp)
		if r.Info().SMSC == "" {
			t.Error("no service centre")
		}
	})
}
