package api

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	maxSearch    = 200 // characters
)

// Page is how lists are asked for.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" default:"50" doc:"At most 1000; larger is clamped"`
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before"`
}

func (p *Page) limit() int {
	if p.Limit == 0 {
		return defaultLimit
	}
	return min(p.Limit, maxLimit)
}

// place reads the cursor; nil without one.
func (p *Page) place() (*store.Place, error) {
	if p.Cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || len(b) != 16 {
		return nil, invalid("query.cursor", "not one that a list answered with")
	}
	return &store.Place{At: time.UnixMicro(int64(binary.BigEndian.Uint64(b))), ID: gateway.ID(binary.BigEndian.Uint64(b[8:]))}, nil
}

func cursorOf(at time.Time, id gateway.ID) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(id)))
}

// list writes a page: the items, of which there may be one more than wanted to
// show that there are more, and the cursor behind the last one.
func list[T any](items []T, limit int, item func([]byte, *T) []byte, cursor func(*T) string) []byte {
	more := len(items) > limit
	items = items[:min(len(items), limit)]
	b := append(make([]byte, 0, 64+len(items)*1024), `{"items":[`...)
	for i := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, &items[i])
	}
	b = append(b, `],"next_cursor":`...)
	if more {
		b = appendString(b, cursor(&items[len(items)-1]))
	} else {
		b = append(b, `null`...)
	}
	return append(b, '}')
}

type conversationQuery struct {
	Page
	View  string `query:"view" enum:"waiting,mine,snoozed,all,archived" doc:"Without it: waiting and mine. snoozed are one's own that are put off, which mine leaves out; all includes archived ones"`
	Queue string `query:"queue" doc:"Its id"`
	Q     string `query:"q" maxLength:"200" doc:"Part of the customer's number, of their contact's name or company, or of a text"`
	Sort  string `query:"sort" enum:"newest,oldest" doc:"oldest: by the time it began to wait; with view=waiting"`
}

// ByID is the path of one thing.
type ByID struct {
	ID string `path:"id" maxLength:"64"`
}

type pageByID struct {
	ByID
	Page
}

func (a *API) conversationRoutes() {
	read[ConversationList](a, "/conversations", "Conversations that one may see, latest change first", a.listConversations)
	read[Conversation](a, "/conversations/{id}", "One conversation", a.getConversation)
	read[MessageList](a, "/conversations/{id}/messages", "Its texts, notes and system lines, newest first", a.listThread)
	read[EventList](a, "/conversations/{id}/events", "What happened to it, newest first", a.listConversationEvents)
	a.historyRoutes()
	a.ignoreRoutes()
	read[Counts](a, "/counts", "The numbers of a client's badges: what its lists hold", a.getCounts)
}

func (a *API) listConversations(ctx context.Context, c *caller, in *conversationQuery) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	l := store.ConversationList{Visible: c.visible(), Numbers: c.limits, Search: strings.TrimSpace(in.Q), Limit: in.limit() + 1}
	l.Digits = a.digitsOf(l.Search)
	yes, no := true, false
	switch in.View {
	case "waiting":
		l.Waiting = true
	case "mine":
		l.Mine, l.Archived, l.Snoozed = true, &no, &no
	case "snoozed":
		l.Mine, l.Archived, l.Snoozed = true, &no, &yes
	case "archived":
		l.Archived = &yes
	case "":
		l.Waiting, l.Mine, l.Archived, l.Snoozed = true, true, &no, &no
	}
	if l.OldestFirst = in.Sort == "oldest"; l.OldestFirst && in.View != "waiting" {
		return nil, invalid("query.sort", "oldest goes with view=waiting")
	}
	if in.Queue != "" {
		var err error
		if l.Queue, err = gateway.ParseID(in.Queue); err != nil {
			return nil, invalid("query.queue", "no id of a queue")
		}
	}
	var err error
	if l.After, err = in.place(); err != nil {
		return nil, err
	}
	cs, err := a.db.Conversations(ctx, l)
	if err != nil {
		return nil, err
	}
	asked := func() string { return askedFor(map[string]string{"view": in.View, "queue": in.Queue, "q": l.Search}) }
	if err := a.recordListed(ctx, c, cs, "conversations.listed", asked); err != nil {
		return nil, err
	}
	ids := make([]gateway.ID, 0, len(cs))
	for i := range cs {
		ids = append(ids, cs[i].LastMessage)
	}
	last, err := a.lastMessages(ctx, ids)
	if err != nil {
		return nil, err
	}
	ignored, err := a.ignored(ctx, cs)
	if err != nil {
		return nil, err
	}
	return list(cs, in.limit(), func(b []byte, c *gateway.Conversation) []byte {
		return a.render.shown(b, c, last[c.LastMessage], ignored[c.ID])
	},
		func(c *gateway.Conversation) string {
			if l.OldestFirst {
				return cursorOf(c.WaitingSince, c.ID)
			}
			return cursorOf(c.UpdatedAt, c.ID)
		}), nil
}

