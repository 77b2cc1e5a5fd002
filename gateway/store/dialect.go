package store

import (
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all that differs between the two databases. The SQL itself is one
// text, with $1 placeholders.
type dialect struct {
	name      string
	begin     string
	session   []string // run on the writing connection when it is opened
	forUpdate string   // locks the rows of a SELECT until commit; SQLite has one writer anyway
	types     *strings.Replacer
	// placeholder names the n-th of many parameters. SQLite looks a named one up
	// by a scan over all names, so its are nameless there.
	placeholder func(n int) string
	// retry says that the transaction lost a race and may be run again.
	retry func(error) bool
	// full says that the disk, not the work, is the trouble.
	full func(error) bool
}

func sqliteDialect() dialect {
	code := func(err error) int {
		var e interface{ Code() int } // of the readers' driver, or of sqliteConn
		if errors.As(err, &e) {
			return e.Code() & 0xff
		}
		return 0
	}
	return dialect{
		name:        "sqlite",
		begin:       "BEGIN IMMEDIATE",
		session:     slices.Concat(sqlitePragmas(), []string{"PRAGMA cache_size(-16000)"}),
		placeholder: func(int) string { return "?" },
		types:       strings.NewReplacer("BIGINT", "INTEGER", "SMALLINT", "INTEGER", "BYTEA", "BLOB"),
		retry:       func(err error) bool { return code(err) == sqlite3.SQLITE_BUSY },
		full: func(err error) bool {
			switch code(err) {
			case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
				return true
			}
			return false
		},
	}
}

// sqlitePragmas are those of every connection, the readers' too.
func sqlitePragmas() []string {
	return []string{
		"PRAGMA busy_timeout(10000)", // first: the next may have to wait
		"PRAGMA journal_mode(WAL)",
		"PRAGMA synchronous(FULL)",
		"PRAGMA foreign_keys(1)",
		"PRAGMA temp_store(MEMORY)",
		"PRAGMA wal_autocheckpoint(4000)",
		"PRAGMA journal_size_limit(67108864)",
	}
}

func postgresDialect() dialect {
	code := func(err error) string {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return e.Code
		}
		return ""
	}
	return dialect{
		name:        "postgres",
		begin:       "BEGIN",
		session:     []string{"SET statement_timeout = '20s'", "SET idle_in_transaction_session_timeout = '60s'"},
		forUpdate:   " FOR UPDATE",
		types:       strings.NewReplacer(),
		placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
		// serialization_failure, deadlock_detected; and unique_violation: two
		// nodes made the same conversation, and the second run finds it.
		retry: func(err error) bool {
			c := code(err)
			return c == "40001" || c == "40P01" || c == "23505"
		},
		// connection_exception, insufficient_resources, operator_intervention
		// (with statement_timeout) and system_error; a session ended for idling;
		// a connection lost. That one is never run again: lost during COMMIT, it
		// may have been committed.
		full: func(err error) bool {
			c := code(err)
			if c != "" {
				return slices.Contains([]string{"08", "53", "57", "58"}, c[:2]) || c == "25P03"
			}
			var ce *pgconn.ConnectError
			var ne net.Error
			return errors.As(err, &ce) || errors.As(err, &ne) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		},
	}
}
