package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/config"
	"smsbridge/gateway"
	"smsbridge/gateway/api"
	"smsbridge/gateway/carrier"
	"smsbridge/gateway/router"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
	"smsbridge/smpp"
)

// Node is a daemon. New opens everything that can fail for want of a right
// configuration; Run does the work.
type Node struct {
	cfg      *config.Config
	log      *slog.Logger
	db       *store.DB
	hub      *api.Hub
	router   *router.Router
	registry *prometheus.Registry
	listener net.Listener
	scrape   net.Listener // nil: /metrics is on listener
	server   *http.Server
	scraped  *http.Server
	metrics  *metrics
}

// Version is the build, for build_info and the API.
type Version struct {
	Version, Revision, Go string
}

const (
	// stopHTTP is the last bounded step of a stop: the router takes 15 s for
	// outstanding responses, 2 s for answers and 5 s to unbind at most, streams end at once, and
	// requests have these, within the 25 s of the whole.
	stopHTTP          = 3 * time.Second
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
)

// New makes a node from a checked configuration. The caller runs it, or closes
// it.
func New(ctx context.Context, cfg *config.Config, v Version, log *slog.Logger) (n *Node, err error) {
	n = &Node{cfg: cfg, log: log, registry: prometheus.NewRegistry()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	m := newMetrics(n.registry, v)
	n.metrics = m
	n.hub = api.NewHub()
	var observe func([]gateway.Event) // set before anything is written
	n.db, err = store.Open(ctx, cfg.Store, store.Options{Node: cfg.Node, Log: log, Observe: m.observe,
		OnCommit: func(events []gateway.Event) {
			n.hub.Publish(events)
			if observe != nil {
				observe(events)
			}
		}})
	if err != nil {
		return n, fmt.Errorf("store: %w", err)
	}
	m.watchStore(n.db)
	dir, err := router.OpenDirectory(ctx, n.db)
	if err != nil {
		return n, fmt.Errorf("directory: %w", err)
	}
	lines, err := n.lines(n.db.NewID)
	if err != nil {
		return n, err
	}
	if n.router, err = router.New(router.Options{Store: n.db, Directory: dir, Log: log, Region: cfg.Region, Lines: lines, Routes: routes(cfg), Pools: pools(cfg),
		Limits:   router.Limits{AgentPerMinute: cfg.Limits.AgentPerMinute, TokenPerDay: cfg.Limits.TokenPerDay},
		TextLog:  router.TextLog{Off: cfg.Log.Texts == config.LogTextsNone, Numbers: cfg.Log.Numbers == config.LogNumbersFull},
		Keywords: gateway.NewKeywords(cfg.OptOut.Stop, cfg.OptOut.Start, cfg.OptOut.Help),
		Replies:  router.Replies{Stop: cfg.OptOut.StopReply, Start: cfg.OptOut.StartReply, Help: cfg.OptOut.HelpReply},
		Metrics:  n.registry}); err != nil {
		return n, err
	}
	observe = n.router.Observe
	if err := n.listen(); err != nil {
		return n, err
	}
	return n, n.serveAPI(v)
}

// lines makes the carriers of the configuration.
func (n *Node) lines(newID func() gateway.ID) ([]router.Line, error) {
	var lines []router.Line
	for i := range n.cfg.Carriers {
		c := &n.cfg.Carriers[i]
		numbers := make([]gateway.Address, len(c.Numbers))
		for j, s := range c.Numbers {
			var err error
			if numbers[j], err = gateway.ParseConfigured(s); err != nil {
				return nil, fmt.Errorf("carrier %s: number %w", c.Name, err)
			}
		}
		if c.GSM != nil {
			modem, err := carrier.NewGSM(carrier.GSMOptions{Name: c.Name, Config: *c.GSM, Number: numbers[0], Region: n.cfg.Region,
				NewID: newID, Store: n.db, Log: n.log.With("carrier", c.Name), Metrics: n.registry})
			if err != nil {
				return nil, err
			}
			lines = append(lines, n.finish(gsmLine(c.GSM, modem), c, numbers))
			continue
		}
		if t := c.SMPP.TLS; t != nil && t.CertFile != "" && n.metrics != nil {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("carrier %s: tls: %w", c.Name, err)
			}
			n.metrics.watchCertificate(c.Name, cert.Leaf)
		}
		account, err := carrier.NewSMPP(carrier.SMPPOptions{Name: c.Name, Config: *c.SMPP, Numbers: numbers, Region: n.cfg.Region,
			NewID: newID, Log: n.log.With("carrier", c.Name), Metrics: n.registry})
		if err != nil {
			return nil, err
		}
		lines = append(lines, n.finish(smppLine(c.SMPP, account), c, numbers))
	}
	return lines, nil
}

