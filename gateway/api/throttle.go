package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	freeFailures = 3 // before there is a delay
	maxDelay     = 5 * time.Minute
	forgetAfter  = time.Hour
	maxAttempts  = 10000 // pairs that are remembered

	// Of an address, whatever the extensions: many people may be behind it, who
	// must not wait long for what one of them does.
	freeOfAddress  = 30
	delayOfAddress = time.Minute
)

// throttle slows down who guesses passwords: per address and extension, so that
// nobody can lock somebody else out.
type throttle struct {
	free    int           // failures before there is a delay; 0: freeFailures
	longest time.Duration // delay; 0: maxDelay

	mu       sync.Mutex
	attempts map[attempt]failures
}

type attempt struct{ address, extension string }

type failures struct {
	count int
	last  time.Time
	until time.Time
}

// wait tells how long this pair is not to be tried again.
func (t *throttle) wait(a attempt, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.attempts[a].until.Sub(now)
}

// failed counts a failure: after those that are free, the delay doubles.
func (t *throttle) failed(a attempt, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.attempts == nil {
		t.attempts = map[attempt]failures{}
	}
	f := t.attempts[a]
	if now.Sub(f.last) > forgetAfter {
		f = failures{}
	}
	f.count++
	f.last = now
	free, longest := t.free, t.longest
	if free == 0 {
		free, longest = freeFailures, maxDelay
	}
	if over := f.count - free; over >= 0 {
		f.until = now.Add(min(longest, time.Second<<min(over, 20)))
	}
	t.makeRoomLocked(now)
	t.attempts[a] = f
}

func (t *throttle) succeeded(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.attempts, a)
}

// makeRoomLocked forgets what is old, or the one that failed longest ago.
func (t *throttle) makeRoomLocked(now time.Time) {
	if len(t.attempts) < maxAttempts {
		return
	}
	var oldest attempt
	var at time.Time
	for a, f := range t.attempts {
		switch {
		case now.Sub(f.last) > forgetAfter:
			delete(t.attempts, a)
		case at.IsZero() || f.last.Before(at):
			oldest, at = a, f.last
		}
	}
	if len(t.attempts) >= maxAttempts {
		delete(t.attempts, oldest)
	}
}

// clientAddress is where a request comes from; of IPv6 the network, since who
// has one address has them all. A proxy on this machine, or one of those given, is
// believed when it says for whom it asks.
func clientAddress(r *http.Request, proxies []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	trusted := func(p netip.Prefix) bool { return p.Contains(ip) }
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(said) - 1; i >= 0 && (ip.IsLoopback() || slices.ContainsFunc(proxies, trusted)); i-- {
		asks, err := netip.ParseAddr(strings.TrimSpace(said[i]))
		if err != nil {
			break
		}
		ip = asks.Unmap().WithZone("")
	}
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.String()
		}
	}
	return ip.String()
}
