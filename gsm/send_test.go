package gsm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type sendRow struct {
	ID       string
	Steps    [][2]string
	Expected struct {
		MR       json.RawMessage
		OK       *bool
		CMS      int `json:"cms_error"`
		URCs     []string
		ReportMR int `json:"report_mr"`
	}
}

// uncertainCMS are the codes of the corpus after which a message may have gone out
// all the same.
var uncertainCMS = []int{300, 332, 340, 500, 512}

func TestCorpusSend(t *testing.T) {
	for _, row := range rowsOf[sendRow](t, "send.jsonl", 31) {
		t.Run(row.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { row.compare(t) })
		})
	}
}

func (row sendRow) compare(t *testing.T) {
	c, p := newTalk(t)
	s := newSession(newOwner(New(Defaults(), Options{}), nowhere{}), c)
	const pdu = "0011000B915155551532F40000AA0141"
	go func() {
		for _, step := range row.Steps {
			if _, ok := <-p.said; !ok {
				return
			}
			io.WriteString(p.conn, strings.ReplaceAll(step[1], "<pdu>", pdu))
		}
	}()
	var references []int
	json.Unmarshal(row.Expected.MR, &references)
	if n := 0; json.Unmarshal(row.Expected.MR, &n) == nil && n > 0 {
		references = []int{n}
	}
	for i := range max(1, len(references)) {
		got, err := s.submit(t.Context(), pdu, 15)
		if i < len(references) {
			if err != nil || int(got) != references[i] {
				t.Errorf("%d, %v; want %d", got, err, references[i])
			}
			continue
		}
		e := (*SendError)(nil)
		if !errors.As(err, &e) {
			t.Fatalf("%d, %v", got, err)
		}
		refusal := (*Error)(nil)
		if row.Expected.CMS > 0 && (!errors.As(err, &refusal) || refusal.Code != row.Expected.CMS) {
			t.Errorf("%v", err)
		}
		wantCertain := row.ID == "snd-004" || row.Expected.CMS > 0 && !slices.Contains(uncertainCMS, row.Expected.CMS)
		if e.Certain != wantCertain {
			t.Errorf("certain: %v; %v, class %v", e.Certain, err, e.Class)
		}
	}
	var urcs []string
	reported := 0
	for {
		n, ok := c.next()
		if !ok {
			break
		}
		urcs = append(urcs, n.line)
		if m, err := ParsePDU(n.pdu, -1); err == nil {
			reported = int(m.(*Report).Reference)
		}
	}
	for _, u := range row.Expected.URCs {
		if !slices.Contains(urcs, u) {
			t.Errorf("unasked: %q", urcs)
		}
	}
	if reported != row.Expected.ReportMR {
		t.Errorf("a report of %d", reported)
	}
}

// text is a message that can be sent.
var text = Submit{To: "+491511234567", Payload: []byte("hello"), Report: true}

func TestSend(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		for i := range 3 {
			if got, err := r.Send(t.Context(), text); err != nil || int(got) != i+1 {
				t.Errorf("%d, %v", got, err)
			}
		}
		want, length, _ := text.Encode()
		if got := r.fake.sent; len(got) != 3 || got[0] != want || r.fake.asked(fmt.Sprintf("AT+CMGS=%d", length)) != 3 {
			t.Errorf("%q", got)
		}
		if r.fake.asked("AT+CMMS=2") != 1 {
			t.Error("the link is not kept open between parts")
		}
		if _, err := r.Send(t.Context(), Submit{To: "+491511234567", UDH: true}); !certain(err) {
			t.Error(err)
		}
	})
}

// The table of what a refusal means before and after the prompt.
func TestCertainty(t *testing.T) {
	for _, c := range []struct {
		reply   string
		certain bool
		class   Class
	}{
		{"+CMS ERROR: 1", true, Recipient}, {"+CMS ERROR: 8", true, Subscription}, {"+CMS ERROR: 21", true, Rejected},
		{"+CMS ERROR: 38", true, Temporary}, {"+CMS ERROR: 41", true, Temporary}, {"+CMS ERROR: 42", true, Temporary},
		{"+CMS ERROR: 96", true, OurPDU}, {"+CMS ERROR: 197", false, Duplicate}, {"+CMS ERROR: 208", true, Storage},
		{"+CMS ERROR: 302", true, Capability}, {"+CMS ERROR: 304", true, OurPDU}, {"+CMS ERROR: 310", true, SIM},
		{"+CMS ERROR: 331", true, Network}, {"+CMS ERROR: 332", false, NetworkTimeout}, {"+CMS ERROR: 350", false, NetworkTimeout},
		{"+CMS ERROR: 500", false, Device}, {"+CMS ERROR: 512", false, Device}, {"+CMS ERROR: 513", false, Device},
		{"+CMS ERROR: 514", false, NetworkTimeout}, {"+CMS ERROR: 515", false, Device}, {"+CMS ERROR: 255", false, Device},
		{"+CMS ERROR: 210", false, Device}, {"+CMS ERROR: 213", false, Device}, {"+CMS ERROR: 300", false, Device},
		{"+CMS ERROR: 999", false, Device}, {"ERROR", false, Device}, {"OK", false, Device}, {"+CMS ERROR: network timeout", false, NetworkTimeout},
	} {
		for _, before := range []bool{true, false} {
			inBubble(t, nil, nil, func(t *testing.T, r *rig) {
				_, length, _ := text.Encode()
				r.fake.change(func() {
					r.fake.sendWith = c.reply
					if before {
						r.fake.replies[fmt.Sprintf("AT+CMGS=%d", length)] = c.reply
					}
				})
				_, err := r.Send(t.Context(), text)
				e := (*SendError)(nil)
				if !errors.As(err, &e) || e.Certain != (c.certain || before) || e.Class != c.class {
					t.Errorf("%q, before the prompt %v: %+v", c.reply, before, err)
				}
			})
		}
	}
}

