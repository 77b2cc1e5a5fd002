package gsm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// offlineTolerated is how long a modem may look for its network before it is
	// made to look anew.
	offlineTolerated = 5 * time.Minute
	// timeoutsTolerated is how many commands in a row may go without an answer.
	timeoutsTolerated = 3
	powerTimeout      = 2 * time.Minute // of the owner's callback
	radioPause        = 2 * time.Second // between off and on
)

// checkUp looks at what a modem does not say by itself.
func (s *session) checkUp(ctx context.Context) error {
	if s.suspect || time.Since(s.checked) >= announcePeriod {
		if err := s.checkSettings(ctx); err != nil {
			return err
		}
	}
	for _, domain := range []string{"CREG", "CEREG"} {
		line, err := firstLine(s.do(ctx, "AT+"+domain+"?", shortTimeout, "+"+domain+":"))
		if fatal := s.fatal(err); fatal != nil {
			return fatal
		}
		if r, ok := ParseRegistration(line); ok {
			s.registration(r)
		}
	}
	if err := s.checkSignal(ctx); err != nil {
		return err
	}
	if err := s.checkOperator(ctx); err != nil {
		return err
	}
	switch {
	case s.timeouts >= timeoutsTolerated:
		s.timeouts = 0
		s.trouble(LevelRadio, ErrTimeout)
	case !s.offline.IsZero() && time.Since(s.offline) >= offlineTolerated:
		s.offline = time.Now()
		s.trouble(LevelRadio, errOffline)
	case s.offline.IsZero() && s.failures == 0 && time.Since(s.ladder.at) >= ladderPeriod:
		s.ladder.well()
	}
	return nil
}

// checkSignal asks for the signal. What +CSQ cannot say of LTE, +CESQ may (TS
// 27.007 §8.69).
func (s *session) checkSignal(ctx context.Context) error {
	var signal Signal
	for _, name := range []string{"+CSQ", "+CESQ"} {
		if name == "+CESQ" && s.noCESQ {
			break
		}
		line, err := firstLine(s.do(ctx, "AT"+name, shortTimeout, name+":"))
		if fatal := s.fatal(err); fatal != nil {
			return fatal
		}
		if name == "+CESQ" && err != nil {
			s.noCESQ = true
		}
		if signal, _ = ParseSignal(line); signal.Known {
			break
		}
	}
	s.m.update(func(i *Info) { i.Signal = signal })
	return nil
}

var errOffline = errors.New("gsm: no network")

func (s *session) checkOperator(ctx context.Context) error {
	if !s.offline.IsZero() {
		s.m.update(func(i *Info) { i.Operator = "" })
		return nil
	}
	line, err := firstLine(s.do(ctx, "AT+COPS?", simTimeout, "+COPS:"))
	if fatal := s.fatal(err); fatal != nil {
		return fatal
	}
	if o, ok := ParseOperator(line); ok {
		s.m.update(func(i *Info) { i.Operator = o.Name })
	}
	return nil
}

// checkSettings finds out whether the modem still has what it was set to, and has
// its SIM. What is routed to us is turned on again in any case (Nordic, BenQ: a
// missed acknowledgement turns it off).
func (s *session) checkSettings(ctx context.Context) error {
	doubted, handed := s.suspect, s.handed
	s.suspect, s.handed, s.checked = false, false, time.Now()
	if doubted {
		if err := s.checkMode(ctx); err != nil {
			return err
		}
	}
	if s.announce == "" {
		return nil
	}
	kept, err := s.announces(ctx, s.announce)
	if err != nil || kept && !s.routed {
		return err
	}
	if !kept && doubted {
		return errAnew
	}
	_, err = s.do(ctx, "AT+CNMI="+s.announce, shortTimeout)
	if !kept {
		// One that turns off what it handed over wants that acknowledged even under
		// +CSMS=0.
		s.strict = s.strict || handed
		s.due.sweep = time.Now()
	}
	return s.fatal(err)
}

// checkMode asks for the SIM and for PDU mode.
func (s *session) checkMode(ctx context.Context) error {
	lines, err := s.command(ctx, command{text: "AT+CPIN?", free: true, prefixes: []string{"+CPIN:"}, timeout: simTimeout})
	line, err := firstLine(lines, err)
	if fatal := s.fatal(err); fatal != nil {
		return fatal
	}
	state, ok := ParsePIN(line)
	if e := (*Error)(nil); errors.As(err, &e) && e.Class() == SIM || ok && state != PINReady && !strings.HasSuffix(string(state), "2") {
		return errAnew
	}
	line, err = firstLine(s.do(ctx, "AT+CMGF?", shortTimeout, "+CMGF:"))
	if rest, ok := payload(line, "+CMGF"); ok && err == nil && rest != "0" {
		return errAnew
	}
	return s.fatal(err)
}

