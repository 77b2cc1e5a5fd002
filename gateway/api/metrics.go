package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.HistogramVec // route, method, code
	streams  prometheus.Gauge
	failures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "smsbridge", Name: "http_request_duration_seconds",
			Help: "Time taken to answer requests.", Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}},
			[]string{"route", "method", "code"}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "event_streams", Help: "Open event streams."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "smsbridge", Name: "login_failures_total", Help: "Sign-ins that were refused."}),
	}
	reg.MustRegister(m.requests, m.streams, m.failures)
	return m
}

// observe counts a request. Its labels are bounded: the route is a pattern, and
// methods nobody knows are one.
func (m *metrics) observe(r *http.Request, status int, took time.Duration) {
	route, method := r.Pattern, r.Method
	if i := strings.IndexByte(route, ' '); i >= 0 {
		route = route[i+1:]
	}
	switch {
	case route == prefix+"/events" && status == http.StatusOK:
		return // it lasts as long as its reader likes
	case route == "":
		route = "none"
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete, http.MethodOptions:
	default:
		method = "other"
	}
	if status == 0 {
		status = http.StatusOK
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}
