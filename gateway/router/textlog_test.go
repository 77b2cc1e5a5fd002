package router

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// textLines are the lines about texts of a log, without their order, in short.
func textLines(t testing.TB, log []byte) []string {
	t.Helper()
	all := []string{}
	for line := range bytes.Lines(log) {
		var l struct {
			Msg, Level, ID, Conversation, Direction, Carrier, From, To, Tick, Error, Reference, By, Created, Sent, Delivered string
			Segments                                                                                                         int
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if l.Msg != "text" {
			continue
		}
		if l.ID == "" || l.Conversation == "" || l.Carrier != "acme" || l.Created == "" || l.Level != "INFO" || l.Segments == 0 {
			t.Errorf("logged %s", line)
		}
		if (l.Tick == "delivered") != (l.Delivered != "") || l.Tick == "delivered" && (l.Sent == "" || l.Reference == "" || l.By == "") {
			t.Errorf("logged %s", line)
		}
		all = append(all, strings.TrimSpace(strings.Join([]string{l.Direction, l.From, l.To, l.Tick, l.Error}, " ")))
	}
	slices.Sort(all)
	return all
}

// Each text is logged once when it comes, and each of ours once for each fate,
// never what it says, and no whole number.
func TestTextLog(t *testing.T) {
	from, to := "+1260*****01", "+1260*****00"
	masked := []string{
		"in " + from + " " + to,
		"in " + from + " " + to,
		"out " + to + " " + from + " delivered",
		"out " + to + " " + from + " failed cancelled",
		"out " + to + " " + from + " failed rejected",
		"out " + to + " " + from + " unknown uncertain",
	}
	whole := []string{}
	for _, line := range masked {
		whole = append(whole, strings.NewReplacer(from, customer(1).Value, to, ourNumber).Replace(line))
	}
	for _, test := range []struct {
		name string
		log  TextLog
		want []string
	}{{"masked", TextLog{}, masked}, {"whole numbers", TextLog{Numbers: true}, whole}, {"off", TextLog{Off: true, Numbers: true}, []string{}}} {
		t.Run(test.name, func(t *testing.T) {
			onEach(t, func(b *bed) {
				var log bytes.Buffer // slog's handlers write one at a time
				b.textLog, b.log = test.log, slog.New(slog.NewJSONHandler(&log, nil))
				b.run()
				// A batch that must run again logs once.
				release := make(chan struct{})
				done := make(chan struct{})
				go func() { defer close(done); b.do(func(*store.Tx) error { <-release; return nil }) }()
				b.settle()
				poison := errors.New("poison")
				go func() {
					if err := b.db.Update(b.ctx, func(tx *store.Tx) error { tx.Emit(gateway.Event{Type: "x"}); return poison }); err == nil {
						b.t.Error("poison was stored")
					}
				}()
				b.settle()
				b.acme.put(gateway.Report{Kind: gateway.ReportInbound, At: time.Now(), Inbound: b.text(customer(1), "secret"), Ack: (&ack{}).answer})
				b.settle()
				close(release)
				<-done
				b.settle()
				b.deliver(b.parts(customer(1), 7, "secret of two parts", 2)...)
				m := b.reply(b.ana, b.pair(customer(1)).ID, "secret")
				s := b.acme.onlyHeld(b.t)
				b.acme.settle(s, accepted(s, "1"))
				for range 2 {
					b.receipt("1", gateway.TickDelivered, "DELIVRD")
				}
				for i, outcome := range []gateway.Outcome{gateway.OutcomeRejected, gateway.OutcomeUncertain} {
					b.reply(b.ana, m.Conversation, fmt.Sprint("secret", i))
					s := b.acme.onlyHeld(b.t)
					b.acme.settle(s, result(s, outcome))
					b.settle()
				}
				b.acme.say(gateway.CarrierDown)
				last := b.reply(b.ana, m.Conversation, "secret")
				if _, err := b.r.Cancel(b.ctx, b.ana, last.ID); err != nil {
					b.t.Fatal(err)
				}
				b.halt()
				wantList(b.t, "logged", textLines(b.t, log.Bytes()), test.want)
				if strings.Contains(log.String(), "secret") {
					b.t.Errorf("a text is in the log:\n%s", log.String())
				}
			})
		})
	}
}

func TestMaskedNumbers(t *testing.T) {
	for number, want := range map[string]string{"": "", "12345": "12345", "+44123456": "+44****56", ourNumber: "+1260*****00"} {
		if got := (TextLog{}).number(number); got != want {
			t.Errorf("%q is logged as %q, want %q", number, got, want)
		}
	}
}

// A modem's name for a text has the recipient's digits in it: what number masks
// must not be put together again.
func TestMaskedReferences(t *testing.T) {
	const modem = "8901260200000000010/17/602058901"
	for _, test := range []struct {
		log             TextLog
		kind, ref, want string
	}{
		{TextLog{}, "gsm", modem, "***************0010/17/*******01"},
		{TextLog{}, "gsm", "/3/12345", "/3/***45"},
		{TextLog{}, "gsm", "1/3/1", "1/3/1"},
		{TextLog{Numbers: true}, "gsm", modem, modem},
		{TextLog{}, "smpp", modem, modem},
	} {
		if got := test.log.reference(test.kind, test.ref); got != test.want {
			t.Errorf("%+v: %s of %s is logged as %q, want %q", test.log, test.ref, test.kind, got, test.want)
		}
	}
	onSQLite(t, func(b *bed) {
		var log bytes.Buffer
		b.line.Kind, b.log = "gsm", slog.New(slog.NewJSONHandler(&log, nil))
		b.make()
		b.acme.answer = func(s gateway.Submission) gateway.Report { return accepted(s, modem) }
		b.begin()
		m := b.bill(customer(1), "bill")
		b.receipt(modem, gateway.TickDelivered, "DELIVERED")
		b.wantTick(m, gateway.TickDelivered, "")
		if s := log.String(); strings.Contains(s, "2058901") || !strings.Contains(s, `"reference":"***************0010/17/*******01"`) {
			b.t.Errorf("logged\n%s", s)
		}
	})
}
