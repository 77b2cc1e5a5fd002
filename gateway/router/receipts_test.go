package router

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
)

// sent is a bed with a text that acme accepted as reference.
func sent(b *bed, reference string) gateway.Message {
	m, s := sending(b, "hi")
	b.acme.settle(s, accepted(s, reference))
	b.settle()
	b.wantTick(m, gateway.TickSent, "")
	return m
}

func TestReceipts(t *testing.T) {
	type said struct {
		reference    string
		tick         gateway.Tick
		intermediate bool
	}
	tests := []struct {
		name     string
		receipts []said
		tick     gateway.Tick
		code     gateway.ErrorCode
		by       string
	}{
		{"delivered", []said{{"abc7", gateway.TickDelivered, false}}, gateway.TickDelivered, "", "raw"},
		{"by a form", []said{{"ABC7", gateway.TickDelivered, false}}, gateway.TickDelivered, "", "case"},
		{"repeated", []said{{"abc7", gateway.TickDelivered, false}, {"abc7", gateway.TickDelivered, false}}, gateway.TickDelivered, "", "raw"},
		{"failed", []said{{"abc7", gateway.TickFailed, false}}, gateway.TickFailed, gateway.ErrUndeliv, "raw"},
		{"expired", []said{{"abc7", gateway.TickExpired, false}}, gateway.TickExpired, gateway.ErrExpired, "raw"},
		{"unknown to the carrier", []said{{"abc7", gateway.TickUnknown, false}}, gateway.TickUnknown, gateway.ErrNoReceipt, "raw"},
		{"intermediate", []said{{"abc7", gateway.TickFailed, true}}, gateway.TickSent, "", "raw"},
		{"delivered after failed", []said{{"abc7", gateway.TickFailed, false}, {"abc7", gateway.TickDelivered, false}}, gateway.TickDelivered, "", "raw"},
		{"failed after delivered", []said{{"abc7", gateway.TickDelivered, false}, {"abc7", gateway.TickFailed, false}}, gateway.TickDelivered, "", "raw"},
		{"unrecognised word", []said{{"abc7", gateway.TickNone, false}}, gateway.TickSent, "", "raw"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.line.Forms = func(r string) []gateway.Form {
					return []gateway.Form{{Reference: r, By: "raw"}, {Reference: strings.ToLower(r), By: "case"}}
				}
				m := sent(b, "abc7")
				for _, said := range test.receipts {
					a := &ack{}
					r := receiptReport(said.reference, said.tick, "WORD", a)
					r.Receipt.Intermediate = said.intermediate
					b.acme.put(r)
					b.settle()
					a.want(b.t, gateway.AckOK)
				}
				b.wantTick(m, test.tick, test.code)
				b.wantMetric(float64(len(test.receipts)), "receipt_match_total", test.by, "acme")
				b.wantMetric(0, "receipts_unmatched", "acme")
			})
		})
	}
}

func TestReceiptAheadOfItsResult(t *testing.T) {
	for _, sameBatch := range []bool{true, false} {
		t.Run(fmt.Sprintf("in the same batch %v", sameBatch), func(t *testing.T) {
			onEach(t, func(b *bed) {
				m, s := sending(b, "hi")
				a := &ack{}
				early, late := receiptReport("7", gateway.TickDelivered, "DELIVRD", a), accepted(s, "7")
				if sameBatch {
					if err := b.r.pumps["acme"].apply(b.ctx, []gateway.Report{early, late}); err != nil {
						b.t.Fatal(err)
					}
				} else {
					b.acme.put(early)
					b.pass(3 * time.Second)
					b.wantMetric(1, "receipts_unmatched", "acme")
					b.halt() // what waits is kept; the segment is uncertain then
					b.run()
					b.wantMetric(1, "receipts_unmatched", "acme")
					b.wantTick(m, gateway.TickUnknown, gateway.ErrUncertain)
					b.acme.put(late)
				}
				b.settle()
				a.want(b.t, gateway.AckOK)
				b.wantTick(m, gateway.TickDelivered, "")
				b.wantMetric(0, "receipts_unmatched", "acme")
			})
		})
	}
}

// Receipts of another user of the account match nothing, for ten minutes. They
// are not in the way of those that will.
func TestReceiptBehindThoseOfOthers(t *testing.T) {
	for _, pause := range []time.Duration{0, 5 * time.Second} {
		t.Run(pause.String(), func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.line.Forms = func(r string) []gateway.Form {
					return []gateway.Form{{Reference: r, By: "raw"}, {Reference: "0" + r, By: "zeros"}}
				}
				m, s := sending(b, "hi")
				const others = sweepAtOnce + 100
				for i := range others {
					b.acme.put(receiptReport(fmt.Sprint("other", i), gateway.TickDelivered, "DELIVRD", &ack{}))
				}
				b.acme.put(receiptReport("7", gateway.TickDelivered, "DELIVRD", &ack{}))
				b.settle()
				b.pass(pause)
				b.acme.settle(s, accepted(s, "7"))
				b.pass(3 * time.Second)
				b.wantTick(m, gateway.TickDelivered, "")
				b.wantMetric(others, "receipts_unmatched", "acme")
			})
		})
	}
}

func TestUnmatchedReceiptIsGivenUp(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.run()
		b.receipt("nobody's", gateway.TickDelivered, "DELIVRD").want(b.t, gateway.AckOK)
		b.pass(9 * time.Minute)
		b.wantMetric(1, "receipts_unmatched", "acme")
		b.pass(2 * time.Minute)
		b.wantMetric(0, "receipts_unmatched", "acme")
		b.wantMetric(1, "receipt_match_total", "none", "acme")
	})
}

// Carriers repeat receipts: what they said of an earlier attempt ends no later
// one, but an arrival counts.
func TestReceiptOfAnEarlierAttempt(t *testing.T) {
	for _, arrived := range []bool{false, true} {
		t.Run(fmt.Sprintf("arrived %v", arrived), func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				m := sent(b, "1")
				b.receipt("1", gateway.TickFailed, "UNDELIV")
				b.wantTick(m, gateway.TickFailed, gateway.ErrUndeliv)
				if _, err := b.r.Resend(b.ctx, b.ana, m.ID); err != nil {
					b.t.Fatal(err)
				}
				b.settle()
				s := b.acme.onlyHeld(b.t)
				b.receipt("1", gateway.TickFailed, "UNDELIV")
				b.wantTick(m, gateway.TickSending, "")
				b.acme.settle(s, accepted(s, "2"))
				b.settle()
				b.receipt("1", gateway.TickFailed, "UNDELIV")
				b.wantTick(m, gateway.TickSent, "")
				if arrived {
					b.receipt("1", gateway.TickDelivered, "DELIVRD")
					b.wantTick(m, gateway.TickDelivered, "")
				}
			})
		})
	}
}

// Carriers use references again: the newest is meant.
func TestReferenceUsedAgain(t *testing.T) {
	onSQLite(t, func(b *bed) {
		first := sent(b, "7")
		second := b.reply(b.ana, b.receive(customer(2), "hello").ID, "hi")
		s := b.acme.onlyHeld(b.t)
		b.acme.settle(s, accepted(s, "7"))
		b.settle()
		b.receipt("7", gateway.TickDelivered, "DELIVRD")
		b.wantTick(first, gateway.TickSent, "")
		b.wantTick(second, gateway.TickDelivered, "")
	})
}
