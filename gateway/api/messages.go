package api

import (
	"context"
	"net/http"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

type messageQuery struct {
	Page
	Direction string    `query:"direction" enum:"in,out"`
	Number    string    `query:"number" maxLength:"64" doc:"Ours"`
	Peer      string    `query:"peer" maxLength:"64" doc:"The customer's"`
	Tick      string    `query:"tick" enum:"queued,sending,sent,delivered,failed,expired,unknown"`
	Reference string    `query:"reference" maxLength:"255"`
	Since     time.Time `query:"since" doc:"Created then or later"`
}

func (a *API) messageRoutes() {
	read[MessageList](a, "/messages", "Texts, newest first: for managers, system owners and programs", a.listMessages)
	read[Message](a, "/messages/{id}", "One message", a.getMessage)
	a.traceRoutes()
	for name, do := range map[string]func(context.Context, gateway.Actor, gateway.ID) (gateway.Message, error){
		"resend": a.router.Resend, "cancel": a.router.Cancel,
	} {
		summary := "Queue again what failed, expired or is unknown"
		if name == "cancel" {
			summary = "Drop what is not sent yet, for certain; ask the carrier to forget what it has"
		}
		write[Message, struct {
			ByID
			Body *NoBody
		}](a, http.MethodPost, "/messages/{id}/"+name, http.StatusOK, summary, func(w http.ResponseWriter, r *http.Request, c *caller) error {
			if err := decode(r, &struct{}{}); err != nil {
				return err
			}
			if err := c.needs(scopeSend); err != nil {
				return err
			}
			id, err := gateway.ParseID(r.PathValue("id"))
			if err != nil {
				return notFound("message")
			}
			m, err := do(r.Context(), c.actor, id)
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, a.render.message(make([]byte, 0, 768), &m))
		})
	}
}

// listMessages shows programs what they may read, or only what they sent, and
// managers the texts of their queues.
func (a *API) listMessages(ctx context.Context, c *caller, in *messageQuery) ([]byte, error) {
	l := store.MessageList{Numbers: c.limits, Number: in.Number, Peer: in.Peer, Reference: in.Reference, Since: in.Since}
	switch {
	case !c.person() && c.has(scopeReadMessages):
		l.Visible = &store.Visible{Everything: true}
	case !c.person():
		if err := c.needs(scopeSend); err != nil {
			return nil, c.needs(scopeReadMessages)
		}
		l.Author = c.actor.ID
	default:
		v := c.visible()
		if !v.Everything && len(v.Manages) == 0 {
			return nil, forbidden("Only managers and system owners list all messages.")
		}
		l.Visible = &v
	}
	switch in.Direction {
	case "in":
		direction := gateway.In
		l.Direction = &direction
	case "out":
		direction := gateway.Out
		l.Direction = &direction
	}
	if in.Tick != "" {
		var err error
		if l.Tick, err = gateway.ParseTick(in.Tick); err != nil {
			return nil, invalid("query.tick", err.Error())
		}
	}
	if c.person() {
		if err := a.recordList(ctx, c, in); err != nil {
			return nil, err
		}
	}
	return a.messagePage(ctx, l, &in.Page)
}

// getMessage shows a message to who sees its conversation, and to the program
// that sent it.
func (a *API) getMessage(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
	m, err := a.visibleMessage(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return a.render.message(make([]byte, 0, 768), &m), nil
}

// visibleMessage reads a message for who may see it, and has the audit say so
// where it is somebody else's. What a program sent is its own.
func (a *API) visibleMessage(ctx context.Context, c *caller, text string) (m gateway.Message, err error) {
	if !c.person() && !c.has(scopeSend) {
		if err := c.needs(scopeReadMessages); err != nil {
			return m, err
		}
	}
	id, err := gateway.ParseID(text)
	if err != nil {
		return m, notFound("message")
	}
	m, ok, err := a.db.Message(ctx, id)
	if err != nil {
		return m, err
	}
	if !ok {
		return m, notFound("message")
	}
	if c.person() || m.Author != c.actor.ID {
		conversation, _, err := a.db.Conversation(ctx, m.Conversation)
		if err != nil {
			return m, err
		}
		if !c.sees(conversation.View(), m.Number) || !c.person() && (m.Kind != gateway.KindText || !c.has(scopeReadMessages)) {
			return m, notFound("message")
		}
		if err := a.recordRead(ctx, c, conversation); err != nil {
			return m, err
		}
	}
	return m, nil
}
