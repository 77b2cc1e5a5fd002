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
	numbers            string
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
			sim.systemID: {Password: sim.password, MaxBinds: sim.maxBinds, Numbers: strings.FieldsFunc(sim.numbers, isSeparator)},
		}
	case sim.password != "" || sim.maxBinds != 0 || sim.numbers != "":
		return errors.New("--password, --max-binds and --numbers need --system-id")
	}
	if sim.options.Script.Deliver.Echo && sim.numbers == "" {
		return errors.New("--echo needs --numbers")
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
