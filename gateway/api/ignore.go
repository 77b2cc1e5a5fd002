package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"smsbridge/gateway"
)

const eventIgnored = "conversation.ignored"

func (a *API) ignoreRoutes() {
	op := a.operation(http.MethodPost, "/conversations/{id}/ignore", http.StatusOK, reflect.TypeFor[ConversationOrBrief](), "Do not ask me about it, as long as it does not change hands")
	op.Description = "For people. It goes on waiting, and others notice nothing. One's own event streams are told by `" + eventIgnored +
		"` with the conversation's id, status, owner and epoch; it has no `id:`, and is not told again on resume."
	mount[actionInput](a, op, a.ignore)
}

// ignored tells which of some conversations who makes the request of ctx ignores.
// Programs ignore nothing.
func (a *API) ignored(ctx context.Context, cs []gateway.Conversation) (map[gateway.ID]bool, error) {
	c := callerOf(ctx)
	if c == nil || !c.person() || len(cs) == 0 {
		return nil, nil
	}
	return a.db.Ignored(ctx, c.actor.ID, cs)
}

func (a *API) ignore(w http.ResponseWriter, r *http.Request, c *caller) error {
	if err := c.needsPerson(); err != nil {
		return err
	}
	var in ActionBody
	if err := decode(r, &in); err != nil {
		return err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return notFound("conversation")
	}
	found, err := a.router.Ignore(r.Context(), c.actor, id, in.Epoch)
	if err != nil {
		return err
	}
	me := c.actor.ID
	a.hub.pass(&passing{a.ignoredFrame(&found), func(c *caller) bool { return c.person() && c.actor.ID == me }})
	return a.writeConversation(w, r, c, http.StatusOK, found)
}

// ignoredFrame is what streams carry of it.
func (a *API) ignoredFrame(c *gateway.Conversation) []byte {
	return passingFrame(eventIgnored, time.Now(), func(b []byte) []byte {
		return a.render.brief(append(b, `"conversation":`...), c)
	})
}
