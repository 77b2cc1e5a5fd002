package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	defaultDays = 7
	maxDays     = 400
)

// Report counts what happened in some days.
type Report struct {
	From     string      `json:"from" format:"date" doc:"The first day"`
	To       string      `json:"to" format:"date" doc:"The last day"`
	Timezone string      `json:"timezone" doc:"In which days begin and end"`
	Items    []ReportRow `json:"items" nullable:"false" doc:"By day, queue and agent; there is none where nothing was counted"`
}

// ReportRow is a combination of what rows are told apart by; the rest of queue,
// agent and day is null.
type ReportRow struct {
	Queue            *Named      `json:"queue" doc:"Its name is empty if it was deleted"`
	Agent            *Named      `json:"agent" doc:"Who did it; null where nobody did, as with incoming"`
	Day              *string     `json:"day" example:"2026-11-30"`
	Incoming         int         `json:"incoming" doc:"What customers began: their conversation was new or closed"`
	Answered         int         `json:"answered" doc:"Of what customers began, what a person answered for the first time"`
	DealtWith        int         `json:"dealt_with"`
	Reasons          []Reason    `json:"reasons" nullable:"false" doc:"Of dealt_with, the most frequent first, at most 50; the last one, which is empty, is none or any other"`
	Failures         int         `json:"failures" doc:"Texts that did not arrive; below 0 if more than that had failed on another day and arrived after all"`
	TimeToTake       Percentiles `json:"time_to_take" doc:"From the beginning of a wait until it was taken"`
	TimeToFirstReply Percentiles `json:"time_to_first_reply" doc:"From the customer's text to a person's first answer"`
}

// Reason is how often something was dealt with for a reason.
type Reason struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"`
}

// Percentiles are of times in seconds.
type Percentiles struct {
	P50 *float64 `json:"p50" doc:"Null where there are none"`
	P90 *float64 `json:"p90"`
}

type reportQuery struct {
	By       []string `query:"by" required:"true" minItems:"1" enum:"queue,agent,day" doc:"One row for each combination: queue,agent,day"`
	From     string   `query:"from" format:"date" doc:"The first day; without it, six days before the last"`
	To       string   `query:"to" format:"date" doc:"The last day, at most 400 in all; without it, today"`
	Queue    string   `query:"queue" doc:"Its id"`
	Agent    string   `query:"agent" doc:"Their id"`
	Timezone string   `query:"timezone" maxLength:"100" default:"UTC" example:"Europe/Zurich" doc:"In which days begin and end"`
	Format   string   `query:"format" enum:"json,csv" doc:"Or ask for text/csv with Accept"`
	Accept   string   `header:"Accept" hidden:"true"`
}

type reportAnswer struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) reportRoutes() {
	op := a.operation(http.MethodGet, "/reports", http.StatusOK, reflect.TypeFor[Report](), "What came, was answered and dealt with, and how fast")
	op.Description = "System owners and programs see all, managers the queues they manage, agents what they did themselves, by agent and day."
	op.Responses["200"].Content["text/csv"] = &huma.MediaType{
		Schema: &huma.Schema{Type: huma.TypeString, Description: "A line for each row, below the names of the columns"}}
	huma.Register(a.huma, op, func(ctx context.Context, in *reportQuery) (*reportAnswer, error) {
		answer, err := a.report(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return answer, nil
	})
}

func (a *API) report(ctx context.Context, c *caller, in *reportQuery) (*reportAnswer, error) {
	q := store.ReportQuery{ByQueue: slices.Contains(in.By, "queue"), ByPerson: slices.Contains(in.By, "agent"), ByDay: slices.Contains(in.By, "day")}
	if err := boundReport(c, in, &q); err != nil {
		return nil, err
	}
	days, err := reportDays(in, time.Now())
	if err != nil {
		return nil, err
	}
	for _, d := range days {
		q.Days = append(q.Days, d.begins)
	}
	rows, err := a.db.Report(ctx, q)
	if errors.Is(err, store.ErrTooManyRows) {
		return nil, invalid("query.by", fmt.Sprintf("more than %d rows: ask for fewer days, or by less", store.MaxReportRows))
	}
	if err != nil {
		return nil, err
	}
	r := Report{From: days[0].name, To: days[len(days)-2].name, Timezone: in.Timezone, Items: make([]ReportRow, 0, len(rows))}
	for i := range rows {
		r.Items = append(r.Items, a.reportRow(&rows[i], &q, days))
	}
	if in.Format == "csv" || in.Format == "" && prefersCSV(in.Accept) {
		return &reportAnswer{"text/csv; charset=utf-8", `attachment; filename="report-` + r.From + `-` + r.To + `.csv"`, r.csv()}, nil
	}
	body, err := json.Marshal(r)
	return &reportAnswer{ContentType: "application/json", Body: body}, err
}

// boundReport makes sure that a report holds what the caller may know, and no
// more than was asked for.
func boundReport(c *caller, in *reportQuery, q *store.ReportQuery) error {
	if err := c.needs(scopeReadConversations); err != nil {
		return err
	}
	if c.limits != nil {
		return forbidden("A token that is limited to numbers gets no reports.")
	}
	var queue gateway.ID
	var err error
	if in.Queue != "" {
		if queue, err = gateway.ParseID(in.Queue); err != nil {
			return invalid("query.queue", "no id of a queue")
		}
		q.Queues = []gateway.ID{queue}
	}
	if in.Agent != "" {
		if q.Person, err = gateway.ParseID(in.Agent); err != nil {
			return invalid("query.agent", "no id of an agent")
		}
	}
	switch v := c.visible(); {
	case v.Everything:
	case len(v.Manages) > 0:
		if queue == 0 {
			q.Queues = v.Manages
		} else if !slices.Contains(v.Manages, queue) {
			return notFound("queue")
		}
	default:
		switch {
		case queue != 0 && !slices.Contains(v.Member, queue):
			return notFound("queue")
		case q.Person != 0 && q.Person != c.actor.ID:
			return notFound("agent")
		case q.ByQueue:
			return forbidden("Reports by queue are for those who manage it.")
		}
		q.Person = c.actor.ID
	}
	return nil
}

// reportDay is a day of a time zone, and the instant at which it begins.
type reportDay struct {
	name   string
	begins time.Time
}

// reportDays are those that are asked for, and the one behind them.
func reportDays(in *reportQuery, now time.Time) ([]reportDay, error) {
	zone, err := time.LoadLocation(in.Timezone)
	if err != nil || in.Timezone == "Local" {
		return nil, invalid("query.timezone", fmt.Sprintf("there is no %q", in.Timezone))
	}
	date := func(name, text string, otherwise time.Time) (time.Time, error) {
		if text == "" {
			return otherwise, nil
		}
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return d, invalid("query."+name, "want a day such as 2026-11-30")
		}
		return d, nil
	}
	// Days are counted at UTC's midnight, where each has 24 hours.
	y, m, d := now.In(zone).Date()
	to, err := date("to", in.To, time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return nil, err
	}
	from, err := date("from", in.From, to.AddDate(0, 0, 1-defaultDays))
	if err != nil {
		return nil, err
	}
	n := int(to.Sub(from)/(24*time.Hour)) + 1
	switch {
	case n < 1:
		return nil, invalid("query.from", "it is after "+to.Format(time.DateOnly))
	case n > maxDays:
		return nil, invalid("query.from", fmt.Sprintf("at most %d days, not %d", maxDays, n))
	}
	days := make([]reportDay, 0, n+1)
	for i := range n + 1 {
		day := from.AddDate(0, 0, i)
		days = append(days, reportDay{day.Format(time.DateOnly), midnight(day, zone)})
	}
	return days, nil
}

