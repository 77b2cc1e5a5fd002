package main_test

import (
	"strings"
	"testing"
)

// TestInteropTexts has texts come in every shape that carriers give them.
func TestInteropTexts(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	i := newInterop(t, smsc, "")
	sar := func(reference, number int, text string) fields {
		return fields{"sar_msg_ref_num": reference, "sar_total_segments": 2, "sar_segment_seqnum": number, "short_message": text}
	}
	udh := func(body string) fields { return fields{"esm_class": 0x40, "short_message": octets(body)} }
	coded := func(coding int, body string) fields {
		return fields{"data_coding": coding, "short_message": octets(body)}
	}
	for _, test := range []struct {
		name    string
		command string // deliver_sm when empty
		parts   []fields
		want    string
	}{
		{"SAR parameters", "", []fields{sar(7, 1, "one, "), sar(7, 2, "two")}, "one, two"},
		{"SAR parameters, the second part first", "", []fields{sar(8, 2, "two"), sar(8, 1, "one, ")}, "one, two"},
		{"SAR parameters in data_sm", "data_sm", []fields{
			{"sar_msg_ref_num": 9, "sar_total_segments": 2, "sar_segment_seqnum": 1, "message_payload": "one, "},
			{"sar_msg_ref_num": 9, "sar_total_segments": 2, "sar_segment_seqnum": 2, "message_payload": "two"},
		}, "one, two"},
		{"a 16-bit reference", "", []fields{udh("\x06\x08\x04\x01\x02\x02\x01one, "), udh("\x06\x08\x04\x01\x02\x02\x02two")}, "one, two"},
		{"a reference again", "", []fields{udh("\x06\x08\x04\x01\x02\x02\x02zwei"), udh("\x06\x08\x04\x01\x02\x02\x01eins, ")}, "eins, zwei"},
		{"an 8-bit reference of the same value", "", []fields{udh("\x05\x00\x03\x02\x02\x01one, "), udh("\x05\x00\x03\x02\x02\x02two")}, "one, two"},
		{"a part twice", "", []fields{
			udh("\x05\x00\x03\x03\x02\x01one, "), udh("\x05\x00\x03\x03\x02\x01one, "), udh("\x05\x00\x03\x03\x02\x02two"),
		}, "one, two"},
		{"a header without its indicator", "", []fields{
			{"short_message": octets("\x05\x00\x03\x04\x02\x01one, ")}, {"short_message": octets("\x05\x00\x03\x04\x02\x02two")},
		}, "one, two"},
		{"ports beside the reference", "", []fields{
			udh("\x0b\x05\x04\x00\x00\x1b\x58\x00\x03\x05\x02\x01one, "), udh("\x0b\x05\x04\x00\x00\x1b\x58\x00\x03\x05\x02\x02two"),
		}, "one, two"},
		{"ports alone", "", []fields{udh("\x06\x05\x04\x00\x00\x1b\x58to a port")}, "to a port"},
		{"a surrogate pair between two parts", "", []fields{
			udh("\x05\x00\x03\x06\x02\x01\xd8\x3d").with(fields{"data_coding": 8}), udh("\x05\x00\x03\x06\x02\x02\xde\x00").with(fields{"data_coding": 8}),
		}, "😀"},
		{"message_payload", "", []fields{{"message_payload": strings.Repeat("long ", 100)}}, strings.Repeat("long ", 100)},
		{"data_sm", "data_sm", []fields{{"message_payload": "by data_sm"}}, "by data_sm"},
		{"GSM 7 bit", "", []fields{coded(0, "\x00\x02\x1b\x65")}, "@$€"},
		{"ASCII", "", []fields{coded(1, "@_$")}, "@_$"},
		{"Latin-1", "", []fields{coded(3, "caf\xe9 @")}, "café @"},
		{"Cyrillic", "", []fields{coded(6, "\xbf\xe0\xd8\xd2\xd5\xe2")}, "Привет"},
		{"Hebrew", "", []fields{coded(7, "\xf9\xec\xe5\xed")}, "שלום"},
		{"UCS-2", "", []fields{coded(8, "\x01\x7b\xd8\x3d\xde\x00")}, "Ż😀"},
		{"class 0, shown at once", "", []fields{coded(0xf0, "\x00now")}, "@now"},
		{"class 1 in UCS-2", "", []fields{coded(0x19, "\x01\x7b")}, "Ż"},
		{"Turkish, by a single shift table", "", []fields{udh("\x03\x24\x01\x01a\x1bs\x1bg")}, "aşğ"},
		{"Turkish, by both tables", "", []fields{udh("\x06\x25\x01\x01\x24\x01\x01\x0c\x1bi")}, "ğı"},
		{"octets", "", []fields{coded(4, "\x01\x02\xff")}, "Binary message of 3 octets"},
		{"WAP push", "", []fields{udh("\x06\x05\x04\x0b\x84\x23\xf0" + wapPush).with(fields{"data_coding": 0xf5})}, wapPushText},
		{"NULs after the body", "", []fields{coded(0, "padded").with(fields{"source_subaddress": octets("\x00")})}, "padded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			i, smsc := i.under(t), smsc.under(t)
			command := "deliver_sm"
			if test.command != "" {
				command = test.command
			}
			for _, part := range test.parts {
				smsc.asks(command, fromCustomer().with(part))
			}
			i.arrives(test.want)
		})
	}
	i.counts("quarantined_total", "", "", "0")
	i.stays()
	i.stops()
}
