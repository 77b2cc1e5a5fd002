package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// PushSubscription is where one's browser takes messages while no page is open.
type PushSubscription struct {
	ID        string    `json:"id"`
	Host      string    `json:"host" doc:"Of its endpoint, which is shown to nobody"`
	CreatedAt time.Time `json:"created_at"`
}

// PushSubscriptionList lists one's own.
type PushSubscriptionList struct {
	Items      []PushSubscription `json:"items" nullable:"false"`
	NextCursor *string            `json:"next_cursor"`
}

// pushBody is a PushSubscription as browsers write it as JSON.
type pushBody struct {
	Endpoint       string          `json:"endpoint" maxLength:"2048"`
	ExpirationTime json.RawMessage `json:"expirationTime,omitempty" doc:"Browsers give it; it is not used"`
	Keys           pushKeys        `json:"keys"`
}

type pushKeys struct {
	P256DH string `json:"p256dh"`
	Auth   string `json:"auth"`
}

const (
	maxPushSubscriptions = 10 // a person
	maxEndpoint          = 2048
	p256dhSize           = 65 // octets: a point of P-256, not compressed
	authSize             = 16
)

func (a *API) pushRoutes() {
	read[PushSubscriptionList](a, "/me/push-subscriptions", "One's own browsers that take messages while no page is open", func(ctx context.Context, c *caller, in *Page) ([]byte, error) {
		if err := c.needsPerson(); err != nil {
			return nil, err
		}
		found, err := a.db.PushSubscriptions(ctx, c.actor.ID)
		if err != nil {
			return nil, err
		}
		var all []PushSubscription
		for _, s := range found {
			all = append(all, shownPush(s))
		}
		return namedPage(all, in, func(s *PushSubscription) string { return s.ID })
	})
	write[PushSubscription, struct{ Body pushBody }](a, http.MethodPost, "/me/push-subscriptions", http.StatusCreated,
		"Add this browser; of more than 10 the oldest goes", a.addPush)
	write[nothing, ByID](a, http.MethodDelete, "/me/push-subscriptions/{id}", http.StatusNoContent, "Remove one", a.removePush)
}

func shownPush(s store.PushSubscription) PushSubscription {
	shown := PushSubscription{ID: s.ID.String(), CreatedAt: s.CreatedAt.UTC()}
	if u, err := url.Parse(s.Endpoint); err == nil {
		shown.Host = u.Host
	}
	return shown
}

func (b *pushBody) check() error {
	u, err := url.Parse(b.Endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(b.Endpoint) > maxEndpoint {
		return invalid("body.endpoint", "want the https address that the browser gave")
	}
	for _, key := range []struct {
		name, value string
		size        int
	}{{"p256dh", b.Keys.P256DH, p256dhSize}, {"auth", b.Keys.Auth, authSize}} {
		octets, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(key.value, "="))
		if err != nil || len(octets) != key.size {
			return invalid("body.keys."+key.name, "want the key that the browser gave, in base64url")
		}
	}
	return nil
}

func (a *API) addPush(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	var in pushBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	s := store.PushSubscription{Person: c.actor.ID, Endpoint: in.Endpoint, P256DH: in.Keys.P256DH, Auth: in.Keys.Auth}
	err := a.change(r.Context(), func(tx *store.Tx) error {
		if err := tx.AddPushSubscription(&s, maxPushSubscriptions); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "push_subscription.added", Object: "push_subscription " + s.ID.String(), Detail: shownPush(s).Host})
		return nil
	})
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, shownPush(s))
}

func (a *API) removePush(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return notFound("push subscription")
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		ok, err := tx.EndPushSubscription(c.actor.ID, id)
		if err == nil && !ok {
			err = notFound("push subscription")
		}
		if err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "push_subscription.removed", Object: "push_subscription " + id.String()})
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
