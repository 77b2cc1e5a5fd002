// Package router makes every change of state: texts that come in and go out,
// receipts, and who owns a conversation. It loads, asks package gateway what
// the rules say, and saves, in one transaction; it decides nothing itself.
//
// For each carrier it runs a pump of three goroutines, all waited for by Run:
// the carrier itself, one that claims what is to be sent, and one that applies
// the carrier's stream of reports in batches. What a carrier delivered is
// acknowledged after the commit that stored it, never before.
package router
