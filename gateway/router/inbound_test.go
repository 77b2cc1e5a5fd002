package router

import (
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gateway/store/storetest"
)

func TestReceivedTextWaitsInItsQueue(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		a := &ack{}
		a.checked = func() { // at this moment it is durable
			ms, err := b.db.MessageRows(b.ctx, store.MessageList{Limit: 10})
			if err != nil || len(ms) != 1 || ms[0].Text != "Halló 😀" {
				b.t.Errorf("acknowledged while the store has %+v, %v", ms, err)
			}
		}
		b.deliverTo([]*ack{a}, b.text(customer(1), "Halló 😀"))
		a.want(b.t, gateway.AckOK)
		c := b.pair(customer(1))
		if c.Status != gateway.StatusWaiting || c.Queue != store.GeneralQueue || c.Unread != 1 || !c.Unanswered {
			b.t.Errorf("the conversation is %+v", c)
		}
		b.wantMetric(1, "inbound_total", "acme")
		b.wantMetric(1, "conversations", "General", "waiting")
	})
}

// parts cuts a text into n parts of a set.
func (b *bed) parts(from gateway.Address, ref uint16, text string, n int) []*gateway.Inbound {
	all := ucs2(text)
	size := (len(all)/n + 1)
	var ins []*gateway.Inbound
	for i := range n {
		payload := all[min(len(all), i*size):min(len(all), (i+1)*size)]
		ins = append(ins, fingerprinted(&gateway.Inbound{From: from, To: ourNumber, Coding: gateway.CodingUCS2, Payload: payload, Raw: payload,
			Session: b.sessions, Fragment: &gateway.Fragment{Reference: ref, Total: uint8(n), Number: uint8(i + 1)}}))
	}
	return ins
}

func TestPartsAreJoined(t *testing.T) {
	const long = "one two three 😀 four five six"
	tests := []struct {
		name  string
		order []int // of the parts; -1 restarts the router
	}{
		{"in order", []int{0, 1, 2}},
		{"out of order", []int{2, 0, 1}},
		{"duplicated", []int{0, 0, 1, 1, 1, 2}},
		{"completed after a restart", []int{2, 1, -1, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				b.run()
				for i, n := range test.order {
					if n < 0 {
						b.wantMetric(2, "inbound_fragments_pending")
						b.halt()
						b.run()
						b.wantMetric(2, "inbound_fragments_pending")
						continue
					}
					if got := b.pair(customer(1)); got.ID != 0 {
						b.t.Fatalf("the text is there before its part %d came", i)
					}
					b.deliver(b.parts(customer(1), 7, long, 3)[n])[0].want(b.t, gateway.AckOK)
				}
				wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{long})
				b.wantMetric(0, "inbound_fragments_pending")
				b.wantMetric(1, "inbound_total", "acme")
			})
		})
	}
}

func TestSurrogatePairAcrossParts(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		payload := ucs2("ab😀cd")
		for i, part := range [][]byte{payload[:6], payload[6:]} { // within the pair
			b.deliver(fingerprinted(&gateway.Inbound{From: customer(1), To: ourNumber, Coding: gateway.CodingUCS2, Payload: part,
				Session: 1, Fragment: &gateway.Fragment{Reference: 9, Total: 2, Number: uint8(i + 1)}}))
		}
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"ab😀cd"})
	})
}

func TestReferenceUsedAgainBeginsAnotherSet(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		old, next := b.parts(customer(1), 7, "the first was never whole", 2), b.parts(customer(1), 7, "the second came complete", 2)
		b.deliver(old[0])
		b.deliver(next[0])
		b.deliver(next[1])
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"the second came complete"})
		b.wantMetric(1, "inbound_fragments_pending")
	})
}

func TestOldPartJoinsNoNewText(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		b.deliver(b.parts(customer(1), 7, "the first was never whole", 2)[0])
		b.halt()
		b.pass(3 * 24 * time.Hour)
		b.run()
		next := b.parts(customer(1), 7, "the second came complete", 2)
		b.deliver(next[1])
		b.deliver(next[0])
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"the second came complete"})
	})
}

