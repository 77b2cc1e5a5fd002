package gsm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUp(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		i := r.Info()
		if i.Vendor != "Example" || i.Model != "M1" || i.IMEI != "350000000000006" || i.ICCID != "89490200001234567890" ||
			i.IMSI != "26201********90" || i.Operator != "Example Net" || i.Signal.DBm != -77 || i.CNMI != "2,1,0,1,0" ||
			i.SMSC != "+491710760000" || len(i.Memories) != 2 || i.Receives != "SM" || i.Port != "pipe" {
			t.Errorf("%+v", i)
		}
		if r.Room() != 1 {
			t.Error("no room")
		}
		if got, want := r.phases(), []Phase{PhaseProbing, PhaseRegistering, PhaseUp}; !slices.Equal(got, want) {
			t.Errorf("%v", got)
		}
		before := r.fake.asked("")
		r.wait(10 * time.Minute)
		if n := r.fake.asked("") - before; n > 150 {
			t.Errorf("%d commands in ten idle minutes", n)
		}
		r.phase(t, PhaseUp)
	})
}

// commandsOf returns what a bring-up asks.
func commandsOf(t *testing.T) []string {
	var list []string
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.end()
		for _, c := range r.fake.log {
			if !slices.Contains(list, c) {
				list = append(list, c)
			}
		}
	})
	return list
}

// A modem that says nothing to one of our commands, once or ever, is brought up
// all the same, or says why not; and later it is, when it answers.
func TestSilence(t *testing.T) {
	for _, command := range commandsOf(t) {
		for _, times := range []int{1, -1} {
			set := func(f *fake) { f.mute[command] = times }
			inBubble(t, nil, set, func(t *testing.T, r *rig) {
				r.wait(10 * time.Minute)
				if p := r.Info().Phase; times < 0 && p != PhaseUp {
					if i := r.Info(); !slices.Contains([]Phase{PhaseAbsent, PhaseFailed, PhaseProbing, PhaseRegistering}, p) || i.Reason == "" {
						t.Errorf("%s never answered: %v, %q", command, p, i.Reason)
					}
					if !slices.Contains([]string{"AT", "AT+CPIN?", "AT+CMGF=0", "AT+CREG?"}, command) {
						t.Errorf("it does not work without %s: %v, %s", command, p, r.Info().Reason)
					}
					r.fake.change(func() { r.fake.mute[command] = 0 })
					r.wait(10 * time.Minute)
				}
				if p := r.Info().State; p.Phase != PhaseUp {
					t.Errorf("%s not answered %d times: %+v", command, times, p)
				}
			})
		}
	}
}

// A modem may refuse everything but what there is no doing without.
func TestRefusals(t *testing.T) {
	needed := []string{"AT", "AT+CPIN?", "AT+CMGF=0", "AT+CREG?"}
	inBubble(t, nil, func(f *fake) {
		for _, c := range []string{
			"ATE0", "AT+CMEE=1", "AT+CGMI", "AT+CGMM", "AT+CGMR", "AT+CGSN", "AT+CFUN?", "AT+CCID", "AT+CIMI", "AT+CNUM",
			"AT+CSCA?", "AT+CSMS=0", "AT+CPMS=?", "AT+CPMS?", "AT+CNMI=?", "AT+CNMI?", "AT+CMMS=?", "AT+CLIP=1", "AT+CREG=1",
			"AT+CEREG=1", "AT+CSQ", "AT+COPS?", "AT+CNMI=2,1,0,1,0",
		} {
			f.replies[c] = "ERROR"
		}
		f.stored["SM"][1] = pduOf('A')
	}, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		if len(r.got()) != 1 {
			t.Errorf("%d messages", len(r.got()))
		}
	})
	for _, c := range needed[1:3] {
		inBubble(t, nil, func(f *fake) { f.replies[c] = "ERROR" }, func(t *testing.T, r *rig) {
			if s := r.Info().State; s.Phase != PhaseFailed && s.Phase != PhaseNoSIM || s.Reason == "" {
				t.Errorf("without %s: %+v", c, s)
			}
		})
	}
}

func TestNoPort(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.refuse = ErrBusy }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseAbsent)
		if s := r.Info().Reason; !strings.Contains(s, "Another program") {
			t.Error(s)
		}
		r.wait(time.Hour)
		if n := r.fake.opened(); n < 100 || n > 140 {
			t.Errorf("opened %d times in an hour", n)
		}
		if _, err := r.Send(t.Context(), Submit{To: "+491511234567"}); !certain(err) || !errors.Is(err, ErrNotReady) {
			t.Error(err)
		}
		r.fake.change(func() { r.fake.refuse = nil })
		r.Reconnect()
		r.wait(20 * time.Second)
		r.phase(t, PhaseUp)
	})
}

