package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// statementTimeout stands above the server's own statement_timeout: a server
// that is no longer reachable does not keep it.
const statementTimeout = 25 * time.Second

// sqlConn is a conn on a driver of database/sql.
type sqlConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func openConn(ctx context.Context, db *DB) (conn, error) {
	if db.path != "" {
		c, err := openSQLiteConn(ctx, db.path, db.dialect.session)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", driver.ErrBadConn, err)
		}
		return c, nil
	}
	c, err := db.writer.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	for _, text := range db.dialect.session {
		if _, err := c.ExecContext(ctx, text); err != nil {
			c.Close()
			return nil, err
		}
	}
	return &sqlConn{c, map[string]*sql.Stmt{}}, nil
}

func (c *sqlConn) prepare(text string) (*sql.Stmt, error) {
	if st := c.stmts[text]; st != nil {
		return st, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	st, err := c.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	c.stmts[text] = st
	return st, nil
}

func (c *sqlConn) exec(text string, args []any) (int64, error) {
	st, err := c.prepare(text)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	res, err := st.ExecContext(ctx, storable(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (c *sqlConn) query(text string, args []any, scan func(rows) error) error {
	st, err := c.prepare(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	rs, err := st.QueryContext(ctx, storable(args)...)
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		if err := scan(rs); err != nil {
			return err
		}
	}
	return rs.Err()
}

// storable replaces, in place, what PostgreSQL does not take in a text: a
// carrier whose text is refused would deliver it for ever.
func storable(args []any) []any {
	for i, a := range args {
		s, ok := a.(string)
		if p, pointer := a.(*string); pointer && p != nil {
			s, ok = *p, true
		}
		if ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			args[i] = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
		}
	}
	return args
}

func (c *sqlConn) close() {
	for _, st := range c.stmts {
		st.Close()
	}
	// The pool must not hand out a connection with a transaction left open.
	c.conn.Raw(func(any) error { return driver.ErrBadConn })
	c.conn.Close()
}
