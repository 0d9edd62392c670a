package store

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A dialect is all that differs between the databases that carry the store. The words replace {{name}} in migrations.
type dialect struct {
	words map[string]string
	begin string // starts a transaction that writes
}

// sqliteDialect: an immediate transaction takes the write lock at once, so that it never fails halfway for want of it.
// A BIGINT key would not be SQLite's row number, and would cost a second tree.
func sqliteDialect() dialect {
	return dialect{
		words: map[string]string{
			"bytes":  "BLOB",
			"key":    "INTEGER PRIMARY KEY",
			"serial": "INTEGER PRIMARY KEY AUTOINCREMENT", // a number is never given twice
		},
		begin: "BEGIN IMMEDIATE",
	}
}

func (d dialect) expand(text string) string {
	var pairs []string
	for word, sql := range d.words {
		pairs = append(pairs, "{{"+word+"}}", sql)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// databaseName is the file below the data folder; SQLite puts "-wal" and "-shm" beside it.
const databaseName = "pivot.db"

// busyMillis is how long SQLite waits for a lock, in ms. The process lock leaves only our own checkpoints to wait for.
const busyMillis = 5000

// walPages is the size of the write-ahead log, in pages of 4 KiB, that starts a checkpoint.
const walPages = 1000

// sqliteName gives the data source name of the database in dir. Only the writer may write; a reader that tries fails.
func sqliteName(dir string, readOnly bool) string {
	q := url.Values{}
	q.Set("_defensive", "1")
	q.Set("_dqs", "0")
	q.Set("_error_rc", "1")
	q.Set("_busy_timeout", strconv.Itoa(busyMillis))
	q.Add("_pragma", "trusted_schema(OFF)")
	q.Add("_pragma", "cell_size_check(ON)")
	q.Add("_pragma", "foreign_keys(ON)")
	if readOnly {
		q.Set("mode", "ro")
	} else {
		q.Set("mode", "rw")
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(FULL)")
		q.Add("_pragma", "wal_autocheckpoint("+strconv.Itoa(walPages)+")")
		q.Add("_pragma", "journal_size_limit("+strconv.Itoa(4*walPages*4096)+")")
	}
	name := url.URL{Scheme: "file", Path: filepath.Join(dir, databaseName), RawQuery: q.Encode()}
	return name.String()
}

// sound has SQLite look at every page, and checks that the settings that durability rests on are in force.
func sound(ctx context.Context, conn *sql.Conn, dir string) error {
	for _, row := range []struct{ pragma, want string }{
		{"PRAGMA quick_check(1)", "ok"}, {"PRAGMA journal_mode", "wal"}, {"PRAGMA synchronous", "2"},
	} {
		var got string
		if err := conn.QueryRowContext(ctx, row.pragma).Scan(&got); err != nil {
			return faultOf(err)
		}
		if got != row.want {
			return damaged("%s says %q, not %q", row.pragma, got, row.want)
		}
	}
	return whole(ctx, conn, dir)
}

// whole makes sure that no page is cut: SQLite reads what is missing of the last one as zeros. The sizes are comparable
// once the write-ahead log has been moved into the database.
func whole(ctx context.Context, conn *sql.Conn, dir string) error {
	var busy, frames, moved, pages, size int64
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return faultOf(err)
	}
	if busy != 0 {
		return Locked
	}
	if err := conn.QueryRowContext(ctx, "SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").Scan(&pages, &size); err != nil {
		return faultOf(err)
	}
	info, err := os.Stat(filepath.Join(dir, databaseName))
	if err != nil {
		return fileFault(err)
	}
	if info.Size() != pages*size {
		return damaged("%d octets for %d pages of %d", info.Size(), pages, size)
	}
	return nil
}