// What other ports did not answer is no reason to take anybody's power, and the
// search for a modem that is not there is not in a hurry.
func TestNotFound(t *testing.T) {
	err := errors.Join(fmt.Errorf("%w: no modem here has the IMEI 35", ErrGone), ErrTimeout)
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { t.Error("power was taken"); return nil }
	}, func(f *fake) { f.refuse = err }, func(t *testing.T, r *rig) {
		r.wait(time.Hour)
		if n := r.fake.opened(); n > 140 {
			t.Errorf("searched %d times in an hour", n)
		}
		if s := r.Info().Reason; s != "There is no port: gsm: modem gone: no modem here has the IMEI 35; gsm: no answer." {
			t.Error(s)
		}
	})
}

func certain(err error) bool {
	e := (*SendError)(nil)
	return errors.As(err, &e) && e.Certain
}

// Unplugged and plugged in again, idle or in the middle of a command.
func TestUnplug(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		for i := range 20 {
			r.fake.change(func() { r.fake.conn.Close() })
			r.wait(time.Millisecond)
			r.phase(t, PhaseAbsent)
			if r.Room() != 0 {
				t.Error("room")
			}
			r.wait(15*time.Second + time.Duration(i)*137*time.Millisecond)
			r.phase(t, PhaseUp)
		}
	})
}

// A modem that restarts is set up again, whether a command is outstanding or not.
func TestRestart(t *testing.T) {
	for _, says := range [][]string{
		{"RDY", "+CFUN: 1", "+CPIN: READY"}, {"^SYSSTART"}, {"+CPIN: READY"}, {"^BOOT:22988467,0,0,0,75"},
	} {
		inBubble(t, nil, nil, func(t *testing.T, r *rig) {
			r.fake.change(func() { r.fake.cnmi, r.fake.echo = "0,0,0,0,0", true })
			r.fake.say(says...)
			r.wait(40 * time.Second)
			r.phase(t, PhaseUp)
			if r.fake.cnmi != "2,1,0,1,0" || r.fake.opened() != 1 {
				t.Errorf("%q: CNMI %s, opened %d times", says, r.fake.cnmi, r.fake.opened())
			}
		})
	}
}

// ^BOOT comes every few seconds with some, and means nothing: it costs a look at
// the settings now and then.
func TestBootSpam(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		before := len(r.phases())
		asked := r.fake.asked("AT+CMGF=0")
		for range 200 {
			r.fake.say("^BOOT:22988467,0,0,0,75")
			r.wait(time.Second)
		}
		if len(r.phases()) != before || r.fake.asked("AT+CMGF=0") != asked {
			t.Errorf("%v", r.phases())
		}
		if n := r.fake.asked("AT+CMGF?"); n < 5 || n > 12 {
			t.Errorf("looked %d times", n)
		}
	})
}

// A restart while a message goes out leaves it uncertain.
func TestRestartWhileSending(t *testing.T) {
	for _, says := range []string{"RDY", "+CPIN: READY"} {
		inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) { restartWhileSending(t, r, says) })
	}
}

func restartWhileSending(t *testing.T, r *rig, says string) {
	errs := make(chan error, 1)
	go func() {
		_, err := r.Send(t.Context(), text)
		errs <- err
	}()
	r.wait(time.Second)
	r.fake.say(says)
	if err := <-errs; !errors.Is(err, ErrRestarted) || certain(err) {
		t.Errorf("%s: %v", says, err)
	}
	r.wait(20 * time.Second)
	r.phase(t, PhaseUp)
}

// What was not committed in one life of Run comes again in the next.
func TestRunTwice(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["ME"][3] = pduOf('A') }, func(t *testing.T, r *rig) {
		if err := r.Run(t.Context(), r.recorder); !errors.Is(err, ErrBusy) {
			t.Errorf("Run beside Run: %v", err)
		}
		r.end()
		r.start(t)
		r.wait(20 * time.Second)
		r.phase(t, PhaseUp)
		got := r.got()
		if len(got) != 2 || string(got[0].Raw) != string(got[1].Raw) || got[0].Index != 3 || got[0].Memory != "ME" {
			t.Errorf("%+v", got)
		}
	})
}

func TestInit(t *testing.T) {
	inBubble(t, func(c *Config, _ *Options) { c.Init = []string{"AT+ONE", "AT+TWO=1"}; c.SMSC = "+491722270000" },
		func(f *fake) { f.replies["AT+ONE"] = "ERROR" }, func(t *testing.T, r *rig) {
			r.phase(t, PhaseUp)
			one, two := slices.Index(r.fake.log, "AT+ONE"), slices.Index(r.fake.log, "AT+TWO=1")
			if one < 0 || two < one || r.fake.asked(`AT+CSCA="+491722270000",145`) != 1 {
				t.Errorf("%q", r.fake.log)
			}
		})
}

func TestTraceMasksPINs(t *testing.T) {
	var seen []string
	inBubble(t, func(c *Config, o *Options) {
		withPIN(c, o, &sims{})
		o.Trace = func(out bool, line string) { seen = append(seen, line) }
	}, func(f *fake) { f.pin = "1234" }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		r.end()
		if !slices.Contains(seen, "AT+CPIN=****") || strings.Contains(strings.Join(seen, "\n"), "1234\"") {
			t.Errorf("%q", seen)
		}
	})
}
