package gateway

import (
	"bytes"
	"unicode/utf8"
)

// octets are read from the front. What is not there reads as nothing, and short
// says so.
type octets struct {
	rest  []byte
	short bool
}

func (o *octets) next() byte {
	if len(o.rest) == 0 {
		o.short = true
		return 0
	}
	c := o.rest[0]
	o.rest = o.rest[1:]
	return c
}

func (o *octets) take(n int) []byte {
	if n > len(o.rest) {
		n, o.short = len(o.rest), true
	}
	b := o.rest[:n]
	o.rest = o.rest[n:]
	return b
}

// uintvar reads an integer of variable length, of at most five octets
// (WAP-230-WSP §8.1.2); WBXML calls it mb_u_int32.
func (o *octets) uintvar() int {
	n := 0
	for range 5 {
		c := o.next()
		n = n<<7 | int(c&0x7f)
		if c < 0x80 {
			return n
		}
	}
	o.short = true
	return n
}

// text reads up to a zero or the end.
func (o *octets) text() []byte {
	b, rest, _ := bytes.Cut(o.rest, []byte{0})
	o.rest = rest
	return b
}

// value reads the value of a header whatever it is (WAP-230-WSP §8.4.1.2).
func (o *octets) value() []byte {
	switch c := o.peek(); {
	case c < 31:
		return o.take(int(o.next()))
	case c == 31:
		o.next()
		return o.take(o.uintvar())
	case c < 0x80:
		return o.text()
	}
	return o.take(1)
}

func (o *octets) peek() byte {
	if len(o.rest) == 0 {
		return 0
	}
	return o.rest[0]
}

// contentType reads the first header of a push (WAP-230-WSP §8.4.2.24); "" is a
// type whose number is not known here. Parameters are skipped.
func (o *octets) contentType() string {
	if c := o.peek(); c >= 0x20 && c < 0x80 {
		return string(o.text())
	} else if c >= 0x80 {
		return wellKnownMedia(o.next() & 0x7f)
	}
	general := octets{rest: o.value()}
	if c := general.peek(); c < 0x20 { // a number of several octets
		media := general.value()
		if len(media) != 1 {
			return ""
		}
		return wellKnownMedia(media[0])
	}
	return general.contentType()
}

// encodedString reads a text, with or without its character set
// (OMA-TS-MMS_ENC §7.3.1). The set is not looked at: what is UTF-8 is taken for
// that.
func (o *octets) encodedString() string {
	if o.peek() >= 32 {
		return legible(bytes.TrimPrefix(o.text(), []byte{0x7f})) // a quote before an octet beyond ASCII
	}
	v := octets{rest: o.value()}
	v.value()
	return legible(bytes.TrimPrefix(v.text(), []byte{0x7f}))
}

// Tokens of WBXML that mean the same in every document (WAP-192-WBXML §7.1).
const (
	wbxmlSwitchPage = 0x00
	wbxmlEnd        = 0x01
	wbxmlEntity     = 0x02
	wbxmlString     = 0x03
	wbxmlLiteral    = 0x04 // with 0x40 and 0x80 for content and attributes
	wbxmlPI         = 0x43
	wbxmlTable      = 0x83
	wbxmlOpaque     = 0xc3
)

// readIndication reads link and title of a service indication or a service
// loading, which has no title (WAP-167-ServiceInd §8, WAP-168-ServiceLoad §8).
// media says which it is; the document says so itself where media is "". False
// is of what is neither.
func readIndication(document []byte, media string) (link, title string, ok bool) {
	o := octets{rest: document}
	version, public := o.next(), o.uintvar()
	if public == 0 {
		o.uintvar() // it is in the string table
	}
	o.uintvar() // the character set
	table := o.take(o.uintvar())
	if o.short || version < 1 || version > 3 {
		return "", "", false
	}
	var href byte // the first of the tokens that begin a link
	switch {
	case public == 5 || public <= 1 && media == mediaSI:
		href = 0x0b
	case public == 6 || public <= 1 && media == mediaSL:
		href = 0x08
	default:
		return "", "", false
	}
	r := indication{octets: o, table: table, href: href}
	for len(r.rest) > 0 && !r.short {
		r.token()
	}
	return legible(r.link), legible(r.title), true
}

// indication is a document of WBXML as it is read.
type indication struct {
	octets
	table       []byte // of strings
	href        byte
	attributes  bool // the token is one of attributes, until their end
	inLink      bool // it is of the attribute that is the link
	link, title []byte
}

func (r *indication) token() {
	switch t := r.next(); {
	case t == wbxmlSwitchPage:
		r.next()
	case t == wbxmlEnd:
		r.attributes, r.inLink = false, false
	case t == wbxmlEntity:
		r.say(utf8.AppendRune(nil, rune(r.uintvar())))
	case t == wbxmlString:
		r.say(r.text())
	case t == wbxmlTable:
		s := octets{rest: r.table}
		s.take(r.uintvar())
		s.rest = s.rest[:min(len(s.rest), maxSaid)] // not read to its end again and again
		r.say(s.text())
	case t == wbxmlOpaque: // a date
		r.take(r.uintvar())
	case t == wbxmlPI:
		r.attributes = true
	case t&0x3f == wbxmlLiteral:
		r.uintvar()
		r.attributes, r.inLink = r.attributes || t&0x80 != 0, false
	case t >= 0xc0 && t < 0xc3: // extensions, which neither document has
	case t >= 0x80 && t < 0x83:
		r.uintvar()
	case t >= 0x40 && t < 0x43:
		r.text()
	case !r.attributes: // an element
		r.attributes = t&0x80 != 0
	case t < 0x80: // an attribute
		if r.inLink = r.href <= t && t < r.href+5; r.inLink {
			r.link = nil
			r.say([]byte([...]string{"", "http://", "http://www.", "https://", "https://www."}[t-r.href]))
		}
	case t >= 0x85 && t <= 0x88:
		r.say([]byte([...]string{".com/", ".edu/", ".net/", ".org/"}[t-0x85]))
	}
}

// say adds to what the token is part of.
func (r *indication) say(s []byte) {
	to := &r.title
	if r.attributes {
		to = &r.link
	}
	if r.inLink || !r.attributes {
		*to = append(*to, s[:min(len(s), maxSaid-len(*to))]...)
	}
}
