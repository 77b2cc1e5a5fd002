package smpp

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"testing"
)

// loadRows reads a file of JSON lines from testdata.
func loadRows[T any](t testing.TB, path string, want int) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []T
	s := bufio.NewScanner(f)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		var row T
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		rows = append(rows, row)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if len(rows) != want {
		t.Fatalf("%s has %d rows, want %d", path, len(rows), want)
	}
	return rows
}

type tlvRow struct {
	Tag, Value, Text string
}

// corpusPDU is one PDU of the corpus, decoded by other implementations.
type corpusPDU struct {
	ID, Kind, Hex, Expect string
	CommandID             string `json:"command_id"`
	Status                uint32 `json:"command_status"`
	Sequence              uint32 `json:"sequence_number"`
	Fields                map[string]any
	TLVs                  []tlvRow
	Problems              []string
	Unsure                bool
	ExpectedPDUs          []corpusPDU `json:"expected_pdus"`
	Remainder             string
	Concat                *struct {
		Ref   uint16
		Bits  int `json:"ref_bits"`
		Total uint8
		Seq   uint8
	}
	UserData string `json:"user_data"`
}

const corpusPDUs = 276

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readAll decodes every PDU of a stream, and returns what ended it.
func readAll(stream []byte) (pdus []PDU, errs []error, end error) {
	r := NewFrameReader(bytes.NewReader(stream))
	for {
		frame, err := r.Next()
		var oversize *OversizeError
		if errors.As(err, &oversize) {
			pdus, errs = append(pdus, PDU{Header: oversize.Header}), append(errs, err)
			continue
		}
		if err != nil {
			return pdus, errs, err
		}
		p, err := Decode(bytes.Clone(frame))
		pdus, errs = append(pdus, p), append(errs, err)
	}
}

func TestCorpusPDUs(t *testing.T) {
	checked := 0
	for _, row := range loadRows[corpusPDU](t, "testdata/pdus.jsonl", corpusPDUs) {
		if row.Unsure {
			continue
		}
		checked++
		t.Run(row.ID, func(t *testing.T) {
			pdus, errs, end := readAll(unhex(t, row.Hex))
			var first error
			for _, err := range errs {
				if first == nil {
					first = err
				}
			}
			switch row.Expect {
			case "incomplete":
				if len(pdus) != 0 || !errors.Is(end, io.ErrUnexpectedEOF) {
					t.Fatalf("got %d PDUs and %v, want to read on", len(pdus), end)
				}
				return
			case "reject":
				if first == nil && !errors.Is(end, ErrFraming) {
					t.Fatalf("decoded %+v, want an error", pdus)
				}
				if row.Kind != "stream" {
					return
				}
			default:
				if first != nil {
					t.Fatal(first)
				}
			}
			if row.Kind == "stream" {
				compareStream(t, row, pdus, end)
				return
			}
			if len(pdus) != 1 || end != io.EOF {
				t.Fatalf("got %d PDUs, then %v", len(pdus), end)
			}
			comparePDU(t, row, pdus[0])
		})
	}
	if checked != 273 {
		t.Errorf("checked %d rows, want 273", checked)
	}
}

func compareStream(t *testing.T, row corpusPDU, pdus []PDU, end error) {
	t.Helper()
	if len(pdus) != len(row.ExpectedPDUs) {
		t.Fatalf("got %d PDUs, want %d", len(pdus), len(row.ExpectedPDUs))
	}
	for i, want := range row.ExpectedPDUs {
		comparePDU(t, want, pdus[i])
	}
	if (row.Remainder == "") != (end == io.EOF) {
		t.Errorf("the stream ended with %v, remainder %q", end, row.Remainder)
	}
}

// comparePDU compares what the corpus knows of a PDU.
func comparePDU(t *testing.T, row corpusPDU, p PDU) {
	t.Helper()
	id, err := strconv.ParseUint(row.CommandID, 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Header{CommandID(id), Status(row.Status), row.Sequence}); p.Header != want {
		t.Errorf("header %+v, want %+v", p.Header, want)
	}
	got, tlvs := flatten(p)
	for name, want := range row.Fields {
		if name == "sm_length" {
			continue
		}
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got[name])
		if !bytes.Equal(g, w) {
			t.Errorf("%s is %s, want %s", name, g, w)
		}
	}
	if len(tlvs) != len(row.TLVs) {
		t.Errorf("%d TLVs, want %d", len(tlvs), len(row.TLVs))
	}
	for i, want := range row.TLVs {
		tag, _ := strconv.ParseUint(want.Tag, 0, 16)
		if i < len(tlvs) && (tlvs[i].Tag != Tag(tag) || hex.EncodeToString(tlvs[i].Value) != want.Value) {
			t.Errorf("TLV %d is %04x %x, want %s %s", i, uint16(tlvs[i].Tag), tlvs[i].Value, want.Tag, want.Value)
		}
	}
}

