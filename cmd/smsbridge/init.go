package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"smsbridge/config"
	"smsbridge/gateway/node"
	"smsbridge/gsm"
)

const initUsage = `usage: smsbridge init [DEVICE…] [--config FILE] [--number NUMBER]… [--store URL] [--force]

Writes a first configuration from the modems that are plugged in by USB, and those at
the devices named. The SIMs are asked for their own numbers; you are, for what they do
not know.
`

const defaultStore = "sqlite:/var/lib/smsbridge/smsbridge.db"

func initialise(ctx context.Context, args []string, std std) int {
	return initialiseIn(ctx, "/", args, std)
}

// initialiseIn finds the modems below root, which is "/" but in tests.
func initialiseIn(ctx context.Context, root string, args []string, std std) int {
	f := flag.NewFlagSet("init", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, initUsage); f.PrintDefaults() }
	w := firstConfig{std: std, in: bufio.NewReader(std.in), person: terminalOf(std.in) != nil}
	f.StringVar(&w.path, "config", defaultConfig, "the configuration `FILE` to write")
	f.StringVar(&w.store, "store", defaultStore, "where texts and people are kept, `URL`")
	f.StringVar(&w.listen, "listen", "127.0.0.1:8080", "where the inbox and the API are served, `HOST:PORT`")
	f.StringVar(&w.region, "region", "", "the `COUNTRY` of numbers that people type without +, such as GB; without it, that of the first SIM")
	f.Var(&w.numbers, "number", "the `NUMBER` of a SIM that does not know its own, such as +447700900123; may be repeated, in the order of smsbridge modems")
	force := f.Bool("force", false, "overwrite a configuration that is there")
	devices, code, done := flags(f, args, std)
	if done {
		return code
	}
	if err := absolute(devices); err != nil {
		return fail(std, err)
	}
	if _, err := os.Stat(w.path); !*force && !errors.Is(err, os.ErrNotExist) {
		return fail(std, fmt.Errorf("%s is there already; --force overwrites it, and smsbridge modems shows what to add to it", w.path))
	}
	fmt.Fprintln(std.err, "looking for modems …")
	all, err := gsm.Survey(ctx, root, devices)
	if err != nil {
		return fail(std, err)
	}
	if err := w.choose(all); err != nil {
		return fail(std, err)
	}
	if err := w.write(); err != nil {
		var wrong config.Problems
		if errors.As(err, &wrong) {
			return problems(std, w.path, err)
		}
		return fail(std, err)
	}
	fmt.Fprint(std.out, w.farewell())
	return exitOK
}

// firstConfig is a configuration that is being written.
type firstConfig struct {
	std     std
	in      *bufio.Reader
	path    string
	store   string
	listen  string
	region  string
	numbers list
	person  bool // somebody can be asked

	modems []modemCarrier
}

// choose takes the modems that can be used, with their numbers.
func (w *firstConfig) choose(all []gsm.Plugged) error {
	var shown []shownModem
	var usable []*gsm.Plugged
	for i := range all {
		p := &all[i]
		shown = append(shown, showModem(p, ""))
		switch {
		case p.Found == nil:
		case p.Found.SIM == gsm.PINReady, p.Found.SIM == gsm.PINWanted:
			usable = append(usable, p)
		default:
			fmt.Fprintf(w.std.err, "%s at %s is left out: its SIM says %q, so there is none, or it wants a telephone first.\n",
				carrierOf(p, "", "").what, p.Port.Device, p.Found.SIM)
		}
	}
	if len(usable) == 0 {
		fmt.Fprint(w.std.err, strings.TrimPrefix(modemNotes(unusable(shown)), "\n"))
		return errors.New("there is no modem to write a configuration for; for an SMPP carrier, docs/operations.md says what to write")
	}
	numbers, err := w.numbersOf(usable)
	if err != nil {
		return err
	}
	var names carrierNames
	for i, p := range usable {
		if slices.ContainsFunc(w.modems, func(m modemCarrier) bool { return m.number == numbers[i] }) {
			return fmt.Errorf("two SIMs cannot have the number %s", numbers[i])
		}
		w.modems = append(w.modems, carrierOf(p, names.next(p), numbers[i]))
	}
	if w.region == "" {
		w.region = or(regionOf(numbers[0]), "US")
	}
	return nil
}

