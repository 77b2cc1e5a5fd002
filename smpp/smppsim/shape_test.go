package smppsim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestShapesOfReceipts(t *testing.T) {
	for _, test := range []struct {
		name    string
		script  ReceiptScript
		command smpp.CommandID
		want    func(*smpp.ShortMessage) bool
	}{
		{"data_sm", ReceiptScript{DataSM: true}, smpp.CmdDataSM, func(m *smpp.ShortMessage) bool { return m.ESMClass == esmReceipt }},
		{"message_payload", ReceiptScript{Payload: true}, smpp.CmdDeliverSM, func(m *smpp.ShortMessage) bool {
			payload, ok := m.TLVs.Get(smpp.TagMessagePayload)
			return ok && string(payload) == string(m.Message)
		}},
		{"UCS-2", ReceiptScript{UCS2: true}, smpp.CmdDeliverSM, func(m *smpp.ShortMessage) bool {
			return m.DataCoding == 8 && m.Message[0] == 0 && m.Message[1] == 'i'
		}},
		{"unmarked", ReceiptScript{Unmarked: true}, smpp.CmdDeliverSM, func(m *smpp.ShortMessage) bool { return m.ESMClass == 0 }},
		{"UCS-2 in message_payload of data_sm", ReceiptScript{UCS2: true, DataSM: true, Payload: true, Form: ReceiptText}, smpp.CmdDataSM,
			func(m *smpp.ShortMessage) bool { return m.DataCoding == 8 && len(m.TLVs) == 1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Script: Script{Receipt: test.script}})
			e := bound(t, s)
			e.submit(hello(customer))
			id, _ := e.readResponse()
			p := e.read()
			e.acknowledge(p.Header, smpp.ESME_ROK)
			m, _ := p.Body.(*smpp.ShortMessage)
			if p.Command != test.command || !test.want(m) {
				t.Errorf("%v %+v", p.Command, m)
			}
			if r, kind := smpp.ParseReceipt(m, time.UTC); kind == smpp.NotReceipt || r.MessageID != id || r.State != smpp.StateDelivered {
				t.Errorf("read as %+v", r)
			}
			await(t, s, func(stats Stats) bool { return stats.ReceiptsAcked == 1 && stats.Owed == 0 })
		})
	}
}

func TestReceiptsOnAnotherBind(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Elsewhere: true}}})
	a := bound(t, s)
	a.submit(hello(customer))
	a.readResponse()
	a.readReceipt() // there is no other
	transmitter := connect(t, s)
	transmitter.bind(smpp.CmdBindTransmitter, "us", "")
	a.submit(hello(customer))
	a.readResponse()
	a.readReceipt() // there is no other that receives
	b := bound(t, s)
	for range 3 {
		a.submit(hello(customer))
		a.readResponse()
		b.readReceipt()
		b.submit(hello(customer))
		b.readResponse()
		a.readReceipt()
	}
}

func TestReceiptsInReverse(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Reversed: 3}}})
	e := bound(t, s)
	var ids, got []string
	for range 3 {
		e.submit(hello(customer))
		id, _ := e.readResponse()
		ids = append(ids, id)
	}
	for range 3 {
		got = append(got, e.readReceipt().MessageID)
	}
	slices.Reverse(got)
	if !slices.Equal(got, ids) {
		t.Errorf("receipts of %v backwards, want %v", got, ids)
	}
	e.submit(hello(customer))
	id, _ := e.readResponse()
	e.quiet()
	if r := e.readReceipt(); r.MessageID != id {
		t.Errorf("the receipt that was alone is of %s", r.MessageID)
	}
	await(t, s, func(stats Stats) bool { return stats.Owed == 0 })
}

func TestIntermediateComesLast(t *testing.T) {
	s := start(t, Options{Script: Script{Receipt: ReceiptScript{Enroute: true, Reversed: 2}}})
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	if r := e.readReceipt(); r.State != smpp.StateDelivered {
		t.Errorf("first %+v", r)
	}
	if r := e.readReceipt(); !r.Intermediate {
		t.Errorf("then %+v", r)
	}
}

func TestIDsBeyond63Bits(t *testing.T) {
	const number = 0xF123_4567_89AB_CDEF
	s := start(t, Options{FirstID: number, Script: Script{Submit: SubmitScript{ID: IDHexUpper}, Receipt: ReceiptScript{ID: IDDecimal}}})
	e := bound(t, s)
	e.submit(hello(customer))
	id, _ := e.readResponse()
	if r := e.readReceipt(); id != "F123456789ABCDEF" || r.MessageID != fmt.Sprint(uint64(number)) {
		t.Errorf("response %q, receipt %q", id, r.MessageID)
	}
}
