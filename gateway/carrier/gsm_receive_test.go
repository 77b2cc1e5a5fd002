package carrier

import (
	"testing"

	"smsbridge/gateway"
	"smsbridge/gsm"
)

// A text and a status report leave the modem once they are committed, and stay where
// the store could not keep them or the stream has no room.
func TestGSMKeptUntilCommitted(t *testing.T) {
	t.Parallel()
	const deleted, kept, nothing = "deleted", "kept", ""
	for _, kind := range []string{"text", "broken text", "status report"} {
		var said string
		done := func(committed bool) {
			if said = kept; committed {
				said = deleted
			}
		}
		arrives := func(h handler) {
			said = nothing
			in := gsm.Incoming{Deliver: &gsm.Deliver{}, Memory: "SM", Index: 1, Done: done, Delete: func(func()) { done(true) }}
			switch kind {
			case "text":
				h.Message(in)
			case "broken text":
				in.Deliver, in.Err = nil, gsm.ErrTimeout
				h.Message(in)
			default:
				h.Report(gsm.Report{}, done)
			}
		}
		h := handler{&GSM{modem: gsm.New(gsm.Config{}, gsm.Options{}), out: gateway.NewStream(1, 0)}}
		for _, c := range []struct {
			status gateway.AckStatus
			want   string
		}{{gateway.AckTemporary, kept}, {gateway.AckOK, deleted}} {
			arrives(h)
			if said != nothing {
				t.Fatalf("%s: %s before the store answered", kind, said)
			}
			r := <-h.g.out.Reports()
			if r.Ack(c.status, false, nil); said != c.want {
				t.Errorf("%s, answered %d: %q, want %q", kind, c.status, said, c.want)
			}
		}
		arrives(h)
		if arrives(h); said != kept {
			t.Errorf("%s: without room: %q, want %q", kind, said, kept)
		}
	}
}
