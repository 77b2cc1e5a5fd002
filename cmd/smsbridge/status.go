package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/node"
)

const statusUsage = `usage: smsbridge status [--url URL] [--token TOKEN] [--json]

Carriers, modems, queues and backlog of the running daemon. With a token, which may
be in SMSBRIDGE_TOKEN and needs carriers:read and conversations:read, it may be on
another machine; without one, whoever can open the configured store may ask.
`

// statusWithin bounds each request.
const statusWithin = 15 * time.Second

// daemonStatus is what is shown of a daemon.
type daemonStatus struct {
	Carriers []carrierStatus `json:"carriers"`
	Queues   []queueStatus   `json:"queues"`
}

type carrierStatus struct {
	Name    string       `json:"name"`
	Kind    string       `json:"kind"`
	State   string       `json:"state"`
	Since   *time.Time   `json:"since"`
	Error   string       `json:"error"`
	Note    string       `json:"note"`
	Numbers []string     `json:"numbers"`
	Queued  int64        `json:"queued"`
	Oldest  *time.Time   `json:"oldest"`
	Rate    float64      `json:"rate"`
	RateNow float64      `json:"rate_now"`
	Modem   *modemStatus `json:"modem,omitempty"`
}

type modemStatus struct {
	Vendor       string    `json:"vendor"`
	Model        string    `json:"model"`
	IMEI         string    `json:"imei"`
	ICCID        string    `json:"iccid"`
	Port         string    `json:"port"`
	Phase        string    `json:"phase"`
	Operator     string    `json:"operator"`
	Registration string    `json:"registration"`
	SignalDBm    *int      `json:"signal_dbm"`
	StorageUsed  int       `json:"storage_used"`
	StorageSize  int       `json:"storage_size"`
	Sent         modemSent `json:"sent"`
	Limits       modemSent `json:"limits"`
	Suspended    string    `json:"suspended"`
	Balance      string    `json:"balance"`
}

type modemSent struct {
	Minute int `json:"minute"`
	Day    int `json:"day"`
	Month  int `json:"month"`
}

type queueStatus struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Numbers []string   `json:"numbers"`
	Waiting int        `json:"waiting"`
	More    bool       `json:"more"` // than were counted
	Oldest  *time.Time `json:"oldest"`
}

func status(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("status", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, statusUsage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `FILE`")
	at := f.String("url", "", "where the daemon serves; without it, on this machine, as the configuration says")
	token := f.String("token", os.Getenv("SMSBRIDGE_TOKEN"), "an API token")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprint(std.err, statusUsage)
		return exitUsage
	}
	ask := asker{url: *at, token: *token}
	if *at == "" || *token == "" {
		var err error
		if ask.cfg, err = config.Load(*path, config.Options{SkipFiles: true}); err != nil {
			return problems(std, *path, err)
		}
	}
	s, err := ask.status(ctx)
	if err == nil {
		err = show(std, *asJSON, s, func(w io.Writer) { printStatus(w, s, time.Now()) })
	}
	if err != nil {
		return fail(std, err)
	}
	return exitOK
}

// asker asks a daemon, with the token that it has or one that it makes.
type asker struct {
	cfg        *config.Config
	url, token string
}

func (a *asker) get(ctx context.Context, scope, path string, answer any) error {
	if a.token == "" {
		return node.Ask(ctx, a.cfg, a.url, scope, statusWithin, "GET", path, nil, answer)
	}
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	return node.Request(ctx, a.cfg, a.url, a.token, "GET", path, nil, answer)
}

// countAtMost is how many that wait are counted, in one request a queue.
const countAtMost = 1000

func (a *asker) status(ctx context.Context) (*daemonStatus, error) {
	s := &daemonStatus{Carriers: []carrierStatus{}, Queues: []queueStatus{}}
	var carriers struct{ Items []carrierStatus }
	if err := a.get(ctx, "carriers:read", "/carriers?limit=1000", &carriers); err != nil {
		return nil, err
	}
	var queues struct{ Items []queueStatus }
	if err := a.get(ctx, "conversations:read", "/queues?limit=1000", &queues); err != nil {
		return nil, err
	}
	s.Carriers, s.Queues = append(s.Carriers, carriers.Items...), append(s.Queues, queues.Items...)
	for i := range s.Queues {
		q := &s.Queues[i]
		var waiting struct {
			Items []struct {
				WaitingSince *time.Time `json:"waiting_since"`
			}
			NextCursor *string `json:"next_cursor"`
		}
		query := url.Values{"view": {"waiting"}, "sort": {"oldest"}, "queue": {q.ID}, "limit": {strconv.Itoa(countAtMost)}}
		if err := a.get(ctx, "conversations:read", "/conversations?"+query.Encode(), &waiting); err != nil {
			return nil, err
		}
		q.Waiting, q.More = len(waiting.Items), waiting.NextCursor != nil
		if len(waiting.Items) > 0 {
			q.Oldest = waiting.Items[0].WaitingSince
		}
	}
	return s, nil
}

func printStatus(w io.Writer, s *daemonStatus, now time.Time) {
	fmt.Fprintln(w, "CARRIER\tKIND\tSTATE\tSINCE\tNUMBERS\tQUEUED\tOLDEST\tRATE\t")
	for _, c := range s.Carriers {
		why := c.Error
		if why == "" {
			why = c.Note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", c.Name, c.Kind, c.State, ago(c.Since, now), strings.Join(c.Numbers, " "), c.Queued, ago(c.Oldest, now), rateOf(c), why)
	}
	modems := false
	for _, c := range s.Carriers {
		m := c.Modem
		if m == nil {
			continue
		}
		if !modems {
			fmt.Fprintln(w, "\nMODEM\tPHASE\tWHAT\tPORT\tNETWORK\tSIGNAL\tSIM\tSTORED\tSENT TODAY\t")
			modems = true
		}
		signal, sent := "", strconv.Itoa(m.Sent.Day)
		if m.SignalDBm != nil {
			signal = fmt.Sprintf("%d dBm", *m.SignalDBm)
		}
		if m.Limits.Day > 0 {
			sent += " of " + strconv.Itoa(m.Limits.Day)
		}
		note := m.Suspended
		if m.Balance != "" {
			note = strings.TrimSpace(note + " balance: " + printable(m.Balance))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\n", c.Name, m.Phase, strings.TrimSpace(m.Vendor+" "+m.Model), m.Port,
			strings.Trim(m.Operator+", "+m.Registration, ", "), signal, m.ICCID, m.StorageUsed, m.StorageSize, sent, note)
	}
	fmt.Fprintln(w, "\nQUEUE\tWAITING\tOLDEST\tNUMBERS")
	for _, q := range s.Queues {
		waiting := strconv.Itoa(q.Waiting)
		if q.More {
			waiting += " and more"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", q.Name, waiting, ago(q.Oldest, now), strings.Join(q.Numbers, " "))
	}
}

// ago is how long something has been so.
func ago(since *time.Time, now time.Time) string {
	if since == nil {
		return "-"
	}
	d := now.Sub(*since).Round(time.Second)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= time.Hour:
		return d.Round(time.Minute).String()[:len(d.Round(time.Minute).String())-len("0s")]
	}
	return d.String()
}

func rateOf(c carrierStatus) string {
	if c.Rate == 0 {
		return "-"
	}
	if c.Kind == "gsm" {
		return fmt.Sprintf("%.4g/min", c.Rate*60)
	}
	if c.RateNow != c.Rate {
		return fmt.Sprintf("%.3g of %.4g/s", c.RateNow, c.Rate)
	}
	return fmt.Sprintf("%.4g/s", c.Rate)
}
