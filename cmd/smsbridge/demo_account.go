package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// The hint is given when conversations wait and nobody has done anything for
// hintAfter, and not again for hintAgain.
const (
	hintAfter = 30 * time.Second
	hintAgain = 5 * time.Minute
)

// account tells events as lines. It shows texts and numbers, which the daemon's
// log never does: they are the demo's own.
type account struct {
	out     io.Writer
	names   map[string]string // of customers, by number
	peers   map[string]string // by conversation: who no longer sees one is told its ID alone
	waiting map[string]bool   // conversations
	hintAt  time.Time
}

func newAccount(out io.Writer) *account {
	a := &account{out: out, names: map[string]string{}, peers: map[string]string{}, waiting: map[string]bool{}, hintAt: time.Now().Add(hintAfter)}
	for _, c := range customers() {
		a.names[c.number] = c.name
	}
	return a
}

// tell writes a line an event until events is closed.
func (a *account) tell(ctx context.Context, events <-chan liveEvent) {
	hint := time.NewTimer(time.Until(a.hintAt))
	defer hint.Stop()
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			if ctx.Err() != nil {
				continue // what stopping causes is no news
			}
			a.keep(&e)
			if line := a.line(&e); line != "" {
				fmt.Fprintf(a.out, "%s  %s\n", e.Time.Local().Format(time.TimeOnly), line)
			}
		case <-hint.C:
			if n := len(a.waiting); n > 0 {
				fmt.Fprintf(a.out, "%10s%s. Sign in and take one: the commands are above.\n", "", waitingWords(n))
				a.hintAt = time.Now().Add(hintAgain)
			} else {
				a.hintAt = time.Now().Add(hintAfter)
			}
		}
		hint.Reset(time.Until(a.hintAt))
	}
}

func waitingWords(n int) string {
	if n == 1 {
		return "1 conversation waits"
	}
	return fmt.Sprintf("%d conversations wait", n)
}

// keep remembers what later lines are about. Whatever a person does puts the
// hint off.
func (a *account) keep(e *liveEvent) {
	c := &e.Data.Conversation
	if c.ID == "" {
		return
	}
	if c.Peer != "" {
		a.peers[c.ID] = c.Peer
	}
	if c.Status == "waiting" {
		a.waiting[c.ID] = true
	} else {
		delete(a.waiting, c.ID)
	}
	if e.Data.By != nil || e.Type == "message.sent" {
		a.hintAt = time.Now().Add(hintAfter)
	}
}

// line is what is said of an event, or "" where another says it already.
func (a *account) line(e *liveEvent) string {
	d := &e.Data
	who := a.customer(a.peers[d.Conversation.ID])
	by := nameOr(d.By, "the gateway")
	switch strings.TrimPrefix(e.Type, "conversation.") {
	case "message.received":
		if d.Conversation.Status == "taken" {
			return fmt.Sprintf("%s → %s  %s", who, nameOr(d.Conversation.Owner, "?"), a.text(e))
		}
		return fmt.Sprintf("%s → Reception  %s  %s", who, a.text(e), d.Conversation.Status)
	case "message.sent":
		if d.Message == nil {
			return ""
		}
		if d.Message.Kind == "note" {
			return fmt.Sprintf("%s  note by %s: %s", who, nameOr(d.Message.Author, "?"), quoted(d.Message.Text))
		}
		return fmt.Sprintf("%s ← %s  %s", who, nameOr(d.Message.Author, "the gateway"), a.text(e))
	case "message.tick":
		return a.tick(e, who)
	case "taken":
		return fmt.Sprintf("%s  taken by %s", who, nameOr(d.Conversation.Owner, by))
	case "transferred":
		to := nameOr(d.Conversation.Owner, "")
		if to == "" {
			to = nameOr(d.Conversation.Queue, "a queue")
		}
		if d.Note != "" {
			return fmt.Sprintf("%s  transferred by %s to %s: %s", who, by, to, quoted(d.Note))
		}
		return fmt.Sprintf("%s  transferred by %s to %s", who, by, to)
	case "dealt_with":
		return fmt.Sprintf("%s  dealt with by %s", who, by)
	case "deleted":
		return who + "  deleted"
	case "released", "archived", "unarchived", "snoozed":
		return fmt.Sprintf("%s  %s by %s", who, e.Type[len("conversation."):], by)
	case "carrier.up":
		return fmt.Sprintf("carrier %s  up", d.Carrier)
	case "carrier.down":
		return fmt.Sprintf("carrier %s  down: %s", d.Carrier, d.Error)
	}
	return ""
}

// tick says how far a text has come, and that of which it is.
func (a *account) tick(e *liveEvent, who string) string {
	m := e.Data.Message
	if m == nil {
		return ""
	}
	word := ""
	switch m.Tick {
	case "sent":
		word = "sent ✓"
	case "delivered":
		word = "delivered ✓✓"
	case "failed", "expired", "unknown":
		word = m.Tick + " !"
		if m.Error != nil {
			word += "  " + m.Error.Text
		}
	default:
		return ""
	}
	return fmt.Sprintf("%s ← %s  %s  %s", who, nameOr(m.Author, "the gateway"), short(m.Text), word)
}

func (a *account) text(e *liveEvent) string {
	m := e.Data.Message
	if m == nil {
		return ""
	}
	if m.Segments > 1 {
		return fmt.Sprintf("%s (%d parts)", quoted(m.Text), m.Segments)
	}
	return quoted(m.Text)
}

func (a *account) customer(number string) string {
	if name := a.names[number]; name != "" {
		return name + " " + spaced(number)
	}
	return spaced(number)
}

func nameOr(n *named, otherwise string) string {
	if n == nil || n.Name == "" {
		return otherwise
	}
	return n.Name
}

// quoted writes a text on one line, and nothing that a terminal would obey.
func quoted(text string) string {
	return `"` + strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text) + `"`
}

// short is the beginning of a text that was shown before.
func short(text string) string {
	const most = 24
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return quoted(text)
}
