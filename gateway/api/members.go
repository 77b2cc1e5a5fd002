package api

import (
	"context"
	"fmt"
	"net/http"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Member is somebody's place in a queue.
type Member struct {
	ID           string `json:"id" doc:"The person's"`
	Name         string `json:"name"`
	Extension    string `json:"extension"`
	Availability string `json:"availability" enum:"available,away,offline"`
	Manages      bool   `json:"manages"`
	Position     int    `json:"position" doc:"What waits is offered in this order"`
	Implied      bool   `json:"implied" doc:"In General, because everybody is: nobody has given them a place"`
}

// MemberList lists members.
type MemberList struct {
	Items      []Member `json:"items" nullable:"false"`
	NextCursor *string  `json:"next_cursor"`
}

type memberChange struct {
	Manages  *bool `json:"manages,omitempty" doc:"Without it: as it is"`
	Position *int  `json:"position,omitempty" minimum:"1" maximum:"1000000" doc:"Without it: as it is, or behind the others"`
}

// ByMember is the path of a member of a queue.
type ByMember struct {
	ByID
	Person string `path:"person" maxLength:"64"`
}

const maxPosition = 1_000_000

func (a *API) memberRoutes() {
	read[MemberList](a, "/queues/{id}/members", "Who is in it, in its order", func(_ context.Context, c *caller, in *pageByID) ([]byte, error) {
		q, err := a.managedQueue(c, in.ID)
		if err != nil {
			return nil, err
		}
		return namedPage(a.members(q.ID), &in.Page, func(m *Member) string { return m.ID })
	})
	write[Member, struct {
		ByMember
		Body *memberChange
	}](a, http.MethodPut, "/queues/{id}/members/{person}", http.StatusOK, "Put somebody into it, or change their place", a.setMember)
	write[nothing, ByMember](a, http.MethodDelete, "/queues/{id}/members/{person}", http.StatusNoContent, "Take somebody out of it: what they own they keep", a.removeMember)
}

func (a *API) members(queue gateway.ID) []Member {
	all := []Member{}
	for _, m := range a.dir.Members(queue) {
		all = append(all, a.shownMember(m))
	}
	return all
}

func (a *API) shownMember(m store.Member) Member {
	p, _ := a.dir.Person(m.Person)
	availability, _ := a.router.Availability(p.ID)
	return Member{p.ID.String(), p.Name, p.Extension, string(availability), m.Manages, m.Position, m.Queue == store.GeneralQueue && m.Position == 0}
}

// memberOf reads which person of which queue a request is about.
func (a *API) memberOf(r *http.Request, c *caller) (store.Queue, store.Person, error) {
	q, err := a.managedQueue(c, r.PathValue("id"))
	if err != nil {
		return q, store.Person{}, err
	}
	p, err := a.personOf(r.PathValue("person"))
	return q, p, err
}

var errMakesManagers = forbidden("Only system owners say who manages a queue.")

func (a *API) setMember(w http.ResponseWriter, r *http.Request, c *caller) error {
	q, p, err := a.memberOf(r, c)
	if err != nil {
		return err
	}
	var in memberChange
	if err := decode(r, &in); err != nil {
		return err
	}
	if in.Position != nil && (*in.Position < 1 || *in.Position > maxPosition) {
		return invalid("body.position", fmt.Sprintf("want 1 to %d", maxPosition))
	}
	var m store.Member
	err = a.change(r.Context(), func(tx *store.Tx) error {
		person, err := inUse(tx, q.ID, p.ID)
		if err != nil {
			return err
		}
		before, was, err := tx.Member(q.ID, p.ID)
		if err != nil {
			return err
		}
		m = before
		if in.Manages != nil {
			m.Manages = *in.Manages
		}
		if m.Manages != before.Manages && !c.owns() {
			return errMakesManagers
		}
		if !was || m.Manages != before.Manages {
			if err := tx.SetMember(q.ID, p.ID, m.Manages); err != nil {
				return err
			}
		}
		if m.Manages && person.Role == "agent" { // who manages a queue is called so
			person.Role = "manager"
			if err := tx.SavePerson(person); err != nil {
				return err
			}
		}
		if in.Position != nil {
			if err := tx.PlaceMember(q.ID, p.ID, *in.Position); err != nil {
				return err
			}
		}
		if m, _, err = tx.Member(q.ID, p.ID); err != nil || was && m == before {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "queue.member_set", Object: "queue " + q.ID.String(),
			Detail: fmt.Sprintf("%s %s: manages %v, position %d", p.Extension, p.Name, m.Manages, m.Position)})
		return nil
	})
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, a.shownMember(m))
}

// inUse makes sure that a queue and a person are still there to be put together,
// and returns the person.
func inUse(tx *store.Tx, queue, person gateway.ID) (store.Person, error) {
	_, ok, err := tx.Queue(queue)
	if err == nil && !ok {
		err = notFound("queue")
	}
	if err != nil {
		return store.Person{}, err
	}
	p, ok, err := tx.Person(person)
	if err == nil && (!ok || !p.DisabledAt.IsZero()) {
		err = &gateway.Refusal{Code: gateway.AgentUnavailable, Text: "This person is disabled."}
	}
	return p, err
}

func (a *API) removeMember(w http.ResponseWriter, r *http.Request, c *caller) error {
	q, p, err := a.memberOf(r, c)
	if err != nil {
		return err
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		m, ok, err := tx.Member(q.ID, p.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			return notFound("member of this queue")
		case m.Manages && !c.owns():
			return errMakesManagers
		}
		if err := tx.RemoveMember(q.ID, p.ID); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "queue.member_removed", Object: "queue " + q.ID.String(), Detail: p.Extension + " " + p.Name})
		return nil
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
