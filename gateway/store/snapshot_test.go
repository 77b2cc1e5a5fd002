package store

import (
	"encoding/json"
	"testing"
	"time"

	"smsbridge/gateway"
)

// A snapshot is written by hand and read by encoding/json.
func TestSnapshotIsJSON(t *testing.T) {
	at := func(n int64) time.Time { return time.UnixMicro(n) }
	for _, tt := range []struct {
		name  string
		event gateway.Event
		want  snapshot
	}{
		{"of nothing", gateway.Event{}, snapshot{}},
		{"of zeros", gateway.Event{Conversation: &gateway.Conversation{}, Message: &gateway.Message{}}, snapshot{}},
		{"of a conversation", gateway.Event{Conversation: &gateway.Conversation{Epoch: -1, Unread: 2, Archived: true, Unanswered: true,
			OwnerSince: at(3), WaitingSince: at(4), SnoozedUntil: at(5), LastMessage: 1<<62 + 16}},
			snapshot{Epoch: -1, Unread: 2, Archived: true, Unanswered: true, OwnerSince: 3, WaitingSince: 4, Snoozed: 5, LastMessage: 1<<62 + 16}},
		{"of a message", gateway.Event{Message: &gateway.Message{Tick: gateway.TickFailed, Error: "\"\\", ErrorText: "zażółć\n\x01\u2028", SentAt: at(6), DeliveredAt: at(7)}},
			snapshot{Tick: gateway.TickFailed, Error: "\"\\", ErrorText: "zażółć\n\x01\u2028", SentAt: 6, DeliveredAt: 7}},
		{"of both", gateway.Event{Conversation: &gateway.Conversation{Epoch: 1}, Message: &gateway.Message{Tick: gateway.TickSent}},
			snapshot{Epoch: 1, Tick: gateway.TickSent}},
	} {
		b := appendSnapshot([]byte("kept"), &tt.event)
		var got snapshot
		if err := json.Unmarshal(b[len("kept"):], &got); err != nil || got != tt.want || string(b[:4]) != "kept" {
			t.Errorf("%s: %s is read as %+v, %v; want %+v", tt.name, b, got, err, tt.want)
		}
	}
}
