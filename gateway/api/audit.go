package api

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Deed is a row of the audit: who did what.
type Deed struct {
	ID             string    `json:"id"`
	At             time.Time `json:"at"`
	Actor          Actor     `json:"actor"`
	Action         string    `json:"action" example:"conversation.taken"`
	ConversationID *string   `json:"conversation_id" doc:"To which, if it was one"`
	Object         string    `json:"object" example:"queue 01j…" doc:"To what, where that is no conversation"`
	Detail         string    `json:"detail"`
}

// Actor is who did something.
type Actor struct {
	Kind string  `json:"kind" enum:"person,token,system"`
	ID   *string `json:"id" doc:"Null for the gateway itself"`
	Name string  `json:"name" doc:"As it was then"`
}

// DeedList is a page of the audit.
type DeedList struct {
	Items      []Deed  `json:"items" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

type auditQuery struct {
	Page
	Conversation string    `query:"conversation" doc:"Its id"`
	Actor        string    `query:"actor" doc:"The id of a person or token"`
	Action       string    `query:"action" maxLength:"100"`
	Since        time.Time `query:"since" doc:"Then or later"`
}

func (a *API) auditRoutes() {
	read[DeedList](a, "/audit", "Who did what, newest first: managers see what was done to the conversations of their queues, and their own", a.listDeeds)
}

func (a *API) listDeeds(ctx context.Context, c *caller, in *auditQuery) ([]byte, error) {
	if err := c.needsManager(); err != nil {
		return nil, err
	}
	l := store.DeedList{Action: in.Action, Since: in.Since, Visible: c.visible(), Limit: in.limit() + 1}
	var err error
	if in.Conversation != "" {
		if l.Conversation, err = gateway.ParseID(in.Conversation); err != nil {
			return nil, invalid("query.conversation", "no id of a conversation")
		}
	}
	if in.Actor != "" {
		if l.Actor, err = gateway.ParseID(in.Actor); err != nil {
			return nil, invalid("query.actor", "no id of a person or token")
		}
	}
	after, err := in.place()
	if err != nil {
		return nil, err
	}
	if after != nil {
		l.Before = after.ID
	}
	found, err := a.db.Deeds(ctx, l)
	if err != nil {
		return nil, err
	}
	return idPage(found, in.limit(), shownDeed, func(d *store.Deed) string { return cursorOf(d.At, d.ID) })
}

func shownDeed(d *store.Deed) Deed {
	kinds := map[gateway.ActorKind]string{gateway.ActorPerson: "person", gateway.ActorProgram: "token", gateway.ActorSystem: "system"}
	return Deed{d.ID.String(), d.At.UTC(), Actor{kinds[d.By.Kind], idOrNull(d.By.ID), d.By.Name}, d.Action, idOrNull(d.Conversation), d.Object, d.Detail}
}

func idOrNull(id gateway.ID) *string {
	if id == 0 {
		return nil
	}
	text := id.String()
	return &text
}

// idPage is a page of rows, of which there may be one more than wanted to show
// that there are more.
func idPage[Row, Item any](rows []Row, limit int, show func(*Row) Item, cursor func(*Row) string) ([]byte, error) {
	p := page[Item]{Items: make([]Item, 0, min(len(rows), limit))}
	for i := range rows {
		if i == limit {
			next := cursor(&rows[i-1])
			p.NextCursor = &next
			break
		}
		p.Items = append(p.Items, show(&rows[i]))
	}
	return json.Marshal(p)
}

const (
	recordEvery = 5 * time.Minute // one reading of the same by the same
	maxReadings = 10000           // that are remembered
)

// readings remembers what was lately recorded as read. Whatever it forgets is
// recorded once more.
type readings struct {
	mu   sync.Mutex
	last map[reading]time.Time
}

// reading is what somebody read: a conversation as it was, or a list.
type reading struct {
	reader       gateway.ID
	conversation gateway.ID
	epoch        int64
	list         string
}

// lately tells whether this has been recorded in the last minutes.
func (r *readings) lately(x reading, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.last[x]
	return ok && now.Sub(at) < recordEvery
}

func (r *readings) recorded(x reading, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.last) >= maxReadings {
		for old, at := range r.last {
			if now.Sub(at) >= recordEvery {
				delete(r.last, old)
			}
		}
		if len(r.last) >= maxReadings { // so many at once
			clear(r.last)
		}
	}
	if r.last == nil {
		r.last = map[reading]time.Time{}
	}
	r.last[x] = now
}

// record has the audit say that the caller reads what is somebody else's. Where
// that cannot be written, it is not to be read either.
func (a *API) record(ctx context.Context, x reading, d store.Deed) error {
	now := time.Now()
	if a.reads.lately(x, now) {
		return nil
	}
	if err := a.db.Update(ctx, func(tx *store.Tx) error { tx.Audit(d); return nil }); err != nil {
		return err
	}
	a.reads.recorded(x, now)
	return nil
}

// recordRead records that the caller reads a conversation, if somebody else has
// it or has dealt with it. What waits is everybody's business.
func (a *API) recordRead(ctx context.Context, c *caller, read gateway.Conversation) error {
	if !c.readsOthers(&read) {
		return nil
	}
	return a.record(ctx, reading{reader: c.actor.ID, conversation: read.ID, epoch: read.Epoch},
		store.Deed{By: c.actor, Action: "conversation.read", Conversation: read.ID})
}

// readsOthers tells conversations that somebody else has or has dealt with.
func (c *caller) readsOthers(x *gateway.Conversation) bool {
	owner := x.View().Owner
	return owner != 0 && !(c.person() && owner == c.actor.ID)
}

// recordListed records that a list shows the caller the last texts of what others
// have, with what they asked for. Most lists show none.
func (a *API) recordListed(ctx context.Context, c *caller, list []gateway.Conversation, action string, asked func() string) error {
	for i := range list {
		if c.readsOthers(&list[i]) {
			text := asked()
			return a.record(ctx, reading{reader: c.actor.ID, list: action + "?" + text}, store.Deed{By: c.actor, Action: action, Detail: text})
		}
	}
	return nil
}

// askedFor is a query of those parameters that have a value, in one order.
func askedFor(parameters map[string]string) string {
	asked := url.Values{}
	for name, value := range parameters {
		if value != "" {
			asked.Set(name, value)
		}
	}
	return asked.Encode()
}

// recordList records that a manager lists texts, with what they asked for.
func (a *API) recordList(ctx context.Context, c *caller, in *messageQuery) error {
	since := ""
	if !in.Since.IsZero() {
		since = in.Since.UTC().Format(time.RFC3339)
	}
	text := askedFor(map[string]string{"direction": in.Direction, "number": in.Number, "peer": in.Peer, "tick": in.Tick, "reference": in.Reference, "since": since})
	return a.record(ctx, reading{reader: c.actor.ID, list: "messages?" + text}, store.Deed{By: c.actor, Action: "messages.listed", Detail: text})
}
