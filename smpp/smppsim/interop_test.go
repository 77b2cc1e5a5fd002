package smppsim

import (
	"context"
	"testing"
	"time"

	"smsbridge/smpp"
)

// TestSessionOfPackageSMPP binds the client that the daemon uses.
func TestSessionOfPackageSMPP(t *testing.T) {
	s := start(t, Options{Script: Script{
		Submit: SubmitScript{ThrottleEvery: 4}, Receipt: ReceiptScript{Delay: time.Millisecond}, Link: LinkScript{SplitWrites: 5},
	}})
	cfg := smpp.Defaults()
	cfg.SystemID = "us"
	results, receipts := make(chan smpp.Result, 10), make(chan smpp.Receipt, 10)
	session, err := smpp.Dial(t.Context(), cfg, s.Addr(), smpp.Handler{
		Deliver: func(d *smpp.Delivery) bool {
			if r, kind := smpp.ParseReceipt(d.Message, time.UTC); kind == smpp.IsReceipt {
				receipts <- r
			}
			d.Ack(smpp.ESME_ROK, false, nil)
			return true
		},
		Broken: func(*smpp.Delivery, error) bool { return false },
		Result: func(r smpp.Result) { results <- r },
	})
	if err != nil {
		t.Fatal(err)
	}
	for tag := range uint64(4) {
		if !session.TrySubmit(hello(customer), tag) {
			t.Fatalf("no room for submit %d", tag)
		}
	}
	ids := make(map[string]bool)
	for range 4 {
		r := <-results
		if want := r.Tag == 3; (r.Status == smpp.ESME_RTHROTTLED) != want {
			t.Errorf("submit %d: %v", r.Tag, r.Status)
		}
		ids[r.MessageID] = true
	}
	for range 3 {
		if r := <-receipts; !ids[r.MessageID] || r.State != smpp.StateDelivered {
			t.Errorf("receipt %+v", r)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if status, err := s.Deliver(ctx, customer, ours, "hi"); err != nil || status != smpp.ESME_ROK {
		t.Errorf("%v, %v", status, err)
	}
	_ = session.Close(ctx) // whose result may be that the SMSC closed first
	if stats := await(t, s, func(stats Stats) bool { return stats.Bound == 0 }); stats.ProtocolErrors != 0 || stats.ReceiptsAcked != 3 {
		t.Errorf("counters %+v", stats)
	}
}

// TestSessionSurvivesOddities sends a bound session of package smpp everything
// that no SMSC should send. Whatever it makes of it, the link stays up, and what
// is text comes through.
func TestSessionSurvivesOddities(t *testing.T) {
	s := start(t, Options{})
	cfg := smpp.Defaults()
	cfg.SystemID = "us"
	texts, broken := make(chan string, 50), make(chan error, 50)
	session, err := smpp.Dial(t.Context(), cfg, s.Addr(), smpp.Handler{
		Deliver: func(d *smpp.Delivery) bool {
			texts <- string(d.Message.Message)
			d.Ack(smpp.ESME_ROK, false, nil)
			return true
		},
		Broken: func(d *smpp.Delivery, err error) bool {
			broken <- err
			d.Ack(smpp.ESME_ROK, false, nil)
			return true
		},
		Result: func(r smpp.Result) { t.Errorf("the result of no submit: %+v", r) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, o := range Oddities(customer, ours) {
		if err := s.SendRaw("us", o.PDU); err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		if status, err := s.Deliver(ctx, customer, ours, "and on"); err != nil || status != smpp.ESME_ROK {
			t.Fatalf("after %s: %v, %v; %v", o.Name, status, err, session.Err())
		}
		if o.Text != "" {
			if got := <-texts; got != o.Text {
				t.Errorf("%s: read as %q", o.Name, got)
			}
		}
		if got := <-texts; got != "and on" {
			t.Errorf("after %s: %q", o.Name, got)
		}
	}
	if counters := session.Counters(); counters.Unmatched != 3 || counters.Misdirected != 4 || counters.Unknown != 8 || counters.Refused != 0 || len(broken) != 5 {
		t.Errorf("%d broken, counters %+v", len(broken), counters)
	}
	if err := session.Close(ctx); err != nil {
		t.Log(err) // the SMSC may have closed first
	}
	// Each request among them is answered, but outbind and alert_notification.
	if stats := await(t, s, func(stats Stats) bool { return stats.Bound == 0 }); stats.ProtocolErrors != 0 || stats.OddityAnswers < 12 {
		t.Errorf("counters %+v", stats)
	}
}
