package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// foreignSMSC is an SMSC that nobody here wrote, in a process of its own: on the
// npm package smpp, or on Perl's Net::SMPP. The programs in smpp/interop say what
// they can be told.
type foreignSMSC struct {
	t      testing.TB
	in     io.Writer
	events chan foreignEvent
}

// foreignEvent is what happened there.
type foreignEvent struct {
	Event    string
	Port     int
	Accepted bool
	Status   string
	From, To string
	Text     string
	Coding   int
	UDH      string
	ID       string
	Command  string
	Sequence uint32
	Bind     int
}

const interopFolder = "../../smpp/interop"

func startForeignSMSC(t *testing.T) *foreignSMSC {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(interopFolder + "/node_modules/smpp")
	}
	needForeign(t, err, "an SMSC on the npm package smpp. Install Node and run `npm ci --prefix smpp/interop`")
	return runForeignSMSC(t, node, "smsc.js")
}

func startPerlSMSC(t *testing.T) *foreignSMSC {
	t.Helper()
	perl, err := exec.LookPath("perl")
	if err == nil {
		err = exec.Command(perl, "-MNet::SMPP", "-MJSON::PP", "-e", "1").Run()
	}
	needForeign(t, err, "an SMSC on Perl's Net::SMPP. Install libnet-smpp-perl")
	return runForeignSMSC(t, perl, "smsc.pl")
}

// needForeign skips a test for which something is not installed, where that is
// allowed.
func needForeign(t *testing.T, err error, what string) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" || os.Getenv("SMSBRIDGE_TEST_INTEROP") == "required":
		t.Fatalf("%s: %v", what, err)
	default:
		t.Skipf("NOT TESTED: %s: %v", what, err)
	}
}

func runForeignSMSC(t *testing.T, interpreter, program string) *foreignSMSC {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), interpreter, program)
	cmd.Dir, cmd.Stderr = interopFolder, os.Stderr
	stdin, stdout := startPiped(t, cmd)
	s := &foreignSMSC{t: t, in: stdin, events: make(chan foreignEvent, 1000)}
	go func() {
		defer close(s.events)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var e foreignEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Errorf("the SMSC: %v: %s", err, lines.Text())
			}
			s.events <- e
		}
	}()
	t.Cleanup(func() {
		stdin.Close() // ends it
		for range s.events {
		}
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("the SMSC: %v", err)
		}
	})
	return s
}

func (s *foreignSMSC) order(o any) {
	s.t.Helper()
	if err := json.NewEncoder(s.in).Encode(o); err != nil {
		s.t.Fatal(err)
	}
}

// rule is an order that holds from its return on.
func (s *foreignSMSC) rule(o any) {
	s.t.Helper()
	s.order(o)
	s.sees("obeyed")
}

// sees waits for an event of one of these kinds. Keep-alives, and the ends of
// connections, come when they like.
func (s *foreignSMSC) sees(kinds ...string) foreignEvent {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e, ok := <-s.events:
			if ok && slices.Contains(kinds, e.Event) {
				return e
			}
			if !ok || e.Event != "enquire_link" && e.Event != "close" {
				s.t.Fatalf("the SMSC: %+v, want %s", e, kinds)
			}
		case <-deadline.C:
			s.t.Fatalf("the SMSC: no %s", kinds)
		}
	}
}

// quietFor fails the test if somebody binds meanwhile.
func (s *foreignSMSC) quietFor(d time.Duration) {
	s.t.Helper()
	for over := time.After(d); ; {
		select {
		case e := <-s.events:
			if e.Event == "bind" {
				s.t.Error("it binds again, although the SMSC refused it")
			}
		case <-over:
			return
		}
	}
}

type foreignText struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Text   string `json:"text"`
	Coding int    `json:"coding"`
	UDH    string `json:"udh,omitempty"`
}

// deliver returns when the daemon has acknowledged.
func (s *foreignSMSC) deliver(coding int, udh, body string) {
	s.t.Helper()
	s.order(map[string]foreignText{"deliver": {customer[1:], ourNumber[1:], body, coding, udh}})
	if e := s.sees("answer"); e.Status != "ESME_ROK" {
		s.t.Fatalf("deliver_sm was answered %s", e.Status)
	}
}

