package smppsim

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
)

// withoutReceipts keeps receipts out of what a test reads.
func withoutReceipts(submit SubmitScript) Script {
	return Script{Submit: submit, Receipt: ReceiptScript{When: ReceiptsNever}}
}

func TestSubmitIsAnsweredAsScripted(t *testing.T) {
	const ok = smpp.ESME_ROK
	for _, test := range []struct {
		name   string
		submit SubmitScript
		to     string
		want   []smpp.Status
	}{
		{"accepted", SubmitScript{}, customer, []smpp.Status{ok, ok, ok}},
		{"throttled", SubmitScript{ThrottleEvery: 2}, customer,
			[]smpp.Status{ok, smpp.ESME_RTHROTTLED, ok, smpp.ESME_RTHROTTLED}},
		{"throttled above a rate", SubmitScript{ThrottleAbove: 0.001}, customer,
			[]smpp.Status{ok, smpp.ESME_RTHROTTLED, smpp.ESME_RTHROTTLED}},
		{"error", SubmitScript{ErrorEvery: 3}, customer, []smpp.Status{ok, ok, smpp.ESME_RSUBMITFAIL}},
		{"error of choice", SubmitScript{ErrorEvery: 1, ErrorStatus: 0x400}, customer, []smpp.Status{0x400}},
		{"error by destination", SubmitScript{ErrorTo: map[string]smpp.Status{"123": smpp.ESME_RINVDSTADR, "9": smpp.ESME_RSYSERR}},
			customer, []smpp.Status{smpp.ESME_RINVDSTADR, smpp.ESME_RINVDSTADR}},
		{"other destination", SubmitScript{ErrorTo: map[string]smpp.Status{"124": smpp.ESME_RINVDSTADR}},
			customer, []smpp.Status{ok}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Script: withoutReceipts(test.submit)})
			e := bound(t, s)
			accepted := 0
			for i, want := range test.want {
				e.submit(hello(test.to))
				id, status := e.readResponse()
				if status != want {
					t.Errorf("submit %d: %v, want %v", i+1, status, want)
				}
				if (id != "") != (status == ok) {
					t.Errorf("submit %d: %v with id %q", i+1, status, id)
				}
				if status == ok {
					accepted++
				}
			}
			if got := len(s.Submits()); got != accepted {
				t.Errorf("%d recorded, %d accepted", got, accepted)
			}
			stats := s.Stats()
			if stats.Responses != uint64(len(test.want)) || stats.Accepted+stats.Throttled+stats.Refused != stats.Submits {
				t.Errorf("counters %+v", stats)
			}
		})
	}
}

func TestDestinationsOfTheLongestSuffix(t *testing.T) {
	rules := map[string]int{"": 0, "3": 1, "123": 2}
	for to, want := range map[string]int{"44123": 2, "44453": 1, "44": 0} {
		if got, ok := bySuffix(rules, to); got != want || !ok {
			t.Errorf("%s: %d, want %d", to, got, want)
		}
	}
}

func TestResponseIsDelayed(t *testing.T) {
	const delay = 200 * time.Millisecond
	s := start(t, Options{Script: withoutReceipts(SubmitScript{Delay: delay, Jitter: delay, ErrorEvery: 2})})
	e := bound(t, s)
	for range 2 {
		began := time.Now()
		e.submit(hello(customer))
		e.quiet()
		e.seq--
		e.readResponse()
		if took := time.Since(began); took < delay {
			t.Errorf("answered after %v", took)
		}
	}
}

func TestSilence(t *testing.T) {
	s := start(t, Options{Script: Script{Submit: SubmitScript{SilentEvery: 2}}})
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	e.readReceipt()
	e.submit(hello(customer))
	e.readReceipt()
	e.quiet()
	if stats := s.Stats(); stats.Accepted != 2 || stats.Responses != 1 || stats.Silent != 1 {
		t.Errorf("counters %+v", stats)
	}
}

func TestSilentLink(t *testing.T) {
	s := start(t, Options{})
	e := bound(t, s)
	if err := s.SetScript(Script{Link: LinkScript{Silent: true}}); err != nil {
		t.Fatal(err)
	}
	e.submit(hello(customer))
	e.request(smpp.CmdEnquireLink)
	if err := e.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if frame, err := e.frames.Next(); err == nil {
		t.Fatalf("%x from a silent link", frame)
	}
	if got := s.Stats().Submits; got != 0 {
		t.Errorf("%d submits were handled", got)
	}
}

