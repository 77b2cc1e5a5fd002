package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

// signIn signs somebody in as a browser does.
func (s *site) signIn(extension, password string, header ...string) *client {
	s.t.Helper()
	a := (&client{s: s}).do("POST", "/session", credentials{extension, password}, header...)
	want[Me](s.t, a, 200)
	return &client{s: s, cookie: (&http.Response{Header: a.header}).Cookies()[0]}
}

func TestSessionsAreListedAndRevoked(t *testing.T) {
	s := newSite(t)
	olga := s.as("olga")
	desk := s.signIn("101", password, "User-Agent", "Desk/1 "+strings.Repeat("x", 300))
	phone := s.signIn("101", password, "User-Agent", "Phone/1", "X-Forwarded-For", "192.0.2.7")
	s.audited("session.created", "ana", "from 192.0.2.7")
	mine := want[SessionList](t, desk.do("GET", "/sessions", nil), 200).Items
	if len(mine) != 2 {
		t.Fatalf("%+v", mine)
	}
	if p, d := mine[0], mine[1]; p.Browser != "Phone/1" || p.Address != "192.0.2.7" || p.Current || !d.Current || len(d.Browser) != 200 ||
		p.Person.Name != "ana" || time.Since(p.CreatedAt) > time.Minute || time.Since(p.SeenAt) > time.Minute {
		t.Errorf("%+v", mine)
	}
	hash := hashSecret(phone.cookie.Value)
	for _, secret := range []string{phone.cookie.Value, string(hash[:])} {
		if strings.Contains(secret, mine[0].ID) || strings.Contains(mine[0].ID, secret) {
			t.Error("the id of a session tells its secret")
		}
	}
	refused(t, (&client{s: s, cookie: &http.Cookie{Name: cookieName, Value: mine[0].ID}}).do("GET", "/me", nil), 401, "unauthorized")

	path := "/sessions/" + mine[0].ID
	s.everyone("DELETE", path, nil, map[*client]int{s.as("ben"): 404, s.as("max"): 404, s.program("p", "admin", ""): 403})
	refused(t, s.as("ben").do("GET", "/sessions?person="+s.people["ana"].String(), nil), 403, "forbidden")
	refused(t, s.program("q", "admin", "").do("GET", "/sessions", nil), 403, "forbidden")
	refused(t, olga.do("GET", "/sessions?person=x", nil), 422, "invalid_request")
	stream := phone.listen(t)
	if a := desk.do("DELETE", path, nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	stream.ends(time.Second)
	s.audited("session.revoked", "ana", mine[0].ID, s.people["ana"].String())
	refused(t, phone.do("GET", "/me", nil), 401, "unauthorized")
	refused(t, desk.do("DELETE", path, nil), 404, "not_found")

	theirs := want[SessionList](t, olga.do("GET", "/sessions?person="+s.people["ana"].String(), nil), 200).Items
	if len(theirs) != 1 || theirs[0].Current {
		t.Fatalf("%+v", theirs)
	}
	stream = desk.listen(t)
	if a := olga.do("DELETE", "/sessions/"+theirs[0].ID, nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	stream.ends(time.Second)
	s.audited("session.revoked", "olga", theirs[0].ID)
	again := s.signIn("101", password)
	if a := again.do("DELETE", "/session", nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	s.audited("session.ended", "ana")
}

// TestEndedSessionsAreNotListed sees sessions beyond their two lifetimes.
func TestEndedSessionsAreNotListed(t *testing.T) {
	s := newSite(t)
	ana := s.as("ana")
	for i, since := range []struct{ created, seen time.Duration }{{24 * time.Hour, 13 * time.Hour}, {8 * 24 * time.Hour, 0}, {24 * time.Hour, time.Hour}} {
		s.update(func(tx *store.Tx) error {
			hash := hashSecret(string(rune('a' + i)))
			return tx.AddSignIn(store.SignIn{Hash: hash[:], Person: s.people["ana"], CreatedAt: tx.Now().Add(-since.created), SeenAt: tx.Now().Add(-since.seen)})
		})
	}
	if got := want[SessionList](t, ana.do("GET", "/sessions", nil), 200).Items; len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestPasswordIsChanged(t *testing.T) {
	s := newSite(t)
	here, there := s.as("ana"), s.as("ana")
	stream, other := here.listen(t), there.listen(t)
	for body, at := range map[string]string{
		`{"old":"wrong","new":"another one"}`:      "body.old",
		`{"old":"` + password + `","new":"short"}`: "body.new",
	} {
		if p := refused(t, here.do("POST", "/me/password", body), 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
	if a := here.do("POST", "/me/password", passwordChange{password, "another one"}); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	other.ends(time.Second)
	refused(t, there.do("GET", "/me", nil), 401, "unauthorized")
	want[Me](t, here.do("GET", "/me", nil), 200)
	select {
	case _, open := <-stream.frames:
		if !open {
			t.Error("the stream of the session that changed it has ended")
		}
	default:
	}
	s.audited("person.changed", "ana", "password")
	s.signIn("101", "another one")
	refused(t, s.program("p", "admin", "").do("POST", "/me/password", passwordChange{password, "another one"}), 403, "forbidden")
	for range freeFailures { // who found the browser open guesses
		refused(t, here.do("POST", "/me/password", passwordChange{"wrong", "another one"}), 422, "invalid_request")
	}
	refused(t, here.do("POST", "/me/password", passwordChange{"another one", "a third one"}), 429, "rate_limited")
}

// TestGuessesLockNobodyOut guesses one person's password, and then one password
// with many extensions.
func TestGuessesLockNobodyOut(t *testing.T) {
	s := newSite(t)
	nobody := &client{s: s}
	from := func(address string) []string { return []string{"X-Forwarded-For", address} }
	for range freeFailures {
		refused(t, nobody.do("POST", "/session", credentials{"101", "wrong"}, from("192.0.2.1")...), 401, "unauthorized")
	}
	s.audited("session.failed", "", "extension 101 from 192.0.2.1")
	rows := len(s.deeds("session.failed"))
	refused(t, nobody.do("POST", "/session", credentials{"101", "wrong"}, from("192.0.2.1")...), 429, "rate_limited")
	if n := len(s.deeds("session.failed")); n != rows {
		t.Errorf("what was not tried is recorded: %d rows, then %d", rows, n)
	}
	s.signIn("101", password, from("192.0.2.2")...)

	desk := s.signIn("104", password, from("192.0.2.1")...)
	now := time.Now()
	for range freeOfAddress - freeFailures { // as many as others have made
		s.api.addresses.failed(attempt{address: "192.0.2.1"}, now)
	}
	a := nobody.do("POST", "/session", credentials{"102", password}, from("192.0.2.1")...)
	refused(t, a, 429, "rate_limited")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.signIn("102", password, from("192.0.2.2")...)
	s.signIn("104", password, from("192.0.2.1")...) // who works there
	want[Me](t, desk.do("GET", "/me", nil), 200)
	refused(t, nobody.do("POST", "/session", credentials{strings.Repeat("9", 500), "wrong"}, from("192.0.2.3")...), 401, "unauthorized")
	if d := s.deeds("session.failed")[0]; d.Detail != "extension "+strings.Repeat("9", 32)+" from 192.0.2.3" {
		t.Errorf("%+v", d)
	}
}

func TestAddressIsSlowedDown(t *testing.T) {
	th := throttle{free: freeOfAddress, longest: delayOfAddress}
	now, here, there := time.Now(), attempt{address: "192.0.2.1"}, attempt{address: "192.0.2.2"}
	for i := 1; i <= freeOfAddress+20; i++ {
		th.failed(here, now)
		wait := max(0, th.wait(here, now))
		if wantWait := i >= freeOfAddress; wantWait != (wait > 0) || wait > delayOfAddress {
			t.Fatalf("after %d failures it waits %v", i, wait)
		}
	}
	if wait := th.wait(there, now); wait > 0 {
		t.Errorf("another address waits %v", wait)
	}
	later := now.Add(forgetAfter + time.Second)
	th.failed(here, later)
	if wait := th.wait(here, later); wait > 0 {
		t.Errorf("after an hour it waits %v", wait)
	}
}
