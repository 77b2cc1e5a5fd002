package carrier

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
)

const (
	// Refusals on the SIM's account, after which it is suspended: of the
	// subscription, and rejections that may mean that there is no credit.
	suspendAfter         = 3
	suspendAfterRejected = 5

	retryRejected = 15 * time.Second
	retryStorage  = 10 * time.Second
	retryOffline  = 5 * time.Second // a modem that fails at once fails again
	longestRest   = 5 * time.Minute

	// sameTolerated is how often in a row the modem may refuse one text on its own
	// account before that is taken for the text's: it was set up anew meanwhile.
	sameTolerated = 1
	// toldAfter is how often in a row it may refuse any before people are told.
	toldAfter = 2
)

// trouble is what the modem refuses to send on its own account, or its SIM's.
type trouble struct {
	segment gateway.ID // that was refused last
	same    int        // how often in a row
	all     int        // how often in a row it has refused whatever it was given
	why     string
}

// retryTemporary is how long after each attempt the network may be less busy.
var retryTemporary = [...]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute}

// sendLoop gives the modem one submission after the other, as the SIM's limits
// allow.
func (g *GSM) sendLoop(ctx context.Context) {
	for ctx.Err() == nil {
		pause := time.NewTimer(g.sendNext(ctx))
		select {
		case <-ctx.Done():
		case <-g.wake:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// sendNext sends what it may, and returns how long there is nothing to do unless
// it is woken.
func (g *GSM) sendNext(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		if err := g.sim.keep(ctx); err != nil {
			g.opt.Log.Error("SIM", "error", err)
		}
		g.announce()
		g.mu.Lock()
		ready := len(g.queue) > 0 && g.state.Phase == gsm.PhaseUp
		g.mu.Unlock()
		if !ready {
			return time.Hour
		}
		if wait, _ := g.sim.wait(time.Now()); wait > 0 {
			if wait > soonEnough {
				g.giveBack() // nobody shall wonder whether it was sent
			}
			return wait
		}
		if wait := g.resting(); wait > 0 {
			g.giveBack()
			return wait
		}
		g.mu.Lock()
		s := g.queue[0]
		g.queue, g.busy = g.queue[1:], true
		g.mu.Unlock()
		r := g.send(ctx, &s)
		g.mu.Lock()
		g.busy = false
		g.mu.Unlock()
		g.out.Put(r)
		g.out.Grew()
	}
	return 0
}

// send gives the modem one submission, and reports what became of it.
func (g *GSM) send(ctx context.Context, s *gateway.Submission) gateway.Report {
	now := time.Now()
	r := gateway.Report{Kind: gateway.ReportResult, At: now, Segment: s.Segment, Attempt: s.Attempt, Outcome: gateway.OutcomeUnsent}
	if !s.Expires.IsZero() && !s.Expires.After(now) {
		return r
	}
	if err := g.sim.count(context.WithoutCancel(ctx), now); err != nil {
		g.opt.Log.Error("what the SIM has sent cannot be recorded: it sends nothing", "error", err)
		r.RetryAfter = retryOffline
		return r
	}
	// What was begun is finished: Run ends the modem's session if that takes too long.
	reference, err := g.modem.Send(context.WithoutCancel(ctx), g.submit(s, now))
	r.At = time.Now()
	if err != nil {
		if offNetwork(err) {
			g.sim.uncount(now)
		}
		return g.refused(r, err)
	}
	g.sim.accepted()
	g.well()
	r.Outcome, r.Reference = gateway.OutcomeAccepted, g.reference(reference, s.To.Value)
	return r
}

func (g *GSM) submit(s *gateway.Submission, now time.Time) gsm.Submit {
	t := gsm.Submit{SMSC: g.cfg.SMSC, To: s.To.Value, UDH: s.UDH, Payload: s.Payload, Flash: s.Flash, Report: true, Validity: g.cfg.Validity}
	switch s.Encoding {
	case gateway.EncodingUCS2:
		t.Coding = gsm.UCS2
	case gateway.EncodingBinary:
		t.Coding = gsm.Binary
	}
	if left := s.Expires.Sub(now); !s.Expires.IsZero() && (t.Validity <= 0 || left < t.Validity) {
		t.Validity = left
	}
	return t
}

// reference names a segment that the network took, as its report will: by SIM,
// TP-MR and recipient (3GPP TS 23.040 §9.2.3.6, which leaves that to us). TP-MR
// wraps around; the newest segment that has the name is meant.
func (g *GSM) reference(mr uint8, to string) string {
	return fmt.Sprintf("%s/%d/%s", g.modem.Info().ICCID, mr, lastDigits(to))
}

// lastDigits are what a number has in common with itself as networks write it.
func lastDigits(number string) string {
	digits := strings.TrimLeft(number, "+0")
	return digits[max(0, len(digits)-9):]
}

// refused says what a failure of the modem's means for a submission.
func (g *GSM) refused(r gateway.Report, err error) gateway.Report {
	var e *gsm.SendError
	if !errors.As(err, &e) {
		// The modem was not there, or is not any more before anything was written.
		r.RetryAfter = time.Second
		return r
	}
	r.Text = e.Err.Error()
	var said *gsm.Error
	if errors.As(err, &said) && said.Code >= 0 {
		r.Code = fmt.Sprintf("%s %d", said.Kind, said.Code)
	}
	if e.Class == gsm.Duplicate { // the network has it already: never again
		r.Outcome = gateway.OutcomeAccepted
		return r
	}
	if !e.Certain {
		r.Outcome = gateway.OutcomeUncertain
		return r
	}
	retry := func(limit int, after time.Duration) {
		r.Outcome, r.Limit, r.RetryAfter = gateway.OutcomeRetry, limit, after
	}
	switch e.Class {
	case gsm.Recipient, gsm.OurPDU:
		r.Outcome = gateway.OutcomeRejected
	case gsm.Subscription:
		retry(2, retryRejected)
		g.suspect(suspendAfter, r.Code)
	case gsm.Rejected:
		retry(2, retryRejected)
		g.suspect(suspendAfterRejected, r.Code)
	case gsm.Temporary:
		retry(len(retryTemporary)+1, retryTemporary[min(max(r.Attempt, 1), len(retryTemporary))-1])
	case gsm.Storage:
		retry(0, retryStorage)
	default:
		if g.refusesThis(r.Segment, e) { // others shall not wait for it
			retry(len(retryTemporary)+1, retryTemporary[min(max(r.Attempt, 1), len(retryTemporary))-1])
			break
		}
		r.Outcome, r.RetryAfter = gateway.OutcomeThrottled, g.recovers() // which is no attempt
	}
	return r
}

// offNetwork tells an error at which the network was certainly not asked: what
// was not sent is not counted.
func offNetwork(err error) bool {
	e := (*gsm.SendError)(nil)
	if !errors.As(err, &e) || !e.Certain {
		return false
	}
	switch e.Class {
	case gsm.Recipient, gsm.Subscription, gsm.Rejected, gsm.Temporary, gsm.OurPDU:
		return false
	}
	return true
}

// refusesThis notes that the modem has refused a segment on its own account, and
// tells whether that is for the segment alone, as far as can be known. Without a
// service centre or a network it sends nothing at all.
func (g *GSM) refusesThis(segment gateway.ID, e *gsm.SendError) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := &g.trouble
	if t.segment != segment {
		t.segment, t.same = segment, 0
	}
	t.same++
	if t.all++; t.all == toldAfter {
		t.why = "The modem refuses to send: " + e.Err.Error() + "."
		if e.Class == gsm.SMSC {
			t.why = "The SIM has no service centre, or a wrong one: write smsc with the network's number into the modem's configuration."
		}
		g.opt.Log.Warn("modem sends nothing", "error", t.why)
	}
	return t.same > sameTolerated && e.Class != gsm.SMSC && e.Class != gsm.Network
}

// well forgets what the modem has refused: it has sent something.
func (g *GSM) well() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trouble = trouble{}
}

// recovers has nothing sent until the modem has had time to recover, longer each
// time, and tells how long. One that has gone needs no such rest: it is not up
// until it is back.
func (g *GSM) recovers() time.Duration {
	if g.modem.Info().Phase != gsm.PhaseUp {
		return time.Second
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	pause := min(retryOffline<<min(g.trouble.all-1, 10), longestRest)
	g.rest = time.Now().Add(pause)
	return pause
}

// resting is how long nothing is to be sent yet.
func (g *GSM) resting() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.rest))
}

// suspect counts a refusal on the SIM's account.
func (g *GSM) suspect(limit int, code string) {
	if g.sim.refused(limit, code) {
		g.opt.Log.Error("SIM suspended", "code", code)
		g.giveBack()
		g.announce()
	}
}
