package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ours     = "+12602058900" // of the queue Sales
	general  = "+12602058999" // of General
	customer = "+12602058901"
	password = "correct horse"
)

// wire is a carrier that delivers what a test has it deliver, and accepts what it
// is given if it has a window.
type wire struct {
	out    chan *gateway.Stream
	window int
	stream *gateway.Stream
}

func (c *wire) Run(ctx context.Context, out *gateway.Stream) error {
	c.stream = out
	out.Put(gateway.Report{Kind: gateway.ReportState, State: gateway.CarrierUp, At: time.Now()})
	select {
	case c.out <- out:
	case <-ctx.Done():
		return nil
	}
	<-ctx.Done()
	return nil
}

func (c *wire) Submit(s []gateway.Submission) int {
	for i := range s[:min(len(s), c.window)] {
		c.stream.Put(gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s[i].Segment, Attempt: s[i].Attempt, Reference: s[i].Segment.String()})
	}
	return min(len(s), c.window)
}

func (c *wire) Room() (room, window int) { return c.window, max(c.window, 10) }

// site is a daemon's HTTP side over a real store.
type site struct {
	t      testing.TB
	db     *store.DB
	dir    *router.Directory
	router *router.Router
	hub    *Hub
	api    *API
	server *httptest.Server
	wire   *wire
	stream *gateway.Stream
	hash   string
	people map[string]gateway.ID
	queue  gateway.ID
	path   string
	reg    *prometheus.Registry
}

// metric is the value of a gauge or counter without labels.
func (s *site) metric(name string) float64 {
	s.t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	s.t.Fatalf("no metric %s", name)
	return 0
}

func (s *site) streams() int { return int(s.metric("smsbridge_event_streams")) }

// newSite makes a site with the queue Sales, whose number is ours: ana and ben
// are members of it, max manages it, olga owns the system and stan is in
// General alone.
func newSite(t testing.TB) *site { return newSiteWith(t) }

