package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"smsbridge/gsm/gsmsim"
)

// modemSimulation is what the flags of `simulate modem` say.
type modemSimulation struct {
	options     gsmsim.Options
	count       int
	ports       string
	echo        bool
	answer      string
	delay       time.Duration
	reports     list
	reportDelay time.Duration
	early       bool
	do          list
	quiet       bool
	trace       bool
}

// simulateModem runs modems until ctx ends. What they are told to send becomes
// lines of out; each line of stdin, FROM TEXT…, comes in. The end of stdin ends
// nothing. It returns the exit code: 2 for flags that cannot be meant.
func simulateModem(ctx context.Context, args []string, stdin io.Reader, out, errOut io.Writer) int {
	sim, f := modemFlags(errOut)
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	level := slog.LevelInfo
	if sim.trace {
		level = slog.LevelDebug
	}
	sim.options.Log = slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: level}))
	run, err := sim.complete(f.Args())
	if err != nil {
		fmt.Fprintln(errOut, "smsbridge simulate modem:", err)
		return exitUsage
	}
	if err := run.serve(ctx, stdin, &lockedWriter{w: out}); err != nil {
		fmt.Fprintln(errOut, "smsbridge simulate modem:", err)
		return exitFail
	}
	return exitOK
}

func modemFlags(errOut io.Writer) (*modemSimulation, *flag.FlagSet) {
	sim := &modemSimulation{}
	o := &sim.options
	f := flag.NewFlagSet("smsbridge simulate modem", flag.ContinueOnError)
	f.SetOutput(errOut)
	f.Usage = func() {
		fmt.Fprint(errOut, `usage: smsbridge simulate modem [flags]

A modem with a SIM on a pseudo-terminal, for smsbridge, gammu, minicom or any program
that speaks AT. What it is told to send is printed, and so is what to write in the
configuration. Type

  FROM TEXT…        a text comes in, as +12602058901 are you open?
  FROM TO TEXT…     to one of several modems
  !SWITCHES         it misbehaves, as !no-network or !slow:2s,noise: the list is below
  !good             it behaves again
  !unplug  !plug    the stick is pulled out, and plugged in as another device
  !reboot           it starts again by itself
  !call FROM [TO]   it rings for half a minute

`)
		f.PrintDefaults()
		fmt.Fprint(errOut, "\nSwitches for --do and for ! (a value may follow a colon; what counts without is in brackets):\n\n")
		for _, s := range gsmsim.Switches() {
			fmt.Fprintf(errOut, "  %-27s %s\n", s.Usage(), s.Meaning)
		}
	}
	f.StringVar(&o.Vendor, "vendor", "generic", "whose modem it is: `NAME` is one of "+strings.Join(gsmsim.Vendors(), ", "))
	f.StringVar(&o.Link, "link", "", "a symbolic link at `PATH` to the device, whenever it is plugged in.\nWith several modems PATH.1, PATH.2 and so on; with several ports also PATH-0, PATH-1")
	f.StringVar(&o.Number, "number", "+447700900123", "the SIM's `NUMBER`, E.164; the next modem's is one more")
	f.StringVar(&o.IMEI, "imei", "", "15 `digits`; made up when empty")
	f.StringVar(&o.ICCID, "iccid", "", "19 or 20 `digits`; made up when empty")
	f.StringVar(&o.PIN, "pin", "", "the SIM asks for this `PIN`")
	f.IntVar(&o.PINTries, "pin-tries", 3, "how often it may be tried")
	f.StringVar(&o.Operator, "operator", "Simulated", "`name` of the network")
	f.StringVar(&o.SMSC, "smsc", "+15005550000", "the SIM's service centre")
	f.IntVar(&o.Slots, "slots", 0, "texts that the SIM holds; 0: as many as the vendor's")
	f.StringVar(&o.CNMI, "cnmi", "", "what +CNMI=? lists, as `SETS` (0,1),(0-2),(0,2),(0,1),(0); the vendor's when empty")
	f.IntVar(&sim.count, "count", 1, "so many modems, which can text each other")
	f.StringVar(&sim.ports, "ports", "at", "the stick's ports in their order, with commas: `at` and silent, as silent,silent,at,at")
	f.BoolVar(&sim.echo, "echo", false, "what is sent comes back, from whom it was sent to")
	f.StringVar(&sim.answer, "answer", "", "whoever is texted answers `TEXT`")
	f.DurationVar(&sim.delay, "send-delay", 0, "the network takes so long to accept a text")
	f.Var(&sim.reports, "reports", "TP-`ST` of the status reports, with commas, as 0x20,0x00 for one that tries first; none: no reports (default 0x00)")
	f.DurationVar(&sim.reportDelay, "report-delay", 0, "each report comes so long after the last")
	f.BoolVar(&sim.early, "report-early", false, "the first report comes before the answer +CMGS")
	f.Var(&sim.do, "do", "misbehave: `SWITCHES` of the list below, with commas; may be repeated")
	f.BoolVar(&sim.quiet, "quiet", false, "do not print texts")
	f.BoolVar(&sim.trace, "trace", false, "log commands and answers")
	return sim, f
}

