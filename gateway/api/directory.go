package api

import (
	"context"
	"slices"

	"smsbridge/gateway"
)

// Agent is somebody to whom a conversation can be given.
type Agent struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Extension    string `json:"extension"`
	Role         string `json:"role" enum:"agent,manager,owner"`
	Availability string `json:"availability" enum:"available,away"`
}

// AgentList lists agents.
type AgentList struct {
	Items      []Agent `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor"`
}

// Queue is a group of people and the numbers whose texts wait for them.
type Queue struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Numbers []string `json:"numbers" nullable:"false" doc:"Ours, that carriers serve"`
}

// QueueList lists queues.
type QueueList struct {
	Items      []Queue `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor"`
}

func (a *API) directoryRoutes() {
	read[AgentList](a, "/agents", "People to whom conversations can be given", func(_ context.Context, c *caller, in *Page) ([]byte, error) {
		if err := c.needs(scopeReadConversations); err != nil {
			return nil, err
		}
		var agents []Agent
		for _, p := range a.dir.People() {
			if p.DisabledAt.IsZero() {
				agents = append(agents, Agent{p.ID.String(), p.Name, p.Extension, p.Role, p.Availability})
			}
		}
		return namedPage(agents, in, func(x *Agent) string { return x.ID })
	})
	read[QueueList](a, "/queues", "Queues", func(_ context.Context, c *caller, in *Page) ([]byte, error) {
		if err := c.needs(scopeReadConversations); err != nil {
			return nil, err
		}
		numbers := map[gateway.ID][]string{}
		for _, n := range a.router.Numbers() {
			q := a.dir.QueueOf(n.Value)
			if c.reaches(n.Value) && !slices.Contains(numbers[q], n.Value) {
				numbers[q] = append(numbers[q], n.Value)
			}
		}
		var queues []Queue
		for _, q := range a.dir.Queues() {
			queues = append(queues, Queue{q.ID.String(), q.Name, append([]string{}, numbers[q.ID]...)})
		}
		return namedPage(queues, in, func(x *Queue) string { return x.ID })
	})
}
