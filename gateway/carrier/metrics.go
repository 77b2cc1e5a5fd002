package carrier

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
)

// smppMetrics are those of one account.
type smppMetrics struct {
	reg       prometheus.Registerer
	carrier   string
	response  prometheus.Observer
	throttled prometheus.Counter
	rate      prometheus.Gauge
	held      prometheus.Gauge
}

// bindMetrics are those of one of its binds.
type bindMetrics struct {
	up       prometheus.Gauge
	states   *prometheus.GaugeVec
	changes  prometheus.Counter
	recycled prometheus.Counter
	inUse    prometheus.Gauge
	window   prometheus.Gauge
}

func (m *smppMetrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return register(m.reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: name, Help: help}, labels))
}

func (m *smppMetrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return register(m.reg, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "smsbridge", Name: name, Help: help}, labels))
}

func newSMPPMetrics(reg prometheus.Registerer, carrier string) *smppMetrics {
	m := &smppMetrics{reg: reg, carrier: carrier}
	m.throttled = m.counter("throttled_seconds_total", "Time in which the carrier wanted nothing more.", "carrier").WithLabelValues(carrier)
	m.rate = m.gauge("rate_limit_per_second", "Submissions a second that the carrier is given at most; 0 where there is no limit.", "carrier").WithLabelValues(carrier)
	m.held = m.gauge("route_held", "Whether the carrier refuses texts for lack of credit, until somebody acts.", "carrier").WithLabelValues(carrier)
	m.response = register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "smsbridge", Name: "submit_response_seconds",
		Help:    "From submission to response.",
		Buckets: []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"carrier"})).WithLabelValues(carrier)
	return m
}

// bind makes the metrics of a bind.
func (m *smppMetrics) bind(number int) bindMetrics {
	labels := prometheus.Labels{"carrier": m.carrier, "bind": strconv.Itoa(number)}
	return bindMetrics{
		up:       m.gauge("bind_up", "Whether the bind is up.", "carrier", "bind").With(labels),
		states:   m.gauge("bind_state", "The state of the bind: 1 for the present one.", "carrier", "bind", "state").MustCurryWith(labels),
		changes:  m.counter("bind_state_changes_total", "Changes of the state of the bind.", "carrier", "bind").With(labels),
		recycled: m.counter("bind_recycled_total", "Connections of the bind that were ended because nothing was sent of what waited, or answered of what was sent.", "carrier", "bind").With(labels),
		inUse:    m.gauge("window_in_use", "Submissions without a response.", "carrier", "bind").With(labels),
		window:   m.gauge("window_size", "Submissions that may be without a response.", "carrier", "bind").With(labels),
	}
}

// register adds a family, or finds it: each account has the same ones.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var exists prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &exists) {
		return exists.ExistingCollector.(C)
	}
	return c
}

// showPace shows what may be sent at present.
func (m *smppMetrics) showPace(p *pace) {
	m.rate.Set(max(0, p.rate))
	m.held.Set(truth(!p.heldUntil.IsZero()))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *bindMetrics) show(s gateway.CarrierState) {
	for state, word := range bindStates {
		m.states.WithLabelValues(word).Set(truth(state == s))
	}
	m.up.Set(truth(s == gateway.CarrierUp))
}
