package router

import (
	"context"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Ignore has a person asked no more what to do about a conversation that they
// see, until somebody changes its status, owner or queue. Nobody else notices.
func (r *Router) Ignore(ctx context.Context, by gateway.Actor, id gateway.ID, epoch *int64) (gateway.Conversation, error) {
	var c gateway.Conversation
	err := r.update(ctx, by, func(tx *store.Tx) error {
		var err error
		if c, err = r.visible(tx, by, id); err != nil {
			return err
		}
		if err := stale(c, by, epoch); err != nil {
			return err
		}
		return tx.Ignore(by.ID, c.ID, c.Epoch)
	})
	return c, err
}
