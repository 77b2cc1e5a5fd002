package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp/smppsim"
)

// TestFailOver takes away one of two carriers: what it has certainly not been
// given goes to the other.
func TestFailOver(t *testing.T) {
	t.Parallel()
	first := startScripted(t, smppsim.Script{Submit: smppsim.SubmitScript{Delay: 50 * time.Millisecond}})
	shared := []string{ourNumber}
	b := newRig(t, "routes:\n  - {number: \""+ourNumber+"\", carriers: [us, second], failover_after: 1s}\n",
		account{name: "us", numbers: shared, hosts: fmt.Sprintf("[%q]", first.Addr()), smpp: "      window: 1\n"},
		account{name: "second", numbers: shared, smpp: "      long_messages: udh16\n"})
	b.carrier("us", "up", isState("up"))
	var sent []message
	for n := range 40 {
		text := fmt.Sprint("text ", n)
		if n%2 == 1 {
			text = strings.Repeat(text+", ", 20)
		}
		sent = append(sent, b.send("us", text, map[string]any{"to": fmt.Sprintf("+1260205%04d", 1000+n)}))
	}
	await(t, "the first carrier", func() error {
		if n := len(first.Submits()); n < 5 {
			return fmt.Errorf("%d submits", n)
		}
		return nil
	})
	first.Close()
	began := time.Now()
	b.carrier("us", "down", isState("down"))
	await(t, "the other carrier", func() error {
		if len(b.submits("second")) == 0 {
			return fmt.Errorf("has nothing")
		}
		return nil
	})
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("failed over after %v, want a second", took)
	}
	later := b.send("us", "later", nil)
	b.program.settled(later.ID, "delivered")
	times := map[string]int{}
	for _, s := range append(first.Submits(), b.submits("second")...) {
		if s.Text != "" {
			times[s.Text]++
		}
	}
	byCarrier := map[string]int{}
	for _, m := range sent {
		var now message
		await(t, m.Text, func() error {
			b.program.must("GET", "/messages/"+m.ID, nil, 200, &now)
			if now.Tick == "queued" || now.Tick == "sending" {
				return fmt.Errorf("%s at %s", now.Tick, now.Carrier)
			}
			return nil
		})
		byCarrier[now.Carrier]++
		switch {
		case now.Carrier == "second" && now.Tick != "delivered":
			b.program.settled(m.ID, "delivered")
		case now.Carrier == "us" && now.Tick == "unknown" && now.Error.Code == "uncertain":
		case now.Carrier == "us" && now.Tick != "sent" && now.Tick != "delivered":
			t.Errorf("%q at the carrier that is down is %s", m.Text, now.Tick)
		}
	}
	for _, s := range b.submits("second") {
		if s.Text != "" && times[s.Text] == 0 {
			times[s.Text]++
		}
	}
	for text, n := range times {
		if n > 1 {
			t.Errorf("%.20q was submitted %d times", text, n)
		}
	}
	if byCarrier["second"] == 0 || byCarrier["us"] == 0 {
		t.Errorf("by carrier: %v", byCarrier)
	}
}

// TestShares divides texts among carriers, and sends some destinations another way.
func TestShares(t *testing.T) {
	t.Parallel()
	shared := []string{ourNumber}
	b := newRig(t, `routes:
  - {number: "`+ourNumber+`", carriers: [three, one], weights: [3, 1]}
  - {number: "`+ourNumber+`", to: ["+44"], carriers: [britain]}
`, account{name: "three", numbers: shared}, account{name: "one", numbers: shared}, account{name: "britain", numbers: shared, options: "    allow_to: [\"+44\"]\n"})
	for _, name := range []string{"three", "one", "britain"} {
		b.carrier(name, "up", isState("up"))
	}
	byCarrier := map[string]int{}
	for n := range 120 {
		m := b.send("three", fmt.Sprint("text ", n), map[string]any{"to": fmt.Sprintf("+1260205%04d", 1000+37*n)})
		byCarrier[m.Carrier]++
	}
	if byCarrier["three"] < 70 || byCarrier["one"] < 15 || byCarrier["three"]+byCarrier["one"] != 120 {
		t.Errorf("shares of 3 to 1: %v", byCarrier)
	}
	m := b.send("three", "to Britain", map[string]any{"to": "+447700900123"})
	if b.program.settled(m.ID, "delivered").Carrier != "britain" {
		t.Errorf("a text to Britain goes by %s", m.Carrier)
	}
	b.submitted("three", byCarrier["three"])
	b.submitted("one", byCarrier["one"])
}

