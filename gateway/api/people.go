package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Agent is somebody to whom a conversation can be given.
type Agent struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Extension    string `json:"extension"`
	Role         string `json:"role" enum:"agent,manager,owner"`
	Availability string `json:"availability" enum:"available,away,offline"`
	Open         int    `json:"open" doc:"Conversations that they have and have not put away"`
	Disabled     bool   `json:"disabled,omitempty"`
}

// AgentList lists agents.
type AgentList struct {
	Items      []Agent `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor"`
}

type agentQuery struct {
	Page
	Q        string `query:"q" maxLength:"100" doc:"Part of the name, or how the extension begins"`
	Disabled bool   `query:"disabled" doc:"Those who are disabled, for system owners"`
}

type newAgent struct {
	Name      string     `json:"name" maxLength:"100"`
	Extension string     `json:"extension" maxLength:"32"`
	Role      string     `json:"role" enum:"agent,manager,owner"`
	Password  string     `json:"password" minLength:"8" maxLength:"1024"`
	Queues    []newPlace `json:"queues,omitempty" doc:"To be in; a manager for whom none is managed manages General"`
}

type newPlace struct {
	ID      string `json:"id"`
	Manages bool   `json:"manages,omitempty"`
}

type agentChange struct {
	Name     *string `json:"name,omitempty" maxLength:"100"`
	Role     *string `json:"role,omitempty" enum:"agent,manager,owner" doc:"An agent manages no queue any more; who becomes a manager and manages none manages General"`
	Disabled *bool   `json:"disabled,omitempty" doc:"Cannot sign in; what they have waits again or is closed"`
	Password *string `json:"password,omitempty" minLength:"8" maxLength:"1024" doc:"Ends their sessions"`
}

func (a *API) peopleRoutes() {
	read[AgentList](a, "/agents", "People to whom conversations can be given", a.listAgents)
	read[Agent](a, "/agents/{id}", "One of them", func(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
		if err := c.needs(scopeReadConversations); err != nil {
			return nil, err
		}
		p, err := a.personOf(in.ID)
		if err == nil && !p.DisabledAt.IsZero() && !c.owns() {
			err = notFound("agent")
		}
		if err != nil {
			return nil, err
		}
		agents, err := a.agents(ctx, []store.Person{p})
		if err != nil {
			return nil, err
		}
		return json.Marshal(agents[0])
	})
	write[Agent, struct{ Body newAgent }](a, http.MethodPost, "/agents", http.StatusCreated, "Add somebody", a.addAgent)
	write[Agent, struct {
		ByID
		Body agentChange
	}](a, http.MethodPatch, "/agents/{id}", http.StatusOK, "Change somebody's name, role or password, or disable them", a.changeAgent)
}

func (a *API) listAgents(ctx context.Context, c *caller, in *agentQuery) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	if in.Disabled && !c.owns() {
		return nil, forbidden("Only system owners see who is disabled.")
	}
	q := strings.ToLower(strings.TrimSpace(in.Q))
	var found []store.Person
	for _, p := range a.dir.People() {
		if p.DisabledAt.IsZero() != in.Disabled &&
			(strings.Contains(strings.ToLower(p.Name), q) || strings.HasPrefix(strings.ToLower(p.Extension), q)) {
			found = append(found, p)
		}
	}
	page, err := pageOf(found, &in.Page, func(p *store.Person) string { return p.ID.String() })
	if err != nil {
		return nil, err
	}
	agents, err := a.agents(ctx, page.Items)
	if err != nil {
		return nil, err
	}
	return json.Marshal(AgentList{agents, page.NextCursor})
}

// agents shows people, with what they have.
func (a *API) agents(ctx context.Context, people []store.Person) ([]Agent, error) {
	ids := make([]gateway.ID, len(people))
	for i := range people {
		ids[i] = people[i].ID
	}
	held, err := a.db.Held(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]Agent, 0, len(people))
	for _, p := range people {
		availability, _ := a.router.Availability(p.ID)
		all = append(all, Agent{p.ID.String(), p.Name, p.Extension, p.Role, string(availability), held[p.ID], !p.DisabledAt.IsZero()})
	}
	return all, nil
}

// personOf finds a person, disabled or not.
func (a *API) personOf(external string) (store.Person, error) {
	if id, err := gateway.ParseID(external); err == nil {
		if p, ok := a.dir.Person(id); ok {
			return p, nil
		}
	}
	return store.Person{}, notFound("agent")
}

func (a *API) addAgent(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	var in newAgent
	if err := decode(r, &in); err != nil {
		return err
	}
	p := store.Person{Name: in.Name, Extension: in.Extension, Role: in.Role}
	if err := CheckPerson(&p); err != nil {
		return err
	}
	places, err := a.placesOf(in)
	if err != nil {
		return err
	}
	if p.Password, err = a.newPassword(r.Context(), in.Password); err != nil {
		return err
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		if err := tx.AddPerson(&p); err != nil {
			return err
		}
		for _, m := range places {
			if _, err := inUse(tx, m.Queue, p.ID); err != nil {
				return err
			}
			if err := tx.SetMember(m.Queue, p.ID, m.Manages); err != nil {
				return err
			}
		}
		tx.Audit(store.Deed{By: c.actor, Action: "person.added", Object: "person " + p.ID.String(), Detail: p.Extension + " as " + p.Role})
		return nil
	})
	if err != nil {
		return taken(err, "body.extension", "Somebody has this extension.")
	}
	agents, err := a.agents(r.Context(), []store.Person{p})
	if err != nil {
		return err
	}
	return respond(w, http.StatusCreated, agents[0])
}

