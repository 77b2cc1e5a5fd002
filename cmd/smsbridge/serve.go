package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/node"
)

// stopLimit stands above the sum of the node's bounded steps; systemd's own
// timeout stands above this.
const stopLimit = 27 * time.Second

func serve(ctx context.Context, args []string, io std) int {
	path, code, done := configFlag("serve", args, io)
	if done {
		return code
	}
	cfg, err := config.Load(path, config.Options{})
	if err != nil {
		return problems(io, path, err)
	}
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level.Level())
	log := newLog(io.err, cfg.Log.Format, level)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		again, err := serveOnce(ctx, cfg, log, hup, func() (*config.Config, error) { return reload(path, cfg, level, log) })
		if err != nil {
			return fail(io, err)
		}
		if again == nil {
			return exitOK
		}
		cfg = again
	}
}

// serveOnce runs a node until ctx ends, or until a changed configuration takes
// its place, which is returned.
func serveOnce(ctx context.Context, cfg *config.Config, log *slog.Logger, hup <-chan os.Signal, changed func() (*config.Config, error)) (*config.Config, error) {
	n, err := node.New(ctx, cfg, build(), log)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(running) }()
	var next *config.Config
	for {
		select {
		case <-hup:
			var err error
			if next, err = changed(); err != nil {
				n.ReloadFailed()
			}
			if next == nil {
				continue
			}
			stop(node.ErrReload)
		case <-ctx.Done():
		case err := <-ended:
			return nil, err
		}
		break
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case err := <-ended:
		return next, err
	case <-limit.C:
		return nil, errors.New("could not stop in time; what was on the wire is uncertain")
	}
}

// reload reads the configuration again. One that is wrong, or the same, leaves
// the running one as it is.
func reload(path string, old *config.Config, level *slog.LevelVar, log *slog.Logger) (*config.Config, error) {
	cfg, err := config.Load(path, config.Options{})
	if err == nil {
		err = node.Check(cfg)
	}
	if err != nil {
		log.Error("the configuration is wrong; the running one stays", "problems", err.Error())
		return nil, err
	}
	if cfg.Equal(old) {
		log.Info("the configuration has not changed")
		return nil, nil
	}
	log.Info("the configuration has changed; starting anew with it")
	level.Set(cfg.Log.Level.Level())
	return cfg, nil
}

// problems prints what is wrong with a configuration, a line each.
func problems(io std, path string, err error) int {
	var all config.Problems
	if !errors.As(err, &all) {
		return fail(io, err)
	}
	for _, p := range all {
		fmt.Fprintln(io.err, p)
	}
	return exitFail
}

func check(args []string, io std) int {
	path, code, done := configFlag("check", args, io)
	if done {
		return code
	}
	cfg, err := config.Load(path, config.Options{})
	if err == nil {
		err = node.Check(cfg)
	}
	if err != nil {
		return problems(io, path, err)
	}
	fmt.Fprintf(io.out, "%s is right.\n", path)
	return exitOK
}

// newLog writes to w; under systemd each line begins with its priority.
func newLog(w io.Writer, format config.LogFormat, level slog.Leveler) *slog.Logger {
	opt := &slog.HandlerOptions{Level: level}
	journal := os.Getenv("JOURNAL_STREAM") != ""
	if journal {
		w = &priorities{w}
		opt.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{} // the journal has its own
			}
			return a
		}
	}
	if format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// priorities puts syslog's priority before each line, as sd-daemon(3) reads it.
type priorities struct{ w io.Writer }

func (p *priorities) Write(b []byte) (int, error) {
	priority := "<6>"
	switch line := string(b); {
	case strings.Contains(line, "level=ERROR"), strings.Contains(line, `"level":"ERROR"`):
		priority = "<3>"
	case strings.Contains(line, "level=WARN"), strings.Contains(line, `"level":"WARN"`):
		priority = "<4>"
	case strings.Contains(line, "level=DEBUG"), strings.Contains(line, `"level":"DEBUG"`):
		priority = "<7>"
	}
	if _, err := p.w.Write(append([]byte(priority), b...)); err != nil {
		return 0, err
	}
	return len(b), nil
}
