package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
)

// QueueSettings say how a queue hands out what waits in it.
type QueueSettings gateway.QueueSettings

// TransformSchema implements huma.SchemaTransformer.
func (QueueSettings) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return orNull(s, "hours")
}

// PartialSettings are those of QueueSettings that are to change.
type PartialSettings gateway.QueueSettings

// TransformSchema implements huma.SchemaTransformer.
func (PartialSettings) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Required = nil
	return orNull(s, "hours")
}

// settingsChange is a JSON object with those settings of a queue that are to
// change.
type settingsChange struct{ text json.RawMessage }

// Schema implements huma.SchemaProvider.
func (settingsChange) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[PartialSettings](), true, "")
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *settingsChange) UnmarshalJSON(b []byte) error {
	c.text = slices.Clone(b)
	return nil
}

// String is the change as the audit has it.
func (c settingsChange) String() string {
	var b bytes.Buffer
	if c.text == nil || json.Compact(&b, c.text) != nil || b.String() == "null" || b.String() == "{}" {
		return ""
	}
	return cut(b.String(), 2000)
}

// apply makes the change, and checks what comes of it. Hours are replaced whole;
// null is none.
func (c settingsChange) apply(to *gateway.QueueSettings) error {
	const location = "body.settings"
	if c.text == nil {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(c.text, &fields); err != nil {
		return invalid(location, "want an object")
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		at := location + "." + name
		if name == "hours" {
			to.Hours = nil
		} else if string(fields[name]) == "null" {
			return invalid(at, "it cannot be null")
		}
		one, err := json.Marshal(map[string]json.RawMessage{name: fields[name]})
		if err != nil {
			return err
		}
		d := json.NewDecoder(bytes.NewReader(one))
		d.DisallowUnknownFields()
		if err := d.Decode(to); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) {
				return invalid(location+"."+kind.Field, "want "+wanted(kind.Type)+", not a "+kind.Value)
			}
			return invalid(at, strings.TrimPrefix(err.Error(), "json: "))
		}
	}
	if err := to.Check(); err != nil {
		where, what, _ := strings.Cut(err.Error(), ": ")
		return invalid(location+"."+where, what)
	}
	return nil
}
