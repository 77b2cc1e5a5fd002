package router

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"smsbridge/gateway"
)

// pack stands for septets that are packed: octets that mean nothing else.
func pack(octets []byte) []byte {
	packed := slices.Clone(octets)
	for i := range packed {
		packed[i] ^= 0x80
	}
	return packed
}

// A carrier's alphabet shows in what it makes of texts to ourselves, which are
// nobody's.
func TestSelfTest(t *testing.T) {
	unchanged := func(s gateway.Submission) ([]byte, gateway.Coding) {
		if s.Encoding == gateway.EncodingUCS2 {
			return s.Payload, gateway.CodingUCS2
		}
		return s.Payload, gateway.CodingGSM7
	}
	// latin1 takes data_coding 0 for Latin-1, as it stores a text, and passes on what
	// it understood.
	latin1 := func(s gateway.Submission) ([]byte, gateway.Coding) {
		if s.Encoding == gateway.EncodingUCS2 {
			return s.Payload, gateway.CodingUCS2
		}
		text, _, _ := gateway.Decode(gateway.CodingLatin1, gateway.Shift{}, s.Payload)
		return ucs2(text), gateway.CodingUCS2
	}
	tests := []struct {
		name string
		loop func(gateway.Submission) ([]byte, gateway.Coding)
		as   map[string]string // which came back whole, as what
	}{
		{"octets are passed on", unchanged, map[string]string{"ucs2": "ucs2", "gsm7": "gsm7", "latin1": "latin1", "ascii": "ascii", "gsm7-packed": "gsm7-packed"}},
		{"Latin-1", latin1, map[string]string{"ucs2": "ucs2", "latin1": "ucs2", "ascii": "ucs2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onSQLite(t, func(b *bed) {
				b.line.Pack, b.line.Unpack = pack, pack
				b.make()
				b.acme.window = 10
				b.acme.answer = func(s gateway.Submission) gateway.Report {
					payload, coding := test.loop(s)
					in := fingerprinted(&gateway.Inbound{From: s.From, To: s.To.Value, Coding: coding, Payload: payload, Session: 1, At: time.Now()})
					b.acme.out.Put(gateway.Report{Kind: gateway.ReportInbound, Inbound: in, Ack: (&ack{}).answer})
					return acceptAll(s)
				}
				b.begin()
				ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
				defer cancel()
				begun := time.Now()
				trials, err := b.r.SelfTest(ctx, "acme", "(260) 205-8900")
				if err != nil || len(trials) != 5 || time.Since(begun) > time.Second {
					b.t.Fatalf("%d trials after %v, %v", len(trials), time.Since(begun), err)
				}
				for _, trial := range trials {
					as := test.as[trial.Alphabet]
					if !trial.Came || trial.Whole != (as != "") || trial.Whole && trial.As != as && trial.Alphabet != "ascii" {
						b.t.Errorf("%+v, want it whole as %q", trial, as)
					}
				}
				b.settle()
				b.wantNoText()
			})
		})
	}
}

// wantNoText fails if anything of ours came in as somebody's text.
func (b *bed) wantNoText() {
	b.t.Helper()
	if c := b.pair(gateway.Address{Kind: gateway.AddressE164, Value: ourNumber}); c.ID != 0 {
		b.t.Errorf("the test has made a conversation: %q", b.texts(c.ID))
	}
	b.wantMetric(0, "inbound_total", "acme")
}

