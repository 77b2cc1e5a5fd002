package smpp

import (
	"fmt"
	"time"
)

const (
	// maxOut bounds what waits to be written: far more than a window and the
	// answers to what one read can bring.
	maxOut = 4 << 20
	// maxSpare is the largest buffer that is kept for the next write.
	maxSpare = 256 << 10
	// writeTimeout bounds a Write at most; the response timeout may be shorter.
	writeTimeout = 30 * time.Second
)

// sendLocked takes the octets to be written with PDUs appended to them. They go
// out at the next flush.
func (s *Session) sendLocked(out []byte) {
	s.queued += uint64(len(out) - len(s.out))
	s.out = out
}

// flush wakes the writer.
func (s *Session) flush() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// reply answers the peer without a body. The session ends when too many answers
// wait for a peer that does not read them, and, with final, once the answer is
// written.
func (s *Session) reply(h Header, final error) {
	s.mu.Lock()
	stalled := len(s.out) > maxOut
	if !s.ended && !stalled && s.final == nil {
		if h.Command == CmdDeliverSMResp || h.Command == CmdDataSMResp {
			s.sendLocked(AppendResponse(s.out, h, nil))
		} else {
			s.sendLocked(AppendHeader(s.out, h))
		}
		if final != nil {
			s.final, s.draining = final, true
		}
	}
	s.mu.Unlock()
	if stalled {
		s.end(ErrStalled)
		return
	}
	s.flush()
}

// write writes what waits, all of it at once, until the session ends.
func (s *Session) write() {
	defer s.workers.Done()
	var spare []byte
	for {
		select {
		case <-s.wake:
		case <-s.stop:
			return
		}
		s.mu.Lock()
		batch, written, final := s.out, s.written, s.final
		s.out, s.written = spare[:0], nil
		s.mu.Unlock()
		if len(batch) > 0 {
			if err := s.writeBatch(batch); err != nil {
				s.end(fmt.Errorf("smpp: write: %w", err))
				return
			}
		}
		for _, f := range written {
			f()
		}
		if final != nil {
			s.end(final)
			return
		}
		if spare = batch; cap(spare) > maxSpare {
			spare = nil
		}
	}
}

func (s *Session) writeBatch(batch []byte) error {
	s.handler.trace(true, batch)
	if err := s.conn.SetWriteDeadline(time.Now().Add(min(writeTimeout, s.cfg.ResponseTimeout))); err != nil {
		return err
	}
	s.attempted += uint64(len(batch))
	n, err := s.conn.Write(batch)
	s.handed += uint64(n)
	return err
}