// modemRun is a simulation that was found to make sense.
type modemRun struct {
	*modemSimulation
	modems  []*gsmsim.Modem
	network *gsmsim.Network
	fate    gsmsim.Fate
	change  func(*gsmsim.Behaviour)
}

// complete checks what flags alone cannot.
func (sim *modemSimulation) complete(args []string) (*modemRun, error) {
	if len(args) > 0 {
		return nil, fmt.Errorf("unexpected %q", args[0])
	}
	run := &modemRun{modemSimulation: sim, fate: gsmsim.Fate{Delay: sim.delay}}
	o := &sim.options
	switch {
	case sim.count < 1 || sim.count > 100:
		return nil, errors.New("--count is 1 to 100")
	case sim.count > 1 && (o.IMEI != "" || o.ICCID != ""):
		return nil, errors.New("--imei and --iccid are of one modem")
	case sim.echo && sim.answer != "":
		return nil, errors.New("--echo or --answer")
	case sim.delay < 0 || sim.reportDelay < 0 || o.Slots < 0 || o.PINTries < 1:
		return nil, errors.New("a negative number, or no try")
	}
	if _, err := nextNumber(o.Number, sim.count-1); err != nil {
		return nil, err
	}
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, word := range strings.FieldsFunc(sim.ports, isSeparator) {
		switch word {
		case "at":
			o.Ports = append(o.Ports, gsmsim.PortAT)
		case "silent":
			o.Ports = append(o.Ports, gsmsim.PortSilent)
		default:
			return nil, fmt.Errorf("--ports: %q is neither at nor silent", word)
		}
	}
	if !slices.Contains(o.Ports, gsmsim.PortAT) {
		return nil, errors.New("--ports: none answers AT")
	}
	for i, word := range sim.reports {
		status, err := strconv.ParseUint(word, 0, 8)
		switch {
		case word == "none" && len(sim.reports) == 1:
			run.fate.NoReports = true
		case err != nil:
			return nil, fmt.Errorf("--reports: %q is no TP-ST such as 0x20", word)
		default:
			run.fate.Reports = append(run.fate.Reports,
				gsmsim.Report{Status: byte(status), After: time.Duration(i+1) * sim.reportDelay, Early: sim.early && i == 0})
		}
	}
	if len(sim.reports) == 0 && (sim.reportDelay > 0 || sim.early) {
		run.fate.Reports = []gsmsim.Report{{After: sim.reportDelay, Early: sim.early}}
	}
	change, err := gsmsim.ParseSwitches(strings.Join(sim.do, ","))
	if err != nil {
		return nil, fmt.Errorf("--do: %w", err)
	}
	run.change = change
	return run, nil
}

// nextNumber is the number n after one, with as many digits.
func nextNumber(number string, n int) (string, error) {
	digits, found := strings.CutPrefix(number, "+")
	i, err := strconv.ParseUint(digits, 10, 60)
	if !found || err != nil || len(digits) > 15 || digits[0] == '0' {
		return "", fmt.Errorf("%q is no number such as +447700900123", number)
	}
	return fmt.Sprintf("+%0*d", len(digits), i+uint64(n)), nil
}

// serve runs the modems until ctx ends. The goroutine that reads stdin ends with
// stdin, for which nobody can wait.
func (run *modemRun) serve(ctx context.Context, stdin io.Reader, out io.Writer) error {
	run.network = gsmsim.NewNetwork()
	defer run.network.Close()
	run.network.OnSubmit(func(s gsmsim.Submitted) gsmsim.Fate { return run.submitted(s, out) })
	for i := range run.count {
		o := run.options
		o.Network = run.network
		o.Number, _ = nextNumber(o.Number, i) // checked by complete
		if o.Link != "" && run.count > 1 {
			o.Link = fmt.Sprintf("%s.%d", o.Link, i+1)
		}
		run.change(&o.Behaviour)
		m, err := gsmsim.New(o)
		if err != nil {
			return err
		}
		defer m.Close()
		run.modems = append(run.modems, m)
	}
	fmt.Fprint(out, run.snippet())
	go run.obey(ctx, stdin, out)
	<-ctx.Done()
	return nil
}

