package carrier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
)

// handler is what a modem tells of. It calls one method at a time.
type handler struct{ g *GSM }

// State implements gsm.Handler.
func (h handler) State(s gsm.State) {
	g := h.g
	if s.Phase == gsm.PhaseUp || s.Phase == gsm.PhaseRegistering {
		if err := g.sim.load(context.Background(), simOf(g.modem.Info())); err != nil {
			g.opt.Log.Error("SIM", "error", err)
			s = gsm.State{Phase: gsm.PhaseFailed, Reason: err.Error()}
			g.modem.Reconnect() // it will say again that it is up
		}
	}
	g.mu.Lock()
	up := s.Phase == gsm.PhaseUp && g.state.Phase != gsm.PhaseUp
	g.state = s
	if up {
		g.trouble, g.rest = trouble{}, time.Time{}
	}
	g.mu.Unlock()
	g.metrics.show(s)
	g.announce()
	if up {
		g.grew()
	} else if s.Phase != gsm.PhaseUp {
		g.giveBack()
	}
}

// Message implements gsm.Handler: a text, or what cannot be read as one, goes on
// the stream, and is deleted from the modem after it is committed. What does not
// find room is found again by the modem's next sweep.
//
// The modem has handed it over once in this run. What lies in a later run where one
// lay that was committed, is equal to it, time stamp and all, and was not known to be
// deleted, is the same (router.Line.Redelivers). Two that lie in storage at once are
// two.
func (h handler) Message(in gsm.Incoming) {
	g := h.g
	now := time.Now()
	r := gateway.Report{Kind: gateway.ReportInbound, At: now, Ack: func(status gateway.AckStatus, _ bool, deleted func()) {
		if status == gateway.AckOK {
			in.Delete(deleted)
		} else {
			in.Done(false)
		}
	}}
	if in.Err != nil {
		r.Kind, r.Text = gateway.ReportBroken, in.Err.Error()
		r.Inbound = &gateway.Inbound{Raw: in.Raw, At: now}
	} else {
		r.Inbound = g.inbound(in.Deliver, now)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %s", in.Memory, in.Index, in.Raw))
	r.Inbound.Session, r.Inbound.Fingerprint = g.session, [16]byte(sum[:16])
	if !g.out.Offer(r) {
		in.Done(false)
	}
}

func (g *GSM) inbound(d *gsm.Deliver, now time.Time) *gateway.Inbound {
	in := &gateway.Inbound{From: g.address(d.From), To: g.opt.Number.Value, Payload: d.Data, Raw: d.Raw, At: now,
		Shift: gateway.Shift{Locking: d.Header.Locking, Single: d.Header.Single}}
	switch d.Coding {
	case gsm.UCS2:
		in.Coding = gateway.CodingUCS2
	case gsm.Binary:
		in.Coding = gateway.CodingBinary
	}
	if d.Header.HasPorts {
		in.Port = d.Header.DestPort
	}
	if c := d.Header.Concat; c != nil && c.Total > 1 {
		in.Fragment = &gateway.Fragment{Reference: c.Reference, Wide: c.Wide, Total: c.Total, Number: c.Number}
	}
	return in
}

func (g *GSM) address(a gsm.Address) gateway.Address {
	return gateway.ClassifyInbound(a.Digits, a.TON, a.NPI, g.opt.Region)
}

var gsmTicks = map[string]gateway.Tick{"sent": gateway.TickSent, "delivered": gateway.TickDelivered, "failed": gateway.TickFailed,
	"expired": gateway.TickExpired, "unknown": gateway.TickUnknown}

// Report implements gsm.Handler.
func (h handler) Report(report gsm.Report, done func(bool)) {
	g := h.g
	status := gsm.StatusOf(report.Status)
	to := g.address(report.To)
	r := gateway.Report{Kind: gateway.ReportReceipt, At: time.Now(), Ack: func(status gateway.AckStatus, _ bool, _ func()) { done(status == gateway.AckOK) },
		Receipt: &gateway.Receipt{Reference: g.reference(report.Reference, report.To.Digits), Tick: gsmTicks[status.Tick],
			Word: strings.ToUpper(status.Tick), Err: fmt.Sprintf("%02X", report.Status), Intermediate: status.Tick == "sent",
			Peer: to, DoneAt: report.DoneAt, At: time.Now(), Raw: strings.ToUpper(hex.EncodeToString(report.Raw)), Meaning: status.Text}}
	if !g.out.Offer(r) {
		done(false)
	}
}

// Call implements gsm.Handler.
func (h handler) Call(from string) {
	g := h.g
	ton := uint8(0)
	if strings.HasPrefix(from, "+") {
		ton = 1
	}
	g.out.Offer(gateway.Report{Kind: gateway.ReportCall, At: time.Now(), // one that finds no room is not worth waiting for
		Inbound: &gateway.Inbound{From: g.address(gsm.Address{Digits: from, TON: ton}), To: g.opt.Number.Value, At: time.Now()}})
}
