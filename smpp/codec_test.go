package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// encode writes p with the encoder of its command.
func encode(t testing.TB, p PDU) []byte {
	t.Helper()
	switch b := p.Body.(type) {
	case *ShortMessage:
		return AppendShortMessage(nil, p.Header, b)
	case *Response:
		return AppendResponse(nil, p.Header, b)
	case *BindRequest:
		return AppendBind(nil, p.Header, b)
	case *BindResponse:
		return AppendBindResponse(nil, p.Header, b)
	case *QueryRequest:
		return AppendQuery(nil, p.Header, b)
	case *QueryResponse:
		return AppendQueryResponse(nil, p.Header, b)
	case *CancelRequest:
		return AppendCancel(nil, p.Header, b)
	case *ReplaceRequest:
		return AppendReplace(nil, p.Header, b)
	case *OutbindRequest:
		return AppendOutbind(nil, p.Header, b)
	case *Alert:
		return AppendAlert(nil, p.Header, b)
	case nil:
		return AppendHeader(nil, p.Header)
	}
	return nil // submit_multi(_resp), which nobody here sends
}

func sampleMessage() *ShortMessage {
	return &ShortMessage{
		ServiceType: "CMT", Source: Address{1, 1, "447700900123"}, Dest: Address{5, 0, "VANSO"},
		ESMClass: 0x40, ProtocolID: 1, Priority: 2, Schedule: "010203040506000R", ValidityPeriod: "000002000000000R",
		RegisteredDelivery: 1, ReplaceIfPresent: 1, DataCoding: 8, DefaultMessageID: 9,
		Message: []byte("\x05\x00\x03\x01\x02\x01\x00h\x00i"),
		TLVs:    TLVs{{TagUserMessageReference, []byte{0x12, 0x34}}, {0x1400, []byte("1234\x00")}},
	}
}

func TestRoundTrip(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), 300)
	data := &ShortMessage{
		Source: Address{1, 1, "1"}, Dest: Address{1, 1, "2"}, ESMClass: 4, RegisteredDelivery: 1, DataCoding: 3,
		Message: payload, TLVs: TLVs{{TagMessagePayload, payload}},
	}
	pdus := []PDU{
		{Header{CmdSubmitSM, 0, 1}, sampleMessage()},
		{Header{CmdDeliverSM, 0, 0x7FFFFFFF}, sampleMessage()},
		{Header{CmdDataSM, 0, 3}, data},
		{Header{CmdSubmitSMResp, 0, 0}, &Response{MessageID: "a-1", TLVs: TLVs{{0x1D, []byte("ok")}}}},
		{Header{CmdDeliverSMResp, 0, 2}, &Response{}},
		{Header{CmdDataSMResp, ESME_RMSGQFUL, 2}, &Response{}},
		{Header{CmdBindTransceiver, 0, 1}, &BindRequest{"us", "secret", "VMA", 0x34, Address{1, 1, "^447"}}},
		{Header{CmdBindReceiver, 0, 2}, &BindRequest{SystemID: "us"}},
		{Header{CmdBindTransmitter, 0, 0}, &BindRequest{SystemID: "us"}},
		{Header{CmdBindTransceiverResp, 0, 1}, &BindResponse{"them", TLVs{{TagSCInterfaceVersion, []byte{0x34}}}}},
		{Header{CmdQuerySM, 0, 1}, &QueryRequest{"id", Address{1, 1, "3"}}},
		{Header{CmdQuerySMResp, 0, 1}, &QueryResponse{"id", "", 2, 7}},
		{Header{CmdCancelSM, 0, 1}, &CancelRequest{"", "id", Address{1, 1, "3"}, Address{1, 1, "4"}}},
		{Header{CmdReplaceSM, 0, 1}, &ReplaceRequest{"id", Address{1, 1, "3"}, "", "", 1, 0, []byte("new")}},
		{Header{CmdOutbind, 0, 1}, &OutbindRequest{"smsc", "pw"}},
		{Header{CmdAlertNotification, 0, 1}, &Alert{Address{1, 1, "3"}, Address{1, 1, "4"}, nil}},
		{Header{CmdEnquireLink, 0, 1}, nil},
		{Header{CmdGenericNack, ESME_RINVCMDID, 5}, nil},
	}
	for _, want := range pdus {
		frame := encode(t, want)
		got, err := Decode(frame)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", want.Command, got.Body, err, want.Body)
		}
		if again := encode(t, got); !bytes.Equal(again, frame) {
			t.Errorf("%s: encoded again as %x, want %x", want.Command, again, frame)
		}
	}
}