// registration takes what the modem says of one of the networks it may be in:
// messages pass over circuits and over LTE.
func (s *session) registration(r Registration) {
	switch r.Domain {
	case "CREG":
		s.circuits = r.State
	case "CEREG":
		s.packets = r.State
	default:
		return // of packets alone, or of 5G, which LTE's goes with
	}
	best := s.circuits
	if !best.Registered() && (s.packets.Registered() || best == NotRegistered) {
		best = s.packets
	}
	s.m.update(func(i *Info) { i.Registration, i.Roaming = best, best.Roaming() })
	switch {
	case best.Registered():
		if !s.offline.IsZero() {
			s.offline = time.Time{}
			if soon := time.Now(); s.due.health.After(soon) {
				s.due.health = soon // for the operator's name
			}
		}
		reason := "The modem is in its network."
		if best.Roaming() {
			reason = "The modem is in a foreign network."
		}
		s.enter(PhaseUp, reason)
		return
	case s.offline.IsZero():
		s.offline = time.Now()
	}
	reason := "The modem looks for its network."
	if best == RegistrationDenied {
		reason = "The network refuses the SIM."
	}
	s.enter(PhaseRegistering, reason)
}

// woe is trouble that calls for a reset of some kind.
type woe struct {
	from Level
	err  error
}

// trouble has the modem shaken once what is being done is done.
func (s *session) trouble(from Level, err error) { s.woe = &woe{from, err} }

// relieve shakes the modem, one level harder each time, if it was not shaken too
// often.
func (s *session) relieve(ctx context.Context, w *woe) error {
	if s.boots() {
		return nil // if it is still there then, it comes again
	}
	top := LevelReset
	if s.m.opt.Power != nil {
		top = LevelPower
	}
	level, ok := s.ladder.climb(time.Now(), w.from, top)
	if !ok {
		s.m.log.Warn("the modem does not work, and was reset as often as it may be", "modem", s.id.label(), "err", w.err)
		return nil
	}
	s.m.log.Warn("shaking the modem", "modem", s.id.label(), "level", level.String(), "err", w.err)
	return s.fatal(s.shake(ctx, level))
}

// shake does what a level stands for.
func (s *session) shake(ctx context.Context, level Level) error {
	s.count(level)
	switch level {
	case LevelEscape:
		s.chat.dirty = true
		return s.chat.ready(ctx)
	case LevelRadio:
		return s.cycleRadio(ctx)
	case LevelReset:
		reset := s.quirk.reset
		if reset == "" {
			reset = "AT+CFUN=1,1"
		}
		s.enter(PhaseProbing, "The modem is being reset.")
		s.shaken = ErrRestarted
		defer func() { s.booted = time.Now().Add(bootTime) }()
		_, err := s.do(ctx, reset, radioTimeout)
		if refusal := (*Error)(nil); errors.As(err, &refusal) {
			return err
		}
		return ctx.Err() // many are gone before they say OK, and their port with them
	}
	if s.m.opt.Power == nil {
		return fmt.Errorf("%w: nothing is configured that takes the modem's power", ErrNotReady)
	}
	s.enter(PhaseProbing, "The modem's power is taken.")
	s.shaken = errReopen
	defer func() { s.booted = time.Now().Add(bootTime) }()
	limited, cancel := context.WithTimeout(ctx, powerTimeout)
	defer cancel()
	return s.m.opt.Power(limited)
}

// cycleRadio turns the radio off and on: the modem leaves the network and looks
// for it anew (TS 27.007 §8.2). 4 is flight mode; modems that lack it have 0.
func (s *session) cycleRadio(ctx context.Context) error {
	if s.ready {
		s.enter(PhaseRegistering, "The modem's radio is turned off and on.")
		s.circuits, s.packets, s.offline = NotRegistered, NotRegistered, time.Now()
	}
	_, err := s.do(ctx, "AT+CFUN=4", radioTimeout)
	if e := (*Error)(nil); errors.As(err, &e) {
		_, err = s.do(ctx, "AT+CFUN=0", radioTimeout)
	}
	if s.fatal(err) != nil {
		return err
	}
	if err := s.pause(ctx, radioPause); err != nil {
		return err
	}
	_, on := s.do(ctx, "AT+CFUN=1", radioTimeout)
	s.doubt()
	return errors.Join(err, on)
}