func TestStoreFailureIsAnsweredTemporary(t *testing.T) {
	dsn := storetest.Postgres(t)
	inBubble(t, dsn, func(b *bed) {
		b.run()
		admin := func(text string) {
			u, err := url.Parse(dsn)
			if err != nil {
				b.t.Fatal(err)
			}
			name := strings.TrimPrefix(u.Path, "/")
			u.Path = "/postgres"
			db, err := sql.Open("pgx", u.String())
			if err != nil {
				b.t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(b.ctx, strings.ReplaceAll(text, "NAME", name)); err != nil {
				b.t.Fatal(err)
			}
		}
		admin(`ALTER DATABASE NAME ALLOW_CONNECTIONS false`)
		admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'NAME'`)
		acks := []*ack{{}, {}}
		in := b.text(customer(1), "hello")
		b.acme.put(gateway.Report{Kind: gateway.ReportInbound, Inbound: in, Ack: acks[0].answer},
			receiptReport("x", gateway.TickDelivered, "DELIVRD", acks[1]),
			gateway.Report{Kind: gateway.ReportState, State: gateway.CarrierDown, Text: "link lost"})
		b.settle()
		acks[0].want(b.t, gateway.AckTemporary)
		acks[1].want(b.t, gateway.AckTemporary)
		// What comes while the carrier's state waits for the store is not kept waiting.
		late := &ack{}
		b.acme.put(gateway.Report{Kind: gateway.ReportInbound, Inbound: in, Ack: late.answer},
			gateway.Report{Kind: gateway.ReportState, State: gateway.CarrierUp},
			gateway.Report{Kind: gateway.ReportState, State: gateway.CarrierDown, Text: "link lost again"})
		b.settle()
		late.want(b.t, gateway.AckTemporary)
		admin(`ALTER DATABASE NAME ALLOW_CONNECTIONS true`)
		b.pass(10 * time.Second)
		b.deliver(in)[0].want(b.t, gateway.AckOK)
		wantList(b.t, "texts", b.texts(b.pair(customer(1)).ID), []string{"hello"})
		all, err := b.r.Carriers(b.ctx)
		if err != nil || all[0].State != gateway.CarrierDown || all[0].Error != "link lost again" {
			b.t.Errorf("the carrier's state was lost: %+v %v", all, err)
		}
	})
}

func TestPoisonIsQuarantinedAlone(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		other, err := sql.Open("sqlite", strings.TrimPrefix(b.dsn, "sqlite:"))
		if err != nil {
			b.t.Fatal(err)
		}
		defer other.Close()
		if _, err := other.ExecContext(b.ctx, `CREATE TRIGGER poison BEFORE INSERT ON messages WHEN NEW.text = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END`); err != nil {
			b.t.Fatal(err)
		}
		acks := b.deliver(b.text(customer(1), "before"), b.text(customer(2), "poison"), b.text(customer(3), "after"))
		for _, a := range acks {
			a.want(b.t, gateway.AckOK)
		}
		wantList(b.t, "neighbour", b.texts(b.pair(customer(1)).ID), []string{"before"})
		wantList(b.t, "neighbour", b.texts(b.pair(customer(3)).ID), []string{"after"})
		if c := b.pair(customer(2)); c.ID != 0 {
			b.t.Errorf("the poison made %+v", c)
		}
		var raw string
		if err := other.QueryRowContext(b.ctx, `SELECT CAST(raw AS TEXT) FROM quarantine`).Scan(&raw); err != nil || raw != "poison" {
			b.t.Errorf("quarantined %q, %v", raw, err)
		}
		b.wantMetric(1, "quarantined_total", "acme")
	})
}

func TestBrokenIsKeptAndAcknowledged(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		acks := []*ack{{}, {}}
		b.acme.put(gateway.Report{Kind: gateway.ReportBroken, Inbound: &gateway.Inbound{Raw: []byte{0, 1, 2}}, Ack: acks[0].answer},
			gateway.Report{Kind: gateway.ReportBroken, Inbound: &gateway.Inbound{}, Ack: acks[1].answer})
		b.settle()
		acks[0].want(b.t, gateway.AckOK)
		acks[1].want(b.t, gateway.AckOK)
		b.wantMetric(2, "quarantined_total", "acme")
	})
}

// A sender is never refused, whatever octets it is made of.
func TestSenderThatIsNoText(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		for _, from := range []string{"Caf\xe9", "Caf\xe8", "a\x00b"} {
			b.receive(gateway.Address{Kind: gateway.AddressUnknown, Value: from}, "hello")
		}
		b.wantMetric(0, "quarantined_total", "acme")
		b.wantMetric(3, "conversations", "General", "waiting")
		c := b.pair(gateway.Address{Kind: gateway.AddressUnknown, Value: `Caf\xE9`})
		wantList(b.t, "texts", b.texts(c.ID), []string{"hello"})
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "hi"})
		wantRefusal(b.t, err, gateway.NumberInvalid)
	})
}

func TestUnlistedNumberIsKeptAndAnsweredByItsCarrier(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		in := b.text(customer(1), "hello")
		in.To = "+12602050000"
		b.deliver(in)[0].want(b.t, gateway.AckOK)
		b.wantMetric(1, "inbound_unknown_number_total")
		var c gateway.Conversation
		b.do(func(tx *store.Tx) (err error) { c, err = tx.Pair(in.To, customer(1)); return err })
		if c.Status != gateway.StatusWaiting || c.Queue != store.GeneralQueue {
			b.t.Fatalf("the conversation is %+v", c)
		}
		b.reply(b.ana, c.ID, "hi")
		if s := b.acme.onlyHeld(b.t); s.From.Value != in.To || s.From.Kind != gateway.AddressE164 {
			b.t.Errorf("sent from %+v", s.From)
		}
	})
}

func TestBlockedCustomer(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		b.acme.window = 0 // nothing is claimed
		m := b.reply(b.ana, c.ID, "hi")
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			b.t.Fatal(err)
		}
		b.wantTick(m, gateway.TickFailed, gateway.ErrBlocked)
		seq, _ := b.db.EventSeq(b.ctx)
		before := b.conversation(c.ID)
		b.receive(customer(1), "again")
		after := b.conversation(c.ID)
		if after.View() != before.View() || after.Unread != before.Unread || after.LastMessage != before.LastMessage {
			b.t.Errorf("a blocked customer moved %+v to %+v", before, after)
		}
		if now, _ := b.db.EventSeq(b.ctx); now != seq {
			b.t.Errorf("a blocked customer made %d events", now-seq)
		}
		wantList(b.t, "texts", b.texts(c.ID), []string{"hello", "> hi", "again"})
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "hi"})
		wantRefusal(b.t, err, gateway.Blocked)
	})
}

// What is known of a blocked customer by number begins closed, and is counted.
func TestBlockedCustomerOnAnotherNumber(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		if _, err := b.r.Block(b.ctx, b.ana, c.ID); err != nil {
			b.t.Fatal(err)
		}
		in := b.text(customer(1), "here, too")
		in.To = "+12602050000"
		b.deliver(in)[0].want(b.t, gateway.AckOK)
		b.wantMetric(1, "conversations", "General", "waiting")
		b.wantMetric(1, "conversations", "General", "closed")
	})
}

func TestKeywords(t *testing.T) {
	onEach(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		c = b.act(b.ana, c.ID, gateway.ActTake)
		b.acme.window = 0
		queued := []gateway.Message{b.reply(b.ana, c.ID, "one"), b.reply(b.ana, c.ID, strings.Repeat("long ", 100))}
		before := b.conversation(c.ID)
		for _, word := range []string{"Stop.", "HELP"} {
			b.receive(customer(1), word)
			after := b.conversation(c.ID)
			if after.View() != before.View() || after.Unread != before.Unread || after.Epoch != before.Epoch {
				b.t.Errorf("%s moved %+v to %+v", word, before, after)
			}
		}
		for _, m := range queued {
			b.wantTick(m, gateway.TickFailed, gateway.ErrOptedOut)
		}
		_, err := b.r.Reply(b.ctx, b.ana, c.ID, Text{Text: "hi"})
		wantRefusal(b.t, err, gateway.OptedOut)
		_, err = b.r.SendProgram(b.ctx, b.program, ourNumber, customer(1), Text{Text: "bill"})
		wantRefusal(b.t, err, gateway.OptedOut)
		b.wantMetric(2, "opt_out_refused_total")
		b.receive(customer(1), "START")
		b.reply(b.ana, c.ID, "hi again")
		if got := b.r.pumps["acme"].queued.Load(); got != 1 {
			b.t.Errorf("%d segments count as queued, want 1", got)
		}
	})
}

// STOP comes in the batch that puts a text back into the queue, or in the one
// that ends a part of it.
func TestStopBesideResults(t *testing.T) {
	outcomes := map[string]gateway.Outcome{"retry": gateway.OutcomeRetry, "throttled": gateway.OutcomeThrottled, "rejected": gateway.OutcomeRejected,
		"uncertain": gateway.OutcomeUncertain, "accepted": gateway.OutcomeAccepted}
	for name, outcome := range outcomes {
		for _, stopFirst := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, STOP first %v", name, stopFirst), func(t *testing.T) {
				onSQLite(t, func(b *bed) {
					b.run()
					b.acme.window = 1 // takes two of four segments
					c := b.receive(customer(1), "hello")
					m := b.reply(b.ana, c.ID, strings.Repeat("x", 600))
					held := slices.Clone(b.acme.held)
					b.acme.held = nil
					stop := gateway.Report{Kind: gateway.ReportInbound, Inbound: b.text(customer(1), "STOP"), Ack: (&ack{}).answer}
					reports := []gateway.Report{result(held[0], outcome), result(held[1], outcome)}
					if stopFirst {
						reports = append([]gateway.Report{stop}, reports...)
					} else {
						reports = append(reports, stop)
					}
					if err := b.r.pumps["acme"].apply(b.ctx, reports); err != nil {
						b.t.Fatal(err)
					}
					b.pass(time.Minute)
					if got := len(b.acme.payloads()); got != 2 && !(stopFirst && got > 2) {
						b.t.Errorf("%d segments were submitted, want 2", got)
					}
					if !stopFirst {
						b.wantTick(m, gateway.TickFailed, b.message(m.ID).Error)
						if got := b.r.pumps["acme"].queued.Load(); got != 0 {
							b.t.Errorf("%d segments count as queued, want 0", got)
						}
					}
				})
			})
		}
	}
}

func TestStopReachesDeletedConversation(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		c := b.receive(customer(1), "hello")
		b.acme.window = 0
		m := b.reply(b.ana, c.ID, "hi")
		b.act(b.ana, c.ID, gateway.ActArchive)
		b.act(b.ana, c.ID, gateway.ActDelete)
		b.receive(customer(1), "STOP")
		b.wantTick(m, gateway.TickFailed, gateway.ErrOptedOut)
	})
}
