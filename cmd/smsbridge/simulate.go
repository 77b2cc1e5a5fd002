package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

// deliverPatience is how long a text for the ESME may stay unanswered before
// whoever sent it is told. The simulator goes on trying.
const deliverPatience = 10 * time.Second

// simulation is what the flags of `simulate smsc` say.
type simulation struct {
	options            smppsim.Options
	http               string
	systemID, password string
	maxBinds           int
	certFile, keyFile  string
	quiet              bool
}

// simulateSMSC runs an SMSC until ctx ends. Each text that is submitted becomes a
// line of out; each line of stdin, FROM TO TEXT…, is delivered to the ESME. The
// end of stdin ends nothing. It returns the exit code: 2 for flags that cannot be
// meant.
func simulateSMSC(ctx context.Context, args []string, stdin io.Reader, out, errOut io.Writer) int {
	sim, flags := smscFlags(errOut)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	err := sim.complete(flags.Args())
	if err != nil {
		fmt.Fprintln(errOut, "smsbridge simulate smsc:", err)
		return 2
	}
	sim.options.Log = slog.New(slog.NewTextHandler(errOut, nil))
	if err := sim.run(ctx, stdin, &lockedWriter{w: out}); err != nil {
		fmt.Fprintln(errOut, "smsbridge simulate smsc:", err)
		return 1
	}
	return 0
}

