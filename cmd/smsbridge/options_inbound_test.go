package main_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// The example of WAP-167-ServiceInd §8.4, and what people are shown of it.
const (
	wapPush     = "\xaa\x06\x01\xae\x02\x05\x6a\x00\x45\xc6\x0d\x03xyz\x00\x85\x03email/123/abc.wml\x00\x01\x03You have 4 new emails\x00\x01\x01"
	wapPushText = "WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"
)

// TestInboundForms receives texts, and what is no text, in whatever form carriers
// deliver them.
func TestInboundForms(t *testing.T) {
	t.Parallel()
	latin1 := account{name: "latin1", smpp: "      data_coding_0: latin1\n", script: latin1Script()}
	packed := account{name: "packed", smpp: "      data_coding_0: gsm7-packed\n"}
	packed.script.Submit.DataCoding0 = smpp.AlphabetGSM7Packed
	b := newRig(t, "", account{name: "gsm7"}, latin1, packed)
	const escapes = "[€] "
	long := strings.Repeat("Größe: {€} [à] ", 15)
	wide := strings.Repeat("Zażółć 😀 ", 20)
	header := func(elements string) []byte { return append([]byte{byte(len(elements))}, elements...) }
	whole := func(coding, class uint8, octets string, tlvs ...smpp.TLV) []*smpp.ShortMessage {
		return []*smpp.ShortMessage{{ESMClass: class, DataCoding: coding, Message: []byte(octets), TLVs: tlvs}}
	}
	part := func(coding uint8, elements, octets string) *smpp.ShortMessage {
		return &smpp.ShortMessage{ESMClass: 0x40, DataCoding: coding, Message: append(header(elements), octets...)}
	}
	for _, tt := range []struct {
		name, carrier string
		text          string            // delivered as the simulator does
		split         smppsim.Splitting // and marked
		data          bool              // in data_sm
		pdus          []*smpp.ShortMessage
		want          message
	}{
		{name: "short", carrier: "gsm7", text: escapes, want: message{Text: escapes, Encoding: "gsm7", Segments: 1}},
		{name: "by data_sm", carrier: "gsm7", text: "by data", data: true, want: message{Text: "by data", Encoding: "gsm7", Segments: 1}},
		{name: "8-bit references", carrier: "gsm7", text: long, want: message{Text: long, Encoding: "gsm7", Segments: 2}},
		{name: "16-bit references", carrier: "gsm7", text: long + "16", split: smppsim.SplitUDH16, want: message{Text: long + "16", Encoding: "gsm7", Segments: 2}},
		{name: "SAR", carrier: "gsm7", text: long + "SAR", split: smppsim.SplitSAR, want: message{Text: long + "SAR", Encoding: "gsm7", Segments: 2}},
		{name: "a payload", carrier: "gsm7", text: long + "payload", split: smppsim.SplitPayload, want: message{Text: long + "payload", Encoding: "gsm7", Segments: 1}},
		{name: "a payload by data_sm", carrier: "gsm7", text: long + "data", split: smppsim.SplitPayload, data: true,
			want: message{Text: long + "data", Encoding: "gsm7", Segments: 1}},
		{name: "UCS-2, SAR", carrier: "gsm7", text: wide, split: smppsim.SplitSAR, want: message{Text: wide, Encoding: "ucs2", Segments: 3}},
		{name: "Latin-1", carrier: "latin1", text: "½ Größe @$", want: message{Text: "½ Größe @$", Segments: 1}},
		{name: "Latin-1, long", carrier: "latin1", text: strings.Repeat("½ Größe ", 20), split: smppsim.SplitUDH16,
			want: message{Text: strings.Repeat("½ Größe ", 20), Segments: 2}},
		{name: "packed", carrier: "packed", text: "packed " + escapes, want: message{Text: "packed " + escapes, Encoding: "gsm7", Segments: 1}},
		{name: "packed, long", carrier: "packed", text: long + "packed", want: message{Text: long + "packed", Encoding: "gsm7", Segments: 2}},
		{name: "data_coding 3", carrier: "gsm7", pdus: whole(3, 0, "\xbd Gr\xf6\xdfe"), want: message{Text: "½ Größe", Segments: 1}},
		{name: "Cyrillic", carrier: "gsm7", pdus: whole(6, 0, "\xbf\xe0\xd8\xd2\xd5\xe2"), want: message{Text: "Привет", Segments: 1}},
		{name: "message class", carrier: "gsm7", pdus: whole(0xf1, 0, "class"), want: message{Text: "class", Encoding: "gsm7", Segments: 1}},
		{name: "Turkish", carrier: "gsm7", pdus: []*smpp.ShortMessage{part(0, "\x24\x01\x01", "a\x1bs\x1bg")}, want: message{Text: "aşğ", Encoding: "gsm7", Segments: 1}},
		{name: "Turkish, locking", carrier: "gsm7", pdus: []*smpp.ShortMessage{part(0, "\x25\x01\x01\x24\x01\x01", "\x0c\x1bi")},
			want: message{Text: "ğı", Encoding: "gsm7", Segments: 1}},
		{name: "no UDHI", carrier: "gsm7", pdus: []*smpp.ShortMessage{
			{Message: []byte("\x05\x00\x03\x77\x02\x02and second")}, {Message: []byte("\x05\x00\x03\x77\x02\x01first ")}},
			want: message{Text: "first and second", Encoding: "gsm7", Segments: 2}},
		{name: "a text for a port", carrier: "gsm7", pdus: []*smpp.ShortMessage{part(0, "\x05\x04\x23\xf4\x00\x00", "for a port")},
			want: message{Text: "for a port", Encoding: "gsm7", Segments: 1}},
		{name: "a text for a port, in two parts", carrier: "gsm7", pdus: []*smpp.ShortMessage{
			part(0, "\x05\x04\x23\xf4\x00\x00\x00\x03\x21\x02\x01", "in two "), part(0, "\x05\x04\x23\xf4\x00\x00\x00\x03\x21\x02\x02", "parts")},
			want: message{Text: "in two parts", Encoding: "gsm7", Segments: 2}},
		{name: "binary", carrier: "gsm7", pdus: whole(4, 0, "\x01\x02\xff"), want: message{Text: "Binary message of 3 octets", Encoding: "binary", Segments: 1, Data: "0102ff"}},
		{name: "binary for a port, by a parameter", carrier: "gsm7", pdus: whole(4, 0, "\x01\x02", smpp.TLV{Tag: smpp.TagDestinationPort, Value: []byte{0x1b, 0x58}}),
			want: message{Text: "Binary message for port 7000, 2 octets", Encoding: "binary", Segments: 1, Data: "0102"}},
		{name: "WAP push", carrier: "gsm7", pdus: []*smpp.ShortMessage{part(4, "\x05\x04\x0b\x84\x23\xf0", wapPush)},
			want: message{Text: wapPushText, Encoding: "binary", Segments: 1, Data: hex.EncodeToString([]byte(wapPush))}},
		{name: "WAP push, in two parts", carrier: "gsm7", pdus: []*smpp.ShortMessage{
			part(0xf5, "\x00\x03\x09\x02\x02\x05\x04\x0b\x84\x23\xf0", wapPush[30:]), part(0xf5, "\x00\x03\x09\x02\x01\x05\x04\x0b\x84\x23\xf0", wapPush[:30])},
			want: message{Text: wapPushText, Encoding: "binary", Segments: 2, Data: hex.EncodeToString([]byte(wapPush))}},
	} {
		to := b.accounts[tt.carrier].numbers[0]
		b.delivers(tt.name, func(ctx context.Context) (smpp.Status, error) {
			options := []smppsim.DeliverOption{smppsim.Split(tt.split)}
			if tt.data {
				options = append(options, smppsim.AsDataSM())
			}
			status := smpp.ESME_ROK
			var err error
			if tt.pdus == nil {
				return b.smsc.Deliver(ctx, customerNumber, to, tt.text, options...)
			}
			for _, m := range tt.pdus {
				m.Source = smpp.Address{TON: 1, NPI: 1, Value: customerNumber[1:]}
				m.Dest = smpp.Address{TON: 1, NPI: 1, Value: to[1:]}
				if status, err = b.smsc.DeliverPDU(ctx, m); err != nil || status != smpp.ESME_ROK {
					return status, err
				}
			}
			return status, err
		})
		got := list[message](b.program, "/messages?direction=in")[0]
		if tt.want.Encoding == "" { // of texts in eight bits it is that in which they would be sent
			got.Encoding = ""
		}
		if got.Text != tt.want.Text || got.Encoding != tt.want.Encoding || got.Segments != tt.want.Segments || got.Data != tt.want.Data || got.Carrier != tt.carrier || got.From != customerNumber {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, inWords(&got), inWords(&tt.want))
		}
	}
}

func (b *rig) delivers(name string, deliver func(context.Context) (smpp.Status, error)) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	if status, err := deliver(ctx); err != nil || status != smpp.ESME_ROK {
		b.t.Errorf("%s is answered %v %v", name, status, err)
	}
}

func inWords(m *message) string {
	return fmt.Sprintf("%q in %s, %d segments, data %q", m.Text, m.Encoding, m.Segments, m.Data)
}
