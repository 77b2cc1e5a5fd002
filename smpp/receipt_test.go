package smpp

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

type receiptRow struct {
	ID           string
	ESMClass     uint8  `json:"esm_class"`
	DataCoding   uint8  `json:"data_coding"`
	ShortMessage string `json:"short_message"`
	Hex          string `json:"short_message_hex"`
	Carrier      string
	TLVs         []tlvRow
	Unsure       bool
	Expected     struct {
		IsReceipt  bool `json:"is_receipt"`
		ID         *string
		IDAlt      []string `json:"id_alt"`
		Stat       *string
		Err        *string
		State      *string
		StateAny   []*string `json:"state_any"`
		SubmitDate any       `json:"submit_date"`
		DoneDate   any       `json:"done_date"`
		Text       *string
	}
}

func (row *receiptRow) message(t testing.TB) *ShortMessage {
	m := &ShortMessage{ESMClass: row.ESMClass, DataCoding: row.DataCoding, Message: []byte(row.ShortMessage)}
	if row.Hex != "" {
		m.Message = unhex(t, row.Hex)
	}
	for _, tlv := range row.TLVs {
		tag, err := strconv.ParseUint(tlv.Tag, 0, 16)
		if err != nil {
			t.Fatal(err)
		}
		m.TLVs = append(m.TLVs, TLV{Tag(tag), unhex(t, tlv.Value)})
	}
	return m
}

func TestCorpusReceipts(t *testing.T) {
	checked := 0
	for _, row := range loadRows[receiptRow](t, "testdata/receipts.jsonl", 127) {
		if row.Unsure {
			continue
		}
		checked++
		t.Run(row.ID, func(t *testing.T) {
			m := row.message(t)
			r, kind := ParseReceipt(m, time.UTC)
			want := row.Expected
			if want.IsReceipt != (kind != NotReceipt) {
				t.Fatalf("kind %d, want a receipt: %v", kind, want.IsReceipt)
			}
			if !want.IsReceipt {
				return
			}
			if marked := m.ESMClass != 0 || m.TLVs.String(TagReceiptedMessageID) != ""; marked != (kind == IsReceipt) {
				t.Errorf("kind %d, but marked is %v", kind, marked)
			}
			text := func(field, got string, want *string) {
				if want == nil {
					want = new(string)
				}
				if got != *want {
					t.Errorf("%s %q, want %q", field, got, *want)
				}
			}
			text("id", r.MessageID, want.ID)
			if want.IDAlt != nil && !slices.Contains(want.IDAlt, r.TextID) {
				t.Errorf("the text's id %q, want %q", r.TextID, want.IDAlt)
			}
			if r.Word != "" || (row.ID != "dlr-032" && row.ID != "dlr-033") { // their words are derived from the TLV
				if want.Stat != nil {
					*want.Stat = strings.ToUpper(*want.Stat)
				}
				text("stat", r.Word, want.Stat)
			}
			text("err", r.Err, want.Err)
			if want.Text != nil {
				text("text", r.Text, want.Text)
			}
			compareState(t, r.State, append(want.StateAny, want.State))
			compareDate(t, "submit", r.Submit, want.SubmitDate)
			compareDate(t, "done", r.Done, want.DoneDate)
		})
	}
	if checked != 108 {
		t.Errorf("checked %d rows, want 108", checked)
	}
}

// compareState accepts for a state that nobody recognises what the corpus calls
// unknown or leaves out.
func compareState(t *testing.T, got State, want []*string) {
	t.Helper()
	for _, w := range want {
		if w == nil || *w == "unknown" {
			if got == StateUnrecognised || got == StateUnknown {
				return
			}
		} else if got.String() == *w {
			return
		}
	}
	t.Errorf("state %s is none of those wanted", got)
}

func compareDate(t *testing.T, field string, got time.Time, want any) {
	t.Helper()
	s, _ := want.(string)
	if s == "" {
		if !got.IsZero() {
			t.Errorf("%s %s, want none", field, got)
		}
	} else if got.Format("2006-01-02T15:04:05") != s {
		t.Errorf("%s %s, want %s", field, got, s)
	}
}

