package gateway

import "fmt"

// Tick is how far a message, or one of its segments, is known to have come.
type Tick uint8

const (
	TickNone      Tick = iota // inbound texts, notes and system lines
	TickQueued                // committed here, not yet given to a carrier
	TickSending               // claimed for a carrier; may be on the wire
	TickSent                  // the carrier accepted it
	TickDelivered             // the handset, or what the carrier calls delivered
	TickFailed
	TickExpired
	TickUnknown // nobody knows: see ErrUncertain and ErrNoReceipt
)

var tickWords = [...]string{"", "queued", "sending", "sent", "delivered", "failed", "expired", "unknown"}

// String returns the word that the API and metrics use, "" for TickNone.
func (t Tick) String() string {
	if int(t) >= len(tickWords) {
		return fmt.Sprintf("tick(%d)", uint8(t))
	}
	return tickWords[t]
}

// ParseTick reads what String writes.
func ParseTick(s string) (Tick, error) {
	for i, w := range tickWords {
		if w == s {
			return Tick(i), nil
		}
	}
	return TickNone, fmt.Errorf("tick %q: want queued, sending, sent, delivered, failed, expired or unknown", s)
}

// Final tells whether nothing more is expected. TickUnknown is not final: what
// is learnt later still counts.
func (t Tick) Final() bool {
	return t == TickDelivered || t == TickFailed || t == TickExpired
}

// Advance returns the tick that follows when to is learnt of a segment whose
// tick is from, and whether it differs. A tick never moves back, and TickNone
// neither moves nor moves anything.
//
// An intermediate notification (esm_class 0x20, SMPP 3.4 §5.2.12) says that the
// carrier has the segment and still tries, so whatever final word it carries
// counts as TickSent.
//
// A delivery overrides an early failure: carriers do report a failed attempt
// and deliver with the next. The way back to TickQueued, of a segment that is
// certainly unsent or sent again, is not news from a carrier and not decided
// here.
func Advance(from, to Tick, intermediate bool) (next Tick, changed bool) {
	if intermediate && to.Final() {
		to = TickSent
	}
	if !advances(from, to, intermediate) {
		return from, false
	}
	return to, true
}

func advances(from, to Tick, intermediate bool) bool {
	switch from {
	case TickQueued, TickSending, TickSent:
		if to == TickUnknown {
			return from != TickQueued && !intermediate
		}
		return to > from
	case TickUnknown:
		return to == TickSent || to.Final()
	case TickFailed, TickExpired:
		return to == TickDelivered
	default:
		return false
	}
}

// Fold returns the tick of a message from those of its segments: a text of
// which a part is lost is lost, and it is delivered once all of it is.
func Fold(ticks []Tick) Tick {
	if len(ticks) == 0 {
		return TickNone
	}
	least := TickDelivered
	var seen [len(tickWords)]bool
	for _, t := range ticks {
		seen[t] = true
		least = min(least, t)
	}
	for _, t := range [...]Tick{TickFailed, TickExpired, TickUnknown} {
		if seen[t] {
			return t
		}
	}
	return least
}
