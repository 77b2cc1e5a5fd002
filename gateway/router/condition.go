package router

import (
	"time"

	"smsbridge/gateway"
)

// condition is what a carrier's connection is like.
type condition struct {
	state gateway.CarrierState
	// since is when it came up, or when this trouble began: attempts to connect are
	// no end of it.
	since   time.Time
	trouble gateway.CarrierState // the last that was more than connecting, since it was up; otherwise connecting
	away    time.Time            // since when it has not worked; zero while it does
	text    string
}

// works tells whether it is up, or connecting for the first time.
func (c *condition) works() bool {
	return c.state == gateway.CarrierUp || c.state == gateway.CarrierConnecting && c.away.IsZero()
}

// next is the condition that a carrier reports after this one.
func (c *condition) next(r *gateway.Report, now time.Time) *condition {
	n := &condition{state: r.State, since: r.At, trouble: c.trouble, away: c.away, text: r.Text}
	up, wasUp, trying := r.State == gateway.CarrierUp, c.state == gateway.CarrierUp, r.State == gateway.CarrierConnecting
	switch {
	case up:
		n.trouble, n.away = gateway.CarrierConnecting, time.Time{}
	case !trying:
		n.trouble = r.State
	}
	if n.away.IsZero() && (wasUp || !trying) && !up {
		n.away = now
	}
	another := c.trouble != gateway.CarrierConnecting && n.trouble != c.trouble
	if up == wasUp && !another {
		n.since = c.since
	}
	return n
}

// changeState is called when the carrier's state is committed.
func (p *pump) changeState(now *condition) {
	was := p.state.Swap(now)
	if was.state == now.state && was.text == now.text {
		return
	}
	p.tell(now)
	p.kick()
}

// tell logs what differs from what was logged last: not each attempt. Connecting is
// the beginning of one, or the end of being up.
func (p *pump) tell(now *condition) {
	last := p.told
	attempt := now.state == gateway.CarrierConnecting && last.state != gateway.CarrierUp
	if attempt || last.state == now.state && last.text == now.text {
		return
	}
	p.told = *now
	switch now.state {
	case gateway.CarrierUp:
		switch {
		case now.text != "":
			p.log.Warn("carrier is up in part", "error", now.text)
		case last.state == gateway.CarrierUp:
			p.log.Info("carrier is up as a whole")
		default:
			p.log.Info("carrier is up")
		}
	case gateway.CarrierHeld:
		p.log.Error("carrier is held", "why", now.text)
	case gateway.CarrierDown:
		if now.text == "" {
			p.log.Info("carrier disconnected")
			break
		}
		fallthrough
	default:
		p.log.Warn("carrier is not connected", "state", now.state.String(), "error", now.text)
	}
}
