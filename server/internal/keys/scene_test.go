package keys_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/keys"
)

// schedule: published 120 s before use and 180 s after.
var schedule = keys.Schedule{Cache: 100 * time.Second, Token: 60 * time.Second, Skew: 20 * time.Second, Every: time.Hour}

const (
	before = 120 * time.Second
	after  = 180 * time.Second
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)

// clock is a clock that is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// scene is a folder, its key and its clock.
type scene struct {
	*clock
	dir    string
	kek    keys.KEK
	folder *keys.Folder
}

func newScene(tb testing.TB) *scene {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kek")
	write(tb, path, kekText, 0o600)
	kek, err := keys.ReadKEK(path)
	if err != nil {
		tb.Fatal(err)
	}
	s := &scene{clock: &clock{at: start}, dir: filepath.Join(tb.TempDir(), "keys"), kek: kek}
	s.folder = s.reopen(tb)
	return s
}

func (s *scene) reopen(tb testing.TB) *keys.Folder {
	tb.Helper()
	f, err := keys.OpenFolder(s.dir, s.kek, s.now)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func (s *scene) path(set string) string { return filepath.Join(s.dir, set+".json") }

func (s *scene) signing(tb testing.TB) *keys.Signing {
	tb.Helper()
	k, err := s.folder.CreateSigning("plus", schedule)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func (s *scene) ring(tb testing.TB) *keys.Ring {
	tb.Helper()
	r, err := s.folder.CreateRing()
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func write(tb testing.TB, path, text string, mode os.FileMode) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		tb.Fatal(err)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

// expect wants an error that says part, or none when part is empty.
func expect(tb testing.TB, err error, part string) {
	tb.Helper()
	switch {
	case part == "" && err != nil:
		tb.Errorf("refused: %v", err)
	case part != "" && err == nil:
		tb.Errorf("accepted; want a refusal that says %q", part)
	case part != "" && !strings.Contains(err.Error(), part):
		tb.Errorf("refused: %v; want %q", err, part)
	}
}

// unwrapAll returns the innermost cause.
func unwrapAll(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
