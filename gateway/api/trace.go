package api

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Trace is the whole life of one message.
type Trace struct {
	Message  Message   `json:"message"`
	Segments []Segment `json:"segments" nullable:"false" doc:"Of a text of ours: what the carrier transports"`
	Steps    []Step    `json:"steps" nullable:"false" doc:"What happened, oldest first"`
}

// Segment is one SMS of a message.
type Segment struct {
	Number  int        `json:"number" doc:"From 1"`
	Tick    string     `json:"tick"`
	Attempt int        `json:"attempt" doc:"Submissions that were begun"`
	Carrier string     `json:"carrier"`
	Octets  int        `json:"octets" doc:"User data with its header"`
	After   *time.Time `json:"after" doc:"It is not tried again before then"`
}

// Step is one thing that happened to a message.
type Step struct {
	At        time.Time `json:"at"`
	What      string    `json:"what" example:"receipt" doc:"written, received, accepted, rejected, retry, uncertain, receipt, resend, cancel, moved"`
	Segment   int       `json:"segment,omitempty" doc:"From 1; 0: all of it"`
	Attempt   int       `json:"attempt,omitempty"`
	Carrier   string    `json:"carrier,omitempty"`
	Reference string    `json:"reference,omitempty" doc:"The carrier's name for it"`
	Code      string    `json:"code,omitempty" doc:"The carrier's status or word"`
	Error     string    `json:"error,omitempty" doc:"The error code of a receipt"`
	Text      string    `json:"text,omitempty" doc:"In words; of a receipt: as it came"`
	By        string    `json:"by,omitempty" doc:"Who did it"`
}

// Preview is how a text would travel.
type Preview struct {
	Carrier    string `json:"carrier" doc:"Empty where none serves the number"`
	Encoding   string `json:"encoding" enum:"gsm7,ucs2,latin1,ascii"`
	Segments   int    `json:"segments" doc:"SMS that it needs; 0 for nothing to send"`
	Most       int    `json:"most" doc:"SMS that a text may need"`
	Characters int    `json:"characters"`
	Units      int    `json:"units" doc:"Septets, octets or UTF-16 units that it takes"`
	Room       int    `json:"room" doc:"Units that still fit into the last segment"`
	Text       string `json:"text" doc:"As it would be sent: characters may be replaced where that makes it shorter"`
}

type previewQuery struct {
	From string `query:"from" maxLength:"64" doc:"Our number, or a pool; optional if there is only one number"`
	To   string `query:"to" maxLength:"64" doc:"The customer's; where it decides about the carrier"`
	Text string `query:"text" maxLength:"4000"`
}

func (a *API) traceRoutes() {
	read[Preview](a, "/messages/preview", "In which alphabet and how many segments a text would go", a.preview)
	read[Trace](a, "/messages/{id}/trace", "The whole life of one message", a.traceMessage)
}

func (a *API) preview(ctx context.Context, c *caller, in *previewQuery) ([]byte, error) {
	number := a.programNumber
	if c.person() {
		number = a.ownNumber
	} else if err := c.needs(scopeSend); err != nil {
		return nil, err
	}
	from, err := number(c, in.From)
	if err != nil {
		return nil, err
	}
	to := gateway.ParseNumber(in.To, a.regionOf(from)).Address
	if from, err = a.poolNumber(ctx, c, in.From, from, to); err != nil {
		return nil, err
	}
	p := a.router.Preview(from, to, in.Text)
	return json.Marshal(Preview{p.Carrier, p.Encoding.String(), p.Segments, gateway.MaxSegments, p.Characters, p.Units, p.Room, p.Measurement.Text})
}

// traceMessage shows who sent it, manages it or has it what a carrier says in its
// own words.
func (a *API) traceMessage(ctx context.Context, c *caller, in *ByID) ([]byte, error) {
	m, err := a.visibleMessage(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	t := Trace{Segments: []Segment{}, Steps: []Step{}}
	if err := json.Unmarshal(a.render.message(nil, &m), &t.Message); err != nil {
		return nil, err
	}
	t.Steps, t.Segments, err = TraceOf(ctx, a.db, &m)
	if err != nil {
		return nil, err
	}
	return json.Marshal(t)
}

// TraceOf reads what happened to a message, oldest first, and how its segments
// are.
func TraceOf(ctx context.Context, db *store.DB, m *gateway.Message) ([]Step, []Segment, error) {
	what := "written"
	if m.Direction == gateway.In && m.Kind == gateway.KindText {
		what = "received"
	}
	steps := []Step{{At: m.CreatedAt, What: what, Carrier: m.Carrier, By: m.AuthorName}}
	index := func(id gateway.ID) int { return int(id-m.ID) + 1 }
	accepted, err := db.ReferencesOf(ctx, m.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range accepted {
		steps = append(steps, Step{At: r.At, What: "accepted", Segment: index(r.Segment), Attempt: r.Attempt, Carrier: r.Carrier, Reference: r.Reference.Reference})
	}
	attempts, err := db.Attempts(ctx, m.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, x := range attempts {
		s := Step{At: x.At, What: x.Outcome, Segment: index(x.Segment), Attempt: x.Attempt, Carrier: x.Carrier, Code: x.Code, Text: x.Note}
		switch x.Outcome {
		case "resend", "cancel":
			s.Text, s.By = "", x.Note
		}
		steps = append(steps, s)
	}
	receipts, err := db.ReceiptsOf(ctx, m.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range receipts {
		steps = append(steps, Step{At: r.At, What: "receipt", Segment: index(r.Segment), Carrier: r.Carrier, Reference: r.Reference, Code: r.Word, Error: r.Err, Text: r.Raw})
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	segments := []Segment{}
	stored, err := db.SegmentsOf(ctx, m.ID)
	for _, s := range stored {
		segments = append(segments, Segment{index(s.ID), s.Tick.String(), s.Attempt, s.Carrier, len(s.Payload), timeOrNull(s.NotUntil)})
	}
	return steps, segments, err
}
