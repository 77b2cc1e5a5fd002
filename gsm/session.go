package gsm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	shortTimeout = 5 * time.Second   // what the modem knows by itself
	simTimeout   = 20 * time.Second  // what it asks the SIM
	listTimeout  = 60 * time.Second  // a memory of a hundred messages at 9600 bits a second, and a slow SIM
	radioTimeout = 30 * time.Second  // +CFUN: it leaves the network first
	netTimeout   = 60 * time.Second  // what it asks the network
	sendTimeout  = 180 * time.Second // +CMGS: modems report a network's silence after two minutes and more
)

// session is a modem on one port, from its first AT until the port is closed. Its
// fields belong to Run's goroutine.
type session struct {
	*owner

	chat  *chat
	quirk quirk
	id    identity

	memories []string // to be swept
	reading  string   // the memory that AT+CPMS chose to read from; empty: whichever
	announce string   // what +CNMI is set to
	routed   bool     // messages come as +CMT, and are acknowledged
	ready    bool     // it is set up: memories are read and deleted from
	noCESQ   bool     // +CESQ is not understood

	due      due
	checked  time.Time // when the settings were last looked at
	suspect  bool      // the settings may be gone
	textMode bool      // a message was read in text mode
	fetch    []NewMessage
	acks     []func() // acknowledgements to be given, and what to call then, or nil
	handed   bool     // something was handed over since the settings were last looked at
	strict   bool     // what is handed over is to be acknowledged, whatever +CSMS says
	ringing  ringing
	dialogue *dialogue // the USSD that waits for the network
	// unanswered is until when the network waits for an answer; zero: it does not.
	unanswered time.Time
	circuits   RegistrationState
	packets    RegistrationState
	offline    time.Time // since when there is no network
	timeouts   int       // in a row
	failures   int       // of sends, in a row
	woe        *woe      // what is to be shaken off
	shaken     error     // the modem was reset: what is to be done
}

// due is when the next of each is to be done.
type due struct {
	sweep, health time.Time
}

func newSession(o *owner, c *chat) *session {
	return &session{owner: o, chat: c}
}

// run brings the modem up and works, again whenever it starts anew, until the port
// is of no more use.
func (s *session) run(ctx context.Context) error {
	for {
		err := s.bringUp(ctx)
		if err == nil {
			err = s.work(ctx, time.Time{})
		}
		s.ready = false
		wait := s.m.pace.recheck
		switch {
		case s.over(ctx, err) != nil:
			return s.over(ctx, err)
		case errors.Is(err, errAnew):
			wait = 0
		case errors.Is(err, ErrRestarted):
			s.m.log.Info("the modem started anew", "modem", s.id.label())
			s.enter(PhaseProbing, "The modem started anew.")
			wait = s.m.pace.settle
		case errors.Is(err, errHeld):
		default:
			s.enter(PhaseFailed, sentence(err))
			s.trouble(LevelRadio, err)
		}
		// Meanwhile the SIM may come, and calls are answered.
		err = s.work(ctx, time.Now().Add(wait))
		if s.over(ctx, err) != nil {
			return s.over(ctx, err)
		}
	}
}

// over is why the port is of no more use; nil while it is.
func (s *session) over(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case s.chat.broken != nil:
		return s.chat.broken
	case errors.Is(err, errReopen), errors.Is(err, errMute):
		return err
	}
	return nil
}

var (
	// errReopen ends a session so that the port is opened anew.
	errReopen = errors.New("gsm: to be opened anew")
	// errMute: nothing at the port answered AT.
	errMute = fmt.Errorf("%w to AT", ErrTimeout)
	// errAnew asks for a new bring-up: the modem has lost its settings.
	errAnew = fmt.Errorf("%w: its settings are gone", ErrRestarted)
)