func TestDroppedConnections(t *testing.T) {
	for _, test := range []struct {
		name     string
		submit   SubmitScript
		accepted int
	}{
		{"before accepting", SubmitScript{DropBefore: 3}, 2},
		{"after accepting", SubmitScript{DropAfter: 3}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Script: withoutReceipts(test.submit)})
			e := bound(t, s)
			var all []byte
			for sequence := range uint32(5) {
				all = smpp.AppendShortMessage(all, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: sequence + 10}, hello(customer))
			}
			e.write(all)
			for want := uint32(10); want < 12; want++ {
				if p := e.read(); p.Sequence != want || p.Status != smpp.ESME_ROK {
					t.Errorf("response %d: %v", p.Sequence, p.Status)
				}
			}
			e.ends()
			if got := len(s.Submits()); got != test.accepted {
				t.Errorf("%d accepted, want %d", got, test.accepted)
			}
			if got := s.Stats().Dropped; got != 1 {
				t.Errorf("%d dropped", got)
			}
		})
	}
}

func TestWindowOfSubmits(t *testing.T) {
	s := start(t, Options{Script: withoutReceipts(SubmitScript{Delay: 50 * time.Millisecond, Window: 2})})
	e := bound(t, s)
	var all []byte
	for sequence := range uint32(3) {
		all = smpp.AppendShortMessage(all, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: sequence + 1}, hello(customer))
	}
	e.write(all)
	got := make(map[uint32]smpp.Status)
	for range 3 {
		p := e.read()
		got[p.Sequence] = p.Status
	}
	if got[1] != smpp.ESME_ROK || got[2] != smpp.ESME_ROK || got[3] != smpp.ESME_RMSGQFUL {
		t.Errorf("statuses %v", got)
	}
}

func TestSplitWrites(t *testing.T) {
	s := start(t, Options{Script: Script{Link: LinkScript{SplitWrites: 7}}})
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	if r := e.readReceipt(); r.State != smpp.StateDelivered {
		t.Errorf("receipt %+v", r)
	}
	recorder := &writeSizes{}
	if err := newSession(s, recorder).put(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if want := []int{7, 7, 2}; !slices.Equal(recorder.sizes, want) {
		t.Errorf("writes of %v octets, want %v", recorder.sizes, want)
	}
}

// writeSizes is a connection that only notes how it is written to.
type writeSizes struct {
	net.Conn
	sizes []int
}

func (w *writeSizes) SetWriteDeadline(time.Time) error { return nil }

func (w *writeSizes) Write(b []byte) (int, error) {
	w.sizes = append(w.sizes, len(b))
	return len(b), nil
}

func TestTextsAreRecorded(t *testing.T) {
	emoji := []byte{0x00, 'o', 0xD8, 0x3D, 0xDE, 0x00} // "o😀" in UTF-16BE
	for _, test := range []struct {
		name  string
		parts []*smpp.ShortMessage
		want  string
	}{
		{"GSM 7 bit", []*smpp.ShortMessage{{Message: []byte{'1', 0x1b, 0x65, 0x00}}}, "1€@"},
		{"Latin-1", []*smpp.ShortMessage{{DataCoding: 3, Message: []byte("caf\xe9")}}, "café"},
		{"Cyrillic", []*smpp.ShortMessage{{DataCoding: 6, Message: []byte{0xd0}}}, "а"},
		{"UCS-2", []*smpp.ShortMessage{{DataCoding: 8, Message: emoji}}, "o😀"},
		{"message_payload", []*smpp.ShortMessage{{Message: []byte(strings.Repeat("long ", 100))}}, strings.Repeat("long ", 100)},
		{"a surrogate pair between two parts, the second first", []*smpp.ShortMessage{
			{DataCoding: 8, ESMClass: esmUDHI, Message: concatenated(7, 2, 2, emoji[4:])},
			{DataCoding: 8, ESMClass: esmUDHI, Message: concatenated(7, 2, 1, emoji[:4])},
		}, "o😀"},
		{"a part twice", []*smpp.ShortMessage{
			{ESMClass: esmUDHI, Message: concatenated(9, 2, 1, []byte("one "))},
			{ESMClass: esmUDHI, Message: concatenated(9, 2, 1, []byte("one "))},
			{ESMClass: esmUDHI, Message: concatenated(9, 2, 2, []byte("two"))},
		}, "one two"},
		{"a 16-bit reference", []*smpp.ShortMessage{
			{ESMClass: esmUDHI, Message: []byte("\x06\x08\x04\x01\x02\x02\x02two")},
			{ESMClass: esmUDHI, Message: []byte("\x06\x08\x04\x01\x02\x02\x01one ")},
		}, "one two"},
		{"parts in message_payload", []*smpp.ShortMessage{
			{ESMClass: esmUDHI, TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: concatenated(3, 2, 1, []byte("one "))}}},
			{ESMClass: esmUDHI, TLVs: smpp.TLVs{{Tag: smpp.TagMessagePayload, Value: concatenated(3, 2, 2, []byte("two"))}}},
		}, "one two"},
		{"SAR parameters", []*smpp.ShortMessage{
			{Message: []byte("one "), TLVs: sar(1)},
			{Message: []byte("two"), TLVs: sar(2)},
		}, "one two"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, Options{Accounts: map[string]Account{"us": {Password: "secret"}}})
			heard := make(chan Message, 2)
			s.OnMessage(func(m Message) { heard <- m })
			e := bound(t, s)
			ids := make(map[string]bool)
			for _, part := range test.parts {
				part.Source, part.Dest = addressOf(ours), addressOf(customer)
				e.submit(part)
				id, _ := e.readResponse()
				ids[id] = true
			}
			m := <-heard
			if m.Text != test.want || m.From != ours || m.To != customer || m.Account != "us" {
				t.Errorf("heard %+v", m)
			}
			for _, id := range m.IDs {
				if !ids[id] {
					t.Errorf("id %q was not in a response", id)
				}
			}
			if got := s.Messages(); len(got) != 1 || got[0].Text != test.want {
				t.Errorf("messages %+v", got)
			}
			submits := s.Submits()
			if len(submits) != len(test.parts) {
				t.Fatalf("%d submits", len(submits))
			}
			for i, submit := range submits {
				want := ""
				if i == len(submits)-1 {
					want = test.want
				}
				if submit.Text != want || submit.From != ours || !ids[submit.ID] {
					t.Errorf("submit %d: %+v", i+1, submit)
				}
			}
		})
	}
}