// unusable are those of which there is something to be said.
func unusable(all []shownModem) []shownModem {
	return slices.DeleteFunc(all, func(m shownModem) bool { return m.Config != "" })
}

// numbersOf finds the SIMs' numbers: those that were given are of all modems, or of
// those whose SIM does not know.
func (w *firstConfig) numbersOf(modems []*gsm.Plugged) ([]string, error) {
	given := make([]string, len(w.numbers))
	for i, n := range w.numbers {
		var ok bool
		if given[i], ok = e164(n, w.region); !ok {
			return nil, fmt.Errorf("--number: %q is no number such as +447700900123", n)
		}
	}
	if len(given) == len(modems) {
		return given, nil
	}
	all := make([]string, len(modems))
	unknown := 0
	for i, p := range modems {
		var ok bool
		if all[i], ok = e164(p.Found.Number, w.region); !ok {
			all[i] = ""
			unknown++
		}
	}
	if len(given) > 0 && len(given) != unknown {
		return nil, fmt.Errorf("%d modems, of whose SIMs %d do not know their number: give --number so often", len(modems), unknown)
	}
	for i, p := range modems {
		switch {
		case all[i] != "":
		case len(given) > 0:
			all[i], given = given[0], given[1:]
		default:
			var err error
			if all[i], err = w.ask(p); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// asksAtMost bounds how often a person is asked the same.
const asksAtMost = 3

// ask asks the person at the terminal for the number of a SIM.
func (w *firstConfig) ask(p *gsm.Plugged) (string, error) {
	what := carrierOf(p, "", "").what
	if !w.person {
		return "", fmt.Errorf("%s: the SIM does not know its number; give it, as --number +447700900123", what)
	}
	for range asksAtMost {
		fmt.Fprintf(w.std.out, "%s, at %s: the SIM does not know its number. It is, beginning with +: ", what, p.Port.Device)
		line, err := w.in.ReadString('\n')
		if number, ok := e164(line, w.region); ok {
			return number, nil
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintln(w.std.out, "That is no number such as +447700900123.")
	}
	return "", fmt.Errorf("%s: without its number it cannot be used", what)
}

func (w *firstConfig) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by smsbridge init. Check a change with: smsbridge check
# The README has every key.
listen: %q
region: %s                                  # of numbers that people type without +
store: %q

carriers:
`, w.listen, w.region, w.store)
	for _, m := range w.modems {
		b.WriteString(m.yaml())
	}
	return b.String()
}

// write puts the configuration in its place once it is known to be right.
func (w *firstConfig) write() (err error) {
	dir := filepath.Dir(w.path)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".smsbridge-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = io.WriteString(file, w.yaml())
	err = errors.Join(err, file.Chmod(0o640), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	if os.Geteuid() == 0 { // the daemon, which has the folder's group, must be able to read it
		if info, err := os.Stat(dir); err == nil {
			if sys, ok := info.Sys().(*syscall.Stat_t); ok {
				if err := os.Chown(file.Name(), 0, int(sys.Gid)); err != nil {
					return err
				}
			}
		}
	}
	cfg, err := config.Load(file.Name(), config.Options{})
	if err == nil {
		err = node.Check(cfg)
	}
	var wrong config.Problems
	if errors.As(err, &wrong) { // the file is gone by the time anybody looks
		for i := range wrong {
			wrong[i].File = "not written to " + w.path
		}
		return wrong
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), w.path)
}

// farewell says what to do next.
func (w *firstConfig) farewell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is written, for %d of the modems that are plugged in:\n\n", w.path, len(w.modems))
	for _, m := range w.modems {
		fmt.Fprintf(&b, "  %s  %s  %s\n", m.name, m.number, m.what)
	}
	config := ""
	if w.path != defaultConfig {
		config = " --config " + w.path
	}
	b.WriteString("\nNext:\n\n")
	for _, m := range w.modems {
		if m.pin {
			fmt.Fprintf(&b, "  the SIM of %s wants its PIN: write it into the file %s-pin beside the configuration,\n  for the daemon alone to read, and take the # from pin_file\n", m.name, m.name)
		}
	}
	fmt.Fprintf(&b, `  smsbridge check%[1]s
  smsbridge user add Olga --extension 301 --role owner --password-stdin%[1]s
  systemctl enable --now smsbridge      or, in the foreground: smsbridge serve%[1]s
  smsbridge status%[1]s
`, config)
	return b.String()
}
