package smpp

import (
	"cmp"
	"slices"
	"time"
)

// keep watches the clock until the session ends, then waits for the others and
// settles what is left.
func (s *Session) keep() {
	period := min(max(min(s.cfg.ResponseTimeout, s.cfg.EnquireLink)/8, time.Millisecond), time.Second)
	tick := time.NewTicker(period)
	defer tick.Stop()
	var sent int
	var probed time.Duration
	var unbind Header // of the SMSC
	var drained <-chan struct{}
	var until time.Duration
	for {
		select {
		case <-tick.C:
		case unbind = <-s.asked:
			drained, until = s.drained, time.Since(s.began)+min(unbindGrace, s.cfg.ResponseTimeout)
			continue
		case <-drained:
			drained = nil
			s.reply(Header{CmdUnbindResp, ESME_ROK, unbind.Sequence}, ErrUnbound)
			continue
		case <-s.stop:
			s.workers.Wait()
			s.abandon()
			close(s.done)
			return
		}
		now, heard := time.Since(s.began), time.Duration(s.heard.Load())
		if s.expire(now) {
			s.end(ErrNoProgress)
			continue
		}
		if drained != nil && now >= until {
			drained = nil
			s.reply(Header{CmdUnbindResp, ESME_ROK, unbind.Sequence}, ErrUnbound)
			continue
		}
		if heard >= probed {
			sent = 0
		}
		switch {
		case sent == 0 && now-heard < s.cfg.EnquireLink, sent > 0 && now-probed < min(s.cfg.EnquireLink, s.cfg.ResponseTimeout):
		case sent == probes:
			s.end(ErrSilent)
		default:
			sent, probed = sent+1, now
			s.request(CmdEnquireLink, AppendHeader, nil)
		}
	}
}

// expire gives up waiting for responses. A submission stays known, so that its
// response still counts while the session lives. It reports whether none was
// answered for so long that none will be: for twice the response timeout, what was
// tried meanwhile included.
func (s *Session) expire(now time.Duration) (hopeless bool) {
	var expired []request
	s.mu.Lock()
	for seq, r := range s.requests {
		if r.late || now-r.at < s.cfg.ResponseTimeout {
			continue
		}
		if r.command != CmdSubmitSM {
			delete(s.requests, seq)
			r.failed(ErrUncertain)
			continue
		}
		expired = append(expired, r)
		r.late = true
		s.requests[seq] = r
		s.late = append(s.late, seq)
		s.releaseLocked()
	}
	s.stuck = s.waiting != never && now-s.waiting >= s.cfg.ResponseTimeout
	s.hopeless = s.waiting != never && now-s.waiting >= 2*s.cfg.ResponseTimeout && s.used == 0
	hopeless = s.hopeless
	for ; len(s.late) > maxLate; s.late = s.late[1:] {
		if s.requests[s.late[0]].late {
			delete(s.requests, s.late[0])
		}
	}
	s.mu.Unlock()
	s.report(expired, func(request) error { return ErrUncertain }, now)
	return hopeless
}

// abandon settles what has no response when the session has ended.
func (s *Session) abandon() {
	handed := s.handed
	if s.conn != s.raw {
		// TLS: octets of a failed Write may have gone out in a record.
		handed = s.attempted
	}
	fate := func(r request) error {
		if r.end > handed {
			return ErrUnsent
		}
		return ErrUncertain
	}
	var left []request
	s.mu.Lock()
	for _, r := range s.requests {
		switch {
		case r.command != CmdSubmitSM:
			r.failed(fate(r))
		case !r.late:
			left = append(left, r)
		}
	}
	s.requests = nil
	s.used = 0
	s.mu.Unlock()
	s.report(left, fate, time.Since(s.began))
}

// report gives results in the order of the submissions.
func (s *Session) report(requests []request, err func(request) error, now time.Duration) {
	if s.handler.Result == nil {
		return
	}
	slices.SortFunc(requests, func(a, b request) int { return cmp.Compare(a.end, b.end) })
	for _, r := range requests {
		s.handler.Result(Result{Tag: r.tag, Err: err(r), Elapsed: now - r.at})
	}
}
