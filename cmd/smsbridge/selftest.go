package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/node"
)

const selftestUsage = `usage: smsbridge selftest CARRIER --to NUMBER [--url URL] [--json]

Does a carrier carry every character? The running daemon sends a text of
difficult ones through CARRIER, in each alphabet that data_coding 0 may stand for,
to NUMBER, which must be one of ours, so that they come back; and says how.
`

// selfTest is what the daemon answers.
type selfTest struct {
	Items []struct {
		Alphabet string `json:"alphabet"`
		Sent     string `json:"sent"`
		Answer   string `json:"answer"`
		Came     bool   `json:"came"`
		Text     string `json:"text"`
		Whole    bool   `json:"whole"`
		As       string `json:"as"`
	} `json:"items"`
	Fits []string `json:"fits"`
}

func selftest(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("selftest", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, selftestUsage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `FILE`")
	to := f.String("to", "", "a `NUMBER` of ours")
	url := f.String("url", "", "where the daemon serves; without it, on this machine, as the configuration says")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	if len(rest) != 1 || *to == "" {
		fmt.Fprint(std.err, selftestUsage)
		return exitUsage
	}
	cfg, err := config.Load(*path, config.Options{SkipFiles: true})
	if err != nil {
		return problems(std, *path, err)
	}
	i := slices.IndexFunc(cfg.Carriers, func(c config.Carrier) bool { return c.Name == rest[0] })
	if i < 0 {
		return fail(std, fmt.Errorf("the configuration has no carrier %q", rest[0]))
	}
	var result selfTest
	if !*asJSON {
		fmt.Fprintln(std.err, "sending, and waiting up to 90 seconds for what comes back …")
	}
	if err := node.Ask(ctx, cfg, *url, "carriers:manage", 2*time.Minute, "POST", "/carriers/"+rest[0]+"/selftest", map[string]string{"to": *to}, &result); err != nil {
		return fail(std, err)
	}
	configured := "gsm7"
	if smpp := cfg.Carriers[i].SMPP; smpp != nil {
		configured = string(smpp.DataCoding0)
	}
	err = show(std, *asJSON, result, func(w io.Writer) { printSelfTest(w, &result, configured) })
	if err == nil && !slices.Contains(result.Fits, configured) {
		err = fmt.Errorf("texts in %s, as data_coding_0 is configured, do not come back whole", configured)
	}
	if err != nil {
		return fail(std, err)
	}
	return exitOK
}

func printSelfTest(w io.Writer, t *selfTest, configured string) {
	fmt.Fprintln(w, "ALPHABET\tSENT\tANSWER\tCAME BACK")
	for _, x := range t.Items {
		came := "not"
		switch {
		case x.Whole:
			came = "whole"
		case x.Came:
			came = fmt.Sprintf("as %q", x.Text)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Alphabet, x.Sent, or(x.Answer, "none"), came)
	}
	fmt.Fprintln(w)
	sent := false
	for _, x := range t.Items {
		sent = sent || x.Answer == "accepted"
	}
	switch {
	case !sent:
		fmt.Fprintln(w, "The carrier has taken none of them.")
	case len(t.Fits) == 0:
		fmt.Fprintln(w, "No alphabet of data_coding 0 came back whole. Is the number reached through this carrier, and do its texts come back to us?")
	case len(t.Fits) == 1:
		fmt.Fprintf(w, "data_coding_0: %s fits.\n", t.Fits[0])
	default:
		fmt.Fprintf(w, "data_coding_0: %s all come back whole: this carrier passes octets on as they are. It is configured as %s; a text to a telephone decides.\n",
			strings.Join(t.Fits, ", "), configured)
	}
}
