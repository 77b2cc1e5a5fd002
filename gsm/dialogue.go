package gsm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/warthog618/sms/encoding/gsm7"
)

const (
	ussdTimeout = 60 * time.Second
	maxUSSD     = 182 // septets (TS 22.090 §5)
	// dialogueKept is how long the network's question may wait for an answer.
	dialogueKept = 2 * time.Minute
)

// USSDReply is what the network answers.
type USSDReply struct {
	Text string
	More bool // it waits for an answer: the next USSD is that within two minutes, or CancelUSSD ends it
}

// USSDError is a dialogue that the network, or the modem, ended without a text.
type USSDError struct{ Status int }

func (e *USSDError) Error() string {
	switch e.Status {
	case 2:
		return "gsm: USSD: the network ended the dialogue"
	case 3:
		return "gsm: USSD: something else in the modem answered"
	case 4:
		return "gsm: USSD: not supported"
	case 5:
		return "gsm: USSD: the network does not answer"
	}
	return fmt.Sprintf("gsm: USSD: status %d", e.Status)
}

// dialogue is a USSD that waits for the network.
type dialogue struct {
	deadline time.Time
	alone    bool            // it answers nothing, and is not to be answered
	result   chan ussdResult // has room for the one there is
}

type ussdResult struct {
	reply USSDReply
	err   error
}

func (d *dialogue) finish(r USSDReply, err error) { d.result <- ussdResult{r, err} }

// USSD sends a code such as "*100#", or the answer that the network waits for, and
// returns what the network says (TS 27.007 §7.15). It takes as long as a minute.
// One is under way at a time: ErrBusy. When ctx ends first the dialogue is
// cancelled.
func (m *Modem) USSD(ctx context.Context, code string) (USSDReply, error) {
	return m.ussd(ctx, code, false)
}

// Ask is USSD for a program that knows nothing of menus. While the network waits for
// somebody's answer it is ErrBusy; and the network does not wait for one to its reply.
func (m *Modem) Ask(ctx context.Context, code string) (USSDReply, error) {
	return m.ussd(ctx, code, true)
}

func (m *Modem) ussd(ctx context.Context, code string, alone bool) (USSDReply, error) {
	if err := checkUSSD(code); err != nil {
		return USSDReply{}, err
	}
	d := &dialogue{alone: alone, result: make(chan ussdResult, 1)}
	m.mu.Lock()
	err := ErrBusy
	if m.info.Phase != PhaseUp {
		err = ErrNotReady
	} else if !m.dialling {
		err = m.enqueueLocked(call{
			run:    func(ctx context.Context, s *session) { s.dial(ctx, d, code) },
			refuse: func(err error) { d.finish(USSDReply{}, err) },
		})
		m.dialling = err == nil
	}
	m.mu.Unlock()
	if err != nil {
		return USSDReply{}, err
	}
	defer func() {
		m.mu.Lock()
		m.dialling = false
		m.mu.Unlock()
	}()
	select {
	case r := <-d.result:
		return r.reply, r.err
	case <-ctx.Done():
		m.enqueue(call{run: func(ctx context.Context, s *session) { s.cancelUSSD(ctx, d) }, refuse: func(error) {}})
		return USSDReply{}, ctx.Err()
	}
}

// CancelUSSD ends the dialogue in which the network waits for an answer.
func (m *Modem) CancelUSSD(ctx context.Context) error {
	done := make(chan error, 1)
	err := m.enqueue(call{
		run:    func(ctx context.Context, s *session) { done <- s.cancelUSSD(ctx, nil) },
		refuse: func(err error) { done <- err },
	})
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkUSSD refuses what would end the quotes or the line it is written in.
func checkUSSD(code string) error {
	if code == "" || len(code) > maxUSSD {
		return fmt.Errorf("gsm: a USSD code has 1 to %d characters", maxUSSD)
	}
	if i := strings.IndexFunc(code, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }); i >= 0 {
		return fmt.Errorf("gsm: a USSD code cannot have the character %q", code[i])
	}
	return nil
}

// dial sends a code. Some modems say OK at once and others when the network has
// answered, before or behind its answer.
func (s *session) dial(ctx context.Context, d *dialogue, code string) {
	if s.dialogue != nil || d.alone && !s.unanswered.IsZero() {
		d.finish(USSDReply{}, ErrBusy)
		return
	}
	if s.quirk.packedUSSD {
		code = strings.ToUpper(hex.EncodeToString(gsm7.Pack7BitUSSD([]byte(code), 0)))
	}
	d.deadline = time.Now().Add(ussdTimeout)
	s.dialogue = d
	if _, err := s.do(ctx, fmt.Sprintf(`AT+CUSD=1,"%s",15`, code), netTimeout); err != nil {
		d.finish(USSDReply{}, err)
		s.dialogue = nil
		return
	}
	s.unanswered = time.Time{}
}

// answered takes +CUSD. One that nobody waits for is the network's own: it is
// left alone.
func (s *session) answered(line string) {
	u, ok := ParseUSSD(line)
	if !ok {
		return
	}
	if u.Status != 1 {
		s.unanswered = time.Time{}
	}
	if s.dialogue == nil {
		return
	}
	if u.Status == 1 {
		s.unanswered = time.Now()
		if !s.dialogue.alone {
			s.unanswered = s.unanswered.Add(dialogueKept)
		}
	}
	var err error
	if u.Status > 1 && (u.Status != 2 || u.Text == "") {
		err = &USSDError{u.Status}
	}
	s.dialogue.finish(USSDReply{Text: u.Text, More: u.Status == 1}, err)
	s.dialogue = nil
}

// cancelUSSD ends the dialogue at the network, if d is nil or the one that waits.
func (s *session) cancelUSSD(ctx context.Context, d *dialogue) error {
	if d != nil && s.dialogue != d {
		return nil
	}
	if s.dialogue != nil {
		s.dialogue.finish(USSDReply{}, context.Canceled)
		s.dialogue = nil
	}
	s.unanswered = time.Time{}
	_, err := s.do(ctx, "AT+CUSD=2", shortTimeout)
	return err
}

// abandon gives up what waits for the modem.
func (s *session) abandon() {
	if s.dialogue != nil {
		s.dialogue.finish(USSDReply{}, errors.Join(ErrNotReady, s.chat.broken))
		s.dialogue = nil
	}
}
