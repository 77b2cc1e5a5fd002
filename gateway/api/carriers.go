package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
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
	Note    string     `json:"note" doc:"Why it takes less than configured, or nothing, or what the modem refuses of gsm.init; empty if all is well"`

	MessageID MessageIDForm `json:"message_id"`
	Modem     *Modem        `json:"modem,omitempty" doc:"Of modems"`
}

// Modem is how a modem and its SIM are.
type Modem struct {
	Vendor       string     `json:"vendor"`
	Model        string     `json:"model"`
	Revision     string     `json:"revision"`
	IMEI         string     `json:"imei"`
	ICCID        string     `json:"iccid" doc:"Of the SIM"`
	IMSI         string     `json:"imsi" doc:"Without what tells its owner"`
	Port         string     `json:"port"`
	Phase        string     `json:"phase" enum:"absent,probing,no_sim,pin,puk,registering,up,failed"`
	Operator     string     `json:"operator"`
	Registration string     `json:"registration"`
	Roaming      bool       `json:"roaming"`
	SignalDBm    *int       `json:"signal_dbm" doc:"Null while it is not known"`
	StorageUsed  int        `json:"storage_used" doc:"Messages on the SIM and in the modem"`
	StorageSize  int        `json:"storage_size"`
	ErrorsInARow int        `json:"errors_in_a_row"`
	Resets       int        `json:"resets" doc:"Since the start"`
	Sent         ModemSent  `json:"sent"`
	Limits       ModemSent  `json:"limits" doc:"0: none"`
	Suspended    string     `json:"suspended" doc:"Why the SIM sends nothing more until it is resumed; empty if it does"`
	Balance      string     `json:"balance" doc:"As the network last said; empty where it is not asked"`
	BalanceAt    *time.Time `json:"balance_at"`
}

// ModemSent counts what a SIM has sent or may send.
type ModemSent struct {
	Minute int `json:"minute"`
	Day    int `json:"day"`
	Month  int `json:"month"`
}

type ussdBody struct {
	Code   string `json:"code,omitempty" example:"*100#" doc:"Or an answer in the session that the last one began"`
	Cancel bool   `json:"cancel,omitempty" doc:"End that session; without a code"`
}

// USSD is what the network answers.
type USSD struct {
	Text string `json:"text"`
	More bool   `json:"more" doc:"The network waits for an answer: send it as code within two minutes, or cancel"`
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
	write[USSD, struct {
		ByName
		Body ussdBody
	}](a, http.MethodPost, "/carriers/{name}/ussd", http.StatusOK, "Send a USSD code over a modem, such as that for the balance; takes up to a minute", a.ussd)
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

const maxUSSD = 182 // characters: 160 octets of septets, 3GPP TS 23.038 §6.1.2.3

func (a *API) ussd(w http.ResponseWriter, r *http.Request, c *caller) error {
	var in ussdBody
	if err := decode(r, &in); err != nil {
		return err
	}
	if err := c.managesCarriers(); err != nil {
		return err
	}
	if in.Cancel && in.Code != "" {
		return invalid("body.cancel", "want it without a code")
	}
	if !in.Cancel && in.Code == "" || len(in.Code) > maxUSSD || strings.ContainsAny(in.Code, "\"\r\n\x00\x1a\x1b") {
		return invalid("body.code", "want 1 to 182 characters, such as *100#")
	}
	text, more, err := a.router.USSD(r.Context(), r.PathValue("name"), in.Code)
	if err != nil {
		return err
	}
	body, err := json.Marshal(USSD{text, more})
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, body)
}

func modemOf(m *router.ModemStatus) *Modem {
	if m == nil {
		return nil
	}
	shown := &Modem{Vendor: m.Vendor, Model: m.Model, Revision: m.Revision, IMEI: m.IMEI, ICCID: m.ICCID, IMSI: m.IMSI, Port: m.Port, Phase: m.Phase,
		Operator: m.Operator, Registration: m.Registration, Roaming: m.Roaming, StorageUsed: m.StorageUsed, StorageSize: m.StorageSize,
		ErrorsInARow: m.ErrorsInARow, Resets: m.Resets, Sent: ModemSent{m.SentMinute, m.SentDay, m.SentMonth},
		Limits: ModemSent{m.PerMinute, m.PerDay, m.PerMonth}, Suspended: m.Suspended, Balance: m.Balance, BalanceAt: timeOrNull(m.BalanceAt)}
	if m.SignalDBm != 0 {
		shown.SignalDBm = &m.SignalDBm
	}
	return shown
}

func carrierOf(s router.CarrierStatus) Carrier {
	c := Carrier{RateNow: s.Rate, Note: s.Links.Note, MessageID: MessageIDForm{s.IDs.Form, s.IDs.Learnt, s.IDs.Matches}, Name: s.Name, Kind: s.Kind, State: s.State.String(), Since: timeOrNull(s.Since), Error: s.Error, Numbers: []string{}, Binds: []Bind{},
		Queued: s.Queued, Oldest: timeOrNull(s.Oldest), Window: s.Window, InUse: s.InUse, Rate: s.Rate, Modem: modemOf(s.Modem)}
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
