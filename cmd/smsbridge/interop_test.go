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

// foreignSMSC is an SMSC on the npm package smpp: code that nobody here wrote.
// smpp/interop/smsc.js says what it can be told.
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
}

func startForeignSMSC(t *testing.T) *foreignSMSC {
	t.Helper()
	const folder = "../../smpp/interop"
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(folder + "/node_modules/smpp")
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true" || os.Getenv("SMSBRIDGE_TEST_INTEROP") == "required":
		t.Fatal(err)
	default:
		t.Skipf("NOT TESTED: an SMSC on the npm package smpp. Install Node and run `npm ci --prefix smpp/interop`: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), node, "smsc.js")
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
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

// sees waits for an event of a kind. Keep-alives, and the ends of connections,
// come when they like.
func (s *foreignSMSC) sees(kind string) foreignEvent {
	s.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		select {
		case e, ok := <-s.events:
			if ok && e.Event == kind {
				return e
			}
			if !ok || e.Event != "enquire_link" && e.Event != "close" {
				s.t.Fatalf("the SMSC: %+v, want %s", e, kind)
			}
		case <-deadline.C:
			s.t.Fatalf("the SMSC: no %s", kind)
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

func TestInterop(t *testing.T) {
	t.Parallel()
	smsc := startForeignSMSC(t)
	address := fmt.Sprintf("127.0.0.1:%d", smsc.sees("listening").Port)
	d := newDaemon(t, smppCarrier(address, "", "      enquire_link: 1s\n"))
	ana, operator := d.person("Ana", "101", "agent"), d.token("operator", "carriers:read,carriers:manage")
	d.start()
	if e := smsc.sees("bind"); !e.Accepted {
		t.Fatal("the bind was refused")
	}
	ana.signIn()
	stream := ana.follow()
	arrives := func(want string) string {
		t.Helper()
		e := stream.until("message.received", func(e event) bool { return e.Type == "message.received" })
		if e.Data.Message.Text != want {
			t.Errorf("received %q, want %q", e.Data.Message.Text, want)
		}
		return e.Data.Conversation.ID
	}

	smsc.deliver(0, "", "Is it {ready}? It costs 5€ @ noon")
	conversation := arrives("Is it {ready}? It costs 5€ @ noon")
	smsc.deliver(8, "", "Zażółć 😀")
	arrives("Zażółć 😀")
	smsc.deliver(0, "050003070201", strings.Repeat("first ", 20))
	smsc.deliver(0, "050003070202", "and second")
	arrives(strings.Repeat("first ", 20) + "and second")

	replies := func(body string, parts, coding int) {
		t.Helper()
		var sent message
		ana.must("POST", "/conversations/"+conversation+"/messages", map[string]string{"text": body}, 202, &sent)
		if got, gotCoding := smsc.receives(parts); got != body || gotCoding != coding {
			t.Errorf("submitted %q in data_coding %d, want %q in %d", got, gotCoding, body, coding)
		}
		var ticks []string
		for len(ticks) == 0 || ticks[len(ticks)-1] != "delivered" {
			e := stream.until("message.tick", func(e event) bool { return e.Type == "message.tick" && e.Data.Message.ID == sent.ID })
			ticks = append(ticks, e.Data.Message.Tick)
		}
		if want := []string{"sent", "delivered"}; !slices.Equal(ticks, want) {
			t.Errorf("ticks %q, want %q", ticks, want)
		}
	}
	replies("Yes [it] is: 5€, ready @ noon.", 1, 0)
	replies(strings.Repeat("Open from nine until six, also on Saturday. ", 9), 3, 0)
	replies("Zażółć 😀", 1, 8)
	smsc.order(map[string]int{"throttle": 1})
	var held message
	ana.must("POST", "/conversations/"+conversation+"/messages", map[string]string{"text": "A little later."}, 202, &held)
	smsc.sees("throttled")
	if got, _ := smsc.receives(1); got != "A little later." {
		t.Errorf("after throttling: %q", got)
	}
	stream.until("delivery", func(e event) bool {
		return e.Type == "message.tick" && e.Data.Message.ID == held.ID && e.Data.Message.Tick == "delivered"
	})

	deadline := time.After(patience)
	for alive := false; !alive; {
		select {
		case e := <-smsc.events:
			alive = e.Event == "enquire_link"
		case <-deadline:
			t.Fatal("no enquire_link")
		}
	}

	smsc.order(map[string]bool{"unbind": true})
	if e := smsc.sees("unbound"); e.Status != "ESME_ROK" {
		t.Errorf("unbind was answered %s", e.Status)
	}
	if e := smsc.sees("bind"); !e.Accepted {
		t.Fatal("the second bind was refused")
	}
	smsc.deliver(0, "", "And you are back.")
	arrives("And you are back.")

	refuse(t, smsc, operator)
	smsc.deliver(0, "", "And again.")
	arrives("And again.")
	if code, _ := d.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	smsc.sees("unbind")
}

// refuse changes the password at the SMSC, and back.
func refuse(t *testing.T, smsc *foreignSMSC, operator *user) {
	t.Helper()
	state := func(want string) (c carrier) {
		t.Helper()
		await(t, "the carrier's state", func() error {
			if c = list[carrier](operator, "/carriers")[0]; c.State != want {
				return fmt.Errorf("%+v, want %s", c, want)
			}
			return nil
		})
		return c
	}
	smsc.order(map[string]string{"password": "another"})
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	smsc.sees("unbind")
	if e := smsc.sees("bind"); e.Accepted {
		t.Fatal("a bind with the wrong password was accepted")
	}
	if c := state("refused"); !strings.Contains(c.Error, "ESME_RINVPASWD") {
		t.Errorf("the carrier's error is %q", c.Error)
	}
	if got := scrape(t, operator.d)[`smsbridge_bind_state{bind="1",carrier="acme",state="auth_failed"}`]; got != "1" {
		t.Errorf("bind_state auth_failed is %q", got)
	}
	// A carrier that counts failures locks who tries again and again, and trying
	// does not mend a password.
	for over, timer := false, time.After(time.Second); !over; {
		select {
		case e := <-smsc.events:
			if e.Event == "bind" {
				t.Error("it binds again, although the SMSC refused the password")
			}
		case <-timer:
			over = true
		}
	}
	smsc.order(map[string]string{"password": "secret"})
	operator.must("POST", "/carriers/acme/reconnect", nil, 200, nil)
	if e := smsc.sees("bind"); !e.Accepted {
		t.Fatal("the right password was refused")
	}
	state("up")
}

// scrape reads the daemon's metrics: values by series.
func scrape(t testing.TB, d *daemon) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(string(d.get("/metrics", 200))) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			all[series] = value
		}
	}
	return all
}
