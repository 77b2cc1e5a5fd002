package smppsim

import (
	"testing"
	"time"

	"smsbridge/smpp"
)

func (e *esme) query(id, source string) smpp.PDU {
	e.t.Helper()
	e.seq++
	e.write(smpp.AppendQuery(nil, smpp.Header{Command: smpp.CmdQuerySM, Sequence: e.seq},
		&smpp.QueryRequest{MessageID: id, Source: addressOf(source)}))
	p := e.read()
	if p.Command != smpp.CmdQuerySMResp || p.Sequence != e.seq {
		e.t.Fatalf("%v %d answers query_sm %d", p.Command, p.Sequence, e.seq)
	}
	return p
}

func (e *esme) cancel(id, source string) smpp.Status {
	e.t.Helper()
	e.seq++
	e.write(smpp.AppendCancel(nil, smpp.Header{Command: smpp.CmdCancelSM, Sequence: e.seq},
		&smpp.CancelRequest{MessageID: id, Source: addressOf(source), Dest: addressOf(customer)}))
	p := e.read()
	if p.Command != smpp.CmdCancelSMResp || p.Sequence != e.seq {
		e.t.Fatalf("%v %d answers cancel_sm %d", p.Command, p.Sequence, e.seq)
	}
	return p.Status
}

func TestCancelOfWhatIsNotDelivered(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Delay: time.Hour}}})
	e := bound(t, s)
	e.submit(hello(customer))
	id, _ := e.readResponse()
	for _, wrong := range []struct{ id, source string }{{id, customer}, {id + "0", ours}, {"", ours}} {
		if got := e.cancel(wrong.id, wrong.source); got != smpp.ESME_RCANCELFAIL {
			t.Errorf("cancel_sm of %q of %s: %v", wrong.id, wrong.source, got)
		}
	}
	if got := e.cancel(id, ours); got != smpp.ESME_ROK {
		t.Fatalf("cancel_sm: %v", got)
	}
	if r := e.readReceipt(); r.MessageID != id || r.State != smpp.StateDeleted {
		t.Errorf("receipt %+v", r)
	}
	if got := e.cancel(id, ours); got != smpp.ESME_RCANCELFAIL {
		t.Errorf("cancel_sm once more: %v", got)
	}
	if stats := await(t, s, func(stats Stats) bool { return stats.Owed == 0 }); stats.Cancels != 5 || stats.Cancelled != 1 || stats.ReceiptsSent != 1 {
		t.Errorf("counters %+v", stats)
	}
}

func TestCancelWithoutAReceipt(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Delay: time.Hour}}})
	e := bound(t, s)
	m := hello(customer)
	m.RegisteredDelivery = 0
	e.submit(m)
	id, _ := e.readResponse()
	if got := e.cancel(id, ours); got != smpp.ESME_ROK {
		t.Errorf("cancel_sm: %v", got)
	}
	e.quiet()
	if got := e.query(id, ours).Body.(*smpp.QueryResponse).MessageState; got != receiptStates["DELETED"] {
		t.Errorf("message_state %d after cancel_sm", got)
	}
}

func TestCancelComesTooLate(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	e.submit(hello(customer))
	id, _ := e.readResponse()
	e.readReceipt()
	if got := e.cancel(id, ours); got != smpp.ESME_RCANCELFAIL {
		t.Errorf("cancel_sm after the receipt: %v", got)
	}
	other := connect(t, s)
	other.bind(smpp.CmdBindTransceiver, "other", "")
	if got := other.cancel(id, ours); got != smpp.ESME_RCANCELFAIL {
		t.Errorf("cancel_sm by another account: %v", got)
	}
}

func TestQueryTellsTheState(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Delay: time.Hour, State: "UNDELIV"}}})
	e := bound(t, s)
	e.submit(hello(customer))
	onItsWay, _ := e.readResponse()
	script := s.Script()
	script.Receipt.Delay = 0
	if err := s.SetScript(script); err != nil {
		t.Fatal(err)
	}
	e.submit(hello(customer))
	failed, _ := e.readResponse()
	e.readReceipt()
	for _, test := range []struct {
		id     string
		status smpp.Status
		state  uint8
		final  bool
	}{
		{onItsWay, smpp.ESME_ROK, receiptStates["ENROUTE"], false},
		{failed, smpp.ESME_ROK, receiptStates["UNDELIV"], true},
		{"1", smpp.ESME_RQUERYFAIL, 0, false},
	} {
		p := e.query(test.id, ours)
		r, _ := p.Body.(*smpp.QueryResponse)
		if p.Status != test.status {
			t.Errorf("query_sm of %s: %v", test.id, p.Status)
		} else if p.Status == smpp.ESME_ROK && (r.MessageID != test.id || r.MessageState != test.state || (len(r.FinalDate) == 16) != test.final) {
			t.Errorf("query_sm of %s: %+v", test.id, r)
		}
	}
}

func TestTheLedgerForgetsTheOldest(t *testing.T) {
	s := start(t, Options{Record: 2, Script: withoutReceipts(SubmitScript{})})
	e := bound(t, s)
	var ids []string
	for range 3 {
		e.submit(hello(customer))
		id, _ := e.readResponse()
		ids = append(ids, id)
	}
	for i, want := range []smpp.Status{smpp.ESME_RQUERYFAIL, smpp.ESME_ROK, smpp.ESME_ROK} {
		if got := e.query(ids[i], ours).Status; got != want {
			t.Errorf("query_sm of message %d: %v", i+1, got)
		}
	}
}

func TestQueryAndCancelNeedATransmitter(t *testing.T) {
	s := start(t, Options{})
	e := connect(t, s)
	e.bind(smpp.CmdBindReceiver, "us", "")
	if got := e.query("1", ours).Status; got != smpp.ESME_RINVBNDSTS {
		t.Errorf("query_sm: %v", got)
	}
	if got := e.cancel("1", ours); got != smpp.ESME_RINVBNDSTS {
		t.Errorf("cancel_sm: %v", got)
	}
}
