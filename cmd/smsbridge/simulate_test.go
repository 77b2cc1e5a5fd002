package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

func TestSimulateSMSC(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	lines, typed := io.Pipe()
	output, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- simulateSMSC(ctx, []string{
			"--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--system-id", "us", "--password", "secret",
			"--receipts", "never", "--id-format", "padded", "--first-id", "7", "--error-to", "9=ESME_RINVDSTADR",
		}, lines, out, io.Discard)
		_ = out.Close()
	}()
	printed := bufio.NewScanner(output)
	line := func(pattern string) []string {
		t.Helper()
		if !printed.Scan() {
			t.Fatalf("output ends before %q", pattern)
		}
		found := regexp.MustCompile(pattern).FindStringSubmatch(printed.Text())
		if found == nil {
			t.Fatalf("printed %q, want %q", printed.Text(), pattern)
		}
		return found
	}
	control := line(`^control endpoint on (http://.*)$`)[1]
	address := line(`^SMSC listening on (.*)$`)[1]

	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	frames := smpp.NewFrameReader(conn)
	read := func() smpp.PDU {
		t.Helper()
		frame, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		p, err := smpp.Decode(bytes.Clone(frame))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	write := func(b []byte) {
		t.Helper()
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(smpp.AppendBind(nil, smpp.Header{Command: smpp.CmdBindTransceiver, Sequence: 1},
		&smpp.BindRequest{SystemID: "us", Password: "secret"}))
	if p := read(); p.Status != smpp.ESME_ROK {
		t.Fatalf("bind: %v", p.Status)
	}

	for dest, want := range map[string]smpp.Status{"447700900129": smpp.ESME_RINVDSTADR, "447700900123": smpp.ESME_ROK} {
		write(smpp.AppendShortMessage(nil, smpp.Header{Command: smpp.CmdSubmitSM, Sequence: 2}, &smpp.ShortMessage{
			Source: smpp.Address{Value: "60777"}, Dest: smpp.Address{TON: 1, NPI: 1, Value: dest}, Message: []byte("one\ntwo"),
		}))
		if p := read(); p.Status != want {
			t.Errorf("%s: %v, want %v", dest, p.Status, want)
		}
	}
	line(`^60777 -> \+447700900123: "one\\ntwo"$`)

	acknowledge := func(text string, status smpp.Status) {
		t.Helper()
		p := read()
		if m, ok := p.Body.(*smpp.ShortMessage); !ok || string(m.Message) != text {
			t.Fatalf("%v %+v, want %q", p.Command, p.Body, text)
		}
		write(smpp.AppendResponse(nil, smpp.Header{Command: p.Command.Response(), Status: status, Sequence: p.Sequence}, nil))
	}
	if _, err := io.WriteString(typed, "nonsense\n+447700900123 60777 see you  there\n"); err != nil {
		t.Fatal(err)
	}
	line("^not FROM TO TEXT$")
	acknowledge("see you  there", smpp.ESME_RX_P_APPN)
	line(`^\+447700900123 -> 60777: ESME_RX_P_APPN$`)

	posted := make(chan string, 1)
	go func() {
		_, body := request(ctx, http.MethodPost, control+"/deliver", `{"from":"+447700900123","to":"60777","text":"by HTTP"}`)
		posted <- body
	}()
	acknowledge("by HTTP", smpp.ESME_ROK)
	if got := strings.TrimSpace(<-posted); got != `{"status":"ESME_ROK"}` {
		t.Error(got)
	}
	if code, body := request(ctx, http.MethodPost, control+"/deliver", `{"text":"to nobody"}`); code != http.StatusBadRequest {
		t.Errorf("%d %s", code, body)
	}
	var messages []smppsim.Message
	if _, body := request(ctx, http.MethodGet, control+"/messages", ""); json.Unmarshal([]byte(body), &messages) != nil ||
		len(messages) != 1 || messages[0].Text != "one\ntwo" || messages[0].IDs[0] != "0000000007" {
		t.Error(body)
	}
	var stats smppsim.Stats
	if _, body := request(ctx, http.MethodGet, control+"/stats", ""); json.Unmarshal([]byte(body), &stats) != nil ||
		stats.Accepted != 1 || stats.Refused != 1 || stats.InboundAcked != 1 || stats.InboundRefused != 1 {
		t.Error(body)
	}

	_ = typed.Close()
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
}

func request(ctx context.Context, method, url, body string) (int, string) {
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(b)
}

func TestSimulateSMSCRefusesFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--no-such-flag"}, {"argument"}, {"--state", "DELIVERED"}, {"--error-status", "ESME_RWRONG"},
		{"--state-to", "123"}, {"--receipts", "perhaps"}, {"--receipt-form", "verse"}, {"--id-format", "roman"},
		{"--throttle-every", "-1"}, {"--password", "secret"}, {"--data-coding-0", "ebcdic"},
		{"--response-form", "verse"}, {"--deliver-split", "half"}, {"--read-rate", "-1"}, {"--oddity-every", "-1"},
		{"--deliver-data-coding-0", "ebcdic"}, {"--numbers", "60777"}, {"--echo", "--system-id", "us"},
		{"--tls-cert", "missing.pem", "--tls-key", "missing.pem"},
	} {
		var errOut bytes.Buffer
		if code := simulateSMSC(t.Context(), args, strings.NewReader(""), io.Discard, &errOut); code != 2 {
			t.Errorf("%q: exit code %d", args, code)
		}
		if errOut.Len() == 0 {
			t.Errorf("%q: nothing is said", args)
		}
	}
	var errOut bytes.Buffer
	if code := simulateSMSC(t.Context(), []string{"--help"}, nil, io.Discard, &errOut); code != 0 || !strings.Contains(errOut.String(), "-receipt-delay") {
		t.Errorf("--help: exit code %d, %q", code, errOut.String())
	}
	if code := simulateSMSC(t.Context(), []string{"--listen", "nowhere:-1"}, nil, io.Discard, io.Discard); code != 1 {
		t.Errorf("no such address: exit code %d", code)
	}
}