// midnight is when a day begins in a zone: at its first instant, whether clocks
// skip midnight on it or pass it twice.
func midnight(day time.Time, zone *time.Location) time.Time {
	y, m, d := day.Date()
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	begin, end := t.ZoneBounds()
	switch {
	case t.Day() != d: // there is no midnight, and t is before the gap
		return end
	case t.Hour() != 0 || t.Minute() != 0: // the same, behind it
		return begin
	case !begin.IsZero():
		_, now := t.Zone()
		_, before := begin.Add(-1).Zone()
		if first := t.Add(time.Duration(now-before) * time.Second); now < before && first.Before(begin) {
			return first
		}
	}
	return t
}

func (a *API) reportRow(r *store.ReportRow, q *store.ReportQuery, days []reportDay) ReportRow {
	row := ReportRow{Incoming: r.Incoming, Answered: r.Answered, DealtWith: r.DealtWith, Reasons: make([]Reason, 0, len(r.Reasons)), Failures: r.Failures,
		TimeToTake: secondsOf(r.ToTake), TimeToFirstReply: secondsOf(r.ToFirstReply)}
	if q.ByQueue {
		name, _ := a.dir.QueueName(r.Queue)
		row.Queue = &Named{r.Queue.String(), name}
	}
	if q.ByPerson && r.Person != 0 {
		p, _ := a.dir.Person(r.Person)
		row.Agent = &Named{r.Person.String(), p.Name}
	}
	if q.ByDay {
		row.Day = &days[r.Day].name
	}
	for _, reason := range r.Reasons {
		row.Reasons = append(row.Reasons, Reason{reason.Reason, reason.Count})
	}
	return row
}

func secondsOf(p store.Percentiles) Percentiles {
	if p.Count == 0 {
		return Percentiles{}
	}
	p50, p90 := p.P50.Seconds(), p.P90.Seconds()
	return Percentiles{&p50, &p90}
}

// prefersCSV tells whether an Accept header asks for CSV and not for JSON.
func prefersCSV(accept string) bool {
	for kind := range strings.SplitSeq(accept, ",") {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.TrimSpace(kind) {
		case "text/csv":
			return true
		case "application/json":
			return false
		}
	}
	return false
}

// csv writes the rows as a table.
func (r *Report) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write([]string{"day", "queue_id", "queue", "agent_id", "agent", "incoming", "answered", "dealt_with", "failures",
		"time_to_take_p50", "time_to_take_p90", "time_to_first_reply_p50", "time_to_first_reply_p90", "reasons"})
	for i := range r.Items {
		row := &r.Items[i]
		var day string
		var queue, agent Named
		if row.Day != nil {
			day = *row.Day
		}
		if row.Queue != nil {
			queue = *row.Queue
		}
		if row.Agent != nil {
			agent = *row.Agent
		}
		var reasons []string
		for _, reason := range row.Reasons {
			reasons = append(reasons, fmt.Sprintf("%s: %d", reason.Reason, reason.Count))
		}
		w.Write([]string{day, queue.ID, cell(queue.Name), agent.ID, cell(agent.Name),
			strconv.Itoa(row.Incoming), strconv.Itoa(row.Answered), strconv.Itoa(row.DealtWith), strconv.Itoa(row.Failures),
			seconds(row.TimeToTake.P50), seconds(row.TimeToTake.P90), seconds(row.TimeToFirstReply.P50), seconds(row.TimeToFirstReply.P90),
			cell(strings.Join(reasons, "; "))})
	}
	w.Flush() // into memory: it cannot fail
	return b.Bytes()
}

func seconds(s *float64) string {
	if s == nil {
		return ""
	}
	return strconv.FormatFloat(*s, 'f', -1, 64)
}

// cell is a text that somebody chose, so that no spreadsheet takes it for a
// formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
