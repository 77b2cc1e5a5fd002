package gsm

import (
	"testing"
	"time"
)

// An owner is told that a message is deleted once the modem says so, and not
// before.
func TestDeleted(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.stored["SM"][1] = pduOf('A'); f.replies["AT+CMGD=1"] = "+CMS ERROR: 320" }, func(t *testing.T, r *rig) {
		gone := make(chan struct{}, 2)
		r.got()[0].Delete(func() { gone <- struct{}{} })
		r.got()[0].Done(false) // it is ended
		r.wait(3 * time.Minute)
		if len(gone) != 0 || len(r.got()) != 1 {
			t.Errorf("told %d times of a deletion that fails; %d messages", len(gone), len(r.got()))
		}
		r.fake.change(func() { delete(r.fake.replies, "AT+CMGD=1") })
		r.wait(3 * time.Minute)
		if len(gone) != 1 || r.fake.lies("SM") != 0 {
			t.Errorf("told %d times, %d left", len(gone), r.fake.lies("SM"))
		}
	})
}

// What is routed to us is gone once the network has our acknowledgement.
func TestRoutedDeleted(t *testing.T) {
	inBubble(t, func(_ *Config, o *Options) { o.Routed = true }, nil, func(t *testing.T, r *rig) {
		r.fake.say("+CMT: ,17", pduOf('A'))
		r.wait(time.Second)
		gone := make(chan struct{}, 2)
		r.got()[0].Delete(func() { gone <- struct{}{} })
		r.wait(time.Second)
		if len(gone) != 1 || r.fake.asked("AT+CNMA") != 1 {
			t.Errorf("told %d times, acknowledged %d times", len(gone), r.fake.asked("AT+CNMA"))
		}
	})
}

// The answer to a deletion that was begun is waited for when we stop, though not
// for long.
func TestStopWhileDeleting(t *testing.T) {
	for answers, want := range map[bool]int{true: 1, false: 0} {
		inBubble(t, nil, func(f *fake) { f.stored["SM"][1] = pduOf('A') }, func(t *testing.T, r *rig) {
			gone := make(chan struct{}, 2)
			r.fake.change(func() {
				if answers {
					r.fake.slow["AT+CMGD=1"] = time.Second
				} else {
					r.fake.mute["AT+CMGD=1"] = -1
				}
			})
			r.got()[0].Delete(func() { gone <- struct{}{} })
			r.wait(100 * time.Millisecond)
			began := time.Now()
			r.end()
			if took := time.Since(began); len(gone) != want || took > 3*time.Second {
				t.Errorf("answers: %v: told %d times after %v", answers, len(gone), took)
			}
		})
	}
}
