package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// QueueSettings say how a queue hands out what waits in it. The zero value is
// 3CX's default: offered to everyone, taken by hand, and then nobody else's. It
// is stored and shown as JSON.
type QueueSettings struct {
	Offer      Offer    `json:"offer" enum:"everyone,first,round_robin" doc:"To whom what waits is offered: everyone in the queue, the first offer_count available in its order, or one after the other"`
	OfferCount int      `json:"offer_count" minimum:"1" maximum:"100" doc:"Of first: to how many"`
	WidenAfter Duration `json:"widen_after" example:"1m" doc:"Then it is offered to everyone; 0s: never"`
	AutoAssign bool     `json:"auto_assign" doc:"The first of those to whom it would be offered gets it, without taking it"`
	Readable   bool     `json:"readable" doc:"What is taken may be read by the queue's members, never written to"`
	// ReturnAfter is how long an owner may be absent while a customer waits for an
	// answer, before the conversation waits in the queue again.
	ReturnAfter Duration `json:"return_after" example:"15m" doc:"What an absent owner holds waits in the queue again when the customer has waited that long; 0s: never"`
	CloseAfter  Duration `json:"close_after" example:"168h" doc:"What is taken is closed when nothing has happened to it for so long; 0s: never"`
	Hours       *Hours   `json:"hours" doc:"When it is open; null: always"`
}

// DefaultQueueSettings are those of a new queue.
func DefaultQueueSettings() QueueSettings { return QueueSettings{OfferCount: 1} }

// Check completes the settings, or says what is wrong with them and where.
func (s *QueueSettings) Check() error {
	if s.OfferCount == 0 {
		s.OfferCount = 1
	}
	if s.OfferCount < 1 || s.OfferCount > 100 {
		return fmt.Errorf("offer_count: want 1 to 100, not %d", s.OfferCount)
	}
	for name, d := range map[string]Duration{"widen_after": s.WidenAfter, "return_after": s.ReturnAfter, "close_after": s.CloseAfter} {
		if d < 0 {
			return fmt.Errorf("%s: want no negative duration", name)
		}
	}
	if s.Hours == nil {
		return nil
	}
	if err := s.Hours.check(); err != nil {
		return fmt.Errorf("hours.%w", err)
	}
	return nil
}

// Offer is the order in which what waits is offered to a queue's members.
type Offer uint8

const (
	OfferEveryone   Offer = iota
	OfferFirst            // to the first available, in the order of the queue
	OfferRoundRobin       // to one, and the next to the next
)

var offerWords = []string{"everyone", "first", "round_robin"}

// MarshalText implements encoding.TextMarshaler.
func (o Offer) MarshalText() ([]byte, error) { return []byte(offerWords[o]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *Offer) UnmarshalText(b []byte) error {
	i := slices.Index(offerWords, string(b))
	if i < 0 {
		return fmt.Errorf("offer %q: want one of %s", b, strings.Join(offerWords, ", "))
	}
	*o = Offer(i)
	return nil
}

// Duration is a time.Duration that is written as Go writes it: 1h30m.
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Nothing is 0.
func (d *Duration) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is no duration such as 90s or 15m", b)
	}
	*d = Duration(v)
	return nil
}

// Audience is to whom what waits is offered: "" is everyone in its queue;
// otherwise these people alone, of whom there may be none yet. It is comparable,
// and its text is what is stored.
type Audience string

// Everyone is the audience of a queue that offers to all its members.
const Everyone Audience = ""

// Nobody is the audience of what no member is offered yet.
const Nobody Audience = " "

// Only returns the audience of these people.
func Only(people ...ID) Audience { return Nobody.And(people...) }

// And returns the audience with more people in it. Everyone stays everyone.
func (a Audience) And(people ...ID) Audience {
	for _, p := range people {
		if !a.Includes(p) {
			a += Audience(p.String() + " ")
		}
	}
	return a
}

// Includes tells whether the person is in it.
func (a Audience) Includes(person ID) bool {
	return a == Everyone || person != 0 && strings.Contains(string(a), " "+person.String()+" ")
}

// Candidate is a member of a queue to whom what waits can be offered.
type Candidate struct {
	ID        ID
	Available bool
	Owns      int // conversations, for who is to get one without being asked
}

