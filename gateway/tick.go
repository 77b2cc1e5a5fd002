package gateway

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
