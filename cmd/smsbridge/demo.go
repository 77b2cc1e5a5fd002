package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/node"
	"smsbridge/gsm/gsmsim"
	"smsbridge/smpp/smppsim"
)

// The demo's carriers, an SMPP account and a modem, and our number on each. All
// numbers are possible ones, and reach nobody: the carriers are simulated.
const (
	demoAccount = "demo"
	demoNumber  = "+12602058900"
	demoModem   = "desk-sim"
	demoSIM     = "+12602058950"
)

// demoStart bounds the wait until the daemon knows the people and the token
// that were added beside it.
const demoStart = 15 * time.Second

// demo runs a daemon, the SMSC that it binds to, the modem that it opens, and
// customers who text.
func demo(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	listen := f.String("listen", "127.0.0.1:8080", "where the API is served, `HOST:PORT`")
	dir := f.String("dir", "", "keep the data in this `FOLDER`; otherwise it is removed at the end")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(std.err, "smsbridge demo: unexpected %q\n", rest[0])
		return exitUsage
	}
	s := stage{listen: *listen, kept: *dir != "", out: std.out}
	var err error
	if s.dir, err = demoFolder(*dir); err != nil {
		return fail(std, err)
	}
	err = s.run(ctx)
	if !s.kept {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	var wrong config.Problems
	switch {
	case errors.As(err, &wrong) && wrong[0].Key == "listen":
		fmt.Fprintf(std.err, "smsbridge demo: --listen %s\n", wrong[0].Message)
		return exitUsage
	case errors.Is(err, syscall.EADDRINUSE):
		fmt.Fprintf(std.err, "smsbridge: %s is in use by another program; choose another port, as in: smsbridge demo --listen 127.0.0.1:8081\n", s.listen)
		return exitFail
	case err != nil:
		return fail(std, err)
	case s.kept:
		fmt.Fprintf(std.out, "\nStopped. The data is in %s; the same --dir goes on with it.\n", s.dir)
	default:
		fmt.Fprintln(std.out, "\nStopped. The data was removed; --dir keeps it.")
	}
	return exitOK
}

func demoFolder(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "smsbridge-demo-")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// stage is one run of the demo.
type stage struct {
	listen string
	dir    string
	kept   bool
	out    io.Writer

	smsc   *smppsim.SMSC
	modem  *gsmsim.Modem
	cast   []player
	secret string // the token's
}

// player is somebody to sign in as.
type player struct {
	Name, Extension, Role, Password string
}

