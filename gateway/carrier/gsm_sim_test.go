package carrier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// What a day and a month may have is kept over a restart, and what a minute may.
func TestGSMLimits(t *testing.T) {
	t.Parallel()
	for _, limits := range []gsm.Limits{{PerMinute: 1000, PerDay: 3}, {PerMinute: 1000, PerDay: 1000, PerMonth: 3}, {PerMinute: 3, PerDay: 1000}} {
		t.Run(fmt.Sprintf("%+v", limits), func(t *testing.T) {
			t.Parallel()
			f := startGSM(t, gsmsim.Options{}, func(c *gsm.Config) { c.Limits = limits })
			f.tick(f.send(them, "1"), gateway.TickDelivered)
			m := f.modem.Modem()
			if m.SentMinute != 1 || m.SentDay != 1 || m.SentMonth != 1 {
				t.Errorf("%+v", m)
			}
			if h := f.modem.Headroom(); limits.PerMinute == 1000 && h != 2 {
				t.Errorf("room for %d", h)
			}
			f.stop()
			f.start()
			f.until(gateway.EventCarrierUp)
			if limits.PerMinute == 3 {
				// The second and the third wait for a while each.
				if m := f.modem.Modem(); m.SentMinute != 1 {
					t.Errorf("%+v", m)
				}
				return
			}
			f.tick(f.send(them, "2"), gateway.TickDelivered)
			f.tick(f.send(them, "3"), gateway.TickDelivered)
			f.send(them, "4")
			eventually(t, func() error {
				if _, stuck := f.modem.Note(); !stuck {
					return errNotYet
				}
				return nil
			})
			f.stop()
			f.start()
			f.until(gateway.EventCarrierUp)
			if note, stuck := f.modem.Note(); !stuck || f.modem.Headroom() != 0 {
				t.Errorf("%q, room for %d", note, f.modem.Headroom())
			}
			if n := len(f.network.Submitted()); n != 3 {
				t.Errorf("%d were sent", n)
			}
		})
	}
}

// Several refusals in a row on the SIM's account suspend it, beyond a restart, until
// somebody resumes it.
func TestGSMSuspended(t *testing.T) {
	t.Parallel()
	for code, limit := range map[int]int{10: 3, 21: 5} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := startGSM(t, gsmsim.Options{}, nil)
			f.network.OnSubmit(func(gsmsim.Submitted) gsmsim.Fate { return gsmsim.Fate{Error: code} })
			for i := range limit {
				if m := f.modem.Modem(); m.Suspended != "" {
					t.Fatalf("suspended after %d: %s", i, m.Suspended)
				}
				f.send(fmt.Sprintf("+1260205%04d", 7000+i), "hello")
				eventually(t, func() error {
					if n := f.modem.Modem().SentDay; n != i+1 {
						return fmt.Errorf("%d were tried, want %d", n, i+1)
					}
					return nil
				})
			}
			if why := f.state(gateway.CarrierHeld); !strings.Contains(why, fmt.Sprintf("CMS %d", code)) {
				t.Errorf("%q", why)
			}
			last := f.send(them, "is not sent")
			f.stop()
			f.start()
			f.state(gateway.CarrierHeld)
			if f.modem.Headroom() != 0 {
				t.Error("it has room")
			}
			f.network.OnSubmit(nil)
			if err := f.router.Pause(t.Context(), "sim1", false); err != nil {
				t.Fatal(err)
			}
			f.state(gateway.CarrierUp)
			f.tick(last, gateway.TickDelivered)
		})
	}
}

// An accepted text between refusals counts from the beginning.
func TestGSMNotSuspended(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	f.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if s.Text == "bad" {
			return gsmsim.Fate{Error: 10}
		}
		return gsmsim.Fate{}
	})
	for i := range 8 {
		to := fmt.Sprintf("+1260205%04d", 7000+i)
		if i%3 == 2 {
			f.tick(f.send(to, "good"), gateway.TickDelivered)
			continue
		}
		f.send(to, "bad")
		eventually(t, func() error {
			if n := f.modem.Modem().SentDay; n <= i {
				return errNotYet
			}
			return nil
		})
	}
	f.state(gateway.CarrierUp)
}

// A call is hung up and noted, a balance is asked for, and what is said on the port
// can be watched, without the PIN.
func TestGSMBeside(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) {
		c.PIN, c.Balance = "1234", &gsm.Balance{USSD: "*123#", Pattern: `(\d+\.\d\d) EUR`, Every: time.Hour}
	})
	f.network.OnUSSD(func(u gsmsim.USSD) gsmsim.Reply {
		if u.Text == "*123#" {
			return gsmsim.Reply{Text: "You have 12.34 EUR left."}
		}
		return gsmsim.Reply{Text: "Hello."}
	})
	lines := make(chan string, 10_000)
	f.modem.Trace(time.Now().Add(time.Minute), func(_ int, out bool, line string) { lines <- fmt.Sprint(out, " ", line) })
	f.sim.Unplug()
	f.until(gateway.EventCarrierDown)
	if err := f.sim.Plug(); err != nil {
		t.Fatal(err)
	}
	f.until(gateway.EventCarrierUp)
	end, err := f.network.Call(t.Context(), them, ours)
	if err != nil || end != gsmsim.CallRejected {
		t.Errorf("%v %v", end, err)
	}
	text, more, err := f.modem.USSD(t.Context(), "*100#")
	if err != nil || text == "" || more {
		t.Errorf("%q %v %v", text, more, err)
	}
	eventually(t, func() error {
		if b := f.modem.Modem().Balance; b != "12.34" {
			return fmt.Errorf("balance %q", b)
		}
		return nil
	})
	f.modem.Trace(time.Time{}, nil)
	f.stop()
	close(lines)
	asked := map[string]bool{}
	for l := range lines {
		asked[l] = true
		if strings.Contains(l, "1234") {
			t.Errorf("%q", l)
		}
	}
	if len(asked) < 20 || !asked["true AT+CHUP"] {
		t.Errorf("%d lines: %v", len(asked), asked)
	}
}

// What waits for the SIM's limits waits in the queue: a daemon that is killed then
// leaves nobody in doubt.
func TestGSMWaitsInQueue(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, func(c *gsm.Config) { c.Limits = gsm.Limits{PerMinute: 4, PerDay: 500} })
	var ids []gateway.ID
	for i := range 4 {
		ids = append(ids, f.send(fmt.Sprintf("+1260205%04d", 7000+i), "hello"))
	}
	f.tick(ids[0], gateway.TickDelivered)
	f.tick(ids[1], gateway.TickDelivered)
	f.tick(ids[2], gateway.TickDelivered) // from here on each waits for 7.5 to 22.5 s
	eventually(t, func() error {
		all, err := f.router.Carriers(t.Context())
		if err == nil && (all[0].Queued != 1 || all[0].InUse != 0) {
			err = fmt.Errorf("%d wait, %d of them with the modem", all[0].Queued, all[0].InUse)
		}
		return err
	})
	f.tick(ids[3], gateway.TickDelivered)
}
