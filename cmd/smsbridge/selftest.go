package main

import (
	"context"
	"errors"
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
difficult ones through CARRIER, in each alphabet that data_coding 0 may stand for
(a modem: in GSM 7 bit and UCS-2), to NUMBER, which must be one of ours, so that
they come back; and says how.
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
	advise, wrong := result.ofModem()
	if smpp := cfg.Carriers[i].SMPP; smpp != nil {
		advise, wrong = result.ofSMPP(string(smpp.DataCoding0))
	}
	err = show(std, *asJSON, result, func(w io.Writer) { result.print(w, advise) })
	if err == nil {
		err = wrong
	}
	if err != nil {
		return fail(std, err)
	}
	return exitOK
}

// ofModem says what to think of a modem's test, and what is wrong.
func (t *selfTest) ofModem() (advice string, wrong error) {
	for _, x := range t.Items {
		if !x.Whole {
			return "Is the number that of a SIM or carrier of ours that works, and do its texts come back to us?",
				errors.New("not every text came back whole")
		}
	}
	return "Every character comes back whole.", nil
}

// ofSMPP says what a test tells about data_coding_0, and what is wrong.
func (t *selfTest) ofSMPP(configured string) (advice string, wrong error) {
	if !slices.Contains(t.Fits, configured) {
		wrong = fmt.Errorf("texts in %s, as data_coding_0 is configured, do not come back whole", configured)
	}
	switch len(t.Fits) {
	case 0:
		return "No alphabet of data_coding 0 came back whole. Is the number reached through this carrier, and do its texts come back to us?", wrong
	case 1:
		return fmt.Sprintf("data_coding_0: %s fits.", t.Fits[0]), wrong
	}
	return fmt.Sprintf("data_coding_0: %s all come back whole: this carrier passes octets on as they are. It is configured as %s; a text to a telephone decides.",
		strings.Join(t.Fits, ", "), configured), wrong
}

func (t *selfTest) print(w io.Writer, advice string) {
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
	if !sent {
		advice = "The carrier has taken none of them."
	}
	fmt.Fprintln(w, advice)
}
