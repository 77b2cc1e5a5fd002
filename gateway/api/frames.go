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

// wholeFrame renders the event, or finds what another stream has rendered. Two
// may do so at once: what one of them has is kept.
func (e *entry) wholeFrame(a *API, read map[gateway.ID]*gateway.Message) []byte {
	switch rendered := e.whole.Load(); {
	case e.passing != nil:
		return e.passing.frame
	case rendered != nil:
		return *rendered
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
	b := a.frame(&e.Event, last, false)
	e.whole.Store(&b)
	return b
}

func (e *entry) goneFrame(a *API) []byte {
	if rendered := e.gone.Load(); rendered != nil {
		return *rendered
	}
	b := a.frame(&e.Event, nil, true)
	e.gone.Store(&b)
	return b
}

// frame renders an event as the stream carries it. JSON has no line ends of its
// own, so that one data line holds it.
func (a *API) frame(e *gateway.Event, last *gateway.Message, gone bool) []byte {
	b := append(make([]byte, 0, 1536), "id: "...)
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
