package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Uncertain is what is done with a submission of which nobody knows whether the
// carrier took it.
type Uncertain uint8

const (
	Hold   Uncertain = iota // the tick becomes unknown; a person can send it again
	Resend                  // once more, after a grace in which it may be heard of
)

// Line is a carrier and what the router must know of it.
type Line struct {
	Name        string
	Kind        string            // smpp, gsm
	Numbers     []gateway.Address // ours, served by it
	AllowTo     []string          // beginnings of the E.164 numbers that it may text; none: all
	Format      gateway.Format    // how it takes texts
	OnUncertain Uncertain
	ResendAfter time.Duration // the grace of Resend
	Validity    time.Duration // of what is sent; 0: without limit
	Rate        float64       // segments a second that it takes, for people to see; 0: not limited
	// Receipts says that the carrier reports on what it accepted: of what it says
	// nothing, nobody knows. At some a text never gets beyond sent, whatever they
	// report (NeverDelivered).
	Receipts       bool
	NeverDelivered bool
	ReceiveOnly    bool // nothing is sent by it
	// Forms lists the names under which the carrier may have accepted what a
	// receipt calls reference, the likeliest first, that itself included. Form is
	// the one that is configured; where it is "", the likeliest is learnt.
	Forms     func(reference string) []gateway.Form
	Form      string
	Carrier   gateway.Carrier
	Reconnect func() // at a person's wish; nil: not possible
	Release   func() // ends a hold for lack of credit; nil: there is none
	// Cancel asks the carrier to forget what it accepted under a reference, and
	// returns its answer; nil: not possible.
	Cancel func(ctx context.Context, reference string, from, to gateway.Address) (answer string, ok bool, err error)
	// TLVs reads optional parameters that a sender gives; nil: it takes none.
	TLVs func(map[string]string) ([]gateway.TLV, error)
	// Pack and Unpack make octets of septets and the reverse (3GPP TS 23.038
	// §6.1.2.1); nil: it does so itself.
	Pack, Unpack func([]byte) []byte
	// Redelivers is how long after it was committed something may be delivered
	// again on a later session, where it was not acknowledged; 0: ten minutes.
	Redelivers time.Duration
	// USSD sends a code of the network's, or an answer in a session that it began, ""
	// to end that; nil: not possible.
	USSD func(ctx context.Context, code string) (text string, more bool, err error)
	// Modem says how the modem and its SIM are; nil: it is none.
	Modem func() ModemStatus
	// Headroom is how many texts it may send now before a limit of its own; nil: it
	// has none.
	Headroom func() int
	// Status says how the carrier's links are; nil: there is nothing to say.
	Status func() LinkStatus
	// Trace has what is said on the links handed to sink, in a readable form, until
	// then; nil: not possible.
	Trace func(until time.Time, sink func(bind int, out bool, line string))
}

// LinkStatus is how a carrier's links are.
type LinkStatus struct {
	Binds []Bind
	Rate  float64 // segments a second at present
	// Note says in a sentence why it is slower than configured, or holds; "" if
	// it is not.
	Note  string
	Stuck bool // it holds
}

// ModemStatus is how a modem and its SIM are.
type ModemStatus struct {
	Vendor, Model, Revision, IMEI, ICCID, IMSI string // the IMSI without what tells its owner
	Port                                       string
	Phase                                      string // absent, probing, no_sim, pin, puk, registering, up, failed
	Operator                                   string
	Roaming                                    bool
	Registration                               string
	SignalDBm                                  int // 0: not known
	StorageUsed, StorageSize                   int
	ErrorsInARow, Resets                       int
	SentMinute, SentDay, SentMonth             int
	PerMinute, PerDay, PerMonth                int    // limits; 0: none
	Suspended                                  string // why the SIM sends nothing more; "" if it does
	Balance                                    string // as the network last said; "" where it is not asked
	BalanceAt                                  time.Time
}

// Bind is one link to a carrier.
type Bind struct {
	Bind          int // from 1
	Host          string
	Mode          string
	State         string
	Since         time.Time
	Error         string
	Window, InUse int
	SMSC, Version string // as the other side says
}

