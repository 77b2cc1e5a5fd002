package carrier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
)

// GSMOptions says how a modem is used. All are required but Metrics.
type GSMOptions struct {
	Name    string
	Config  gsm.Config
	Number  gateway.Address // the SIM's
	Region  string          // of senders that come without a country code
	NewID   func() gateway.ID
	Store   *store.DB // for what a SIM has sent, and PINs that were tried
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// GSM is a modem and its SIM. It is a gateway.Carrier.
type GSM struct {
	opt     GSMOptions
	cfg     gsm.Config
	modem   *gsm.Modem
	sim     sim
	balance *regexp.Regexp
	metrics *gsmMetrics
	wake    chan struct{} // the sender looks again
	trace   tracer

	telling sync.Mutex // of the state, so that what is told last is so

	mu      sync.Mutex
	out     *gateway.Stream // of the present run
	session gateway.ID      // of the present run
	queue   []gateway.Submission
	busy    bool // one is with the modem
	state   gsm.State
	stopped bool // we have let go of the modem, which is no trouble
	told    condition
	rest    time.Time // nothing is sent before: the modem has to recover
	trouble trouble
	asked   balance
}

// gsmWindow is how many submissions are with a modem at once: it takes one.
const gsmWindow = 1

// powerWithin is how long the command that switches a modem off and on may take.
const powerWithin = 30 * time.Second

// NewGSM makes a modem's carrier. It opens nothing before it is run.
func NewGSM(opt GSMOptions) (*GSM, error) {
	g := &GSM{opt: opt, cfg: opt.Config, wake: make(chan struct{}, 1)}
	if opt.Metrics == nil {
		opt.Metrics = prometheus.NewRegistry()
	}
	if b := g.cfg.Balance; b != nil && b.Pattern != "" {
		var err error
		if g.balance, err = regexp.Compile(b.Pattern); err != nil {
			return nil, fmt.Errorf("carrier %s: gsm.balance.pattern: %w", opt.Name, err)
		}
	}
	g.sim = sim{db: opt.Store, limits: g.cfg.Limits}
	modem := gsm.Options{Log: opt.Log, PINTried: g.pinTried, TryPIN: g.tryPIN, PINAccepted: g.pinAccepted,
		PINRefused: g.pinRefused, PINReady: g.pinReady, Trace: g.trace.line, Routed: g.cfg.Routed}
	if len(g.cfg.Power) > 0 {
		modem.Power = g.power
	}
	g.modem = gsm.New(g.cfg, modem)
	g.metrics = newGSMMetrics(opt.Metrics, opt.Name, g)
	return g, nil
}

// power runs the configured command that switches the modem off and on.
func (g *GSM) power(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, powerWithin)
	defer cancel()
	if out, err := exec.CommandContext(ctx, g.cfg.Power[0], g.cfg.Power[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("power: %s: %w: %.200s", g.cfg.Power[0], err, out)
	}
	return nil
}

// Run keeps the modem working until ctx ends. What it holds then is reported
// unsent, unless the modem has it.
func (g *GSM) Run(ctx context.Context, out *gateway.Stream) error {
	g.mu.Lock()
	g.out, g.session, g.state = out, g.opt.NewID(), gsm.State{Phase: gsm.PhaseProbing}
	g.told, g.stopped = condition{state: gateway.CarrierConnecting}, false
	g.mu.Unlock()
	var all sync.WaitGroup
	sending, stopSending := context.WithCancel(ctx)
	driving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopDriving := func() {
		g.mu.Lock()
		g.stopped = true
		g.mu.Unlock()
		cancel()
	}
	all.Go(func() { g.sendLoop(sending) })
	if g.cfg.Balance != nil {
		all.Go(func() { g.pollBalance(sending) })
	}
	driven := make(chan error, 1)
	go func() { driven <- g.modem.Run(driving, handler{g}) }()
	<-ctx.Done()
	stopSending()
	// What the modem has is waited for, but a stop is not held up for the minutes
	// that a network may take: then it is uncertain.
	last := time.AfterFunc(stopWithin, stopDriving)
	all.Wait()
	last.Stop()
	stopDriving()
	err := <-driven
	g.giveBack()
	return err
}

// stopWithin is how long a stop waits for what the modem is sending.
const stopWithin = 12 * time.Second

// giveBack reports what was not begun.
func (g *GSM) giveBack() {
	g.mu.Lock()
	left := g.queue
	g.queue = nil
	g.mu.Unlock()
	for _, s := range left {
		g.out.Put(gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s.Segment, Attempt: s.Attempt, Outcome: gateway.OutcomeUnsent})
	}
}

