package gateway

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Contact is who a customer is: a person, or a business that texts under a name.
type Contact struct {
	ID        ID
	Name      string
	Given     string // the first name, where that is not the first word of Name
	Company   string
	Notes     string
	Tags      []string
	Numbers   []Address // at least one; each belongs to no other contact
	CreatedAt time.Time
	UpdatedAt time.Time
}

// FirstName is by what the contact is addressed.
func (c Contact) FirstName() string {
	if c.Given != "" {
		return c.Given
	}
	return FirstWord(c.Name)
}

// FirstWord is what stands before the first space of a name.
func FirstWord(name string) string {
	for word := range strings.FieldsSeq(name) {
		return word
	}
	return ""
}

// ContactChange says what of a contact is replaced: what is not nil.
type ContactChange struct {
	Name, Given, Company, Notes *string
	Tags                        []string
	Numbers                     []Address
	// AddNumbers keeps the numbers that it has, and puts Numbers behind them.
	AddNumbers bool
}

const (
	maxContactName    = 200 // characters
	maxContactCompany = 200
	maxContactNotes   = 4000
	maxContactNumbers = 20
	maxContactTags    = 20
	maxContactTag     = 50
	maxSenderName     = 20 // octets: what SMPP 3.4 has room for
	manyDigits        = 7  // of what somebody meant as a phone number
)

// Apply returns the contact as it is after a change, or a *FieldError. Spaces
// around texts are left out, and so is what is said twice.
func (c Contact) Apply(change ContactChange) (Contact, error) {
	set := func(field *string, to *string, tidy func(string) string) {
		if to != nil {
			*field = tidy(*to)
		}
	}
	set(&c.Name, change.Name, OneLine)
	set(&c.Given, change.Given, OneLine)
	set(&c.Company, change.Company, OneLine)
	set(&c.Notes, change.Notes, manyLines)
	if c.Given == FirstWord(c.Name) { // then it follows the name
		c.Given = ""
	}
	if change.Tags != nil {
		c.Tags = nil
		for _, t := range change.Tags {
			t = OneLine(t)
			if t != "" && !slices.ContainsFunc(c.Tags, func(have string) bool { return strings.EqualFold(have, t) }) {
				c.Tags = append(c.Tags, t)
			}
		}
	}
	if change.Numbers != nil {
		var numbers []Address
		if change.AddNumbers {
			numbers = slices.Clone(c.Numbers)
		}
		for _, n := range change.Numbers {
			if !slices.Contains(numbers, n) {
				numbers = append(numbers, n)
			}
		}
		c.Numbers = numbers
	}
	return c, c.check()
}

func (c Contact) check() error {
	if c.Name == "" {
		return unfit("name", "a contact needs a name")
	}
	for _, f := range []struct {
		field, text string
		most        int
	}{{"name", c.Name, maxContactName}, {"first_name", c.Given, maxContactName}, {"company", c.Company, maxContactCompany}, {"notes", c.Notes, maxContactNotes}} {
		if utf8.RuneCountInString(f.text) > f.most {
			return unfit(f.field, "longer than %d characters", f.most)
		}
	}
	switch {
	case len(c.Numbers) == 0:
		return unfit("numbers", "a contact needs at least one number")
	case len(c.Numbers) > maxContactNumbers:
		return unfit("numbers", "more than %d numbers", maxContactNumbers)
	case len(c.Tags) > maxContactTags:
		return unfit("tags", "more than %d tags", maxContactTags)
	}
	for _, t := range c.Tags {
		switch {
		case utf8.RuneCountInString(t) > maxContactTag:
			return unfit("tags", "%q is longer than %d characters", t, maxContactTag)
		case strings.Contains(t, ";"):
			return unfit("tags", "%q: a semicolon separates tags", t)
		}
	}
	return nil
}

// OneLine is a text without line ends and other control characters, and without
// spaces around it.
func OneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}

// manyLines is a text whose lines end alike, and without spaces around it.
func manyLines(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.TrimSpace(s)
}

// rounded is how spreadsheets write a number that is too long for its column.
var rounded = regexp.MustCompile(`^\d+([.,]\d+)?[eE]\+?\d+$`)

// ParseContactNumber reads the number of a contact as somebody typed it, in a
// region, or returns a *Refusal that says what is wrong with it. What has letters
// and cannot be meant as a phone number is the name under which a business texts,
// and is kept as it is.
func ParseContactNumber(input, region string) (Address, error) {
	p, s := ParseNumber(input, region), strings.TrimSpace(input)
	refuse := func(format string, args ...any) error {
		return &Refusal{Code: NumberInvalid, Text: fmt.Sprintf(format, args...), Suggestion: p.Suggestion}
	}
	digits := strings.Count(strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return '0'
		}
		return -1
	}, s), "0")
	switch {
	case s == "":
		return Address{}, refuse("A number is empty. Give it with the country code, like +12602058900.")
	case p.Possible:
		return p.Address, nil
	case p.Kind == "emergency":
		return Address{}, refuse("%q is an emergency service, which cannot be texted.", s)
	case rounded.MatchString(s):
		return Address{}, refuse("%q was rounded by a spreadsheet. Format its column as text, and give the number in full.", s)
	case p.Kind == "alphanumeric" && p.Suggestion == "" && digits < manyDigits && len(s) <= maxSenderName && !strings.Contains(s, ";") && s == OneLine(s):
		return Address{AddressAlphanumeric, s}, nil
	}
	return Address{}, refuse("%q is no number that can be texted. Give it with the country code, like +12602058900.", s)
}