func sar(number byte) smpp.TLVs {
	return smpp.TLVs{
		{Tag: smpp.TagSARMsgRefNum, Value: []byte{1, 2}},
		{Tag: smpp.TagSARTotalSegments, Value: []byte{2}},
		{Tag: smpp.TagSARSegmentSeqnum, Value: []byte{number}},
	}
}

func TestOnlyTheNewestIsRecorded(t *testing.T) {
	s := start(t, Options{Record: 2, FirstID: 100, Script: withoutReceipts(SubmitScript{ID: IDPadded})})
	e := bound(t, s)
	for range 5 {
		e.submit(hello(customer))
		e.readResponse()
	}
	var ids []string
	for _, submit := range s.Submits() {
		ids = append(ids, submit.ID)
	}
	if want := []string{"0000000103", "0000000104"}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
	if got := s.Stats().Accepted; got != 5 {
		t.Errorf("%d accepted", got)
	}
}

func TestOldestOpenTextIsForgotten(t *testing.T) {
	a := newAssembly()
	key := func(n int) textKey { return textKey{from: fmt.Sprint(n), total: 2} }
	for n := range maxOpenTexts + 1 {
		a.add(key(n), 1, nil, "first")
	}
	if a.add(key(0), 2, nil, "second") != nil {
		t.Error("the oldest was kept")
	}
	if a.add(key(maxOpenTexts), 2, nil, "second") == nil {
		t.Error("the newest was forgotten")
	}
	for range 3 * maxOpenTexts {
		a.add(key(-1), 1, nil, "first")
		a.add(key(-1), 2, nil, "second")
	}
	if len(a.opened) > 2*maxOpenTexts || len(a.sets) > maxOpenTexts {
		t.Errorf("%d openings and %d sets are kept", len(a.opened), len(a.sets))
	}
}

func TestHandlerThatIsSlow(t *testing.T) {
	s := start(t, Options{Script: withoutReceipts(SubmitScript{})})
	release, entered := make(chan struct{}), make(chan struct{}, 2*maxUnheard)
	s.OnMessage(func(Message) {
		entered <- struct{}{}
		<-release
	})
	e := bound(t, s)
	e.submit(hello(customer))
	e.readResponse()
	<-entered
	for range maxUnheard {
		e.submit(hello(customer))
		if _, status := e.readResponse(); status != smpp.ESME_ROK {
			t.Fatal(status)
		}
	}
	e.submit(hello(customer))
	if _, status := e.readResponse(); status != smpp.ESME_RMSGQFUL {
		t.Errorf("%v when the handler is %d texts behind", status, maxUnheard)
	}
	close(release)
}
