package smpp

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"
)

func TestDescribe(t *testing.T) {
	raw := func(command CommandID, status Status, seq uint32, body string) []byte {
		return patchLength(append(AppendHeader(nil, Header{command, status, seq}), body...), 0)
	}
	data := &ShortMessage{Source: Address{1, 1, "1"}, ESMClass: 4, DataCoding: 3, Message: []byte("id:1 stat:DELIVRD")}
	euro := &ShortMessage{DataCoding: 8, ESMClass: 0x40, Message: []byte("\x05\x00\x03\x01\x02\x01\x20\xac\x00\n\x00a")}
	cases := []struct {
		name  string
		frame []byte
		want  string
	}{
		{"submit_sm", AppendShortMessage(nil, Header{CmdSubmitSM, 0, 7}, sampleMessage()), `submit_sm ESME_ROK sequence_number=7 service_type="CMT" ` +
			`source_addr_ton=1 source_addr_npi=1 source_addr="447700900123" dest_addr_ton=5 dest_addr_npi=0 destination_addr="VANSO" ` +
			`esm_class=0x40 protocol_id=0x01 priority_flag=2 schedule_delivery_time="010203040506000R" validity_period="000002000000000R" ` +
			`registered_delivery=0x01 replace_if_present_flag=1 data_coding=0x08 sm_default_msg_id=9 sm_length=10 short_message=05000301020100680069 "hi" ` +
			`user_message_reference=1234 0x1400=3132333400 "1234."`},
		{"data_sm", AppendShortMessage(nil, Header{CmdDataSM, 0, 7}, data), `data_sm ESME_ROK sequence_number=7 service_type="" ` +
			`source_addr_ton=1 source_addr_npi=1 source_addr="1" dest_addr_ton=0 dest_addr_npi=0 destination_addr="" esm_class=0x04 registered_delivery=0x00 ` +
			`data_coding=0x03 message_payload=69643a3120737461743a44454c49565244 "id:1 stat:DELIVRD"`},
		{"response", AppendResponse(nil, Header{CmdSubmitSMResp, 0, 7}, &Response{MessageID: "a\n"}), `submit_sm_resp ESME_ROK sequence_number=7 message_id="a\n"`},
		{"response without body", AppendHeader(nil, Header{CmdQuerySMResp, 0, 7}), `query_sm_resp ESME_ROK sequence_number=7`},
		{"error with body", raw(CmdSubmitSMResp, ESME_RTHROTTLED, 7, "abc\x00"), `submit_sm_resp ESME_RTHROTTLED sequence_number=7 body=61626300 "abc."`},
		{"vendor's error", AppendHeader(nil, Header{CmdSubmitSMResp, 0x400, 7}), `submit_sm_resp 0x00000400 sequence_number=7`},
		{"bind", AppendBind(nil, Header{CmdBindReceiver, 0, 1}, &BindRequest{"us", "secret", "VMA", 0x34, Address{1, 2, "^44"}}),
			`bind_receiver ESME_ROK sequence_number=1 system_id="us" password=(hidden) system_type="VMA" interface_version=0x34 addr_ton=1 addr_npi=2 address_range="^44"`},
		{"bind response", AppendBindResponse(nil, Header{CmdBindReceiverResp, 0, 1}, &BindResponse{"them", TLVs{{TagSCInterfaceVersion, []byte{0x34}}, {0x1400, []byte("x")}}}),
			`bind_receiver_resp ESME_ROK sequence_number=1 system_id="them" sc_interface_version=0x34 (1 parameters more)`},
		{"refused bind", raw(CmdBindReceiverResp, ESME_RINVPASWD, 1, "secret\x00"), `bind_receiver_resp ESME_RINVPASWD sequence_number=1 (7 octets more)`},
		{"outbind", AppendOutbind(nil, Header{CmdOutbind, 0, 1}, &OutbindRequest{"smsc", "secret"}), `outbind ESME_ROK sequence_number=1 system_id="smsc" password=(hidden)`},
		{"outbind cut short", raw(CmdOutbind, 0, 1, "smsc\x00secret"), `outbind ESME_ROK sequence_number=1 malformed: bad password`},
		{"nack with an echo", raw(CmdGenericNack, ESME_RINVCMDID, 1, "secret"), `generic_nack ESME_RINVCMDID sequence_number=1 (6 octets more)`},
		{"query", AppendQuery(nil, Header{CmdQuerySM, 0, 1}, sampleQuery), `query_sm ESME_ROK sequence_number=1 message_id="abc" source_addr_ton=5 source_addr_npi=0 source_addr="VANSO"`},
		{"query's response", AppendQueryResponse(nil, Header{CmdQuerySMResp, 0, 1}, &QueryResponse{"abc", "", 2, 7}),
			`query_sm_resp ESME_ROK sequence_number=1 message_id="abc" final_date="" message_state=2 error_code=7`},
		{"cancel", AppendCancel(nil, Header{CmdCancelSM, 0, 1}, sampleCancel), `cancel_sm ESME_ROK sequence_number=1 service_type="CMT" message_id="abc" ` +
			`source_addr_ton=5 source_addr_npi=0 source_addr="VANSO" dest_addr_ton=1 dest_addr_npi=1 destination_addr="447700900123"`},
		{"replace", AppendReplace(nil, Header{CmdReplaceSM, 0, 1}, &ReplaceRequest{MessageID: "abc", RegisteredDelivery: 1, Message: []byte("new")}),
			`replace_sm ESME_ROK sequence_number=1 message_id="abc" source_addr_ton=0 source_addr_npi=0 source_addr="" schedule_delivery_time="" validity_period="" ` +
				`registered_delivery=0x01 sm_default_msg_id=0 sm_length=3 short_message=6e6577 "new"`},
		{"alert", AppendAlert(nil, Header{CmdAlertNotification, 0, 1}, &Alert{Address{1, 1, "3"}, Address{1, 1, "4"}, TLVs{{TagMSAvailabilityStatus, []byte{0}}}}),
			`alert_notification ESME_ROK sequence_number=1 source_addr_ton=1 source_addr_npi=1 source_addr="3" esme_addr_ton=1 esme_addr_npi=1 esme_addr="4" ms_availability_status=00`},
		{"unknown", raw(0x112, 0, 1, "abcd"), `0x00000112 ESME_ROK sequence_number=1 malformed: bad command_id at octet 16 of 20 body=61626364 "abcd"`},
		{"false length", patchLength(raw(CmdDeliverSM, 0, 1, "\x00\x01\x01447"), 0)[:20], `deliver_sm ESME_ROK sequence_number=1 malformed: bad command_length at octet 0 of 22 body=00010134`},
		{"no PDU", []byte{0, 0, 0, 4}, "no PDU, 4 octets: 00000004"},
	}
	for _, c := range cases {
		if got := Describe(c.frame); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	long := Describe(AppendShortMessage(nil, Header{CmdDeliverSM, 0, 7}, euro))
	if !strings.HasSuffix(long, `sm_length=12 short_message=05000301020120ac000a0061 "€.a"`) {
		t.Errorf("got %s", long)
	}
	long = Describe(AppendShortMessage(nil, Header{CmdDeliverSM, 0, 7}, &ShortMessage{Message: make([]byte, 60_000)}))
	if len(long) > 10_000 || !strings.HasSuffix(long, "000... (60000 octets)") {
		t.Errorf("%d octets end with %s", len(long), long[len(long)-40:])
	}
}

// TestDescribeCorpus describes what other implementations wrote, whole and cut.
func TestDescribeCorpus(t *testing.T) {
	for _, row := range loadRows[corpusPDU](t, "testdata/pdus.jsonl", corpusPDUs) {
		frame := unhex(t, row.Hex)
		for n := 0; n < len(frame); n += 1 + len(frame)/100 {
			oneLine(t, Describe(frame[:n]))
		}
		oneLine(t, Describe(frame))
		if password, ok := row.Fields["password"].(string); ok && len(password) > 3 && row.Fields["system_id"] != password {
			if got := Describe(frame); strings.Contains(got, fmt.Sprintf("%q", password)) || strings.Contains(got, fmt.Sprintf("%x", password)) {
				t.Errorf("%s shows its password: %s", row.ID, got)
			}
		}
	}
}

func oneLine(t *testing.T, s string) {
	t.Helper()
	if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || s == "" {
		t.Fatalf("not one printable line: %q", s)
	}
}

func TestTrace(t *testing.T) {
	l := listen(t)
	var mu sync.Mutex
	var lines []string
	h := Handler{Trace: func(outgoing bool, pdu []byte) {
		mu.Lock()
		defer mu.Unlock()
		arrow := "< "
		if outgoing {
			arrow = "> "
		}
		lines = append(lines, arrow+Describe(pdu))
	}}
	done := dial(testConfig(), l, h)
	p := accept(t, l)
	request := p.expect(CmdBindTransceiver)
	p.send(patchLength(append(AppendHeader(nil, Header{CmdDeliverSM, 0, 3}), make([]byte, MaxFrame)...), 0))
	p.header(CmdEnquireLink, ESME_ROK, 9)
	p.expect(CmdEnquireLinkResp)
	p.send(AppendBindResponse(nil, Header{CmdBindTransceiverResp, ESME_ROK, request.Sequence}, &BindResponse{SystemID: "them"}))
	d := receive(t, done)
	if d.err != nil {
		t.Fatal(d.err)
	}
	if !d.s.TrySubmit(&ShortMessage{}, 1) || !d.s.TrySubmit(&ShortMessage{}, 2) {
		t.Fatal("not taken")
	}
	first, second := p.expect(CmdSubmitSM), p.expect(CmdSubmitSM)
	p.accepted(first, "a")
	p.accepted(second, "b")
	p.send(patchLength(append(AppendHeader(nil, Header{CmdDeliverSM, 0, 4}), make([]byte, MaxFrame)...), 0))
	p.expect(CmdGenericNack)
	closeGently(t, d.s, p)
	mu.Lock()
	defer mu.Unlock()
	want := []string{
		`> bind_transceiver ESME_ROK sequence_number=1 system_id="us" password=(hidden)`,
		`< deliver_sm ESME_ROK sequence_number=3 malformed: bad command_length at octet 0 of 65552`,
		`< enquire_link ESME_ROK sequence_number=9`,
		`> enquire_link_resp ESME_ROK sequence_number=9`,
		`< bind_transceiver_resp ESME_ROK sequence_number=1 system_id="them"`,
		`> submit_sm ESME_ROK sequence_number=2`,
		`> submit_sm ESME_ROK sequence_number=3`,
		`< submit_sm_resp ESME_ROK sequence_number=2 message_id="a"`,
		`< submit_sm_resp ESME_ROK sequence_number=3 message_id="b"`,
		`< deliver_sm ESME_ROK sequence_number=4 malformed: bad command_length at octet 0 of 65552`,
		`> generic_nack ESME_RINVCMDLEN sequence_number=4`,
		`> unbind ESME_ROK sequence_number=4`,
		`< unbind_resp ESME_ROK sequence_number=4`,
	}
	for i, line := range lines {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Fatalf("line %d is %s", i, line)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d lines, want %d", len(lines), len(want))
	}
}

func FuzzDescribe(f *testing.F) {
	for _, row := range loadRows[corpusPDU](f, "testdata/pdus.jsonl", corpusPDUs) {
		f.Add(unhex(f, row.Hex))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		oneLine(t, Describe(frame))
		if len(frame) >= 4 && len(frame) <= MaxFrame {
			oneLine(t, Describe(patchLength(bytes.Clone(frame), 0)))
		}
	})
}

