package gsm

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// Options are what a modem's owner gives it. The zero value of each field but Log
// is useful.
type Options struct {
	Log *slog.Logger // nil: nothing is logged
	// Open opens the port, and names it. Closing what it returns must end a pending
	// Read and Write. Nil: the port of Config.Device or Config.IMEI.
	Open func(ctx context.Context) (io.ReadWriteCloser, string, error)
	// PINTried and TryPIN are the memory of the one attempt that a SIM's PIN is
	// given. TryPIN is called before the attempt, and what it was told must be stored
	// when it returns. A SIM whose number cannot be read goes by its modem, as
	// "imei-" and the IMEI. Without PINTried and TryPIN no PIN is tried.
	PINTried func(iccid string) (bool, error)
	TryPIN   func(iccid string) error
	// PINAccepted, unless nil, is called when the PIN was right: the attempt may be
	// forgotten, so that the SIM can be unlocked again when it next loses its power.
	PINAccepted func(iccid string) error
	// PINRefused, unless nil, is called when the SIM said that the PIN is wrong.
	PINRefused func(iccid string) error
	// PINReady, unless nil, is called where a PIN is configured and the SIM is unlocked,
	// by whomever: it has all its tries again. An attempt whose outcome is not known,
	// or with another PIN than is configured now, may be forgotten.
	PINReady func(iccid string) error
	// Trace sees every line, in either direction, PINs masked, from Run's goroutine.
	Trace func(out bool, line string)
	// Power takes the power from the modem and gives it back, or resets its USB
	// device. Nil: that cannot be done.
	Power func(ctx context.Context) error
	// Routed has messages routed to us and not stored (+CMT), where the modem lets us
	// acknowledge them. One that comes while we are down, or that we do not
	// acknowledge in time, comes again when the network pleases.
	Routed bool
}

// Modem is a modem with its SIM. All methods may be called from any goroutine.
type Modem struct {
	cfg  Config
	opt  Options
	log  *slog.Logger
	pace pace
	// finder opens the port where nobody else does.
	finder finder

	calls chan call     // for the session; its capacity bounds them
	wake  chan struct{} // settled is not empty
	kick  chan struct{} // somebody wants the port opened now

	mu       sync.Mutex
	running  bool
	open     bool // a session takes calls
	sending  bool // a Send has the modem
	dialling bool // a USSD has it
	info     Info
	settled  []settlement
}

// pace is how often things are done; tests are in more of a hurry.
type pace struct {
	sweep   time.Duration // between two looks into the memories
	health  time.Duration // between two looks at signal, network and settings
	recheck time.Duration // of what a person has to mend: SIM, PIN
	reopen  time.Duration // the first wait before a port is opened again, doubled up to
	slowest time.Duration
	settle  time.Duration // after a restart, until the modem is asked anything
	quiet   time.Duration // a silence after which a modem is not in the middle of a line
}

var usualPace = pace{
	sweep: 45 * time.Second, health: 30 * time.Second, recheck: 30 * time.Second,
	reopen: time.Second, slowest: 30 * time.Second, settle: 3 * time.Second, quiet: 300 * time.Millisecond,
}

// call is what another goroutine wants of the session: exactly one of its
// functions is called.
type call struct {
	run    func(ctx context.Context, s *session)
	refuse func(error)
}

// New makes a modem that does nothing until Run.
func New(cfg Config, opt Options) *Modem {
	m := &Modem{
		cfg: cfg, opt: opt, log: opt.Log, pace: usualPace, finder: finder{"/", cfg, imeiAt},
		calls: make(chan call, 8), wake: make(chan struct{}, 1), kick: make(chan struct{}, 1),
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	m.info.Since = time.Now()
	m.info.Resets = map[Level]uint64{}
	return m
}

// Info returns what is known now.
func (m *Modem) Info() Info {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.info
	i.Memories, i.Resets = slices.Clone(i.Memories), maps.Clone(i.Resets)
	return i
}

// Room is how many Sends would be taken now: 1, or 0 while there is no network or
// another is under way.
func (m *Modem) Room() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open && !m.sending && m.info.Phase == PhaseUp {
		return 1
	}
	return 0
}

// Reconnect closes the port, if it is open, once what is being done is done, and
// opens it without delay.
func (m *Modem) Reconnect() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// Reset shakes the modem as hard as level says, whatever was done before. It
// returns when that is done, not when the modem works again.
func (m *Modem) Reset(ctx context.Context, level Level) error {
	done := make(chan error, 1)
	err := m.enqueue(call{
		run:    func(ctx context.Context, s *session) { done <- s.shake(ctx, level) },
		refuse: func(err error) { done <- err },
	})
	if err != nil && level == LevelPower && m.opt.Power != nil && errors.Is(err, ErrNotReady) {
		return m.opt.Power(ctx) // there is nobody to ask, and perhaps that is why
	}
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enqueue gives a call to the session: ErrNotReady where there is none, ErrBusy
// where it has too many.
func (m *Modem) enqueue(c call) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.enqueueLocked(c)
}

func (m *Modem) enqueueLocked(c call) error {
	if !m.open {
		return ErrNotReady
	}
	select {
	case m.calls <- c:
		return nil
	default:
		return ErrBusy
	}
}

// admit says whether calls are taken. Those that wait when that ends are refused.
func (m *Modem) admit(open bool) {
	m.mu.Lock()
	m.open = open
	m.mu.Unlock()
	for !open {
		select {
		case c := <-m.calls: // nobody adds any more
			c.refuse(ErrNotReady)
		default:
			return
		}
	}
}

// update changes what is known.
func (m *Modem) update(change func(*Info)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.info)
}

// settlement is what an owner said of something it was given.
type settlement struct {
	slot      slot
	raw       string
	committed bool
	gone      func() // to be called when it is deleted; may be nil
}

// settle returns the function that an owner ends a message or a report with.
func (m *Modem) settle(at slot, raw string) func(committed bool, gone func()) {
	var once sync.Once
	return func(committed bool, gone func()) {
		once.Do(func() {
			m.mu.Lock()
			m.settled = append(m.settled, settlement{at, raw, committed, gone}) // no more than were handed over
			m.mu.Unlock()
			select {
			case m.wake <- struct{}{}:
			default:
			}
		})
	}
}

// takeSettled returns what was settled since.
func (m *Modem) takeSettled() []settlement {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.settled
	m.settled = nil
	return s
}