// snippet is what to write in the configuration, with what the modems are in
// comments.
func (run *modemRun) snippet() string {
	var b strings.Builder
	b.WriteString("carriers:\n")
	for i, m := range run.modems {
		o := m.Options()
		device := m.Path()
		if o.Link != "" {
			device = o.Link
		}
		fmt.Fprintf(&b, "  # %s modem, IMEI %s, SIM %s; ports %s\n", o.Vendor, o.IMEI, o.ICCID, strings.Join(m.Paths(), " "))
		fmt.Fprintf(&b, "  - name: sim%d\n    numbers: [%q]\n    gsm:\n      device: %q\n", i+1, o.Number, device)
		if o.PIN != "" {
			fmt.Fprintf(&b, "      pin: %q\n", o.PIN)
		}
	}
	return b.String()
}

// typing is how long whoever is texted takes to answer.
const typing = time.Second

// submitted prints and decides on what a modem sends.
func (run *modemRun) submitted(s gsmsim.Submitted, out io.Writer) gsmsim.Fate {
	if !s.Complete {
		return run.fate
	}
	if !run.quiet {
		fmt.Fprintf(out, "%s -> %s: %q\n", s.From, s.To, s.Whole)
	}
	reply := run.answer
	if run.echo {
		reply = s.Whole
	}
	if reply != "" {
		err := run.network.Deliver(gsmsim.Delivery{From: s.To, To: s.From, Text: reply, After: run.delay + typing})
		if err != nil {
			fmt.Fprintf(out, "%s -> %s: %v\n", s.To, s.From, err)
		}
	}
	return run.fate
}

// obey does what lines of stdin say.
func (run *modemRun) obey(ctx context.Context, stdin io.Reader, out io.Writer) {
	for lines := bufio.NewScanner(stdin); ctx.Err() == nil && lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		var err error
		switch order, ok := strings.CutPrefix(line, "!"); {
		case line == "":
		case ok:
			err = run.order(ctx, strings.Fields(order), out)
		default:
			err = run.textFrom(line)
		}
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(out, err)
		}
	}
}

// modem is the one with a number, nil if there is none.
func (run *modemRun) modem(number string) *gsmsim.Modem {
	for _, m := range run.modems {
		if m.Options().Number == number {
			return m
		}
	}
	return nil
}

// textFrom delivers FROM TEXT…, or FROM TO TEXT… where TO is a modem's number.
func (run *modemRun) textFrom(line string) error {
	from, text, ok := strings.Cut(line, " ")
	text = strings.TrimSpace(text)
	to := run.modems[0].Options().Number
	if number, rest, more := strings.Cut(text, " "); more && run.modem(number) != nil {
		to, text = number, strings.TrimSpace(rest)
	}
	if !ok || text == "" {
		return errors.New("not FROM TEXT")
	}
	return run.network.Text(from, to, text)
}

// order does what follows an exclamation mark, to all modems.
func (run *modemRun) order(ctx context.Context, words []string, out io.Writer) error {
	if len(words) == 0 {
		return errors.New("not !SWITCHES")
	}
	var do func(*gsmsim.Modem) error
	switch words[0] {
	case "call":
		return run.call(ctx, words[1:], out)
	case "unplug":
		do = func(m *gsmsim.Modem) error { m.Unplug(); return nil }
	case "reboot":
		do = func(m *gsmsim.Modem) error { m.Reboot(); return nil }
	case "plug":
		do = func(m *gsmsim.Modem) error {
			err := m.Plug()
			if err == nil {
				fmt.Fprintf(out, "%s is on %s\n", m.Options().Number, strings.Join(m.Paths(), " "))
			}
			return err
		}
	case "good":
		do = func(m *gsmsim.Modem) error {
			m.Set(func(b *gsmsim.Behaviour) { *b = gsmsim.Behaviour{} })
			return nil
		}
	default:
		change, err := gsmsim.ParseSwitches(strings.Join(words, ","))
		if err != nil {
			return err
		}
		do = func(m *gsmsim.Modem) error { m.Set(change); return nil }
	}
	for _, m := range run.modems {
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}

// callPatience is how long a customer lets it ring.
const callPatience = 30 * time.Second

// call rings; lines that follow wait for its end.
func (run *modemRun) call(ctx context.Context, words []string, out io.Writer) error {
	if len(words) == 0 || len(words) > 2 {
		return errors.New("not !call FROM")
	}
	to := run.modems[0].Options().Number
	if len(words) == 2 {
		to = words[1]
	}
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	end, err := run.network.Call(ctx, words[0], to)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s calls %s: %v\n", words[0], to, end)
	return nil
}
