package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"smsbridge/gateway/node"
)

const traceUsage = `usage: smsbridge trace MESSAGE [--json]

The whole life of one text: who wrote it, what the carrier answered, and what its
receipts said. MESSAGE is its id, as the API and the log give it.
`

func trace(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("trace", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, traceUsage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `FILE`")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	if len(rest) != 1 {
		fmt.Fprint(std.err, traceUsage)
		return exitUsage
	}
	return withAccounts(ctx, *path, std, func(a *node.Accounts) error {
		t, err := a.Trace(ctx, rest[0])
		if err != nil {
			return err
		}
		return show(std, *asJSON, t, func(w io.Writer) { printTrace(w, &t) })
	})
}

func printTrace(w io.Writer, t *node.MessageTrace) {
	fmt.Fprintf(w, "%s, %s, %s to %s by %s, %s\n%q\n", t.ID, t.Direction, t.From, t.To, or(t.Carrier, "no carrier"), t.Encoding, t.Text)
	if t.Tick != "" {
		fmt.Fprintf(w, "%s  %s\n", t.Tick, t.Error)
	}
	if len(t.Segments) > 0 {
		fmt.Fprintln(w, "\nSEGMENT\tTICK\tATTEMPTS\tCARRIER\tOCTETS")
	}
	for _, s := range t.Segments {
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%d\n", s.Number, s.Tick, s.Attempt, s.Carrier, s.Octets)
	}
	fmt.Fprintln(w, "\nTIME (UTC)\tWHAT\tSEGMENT\tCARRIER\tREFERENCE\tSTATUS\tDETAIL")
	for _, s := range t.Steps {
		segment := ""
		if s.Segment > 0 {
			segment = fmt.Sprint(s.Segment)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.At.UTC().Format("2006-01-02 15:04:05.000"), s.What, segment, s.Carrier, s.Reference, s.Code, detail(s.Text, s.By, s.Error))
	}
}

// detail puts what a step has beside the rest into words.
func detail(text, by, code string) string {
	if by != "" {
		text = "by " + by
	}
	if code != "" {
		text = "err " + code + "  " + text
	}
	return text
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
