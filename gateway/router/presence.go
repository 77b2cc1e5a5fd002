package router

import (
	"sync"
	"time"

	"smsbridge/gateway"
)

// Availability is whether a person can be given work.
type Availability string

const (
	Available Availability = "available"
	Away      Availability = "away"    // they say so
	Offline   Availability = "offline" // their connection is lost
)

// offlineAfter is how long somebody may have no event stream open and ask for
// nothing before they count as offline: a page that is loaded again, or a train
// in a tunnel, is not somebody who has left.
const offlineAfter = time.Minute

// presence knows who of the people is connected to this process.
type presence struct {
	mu    sync.Mutex
	began time.Time
	seen  map[gateway.ID]*seen
}

type seen struct {
	streams int
	last    time.Time // that they asked for something, or a stream ended
}

func newPresence() *presence { return &presence{began: time.Now(), seen: map[gateway.ID]*seen{}} }

func (p *presence) of(person gateway.ID) *seen {
	s := p.seen[person]
	if s == nil {
		s = &seen{}
		p.seen[person] = s
	}
	return s
}

// since returns since when the person is connected or not. Who has not been seen
// yet may be about to connect again after a restart.
func (p *presence) since(person gateway.ID, now time.Time) (online bool, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen[person]
	if s == nil {
		return false, p.began
	}
	return s.streams > 0 || now.Sub(s.last) < offlineAfter, s.last
}

// Seen notes that a person asked for something.
func (r *Router) Seen(person gateway.ID) {
	now := time.Now()
	r.presence.mu.Lock()
	defer r.presence.mu.Unlock()
	r.presence.of(person).last = now
}

// Connected notes that a person has an event stream open, until the function it
// returns is called.
func (r *Router) Connected(person gateway.ID) (ended func()) {
	r.presence.mu.Lock()
	defer r.presence.mu.Unlock()
	r.presence.of(person).streams++
	return func() {
		now := time.Now()
		r.presence.mu.Lock()
		defer r.presence.mu.Unlock()
		s := r.presence.of(person)
		s.streams--
		s.last = now
	}
}

// Availability tells whether a person can be given work, and since when that is
// so. Somebody whose browser takes messages while no page is open is not offline.
func (r *Router) Availability(person gateway.ID) (Availability, time.Time) {
	cur := r.dir.current.Load()
	p, ok := cur.people[person]
	switch {
	case !ok || !p.DisabledAt.IsZero():
		return Offline, p.DisabledAt
	case p.Availability == string(Away):
		return Away, p.Since
	case cur.pushed[person]:
		return Available, p.Since
	}
	online, since := r.presence.since(person, time.Now())
	if !online {
		return Offline, since
	}
	return Available, p.Since
}
