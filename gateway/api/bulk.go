package api

import (
	"encoding/json"
	"net/http"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
)

// maxBulk is how many conversations can be transferred at once.
const maxBulk = 1000

type bulkTransferBody struct {
	Conversations []string `json:"conversations" nullable:"false" minItems:"1" maxItems:"1000" doc:"Their ids"`
	Agent         string   `json:"agent,omitempty" doc:"Either the id of an agent"`
	Queue         string   `json:"queue,omitempty" doc:"or that of a queue"`
	Note          string   `json:"note,omitempty" doc:"For whom they go to"`
}

// BulkResult answers for one conversation of many.
type BulkResult struct {
	ID     string   `json:"id"`
	Status int      `json:"status" example:"200"`
	Error  *Problem `json:"error,omitempty"`
}

// BulkAnswer answers for many conversations, in their order.
type BulkAnswer struct {
	Items []BulkResult `json:"items" nullable:"false"`
}

func (a *API) bulkRoutes() {
	write[BulkAnswer, struct{ Body bulkTransferBody }](a, http.MethodPost, "/conversations/transfer", http.StatusOK,
		"Give many to an agent or a queue, each answered by itself", a.transferMany)
}

// transferMany does what transfer does to each of many: some may have moved on
// since they were listed, which keeps none of the others.
func (a *API) transferMany(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in bulkTransferBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.needs(scopeWriteConversations); err != nil {
		return err
	}
	if len(in.Conversations) == 0 || len(in.Conversations) > maxBulk {
		return invalid("body.conversations", "want 1 to 1000 ids")
	}
	action, err := transferTo(in.Agent, in.Queue)
	if err != nil {
		return err
	}
	answer := BulkAnswer{Items: make([]BulkResult, len(in.Conversations))}
	inParallel(len(in.Conversations), func(i int) {
		answer.Items[i] = BulkResult{ID: in.Conversations[i], Status: http.StatusOK}
		if err := a.transferOne(r, c, in.Conversations[i], action, in.Note); err != nil {
			p := a.problemOf(r.Context(), err)
			answer.Items[i].Status, answer.Items[i].Error = p.Status, p
		}
	})
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

func (a *API) transferOne(r *http.Request, c *caller, external string, action gateway.Action, note string) error {
	found, err := a.visibleConversation(r.Context(), c, external)
	if err != nil {
		return err
	}
	_, err = a.router.Act(r.Context(), c.actor, found.ID, action, router.Details{Note: note})
	return err
}
