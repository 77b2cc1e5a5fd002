package gsm

import (
	"context"
	"errors"
	"time"
)

const (
	promptTimeout = 10 * time.Second
	// probeTimeout is how long AT may take, which needs nothing but the modem's
	// command interpreter.
	probeTimeout = 2 * time.Second
	// resyncTries bounds the probes of one resynchronisation.
	resyncTries = 6
	// maxChatter bounds how long a silence is waited for.
	maxChatter = 5 * time.Second
)

// resync brings the conversation back in step after a command that was not
// answered: its answer may still come, and must not be taken for that of another.
//
// Escape gives up a PDU that the modem may wait for (TS 27.005 §3.5.1); modems that
// do not heed it get a ^Z, too: what they hold is no PDU, or one of which it was
// said that it may have been sent. Then AT is
// asked until twice in a row there was silence before it, nothing but its OK as an
// answer, and silence behind it. A modem answers one command after the other, so
// what is late comes before or with the first of these, and the second tells a
// late OK from one to a probe that was dropped. ErrDeaf when resyncTries were not
// enough.
func (c *chat) resync(ctx context.Context) error {
	c.cur = nil
	for try, clean := 0, 0; try < resyncTries; try++ {
		if clean == 0 {
			if err := c.escape(ctx, try > 1); err != nil {
				return err
			}
		}
		if err := c.silence(ctx); err != nil {
			return err
		}
		ok, err := c.probe(ctx)
		switch {
		case err != nil:
			return err
		case !ok:
			clean = 0
		default:
			clean++
		}
		if clean == 2 {
			c.dirty = false
			return nil
		}
	}
	return c.fail(ErrDeaf)
}

// escape writes ESC, or ESC and ^Z, and the end of a line, with which whatever else
// was typed ends.
func (c *chat) escape(ctx context.Context, hard bool) error {
	t := time.NewTimer(probeTimeout)
	defer t.Stop()
	if hard {
		c.note(true, "<ESC><^Z>")
		return c.put(ctx, "\x1b\x1a\r", t.C)
	}
	c.note(true, "<ESC>")
	return c.put(ctx, "\x1b\r", t.C)
}

// silence waits until nothing came for as long as c.quiet, but for whole lines that
// are known to come unasked, for at most maxChatter: some modems are never silent.
func (c *chat) silence(ctx context.Context) error {
	limit := time.NewTimer(maxChatter)
	defer limit.Stop()
	gap := time.NewTimer(c.quiet)
	defer gap.Stop()
	for {
		select {
		case b, ok := <-c.chunks:
			said := c.said
			if err := c.take(b, ok); err != nil {
				return err
			}
			if c.said != said || len(c.lines.part) > 0 {
				gap.Reset(c.quiet)
			}
		case <-gap.C:
			c.lines.end(c.line) // half a line that stays half answers nothing
			return nil
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// probe asks AT and reports whether its OK came alone, with silence behind it.
func (c *chat) probe(ctx context.Context) (bool, error) {
	x, err := c.ask(ctx, "AT")
	switch {
	case c.broken != nil:
		return false, c.broken
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil || x.strays > 0:
		return false, nil
	}
	late := &exchange{done: true}
	c.cur = late
	err = c.silence(ctx)
	c.cur = nil
	return late.strays == 0, err
}

// wakings are what a modem is asked when a conversation begins, until it answers
// one of them with anything. Another program may have switched results off, or to
// digits (V.250 §6.2.5), and a Huawei E173 is mute after each start until its
// reports are directed to this port (chan-dongle #121).
var wakings = []string{"AT", "ATQ0V1E0", "AT^PORTSEL=1", "AT", "ATQ0V1E0"}

// wake finds out whether a modem answers at all, when a conversation begins: it
// may have been left in the middle of a PDU, or at a speed that it has yet to
// learn from the letters AT (V.250 §5.1.2).
func (c *chat) wake(ctx context.Context) error {
	for _, text := range wakings {
		_, err := c.ask(ctx, text)
		refusal := (*Error)(nil)
		switch {
		case err == nil, errors.As(err, &refusal):
			c.dirty = true // which of them was answered nobody knows
			return c.resync(ctx)
		case c.broken != nil:
			return c.broken
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if err := c.escape(ctx, false); err != nil {
			return err
		}
	}
	return errMute
}

// ask asks what every modem answers at once, whether in step or not.
func (c *chat) ask(ctx context.Context, text string) (*exchange, error) {
	x := &exchange{command: command{text: text}}
	t := time.NewTimer(probeTimeout)
	defer t.Stop()
	return x, c.run(ctx, x, t.C)
}
