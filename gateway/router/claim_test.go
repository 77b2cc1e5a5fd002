package router

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// A program's long text that is claimed in pieces, for want of room, is finished
// before what people write meanwhile: nothing comes between its parts.
func TestNothingComesBetweenParts(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		long := strings.Repeat("All about our summer sale. ", 40) // 8 parts; 2*window is all there is room for
		b.acme.mu.Lock()
		b.acme.window = 2
		b.acme.mu.Unlock()
		sent, err := b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: long})
		if err != nil {
			b.t.Fatal(err)
		}
		b.settle()
		c := b.receive(customer(2), "hello")
		reply := b.reply(b.ana, c.ID, "At once.")
		for range 100 {
			b.acme.mu.Lock()
			held := append([]gateway.Submission{}, b.acme.held...)
			b.acme.mu.Unlock()
			if len(held) == 0 {
				break
			}
			b.acme.settle(held[0], acceptAll(held[0]))
			b.settle()
		}
		var order []string
		b.acme.mu.Lock()
		for _, s := range b.acme.taken {
			name := "reply"
			if s.Segment.Message() == sent.Message.ID {
				name = fmt.Sprintf("%d/%d", int(s.Segment-sent.Message.ID)+1, s.Parts)
			}
			order = append(order, name)
		}
		b.acme.mu.Unlock()
		wantList(b.t, "submitted", order, []string{"1/8", "2/8", "3/8", "4/8", "5/8", "6/8", "7/8", "8/8", "reply"})
		b.wantTick(reply, gateway.TickSent, "")
	})
}

// A carrier says after what pause a refusal for now is worth another attempt; the
// router does not lengthen it.
func TestPausesAreTheCarriers(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		began := time.Now()
		var at []time.Duration
		b.acme.mu.Lock()
		b.acme.answer = func(s gateway.Submission) gateway.Report {
			at = append(at, time.Since(began).Round(10*time.Second))
			r := result(s, gateway.OutcomeRetry)
			r.Code, r.Limit, r.RetryAfter = "ESME_RSYSERR", 5, 30*time.Second<<(s.Attempt-1)
			return r
		}
		b.acme.mu.Unlock()
		m := b.reply(b.ana, c.ID, "Not yet.")
		b.pass(10 * time.Minute)
		b.acme.mu.Lock()
		got := at
		b.acme.mu.Unlock()
		if want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second}; !slices.Equal(got, want) {
			b.t.Errorf("submitted after %v, want %v", got, want)
		}
		b.wantTick(m, gateway.TickFailed, gateway.ErrRejected)
	})
}
