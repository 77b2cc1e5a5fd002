package router

import (
	"testing"
	"time"

	"smsbridge/gateway"
)

func TestRedelivery(t *testing.T) {
	tests := []struct {
		name    string
		lost    bool          // the first answer never reached the wire
		session gateway.ID    // how much later the second delivery's session is
		wait    time.Duration // between the two
		restart bool
		want    []string
	}{
		{"answer lost, later session", true, 1, time.Second, false, []string{"ok"}},
		{"answer lost, after a restart", true, 1, time.Second, true, []string{"ok"}},
		{"answer written, later session", false, 1, time.Second, false, []string{"ok", "ok"}},
		{"answer lost, same session", true, 0, time.Second, false, []string{"ok", "ok"}},
		{"answer lost, too late", true, 1, 11 * time.Minute, false, []string{"ok", "ok"}},
		{"answer lost, long connected", true, 1, 9 * time.Minute, false, []string{"ok"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				b.run()
				first := &ack{lost: test.lost}
				b.deliverTo([]*ack{first}, b.text(customer(1), "ok"))
				first.want(b.t, gateway.AckOK)
				if test.restart {
					b.halt()
					b.run()
				}
				b.pass(test.wait)
				b.sessions += test.session
				b.deliver(b.text(customer(1), "ok"))[0].want(b.t, gateway.AckOK)
				wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), test.want)
				b.wantMetric(float64(2-len(test.want)), "inbound_redelivered_total", "acme")
			})
		})
	}
}

// A carrier with several binds delivers what a customer repeats over any of them.
// Only of a session that has ended it delivers again what was not acknowledged.
func TestRepetitionOnAnotherBind(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		alive := map[gateway.ID]bool{1: true, 2: true}
		on := func(session gateway.ID) *gateway.Inbound {
			in := b.text(customer(1), "ok")
			in.Session, in.Alive = session, func(other gateway.ID) bool { return alive[other] }
			return in
		}
		b.deliverTo([]*ack{{lost: true}}, on(2))
		b.deliver(on(1))
		wantList(b.t, "while both live", b.texts(b.pair(customer(1)).ID), []string{"ok", "ok"})
		alive[2] = false
		b.deliver(on(1), on(1))
		wantList(b.t, "when the first has ended", b.texts(b.pair(customer(1)).ID), []string{"ok", "ok", "ok"})
	})
}

// Each stored one absorbs one, and no more.
func TestRedeliveryAbsorbsOnce(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		b.deliverTo([]*ack{{lost: true}, {lost: true}}, b.text(customer(1), "ok"), b.text(customer(1), "ok"))
		b.sessions++
		b.deliver(b.text(customer(1), "ok"), b.text(customer(1), "ok"), b.text(customer(1), "ok"))
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"ok", "ok", "ok"})
	})
}

// A carrier that lost patience with a slow store delivers on a new session what
// still waits to be applied.
func TestRedeliveryWithinOneBatch(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		first, again, third := b.text(customer(1), "ok"), b.text(customer(1), "ok"), b.text(customer(1), "ok")
		again.Session, third.Session = first.Session+1, first.Session+1
		reports := []gateway.Report{}
		for _, in := range []*gateway.Inbound{first, again, third} {
			reports = append(reports, gateway.Report{Kind: gateway.ReportInbound, Inbound: in, Ack: (&ack{}).answer})
		}
		if err := b.r.pumps["acme"].apply(b.ctx, reports); err != nil {
			b.t.Fatal(err)
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"ok", "ok"})
	})
}

func TestRepeatedPartOfACompleteText(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		parts := b.parts(customer(1), 7, "a text of two parts", 2)
		b.deliver(parts[0])
		b.deliverTo([]*ack{{lost: true}}, parts[1])
		b.sessions++
		b.deliver(b.parts(customer(1), 7, "a text of two parts", 2)[1])
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"a text of two parts"})
		b.wantMetric(0, "inbound_fragments_pending")
	})
}

// People do send the same text again and again.
func TestRepetitionsAreNotSwallowed(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		for n := range 1000 {
			if n%10 == 0 {
				b.sessions++
			}
			b.deliver(b.text(customer(1), "ok"))[0].want(b.t, gateway.AckOK)
		}
		if c := b.pair(customer(1)); c.Unread != 1000 || len(b.texts(c.ID)) != 1000 {
			b.t.Errorf("%d texts, %d unread; want 1000", len(b.texts(c.ID)), c.Unread)
		}
	})
}

// Two texts under one reference may end alike: the end of the second is not the
// repetition of the first's while its own beginning waits for it.
func TestEndThatTwoTextsShare(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		lost := []*ack{{lost: true}, {lost: true}}
		b.deliverTo(lost, b.parts(customer(1), 7, "aaaaaaaaaazzzzzzzzzz", 2)...)
		b.sessions++
		b.deliver(b.parts(customer(1), 7, "bbbbbbbbbbzzzzzzzzzz", 2)...)
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"aaaaaaaaaazzzzzzzzzz", "bbbbbbbbbbzzzzzzzzzz"})
		b.wantMetric(0, "inbound_fragments_pending")
		b.wantMetric(0, "inbound_redelivered_total", "acme")
	})
}

// A part that another unfinished text has, bytes and all, is not kept from the
// one that lacks it.
func TestPartThatTwoOpenTextsShare(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		first, second := b.parts(customer(1), 7, "aaaaaaaaaazzzzzzzzzzaaaaaaaaaa", 3), b.parts(customer(1), 7, "bbbbbbbbbbzzzzzzzzzzbbbbbbbbbb", 3)
		for _, part := range []*gateway.Inbound{first[0], first[1], second[0], second[1], second[2], first[2]} {
			b.deliver(part)
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"bbbbbbbbbbzzzzzzzzzzbbbbbbbbbb", "aaaaaaaaaazzzzzzzzzzaaaaaaaaaa"})
	})
}
