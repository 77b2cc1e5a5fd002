package carrier_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"smsbridge/gateway"
	"smsbridge/gsm/gsmsim"
)

// The ticks follow the status reports.
func TestGSMTicks(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{Vendor: "huawei"}, nil)
	for _, c := range []struct {
		what    string
		fate    gsmsim.Fate
		text    string
		want    gateway.Tick
		passes  []gateway.Tick
		because string
	}{
		{what: "delivered", want: gateway.TickDelivered, passes: []gateway.Tick{gateway.TickSent}},
		{what: "temporary reports first", fate: gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x20}, {Status: 0x21}, {Status: 0, After: 50 * time.Millisecond}}}, want: gateway.TickDelivered},
		{what: "failed", fate: gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x43}}}, want: gateway.TickFailed, because: "The number cannot be reached."},
		{what: "gave up", fate: gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x62}}}, want: gateway.TickFailed, because: "The telephone did not answer and the network gave up."},
		{what: "expired", fate: gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x46}}}, want: gateway.TickExpired, because: "not reached in time"},
		{what: "the report is first", fate: gsmsim.Fate{Delay: 100 * time.Millisecond, Reports: []gsmsim.Report{{Status: 0, Early: true}}}, want: gateway.TickDelivered},
		{what: "several parts", text: strings.Repeat("0123456789", 40), want: gateway.TickDelivered},
		{what: "UCS-2", text: "Да 👍", want: gateway.TickDelivered},
	} {
		f.network.OnSubmit(func(gsmsim.Submitted) gsmsim.Fate { return c.fate })
		before := len(f.network.Submitted())
		text := c.text
		if text == "" {
			text = c.what
		}
		id := f.send(them, text)
		for _, tick := range c.passes {
			f.tick(id, tick)
		}
		m := f.tick(id, c.want)
		if !strings.Contains(m.ErrorText, c.because) {
			t.Errorf("%s: %+v, want %q", c.what, m.ErrorText, c.because)
		}
		all := f.submitted(before + 1)
		if last := all[len(all)-1]; last.Whole != text || last.To != them || !last.Report {
			t.Errorf("%s: %+v", c.what, last)
		}
	}
}

// TP-MR wraps around: each report finds its own, and of two customers under one
// number each has theirs.
func TestGSMReferencesWrap(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{LastMR: 250}, nil)
	f.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if strings.HasPrefix(s.Text, "fails") {
			return gsmsim.Fate{Reports: []gsmsim.Report{{Status: 0x43}}}
		}
		return gsmsim.Fate{}
	})
	for i := range 20 {
		want, text := gateway.TickDelivered, fmt.Sprintf("arrives %d", i)
		if i%3 == 0 {
			want, text = gateway.TickFailed, fmt.Sprintf("fails %d", i)
		}
		f.tick(f.send(fmt.Sprintf("+1260205%04d", 7000+i), text), want)
	}
	all := f.network.Submitted()
	if first, last := all[0].Reference, all[19].Reference; first != 251 || last != 14 {
		t.Errorf("the TP-MRs go from %d to %d", first, last)
	}
}

// Two customers' texts with the same TP-MR are out at once.
func TestGSMSameReference(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{LastMR: 9}, nil)
	f.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if strings.HasPrefix(s.Text, "slow") {
			return gsmsim.Fate{NoReports: true}
		}
		return gsmsim.Fate{}
	})
	first := f.send(them, "slow")
	f.tick(first, gateway.TickSent)
	for i := range 255 {
		f.tick(f.send("+12602057000", fmt.Sprint(i)), gateway.TickDelivered)
	}
	second := f.send("+12602058902", "quick") // has the TP-MR of the first
	f.tick(second, gateway.TickDelivered)
	all := f.submitted(257)
	if all[0].Reference != all[256].Reference {
		t.Fatalf("%d and %d", all[0].Reference, all[256].Reference)
	}
	// Now the first one's report.
	late := []byte{0x06, all[0].Reference, 11, 0x91, 0x21, 0x06, 0x02, 0x85, 0x09, 0xf1, 0x62, 0x11, 0x52, 0x22, 0x22, 0x22, 0, 0x62, 0x11, 0x52, 0x22, 0x22, 0x22, 0, 0}
	if err := f.network.DeliverTPDU(ours, late); err != nil {
		t.Fatal(err)
	}
	f.tick(first, gateway.TickDelivered)
}
