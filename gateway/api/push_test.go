package api

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"smsbridge/gateway/store"
)

// subscription is one as browsers write it.
func subscription(endpoint string) string {
	key := func(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }
	return `{"endpoint":"` + endpoint + `","expirationTime":null,"keys":{"p256dh":"` + key(65) + `","auth":"` + key(16) + `"}}`
}

func TestPushSubscriptions(t *testing.T) {
	s := newSite(t)
	ben, ana := s.as("ben"), s.as("ana")
	of := func() string {
		return want[Agent](t, ana.do("GET", "/agents/"+s.people["stan"].String(), nil), 200).Availability
	}
	if got := of(); got != "offline" {
		t.Errorf("who has not been seen is %s", got)
	}
	first := want[PushSubscription](t, ben.do("POST", "/me/push-subscriptions", subscription("https://push.example/ben")), 201)
	if first.Host != "push.example" {
		t.Errorf("%+v", first)
	}
	s.audited("push_subscription.added", "ben", "push.example")
	if d := s.deeds("push_subscription.added")[0]; strings.Contains(d.Detail, "/ben") {
		t.Errorf("the audit has the endpoint: %+v", d)
	}
	for i := range maxPushSubscriptions {
		want[PushSubscription](t, ben.do("POST", "/me/push-subscriptions", subscription(fmt.Sprintf("https://push.example/%d", i))), 201)
	}
	all := want[PushSubscriptionList](t, ben.do("GET", "/me/push-subscriptions", nil), 200).Items
	if len(all) != maxPushSubscriptions || all[len(all)-1].ID == first.ID {
		t.Errorf("%d, and the oldest is %+v", len(all), all[len(all)-1])
	}
	refused(t, ana.do("DELETE", "/me/push-subscriptions/"+all[0].ID, nil), 404, "not_found")
	if a := ben.do("DELETE", "/me/push-subscriptions/"+all[0].ID, nil); a.status != 204 {
		t.Errorf("%s", a.body)
	}
	s.audited("push_subscription.removed", "ben", all[0].ID)
	if got := want[PushSubscriptionList](t, ana.do("GET", "/me/push-subscriptions", nil), 200).Items; len(got) != 0 {
		t.Errorf("%+v", got)
	}
	// Who is reached is not offline.
	s.update(func(tx *store.Tx) error {
		return tx.AddPushSubscription(&store.PushSubscription{Person: s.people["stan"], Endpoint: "https://push.example/stan"}, 1)
	})
	if got := of(); got != "available" {
		t.Errorf("whose browser takes messages is %s", got)
	}
	for _, method := range []string{"GET", "POST"} {
		refused(t, s.program("p", "admin", "").do(method, "/me/push-subscriptions", nil), 403, "forbidden")
	}
	good := subscription("https://push.example/x")
	for body, at := range map[string]string{
		subscription("http://push.example/x"):                    "body.endpoint",
		subscription("https://"):                                 "body.endpoint",
		subscription("https://a:b@push.example/"):                "body.endpoint",
		strings.Replace(good, `"auth":"`, `"auth":"A`, 1):        "body.keys.auth",
		strings.Replace(good, `"p256dh":"AAAA`, `"p256dh":"`, 1): "body.keys.p256dh",
	} {
		if p := refused(t, ben.do("POST", "/me/push-subscriptions", body), 422, "invalid_request"); p.Errors[0].Location != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
}
