package smppsim

import (
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
)

func TestWaysToSplit(t *testing.T) {
	long := strings.Repeat("a", 170)
	for _, test := range []struct {
		how        Splitting
		text       string
		zero       smpp.Alphabet
		lengths    []int
		wide, tlvs bool
	}{
		{SplitUDH, long, "", []int{153, 17}, false, false},
		{SplitUDH16, long, "", []int{152, 18}, true, false},
		{SplitSAR, long, "", []int{153, 17}, true, true},
		{SplitPayload, long, "", []int{170}, false, true},
		{SplitPayload, "hi", "", []int{2}, false, true},
		{SplitUDH16, strings.Repeat("я", 71), "", []int{132, 10}, true, false},
		{SplitUDH16, long, smpp.AlphabetGSM7Packed, []int{152, 18}, true, false},
		{SplitSAR, long, smpp.AlphabetGSM7Packed, []int{153, 17}, true, true},
	} {
		t.Run(test.how.String(), func(t *testing.T) {
			s := start(t, Options{Script: Script{Submit: SubmitScript{DataCoding0: test.zero}, Deliver: DeliverScript{Split: test.how}}})
			e := bound(t, s)
			result := deliver(t, s, test.text, Reference(0x1234))
			var whole []byte
			for i, length := range test.lengths {
				h, m := e.readDelivery()
				e.acknowledge(h, smpp.ESME_ROK)
				c := smpp.ReadContent(m, test.zero)
				if len(c.Payload) != length || (len(m.TLVs) > 0) != test.tlvs {
					t.Errorf("part %d: %d octets, parameters %+v", i+1, len(c.Payload), m.TLVs)
				}
				reference := uint16(0x34)
				if test.wide {
					reference = 0x1234
				}
				want := smpp.Fragment{Reference: reference, Wide: test.wide, Total: uint8(len(test.lengths)), Number: uint8(i + 1)}
				if len(test.lengths) > 1 && (c.Fragment == nil || *c.Fragment != want) {
					t.Errorf("part %d: %+v, want %+v", i+1, c.Fragment, want)
				}
				whole = append(whole, c.Payload...)
			}
			if got := <-result; got.err != nil || got.status != smpp.ESME_ROK {
				t.Error(got)
			}
			coding := smpp.CodingGSM7
			if test.text != long && test.text != "hi" {
				coding = smpp.CodingUCS2
			}
			if got := newAlphabet().decode(coding, whole); got != test.text {
				t.Errorf("%q", got)
			}
		})
	}
	for how := SplitUDH; how <= SplitPayload; how++ {
		if got, err := ParseSplitting(how.String()); got != how || err != nil {
			t.Errorf("%v is read as %v, %v", how, got, err)
		}
	}
	if _, err := ParseSplitting("half"); err == nil {
		t.Error("half is a way to split")
	}
}

func TestSplittingOfOneCall(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	deliver(t, s, "hi", Split(SplitPayload), Via("us"))
	h, m := e.readDelivery()
	e.acknowledge(h, smpp.ESME_ROK)
	if _, ok := m.TLVs.Get(smpp.TagMessagePayload); !ok {
		t.Errorf("%+v", m)
	}
}

// echoing is an account that is texted by itself.
func echoing(t *testing.T, script Script) (*SMSC, *esme) {
	t.Helper()
	script.Deliver.Echo = true
	script.Receipt.When = ReceiptsNever
	s := start(t, Options{Script: script, Accounts: map[string]Account{"us": {Password: "secret", Numbers: []string{ours}}}})
	return s, bound(t, s)
}

func TestEcho(t *testing.T) {
	const latin1, gsm7 = smpp.AlphabetLatin1, smpp.AlphabetGSM7
	for _, test := range []struct {
		name          string
		reads, writes smpp.Alphabet
		dataCoding    uint8
		sent          string
		wantCoding    uint8
		want          string
	}{
		{"as it should be", gsm7, "", 0, "\x00@\x02", 0, "\x00@\x02"},
		{"UCS-2", gsm7, "", 8, "\xd8\x3d\xde\x00", 8, "\xd8\x3d\xde\x00"},
		{"Latin-1 at both ends", latin1, "", 0, "@ \xe9", 0, "@ \xe9"},
		{"read as Latin-1, written as GSM 7", latin1, gsm7, 0, "@_\xe9", 0, "\x00\x11\x05"},
		{"read as GSM 7, written as Latin-1", gsm7, latin1, 0, "\x00\x11\x05", 0, "@_\xe9"},
		{"not there in Latin-1", gsm7, latin1, 0, "\x1b\x65", 8, "\x20\xac"},
		{"no text", gsm7, "", 4, "\x01\x02", 4, "\x01\x02"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, e := echoing(t, Script{Submit: SubmitScript{DataCoding0: test.reads}, Deliver: DeliverScript{DataCoding0: test.writes}})
			m := hello(ours)
			m.DataCoding, m.Message = test.dataCoding, []byte(test.sent)
			e.submit(m)
			e.readResponse()
			h, got := e.readDelivery()
			e.acknowledge(h, smpp.ESME_ROK)
			if string(got.Message) != test.want || got.DataCoding != test.wantCoding || addressText(got.Source) != ours || addressText(got.Dest) != ours {
				t.Errorf("%+v", got)
			}
			await(t, s, func(stats Stats) bool { return stats.InboundAcked == 1 && stats.Owed == 0 })
		})
	}
}

func TestEchoOfParts(t *testing.T) {
	_, e := echoing(t, Script{Deliver: DeliverScript{Split: SplitSAR}})
	for number := range 2 {
		m := hello(strings.TrimPrefix(ours, "+"))
		m.ESMClass, m.Message = esmUDHI, concatenated(1, 2, number+1, []byte(strings.Repeat("b", 100)))
		e.submit(m)
		e.readResponse()
	}
	total := 0
	for range 2 {
		h, m := e.readDelivery()
		e.acknowledge(h, smpp.ESME_ROK)
		total += len(m.Message)
	}
	if total != 200 {
		t.Errorf("%d characters came back", total)
	}
}

func TestWhatIsNotEchoed(t *testing.T) {
	_, e := echoing(t, Script{Receipt: ReceiptScript{State: "UNDELIV"}})
	e.submit(hello(ours))
	e.readResponse()
	e.quiet()
	s, e := echoing(t, Script{Receipt: ReceiptScript{Delay: time.Hour}})
	e.submit(hello(customer))
	e.readResponse()
	e.submit(hello(ours))
	id, _ := e.readResponse()
	if status := e.cancel(id, ours); status != smpp.ESME_ROK {
		t.Error(status)
	}
	e.quiet()
	if stats := s.Stats(); stats.InboundSent != 0 || stats.Messages != 2 {
		t.Errorf("counters %+v", stats)
	}
}
