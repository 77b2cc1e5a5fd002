package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"smsbridge/gateway"
)

// ParsedNumber is what a number that somebody typed is taken for.
type ParsedNumber struct {
	E164       string `json:"e164" doc:"Empty unless it is a possible phone number"`
	Kind       string `json:"kind" example:"mobile" doc:"mobile, fixed, short, alphanumeric, emergency, invalid and so on"`
	Possible   bool   `json:"possible" doc:"A text can be tried"`
	Valid      bool   `json:"valid" doc:"The numbering plan has it"`
	Suggestion string `json:"suggestion" doc:"What may have been meant; empty where there is nothing to suggest"`
	National   string `json:"national" doc:"As it is written in its country"`
}

type parseQuery struct {
	Input  string `query:"input" maxLength:"200"`
	Region string `query:"region" maxLength:"2" doc:"ISO 3166-1 code; the configured one without it"`
}

func (a *API) numberRoutes() {
	read[ParsedNumber](a, "/numbers/parse", "What a number that somebody typed is taken for", func(_ context.Context, _ *caller, in *parseQuery) ([]byte, error) {
		region := in.Region
		if region == "" {
			region = a.router.Region()
		}
		p := gateway.ParseNumber(in.Input, region)
		return json.Marshal(ParsedNumber{p.E164, p.Kind, p.Possible, p.Valid, p.Suggestion, p.National})
	})
}

// regionOf is the country in which numbers without + are meant when they are
// texted from one of ours.
func (a *API) regionOf(from string) string {
	if region, ok := a.regions.Load(from); ok {
		return region.(string)
	}
	region := a.findRegion(from)
	if a.router.Serves(from) { // of which there are few
		a.regions.Store(from, region)
	}
	return region
}

func (a *API) findRegion(from string) string {
	if strings.HasPrefix(from, "+") {
		if n, err := phonenumbers.Parse(from, ""); err == nil {
			region := phonenumbers.GetRegionCodeForNumber(n)
			if region == "" { // the plan does not have it: the country code does as well
				region = phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
			}
			if len(region) == 2 && region != "ZZ" {
				return region
			}
		}
	}
	return a.router.Region()
}

func numberInvalid(text, suggestion string) error {
	return &gateway.Refusal{Code: gateway.NumberInvalid, Text: text, Suggestion: suggestion}
}

// address is where a text to what was typed goes: it must be possible.
func (a *API) address(from, to string) (gateway.Address, error) {
	if known, ok := a.destinations.find(to); ok {
		return known, nil
	}
	if known, ok := international(to); ok {
		a.destinations.keep(to, known)
		return known, nil
	}
	p, err := a.parse(from, to)
	return p.Address, err
}

// destinations remembers E.164 numbers as they were read, since programs text
// the same customers again.
type destinations struct {
	mu   sync.Mutex
	read map[string]gateway.Address
}

const maxDestinations = 8192

func (d *destinations) find(to string) (gateway.Address, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, ok := d.read[to]
	return known, ok
}

func (d *destinations) keep(to string, known gateway.Address) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.read == nil || len(d.read) >= maxDestinations {
		d.read = map[string]gateway.Address{}
	}
	d.read[to] = known
}

// international reads what is E.164 already, as programs mostly have it. It
// comes to what gateway.ParseNumber does, for a third of the cost: there is no
// national reading to weigh.
func international(to string) (gateway.Address, bool) {
	if _, err := gateway.ParseAddress(gateway.AddressE164, to); err != nil {
		return gateway.Address{}, false
	}
	n, err := phonenumbers.Parse(to, "")
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return gateway.Address{}, false
	}
	known, err := gateway.ParseAddress(gateway.AddressE164, phonenumbers.Format(n, phonenumbers.E164))
	return known, err == nil
}