func TestSimulateSMSCTakesFlags(t *testing.T) {
	sim, flags := smscFlags(io.Discard)
	if err := flags.Parse(strings.Fields(`--system-id us --numbers +12602058900,60777 --echo --outbind --response-form header
		--response-doubled --nack-every 2 --unbind-every 3 --receipt-data-sm --receipt-payload --receipt-ucs2 --receipt-unmarked
		--receipt-elsewhere --receipt-reversed 4 --deliver-split sar --deliver-data-coding-0 latin1 --read-rate 5 --oddity-every 6`)); err != nil {
		t.Fatal(err)
	}
	if err := sim.complete(nil); err != nil {
		t.Fatal(err)
	}
	want := smppsim.Script{
		Bind:   smppsim.BindScript{Outbind: true},
		Submit: smppsim.SubmitScript{Form: smppsim.ResponseHeader, Doubled: true, NackEvery: 2, UnbindEvery: 3},
		Receipt: smppsim.ReceiptScript{State: "DELIVRD", DataSM: true, Payload: true, UCS2: true, Unmarked: true,
			Elsewhere: true, Reversed: 4},
		Deliver: smppsim.DeliverScript{RetryAfter: time.Second, ResponseTimeout: time.Minute, Split: smppsim.SplitSAR,
			DataCoding0: smpp.AlphabetLatin1, Echo: true},
		Link: smppsim.LinkScript{ReadRate: 5, OddityEvery: 6},
	}
	if got := sim.options.Script; !reflect.DeepEqual(got, want) {
		t.Errorf("script %+v, want %+v", got, want)
	}
	if got := sim.options.Accounts["us"].Numbers; !slices.Equal(got, []string{"+12602058900", "60777"}) {
		t.Errorf("numbers %q", got)
	}
}
