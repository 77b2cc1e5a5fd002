package router

import (
	"context"
	"errors"
	"strconv"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

const (
	expireEvery   = 30 // seconds
	heldBackAfter = 10 * time.Minute
	silenceEvery  = 60 // seconds
	silenceAtOnce = 500
	silenceWindow = 20_000 // messages
	silenceRounds = 20     // of one sweep: the next goes on
	// silenceGrace is how long after its validity a text may still be reported on:
	// receipts are delayed, too.
	silenceGrace = time.Hour
)

// sweepLoop does what time brings about for this carrier's backlog.
func (p *pump) sweepLoop(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		}
		if err := p.sweep(ctx, n); err != nil && ctx.Err() == nil {
			p.log.Error("sweep", "error", err)
		}
	}
}

// sweep does all of it, whatever fails.
func (p *pump) sweep(ctx context.Context, n int) error {
	errs := []error{p.sweepOrphans(ctx), p.sweepBacklog(ctx, n), p.keepLearnt(ctx)}
	if n%failOverEvery == 0 {
		errs = append(errs, p.failOver(ctx))
	}
	if n%silenceEvery == silenceEvery/2 {
		errs = append(errs, p.sweepSilence(ctx), p.sweepParts(ctx))
	}
	return errors.Join(errs...)
}

func (p *pump) sweepOrphans(ctx context.Context) error {
	if p.orphans.Load() <= 0 {
		return nil
	}
	return p.r.db.Update(ctx, func(tx *store.Tx) error {
		b := p.newBatch(tx, 0)
		if err := b.sweepWaiting(); err != nil {
			return err
		}
		tx.AfterCommit(b.observe)
		return b.finish()
	})
}

func (p *pump) sweepBacklog(ctx context.Context, n int) error {
	queued := p.queued.Load()
	p.r.metrics.queued.WithLabelValues(p.line.Name, gateway.TickQueued.String()).Set(float64(queued))
	p.r.metrics.queued.WithLabelValues(p.line.Name, gateway.TickSending.String()).Set(float64(p.sending.Load()))
	if queued <= 0 {
		p.r.metrics.oldest.WithLabelValues(p.line.Name).Set(0)
		return nil
	}
	if at, err := p.r.db.OldestQueued(ctx, p.line.Name); err != nil {
		return err
	} else if !at.IsZero() {
		p.r.metrics.oldest.WithLabelValues(p.line.Name).Set(time.Since(at).Seconds())
	}
	if n%expireEvery != 0 {
		return nil
	}
	return p.r.db.Update(ctx, func(tx *store.Tx) error {
		held, err := tx.HeldBack(tx.Now().Add(-heldBackAfter))
		if err != nil {
			return err
		}
		for _, id := range held {
			if _, err := tx.GiveTurn(id); err != nil {
				return err
			}
		}
		ids, err := tx.Expired(p.line.Name, 1000)
		if err != nil || len(ids) == 0 {
			return err
		}
		return p.r.failQueued(tx, ids, gateway.TickExpired, gateway.ErrExpired, "It could not be sent before its validity ended.")
	})
}

var noReceipt = cause{gateway.ErrNoReceipt, "The carrier took it, and has not said what became of it."}

// lookAgain is when a text that a carrier has accepted now is silent if nothing is
// heard of it, where that is not when its validity, counted from its writing, and
// the grace are over: it has a validity of its own, was sent again, or comes from
// another carrier. Otherwise zero.
func (p *pump) lookAgain(m *gateway.Message, now time.Time) time.Time {
	if !p.line.Receipts {
		return time.Time{}
	}
	usual := m.CreatedAt.Add(p.line.Validity)
	end := m.ExpiresAt
	switch {
	case p.line.Validity > 0 && now.Before(usual) && (end.IsZero() || end.Equal(usual)):
		return time.Time{}
	case end.IsZero() && p.line.Validity <= 0:
		return time.Time{}
	case end.Before(now):
		end = now
	}
	return end.Add(silenceGrace)
}

// sweepSilence ends the wait for receipts that do not come: what the carrier has
// said nothing of when its validity and a grace are over is unknown.
func (p *pump) sweepSilence(ctx context.Context) error {
	if !p.line.Receipts {
		return nil
	}
	now := time.Now()
	s := store.Silence{Carrier: p.line.Name, Expired: now.Add(-silenceGrace), Now: now, Window: silenceWindow, Heard: p.line.NeverDelivered}
	for range silenceRounds {
		ids, err := p.r.db.SilentAgain(ctx, s, silenceAtOnce)
		if err != nil || len(ids) == 0 {
			return errors.Join(err, p.sweepSilentBefore(ctx, s))
		}
		if err := p.r.db.Update(ctx, func(tx *store.Tx) error { return p.endSilence(tx, ids) }); err != nil {
			return err
		}
	}
	return p.sweepSilentBefore(ctx, s)
}

// silentState is under which name it is remembered how far a sweep has come.
const silentState = "silence"

// sweepSilentBefore looks at the texts in the order in which they were written, at
// each once.
func (p *pump) sweepSilentBefore(ctx context.Context, s store.Silence) error {
	if p.line.Validity <= 0 {
		return nil
	}
	if p.silentTo == 0 {
		var value string
		if err := p.r.db.Update(ctx, func(tx *store.Tx) (err error) { value, err = tx.CarrierState(p.line.Name, silentState); return err }); err != nil {
			return err
		}
		n, _ := strconv.ParseInt(value, 10, 64) // nothing there is the beginning
		p.silentTo = gateway.ID(n)
	}
	s.Before = s.Now.Add(-p.line.Validity - silenceGrace)
	for range silenceRounds {
		s.After = p.silentTo
		ids, upTo, more, err := p.r.db.Silent(ctx, s, silenceAtOnce)
		if err != nil {
			return err
		}
		if len(ids) > 0 || more {
			if err := p.r.db.Update(ctx, func(tx *store.Tx) error {
				return errors.Join(p.endSilence(tx, ids), tx.SetCarrierState(p.line.Name, silentState, strconv.FormatInt(int64(upTo), 10)))
			}); err != nil {
				return err
			}
		}
		p.silentTo = upTo
		if !more {
			return nil
		}
	}
	return nil
}

func (p *pump) endSilence(tx *store.Tx, ids []gateway.ID) error {
	b := p.r.openBook(tx)
	if err := b.load(ids); err != nil {
		return err
	}
	for _, id := range ids {
		if s := b.segments[id]; s != nil && s.Tick == gateway.TickSent {
			if _, err := b.advance(s, gateway.TickUnknown, false, noReceipt, tx.Now()); err != nil {
				return err
			}
		}
	}
	return b.finish()
}