// finish adds what every kind of carrier has.
func (n *Node) finish(line router.Line, c *config.Carrier, numbers []gateway.Address) router.Line {
	line.Name, line.Numbers, line.AllowTo = c.Name, numbers, c.AllowTo
	if c.OnUncertain == config.UncertainResend {
		line.OnUncertain = router.Resend
	}
	return line
}

// gsmLine is what the router must know of a modem.
func gsmLine(c *gsm.Config, modem *carrier.GSM) router.Line {
	return router.Line{Kind: "gsm", Format: modem.Format(), Validity: c.Validity, Rate: float64(c.Limits.PerMinute) / 60,
		ResendAfter: time.Minute, Receipts: true, Carrier: modem, Forms: modem.Forms, Form: "raw", Reconnect: modem.Reconnect, Release: modem.Release,
		Redelivers: redelivers, USSD: modem.USSD, Headroom: modem.Headroom, Trace: modem.Trace,
		Modem: func() router.ModemStatus { return modemStatus(modem.Modem()) },
		Status: func() router.LinkStatus {
			note, stuck := modem.Note()
			return router.LinkStatus{Rate: float64(c.Limits.PerMinute) / 60, Note: note, Stuck: stuck}
		}}
}

// redelivers is how long it is remembered that a text from a modem is stored, where
// it is not known to have been deleted there: until the daemon has seen the modem
// again, be that after a holiday.
const redelivers = 60 * 24 * time.Hour

func modemStatus(m carrier.ModemStatus) router.ModemStatus {
	return router.ModemStatus{Vendor: m.Vendor, Model: m.Model, Revision: m.Revision, IMEI: m.IMEI, ICCID: m.ICCID, IMSI: m.IMSI, Port: m.Port,
		Phase: m.Phase, Operator: m.Operator, Roaming: m.Roaming, Registration: m.Registration.String(), SignalDBm: m.Signal.DBm,
		StorageUsed: m.StorageUsed, StorageSize: m.StorageSize, ErrorsInARow: m.Errors, Resets: m.Recoveries,
		SentMinute: m.SentMinute, SentDay: m.SentDay, SentMonth: m.SentMonth,
		PerMinute: m.Limits.PerMinute, PerDay: m.Limits.PerDay, PerMonth: m.Limits.PerMonth,
		Suspended: m.Suspended, Balance: m.Balance, BalanceAt: m.BalanceAt}
}

// smppLine is what the router must know of an SMPP account.
func smppLine(c *smpp.Config, account *carrier.SMPP) router.Line {
	line := router.Line{Kind: "smpp", Format: account.Format(), Validity: c.Validity, Rate: c.Rate,
		ResendAfter: 2 * c.ResponseTimeout, NeverDelivered: c.DeliveredMeans == smpp.DeliveredNetwork,
		Receipts:    c.RegisteredDelivery&3 == 1 && c.Bind != smpp.BindTransmitter, // SMPP 3.4 §5.2.17; a transmitter is told nothing
		ReceiveOnly: c.Bind == smpp.BindReceiver,
		Carrier:     account, Forms: account.Forms, Reconnect: account.Reconnect, Release: account.Release, Cancel: account.Cancel,
		TLVs: account.TLVs, Trace: account.Trace, Status: func() router.LinkStatus { return linkStatus(account.Status()) },
		Pack:   func(septets []byte) []byte { return smpp.PackGSM7(septets, 0) },
		Unpack: func(octets []byte) []byte { return smpp.UnpackGSM7(octets, 0) }}
	switch c.MessageID {
	case smpp.MessageIDAuto:
	case smpp.MessageIDExact:
		line.Form = string(smpp.MatchRaw)
	default:
		line.Form = string(c.MessageID)
	}
	return line
}

// linkStatus puts what a carrier says of itself as people see it.
func linkStatus(s carrier.Status) router.LinkStatus {
	l := router.LinkStatus{Rate: s.Rate, Note: s.Reason}
	for _, b := range s.Binds {
		l.Binds = append(l.Binds, router.Bind(b))
	}
	return l
}

// routes are those of numbers that several carriers share.
func routes(cfg *config.Config) []router.Route {
	var all []router.Route
	for _, r := range cfg.Routes {
		all = append(all, router.Route{Number: r.Number, To: r.To, Carriers: r.Carriers, Weights: r.Weights, FailoverAfter: r.FailoverAfter})
	}
	return all
}

func pools(cfg *config.Config) []router.Pool {
	var all []router.Pool
	for _, p := range cfg.Pools {
		all = append(all, router.Pool(p))
	}
	return all
}

