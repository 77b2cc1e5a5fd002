package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"smsbridge/gsm/gsmsim"
)

// A pool of two SIMs: who is known is texted from the number they know, and who is
// new from the SIM with most room, of those that work.
func TestModemPool(t *testing.T) {
	t.Parallel()
	numbers := map[string]string{"one": "+12602058911", "two": "+12602058912"}
	limits := "      limits: {per_minute: 100000, per_day: %d}\n"
	r := newModemRig(t, "pools: [{name: desk, carriers: [one, two]}]\n",
		stick{name: "one", number: numbers["one"], options: fmt.Sprintf(limits, 6)},
		stick{name: "two", number: numbers["two"], options: fmt.Sprintf(limits, 12)})
	r.await("one", "up")
	r.await("two", "up")
	peer := func(i int) string { return fmt.Sprintf("+1260205%04d", 7000+i) }
	send := func(to, want string) {
		t.Helper()
		var m message
		r.program.must("POST", "/messages", map[string]string{"from": "desk", "to": to, "text": "hello"}, 202, &m)
		if m = r.ticks(m.ID, "delivered"); m.Carrier != want || m.From != numbers[want] {
			t.Errorf("to %s by %s from %s, want %s", to, m.Carrier, m.From, want)
		}
	}
	if err := r.network.Text(peer(0), numbers["one"], "hello"); err != nil {
		t.Fatal(err)
	}
	await(t, "the text", func() error {
		if len(list[message](r.program, "/messages?direction=in")) == 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	send(peer(0), "one") // whom they know, though the other has more room
	for i := 1; i <= 7; i++ {
		send(peer(i), "two") // 12 against 5, down to 6
	}
	if c := r.carrier("two"); c.Modem.Sent.Day != 7 || c.Modem.Limits.Day != 12 || r.carrier("one").Modem.Sent.Day != 1 {
		t.Errorf("%+v", c.Modem)
	}
	for who, want := range map[string]string{peer(0): "one", peer(1): "two"} {
		var p struct{ Carrier string }
		r.program.must("GET", "/messages/preview?from=desk&text=hello&to="+url.QueryEscape(who), nil, 200, &p)
		if p.Carrier != want {
			t.Errorf("to %s it would go by %s, want %s", who, p.Carrier, want)
		}
	}
	send(peer(1), "two") // 4 are left, and it is known
	send(peer(8), "one") // 5 against 4
	// Suspended: new ones go to the other.
	r.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if s.From == numbers["one"] {
			return gsmsim.Fate{Error: 10}
		}
		return gsmsim.Fate{}
	})
	for i := range 3 {
		r.program.must("POST", "/messages", map[string]string{"from": numbers["one"], "to": peer(20 + i), "text": "refused"}, 202, nil)
		await(t, "a refusal", func() error {
			if n := r.carrier("one").Modem.Sent.Day; n != 3+i {
				return fmt.Errorf("%d were tried", n)
			}
			return nil
		})
	}
	if c := r.await("one", "held"); c.Modem.Suspended == "" {
		t.Errorf("%+v", c)
	}
	send(peer(9), "two")
	// The day's count is kept.
	code, _ := r.d.terminate()
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	log := r.d.all.String()
	if !strings.Contains(log, `msg="SIM suspended" carrier=one code=`) || !strings.Contains(log, `level=INFO msg="carrier disconnected" carrier=two`) ||
		strings.Contains(log, `msg="carrier is not connected"`) {
		t.Errorf("the log, to the stop:\n%s", log)
	}
	r.d.start()
	r.await("two", "up")
	if c := r.await("one", "held"); c.Modem.Sent.Day != 5 || r.carrier("two").Modem.Sent.Day != 9 {
		t.Errorf("%+v %+v", c.Modem.Sent, r.carrier("two").Modem.Sent)
	}
	r.network.OnSubmit(nil)
	r.post("one/resume", nil, nil)
	r.await("one", "up")
	// And one that is unplugged is not chosen.
	r.sims["two"].Unplug()
	r.await("two", "down")
	send(peer(10), "one")
	var c conversation
	ana := r.d.person("Ana", "101", "agent")
	ana.signIn()
	ana.must("POST", "/conversations", map[string]string{"from": "desk", "to": peer(0), "text": "from the desk"}, 201, &c)
	if c.Number != numbers["one"] {
		t.Errorf("the conversation with %s is on %s", peer(0), c.Number)
	}
}