func TestReceiptVariants(t *testing.T) {
	paris := time.FixedZone("", 2*3600)
	cases := []struct {
		name string
		m    ShortMessage
		kind ReceiptKind
		want Receipt
	}{
		{
			"a word without its label", ShortMessage{ESMClass: 4, Message: []byte("id:1 sub:000 done date:180903120816 DELIVRD err:000 Text:")},
			IsReceipt, Receipt{MessageID: "1", State: StateDelivered, Word: "DELIVRD", Err: "000", Done: time.Date(2018, 9, 3, 12, 8, 16, 0, paris)},
		},
		{
			"labels without blanks", ShortMessage{ESMClass: 4, Message: []byte("ID:1 SubmitDate:1809031208 done_date:1809031209 STAT:Undeliverable")},
			IsReceipt, Receipt{
				MessageID: "1", State: StateUndeliverable, Word: "UNDELIVERABLE",
				Submit: time.Date(2018, 9, 3, 12, 8, 0, 0, paris), Done: time.Date(2018, 9, 3, 12, 9, 0, 0, paris),
			},
		},
		{
			"separated by commas", ShortMessage{ESMClass: 4, Message: []byte("id:1,sub:001,done date:1809031209,stat:DND_REJECTED,err:7,text:a,b")},
			IsReceipt, Receipt{MessageID: "1", State: StateRejected, Word: "DND_REJECTED", Err: "7", Done: time.Date(2018, 9, 3, 12, 9, 0, 0, paris), Text: "a,b"},
		},
		{
			"blanks behind the colons", ShortMessage{ESMClass: 4, Message: []byte("id: 1 stat: EXPIRED err: 000")},
			IsReceipt, Receipt{MessageID: "1", State: StateExpired, Word: "EXPIRED", Err: "000"},
		},
		{
			"SMPP time", ShortMessage{ESMClass: 4, Message: []byte("id:1 stat:EXPIRED done date:180903120816004+")},
			IsReceipt, Receipt{MessageID: "1", State: StateExpired, Word: "EXPIRED", Done: time.Date(2018, 9, 3, 11, 8, 16, 0, time.UTC)},
		},
		{
			"labels inside the text are the text's", ShortMessage{ESMClass: 4, Message: []byte("id:1 stat:DELIVRD text:id:9 stat:UNDELIV")},
			IsReceipt, Receipt{MessageID: "1", State: StateDelivered, Word: "DELIVRD", Text: "id:9 stat:UNDELIV"},
		},
		{
			"the error of the network", ShortMessage{ESMClass: 4, TLVs: TLVs{{TagReceiptedMessageID, []byte("7\x00")}, {TagMessageState, []byte{5}}, {TagNetworkErrorCode, []byte{3, 0, 27}}}},
			IsReceipt, Receipt{MessageID: "7", State: StateUndeliverable, Err: "027"},
		},
		{
			"intermediate", ShortMessage{ESMClass: 0x20, Message: []byte("id:1 stat:DELIVRD")},
			IsReceipt, Receipt{MessageID: "1", State: StateDelivered, Word: "DELIVRD", Intermediate: true},
		},
		{
			"upper-case labels in another order, without counts", ShortMessage{ESMClass: 4, Message: []byte("STAT:EXPIRED ERR:0004 DONE DATE:20180903120816 ID:a_B-9 TEXT:")},
			IsReceipt, Receipt{MessageID: "a_B-9", State: StateExpired, Word: "EXPIRED", Err: "0004", Done: time.Date(2018, 9, 3, 12, 8, 16, 0, paris)},
		},
		{
			"a number for a word", ShortMessage{ESMClass: 4, Message: []byte("id:Smsc2013 sub:1 dlvrd:1 stat:0 err:0 text:If")},
			IsReceipt, Receipt{MessageID: "Smsc2013", Word: "0", Err: "0", Text: "If"},
		},
		{
			"no credit", ShortMessage{ESMClass: 4, Message: []byte("id:1 stat:NOCRED err:401")},
			IsReceipt, Receipt{MessageID: "1", State: StateRejected, Word: "NOCRED", Err: "401"},
		},
		{
			"our reference", ShortMessage{ESMClass: 4, Message: []byte("id:1 stat:DELIVRD"), TLVs: TLVs{{TagUserMessageReference, []byte{0x12, 0x34}}}},
			IsReceipt, Receipt{MessageID: "1", State: StateDelivered, Word: "DELIVRD", UserReference: 0x1234},
		},
		{
			"our reference, and no id", ShortMessage{ESMClass: 4, TLVs: TLVs{{TagUserMessageReference, []byte{7}}, {TagMessageState, []byte{2}}}},
			IsReceipt, Receipt{State: StateDelivered, UserReference: 7},
		},
		{
			"the parameter before the text", ShortMessage{ESMClass: 4, Message: []byte("id:1a stat:UNDELIV"), TLVs: TLVs{{TagReceiptedMessageID, []byte("26")}, {TagMessageState, []byte{2}}}},
			IsReceipt, Receipt{MessageID: "26", TextID: "1a", State: StateDelivered, Word: "UNDELIV"},
		},
		{"a text", ShortMessage{Message: []byte("my id: 5, what is the stat?")}, NotReceipt, Receipt{}},
		{"a text that acknowledges", ShortMessage{ESMClass: 8, Message: []byte("ok")}, NotReceipt, Receipt{}},
		{
			"unmarked", ShortMessage{Message: []byte("id:1 stat:DELIVRD")},
			MaybeReceipt, Receipt{MessageID: "1", State: StateDelivered, Word: "DELIVRD"},
		},
		{"marked and empty", ShortMessage{ESMClass: 4}, IsReceipt, Receipt{}},
	}
	for _, c := range cases {
		got, kind := ParseReceipt(&c.m, paris)
		if kind != c.kind {
			t.Errorf("%s: kind %d, want %d", c.name, kind, c.kind)
		}
		sameDates := got.Submit.Equal(c.want.Submit) && got.Done.Equal(c.want.Done)
		got.Raw, got.Submit, got.Done, c.want.Submit, c.want.Done = "", time.Time{}, time.Time{}, time.Time{}, time.Time{}
		if got != c.want || !sameDates {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestReceiptTravels sends one receipt in every way that carriers know.
func TestReceiptTravels(t *testing.T) {
	const text = "id:7 sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:UNDELIV err:0B text:hi"
	wide := func(high int, mark string) []byte {
		b := []byte(mark)
		for _, c := range []byte(text) {
			pair := []byte{c, c}
			pair[1-high] = 0
			b = append(b, pair...)
		}
		return b
	}
	id := TLV{TagReceiptedMessageID, []byte("7\x00")}
	state := TLV{TagMessageState, []byte{5}}
	payload := func(b []byte) TLVs { return TLVs{{TagMessagePayload, b}} }
	cases := []struct {
		name    string
		command CommandID
		m       ShortMessage
		kind    ReceiptKind
		tlvOnly bool
	}{
		{"short_message", CmdDeliverSM, ShortMessage{ESMClass: 4, Message: []byte(text)}, IsReceipt, false},
		{"with a reply path", CmdDeliverSM, ShortMessage{ESMClass: 0x84, Message: []byte(text)}, IsReceipt, false},
		{"message_payload", CmdDeliverSM, ShortMessage{ESMClass: 4, TLVs: payload([]byte(text))}, IsReceipt, false},
		{"data_sm", CmdDataSM, ShortMessage{ESMClass: 4, Message: []byte(text)}, IsReceipt, false},
		{"data_sm with esm_class 0", CmdDataSM, ShortMessage{Message: []byte(text)}, MaybeReceipt, false},
		{"data_sm with esm_class 0 and an id", CmdDataSM, ShortMessage{Message: []byte(text), TLVs: TLVs{id}}, IsReceipt, false},
		{"esm_class 0", CmdDeliverSM, ShortMessage{Message: []byte(text)}, MaybeReceipt, false},
		{"esm_class 0 and an id", CmdDeliverSM, ShortMessage{Message: []byte(text), TLVs: TLVs{id}}, IsReceipt, false},
		{"parameters only", CmdDeliverSM, ShortMessage{ESMClass: 4, TLVs: TLVs{id, state}}, IsReceipt, true},
		{"parameters only, in data_sm", CmdDataSM, ShortMessage{ESMClass: 4, TLVs: TLVs{id, state}}, IsReceipt, true},
		{"parameters only, esm_class 0", CmdDataSM, ShortMessage{TLVs: TLVs{state, id}}, IsReceipt, true},
		{"UCS-2", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: wide(1, "")}, IsReceipt, false},
		{"UCS-2 as data_coding 0", CmdDeliverSM, ShortMessage{ESMClass: 4, Message: wide(1, "")}, IsReceipt, false},
		{"UCS-2 in message_payload", CmdDataSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: wide(1, "")}, IsReceipt, false},
		{"UCS-2 with a mark", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: wide(1, "\xfe\xff")}, IsReceipt, false},
		{"UCS-2 and a NUL", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: append(wide(1, ""), 0)}, IsReceipt, false},
		{"UTF-16, little-endian", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: wide(0, "")}, IsReceipt, false},
		{"little-endian with a mark", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: wide(0, "\xff\xfe")}, IsReceipt, false},
		{"said to be UCS-2, and octets", CmdDeliverSM, ShortMessage{ESMClass: 4, DataCoding: 8, Message: []byte(text)}, IsReceipt, false},
		{"padded with NULs", CmdDeliverSM, ShortMessage{ESMClass: 4, Message: []byte(text + "\x00\x00\x00")}, IsReceipt, false},
		{"padded with newlines", CmdDeliverSM, ShortMessage{ESMClass: 4, Message: []byte(text + "\r\n\r\n")}, IsReceipt, false},
		{"behind a header", CmdDeliverSM, ShortMessage{ESMClass: 0x44, Message: []byte("\x06\x05\x04\x0b\x84\x00\x00" + text)}, IsReceipt, false},
		{"the phone's acknowledgement", CmdDeliverSM, ShortMessage{ESMClass: 8, Message: []byte(text)}, IsReceipt, false},
		{"a person's acknowledgement", CmdDeliverSM, ShortMessage{ESMClass: 0x10, Message: []byte(text)}, NotReceipt, false},
		{"conversation abort", CmdDeliverSM, ShortMessage{ESMClass: 0x18, Message: []byte(text)}, NotReceipt, false},
	}
	for _, c := range cases {
		p, err := Decode(AppendShortMessage(nil, Header{c.command, ESME_ROK, 1}, &c.m))
		if err != nil {
			t.Fatal(err)
		}
		r, kind := ParseReceipt(p.Body.(*ShortMessage), time.UTC)
		if kind != c.kind {
			t.Errorf("%s: kind %d, want %d", c.name, kind, c.kind)
		}
		if kind == NotReceipt {
			continue
		}
		want := Receipt{MessageID: "7", State: StateUndeliverable}
		if !c.tlvOnly {
			want.Word, want.Err, want.Text, want.Raw = "UNDELIV", "0B", "hi", text
			want.Submit, want.Done = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC)
		}
		if r != want {
			t.Errorf("%s: got %+v", c.name, r)
		}
	}
}

