// Package gateway is the domain: messages and their segments, the tick that
// follows a carrier's receipts, conversations and who may do what to them, and
// what the gateway needs of a carrier.
//
// It is pure. It starts no goroutine and knows neither SQL nor HTTP nor SMPP;
// its rules are the tables of docs/ARCHITECTURE.md, tested row by row.
package gateway
