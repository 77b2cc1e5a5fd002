package main

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	mayas = `"conversation":{"id":"c1","peer":"+12602058901","status":`
	anas  = `"owner":{"name":"Ana"}}`
)

func TestAccountLines(t *testing.T) {
	for _, test := range []struct{ name, event, want string }{
		{"text for a queue", `{"type":"message.received","data":{"message":{"kind":"text","text":"Hi"},` + mayas + `"waiting"}}}`,
			`Maya +1 260 205 8901 → Reception  "Hi"  waiting`},
		{"text of two parts", `{"type":"message.received","data":{"message":{"kind":"text","text":"Hi","segments":2},` + mayas + `"waiting"}}}`,
			`Maya +1 260 205 8901 → Reception  "Hi" (2 parts)  waiting`},
		{"text for an agent", `{"type":"message.received","data":{"message":{"kind":"text","text":"Hi"},` + mayas + `"taken",` + anas + `}}`,
			`Maya +1 260 205 8901 → Ana  "Hi"`},
		{"customer whom nobody knows", `{"type":"message.received","data":{"message":{"kind":"text","text":"Hi"},"conversation":{"id":"c2","peer":"60777","status":"waiting"}}}`,
			`60777 → Reception  "Hi"  waiting`},
		{"control characters", `{"type":"message.received","data":{"message":{"kind":"text","text":"a\u001b[2J\nb"},` + mayas + `"waiting"}}}`,
			`Maya +1 260 205 8901 → Reception  "a [2J b"  waiting`},
		{"reply", `{"type":"message.sent","data":{"message":{"kind":"text","text":"Yes","author":{"name":"Ana"}},` + mayas + `"taken",` + anas + `}}`,
			`Maya +1 260 205 8901 ← Ana  "Yes"`},
		{"note", `{"type":"message.sent","data":{"message":{"kind":"note","text":"call her","author":{"name":"Ana"}},` + mayas + `"taken",` + anas + `}}`,
			`Maya +1 260 205 8901  note by Ana: "call her"`},
		{"sent", `{"type":"message.tick","data":{"message":{"text":"Yes","tick":"sent","author":{"name":"Ana"}},` + mayas + `"taken"}}}`,
			`Maya +1 260 205 8901 ← Ana  "Yes"  sent ✓`},
		{"failed", `{"type":"message.tick","data":{"message":{"text":"Yes","tick":"failed","author":{"name":"Ana"},"error":{"text":"No."}},` + mayas + `"taken"}}}`,
			`Maya +1 260 205 8901 ← Ana  "Yes"  failed !  No.`},
		{"transfer to a person", `{"type":"conversation.transferred","data":{` + mayas + `"taken",` + anas + `,"by":{"name":"Ben"},"note":"yours"}}`,
			`Maya +1 260 205 8901  transferred by Ben to Ana: "yours"`},
		{"transfer to a queue", `{"type":"conversation.transferred","data":{` + mayas + `"waiting","queue":{"name":"Desk"}},"by":{"name":"Ben"}}}`,
			`Maya +1 260 205 8901  transferred by Ben to Desk`},
		{"deleted, and no longer seen", `{"type":"conversation.deleted","data":{"conversation":{"id":"c1","status":"deleted"},"gone":true}}`,
			`Maya +1 260 205 8901  deleted`},
		{"said by another line", `{"type":"conversation.created","data":{` + mayas + `"waiting"}}}`, ""},
		{"carrier", `{"type":"carrier.down","data":{"carrier":"demo","error":"EOF"}}`, "carrier demo  down: EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAccount(nil)
			a.peers["c1"] = "+12602058901"
			var e liveEvent
			if err := json.Unmarshal([]byte(test.event), &e); err != nil {
				t.Fatal(err)
			}
			a.keep(&e)
			if got := a.line(&e); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// The hint comes while something waits and nobody does anything, and not again
// at once.
func TestAccountHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		events := make(chan liveEvent)
		done := make(chan struct{})
		go func() { defer close(done); newAccount(&out).tell(t.Context(), events) }()
		var e liveEvent
		e.Type, e.Data.Conversation.ID, e.Data.Conversation.Status = "conversation.created", "c1", "waiting"
		events <- e
		<-time.After(hintAfter + time.Second)
		synctest.Wait()
		first := out.String()
		<-time.After(hintAgain / 2)
		close(events)
		<-done
		if want := "1 conversation waits. Sign in and take one"; !strings.Contains(first, want) || out.String() != first {
			t.Errorf("after %v %q, in the end %q; want one line with %q", hintAfter, first, out.String(), want)
		}
	})
}
