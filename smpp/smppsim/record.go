package smppsim

import (
	"context"
	"slices"
	"time"

	"smsbridge/smpp"
)

// Stats counts since the start, but for the last two. "Inbound" are texts for the
// ESME; each part counts.
type Stats struct {
	Connections      uint64 `json:"connections"`
	Binds            uint64 `json:"binds"`
	BindFailures     uint64 `json:"bind_failures"`
	Submits          uint64 `json:"submits"`   // that came
	Accepted         uint64 `json:"accepted"`  // have an id
	Responses        uint64 `json:"responses"` // to submits
	Throttled        uint64 `json:"throttled"`
	Refused          uint64 `json:"refused"`  // with another error than throttling
	Silent           uint64 `json:"silent"`   // accepted and never answered
	Dropped          uint64 `json:"dropped"`  // connections, as the script said
	Messages         uint64 `json:"messages"` // whole texts
	ReceiptsSent     uint64 `json:"receipts_sent"`
	ReceiptsAcked    uint64 `json:"receipts_acked"`
	ReceiptsRefused  uint64 `json:"receipts_refused"` // with an error that is not temporary
	InboundSent      uint64 `json:"inbound_sent"`
	InboundAcked     uint64 `json:"inbound_acked"`
	InboundRefused   uint64 `json:"inbound_refused"`
	Redelivered      uint64 `json:"redelivered"`    // unanswered when a connection ended
	Retried          uint64 `json:"retried"`        // answered with a temporary error
	Oddities         uint64 `json:"oddities"`       // sent, as the script said or by SendRaw
	OddityAnswers    uint64 `json:"oddity_answers"` // to those of Oddities
	Queries          uint64 `json:"queries"`        // query_sm
	Cancels          uint64 `json:"cancels"`        // cancel_sm
	Cancelled        uint64 `json:"cancelled"`      // messages, by cancel_sm
	EnquireLinks     uint64 `json:"enquire_links"`
	EnquireLinksSent uint64 `json:"enquire_links_sent"`
	ProtocolErrors   uint64 `json:"protocol_errors"` // PDUs that cannot be read, or answer nothing
	Bound            int    `json:"bound"`           // connections now
	Owed             int    `json:"owed"`            // receipts and texts, not yet settled, now
}

// Submit is one accepted submit_sm or data_sm.
type Submit struct {
	Account, ID string
	Connection  uint64 // by which it came, numbered from 1
	From, To    string // with "+" where the type of number is international
	// Text is the whole text, on the submit that completed it, and empty on the
	// other parts of a longer one.
	Text  string
	Parts int // of the whole text
	Time  time.Time
	PDU   smpp.ShortMessage
	Data  bool // it was a data_sm
}

// Message is a whole text, all its parts accepted.
type Message struct {
	Account string    `json:"account"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Text    string    `json:"text"` // empty where the octets are no text
	IDs     []string  `json:"ids"`  // one a part, in the order of the parts
	Payload []byte    `json:"-"`    // of all parts, without headers
	Time    time.Time `json:"time"`
}

// Stats returns the counters.
func (s *SMSC) Stats() Stats {
	s.lock()
	defer s.unlock()
	return s.statsLocked()
}

func (s *SMSC) statsLocked() Stats {
	stats := s.stats
	for _, a := range s.accounts {
		stats.Bound += a.bound()
		stats.Owed += a.owed
	}
	return stats
}

// Await waits until the counters satisfy ok, which calls nothing of s, and returns
// them. Its error is that of ctx, or ErrClosed.
func (s *SMSC) Await(ctx context.Context, ok func(Stats) bool) (Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		stats := s.statsLocked()
		if ok(stats) {
			return stats, nil
		}
		if s.closed {
			return stats, ErrClosed
		}
		s.waiting++
		changed := s.changed
		s.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		s.waiting--
		if err != nil {
			return stats, err
		}
	}
}

// Submits returns the newest accepted submits, oldest first.
func (s *SMSC) Submits() []Submit {
	s.lock()
	defer s.unlock()
	return s.submits.all()
}

// Messages returns the newest whole texts, oldest first.
func (s *SMSC) Messages() []Message {
	s.lock()
	defer s.unlock()
	return s.messages.all()
}

// ring keeps the newest values.
type ring[T any] struct {
	values []T
	size   int
	next   int
}

func newRing[T any](size int) ring[T] { return ring[T]{size: size} }

func (r *ring[T]) add(v T) {
	if len(r.values) < r.size {
		r.values = append(r.values, v)
		return
	}
	r.values[r.next] = v
	r.next = (r.next + 1) % r.size
}

// oldest is what the next add pushes out, where the ring is full.
func (r *ring[T]) oldest() (v T, full bool) {
	if len(r.values) < r.size {
		return v, false
	}
	return r.values[r.next], true
}

func (r *ring[T]) all() []T {
	return slices.Concat(r.values[r.next:], r.values[:r.next])
}
