package main_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
)

// TestInteropPair binds a transmitter and a receiver. Receipts come on the other
// one than their texts, and on the same.
func TestInteropPair(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "      bind: transmitter+receiver\n")
	i.binds()
	smsc.orderOn(1, "deliver", foreignText{customer[1:], ourNumber[1:], "Hello", 0, ""})
	smsc.accepted()
	i.arrives("Hello")
	smsc.manually()
	for bind := 1; bind <= 2; bind++ {
		id := fmt.Sprint("f", bind)
		sent, submit := i.submits("Receipt on bind " + fmt.Sprint(bind))
		if submit.Bind != 2 {
			t.Errorf("submitted on bind %d", submit.Bind)
		}
		smsc.responds(submit, id)
		i.ticks(sent.ID, "sent")
		smsc.orderOn(bind, "send", map[string]any{"command": "deliver_sm", "fields": receiptOf(id, "DELIVRD")})
		smsc.accepted()
		i.reaches(sent.ID, "delivered")
	}
	// When one of them goes, both come back.
	smsc.orderOn(1, "drop", true)
	smsc.sees("unbind")
	i.binds()
	i.binds()
	sent, submit := i.submits("Again")
	smsc.responds(submit, "f3")
	i.ticks(sent.ID, "sent")
	if code, _ := i.d.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	smsc.sees("unbind")
	smsc.sees("unbind")
}

// TestInteropAlreadyBound has the SMSC think that we are bound.
func TestInteropAlreadyBound(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "")
	operator := i.d.token("operator", "carriers:read,carriers:manage")
	smsc.rule(map[string]int{"binds": 0})
	smsc.order(map[string]bool{"drop": true})
	if e := smsc.sees("bind"); e.Accepted || e.Status != "ESME_RALYBND" {
		t.Fatalf("bind: %+v", e)
	}
	await(t, "the carrier's state", func() error {
		if c := list[carrier](operator, "/carriers")[0]; c.State != "down" || !strings.Contains(c.Error, "ESME_RALYBND") {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	// Trying at once would meet the same old session.
	smsc.quietFor(time.Second)
	smsc.rule(map[string]int{"binds": 1})
	smsc.rule(map[string]bool{"outbind": true})
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	i.binds()
	smsc.deliver(0, "", "After an outbind")
	i.arrives("After an outbind")
	i.replies("And on.", 1, 0)
	i.stops()
}

// TestInteropSeveralBinds has a text's receipt come on another bind than its
// response.
func TestInteropSeveralBinds(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	address := fmt.Sprintf("127.0.0.1:%d", smsc.sees("listening").Port)
	cfg := smpp.Defaults()
	cfg.SystemID, cfg.Password = "us", "secret"
	results := make(chan smpp.Result, 2)
	var receipts [2]chan smpp.Receipt
	var sessions [2]*smpp.Session
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for n := range sessions {
		receipts[n] = make(chan smpp.Receipt, 2)
		session, err := smpp.Dial(ctx, cfg, address, smpp.Handler{
			Deliver: func(d *smpp.Delivery) bool {
				r, _ := smpp.ParseReceipt(d.Message, time.UTC)
				receipts[n] <- r
				d.Ack(smpp.ESME_ROK, false, nil)
				return true
			},
			Broken: func(*smpp.Delivery, error) bool { return false },
			Result: func(r smpp.Result) { results <- r },
		})
		if err != nil {
			t.Fatal(err)
		}
		sessions[n] = session
		smsc.sees("bind")
	}
	smsc.manually()
	for n, session := range sessions {
		if !session.TrySubmit(&smpp.ShortMessage{
			Source: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: customer[1:]},
			RegisteredDelivery: 1, Message: []byte("Hello"),
		}, uint64(n)) {
			t.Fatal("no room")
		}
		submit := smsc.sees("submit")
		id, other := fmt.Sprint("g", n), 1-n
		smsc.orderOn(n+1, "send", map[string]any{"command": "submit_sm_resp", "fields": fields{"sequence_number": submit.Sequence, "message_id": id}})
		smsc.orderOn(other+1, "send", map[string]any{"command": "deliver_sm", "fields": receiptOf(id, "DELIVRD")})
		smsc.accepted()
		if r := <-results; r.MessageID != id || r.Tag != uint64(n) || submit.Bind != n+1 {
			t.Errorf("result %+v of %+v", r, submit)
		}
		if r := <-receipts[other]; r.MessageID != id {
			t.Errorf("receipt %+v", r)
		}
	}
	for _, session := range sessions {
		if err := session.Close(ctx); err != nil {
			t.Error(err)
		}
		smsc.sees("unbind")
	}
}

// orderOn gives an order about one of several binds, which are counted from 1.
func (s *foreignSMSC) orderOn(bind int, what string, order any) {
	s.t.Helper()
	s.order(map[string]any{"bind": bind, what: order})
}
