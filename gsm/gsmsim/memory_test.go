package gsmsim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMemories(t *testing.T) {
	c, m := quiet(t, Options{Slots: 2})
	c.expect("AT+CNMI=2,1", "OK")
	for i := range 2 {
		text(t, m, customer, fmt.Sprint("text ", i))
		c.says(fmt.Sprintf(`+CMTI: "SM",%d`, i+1))
	}
	text(t, m, customer, "text 2")
	c.expect(`AT+CPMS="SM","SM","ME"`, "+CPMS: 2,2,2,2,0,100", "OK")
	c.says(`+CMTI: "ME",1`) // there is room now
	c.expect(`AT+CPMS="MT","SM","ME"`, "+CPMS: 3,102,2,2,1,100", "OK")
	if got := c.texts(); len(got) != 3 {
		t.Errorf("%q", got)
	}
	c.expect("AT+CMGL=0", "OK") // all are read by now
	c.expect("AT+CMGD=?", "+CMGD: (1,2,3),(0-4)", "OK")
	c.expect("AT+CMGD=3", "OK")
	if m.Stored(memPhone) != 0 {
		t.Error("index 3 is not that of ME's first")
	}
	c.expect("AT+CMGF=1", "OK")
	lines := c.lines(`AT+CMGL="ALL"`)
	if len(lines) != 5 || !strings.HasPrefix(lines[0], `+CMGL: 1,"REC READ","`+customer+`",,"`) || lines[1] != "text 0" {
		t.Errorf("%q", lines)
	}
	lines = c.lines("AT+CMGR=2")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], `+CMGR: "REC READ","`+customer+`",,"`) || lines[1] != "text 1" {
		t.Errorf("%q", lines)
	}
	c.expect("AT+CMGF=0", "OK")
	text(t, m, customer, "unread")
	c.says(`+CMTI: "ME",1`)
	c.expect("AT+CMGD=1,1", "OK") // what was read
	if m.Stored(memSIM) != 0 || m.Stored(memPhone) != 1 {
		t.Errorf("%d and %d", m.Stored(memSIM), m.Stored(memPhone))
	}
	c.expect("AT+CMGD=1,4", "OK")
	c.expect("AT+CMGL=4", "OK")
}

func TestCalls(t *testing.T) {
	c, m := quiet(t, Options{})
	c.expect("AT+CLIP=1;+CRC=1", "OK")
	var calls sync.WaitGroup
	call := func(ctx context.Context, want CallEnd) {
		calls.Go(func() {
			if end, err := m.Network().Call(ctx, customer, m.Options().Number); err != nil || end != want {
				t.Errorf("%v, %v, want %v", end, err, want)
			}
		})
	}
	for command, want := range map[string]CallEnd{"ATH": CallRejected, "AT+CHUP": CallRejected, "ATA": CallAnswered} {
		call(t.Context(), want)
		c.says("+CRING: VOICE", `+CLIP: "`+customer+`",145,,,,0`)
		c.expect("AT+CPAS", "+CPAS: 3", "OK")
		c.expect(command, "OK")
		calls.Wait()
	}
	ctx, cancel := context.WithCancel(t.Context())
	call(ctx, CallUnanswered)
	c.says("+CRING: VOICE", `+CLIP: "`+customer+`",145,,,,0`)
	cancel()
	c.says("NO CARRIER")
	calls.Wait()
	c.expect("ATA", "NO CARRIER")
	if _, err := m.Network().Call(t.Context(), customer, "+19990000000"); !errors.Is(err, ErrNoNumber) {
		t.Error(err)
	}
}
