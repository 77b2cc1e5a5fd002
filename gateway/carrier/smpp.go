package carrier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

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

// SMPP is one account at an SMSC. It is a gateway.Carrier.
type SMPP struct {
	opt     SMPPOptions
	cfg     smpp.Config
	zone    *time.Location
	numbers map[string]string // digits of ours -> as configured
	format  format
	actions statusActions
	limit   *rate.Limiter
	metrics *smppMetrics
	hurry   chan struct{} // somebody wants a connection now

	mu      sync.Mutex
	outbox  []gateway.Submission // claimed, not yet given to the session
	link    *link                // nil while there is none
	resume  time.Time            // the SMSC asked for a pause until then
	senders senders
}

// NewSMPP makes an account. It connects when it is run.
func NewSMPP(opt SMPPOptions) (*SMPP, error) {
	cfg := opt.Config
	zone, err := time.LoadLocation(cfg.Timezone)
	if err != nil {
		return nil, fmt.Errorf("carrier %s: smpp.timezone: %w", opt.Name, err)
	}
	f, err := newFormat(&cfg)
	if err != nil {
		return nil, fmt.Errorf("carrier %s: smpp.%w", opt.Name, err)
	}
	actions, err := parseStatusActions(cfg.StatusActions)
	if err != nil {
		return nil, fmt.Errorf("carrier %s: smpp.%w", opt.Name, err)
	}
	if cfg.Binds > 1 {
		return nil, fmt.Errorf("carrier %s: this version has binds: 1 only", opt.Name)
	}
	if opt.Metrics == nil {
		opt.Metrics = prometheus.NewRegistry()
	}
	c := &SMPP{opt: opt, cfg: cfg, zone: zone, numbers: map[string]string{}, format: f, actions: actions, hurry: make(chan struct{}, 1),
		// A burst of a twentieth of a second keeps timers from deciding the rate.
		limit: rate.NewLimiter(rate.Limit(cfg.Rate), max(1, int(cfg.Rate/20)))}
	for _, n := range opt.Numbers {
		c.numbers[digitsOf(n.Value)] = n.Value
	}
	c.metrics = newSMPPMetrics(opt.Metrics, opt.Name, cfg.Window)
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

// Reconnect ends a wait for the next attempt, or the present connection.
func (c *SMPP) Reconnect() {
	select {
	case c.hurry <- struct{}{}:
	default:
	}
}

// Room implements gateway.Carrier: one window on the wire and one behind it.
func (c *SMPP) Room() (room, window int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.roomLocked(), c.cfg.Window
}

func (c *SMPP) roomLocked() int {
	if c.link == nil || c.link.closing {
		return 0
	}
	return max(0, 2*c.cfg.Window-len(c.outbox)-len(c.link.sent)+c.link.late)
}

// Submit implements gateway.Carrier.
func (c *SMPP) Submit(batch []gateway.Submission) int {
	c.mu.Lock()
	n := min(len(batch), c.roomLocked())
	c.outbox = append(c.outbox, batch[:n]...)
	l := c.link
	c.mu.Unlock()
	if n > 0 {
		l.wake()
	}
	return n
}

const (
	// stopTimeout is how long outstanding responses are waited for at the end;
	// unbinding takes another five seconds at most.
	stopTimeout     = 15 * time.Second
	alreadyBoundFor = 30 * time.Second
	refusedFor      = 5 * time.Minute
)

// Run implements gateway.Carrier.
func (c *SMPP) Run(ctx context.Context, out *gateway.Stream) error {
	state := reporter{out: out, metrics: c.metrics}
	state.report(gateway.CarrierConnecting, "")
	for failures := 0; ctx.Err() == nil; {
		host := c.cfg.Hosts[failures%len(c.cfg.Hosts)]
		l, err := c.connect(ctx, host, out)
		if err == nil {
			failures = 0
			c.mu.Lock()
			c.link = l
			c.mu.Unlock()
			state.report(gateway.CarrierUp, "")
			c.opt.Log.Info("bound", "host", host, "as", c.cfg.Bind, "smsc", l.transmitter.Peer().SystemID, "version", fmt.Sprintf("%#x", l.transmitter.Version()))
			err = c.serve(ctx, l)
			c.reconnected()
		}
		if ctx.Err() != nil {
			break
		}
		wait, refused := c.pause(err, failures)
		failures++
		if refused {
			state.report(gateway.CarrierRefused, fmt.Sprintf("the SMSC does not accept our system_id or password (%v); tried again every 3 to 5 minutes, for more could lock the account", err))
		} else {
			state.report(gateway.CarrierDown, err.Error())
		}
		c.wait(ctx, wait)
	}
	state.report(gateway.CarrierDown, "")
	return ctx.Err()
}

// reconnected forgets a wish that the connection's end has fulfilled.
func (c *SMPP) reconnected() {
	select {
	case <-c.hurry:
	default:
	}
}

// pause says how long to wait after a failure, and whether a person must act.
func (c *SMPP) pause(err error, failures int) (wait time.Duration, refused bool) {
	var bind *smpp.BindError
	if errors.As(err, &bind) {
		switch {
		case bind.Credentials():
			return jitter(refusedFor), true
		case bind.Status == smpp.ESME_RALYBND:
			return jitter(alreadyBoundFor), false
		}
	}
	wait = c.cfg.Reconnect.Min << min(failures, 20)
	if wait <= 0 || wait > c.cfg.Reconnect.Max {
		wait = c.cfg.Reconnect.Max
	}
	return jitter(wait), false
}

// jitter keeps many clients of one SMSC from coming back at once.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

func (c *SMPP) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-c.hurry:
	}
}

