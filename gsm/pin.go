package gsm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// fewestTries is how many tries a PIN must have left for us to use one. With
// fewer, somebody else has been wrong before, and after the last one the SIM is
// blocked.
const fewestTries = 3

// unlock waits for the SIM and gives it its PIN (TS 27.007 §8.3).
func (s *session) unlock(ctx context.Context) error {
	state, err := s.pinState(ctx)
	if err != nil {
		return err
	}
	switch {
	case state == PINReady, state == "SIM PIN2", state == "SIM PUK2": // those guard what we do not use
		return nil
	case state == PINWanted:
		return s.enterPIN(ctx)
	case strings.Contains(string(state), "PUK"):
		return s.held(PhasePUK, "The SIM is blocked and wants its PUK: unlock it in a telephone.")
	case strings.HasPrefix(string(state), "PH-"):
		return s.held(PhasePIN, fmt.Sprintf("The modem is locked to another SIM or network: it wants %q.", state))
	}
	return s.held(PhaseNoSIM, fmt.Sprintf("There is no SIM in the modem, or it is not ready: %q.", state))
}

func (s *session) held(p Phase, reason string) error {
	s.enter(p, reason)
	return errHeld
}

// pinState asks what the SIM wants, and again while it is starting.
func (s *session) pinState(ctx context.Context) (PINState, error) {
	limit := time.Now().Add(30 * time.Second)
	for {
		lines, err := s.command(ctx, command{text: "AT+CPIN?", free: true, prefixes: []string{"+CPIN:"}, timeout: simTimeout})
		line, err := firstLine(lines, err)
		state, ok := ParsePIN(line)
		starting := err == nil && state == PINNotReady || isBusy(err)
		switch {
		case starting && time.Now().Before(limit):
			if err := s.pause(ctx, time.Second); err != nil {
				return "", err
			}
			continue
		case err == nil && ok:
			return state, nil
		case s.fatal(err) != nil:
			return "", err
		}
		if e := (*Error)(nil); errors.As(err, &e) {
			if e.Class() == SIM {
				return stateOf(e), nil
			}
			return "", s.held(PhaseNoSIM, fmt.Sprintf("The modem says nothing of a SIM: %v.", e))
		}
		if err == nil {
			err = fmt.Errorf("AT+CPIN?: %q is no state", line)
		}
		return "", err
	}
}

// stateOf is the state that a modem gives as an error (TS 27.007 §9.2).
func stateOf(e *Error) PINState {
	switch {
	case e.Kind == "CME" && e.Code == 11, e.Kind == "CMS" && e.Code == 311:
		return PINWanted
	case e.Kind == "CME" && e.Code == 12, e.Kind == "CMS" && e.Code == 316:
		return PUKWanted
	case e.Kind == "CME" && e.Code == 5:
		return "PH-SIM PIN"
	}
	return PINState(e.Error())
}

// enterPIN tries the PIN once in a SIM's life: a wrong one that is tried at every
// start blocks the SIM within three.
func (s *session) enterPIN(ctx context.Context) error {
	pin := s.m.cfg.PIN
	if pin == "" {
		return s.held(PhasePIN, "The SIM wants a PIN and none is configured.")
	}
	if s.m.opt.TryPIN == nil || s.m.opt.PINTried == nil {
		return s.held(PhasePIN, "The SIM wants a PIN, and there is nothing to remember the attempt by.")
	}
	if err := s.readICCID(ctx); err != nil {
		return err
	}
	sim := s.sim()
	s.m.update(func(i *Info) { i.ICCID = s.id.iccid })
	tried, err := s.m.opt.PINTried(sim)
	if err != nil {
		return s.held(PhasePIN, fmt.Sprintf("The SIM wants a PIN, and it is not known whether it was tried: %v.", err))
	}
	if tried {
		return s.held(PhasePIN, "The SIM wants a PIN, and ours was tried once: it is not tried again."+s.byHand())
	}
	left, known, err := s.pinTries(ctx)
	if err != nil {
		return err
	}
	if known && left < fewestTries {
		return s.held(PhasePIN, fmt.Sprintf("The SIM wants a PIN and takes %d more tries: ours is not risked.", left)+s.byHand())
	}
	if err := s.m.opt.TryPIN(sim); err != nil {
		return s.held(PhasePIN, fmt.Sprintf("The SIM wants a PIN, and that it is tried cannot be stored: %v.", err))
	}
	if _, err := s.do(ctx, fmt.Sprintf(`AT+CPIN="%s"`, pin), simTimeout); err != nil {
		if fatal := s.fatal(err); fatal != nil {
			return fatal
		}
		if errors.Is(err, ErrTimeout) {
			return s.held(PhasePIN, "The modem did not say whether the PIN is right: it is not tried again."+s.byHand())
		}
		if isWrongPIN(err) && s.m.opt.PINRefused != nil {
			if err := s.m.opt.PINRefused(sim); err != nil {
				s.m.log.Error("that the PIN was wrong cannot be stored: it may be tried again once somebody has entered the right one", "err", err)
			}
		}
		return s.held(PhasePIN, fmt.Sprintf("The SIM refused the PIN: %v. It is not tried again.", err)+s.byHand())
	}
	return s.accepted(ctx, sim)
}

