package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// What follows corrects how the OpenAPI document describes the types: a pointer
// to a struct that is always written is null where it is nil.

// TransformSchema implements huma.SchemaTransformer.
func (Conversation) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "contact", "owner", "last_message")
}

// TransformSchema implements huma.SchemaTransformer.
func (ReportRow) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "queue", "agent")
}

// TransformSchema implements huma.SchemaTransformer.
func (Brief) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema { return orNull(s, "owner") }

// TransformSchema implements huma.SchemaTransformer.
func (Message) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "tick", "error", "author")
}

// TransformSchema implements huma.SchemaTransformer.
func (EventData) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["conversation"] = ConversationOrBrief{}.Schema(r)
	return orNull(s, "by")
}

// ConversationOrBrief is how an action is answered: Brief is for who no longer
// sees the conversation.
type ConversationOrBrief struct{}

// Schema implements huma.SchemaProvider.
func (ConversationOrBrief) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		r.Schema(reflect.TypeFor[Conversation](), true, ""),
		r.Schema(reflect.TypeFor[Brief](), true, ""),
	}}
}

func orNull(s *huma.Schema, names ...string) *huma.Schema {
	for _, name := range names {
		p := s.Properties[name]
		if p.Ref == "" {
			p.Nullable = true
			p.Enum = append(p.Enum, nil)
			continue
		}
		s.Properties[name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
	}
	return s
}