// sentence is an error for people.
func sentence(err error) string {
	if refusal := (*Error)(nil); errors.As(err, &refusal) {
		return fmt.Sprintf("The modem refuses what it needs to do: %v.", err)
	}
	if errors.Is(err, ErrTimeout) {
		return fmt.Sprintf("The modem does not answer all that it is asked: %v.", err)
	}
	return fmt.Sprintf("The modem cannot be used: %v.", err)
}

// work does what comes up, until the modem or the port is of no more use, or, with
// an end, until then: it is brought up anew after that.
func (s *session) work(ctx context.Context, end time.Time) error {
	for {
		if err := s.attend(ctx); err != nil {
			return err
		}
		if !end.IsZero() && !time.Now().Before(end) {
			return nil
		}
		if s.ready {
			if err := s.periodic(ctx); err != nil {
				return err
			}
		}
		if len(s.chat.inbox) > 0 {
			continue
		}
		if err := s.idle(ctx, end); err != nil {
			return err
		}
	}
}

// idle waits for something to do.
func (s *session) idle(ctx context.Context, end time.Time) error {
	t := time.NewTimer(time.Until(s.nextDue(end)))
	defer t.Stop()
	select {
	case b, ok := <-s.chat.chunks:
		return s.chat.take(b, ok)
	case c := <-s.m.calls:
		c.run(ctx, s)
		return s.over(ctx, nil)
	case <-s.m.wake:
	case <-s.m.kick:
		return errReopen
	case <-t.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func (s *session) nextDue(end time.Time) time.Time {
	next := time.Now().Add(time.Hour)
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	earlier(end)
	earlier(s.ringing.deadline)
	if s.dialogue != nil {
		earlier(s.dialogue.deadline)
	}
	earlier(s.unanswered)
	if s.woe != nil || s.shaken != nil {
		return time.Now()
	}
	if s.ready {
		earlier(s.due.sweep)
		earlier(s.due.health)
	}
	return next
}

// periodic does what is due.
func (s *session) periodic(ctx context.Context) error {
	now := time.Now()
	if !now.Before(s.due.sweep) {
		if err := s.fatal(s.sweep(ctx)); err != nil {
			return err
		}
		s.due.sweep = time.Now().Add(s.m.pace.sweep)
	}
	if !now.Before(s.due.health) {
		s.due.health = now.Add(s.m.pace.health)
		if err := s.fatal(s.checkUp(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// fatal returns what ends the session's work, of an error that a command left
// behind: all others concern that command alone.
func (s *session) fatal(err error) error {
	switch {
	case err == nil:
		return nil
	case s.chat.broken != nil:
		return s.chat.broken
	case errors.Is(err, ErrRestarted), errors.Is(err, errReopen), errors.Is(err, errAnew),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return nil
}

// do runs a command and counts the silence of the modem.
func (s *session) do(ctx context.Context, text string, timeout time.Duration, prefixes ...string) ([]string, error) {
	return s.command(ctx, command{text: text, prefixes: prefixes, timeout: timeout})
}

func (s *session) command(ctx context.Context, cmd command) ([]string, error) {
	lines, err := s.chat.do(ctx, cmd)
	s.heard(err)
	return lines, err
}

// heard counts whether a command was answered.
func (s *session) heard(err error) {
	if errors.Is(err, ErrTimeout) {
		s.timeouts++
	} else {
		s.timeouts = 0
	}
	s.m.update(func(i *Info) {
		i.Errors, i.Lost = s.timeouts+s.failures, i.Lost+uint64(s.chat.lost)
		if s.timeouts > 0 {
			i.Timeouts++
		}
	})
	s.chat.lost = 0
}

// firstLine returns the first line of an answer.
func firstLine(lines []string, err error) (string, error) {
	if err == nil && len(lines) == 0 {
		return "", errEmpty
	}
	if err != nil {
		return "", err
	}
	return lines[0], nil
}

var errEmpty = errors.New("gsm: an answer without a line")

// pause waits, and listens meanwhile.
func (s *session) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case b, ok := <-s.chat.chunks:
			if err := s.chat.take(b, ok); err != nil {
				return err
			}
		case <-t.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