// Submit implements gateway.Carrier.
func (g *GSM) Submit(all []gateway.Submission) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(all), g.roomLocked())
	g.queue = append(g.queue, all[:n]...)
	nudge(g.wake)
	return n
}

// Room implements gateway.Carrier.
func (g *GSM) Room() (room, window int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.roomLocked(), gsmWindow
}

// roomLocked keeps one behind the one that the modem has, unless that would have to
// wait for the SIM's limits: what waits here is in doubt if we are killed.
func (g *GSM) roomLocked() int {
	now := time.Now()
	if wait, _ := g.sim.wait(now); g.state.Phase != gsm.PhaseUp || wait > soonEnough || now.Before(g.rest) {
		return 0
	}
	held, most := len(g.queue), 2*gsmWindow
	if g.busy {
		held++
	}
	if g.sim.paced(now, len(g.queue)) {
		most = gsmWindow
	}
	return max(0, most-held)
}

// soonEnough is how long before it may be sent a text is taken.
const soonEnough = time.Second

// Format is how a modem takes texts.
func (g *GSM) Format() gateway.Format { return gateway.Format{} }

// Reconnect has the modem opened anew.
func (g *GSM) Reconnect() { g.modem.Reconnect() }

// Release ends a suspension of the SIM.
func (g *GSM) Release() {
	g.sim.release()
	g.grew() // and the sender tells of it: nothing here may wait for the stream
}

// Headroom is how many texts the SIM may send now before one of its limits.
func (g *GSM) Headroom() int { return g.sim.headroom(time.Now()) }

// Forms names a report's reference as the modem gave it.
func (g *GSM) Forms(reference string) []gateway.Form {
	return []gateway.Form{{Reference: reference, By: "raw"}}
}

// USSD sends a code of the network's, or an answer in the session that it began; ""
// ends that.
func (g *GSM) USSD(ctx context.Context, code string) (text string, more bool, err error) {
	var reply gsm.USSDReply
	if code == "" {
		err = g.modem.CancelUSSD(ctx)
	} else {
		reply, err = g.modem.USSD(ctx, code)
	}
	if err != nil {
		return "", false, &gateway.Refusal{Code: gateway.Conflict, Text: g.unanswered(err)}
	}
	return reply.Text, reply.More, nil
}

// unanswered says why a USSD code had no answer.
func (g *GSM) unanswered(err error) string {
	now := g.modem.Info().State
	switch {
	case errors.Is(err, gsm.ErrBusy):
		return "Another USSD request is under way at this modem: try again in a moment."
	case errors.Is(err, gsm.ErrNotReady) && now.Phase != gsm.PhaseUp:
		return "The modem is not ready: " + now.Reason
	case errors.Is(err, gsm.ErrNotReady):
		return "The modem has started anew meanwhile: try again."
	}
	return "The network did not answer: " + strings.TrimPrefix(err.Error(), "gsm: ") + "."
}

func (g *GSM) grew() {
	g.mu.Lock()
	out := g.out
	g.mu.Unlock()
	if out != nil {
		out.Grew()
	}
	nudge(g.wake)
}

// announce tells the stream of a changed state.
func (g *GSM) announce() {
	g.telling.Lock()
	defer g.telling.Unlock()
	g.mu.Lock()
	now := conditionOf(g.state)
	if why := g.sim.suspension(); why != "" && now.state == gateway.CarrierUp {
		now = condition{gateway.CarrierHeld, why}
	}
	if g.stopped {
		now = condition{state: gateway.CarrierDown}
	}
	changed, out := now != g.told, g.out
	g.told = now
	g.mu.Unlock()
	if changed && out != nil {
		out.Put(gateway.Report{Kind: gateway.ReportState, At: time.Now(), State: now.state, Text: now.text})
	}
}

// conditionOf is what a modem's phase is to a carrier.
func conditionOf(s gsm.State) condition {
	switch s.Phase {
	case gsm.PhaseUp:
		return condition{state: gateway.CarrierUp}
	case gsm.PhaseProbing, gsm.PhaseRegistering:
		return condition{gateway.CarrierConnecting, s.Reason}
	case gsm.PhasePIN, gsm.PhasePUK:
		return condition{gateway.CarrierRefused, s.Reason}
	}
	return condition{gateway.CarrierDown, s.Reason}
}
