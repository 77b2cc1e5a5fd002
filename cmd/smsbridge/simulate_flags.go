package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"smsbridge/smpp"
	"smsbridge/smpp/smppsim"
)

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
	f.StringVar(&sim.numbers, "numbers", "", "its numbers, with commas between them: see --echo")
	f.StringVar(&sim.certFile, "tls-cert", "", "PEM `file` of a certificate: speak TLS")
	f.StringVar(&sim.keyFile, "tls-key", "", "PEM `file` of its key")
	f.Uint64Var(&sim.options.FirstID, "first-id", 0, "number of the first message id; 0: at random")
	f.BoolVar(&sim.quiet, "quiet", false, "do not print texts")

	f.IntVar(&sim.maxBinds, "max-binds", 0, "connections of one system_id, above which ESME_RALYBND; 0: any number")
	statusFlag(f, &script.Bind.Status, "bind-status", "refuse every bind with `STATUS`")
	f.DurationVar(&script.Bind.Delay, "bind-delay", 0, "answer binds this much later")
	f.BoolVar(&script.Bind.Outbind, "outbind", false, "send an outbind to whoever connects")

	submit := &script.Submit
	f.DurationVar(&submit.Delay, "response-delay", 0, "answer submits this much later")
	f.DurationVar(&submit.Jitter, "response-jitter", 0, "and up to this much more")
	idFlag(f, &submit.ID, "id-format", "`form` of message ids: decimal, padded, hex, HEX, uuid (default decimal)")
	wordFlag(f, &submit.Form, "response-form", "`form` of responses: whole, header (no body), empty (no id), unterminated, padded (default whole)",
		map[string]smppsim.ResponseForm{"whole": smppsim.ResponseWhole, "header": smppsim.ResponseHeader, "empty": smppsim.ResponseEmpty,
			"unterminated": smppsim.ResponseUnterminated, "padded": smppsim.ResponsePadded})
	f.BoolVar(&submit.Doubled, "response-doubled", false, "send each response twice")
	f.IntVar(&submit.ThrottleEvery, "throttle-every", 0, "answer every `N`th ESME_RTHROTTLED")
	f.Float64Var(&submit.ThrottleAbove, "throttle-above", 0, "answer ESME_RTHROTTLED above this `rate` a second")
	f.IntVar(&submit.NackEvery, "nack-every", 0, "answer every `N`th with generic_nack")
	f.IntVar(&submit.ErrorEvery, "error-every", 0, "answer every `N`th with --error-status")
	statusFlag(f, &submit.ErrorStatus, "error-status", "`STATUS` of --error-every (default ESME_RSUBMITFAIL)")
	suffixFlag(f, &submit.ErrorTo, "error-to", "answer submits to numbers that end so: `SUFFIX=STATUS`; may be repeated", parseStatus)
	f.IntVar(&submit.SilentEvery, "silent-every", 0, "accept every `N`th and never answer it; with 1, enquire_link alone is answered")
	f.IntVar(&submit.DropBefore, "drop-before", 0, "drop the connection at every `N`th, which is not accepted")
	f.IntVar(&submit.DropAfter, "drop-after", 0, "accept every `N`th and drop the connection instead of answering")
	f.IntVar(&submit.UnbindEvery, "unbind-every", 0, "accept every `N`th and unbind instead of answering")
	f.IntVar(&submit.Window, "window", 0, "unanswered submits a connection may have, above which ESME_RMSGQFUL; 0: 10000")
	alphabetFlag(f, &submit.DataCoding0, "data-coding-0", "`alphabet` of data_coding 0: gsm7, gsm7-packed, latin1, ascii (default gsm7)")

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
	f.BoolVar(&receipt.DataSM, "receipt-data-sm", false, "send receipts in data_sm")
	f.BoolVar(&receipt.Payload, "receipt-payload", false, "write receipts in message_payload")
	f.BoolVar(&receipt.UCS2, "receipt-ucs2", false, "write receipts in UCS-2")
	f.BoolVar(&receipt.Unmarked, "receipt-unmarked", false, "send receipts with esm_class 0")
	f.BoolVar(&receipt.Elsewhere, "receipt-elsewhere", false, "send receipts to another bind than that of the submit")
	f.IntVar(&receipt.Reversed, "receipt-reversed", 0, "send receipts by groups of `N`, the latest first")

	f.IntVar(&script.Deliver.Window, "deliver-window", 0, "unanswered deliver_sm a connection may have; 0: 100")
	f.DurationVar(&script.Deliver.RetryAfter, "retry-after", time.Second, "send deliver_sm again this long after a temporary error")
	f.DurationVar(&script.Deliver.ResponseTimeout, "deliver-timeout", time.Minute, "drop a connection that has not answered for so long")
	f.Func("deliver-split", "`how` long texts are delivered: udh, udh16, sar, payload (default udh)", func(s string) (err error) {
		script.Deliver.Split, err = smppsim.ParseSplitting(s)
		return err
	})
	alphabetFlag(f, &script.Deliver.DataCoding0, "deliver-data-coding-0", "`alphabet` of data_coding 0 in what is delivered, as --data-coding-0 (default that)")
	f.BoolVar(&script.Deliver.Echo, "echo", false, "deliver what is submitted to one of --numbers")
	f.DurationVar(&script.Link.EnquireLink, "enquire-link", 0, "`interval` of the simulator's own enquire_link; 0: none")
	f.IntVar(&script.Link.SplitWrites, "split-writes", 0, "write so many `octets` at a time")
	f.IntVar(&script.Link.ReadRate, "read-rate", 0, "read so many `octets` a second; 0: all that come")
	f.IntVar(&script.Link.OddityEvery, "oddity-every", 0, "before the answer to every `N`th submit, send something that no SMSC should")
	f.BoolVar(&script.Link.Silent, "silent", false, "let ESMEs bind, and then neither answer nor send anything")
	return sim, f
}

func alphabetFlag(f *flag.FlagSet, to *smpp.Alphabet, name, usage string) {
	words := map[string]smpp.Alphabet{}
	for _, alphabet := range []smpp.Alphabet{smpp.AlphabetGSM7, smpp.AlphabetGSM7Packed, smpp.AlphabetLatin1, smpp.AlphabetASCII} {
		words[string(alphabet)] = alphabet
	}
	wordFlag(f, to, name, usage, words)
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

// isSeparator reads lists with commas or blanks between their elements.
func isSeparator(r rune) bool { return r == ',' || r == ' ' }