func smscFlags(errOut io.Writer) (*simulation, *flag.FlagSet) {
	sim := &simulation{}
	script := &sim.options.Script
	f := flag.NewFlagSet("smsbridge simulate smsc", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Usage = func() {
		fmt.Fprint(errOut, `usage: smsbridge simulate smsc [flags]

An SMSC to bind to. Each submitted text is printed; type FROM TO TEXT to send one
to whoever is bound as a receiver. Counts and STATUS below: every Nth submit of an
account, and a name like ESME_RTHROTTLED or a number like 0x58.

`)
		f.PrintDefaults()
	}
	f.StringVar(&sim.options.Listen, "listen", "127.0.0.1:2775", "`host:port` to listen on")
	f.StringVar(&sim.http, "http", "", "`host:port` of the control endpoint, such as 127.0.0.1:2776: GET /stats, GET /messages,\nPOST /deliver {\"from\",\"to\",\"text\"}. It asks for no password")
	f.StringVar(&sim.systemID, "system-id", "", "system_id that may bind; empty: any, with any password")
	f.StringVar(&sim.password, "password", "", "its password")
	f.StringVar(&sim.certFile, "tls-cert", "", "PEM `file` of a certificate: speak TLS")
	f.StringVar(&sim.keyFile, "tls-key", "", "PEM `file` of its key")
	f.Uint64Var(&sim.options.FirstID, "first-id", 0, "number of the first message id; 0: at random")
	f.BoolVar(&sim.quiet, "quiet", false, "do not print texts")

	f.IntVar(&sim.maxBinds, "max-binds", 0, "connections of one system_id, above which ESME_RALYBND; 0: any number")
	statusFlag(f, &script.Bind.Status, "bind-status", "refuse every bind with `STATUS`")
	f.DurationVar(&script.Bind.Delay, "bind-delay", 0, "answer binds this much later")

	submit := &script.Submit
	f.DurationVar(&submit.Delay, "response-delay", 0, "answer submits this much later")
	f.DurationVar(&submit.Jitter, "response-jitter", 0, "and up to this much more")
	idFlag(f, &submit.ID, "id-format", "`form` of message ids: decimal, padded, hex, HEX, uuid (default decimal)")
	f.IntVar(&submit.ThrottleEvery, "throttle-every", 0, "answer every `N`th ESME_RTHROTTLED")
	f.Float64Var(&submit.ThrottleAbove, "throttle-above", 0, "answer ESME_RTHROTTLED above this `rate` a second")
	f.IntVar(&submit.ErrorEvery, "error-every", 0, "answer every `N`th with --error-status")
	statusFlag(f, &submit.ErrorStatus, "error-status", "`STATUS` of --error-every (default ESME_RSUBMITFAIL)")
	suffixFlag(f, &submit.ErrorTo, "error-to", "answer submits to numbers that end so: `SUFFIX=STATUS`; may be repeated", parseStatus)
	f.IntVar(&submit.SilentEvery, "silent-every", 0, "accept every `N`th and never answer it")
	f.IntVar(&submit.DropBefore, "drop-before", 0, "drop the connection at every `N`th, which is not accepted")
	f.IntVar(&submit.DropAfter, "drop-after", 0, "accept every `N`th and drop the connection instead of answering")
	f.IntVar(&submit.Window, "window", 0, "unanswered submits a connection may have, above which ESME_RMSGQFUL; 0: 10000")
	f.Func("data-coding-0", "what data_coding 0 means: gsm7, gsm7-packed, latin1, ascii (default gsm7)", func(s string) error {
		submit.DataCoding0 = smpp.Alphabet(s)
		switch submit.DataCoding0 {
		case smpp.AlphabetGSM7, smpp.AlphabetGSM7Packed, smpp.AlphabetLatin1, smpp.AlphabetASCII:
			return nil
		}
		return errors.New("no such alphabet")
	})

	receipt := &script.Receipt
	wordFlag(f, &receipt.When, "receipts", "`when` to send receipts: asked, always, never (default asked)",
		map[string]smppsim.ReceiptMode{"asked": smppsim.ReceiptsAsked, "always": smppsim.ReceiptsAlways, "never": smppsim.ReceiptsNever})
	f.DurationVar(&receipt.Delay, "receipt-delay", 0, "send receipts this much after the response")
	f.DurationVar(&receipt.Jitter, "receipt-jitter", 0, "and up to this much later")
	f.StringVar(&receipt.State, "state", "DELIVRD", "final state: DELIVRD, UNDELIV, EXPIRED, REJECTD, DELETED, UNKNOWN, ACCEPTD, ENROUTE")
	suffixFlag(f, &receipt.StateTo, "state-to", "final state for numbers that end so: `SUFFIX=STATE`; may be repeated",
		func(word string) (string, error) { return word, nil })
	f.StringVar(&receipt.Err, "receipt-err", "", "the err field of receipts (default 000 or 001)")
	f.BoolVar(&receipt.Enroute, "enroute", false, "an intermediate notification comes first")
	wordFlag(f, &receipt.Form, "receipt-form", "`form` of receipts: text, tlvs, both (default both)",
		map[string]smppsim.ReceiptForm{"both": smppsim.ReceiptBoth, "text": smppsim.ReceiptText, "tlvs": smppsim.ReceiptTLVs})
	idFlag(f, &receipt.ID, "receipt-id-format", "`form` of ids in receipts, as --id-format, or same (default same)")
	f.BoolVar(&receipt.Early, "receipt-early", false, "send receipts before the response")
	f.BoolVar(&receipt.Doubled, "receipt-doubled", false, "send each receipt twice")

	f.IntVar(&script.Deliver.Window, "deliver-window", 0, "unanswered deliver_sm a connection may have; 0: 100")
	f.DurationVar(&script.Deliver.RetryAfter, "retry-after", time.Second, "send deliver_sm again this long after a temporary error")
	f.DurationVar(&script.Deliver.ResponseTimeout, "deliver-timeout", time.Minute, "drop a connection that has not answered for so long")
	f.DurationVar(&script.Link.EnquireLink, "enquire-link", 0, "`interval` of the simulator's own enquire_link; 0: none")
	f.IntVar(&script.Link.SplitWrites, "split-writes", 0, "write so many `octets` at a time")
	f.BoolVar(&script.Link.Silent, "silent", false, "let ESMEs bind, and then neither answer nor send anything")
	return sim, f
}

func statusFlag(f *flag.FlagSet, to *smpp.Status, name, usage string) {
	f.Func(name, usage, func(s string) (err error) {
		*to, err = parseStatus(s)
		return err
	})
}

func parseStatus(s string) (smpp.Status, error) {
	status, ok := smpp.ParseStatus(s)
	if !ok {
		return 0, errors.New("no such status")
	}
	return status, nil
}

func idFlag(f *flag.FlagSet, to *smppsim.IDForm, name, usage string) {
	f.Func(name, usage, func(s string) (err error) {
		*to, err = smppsim.ParseIDForm(s)
		return err
	})
}

func wordFlag[T any](f *flag.FlagSet, to *T, name, usage string, words map[string]T) {
	f.Func(name, usage, func(s string) error {
		v, ok := words[s]
		if !ok {
			return errors.New("no such word")
		}
		*to = v
		return nil
	})
}

func suffixFlag[T any](f *flag.FlagSet, to *map[string]T, name, usage string, parse func(string) (T, error)) {
	f.Func(name, usage, func(s string) error {
		suffix, value, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New("no = in it")
		}
		v, err := parse(value)
		if err != nil {
			return err
		}
		if *to == nil {
			*to = make(map[string]T)
		}
		(*to)[suffix] = v
		return nil
	})
}

