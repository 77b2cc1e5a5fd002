package api

import (
	"context"
	"errors"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// change commits what a request changes about people, queues, numbers, sessions
// or tokens, and has it known here before it is answered.
func (a *API) change(ctx context.Context, fn func(*store.Tx) error) error {
	if err := a.db.Update(ctx, fn); err != nil {
		return err
	}
	return a.dir.Reload(ctx)
}

// taken says that a name or an extension is somebody else's.
func taken(err error, location, text string) error {
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	p := invalid(location, text)
	conflict := problem(statusOf(gateway.Conflict), string(gateway.Conflict), text)
	conflict.Errors = p.Errors
	return conflict
}

// cut shortens a text to some characters.
func cut(s string, characters int) string {
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	return string([]rune(s)[:characters])
}

// named is a queue by its id and name.
func (a *API) namedQueue(id gateway.ID) Named {
	name, _ := a.dir.QueueName(id)
	return Named{id.String(), name}
}

// shownPerson is somebody as they are shown beside what is theirs; nil for nobody.
func (a *API) shownPerson(id gateway.ID) *Person {
	p, ok := a.dir.Person(id)
	if !ok {
		return nil
	}
	return &Person{p.ID.String(), p.Name, p.Extension}
}
