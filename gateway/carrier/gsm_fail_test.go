package carrier_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

func switches(t testing.TB, words string) func(*gsmsim.Behaviour) {
	t.Helper()
	change, err := gsmsim.ParseSwitches(words)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

// A modem that goes away in the middle of a send: what it cannot have sent is sent
// once it is back, and what it may have sent is told, or sent again where that is
// wanted.
func TestGSMUnpluggedWhileSending(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words   string
		resend  bool
		certain bool // that it was not sent
		times   int  // that the network has it in the end
	}{
		{words: "unplug-before-prompt:1", certain: true, times: 1},
		{words: "unplug-after-prompt:1", times: 0}, // the PDU has been written,
		{words: "unplug-after-pdu:1", times: 0},
		{words: "unplug-after-sent:1", times: 1},
		{words: "unplug-after-pdu:1", resend: true, times: 1},
		{words: "unplug-after-sent:1", resend: true, times: 2},
		{words: "reboot-before-prompt:1", certain: true, times: 1},
	} {
		t.Run(fmt.Sprintf("%s resend=%v", c.words, c.resend), func(t *testing.T) {
			t.Parallel()
			f := newGSM(t, gsmsim.Options{Vendor: "huawei"}, nil)
			f.resend = c.resend
			f.start()
			f.until(gateway.EventCarrierUp)
			f.sim.Set(switches(t, c.words))
			id := f.send(them, "hello")
			unplugged := c.words[:6] == "unplug"
			if unplugged {
				eventually(t, func() error {
					if f.sim.Path() != "" {
						return errNotYet
					}
					return nil
				})
				f.until(gateway.EventCarrierDown)
				if err := f.sim.Plug(); err != nil {
					t.Fatal(err)
				}
			}
			if !c.certain && !c.resend {
				m := f.tick(id, gateway.TickUnknown)
				if m.Error != gateway.ErrUncertain || m.ErrorText == "" {
					t.Errorf("%+v", m)
				}
				f.until(gateway.EventCarrierUp)
			} else {
				f.tick(id, gateway.TickDelivered)
			}
			if n := len(f.network.Submitted()); n != c.times {
				t.Errorf("the network has it %d times, want %d", n, c.times)
			}
			f.tick(f.send(them, "the next"), gateway.TickDelivered)
			if n := len(f.network.Submitted()); n != c.times+1 {
				t.Errorf("the network has %d texts, want %d", n, c.times+1)
			}
		})
	}
}

// Modems that talk badly work all the same, in both directions.
func TestGSMOddModems(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"echo", "slow:100ms", "garbage:20", "noise,noise-every:1s", "crcrlf,no-space", "split:1", "text-errors,bare-prompt",
		"refuse-cds", "refuse-csms", "stale-smsc", "no-smsc", "sim-busy:3", "late-result:2s", "cdsi-wrong-memory"} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			o := gsmsim.Options{Vendor: "huawei"}
			switches(t, words)(&o.Behaviour)
			f := newGSM(t, o, nil)
			if words == "no-smsc" {
				f.cfg.SMSC = "+15005550000"
			}
			f.start()
			f.until(gateway.EventCarrierUp)
			if err := f.network.Text(them, ours, "are you open?"); err != nil {
				t.Fatal(err)
			}
			if m := f.text(); m.Text != "are you open?" {
				t.Errorf("%q", m.Text)
			}
			f.tick(f.send(them, "yes"), gateway.TickDelivered)
			if all := f.network.Submitted(); len(all) != 1 || all[0].Text != "yes" {
				t.Errorf("%+v", all)
			}
			f.emptied()
		})
	}
}

// Every vendor's modems work, and their SIMs are known by their own number.
func TestGSMVendors(t *testing.T) {
	t.Parallel()
	for _, vendor := range gsmsim.Vendors() {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			f := startGSM(t, gsmsim.Options{Vendor: vendor, PIN: "1234", ICCID: "8944100030123456789"}, func(c *gsm.Config) { c.PIN = "1234" })
			if err := f.network.Text(them, ours, "hello"); err != nil {
				t.Fatal(err)
			}
			if m := f.text(); m.Text != "hello" {
				t.Errorf("%q", m.Text)
			}
			f.tick(f.send(them, "yes"), gateway.TickDelivered)
			if m := f.modem.Modem(); m.ICCID != "8944100030123456789" || m.SentDay != 1 || m.IMEI != f.sim.Options().IMEI {
				t.Errorf("%+v", m)
			}
			f.emptied()
		})
	}
}

