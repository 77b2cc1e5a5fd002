// Package smppsim is an SMSC to bind to: for demonstrations, tests, and trying
// out a configuration. It speaks SMPP 3.4 over TCP with the codec of package
// smpp, and misbehaves on request.
//
// [Start] listens; a [Script] says how binds, submits, receipts and deliveries
// are treated, and can be replaced at any time. What was submitted is recorded
// ([SMSC.Submits], [SMSC.Messages]), handed on ([SMSC.OnMessage]) and counted
// ([SMSC.Stats]). [SMSC.Deliver] sends texts to whoever is bound as a receiver,
// and [SMSC.SendRaw] what no SMSC should send, of which [Oddities] are a
// collection. query_sm and cancel_sm work as long as a message is recorded, and
// replace_sm and submit_multi are refused.
//
// # What is owed
//
// Receipts and texts for an account wait in its spool until a receiver answers
// them. What was sent and not answered when a connection ends is sent again, with
// the same content and a new sequence number, on the account's next one; what was
// answered with a temporary error is sent again a second later. When a spool is
// full, submits that ask for receipts are answered ESME_RMSGQFUL.
//
// # Goroutines
//
// One accepts, one runs what is due later, one calls the OnMessage handler, and
// each connection has a reader and a writer. [SMSC.Close] ends and waits for all.
package smppsim