func (a *API) parse(from, to string) (gateway.ParsedNumber, error) {
	p := gateway.ParseNumber(to, a.regionOf(from))
	switch {
	case p.Kind == "emergency":
		return p, numberInvalid(gateway.NoEmergencies, "")
	case strings.TrimSpace(to) == "":
		return p, numberInvalid("Say to which number.", "")
	case !p.Possible:
		return p, numberInvalid(fmt.Sprintf("%q is no number that can be texted.", to), p.Suggestion)
	}
	return p, nil
}

// startAddress is address for what a person typed: unless they insist, the
// numbering plan must have it.
func (a *API) startAddress(from, to string, asTyped bool) (gateway.Address, error) {
	p, err := a.parse(from, to)
	if err == nil && !p.Valid && !asTyped {
		err = numberInvalid(fmt.Sprintf("%q is possible, but no known numbers look like it. Send with to_as_typed if it is right.", to), p.Suggestion)
	}
	return p.Address, err
}

func notOurs(text string) error { return &gateway.Refusal{Code: gateway.NumberNotOurs, Text: text} }

// numbersOf tells from which of our numbers the caller may write: a person from
// those of the queues that they are in, or their own.
func (a *API) numbersOf(c *caller) func(number string) bool {
	if !c.person() {
		return c.reaches
	}
	return func(number string) bool {
		n := a.dir.Number(number)
		manages, in := c.actor.Queues[n.Queue]
		if n.Person != 0 { // the queue is for when they are away
			in = manages || n.Person == c.actor.ID
		}
		return in || c.actor.SystemOwner
	}
}

// ownNumber is the number of ours that a person writes from: one of a queue
// they are in. Empty stands for the only one there is; of a pool it is the first.
func (a *API) ownNumber(c *caller, from string) (string, error) {
	return a.chooseNumber(from, "This number belongs to no queue that you are in.", a.numbersOf(c))
}

// startNumber is the number of ours from which a conversation is started. Who may
// text from one that is named, the rules say: who has a conversation with the
// customer goes on with it, in whatever queues they are.
func (a *API) startNumber(c *caller, from string) (string, error) {
	if strings.TrimSpace(from) == "" {
		return a.ownNumber(c, "")
	}
	return a.programNumber(c, from)
}

// programNumber is the number of ours that a program sends from.
func (a *API) programNumber(c *caller, from string) (string, error) {
	return a.chooseNumber(from, "The token is not for this number.", c.reaches)
}

// poolNumber is from, as ownNumber or programNumber chose it, or if a pool was
// asked for, that of its numbers from which this customer is texted.
func (a *API) poolNumber(ctx context.Context, c *caller, asked, from string, to gateway.Address) (string, error) {
	asked = strings.TrimSpace(asked)
	if !slices.Contains(a.router.Pools(), asked) {
		return from, nil
	}
	number, err := a.router.PoolNumber(ctx, asked, to, a.numbersOf(c))
	if err == nil && number == "" {
		return from, nil
	}
	return number, err
}

func (a *API) chooseNumber(from, refusal string, allowed func(string) bool) (string, error) {
	if from = strings.TrimSpace(from); from != "" {
		if slices.Contains(a.router.Pools(), from) {
			for _, number := range a.router.PoolNumbers(from) {
				if allowed(number) {
					return number, nil
				}
			}
			return "", notOurs(refusal)
		}
		if !a.router.Serves(from) {
			if p := gateway.ParseNumber(from, a.router.Region()); p.E164 != "" {
				from = p.E164
			}
		}
		switch {
		case !a.router.Serves(from):
			return "", notOurs("No carrier lists this number as ours.")
		case !allowed(from):
			return "", notOurs(refusal)
		}
		return from, nil
	}
	only := ""
	for _, n := range a.router.Numbers() {
		switch {
		case !allowed(n.Value):
		case only != "":
			return "", notOurs("Say from which number: there are several.")
		default:
			only = n.Value
		}
	}
	if only == "" {
		return "", notOurs("There is no number to send from.")
	}
	return only, nil
}