// A stick with several ports says what comes in at one of them, and has one that
// answers nothing.
func TestGSMSeveralPorts(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{Vendor: "quectel", Ports: []gsmsim.PortKind{gsmsim.PortSilent, gsmsim.PortAT, gsmsim.PortAT}}, nil)
	if err := f.network.Text(them, ours, "hello"); err != nil {
		t.Fatal(err)
	}
	if m := f.text(); m.Text != "hello" {
		t.Errorf("%q", m.Text)
	}
	f.tick(f.send(them, "yes"), gateway.TickDelivered)
}

// What a silent modem was not asked to send is sent when it talks again.
func TestGSMSilent(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	f.sim.Set(func(b *gsmsim.Behaviour) { b.Silent = true })
	id := f.send(them, "hello")
	f.until(gateway.EventCarrierDown)
	f.sim.Set(func(b *gsmsim.Behaviour) { b.Silent = false })
	f.tick(id, gateway.TickDelivered)
	if n := len(f.network.Submitted()); n != 1 {
		t.Errorf("the network has it %d times", n)
	}
}

// A modem that starts anew by itself is set up again.
func TestGSMReboots(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("reenumerate=%v", again), func(t *testing.T) {
			t.Parallel()
			f := startGSM(t, gsmsim.Options{Vendor: "huawei", Behaviour: gsmsim.Behaviour{Reenumerate: again, BootTime: 200 * time.Millisecond}}, nil)
			f.sim.Reboot()
			if again {
				f.until(gateway.EventCarrierDown)
			}
			if err := f.network.Text(them, ours, "after it"); err != nil {
				t.Fatal(err)
			}
			if m := f.text(); m.Text != "after it" {
				t.Errorf("%q", m.Text)
			}
			f.tick(f.send(them, "yes"), gateway.TickDelivered)
		})
	}
}

// Without a SIM or a network nothing is sent, and all is once there is one.
func TestGSMNotReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		words string
		mend  func(*gsmsim.Behaviour)
		state gateway.CarrierState
	}{
		{"no-sim", func(b *gsmsim.Behaviour) { b.NoSIM = false }, gateway.CarrierDown},
		{"no-network", func(b *gsmsim.Behaviour) { b.Registration = gsmsim.Home }, gateway.CarrierConnecting},
		{"denied", func(b *gsmsim.Behaviour) { b.Registration = gsmsim.Roaming }, gateway.CarrierConnecting},
	} {
		t.Run(c.words, func(t *testing.T) {
			t.Parallel()
			o := gsmsim.Options{}
			switches(t, c.words)(&o.Behaviour)
			f := newGSM(t, o, nil)
			f.start()
			f.state(c.state)
			id := f.send(them, "hello")
			f.sim.Set(c.mend)
			f.tick(id, gateway.TickDelivered)
		})
	}
}

// A code that cannot be sent now is refused with what is in its way.
func TestGSMUSSDIsRefused(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	begun, answer := make(chan struct{}), make(chan struct{})
	f.network.OnUSSD(func(gsmsim.USSD) gsmsim.Reply {
		close(begun)
		<-answer
		return gsmsim.Reply{Text: "Hello."}
	})
	refused := func(want string) {
		t.Helper()
		_, _, err := f.router.USSD(t.Context(), "sim1", "*100#")
		var r *gateway.Refusal
		if !errors.As(err, &r) || r.Code != gateway.Conflict || !strings.HasPrefix(r.Text, want) || !strings.HasSuffix(r.Text, ".") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	first := make(chan error, 1)
	go func() {
		_, _, err := f.router.USSD(t.Context(), "sim1", "*100#")
		first <- err
	}()
	<-begun
	refused("Another USSD request is under way at this modem: try again in a moment.")
	close(answer)
	if err := <-first; err != nil {
		t.Error(err)
	}
	f.sim.Unplug()
	f.state(gateway.CarrierDown)
	refused("The modem is not ready: ") // and its state, which changes at each attempt
}

// state waits until people see the carrier so, with a sentence why, and returns
// that.
func (f *gsmFlow) state(want gateway.CarrierState) string {
	f.t.Helper()
	why := ""
	eventually(f.t, func() error {
		all, err := f.router.Carriers(f.t.Context())
		if err != nil {
			return err
		}
		if why = all[0].Error; all[0].State != want || why == "" && want != gateway.CarrierUp {
			return fmt.Errorf("%v (%q), want %v", all[0].State, why, want)
		}
		return nil
	})
	return why
}

// What the modem refuses of the configuration's own commands its owner is shown.
func TestGSMInitRefused(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, func(c *gsm.Config) { c.Init = []string{"AT+NONSENSE=1"} })
	if note, _ := f.modem.Note(); !strings.Contains(note, "AT+NONSENSE=1: ") {
		t.Errorf("%q", note)
	}
}
