package api

import (
	"net/http"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
)

// ActionBody is what every action may be told.
type ActionBody struct {
	Epoch *int64 `json:"epoch,omitempty" doc:"Refuse with stale_epoch if the conversation has changed since"`
}

type transferBody struct {
	ActionBody
	Agent string `json:"agent,omitempty" doc:"Either the id of an agent"`
	Queue string `json:"queue,omitempty" doc:"or that of a queue"`
	Note  string `json:"note,omitempty" doc:"For whom it goes to"`
}

type dealtWithBody struct {
	ActionBody
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why, in a few words, for reports"`
}

type snoozeBody struct {
	ActionBody
	Until *time.Time `json:"until,omitempty" doc:"One that is not in the future ends the snooze; null or none: until the customer's next text"`
}

type noteBody struct {
	ActionBody
	Text string `json:"text"`
}

type actionInput struct {
	ByID
	Body *ActionBody
}

func (a *API) actionRoutes() {
	plain := map[string]struct {
		kind    gateway.ActionKind
		summary string
	}{
		"take":      {gateway.ActTake, "Take it: from now on it is one's own"},
		"release":   {gateway.ActRelease, "Let it wait in its queue again"},
		"archive":   {gateway.ActArchive, "Put one's own away until the customer writes"},
		"unarchive": {gateway.ActUnarchive, "Get it back"},
		"read":      {gateway.ActRead, "Say that its owner has read it"},
	}
	for name, p := range plain {
		write[ConversationOrBrief, actionInput](a, http.MethodPost, "/conversations/{id}/"+name, http.StatusOK, p.summary,
			func(w http.ResponseWriter, r *http.Request, c *caller) error {
				var in ActionBody
				if err := decode(r, &in); err != nil {
					return err
				}
				return a.act(w, r, c, gateway.Action{Kind: p.kind}, router.Details{Epoch: in.Epoch})
			})
	}
	write[ConversationOrBrief, struct {
		ByID
		Body *dealtWithBody
	}](a, http.MethodPost, "/conversations/{id}/dealt-with", http.StatusOK, "Close it", func(w http.ResponseWriter, r *http.Request, c *caller) error {
		var in dealtWithBody
		if err := decode(r, &in); err != nil {
			return err
		}
		return a.act(w, r, c, gateway.Action{Kind: gateway.ActDealtWith}, router.Details{Epoch: in.Epoch, Reason: in.Reason})
	})
	write[ConversationOrBrief, struct {
		ByID
		Body transferBody
	}](a, http.MethodPost, "/conversations/{id}/transfer", http.StatusOK, "Give it to an agent or a queue", a.transfer)
	write[ConversationOrBrief, struct {
		ByID
		Body snoozeBody
	}](a, http.MethodPost, "/conversations/{id}/snooze", http.StatusOK, "Put one's own away until a time", a.snooze)
	write[ConversationOrBrief, struct {
		ByID
		Body noteBody
	}](a, http.MethodPost, "/conversations/{id}/notes", http.StatusOK, "Add a remark that is never sent", a.note)
	write[ConversationOrBrief, actionInput](a, http.MethodPost, "/conversations/{id}/block", http.StatusOK, "Keep the customer from reaching anybody",
		func(w http.ResponseWriter, r *http.Request, c *caller) error {
			return a.onCustomer(w, r, c, a.router.Block)
		})
	write[nothing, actionInput](a, http.MethodDelete, "/conversations/{id}", http.StatusNoContent, "Delete what is archived",
		func(w http.ResponseWriter, r *http.Request, c *caller) error {
			var in ActionBody
			if err := decode(r, &in); err != nil {
				return err
			}
			return a.act(w, r, c, gateway.Action{Kind: gateway.ActDelete}, router.Details{Epoch: in.Epoch})
		})
}

