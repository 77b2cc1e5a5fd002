package smppsim

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
)

type outcome struct {
	status smpp.Status
	err    error
}

func deliver(t *testing.T, s *SMSC, text string, options ...DeliverOption) <-chan outcome {
	t.Helper()
	result := make(chan outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		status, err := s.Deliver(ctx, customer, ours, text, options...)
		result <- outcome{status, err}
	}()
	return result
}

func TestDeliverReturnsTheStatus(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	for _, want := range []smpp.Status{smpp.ESME_ROK, smpp.ESME_RX_P_APPN, smpp.ESME_RINVDSTADR} {
		result := deliver(t, s, "hi")
		h, m := e.readDelivery()
		if addressText(m.Source) != customer || addressText(m.Dest) != ours || string(m.Message) != "hi" || m.ESMClass != 0 {
			t.Errorf("%+v", m)
		}
		e.acknowledge(h, want)
		if got := <-result; got.status != want || got.err != nil {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if stats := s.Stats(); stats.InboundSent != 3 || stats.InboundAcked != 1 || stats.InboundRefused != 2 || stats.Owed != 0 {
		t.Errorf("counters %+v", stats)
	}
}

func TestDeliverWaitsForAReceiver(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret"}}})
	transmitter := connect(t, s)
	transmitter.bind(smpp.CmdBindTransmitter, "us", "secret")
	result := deliver(t, s, "hi")
	await(t, s, func(stats Stats) bool { return stats.Owed == 1 })
	transmitter.quiet()
	receiver := connect(t, s)
	receiver.bind(smpp.CmdBindReceiver, "us", "secret")
	h, _ := receiver.readDelivery()
	receiver.acknowledge(h, smpp.ESME_ROK)
	if got := <-result; got.status != smpp.ESME_ROK || got.err != nil {
		t.Error(got)
	}
}

func TestDeliverGivesUpWaiting(t *testing.T) {
	s := start(t, Options{Spool: 1})
	e := bound(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := s.Deliver(ctx, customer, ours, "hi")
		result <- err
	}()
	h, _ := e.readDelivery()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := s.Deliver(t.Context(), customer, ours, "hi"); !errors.Is(err, ErrSpoolFull) {
		t.Errorf("%v with a full spool", err)
	}
	e.submit(hello(customer))
	if _, status := e.readResponse(); status != smpp.ESME_RMSGQFUL {
		t.Errorf("%v with a full spool", status)
	}
	e.acknowledge(h, smpp.ESME_ROK)
	await(t, s, func(stats Stats) bool { return stats.InboundAcked == 1 && stats.Owed == 0 })
}

func TestAccountOfADelivery(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{
		"a": {Numbers: []string{"60777"}}, "b": {Numbers: []string{ours}}, "c": {},
	}})
	for _, test := range []struct{ to, via, want string }{
		{ours, "", "b"}, {"60777", "", "a"}, {ours, "c", "c"}, {"elsewhere", "", ""}, {ours, "nobody", ""},
	} {
		s.lock()
		a, err := s.accountFor(test.to, test.via)
		s.unlock()
		if test.want == "" {
			if !errors.Is(err, ErrNoAccount) {
				t.Errorf("%s via %q: %v", test.to, test.via, err)
			}
		} else if err != nil || a.name != test.want {
			t.Errorf("%s via %q: %v, %v", test.to, test.via, a, err)
		}
	}
	e := connect(t, s)
	e.bind(smpp.CmdBindReceiver, "c", "")
	s.lock()
	defer s.unlock()
	if a, err := s.accountFor("elsewhere", ""); err != nil || a.name != "c" {
		t.Errorf("with one bound: %v, %v", a, err)
	}
}

