package gsmsim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Switch is a way to misbehave that has a name, for the command line.
type Switch struct {
	Name    string
	Meaning string
	value   string // what may follow a colon; empty: nothing
	apply   func(b *Behaviour, value string) error
}

// Usage is the name with what may follow it.
func (s Switch) Usage() string {
	if s.value == "" {
		return s.Name
	}
	return s.Name + "[:" + s.value + "]"
}

// ParseSwitches reads names with commas between them, each with an optional value
// after a colon: "silent" or "slow:2s,unplug-after-sent:1". The function that it
// returns is for [Modem.Set].
func ParseSwitches(words string) (func(*Behaviour), error) {
	var changes []func(*Behaviour)
	for _, word := range strings.Split(words, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		name, value, _ := strings.Cut(word, ":")
		s, found := findSwitch(name)
		if !found {
			return nil, fmt.Errorf("no switch %q", name)
		}
		if s.value == "" && value != "" {
			return nil, fmt.Errorf("%s takes no value", name)
		}
		if err := s.apply(&Behaviour{}, value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		changes = append(changes, func(b *Behaviour) { _ = s.apply(b, value) })
	}
	return func(b *Behaviour) {
		for _, change := range changes {
			change(b)
		}
	}, nil
}

func findSwitch(name string) (Switch, bool) {
	for _, s := range Switches() {
		if s.Name == name {
			return s, true
		}
	}
	return Switch{}, false
}

// Switches are all there are, by subject.
func Switches() []Switch {
	rule := func(name, meaning string, otherwise Times, r Rule) Switch {
		return times(name, meaning, otherwise, func(b *Behaviour, n Times) {
			if n == 0 {
				return // a Rule's zero is always
			}
			r := r
			r.Times = n
			b.Rules = append(b.Rules, r)
		})
	}
	send := func(at Moment, do Action) Rule { return Rule{Command: "+CMGS", At: at, Do: do} }
	return []Switch{
		flagSwitch("silent", "reads and never answers", func(b *Behaviour) { b.Silent = true }),
		flagSwitch("deaf", "reads nothing: writing to it blocks in the end", func(b *Behaviour) { b.NotReading = true }),
		flagSwitch("echo", "echoes whatever ATE0 says", func(b *Behaviour) { b.Echo = true }),
		duration("slow", "each answer takes so long, and up to as much again", 2*time.Second, func(b *Behaviour, d time.Duration) { b.Delay, b.Jitter = d, d }),
		duration("late", "each answer comes so late, when others have come since", 5*time.Second, func(b *Behaviour, d time.Duration) {
			b.Rules = append(b.Rules, Rule{Do: DoLate, For: d})
		}),
		rule("no-answer", "does not perform or answer the next N commands", 1, Rule{Do: DoSilence}),
		rule("error", "answers ERROR to the next N commands", 1, Rule{Do: DoError}),
		times("garbage", "octets that mean nothing come before the next N answers", Always, func(b *Behaviour, n Times) { b.Garbage = n }),
		times("flood", "64 KiB without an end of line come before the next N answers", 1, func(b *Behaviour, n Times) { b.Flood = n }),
		flagSwitch("noise", "unsolicited lines come within answers", func(b *Behaviour) { b.Noise = true }),
		duration("noise-every", "and so often by themselves", time.Second, func(b *Behaviour, d time.Duration) { b.NoiseEvery = d }),
		flagSwitch("crcrlf", "lines end with two carriage returns", func(b *Behaviour) { b.CRCRLF = true }),
		flagSwitch("no-space", "no blank follows the colon of +CMTI:", func(b *Behaviour) { b.NoSpace = true }),
		flagSwitch("text-errors", "errors are words", func(b *Behaviour) { b.TextErrors = true }),
		flagSwitch("bare-prompt", "the prompt is a line feed and >, without a blank", func(b *Behaviour) { b.Prompt = "\n>" }),
		number("split", "writes so many octets at a time", 1, func(b *Behaviour, n int) { b.SplitWrites = n }),
		number("baud", "garbage at any other speed", 9600, func(b *Behaviour, n int) { b.Baud = n }),
		flagSwitch("need-portsel", "mute until AT^PORTSEL=1", func(b *Behaviour) { b.NeedPortSel = true }),

		flagSwitch("no-network", "finds no network", func(b *Behaviour) { b.Registration = NoNetwork }),
		flagSwitch("searching", "searches for one", func(b *Behaviour) { b.Registration = Searching }),
		flagSwitch("denied", "is refused by it", func(b *Behaviour) { b.Registration = Denied }),
		flagSwitch("roaming", "is abroad", func(b *Behaviour) { b.Registration = Roaming }),
		duration("flap", "the network comes and goes so often", 10*time.Second, func(b *Behaviour, d time.Duration) { b.Flap = d }),
		duration("searches-for", "it searches so long after each start", 10*time.Second, func(b *Behaviour, d time.Duration) { b.RegisterTime = d }),
		number("signal", "+CSQ says so", 3, func(b *Behaviour, n int) { b.Signal = n }),
		flagSwitch("no-sim", "there is no SIM", func(b *Behaviour) { b.NoSIM = true }),
		flagSwitch("puk", "the PIN is used up, and the SIM wants its PUK: 12345678", func(b *Behaviour) { b.NeedPUK = true }),
		times("sim-busy", "the SIM is busy at the next N commands that need it", 3, func(b *Behaviour, n Times) { b.SIMBusy = n }),
		flagSwitch("no-smsc", "+CSCA is empty, and sends fail with 330", func(b *Behaviour) { b.NoSMSC = true }),
		flagSwitch("stale-smsc", "sends fail with 330 until +CSCA is written back", func(b *Behaviour) { b.StaleSMSC = true }),

		flagSwitch("full", "no memory has room", func(b *Behaviour) { b.StorageFull = true }),
		times("lose-cmti", "the next N texts are not announced", Always, func(b *Behaviour, n Times) { b.LoseCMTI = n }),
		times("cmti-no-index", "the next N are announced as +CMTI: ,-1", Always, func(b *Behaviour, n Times) { b.CMTINoIndex = n }),
		times("cmti-wrong-memory", "the next N name another memory", Always, func(b *Behaviour, n Times) { b.CMTIWrongMemory = n }),
		times("cdsi-wrong-memory", "the next N reports name another memory", Always, func(b *Behaviour, n Times) { b.CDSIWrongMemory = n }),
		flagSwitch("no-reports", "status reports are dropped", func(b *Behaviour) { b.NoReports = true }),
		flagSwitch("refuse-csms", "+CSMS takes 0 alone", func(b *Behaviour) { b.RefuseCSMS = true }),
		flagSwitch("refuse-cnmi", "+CNMI= is refused", func(b *Behaviour) { b.RefuseCNMI = true }),
		flagSwitch("refuse-cds", "+CNMI's <ds> 1 is listed and refused", func(b *Behaviour) { b.RefuseReports = []int{1} }),
		flagSwitch("require-cnma", "routed texts want +CNMA also without +CSMS=1", func(b *Behaviour) { b.RequireCNMA = true }),

		number("cms", "each send fails with +CMS ERROR: N", 500, func(b *Behaviour, n int) { b.SendError = n }),
		flagSwitch("bad-profile", "each send fails with +CMS ERROR: 500 until AT&F", func(b *Behaviour) { b.BadProfile = true }),
		rule("false-error", "the next N texts are sent, and answered +CMS ERROR: 500", 1, Rule{Command: "+CMGS", At: AfterSent, Do: DoCMS, Code: cmsUnknown}),
		duration("late-result", "each +CMGS comes so late, when others have come since", 5*time.Second, func(b *Behaviour, d time.Duration) {
			b.Rules = append(b.Rules, Rule{Command: "+CMGS", At: AfterSent, Do: DoLate, For: d})
		}),
		times("no-prompt", "the next N sends are answered OK without a prompt", 1, func(b *Behaviour, n Times) { b.NoPrompt = n }),
		times("no-reference", "the next N sends are answered OK without +CMGS", 1, func(b *Behaviour, n Times) { b.NoReference = n }),
		rule("no-result", "the next N texts are sent, and not answered", 1, send(AfterSent, DoSilence)),
		rule("unplug-before-prompt", "goes away at the next send", 1, send(AtCommand, DoUnplug)),
		rule("unplug-after-prompt", "goes away after its prompt", 1, Rule{Command: "+CMGS", At: AfterPrompt, Do: DoUnplug, For: 50 * time.Millisecond}),
		rule("unplug-after-pdu", "goes away with the PDU, which is not sent", 1, send(AfterPDU, DoUnplug)),
		rule("unplug-after-sent", "goes away once it was sent, before the answer", 1, send(AfterSent, DoUnplug)),
		rule("reboot-before-prompt", "starts again at the next send", 1, send(AtCommand, DoReboot)),
		rule("reboot-after-pdu", "starts again with the PDU, which is not sent", 1, send(AfterPDU, DoReboot)),
		rule("reboot-after-sent", "starts again once it was sent, before the answer", 1, send(AfterSent, DoReboot)),
		flagSwitch("reenumerate", "a reset unplugs it and plugs it in again", func(b *Behaviour) { b.Reenumerate = true }),
		flagSwitch("dead-reset", "a reset unplugs it for good", func(b *Behaviour) { b.DeadReset = true }),
		duration("boot-time", "it is mute so long after a reset", 10*time.Second, func(b *Behaviour, d time.Duration) { b.BootTime = d }),
	}
}

func flagSwitch(name, meaning string, set func(*Behaviour)) Switch {
	return Switch{Name: name, Meaning: meaning, apply: func(b *Behaviour, _ string) error {
		set(b)
		return nil
	}}
}

func duration(name, meaning string, otherwise time.Duration, set func(*Behaviour, time.Duration)) Switch {
	return Switch{Name: name, Meaning: fmt.Sprintf("%s (%v)", meaning, otherwise), value: "TIME", apply: func(b *Behaviour, value string) error {
		d := otherwise
		if value != "" {
			var err error
			if d, err = time.ParseDuration(value); err != nil || d < 0 {
				return fmt.Errorf("%q is no time such as 2s", value)
			}
		}
		set(b, d)
		return nil
	}}
}

func number(name, meaning string, otherwise int, set func(*Behaviour, int)) Switch {
	return Switch{Name: name, Meaning: fmt.Sprintf("%s (%d)", meaning, otherwise), value: "N", apply: func(b *Behaviour, value string) error {
		n := otherwise
		if value != "" {
			var err error
			if n, err = strconv.Atoi(value); err != nil || n < 0 {
				return fmt.Errorf("%q is no number", value)
			}
		}
		set(b, n)
		return nil
	}}
}

// times is a switch for the next N times.
func times(name, meaning string, otherwise Times, set func(*Behaviour, Times)) Switch {
	shown := "always"
	if otherwise > 0 {
		shown = strconv.Itoa(int(otherwise))
	}
	return Switch{Name: name, Meaning: meaning + " (" + shown + ")", value: "N", apply: func(b *Behaviour, value string) error {
		n := otherwise
		switch {
		case value == "always":
			n = Always
		case value != "":
			i, err := strconv.Atoi(value)
			if err != nil || i < 0 {
				return fmt.Errorf("%q is neither a number nor always", value)
			}
			n = Times(i)
		}
		set(b, n)
		return nil
	}}
}
