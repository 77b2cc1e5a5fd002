package smpp

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/fiorix/go-smpp/smpp/pdu/pdufield"
	"github.com/fiorix/go-smpp/smpp/pdu/pdutlv"
	gosmpp "github.com/fiorix/go-smpp/v2/smpp/pdu"
)

// FuzzFrame cuts random streams: the frames put together are the stream.
func FuzzFrame(f *testing.F) {
	f.Add(AppendHeader(nil, Header{CmdEnquireLink, 0, 1}))
	f.Add([]byte{0, 0, 0, 15, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := NewFrameReader(iotest.HalfReader(bytes.NewReader(stream)))
		var got []byte
		for {
			frame, err := r.Next()
			if err != nil {
				break
			}
			if int(binary.BigEndian.Uint32(frame)) != len(frame) {
				t.Fatalf("a frame of %d octets says %d", len(frame), binary.BigEndian.Uint32(frame))
			}
			got = append(got, frame...)
		}
		if !bytes.HasPrefix(stream, got) {
			t.Fatal("the frames are not the stream's")
		}
	})
}

// FuzzDecode decodes random frames, and holds what decodes against go-smpp's
// codec and against our own encoders.
func FuzzDecode(f *testing.F) {
	for _, row := range loadRows[corpusPDU](f, "testdata/pdus.jsonl", corpusPDUs) {
		if frame := unhex(f, row.Hex); len(frame) >= HeaderLen {
			f.Add(frame[4:])
		}
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		if len(rest) < HeaderLen-4 || len(rest) > MaxFrame-4 {
			return
		}
		frame := patchLength(append(make([]byte, 4), rest...), 0)
		p, err := Decode(frame)
		if err != nil {
			return
		}
		compareOracle(t, frame, p)
		again := encode(t, p)
		if again == nil || (p.Command.IsResponse() && p.Status != ESME_ROK) {
			return
		}
		q, err := Decode(again)
		if err != nil {
			t.Fatalf("%x was encoded as %x: %v", frame, again, err)
		}
		if m, ok := p.Body.(*ShortMessage); ok && len(m.Message) > MaxShortMessage {
			// 255 octets are read from short_message, and written as what has room.
			payload, ok := m.TLVs.Get(TagMessagePayload)
			if ok && !bytes.Equal(payload, m.Message) {
				return
			} else if !ok {
				m.TLVs = slices.Insert(slices.Clone(m.TLVs), 0, TLV{TagMessagePayload, m.Message})
			}
		}
		if len(frame) > HeaderLen && !sameBody(p, q) {
			t.Fatalf("%+v came back as %+v", p.Body, q.Body)
		}
	})
}

func sameBody(a, b PDU) bool {
	fa, ta := flatten(a)
	fb, tb := flatten(b)
	return reflect.DeepEqual(fa, fb) && (len(ta) == len(tb) && (len(ta) == 0 || reflect.DeepEqual(ta, tb)))
}

// compareOracle compares what go-smpp decodes of the hot PDUs with ours.
func compareOracle(t *testing.T, frame []byte, p PDU) {
	if len(frame) > gosmpp.MaxSize {
		return
	}
	fields, tlvs := flatten(p)
	switch b := p.Body.(type) {
	case *ShortMessage:
		if p.Command == CmdDataSM || b.Trailing != nil {
			return
		}
	case *Response:
		if p.Command == CmdDataSMResp || p.Status != ESME_ROK || len(frame) == HeaderLen {
			return
		}
	default:
		return
	}
	body, err := gosmpp.Decode(bytes.NewReader(frame))
	if err != nil {
		if r, ok := p.Body.(*Response); ok && r != nil {
			return // a spoilt optional parameter, forgiven here
		}
		t.Fatalf("%x: go-smpp: %v", frame, err)
	}
	for name, f := range body.Fields() {
		want, ok := fields[string(name)]
		if !ok {
			continue // sm_length
		}
		switch f := f.(type) {
		case *pdufield.Fixed:
			if want != f.Data {
				t.Fatalf("%s is %v, go-smpp says %d", name, want, f.Data)
			}
		case *pdufield.Variable:
			if want != f.String() {
				t.Fatalf("%s is %q, go-smpp says %q", name, want, f.String())
			}
		case *pdufield.SM:
			if m := p.Body.(*ShortMessage); len(f.Data) > 0 && !bytes.Equal(m.Message, f.Data) {
				t.Fatalf("short_message is %x, go-smpp says %x", m.Message, f.Data)
			}
		}
	}
	for tag, f := range body.TLVFields() {
		if v, ok := tlvs.Get(Tag(tag)); !ok || !bytes.Equal(v, f.Bytes()) {
			t.Fatalf("TLV %04x is %x, go-smpp says %x", uint16(tag), v, f.Bytes())
		}
	}
}

// TestEncodersAgainstLibrary writes a submit_sm as go-smpp does.
func TestEncodersAgainstLibrary(t *testing.T) {
	m := sampleMessage()
	m.TLVs = m.TLVs[:1] // go-smpp writes several in random order
	body := gosmpp.NewSubmitSM(pdutlv.Fields{pdutlv.Tag(m.TLVs[0].Tag): m.TLVs[0].Value})
	for name, v := range map[pdufield.Name]any{
		pdufield.ServiceType: m.ServiceType, pdufield.SourceAddr: m.Source.Value, pdufield.SourceAddrTON: m.Source.TON,
		pdufield.SourceAddrNPI: m.Source.NPI, pdufield.DestinationAddr: m.Dest.Value, pdufield.DestAddrTON: m.Dest.TON,
		pdufield.DestAddrNPI: m.Dest.NPI, pdufield.ESMClass: m.ESMClass, pdufield.ProtocolID: m.ProtocolID,
		pdufield.PriorityFlag: m.Priority, pdufield.ScheduleDeliveryTime: m.Schedule, pdufield.ValidityPeriod: m.ValidityPeriod,
		pdufield.RegisteredDelivery: m.RegisteredDelivery, pdufield.ReplaceIfPresentFlag: m.ReplaceIfPresent,
		pdufield.DataCoding: m.DataCoding, pdufield.SMDefaultMsgID: m.DefaultMessageID, pdufield.ShortMessage: m.Message,
	} {
		if err := body.Fields().Set(name, v); err != nil {
			t.Fatal(err)
		}
	}
	body.Header().Seq = 77
	var want bytes.Buffer
	if err := body.SerializeTo(&want); err != nil {
		t.Fatal(err)
	}
	if got := AppendShortMessage(nil, Header{CmdSubmitSM, 0, 77}, m); !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got  %x\nwant %x", got, want.Bytes())
	}
}

// FuzzTLV parses random optional parameters; what is parsed and what is left make
// the whole, but for padding.
func FuzzTLV(f *testing.F) {
	f.Add([]byte{0x04, 0x27, 0, 1, 2, 0, 0})
	f.Add([]byte{0, 0x1E, 0, 0x41, '3'})
	f.Fuzz(func(t *testing.T, b []byte) {
		tlvs, rest := parseTLVs(b)
		got := append(appendTLVs(nil, tlvs), rest...)
		if !bytes.HasPrefix(b, got) || len(bytes.Trim(b[len(got):], "\x00")) > 0 || len(b)-len(got) > 3 {
			t.Fatalf("%x was parsed as %x", b, got)
		}
	})
}
