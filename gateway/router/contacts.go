package router

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// AddContact adds a contact, and returns it as it is then.
func (r *Router) AddContact(ctx context.Context, by gateway.Actor, change gateway.ContactChange) (gateway.Contact, error) {
	var c gateway.Contact
	err := r.update(ctx, by, func(tx *store.Tx) (err error) {
		c, err = r.saveContact(tx, by, gateway.Contact{}, change, "")
		return err
	})
	return c, err
}

// ChangeContact replaces something of a contact, and returns it as it is then.
// What changes nothing writes nothing.
func (r *Router) ChangeContact(ctx context.Context, by gateway.Actor, id gateway.ID, change gateway.ContactChange) (gateway.Contact, error) {
	var c gateway.Contact
	err := r.update(ctx, by, func(tx *store.Tx) error {
		old, err := r.contact(tx, id)
		if err != nil {
			return err
		}
		c, err = r.saveContact(tx, by, old, change, "")
		return err
	})
	return c, err
}

func (r *Router) contact(tx *store.Tx, id gateway.ID) (gateway.Contact, error) {
	c, ok, err := tx.Contact(id)
	if err == nil && !ok {
		err = &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such contact."}
	}
	return c, err
}

// saveContact saves what follows from old by a change: old without an ID is a
// new one. Nothing is written unless all of it is right.
func (r *Router) saveContact(tx *store.Tx, by gateway.Actor, old gateway.Contact, change gateway.ContactChange, detail string) (gateway.Contact, error) {
	next, err := old.Apply(change)
	if err != nil {
		return old, err
	}
	if old.ID != 0 && reflect.DeepEqual(next, old) {
		return old, nil
	}
	owners, err := tx.ContactsOf(next.Numbers)
	if err != nil {
		return old, err
	}
	for _, n := range next.Numbers {
		if id := owners[n]; id != 0 && id != old.ID {
			other, err := r.contact(tx, id)
			if err != nil {
				return old, err
			}
			return old, &gateway.Refusal{Code: gateway.Conflict, Contact: &other,
				Text: fmt.Sprintf("%s is %s's already. Take it from there first, or change that contact.", n, other.Name)}
		}
	}
	action := "contact.changed"
	if old.ID == 0 {
		action = "contact.created"
	}
	if err := tx.SaveContact(&next); err != nil {
		return old, err
	}
	tx.Audit(store.Deed{By: by, Action: action, Object: "contact " + next.ID.String(), Detail: detail})
	return next, r.contactChanged(tx, by, old, next)
}

// contactChanged tells those who see conversations with a contact, as it was or
// as it is, what their customer is called now.
func (r *Router) contactChanged(tx *store.Tx, by gateway.Actor, old, next gateway.Contact) error {
	numbers := slices.Clone(next.Numbers)
	for _, n := range old.Numbers {
		if !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	cs, err := tx.With(numbers)
	if err != nil {
		return err
	}
	for i := range cs {
		c := &cs[i]
		tx.Emit(gateway.Event{Type: gateway.EventUpdated, Before: c.View(), After: c.View(), Conversation: c, By: by.ID, ByName: by.Name})
	}
	return nil
}

// DeleteContact deletes a contact; what was said with it stays. Of people, only
// managers and system owners may.
func (r *Router) DeleteContact(ctx context.Context, by gateway.Actor, id gateway.ID) error {
	if err := managesSome(by, "delete contacts"); err != nil {
		return err
	}
	return r.update(ctx, by, func(tx *store.Tx) error {
		c, err := r.contact(tx, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteContact(id); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: by, Action: "contact.deleted", Object: "contact " + id.String(), Detail: c.Name})
		return r.contactChanged(tx, by, c, gateway.Contact{})
	})
}

// managesSome refuses people who manage no queue.
func managesSome(by gateway.Actor, what string) error {
	if by.Kind != gateway.ActorPerson || by.ManagesAny() {
		return nil
	}
	return &gateway.Refusal{Code: gateway.Forbidden, Text: "Only managers and system owners " + what + "."}
}

// Imported is what became of one row of an import.
type Imported struct {
	Created, Updated bool
	Refused          string // why, for a person; "" if it is not
}

// importAtOnce is how many rows share a transaction: long ones would hold up the
// carriers.
const importAtOnce = 50

// ImportContacts adds contacts, or changes those that have one of a row's numbers
// already: its numbers are then added to theirs. A row that cannot be saved hurts
// no other. What was committed before an error stays, and is what comes back. Of
// people, only managers and system owners may.
func (r *Router) ImportContacts(ctx context.Context, by gateway.Actor, changes []gateway.ContactChange) ([]Imported, error) {
	if err := managesSome(by, "import contacts"); err != nil {
		return nil, err
	}
	done := make([]Imported, 0, len(changes))
	for some := range slices.Chunk(changes, importAtOnce) {
		var results []Imported
		if err := r.update(ctx, by, func(tx *store.Tx) error {
			results = results[:0]
			for _, change := range some {
				result, err := r.importContact(tx, by, change)
				if err != nil {
					return err
				}
				results = append(results, result)
			}
			return nil
		}); err != nil {
			return done, err
		}
		done = append(done, results...)
	}
	return done, nil
}

func (r *Router) importContact(tx *store.Tx, by gateway.Actor, change gateway.ContactChange) (Imported, error) {
	owners, err := tx.ContactsOf(change.Numbers)
	if err != nil {
		return Imported{}, err
	}
	var old gateway.Contact
	for _, n := range change.Numbers {
		id := owners[n]
		if id == 0 || id == old.ID {
			continue
		}
		found, err := r.contact(tx, id)
		if err != nil {
			return Imported{}, err
		}
		if old.ID != 0 {
			return Imported{Refused: fmt.Sprintf("Its numbers are those of two contacts, %s and %s.", old.Name, found.Name)}, nil
		}
		old = found
	}
	change.AddNumbers = true
	_, err = r.saveContact(tx, by, old, change, "import")
	var fault *gateway.FieldError
	switch {
	case errors.As(err, &fault):
		return Imported{Refused: fault.Error()}, nil
	case err != nil:
		return Imported{}, err
	}
	return Imported{Created: old.ID == 0, Updated: old.ID != 0}, nil
}
