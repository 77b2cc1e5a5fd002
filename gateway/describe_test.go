package gateway

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// The documents of the examples in WAP-167-ServiceInd §8.4 and
// WAP-168-ServiceLoad §8.4.
const (
	indicationExample = "\x01\x05\x6a\x00\x45\xc6\x0d\x03xyz\x00\x85\x03email/123/abc.wml\x00" +
		"\x0a\xc3\x07\x19\x99\x06\x25\x15\x23\x15\x10\xc3\x04\x19\x99\x06\x30\x01\x03You have 4 new emails\x00\x01\x01"
	loadingExample = "\x01\x06\x6a\x00\x85\x0a\x03xyz\x00\x85\x03ppaid/123/abc.wml\x00\x01"

	mmsExample = "\x8c\x82\x98T1\x00\x8d\x90\x89\x1b\x80\x19\xea+447973428644/TYPE=PLMN\x00\x96\x09\xeaGrüße\x00" +
		"\x8a\x80\x8e\x02\x75\x03\x88\x05\x81\x03\x02\xa3\x00\x83http://mmsc/x?id=1\x00"
)

func TestDescribeBinary(t *testing.T) {
	const pushed = "\xaa\x06\x01"
	mms := "\x01\x06\x22application/vnd.wap.mms-message\x00\xaf\x84"
	for _, tt := range []struct {
		name    string
		coding  Coding
		port    uint16
		payload string
		want    string
	}{
		{"no port", CodingBinary, 0, strings.Repeat("x", 57), "Binary message of 57 octets"},
		{"one octet", CodingBinary, 0, "x", "Binary message of 1 octet"},
		{"nothing", CodingBinary, 0, "", "Binary message of 0 octets"},
		{"a port of somebody's", CodingBinary, 7000, "xyz", "Binary message for port 7000, 3 octets"},
		{"picture", CodingBinary, 5507, "xyz", "Picture for port 5507, 3 octets"},
		{"vCard", CodingBinary, 9204, "xyz", "vCard for port 9204, 3 octets"},
		{"ringtone", CodingBinary, 5505, "xyz", "Ringtone for port 5505, 3 octets"},
		{"a text is a text", CodingGSM7, 0, "xyz", ""},
		{"a text for a port, too", CodingLatin1, 9204, "BEGIN:VCARD", ""},
		{"service indication", CodingBinary, 2948, pushed + "\xae" + indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"its type with a character set", CodingBinary, 2948, "\xaa\x06\x04\x03\xae\x81\xea" + indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"its type as a number of one octet", CodingBinary, 2948, "\xaa\x06\x03\x02\x01\x2e" + indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"its type as a name", CodingBinary, 2949, "\xaa\x06\x18application/vnd.wap.sic\x00" + indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"under a coding of text", CodingGSM7, 2948, pushed + "\xae" + indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"the document alone", CodingBinary, 2948, indicationExample,
			"WAP push: http://www.xyz.com/email/123/abc.wml (You have 4 new emails)"},
		{"cut off", CodingBinary, 2948, (pushed + "\xae" + indicationExample)[:34], "WAP push: http://www.xyz.com/email/123/abc.wm"},
		{"service loading", CodingBinary, 2948, pushed + "\xb0" + loadingExample, "WAP push: http://www.xyz.com/ppaid/123/abc.wml"},
		{"strings in the table, its document type as well", CodingBinary, 2948,
			pushed + "\xae\x03\x00\x00\x6a\x0aSI\x00a.b/c\x00\xff\x45\xc6\x0c\x83\x03\x08\x01\x02\x81\x40\x03i\x00\x01\x01", "WAP push: http://a.b/c (Ài)"},
		{"a title in Latin-1, and a line in it", CodingBinary, 2948,
			pushed + "\xae\x02\x05\x04\x00\x45\xc6\x0e\x03x\x00\x01\x03Gr\xfc\xdfe\n\x07an\x00\x01\x01", "WAP push: https://x (Grüße an)"},
		{"a title alone", CodingBinary, 2948, pushed + "\xae\x02\x05\x6a\x00\x45\x46\x03Hello\x00\x01\x01", "WAP push: Hello"},
		{"neither", CodingBinary, 2948, pushed + "\xae\x02\x05\x6a\x00\x05", "WAP push of 9 octets (application/vnd.wap.sic)"},
		{"settings", CodingBinary, 2948, pushed + "\xb6\x01\x02", "WAP push of 6 octets (application/vnd.wap.connectivity-wbxml)"},
		{"a type that is not known", CodingBinary, 2948, pushed + "\xff\x01\x02", "WAP push for port 2948, 6 octets"},
		{"no push", CodingBinary, 2948, "\xaa", "WAP push for port 2948, 1 octet"},
		{"a text at the port of pushes", CodingGSM7, 2948, "hello", ""},
		{"MMS", CodingBinary, 2948, mms + mmsExample,
			"MMS notification from +447973428644: Grüße, http://mmsc/x?id=1, 29955 octets"},
		{"MMS, its type as a number", CodingBinary, 2948, pushed + "\xbe\x8c\x82\x83http://mmsc/y", "MMS notification: http://mmsc/y"},
		{"MMS from nobody", CodingBinary, 2948, pushed + "\xbe\x8c\x82\x89\x01\x81X-Other\x00value\x00\x96hi\x00", "MMS notification: hi"},
		{"a receipt of MMS", CodingBinary, 2948, pushed + "\xbe\x8c\x86", "MMS message of 2 octets"},
	} {
		if got := DescribeBinary(tt.coding, tt.port, []byte(tt.payload)); got != tt.want {
			t.Errorf("%s: %q; want %q", tt.name, got, tt.want)
		}
	}
}

// A string of the table may be named as often as a payload has room for it.
func TestDescribeBinaryIsBounded(t *testing.T) {
	table := strings.Repeat("x", 0x3fff) + "\x00"
	payload := "\x01\x06\x01\xae\x02\x05\x6a\x81\x80\x00" + table + "\x45\xc6\x0c" + strings.Repeat("\x83\x00", 10000) + "\x01" + strings.Repeat("\x83\x00", 10000)
	if got := DescribeBinary(CodingBinary, 2948, []byte(payload)); len(got) < maxSaid || len(got) > 3*maxSaid {
		t.Errorf("%d octets are said", len(got))
	}
}

func FuzzDescribeBinary(f *testing.F) {
	for _, s := range []string{"", "\x00\x06\x01\xae" + indicationExample, "\x00\x06\x01\xb0" + loadingExample, indicationExample,
		"\x00\x06\x01\xbe" + mmsExample, "\x00\x06\x1f\x80", "\x00\x06\x03\x02\x01\x2e\x02\x00\x00\x6a\x01\x00\x84\x00\x83\x00"} {
		f.Add(uint8(CodingBinary), uint16(portWAPPush), []byte(s))
		f.Add(uint8(CodingGSM7), uint16(5507), []byte(s))
	}
	f.Fuzz(func(t *testing.T, coding uint8, port uint16, payload []byte) {
		before := bytes.Clone(payload)
		said := DescribeBinary(Coding(coding), port, payload)
		if said == "" && Coding(coding) == CodingBinary {
			t.Errorf("nothing is said of % x", payload)
		}
		if !utf8.ValidString(said) || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || unsendable(r) }) || len(said) > 8*maxSaid {
			t.Errorf("% x is described as %q", payload, said)
		}
		if !bytes.Equal(before, payload) {
			t.Error("the payload was changed")
		}
	})
}
