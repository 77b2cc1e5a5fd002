package smpp

import "time"

// request is one of ours that waits for its response.
type request struct {
	command CommandID
	late    bool
	tag     uint64
	replies chan<- reply  // of cancel_sm and query_sm; has room for one
	at      time.Duration // since began
	end     uint64        // of its octets in the stream
}

// Free returns how many submissions TrySubmit would take now: one at a time while
// the session goes towards ErrNoProgress, to find out whether it must.
func (s *Session) Free() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.freeLocked()
}

// Stuck reports whether the session goes towards ErrNoProgress.
func (s *Session) Stuck() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stuck
}

func (s *Session) freeLocked() int {
	switch {
	case s.draining || s.ended || s.hopeless || s.cfg.Bind == BindReceiver:
		return 0
	case s.stuck:
		return max(0, 1-s.used)
	}
	return s.cfg.Window - s.used
}

// TrySubmit sends m as submit_sm, and says so; the Result carries tag. It takes
// nothing when Free is zero. It never blocks and keeps nothing of m. Bound as 3.3
// it leaves the optional parameters out, and never takes a text above
// MaxShortMessage octets, which has no other place.
func (s *Session) TrySubmit(m *ShortMessage, tag uint64) bool {
	if s.cfg.InterfaceVersion == Version33 {
		if m = withoutTLVs(m); len(m.Message) > MaxShortMessage {
			return false
		}
	}
	s.mu.Lock()
	if s.freeLocked() <= 0 {
		s.mu.Unlock()
		return false
	}
	s.used++
	seq := s.nextLocked()
	s.sendLocked(AppendShortMessage(s.out, Header{CmdSubmitSM, ESME_ROK, seq}, m))
	now := time.Since(s.began)
	s.requests[seq] = request{command: CmdSubmitSM, tag: tag, at: now, end: s.queued}
	if s.waiting == never {
		s.waiting = now
	}
	s.mu.Unlock()
	s.flush()
	return true
}

// withoutTLVs is m with all its text in short_message.
func withoutTLVs(m *ShortMessage) *ShortMessage {
	plain := *m
	if len(m.Message) == 0 {
		plain.Message, _ = m.TLVs.Get(TagMessagePayload)
	}
	plain.TLVs = nil
	return &plain
}

// nextLocked returns a sequence_number that is not in use (SMPP 3.4 §3.2).
func (s *Session) nextLocked() uint32 {
	for {
		s.sequence = s.sequence%0x7FFFFFFF + 1
		if _, taken := s.requests[s.sequence]; !taken {
			return s.sequence
		}
	}
}

// settle takes the request that a response of this command answers.
func (s *Session) settle(h Header) (request, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.requests[h.Sequence]
	if !ok || (h.Command != r.command.Response() && h.Command != CmdGenericNack) {
		return request{}, false
	}
	delete(s.requests, h.Sequence)
	if r.command == CmdSubmitSM {
		if !r.late {
			s.releaseLocked()
		}
		s.progressLocked()
	}
	return r, true
}

// progressLocked notes that a submission was answered.
func (s *Session) progressLocked() {
	s.stuck, s.waiting = false, never
	if s.used > 0 {
		s.waiting = time.Duration(s.heard.Load())
	}
}

// releaseLocked frees a slot of the window.
func (s *Session) releaseLocked() {
	s.used--
	s.signalLocked()
}

// signalLocked tells Close that nothing is outstanding, or owed.
func (s *Session) signalLocked() {
	if s.draining && s.used == 0 {
		closeOnce(s.drained)
	}
	if s.deaf && s.owed == 0 {
		closeOnce(s.settled)
	}
}

// closeOnce closes a channel that is only closed by it, under one mutex.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}
