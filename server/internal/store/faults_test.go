package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
)

// options gives what a store in dir is opened with, at a time that does not pass.
func options(dir string, key [32]byte) store.Options {
	return store.Options{Dir: dir, Sealer: storetest.NewSealer(key), Now: storetest.NewClock().Now}
}

// filled gives a folder with a store of so many logins, closed, and how to open it.
func filled(t *testing.T, logins int) (store.Options, storetest.Login) {
	t.Helper()
	var key [32]byte
	rand.Read(key[:])
	o := options(t.TempDir(), key)
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var last storetest.Login
	for range logins {
		last = storetest.NewLogin(storetest.IssuerA, o.Now)
		if _, err := last.Reach(t.Context(), s, txn.NameWaiting); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return o, last
}

// raw changes the database behind the store's back.
func raw(t *testing.T, dir, text string) {
	t.Helper()
	connector, err := sqlite.NewConnector(filepath.Join(dir, "pivot.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, dir string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pivot.db"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}

// TestOpenRefuses: what cannot be served is not opened, and left byte for byte as it is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	overwrite := func(change func(b []byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "pivot.db"), change(content(t, dir)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, row := range []struct {
		name   string
		change func(t *testing.T, dir string)
		want   error
	}{
		{"as it was left", func(*testing.T, string) {}, nil},
		{"a newer schema", func(t *testing.T, dir string) { raw(t, dir, "INSERT INTO schema_versions (version) VALUES (99)") }, store.Newer},
		{"a database of others", func(t *testing.T, dir string) { raw(t, dir, "DROP TABLE schema_versions") }, store.Foreign},
		{"cut in half", overwrite(func(b []byte) []byte { return b[:len(b)/2] }), store.Corrupt},
		{"cut within a page", overwrite(func(b []byte) []byte { return b[:len(b)-100] }), store.Corrupt},
		{"cut to nothing", overwrite(func([]byte) []byte { return nil }), store.Missing},
		{"another kind of file", overwrite(func(b []byte) []byte { return bytes.Repeat([]byte("text\n"), len(b)/5) }), store.Corrupt},
		{"pages of zeros", overwrite(func(b []byte) []byte { clear(b[len(b)/2:]); return b }), store.Corrupt},
		{"gone", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(filepath.Join(dir, "pivot.db")); err != nil {
				t.Fatal(err)
			}
		}, store.Missing},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o, last := filled(t, 200)
			row.change(t, o.Dir)
			before := content(t, o.Dir)
			s, err := store.Open(t.Context(), o)
			if !errors.Is(err, row.want) {
				t.Fatalf("Open: %v, want %v", err, row.want)
			}
			if row.want != nil {
				if !bytes.Equal(before, content(t, o.Dir)) {
					t.Error("the refused database was changed")
				}
				return
			}
			if _, err := s.Load(t.Context(), last.Issuer, last.ID); err != nil {
				t.Errorf("Load: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// TestOpenNeeds: a store without its sealer, its clock or its folder is no store.
func TestOpenNeeds(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(o *store.Options)
		ok     bool
	}{
		{"everything", func(*store.Options) {}, true},
		{"no folder", func(o *store.Options) { o.Dir = "" }, false},
		{"no sealer", func(o *store.Options) { o.Sealer = nil }, false},
		{"no clock", func(o *store.Options) { o.Now = nil }, false},
		{"negative retention", func(o *store.Options) { o.Retention = -1 }, false},
	} {
		o := options(t.TempDir(), [32]byte{1})
		row.change(&o)
		s, err := store.Open(t.Context(), o)
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
		if err == nil {
			err = s.Close()
		}
		if row.ok && err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// TestFilesArePrivate: whoever reads the database reads what is pending.
func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	o := options(filepath.Join(t.TempDir(), "new", "folder"), [32]byte{1})
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(o.Dir)
	if err != nil || len(entries) < 4 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(o.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
}

// TestDamageWhileOpen: pages that rot under a running store are noticed when they are read, and by name.
func TestDamageWhileOpen(t *testing.T) {
	t.Parallel()
	o, last := filled(t, 200)
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file, err := os.OpenFile(filepath.Join(o.Dir, "pivot.db"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteAt(bytes.Repeat([]byte{0xA5}, len(content(t, o.Dir))-8*4096), 8*4096); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), last.Issuer, last.ID); !errors.Is(err, store.Corrupt) {
		t.Errorf("Load: %v", err)
	}
}

// TestRecordWasChanged: a column that was changed behind the store's back is noticed when the record is read.
func TestRecordWasChanged(t *testing.T) {
	t.Parallel()
	alias := [32]byte{1}
	for _, row := range []struct {
		name, change string
		ok           bool
	}{
		{"nothing", "SELECT 1", true},
		{"the epoch, which dates what expires alone", "UPDATE records SET epoch = 7", true},
		{"a suspension undone", "UPDATE records SET state = 'active'", false},
		{"the owner", "UPDATE records SET owner = 'owner-2'", false},
		{"no owner", "UPDATE records SET owner = NULL", false},
		{"the alias", "UPDATE records SET alias = zeroblob(32)", false},
		{"no alias", "UPDATE records SET alias = NULL", false},
		{"a short alias", "UPDATE records SET alias = x'00'", false},
		{"an expiry", "UPDATE records SET expires = 99999999999999, epoch = 1", false},
		{"the version", "UPDATE records SET version = 2", false},
		{"the identifier", "UPDATE records SET id = 'two'", false},
		{"the kind", "UPDATE records SET kind = 'card'", false},
		{"the body", "UPDATE records SET body = body || x'00'", false},
		{"no body", "UPDATE records SET body = x''", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o, _ := filled(t, 1)
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Apply(t.Context(), []record.Change{{Next: record.Record{
				Kind: record.Device, ID: "one", Version: 1, State: "suspended", Owner: "owner-1", Alias: alias, Body: []byte("body"),
			}}})
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			raw(t, o.Dir, row.change)
			s, err = store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, kind := range []record.Kind{record.Device, record.Card} {
				for _, id := range []string{"one", "two"} {
					got, err := s.Get(t.Context(), kind, id)
					if genuine := row.ok && kind == record.Device && id == "one"; (err == nil) != genuine {
						t.Errorf("Get %s %s: %s, %v", kind, id, got, err)
					}
				}
			}
			if got, err := s.Owned(t.Context(), record.Device, "owner-2"); len(got) != 0 {
				t.Errorf("another owns %d, %v", len(got), err)
			}
		})
	}
}

// TestLogWasChanged: whatever is done to the stored log shows against a checkpoint, the store's own or a witness's.
func TestLogWasChanged(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, change string
		want         error
	}{
		{"nothing", "SELECT 1", nil},
		{"a payload", "UPDATE audit_entries SET sealed = sealed || x'00' WHERE position = 3", audit.ErrChanged},
		{"a salt", "UPDATE audit_entries SET salt = zeroblob(32) WHERE position = 3", audit.ErrChanged},
		{"a leaf", "UPDATE audit_entries SET leaf = zeroblob(32), salt = NULL, sealed = NULL WHERE position = 3", audit.ErrChanged},
		{"a short leaf", "UPDATE audit_entries SET leaf = x'00' WHERE position = 3", store.Corrupt},
		{"two payloads, exchanged", "UPDATE audit_entries SET position = 10003 WHERE position = 3;" +
			"UPDATE audit_entries SET position = 3 WHERE position = 4; UPDATE audit_entries SET position = 4 WHERE position = 10003", audit.ErrChanged},
		{"an entry, removed", "DELETE FROM audit_entries WHERE position = 3", audit.ErrChanged},
		{"the last entry, removed", "DELETE FROM audit_entries WHERE position = 19", audit.ErrChanged},
		{"the last entry, with what the store signed", "DELETE FROM audit_entries WHERE position = 19; DELETE FROM audit_checkpoints", audit.ErrChanged},
		{"a place in the tree, left empty", "UPDATE audit_entries SET position = 25 WHERE position = 19", audit.ErrChanged},
		{"all", "DELETE FROM audit_entries; DELETE FROM audit_checkpoints", audit.ErrChanged},
		{"a payload that retention destroyed", "UPDATE audit_entries SET salt = NULL, sealed = NULL WHERE position = 3", nil},
		{"an entry that waits", "DELETE FROM audit_entries WHERE position IS NULL", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			o, _ := filled(t, 20)
			key := storetest.NewKey(t)
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			witnessed, err := s.Sequence(t.Context(), key)
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
			raw(t, o.Dir, row.change)
			s, err = store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.VerifyAudit(t.Context(), key.Verifier(), witnessed); !errors.Is(err, row.want) {
				t.Errorf("VerifyAudit: %v, want %v", err, row.want)
			}
		})
	}
}

// TestDamagedTree: on stored hashes that do not give the root nothing is built, and nothing is signed.
func TestDamagedTree(t *testing.T) {
	t.Parallel()
	for _, change := range []string{
		"UPDATE audit_hashes SET hash = zeroblob(32) WHERE number = (SELECT MAX(number) FROM audit_hashes)",
		"UPDATE audit_hashes SET hash = x'00' WHERE number = (SELECT MAX(number) FROM audit_hashes)",
		"DELETE FROM audit_hashes",
		"UPDATE audit_tree SET root = zeroblob(32)",
		"UPDATE audit_tree SET size = 19",
	} {
		o, _ := filled(t, 21)
		key := storetest.NewKey(t)
		open := func() *store.Store {
			t.Helper()
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		_, err := s.Sequence(t.Context(), key)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		raw(t, o.Dir, change)
		s = open()
		if signed, err := s.Sequence(context.WithoutCancel(t.Context()), key); !errors.Is(err, store.Corrupt) || signed != nil {
			t.Errorf("%s: signed %d octets, %v", change, len(signed), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