func TestLongMessageTravelsAsPayload(t *testing.T) {
	text := bytes.Repeat([]byte("long "), 10_000)
	frame := AppendShortMessage(nil, Header{CmdSubmitSM, 0, 1}, &ShortMessage{Message: text})
	p, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	m := p.Body.(*ShortMessage)
	if !bytes.Equal(m.Message, text) || len(m.TLVs) != 1 || m.TLVs[0].Tag != TagMessagePayload {
		t.Errorf("got %d octets and %d TLVs", len(m.Message), len(m.TLVs))
	}
}

func TestCStringEndsAtNUL(t *testing.T) {
	frame := AppendShortMessage(nil, Header{CmdSubmitSM, 0, 1}, &ShortMessage{Dest: Address{1, 1, "447\x00900"}})
	p, err := Decode(frame)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Body.(*ShortMessage).Dest.Value; got != "447" {
		t.Errorf("destination %q, want %q", got, "447")
	}
}

func TestSpoiltResponsesKeepTheirID(t *testing.T) {
	cases := []struct {
		name, body string
		status     Status
		id         string
		bad        bool
	}{
		{"no NUL", "abc123", ESME_ROK, "abc123", true},
		{"no body", "", ESME_ROK, "", false},
		{"empty id", "\x00", ESME_ROK, "", false},
		{"error without body", "", ESME_RTHROTTLED, "", false},
		{"error with half a body", "abc", ESME_RTHROTTLED, "abc", false},
		{"spoilt parameter", "id\x00\x00\x1D\x00\xFFxx", ESME_ROK, "id", false},
	}
	for _, c := range cases {
		frame := AppendHeader(nil, Header{CmdSubmitSMResp, c.status, 7})
		frame = patchLength(append(frame, c.body...), 0)
		p, err := Decode(frame)
		if (err != nil) != c.bad {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := p.Body.(*Response).MessageID; got != c.id {
			t.Errorf("%s: id %q, want %q", c.name, got, c.id)
		}
	}
}

// TestTruncation cuts a PDU of every kind at every octet: what is left of a
// request decodes only where nothing mandatory is missing.
func TestTruncation(t *testing.T) {
	for _, row := range loadRows[corpusPDU](t, "testdata/pdus.jsonl", corpusPDUs) {
		if row.Kind != "pdu" || row.Expect != "decode" {
			continue
		}
		whole := unhex(t, row.Hex)
		full, err := Decode(whole)
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			cut := bytes.Clone(whole[:n])
			if n >= 4 {
				binary.BigEndian.PutUint32(cut, uint32(n))
			}
			p, err := Decode(cut)
			var bad *DecodeError
			if err != nil && !errors.As(err, &bad) {
				t.Fatalf("%s cut at %d: %v is no DecodeError", row.ID, n, err)
			}
			if err == nil && !p.Command.IsResponse() && !sameMandatory(full, p) {
				t.Errorf("%s cut at %d decoded as %+v", row.ID, n, p.Body)
			}
		}
	}
}

// sameMandatory reports whether b lost nothing but optional parameters of a.
func sameMandatory(a, b PDU) bool {
	strip := func(p PDU) any {
		switch m := p.Body.(type) {
		case *ShortMessage:
			c := *m
			if v, ok := c.TLVs.Get(TagMessagePayload); len(c.Message) == 0 || (ok && bytes.Equal(v, c.Message)) {
				c.Message = nil
			}
			c.TLVs, c.Trailing = nil, nil
			return c
		case *SubmitMultiRequest:
			c := *m
			c.TLVs, c.Trailing = nil, nil
			return c
		case *Alert:
			return Alert{Source: m.Source, ESME: m.ESME}
		}
		return p.Body
	}
	return reflect.DeepEqual(strip(a), strip(b))
}