// placesOf reads which queues somebody new is to be in.
func (a *API) placesOf(in newAgent) ([]store.Member, error) {
	var places []store.Member
	manages := false
	for i, place := range in.Queues {
		at := fmt.Sprintf("body.queues[%d]", i)
		q, err := a.queueOf(place.ID)
		if err != nil {
			return nil, invalid(at+".id", "there is no such queue")
		}
		if place.Manages && in.Role == "agent" {
			return nil, invalid(at+".manages", "an agent manages no queue: make them a manager")
		}
		places = append(places, store.Member{Queue: q.ID, Manages: place.Manages})
		manages = manages || place.Manages
	}
	if in.Role == "manager" && !manages {
		places = append(places, store.Member{Queue: store.GeneralQueue, Manages: true})
	}
	return places, nil
}

// newPassword is NewPassword, of which few are made at once.
func (a *API) newPassword(ctx context.Context, password string) (string, error) {
	if err := a.gate.enter(ctx); err != nil {
		return "", err
	}
	defer a.gate.leave()
	return NewPassword(password)
}

func (a *API) changeAgent(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	found, err := a.personOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	var in agentChange
	if err := decode(r, &in); err != nil {
		return err
	}
	wish := found
	if in.Name != nil {
		wish.Name = *in.Name
	}
	if in.Role != nil {
		wish.Role = *in.Role
	}
	if err := CheckPerson(&wish); err != nil {
		return err
	}
	hash := ""
	if in.Password != nil {
		if hash, err = a.newPassword(r.Context(), *in.Password); err != nil {
			return err
		}
	}
	var p store.Person
	err = a.change(r.Context(), func(tx *store.Tx) error {
		var err error
		if p, _, err = tx.Person(found.ID); err != nil {
			return err
		}
		return changePerson(tx, c.actor, &p, in, wish.Name, hash)
	})
	if err != nil {
		return err
	}
	if p, err = a.personOf(found.ID.String()); err != nil {
		return err
	}
	agents, err := a.agents(r.Context(), []store.Person{p})
	if err != nil {
		return err
	}
	return respond(w, http.StatusOK, agents[0])
}

// changePerson makes a change that was checked. Somebody must always own the
// system.
func changePerson(tx *store.Tx, by gateway.Actor, p *store.Person, in agentChange, name, hash string) error {
	disable := in.Disabled != nil && *in.Disabled && p.DisabledAt.IsZero()
	enable := in.Disabled != nil && !*in.Disabled && !p.DisabledAt.IsZero()
	demote := in.Role != nil && *in.Role != "owner"
	if p.Role == "owner" && p.DisabledAt.IsZero() && (disable || demote) {
		if n, err := tx.Owners(); err != nil {
			return err
		} else if n == 1 {
			return &gateway.Refusal{Code: gateway.Conflict, Text: "This is the last system owner. Make somebody else one first."}
		}
	}
	var done []string
	note := func(err error, what string) error {
		done = append(done, what)
		return err
	}
	if in.Name != nil && name != p.Name {
		was := p.Name
		p.Name = name
		if err := note(tx.SavePerson(*p), fmt.Sprintf("name %q, which was %q", name, was)); err != nil {
			return err
		}
	}
	if in.Role != nil && *in.Role != p.Role {
		was := p.Role
		p.Role = *in.Role
		if err := note(tx.SavePerson(*p), "role "+p.Role+", which was "+was); err != nil {
			return err
		}
		if err := settleRole(tx, p); err != nil {
			return err
		}
	}
	switch {
	case disable:
		if err := note(tx.DisablePerson(p.ID), "disabled"); err != nil {
			return err
		}
	case enable:
		if err := note(tx.EnablePerson(p.ID), "enabled"); err != nil {
			return err
		}
	}
	if hash != "" {
		if err := note(tx.SetPassword(p.ID, hash, nil), "password"); err != nil {
			return err
		}
	}
	if len(done) > 0 {
		tx.Audit(store.Deed{By: by, Action: "person.changed", Object: "person " + p.ID.String(), Detail: strings.Join(done, "; ")})
	}
	return nil
}

// settleRole has somebody manage what goes with a role that is new.
func settleRole(tx *store.Tx, p *store.Person) error {
	switch p.Role {
	case "agent":
		return tx.Unmanage(p.ID)
	case "manager":
		manages, err := tx.Manages(p.ID)
		if err != nil || manages {
			return err
		}
		return tx.SetMember(store.GeneralQueue, p.ID, true)
	}
	return nil
}
