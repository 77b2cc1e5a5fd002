// Command smsbridge bridges SMS carriers to the people who answer customers.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"smsbridge/gateway/node"
	"smsbridge/gateway/store"
)

// version is set by the build.
var version = "devel"

// Exit codes.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2
)

const usage = `smsbridge connects SMS carriers to the people who answer customers.

usage: smsbridge COMMAND [flags]

  demo       the whole product on this machine, with a simulated carrier and customers
  serve      the daemon
  check      is the configuration right? every problem, with its line
  user       add NAME, list, passwd, disable: people who sign in
  token      create NAME, list, revoke: keys of programs
  modems     what is plugged in, and what to configure for it
  init       writes a first configuration from what is plugged in
  at         DEVICE: type AT commands to a modem
  status     carriers, modems, queues and backlog of a running daemon
  trace      MESSAGE: the whole life of one text
  selftest   CARRIER --to NUMBER: does a carrier carry every character?
  simulate   smsc: an SMSC to bind to; modem: a modem with a SIM to open
  migrate    bring the store to this build's schema
  version    this build

smsbridge COMMAND -h lists a command's flags.
`

// std is what a command reads and writes.
type std struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], std{os.Stdin, os.Stdout, os.Stderr}))
}

func run(ctx context.Context, args []string, io std) int {
	if len(args) == 0 {
		fmt.Fprint(io.err, usage)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "serve":
		return serve(ctx, args, io)
	case "demo":
		return demo(ctx, args, io)
	case "check":
		return check(args, io)
	case "user":
		return user(ctx, args, io)
	case "token":
		return token(ctx, args, io)
	case "modems":
		return modems(ctx, args, io)
	case "init":
		return initialise(ctx, args, io)
	case "at":
		return at(ctx, args, io)
	case "status":
		return status(ctx, args, io)
	case "trace":
		return trace(ctx, args, io)
	case "selftest":
		return selftest(ctx, args, io)
	case "simulate":
		return simulate(ctx, args, io)
	case "migrate":
		return migrate(ctx, args, io)
	case "version", "--version":
		return showVersion(args, io)
	case "help", "-h", "--help":
		fmt.Fprint(io.out, usage)
		return exitOK
	}
	fmt.Fprintf(io.err, "smsbridge: there is no command %q\n\n%s", name, usage)
	return exitUsage
}

func simulate(ctx context.Context, args []string, io std) int {
	if len(args) > 0 {
		switch args[0] {
		case "smsc":
			return simulateSMSC(ctx, args[1:], io.in, io.out, io.err)
		case "modem":
			return simulateModem(ctx, args[1:], io.in, io.out, io.err)
		}
	}
	fmt.Fprintln(io.err, "usage: smsbridge simulate smsc|modem [flags]")
	return exitUsage
}

// flags parses flags and arguments in any order. It returns the arguments, and
// an exit code unless the command should go on.
func flags(f *flag.FlagSet, args []string, io std) (rest []string, code int, done bool) {
	f.SetOutput(io.err)
	for {
		if err := f.Parse(args); err != nil {
			if err == flag.ErrHelp {
				return nil, exitOK, true
			}
			return nil, exitUsage, true
		}
		if f.NArg() == 0 {
			return rest, 0, false
		}
		if len(args) > 0 && f.NArg() < len(args) && args[len(args)-f.NArg()-1] == "--" {
			return append(rest, f.Args()...), 0, false
		}
		rest, args = append(rest, f.Arg(0)), f.Args()[1:]
	}
}

// configFlag is for commands that take nothing but --config.
func configFlag(name string, args []string, io std) (path string, code int, done bool) {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	file := f.String("config", defaultConfig, "the configuration `FILE`")
	rest, code, done := flags(f, args, io)
	if !done && len(rest) > 0 {
		fmt.Fprintf(io.err, "smsbridge %s: unexpected %q (name the file with --config)\n", name, rest[0])
		return "", exitUsage, true
	}
	return *file, code, done
}

// list is a flag that may be given several times, or with commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	for _, v := range strings.Split(s, ",") {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(*l, v) {
			*l = append(*l, v)
		}
	}
	return nil
}

const defaultConfig = "/etc/smsbridge/smsbridge.yaml"

// fail says in one line what went wrong.
func fail(io std, err error) int {
	fmt.Fprintf(io.err, "smsbridge: %v\n", err)
	return exitFail
}

func build() node.Version {
	v := node.Version{Version: version, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				v.Revision = s.Value
			}
		}
	}
	return v
}

func showVersion(args []string, io std) int {
	if len(args) > 0 {
		fmt.Fprintln(io.err, "usage: smsbridge version")
		return exitUsage
	}
	v := build()
	fmt.Fprintf(io.out, "smsbridge %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(io.out, " (%s)", v.Revision)
	}
	fmt.Fprintf(io.out, "\n%s %s/%s, schema %d\n", v.Go, runtime.GOOS, runtime.GOARCH, store.SchemaVersion())
	return exitOK
}
