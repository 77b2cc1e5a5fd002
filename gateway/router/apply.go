package router

import (
	"context"
	"errors"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	applyAtOnce = 256 // reports in one transaction
	retryStore  = 500 * time.Millisecond
	retryAtEnd  = 5 * time.Second // no longer than that once the daemon is to stop
	// maxOrphanAge is how long a receipt waits for what it belongs to.
	maxOrphanAge = 10 * time.Minute
)

// batch applies reports of one carrier in one transaction. Everything in it is
// made anew when the transaction runs again.
type batch struct {
	*book
	p       *pump
	refs    []store.Reference
	known   map[string]store.Reference // of this batch and of the store, by reference
	orphans []*gateway.Receipt         // matched nothing yet
	unacked []store.Unacknowledged
	// mayRepeat is what is committed, or is now, without having been
	// acknowledged for sure; repeated, what of that came a second time.
	mayRepeat map[[16]byte][]store.Unacknowledged
	repeated  []gateway.ID
	owed      []int // per report: 1 + index in unacked, or 0
	texts     int
	received  []*gateway.Message
	parts     int
	partial   int
	absorbed  int
	unlisted  int
	broken    int
	observed  []func()
	evidence  []string                       // forms of ids that were matched for sure
	doubts    []store.Doubt                  // of this carrier; read when they are wanted
	doubted   bool                           // they were
	exhausted map[gateway.ID]*gateway.Report // messages that the carrier has refused often enough, and how
	// condition is the carrier's as far as this batch has come.
	condition *condition
}

func (p *pump) newBatch(tx *store.Tx, reports int) *batch {
	b := &batch{book: p.r.openBook(tx), p: p, known: map[string]store.Reference{}, mayRepeat: map[[16]byte][]store.Unacknowledged{},
		owed: make([]int, reports)}
	b.logged = true
	return b
}

