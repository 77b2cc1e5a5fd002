package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// OurNumber is one of our numbers, and whose it is.
type OurNumber struct {
	Number   string   `json:"number"`
	Kind     string   `json:"kind" enum:"e164,short,alphanumeric,unknown"`
	Queue    Named    `json:"queue" doc:"In which its texts wait; of somebody's own, while they are not available"`
	Person   *Person  `json:"person" doc:"Whose it is; null: the queue's"`
	Stops    bool     `json:"carrier_handles_stop" doc:"The carrier answers STOP and START itself"`
	Carriers []string `json:"carriers" nullable:"false" doc:"Those that serve it"`
}

// OurNumberList lists numbers.
type OurNumberList struct {
	Items      []OurNumber `json:"items" nullable:"false"`
	NextCursor *string     `json:"next_cursor"`
}

type numberChange struct {
	Queue  *string `json:"queue,omitempty" doc:"Its id"`
	Person maybeID `json:"person,omitzero" doc:"The id of whom it is to belong to; null: to the queue"`
	Stops  *bool   `json:"carrier_handles_stop,omitempty"`
}

func (a *API) ownNumberRoutes() {
	read[OurNumberList](a, "/numbers", "Our numbers, and whose they are", func(_ context.Context, c *caller, in *Page) ([]byte, error) {
		if err := c.needs(scopeReadConversations); err != nil {
			return nil, err
		}
		var all []OurNumber
		for _, n := range a.router.Numbers() {
			if a.knows(c, n.Value) {
				all = append(all, a.shownNumber(n))
			}
		}
		return namedPage(all, in, func(n *OurNumber) string { return n.Number })
	})
	write[OurNumber, struct {
		Number string `path:"number" maxLength:"64" doc:"As it is listed, with + as %2B"`
		Body   numberChange
	}](a, http.MethodPatch, "/numbers/{number}", http.StatusOK, "Say whose one of our numbers is", a.changeNumber)
}

// knows tells whether the caller may know of one of our numbers: it is theirs, or
// of a queue that they are in.
func (a *API) knows(c *caller, number string) bool {
	if !c.person() || c.owns() {
		return c.reaches(number)
	}
	n := a.dir.Number(number)
	_, in := c.actor.Queues[n.Queue]
	return in || n.Person != 0 && n.Person == c.actor.ID
}

func (a *API) shownNumber(n gateway.Address) OurNumber {
	of := a.dir.Number(n.Value)
	return OurNumber{n.Value, n.Kind.String(), a.namedQueue(of.Queue), a.shownPerson(of.Person), of.CarrierStops, append([]string{}, a.router.CarriersOf(n.Value)...)}
}

func (a *API) changeNumber(w http.ResponseWriter, r *http.Request, c *caller) error {
	number := r.PathValue("number")
	var ours gateway.Address
	for _, n := range a.router.Numbers() {
		if n.Value == number && a.knows(c, number) {
			ours = n
		}
	}
	if ours.Value == "" {
		return notFound("number of ours")
	}
	if !c.manages(a.dir.QueueOf(number)) {
		return forbidden("Only managers of its queue and system owners do this.")
	}
	var in numberChange
	if err := decode(r, &in); err != nil {
		return err
	}
	if (in.Queue != nil || in.Person.given) && !c.owns() {
		return forbidden("Only system owners say whose a number is.")
	}
	err := a.change(r.Context(), func(tx *store.Tx) error {
		before, err := tx.Number(number)
		if err != nil {
			return err
		}
		n := before
		if err := in.apply(tx, &n); err != nil || n == before {
			return err
		}
		if err := tx.SetNumber(n); err != nil {
			return err
		}
		detail := "of queue " + n.Queue.String()
		if n.Person != 0 {
			detail = "of person " + n.Person.String() + ", and queue " + n.Queue.String()
		}
		tx.Audit(store.Deed{By: c.actor, Action: "number.changed", Object: "number " + number,
			Detail: fmt.Sprintf("%s; the carrier handles STOP: %v", detail, n.CarrierStops)})
		return nil
	})
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, a.shownNumber(ours))
}

// apply makes the change, and checks that who and what it names is there.
func (in *numberChange) apply(tx *store.Tx, n *store.Number) error {
	if in.Stops != nil {
		n.CarrierStops = *in.Stops
	}
	if in.Queue != nil {
		id, err := gateway.ParseID(*in.Queue)
		if err != nil {
			return invalid("body.queue", "no id of a queue")
		}
		if _, ok, err := tx.Queue(id); err != nil {
			return err
		} else if !ok {
			return invalid("body.queue", "there is no such queue")
		}
		n.Queue = id
	}
	if !in.Person.given {
		return nil
	}
	if n.Person = 0; in.Person.id == "" {
		return nil
	}
	id, err := gateway.ParseID(in.Person.id)
	if err != nil {
		return invalid("body.person", "no id of an agent")
	}
	p, ok, err := tx.Person(id)
	if err == nil && (!ok || !p.DisabledAt.IsZero()) {
		err = invalid("body.person", "there is no such agent, or they are disabled")
	}
	n.Person = id
	return err
}

// maybeID is an id, or null, or nothing at all.
type maybeID struct {
	given bool
	id    string // "" for null
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *maybeID) UnmarshalJSON(b []byte) error {
	m.given = true
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	return json.Unmarshal(b, &m.id)
}

// Schema implements huma.SchemaProvider.
func (maybeID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true}
}

// TransformSchema implements huma.SchemaTransformer.
func (OurNumber) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "person")
}