// run plays until ctx ends, and then stops everything in order: the customers,
// the daemon, and the carriers last, which answer what the daemon still has out.
func (s *stage) run(ctx context.Context) (err error) {
	password := rand.Text()[:8] // SMPP 3.4 §5.2.2 leaves it eight characters
	// The SMSC outlives ctx: it is closed after the daemon has unbound.
	if s.smsc, err = smppsim.Start(context.WithoutCancel(ctx), smppsim.Options{
		Accounts: map[string]smppsim.Account{demoAccount: {Password: password, Numbers: []string{demoNumber}}},
		Script: smppsim.Script{
			Submit: smppsim.SubmitScript{Delay: 200 * time.Millisecond, Jitter: 300 * time.Millisecond},
			Receipt: smppsim.ReceiptScript{Delay: time.Second, Jitter: time.Second,
				StateTo: map[string]string{strings.TrimPrefix(unreachable, "+"): "UNDELIV"}},
		},
	}); err != nil {
		return fmt.Errorf("simulated carrier: %w", err)
	}
	defer func() { err = errors.Join(err, s.smsc.Close()) }()
	if s.modem, err = gsmsim.New(gsmsim.Options{Vendor: "huawei", Number: demoSIM, Link: filepath.Join(s.dir, "modem")}); err != nil {
		return fmt.Errorf("simulated modem: %w", err)
	}
	defer s.modem.Close()

	cfg, err := s.configure(password)
	if err != nil {
		return err
	}
	logFile, err := os.OpenFile(filepath.Join(s.dir, "smsbridge.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()

	// The node is made first: it holds the store's lock from then on, so that a
	// second demo in the same folder changes no passwords under the first.
	n, err := node.New(ctx, cfg, build(), slog.New(slog.NewTextHandler(logFile, nil)))
	if err != nil {
		return err
	}
	if err := s.hire(ctx, cfg); err != nil {
		return errors.Join(err, n.Close())
	}
	return s.play(ctx, n)
}

// play runs the node and, until it ends, those who use it.
func (s *stage) play(ctx context.Context, n *node.Node) error {
	playing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	// The node gets a context of its own, so that it stops after the customers.
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	go func() { ended <- n.Run(serving); stop() }()

	err := s.perform(playing, "http://"+reachable(n.Addr()))
	stopServing()
	return errors.Join(err, <-ended)
}

// reachable is an address as a client on this machine writes it.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}

// perform prints the programme, sets the customers going and tells what
// happens, until ctx ends.
func (s *stage) perform(ctx context.Context, url string) error {
	starting, cancel := context.WithTimeout(ctx, demoStart)
	defer cancel()
	stream := &eventStream{url: url + "/api/v1/events", token: s.secret}
	defer stream.close()
	if err := stream.open(ctx, starting); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("the demo's own event stream: %w", err)
	}
	if _, err := io.WriteString(s.out, s.programme(url)); err != nil {
		return err
	}
	var all sync.WaitGroup
	events := make(chan liveEvent, 64)
	t := newTown(s.smsc, s.modem.Network())
	all.Go(func() { t.run(ctx) })
	all.Go(func() { stream.follow(ctx, events) })
	all.Go(func() { newAccount(s.out).tell(ctx, events) })
	all.Wait()
	return nil
}

// configure writes the daemon's configuration where a person can read it, and
// loads it as `serve` does.
func (s *stage) configure(password string) (*config.Config, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Written by smsbridge demo at each start.
listen: %q
region: US
store: sqlite:smsbridge.db
node: demo
carriers:
  - name: %s
    numbers: [%q]
    smpp:
      hosts: [%q]
      system_id: %s
      password_file: carrier-password
      reconnect: {min: 100ms, max: 2s}
  - name: %s
    numbers: [%q]
    gsm:
      device: %q
`, s.listen, demoAccount, demoNumber, s.smsc.Addr(), demoAccount, demoModem, demoSIM, s.modem.Options().Link)
	if err := os.WriteFile(filepath.Join(s.dir, "carrier-password"), []byte(password+"\n"), 0o600); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, "smsbridge.yaml")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return nil, err
	}
	// The password is in this folder, whatever systemd's credentials are.
	return config.Load(path, config.Options{Getenv: func(string) string { return "" }})
}

// hire makes the people and the token, or gives those of an earlier run new
// passwords.
func (s *stage) hire(ctx context.Context, cfg *config.Config) error {
	accounts, err := node.OpenAccounts(ctx, cfg)
	if err != nil {
		return err
	}
	err = s.sign(ctx, accounts)
	return errors.Join(err, accounts.Close())
}

func (s *stage) sign(ctx context.Context, accounts *node.Accounts) error {
	known, err := accounts.List(ctx)
	if err != nil {
		return err
	}
	hired := map[string]bool{}
	for _, p := range known {
		hired[p.Extension] = true
	}
	s.cast = []player{
		{Name: "Ana", Extension: "101", Role: "agent"}, {Name: "Ben", Extension: "102", Role: "agent"},
		{Name: "Mia", Extension: "201", Role: "manager"}, {Name: "Olga", Extension: "301", Role: "owner"},
	}
	for i := range s.cast {
		p := &s.cast[i]
		p.Password = strings.ToLower(rand.Text()[:12])
		if hired[p.Extension] {
			err = accounts.SetPassword(ctx, p.Extension, p.Password)
		} else {
			_, err = accounts.Add(ctx, p.Name, p.Extension, p.Role, "", p.Password)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	const name = "demo"
	tokens, err := accounts.Tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.Name == name {
			if err := accounts.Revoke(ctx, t.ID.String()); err != nil {
				return err
			}
		}
	}
	t, err := accounts.CreateToken(ctx, node.Token{Name: name, Scopes: []string{"messages:send", "messages:read", "conversations:read", "events:read", "carriers:read"}})
	s.secret = t.Secret
	return err
}
