package carrier

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gsm"
)

// ModemStatus is how a modem and its SIM are.
type ModemStatus struct {
	gsm.Info
	StorageUsed, StorageSize       int
	Recoveries                     int
	Phase                          string
	SentMinute, SentDay, SentMonth int
	Limits                         gsm.Limits
	Suspended                      string
	Balance                        string
	BalanceAt                      time.Time
}

// Modem tells how the modem and its SIM are now.
func (g *GSM) Modem() ModemStatus {
	m := ModemStatus{Info: g.modem.Info(), Limits: g.cfg.Limits, Suspended: g.sim.suspension()}
	m.SentMinute, m.SentDay, m.SentMonth = g.sim.sent(time.Now())
	m.StorageUsed, m.StorageSize = storage(m.Info)
	m.Recoveries = resets(m.Info)
	g.mu.Lock()
	defer g.mu.Unlock()
	m.Phase, m.Balance, m.BalanceAt = g.state.Phase.String(), g.asked.text, g.asked.at
	return m
}

// Note says why the modem sends nothing at present though it is up (stuck), or else
// which of the configuration's commands it refuses; "" if neither.
func (g *GSM) Note() (why string, stuck bool) {
	if why := g.sim.blocked(); why != "" {
		return why, true
	}
	g.mu.Lock()
	why = g.trouble.why
	g.mu.Unlock()
	if refused := g.modem.Info().Refused; why == "" && len(refused) > 0 {
		return "The modem refuses of gsm.init: " + strings.Join(refused, "; "), false
	}
	return why, why != ""
}

// tracer hands what is said to the modem and by it to a sink, for a while.
type tracer struct {
	mu    sync.Mutex
	until time.Time
	sink  func(bind int, out bool, line string)
}

// Trace has what is said on the port handed to sink until then. PINs are masked.
func (g *GSM) Trace(until time.Time, sink func(bind int, out bool, line string)) {
	g.trace.mu.Lock()
	defer g.trace.mu.Unlock()
	g.trace.until, g.trace.sink = until, sink
}

func (t *tracer) line(out bool, line string) {
	t.mu.Lock()
	sink := t.sink
	if sink != nil && time.Now().After(t.until) {
		t.sink, sink = nil, nil
	}
	t.mu.Unlock()
	if sink != nil {
		sink(1, out, line)
	}
}

// storage adds up the memories of a modem.
func storage(i gsm.Info) (used, size int) {
	for _, m := range i.Memories {
		used, size = used+m.Used, size+m.Total
	}
	return used, size
}

// resets adds up the times that a modem was shaken to recover.
func resets(i gsm.Info) int {
	n := uint64(0)
	for _, k := range i.Resets {
		n += k
	}
	return int(n)
}

// gsmMetrics are a modem's, read from what is known of it when they are scraped.
type gsmMetrics struct {
	phase *prometheus.GaugeVec
	last  gsm.Phase
	mu    sync.Mutex
}

func newGSMMetrics(reg prometheus.Registerer, name string, g *GSM) *gsmMetrics {
	labels := prometheus.Labels{"modem": name}
	gauge := func(metric, help string, value func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smsbridge", Name: metric, Help: help, ConstLabels: labels}, value))
	}
	info := func(value func(gsm.Info) int) func() float64 {
		return func() float64 { return float64(value(g.modem.Info())) }
	}
	gauge("modem_up", "Whether the modem works and its SIM is in a network.", func() float64 {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.state.Phase == gsm.PhaseUp {
			return 1
		}
		return 0
	})
	gauge("modem_signal_dbm", "Signal at the modem; 0: not known.", info(func(i gsm.Info) int { return i.Signal.DBm }))
	gauge("modem_registration_state", "Of the SIM in a network, as 3GPP TS 27.007 §7.2 numbers it.", info(func(i gsm.Info) int { return int(i.Registration) }))
	gauge("modem_storage_used", "Messages on the SIM and in the modem.", info(func(i gsm.Info) int { used, _ := storage(i); return used }))
	gauge("modem_storage_size", "How many there is room for.", info(func(i gsm.Info) int { _, size := storage(i); return size }))
	gauge("sim_suspended", "Whether the SIM sends nothing because it was refused too often.", func() float64 {
		if g.sim.suspension() != "" {
			return 1
		}
		return 0
	})
	reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "smsbridge", Name: "modem_resets_total", Help: "Times that the modem was reset to recover.", ConstLabels: labels},
		info(resets)))
	for window, limit := range map[string]int{"minute": g.cfg.Limits.PerMinute, "day": g.cfg.Limits.PerDay, "month": g.cfg.Limits.PerMonth} {
		within := prometheus.Labels{"modem": name, "window": window}
		reg.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "sim_sent", Help: "Texts that the SIM has sent within the window.", ConstLabels: within}, func() float64 {
				minute, day, month := g.sim.sent(time.Now())
				return float64(map[string]int{"minute": minute, "day": day, "month": month}[window])
			}),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "sim_limit", Help: "Texts that it may; 0: any number.", ConstLabels: within}, func() float64 { return float64(limit) }))
	}
	m := &gsmMetrics{phase: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "modem_state", Help: "In which state the modem is.", ConstLabels: labels}, []string{"state"})}
	for _, p := range []gsm.Phase{gsm.PhaseAbsent, gsm.PhaseProbing, gsm.PhaseNoSIM, gsm.PhasePIN, gsm.PhasePUK, gsm.PhaseRegistering, gsm.PhaseUp, gsm.PhaseFailed} {
		m.phase.WithLabelValues(p.String())
	}
	reg.MustRegister(m.phase, modemInfo{name, g})
	return m
}

// modemInfo is the metric that tells which modem it is, while one is there.
type modemInfo struct {
	name string
	g    *GSM
}

var modemInfoDesc = prometheus.NewDesc("smsbridge_modem_info", "Which modem it is; always 1.", []string{"modem", "vendor", "model", "revision", "imei"}, nil)

// Describe implements prometheus.Collector. Nothing is promised, so that several
// modems may have one metric.
func (modemInfo) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m modemInfo) Collect(out chan<- prometheus.Metric) {
	i := m.g.modem.Info()
	if i.Vendor == "" && i.Model == "" && i.IMEI == "" {
		return
	}
	word := func(s string) string { return strings.ToValidUTF8(s, "?") }
	out <- prometheus.MustNewConstMetric(modemInfoDesc, prometheus.GaugeValue, 1, m.name, word(i.Vendor), word(i.Model), word(i.Revision), word(i.IMEI))
}

// show moves the state's gauge.
func (m *gsmMetrics) show(s gsm.State) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase.WithLabelValues(m.last.String()).Set(0)
	m.last = s.Phase
	m.phase.WithLabelValues(s.Phase.String()).Set(1)
}
