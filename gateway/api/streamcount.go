package api

import (
	"sync"

	"smsbridge/gateway"
)

// streamCount counts the open streams.
type streamCount struct {
	mu  sync.Mutex
	all int
	of  map[gateway.ID]int
}

// begin makes room for one more of a caller's, until the function it returns is
// called; nil: there is none.
func (s *streamCount) begin(caller gateway.ID, most, mostOwn int) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= most || s.of[caller] >= mostOwn {
		return nil
	}
	if s.of == nil {
		s.of = map[gateway.ID]int{}
	}
	s.all++
	s.of[caller]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[caller]--; s.of[caller] == 0 {
			delete(s.of, caller)
		}
	}
}
