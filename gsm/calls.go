package gsm

import (
	"context"
	"time"
)

const (
	clipWait = 2 * time.Second  // from RING to the number of who rings
	ringGap  = 10 * time.Second // without a RING, the next one is another call
)

// ringing is an incoming call.
type ringing struct {
	last     time.Time // when it last rang
	told     bool
	from     string
	deadline time.Time // when it is told of without a number
}

// rings takes a line about a call.
func (s *session) rings(ctx context.Context, line string) error {
	r := &s.ringing
	now := time.Now()
	if isCallResult(line) {
		*r = ringing{}
		return nil
	}
	from, named := ParseCaller(line)
	if now.Sub(r.last) > ringGap || named && r.told && from != r.from {
		*r = ringing{}
	}
	r.last = now
	switch {
	case r.told:
		return nil
	case named:
		return s.tell(ctx, from)
	case r.deadline.IsZero():
		r.deadline = now.Add(clipWait)
	}
	return nil
}

// tell tells of a call, and hangs up if calls are not wanted: +CHUP hangs up
// voice calls (TS 27.007 §6.5), which ATH does on older modems.
func (s *session) tell(ctx context.Context, from string) error {
	s.ringing.told, s.ringing.from, s.ringing.deadline = true, from, time.Time{}
	s.h.Call(from)
	if !s.m.cfg.RejectCalls {
		return nil
	}
	for _, c := range []string{"AT+CHUP", "ATH"} {
		_, err := s.command(ctx, command{text: c, call: true, timeout: shortTimeout})
		if err == nil || s.fatal(err) != nil {
			return s.fatal(err)
		}
	}
	return nil
}
