package api

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

func TestSignIn(t *testing.T) {
	s := newSite(t)
	nobody := &client{s: s}
	refused(t, nobody.do("GET", "/me", nil), 401, "unauthorized")
	a := nobody.do("POST", "/session", credentials{"101", password})
	me := want[Me](t, a, 200)
	if me.Name != "ana" || me.Extension != "101" || me.Role != "agent" || me.Kind != "person" || len(me.Queues) != 2 {
		t.Errorf("%+v", me)
	}
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v", cookies)
	}
	c := cookies[0]
	if c.Name != "smsbridge_session" || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure {
		t.Errorf("cookie %v", c)
	}
	ana := &client{s: s, cookie: c}
	if got := want[Me](t, ana.do("GET", "/me", nil), 200); got.ID != me.ID {
		t.Errorf("%+v", got)
	}
	if got := want[Me](t, ana.do("PATCH", "/me", availability{"away"}), 200); got.Availability != "away" {
		t.Errorf("%+v", got)
	}
	refused(t, ana.do("PATCH", "/me", availability{"asleep"}), 422, "invalid_request")
	if a := ana.do("DELETE", "/session", nil); a.status != 204 {
		t.Errorf("sign out: %d %s", a.status, a.body)
	}
	refused(t, ana.do("GET", "/me", nil), 401, "unauthorized")
}

func TestSignInRefusals(t *testing.T) {
	s := newSite(t)
	nobody := &client{s: s}
	s.update(func(tx *store.Tx) error { return tx.DisablePerson(s.people["ben"]) })
	refused(t, nobody.do("POST", "/session", credentials{"999", password}), 401, "unauthorized")
	refused(t, nobody.do("POST", "/session", credentials{"102", password}), 401, "unauthorized")
	for range freeFailures {
		refused(t, nobody.do("POST", "/session", credentials{"101", "wrong"}), 401, "unauthorized")
	}
	p := nobody.do("POST", "/session", credentials{"101", password})
	refused(t, p, 429, "rate_limited")
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// Others are not locked out: neither from elsewhere nor with another extension.
	want[Me](t, nobody.do("POST", "/session", credentials{"101", password}, "X-Forwarded-For", "192.0.2.7"), 200)
	want[Me](t, nobody.do("POST", "/session", credentials{"104", password}), 200)
}

func TestSessionsEnd(t *testing.T) {
	for _, tc := range []struct {
		name          string
		created, seen time.Duration
		status        int
	}{
		{"used lately", 6 * 24 * time.Hour, 11 * time.Hour, 200},
		{"idle", 13 * time.Hour, 13 * time.Hour, 401},
		{"too old", 8 * 24 * time.Hour, time.Minute, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			secret := newSecret()
			hash := hashSecret(secret)
			s.update(func(tx *store.Tx) error {
				return tx.AddSignIn(store.SignIn{Hash: hash[:], Person: s.people["ana"], CreatedAt: tx.Now().Add(-tc.created), SeenAt: tx.Now().Add(-tc.seen)})
			})
			c := &client{s: s, cookie: &http.Cookie{Name: cookieName, Value: secret}}
			if a := c.do("GET", "/me", nil); a.status != tc.status {
				t.Errorf("%d %s, want %d", a.status, a.body, tc.status)
			}
			d, err := s.db.Directory(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if used := time.Since(d.SignIns[0].SeenAt) < time.Minute-time.Second; used != (tc.status == 200) {
				t.Errorf("last seen at %v", d.SignIns[0].SeenAt)
			}
		})
	}
}

func TestPasswordHash(t *testing.T) {
	h, err := HashPassword("secret")
	if err != nil || !CheckPassword(h, "secret") || CheckPassword(h, "Secret") {
		t.Errorf("hash %s", h)
	}
	for _, bad := range []string{"", strings.Repeat("x", maxPassword+1)} {
		if _, err := HashPassword(bad); err == nil {
			t.Errorf("a password of %d octets is taken", len(bad))
		}
	}
	for _, bad := range []string{"", "secret", "$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAA", "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		if CheckPassword(bad, "secret") {
			t.Errorf("%q fits", bad)
		}
	}
}

