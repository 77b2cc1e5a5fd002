package carrier

import (
	"context"
	"errors"
	"time"

	"smsbridge/gateway"
	"smsbridge/smpp"
)

// Cancel asks the SMSC to forget a text that it accepted as reference (SMPP 3.4
// §4.9), and returns the command_status that it answers; ok says that it has. The
// error is that no bind could ask, or that no answer came: until ctx ends, or the
// response timeout.
func (c *SMPP) Cancel(ctx context.Context, reference string, from, to gateway.Address) (status string, ok bool, err error) {
	request := smpp.CancelRequest{MessageID: reference, Source: c.format.address(from, c.format.e164), Dest: c.format.address(to, c.format.destination)}
	err = errors.New("no bind of the carrier can ask at present")
	for _, s := range c.transmitters() {
		var answer smpp.Status
		if answer, err = s.Cancel(ctx, &request); err == nil {
			return answer.String(), answer == smpp.ESME_ROK, nil
		}
		if !errors.Is(err, smpp.ErrUnsent) {
			break
		}
	}
	return "", false, err
}

// transmitters are the sessions by which something can be asked.
func (c *SMPP) transmitters() []*smpp.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*smpp.Session
	for _, l := range c.links {
		if l.ready {
			all = append(all, l.transmitter)
		}
	}
	return all
}

// tracing is who sees the PDUs, and until when.
type tracing struct {
	until time.Time
	sink  func(bind int, outgoing bool, line string)
}

// Trace shows sink each PDU of all binds, bound now or later, as a line of text
// without passwords, until then. It replaces what was set before; a nil sink ends
// it. sink is called from several goroutines at once, and must not block.
func (c *SMPP) Trace(until time.Time, sink func(bind int, outgoing bool, line string)) {
	if sink == nil {
		c.trace.Store(nil)
		return
	}
	c.trace.Store(&tracing{until, sink})
}

func (c *SMPP) traced(bind int, outgoing bool, pdu []byte) {
	t := c.trace.Load()
	if t == nil {
		return
	}
	if !time.Now().Before(t.until) {
		c.trace.CompareAndSwap(t, nil)
		return
	}
	t.sink(bind, outgoing, smpp.Describe(pdu))
}
