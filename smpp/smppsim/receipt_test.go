package smppsim

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestReceiptsAreSentWhenAsked(t *testing.T) {
	for _, test := range []struct {
		name       string
		when       ReceiptMode
		registered uint8
		state      string
		want       int
	}{
		{"asked", ReceiptsAsked, 1, "", 1},
		{"not asked", ReceiptsAsked, 0, "", 0},
		{"asked for failures, delivered", ReceiptsAsked, 2, "DELIVRD", 0},
		{"asked for failures, failed", ReceiptsAsked, 2, "UNDELIV", 1},
		{"always", ReceiptsAlways, 0, "", 1},
		{"never", ReceiptsNever, 1, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Script: Script{Receipt: ReceiptScript{When: test.when, State: test.state}}})
			e := bound(t, s)
			m := hello(customer)
			m.RegisteredDelivery = test.registered
			e.submit(m)
			e.readResponse()
			for range test.want {
				e.readReceipt()
			}
			e.quiet()
			if stats := s.Stats(); stats.ReceiptsSent != uint64(test.want) || stats.ReceiptsAcked != uint64(test.want) || stats.Owed != 0 {
				t.Errorf("counters %+v", stats)
			}
		})
	}
}

func TestFinalStates(t *testing.T) {
	for word, want := range map[string]smpp.State{
		"DELIVRD": smpp.StateDelivered, "UNDELIV": smpp.StateUndeliverable, "EXPIRED": smpp.StateExpired,
		"REJECTD": smpp.StateRejected, "UNKNOWN": smpp.StateUnknown, "DELETED": smpp.StateDeleted,
		"ACCEPTD": smpp.StateAccepted, "ENROUTE": smpp.StateEnroute,
	} {
		for _, form := range []ReceiptForm{ReceiptBoth, ReceiptText, ReceiptTLVs} {
			s := start(t, Options{Script: Script{Receipt: ReceiptScript{State: word, Form: form}}})
			e := bound(t, s)
			e.submit(hello(customer))
			id, _ := e.readResponse()
			h, m := e.readDelivery()
			e.acknowledge(h, smpp.ESME_ROK)
			r, kind := smpp.ParseReceipt(m, time.UTC)
			if kind != smpp.IsReceipt || r.State != want || r.MessageID != id || r.Intermediate {
				t.Errorf("%s in form %d: %v %+v", word, form, kind, r)
			}
			if got := len(m.Message) > 0; got != (form != ReceiptTLVs) {
				t.Errorf("form %d: text is %v", form, got)
			}
			if got := len(m.TLVs) > 0; got != (form != ReceiptText) {
				t.Errorf("form %d: optional parameters are %v", form, got)
			}
			if addressText(m.Source) != customer || addressText(m.Dest) != ours {
				t.Errorf("receipt from %v to %v", m.Source, m.Dest)
			}
		}
	}
}

func TestReceiptText(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	job := &accepted{play: perform(Script{}), message: hello(customer), number: 77, text: "Grüße aus der Stadt am Meer", at: at}
	const want = "id:77 sub:001 dlvrd:000 submit date:2603040506 done date:2603040507 stat:UNDELIV err:001 text:Gr??e aus der Stadt "
	if got := string(job.receipt("UNDELIV", at.Add(time.Minute)).Message); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	job.play.Receipt.Err = "0B"
	if got := string(job.receipt("DELIVRD", at).Message); !strings.Contains(got, "dlvrd:001") || !strings.Contains(got, "err:0B") {
		t.Error(got)
	}
}