// Silence after the PDU is uncertain, lasts for as long as networks take, and its
// late answer is nobody's.
func TestSendTimesOut(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		began := time.Now()
		_, err := r.Send(t.Context(), text)
		if took := time.Since(began); certain(err) || !errors.Is(err, ErrTimeout) || took < 150*time.Second || took > 5*time.Minute {
			t.Errorf("%v after %v", err, took)
		}
		r.fake.change(func() { r.fake.sendWith = "" })
		r.fake.say("+CMGS: 77", "OK")
		r.wait(5 * time.Second)
		if got, err := r.Send(t.Context(), text); err != nil || got != 2 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

// Of an answer that comes while the conversation is brought back in step the
// reference counts: nothing else can have asked for it.
func TestSendAnsweredLate(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		go func() {
			time.Sleep(sendTimeout + 200*time.Millisecond)
			r.fake.say("+CMGS: 77", "OK")
		}()
		if got, err := r.Send(t.Context(), text); err != nil || got != 77 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

func TestNoPrompt(t *testing.T) {
	inBubble(t, nil, nil, func(t *testing.T, r *rig) {
		_, length, _ := text.Encode()
		command := fmt.Sprintf("AT+CMGS=%d", length)
		r.fake.change(func() { r.fake.mute[command] = 1 })
		if _, err := r.Send(t.Context(), text); !certain(err) || !errors.Is(err, ErrTimeout) {
			t.Error(err)
		}
		if got, err := r.Send(t.Context(), text); err != nil || got != 1 {
			t.Errorf("%d, %v", got, err)
		}
	})
}

// A modem that forgot the service centre is told it, once.
func TestServiceCentreForgotten(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.sendWith = "+CMS ERROR: 330" }, func(t *testing.T, r *rig) {
		_, err := r.Send(t.Context(), text)
		if !certain(err) || len(r.fake.sent) != 2 || r.fake.asked(`AT+CSCA="+491710760000",145`) != 1 {
			t.Errorf("%v, sent %d times", err, len(r.fake.sent))
		}
	})
	inBubble(t, nil, func(f *fake) { f.vendor, f.model = "huawei", "E220" }, func(t *testing.T, r *rig) {
		if r.fake.asked(`AT+CSCA="+491710760000",145`) != 1 {
			t.Error("it is not written back")
		}
	})
}

func TestSendOneAtATime(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		first := make(chan error, 1)
		go func() { _, err := r.Send(t.Context(), text); first <- err }()
		r.wait(time.Second)
		if r.Room() != 0 {
			t.Error("room")
		}
		if _, err := r.Send(t.Context(), text); !certain(err) || !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
		r.fake.say("+CMGS: 9", "OK")
		if err := <-first; err != nil {
			t.Error(err)
		}
		r.wait(time.Second)
		if r.Room() != 1 {
			t.Error("no room")
		}
	})
}

// A context that ends before the modem was asked leaves nothing sent; one that
// ends later waits for what the modem says.
func TestSendGivenUp(t *testing.T) {
	inBubble(t, nil, func(f *fake) { f.slow["AT+CSQ"] = 4 * time.Second }, func(t *testing.T, r *rig) {
		for r.fake.asked("AT+CSQ") < 3 {
			r.wait(time.Second)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := r.Send(ctx, text); !certain(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		r.wait(10 * time.Second)
		if len(r.fake.sent) != 0 || r.Room() != 1 {
			t.Errorf("%q, room %d", r.fake.sent, r.Room())
		}
	})
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() {
			time.Sleep(10 * time.Second)
			r.fake.say("+CMGS: 9", "OK")
		}()
		if got, err := r.Send(ctx, text); err != nil || got != 9 {
			t.Error(err)
		}
	})
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		errs := make(chan error, 1)
		go func() { _, err := r.Send(t.Context(), text); errs <- err }()
		r.wait(time.Second)
		r.end() // we stop in the middle
		if err := <-errs; err == nil || certain(err) {
			t.Error(err)
		}
	})
	inBubble(t, nil, func(f *fake) { f.sendWith = "-" }, func(t *testing.T, r *rig) {
		errs := make(chan error, 1)
		go func() { _, err := r.Send(t.Context(), text); errs <- err }()
		r.wait(time.Second)
		r.fake.change(func() { r.fake.conn.Close() })
		if err := <-errs; !errors.Is(err, ErrGone) || certain(err) {
			t.Error(err)
		}
	})
}
