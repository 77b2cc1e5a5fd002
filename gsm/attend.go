package gsm

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The names of what lies in no memory, as a settlement has them.
const (
	routedMemory = "+CMT"
	reportMemory = "+CDS"
)

// maxFetch bounds the announcements that wait to be read. A sweep finds the rest.
const maxFetch = 256

// direct is what the modem handed us without storing it.
type direct struct {
	pdu    string
	length int
	memory string
	again  bool // it was not committed
}

// attend does what came up since the last time.
func (s *session) attend(ctx context.Context) error {
	if err := s.over(ctx, nil); err != nil {
		return err
	}
	if err := s.shaken; err != nil {
		s.shaken = nil
		return err
	}
	for {
		n, ok := s.chat.next()
		if !ok {
			break
		}
		if err := s.dispatch(ctx, n); err != nil {
			return err
		}
	}
	s.settleAll()
	if w := s.woe; w != nil {
		s.woe = nil
		if err := s.relieve(ctx, w); err != nil {
			return err
		}
	}
	if err := s.timers(ctx); err != nil || !s.ready {
		return err
	}
	for _, work := range []func(context.Context) error{s.acknowledge, s.fetchAll, s.deleteAll} {
		if err := s.fatal(work(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// timers ends what waited for long enough.
func (s *session) timers(ctx context.Context) error {
	now := time.Now()
	if d := s.ringing.deadline; !d.IsZero() && !now.Before(d) {
		if err := s.tell(ctx, ""); err != nil {
			return err
		}
	}
	if s.dialogue != nil && !now.Before(s.dialogue.deadline) {
		s.dialogue.finish(USSDReply{}, ErrTimeout)
		s.dialogue = nil
		return s.fatal(s.cancelUSSD(ctx, nil))
	}
	if !s.unanswered.IsZero() && !now.Before(s.unanswered) && s.dialogue == nil {
		return s.fatal(s.cancelUSSD(ctx, nil))
	}
	return nil
}

// dispatch acts on a line that came unasked. An error ends what the session is
// at.
func (s *session) dispatch(ctx context.Context, n notice) error {
	switch EventOf(n.line) {
	case EventStored:
		if m, ok := ParseNewMessage(n.line); ok && len(s.fetch) < maxFetch {
			s.fetch = append(s.fetch, m)
		} else {
			s.due.sweep = time.Now()
		}
	case EventRouted:
		s.receive(n)
	case EventRegistration:
		if r, ok := ParseRegistration(n.line); ok && s.ready {
			s.registration(r)
		}
	case EventPIN:
		if state, _ := ParsePIN(n.line); s.ready || state == PINReady {
			return errAnew // it lost the SIM, or has it back: either way its settings are in doubt
		}
	case EventSIM:
		s.doubt()
	case EventCall:
		return s.rings(ctx, n.line)
	case EventUSSD:
		s.answered(n.line)
	case EventRestarted, EventPowerDown:
		return ErrRestarted
	case EventReady:
		s.due.sweep = time.Now()
	case EventFull:
		s.m.log.Warn("the modem says that a memory is full", "modem", s.id.label())
		s.due.sweep = time.Now()
	case EventNoise:
		if isBoot(n.line) {
			s.doubt()
		}
	}
	return nil
}

// isBoot tells a line that some of Huawei's modems write when they start, and
// others every few seconds (gammu #4): it is no proof of a restart.
func isBoot(line string) bool {
	_, ok := payload(line, "^BOOT")
	return ok
}

// doubtPeriod bounds how often doubts about the settings are looked into.
const doubtPeriod = 20 * time.Second

// doubt has the settings looked at soon.
func (s *session) doubt() {
	s.suspect = true
	if soon := s.checked.Add(doubtPeriod); soon.Before(s.due.health) {
		s.due.health = soon
	}
}

// receive takes a message or report that is handed over and stored nowhere.
func (s *session) receive(n notice) {
	r, ok := ParseRouted(n.line)
	if !ok {
		return // a broadcast
	}
	d := &direct{pdu: n.pdu, length: r.Length, memory: routedMemory}
	if r.Report {
		d.memory = reportMemory
	}
	if !isHex(d.pdu) { // lost or garbled: then a person sees all there is
		d.pdu = strings.TrimSuffix(n.line+"\n"+n.pdu, "\n")
	}
	if len(s.direct) >= maxHeld {
		s.m.log.Error("too much is handed over and not settled", "modem", s.id.label())
		return
	}
	s.handed = true
	s.serial++
	s.direct[s.serial] = d
	s.handOver(d.pdu, d.length, slot{d.memory, s.serial})
}

// settleAll takes what the owner said of what it was given.
func (s *session) settleAll() {
	for _, x := range s.m.takeSettled() {
		if x.slot.memory != routedMemory && x.slot.memory != reportMemory {
			s.slots.settle(x)
			continue
		}
		d := s.direct[x.slot.index]
		switch {
		case d == nil || d.pdu != x.raw: // of an earlier Run
		case x.committed:
			delete(s.direct, x.slot.index)
			if s.routed || s.strict {
				s.acks = append(s.acks, x.gone)
			} else if x.gone != nil {
				x.gone()
			}
		case s.routed: // the network keeps it
			delete(s.direct, x.slot.index)
		default:
			d.again = true
		}
	}
}

// offerAgain hands over what was not committed and lies nowhere but here.
func (s *session) offerAgain() {
	for serial, d := range s.direct {
		if d.again {
			d.again = false
			s.handOver(d.pdu, d.length, slot{d.memory, serial})
		}
	}
}

// acknowledge tells the network that what was routed to us is committed (TS 27.005
// §3.4.4). The network sends one at a time.
func (s *session) acknowledge(ctx context.Context) error {
	for len(s.acks) > 0 {
		gone := s.acks[0]
		s.acks = s.acks[1:]
		ending, cancel := beyond(ctx)
		_, err := s.do(ending, "AT+CNMA", shortTimeout)
		cancel()
		if err == nil && gone != nil {
			gone()
		}
		if s.fatal(err) != nil {
			return err
		}
		if e := (*Error)(nil); errors.As(err, &e) && e.Class() == Routing {
			s.doubt() // it stopped to hand messages over
		}
	}
	return nil
}