func TestLongTextsAreSplit(t *testing.T) {
	for _, test := range []struct {
		name, text string
		dataCoding uint8
		zero       smpp.Alphabet
		lengths    []int // of the payloads, unpacked
	}{
		{"one part of septets", strings.Repeat("a", 160), 0, "", []int{160}},
		{"two parts of septets", strings.Repeat("a", 161), 0, "", []int{153, 8}},
		{"an escape at the cut", strings.Repeat("a", 152) + strings.Repeat("€", 5), 0, "", []int{152, 10}},
		{"one part of UCS-2", strings.Repeat("я", 70), 8, "", []int{140}},
		{"a surrogate pair at the cut", strings.Repeat("я", 66) + strings.Repeat("😀", 3), 8, "", []int{132, 12}},
		{"packed septets", strings.Repeat("a@", 80) + "a", 0, smpp.AlphabetGSM7Packed, []int{153, 8}},
		{"Latin-1", strings.Repeat("é", 141), 0, smpp.AlphabetLatin1, []int{134, 7}},
		{"not in Latin-1", "€", 8, smpp.AlphabetLatin1, []int{2}},
		{"ASCII", "a@b", 0, smpp.AlphabetASCII, []int{3}},
		{"not in ASCII", "é", 8, smpp.AlphabetASCII, []int{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Script: Script{Submit: SubmitScript{DataCoding0: test.zero}}})
			e := bound(t, s)
			result := deliver(t, s, test.text, Reference(42))
			var whole []byte
			for i, length := range test.lengths {
				h, m := e.readDelivery()
				e.acknowledge(h, smpp.ESME_ROK)
				c := smpp.ReadContent(m, test.zero)
				if len(test.lengths) > 1 {
					want := smpp.Fragment{Reference: 42, Total: uint8(len(test.lengths)), Number: uint8(i + 1)}
					if c.Fragment == nil || *c.Fragment != want || m.ESMClass != esmUDHI {
						t.Errorf("part %d: %+v", i+1, c.Fragment)
					}
				}
				if len(c.Payload) != length || m.DataCoding != test.dataCoding {
					t.Errorf("part %d: %d octets in data_coding %d", i+1, len(c.Payload), m.DataCoding)
				}
				whole = append(whole, c.Payload...)
			}
			if got := <-result; got.err != nil || got.status != smpp.ESME_ROK {
				t.Error(got)
			}
			coding := smpp.CodingOf(test.dataCoding, test.zero)
			if got := newAlphabet().decode(coding, whole); got != test.text {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestDeliverPartsCutsAnywhere(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	high, low := []byte{0xD8, 0x3D}, []byte{0xDE, 0x00}
	result := make(chan error, 1)
	go func() {
		_, err := s.DeliverParts(t.Context(), customer, ours, 8, [][]byte{high, low}, Reference(200))
		result <- err
	}()
	for number, want := range [][]byte{high, low} {
		h, m := e.readDelivery()
		e.acknowledge(h, smpp.ESME_ROK)
		if !bytes.Equal(m.Message, concatenated(200, 2, number+1, want)) {
			t.Errorf("part %d: %x", number+1, m.Message)
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if _, err := s.DeliverParts(t.Context(), customer, ours, 0, nil); !errors.Is(err, ErrParts) {
		t.Errorf("no parts: %v", err)
	}
	if _, err := s.DeliverParts(t.Context(), customer, ours, 0, make([][]byte, 256)); !errors.Is(err, ErrParts) {
		t.Errorf("256 parts: %v", err)
	}
}

func TestDeliverPDUAsDataSM(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	m := hello(ours)
	result := make(chan error, 1)
	go func() {
		_, err := s.DeliverPDU(t.Context(), m, AsDataSM())
		result <- err
	}()
	p := e.read()
	if p.Command != smpp.CmdDataSM || string(p.Body.(*smpp.ShortMessage).Message) != "hello" {
		t.Errorf("%v %+v", p.Command, p.Body)
	}
	e.acknowledge(p.Header, smpp.ESME_ROK)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestUnansweredIsSentAgainAfterReconnecting(t *testing.T) {
	s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret"}}})
	e := bound(t, s)
	results := []<-chan outcome{deliver(t, s, "first")}
	_, first := e.readDelivery()
	results = append(results, deliver(t, s, "second"))
	_, second := e.readDelivery()
	e.submit(hello(customer))
	e.readResponse()
	_, receipt := e.readDelivery()
	if err := e.conn.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, s, func(stats Stats) bool { return stats.Bound == 0 && stats.Redelivered == 3 })

	e = bound(t, s)
	for i, want := range []*smpp.ShortMessage{first, second, receipt} {
		h, m := e.readDelivery()
		if !bytes.Equal(m.Message, want.Message) || m.ESMClass != want.ESMClass || m.Source != want.Source || !slices.EqualFunc(m.TLVs, want.TLVs, sameTLV) {
			t.Errorf("redelivery %d: %+v, want %+v", i+1, m, want)
		}
		e.acknowledge(h, smpp.ESME_ROK)
	}
	for _, result := range results {
		if got := <-result; got.status != smpp.ESME_ROK || got.err != nil {
			t.Error(got)
		}
	}
	await(t, s, func(stats Stats) bool { return stats.Owed == 0 && stats.ReceiptsAcked == 1 })
}

func sameTLV(a, b smpp.TLV) bool { return a.Tag == b.Tag && bytes.Equal(a.Value, b.Value) }

func TestTemporaryErrorsAreTriedAgain(t *testing.T) {
	const retry = 20 * time.Millisecond
	s := start(t, Options{Script: Script{Deliver: DeliverScript{RetryAfter: retry}}})
	e := bound(t, s)
	result := deliver(t, s, "hi")
	var sequences []uint32
	for _, status := range []smpp.Status{
		smpp.ESME_RX_T_APPN, smpp.ESME_RMSGQFUL, smpp.ESME_RTHROTTLED, smpp.ESME_RSYSERR, smpp.ESME_ROK,
	} {
		h, m := e.readDelivery()
		if string(m.Message) != "hi" || slices.Contains(sequences, h.Sequence) {
			t.Errorf("%q with sequence number %d", m.Message, h.Sequence)
		}
		sequences = append(sequences, h.Sequence)
		e.acknowledge(h, status)
	}
	if got := <-result; got.status != smpp.ESME_ROK || got.err != nil {
		t.Error(got)
	}
	if got := s.Stats().Retried; got != 4 {
		t.Errorf("%d retries", got)
	}
}

func TestWindowOfDeliveries(t *testing.T) {
	s := start(t, Options{Script: Script{Deliver: DeliverScript{Window: 2}}})
	e := bound(t, s)
	var unanswered []smpp.Header
	for range 2 {
		e.submit(hello(customer))
		e.readResponse()
		h, _ := e.readDelivery()
		unanswered = append(unanswered, h)
	}
	e.submit(hello(customer))
	e.readResponse()
	e.quiet()
	e.acknowledge(unanswered[1], smpp.ESME_ROK)
	e.readReceipt()
	e.acknowledge(unanswered[0], smpp.ESME_ROK)
	await(t, s, func(stats Stats) bool { return stats.ReceiptsAcked == 3 && stats.Owed == 0 })
}

func TestNackedAndUnexpectedResponses(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	result := deliver(t, s, "hi")
	h, _ := e.readDelivery()
	e.acknowledge(smpp.Header{Command: smpp.CmdDeliverSM, Sequence: h.Sequence + 1}, smpp.ESME_ROK)
	e.acknowledge(smpp.Header{Command: smpp.CmdSubmitSM, Sequence: h.Sequence}, smpp.ESME_ROK)
	e.write(smpp.AppendHeader(nil, smpp.Header{Command: smpp.CmdGenericNack, Status: smpp.ESME_RINVCMDID, Sequence: h.Sequence}))
	if got := <-result; got.status != smpp.ESME_RINVCMDID {
		t.Errorf("%v after generic_nack", got)
	}
	if got := s.Stats().ProtocolErrors; got != 2 {
		t.Errorf("%d protocol errors", got)
	}
}

func TestReceiptsTakeTurnsBetweenBinds(t *testing.T) {
	s := start(t, Options{})
	a, b := bound(t, s), bound(t, s)
	for range 2 {
		a.submit(hello(customer))
	}
	received := 0
	for received < 3 { // two responses, and one receipt of two
		if p := a.read(); p.Command == smpp.CmdDeliverSM {
			a.acknowledge(p.Header, smpp.ESME_ROK)
		}
		received++
	}
	b.readReceipt()
	await(t, s, func(stats Stats) bool { return stats.ReceiptsAcked == 2 })
}
