package api

import (
	"strconv"
	"time"

	"smsbridge/gateway"
)

// wants is the last message of the event's conversation, unless the event
// itself brings it or the frame is rendered already.
func (e *entry) wants() gateway.ID {
	c := e.Conversation
	if c == nil || e.Message != nil && e.Message.ID == c.LastMessage || e.whole.Load() != nil {
		return 0
	}
	return c.LastMessage
}

// appendWhole appends the event's frame: as another stream has rendered it, or
// rendered now, and kept if it is for others, too. Two may render it at once: what
// one of them has is kept.
func (e *entry) appendWhole(b []byte, a *API, read map[gateway.ID]*gateway.Message) []byte {
	switch rendered := e.whole.Load(); {
	case e.passing != nil:
		return append(b, e.passing.frame...)
	case rendered != nil:
		return append(b, *rendered...)
	}
	var last *gateway.Message
	if c := e.Conversation; c != nil {
		switch {
		case e.Message != nil && e.Message.ID == c.LastMessage:
			last = e.Message
		case read[c.LastMessage] != nil:
			last = read[c.LastMessage]
		default:
			last = a.hub.message(c.LastMessage)
		}
	}
	if e.alone {
		return a.appendFrame(b, &e.Event, last, false)
	}
	frame := a.appendFrame(make([]byte, 0, usualFrame), &e.Event, last, false)
	e.whole.Store(&frame)
	return append(b, frame...)
}

// appendGone appends what those are told who no longer see its conversation.
func (e *entry) appendGone(b []byte, a *API) []byte {
	if rendered := e.gone.Load(); rendered != nil {
		return append(b, *rendered...)
	}
	frame := a.appendFrame(make([]byte, 0, usualFrame/4), &e.Event, nil, true)
	e.gone.Store(&frame)
	return append(b, frame...)
}

const usualFrame = 1536 // octets, with room

// appendFrame renders an event as the stream carries it. JSON has no line ends of
// its own, so that one data line holds it.
func (a *API) appendFrame(b []byte, e *gateway.Event, last *gateway.Message, gone bool) []byte {
	b = append(b, "id: "...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, "\nevent: "...)
	b = append(b, e.Type...)
	b = append(b, "\ndata: "...)
	b = a.render.event(b, e, last, gone)
	return append(b, "\n\n"...)
}

// passingFrame renders what passes as the stream carries it: an event without an
// id, since it cannot be resumed. data appends its members.
func passingFrame(event string, now time.Time, data func([]byte) []byte) []byte {
	b := append(make([]byte, 0, 384), "event: "...)
	b = append(b, event...)
	b = append(b, "\ndata: {\"type\":"...)
	b = appendString(b, event)
	b = append(b, `,"time":`...)
	b = appendTime(b, now)
	b = append(b, `,"data":{`...)
	return append(data(b), "}}\n\n"...)
}