// flatten names the fields of a PDU as the specification does.
func flatten(p PDU) (map[string]any, TLVs) {
	f := map[string]any{}
	address := func(prefix, name string, a Address) {
		f[prefix+"_addr_ton"], f[prefix+"_addr_npi"], f[name] = a.TON, a.NPI, a.Value
	}
	message := func(m *ShortMessage) {
		f["service_type"], f["esm_class"], f["protocol_id"] = m.ServiceType, m.ESMClass, m.ProtocolID
		f["priority_flag"], f["schedule_delivery_time"], f["validity_period"] = m.Priority, m.Schedule, m.ValidityPeriod
		f["registered_delivery"], f["replace_if_present_flag"] = m.RegisteredDelivery, m.ReplaceIfPresent
		f["data_coding"], f["sm_default_msg_id"] = m.DataCoding, m.DefaultMessageID
		text := m.Message
		if v, ok := m.TLVs.Get(TagMessagePayload); ok && bytes.Equal(v, text) {
			text = nil
		}
		f["short_message"] = hex.EncodeToString(text)
		address("source", "source_addr", m.Source)
	}
	switch b := p.Body.(type) {
	case *ShortMessage:
		message(b)
		address("dest", "destination_addr", b.Dest)
		return f, b.TLVs
	case *SubmitMultiRequest:
		message(&b.ShortMessage)
		list := []any{}
		for _, d := range b.Destinations {
			if d.List != "" {
				list = append(list, map[string]any{"dl_name": d.List})
			} else {
				list = append(list, map[string]any{"ton": d.TON, "npi": d.NPI, "addr": d.Value})
			}
		}
		f["dest_addresses"] = list
		return f, b.TLVs
	case *Response:
		f["message_id"] = b.MessageID
		return f, b.TLVs
	case *SubmitMultiResponse:
		f["message_id"] = b.MessageID
		list := []any{}
		for _, u := range b.Unsuccessful {
			list = append(list, map[string]any{"ton": u.TON, "npi": u.NPI, "addr": u.Value, "error": u.Status})
		}
		f["unsuccess_sme"] = list
		return f, b.TLVs
	case *BindRequest:
		f["system_id"], f["password"], f["system_type"] = b.SystemID, b.Password, b.SystemType
		f["interface_version"], f["addr_ton"], f["addr_npi"] = b.InterfaceVersion, b.AddressRange.TON, b.AddressRange.NPI
		f["address_range"] = b.AddressRange.Value
	case *BindResponse:
		f["system_id"] = b.SystemID
		return f, b.TLVs
	case *QueryRequest:
		f["message_id"] = b.MessageID
		address("source", "source_addr", b.Source)
	case *QueryResponse:
		f["message_id"], f["final_date"] = b.MessageID, b.FinalDate
		f["message_state"], f["error_code"] = b.MessageState, b.ErrorCode
	case *CancelRequest:
		f["service_type"], f["message_id"] = b.ServiceType, b.MessageID
		address("source", "source_addr", b.Source)
		address("dest", "destination_addr", b.Dest)
	case *ReplaceRequest:
		f["message_id"], f["short_message"] = b.MessageID, hex.EncodeToString(b.Message)
		f["schedule_delivery_time"], f["validity_period"] = b.Schedule, b.ValidityPeriod
		f["registered_delivery"], f["sm_default_msg_id"] = b.RegisteredDelivery, b.DefaultMessageID
		address("source", "source_addr", b.Source)
	case *OutbindRequest:
		f["system_id"], f["password"] = b.SystemID, b.Password
	case *Alert:
		address("source", "source_addr", b.Source)
		address("esme", "esme_addr", b.ESME)
		return f, b.TLVs
	}
	return f, nil
}