// Options says how a router works. All but Metrics are required.
type Options struct {
	Store     *store.DB
	Directory *Directory
	Log       *slog.Logger
	Region    string // of numbers typed without +
	Lines     []Line
	Routes    []Route // of numbers that several carriers list
	Pools     []Pool
	Limits    Limits
	TextLog   TextLog
	Keywords  gateway.Keywords // nil: those that are built in
	Replies   Replies
	Metrics   prometheus.Registerer // nil: none are kept
}

// Router makes every change of state. Its methods are safe for concurrent use.
type Router struct {
	db      *store.DB
	dir     *Directory
	log     *slog.Logger
	region  string
	metrics *metrics
	pumps   map[string]*pump  // by carrier
	paths   map[string][]path // by number
	pools   map[string]pool   // by name
	limits  limits
	textLog TextLog
	tests   selfTests

	keywords gateway.Keywords
	replies  Replies
	presence *presence
	pending  atomic.Int64 // stored parts of texts that are not complete
}

// New makes a router. Run starts its carriers.
func New(opt Options) (*Router, error) {
	r := &Router{db: opt.Store, dir: opt.Directory, log: opt.Log, region: opt.Region, pumps: map[string]*pump{}, paths: map[string][]path{}, pools: map[string]pool{},
		limits: limits{Limits: opt.Limits}, textLog: opt.TextLog, keywords: opt.Keywords, replies: opt.Replies, presence: newPresence()}
	if r.keywords == nil {
		r.keywords = gateway.NewKeywords(nil, nil, nil)
	}
	r.metrics = newMetrics(opt.Metrics, opt.Lines, opt.Directory)
	for _, line := range opt.Lines {
		if r.pumps[line.Name] != nil {
			return nil, fmt.Errorf("carrier %s: there are two", line.Name)
		}
		r.pumps[line.Name] = newPump(r, line)
	}
	for _, route := range opt.Routes {
		for _, name := range route.Carriers {
			if p := r.pumps[name]; p != nil && len(route.Carriers) > 1 {
				p.shared = true
			}
		}
	}
	if err := r.addPools(opt.Pools); err != nil {
		return nil, err
	}
	return r, r.addPaths(opt.Routes)
}

// Run runs the carriers and the clocks until ctx ends, and then until every
// submission that was begun is recorded. It may be called once.
func (r *Router) Run(ctx context.Context) error {
	if err := r.start(ctx); err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, p := range r.pumps {
		all.Go(func() { p.run(ctx) })
	}
	all.Go(func() { r.housekeep(ctx) })
	all.Go(func() { r.dir.watch(ctx, func(err error) { r.log.Error("directory", "error", err) }) })
	all.Wait()
	return nil
}

// start brings what earlier runs left into order: gauges, routes that the
// configuration has changed, and terms.
func (r *Router) start(ctx context.Context) error {
	if err := r.db.Update(ctx, func(tx *store.Tx) error { return tx.ForgetLeft() }); err != nil {
		return err
	}
	if err := r.reroute(ctx); err != nil {
		return err
	}
	backlog, err := r.db.Backlog(ctx)
	if err != nil {
		return err
	}
	for name, n := range backlog {
		if r.pumps[name] == nil && n[gateway.TickSending] > 0 {
			if err := r.abandon(ctx, name); err != nil {
				return err
			}
		}
	}
	for name, p := range r.pumps {
		p.queued.Store(int64(backlog[name][gateway.TickQueued]))
		p.sending.Store(int64(backlog[name][gateway.TickSending]))
	}
	parts, err := r.db.PendingParts(ctx)
	if err != nil {
		return err
	}
	r.metrics.fragments.Set(float64(parts))
	r.pending.Store(int64(parts))
	for _, q := range r.dir.Queues() {
		r.metrics.wait.WithLabelValues(q.Name)
	}
	counts, err := r.db.ConversationCounts(ctx)
	if err != nil {
		return err
	}
	for _, c := range counts {
		r.metrics.conversations.add(c.Queue, c.Status, c.Count)
	}
	return nil
}

// abandon settles what an earlier run left on its way to a carrier that is
// configured no more: else it would be out for ever, and hold what follows it.
func (r *Router) abandon(ctx context.Context, carrier string) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		left, err := tx.Abandoned(carrier, math.MaxInt64)
		if err != nil {
			return err
		}
		b := r.openBook(tx)
		if err := b.load(left); err != nil {
			return err
		}
		for _, id := range left {
			if s := b.segments[id]; s != nil {
				b.lost(s, endOfRun)
				if _, err := b.advance(s, gateway.TickUnknown, false, uncertainCause, tx.Now()); err != nil {
					return err
				}
			}
		}
		return b.finish()
	})
}

