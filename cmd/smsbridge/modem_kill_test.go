package main_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"smsbridge/gsm/gsmsim"
)

// The daemon is killed at any moment while texts pour in and out over a modem:
// none is lost and none is shown twice, also of two that are equal to the second
// and the octet; and none is sent twice.
func TestModemKilled(t *testing.T) {
	t.Parallel()
	killModems(t, 10)
}

func killModems(t *testing.T, rounds int) {
	r := oneStick(t, stick{sim: gsmsim.Options{Vendor: "huawei"}})
	want, out := map[string]int{}, map[string]string{}
	n := 0
	for round := range rounds {
		before := len(want)
		for range 30 {
			n++
			d := gsmsim.Delivery{From: fmt.Sprintf("+1260205%04d", 1000+n%20), To: ourNumber, Text: fmt.Sprintf("in %d", n), SentAt: time.Now().UTC()}
			copies := 1 + n%3/2
			if n%10 == 0 {
				d.Text = fmt.Sprintf("%-200s%d", d.Text, n)
			}
			for range copies {
				if err := r.network.Deliver(d); err != nil {
					t.Fatal(err)
				}
				want[d.Text]++
			}
			if n%10 == 5 {
				text := fmt.Sprintf("out %d", n)
				out[r.send(fmt.Sprintf("+1260206%04d", n), text)] = text
			}
		}
		// Somewhere in the middle of those.
		target := before + rand.N(30)
		awaitWithin(t, patience, "texts", func() error {
			if left := r.network.Waiting(ourNumber); left > 40-target%40 {
				return fmt.Errorf("%d wait in the network", left)
			}
			return nil
		})
		<-time.After(rand.N(40 * time.Millisecond))
		r.d.restart()
		if round%3 == 2 { // else it may be killed before it has read anything
			r.await("sim1", "up")
		}
	}
	r.await("sim1", "up")
	awaitWithin(t, 3*patience, "the end", func() error {
		left := r.network.Waiting(ourNumber) + r.sims["sim1"].Stored("SM") + r.sims["sim1"].Stored("ME")
		if queued := r.carrier("sim1").Queued; left+queued > 0 {
			return fmt.Errorf("%d texts are not read, %d not sent", left, queued)
		}
		return nil
	})
	got := map[string]int{}
	for _, m := range list[message](r.program, "/messages?direction=in") {
		got[m.Text]++
	}
	for text, n := range want {
		if got[text] != n {
			t.Errorf("%.20q is shown %d times, want %d", text, got[text], n)
		}
		delete(got, text)
	}
	if len(got) > 0 {
		t.Errorf("%v", got)
	}
	sent := map[string]int{}
	for _, s := range r.network.Submitted() {
		sent[s.Text]++
	}
	uncertain := 0
	for id, text := range out {
		m := r.ticks(id, "delivered", "unknown", "sent")
		if m.Tick == "unknown" {
			uncertain++
		}
		if sent[text] > 1 || sent[text] == 0 && m.Tick != "unknown" {
			t.Errorf("%s: %s, sent %d times", text, m.Tick, sent[text])
		}
	}
	if uncertain > 2*rounds { // one with the modem, and one behind it
		t.Errorf("%d of %d are uncertain after %d kills", uncertain, len(out), rounds)
	}
	t.Logf("%d texts in, %d out, %d of those uncertain", len(want), len(out), uncertain)
}