// sim is by what an attempt is remembered.
func (s *session) sim() string {
	if s.id.iccid == "" {
		return "imei-" + s.id.imei
	}
	return s.id.iccid
}

// byHand says how a person ends the wait for a PIN.
func (s *session) byHand() string {
	return fmt.Sprintf(` Correct pin in the configuration, then stop the daemon and enter the right one once by hand: smsbridge at %s, AT+CPIN="…".`, s.m.Info().Port)
}

// isWrongPIN tells that the SIM found a PIN wrong, or was blocked by it, from the
// refusals that say nothing of it (TS 27.007 §9.2.1).
func isWrongPIN(err error) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Kind == "CME" && (e.Code == 12 || e.Code == 16)
}

// recall has what is remembered of an attempt looked at, once the SIM is unlocked:
// perhaps somebody else did that, or we did and died. The IMSI proves it: it can be
// read only behind the PIN (TS 31.102 §4.2.2).
func (s *session) recall(context.Context) error {
	if s.m.cfg.PIN == "" || s.m.opt.PINReady == nil || s.id.imsi == "" {
		return nil
	}
	names := []string{"imei-" + s.id.imei} // its own may be secret, too, while it is locked
	if s.id.iccid != "" {
		names = append(names, s.id.iccid)
	}
	for _, sim := range names {
		if err := s.m.opt.PINReady(sim); err != nil {
			s.m.log.Error("what is remembered of the PIN cannot be looked at", "err", err)
		}
	}
	return nil
}

// accepted waits until the SIM is ready, which it is some seconds after its PIN.
func (s *session) accepted(ctx context.Context, sim string) error {
	if s.m.opt.PINAccepted != nil {
		if err := s.m.opt.PINAccepted(sim); err != nil {
			s.m.log.Error("that the PIN was right cannot be stored: it is not tried again", "err", err)
		}
	}
	limit := time.Now().Add(30 * time.Second)
	for {
		state, err := s.pinState(ctx)
		switch {
		case err != nil:
			return err
		case state == PINReady:
			return nil
		case time.Now().After(limit):
			return s.held(PhasePIN, fmt.Sprintf("The SIM took the PIN and is not ready: %q.", state))
		}
		if err := s.pause(ctx, time.Second); err != nil {
			return err
		}
	}
}

// pinTries asks how many tries are left, in the vendor's way and in that of TS
// 27.007 §8.65. Many a modem cannot say.
func (s *session) pinTries(ctx context.Context) (left int, known bool, err error) {
	for _, c := range []string{s.quirk.pinTries, `AT+CPINR="SIM PIN"`} {
		if c == "" {
			continue
		}
		name := strings.TrimRight(strings.SplitN(c[2:], "=", 2)[0], "?")
		lines, err := s.do(ctx, c, simTimeout, name+":")
		if err := s.tolerate(err); err != nil {
			return 0, false, err
		}
		for _, l := range lines {
			if n, ok := ParsePINTries(l); ok {
				return n, true, nil
			}
			if n, ok := retries(l, name); ok {
				return n, true, nil
			}
		}
	}
	return 0, false, nil
}

// retries reads "+CPINR: SIM PIN,3,3" and Cinterion's "^SPIC: 3".
func retries(line, name string) (int, bool) {
	rest, ok := payload(line, name)
	if !ok {
		return 0, false
	}
	list := fields(rest)
	if list[0].text == string(PINWanted) {
		list = list[1:]
	}
	return at(list, 0).number()
}
