package router

import (
	"context"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// DeleteQueue deletes a queue: its numbers and what is in it are General's from
// then on. Its conversations may take a moment, in which managers of General do
// not see them yet.
func (r *Router) DeleteQueue(ctx context.Context, by gateway.Actor, id gateway.ID) error {
	if id == store.GeneralQueue {
		return &gateway.Refusal{Code: gateway.Forbidden, Text: "General cannot be deleted: what belongs nowhere else waits there."}
	}
	found := false
	if err := r.db.Update(ctx, func(tx *store.Tx) (err error) {
		if found, err = tx.HideQueue(id); err != nil || !found {
			return err
		}
		tx.Audit(store.Deed{By: by, Action: "queue.deleted", Object: "queue " + id.String()})
		return nil
	}); err != nil {
		return err
	}
	if !found {
		return &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such queue."}
	}
	if err := r.dir.Reload(ctx); err != nil {
		return err
	}
	return r.emptyHidden(ctx)
}

// emptyHidden finishes the deletion of queues, one that a crash has interrupted
// too.
func (r *Router) emptyHidden(ctx context.Context) error {
	hidden, err := r.db.HiddenQueues(ctx)
	if err != nil {
		return err
	}
	for _, q := range hidden {
		if err := r.emptyQueue(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (r *Router) emptyQueue(ctx context.Context, q gateway.ID) error {
	for {
		ids, err := r.db.InQueue(ctx, q, tendAtOnce)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return r.db.Update(ctx, func(tx *store.Tx) error { return tx.DropQueue(q) })
		}
		for _, id := range ids {
			if _, err := r.Act(ctx, system, id, gateway.Action{Kind: gateway.ActQueueDeleted, Queue: store.GeneralQueue}, Details{}); err != nil {
				return err
			}
		}
	}
}
