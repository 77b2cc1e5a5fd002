package carrier

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// SMPPOptions says how an SMPP account is used. All are required but Metrics.
type SMPPOptions struct {
	Name    string
	Config  smpp.Config
	Numbers []gateway.Address // ours on this account
	Region  string            // of senders that come without a country code
	NewID   func() gateway.ID // names sessions, never twice
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// SMPP is one account at an SMSC, with one or several binds. It is a
// gateway.Carrier.
type SMPP struct {
	opt      SMPPOptions
	cfg      smpp.Config
	zone     *time.Location
	numbers  map[string]string // digits of ours -> as configured
	format   format
	actions  statusActions
	metrics  *smppMetrics
	binds    []*bind
	attend   chan struct{} // the pace has changed: tend looks at it
	failBack time.Duration // between attempts to return to an earlier host
	senders  senders
	trace    atomic.Pointer[tracing] // nil: off

	isAlive func(gateway.ID) bool // alive, as every delivery has it

	telling sync.Mutex // one report of the state at a time
	told    condition

	mu    sync.Mutex
	out   *gateway.Stream // of the present run
	links []*link         // that are sent over, or may still bring results
	// sessions are all links that have not ended; nil while one is being made.
	sessions map[gateway.ID]*link
	homes    map[gateway.ID]*home
	pace     pace
	refused  time.Time // no bind tries before, as the SMSC did not accept who we are
}

// NewSMPP makes an account. It connects when it is run.
func NewSMPP(opt SMPPOptions) (*SMPP, error) {
	cfg := opt.Config
	wrong := func(err error) (*SMPP, error) { return nil, fmt.Errorf("carrier %s: smpp.%w", opt.Name, err) }
	zone, err := time.LoadLocation(cfg.Timezone)
	if err != nil {
		return wrong(fmt.Errorf("timezone: %w", err))
	}
	f, err := newFormat(&cfg)
	if err != nil {
		return wrong(err)
	}
	actions, err := parseStatusActions(cfg.StatusActions)
	if err != nil {
		return wrong(err)
	}
	if opt.Metrics == nil {
		opt.Metrics = prometheus.NewRegistry()
	}
	cfg.Window, cfg.Binds = max(1, cfg.Window), max(1, cfg.Binds)
	c := &SMPP{opt: opt, cfg: cfg, zone: zone, numbers: map[string]string{}, format: f, actions: actions, attend: make(chan struct{}, 1),
		failBack: failBackEvery, homes: map[gateway.ID]*home{}, sessions: map[gateway.ID]*link{}, pace: newPace(cfg.Rate, cfg.Window)}
	c.isAlive = c.alive
	for _, n := range opt.Numbers {
		c.numbers[digitsOf(n.Value)] = n.Value
	}
	c.metrics = newSMPPMetrics(opt.Metrics, opt.Name)
	c.metrics.showPace(&c.pace)
	for n := range cfg.Binds {
		c.binds = append(c.binds, newBind(c, n+1))
	}
	return c, nil
}

// Forms lists the ids that the SMSC may have given to what a receipt calls
// reference.
func (c *SMPP) Forms(reference string) []gateway.Form {
	var forms []gateway.Form
	for _, m := range smpp.MatchCandidates(reference, c.cfg.MessageID) {
		forms = append(forms, gateway.Form{Reference: m.ID, By: string(m.Form)})
	}
	return forms
}

// Reconnect ends all connections and waits, and has every bind begin anew with
// the first host.
func (c *SMPP) Reconnect() {
	c.mu.Lock()
	if !c.refused.IsZero() {
		c.refused = time.Now()
	}
	c.pace.release()
	c.mu.Unlock()
	nudge(c.attend)
	for _, b := range c.binds {
		nudge(b.hurry)
	}
}

// Release has a carrier that is held for lack of credit tried again at once.
func (c *SMPP) Release() {
	c.mu.Lock()
	c.pace.release()
	c.mu.Unlock()
	nudge(c.attend)
}

// nudge puts a word into a channel that has room for one.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Room implements gateway.Carrier: for each bind one window on the wire and one
// behind it.
func (c *SMPP) Room() (room, window int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roomLocked()
}

func (c *SMPP) roomLocked() (room, window int) {
	for _, l := range c.links {
		switch {
		case !l.ready:
		case l.doubtful(): // one at a time, to find out
			room += max(0, 1-len(l.outbox)-l.inFlight())
			window++
		default:
			room += c.roomOf(l)
			window += c.pace.window
		}
	}
	if window == 0 && c.cfg.Bind != smpp.BindReceiver {
		return 0, c.cfg.Window * c.cfg.Binds
	}
	if !c.pace.open() {
		room = 0
	}
	return max(0, room), max(1, window)
}

// Submit implements gateway.Carrier.
func (c *SMPP) Submit(batch []gateway.Submission) int {
	c.mu.Lock()
	room, _ := c.roomLocked()
	n := min(len(batch), room)
	now := time.Now()
	for i := range batch[:n] {
		c.assign(&batch[i], now)
	}
	for _, l := range c.links {
		if len(l.outbox) > 0 {
			nudge(l.more)
		}
	}
	c.mu.Unlock()
	return n
}

// Run implements gateway.Carrier.
func (c *SMPP) Run(ctx context.Context, out *gateway.Stream) error {
	c.out = out
	c.tell(condition{state: gateway.CarrierConnecting})
	var all sync.WaitGroup
	all.Go(func() { c.tend(ctx) })
	first := make(chan struct{})
	tried := sync.OnceFunc(func() { close(first) })
	for _, b := range c.binds {
		all.Go(func() { b.supervise(ctx, first, tried) })
	}
	all.Wait()
	c.tell(condition{state: gateway.CarrierDown})
	return ctx.Err()
}
