package gsm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRegistration(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.creg = "2" }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseRegistering)
		if r.Room() != 0 {
			t.Error("room without a network")
		}
		if _, err := r.Send(t.Context(), text); !certain(err) {
			t.Error(err)
		}
		for _, c := range []struct {
			says    string
			phase   Phase
			state   RegistrationState
			roaming bool
		}{
			{"+CREG: 1", PhaseUp, RegisteredHome, false},
			{"+CREG: 5,\"0502\",\"0404736D\"", PhaseUp, RegisteredRoaming, true},
			{"+CREG: 3", PhaseRegistering, RegistrationDenied, false},
			{"+CEREG: 1", PhaseUp, RegisteredHome, false},
			{"+CREG: 1", PhaseUp, RegisteredHome, false},
			{"+CEREG: 0", PhaseUp, RegisteredHome, false},
			{"+CGREG: 0", PhaseUp, RegisteredHome, false},
			{"+CREG: 0", PhaseRegistering, NotRegistered, false},
			{"+CEREG: 7", PhaseUp, RegisteredSMSOnlyRoaming, true},
			{"+CEREG: 8", PhaseRegistering, EmergencyOnly, false},
		} {
			// The answer to a question in between is the same.
			r.fake.change(func() {
				_, value, _ := strings.Cut(c.says, ": ")
				name, _, _ := strings.Cut(c.says, ":")
				r.fake.replies["AT"+name+"?"] = name + ": 1," + value
			})
			r.fake.say(c.says)
			r.wait(time.Second)
			if i := r.Info(); i.Phase != c.phase || i.Registration != c.state || i.Roaming != c.roaming {
				t.Errorf("%s: %+v, %v, roaming %v", c.says, i.State, i.Registration, i.Roaming)
			}
		}
	})
}

func TestSignalOfLTE(t *testing.T) {
	for _, c := range []struct {
		cesq  string
		want  string
		asked int
	}{{"+CESQ: 99,99,255,255,20,80", "-61 dBm", 4}, {"ERROR", "unknown", 1}} {
		inBubble(t, nil, func(f *fake) { f.replies["AT+CSQ"], f.replies["AT+CESQ"] = "+CSQ: 99,99", c.cesq }, func(t *testing.T, r *rig) {
			r.wait(time.Minute)
			if got := r.Info().Signal.String(); got != c.want || r.fake.asked("AT+CESQ") > c.asked {
				t.Errorf("%s: %s, asked %d times", c.cesq, got, r.fake.asked("AT+CESQ"))
			}
		})
	}
}

// What was stored comes without a network, too.
func TestStoredWithoutNetwork(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.creg, f.stored["SM"][1] = "3", pduOf('A') }, func(t *testing.T, r *rig) {
		r.phase(t, PhaseRegistering)
		if s := r.Info().Reason; len(r.got()) != 1 || !strings.Contains(s, "refuses") {
			t.Errorf("%d messages, %q", len(r.got()), s)
		}
	})
}

// Without a network for long, a modem is shaken harder each time, and as often as
// it may be in an hour.
func TestLadderWithoutNetwork(t *testing.T) {
	var powered atomic.Int32
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { powered.Add(1); return nil }
	}, func(f *fake) { f.creg = "2" }, func(t *testing.T, r *rig) {
		r.wait(6 * time.Minute)
		if n := r.fake.asked("AT+CFUN=4"); n != 1 || r.fake.asked("AT+CFUN=1,1") != 0 {
			t.Errorf("the radio was turned off %d times", n)
		}
		r.wait(6 * time.Minute)
		if n := r.fake.asked("AT+CFUN=1,1"); n != 1 || powered.Load() != 0 {
			t.Errorf("reset %d times", n)
		}
		r.wait(6 * time.Minute)
		if powered.Load() != 1 || r.fake.opened() != 2 {
			t.Errorf("powered %d times, opened %d times", powered.Load(), r.fake.opened())
		}
		r.wait(42 * time.Minute)
		i := r.Info().Resets
		if i[LevelRadio] > 4 || i[LevelReset] > 3 || i[LevelPower] > 3 {
			t.Errorf("within an hour: %v", i)
		}
		r.wait(5 * time.Hour)
		if i := r.Info().Resets; i[LevelPower] > 18 || i[LevelPower] < 6 {
			t.Errorf("within six hours: %v", i)
		}
	})
}