func FuzzReceipt(f *testing.F) {
	for _, row := range loadRows[receiptRow](f, "testdata/receipts.jsonl", 127) {
		f.Add(row.ESMClass, row.message(f).Message)
	}
	f.Fuzz(func(t *testing.T, esm uint8, b []byte) {
		r, kind := ParseReceipt(&ShortMessage{ESMClass: esm, Message: b}, time.UTC)
		if kind == NotReceipt && r != (Receipt{}) {
			t.Fatalf("%q is no receipt, yet %+v", b, r)
		}
		if kind == MaybeReceipt && (r.MessageID == "" || r.Word == "") {
			t.Fatalf("%q may be a receipt, yet %+v", b, r)
		}
		if len(r.MessageID) < 100 {
			if c := MatchCandidates(r.MessageID, MessageIDAuto); c[0] != (Candidate{r.MessageID, MatchRaw}) || len(c) > 30 {
				t.Fatalf("%q has the candidates %q", r.MessageID, c)
			}
		}
	})
}

func BenchmarkParseReceipt(b *testing.B) {
	m := &ShortMessage{ESMClass: 4, Message: []byte("id:0123456789 sub:001 dlvrd:001 submit date:1005232039 done date:1005242339 stat:DELIVRD err:000 text:This is a sample mes")}
	b.ReportAllocs()
	for b.Loop() {
		if r, _ := ParseReceipt(m, time.UTC); r.State != StateDelivered {
			b.Fatal(r)
		}
	}
}