func (a *API) getCounts(ctx context.Context, c *caller, _ *struct{}) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	n, err := a.db.Counts(ctx, c.visible(), c.limits)
	if err != nil {
		return nil, err
	}
	return json.Marshal(Counts{Waiting: n.Waiting, Mine: n.Mine, Unread: n.Unread, MineUnread: n.WithText, Snoozed: n.Snoozed, Badge: n.WithText + n.Waiting})
}

// lastMessages reads messages by their IDs, from what was lately committed if
// they are there.
func (a *API) lastMessages(ctx context.Context, ids []gateway.ID) (map[gateway.ID]*gateway.Message, error) {
	found := make(map[gateway.ID]*gateway.Message, len(ids))
	var missing []gateway.ID
	for _, id := range ids {
		if id == 0 || found[id] != nil {
			continue
		}
		if m := a.hub.message(id); m != nil {
			found[id] = m
		} else {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	read, err := a.db.MessagesByID(ctx, missing)
	for id := range read {
		m := read[id]
		found[id] = &m
	}
	return found, err
}

// conversationJSON renders c with its last message, for who makes the request of
// ctx.
func (a *API) conversationJSON(ctx context.Context, c gateway.Conversation) ([]byte, error) {
	last, err := a.lastMessages(ctx, []gateway.ID{c.LastMessage})
	if err != nil {
		return nil, err
	}
	ignored, err := a.ignored(ctx, []gateway.Conversation{c})
	if err != nil {
		return nil, err
	}
	return a.render.shown(make([]byte, 0, 1024), &c, last[c.LastMessage], ignored[c.ID]), nil
}

// visibleConversation reads a conversation that the caller may see.
func (a *API) visibleConversation(ctx context.Context, c *caller, external string) (gateway.Conversation, error) {
	id, err := gateway.ParseID(external)
	if err != nil {
		return gateway.Conversation{}, notFound("conversation")
	}
	found, ok, err := a.db.Conversation(ctx, id)
	if err != nil {
		return gateway.Conversation{}, err
	}
	if !ok || !c.sees(found.View(), found.Number) {
		return gateway.Conversation{}, notFound("conversation")
	}
	return found, nil
}

func (a *API) getConversation(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	found, err := a.visibleConversation(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.recordRead(ctx, c, found); err != nil {
		return nil, err
	}
	return a.conversationJSON(ctx, found)
}

func (a *API) listThread(ctx context.Context, c *caller, in *pageByID) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	found, err := a.visibleConversation(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.recordRead(ctx, c, found); err != nil {
		return nil, err
	}
	return a.messagePage(ctx, store.MessageList{Conversation: found.ID}, &in.Page)
}

func (a *API) messagePage(ctx context.Context, l store.MessageList, p *Page) ([]byte, error) {
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	if after != nil {
		l.Before = after.ID
	}
	l.Limit = p.limit() + 1
	ms, err := a.db.MessageRows(ctx, l)
	if err != nil {
		return nil, err
	}
	return list(ms, p.limit(), a.render.message, func(m *gateway.Message) string { return cursorOf(m.CreatedAt, m.ID) }), nil
}

func (a *API) listConversationEvents(ctx context.Context, c *caller, in *pageByID) ([]byte, error) {
	if err := c.needs(scopeReadConversations); err != nil {
		return nil, err
	}
	found, err := a.visibleConversation(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	after, err := in.place()
	if err != nil {
		return nil, err
	}
	var before int64
	if after != nil {
		before = int64(after.ID)
	}
	if err := a.recordRead(ctx, c, found); err != nil {
		return nil, err
	}
	es, err := a.db.ConversationEvents(ctx, found.ID, before, in.limit()+1)
	if err != nil {
		return nil, err
	}
	last, err := a.lastMessages(ctx, lastOf(es))
	if err != nil {
		return nil, err
	}
	return list(es, in.limit(), func(b []byte, e *gateway.Event) []byte {
		return a.render.event(b, e, last[e.Conversation.LastMessage], false)
	},
		func(e *gateway.Event) string { return cursorOf(e.Time, gateway.ID(e.Seq)) }), nil
}

func lastOf(es []gateway.Event) []gateway.ID {
	ids := make([]gateway.ID, 0, len(es))
	for i := range es {
		if c := es[i].Conversation; c != nil {
			ids = append(ids, c.LastMessage)
		}
	}
	return ids
}
