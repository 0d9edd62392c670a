package store

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"
)

// newWriter gives a writer over an empty database with one table, without its goroutine.
func newWriter(t *testing.T) *writer {
	t.Helper()
	dir := t.TempDir()
	connector, err := sqlite.NewConnector("file:" + dir + "/w.db?_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(context.Background(), "CREATE TABLE things (name TEXT PRIMARY KEY, owner TEXT NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	return &writer{conn: conn, prepared: make(map[string]*sql.Stmt), begin: "BEGIN IMMEDIATE"}
}

// channels belong to the bubble that they are made in.
func (w *writer) channels() {
	w.queue, w.stop, w.ended = make(chan *write), make(chan struct{}), make(chan struct{})
}

func insert(name, owner string) statement {
	return statement{
		text: "INSERT INTO things (name, owner) VALUES ($1, $2) ON CONFLICT DO NOTHING", args: []any{name, owner}, guarded: true,
	}
}

func (w *writer) names(t *testing.T) []string {
	t.Helper()
	rows, err := w.conn.QueryContext(context.Background(), "SELECT name FROM things ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// together has several callers in one commit, and returns what each was answered.
func (w *writer) together(t *testing.T, callers ...[]statement) []error {
	t.Helper()
	errs := make([]error, len(callers))
	answered := make(chan struct{})
	for i, statements := range callers {
		go func() {
			_, errs[i] = w.submit(context.Background(), statements...)
			answered <- struct{}{}
		}()
		synctest.Wait() // they queue in this order
	}
	go w.run()
	for range callers {
		<-answered
	}
	w.close()
	return errs
}

// TestSavepoints: one commit, several callers, and only the one who fails loses what they wrote.
func TestSavepoints(t *testing.T) {
	t.Parallel()
	twice := []statement{
		{text: "INSERT INTO things (name, owner) VALUES ($1, $2)", args: []any{"x", "x"}},
		{text: "INSERT INTO things (name, owner) VALUES ($1, $2)", args: []any{"x", "x"}},
	}
	for _, row := range []struct {
		name    string
		middle  []statement
		refused bool
		failed  bool
		want    []string
	}{
		{"all good", []statement{insert("b", "b"), insert("b2", "b")}, false, false, []string{"a", "b", "b2", "c"}},
		{"a guard refuses", []statement{insert("b", "b"), insert("a", "b")}, true, false, []string{"a", "c"}},
		{"a constraint fails", twice, false, true, []string{"a", "c"}},
		{"a guard of two rows refuses", []statement{
			insert("b", "b"), {text: "UPDATE things SET owner = 'b'", guarded: true},
		}, true, false, []string{"a", "c"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWriter(t)
			synctest.Test(t, func(t *testing.T) {
				w.channels()
				errs := w.together(t, []statement{insert("a", "a")}, row.middle, []statement{insert("c", "c")})
				if errs[0] != nil || errs[2] != nil {
					t.Errorf("the others: %v, %v", errs[0], errs[2])
				}
				if errors.Is(errs[1], errRefused) != row.refused || (errs[1] != nil) != (row.refused || row.failed) {
					t.Errorf("the one in the middle: %v", errs[1])
				}
				if diff := cmp.Diff(row.want, w.names(t)); diff != "" {
					t.Errorf("what was written (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestBatchFails: when the transaction is lost, nobody in it is told that they succeeded, nor that they were late.
func TestBatchFails(t *testing.T) {
	t.Parallel()
	w := newWriter(t)
	synctest.Test(t, func(t *testing.T) {
		w.channels()
		errs := w.together(t,
			[]statement{insert("a", "a")}, []statement{insert("a", "b")},
			[]statement{{text: "INSERT INTO nothing (name) VALUES (1)"}}, []statement{insert("c", "c")})
		for i, err := range errs[:3] {
			if err == nil || errors.Is(err, errRefused) {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		if diff := cmp.Diff([]string{"c"}, w.names(t)); diff != "" || errs[3] != nil {
			t.Errorf("the next commit: %v; what was written (-want +got):\n%s", errs[3], diff)
		}
	})
}
