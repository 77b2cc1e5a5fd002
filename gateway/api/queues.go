package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Queue is a group of people and the numbers whose texts wait for them.
type Queue struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Numbers  []string       `json:"numbers" nullable:"false" doc:"Ours, that carriers serve"`
	Settings *QueueSettings `json:"settings,omitempty" doc:"Not for programs"`
	Members  []Member       `json:"members,omitzero" nullable:"false" doc:"Only for who manages it"`
}

// QueueList lists queues.
type QueueList struct {
	Items      []Queue `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor"`
}

type newQueue struct {
	Name     string         `json:"name" maxLength:"100"`
	Numbers  []string       `json:"numbers,omitempty" doc:"Ours, whose texts are to wait in it"`
	Settings settingsChange `json:"settings,omitzero"`
}

type queueChange struct {
	Name     *string        `json:"name,omitempty" maxLength:"100"`
	Settings settingsChange `json:"settings,omitzero" doc:"Those that are to change"`
}

func (a *API) queueRoutes() {
	read[QueueList](a, "/queues", "Queues", a.listQueues)
	read[Queue](a, "/queues/{id}", "One queue", func(_ context.Context, c *caller, in *ByID) ([]byte, error) {
		if err := c.needs(scopeReadConversations); err != nil {
			return nil, err
		}
		q, err := a.queueOf(in.ID)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a.shownQueue(c, q, a.queuedNumbers(c)))
	})
	write[Queue, struct{ Body newQueue }](a, http.MethodPost, "/queues", http.StatusCreated, "Make a queue", a.addQueue)
	write[Queue, struct {
		ByID
		Body queueChange
	}](a, http.MethodPatch, "/queues/{id}", http.StatusOK, "Change its name or settings", a.changeQueue)
	write[nothing, ByID](a, http.MethodDelete, "/queues/{id}", http.StatusNoContent, "Delete it: its numbers and conversations are General's then", a.deleteQueue)
	a.memberRoutes()
}

func (a *API) listQueues(_ context.Context, c *caller, in *Page) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	numbers := a.queuedNumbers(c)
	var queues []Queue
	for _, q := range a.dir.Queues() {
		queues = append(queues, a.shownQueue(c, q, numbers))
	}
	return namedPage(queues, in, func(x *Queue) string { return x.ID })
}

// queuedNumbers are the numbers of each queue that the caller may know of.
func (a *API) queuedNumbers(c *caller) map[gateway.ID][]string {
	numbers := map[gateway.ID][]string{}
	for _, n := range a.router.Numbers() {
		q := a.dir.QueueOf(n.Value)
		if c.reaches(n.Value) && !slices.Contains(numbers[q], n.Value) {
			numbers[q] = append(numbers[q], n.Value)
		}
	}
	return numbers
}

func (a *API) shownQueue(c *caller, q store.Queue, numbers map[gateway.ID][]string) Queue {
	shown := Queue{ID: q.ID.String(), Name: q.Name, Numbers: append([]string{}, numbers[q.ID]...)}
	if c.person() {
		settings := QueueSettings(q.Settings)
		shown.Settings = &settings
	}
	if c.manages(q.ID) {
		shown.Members = a.members(q.ID)
	}
	return shown
}

func (a *API) queueOf(external string) (store.Queue, error) {
	if id, err := gateway.ParseID(external); err == nil {
		if q, ok := a.dir.Queue(id); ok {
			return q, nil
		}
	}
	return store.Queue{}, notFound("queue")
}

// managedQueue finds a queue for who manages it or owns the system.
func (a *API) managedQueue(c *caller, external string) (store.Queue, error) {
	q, err := a.queueOf(external)
	if err == nil && !c.manages(q.ID) {
		err = forbidden("Only managers of this queue and system owners do this.")
	}
	return q, err
}

func checkQueueName(name string) (string, error) {
	name = gateway.OneLine(name)
	switch {
	case name == "":
		return "", invalid("body.name", "a queue needs a name")
	case utf8.RuneCountInString(name) > maxName:
		return "", invalid("body.name", fmt.Sprintf("a name has at most %d characters", maxName))
	}
	return name, nil
}

func (a *API) addQueue(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	var in newQueue
	if err := decode(r, &in); err != nil {
		return err
	}
	q := store.Queue{Settings: gateway.DefaultQueueSettings()}
	var err error
	if q.Name, err = checkQueueName(in.Name); err != nil {
		return err
	}
	if err := in.Settings.apply(&q.Settings); err != nil {
		return err
	}
	for i, n := range in.Numbers {
		if !a.router.Serves(n) {
			return invalid(fmt.Sprintf("body.numbers[%d]", i), fmt.Sprintf("no carrier lists %q as ours", n))
		}
	}
	err = a.change(r.Context(), func(tx *store.Tx) error {
		id, err := tx.AddQueue(q.Name, nil)
		if err != nil {
			return err
		}
		q.ID = id
		if _, err := tx.SaveQueue(q); err != nil {
			return err
		}
		for _, n := range in.Numbers {
			number, err := tx.Number(n)
			if err != nil {
				return err
			}
			number.Queue = id
			if err := tx.SetNumber(number); err != nil {
				return err
			}
		}
		tx.Audit(store.Deed{By: c.actor, Action: "queue.added", Object: "queue " + id.String(),
			Detail: strings.TrimSpace(fmt.Sprintf("%q %s %s", q.Name, strings.Join(in.Numbers, " "), in.Settings))})
		return nil
	})
	if err != nil {
		return taken(err, "body.name", "There is a queue of this name.")
	}
	return respond(w, http.StatusCreated, a.shownQueue(c, q, a.queuedNumbers(c)))
}

func (a *API) changeQueue(w http.ResponseWriter, r *http.Request, c *caller) error {
	found, err := a.managedQueue(c, r.PathValue("id"))
	if err != nil {
		return err
	}
	var in queueChange
	if err := decode(r, &in); err != nil {
		return err
	}
	var name string
	if in.Name != nil {
		if name, err = checkQueueName(*in.Name); err != nil {
			return err
		}
	}
	var q store.Queue
	err = a.change(r.Context(), func(tx *store.Tx) error {
		var ok bool
		var err error
		if q, ok, err = tx.Queue(found.ID); err != nil {
			return err
		}
		if !ok {
			return notFound("queue")
		}
		detail := in.Settings.String()
		if name != "" && name != q.Name {
			detail = strings.TrimSpace(fmt.Sprintf("%q, which was %q %s", name, q.Name, detail))
			q.Name = name
		}
		if err := in.Settings.apply(&q.Settings); err != nil || detail == "" {
			return err
		}
		if _, err := tx.SaveQueue(q); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: c.actor, Action: "queue.changed", Object: "queue " + q.ID.String(), Detail: detail})
		return nil
	})
	if err != nil {
		return taken(err, "body.name", "There is a queue of this name.")
	}
	return respond(w, http.StatusOK, a.shownQueue(c, q, a.queuedNumbers(c)))
}

func (a *API) deleteQueue(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsOwner(); err != nil {
		return err
	}
	q, err := a.queueOf(r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.router.DeleteQueue(r.Context(), c.actor, q.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
