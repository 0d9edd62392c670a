package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/fstest"

	"modernc.org/sqlite"
)

// files gives migrations by name.
func files(texts map[string]string) fstest.MapFS {
	all := make(fstest.MapFS)
	for name, text := range texts {
		all["migrations/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func TestMigrationsAreNumbered(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		files map[string]string
		ok    bool
	}{
		{"in order", map[string]string{"0001_a.sql": "", "0002_b.sql": ""}, true},
		{"a gap", map[string]string{"0001_a.sql": "", "0003_b.sql": ""}, false},
		{"a number twice", map[string]string{"0001_a.sql": "", "0001_b.sql": ""}, false},
		{"no number", map[string]string{"a.sql": ""}, false},
	} {
		all, err := migrations(files(row.files))
		if (err == nil) != row.ok || row.ok && len(all) != len(row.files) {
			t.Errorf("%s: %d migrations, %v", row.name, len(all), err)
		}
	}
	if all, err := migrations(migrationFiles); err != nil || len(all) == 0 {
		t.Errorf("our own: %d migrations, %v", len(all), err)
	}
}

// TestMigrate: forward only, whole or not at all, and what is there stays.
func TestMigrate(t *testing.T) {
	t.Parallel()
	connector, err := sqlite.NewConnector("file:" + t.TempDir() + "/m.db")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	first := migration{1, "CREATE TABLE things (name {{bytes}}); INSERT INTO things (name) VALUES (x'01')"}
	broken := migration{2, "ALTER TABLE things ADD COLUMN age BIGINT; INSERT INTO nothing VALUES (1)"}
	good := migration{2, "ALTER TABLE things ADD COLUMN age BIGINT; UPDATE things SET age = 7"}
	for _, step := range []struct {
		name    string
		all     []migration
		ok      bool
		fault   error
		version int64
	}{
		{"the first", []migration{first}, true, nil, 1},
		{"again", []migration{first}, true, nil, 1},
		{"one that fails", []migration{first, broken}, false, nil, 1},
		{"one that works", []migration{first, good}, true, nil, 2},
		{"an older program", []migration{first}, false, Newer, 2},
	} {
		err := migrate(t.Context(), conn, sqliteDialect(), step.all)
		if (err == nil) != step.ok || step.fault != nil && !errors.Is(err, step.fault) {
			t.Errorf("%s: %v", step.name, err)
		}
		if version, err := schemaVersion(t.Context(), conn); version != step.version || err != nil {
			t.Errorf("%s: version %d, %v; want %d", step.name, version, err, step.version)
		}
	}
	var age int64
	if err := conn.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT age FROM things WHERE name = x'01'").Scan(&age); err != nil || age != 7 {
		t.Errorf("what was there has %d, %v", age, err)
	}
}
