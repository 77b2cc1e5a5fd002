package router

import (
	"strings"
	"time"

	"smsbridge/gateway"
)

// TextLog says what is logged of texts: one line for each that came, and one for
// each of ours when its fate is known. Never a text itself.
type TextLog struct {
	Off     bool
	Numbers bool // whole ones; otherwise only their beginnings and ends
}

// number is how a number is logged.
func (l TextLog) number(s string) string {
	if l.Numbers || len(s) < 8 {
		return s
	}
	return s[:len(s)/2-1] + strings.Repeat("*", len(s)-len(s)/2-1) + s[len(s)-2:]
}

// reference is how a carrier's name for a text is logged. A modem's is made of the
// SIM's number, a count, and the end of the recipient's (carrier.GSM), which together
// with what number shows would be a whole one.
func (l TextLog) reference(kind, s string) string {
	fields := strings.Split(s, "/")
	if l.Numbers || kind != "gsm" || len(fields) != 3 {
		return s
	}
	return strings.Join([]string{tail(fields[0], 4), fields[1], tail(fields[2], 2)}, "/")
}

// tail shows the last n of some digits.
func tail(digits string, n int) string {
	hidden := max(0, len(digits)-n)
	return strings.Repeat("*", hidden) + digits[hidden:]
}

// logEnded logs the messages whose fate this transaction has decided. A carrier's
// reports are logged by the goroutine that applies them: the committer must not
// wait for who reads the log.
func (b *book) logEnded() {
	if b.r.textLog.Off {
		return
	}
	for _, m := range b.moved {
		if m.Tick.Final() || m.Tick == gateway.TickUnknown {
			b.r.logSent(m, b.heard[m.ID])
		}
	}
}

func (r *Router) logSent(m *gateway.Message, reference string) {
	attrs := []any{"id", m.ID.String(), "conversation", m.Conversation.String(), "direction", "out", "carrier", m.Carrier,
		"from", r.textLog.number(m.Number), "to", r.textLog.number(m.Peer.Value), "segments", m.Segments, "encoding", m.Encoding.String(),
		"tick", m.Tick.String(), "created", stamp(m.CreatedAt)}
	if reference != "" {
		attrs = append(attrs, "reference", r.textLog.reference(r.KindOf(m.Carrier, ""), reference))
	}
	if m.Error != "" {
		attrs = append(attrs, "error", string(m.Error), "why", m.ErrorText)
	}
	if !m.SentAt.IsZero() {
		attrs = append(attrs, "sent", stamp(m.SentAt))
	}
	if !m.DeliveredAt.IsZero() {
		attrs = append(attrs, "delivered", stamp(m.DeliveredAt))
	}
	if m.Author != 0 {
		attrs = append(attrs, "by", m.Author.String())
	}
	r.log.Info("text", attrs...)
}

func (r *Router) logReceived(m *gateway.Message) {
	if r.textLog.Off {
		return
	}
	r.log.Info("text", "id", m.ID.String(), "conversation", m.Conversation.String(), "direction", "in", "carrier", m.Carrier,
		"from", r.textLog.number(m.Peer.Value), "to", r.textLog.number(m.Number), "segments", m.Segments, "encoding", m.Encoding.String(),
		"missing", m.Missing, "created", stamp(m.CreatedAt))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
