package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"smsbridge/config"
	"smsbridge/gateway/node"
)

const userUsage = `usage: smsbridge user add NAME --extension 101 --role agent|manager|owner [--queue Q] --password-stdin
       smsbridge user list [--json]
       smsbridge user passwd EXTENSION --password-stdin
       smsbridge user disable EXTENSION
`

func user(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("user", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, userUsage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `FILE`")
	extension := f.String("extension", "", "what the person signs in with")
	role := f.String("role", "agent", "agent, manager or owner")
	queue := f.String("queue", "", "a queue to be in; a manager manages it")
	stdin := f.Bool("password-stdin", false, "read the password from standard input")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	verb, rest := shift(rest)
	want := map[string]int{"add": 1, "list": 0, "passwd": 1, "disable": 1}
	if n, ok := want[verb]; !ok || n != len(rest) {
		fmt.Fprint(std.err, userUsage)
		return exitUsage
	}
	password := ""
	if verb == "add" || verb == "passwd" {
		if !*stdin {
			fmt.Fprintln(std.err, "smsbridge user: give the password on standard input, with --password-stdin")
			return exitUsage
		}
		line, err := bufio.NewReader(io.LimitReader(std.in, 4096)).ReadString('\n')
		if err != nil && err != io.EOF {
			return fail(std, err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	return withAccounts(ctx, *path, std, func(a *node.Accounts) error {
		switch verb {
		case "add":
			p, err := a.Add(ctx, rest[0], *extension, *role, *queue, password)
			if err != nil {
				return err
			}
			return show(std, *asJSON, p, func(w io.Writer) { fmt.Fprintf(w, "%s signs in with %s as %s\n", p.Name, p.Extension, p.Role) })
		case "passwd":
			return a.SetPassword(ctx, rest[0], password)
		case "disable":
			return a.Disable(ctx, rest[0])
		}
		all, err := a.List(ctx)
		if err != nil {
			return err
		}
		return show(std, *asJSON, all, func(w io.Writer) {
			fmt.Fprintln(w, "EXTENSION\tNAME\tROLE\tQUEUES\t")
			for _, p := range all {
				note := ""
				if p.Disabled {
					note = "disabled"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", p.Extension, p.Name, p.Role, strings.Join(p.Queues, ", "), note)
			}
		})
	})
}

const tokenUsage = `usage: smsbridge token create NAME --scope SCOPE[,SCOPE…] [--number NUMBER]… [--allow-to +44]… [--per-day N]
                  [--expires 720h|2027-01-31] [--json]
       smsbridge token list [--json]
       smsbridge token revoke NAME|ID
`

func token(ctx context.Context, args []string, std std) int {
	f := flag.NewFlagSet("token", flag.ContinueOnError)
	f.Usage = func() { fmt.Fprint(std.err, tokenUsage); f.PrintDefaults() }
	path := f.String("config", defaultConfig, "the configuration `FILE`")
	var scopes, numbers, allowTo list
	f.Var(&scopes, "scope", "what it may do; may be repeated: "+strings.Join(node.Scopes(), " "))
	f.Var(&numbers, "number", "limit it to this number of ours; may be repeated")
	f.Var(&allowTo, "allow-to", "limit it to numbers that begin so, as +44; may be repeated")
	perDay := f.Int("per-day", 0, "limit it to so many segments a day (UTC); 0: as the configuration says")
	var expires expiry
	f.Var(&expires, "expires", "`WHEN` it can no longer be used: after a duration such as 720h, or after a day (UTC) such as 2027-01-31")
	asJSON := f.Bool("json", false, "print JSON")
	rest, code, done := flags(f, args, std)
	if done {
		return code
	}
	verb, rest := shift(rest)
	want := map[string]int{"create": 1, "list": 0, "revoke": 1}
	if n, ok := want[verb]; !ok || n != len(rest) {
		fmt.Fprint(std.err, tokenUsage)
		return exitUsage
	}
	return withAccounts(ctx, *path, std, func(a *node.Accounts) error {
		switch verb {
		case "create":
			t, err := a.CreateToken(ctx, node.Token{Name: rest[0], Scopes: scopes, Numbers: numbers, AllowTo: allowTo, PerDay: *perDay, ExpiresAt: time.Time(expires)})
			if err != nil {
				return err
			}
			return show(std, *asJSON, t, func(w io.Writer) { fmt.Fprintln(w, t.Secret) })
		case "revoke":
			return a.Revoke(ctx, rest[0])
		}
		all, err := a.Tokens(ctx)
		if err != nil {
			return err
		}
		return show(std, *asJSON, all, func(w io.Writer) {
			fmt.Fprintln(w, "ID\tNAME\tSCOPES\tNUMBERS\tALLOW TO\tPER DAY\tCREATED\tEXPIRES\tLAST USED")
			for _, t := range all {
				perDay := ""
				if t.PerDay > 0 {
					perDay = strconv.Itoa(t.PerDay)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Name, strings.Join(t.Scopes, " "), strings.Join(t.Numbers, " "),
					strings.Join(t.AllowTo, " "), perDay, t.CreatedAt.Format("2006-01-02"), minuteOrNever(t.ExpiresAt), minuteOrNever(t.LastUsedAt))
			}
		})
	})
}

// expiry is a flag that says until when something holds.
type expiry time.Time

// String implements flag.Value.
func (e *expiry) String() string { return "" }

// Set implements flag.Value.
func (e *expiry) Set(s string) error {
	if d, err := time.ParseDuration(s); err == nil {
		*e = expiry(time.Now().Add(d))
		return nil
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return errors.New("want a duration such as 720h, or a day such as 2027-01-31")
	}
	*e = expiry(day.AddDate(0, 0, 1))
	return nil
}

func minuteOrNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func migrate(ctx context.Context, args []string, std std) int {
	path, code, done := configFlag("migrate", args, std)
	if done {
		return code
	}
	return withAccounts(ctx, path, std, func(*node.Accounts) error {
		fmt.Fprintln(std.out, "the store has this build's schema")
		return nil
	})
}

// withAccounts opens the configured store for a command. Secrets of carriers are
// not its business, nor need they be readable.
func withAccounts(ctx context.Context, path string, std std, do func(*node.Accounts) error) int {
	cfg, err := config.Load(path, config.Options{SkipFiles: true})
	if err != nil {
		return problems(std, path, err)
	}
	a, err := node.OpenAccounts(ctx, cfg)
	if err != nil {
		return fail(std, err)
	}
	err = do(a)
	if cerr := a.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fail(std, err)
	}
	return exitOK
}

func shift(args []string) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

// show prints a record as JSON or as a table.
func show(std std, asJSON bool, v any, table func(io.Writer)) error {
	if asJSON {
		e := json.NewEncoder(std.out)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	table(w)
	return w.Flush()
}
