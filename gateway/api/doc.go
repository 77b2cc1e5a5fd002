// Package api is the daemon's HTTP interface: signing in, conversations,
// messages, carriers, people and what they manage, and the stream of events.
// What it answers is described by /openapi.json, which is generated from the
// types and routes here.
//
// Reads go straight to the store and are bounded by what the caller may see;
// whatever changes conversations or messages goes through the router. Who people
// are, what they may do and whose our numbers are is changed here, each change
// with its row of the audit. Nothing here decides a rule of conversations.
//
// Errors are application/problem+json (RFC 9457) with a stable code.
package api
