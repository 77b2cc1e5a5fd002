package carrier

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"smsbridge/gateway"
)

// condition is the state of the whole carrier, and why it is no better.
type condition struct {
	state gateway.CarrierState
	text  string
}

// BindStatus is one bind as people see it.
type BindStatus struct {
	Bind          int // from 1
	Host          string
	Mode          string
	State         string // "connecting", "up", "down", "auth_failed"
	Since         time.Time
	Error         string // why it is not up
	Window, InUse int
	SMSC, Version string // as the SMSC says at the bind; empty where it does not, or while it is not up
}

// Status is what is known of a carrier beside its state.
type Status struct {
	Binds       []BindStatus
	Rate        float64   // submissions a second at present; 0: not limited
	PausedUntil time.Time // the carrier wants nothing before; zero: there is no pause
	HeldUntil   time.Time // it is held for lack of credit until then, or until it is released; zero: it is not
	Reason      string    // of the pause, the hold, or the lower rate
}

// Status returns the present state of the binds and of the pace.
func (c *SMPP) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{PausedUntil: c.pace.until, HeldUntil: c.pace.heldUntil, Reason: c.pace.why}
	if c.pace.limited() {
		s.Rate = c.pace.rate
	}
	if !s.HeldUntil.IsZero() {
		s.Reason = c.pace.heldWhy
	}
	for _, b := range c.binds {
		one := BindStatus{Bind: b.number, Host: b.host, Mode: string(c.cfg.Bind), State: bindStates[b.state], Since: b.since, Error: b.problem,
			Window: c.pace.window}
		if l := b.link; l != nil {
			one.InUse, one.SMSC, one.Version = l.inFlight(), valid(l.peer), l.version()
		}
		s.Binds = append(s.Binds, one)
	}
	return s
}

// bindStates are the words for the state of a bind: a carrier's states, with a
// refusal called what it is.
var bindStates = map[gateway.CarrierState]string{
	gateway.CarrierConnecting: "connecting", gateway.CarrierUp: "up", gateway.CarrierDown: "down", gateway.CarrierRefused: "auth_failed",
}

// conditionLocked folds the binds into the state of the carrier. It is up with
// one bind that is.
func (c *SMPP) conditionLocked() condition {
	now := condition{state: gateway.CarrierConnecting}
	rank := map[gateway.CarrierState]int{gateway.CarrierConnecting: 0, gateway.CarrierDown: 1, gateway.CarrierRefused: 2, gateway.CarrierUp: 3}
	for _, b := range c.binds {
		if rank[b.state] > rank[now.state] {
			now.state = b.state
		}
	}
	now.text = problems(c.binds)
	if now.state == gateway.CarrierUp && !c.pace.heldUntil.IsZero() {
		return condition{gateway.CarrierHeld, c.pace.heldWhy}
	}
	return now
}

// problems says what is wrong with binds, and with which of them. What is wrong with
// all of them needs no number.
func problems(binds []*bind) string {
	var texts []string
	numbers := map[string][]string{}
	for _, b := range binds {
		if b.problem == "" {
			continue
		}
		if numbers[b.problem] == nil {
			texts = append(texts, b.problem)
		}
		numbers[b.problem] = append(numbers[b.problem], strconv.Itoa(b.number))
	}
	for i, text := range texts {
		if n := numbers[text]; len(n) < len(binds) {
			texts[i] = "bind " + strings.Join(n, ", ") + ": " + text
		}
	}
	return strings.Join(texts, "; ")
}

// announce tells the stream of a changed state. It is called without the
// account's mutex.
func (c *SMPP) announce() {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	now := c.conditionLocked()
	c.mu.Unlock()
	if now != c.told {
		c.put(now)
	}
}

// tell reports a state that does not come from the binds.
func (c *SMPP) tell(now condition) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.put(now)
}

func (c *SMPP) put(now condition) {
	c.told = now
	c.out.Put(gateway.Report{Kind: gateway.ReportState, At: time.Now(), State: now.state, Text: now.text})
}

// setState changes the state of one bind.
func (b *bind) setState(state gateway.CarrierState, problem string) {
	b.c.mu.Lock()
	if b.state != state {
		b.state, b.since = state, time.Now()
		b.metrics.changes.Inc()
		b.metrics.show(state)
	}
	b.problem = problem
	b.c.mu.Unlock()
	b.c.announce()
}

// versionText writes an interface_version as people do (SMPP 3.4 §5.2.4).
func versionText(v uint8) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d", v>>4, v&0xF)
}