// drain applies the stream until it is closed to it, in batches.
func (p *pump) drain(ctx context.Context, ended <-chan struct{}) {
	reports := p.stream.Reports()
	batch := make([]gateway.Report, 0, applyAtOnce)
	for {
		batch = batch[:0]
		select {
		case r := <-reports:
			batch = append(batch, r)
		case <-p.written:
			p.applyAll(ctx, p.takeReturned())
			p.forgetWritten(ctx)
			continue
		case <-ended:
			if returned := p.takeReturned(); len(returned) > 0 {
				p.applyAll(ctx, returned)
			} else if len(reports) == 0 {
				p.forgetWritten(ctx)
				return
			}
			continue
		}
		for more := true; more && len(batch) < applyAtOnce; {
			select {
			case r := <-reports:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		p.applyAll(ctx, batch)
		clear(batch)
	}
}

// applyAll applies reports until what must not be lost is stored. While the
// store fails, texts and receipts are answered "temporary", those that come
// meanwhile too: the carrier has them and will deliver them again. Results, and
// what state it is in, nobody else has.
func (p *pump) applyAll(ctx context.Context, reports []gateway.Report) {
	n, failures := applyAtOnce, 0
	for len(reports) > 0 {
		now := reports[:min(n, len(reports))]
		err := p.apply(ctx, now)
		switch {
		case err == nil:
			p.kick()
			reports, failures = reports[len(now):], 0
			continue
		case !errors.Is(err, store.ErrUnavailable) && len(now) > 1:
			n = 1 // something in it cannot be stored: alone, it hurts nobody
			continue
		case !errors.Is(err, store.ErrUnavailable):
			p.giveUp(ctx, reports[0], err)
			reports = reports[1:]
			continue
		}
		if failures == 0 {
			p.log.Error("cannot store what the carrier delivers; it is answered to deliver it again", "error", err)
		}
		all := reports
		reports = reports[:0]
		for _, r := range all {
			reports = putOff(reports, r)
		}
		if ctx.Err() != nil && failures*int(retryStore) >= int(retryAtEnd) {
			p.log.Error("stopping without having stored what became of submissions: they will count as uncertain", "reports", len(reports))
			return
		}
		if failures++; len(reports) > 0 {
			reports = p.putOffFor(reports, retryStore)
		}
	}
}

// putOffFor puts off what comes within a time, too.
func (p *pump) putOffFor(kept []gateway.Report, d time.Duration) []gateway.Report {
	over := time.NewTimer(d)
	defer over.Stop()
	for {
		select {
		case r := <-p.stream.Reports():
			kept = putOff(kept, r)
		case <-over.C:
			return kept
		}
	}
}

// putOff keeps a report for when the store is back, or answers it. Results are no
// more than what the carrier was given, and of states that follow one another the
// last is enough: what is kept is bounded.
func putOff(kept []gateway.Report, r gateway.Report) []gateway.Report {
	if r.Ack != nil {
		r.Ack(gateway.AckTemporary, false, nil)
	}
	switch n := len(kept); {
	case r.Kind == gateway.ReportState && n > 0 && kept[n-1].Kind == gateway.ReportState:
		kept[n-1] = r
	case r.Kind == gateway.ReportResult || r.Kind == gateway.ReportState:
		kept = append(kept, r)
	}
	return kept
}

// giveUp keeps the bytes of a report that cannot be stored as what it is, so
// that it neither comes back for ever nor is lost.
func (p *pump) giveUp(ctx context.Context, r gateway.Report, cause error) {
	p.log.Error("a report of the carrier cannot be stored", "error", cause, "segment", r.Segment)
	if r.Ack == nil {
		return
	}
	var raw []byte
	if r.Inbound != nil {
		raw = r.Inbound.Raw
	} else if r.Receipt != nil {
		raw = []byte(r.Receipt.Raw)
	}
	status := gateway.AckOK
	if err := p.r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.Quarantine(p.line.Name, raw, storable(cause.Error())) }); err != nil {
		status = gateway.AckTemporary
	} else {
		p.r.metrics.quarantined.WithLabelValues(p.line.Name).Inc()
	}
	r.Ack(status, false, nil)
}

// apply commits the reports, and then acknowledges them in one write.
func (p *pump) apply(ctx context.Context, reports []gateway.Report) error {
	var b *batch
	forget := p.takeWritten()
	err := p.r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		b = p.newBatch(tx, len(reports))
		if err := tx.Acknowledged(forget); err != nil {
			return err
		}
		if err := b.run(reports); err != nil {
			return err
		}
		_, err := p.claimIn(tx)
		return err
	})
	if err != nil {
		p.putBackWritten(forget)
		return err
	}
	b.observe()
	p.acknowledge(reports, b)
	return nil
}

func (p *pump) acknowledge(reports []gateway.Report, b *batch) {
	last := map[gateway.ID]int{} // of each connection
	for i := range reports {
		if reports[i].Ack != nil {
			last[reports[i].Link] = i
		}
	}
	for i := range reports {
		if reports[i].Ack == nil {
			continue
		}
		var written func()
		if n := b.owed[i]; n > 0 {
			id := b.unacked[n-1].ID
			written = func() { p.wrote(id) }
		}
		reports[i].Ack(gateway.AckOK, i < last[reports[i].Link], written)
	}
}

func (b *batch) run(reports []gateway.Report) error {
	if err := b.prepare(reports); err != nil {
		return err
	}
	for i := range reports {
		r := &reports[i]
		owed := len(b.unacked)
		if err := b.one(r); err != nil {
			return err
		}
		if len(b.unacked) > owed {
			b.owed[i] = len(b.unacked)
		}
	}
	return b.end()
}