// Next chooses whom to offer what waits, beside those to whom it is offered
// already. candidates are in the order of the queue; last is who was offered
// something last, for round robin. It returns the people to add.
func (s QueueSettings) Next(candidates []Candidate, offered Audience, last ID) []ID {
	want := 1
	if s.Offer == OfferFirst {
		want = max(1, s.OfferCount)
	}
	if s.Offer == OfferRoundRobin {
		if i := slices.IndexFunc(candidates, func(c Candidate) bool { return c.ID == last }); i >= 0 {
			candidates = slices.Concat(candidates[i+1:], candidates[:i+1])
		}
	}
	if s.Offer == OfferEveryone { // that is who has least to do, where one must be chosen
		candidates = slices.Clone(candidates)
		slices.SortStableFunc(candidates, func(a, b Candidate) int { return a.Owns - b.Owns })
	}
	for _, c := range candidates {
		if c.Available && offered != Everyone && offered.Includes(c.ID) {
			want--
		}
	}
	var add []ID
	for _, c := range candidates {
		if len(add) < want && c.Available && (offered == Everyone || !offered.Includes(c.ID)) {
			add = append(add, c.ID)
		}
	}
	return add
}

// Restricts tells whether what waits is offered to some of the members alone.
func (s QueueSettings) Restricts() bool { return s.AutoAssign || s.Offer != OfferEveryone }

// Hours are when a queue is open. Reply, if there is one, is texted to who writes
// when it is not.
type Hours struct {
	Timezone string `json:"timezone" example:"America/Denver"`
	Open     []Span `json:"open" nullable:"false" doc:"None: never open"`
	Reply    string `json:"reply" maxLength:"1000" doc:"What who writes at another time is answered, at most once in twelve hours; empty: nothing"`

	location *time.Location
}

// Span is a time of day on some days of the week. One that ends before it begins
// ends on the next day.
type Span struct {
	Days []Weekday `json:"days" nullable:"false"`
	From Clock     `json:"from" example:"08:00"`
	To   Clock     `json:"to" example:"17:30"`
}

// maxReply is the length of an automatic answer, in characters.
const maxReply = 1000

func (h *Hours) check() error {
	var err error
	if h.Timezone == "" || h.Timezone == "Local" {
		return errors.New("timezone: say in which, such as Europe/Zurich")
	}
	if h.location, err = time.LoadLocation(h.Timezone); err != nil {
		return fmt.Errorf("timezone: there is no %q", h.Timezone)
	}
	if h.Reply = strings.TrimSpace(h.Reply); utf8.RuneCountInString(h.Reply) > maxReply {
		return fmt.Errorf("reply: longer than %d characters", maxReply)
	}
	if h.Open == nil {
		h.Open = []Span{}
	}
	if len(h.Open) > 100 {
		return errors.New("open: more than 100 spans")
	}
	for i, s := range h.Open {
		if len(s.Days) == 0 {
			return fmt.Errorf("open[%d].days: say on which days", i)
		}
		if s.From == s.To {
			return fmt.Errorf("open[%d]: it ends when it begins", i)
		}
	}
	return nil
}

// OpenAt tells whether the queue is open. Without hours it always is. The hours
// must have been checked.
func (h *Hours) OpenAt(now time.Time) bool {
	if h == nil {
		return true
	}
	local := now.In(h.location)
	today, minute := local.Weekday(), Clock(local.Hour()*60+local.Minute())
	yesterday := (today + 6) % 7
	for _, s := range h.Open {
		if s.From < s.To {
			if s.on(today) && s.From <= minute && minute < s.To {
				return true
			}
		} else if s.on(today) && minute >= s.From || s.on(yesterday) && minute < s.To {
			return true
		}
	}
	return false
}

func (s *Span) on(day time.Weekday) bool { return slices.Contains(s.Days, Weekday(day)) }

// Weekday is a time.Weekday that is written mon, tue and so on.
type Weekday time.Weekday

var weekdayWords = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// MarshalText implements encoding.TextMarshaler.
func (d Weekday) MarshalText() ([]byte, error) { return []byte(weekdayWords[d]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Weekday) UnmarshalText(b []byte) error {
	i := slices.Index(weekdayWords, string(b))
	if i < 0 {
		return fmt.Errorf("day %q: want mon, tue, wed, thu, fri, sat or sun", b)
	}
	*d = Weekday(i)
	return nil
}

// Clock is a time of day in minutes since midnight, written 17:30. 24:00 is the
// end of a day.
type Clock int

// MarshalText implements encoding.TextMarshaler.
func (c Clock) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", c/60, c%60), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Clock) UnmarshalText(b []byte) error {
	if string(b) == "24:00" {
		*c = 24 * 60
		return nil
	}
	t, err := time.Parse("15:04", string(b))
	if err != nil {
		return fmt.Errorf("time %q: want one such as 08:00", b)
	}
	*c = Clock(t.Hour()*60 + t.Minute())
	return nil
}
