//go:build linux

package gsm

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"smsbridge/gsm/gsmsim"
)

func TestConsole(t *testing.T) {
	sim := simulated(t, gsmsim.Options{Vendor: "generic", PIN: "1234"})
	lines := make(chan string, 100)
	c, err := OpenConsole(t.Context(), sim.Path(), func(line string) { lines <- line })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		command, final string
		failed         bool
	}{
		{"AT", "OK", false}, {"AT+CMEE=1", "OK", false}, {"AT+CPIN=1234", "OK", false}, {"AT+NONSENSE", "ERROR", true},
		{"AT+CMGF=0", "OK", false},
	} {
		a, err := c.Do(t.Context(), step.command, 5*time.Second)
		if err != nil || a.Final != step.final && !step.failed || a.Failed != step.failed {
			t.Errorf("%s: %+v, %v", step.command, a, err)
		}
	}
	if a, err := c.Do(t.Context(), "AT+CMGS=18", 5*time.Second); err != nil || a.Final != ">" {
		t.Fatalf("%+v, %v", a, err)
	}
	if a, err := c.Text(t.Context(), "", 5*time.Second); err != nil {
		t.Errorf("giving up a text: %+v, %v", a, err)
	}
	if a, err := c.Do(t.Context(), "AT+CSQ", 5*time.Second); err != nil || a.Final != "OK" {
		t.Errorf("%+v, %v", a, err)
	}
	calling, hangUp := context.WithCancel(t.Context())
	called := make(chan struct{})
	go func() { defer close(called); sim.Network().Call(calling, "+12602058901", sim.Options().Number) }()
	defer func() { hangUp(); <-called }()
	ring := time.NewTimer(10 * time.Second)
	defer ring.Stop()
	for rang := false; !rang; {
		select {
		case l := <-lines:
			if strings.Contains(l, "1234") {
				t.Errorf("it shows %q", l)
			}
			rang = l == "RING"
		case <-ring.C:
			t.Fatal("what comes unasked is not shown")
		}
	}
	sim.Unplug()
	select {
	case <-c.Gone():
	case <-time.After(10 * time.Second):
		t.Fatal("it does not notice that the modem is gone")
	}
	if _, err := c.Do(t.Context(), "AT", 5*time.Second); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}
