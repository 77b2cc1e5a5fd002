package router

import (
	"errors"
	"time"

	"smsbridge/gateway"
	"smsbridge/gateway/store"
)

// Replies are what customers are answered automatically when they text a keyword.
// An empty one is not sent.
type Replies struct {
	Stop, Start, Help string
}

// For what a customer is answered automatically.
const (
	replyHours   = "hours"
	replyKeyword = "keyword"
	replyHelp    = "help"

	hoursEvery = 12 * time.Hour
	helpEvery  = time.Hour
)

// answerClosed tells who writes to a queue outside of its hours when it is open.
func (r *Router) answerClosed(tx *store.Tx, c gateway.Conversation) error {
	q, ok := r.dir.Queue(c.Queue)
	if !ok || q.Settings.Hours == nil || q.Settings.Hours.Reply == "" || q.Settings.Hours.OpenAt(tx.Now()) {
		return nil
	}
	return r.answer(tx, c, replyHours, q.Settings.Hours.Reply, hoursEvery, false)
}

// answerKeyword confirms what a customer has decided, once: who says STOP again
// hears nothing more. Where the carrier answers STOP and START, we do not.
func (r *Router) answerKeyword(tx *store.Tx, word gateway.Keyword, before gateway.Conversation) error {
	text, every, kind := r.replies.Help, helpEvery, replyHelp
	switch {
	case word == gateway.KeywordHelp:
	case before.OptedOut == (word == gateway.KeywordStop), r.dir.Number(before.Number).CarrierStops:
		return nil
	case word == gateway.KeywordStop:
		text, every, kind = r.replies.Stop, 0, replyKeyword
	default:
		text, every, kind = r.replies.Start, 0, replyKeyword
	}
	c, err := tx.Pair(before.Number, before.Peer)
	if err != nil {
		return err
	}
	return r.answer(tx, c, kind, text, every, true)
}

// answer sends an automatic text into c, at most one of its kind in the given
// time, and only to telephones: two machines would answer each other for ever. Who is
// blocked hears nothing.
// What cannot be sent is not worth losing the customer's own text for.
func (r *Router) answer(tx *store.Tx, c gateway.Conversation, kind, text string, every time.Duration, despite bool) error {
	if text == "" || c.Blocked || c.Peer.Kind != gateway.AddressE164 {
		return nil
	}
	last, err := tx.AnsweredAt(c.Number, c.Peer, kind)
	if err != nil || !last.IsZero() && tx.Now().Sub(last) < every {
		return err
	}
	d := newDraft(Text{Text: text}, r.guess(c.Number, c.Peer))
	d.despite = despite
	_, err = r.send(tx, d, c, system, gateway.Action{Kind: gateway.ActProgramText})
	var refused *gateway.Refusal
	switch {
	case errors.As(err, &refused):
		r.log.Warn("automatic answer not sent", "kind", kind, "error", refused.Text)
		return nil
	case err != nil:
		return err
	}
	return tx.SetAnsweredAt(c.Number, c.Peer, kind)
}