// queueName is a queue's name for a label or a line.
func (r *Router) queueName(id gateway.ID) string {
	name, _ := r.dir.QueueName(id)
	return name
}

// Observe keeps the gauges that follow events; it is the store's OnCommit.
func (r *Router) Observe(events []gateway.Event) {
	for i := range events {
		e := &events[i]
		// A change may have several events, which share the state that it led to.
		if e.Conversation == nil || i > 0 && events[i-1].Conversation == e.Conversation || e.Before.Queue == e.After.Queue && e.Before.Status == e.After.Status {
			continue
		}
		r.metrics.conversations.add(e.Before.Queue, e.Before.Status, -1)
		r.metrics.conversations.add(e.After.Queue, e.After.Status, 1)
	}
}

// housekeep does what only time brings about.
func (r *Router) housekeep(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var seen *directory // when what the disabled own was last looked at
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		if now := r.dir.current.Load(); now != seen {
			if err := r.releaseDisabled(ctx, now); err == nil {
				seen = now
			} else if ctx.Err() == nil {
				r.log.Error("conversations of disabled people", "error", err)
			}
		}
		if err := errors.Join(r.wakeSnoozed(ctx), r.tendOffers(ctx), r.returnAbsent(ctx)); err != nil && ctx.Err() == nil {
			r.log.Error("conversations", "error", err)
		}
		if n%10 == 0 {
			if err := errors.Join(r.closeSilent(ctx), r.emptyHidden(ctx)); err != nil && ctx.Err() == nil {
				r.log.Error("conversations", "error", err)
			}
		}
		if n%60 == 0 {
			if err := errors.Join(r.failUnrouted(ctx), r.prune(ctx)); err != nil && ctx.Err() == nil {
				r.log.Error("housekeeping", "error", err)
			}
		}
	}
}

const (
	keepEvents      = 7 * 24 * time.Hour
	keepIdempotency = 24 * time.Hour
	pruneAtOnce     = 5000 // events removed in one transaction
	noRouteAfter    = time.Hour
)

// prune removes what is no longer promised, if there is any.
func (r *Router) prune(ctx context.Context) error {
	for {
		var n int64
		err := r.db.Update(ctx, func(tx *store.Tx) (err error) {
			if err := tx.PruneIdempotency(tx.Now().Add(-keepIdempotency)); err != nil {
				return err
			}
			for name, p := range r.pumps {
				if err := tx.PruneUnacknowledged(name, tx.Now().Add(-p.line.redeliveryWindow())); err != nil {
					return err
				}
			}
			n, err = tx.PruneEvents(tx.Now().Add(-keepEvents), pruneAtOnce)
			return err
		})
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}

func (r *Router) wakeSnoozed(ctx context.Context) error {
	ids, err := r.db.SnoozedUntil(ctx, time.Now())
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := r.Act(ctx, system, id, gateway.Action{Kind: gateway.ActWake}, Details{}); err != nil {
			return err
		}
	}
	return nil
}

// releaseDisabled takes from disabled people what they own: it waits again where
// a customer has had no answer, and is closed where nobody waits for one.
func (r *Router) releaseDisabled(ctx context.Context, dir *directory) error {
	var gone []gateway.ID
	for id, p := range dir.people {
		if !p.DisabledAt.IsZero() {
			gone = append(gone, id)
		}
	}
	for {
		ids, err := r.db.OwnedBy(ctx, gone, 500)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if _, err := r.Act(ctx, system, id, gateway.Action{Kind: gateway.ActOwnerGone}, Details{}); err != nil {
				return err
			}
		}
	}
}

// failUnrouted gives up what no carrier has served for an hour.
func (r *Router) failUnrouted(ctx context.Context) error {
	return r.db.Update(ctx, func(tx *store.Tx) error {
		ids, err := tx.Unrouted(tx.Now().Add(-noRouteAfter), 1000)
		if err != nil || len(ids) == 0 {
			return err
		}
		return r.failQueued(tx, ids, gateway.TickFailed, gateway.ErrNoRoute, "No carrier serves the number it was to be sent from.")
	})
}
