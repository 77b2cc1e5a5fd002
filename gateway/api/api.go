package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
)

// Options says what an API serves. All but Metrics, PublicURL and Version are
// required.
type Options struct {
	Store   *store.DB
	Router  *router.Router
	Hub     *Hub // its Publish is among what the store calls on commit
	Log     *slog.Logger
	Metrics prometheus.Registerer // nil: none are kept
	// PublicURL is where browsers find the daemon, behind a proxy perhaps. With
	// https, and with Secure, which says that the daemon itself serves TLS,
	// cookies are sent over TLS only.
	PublicURL string
	Secure    bool
	// TrustedProxies are believed when they say for whom they ask, as who asks from
	// this machine is.
	TrustedProxies []netip.Prefix
	Version        string
}

// API serves HTTP. Its methods are safe for concurrent use.
type API struct {
	db        *store.DB
	router    *router.Router
	dir       *router.Directory
	hub       *Hub
	log       *slog.Logger
	metrics   *metrics
	secure    bool
	proxies   []netip.Prefix
	render    renderer
	sessions  sessions
	gate      *gate
	throttle  throttle // by address and extension
	addresses throttle // slows down who tries one password with many extensions
	regions   sync.Map // number of ours -> region
	presences presences
	used      sync.Map // token -> when its use was last noted
	reads     readings
	streams   streamCount

	destinations destinations
	origin       *http.CrossOriginProtection
	mux          *http.ServeMux
	huma         huma.API
	document     sync.Once
	paths        map[string][]string // path -> methods

	pingEvery, writeWithin time.Duration // of event streams
	maxStreams, maxOwn     int           // of everybody, and of one caller
}

const (
	prefix       = "/api/v1"
	maxBody      = 64 << 10
	maxBatchBody = 4 << 20
	// Who sends slowly or does not read has this long; the server itself has no
	// deadlines, because of the streams.
	bodyWithin   = time.Minute
	answerWithin = time.Minute
	bigAnswer    = 32 << 10 // smaller ones find room in the socket's buffer
)

// New makes an API. Its goroutines are those of the server that runs Handler.
func New(opt Options) *API {
	a := &API{db: opt.Store, router: opt.Router, dir: opt.Router.Directory(), hub: opt.Hub, log: opt.Log,
		metrics: newMetrics(opt.Metrics), secure: opt.Secure, proxies: opt.TrustedProxies, gate: newGate(),
		origin: http.NewCrossOriginProtection(), mux: http.NewServeMux(), paths: map[string][]string{},
		pingEvery: pingEvery, writeWithin: writeWithin, maxStreams: maxStreams, maxOwn: maxOwn,
		addresses: throttle{free: freeOfAddress, longest: delayOfAddress}}
	a.render = renderer{dir: a.dir, router: a.router}
	if u, err := url.Parse(opt.PublicURL); err == nil && u.Host != "" {
		a.secure = a.secure || u.Scheme == "https"
		if err := a.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			a.log.Warn("public_url is no origin", "error", err)
		}
	}
	a.describe(opt.Version)
	a.serveDocs()
	a.sessionRoutes()
	a.conversationRoutes()
	a.actionRoutes()
	a.sendRoutes()
	a.messageRoutes()
	a.contactRoutes()
	a.templateRoutes()
	a.peopleRoutes()
	a.queueRoutes()
	a.ownNumberRoutes()
	a.pushRoutes()
	a.sessionListRoutes()
	a.tokenRoutes()
	a.customerRoutes()
	a.auditRoutes()
	a.carrierRoutes()
	a.numberRoutes()
	a.reportRoutes()
	a.streamRoutes()
	a.presenceRoutes()
	a.bulkRoutes()
	a.refuseOthers()
	delete(a.huma.OpenAPI().Components.Schemas.Map(), "ErrorModel") // huma's own: Problem takes its place
	return a
}

// Handler serves everything under /api/v1, /openapi.json and /docs.
func (a *API) Handler() http.Handler { return http.HandlerFunc(a.serve) }

var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	noSniff  = []string{"nosniff"}
)

// serve does for every request what none does for itself.
func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	out := &response{ResponseWriter: w}
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			a.log.ErrorContext(r.Context(), "panic", "panic", p, "stack", string(debug.Stack()))
			if out.status == 0 {
				a.writeProblem(out, r, problem(http.StatusInternalServerError, codeInternal, "Something went wrong here."))
			}
		}
		a.metrics.observe(r, out.status, time.Since(start))
	}()
	if strings.HasPrefix(r.URL.Path, prefix+"/") {
		var err error
		if r, err = a.admit(out, r); err != nil {
			a.writeProblem(out, r, err)
			return
		}
	}
	if strings.HasPrefix(r.URL.Path, documentPath) {
		a.document.Do(a.writeDocument)
	}
	a.mux.ServeHTTP(out, r)
}

// admit bounds a request's body, refuses what another site has a browser send,
// and finds out who asks.
func (a *API) admit(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	signIn := r.Method == http.MethodPost && r.URL.Path == prefix+"/session"
	if r.Header.Get("Authorization") == "" { // no browser adds that by itself
		if err := a.origin.Check(r); err != nil {
			return r, forbidden("This request came from another site.")
		}
	}
	if r.Body != http.NoBody {
		limit := int64(maxBody)
		if r.URL.Path == prefix+"/messages/batch" || r.URL.Path == prefix+"/contacts/import" {
			limit = maxBatchBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return r, err
		}
	}
	if signIn {
		return r, nil
	}
	c, err := a.authenticate(r)
	if err != nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return r, err
	}
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c)), nil
}

// refuseOthers answers what no route does, with problems like all else.
func (a *API) refuseOthers() {
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.writeProblem(w, r, notFound("page"))
	})
	for path, methods := range a.paths {
		if a.eclipsed(path) {
			continue
		}
		allow := strings.Join(methods, ", ")
		a.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allow)
			a.writeProblem(w, r, problem(http.StatusMethodNotAllowed, "method_not_allowed", "Here one can "+allow+"."))
		})
	}
}

// eclipsed tells whether a path is one of those that a wider one has, as
// /messages/batch is among /messages/{id}: for the methods of that, the mux could
// not tell one from the other.
func (a *API) eclipsed(path string) bool {
	if strings.Contains(path, "{") {
		return false
	}
	parent := path[:strings.LastIndexByte(path, '/')+1]
	for wider := range a.paths {
		if rest, ok := strings.CutPrefix(wider, parent+"{"); ok && !strings.Contains(rest, "/") {
			return true
		}
	}
	return false
}

// response remembers what was answered.
type response struct {
	http.ResponseWriter
	status  int
	streams bool // who writes has deadlines of its own
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if len(b) >= bigAnswer && !w.streams {
		out := http.NewResponseController(w.ResponseWriter)
		if out.SetWriteDeadline(time.Now().Add(answerWithin)) == nil {
			defer out.SetWriteDeadline(time.Time{}) // the connection may be used again
		}
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController what it needs.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func writeJSON(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // whoever has gone cannot be told
	return nil
}

// respond writes v as JSON.
func respond(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeJSON(w, status, body)
}
