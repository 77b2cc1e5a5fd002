package router

import (
	"fmt"
	"strings"
	"testing"

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
