package gateway

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The ports of WAP push, without and with WTLS (registered with the IANA).
const (
	portWAPPush       = 2948
	portWAPPushSecure = 2949
)

// maxSaid bounds what is quoted of a payload, in octets: WBXML can name the
// strings of its table again and again.
const maxSaid = 1024

// DescribeBinary returns what agents see of a payload, its parts joined and
// without headers, that is no text: one line. It is "" of what Decode reads as
// text. It reads leniently and refuses nothing: what it cannot read it counts.
func DescribeBinary(coding Coding, port uint16, payload []byte) string {
	if port == portWAPPush || port == portWAPPushSecure {
		// Pushes under a coding of text have been seen: the port says more.
		if said, ok := describePush(payload); ok {
			return said
		}
	}
	if coding != CodingBinary {
		return ""
	}
	switch name := portName(port); {
	case name != "":
		return fmt.Sprintf("%s for port %d, %s", name, port, countOctets(payload))
	case port != 0:
		return fmt.Sprintf("Binary message for port %d, %s", port, countOctets(payload))
	}
	return "Binary message of " + countOctets(payload)
}

// portName says what is sent to a port of a telephone: those registered with
// the IANA, and Nokia's Smart Messaging.
func portName(port uint16) string {
	switch port {
	case portWAPPush, portWAPPushSecure:
		return "WAP push"
	case 226, 9204, 9206:
		return "vCard"
	case 228, 9205, 9207:
		return "vCalendar"
	case 5505:
		return "Ringtone"
	case 5506:
		return "Operator logo"
	case 5507:
		return "Picture"
	case 5514:
		return "Picture message"
	case 49999:
		return "Settings"
	}
	return ""
}

func countOctets(payload []byte) string {
	if len(payload) == 1 {
		return "1 octet"
	}
	return fmt.Sprintf("%d octets", len(payload))
}

// The content types that pushes have (WAP-230-WSP, table 40).
const (
	mediaSI  = "application/vnd.wap.sic"
	mediaSL  = "application/vnd.wap.slc"
	mediaMMS = "application/vnd.wap.mms-message"
)

func wellKnownMedia(code byte) string {
	switch code {
	case 0x2d:
		return "text/vnd.wap.si"
	case 0x2e:
		return mediaSI
	case 0x2f:
		return "text/vnd.wap.sl"
	case 0x30:
		return mediaSL
	case 0x32:
		return "application/vnd.wap.coc"
	case 0x36:
		return "application/vnd.wap.connectivity-wbxml"
	case 0x3e:
		return mediaMMS
	case 0x44:
		return "application/vnd.syncml.notification"
	}
	return ""
}

// describePush reads a Push PDU of WSP without a connection (WAP-230-WSP
// §8.2.4.1), or the document alone, which is all that some gateways send.
func describePush(payload []byte) (string, bool) {
	o := octets{rest: payload}
	o.next() // the transaction
	if o.next() != 0x06 {
		if link, title, ok := readIndication(payload, ""); ok {
			return sayPush(link, title), link+title != ""
		}
		return "", false
	}
	headers := octets{rest: o.take(o.uintvar())}
	media := headers.contentType()
	if o.short || headers.short {
		return "", false
	}
	switch media {
	case mediaSI, mediaSL:
		if link, title, ok := readIndication(o.rest, media); ok && link+title != "" {
			return sayPush(link, title), true
		}
	case mediaMMS:
		return describeMMS(o.rest), true
	}
	if media = legible([]byte(media)); media == "" {
		return "", false
	}
	return fmt.Sprintf("WAP push of %s (%s)", countOctets(payload), media), true
}

func sayPush(link, title string) string {
	switch {
	case link == "":
		return "WAP push: " + title
	case title == "":
		return "WAP push: " + link
	}
	return fmt.Sprintf("WAP push: %s (%s)", link, title)
}

// describeMMS reads the headers of an MMS PDU (OMA-TS-MMS_ENC §7.3) as far as
// an agent cares. The picture itself stays with the carrier.
func describeMMS(body []byte) string {
	var from, subject, location string
	var kind byte
	size := 0
	for o := (octets{rest: body}); len(o.rest) > 0 && !o.short; {
		switch field := o.next(); field {
		case 0x8c: // X-Mms-Message-Type
			kind = o.next()
		case 0x89: // From: an address, or a mark that the MMSC is to insert it
			if v := (octets{rest: o.value()}); v.next() == 0x80 {
				from = v.encodedString()
			}
		case 0x96:
			subject = o.encodedString()
		case 0x83: // X-Mms-Content-Location
			location = legible(o.text())
		case 0x8e: // X-Mms-Message-Size
			size = 0
			for _, c := range o.value() {
				size = size<<8 | int(c)
			}
		default:
			if field < 0x80 { // a header by its name
				o.text()
			}
			o.value()
		}
	}
	if kind != 0x82 { // m-notification-ind
		return "MMS message of " + countOctets(body)
	}
	said := "MMS notification"
	if from, _, _ = strings.Cut(from, "/TYPE="); from != "" {
		said += " from " + from
	}
	var details []string
	for _, s := range []string{subject, location} {
		if s != "" {
			details = append(details, s)
		}
	}
	if size > 0 {
		details = append(details, fmt.Sprintf("%d octets", size))
	}
	if details != nil {
		said += ": " + strings.Join(details, ", ")
	}
	return said
}

// legible returns octets as a line of text: UTF-8, or else Latin-1.
func legible(b []byte) string {
	s := string(b)
	if len(b) > maxSaid {
		s = string(b[:maxSaid])
	}
	if !utf8.Valid(b) {
		s = decodeCharmap(charmap.ISO8859_1, []byte(s))
	}
	return strings.Join(strings.Fields(sendable(s)), " ")
}
