package smppsim

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"smsbridge/smpp"
)

// dial binds a session of package smpp, which is closed with the test at the latest.
func dial(t *testing.T, s *SMSC, h smpp.Handler) *smpp.Session {
	t.Helper()
	cfg := smpp.Defaults()
	cfg.SystemID = "us"
	session, err := smpp.Dial(t.Context(), cfg, s.Addr(), h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = session.Close(ctx) // which tells how the SMSC ended it, where it did
	})
	return session
}

// TestSessionOfPackageSMPP binds the client that the daemon uses.
func TestSessionOfPackageSMPP(t *testing.T) {
	s := start(t, Options{Script: Script{
		Submit: SubmitScript{ThrottleEvery: 4}, Receipt: ReceiptScript{Delay: time.Millisecond}, Link: LinkScript{SplitWrites: 5},
	}})
	results, receipts := make(chan smpp.Result, 10), make(chan smpp.Receipt, 10)
	session := dial(t, s, smpp.Handler{
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
	if err := session.Close(ctx); err != nil {
		t.Error(err)
	}
	if stats := await(t, s, func(stats Stats) bool { return stats.Bound == 0 }); stats.ProtocolErrors != 0 || stats.ReceiptsAcked != 3 {
		t.Errorf("counters %+v", stats)
	}
}

// TestSessionSurvivesOddities sends a bound session of package smpp everything
// that no SMSC should send. Whatever it makes of it, the link stays up, and what
// is text comes through.
func TestSessionSurvivesOddities(t *testing.T) {
	s := start(t, Options{})
	texts, broken := make(chan string, 50), make(chan error, 50)
	session := dial(t, s, smpp.Handler{
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
	if counters := session.Counters(); counters.Unmatched != 4 || counters.Misdirected != 4 || counters.Unknown != 7 || counters.Refused != 0 || len(broken) != 5 {
		t.Errorf("%d broken, counters %+v", len(broken), counters)
	}
	if err := session.Close(ctx); err != nil {
		t.Error(err)
	}
	// Each request among them is answered, but outbind and alert_notification.
	if stats := await(t, s, func(stats Stats) bool { return stats.Bound == 0 }); stats.ProtocolErrors != 0 || stats.OddityAnswers != 12 {
		t.Errorf("counters %+v", stats)
	}
}

// TestSessionAtAMisbehavingSMSC submits a window of three texts.
func TestSessionAtAMisbehavingSMSC(t *testing.T) {
	ok := smpp.Result{Status: smpp.ESME_ROK, MessageID: "7"}
	uncertain := smpp.Result{Err: smpp.ErrUncertain}
	for _, test := range []struct {
		name   string
		script Script
		want   [3]smpp.Result // in the order of the submits; each id is one higher
		ends   bool           // the session; else it stays
	}{
		{"well-behaved", Script{}, [3]smpp.Result{ok, ok, ok}, false},
		{"outbind", Script{Bind: BindScript{Outbind: true}}, [3]smpp.Result{ok, ok, ok}, false},
		{"responses without a body", Script{Submit: SubmitScript{Form: ResponseHeader}}, [3]smpp.Result{}, false},
		{"responses without an id", Script{Submit: SubmitScript{Form: ResponseEmpty}}, [3]smpp.Result{}, false},
		{"ids without NUL", Script{Submit: SubmitScript{Form: ResponseUnterminated}}, [3]smpp.Result{ok, ok, ok}, false},
		{"NULs after responses", Script{Submit: SubmitScript{Form: ResponsePadded}}, [3]smpp.Result{ok, ok, ok}, false},
		{"responses twice", Script{Submit: SubmitScript{Doubled: true}}, [3]smpp.Result{ok, ok, ok}, false},
		{"generic_nack", Script{Submit: SubmitScript{NackEvery: 1}},
			[3]smpp.Result{{Status: smpp.ESME_RINVCMDID}, {Status: smpp.ESME_RINVCMDID}, {Status: smpp.ESME_RINVCMDID}}, false},
		{"slow reader", Script{Link: LinkScript{ReadRate: 1000}}, [3]smpp.Result{ok, ok, ok}, false},
		{"unbind in mid-window", Script{Submit: SubmitScript{UnbindEvery: 3}}, [3]smpp.Result{ok, ok, uncertain}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			script := test.script
			script.Receipt.When = ReceiptsNever
			s := start(t, Options{Script: script, FirstID: 7})
			results := make(chan smpp.Result, 10)
			session := dial(t, s, smpp.Handler{Result: func(r smpp.Result) { results <- r }})
			for tag := range uint64(3) {
				if !session.TrySubmit(hello(customer), tag) {
					t.Fatalf("no room for submit %d", tag)
				}
			}
			for range 3 {
				r := <-results
				want := test.want[r.Tag]
				if want.MessageID != "" {
					want.MessageID = fmt.Sprint(7 + r.Tag)
				}
				if r.Status != want.Status || r.MessageID != want.MessageID || !errors.Is(r.Err, want.Err) {
					t.Errorf("submit %d: %+v, want %+v", r.Tag, r, want)
				}
			}
			if test.ends {
				<-session.Done()
			} else if err := session.Err(); err != nil {
				t.Errorf("session: %v", err)
			}
		})
	}
}
