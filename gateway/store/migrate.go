package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SchemaVersion is the schema that this build works on.
func SchemaVersion() int {
	names, _ := fs.Glob(migrations, "migrations/*.sql")
	return len(names)
}

// migrate brings the schema to this build's, each step in a transaction. A
// newer schema is refused: an older build would misread it.
func (db *DB) migrate(ctx context.Context) error {
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	defer conn.Close()
	if db.dialect.name == "postgres" { // two processes may find an empty store at once; closing the pools unlocks
		if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock(7305808802)"); err != nil {
			return fmt.Errorf("schema: %w", err)
		}
		defer conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock(7305808802)")
	}
	if _, err := conn.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)"); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	for {
		done, err := db.migrateOne(ctx, conn.ExecContext, conn.QueryRowContext, names)
		if done || err != nil {
			return err
		}
	}
}

// migrateOne applies the next step, if there is one.
func (db *DB) migrateOne(ctx context.Context, exec execFunc, queryRow queryRowFunc, names []string) (done bool, err error) {
	if _, err := exec(ctx, db.dialect.begin); err != nil {
		return false, fmt.Errorf("schema: %w", err)
	}
	defer func() {
		if err != nil || done {
			if _, rerr := exec(ctx, "ROLLBACK"); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}
	}()
	var have int
	if err := queryRow(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_version").Scan(&have); err != nil {
		return false, fmt.Errorf("schema: %w", err)
	}
	if have > len(names) {
		return false, fmt.Errorf("the store has schema %d and this build knows %d: use a newer smsbridge, or restore the backup made before the upgrade", have, len(names))
	}
	if have == len(names) {
		return true, nil
	}
	text, err := migrations.ReadFile(names[have])
	if err != nil {
		return false, err
	}
	for _, stmt := range splitStatements(db.dialect.name, db.dialect.types.Replace(string(text))) {
		if _, err := exec(ctx, stmt); err != nil {
			return false, fmt.Errorf("%s: %w", names[have], err)
		}
	}
	if _, err := exec(ctx, "INSERT INTO schema_version (version) VALUES ($1)", have+1); err != nil {
		return false, fmt.Errorf("%s: %w", names[have], err)
	}
	_, err = exec(ctx, "COMMIT")
	return false, err
}

// splitStatements drops comments and the lines of the other database, and cuts
// at the semicolons that end a line.
func splitStatements(dialect, text string) []string {
	var all []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		code, comment, _ := strings.Cut(line, "--")
		if only, ok := strings.CutPrefix(strings.TrimSpace(comment), "only: "); ok && only != dialect {
			continue
		}
		code = strings.TrimRight(code, " \n")
		b.WriteString(code)
		b.WriteByte('\n')
		if strings.HasSuffix(code, ";") {
			all = append(all, strings.TrimSpace(b.String()))
			b.Reset()
		}
	}
	return all
}