// receives takes a text of so many parts, and the answers to their receipts.
func (s *foreignSMSC) receives(parts int) (text string, coding int) {
	s.t.Helper()
	var texts []string
	for receipts := 0; len(texts) < parts || receipts < parts; {
		select {
		case e := <-s.events:
			switch e.Event {
			case "submit":
				if e.From != ourNumber[1:] || e.To != customer[1:] {
					s.t.Errorf("a text from %s to %s", e.From, e.To)
				}
				want := ""
				if parts > 1 {
					want = fmt.Sprintf("%02x%02x", parts, len(texts)+1)
				}
				if parts > 1 && (!strings.HasPrefix(e.UDH, "0003") || !strings.HasSuffix(e.UDH, want)) || parts == 1 && e.UDH != "" {
					s.t.Errorf("header %q of part %d of %d", e.UDH, len(texts)+1, parts)
				}
				texts, coding = append(texts, e.Text), e.Coding
			case "receipt":
				if receipts++; e.Status != "ESME_ROK" {
					s.t.Errorf("a receipt was answered %s", e.Status)
				}
			case "enquire_link", "close":
			default:
				s.t.Fatalf("the SMSC: %+v, want a submit_sm or a receipt", e)
			}
		case <-time.After(patience):
			s.t.Fatalf("the SMSC has received %q, want %d parts", texts, parts)
		}
	}
	return strings.Join(texts, ""), coding
}

// interop is a daemon that is bound to a foreign SMSC, and an agent at it.
type interop struct {
	t            *testing.T
	smsc         *foreignSMSC
	d            *daemon
	agent        *user
	stream       *stream
	conversation string // with the customer, once there is one
}

// oftenAlive has the daemon ask every second whether the SMSC is there: less than a
// busy machine may need to answer it.
const oftenAlive = "      enquire_link: 1s\n"

// newInterop starts the daemon; options are more lines for its carrier.
func newInterop(t *testing.T, smsc *foreignSMSC, options string) *interop {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", smsc.sees("listening").Port)
	d := newDaemon(t, smppCarrier(address, "", options))
	i := &interop{t: t, smsc: smsc, d: d, agent: d.person("Ana", "101", "agent")}
	d.start()
	i.binds()
	i.agent.signIn()
	i.stream = i.agent.follow()
	return i
}

func (i *interop) binds() {
	i.t.Helper()
	if e := i.smsc.sees("bind"); !e.Accepted {
		i.t.Fatal("the bind was refused")
	}
}

// arrives waits for the next text.
func (i *interop) arrives(want string) {
	i.t.Helper()
	e := i.stream.until("message.received", func(e event) bool { return e.Type == "message.received" })
	if e.Data.Message.Text != want {
		i.t.Errorf("received %q, want %q", e.Data.Message.Text, want)
	}
	i.conversation = e.Data.Conversation.ID
}

// sends has the agent answer the customer.
func (i *interop) sends(body string) (sent message) {
	i.t.Helper()
	i.agent.must("POST", "/conversations/"+i.conversation+"/messages", map[string]string{"text": body}, 202, &sent)
	return sent
}

// ticks waits for a text to reach the last of these ticks, by way of the others.
func (i *interop) ticks(id string, want ...string) {
	i.t.Helper()
	var ticks []string
	for len(ticks) == 0 || ticks[len(ticks)-1] != want[len(want)-1] {
		e := i.stream.until("message.tick "+want[len(want)-1], func(e event) bool { return e.Type == "message.tick" && e.Data.Message.ID == id })
		ticks = append(ticks, e.Data.Message.Tick)
	}
	if !slices.Equal(ticks, want) {
		i.t.Errorf("ticks %q, want %q", ticks, want)
	}
}

// replies sends a text, which arrives whole and is delivered.
func (i *interop) replies(body string, parts, coding int) {
	i.t.Helper()
	sent := i.sends(body)
	if got, gotCoding := i.smsc.receives(parts); got != body || gotCoding != coding {
		i.t.Errorf("submitted %q in data_coding %d, want %q in %d", got, gotCoding, body, coding)
	}
	i.ticks(sent.ID, "sent", "delivered")
}

// keepsAlive waits for an enquire_link.
func (i *interop) keepsAlive() {
	i.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e := <-i.smsc.events:
			if e.Event == "enquire_link" {
				return
			}
		case <-deadline:
			i.t.Fatal("no enquire_link")
		}
	}
}

// maintenance has the SMSC unbind, and the daemon return.
func (i *interop) maintenance() {
	i.t.Helper()
	i.smsc.order(map[string]bool{"unbind": true})
	if e := i.smsc.sees("unbound"); e.Status != "ESME_ROK" {
		i.t.Errorf("unbind was answered %s", e.Status)
	}
	i.binds()
}

// stops ends the daemon, which unbinds.
func (i *interop) stops() {
	i.t.Helper()
	if code, _ := i.d.terminate(); code != 0 {
		i.t.Errorf("exit code %d", code)
	}
	i.smsc.sees("unbind")
}