// A modem that answers nothing any more is opened anew, and then loses its power.
func TestDeafModem(t *testing.T) {
	var powered atomic.Int32
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { powered.Add(1); return errors.New("no such hub") }
	}, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.deaf = true })
		r.wait(2 * time.Minute)
		r.phase(t, PhaseAbsent)
		if s := r.Info().Reason; s != "The modem does not answer." {
			t.Error(s)
		}
		r.wait(58 * time.Minute)
		if powered.Load() < 2 || powered.Load() > 3 {
			t.Errorf("powered %d times within the hour", powered.Load())
		}
		r.fake.change(func() { r.fake.deaf = false })
		r.wait(2 * time.Minute)
		r.phase(t, PhaseUp)
	})
}

// A modem takes its time to boot. Until then its silence is no reason to take its
// power again.
func TestPowerWaitsForBoot(t *testing.T) {
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { return nil }
	}, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.deaf = true })
		powered := func() uint64 { return r.Info().Resets[LevelPower] }
		for powered() == 0 {
			r.wait(time.Second)
		}
		r.wait(bootTime)
		if n := powered(); n != 1 {
			t.Errorf("powered %d times while it boots", n)
		}
		r.fake.change(func() { r.fake.deaf = false })
		r.wait(time.Minute)
		r.phase(t, PhaseUp)
		// One that stays deaf loses it again, and not before it was asked as often as at
		// first.
		r.fake.change(func() { r.fake.deaf = true })
		var last time.Time
		for n := powered(); n < 3; r.wait(time.Second) {
			if powered() == n {
				continue
			}
			if d := time.Since(last); d < bootTime+30*time.Second {
				t.Errorf("again after %v", d)
			}
			n, last = n+1, time.Now()
		}
	})
}

// While a modem boots after a reset it may refuse what it does later: the next step
// waits for that.
func TestResetWaitsForBoot(t *testing.T) {
	var powered atomic.Int32
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { powered.Add(1); return nil }
	}, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.replies["AT+CMGF=0"] = "+CMS ERROR: 302" })
		if err := r.Reset(t.Context(), LevelReset); err != nil {
			t.Error(err)
		}
		r.wait(bootTime - time.Second)
		if i := r.Info(); i.Resets[LevelRadio] != 0 || i.Resets[LevelReset] != 1 || powered.Load() != 0 {
			t.Errorf("%v", i.Resets)
		}
		r.wait(2 * time.Minute)
		if i := r.Info(); i.Resets[LevelRadio] == 0 {
			t.Errorf("%v", i.Resets)
		}
	})
}

func TestFailedSendsShake(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.sendWith = "+CMS ERROR: 38" }, func(t *testing.T, r *rig) {
		for range failuresTolerated {
			if _, err := r.Send(t.Context(), text); !certain(err) {
				t.Error(err)
			}
		}
		r.wait(time.Minute)
		if n := r.fake.asked("AT+CFUN=4"); n != 1 {
			t.Errorf("the radio was turned off %d times", n)
		}
		r.phase(t, PhaseUp)
	})
}

