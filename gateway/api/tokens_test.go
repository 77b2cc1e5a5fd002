package api

import (
	"strings"
	"testing"
	"time"

	"smsbridge/gateway/store"
)

func TestTokenIsMadeAndRevoked(t *testing.T) {
	s := newSite(t)
	olga := s.as("olga")
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	body := TokenOrder{Name: " shop ", Scopes: []string{"messages:send", "messages:read", "events:read"}, Numbers: []string{ours}, AllowTo: []string{"+1"}, PerDay: 9, ExpiresAt: until}
	s.everyone("POST", "/tokens", body, map[*client]int{s.as("ana"): 403, s.as("max"): 403, s.program("p", "admin", ""): 403})
	made := want[Token](t, olga.do("POST", "/tokens", body), 201)
	if !strings.HasPrefix(made.Token, "sms_") || made.Name != "shop" || len(made.Scopes) != 3 || made.Numbers[0] != ours || made.AllowTo[0] != "+1" || made.PerDay != 9 ||
		made.ExpiresAt == nil || !made.ExpiresAt.Equal(until) || made.LastUsedAt != nil {
		t.Errorf("%+v", made)
	}
	s.audited("token.added", "olga", made.ID, "shop", "messages:send")
	if d := s.deeds("token.added")[0]; strings.Contains(d.Detail, made.Token) {
		t.Errorf("the audit has the token: %+v", d)
	}
	shop := &client{s: s, token: made.Token}
	want[MessageList](t, shop.do("GET", "/messages", nil), 200)
	everything, limited := s.program("all", "admin", ""), s.program("limited", "admin", ours)
	s.everyone("GET", "/tokens", nil, map[*client]int{s.as("ana"): 403, s.as("max"): 403, shop: 403, limited: 403, everything: 200})
	for _, listed := range want[TokenList](t, olga.do("GET", "/tokens", nil), 200).Items {
		if listed.Token != "" {
			t.Errorf("a token is shown again: %+v", listed)
		}
		if listed.ID == made.ID && (listed.LastUsedAt == nil || time.Since(*listed.LastUsedAt) > time.Minute) {
			t.Errorf("last used: %+v", listed)
		}
	}
	path := "/tokens/" + made.ID
	s.everyone("DELETE", path, nil, map[*client]int{s.as("ana"): 403, s.as("max"): 403, everything: 403})
	stream := shop.listen(t)
	if a := olga.do("DELETE", path, nil); a.status != 204 {
		t.Fatalf("%s", a.body)
	}
	stream.ends(time.Second)
	s.audited("token.revoked", "olga", made.ID)
	refused(t, shop.do("GET", "/messages", nil), 401, "unauthorized")
	refused(t, olga.do("DELETE", path, nil), 404, "not_found")
	refused(t, olga.do("DELETE", "/tokens/x", nil), 404, "not_found")
	for change, at := range map[string]string{
		`"name":""`:                           "body.name",
		`"scopes":[]`:                         "body.scopes",
		`"scopes":["messages:eat"]`:           "body.scopes",
		`"numbers":["` + ours + `"]`:          "",
		`"numbers":["260"]`:                   "body.numbers[0]",
		`"numbers":["+1 260"]`:                "body.numbers",
		`"numbers":["My Shop"]`:               "body.numbers",
		`"allow_to":["1"]`:                    "body.allow_to",
		`"per_day":-1`:                        "body.per_day",
		`"per_day":"x"`:                       "body.per_day",
		`"expires_at":"2020-01-01T00:00:00Z"`: "body.expires_at",
	} {
		a := olga.do("POST", "/tokens", `{"name":"x","scopes":["messages:send"],`+change+`}`)
		if at == "" {
			want[Token](t, a, 201)
		} else if p := refused(t, a, 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", change, p)
		}
	}
}

// TestTokenExpires ends an idle stream within a second of its token.
func TestTokenExpires(t *testing.T) {
	s := newSite(t)
	secret, hash := NewToken()
	s.update(func(tx *store.Tx) error {
		return tx.AddToken(&store.Token{Name: "brief", Hash: hash, Scopes: "events:read messages:read", ExpiresAt: tx.Now().Add(700 * time.Millisecond)})
	})
	brief := &client{s: s, token: secret}
	stream := brief.listen(t)
	want[MessageList](t, brief.do("GET", "/messages", nil), 200)
	stream.ends(1700 * time.Millisecond)
	refused(t, brief.do("GET", "/messages", nil), 401, "unauthorized")
	if got := want[TokenList](t, s.as("olga").do("GET", "/tokens", nil), 200).Items; len(got) != 1 || got[0].ExpiresAt == nil {
		t.Errorf("%+v", got)
	}
}

// TestSessionEndsItsStream ends an idle stream within a second of its session.
func TestSessionEndsItsStream(t *testing.T) {
	s := newSite(t)
	secret := newSecret()
	hash := hashSecret(secret)
	s.update(func(tx *store.Tx) error {
		at := tx.Now().Add(700*time.Millisecond - sessionAbsolute)
		return tx.AddSignIn(store.SignIn{Hash: hash[:], Person: s.people["ana"], CreatedAt: at, SeenAt: tx.Now()})
	})
	ana := s.as("ana")
	ana.cookie.Value = secret
	ana.listen(t).ends(1700 * time.Millisecond)
	refused(t, ana.do("GET", "/me", nil), 401, "unauthorized")
}

// TestStreamsAreBounded opens as many streams as one may, and as all may.
func TestStreamsAreBounded(t *testing.T) {
	s := newSite(t)
	s.api.maxOwn, s.api.maxStreams = 2, 3
	ana, ben := s.as("ana"), s.as("ben")
	streams := []*reader{ana.listen(t), s.as("ana").listen(t)} // of one person, whatever the session
	a := ana.do("GET", "/events", nil)
	if refused(t, a, 429, "rate_limited"); a.header.Get("Retry-After") != "5" {
		t.Errorf("%v", a.header)
	}
	ben.listen(t)
	refused(t, s.program("p", "events:read", "").do("GET", "/events", nil), 429, "rate_limited")
	streams[0].close()
	deadline, again := time.After(10*time.Second), time.NewTicker(10*time.Millisecond)
	defer again.Stop()
	for noticed := false; !noticed; { // that it is gone
		s.api.streams.mu.Lock()
		noticed = s.api.streams.all == 2
		s.api.streams.mu.Unlock()
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal("a stream that was closed still counts")
		}
	}
	ana.listen(t)
	refused(t, ana.do("GET", "/events", nil), 429, "rate_limited")
}
