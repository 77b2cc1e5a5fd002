package router

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// streamSize is how many texts and receipts may wait to be applied.
const streamSize = 2048

// pump moves texts between the store and one carrier.
type pump struct {
	r      *Router
	line   Line
	log    *slog.Logger
	stream *gateway.Stream
	wake   chan struct{} // there may be something to claim

	term    int64        // of the lease; set before the goroutines start
	queued  atomic.Int64 // segments that nobody has claimed
	sending atomic.Int64 // segments that are claimed
	orphans atomic.Int64 // receipts that wait for what they belong to
	paused  atomic.Bool
	state   atomic.Pointer[condition]
	told    condition    // that was logged last; the committer's
	sweptTo gateway.ID   // where the sweep of waiting receipts is: the committer's
	swept   atomic.Int64 // the newest receipt that a sweep has looked at
	shared  bool         // another carrier serves a number of its, too

	ids      atomic.Pointer[learning] // what its receipts' ids are like
	trace    pduTrace
	learnt   atomic.Bool // that is news, and not stored yet
	silentTo gateway.ID  // the messages up to there need no look at for want of receipts; the sweep's

	// What the present transaction has claimed so far: the committer's.
	claimTx *store.Tx
	claimN  int
	cut     gateway.ID // the message of which the last claim took not all segments; the committer's, too

	mu         sync.Mutex
	writtenIDs []gateway.ID         // acknowledged on the wire, not yet forgotten in the store
	returned   []gateway.Submission // claimed, and not taken by the carrier
	written    chan struct{}        // there is something in either
}

func newPump(r *Router, line Line) *pump {
	_, window := line.Carrier.Room()
	p := &pump{r: r, line: line, log: r.log.With("carrier", line.Name), stream: gateway.NewStream(streamSize, 4*window+16),
		wake: make(chan struct{}, 1), written: make(chan struct{}, 1)}
	p.state.Store(&condition{state: gateway.CarrierConnecting, since: time.Now()})
	p.ids.Store(&learning{Form: line.Form, Matches: map[string]int{}})
	return p
}

// kick says that there may be something to claim.
func (p *pump) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run owns the carrier until ctx ends and everything it reported is applied.
func (p *pump) run(ctx context.Context) {
	if !p.takeOver(ctx) {
		return
	}
	p.r.metrics.lease.WithLabelValues(p.line.Name).Set(1)
	defer p.r.metrics.lease.WithLabelValues(p.line.Name).Set(0)
	var reporting, rest sync.WaitGroup
	reporting.Go(func() {
		if err := p.line.Carrier.Run(ctx, p.stream); err != nil && ctx.Err() == nil {
			p.log.Error("carrier stopped", "error", err)
		}
	})
	reporting.Go(func() { p.claimLoop(ctx) })
	rest.Go(func() { p.sweepLoop(ctx) })
	ended := make(chan struct{}) // nothing is put on the stream any more
	rest.Go(func() { reporting.Wait(); close(ended) })
	p.drain(ctx, ended)
	rest.Wait()
}

// takeOver takes the lease and settles what an earlier term left behind, trying
// until the store lets it.
func (p *pump) takeOver(ctx context.Context) bool {
	for {
		err := p.r.db.Update(ctx, p.recover)
		if err == nil {
			return true
		}
		p.log.Error("cannot take the carrier over", "error", err)
		pause := time.NewTimer(5 * time.Second)
		select {
		case <-ctx.Done():
			pause.Stop()
			return false
		case <-pause.C:
		}
	}
}

func (p *pump) recover(tx *store.Tx) error {
	name := p.line.Name
	term, err := tx.Lease(name)
	if err != nil {
		return err
	}
	paused, err := tx.Paused(name)
	if err != nil {
		return err
	}
	waiting, err := tx.WaitingReceipts(name, 0, 1<<20)
	if err != nil {
		return err
	}
	left, err := tx.Abandoned(name, term)
	if err != nil {
		return err
	}
	ids, err := p.recall(tx)
	if err != nil {
		return err
	}
	b := p.r.openBook(tx)
	if err := b.load(left); err != nil {
		return err
	}
	for _, id := range left {
		if s := b.segments[id]; s != nil {
			if err := p.uncertain(b, s, endOfRun, tx.Now()); err != nil {
				return err
			}
		}
	}
	tx.AfterCommit(func() {
		p.term = term
		p.paused.Store(paused)
		p.ids.Store(ids)
		p.orphans.Store(int64(len(waiting)))
		p.r.metrics.unmatched.WithLabelValues(name).Set(float64(len(waiting)))
		p.r.metrics.uncertain.WithLabelValues(name).Add(float64(len(left)))
		if len(left) > 0 {
			p.log.Warn("the last run ended in the middle of sending: nobody knows whether these left", "segments", len(left))
		}
	})
	return b.finish()
}

// claimLoop feeds the carrier. While one window is on the wire the next is
// claimed: committed before a byte of it is written.
func (p *pump) claimLoop(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-p.stream.Room():
		case <-second.C: // back-offs end without a word
		}
		for ctx.Err() == nil && p.claim(ctx) {
		}
	}
}

// claim takes what the carrier has room for, and reports whether there may be
// more to take at once.
func (p *pump) claim(ctx context.Context) bool {
	if room, window := p.line.Carrier.Room(); p.paused.Load() || p.queued.Load() <= 0 || !enough(room, window) {
		return false
	}
	more := false
	err := p.r.db.Update(ctx, func(tx *store.Tx) (err error) {
		more, err = p.claimIn(tx)
		return err
	})
	if err != nil && ctx.Err() == nil {
		p.log.Error("cannot claim", "error", err)
	}
	return more && err == nil
}

// enough keeps claims from being many and small.
func enough(room, window int) bool { return room >= (window+1)/2 }

