package config

import (
	"reflect"
	"testing"
	"time"
)

// Each option has a rule, and each rule an option.
func TestRules(t *testing.T) {
	left := rules()
	var walk func(reflect.Type, string)
	walk = func(typ reflect.Type, path string) {
		switch {
		case typ.Kind() == reflect.Map:
			walk(typ.Key(), path+"{key}")
			walk(typ.Elem(), path+"{}")
		case typ.Kind() == reflect.Pointer:
			walk(typ.Elem(), path)
		case typ.Kind() == reflect.Slice:
			walk(typ.Elem(), path+"[]")
		case typ.Kind() == reflect.Struct:
			for name, i := range options(typ) {
				if !optionName.MatchString(name) {
					t.Errorf("%s: field %s has no yaml tag", path, typ.Field(i).Name)
				}
				walk(typ.Field(i).Type, join(path, name))
			}
			for _, name := range required(path) {
				if _, ok := options(typ)[name]; !ok {
					t.Errorf("%s.%s is required and no option", path, name)
				}
			}
		default:
			if left[path] == nil {
				t.Errorf("%s has no rule", path)
			}
			delete(left, path)
		}
	}
	walk(reflect.TypeFor[Config](), "")
	for path := range left {
		t.Errorf("%s has a rule and is no option", path)
	}
}

func TestNumber(t *testing.T) {
	for _, s := range []string{
		"+1234567", "+123456789012345", "123", "12345678", "A", "1800FLOWERS", "Acme Ltd", "Größe", "ΔΣ", "a€€€€€",
	} {
		if err := number(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "+", "+123456", "+1234567890123456", "+0123456789", "+1 260 205 8900", "12", "123456789",
		"12602058900", "(260) 205-8900", "123-456", "Acme Limited", "a€€€€€€", " Acme", "Acme\n", "čaj", "12:30", "😀a",
	} {
		if err := number(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func TestATCommand(t *testing.T) {
	for _, s := range []string{`AT+CSCS="GSM"`, "at+cpin?", "AT+CMGF?", "AT+CMGF=0", "AT^CURC=0", "ATE0;+CPIN?"} {
		if err := atCommand(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestShort(t *testing.T) {
	for _, tt := range []struct {
		in   time.Duration
		want string
	}{
		{time.Hour, "1h"}, {10 * time.Minute, "10m"}, {90 * time.Second, "1m30s"},
		{0, "0s"}, {500 * time.Millisecond, "500ms"}, {time.Hour + time.Second, "1h0m1s"},
	} {
		if got := short(tt.in); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