func TestFrameReader(t *testing.T) {
	link := AppendHeader(nil, Header{CmdEnquireLink, 0, 1})
	big := AppendShortMessage(nil, Header{CmdDeliverSM, 0, 2}, &ShortMessage{Message: make([]byte, 60_000)})
	oversize := patchLength(append(AppendHeader(nil, Header{CmdDeliverSM, 0, 9}), make([]byte, MaxFrame)...), 0)
	cases := []struct {
		name   string
		stream []byte
		want   []any // a sequence number, or the error
	}{
		{"nothing", nil, []any{io.EOF}},
		{"two", bytes.Repeat(link, 2), []any{1, 1, io.EOF}},
		{"half", link[:15], []any{io.ErrUnexpectedEOF}},
		{"large then small", append(bytes.Clone(big), link...), []any{2, 1, io.EOF}},
		{"oversize then small", append(bytes.Clone(oversize), link...), []any{&OversizeError{}, 1, io.EOF}},
		{"oversize cut short", oversize[:5000], []any{&OversizeError{}, io.ErrUnexpectedEOF}},
		{"length below a header", []byte{0, 0, 0, 15}, []any{ErrFraming}},
		{"length of a gigabyte", []byte{0x38, 0, 0, 15}, []any{ErrFraming}},
	}
	for _, c := range cases {
		for _, wrap := range []func(io.Reader) io.Reader{
			func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.DataErrReader,
		} {
			f := NewFrameReader(wrap(bytes.NewReader(c.stream)))
			for i, want := range c.want {
				frame, err := f.Next()
				var oversize *OversizeError
				switch want := want.(type) {
				case int:
					if err != nil || int(parseHeader(frame).Sequence) != want {
						t.Fatalf("%s, %d: got %x, %v", c.name, i, frame, err)
					}
				case *OversizeError:
					if !errors.As(err, &oversize) || oversize.Header.Sequence != 9 {
						t.Fatalf("%s, %d: got %v", c.name, i, err)
					}
				case error:
					if !errors.Is(err, want) {
						t.Fatalf("%s, %d: got %v, want %v", c.name, i, err, want)
					}
				}
			}
		}
	}
}

func TestFrameReaderStuckReader(t *testing.T) {
	stuck := io.MultiReader(strings.NewReader("\x00"), stuckReader{})
	if _, err := NewFrameReader(stuck).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want io.ErrNoProgress", err)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

func TestStatus(t *testing.T) {
	for s, want := range map[Status]string{
		ESME_ROK: "ESME_ROK", ESME_RTHROTTLED: "ESME_RTHROTTLED", 0x400: "0x00000400", 0x10: "0x00000010",
	} {
		if got := s.String(); got != want {
			t.Errorf("%d is %q, want %q", uint32(s), got, want)
		}
		if got, ok := ParseStatus(want); !ok || got != s {
			t.Errorf("%q parses as %v, %v", want, got, ok)
		}
	}
	if _, ok := ParseStatus("ESME_RNONSENSE"); ok {
		t.Error("a made-up name parses")
	}
}

func TestCommandID(t *testing.T) {
	if CmdSubmitSM.Response() != CmdSubmitSMResp || CmdSubmitSM.IsResponse() || !CmdGenericNack.IsResponse() {
		t.Error("requests and responses are mixed up")
	}
	if got := CmdDataSMResp.String(); got != "data_sm_resp" {
		t.Errorf("data_sm_resp is %q", got)
	}
	if got := CommandID(0x112).String(); got != "0x00000112" {
		t.Errorf("0x112 is %q", got)
	}
}

func BenchmarkDecodeDeliverSM(b *testing.B) {
	m := &ShortMessage{
		Source: Address{1, 1, "447700900123"}, Dest: Address{1, 1, "447700900456"}, ESMClass: 4,
		Message: []byte("id:0123456789 sub:001 dlvrd:001 submit date:1005232039 done date:1005242339 stat:DELIVRD err:000 text:Hello"),
		TLVs: TLVs{
			{TagReceiptedMessageID, []byte("0123456789\x00")}, {TagMessageState, []byte{2}},
			{TagNetworkErrorCode, []byte{3, 0, 0}},
		},
	}
	frame := AppendShortMessage(nil, Header{CmdDeliverSM, 0, 1}, m)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSubmitSMResp(b *testing.B) {
	frame := AppendResponse(nil, Header{CmdSubmitSMResp, 0, 1}, &Response{MessageID: "0123456789"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendSubmitSM(b *testing.B) {
	m := sampleMessage()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendShortMessage(dst[:0], Header{CmdSubmitSM, 0, 1}, m)
	}
}
