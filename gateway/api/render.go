package api

import (
	"encoding/hex"
	"strconv"
	"time"
	"unicode/utf8"

	"smsbridge/gateway"
	"smsbridge/gateway/router"
)

// renderer writes what the API and its streams show of conversations, messages
// and events. It appends by hand: a busy stream renders tens of thousands a
// second. The types of types.go say what comes out.
type renderer struct {
	dir    *router.Directory
	router *router.Router
}

func (f *renderer) message(b []byte, m *gateway.Message) []byte {
	b = append(b, `{"id":`...)
	b = appendID(b, m.ID)
	b = append(b, `,"conversation_id":`...)
	b = appendID(b, m.Conversation)
	b = append(b, `,"kind":"`...)
	b = append(b, m.Kind.String()...)
	direction, from, to := m.Direction, m.Number, m.Peer.Value
	switch {
	case m.Kind != gateway.KindText:
		direction = gateway.Out // no customer wrote it
	case m.Direction == gateway.In:
		from, to = to, from
	}
	b = append(b, `","direction":"`...)
	b = append(b, direction.String()...)
	b = append(b, `","from":`...)
	b = appendString(b, from)
	b = append(b, `,"to":`...)
	b = appendString(b, to)
	b = append(b, `,"text":`...)
	b = appendString(b, m.Text)
	b = append(b, `,"tick":`...)
	if m.Tick == gateway.TickNone {
		b = append(b, `null`...)
	} else {
		b = append(b, '"')
		b = append(b, m.Tick.String()...)
		b = append(b, '"')
	}
	b = append(b, `,"error":`...)
	if m.Error == "" {
		b = append(b, `null`...)
	} else {
		b = append(b, `{"code":`...)
		b = appendString(b, string(m.Error))
		b = append(b, `,"text":`...)
		b = appendString(b, m.ErrorText)
		b = append(b, '}')
	}
	b = append(b, `,"segments":`...)
	b = strconv.AppendInt(b, int64(m.Segments), 10)
	b = append(b, `,"missing":`...)
	b = strconv.AppendInt(b, int64(m.Missing), 10)
	b = append(b, `,"encoding":"`...)
	b = append(b, m.Encoding.String()...)
	b = append(b, '"')
	if len(m.Data) > 0 {
		b = append(b, `,"data":"`...)
		b = hex.AppendEncode(b, m.Data)
		b = append(b, '"')
	}
	if m.Flash {
		b = append(b, `,"flash":true`...)
	}
	b = append(b, `,"carrier":`...)
	b = appendString(b, m.Carrier)
	b = append(b, `,"author":`...)
	b = appendNamed(b, m.Author, m.AuthorName)
	b = append(b, `,"reference":`...)
	b = appendString(b, m.Reference)
	b = append(b, `,"created_at":`...)
	b = appendTime(b, m.CreatedAt)
	b = append(b, `,"sent_at":`...)
	b = appendTime(b, m.SentAt)
	b = append(b, `,"delivered_at":`...)
	b = appendTime(b, m.DeliveredAt)
	return append(b, '}')
}

// conversation writes c; last is its last message, or nil.
func (f *renderer) conversation(b []byte, c *gateway.Conversation, last *gateway.Message) []byte {
	kind := f.router.KindOf("", c.Number)
	if kind == "" && last != nil {
		kind = f.router.KindOf(last.Carrier, c.Number)
	}
	queue, _ := f.dir.QueueName(c.Queue)
	b = append(b, `{"id":`...)
	b = appendID(b, c.ID)
	b = append(b, `,"channel":"sms","carrier_kind":`...)
	b = appendString(b, kind)
	b = append(b, `,"number":`...)
	b = appendString(b, c.Number)
	b = append(b, `,"peer":`...)
	b = appendString(b, c.Peer.Value)
	b = append(b, `,"contact":`...)
	b = appendNamed(b, c.Contact, c.ContactName)
	b = append(b, `,"queue":{"id":`...)
	b = appendID(b, c.Queue)
	b = append(b, `,"name":`...)
	b = appendString(b, queue)
	b = append(b, `},"status":"`...)
	b = append(b, c.Status.String()...)
	b = append(b, `","owner":`...)
	b = f.owner(b, c)
	b = append(b, `,"epoch":`...)
	b = strconv.AppendInt(b, c.Epoch, 10)
	b = append(b, `,"archived":`...)
	b = strconv.AppendBool(b, c.Archived)
	b = append(b, `,"blocked":`...)
	b = strconv.AppendBool(b, c.Blocked)
	b = append(b, `,"opted_out":`...)
	b = strconv.AppendBool(b, c.OptedOut)
	b = append(b, `,"unread":`...)
	b = strconv.AppendInt(b, int64(c.Unread), 10)
	b = append(b, `,"snoozed":`...)
	b = strconv.AppendBool(b, !c.SnoozedUntil.IsZero())
	b = append(b, `,"snoozed_until":`...)
	if c.SnoozedUntil.Equal(gateway.UntilText) {
		b = append(b, `null`...)
	} else {
		b = appendTime(b, c.SnoozedUntil)
	}
	b = append(b, `,"waiting_since":`...)
	if c.Status == gateway.StatusWaiting {
		b = appendTime(b, c.WaitingSince)
	} else {
		b = append(b, `null`...)
	}
	b = append(b, `,"owner_since":`...)
	if c.Status == gateway.StatusTaken {
		b = appendTime(b, c.OwnerSince)
	} else {
		b = append(b, `null`...)
	}
	b = append(b, `,"last_message":`...)
	if last == nil {
		b = append(b, `null`...)
	} else {
		b = f.message(b, last)
	}
	b = append(b, `,"created_at":`...)
	b = appendTime(b, c.CreatedAt)
	b = append(b, `,"updated_at":`...)
	b = appendTime(b, c.UpdatedAt)
	return append(b, '}')
}

