package router

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
)

// metrics are the router's. Labels are bounded: carriers and queues are names of
// the configuration, the rest fixed words.
type metrics struct {
	segments       *prometheus.CounterVec // carrier, tick
	submits        *prometheus.CounterVec // carrier, result
	statuses       *prometheus.CounterVec // carrier, command_status
	receipts       *prometheus.CounterVec // carrier, state
	matches        *prometheus.CounterVec // carrier, by
	receiptDelay   *prometheus.HistogramVec
	unmatched      *prometheus.GaugeVec // carrier
	inbound        *prometheus.CounterVec
	unknownNumber  prometheus.Counter
	redelivered    *prometheus.CounterVec
	quarantined    *prometheus.CounterVec
	fragments      prometheus.Gauge
	partial        *prometheus.CounterVec
	caps           *prometheus.CounterVec // kind
	uncertain      *prometheus.CounterVec
	lastReceived   *prometheus.GaugeVec
	conversations  *conversationCounts
	wait           *prometheus.HistogramVec
	conflicts      prometheus.Counter
	optOutRefused  prometheus.Counter
	lateDeliveries *prometheus.CounterVec
	lease          *prometheus.GaugeVec
	queued         *prometheus.GaugeVec // carrier, state
	oldest         *prometheus.GaugeVec
}

var outcomes = [...]string{"accepted", "rejected", "retry", "throttled", "uncertain", "unsent"}

func newMetrics(reg prometheus.Registerer, lines []Line, dir *Directory) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry()
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "smsbridge", Name: name, Help: help}, labels)
		reg.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: name, Help: help}, labels)
		reg.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "smsbridge", Name: name, Help: help, Buckets: buckets}, labels)
		reg.MustRegister(v)
		return v
	}
	m := &metrics{
		segments:       counter("segments_total", "Segments that reached a tick.", "carrier", "tick"),
		submits:        counter("submit_total", "Submissions by what became of them.", "carrier", "result"),
		statuses:       counter("submit_status_total", "Submissions refused, by the carrier's status.", "carrier", "command_status"),
		receipts:       counter("receipts_total", "Delivery receipts by state.", "carrier", "state"),
		matches:        counter("receipt_match_total", "Receipts by how they were matched to a segment.", "carrier", "by"),
		receiptDelay:   histogram("receipt_delay_seconds", "From the carrier's acceptance to its final receipt.", []float64{1, 5, 15, 60, 300, 1800, 7200, 43200, 86400, 259200}, "carrier"),
		unmatched:      gauge("receipts_unmatched", "Receipts that wait for what they belong to.", "carrier"),
		inbound:        counter("inbound_total", "Texts received and committed.", "carrier"),
		redelivered:    counter("inbound_redelivered_total", "Deliveries absorbed as repetitions of a committed one.", "carrier"),
		quarantined:    counter("quarantined_total", "What could not be decoded and was kept as bytes.", "carrier"),
		partial:        counter("inbound_partial_total", "Texts that were shown without all of their parts.", "carrier"),
		caps:           counter("limit_reached_total", "Texts refused because who sends them has sent as many as they may.", "kind"),
		uncertain:      counter("uncertain_total", "Submissions of which nobody knows whether the carrier took them.", "carrier"),
		lastReceived:   gauge("last_received_timestamp_seconds", "When the carrier last delivered anything.", "carrier"),
		conversations:  newConversationCounts(dir),
		wait:           histogram("conversation_wait_seconds", "From arrival to Take.", []float64{1, 5, 15, 30, 60, 120, 300, 900, 3600, 14400}, "queue"),
		lateDeliveries: counter("late_deliveries_total", "Deliveries reported after a failure.", "carrier"),
		lease:          gauge("lease_held", "Whether this node runs the carrier.", "carrier"),
		queued:         gauge("queue_segments", "Segments that are to be sent.", "carrier", "state"),
		oldest:         gauge("queue_oldest_age_seconds", "Age of the oldest segment that is to be sent.", "carrier"),
		unknownNumber:  prometheus.NewCounter(prometheus.CounterOpts{Namespace: "smsbridge", Name: "inbound_unknown_number_total", Help: "Texts to a number that no carrier lists."}),
		fragments:      prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "inbound_fragments_pending", Help: "Stored parts of texts that are not complete."}),
		conflicts:      prometheus.NewCounter(prometheus.CounterOpts{Namespace: "smsbridge", Name: "take_conflicts_total", Help: "Takes and replies refused because another owns the conversation."}),
		optOutRefused:  prometheus.NewCounter(prometheus.CounterOpts{Namespace: "smsbridge", Name: "opt_out_refused_total", Help: "Texts refused because the customer has opted out."}),
	}
	reg.MustRegister(m.unknownNumber, m.fragments, m.conflicts, m.optOutRefused, m.conversations)
	for _, kind := range []string{capAgent, capToken} {
		m.caps.WithLabelValues(kind)
	}
	for _, l := range lines {
		m.zero(l.Name)
	}
	return m
}

// zero makes a carrier's label sets that are known begin at zero.
func (m *metrics) zero(carrier string) {
	for t := gateway.TickQueued; t <= gateway.TickUnknown; t++ {
		m.segments.WithLabelValues(carrier, t.String())
	}
	for _, o := range outcomes {
		m.submits.WithLabelValues(carrier, o)
	}
	for _, by := range []string{"raw", "case", "zeros", "hex-to-decimal", "decimal-to-hex", "early", "user-reference", "destination", "none"} {
		m.matches.WithLabelValues(carrier, by)
	}
	for _, state := range []string{"unrecognised", "intermediate", "sent", "delivered", "failed", "expired", "unknown"} {
		m.receipts.WithLabelValues(carrier, state)
	}
	for _, state := range []string{"queued", "sending"} {
		m.queued.WithLabelValues(carrier, state)
	}
	for _, v := range []*prometheus.CounterVec{m.inbound, m.partial, m.redelivered, m.quarantined, m.uncertain, m.lateDeliveries} {
		v.WithLabelValues(carrier)
	}
	for _, v := range []*prometheus.GaugeVec{m.unmatched, m.lastReceived, m.lease, m.oldest} {
		v.WithLabelValues(carrier)
	}
	m.receiptDelay.WithLabelValues(carrier)
}

func (m *metrics) received(carrier string, at time.Time) {
	m.lastReceived.WithLabelValues(carrier).Set(float64(at.UnixMilli()) / 1000)
}