// roomIn is what the carrier has room for beside what this transaction has
// claimed already.
func (p *pump) roomIn(tx *store.Tx) (room, window int) {
	if p.claimTx != tx {
		p.claimTx, p.claimN = tx, 0
	}
	room, window = p.line.Carrier.Room()
	return room - p.claimN, window
}

// claimIn claims in a transaction that may do other things, and has what it
// claimed submitted once that is committed. It reports whether there may be more.
func (p *pump) claimIn(tx *store.Tx) (more bool, err error) {
	room, window := p.roomIn(tx)
	if p.paused.Load() || p.queued.Load() <= 0 || !enough(room, window) {
		return false, nil
	}
	claimed, expired, err := p.claimUpTo(tx, room)
	if err != nil {
		return false, err
	}
	if len(expired) > 0 {
		if err := p.r.failQueued(tx, expired, gateway.TickExpired, gateway.ErrExpired, "It could not be sent before its validity ended."); err != nil {
			return false, err
		}
	}
	if len(claimed) == 0 {
		return false, nil
	}
	batch := claimed
	for i := range batch {
		batch[i].From = p.sender(batch[i].From.Value)
	}
	p.claimN += len(batch)
	tx.AfterCommit(func() {
		p.queued.Add(int64(-len(batch)))
		p.sending.Add(int64(len(batch)))
		p.submit(batch)
	})
	return len(claimed) == room, nil
}

// claimUpTo claims what waits. The rest of a message of which the last claim took
// some segments goes first: nothing is to come between them.
func (p *pump) claimUpTo(tx *store.Tx, n int) (claimed []gateway.Submission, expired []gateway.ID, err error) {
	if p.cut != 0 {
		if claimed, expired, err = tx.ClaimRest(p.line.Name, p.term, p.cut, n); err != nil {
			return nil, nil, err
		}
	}
	if len(claimed) < n {
		more, gone, err := tx.Claim(p.line.Name, p.term, n-len(claimed))
		if err != nil {
			return nil, nil, err
		}
		claimed, expired = append(claimed, more...), append(expired, gone...)
	}
	cut := gateway.ID(0)
	if len(claimed) > 0 {
		last := &claimed[len(claimed)-1]
		if m := last.Segment.Message(); int(last.Segment-m)+1 < last.Parts {
			cut = m
		}
	}
	tx.AfterCommit(func() { p.cut = cut })
	return claimed, expired, nil
}

// direct claims a new message's segments as they are inserted, where nothing
// waits before them and there is room: one commit instead of two.
func (p *pump) direct(tx *store.Tx, m *gateway.Message, segments []gateway.Segment) bool {
	room, _ := p.roomIn(tx)
	if p.paused.Load() || p.queued.Load() > 0 || len(segments) > room || p.term == 0 {
		return false
	}
	batch := make([]gateway.Submission, len(segments))
	for i := range segments {
		s := &segments[i]
		s.Tick, s.Attempt, s.Term = gateway.TickSending, 1, p.term
		batch[i] = gateway.Submission{Segment: s.ID, Attempt: 1, Parts: len(segments), From: p.sender(m.Number), To: m.Peer, Encoding: m.Encoding,
			UDH: s.UDH, Payload: s.Payload, Expires: m.ExpiresAt, Flash: m.Flash, TLVs: m.TLVs}
	}
	p.claimN += len(batch)
	tx.AfterCommit(func() {
		p.sending.Add(int64(len(batch)))
		p.submit(batch)
	})
	return true
}

// submit runs on the committer, so that what is committed in order is submitted
// in order. It never blocks.
func (p *pump) submit(batch []gateway.Submission) {
	taken := p.line.Carrier.Submit(batch)
	if taken == len(batch) {
		return
	}
	p.mu.Lock()
	p.returned = append(p.returned, batch[taken:]...)
	p.mu.Unlock()
	p.nudge()
}

// nudge has the applying goroutine look at what was written or returned.
func (p *pump) nudge() {
	select {
	case p.written <- struct{}{}:
	default:
	}
}

// takeReturned makes results of what the carrier did not take.
func (p *pump) takeReturned() []gateway.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []gateway.Report
	for _, s := range p.returned {
		all = append(all, gateway.Report{Kind: gateway.ReportResult, At: time.Now(), Segment: s.Segment, Attempt: s.Attempt, Outcome: gateway.OutcomeUnsent})
	}
	p.returned = nil
	return all
}

// sender is the kind of our own number as it is configured.
func (p *pump) sender(number string) gateway.Address {
	for _, n := range p.line.Numbers {
		if n.Value == number {
			return n
		}
	}
	return gateway.ClassifyInbound(number, 0, 0, "")
}

// wrote is called once an acknowledgement was handed to the kernel: what it
// acknowledged cannot be delivered again for want of it.
func (p *pump) wrote(id gateway.ID) {
	p.r.db.NoteWritten(id)
	p.mu.Lock()
	p.writtenIDs = append(p.writtenIDs, id)
	p.mu.Unlock()
	p.nudge()
}

func (p *pump) takeWritten() []gateway.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := p.writtenIDs
	p.writtenIDs = nil
	return ids
}

func (p *pump) putBackWritten(ids []gateway.ID) {
	p.mu.Lock()
	p.writtenIDs = append(p.writtenIDs, ids...)
	p.mu.Unlock()
}

// forgetWritten forgets, in a transaction of its own, what needs no more
// recognising. Under load it goes with the next batch instead.
func (p *pump) forgetWritten(ctx context.Context) {
	ids := p.takeWritten()
	if len(ids) == 0 {
		return
	}
	if err := p.r.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error { return tx.Acknowledged(ids) }); err != nil {
		p.putBackWritten(ids)
	}
}