// target reads which conversation a request is about. For programs that are
// limited to numbers it makes sure that they reach it.
func (a *API) target(r *http.Request, c *caller) (gateway.ID, error) {
	if err := c.needs(scopeWriteConversations); err != nil {
		return 0, err
	}
	if c.limits != nil {
		found, err := a.visibleConversation(r.Context(), c, r.PathValue("id"))
		return found.ID, err
	}
	id, err := gateway.ParseID(r.PathValue("id"))
	if err != nil {
		return 0, notFound("conversation")
	}
	return id, nil
}

func (a *API) act(w http.ResponseWriter, r *http.Request, c *caller, action gateway.Action, d router.Details) error {
	id, err := a.target(r, c)
	if err != nil {
		return err
	}
	next, err := a.router.Act(r.Context(), c.actor, id, action, d)
	if err != nil {
		return err
	}
	if next.Status == gateway.StatusDeleted {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return a.writeConversation(w, r, c, http.StatusOK, next)
}

// writeConversation answers with a conversation, or with what is left of it for
// who no longer sees it.
func (a *API) writeConversation(w http.ResponseWriter, r *http.Request, c *caller, status int, next gateway.Conversation) error {
	if !c.sees(next.View(), next.Number) {
		return writeJSON(w, status, a.render.brief(nil, &next))
	}
	body, err := a.conversationJSON(r.Context(), next)
	if err != nil {
		return err
	}
	return writeJSON(w, status, body)
}

func (a *API) transfer(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in transferBody
	if err := decode(r, &in); err != nil {
		return err
	}
	action, err := transferTo(in.Agent, in.Queue)
	if err != nil {
		return err
	}
	return a.act(w, r, c, action, router.Details{Epoch: in.Epoch, Note: in.Note})
}

// transferTo reads to whom a conversation is to go.
func transferTo(agent, queue string) (action gateway.Action, err error) {
	action.Kind = gateway.ActTransfer
	switch {
	case (agent == "") == (queue == ""):
		return action, invalid("body", "give either agent or queue")
	case agent != "":
		if action.Agent, err = gateway.ParseID(agent); err != nil {
			return action, &gateway.Refusal{Code: gateway.AgentUnavailable, Text: "There is no such agent."}
		}
	default:
		if action.Queue, err = gateway.ParseID(queue); err != nil {
			return action, &gateway.Refusal{Code: gateway.AgentUnavailable, Text: "There is no such queue."}
		}
	}
	return action, nil
}

func (a *API) snooze(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in snoozeBody
	if err := decode(r, &in); err != nil {
		return err
	}
	until := gateway.UntilText
	if in.Until != nil {
		until = in.Until.UTC()
	}
	if until.After(gateway.UntilText) {
		return invalid("body.until", "too far away")
	}
	return a.act(w, r, c, gateway.Action{Kind: gateway.ActSnooze, Until: until}, router.Details{Epoch: in.Epoch})
}

func (a *API) note(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in noteBody
	if err := decode(r, &in); err != nil {
		return err
	}
	id, err := a.fresh(r, c, in.Epoch)
	if err != nil {
		return err
	}
	if _, err := a.router.Note(r.Context(), c.actor, id, in.Text); err != nil {
		return err
	}
	found, err := a.visibleConversation(r.Context(), c, id.String())
	if err != nil {
		return err
	}
	return a.writeConversation(w, r, c, http.StatusOK, found)
}

// fresh is target for what depends on no state of the conversation: who gives
// an epoch is told of a change, but none that comes between does harm.
func (a *API) fresh(r *http.Request, c *caller, epoch *int64) (gateway.ID, error) {
	id, err := a.target(r, c)
	if err != nil || epoch == nil {
		return id, err
	}
	found, err := a.visibleConversation(r.Context(), c, r.PathValue("id"))
	if err == nil && found.Epoch != *epoch {
		err = &gateway.Refusal{Code: gateway.StaleEpoch, Text: "The conversation has changed since you saw it.", Current: &found}
	}
	return id, err
}
