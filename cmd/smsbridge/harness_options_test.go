package main_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"smsbridge/smpp/smppsim"
)

// account is one carrier of a daemon, and the account of the same name at the
// SMSC.
type account struct {
	name    string
	numbers []string // none: one of its own
	options string   // of the carrier, in YAML, indented by four
	smpp    string   // the same of smpp, indented by six
	script  smppsim.Script
	binds   int // that the SMSC allows; 0 is any number
	hosts   string
}

// rig is a daemon with carriers, the SMSC of all of them in this process, and a
// program that may do everything.
type rig struct {
	t        *testing.T
	smsc     *smppsim.SMSC
	d        *daemon
	program  *user
	accounts map[string]account
}

// firstID makes ids whose forms differ: in hexadecimal they have letters, and padded
// zeros.
const firstID = 0xabcde00

// newRig starts both; more is the end of the configuration.
func newRig(t *testing.T, more string, accounts ...account) *rig {
	t.Helper()
	b := &rig{t: t, accounts: map[string]account{}}
	theirs := map[string]smppsim.Account{}
	for i := range accounts {
		a := &accounts[i]
		if a.numbers == nil {
			a.numbers = []string{fmt.Sprintf("+126020589%02d", 10+i)}
		}
		theirs[a.name] = smppsim.Account{Password: "secret", Numbers: a.numbers, MaxBinds: a.binds, Script: &a.script}
		b.accounts[a.name] = *a
	}
	var err error
	if b.smsc, err = smppsim.Start(context.WithoutCancel(t.Context()), smppsim.Options{Accounts: theirs, FirstID: firstID}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.smsc.Close() })
	var text strings.Builder
	for _, a := range accounts {
		text.WriteString(a.yaml(b.smsc.Addr()))
	}
	b.d = newDaemon(t, text.String()+more)
	b.program = b.d.token("program", "messages:send,messages:read,conversations:read,events:read,carriers:read,carriers:manage")
	b.d.start()
	return b
}

func (a *account) yaml(address string) string {
	hosts := a.hosts
	if hosts == "" {
		hosts = fmt.Sprintf("[%q]", address)
	}
	return fmt.Sprintf("  - name: %s\n    numbers: [%s]\n%s    smpp:\n      hosts: %s\n      system_id: %s\n      password: secret\n"+
		"      rate: 1000/s\n      reconnect: {min: 50ms, max: 250ms}\n%s", a.name, quotedList(a.numbers), a.options, hosts, a.name, a.smpp)
}

func quotedList(all []string) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", s)
	}
	return b.String()
}

// send sends by a carrier, to customerNumber unless more says otherwise.
func (b *rig) send(name, text string, more map[string]any) message {
	b.t.Helper()
	body := map[string]any{"from": b.accounts[name].numbers[0]}
	for k, v := range more {
		body[k] = v
	}
	return b.program.send(text, body)
}

// submits is what an account has submitted, oldest first.
func (b *rig) submits(name string) []smppsim.Submit {
	return slices.DeleteFunc(b.smsc.Submits(), func(s smppsim.Submit) bool { return s.Account != name })
}

// submitted waits until an account has submitted so much, and returns it.
func (b *rig) submitted(name string, n int) (all []smppsim.Submit) {
	b.t.Helper()
	await(b.t, "what "+name+" submits", func() error {
		if all = b.submits(name); len(all) < n {
			return fmt.Errorf("%d submits, want %d", len(all), n)
		}
		return nil
	})
	return all
}

// carrier reads a carrier until it is as wanted.
func (b *rig) carrier(name, what string, ok func(carrier) bool) (c carrier) {
	b.t.Helper()
	await(b.t, name+" is "+what, func() error {
		for _, c = range list[carrier](b.program, "/carriers") {
			if c.Name == name && ok(c) {
				return nil
			} else if c.Name == name {
				return fmt.Errorf("%+v", c)
			}
		}
		return fmt.Errorf("there is no %s", name)
	})
	return c
}

func isState(state string) func(carrier) bool {
	return func(c carrier) bool { return c.State == state }
}
