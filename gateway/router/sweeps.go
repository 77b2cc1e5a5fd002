package router

import (
	"context"
	"errors"
	"slices"
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
	// silenceGrace is how long after its validity a text may still be reported on:
	// receipts are delayed, too.
	silenceGrace = time.Hour
	// partialAfter is how long the missing parts of a text are waited for before
	// it is shown without them.
	partialAfter = 5 * time.Minute
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

// sweepSilence ends the wait for receipts that do not come: what the carrier has
// said nothing of when its validity and a grace are over is unknown.
func (p *pump) sweepSilence(ctx context.Context) error {
	if !p.line.Receipts || p.line.Validity <= 0 {
		return nil
	}
	const state = "silence"
	now := time.Now()
	if p.silentTo == 0 {
		var value string
		if err := p.r.db.Update(ctx, func(tx *store.Tx) (err error) { value, err = tx.CarrierState(p.line.Name, state); return err }); err != nil {
			return err
		}
		n, _ := strconv.ParseInt(value, 10, 64) // nothing there is the beginning
		p.silentTo = gateway.ID(n)
	}
	for {
		ids, upTo, err := p.r.db.Silent(ctx, store.Silence{Carrier: p.line.Name, After: p.silentTo, Before: now.Add(-p.line.Validity - silenceGrace),
			Expired: now.Add(-silenceGrace), Heard: p.line.NeverDelivered}, silenceAtOnce)
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			if err := p.r.db.Update(ctx, func(tx *store.Tx) error { return p.endSilence(tx, ids, state, upTo) }); err != nil {
				return err
			}
		}
		p.silentTo = upTo
		if len(ids) < silenceAtOnce {
			return nil
		}
	}
}

func (p *pump) endSilence(tx *store.Tx, ids []gateway.ID, state string, upTo gateway.ID) error {
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
	if err := b.finish(); err != nil {
		return err
	}
	return tx.SetCarrierState(p.line.Name, state, strconv.FormatInt(int64(upTo), 10))
}

// sweepParts shows the texts of which parts have not come, and forgets the parts
// of those that nobody waits for any more.
func (p *pump) sweepParts(ctx context.Context) error {
	if p.r.pending.Load() <= 0 {
		return nil
	}
	return p.r.db.Update(ctx, func(tx *store.Tx) error {
		stale, err := tx.StaleSets(p.line.Name, tx.Now().Add(-partialAfter), false, 100)
		if err != nil {
			return err
		}
		old, err := tx.StaleSets(p.line.Name, tx.Now().Add(-maxPartAge), true, 100)
		if err != nil || len(stale)+len(old) == 0 {
			return err
		}
		b := p.newBatch(tx, 0)
		for i := range stale {
			if err := b.showPartial(&stale[i]); err != nil {
				return err
			}
		}
		for i := range old {
			parts, err := tx.Parts(p.line.Name, &old[i].In)
			if err != nil {
				return err
			}
			for _, part := range parts {
				if part.Set == old[i].Set {
					b.parts--
				}
			}
			if err := tx.DeleteParts(p.line.Name, &old[i].In, old[i].Set); err != nil {
				return err
			}
		}
		tx.AfterCommit(b.observe)
		return b.end()
	})
}

// showPartial gives what has come of a text to its conversation.
func (b *batch) showPartial(s *store.StaleSet) error {
	all, err := b.tx.Parts(b.p.line.Name, &s.In)
	if err != nil {
		return err
	}
	parts := slices.DeleteFunc(all, func(p store.Part) bool { return p.Set != s.Set })
	if len(parts) == 0 {
		return nil
	}
	total := int(s.In.Fragment.Total)
	in := s.In
	in.Coding, in.Shift, in.Port = parts[0].Coding, parts[0].Shift, parts[0].Port
	t, err := readParts(parts, total)
	if err != nil {
		return err
	}
	m, err := b.receive(&in, t)
	if err != nil {
		return err
	}
	b.texts++
	b.partial++
	return b.tx.ShowSet(s.Set, m.ID)
}

// missingPart stands in a text for what has not come.
const missingPart = "[…]"

// readParts reads the parts that there are, in their order. A character may
// straddle two of them, so that those that follow each other are joined first.
func readParts(parts []store.Part, total int) (received, error) {
	t := received{segments: total, missing: total - len(parts)}
	text, next := "", uint8(1)
	var run []byte
	flush := func() error {
		if len(run) == 0 {
			return nil
		}
		s, encoding, err := gateway.Decode(parts[0].Coding, parts[0].Shift, run)
		text, t.encoding, run = text+s, encoding, nil
		return err
	}
	for _, p := range parts {
		if p.Number != next {
			if err := flush(); err != nil {
				return t, err
			}
			text += missingPart
		}
		run, next = append(run, p.Payload...), p.Number+1
	}
	if err := flush(); err != nil {
		return t, err
	}
	if int(next) <= total {
		text += missingPart
	}
	if t.encoding == gateway.EncodingBinary {
		for _, p := range parts {
			t.data = append(t.data, p.Payload...)
		}
		text = gateway.DescribeBinary(parts[0].Coding, parts[0].Port, t.data)
	}
	t.text = withoutNUL(text)
	return t, nil
}

// complete puts the whole text in the place of the parts that were shown.
func (b *batch) complete(id gateway.ID, t received) error {
	ms, err := b.tx.Messages([]gateway.ID{id})
	if err != nil || ms[id] == nil {
		return err
	}
	m := ms[id]
	m.Text, m.Encoding, m.Data, m.Missing = t.text, t.encoding, t.data, 0
	if err := b.tx.Rewrite(m); err != nil {
		return err
	}
	c, ok, err := b.tx.Conversation(m.Conversation)
	if err != nil || !ok {
		return err
	}
	view := c.View()
	b.tx.Emit(gateway.Event{Type: gateway.EventMessageUpdated, Before: view, After: view, Conversation: &c, Message: m})
	return nil
}
