package gateway

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParseContactNumber(t *testing.T) {
	for _, tt := range []struct {
		typed string
		want  Address
	}{
		{"(260) 205-8901", Address{AddressE164, "+12602058901"}},
		{" +44 7400 123456 ", Address{AddressE164, "+447400123456"}},
		{"12345", Address{AddressShort, "12345"}},
		{"ACME", Address{AddressAlphanumeric, "ACME"}},
		{"Bank 24", Address{AddressAlphanumeric, "Bank 24"}},
		{"Großmüller", Address{AddressAlphanumeric, "Großmüller"}},
	} {
		if got, err := ParseContactNumber(tt.typed, "US"); err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v", tt.typed, got, err)
		}
	}
	for typed, suggestion := range map[string]string{"": "", " ": "", "911": "", "+1260": "", "1-800-FLOWERS": "+18003569377", "1.26021E+10": "", "1,26E10": "",
		"12602058903x": "", "call 12602058903": "", "A;B": "", "somebody who has a very long name": "", "?": "", "A\tB": ""} {
		_, err := ParseContactNumber(typed, "US")
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Code != NumberInvalid || refusal.Text == "" || suggestion != "" && refusal.Suggestion != suggestion {
			t.Errorf("%q: %+v", typed, err)
		}
	}
}

func TestContactApply(t *testing.T) {
	a, b := Address{AddressE164, "+12602058901"}, Address{AddressAlphanumeric, "ACME"}
	c, err := Contact{}.Apply(ContactChange{Name: new(" Ana\tPérez\n"), Given: new("Ana"), Notes: new("one\r\ntwo\r "), Tags: []string{"VIP", " vip", "", "x"}, Numbers: []Address{a, b, a}})
	if err != nil || c.Name != "Ana Pérez" || c.Given != "" || c.FirstName() != "Ana" || c.Notes != "one\ntwo" || fmt.Sprint(c.Tags) != "[VIP x]" || fmt.Sprint(c.Numbers) != "[+12602058901 ACME]" {
		t.Errorf("%+v %v", c, err)
	}
	if c, err = c.Apply(ContactChange{Name: new("Dr. Anna Pérez")}); err != nil || c.FirstName() != "Dr." || len(c.Numbers) != 2 || c.Notes == "" {
		t.Errorf("%+v %v", c, err)
	}
	if c, err = c.Apply(ContactChange{Given: new("Anna"), Numbers: []Address{b, {AddressShort, "123"}}, AddNumbers: true, Tags: []string{}}); err != nil ||
		c.FirstName() != "Anna" || fmt.Sprint(c.Numbers) != "[+12602058901 ACME 123]" || len(c.Tags) != 0 {
		t.Errorf("%+v %v", c, err)
	}
	if c, err = c.Apply(ContactChange{Numbers: []Address{b}}); err != nil || fmt.Sprint(c.Numbers) != "[ACME]" {
		t.Errorf("%+v %v", c, err)
	}
	many := make([]Address, 21)
	tags := make([]string, 21)
	for i := range many {
		many[i], tags[i] = Address{AddressShort, fmt.Sprint(1000 + i)}, fmt.Sprint(i)
	}
	long := func(n int) *string { return new(strings.Repeat("ü", n)) }
	for field, change := range map[string]ContactChange{
		"name":       {Name: long(201)},
		"first_name": {Given: long(201)},
		"company":    {Company: long(201)},
		"notes":      {Notes: long(4001)},
		"numbers":    {Numbers: many},
		"tags":       {Tags: tags},
	} {
		var fault *FieldError
		if _, err := c.Apply(change); !errors.As(err, &fault) || fault.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, change := range []ContactChange{{Name: new(" ")}, {Numbers: []Address{}}, {Tags: []string{"a;b"}}, {Tags: []string{*long(51)}}} {
		if _, err := c.Apply(change); err == nil {
			t.Errorf("%+v is accepted", change)
		}
	}
	if _, err := c.Apply(ContactChange{Name: long(200), Given: long(200), Company: long(200), Notes: long(4000), Numbers: many[:20], Tags: tags[:20]}); err != nil {
		t.Error(err)
	}
}
