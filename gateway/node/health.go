package node

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"smsbridge/gateway/store"
)

// probeTimeout bounds the read by which the store shows that it works.
const probeTimeout = 3 * time.Second

// healthy says that the process works.
func (n *Node) healthy(w http.ResponseWriter, _ *http.Request) {
	w.Write([]byte("smsbridge is healthy.\n"))
}

// ready says that the store is open and the configuration loaded. A carrier's
// outage does not make a node unready: it signs people in, and queues.
func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	if err := n.probe(r.Context()); err != nil {
		http.Error(w, "The store does not answer: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Write([]byte("smsbridge is ready.\n"))
}

func (n *Node) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := n.db.EventSeq(ctx)
	return err
}

// notify tells systemd that the node is ready, and pets its watchdog as long as
// the store answers: never on account of a carrier, for restarting the daemon
// does not mend one.
func (n *Node) notify(ctx context.Context) {
	// The error only says that the socket is gone; there is nobody to tell.
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.probe(ctx); err != nil {
			n.log.Error("the store does not answer; the watchdog is not told", "error", err)
			continue
		}
		_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
	}
}

// ErrReload is the cause of a stop after which another node takes this one's
// place in the process: systemd is told that the service reloads, not that it
// stops.
var ErrReload = errors.New("the configuration has changed")

func notifyStopping(ctx context.Context) {
	state := daemon.SdNotifyStopping
	if errors.Is(context.Cause(ctx), ErrReload) {
		state = daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec()
	}
	_, _ = daemon.SdNotify(false, state)
}

func (n *Node) metricsHandler() http.Handler {
	return promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// guard lets only holders of a token read metrics from another machine.
func (n *Node) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(n.Addr().String())
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			secret, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			token, ok := n.router.Directory().Token(sha256.Sum256([]byte(secret)))
			if !ok || !hasScope(token.Scopes, "metrics:read") {
				w.Header().Set("WWW-Authenticate", "Bearer")
				http.Error(w, "Metrics want a token with the scope metrics:read, or use metrics.listen.", http.StatusUnauthorized)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func hasScope(scopes, want string) bool {
	for _, s := range strings.Fields(scopes) {
		if s == want || s == "admin" {
			return true
		}
	}
	return false
}

// metrics are the node's own.
type metrics struct {
	registry *prometheus.Registry
	commit   prometheus.Histogram
	batch    prometheus.Histogram
	reload   prometheus.Gauge
	expiry   *prometheus.GaugeVec
}

func newMetrics(reg *prometheus.Registry, v Version) *metrics {
	m := &metrics{
		registry: reg,
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "smsbridge", Name: "store_commit_seconds", Help: "Time of a commit.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "smsbridge", Name: "store_batch_size", Help: "Updates in a commit.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}}),
		reload: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "config_last_reload_successful", Help: "Whether the configuration could last be read."}),
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "tls_certificate_expiry_timestamp_seconds",
			Help: "When our certificate ends: that of listen, or a carrier's client certificate."}, []string{"certificate"}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "build_info", Help: "The build, in its labels."}, []string{"version", "revision", "go"})
	build.WithLabelValues(v.Version, v.Revision, v.Go).Set(1)
	m.reload.Set(1)
	reg.MustRegister(m.commit, m.batch, m.reload, m.expiry, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) observe(batch int, commit time.Duration) {
	m.commit.Observe(commit.Seconds())
	m.batch.Observe(float64(batch))
}

func (m *metrics) watchCertificate(name string, cert *x509.Certificate) {
	m.expiry.WithLabelValues(name).Set(float64(cert.NotAfter.Unix()))
}

// watchStore shows how large the store is, and what room its disk has.
func (m *metrics) watchStore(db *store.DB) {
	path := db.Path()
	if path == "" {
		return
	}
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "store_size_bytes", Help: "Size of the store's file and its log."}, func() float64 {
			var sum int64
			for _, p := range []string{path, path + "-wal"} {
				if info, err := os.Stat(p); err == nil {
					sum += info.Size()
				}
			}
			return float64(sum)
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "smsbridge", Name: "store_free_bytes", Help: "Room on the store's disk."}, func() float64 {
			var s syscall.Statfs_t
			if syscall.Statfs(path, &s) != nil {
				return 0
			}
			return float64(s.Bavail) * float64(s.Bsize)
		}))
}