func (n *Node) listen() error {
	var err error
	listening := net.ListenConfig{Control: dropUnheard}
	if n.listener, err = listening.Listen(context.Background(), "tcp", n.cfg.Listen); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if n.cfg.TLS != nil {
		cert, err := tls.LoadX509KeyPair(n.cfg.TLS.CertFile, n.cfg.TLS.KeyFile)
		if err != nil {
			return fmt.Errorf("tls: %w", err)
		}
		n.metrics.watchCertificate("listen", cert.Leaf)
		n.listener = tls.NewListener(n.listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
	}
	if n.cfg.Metrics.Listen != "" {
		if n.scrape, err = net.Listen("tcp", n.cfg.Metrics.Listen); err != nil {
			return fmt.Errorf("metrics.listen: %w", err)
		}
	}
	return nil
}

func (n *Node) serveAPI(v Version) error {
	secure := n.cfg.TLS != nil || strings.HasPrefix(n.cfg.PublicURL, "https://")
	var proxies []netip.Prefix
	for _, network := range n.cfg.TrustedProxies {
		p, err := netip.ParsePrefix(network)
		if err != nil {
			return fmt.Errorf("trusted_proxies: %w", err)
		}
		proxies = append(proxies, p)
	}
	a := api.New(api.Options{Store: n.db, Router: n.router, Hub: n.hub, Log: n.log, PublicURL: n.cfg.PublicURL, Secure: secure,
		TrustedProxies: proxies, Metrics: n.registry, Version: v.Version})
	mux := http.NewServeMux()
	mux.Handle("/", a.Handler())
	mux.HandleFunc("GET /-/healthy", n.healthy)
	mux.HandleFunc("GET /-/ready", n.ready)
	metrics := n.metricsHandler()
	if n.scrape != nil {
		scraped := http.NewServeMux()
		scraped.Handle("GET /metrics", metrics)
		n.scraped = n.httpServer(scraped)
	} else {
		mux.Handle("GET /metrics", n.guard(metrics))
	}
	n.server = n.httpServer(mux)
	return nil
}

// kindOf names the kind of store; what follows may hold a password.
func kindOf(store string) string {
	kind, _, _ := strings.Cut(store, ":")
	return kind
}

func (n *Node) httpServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug)}
}

// ReloadFailed shows in the metrics that the configuration has become wrong, and
// this node goes on with the one it has.
func (n *Node) ReloadFailed() { n.metrics.reload.Set(0) }

// Addr is where the API listens.
func (n *Node) Addr() net.Addr { return n.listener.Addr() }

// Run works until ctx ends, and then stops in order: no new claims, submissions
// recorded, unbound, streams ended, requests answered, store closed.
func (n *Node) Run(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make(chan error, 4)
	serve := func(s *http.Server, l net.Listener) {
		all.Go(func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("http: %w", err)
			}
		})
	}
	serve(n.server, n.listener)
	if n.scraped != nil {
		serve(n.scraped, n.scrape)
	}
	guarding, stopGuarding := context.WithCancel(context.WithoutCancel(ctx))
	defer stopGuarding()
	all.Go(func() {
		if err := n.db.KeepLock(guarding); err != nil {
			failed <- fmt.Errorf("store: %w", err)
		}
	})
	routing, stopRouting := context.WithCancel(ctx)
	defer stopRouting()
	routed := make(chan struct{})
	all.Go(func() {
		defer close(routed)
		if err := n.router.Run(routing); err != nil {
			failed <- fmt.Errorf("router: %w", err)
		}
	})
	n.log.Info("ready", "listen", n.Addr().String(), "store", kindOf(n.cfg.Store), "carriers", len(n.cfg.Carriers))
	notifying, stopNotifying := context.WithCancel(context.WithoutCancel(ctx))
	all.Go(func() { n.notify(notifying) })
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		n.log.Error("stopping", "error", err)
	}
	n.log.Info("stopping")
	notifyStopping(ctx)
	stopRouting()
	<-routed
	n.hub.Close()
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopHTTP)
	defer cancel()
	for _, s := range []*http.Server{n.server, n.scraped} {
		if s == nil {
			continue
		}
		if serr := s.Shutdown(stopCtx); serr != nil {
			s.Close()
		}
	}
	stopNotifying()
	stopGuarding()
	all.Wait()
	err = errors.Join(err, n.Close())
	n.log.Info("stopped")
	return err
}

// Close closes what New opened. Run does it itself.
func (n *Node) Close() error {
	var errs []error
	for _, l := range []net.Listener{n.listener, n.scrape} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if n.db != nil {
		errs = append(errs, n.db.Close())
	}
	return errors.Join(errs...)
}