// prepare reads, in few statements, what the reports are about.
func (b *batch) prepare(reports []gateway.Report) error {
	var segments []gateway.ID
	var names []string
	for i := range reports {
		switch r := &reports[i]; r.Kind {
		case gateway.ReportResult:
			segments = append(segments, r.Segment)
		case gateway.ReportReceipt:
			names = b.p.likely(names, storable(r.Receipt.Reference))
		case gateway.ReportInbound:
			if maybe := r.Inbound.Maybe; maybe != nil {
				names = b.p.likely(names, storable(maybe.Reference))
			}
		}
	}
	if err := b.loadUnacknowledged(reports); err != nil {
		return err
	}
	if len(names) > 0 {
		found, err := b.tx.References(b.p.line.Name, names)
		if err != nil {
			return err
		}
		for name, refs := range found {
			b.known[name] = refs[0]
			segments = append(segments, refs[0].Segment)
		}
	}
	return b.load(segments)
}

func (b *batch) one(r *gateway.Report) error {
	switch r.Kind {
	case gateway.ReportResult:
		return b.result(r)
	case gateway.ReportReceipt:
		return b.receipt(r.Receipt)
	case gateway.ReportInbound:
		b.observed = append(b.observed, func() { b.p.r.metrics.received(b.p.line.Name, r.At) })
		if r.Inbound.Maybe != nil {
			if done, err := b.unmarkedReceipt(r.Inbound.Maybe); done || err != nil {
				return err
			}
		}
		return b.inbound(r.Inbound)
	case gateway.ReportBroken:
		b.broken++
		return b.tx.Quarantine(b.p.line.Name, r.Inbound.Raw, storable(r.Text))
	case gateway.ReportState:
		return b.state(r)
	case gateway.ReportCall:
		return b.call(r.Inbound)
	}
	return nil
}

// end writes what was gathered.
func (b *batch) end() error {
	name := b.p.line.Name
	if len(b.refs) > 0 {
		if err := b.tx.InsertReferences(name, b.refs); err != nil {
			return err
		}
		if b.p.orphans.Load() > 0 {
			if err := b.matchRecent(); err != nil {
				return err
			}
		}
	}
	if err := b.endExhausted(); err != nil {
		return err
	}
	for _, o := range b.orphans {
		if err := b.orphan(o); err != nil {
			return err
		}
	}
	if len(b.unacked) > 0 {
		if err := b.tx.InsertUnacknowledged(name, b.unacked); err != nil {
			return err
		}
	}
	if err := b.tx.Acknowledged(b.repeated); err != nil {
		return err
	}
	return b.finish()
}

func (b *batch) observe() {
	m, name := b.p.r.metrics, b.p.line.Name
	m.inbound.WithLabelValues(name).Add(float64(b.texts))
	m.redelivered.WithLabelValues(name).Add(float64(b.absorbed))
	m.quarantined.WithLabelValues(name).Add(float64(b.broken))
	m.unknownNumber.Add(float64(b.unlisted))
	m.fragments.Add(float64(b.parts))
	m.partial.WithLabelValues(name).Add(float64(b.partial))
	b.p.r.pending.Add(int64(b.parts))
	b.logEnded()
	for _, m := range b.received {
		b.p.r.logReceived(m)
	}
	if len(b.evidence) > 0 {
		b.p.learn(b.evidence)
	}
	for _, f := range b.observed {
		f()
	}
}

// state records that the carrier's connection came or went.
func (b *batch) state(r *gateway.Report) error {
	was := b.condition
	if was == nil {
		was = b.p.state.Load()
	}
	now := was.next(r, b.tx.Now())
	b.condition = now
	b.tx.AfterCommit(func() { b.p.changeState(now) })
	up, wasUp := r.State == gateway.CarrierUp, was.state == gateway.CarrierUp
	if up == wasUp {
		return nil
	}
	t := gateway.EventCarrierDown
	if up {
		t = gateway.EventCarrierUp
	}
	b.tx.Emit(gateway.Event{Type: t, Carrier: b.p.line.Name, Note: r.Text})
	return nil
}
