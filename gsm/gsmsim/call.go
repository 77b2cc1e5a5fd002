package gsmsim

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// ringEvery is how often a call rings.
const ringEvery = 3 * time.Second

// CallEnd is how a call ended.
type CallEnd int

const (
	CallFailed     CallEnd = iota // there was nobody to ring
	CallRejected                  // hung up on: ATH, +CHUP
	CallAnswered                  // ATA
	CallUnanswered                // the caller gave up
)

// String is a word for it.
func (e CallEnd) String() string {
	return [...]string{"failed", "rejected", "answered", "unanswered"}[e]
}

type call struct {
	from  string
	ended chan CallEnd // of one element
}

// Call rings the modem of a number until the call is answered or rejected, or the
// caller gives up with ctx.
func (n *Network) Call(ctx context.Context, from, to string) (CallEnd, error) {
	n.mu.Lock()
	var m *Modem
	if l := n.lines[to]; l != nil {
		m = l.modem
	}
	n.mu.Unlock()
	if m == nil {
		return CallFailed, ErrNoNumber
	}
	m.mu.Lock()
	if !m.registered() || m.call != nil {
		m.mu.Unlock()
		return CallFailed, nil
	}
	c := &call{from: from, ended: make(chan CallEnd, 1)}
	m.call = c
	m.ring(c)
	m.mu.Unlock()
	select {
	case end := <-c.ended:
		return end, nil
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call == c {
		m.endCall(CallUnanswered)
		m.urc(finalNoCarrier)
	}
	return <-c.ended, nil
}

// ring says so, again and again. mu is held.
func (m *Modem) ring(c *call) {
	if m.call != c {
		return
	}
	if m.told.crc {
		m.urc("+CRING: VOICE")
	} else {
		m.urc("RING")
	}
	if m.told.clip {
		m.urc(fmt.Sprintf(`+CLIP: "%s",%d,,,,0`, c.from, toa(c.from)))
	}
	m.later(ringEvery, func() { m.ring(c) })
}

// endCall ends the call there is. mu is held.
func (m *Modem) endCall(end CallEnd) {
	if m.call != nil {
		m.call.ended <- end
		m.call = nil
	}
}

func doHangUp(m *Modem, p *port, c command) answer {
	m.endCall(CallRejected)
	return ok()
}

func doAnswerCall(m *Modem, p *port, c command) answer {
	if m.call == nil {
		return answer{final: finalNoCarrier}
	}
	m.endCall(CallAnswered)
	return ok()
}

// doDial reaches nobody, but for service codes.
func doDial(m *Modem, p *port, c command) answer {
	if code := strings.TrimSuffix(c.args, ";"); strings.HasPrefix(code, "*") || strings.HasPrefix(code, "#") {
		return m.dialCode(code)
	}
	return answer{final: finalNoCarrier}
}

func doCLIP(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CLIP: (0,1)")
	case opGet:
		return ok("+CLIP: " + map[bool]string{true: "1,1", false: "0,1"}[m.told.clip])
	}
	m.told.clip = c.arg(0) == "1"
	return ok()
}

func doCRC(m *Modem, p *port, c command) answer {
	switch c.op {
	case opTest:
		return ok("+CRC: (0,1)")
	case opGet:
		return ok("+CRC: " + map[bool]string{true: "1", false: "0"}[m.told.crc])
	}
	m.told.crc = c.arg(0) == "1"
	return ok()
}
