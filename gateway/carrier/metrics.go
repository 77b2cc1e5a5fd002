package carrier

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
)

// smppMetrics are those of one account.
type smppMetrics struct {
	name      string
	up        prometheus.Gauge
	states    *prometheus.GaugeVec
	changes   prometheus.Counter
	inUse     prometheus.Gauge
	response  prometheus.Observer
	throttled prometheus.Counter
	last      gateway.CarrierState
}

// bindStates are the words of bind_state: a carrier's states, with a refusal
// called what it is.
var bindStates = map[gateway.CarrierState]string{
	gateway.CarrierConnecting: "connecting", gateway.CarrierUp: "up", gateway.CarrierDown: "down", gateway.CarrierRefused: "auth_failed",
}

const onlyBind = "1" // until an account has several

func newSMPPMetrics(reg prometheus.Registerer, carrier string, window int) *smppMetrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return register(reg, prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: name, Help: help}, labels))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "smsbridge", Name: name, Help: help}, labels))
	}
	m := &smppMetrics{
		name:      carrier,
		up:        gauge("bind_up", "Whether the bind is up.", "carrier", "bind").WithLabelValues(carrier, onlyBind),
		states:    gauge("bind_state", "The state of the bind: 1 for the present one.", "carrier", "bind", "state"),
		changes:   counter("bind_state_changes_total", "Changes of the state of the bind.", "carrier", "bind").WithLabelValues(carrier, onlyBind),
		inUse:     gauge("window_in_use", "Submissions without a response.", "carrier", "bind").WithLabelValues(carrier, onlyBind),
		throttled: counter("throttled_seconds_total", "Time in which the carrier wanted nothing more.", "carrier").WithLabelValues(carrier),
		response: register(reg, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "smsbridge", Name: "submit_response_seconds",
			Help:    "From submission to response.",
			Buckets: []float64{.001, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"carrier"})).WithLabelValues(carrier),
	}
	gauge("window_size", "Submissions that may be without a response.", "carrier", "bind").WithLabelValues(carrier, onlyBind).Set(float64(window))
	m.show(gateway.CarrierConnecting)
	return m
}

// register adds a family, or finds it: each account has the same ones.
func register[C prometheus.Collector](reg prometheus.Registerer, c C) C {
	var exists prometheus.AlreadyRegisteredError
	if err := reg.Register(c); errors.As(err, &exists) {
		return exists.ExistingCollector.(C)
	}
	return c
}

// setState is called by the goroutine of Run alone.
func (m *smppMetrics) setState(s gateway.CarrierState) {
	if s == m.last {
		return
	}
	m.last = s
	m.changes.Inc()
	m.show(s)
}

func (m *smppMetrics) show(s gateway.CarrierState) {
	for state, word := range bindStates {
		v := 0.0
		if state == s {
			v = 1
		}
		m.states.WithLabelValues(m.name, onlyBind, word).Set(v)
	}
	if s == gateway.CarrierUp {
		m.up.Set(1)
	} else {
		m.up.Set(0)
	}
}
