// Package carrier makes SMPP accounts and modems into gateway.Carriers: it
// connects and connects again, keeps to the rate, says what a carrier's answers
// mean, and translates addresses, texts and receipts.
package carrier