// serve sends over the link until it ends, and hands back what was not sent.
func (c *SMPP) serve(ctx context.Context, l *link) error {
	l.out.Grew()

	sendCtx, stopSending := context.WithCancel(ctx)
	var sender sync.WaitGroup
	sender.Go(func() { c.send(sendCtx, l) })
	asked := false
	select {
	case <-ctx.Done():
	case <-l.over:
	case <-c.hurry:
		asked = true
	}
	stopSending()
	sender.Wait()
	c.mu.Lock()
	l.closing = true
	left := c.outbox
	c.outbox = nil
	c.mu.Unlock()
	for _, s := range left {
		l.out.Put(unsent(s))
	}
	closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := l.close(closeCtx)
	c.mu.Lock()
	c.link = nil
	c.mu.Unlock()
	if asked {
		return errors.New("ended to connect anew, as somebody asked")
	}
	if err == nil {
		err = errors.New("the connection was ended")
	}
	return err
}

func unsent(s gateway.Submission) gateway.Report {
	return gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s.Segment, Attempt: s.Attempt, Outcome: gateway.OutcomeUnsent}
}

// send gives the session what waits, as the window and the rate allow.
func (c *SMPP) send(ctx context.Context, l *link) {
	for {
		s, pause, ok := c.next(l)
		switch {
		case pause > 0:
			timer := time.NewTimer(pause)
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			c.metrics.throttled.Add(pause.Seconds())
			continue
		case !ok:
			select {
			case <-ctx.Done():
				return
			case <-l.over:
				return
			case <-l.more:
			}
			continue
		}
		if c.limit.Wait(ctx) != nil || !c.submit(l, s) {
			l.out.Put(unsent(s))
			if ctx.Err() != nil {
				return
			}
		}
	}
}

// next takes the oldest submission if the window has a place for it. A pause is
// what is left of one that the SMSC asked for.
func (c *SMPP) next(l *link) (s gateway.Submission, pause time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.outbox) == 0 || l.transmitter.Free() <= 0 {
		return s, 0, false
	}
	if pause = time.Until(c.resume); pause > 0 {
		return s, pause, false
	}
	s = c.outbox[0]
	c.outbox[0] = gateway.Submission{}
	if c.outbox = c.outbox[1:]; len(c.outbox) == 0 {
		c.outbox = nil
	}
	return s, 0, true
}

func (c *SMPP) submit(l *link, s gateway.Submission) bool {
	m := l.composer.compose(&c.format, &s, l.transmitter.Version(), time.Now())
	c.mu.Lock()
	l.tag++
	tag := l.tag
	l.sent[tag] = flight{s.Segment, s.Attempt}
	c.metrics.inUse.Set(float64(len(l.sent) - l.late))
	c.mu.Unlock()
	if l.transmitter.TrySubmit(m, tag) {
		return true
	}
	c.mu.Lock()
	delete(l.sent, tag)
	c.mu.Unlock()
	return false
}
