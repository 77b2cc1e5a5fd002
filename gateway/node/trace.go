package node

import (
	"context"
	"fmt"

	"smsbridge/gateway"
	"smsbridge/gateway/api"
)

// MessageTrace is the whole life of one text, as commands show it.
type MessageTrace struct {
	ID        gateway.ID    `json:"id"`
	Direction string        `json:"direction"`
	From      string        `json:"from"`
	To        string        `json:"to"`
	Text      string        `json:"text"`
	Tick      string        `json:"tick"`
	Error     string        `json:"error"`
	Carrier   string        `json:"carrier"`
	Encoding  string        `json:"encoding"`
	Segments  []api.Segment `json:"segments"`
	Steps     []api.Step    `json:"steps"`
}

// Trace reads what happened to a message.
func (a *Accounts) Trace(ctx context.Context, id string) (MessageTrace, error) {
	which, err := gateway.ParseID(id)
	if err != nil {
		return MessageTrace{}, fmt.Errorf("%w, as the API and the log give them", err)
	}
	m, ok, err := a.db.Message(ctx, which)
	if err == nil && !ok {
		err = fmt.Errorf("there is no message %s", id)
	}
	if err != nil {
		return MessageTrace{}, err
	}
	t := MessageTrace{ID: m.ID, Direction: m.Direction.String(), From: m.Number, To: m.Peer.Value, Text: m.Text, Tick: m.Tick.String(),
		Error: m.ErrorText, Carrier: m.Carrier, Encoding: m.Encoding.String()}
	if m.Direction == gateway.In {
		t.From, t.To = t.To, t.From
	}
	t.Steps, t.Segments, err = api.TraceOf(ctx, a.db, &m)
	return t, err
}
