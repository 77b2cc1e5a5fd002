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

func TestMessageState(t *testing.T) {
	for n, want := range []State{
		StateEnroute, StateEnroute, StateDelivered, StateExpired, StateDeleted, StateUndeliverable,
		StateAccepted, StateUnknown, StateRejected, StateSkipped, StateUnrecognised,
	} {
		m := &ShortMessage{ESMClass: 4, TLVs: TLVs{{TagMessageState, []byte{byte(n)}}}}
		if r, _ := ParseReceipt(m, time.UTC); r.State != want {
			t.Errorf("message_state %d is %s, want %s", n, r.State, want)
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
