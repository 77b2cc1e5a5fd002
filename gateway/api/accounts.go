package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// What commands and requests ask of people and tokens is the same, and is here.

const (
	minPassword  = 8   // characters
	maxName      = 100 // characters
	maxExtension = 32  // octets
	maxLimits    = 1000
)

// Roles are those that a person may have.
var roles = []string{"agent", "manager", "owner"}

// Scopes are those that a token may have.
func Scopes() []string {
	return []string{scopeSend, scopeReadMessages, scopeReadConversations, scopeWriteConversations, scopeEvents, scopeWriteContacts,
		scopeReadCarriers, scopeManageCarriers, scopeReadMetrics, scopeAdmin}
}

// CheckPerson tidies a person's name and extension, and says what is wrong with
// them and with the role; the error is a *gateway.FieldError.
func CheckPerson(p *store.Person) error {
	p.Name, p.Extension = gateway.OneLine(p.Name), strings.TrimSpace(p.Extension)
	if err := checkName(p.Name, "a person"); err != nil {
		return err
	}
	if p.Extension == "" || strings.ContainsAny(p.Extension, " \t\r\n\x00") || len(p.Extension) > maxExtension {
		return &gateway.FieldError{Field: "extension", Text: fmt.Sprintf("a person needs an extension, at most %d characters without spaces", maxExtension)}
	}
	return checkRole(p.Role)
}

func checkName(name, whose string) error {
	switch {
	case name == "":
		return &gateway.FieldError{Field: "name", Text: whose + " needs a name"}
	case utf8.RuneCountInString(name) > maxName:
		return &gateway.FieldError{Field: "name", Text: fmt.Sprintf("a name has at most %d characters", maxName)}
	}
	return nil
}

func checkRole(role string) error {
	if !slices.Contains(roles, role) {
		return &gateway.FieldError{Field: "role", Text: fmt.Sprintf("want agent, manager or owner, not %q", role)}
	}
	return nil
}

// NewPassword returns the hash of a password that somebody is to have from now
// on; the error is a *gateway.FieldError.
func NewPassword(password string) (hash string, err error) {
	if utf8.RuneCountInString(password) < minPassword {
		return "", &gateway.FieldError{Field: "password", Text: fmt.Sprintf("the password has fewer than %d characters", minPassword)}
	}
	if hash, err = HashPassword(password); err != nil {
		return "", &gateway.FieldError{Field: "password", Text: err.Error()}
	}
	return hash, nil
}

// TokenOrder is the token that somebody wants made.
type TokenOrder struct {
	Name      string    `json:"name" maxLength:"100"`
	Scopes    []string  `json:"scopes" nullable:"false" doc:"messages:send, messages:read, conversations:read, conversations:write, events:read, contacts:write, carriers:read, carriers:manage, metrics:read, admin"`
	Numbers   []string  `json:"numbers,omitempty" doc:"Of ours, that it is limited to; none: all"`
	AllowTo   []string  `json:"allow_to,omitempty" doc:"Beginnings of the numbers that it may text, such as +44; none: all"`
	PerDay    int       `json:"per_day,omitempty" minimum:"0" doc:"Segments that it may send in a day (UTC); 0: as many as the configuration says"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Until when it can be used; without: until it is revoked"`
}

var beginning = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// Make makes the token, whose secret is known to nobody else and cannot be found
// out again; the error is a *gateway.FieldError.
func (o TokenOrder) Make(now time.Time) (secret string, t store.Token, err error) {
	o.Name = gateway.OneLine(o.Name)
	if err := checkName(o.Name, "a token"); err != nil {
		return "", t, err
	}
	known := strings.Join(Scopes(), ", ")
	if len(o.Scopes) == 0 {
		return "", t, &gateway.FieldError{Field: "scopes", Text: "a token needs a scope: " + known}
	}
	for _, s := range o.Scopes {
		if !slices.Contains(Scopes(), s) {
			return "", t, &gateway.FieldError{Field: "scopes", Text: fmt.Sprintf("%q is none of %s", s, known)}
		}
	}
	for _, n := range o.Numbers {
		if _, err := gateway.ParseConfigured(n); err != nil {
			return "", t, &gateway.FieldError{Field: "numbers", Text: err.Error()}
		}
		if strings.ContainsAny(n, " \t") { // numbers are stored with spaces between them
			return "", t, &gateway.FieldError{Field: "numbers", Text: fmt.Sprintf("%q: a token cannot be limited to a name with a space", n)}
		}
	}
	for _, p := range o.AllowTo {
		if !beginning.MatchString(p) {
			return "", t, &gateway.FieldError{Field: "allow_to", Text: fmt.Sprintf("%q: want the beginning of an E.164 number, such as +1 or +44", p)}
		}
	}
	switch {
	case len(o.Numbers) > maxLimits:
		return "", t, &gateway.FieldError{Field: "numbers", Text: fmt.Sprintf("more than %d numbers", maxLimits)}
	case len(o.AllowTo) > maxLimits:
		return "", t, &gateway.FieldError{Field: "allow_to", Text: fmt.Sprintf("more than %d beginnings", maxLimits)}
	case o.PerDay < 0:
		return "", t, &gateway.FieldError{Field: "per_day", Text: fmt.Sprintf("want a number of segments, or 0 for no limit of its own, not %d", o.PerDay)}
	case !o.ExpiresAt.IsZero() && !o.ExpiresAt.After(now):
		return "", t, &gateway.FieldError{Field: "expires_at", Text: fmt.Sprintf("it would have expired at %s: want a time in the future", o.ExpiresAt.UTC().Format("2006-01-02 15:04 UTC"))}
	}
	secret, hash := NewToken()
	return secret, store.Token{Name: o.Name, Hash: hash, Scopes: strings.Join(o.Scopes, " "), Numbers: strings.Join(o.Numbers, " "),
		AllowTo: strings.Join(o.AllowTo, " "), PerDay: o.PerDay, ExpiresAt: o.ExpiresAt.UTC()}, nil
}