// complete checks what flags alone cannot, and reads the certificate.
func (sim *simulation) complete(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected %q", args[0])
	}
	if err := sim.options.Script.Validate(); err != nil {
		return err
	}
	switch {
	case sim.systemID != "":
		sim.options.Accounts = map[string]smppsim.Account{
			sim.systemID: {Password: sim.password, MaxBinds: sim.maxBinds},
		}
	case sim.password != "" || sim.maxBinds != 0:
		return errors.New("--password and --max-binds need --system-id")
	}
	if sim.certFile == "" && sim.keyFile == "" {
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(sim.certFile, sim.keyFile)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	sim.options.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return nil
}

// run serves until ctx ends. The goroutine that reads stdin ends with stdin, for
// which nobody can wait.
func (sim *simulation) run(ctx context.Context, stdin io.Reader, out io.Writer) error {
	smsc, err := smppsim.Start(ctx, sim.options)
	if err != nil {
		return err
	}
	defer smsc.Close()
	if !sim.quiet {
		smsc.OnMessage(func(m smppsim.Message) {
			fmt.Fprintf(out, "%s -> %s: %q\n", m.From, m.To, m.Text)
		})
	}
	stopControl := func() {}
	if sim.http != "" {
		stopControl, err = serveControl(ctx, sim.http, smsc, out)
		if err != nil {
			return err
		}
	}
	defer stopControl()
	fmt.Fprintf(out, "SMSC listening on %s\n", smsc.Addr())
	go deliverLines(ctx, stdin, smsc, out)
	<-ctx.Done()
	return nil
}

// deliverLines sends each line FROM TO TEXT… of stdin to the ESME.
func deliverLines(ctx context.Context, stdin io.Reader, smsc *smppsim.SMSC, out io.Writer) {
	for lines := bufio.NewScanner(stdin); ctx.Err() == nil && lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		from, rest, _ := strings.Cut(line, " ")
		to, text, ok := strings.Cut(strings.TrimSpace(rest), " ")
		if !ok {
			fmt.Fprintln(out, "not FROM TO TEXT")
			continue
		}
		wait, cancel := context.WithTimeout(ctx, deliverPatience)
		status, err := smsc.Deliver(wait, from, to, text)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, context.DeadlineExceeded):
			fmt.Fprintf(out, "%s -> %s: no answer yet\n", from, to)
		case err != nil:
			fmt.Fprintf(out, "%s -> %s: %v\n", from, to, err)
		default:
			fmt.Fprintf(out, "%s -> %s: %v\n", from, to, status)
		}
	}
}

// serveControl serves the control endpoint until the function it returns is
// called, which waits for it.
func serveControl(ctx context.Context, address string, smsc *smppsim.SMSC, out io.Writer) (stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("control endpoint: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, smsc.Stats())
	})
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, smsc.Messages())
	})
	mux.HandleFunc("POST /deliver", func(w http.ResponseWriter, r *http.Request) { controlDeliver(w, r, smsc) })
	server := &http.Server{
		Handler: http.NewCrossOriginProtection().Handler(mux), ReadTimeout: 10 * time.Second,
		WriteTimeout: 10*time.Second + deliverPatience,
		BaseContext:  func(net.Listener) context.Context { return ctx },
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(listener) })
	fmt.Fprintf(out, "control endpoint on http://%s\n", listener.Addr())
	return func() {
		_ = server.Close()
		serving.Wait()
	}, nil
}

func controlDeliver(w http.ResponseWriter, r *http.Request, smsc *smppsim.SMSC) {
	var body struct{ From, To, Text string }
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.From == "" || body.To == "" {
		writeControl(w, http.StatusBadRequest, map[string]string{"error": `want {"from","to","text"}`})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), deliverPatience)
	defer cancel()
	status, err := smsc.Deliver(ctx, body.From, body.To, body.Text)
	switch {
	case err == nil:
		writeControl(w, http.StatusOK, map[string]string{"status": status.String()})
	case errors.Is(err, context.DeadlineExceeded):
		writeControl(w, http.StatusAccepted, map[string]string{"status": "no answer yet"})
	default:
		writeControl(w, http.StatusServiceUnavailable, map[string]string{"error": err.Error()})
	}
}

func writeControl(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client has gone
}

// lockedWriter writes whole lines of several goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
