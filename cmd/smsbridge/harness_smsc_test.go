package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
	"unicode/utf16"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// smscRole is the variable by which a test starts its own binary again, as an
// SMSC that is a process of its own and delivers parts exactly as it is told.
const smscRole = "SMSBRIDGE_TEST_SMSC"

// smscOrder is a line of the SMSC's standard input, which it answers with a line
// of its output: a delivery with its status, anything else with what it has
// been sent.
type smscOrder struct {
	Deliver *smpp.ShortMessage
}

func serveSMSC() {
	smsc, err := smppsim.Start(context.Background(), smppsim.Options{
		Accounts: map[string]smppsim.Account{"us": {Password: "secret"}},
		Script:   smppsim.Script{Receipt: smppsim.ReceiptScript{Delay: 50 * time.Millisecond}, Deliver: smppsim.DeliverScript{RetryAfter: 100 * time.Millisecond}},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer smsc.Close()
	out := json.NewEncoder(os.Stdout)
	answer := out.Encode(smsc.Addr())
	in := json.NewDecoder(os.Stdin)
	for answer == nil {
		var o smscOrder
		if err := in.Decode(&o); err != nil {
			return
		}
		if o.Deliver == nil {
			answer = out.Encode(smsc.Messages())
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		status, err := smsc.DeliverPDU(ctx, o.Deliver)
		cancel()
		if err != nil {
			answer = out.Encode(err.Error())
		} else {
			answer = out.Encode(status.String())
		}
	}
}

// remoteSMSC is an SMSC in a process of its own.
type remoteSMSC struct {
	t       testing.TB
	address string
	in      *json.Encoder
	out     *json.Decoder
}

func startSMSC(t testing.TB) *remoteSMSC {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), smscRole+"=1")
	cmd.Stderr = os.Stderr
	stdin, stdout := startPiped(t, cmd)
	t.Cleanup(func() {
		stdin.Close() // ends it
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the SMSC: %v", err)
		}
	})
	s := &remoteSMSC{t: t, in: json.NewEncoder(stdin), out: json.NewDecoder(bufio.NewReader(stdout))}
	s.read(&s.address)
	return s
}

// startPiped starts a program that is talked to by its input and its output.
func startPiped(t testing.TB, cmd *exec.Cmd) (stdin io.WriteCloser, stdout io.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if stdout, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return stdin, stdout
}

func (s *remoteSMSC) read(v any) {
	s.t.Helper()
	if err := s.out.Decode(v); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		s.t.Fatalf("the SMSC: %v", err)
	}
}

// deliver waits for the program's acknowledgement.
func (s *remoteSMSC) deliver(m *smpp.ShortMessage) {
	s.t.Helper()
	if err := s.in.Encode(smscOrder{m}); err != nil {
		s.t.Fatal(err)
	}
	var status string
	if s.read(&status); status != "ESME_ROK" {
		s.t.Fatalf("deliver_sm was answered %s", status)
	}
}

func (s *remoteSMSC) messages() (all []smppsim.Message) {
	s.t.Helper()
	if err := s.in.Encode(smscOrder{}); err != nil {
		s.t.Fatal(err)
	}
	s.read(&all)
	return all
}

// ucs2Part is one part of a text in UCS-2 (3GPP TS 23.040 §9.2.3.24.1: the
// header of an 8-bit reference).
func ucs2Part(from string, reference byte, total, number int, units []uint16) *smpp.ShortMessage {
	m := &smpp.ShortMessage{Source: smpp.Address{TON: 1, NPI: 1, Value: from[1:]}, Dest: smpp.Address{TON: 1, NPI: 1, Value: ourNumber[1:]},
		ESMClass: 0x40, DataCoding: 8, Message: []byte{5, 0, 3, reference, byte(total), byte(number)}}
	for _, u := range units {
		m.Message = append(m.Message, byte(u>>8), byte(u))
	}
	return m
}

// splitSurrogates cuts a text in UCS-2 between the two halves of a character.
func splitSurrogates(t testing.TB, text string) (first, second []uint16) {
	t.Helper()
	units := utf16.Encode([]rune(text))
	for i, u := range units {
		if utf16.IsSurrogate(rune(u)) {
			return units[:i+1], units[i+1:]
		}
	}
	t.Fatalf("%q has no character of two units", text)
	return nil, nil
}