func TestStateByDestination(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{StateTo: map[string]string{"23": "EXPIRED", "3": "REJECTD"}}}})
	e := bound(t, s)
	for to, want := range map[string]smpp.State{
		"+447700900123": smpp.StateExpired, "+447700900133": smpp.StateRejected, "+447700900134": smpp.StateDelivered,
	} {
		e.submit(hello(to))
		e.readResponse()
		if r := e.readReceipt(); r.State != want {
			t.Errorf("%s: %v, want %v", to, r.State, want)
		}
	}
	if err := s.SetScript(Script{Receipt: ReceiptScript{StateOf: func(to string) string {
		s.Stats() // no lock is held here
		if strings.HasSuffix(to, "1") {
			return ""
		}
		return "UNDELIV"
	}}}); err != nil {
		t.Fatal(err)
	}
	e.submit(hello("+447700900121"))
	e.readResponse()
	e.quiet()
	e.submit(hello("+447700900122"))
	e.readResponse()
	if r := e.readReceipt(); r.State != smpp.StateUndeliverable {
		t.Error(r.State)
	}
}

func TestIntermediateComesFirst(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Enroute: true}}})
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	if r := e.readReceipt(); r.State != smpp.StateEnroute || !r.Intermediate {
		t.Errorf("first %+v", r)
	}
	if r := e.readReceipt(); r.State != smpp.StateDelivered || r.Intermediate {
		t.Errorf("then %+v", r)
	}
}

func TestEarlyAndDoubledReceipts(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Early: true, Doubled: true}}})
	e := bound(t, s)
	e.submit(hello(customer))
	first, second := e.readReceipt(), e.readReceipt()
	id, _ := e.readResponse()
	if first.MessageID != id || second.MessageID != id {
		t.Errorf("receipts of %q and %q before response %q", first.MessageID, second.MessageID, id)
	}
	e.quiet()
}

func TestDelayedReceipt(t *testing.T) {
	const delay = 200 * time.Millisecond
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Delay: delay, Jitter: delay}}})
	e := bound(t, s)
	began := time.Now()
	e.submit(hello(customer))
	e.readResponse()
	e.quiet()
	e.readReceipt()
	if took := time.Since(began); took < delay {
		t.Errorf("receipt after %v", took)
	}
}

func TestFormsOfIDs(t *testing.T) {
	const number = 0x0abcdef
	for _, test := range []struct {
		response, receipt         IDForm
		wantResponse, wantReceipt string
	}{
		{IDSame, IDSame, "11259375", "11259375"},
		{IDDecimal, IDHex, "11259375", "abcdef"},
		{IDHexUpper, IDDecimal, "ABCDEF", "11259375"},
		{IDHex, IDSame, "abcdef", "abcdef"},
		{IDPadded, IDDecimal, "0011259375", "11259375"},
		{IDUUID, IDSame, "00abcdef-0000-4000-8000-000000abcdef", "00abcdef-0000-4000-8000-000000abcdef"},
	} {
		s := start(t, Options{FirstID: number, Script: Script{
			Submit: SubmitScript{ID: test.response}, Receipt: ReceiptScript{ID: test.receipt},
		}})
		e := bound(t, s)
		e.submit(hello(customer))
		id, _ := e.readResponse()
		if r := e.readReceipt(); id != test.wantResponse || r.MessageID != test.wantReceipt {
			t.Errorf("%v and %v: response %q, receipt %q", test.response, test.receipt, id, r.MessageID)
		}
	}
	for _, form := range []IDForm{IDSame, IDDecimal, IDPadded, IDHex, IDHexUpper, IDUUID} {
		if got, err := ParseIDForm(form.String()); got != form || err != nil {
			t.Errorf("%v is read as %v, %v", form, got, err)
		}
	}
	if _, err := ParseIDForm("roman"); err == nil {
		t.Error("roman is a form")
	}
}

func TestIDsDifferBetweenRuns(t *testing.T) {
	ids := make(map[string]bool)
	for range 3 {
		s := start(t, Options{})
		e := bound(t, s)
		e.submit(hello(customer))
		id, _ := e.readResponse()
		e.readReceipt()
		if _, ok := new(big.Int).SetString(id, 10); !ok {
			t.Errorf("id %q is not decimal", id)
		}
		ids[id] = true
	}
	if len(ids) == 1 {
		t.Errorf("three runs began with the same id: %v", ids)
	}
}
