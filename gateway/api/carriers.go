package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"smsbridge/gateway/router"
)

// Carrier is an SMPP account or a modem.
type Carrier struct {
	Name    string     `json:"name"`
	Kind    string     `json:"kind" enum:"smpp,gsm"`
	State   string     `json:"state" enum:"up,connecting,down,refused,paused,held"`
	Since   *time.Time `json:"since"`
	Error   string     `json:"error"`
	Numbers []string   `json:"numbers" nullable:"false"`
	Binds   []Bind     `json:"binds" nullable:"false" doc:"Its links"`
	Queued  int64      `json:"queued" doc:"Segments that are to be sent, those on their way included"`
	Oldest  *time.Time `json:"oldest" doc:"Since when the oldest of them waits"`
	Window  int        `json:"window" doc:"How many can be on their way at once"`
	InUse   int        `json:"in_use" doc:"How many are"`
	Rate    float64    `json:"rate" doc:"Segments a second that it is configured to take; 0: not limited"`
	RateNow float64    `json:"rate_now" doc:"What it takes at present: less where it asked to slow down"`
	Note    string     `json:"note" doc:"Why it takes less than configured, or nothing; empty if it does not"`

	MessageID MessageIDForm `json:"message_id"`
}

// MessageIDForm says how the ids of a carrier's receipts relate to those that it
// gave when it accepted.
type MessageIDForm struct {
	Form    string         `json:"form" enum:"raw,case,zeros,hex-to-decimal,decimal-to-hex," doc:"Empty while it is not known"`
	Learnt  bool           `json:"learnt" doc:"From what was matched; otherwise it is configured"`
	Matches map[string]int `json:"matches" doc:"Unambiguous ones since the start, by form"`
}

// Bind is one link to a carrier.
type Bind struct {
	Bind    int        `json:"bind" doc:"From 1"`
	State   string     `json:"state" enum:"up,connecting,down,auth_failed"`
	Host    string     `json:"host"`
	Mode    string     `json:"mode" example:"transceiver"`
	Since   *time.Time `json:"since"`
	Error   string     `json:"error"`
	SMSC    string     `json:"smsc" doc:"What the other side calls itself"`
	Version string     `json:"version" doc:"Of the protocol, as the other side says"`
	Window  int        `json:"window"`
	InUse   int        `json:"in_use"`
}

// CarrierList lists carriers.
type CarrierList struct {
	Items      []Carrier `json:"items" nullable:"false"`
	NextCursor *string   `json:"next_cursor"`
}

// ByName is the path of a carrier.
type ByName struct {
	Name string `path:"name" maxLength:"200"`
}

func (a *API) carrierRoutes() {
	read[CarrierList](a, "/carriers", "Links, backlog and what is wrong", func(ctx context.Context, c *caller, in *Page) ([]byte, error) {
		if !c.has(scopeManageCarriers) {
			if err := c.needs(scopeReadCarriers); err != nil {
				return nil, err
			}
		}
		all, err := a.carriers(ctx)
		if err != nil {
			return nil, err
		}
		return namedPage(all, in, func(x *Carrier) string { return x.Name })
	})
	a.watchRoutes()
	for name, carrier := range map[string]struct {
		summary string
		do      func(context.Context, string) error
	}{
		"pause":     {"Give it nothing to send", func(ctx context.Context, name string) error { return a.router.Pause(ctx, name, true) }},
		"resume":    {"End a pause", func(ctx context.Context, name string) error { return a.router.Pause(ctx, name, false) }},
		"reconnect": {"Connect anew at once", func(_ context.Context, name string) error { return a.router.Reconnect(name) }},
	} {
		write[Carrier, struct {
			ByName
			Body *NoBody
		}](a, http.MethodPost, "/carriers/{name}/"+name, http.StatusOK, carrier.summary, func(w http.ResponseWriter, r *http.Request, c *caller) error {
			if err := decode(r, &struct{}{}); err != nil {
				return err
			}
			if err := c.managesCarriers(); err != nil {
				return err
			}
			name := r.PathValue("name")
			if err := carrier.do(r.Context(), name); err != nil {
				return err
			}
			all, err := a.carriers(r.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(x Carrier) bool { return x.Name == name })
			if i < 0 {
				return notFound("carrier")
			}
			body, err := json.Marshal(all[i])
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, body)
		})
	}
}

func (a *API) carriers(ctx context.Context) ([]Carrier, error) {
	statuses, err := a.router.Carriers(ctx)
	all := make([]Carrier, 0, len(statuses))
	for _, s := range statuses {
		all = append(all, carrierOf(s))
	}
	return all, err
}

func carrierOf(s router.CarrierStatus) Carrier {
	c := Carrier{RateNow: s.Rate, Note: s.Links.Note, MessageID: MessageIDForm{s.IDs.Form, s.IDs.Learnt, s.IDs.Matches}, Name: s.Name, Kind: s.Kind, State: s.State.String(), Since: timeOrNull(s.Since), Error: s.Error, Numbers: []string{}, Binds: []Bind{},
		Queued: s.Queued, Oldest: timeOrNull(s.Oldest), Window: s.Window, InUse: s.InUse, Rate: s.Rate}
	for _, n := range s.Numbers {
		c.Numbers = append(c.Numbers, n.Value)
	}
	if s.Links.Binds != nil {
		c.RateNow = s.Links.Rate
	}
	for _, b := range s.Links.Binds {
		c.Binds = append(c.Binds, Bind{b.Bind, b.State, b.Host, b.Mode, timeOrNull(b.Since), b.Error, b.SMSC, b.Version, b.Window, b.InUse})
	}
	return c
}

// managesCarriers refuses who may not change anything about carriers.
func (c *caller) managesCarriers() error {
	if err := c.needs(scopeManageCarriers); err != nil {
		return err
	}
	if c.person() && !c.actor.SystemOwner {
		return forbidden("Only system owners do this.")
	}
	return nil
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// namedPage is a page of a list that is small and whole in memory, as JSON.
func namedPage[T any](all []T, p *Page, key func(*T) string) ([]byte, error) {
	page, err := pageOf(all, p, key)
	if err != nil {
		return nil, err
	}
	return json.Marshal(page)
}

// page is a part of a list.
type page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"next_cursor"`
}

// pageOf is a page of a list that is small and whole in memory. Its cursor is
// the key of the last item shown.
func pageOf[T any](all []T, p *Page, key func(*T) string) (page[T], error) {
	if p.Cursor != "" {
		i := slices.IndexFunc(all, func(x T) bool { return key(&x) == p.Cursor })
		if i < 0 {
			return page[T]{}, invalid("query.cursor", "not one that a list answered with")
		}
		all = all[i+1:]
	}
	part := page[T]{Items: append([]T{}, all[:min(len(all), p.limit())]...)}
	if len(all) > p.limit() {
		next := key(&part.Items[p.limit()-1])
		part.NextCursor = &next
	}
	return part, nil
}
