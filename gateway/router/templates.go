package router

import (
	"context"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// AddTemplate adds a template, and returns it as it is then.
func (r *Router) AddTemplate(ctx context.Context, by gateway.Actor, change gateway.TemplateChange) (gateway.Template, error) {
	t, err := gateway.Template{}.Apply(change)
	if err != nil {
		return t, err
	}
	if err := r.mayKeepTemplate(by, t); err != nil {
		return t, err
	}
	err = r.update(ctx, by, func(tx *store.Tx) error {
		t.ID = 0
		if err := tx.SaveTemplate(&t); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: by, Action: "template.created", Object: "template " + t.ID.String()})
		return nil
	})
	return t, err
}

// ChangeTemplate replaces something of a template, and returns it as it is then.
// What changes nothing writes nothing.
func (r *Router) ChangeTemplate(ctx context.Context, by gateway.Actor, id gateway.ID, change gateway.TemplateChange) (gateway.Template, error) {
	var t gateway.Template
	err := r.update(ctx, by, func(tx *store.Tx) error {
		old, err := r.managedTemplate(tx, by, id)
		if err != nil {
			return err
		}
		if t, err = old.Apply(change); err != nil || t == old {
			return err
		}
		if err := r.mayKeepTemplate(by, t); err != nil {
			return err
		}
		if err := tx.SaveTemplate(&t); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: by, Action: "template.changed", Object: "template " + id.String()})
		return nil
	})
	return t, err
}

// DeleteTemplate deletes a template.
func (r *Router) DeleteTemplate(ctx context.Context, by gateway.Actor, id gateway.ID) error {
	return r.update(ctx, by, func(tx *store.Tx) error {
		t, err := r.managedTemplate(tx, by, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteTemplate(id); err != nil {
			return err
		}
		tx.Audit(store.Deed{By: by, Action: "template.deleted", Object: "template " + id.String(), Detail: t.Name})
		return nil
	})
}

// managedTemplate loads a template that by may change. What by may not read is
// not there.
func (r *Router) managedTemplate(tx *store.Tx, by gateway.Actor, id gateway.ID) (gateway.Template, error) {
	t, ok, err := tx.Template(id)
	switch {
	case err != nil:
		return t, err
	case !ok || !t.ReadableBy(by):
		return t, &gateway.Refusal{Code: gateway.NotFound, Text: "There is no such template."}
	}
	return t, templateManager(by, t)
}

// mayKeepTemplate makes sure that by manages the queue that a template is to be
// of, and that there is one.
func (r *Router) mayKeepTemplate(by gateway.Actor, t gateway.Template) error {
	if _, ok := r.dir.QueueName(t.Queue); !ok && t.Queue != 0 {
		return &gateway.FieldError{Field: "queue", Text: "there is no such queue"}
	}
	return templateManager(by, t)
}

func templateManager(by gateway.Actor, t gateway.Template) error {
	switch {
	case t.ManagedBy(by):
		return nil
	case t.Queue == 0:
		return &gateway.Refusal{Code: gateway.Forbidden, Text: "Only managers and system owners change templates that are for all."}
	}
	return &gateway.Refusal{Code: gateway.Forbidden, Text: "Only managers of this queue and system owners change its templates."}
}
