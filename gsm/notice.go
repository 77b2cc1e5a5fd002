package gsm

import (
	"bytes"
	"fmt"
	"strings"
)

// The ports of WAP pushes: the push itself, registered with the IANA, and WSP
// and WTP with and without security, where some networks send it.
const (
	portPush     = 2948
	portWAPFirst = 9200
	portWAPLast  = 9203
)

// Notice says in a sentence what a WAP push is, such as that an MMS waits to be
// fetched, which a modem that speaks AT commands cannot do. False is of what is
// no push. It refuses nothing: what it cannot read it leaves out.
func (d *Deliver) Notice() (text string, ok bool) {
	mms := bytes.Contains(d.Data, []byte("application/vnd.wap.mms-message")) || isMMSPush(d.Data)
	port := d.Header.DestPort
	push := d.Header.HasPorts && (port == portPush || portWAPFirst <= port && port <= portWAPLast)
	if !push && (d.Coding != Binary || !mms) {
		return "", false
	}
	what := "A WAP push"
	if mms {
		what = "An MMS"
	}
	if from := printable(d.From.Digits); from != "" {
		what += " from " + from
	}
	if c := d.Header.Concat; c != nil && c.Total > 1 {
		what += fmt.Sprintf(", part %d of %d,", c.Number, c.Total)
	}
	what += " came and is not shown here"
	if link := linkIn(d.Data); link != "" {
		return what + ": " + link, true // without a full stop, which would be taken for the link's
	}
	return what + ".", true
}

// isMMSPush tells a push whose content type is the number of
// application/vnd.wap.mms-message (WAP-230-WSP §8.2.4.1.1 and table 40): the
// transaction, 6 for a push, the length of the headers, the type.
func isMMSPush(data []byte) bool {
	return len(data) > 4 && data[1] == 0x06 && data[3] == 0xbe
}

// linkIn returns the first link that stands in octets as text, up to an octet
// that no link has. An MMS that waits has one (X-Mms-Content-Location,
// OMA-TS-MMS_ENC §7.3.10).
func linkIn(data []byte) string {
	for _, scheme := range []string{"http://", "https://"} {
		i := bytes.Index(data, []byte(scheme))
		if i < 0 {
			continue
		}
		link := data[i:]
		if end := bytes.IndexFunc(link, func(r rune) bool { return r <= ' ' || r > '~' }); end >= 0 {
			link = link[:end]
		}
		if len(link) > len(scheme) {
			return string(link)
		}
	}
	return ""
}

// printable is a sender as it can stand in a sentence.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s))
}
