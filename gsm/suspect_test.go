package gsm

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A modem that may have started anew is asked for its settings before it sends:
// with those gone it would keep the status report to itself.
func TestSuspectSends(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		r.phase(t, PhaseUp)
		r.fake.change(func() { r.fake.replies["AT+CNMI?"] = "+CNMI: 0,0,0,0,0" })
		r.fake.say("^BOOT:20952548,0,0,0,72")
		r.wait(time.Second)
		_, err := r.Send(context.Background(), Submit{To: "+12602058901", Payload: []byte("hello")})
		if e := (*SendError)(nil); !errors.As(err, &e) || !e.Certain || r.fake.asked("AT+CMGS") != 0 {
			t.Errorf("%v", err)
		}
		r.fake.change(func() { delete(r.fake.replies, "AT+CNMI?") })
		r.wait(time.Minute)
		r.phase(t, PhaseUp)
		if n := r.fake.asked("AT+CNMI=2,1,0,1,0"); n < 2 {
			t.Errorf("set %d times", n)
		}
		if _, err := r.Send(context.Background(), Submit{To: "+12602058901", Payload: []byte("hello")}); err != nil {
			t.Error(err)
		}
	})
}
