// Package store is the durable state: the only queue and the only log of the
// daemon. One DB type stands before SQLite or PostgreSQL; the SQL is written
// once, and what differs is in dialect.go.
//
// Everything that changes state goes through DB.Update, which commits many
// callers' work with one fsync and returns when it is durable. Reads have
// their own few connections and a deadline each.
//
// Goroutines: one committer for each DB, ended by Close. Migrations are in
// migrations/, applied in order at Open; a newer schema is refused.
package store
