package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"time"
)

const redacted = "[redacted]"

// LogValue returns the configuration with its secrets redacted.
func (c Config) LogValue() slog.Value { return slog.GroupValue(attrs(reflect.ValueOf(c))...) }

// String returns what LogValue does, on one line.
func (c Config) String() string { return c.LogValue().String() }

// GoString is String: %#v shows no secrets either.
func (c Config) GoString() string { return c.String() }

// LogValue returns the carrier with its secrets redacted.
func (c Carrier) LogValue() slog.Value { return slog.GroupValue(attrs(reflect.ValueOf(c))...) }

// String returns what LogValue does, on one line.
func (c Carrier) String() string { return c.LogValue().String() }

// GoString is String: %#v shows no secrets either.
func (c Carrier) GoString() string { return c.String() }

// attrs lists the options of a section that have a value.
func attrs(v reflect.Value) []slog.Attr {
	fields := options(v.Type())
	var as []slog.Attr
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Tag.Get("yaml"), v.Field(i)
		if f.IsZero() {
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		switch x := f.Interface(); {
		case secret(fields, name):
			as = append(as, slog.String(name, redacted))
		case f.Type() == reflect.TypeFor[time.Duration]():
			as = append(as, slog.String(name, x.(time.Duration).String()))
		case f.Type() == reflect.TypeFor[string]():
			as = append(as, slog.String(name, withoutPassword(x.(string))))
		case f.Kind() == reflect.Struct:
			as = append(as, slog.Attr{Key: name, Value: slog.GroupValue(attrs(f)...)})
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct:
			for j := range f.Len() {
				as = append(as, slog.Attr{Key: fmt.Sprintf("%s[%d]", name, j), Value: slog.GroupValue(attrs(f.Index(j))...)})
			}
		default:
			as = append(as, slog.Any(name, x))
		}
	}
	return as
}

// withoutPassword redacts the passwords of a URL: that of its user, and those
// in the parameters of PostgreSQL's.
func withoutPassword(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	u, err := url.Parse(s)
	if err != nil {
		return redacted
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), "redacted")
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		u.RawQuery = "redacted"
	}
	for k := range q {
		if err == nil && strings.Contains(strings.ToLower(k), "password") {
			q.Set(k, "redacted")
			u.RawQuery = q.Encode()
		}
	}
	return u.String()
}