// newSiteWith is newSite with another carrier.
func newSiteWith(t testing.TB, change ...func(*router.Line)) *site {
	t.Helper()
	ctx := t.Context()
	s := &site{t: t, hub: NewHub(), wire: &wire{out: make(chan *gateway.Stream, 1)}, people: map[string]gateway.ID{}}
	var err error
	if s.hash, err = HashPassword(password); err != nil {
		t.Fatal(err)
	}
	s.path, s.reg = filepath.Join(t.TempDir(), "test.db"), prometheus.NewRegistry()
	if s.db, err = store.Open(ctx, "sqlite:"+s.path, store.Options{Node: "a", OnCommit: s.hub.Publish}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	s.update(func(tx *store.Tx) error {
		if s.queue, err = tx.AddQueue("Sales", []string{ours}); err != nil {
			return err
		}
		for i, name := range []string{"ana", "ben", "max", "olga", "stan"} {
			role := map[string]string{"max": "manager", "olga": "owner"}[name]
			if role == "" {
				role = "agent"
			}
			p := store.Person{Extension: []string{"101", "102", "103", "104", "105"}[i], Name: name, Role: role, Password: s.hash}
			if err := tx.AddPerson(&p); err != nil {
				return err
			}
			s.people[name] = p.ID
			if i < 3 {
				if err := tx.SetMember(s.queue, p.ID, name == "max"); err != nil {
					return err
				}
			}
		}
		return nil
	})
	s.serve(change...)
	return s
}

// serve makes the router and the API over the store.
func (s *site) serve(change ...func(*router.Line)) {
	s.t.Helper()
	var err error
	if s.dir, err = router.OpenDirectory(s.t.Context(), s.db); err != nil {
		s.t.Fatal(err)
	}
	line := router.Line{Name: "acme", Kind: "smpp", Rate: 10, Numbers: []gateway.Address{{Kind: gateway.AddressE164, Value: ours}, {Kind: gateway.AddressE164, Value: general}},
		Carrier: s.wire, Forms: func(ref string) []gateway.Form { return []gateway.Form{{Reference: ref, By: "raw"}} }}
	for _, c := range change {
		c(&line)
	}
	s.router, err = router.New(router.Options{Store: s.db, Directory: s.dir, Log: slog.New(slog.DiscardHandler), Region: "US", Lines: []router.Line{line}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.api = New(Options{Store: s.db, Router: s.router, Hub: s.hub, Log: slog.New(slog.DiscardHandler), Version: "test", Metrics: s.reg})
	s.server = httptest.NewServer(s.api.Handler())
	s.t.Cleanup(func() { s.hub.Close(); s.server.Close() })
}

func (s *site) update(fn func(*store.Tx) error) {
	s.t.Helper()
	if err := s.db.Update(context.Background(), fn); err != nil {
		s.t.Fatal(err)
	}
	if s.dir != nil {
		if err := s.dir.Reload(context.Background()); err != nil {
			s.t.Fatal(err)
		}
	}
}

// run starts the router, and returns once its carrier can deliver.
func (s *site) run() {
	ctx, stop := context.WithCancel(context.Background())
	up := s.watch()
	defer s.hub.leave(up)
	done := make(chan error, 1)
	go func() { done <- s.router.Run(ctx) }()
	s.t.Cleanup(func() { stop(); <-done })
	s.stream = <-s.wire.out
	<-up.wake // by the event that says so
}

// watch is woken by the next event, whatever it is.
func (s *site) watch() *watcher {
	w := newWatcher()
	s.hub.watch(w, &caller{actor: gateway.Actor{Kind: gateway.ActorProgram}})
	s.hub.since(w, nil, 1)
	return w
}

// arrive has a customer's text delivered, and waits until it is committed.
func (s *site) arrive(from, to, text string) {
	s.t.Helper()
	acked := make(chan gateway.AckStatus, 1)
	payload := []byte(text)
	ok := s.stream.Offer(gateway.Report{Kind: gateway.ReportInbound, At: time.Now(),
		Inbound: &gateway.Inbound{From: gateway.Address{Kind: gateway.AddressE164, Value: from}, To: to, Payload: payload, At: time.Now()},
		Ack:     func(status gateway.AckStatus, _ bool, _ func()) { acked <- status }})
	if !ok {
		s.t.Fatal("the stream is full")
	}
	select {
	case status := <-acked:
		if status != gateway.AckOK {
			s.t.Fatalf("acknowledged %v", status)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatal("not acknowledged")
	}
}

// client is somebody who asks.
type client struct {
	s      *site
	cookie *http.Cookie
	token  string
}

// as signs a person in, without the cost of a password.
func (s *site) as(name string) *client {
	s.t.Helper()
	secret := newSecret()
	hash := hashSecret(secret)
	s.update(func(tx *store.Tx) error {
		return tx.AddSignIn(store.SignIn{Hash: hash[:], Person: s.people[name], CreatedAt: tx.Now(), SeenAt: tx.Now()})
	})
	return &client{s: s, cookie: &http.Cookie{Name: cookieName, Value: secret}}
}

func (s *site) program(name, scopes, numbers string) *client {
	s.t.Helper()
	secret, hash := NewToken()
	s.update(func(tx *store.Tx) error {
		return tx.AddToken(&store.Token{Name: name, Hash: hash, Scopes: scopes, Numbers: numbers})
	})
	return &client{s: s, token: secret}
}

func (c *client) request(method, path string, body any, header ...string) *http.Request {
	c.s.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.s.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/open") && !strings.HasPrefix(path, "/docs") {
		path = prefix + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.s.server.URL+path, r)
	if err != nil {
		c.s.t.Fatal(err)
	}
	if r != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) do(method, path string, body any, header ...string) answer {
	c.s.t.Helper()
	resp, err := c.s.server.Client().Do(c.request(method, path, body, header...))
	if err != nil {
		c.s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.s.t.Fatal(err)
	}
	a := answer{resp.StatusCode, resp.Header, text}
	c.s.described(method, resp.Request.URL.Path, a)
	return a
}

// described checks an answer against what the OpenAPI document says of it.
func (s *site) described(method, path string, a answer) {
	s.t.Helper()
	doc := s.api.huma.OpenAPI()
	_, pattern := s.api.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}})
	_, pattern, _ = strings.Cut(pattern, " ")
	item := doc.Paths[pattern]
	if item == nil {
		return // no route of the API
	}
	op := map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete}[method]
	described := op.Responses[strconv.Itoa(a.status)]
	if described == nil {
		described = op.Responses["default"]
	}
	if len(described.Content) == 0 && len(a.body) == 0 {
		return
	}
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	media := described.Content[kind]
	if media != nil && kind == "text/csv" {
		return
	}
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil || media == nil {
		s.t.Errorf("%s %s answers %d %s: %v", method, path, a.status, a.header, err)
		return
	}
	res := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, res)
	for _, err := range res.Errors {
		s.t.Errorf("%s %s: %v in %s", method, path, err, a.body)
	}
}

// want reads the answer, which must have this status, strictly into a T.
func want[T any](t testing.TB, a answer, status int) T {
	t.Helper()
	var v T
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// refused checks that the answer is a problem with this status and code.
func refused(t testing.TB, a answer, status int, code string) Problem {
	t.Helper()
	p := want[Problem](t, a, status)
	if p.Code != code || p.Status != status {
		t.Errorf("%d %s, want %d %s: %s", p.Status, p.Code, status, code, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	return p
}