func TestReset(t *testing.T) {
	var powered atomic.Int32
	inBubble(t, func(_ *Config, o *Options) {
		o.Power = func(context.Context) error { powered.Add(1); return nil }
	}, nil, func(t *testing.T, r *rig) {
		for _, c := range []struct {
			level Level
			asked string
		}{{LevelEscape, "AT"}, {LevelRadio, "AT+CFUN=4"}, {LevelReset, "AT+CFUN=1,1"}, {LevelPower, "AT+CGMI"}} {
			before := r.fake.asked(c.asked)
			if err := r.Reset(t.Context(), c.level); err != nil {
				t.Errorf("%v: %v", c.level, err)
			}
			r.wait(30 * time.Second)
			r.phase(t, PhaseUp)
			if r.fake.asked(c.asked) == before || r.Info().Resets[c.level] != 1 {
				t.Errorf("%v: %v", c.level, r.Info().Resets)
			}
		}
		if powered.Load() != 1 || r.fake.opened() != 2 {
			t.Errorf("powered %d times, opened %d times", powered.Load(), r.fake.opened())
		}
		r.Reconnect()
		r.wait(30 * time.Second)
		r.phase(t, PhaseUp)
		if r.fake.opened() != 3 {
			t.Errorf("opened %d times", r.fake.opened())
		}
	})
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.fake.change(func() { r.fake.replies["AT+CFUN=1,1"] = "ERROR" })
		if err := r.Reset(t.Context(), LevelReset); !errors.As(err, new(*Error)) {
			t.Errorf("refused: %v", err)
		}
		r.wait(30 * time.Second)
		r.fake.change(func() { r.fake.mute["AT+CFUN=1,1"] = -1 })
		go func() {
			time.Sleep(time.Second)
			r.fake.change(func() { r.fake.conn.Close() })
		}()
		if err := r.Reset(t.Context(), LevelReset); err != nil {
			t.Errorf("gone before it said OK: %v", err)
		}
		r.wait(30 * time.Second)
		r.phase(t, PhaseUp)
		if err := r.Reset(t.Context(), LevelPower); !errors.Is(err, ErrNotReady) {
			t.Error(err)
		}
	})
}

// The network that a modem was in before it started anew is not shown while its SIM
// waits for a person.
func TestNothingStaleIsShown(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		r.fake.change(func() { r.fake.pin = "1234" })
		r.fake.say("RDY")
		r.wait(time.Minute)
		r.phase(t, PhasePIN)
		if i := r.Info(); i.Operator != "" || i.Registration != NotRegistered || i.Signal.Known || i.Roaming {
			t.Errorf("%+v", i)
		}
		r.fake.change(func() { r.fake.pin = "" })
		r.wait(time.Minute)
		r.phase(t, PhaseUp)
		if i := r.Info(); i.Operator == "" || !i.Registration.Registered() || !i.Signal.Known {
			t.Errorf("%+v", i)
		}
	})
}

func TestLadder(t *testing.T) {
	var l ladder
	now := time.Now()
	climb := func(after time.Duration, from, top Level) string {
		now = now.Add(after)
		level, ok := l.climb(now, from, top)
		if !ok {
			return "-"
		}
		return level.String()
	}
	var got []string
	for range 14 {
		got = append(got, climb(time.Minute, LevelRadio, LevelPower))
	}
	want := []string{"radio", "reset", "power", "power", "power", "reset", "reset", "radio", "radio", "radio", "-", "-", "-", "-"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := climb(time.Hour, LevelRadio, LevelReset); got != "radio" {
		t.Errorf("after an hour: %s", got)
	}
	if got := climb(time.Minute, LevelRadio, LevelReset); got != "reset" {
		t.Errorf("without power: %s", got)
	}
	if got := climb(time.Minute, LevelRadio, LevelReset); got != "reset" {
		t.Errorf("without power: %s", got)
	}
	l.well()
	if got := climb(time.Minute, LevelRadio, LevelReset); got != "radio" {
		t.Errorf("after it was well: %s", got)
	}
}

func TestCalls(t *testing.T) {
	for _, reject := range []bool{true, false} {
		inBubble(t, func(c *Config, _ *Options) { c.RejectCalls = reject }, nil, func(t *testing.T, r *rig) {
			r.fake.change(func() { r.fake.replies["AT+CHUP"] = "ERROR" })
			for range 3 {
				r.fake.say("RING", `+CLIP: "+491511234567",145,,,,0`)
				r.wait(4 * time.Second)
			}
			r.fake.say("NO CARRIER")
			r.wait(time.Second)
			r.fake.say("RING") // of one who hides the number
			r.wait(5 * time.Second)
			r.fake.say("+CRING: VOICE", `+CLIP: "+491520000000",145`)
			r.wait(time.Second)
			if want := []string{"+491511234567", "", "+491520000000"}; !slices.Equal(r.called, want) {
				t.Errorf("%q", r.called)
			}
			if n := r.fake.asked("ATH"); (n == 3) != reject || n != 0 && !reject {
				t.Errorf("hung up %d times", n)
			}
			r.phase(t, PhaseUp)
		})
	}
}