// TestLimits has a token and an agent send more than they may.
func TestLimits(t *testing.T) {
	t.Parallel()
	b := newRig(t, "limits: {agent_per_minute: 3, token_per_day: 5}\n", account{name: "us", numbers: []string{ourNumber}, options: "    allow_to: [\"+1\", \"+44\"]\n"})
	stream := b.program.follow()
	limited := b.d.token("shop", "messages:send", "--allow-to", "+1260", "--per-day", "3")
	usual := b.d.token("usual", "messages:send")
	ana := b.d.person("Ana", "101", "agent")
	ana.signIn()

	var p problem
	limited.must("POST", "/messages", map[string]string{"to": "+447700900123", "text": "x"}, 422, &p)
	if p.Code != "destination_not_allowed" || !strings.Contains(p.Detail, "+1260") {
		t.Errorf("a token with --allow-to: %+v", p)
	}
	usual.must("POST", "/messages", map[string]string{"to": "+4915112345678", "text": "x"}, 422, &p)
	if p.Code != "destination_not_allowed" {
		t.Errorf("a carrier with allow_to: %+v", p)
	}
	for who, most := range map[*user]int{limited: 3, usual: 5} {
		who.send(strings.Repeat("x", 161), nil) // two segments
		for range most - 2 {
			who.send("x", nil)
		}
		b.tooMuch(who, "/messages", map[string]string{"to": customerNumber, "text": "x"}, 24*time.Hour)
	}
	for n := range 3 {
		ana.must("POST", "/conversations", map[string]string{"to": fmt.Sprintf("+1260205%04d", 1000+n), "text": "x"}, 201, nil)
	}
	b.tooMuch(ana, "/conversations", map[string]string{"to": customerNumber, "text": "x"}, 20*time.Second)
	series := scrape(t, b.d)
	if agents, tokens := series[`smsbridge_limit_reached_total{kind="agent"}`], series[`smsbridge_limit_reached_total{kind="token"}`]; agents != "1" || tokens != "2" {
		t.Errorf("limit_reached_total: %s agents, %s tokens", agents, tokens)
	}
	var who []string
	for range 3 {
		e := stream.until("limit.reached", func(e event) bool { return e.Type == "limit.reached" })
		if e.Data.By == nil {
			t.Fatalf("%+v does not say who", e)
		}
		who = append(who, e.Data.By.Name)
	}
	slices.Sort(who)
	if want := []string{"Ana", "shop", "usual"}; !slices.Equal(who, want) {
		t.Errorf("limits were reached by %q, want %q", who, want)
	}
}

// tooMuch makes a request that is one too many.
func (b *rig) tooMuch(who *user, path string, body any, most time.Duration) {
	b.t.Helper()
	response, err := who.open(b.t.Context(), "POST", path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	after, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if response.StatusCode != http.StatusTooManyRequests || err != nil || after < 1 || time.Duration(after)*time.Second > most || !strings.Contains(string(answer), `"rate_limited"`) {
		b.t.Errorf("%s beyond the limit: %d, Retry-After %d: %s", who.name, response.StatusCode, after, answer)
	}
}

// TestPreviewIsWhatIsSent compares what is promised of a text with what the SMSC
// gets.
func TestPreviewIsWhatIsSent(t *testing.T) {
	t.Parallel()
	b := newRig(t, "", account{name: "gsm7"}, account{name: "latin1", smpp: "      data_coding_0: latin1\n", script: latin1Script()},
		account{name: "plain", smpp: "      transliterate: all\n"}, account{name: "payload", smpp: "      long_messages: payload\n"})
	type preview struct {
		Carrier, Encoding                       string
		Segments, Most, Characters, Units, Room int
		Text                                    string
	}
	for _, tt := range []struct {
		carrier, text string
		want          preview
		submits       int
	}{
		{"gsm7", "5€ [now]", preview{"gsm7", "gsm7", 1, 10, 8, 11, 149, ""}, 1},
		{"gsm7", strings.Repeat("x", 152) + "€y", preview{"gsm7", "gsm7", 1, 10, 154, 155, 5, ""}, 1},
		{"gsm7", strings.Repeat("x", 152) + "€" + strings.Repeat("y", 10), preview{"gsm7", "gsm7", 2, 10, 163, 164, 141, ""}, 2},
		{"gsm7", "żółw", preview{"gsm7", "ucs2", 1, 10, 4, 4, 66, ""}, 1},
		{"gsm7", strings.Repeat("a", 66) + "😀bcdef", preview{"gsm7", "ucs2", 2, 10, 72, 73, 60, ""}, 2},
		{"latin1", "½ Größe", preview{"latin1", "latin1", 1, 10, 7, 7, 133, ""}, 1},
		{"plain", "żółw’s", preview{"plain", "gsm7", 1, 10, 6, 6, 154, "zolw's"}, 1},
		{"payload", strings.Repeat("x", 161), preview{"payload", "gsm7", 2, 10, 161, 161, 145, ""}, 1},
	} {
		if tt.want.Text == "" {
			tt.want.Text = tt.text
		}
		var got preview
		b.program.must("GET", "/messages/preview?from="+url.QueryEscape(b.accounts[tt.carrier].numbers[0])+"&to="+url.QueryEscape(customerNumber)+"&text="+url.QueryEscape(tt.text), nil, 200, &got)
		if got != tt.want {
			t.Errorf("%s, %.20q:\n got %+v\nwant %+v", tt.carrier, tt.text, got, tt.want)
		}
		before := len(b.submits(tt.carrier))
		m := b.program.settled(b.send(tt.carrier, tt.text, nil).ID, "delivered")
		submits := b.submits(tt.carrier)[before:]
		if last := submits[len(submits)-1]; len(submits) != tt.submits || last.Text != tt.want.Text || m.Encoding != tt.want.Encoding {
			t.Errorf("%s, %.20q: %d submits of %q in %s", tt.carrier, tt.text, len(submits), last.Text, m.Encoding)
		}
	}
}

func latin1Script() (s smppsim.Script) {
	s.Submit.DataCoding0 = "latin1"
	return s
}
