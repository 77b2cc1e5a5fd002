// Package node wires the daemon: it opens the store, makes the carriers, the
// router and the HTTP API from a configuration, owns their goroutines, and stops
// them in order.
//
// Nothing in it is global: two nodes run in one process.
package node
