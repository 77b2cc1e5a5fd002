package carrier_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// The right PIN unlocks the SIM whenever it has lost its power.
func TestGSMRightPIN(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) { c.PIN = "1234" })
	for range 2 {
		f.sim.Unplug()
		f.until(gateway.EventCarrierDown)
		if err := f.sim.Plug(); err != nil {
			t.Fatal(err)
		}
		f.until(gateway.EventCarrierUp)
	}
	f.stop()
	f.sim.Reboot()
	f.start()
	f.until(gateway.EventCarrierUp)
	f.tick(f.send(them, "hello"), gateway.TickDelivered)
	if f.sim.PINTries() != 3 {
		t.Errorf("%d tries are left", f.sim.PINTries())
	}
}

// A wrong PIN is tried once, ever; and none where others have been wrong before.
func TestGSMWrongPIN(t *testing.T) {
	t.Parallel()
	f := newGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) { c.PIN = "4321" })
	for i := range 4 {
		f.start()
		if why := f.state(gateway.CarrierRefused); !strings.Contains(why, "PIN") {
			t.Errorf("%q", why)
		}
		asked := make(chan struct{}, 1000)
		f.modem.Trace(time.Now().Add(time.Minute), func(_ int, out bool, line string) {
			if out && strings.HasPrefix(line, "AT+CPIN?") {
				asked <- struct{}{}
			}
		})
		f.modem.Reconnect()
		select {
		case <-asked:
		case <-time.After(gsmPatience):
			t.Fatal("the SIM is not asked again")
		}
		f.state(gateway.CarrierRefused)
		f.stop()
		if i == 1 {
			f.sim.Reboot()
		}
	}
	if f.sim.PINTries() != 2 {
		t.Errorf("%d tries are left, want 2", f.sim.PINTries())
	}
	two := newGSM(t, gsmsim.Options{PIN: "1234", PINTries: 2}, func(c *gsm.Config) { c.PIN = "1234" })
	two.start()
	if why := two.state(gateway.CarrierRefused); two.sim.PINTries() != 2 || !strings.Contains(why, "2 more tries") {
		t.Errorf("%d tries are left: %q", two.sim.PINTries(), why)
	}
	puk := newGSM(t, gsmsim.Options{PIN: "1234", Behaviour: gsmsim.Behaviour{NeedPUK: true}}, func(c *gsm.Config) { c.PIN = "1234" })
	puk.start()
	if why := puk.state(gateway.CarrierRefused); !strings.Contains(why, "PUK") {
		t.Errorf("%q", why)
	}
}

// byHand enters a PIN as a person at the console does.
func (f *gsmFlow) byHand(pin string) {
	f.t.Helper()
	c, err := gsm.OpenConsole(f.t.Context(), f.sim.Path(), func(string) {})
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	if a, err := c.Do(f.t.Context(), `AT+CPIN="`+pin+`"`, time.Minute); err != nil || a.Failed {
		f.t.Fatalf("%+v %v", a, err)
	}
}

// losesPower has the modem reboot, with nobody at it, and start again with the daemon.
func (f *gsmFlow) losesPower() {
	f.stop()
	f.sim.Reboot()
	f.start()
}

// After a correction, and the right PIN entered once by hand, the SIM is unlocked
// whenever it has lost its power.
func TestGSMCorrectedPIN(t *testing.T) {
	t.Parallel()
	f := newGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) { c.PIN = "4321" })
	f.start()
	if why := f.state(gateway.CarrierRefused); !strings.Contains(why, "smsbridge at "+f.cfg.Device) {
		t.Errorf("%q", why)
	}
	f.stop()
	f.cfg.PIN = "1234"
	f.start()
	f.state(gateway.CarrierRefused) // two tries are left: it may be the next that is wrong
	f.stop()
	f.byHand("1234")
	f.start()
	f.until(gateway.EventCarrierUp)
	f.losesPower()
	f.until(gateway.EventCarrierUp)
	if f.sim.PINTries() != 3 {
		t.Errorf("%d tries are left", f.sim.PINTries())
	}
}

// A PIN that was refused, and is still configured, is not tried again because
// somebody entered the right one.
func TestGSMWrongPINKept(t *testing.T) {
	t.Parallel()
	f := newGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) { c.PIN = "4321" })
	f.start()
	f.state(gateway.CarrierRefused)
	for range 2 {
		f.stop()
		f.byHand("1234")
		f.start()
		f.until(gateway.EventCarrierUp)
		f.losesPower()
		f.state(gateway.CarrierRefused)
		if f.sim.PINTries() != 3 {
			t.Errorf("%d tries are left", f.sim.PINTries())
		}
	}
}

// A daemon that was killed before it knew that its PIN was right finds that out.
func TestGSMKilledAtPIN(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{PIN: "1234"}, func(c *gsm.Config) { c.PIN = "1234" })
	iccid := f.modem.Modem().ICCID
	if err := f.db.Update(context.Background(), func(tx *store.Tx) error { return tx.SetCarrierState("sim:"+iccid, "pin", "2026-11-02") }); err != nil {
		t.Fatal(err)
	}
	f.stop()
	f.start()
	f.until(gateway.EventCarrierUp)
	f.losesPower()
	f.until(gateway.EventCarrierUp)
}