// FuzzDescribePassword describes a PDU twice, with two passwords of one length,
// whole and spoilt: nobody could tell from the lines which is which. The PDU is a
// bind, an outbind, or an answer that repeats the body of one.
func FuzzDescribePassword(f *testing.F) {
	commands := []CommandID{
		CmdBindTransceiver, CmdBindReceiver, CmdBindTransmitter, CmdOutbind,
		CmdBindTransceiverResp, CmdBindReceiverResp, CmdBindTransmitterResp, CmdGenericNack,
	}
	for i := range commands {
		f.Add(uint8(i), uint32(0), "us", "secret", "tecres", "VMA", []byte(nil), uint8(0), true)
		f.Add(uint8(i), uint32(14), "", "p", "q", "", []byte("\x02\x10\x00\x014"), uint8(0), false)
		f.Add(uint8(i), uint32(14), "us", "secret", "SECRET", "VMA", []byte(nil), uint8(0), true)
		f.Add(uint8(i), uint32(0), "us", "secret", "SECRET", "", []byte("x"), uint8(9), true)
	}
	f.Fuzz(func(t *testing.T, which uint8, status uint32, systemID, one, other, systemType string, more []byte, cut uint8, patch bool) {
		command := commands[int(which)%len(commands)]
		one, other = one[:min(len(one), len(other))], other[:min(len(one), len(other))]
		if strings.ContainsRune(one+other, 0) || len(systemID)+2*len(one)+len(systemType)+len(more) > 200 {
			return
		}
		if command.IsResponse() && strings.ContainsFunc(one+other, func(r rune) bool { return r < ' ' || r > '~' }) {
			return // it could spell an optional parameter
		}
		describe := func(password string) string {
			frame := AppendBind(nil, Header{CmdBindTransceiver, Status(status), 1}, &BindRequest{systemID, password, systemType, 0x34, Address{1, 1, "^44"}})
			if command == CmdOutbind {
				frame = AppendOutbind(nil, Header{CmdOutbind, Status(status), 1}, &OutbindRequest{systemID, password})
			}
			copy(frame[4:8], AppendHeader(nil, Header{Command: command})[4:8])
			frame = append(frame, more...)
			frame = frame[:max(0, len(frame)-int(cut))]
			if patch && len(frame) >= 4 {
				frame = patchLength(frame, 0)
			}
			return Describe(frame)
		}
		if a, b := describe(one), describe(other); a != b {
			t.Fatalf("%q and %q are told apart:\n%s\n%s", one, other, a, b)
		}
	})
}
