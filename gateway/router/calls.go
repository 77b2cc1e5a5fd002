package router

import "smsbridge/gateway"

// call notes in the thread that a customer rang: whoever answers next should know.
// It moves a conversation as little as a keyword does. Who is blocked is not noted.
func (b *batch) call(in *gateway.Inbound) error {
	r, tx := b.p.r, b.tx
	c, err := tx.Pair(in.To, in.From)
	if err != nil || c.Blocked {
		return err
	}
	next, events := c.Receive(gateway.ArrivalKeyword, r.dir.QueueOf(in.To), tx.Now())
	if next.ID == 0 {
		next.ID = tx.NewID()
	}
	line := systemLine(tx, &next, system, "The customer called.")
	tx.InsertMessage(line)
	return r.save(tx, c, next, events, system, line, Details{})
}
