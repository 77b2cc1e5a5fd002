package gsm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// deafLimit is how many sessions in a row may end with a modem that does not
// answer before its power is taken.
const deafLimit = 3

// bootTime is how long a modem may take to start: what it refuses or leaves unanswered
// meanwhile is no trouble.
const bootTime = 45 * time.Second

// errHeld ends a bring-up that a person has to help with.
var errHeld = errors.New("gsm: held")

// Run keeps the modem working until ctx ends: it opens the port, brings the modem
// up, works, and begins anew whenever that comes to an end. It calls h in order
// from its own goroutine, and never again once it has returned, which it does with
// nil, and with ErrBusy where another Run runs.
func (m *Modem) Run(ctx context.Context, h Handler) error {
	m.mu.Lock()
	if m.running {
		m.mu.Unlock()
		return ErrBusy
	}
	m.running = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running = false
		m.mu.Unlock()
	}()
	o := newOwner(m, h)
	delay := m.pace.reopen
	for deaf := 0; ctx.Err() == nil; {
		o.opened, o.worked = false, false
		err := o.connect(ctx)
		if ctx.Err() != nil {
			break
		}
		o.enter(PhaseAbsent, o.reason(err))
		if o.worked {
			delay, deaf = m.pace.reopen, 0
		}
		if o.opened && !o.boots() && (errors.Is(err, ErrTimeout) || errors.Is(err, ErrDeaf) || errors.Is(err, ErrStuck)) {
			if deaf++; deaf >= deafLimit && o.power(ctx) {
				delay, deaf = m.pace.reopen, 0
			}
		}
		if o.sleep(ctx, delay) {
			delay = m.pace.reopen
		} else {
			delay = min(2*delay, m.pace.slowest)
		}
	}
	o.enter(PhaseAbsent, "We do not use it.")
	return nil
}

// owner is what Run's goroutine keeps from one session to the next.
type owner struct {
	m      *Modem
	h      Handler
	slots  slots
	ladder ladder
	direct map[int]*direct // what was handed over and lies in no memory
	serial int             // of the last of them

	opened  bool      // there was a port
	worked  bool      // and the modem at it was brought up
	plugged string    // what there was when the port was last looked for
	booted  time.Time // until then the modem may still start
}

func newOwner(m *Modem, h Handler) *owner {
	return &owner{m: m, h: h, slots: slots{held: map[slot]*held{}}, direct: map[int]*direct{}}
}

// connect is one session: from opening the port to closing it.
func (o *owner) connect(ctx context.Context) error {
	port, name, err := o.open(ctx)
	if err != nil {
		return err
	}
	o.opened = true
	s := newSession(o, newChat(port, o.m.pace.quiet, o.m.opt.Trace))
	o.m.update(func(i *Info) {
		*i = Info{State: i.State, Since: i.Since, Resets: i.Resets, Timeouts: i.Timeouts, Lost: i.Lost, Errors: i.Errors, Port: name}
	})
	o.m.admit(true)
	err = s.run(ctx)
	o.m.admit(false)
	s.abandon()
	s.chat.close()
	return err
}

func (o *owner) open(ctx context.Context) (io.ReadWriteCloser, string, error) {
	if o.m.opt.Open != nil {
		return o.m.opt.Open(ctx)
	}
	o.plugged = o.m.finder.plugged()
	return o.m.finder.open(ctx)
}

// enter changes the state, and tells of it once.
func (o *owner) enter(p Phase, reason string) {
	s := State{p, reason}
	changed := false
	o.m.update(func(i *Info) {
		if changed = i.State != s; changed {
			if i.Phase != p {
				i.Since = time.Now()
			}
			i.State = s
		}
	})
	if changed {
		o.h.State(s)
	}
}

// boots reports whether a reset is so fresh that the modem may still start.
func (o *owner) boots() bool { return time.Now().Before(o.booted) }

// power uses the last resort, as often as it may be used, and reports whether it did.
func (o *owner) power(ctx context.Context) bool {
	if o.m.opt.Power == nil {
		return false
	}
	level, ok := o.ladder.climb(time.Now(), LevelPower, LevelPower)
	if !ok {
		return false
	}
	o.count(level)
	o.m.log.Warn("taking the modem's power", "modem", o.m.Info().Port)
	if err := o.m.opt.Power(ctx); err != nil {
		o.m.log.Error("the modem's power cannot be taken", "err", err)
	}
	o.booted = time.Now().Add(bootTime)
	return true
}

func (o *owner) count(level Level) {
	o.m.update(func(i *Info) { i.Resets[level]++ })
}

// reason says for people why there is no modem.
func (o *owner) reason(err error) string {
	if h := (*hindrance)(nil); errors.As(err, &h) {
		return h.reason
	}
	device := o.m.cfg.Device
	if errors.Is(err, ErrBusy) {
		if device != "" && device != DeviceAuto {
			if who := HeldBy(device); who != "" {
				return who + "."
			}
		}
		return "Another program uses the port, perhaps ModemManager."
	}
	switch {
	case !o.opened && errors.Is(err, os.ErrNotExist):
		return "Nothing is plugged in there."
	case !o.opened: // the search may have met several
		return fmt.Sprintf("There is no port: %s.", strings.ReplaceAll(err.Error(), "\n", "; "))
	case errors.Is(err, errReopen):
		return "The port is being opened anew."
	case errors.Is(err, ErrStuck):
		return "The modem takes nothing that is sent to it."
	case errors.Is(err, ErrDeaf), errors.Is(err, ErrTimeout):
		return "The modem does not answer."
	}
	return "The modem was unplugged, or has started anew."
}
