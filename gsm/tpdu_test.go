package gsm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/warthog618/sms/encoding/tpdu"
)

// tpduRow is one PDU, decoded.
type tpduRow struct {
	ID, PDU  string
	Invalid  bool
	Unsure   bool
	Final    *bool
	Expected *tpduExpected
}

type tpduExpected struct {
	SMSC       string
	Length     int `json:"tpdu_length"`
	Type       string
	Number     string
	NumberType string `json:"number_type"`
	PID, DCS   uint8
	MR         uint8
	Timestamp  string
	Discharge  string
	More       bool   `json:"more_messages"`
	SRI        bool   `json:"sri"`
	SRR        bool   `json:"status_report_request"`
	VP         *uint8 `json:"validity_relative"`
	Alphabet   string
	Text       *string
	Data       *string
	UDH        []struct {
		IEI  uint8
		Data string
	}
	Concat *struct {
		Ref, Total, Seq int
		Bits            int `json:"ref_bits"`
	}
	Status uint8
	Class  string `json:"status_class"`
}

func TestCorpusTPDUs(t *testing.T) {
	passed, unsure := 0, 0
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		m, err := ParsePDU(row.PDU, -1)
		if row.Unsure {
			unsure++ // decoding it at all is the test
			continue
		}
		passed++
		t.Run(row.ID, func(t *testing.T) {
			if row.Invalid {
				if err == nil {
					t.Fatalf("decoded as %+v", m)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			compareTPDU(t, row.Expected, m)
			if row.Final != nil {
				if s := StatusOf(row.Expected.Status); (s.Final || s.Soft) != *row.Final {
					t.Errorf("%+v, want that more is to come: %t", s, !*row.Final)
				}
			}
		})
	}
	if passed != 131 || unsure != 4 {
		t.Errorf("%d rows and %d unsure, want 131 and 4", passed, unsure)
	}
}

func compareTPDU(t *testing.T, want *tpduExpected, m any) {
	t.Helper()
	is := func(name string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	at := func(name string, got time.Time, want string) {
		t.Helper()
		if want == "" {
			return
		}
		w, err := time.Parse(time.RFC3339, want)
		if err != nil {
			t.Fatal(err)
		}
		_, gz := got.Zone()
		if _, wz := w.Zone(); !got.Equal(w) || gz != wz {
			t.Errorf("%s is %v, want %v", name, got, w)
		}
	}
	var coding Coding
	var data []byte
	var header Header
	switch m := m.(type) {
	case *Deliver:
		is("type", "SMS-DELIVER", want.Type)
		is("SMSC", m.SMSC.Digits, want.SMSC)
		is("sender", m.From.Digits, want.Number)
		if ton, ok := map[string]uint8{"unknown": 0, "international": 1, "national": 2, "alpha": 5}[want.NumberType]; ok {
			is("type of number", m.From.TON, ton)
		}
		is("PID", m.PID, want.PID)
		is("DCS", m.DCS, want.DCS)
		is("more", m.More, want.More)
		is("report wanted", m.ReportWanted, want.SRI)
		at("time", m.At, want.Timestamp)
		coding, data, header = m.Coding, m.Data, m.Header
	case *Submit:
		is("type", "SMS-SUBMIT", want.Type)
		is("SMSC", m.SMSC, want.SMSC)
		is("recipient", m.To, want.Number)
		is("report", m.Report, want.SRR)
		is("reference", m.Reference, want.MR)
		if want.VP != nil {
			is("validity", encodeValidity(m.Validity), *want.VP)
		} else {
			is("validity", m.Validity, time.Duration(0))
		}
		coding, data = m.Coding, m.Payload
		if m.UDH {
			n := int(data[0]) + 1
			header, data = parseHeader(data[1:n]), data[n:]
		}
		compareEncoded(t, want, m)
	case *Report:
		is("type", "SMS-STATUS-REPORT", want.Type)
		is("SMSC", m.SMSC.Digits, want.SMSC)
		is("recipient", m.To.Digits, want.Number)
		is("reference", m.Reference, want.MR)
		is("status", m.Status, want.Status)
		at("sent", m.SentAt, want.Timestamp)
		at("done", m.DoneAt, want.Discharge)
		is("class", statusClass(m.Status), want.Class)
		return
	}
	switch want.Alphabet {
	case "gsm7":
		is("coding", coding, GSM7)
		is("text", decodeSeptets(data), *want.Text)
	case "ucs2":
		is("coding", coding, UCS2)
		is("text", decodeUCS2(data), *want.Text)
	default:
		is("coding", coding, Binary)
		is("data", hex.EncodeToString(data), *want.Data)
	}
	if c := want.Concat; (c == nil) != (header.Concat == nil) {
		t.Errorf("concatenation is %v, want %v", header.Concat, c)
	} else if c != nil {
		is("concatenation", *header.Concat, Concat{uint16(c.Ref), c.Bits == 16, uint8(c.Total), uint8(c.Seq)})
	}
	for _, e := range want.UDH {
		switch e.IEI {
		case elementPorts16:
			is("ports", fmt.Sprintf("%04x%04x", header.DestPort, header.SourcePort), e.Data)
		case elementConcat8, elementConcat16:
		default:
			data, _ := hex.DecodeString(e.Data)
			found := false
			for _, u := range header.Unknown {
				found = found || u.ID == e.IEI && bytes.Equal(u.Data, data)
			}
			is(fmt.Sprintf("that element 0x%02x is there", e.IEI), found, true)
		}
	}
}

// statusClass names a status as the corpus does.
func statusClass(st uint8) string {
	s := StatusOf(st)
	switch {
	case s.Tick == "delivered":
		return "delivered"
	case st >= 0x80:
		return "reserved"
	case st < 0x20:
		return "completed"
	case !s.Final:
		return "temporary_still_trying"
	case s.Temporary:
		return "temporary_gave_up"
	}
	return "permanent_error"
}

// compareEncoded encodes what was decoded. It is the same again but for what
// Submit does not say.
func compareEncoded(t *testing.T, want *tpduExpected, m *Submit) {
	t.Helper()
	pdu, length, err := m.Encode()
	if err != nil {
		t.Error(err)
		return
	}
	again, err := ParsePDU(pdu, length)
	if err != nil {
		t.Errorf("%s: %v", pdu, err)
		return
	}
	if a := again.(*Submit); fmt.Sprintf("%+v", *a) != fmt.Sprintf("%+v", *m) {
		t.Errorf("decoded again it is %+v, was %+v", *a, *m)
	}
	if smsc, err := hex.DecodeString(pdu[:2]); err != nil || len(pdu)/2 != length+1+int(smsc[0]) {
		t.Errorf("length %d of %s", length, pdu)
	}
}

// TestSubmitExact encodes what other implementations encode alike, octet by
// octet.
func TestSubmitExact(t *testing.T) {
	exact := 0
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		m, err := ParsePDU(row.PDU, -1)
		s, ok := m.(*Submit)
		if err != nil || !ok || row.Unsure {
			continue
		}
		pdu, _, err := s.Encode()
		if err != nil {
			t.Errorf("%s: %v", row.ID, err)
		}
		if strings.EqualFold(pdu, row.PDU) {
			exact++
			continue
		}
		// Groups 1111 of the DCS become 000x, classes other than 0 and validities
		// with an end are dropped, other bits of the first octet are too, and a
		// number of 11 digits is filled with 0xf, not with 0.
		if !strings.Contains("tpdu-061 tpdu-062 tpdu-027 tpdu-031 tpdu-032 tpdu-033 tpdu-064 tpdu-077 tpdu-088 tpdu-090 "+
			"tpdu-095 tpdu-098 tpdu-099 tpdu-101", row.ID) {
			t.Errorf("%s: %s, was %s", row.ID, pdu, strings.ToUpper(row.PDU))
		}
	}
	if exact < 25 {
		t.Errorf("%d rows come out as they were", exact)
	}
}

// TestLibraryAgrees compares with warthog618/sms what it reads too.
func TestLibraryAgrees(t *testing.T) {
	compared := 0
	for _, row := range rowsOf[tpduRow](t, "tpdu.jsonl", 135) {
		m, err := ParsePDU(row.PDU, -1)
		octets, err2 := hex.DecodeString(row.PDU)
		if err != nil || err2 != nil {
			continue
		}
		lib := tpdu.TPDU{}
		if lib.UnmarshalBinary(octets[1+octets[0]:]) != nil {
			continue
		}
		if d, ok := m.(*Deliver); ok {
			compared++
			if !bytes.Equal(lib.UD, d.Data) || lib.OA.Number() != d.From.Digits || !lib.SCTS.Equal(d.At) {
				t.Errorf("%s: %+v, the library has %+v", row.ID, d, lib)
			}
		}
	}
	if compared < 40 {
		t.Errorf("compared %d rows", compared)
	}
}
