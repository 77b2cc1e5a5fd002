package api

import (
	"context"
	"slices"

	"smsbridge/gateway"
)

// PastConversation is a conversation among others with the same person.
type PastConversation struct {
	Conversation
	People []Named `json:"people" nullable:"false" doc:"Who wrote in it or has it; of a closed one, who had it last"`
}

// History is a page of conversations with one person.
type History struct {
	Items      []PastConversation `json:"items" nullable:"false"`
	NextCursor *string            `json:"next_cursor" doc:"Give it as cursor to read on; null at the end"`
}

func (a *API) historyRoutes() {
	read[History](a, "/contacts/{id}/history", "Conversations with a contact, over all numbers and queues, that one may see, latest change first",
		func(ctx context.Context, c *caller, in *pageByID) ([]byte, error) {
			if err := c.needs(scopeReadConversations); err != nil {
				return nil, err
			}
			contact, err := a.contactOf(ctx, c, in.ID)
			if err != nil {
				return nil, err
			}
			return a.history(ctx, c, contact.Numbers, "contact "+contact.ID.String(), &in.Page)
		})
	read[History](a, "/conversations/{id}/history", "Conversations with its customer, over all their and our numbers, that one may see, latest change first; itself among them",
		func(ctx context.Context, c *caller, in *pageByID) ([]byte, error) {
			if err := c.needs(scopeReadConversations); err != nil {
				return nil, err
			}
			found, err := a.visibleConversation(ctx, c, in.ID)
			if err != nil {
				return nil, err
			}
			peers := []gateway.Address{found.Peer}
			if found.Contact != 0 {
				contact, ok, err := a.db.Contact(ctx, found.Contact)
				if err != nil {
					return nil, err
				}
				if ok {
					peers = contact.Numbers
				}
			}
			return a.history(ctx, c, peers, "conversation "+found.ID.String(), &in.Page)
		})
}

// history is a page of what the caller sees of the conversations with some
// customers. There are as many as numbers of theirs and ours at most, so that all
// are read, and who sees which is decided where the rules are. of is what the
// audit says it is the history of.
func (a *API) history(ctx context.Context, c *caller, peers []gateway.Address, of string, p *Page) ([]byte, error) {
	after, err := p.place()
	if err != nil {
		return nil, err
	}
	cs, err := a.db.History(ctx, peers)
	if err != nil {
		return nil, err
	}
	cs = slices.DeleteFunc(cs, func(x gateway.Conversation) bool {
		shown := after != nil && (x.UpdatedAt.After(after.At) || x.UpdatedAt.Equal(after.At) && x.ID >= after.ID)
		return shown || !c.sees(x.View(), x.Number)
	})
	cs = cs[:min(len(cs), p.limit()+1)]
	if err := a.recordListed(ctx, c, cs, "history.read", func() string { return of }); err != nil {
		return nil, err
	}
	ids := make([]gateway.ID, len(cs))
	messages := make([]gateway.ID, len(cs))
	for i := range cs {
		ids[i], messages[i] = cs[i].ID, cs[i].LastMessage
	}
	writers, err := a.db.Writers(ctx, ids)
	if err != nil {
		return nil, err
	}
	last, err := a.lastMessages(ctx, messages)
	if err != nil {
		return nil, err
	}
	ignored, err := a.ignored(ctx, cs)
	if err != nil {
		return nil, err
	}
	return list(cs, p.limit(), func(b []byte, c *gateway.Conversation) []byte {
		b = a.render.shown(b, c, last[c.LastMessage], ignored[c.ID])
		b = append(b[:len(b)-1], `,"people":`...)
		b = marshalled(b, a.peopleOf(c, writers[c.ID]))
		return append(b, '}')
	}, func(c *gateway.Conversation) string { return cursorOf(c.UpdatedAt, c.ID) }), nil
}

// peopleOf names who wrote in a conversation, without programs, and whose it is.
func (a *API) peopleOf(c *gateway.Conversation, writers []gateway.ID) []Named {
	people := []Named{}
	if owner := c.View().Owner; owner != 0 && !slices.Contains(writers, owner) {
		writers = append(writers, owner)
	}
	for _, id := range writers {
		if p, ok := a.dir.Person(id); ok {
			people = append(people, Named{id.String(), p.Name})
		}
	}
	return people
}