// shown is conversation, for somebody who may ignore it.
func (f *renderer) shown(b []byte, c *gateway.Conversation, last *gateway.Message, ignored bool) []byte {
	b = f.conversation(b, c, last)
	if ignored {
		b = append(b[:len(b)-1], `,"ignored":true}`...)
	}
	return b
}

// brief writes all that who no longer sees c is told.
func (f *renderer) brief(b []byte, c *gateway.Conversation) []byte {
	b = append(b, `{"id":`...)
	b = appendID(b, c.ID)
	b = append(b, `,"status":"`...)
	b = append(b, c.Status.String()...)
	b = append(b, `","owner":`...)
	b = f.owner(b, c)
	b = append(b, `,"epoch":`...)
	b = strconv.AppendInt(b, c.Epoch, 10)
	return append(b, '}')
}

func (f *renderer) owner(b []byte, c *gateway.Conversation) []byte {
	if c.Status != gateway.StatusTaken || c.Owner == 0 {
		return append(b, `null`...)
	}
	p, _ := f.dir.Person(c.Owner)
	b = append(b, `{"id":`...)
	b = appendID(b, c.Owner)
	b = append(b, `,"name":`...)
	b = appendString(b, p.Name)
	b = append(b, `,"extension":`...)
	b = appendString(b, p.Extension)
	return append(b, '}')
}

// event writes the envelope of e: whole, or for who no longer sees its
// conversation. last is the conversation's last message, or nil.
func (f *renderer) event(b []byte, e *gateway.Event, last *gateway.Message, gone bool) []byte {
	b = append(b, `{"id":"`...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, `","type":"`...)
	b = append(b, e.Type...)
	b = append(b, `","time":`...)
	b = appendTime(b, e.Time)
	b = append(b, `,"data":{`...)
	switch {
	case e.Type == gateway.EventLimitReached:
		b = append(b, `"by":`...)
		b = appendNamed(b, e.By, e.ByName)
		b = append(b, `,"note":`...)
		b = appendString(b, e.Note)
	case e.Conversation == nil:
		b = append(b, `"carrier":`...)
		b = appendString(b, e.Carrier)
		b = append(b, `,"error":`...)
		b = appendString(b, e.Note)
	case gone:
		b = append(b, `"conversation":`...)
		b = f.brief(b, e.Conversation)
		b = append(b, `,"gone":true`...)
	default:
		if e.Message != nil {
			b = append(b, `"message":`...)
			b = f.message(b, e.Message)
			b = append(b, ',')
		}
		b = append(b, `"conversation":`...)
		b = f.conversation(b, e.Conversation, last)
		if e.Message == nil {
			b = append(b, `,"by":`...)
			b = appendNamed(b, e.By, e.ByName)
			b = append(b, `,"note":`...)
			b = appendString(b, e.Note)
		}
	}
	return append(b, `}}`...)
}

func appendNamed(b []byte, id gateway.ID, name string) []byte {
	if id == 0 {
		return append(b, `null`...)
	}
	b = append(b, `{"id":`...)
	b = appendID(b, id)
	b = append(b, `,"name":`...)
	b = appendString(b, name)
	return append(b, '}')
}

func appendID(b []byte, id gateway.ID) []byte {
	b = append(b, '"')
	b = append(b, id.String()...)
	return append(b, '"')
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, `null`...)
	}
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

// appendString writes s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				b = append(append(b, s[start:i]...), `\ufffd`...)
				start = i + size
			case r == '\u2028' || r == '\u2029': // line ends to JavaScript of old
				b = append(append(b, s[start:i]...), `\u202`...)
				b = append(b, hexDigits[r&15])
				start = i + size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