// What is refused says so, and what does not come back in time is still nobody's
// text when it comes later.
func TestSelfTestWithoutReturn(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.make()
		b.acme.window = 10
		var late []gateway.Submission
		b.acme.answer = func(s gateway.Submission) gateway.Report {
			if s.Encoding == gateway.EncodingUCS2 {
				r := result(s, gateway.OutcomeRejected)
				r.Code = "ESME_RINVDCS"
				return r
			}
			late = append(late, s)
			return accepted(s, "1")
		}
		b.begin()
		ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
		defer cancel()
		trials, err := b.r.SelfTest(ctx, "acme", ourNumber)
		if err != nil || len(trials) != 4 {
			b.t.Fatalf("%+v, %v", trials, err)
		}
		for _, trial := range trials {
			want := "accepted"
			if trial.Alphabet == "ucs2" {
				want = "ESME_RINVDCS"
			}
			if trial.Came || trial.Whole || trial.Answer != want {
				b.t.Errorf("%+v, want %s", trial, want)
			}
		}
		b.pass(5 * time.Minute)
		for _, s := range late {
			b.deliver(fingerprinted(&gateway.Inbound{From: s.From, To: s.To.Value, Coding: gateway.CodingGSM7, Payload: bytes.ToUpper(s.Payload), Session: 1}))[0].want(b.t, gateway.AckOK)
		}
		b.wantNoText()
		if c := b.receive(customer(1), "a customer's"); c.Unread != 1 {
			b.t.Errorf("a customer's text: %+v", c)
		}
		b.acme.say(gateway.CarrierDown)
		b.settle()
		trials, err = b.r.SelfTest(ctx, "acme", ourNumber)
		for _, trial := range trials {
			if trial.Answer != notTaken {
				b.t.Errorf("%+v, %v", trial, err)
			}
		}
	})
}

// A modem has no data_coding that could mean several alphabets: it sends one text in
// each of its two, when its limits allow.
func TestSelfTestOfModem(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.line.Kind = "gsm"
		note := ""
		b.line.Status = func() LinkStatus { return LinkStatus{Note: note, Stuck: note != ""} }
		b.make()
		b.acme.answer = func(s gateway.Submission) gateway.Report {
			coding := map[gateway.Encoding]gateway.Coding{gateway.EncodingUCS2: gateway.CodingUCS2, gateway.EncodingGSM7: gateway.CodingGSM7}[s.Encoding]
			in := fingerprinted(&gateway.Inbound{From: s.From, To: s.To.Value, Coding: coding, Payload: s.Payload, Session: 1, At: time.Now()})
			b.acme.out.Put(gateway.Report{Kind: gateway.ReportInbound, Inbound: in, Ack: (&ack{}).answer})
			return acceptAll(s)
		}
		b.begin()
		test := func(minutes time.Duration) (trials []Trial) {
			ctx, cancel := context.WithTimeout(b.ctx, minutes*time.Minute)
			defer cancel()
			trials, err := b.r.SelfTest(ctx, "acme", ourNumber)
			if err != nil || len(trials) != 2 || trials[0].Alphabet != "gsm7" || trials[1].Alphabet != "ucs2" {
				b.t.Fatalf("%+v, %v", trials, err)
			}
			return trials
		}
		busy := func(yes bool) {
			b.acme.mu.Lock()
			b.acme.away = yes
			b.acme.mu.Unlock()
		}
		busy(true)
		time.AfterFunc(40*time.Second, func() { busy(false) })
		for _, trial := range test(2) {
			if !trial.Whole || trial.As != trial.Alphabet || trial.Answer != "accepted" {
				b.t.Errorf("%+v", trial)
			}
		}
		busy(true)
		for _, trial := range test(1) {
			if trial.Answer != notTaken {
				b.t.Errorf("%+v", trial)
			}
		}
		note = "the SIM has sent the 5 texts that it may today"
		begun := time.Now()
		for _, trial := range test(1) {
			if trial.Answer != note || time.Since(begun) > time.Second {
				b.t.Errorf("%+v after %v", trial, time.Since(begun))
			}
		}
		b.wantNoText()
	})
}

func TestSelfTestIsRefused(t *testing.T) {
	onSQLite(t, func(b *bed) {
		b.second = &Line{Name: "beta"}
		b.run()
		for _, test := range []struct {
			carrier, to string
			code        gateway.RefusalCode
		}{{"gamma", ourNumber, gateway.NotFound}, {"acme", "+12602058901", gateway.NumberNotOurs}, {"beta", ourNumber, gateway.NumberNotOurs}} {
			_, err := b.r.SelfTest(b.ctx, test.carrier, test.to)
			wantRefusal(b.t, err, test.code)
		}
	})
}
