package carrier_test

import (
	"fmt"
	"strings"
	"testing"

	"smsbridge/gateway"
	"smsbridge/gsm/gsmsim"
)

// TestGSMRefusedTextHoldsUpNobody has the modem refuse one text on its own account
// whenever it is given it: the others pass, and that one is an attempt.
func TestGSMRefusedTextHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := startGSM(t, gsmsim.Options{}, nil)
	f.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate {
		if s.Text == "refused" {
			return gsmsim.Fate{Error: 302}
		}
		return gsmsim.Fate{}
	})
	refused := f.send("+12602058902", "refused")
	for i := range 3 {
		f.tick(f.send(fmt.Sprintf("+1260205890%d", 3+i), "passes"), gateway.TickDelivered)
	}
	m, ok, err := f.db.Message(t.Context(), refused)
	if err != nil || !ok || m.Tick != gateway.TickQueued {
		t.Errorf("%+v, %v", m, err)
	}
	if note, _ := f.modem.Note(); note != "" {
		t.Errorf("a modem that sends has the note %q", note)
	}
}

// TestGSMNoServiceCentre says what to do about a SIM that knows none, and asks it
// less often each time.
func TestGSMNoServiceCentre(t *testing.T) {
	t.Parallel()
	o := gsmsim.Options{}
	o.Behaviour.NoSMSC = true
	f := startGSM(t, o, nil)
	id := f.send(them, "hello")
	eventually(t, func() error {
		if note, _ := f.modem.Note(); !strings.Contains(note, "write smsc") {
			return fmt.Errorf("the note is %q", note)
		}
		return nil
	})
	f.stop()
	f.cfg.SMSC = "+15005550000"
	f.start()
	f.tick(id, gateway.TickDelivered)
	if note, _ := f.modem.Note(); note != "" {
		t.Errorf("a modem that sends has the note %q", note)
	}
}