func TestThrottleDoubles(t *testing.T) {
	var th throttle
	now := time.Now()
	who := attempt{"192.0.2.1", "101"}
	for i, want := range []time.Duration{0, 0, 1, 2, 4, 8} {
		th.failed(who, now)
		if got := max(0, th.wait(who, now)); got != want*time.Second {
			t.Errorf("after %d failures %v, want %v", i+1, got, want*time.Second)
		}
	}
	for range 30 {
		th.failed(who, now)
	}
	if got := th.wait(who, now); got != maxDelay {
		t.Errorf("at most %v, got %v", maxDelay, got)
	}
	if got := th.wait(attempt{"192.0.2.2", "101"}, now); got > 0 {
		t.Errorf("somebody else waits %v", got)
	}
	for i := range maxAttempts + 10 {
		th.failed(attempt{"192.0.2.3", string(rune(i))}, now)
	}
	if len(th.attempts) > maxAttempts {
		t.Errorf("%d are remembered", len(th.attempts))
	}
}

func TestCrossSite(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	for _, tc := range []struct {
		header []string
		status int
	}{
		{nil, 200},
		{[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		{[]string{"Sec-Fetch-Site", "none"}, 200},
		{[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		{[]string{"Sec-Fetch-Site", "same-site"}, 403},
		{[]string{"Origin", s.server.URL}, 200},
		{[]string{"Origin", "https://evil.example"}, 403},
		{[]string{"Origin", "null"}, 403},
	} {
		a := ana.do("PATCH", "/me", availability{"available"}, tc.header...)
		if a.status != tc.status {
			t.Errorf("%v: %d, want %d", tc.header, a.status, tc.status)
		}
		if tc.status == 403 {
			refused(t, a, 403, "forbidden")
		}
		if a := ana.do("GET", "/me", nil, tc.header...); a.status != 200 {
			t.Errorf("GET %v: %d", tc.header, a.status)
		}
	}
}

func TestClientAddress(t *testing.T) {
	for _, tc := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:1234", "", "192.0.2.1"},
		{"192.0.2.1:1234", "198.51.100.1", "192.0.2.1"},
		{"127.0.0.1:1234", "", "127.0.0.1"},
		{"127.0.0.1:1234", "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{"[::1]:1234", "nonsense", "::/64"},
		{"[2001:db8::1]:1234", "", "2001:db8::/64"},
		{"[::ffff:192.0.2.1]:1234", "", "192.0.2.1"},
		{"10.1.2.3:1234", "198.51.100.1, 192.0.2.7", "192.0.2.7"},
		{"[::ffff:10.1.2.3]:1234", "198.51.100.1, 192.0.2.7, 10.9.9.9, 127.0.0.1", "192.0.2.7"},
		{"10.1.2.3:1234", "nonsense, 10.9.9.9", "10.9.9.9"},
		{"11.1.2.3:1234", "192.0.2.7", "11.1.2.3"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{}}
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := clientAddress(r, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

func TestGateIsBounded(t *testing.T) {
	g := newGate()
	for range hashesAtOnce {
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range hashesWaiting {
		g.waiting <- struct{}{}
	}
	var p *Problem
	if err := g.enter(t.Context()); !errors.As(err, &p) || p.Code != "rate_limited" || p.GetHeaders().Get("Retry-After") != "5" {
		t.Errorf("%v", err)
	}
	<-g.waiting
	g.leave()
	if err := g.enter(t.Context()); err != nil {
		t.Error(err)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if err := g.enter(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHash(s)
		if err == nil && (h.memory > maxArgonMemory || h.time > maxArgonTime || h.time == 0 || h.threads == 0 || len(h.key) < 16) {
			t.Errorf("%q is taken: %+v", s, h)
		}
	})
}
