package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// A migration leads from the schema before it to its own, and there is no way back.
type migration struct {
	version int64
	text    string
}

// migrations reads files named NNNN_what.sql, numbered from 1 without a gap.
func migrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []migration
	for i, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || version != int64(i+1) {
			return nil, fmt.Errorf("store: migration %q is not number %d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		all = append(all, migration{version, string(text)})
	}
	return all, nil
}

// migrate brings the database to the last of the migrations given, each in a transaction of its own. A database of a
// later version is refused and left as it is; so is one that has tables and does not say that they are ours.
func migrate(ctx context.Context, conn *sql.Conn, d dialect, all []migration) error {
	at, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	if at > int64(len(all)) {
		return fmt.Errorf("%w: its schema is %d, this program knows %d", Newer, at, len(all))
	}
	for _, m := range all[at:] {
		steps := []string{d.begin, d.expand(m.text), fmt.Sprintf("INSERT INTO schema_versions (version) VALUES (%d)", m.version), "COMMIT"}
		if m.version == 1 {
			steps = slices.Insert(steps, 1, d.expand("CREATE TABLE schema_versions (version {{key}})"))
		}
		for _, step := range steps {
			if _, err := conn.ExecContext(ctx, step); err != nil {
				_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // fails where SQLite has rolled back already
				return fmt.Errorf("store: migration %d: %w", m.version, faultOf(err))
			}
		}
	}
	return nil
}

// schemaVersion gives the version of the database, 0 for an empty one.
func schemaVersion(ctx context.Context, conn *sql.Conn) (int64, error) {
	var tables, ours int
	err := conn.QueryRowContext(ctx,
		"SELECT COUNT(*), COALESCE(SUM(name = 'schema_versions'), 0) FROM sqlite_master").Scan(&tables, &ours)
	if err != nil {
		return 0, faultOf(err)
	}
	if tables == 0 {
		return 0, nil
	}
	if ours == 0 {
		return 0, fmt.Errorf("%w: %q has tables, and no schema version", Foreign, databaseName)
	}
	var version int64
	err = conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_versions").Scan(&version)
	return version, faultOf(err)
}
