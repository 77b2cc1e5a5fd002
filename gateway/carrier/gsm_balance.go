package carrier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"smsbridge/gsm"
)

// balance is what the network last said.
type balance struct {
	text string
	at   time.Time
}

const (
	balanceFirst = 10 * time.Second
	// balanceSoon is when a balance is asked for again, once, after a failure: the
	// network may charge for the code, or bar a SIM that sends it again and again.
	balanceSoon = 2 * time.Minute
	// balanceLater is when it is asked for again while the modem has no time for it.
	balanceLater = 30 * time.Second
)

var errNotUp = errors.New("the modem is not up")

// pollBalance asks the network for the SIM's balance now and then.
func (g *GSM) pollBalance(ctx context.Context) {
	pollBalance(ctx, g.cfg.Balance.Every, func() error {
		err := g.askBalance(ctx)
		if err != nil && ctx.Err() == nil && !postponed(err) {
			g.opt.Log.Warn("balance", "error", err)
		}
		return err
	})
}

func pollBalance(ctx context.Context, every time.Duration, ask func() error) {
	next := time.NewTimer(balanceFirst)
	defer next.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		again := every
		switch err := ask(); {
		case err == nil:
			failures = 0
		case postponed(err):
			again = min(again, balanceLater)
		default:
			if failures++; failures == 1 {
				again = min(again, balanceSoon)
			}
		}
		next.Reset(again)
	}
}

// postponed tells that nothing was asked yet: there is no network, or somebody else
// has the modem, who may be in a menu.
func postponed(err error) bool { return errors.Is(err, errNotUp) || errors.Is(err, gsm.ErrBusy) }

// askBalance asks once.
func (g *GSM) askBalance(ctx context.Context) error {
	g.mu.Lock()
	up := g.state.Phase == gsm.PhaseUp
	g.mu.Unlock()
	if !up {
		return errNotUp
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reply, err := g.modem.Ask(ctx, g.cfg.Balance.USSD)
	if err != nil {
		return err
	}
	text := reply.Text
	if g.balance != nil {
		found := g.balance.FindStringSubmatch(text)
		if found == nil {
			return fmt.Errorf("gsm.balance.pattern does not match the network's answer: %.160s", text)
		}
		text = found[min(1, len(found)-1)]
	}
	g.mu.Lock()
	g.asked = balance{text, time.Now()}
	g.mu.Unlock()
	return nil
}
