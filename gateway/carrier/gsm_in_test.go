package carrier_test

import (
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm"
	"smsbridge/gsm/gsmsim"
)

// Each kind of text reaches its customer's conversation as it was written, and
// leaves the modem.
func TestGSMTextsIn(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{Vendor: "huawei"}, nil)
	long := strings.Repeat("a text of several parts, and it is long ", 10)
	for _, c := range []struct {
		what string
		d    gsmsim.Delivery
		from gateway.Address
		text string
	}{
		{"plain", gsmsim.Delivery{From: them, Text: "are you open? @£$ {€}"}, gateway.Address{Kind: gateway.AddressE164, Value: them}, "are you open? @£$ {€}"},
		{"UCS-2", gsmsim.Delivery{From: them, Text: "Ты где? 👍"}, gateway.Address{Kind: gateway.AddressE164, Value: them}, "Ты где? 👍"},
		{"parts", gsmsim.Delivery{From: them, Text: long}, gateway.Address{Kind: gateway.AddressE164, Value: them}, long},
		{"parts in UCS-2, out of order", gsmsim.Delivery{From: them, Text: strings.Repeat("где? 👍 ", 20), Order: []int{3, 1, 2}, Ref16: true},
			gateway.Address{Kind: gateway.AddressE164, Value: them}, strings.Repeat("где? 👍 ", 20)},
		{"name", gsmsim.Delivery{From: "MyBank", Text: "your code is 1234"}, gateway.Address{Kind: gateway.AddressAlphanumeric, Value: "MyBank"}, "your code is 1234"},
		{"national", gsmsim.Delivery{From: "2602058902", National: true, Text: "hi"}, gateway.Address{Kind: gateway.AddressE164, Value: "+12602058902"}, "hi"},
		{"short code", gsmsim.Delivery{From: "12345", Text: "hi"}, gateway.Address{Kind: gateway.AddressShort, Value: "12345"}, "hi"},
		{"Turkish", gsmsim.Delivery{From: them, Text: "Ğğİış", Languages: []int{1}}, gateway.Address{Kind: gateway.AddressE164, Value: them}, "Ğğİış"},
		{"flash", gsmsim.Delivery{From: them, Text: "now", Flash: true}, gateway.Address{Kind: gateway.AddressE164, Value: them}, "now"},
	} {
		c.d.To = ours
		if err := f.network.Deliver(c.d); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		m := f.text()
		if m.Text != c.text || m.Peer != c.from || m.Number != ours || m.Direction != gateway.In {
			t.Errorf("%s: %q from %+v, want %q from %+v", c.what, m.Text, m.Peer, c.text, c.from)
		}
	}
	f.emptied()
}

// The announcement of an MMS is shown as such, and does not stay on the SIM.
func TestGSMPush(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	if err := f.network.Deliver(gsmsim.WAPPush(them, ours, "http://mms.example/1")); err != nil {
		t.Fatal(err)
	}
	if m := f.text(); !strings.Contains(m.Text, "http://mms.example/1") || m.Peer.Value != them {
		t.Errorf("%+v", m)
	}
	f.emptied()
	if err := f.network.DeliverTPDU(ours, []byte{0x04, 0x07}); err != nil { // what is no message is kept as bytes, and deleted
		t.Fatal(err)
	}
	if err := f.network.Text(them, ours, "after it"); err != nil {
		t.Fatal(err)
	}
	if m := f.text(); m.Text != "after it" {
		t.Errorf("%+v", m)
	}
	f.emptied()
}

// What the modem does not announce, or announces wrongly, is found all the same.
func TestGSMUnannounced(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	for _, words := range []string{"cmti-no-index:1", "cmti-wrong-memory:1"} {
		change, err := gsmsim.ParseSwitches(words)
		if err != nil {
			t.Fatal(err)
		}
		f.sim.Set(change)
		if err := f.network.Text(them, ours, words); err != nil {
			t.Fatal(err)
		}
		if m := f.text(); m.Text != words {
			t.Errorf("%q, want %q", m.Text, words)
		}
	}
	f.sim.Set(func(b *gsmsim.Behaviour) { b.LoseCMTI = 1 })
	if err := f.network.Text(them, ours, "lost"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if f.sim.Stored("SM")+f.sim.Stored("ME") == 0 {
			return errNotYet
		}
		return nil
	})
	f.modem.Reconnect() // the next sweep would find it, too, and takes up to 45 s
	if m := f.text(); m.Text != "lost" {
		t.Errorf("%q", m.Text)
	}
	f.emptied()
}

// A full SIM is emptied, and what waits in the network comes.
func TestGSMFull(t *testing.T) {
	t.Parallel()
	f := newGSM(t, gsmsim.Options{Vendor: "generic", Slots: 5}, nil)
	for i := range 12 {
		if err := f.network.Text(them, ours, string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error {
		if f.network.Waiting(ours) == 12 {
			return errNotYet
		}
		return nil
	})
	f.start()
	for i := range 12 {
		if m := f.text(); m.Text != string(rune('a'+i)) {
			t.Errorf("text %d is %q", i, m.Text)
		}
	}
	f.emptied()
	if m := f.modem.Modem(); m.StorageSize == 0 {
		t.Errorf("%+v", m)
	}
}

// A text that is committed and cannot be deleted is shown once, in the same run,
// when the modem starts anew and after a restart, and is deleted when that works.
// An equal one beside it, time stamp and all, is another.
func TestGSMDeletionFails(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	f.sim.Set(func(b *gsmsim.Behaviour) {
		b.Rules = []gsmsim.Rule{{Command: "+CMGD", Do: gsmsim.DoCMS, Code: 320}}
	})
	at := time.Now().UTC().Truncate(time.Second)
	twice := func() {
		t.Helper()
		if err := f.network.Deliver(gsmsim.Delivery{From: them, To: ours, Text: "ok", SentAt: at}); err != nil {
			t.Fatal(err)
		}
		if m := f.text(); m.Text != "ok" {
			t.Fatalf("%q", m.Text)
		}
	}
	twice()
	twice()
	f.modem.Reconnect()
	f.until(gateway.EventCarrierUp)
	f.stop()
	f.start()
	f.until(gateway.EventCarrierUp)
	twice() // a third
	f.stop()
	f.sim.Set(func(b *gsmsim.Behaviour) { b.Rules = nil })
	f.start()
	f.emptied()
	twice() // and, with those deleted, a fourth: nothing of them is remembered
	f.stop()
	if err := f.network.Deliver(gsmsim.Delivery{From: them, To: ours, Text: "ok", SentAt: at}); err != nil {
		t.Fatal(err)
	}
	f.start()
	f.text() // that came while we were away
	f.emptied()
	if err := f.network.Text(them, ours, "end"); err != nil {
		t.Fatal(err)
	}
	if m := f.text(); m.Text != "end" {
		t.Errorf("%q was shown again", m.Text)
	}
}

// Texts that are routed to us, and not stored, come, too.
func TestGSMRouted(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, func(c *gsm.Config) { c.Routed = true })
	for _, text := range []string{"one", "two", "three"} {
		if err := f.network.Text(them, ours, text); err != nil {
			t.Fatal(err)
		}
		if m := f.text(); m.Text != text {
			t.Errorf("%q", m.Text)
		}
	}
}
