package gsm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// portPatience is how long a port has to answer AT, and greeting of that the first
	// AT: one that learns its speed from those letters, or is in the middle of a PDU,
	// drops it.
	portPatience = 2 * time.Second
	greeting     = 700 * time.Millisecond
	// probeLimit bounds all questions to one modem.
	probeLimit = 12 * time.Second
	// probeQuiet is shorter than that of a session: who looks around is in a hurry,
	// and what is garbled is only shown.
	probeQuiet = 100 * time.Millisecond
)

// Found is who answers AT at a port. What the modem does not say is empty.
type Found struct {
	Port                          string
	Vendor, Model, Revision, IMEI string
	SIM                           PINState // READY, SIM PIN and so on, or what it says instead
	ICCID                         string
	Number                        string // that the SIM names as its own, as it is written there
	Operator                      string
	Signal                        Signal
	Registration                  RegistrationState
}

// Probe asks who is at a port: the modem, its SIM and its network. It enters no PIN
// and leaves all settings as they were. A port that somebody has open is not asked:
// ErrBusy, with who that is. One that says nothing within two seconds is ErrTimeout.
func Probe(ctx context.Context, path string) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	s, err := approach(ctx, path, "AT")
	if err != nil {
		return Found{}, err
	}
	defer s.chat.close()
	restore := s.numberErrors(ctx)
	defer restore()
	f := Found{Port: path}
	for _, step := range []func(context.Context) error{
		s.identify,
		func(ctx context.Context) error { f.SIM = s.simState(ctx); return ctx.Err() },
		s.readICCID, s.ownNumber, s.look,
	} {
		if step(ctx) != nil {
			break // what is known is worth having
		}
	}
	i := s.m.Info()
	f.Vendor, f.Model, f.Revision, f.IMEI, f.ICCID, f.Number = i.Vendor, i.Model, i.Revision, i.IMEI, s.id.iccid, i.Number
	f.Operator, f.Signal, f.Registration = i.Operator, i.Signal, i.Registration
	return f, nil
}

// approach opens a port that nobody else has and finds out whether it answers hello.
func approach(ctx context.Context, path, hello string) (*session, error) {
	if who := HeldBy(path); who != "" {
		return nil, &hindrance{who, ErrBusy}
	}
	p, err := OpenPort(ctx, path, 0)
	if errors.Is(err, ErrBusy) {
		return nil, &hindrance{refusedBy(path), ErrBusy}
	}
	if err != nil {
		return nil, err
	}
	s := newSession(newOwner(New(Defaults(), Options{}), nowhere{}), newChat(p, probeQuiet, nil))
	if err := s.chat.greet(ctx, hello); err != nil {
		s.chat.close()
		if ctx.Err() == nil {
			err = &hindrance{"does not answer AT", ErrTimeout}
		}
		return nil, err
	}
	return s, nil
}

// greet finds out within portPatience whether a modem answers, and gets into step
// with it.
func (c *chat) greet(ctx context.Context, hello string) error {
	ctx, cancel := context.WithTimeout(ctx, portPatience)
	defer cancel()
	first, done := context.WithTimeout(ctx, greeting)
	_, err := c.ask(first, hello)
	done()
	if err != nil && c.broken != nil {
		return err
	}
	c.dirty = true // which OK it was nobody knows
	return c.ready(ctx)
}

// numberErrors has a modem say what it refuses a command for, where it did not, and
// returns what undoes that (TS 27.007 §9.1).
func (s *session) numberErrors(ctx context.Context) (restore func()) {
	line, err := firstLine(s.do(ctx, "AT+CMEE?", shortTimeout, "+CMEE:"))
	if rest, ok := payload(line, "+CMEE"); err != nil || !ok || fields(rest)[0].text != "0" {
		return func() {}
	}
	if _, err := s.do(ctx, "AT+CMEE=1", shortTimeout); err != nil {
		return func() {}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), portPatience)
		defer cancel()
		_, _ = s.do(ctx, "AT+CMEE=0", portPatience)
	}
}

// simState asks once what the SIM wants.
func (s *session) simState(ctx context.Context) PINState {
	lines, err := s.command(ctx, command{text: "AT+CPIN?", free: true, prefixes: []string{"+CPIN:"}, timeout: shortTimeout})
	line, err := firstLine(lines, err)
	if refusal := (*Error)(nil); errors.As(err, &refusal) {
		return stateOf(refusal)
	}
	state, _ := ParsePIN(line)
	return state
}

// ownNumber asks the SIM for its number, which many a SIM does not know.
func (s *session) ownNumber(ctx context.Context) error {
	line, err := firstLine(s.do(ctx, "AT+CNUM", simTimeout, "+CNUM:"))
	if err == nil {
		number, _ := ParseOwnNumber(line)
		s.m.update(func(i *Info) { i.Number = number })
	}
	return s.tolerate(err)
}

// look asks for the network of a modem that is not brought up.
func (s *session) look(ctx context.Context) error {
	s.offline, s.checked = time.Now(), time.Now()
	return s.checkUp(ctx)
}

// imeiAt asks the modem at a port for its IMEI, and nothing else.
func imeiAt(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	s, err := approach(ctx, path, "ATQ0V1") // a program may have switched results off
	if err != nil {
		return "", err
	}
	defer s.chat.close()
	line, err := s.value(ctx, "AT+CGSN", "+CGSN")
	if err != nil {
		return "", err
	}
	imei, _ := ParseIMEI(line)
	return imei, nil
}

// hindrance is why a port is not used, in words for people.
type hindrance struct {
	reason string
	err    error // may be nil
}

func (h *hindrance) Error() string { return h.reason }
func (h *hindrance) Unwrap() error { return h.err }

func hindered(format string, args ...any) error {
	return &hindrance{reason: fmt.Sprintf(format, args...)}
}

// nowhere hears nothing.
type nowhere struct{}

func (nowhere) State(State)               {}
func (nowhere) Message(Incoming)          {}
func (nowhere) Report(Report, func(bool)) {}
func (nowhere) Call(string)               {}
