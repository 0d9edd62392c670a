package broker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/demo"
)

// TestRestoredBackup puts an older database in the place of the last one: the broker does not serve from it until an epoch
// was started.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pki, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.Save(filepath.Join(dir, "trust")); err != nil {
		t.Fatal(err)
	}
	world, err := demo.Write(demo.Options{Dir: dir, Port: freePort(t), Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if err := InitKeys(world.Config, time.Now); err != nil {
		t.Fatal(err)
	}
	o := Options{Config: world.Config, Log: slog.New(slog.DiscardHandler), TestAnchors: true}
	// with opens the broker, and closes it whatever happens.
	with := func(do func(context.Context, *Broker)) error {
		b, err := Open(t.Context(), o)
		if err != nil {
			return err
		}
		do(t.Context(), b)
		return b.Close()
	}
	happen := func(ctx context.Context, b *Broker) {
		if err := b.store.Record(ctx, audit.Entry{Event: audit.AuthorizeRefused, At: b.now()}); err != nil {
			t.Error(err)
		}
		if err := b.sequence(ctx); err != nil {
			t.Error(err)
		}
	}
	if err := with(happen); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(dir, "data", "pivot.db")
	backup, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	if err := with(happen); err != nil { // the positive control: a restart
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(database + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(database, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := with(happen); !errors.Is(err, errOlder) {
		t.Fatalf("an older database is served from: %v", err)
	}
	if _, err := Administer(t.Context(), o, StartEpoch, nil); err != nil {
		t.Fatal(err)
	}
	if err := with(func(_ context.Context, b *Broker) {
		if b.store.Epoch().Number != 2 {
			t.Errorf("epoch %d", b.store.Epoch().Number)
		}
	}); err != nil {
		t.Errorf("after a new epoch: %v", err)
	}
}

// TestOpenDataFolder refuses a data folder that others may enter, beside one that they may not.
func TestOpenDataFolder(t *testing.T) {
	t.Parallel()
	s := start(t) // the positive control
	folder := s.broker.config.DataDir()
	if err := closed(folder); err != nil {
		t.Errorf("mode 0700: %v", err)
	}
	for _, mode := range []os.FileMode{0o701, 0o750, 0o755, 0o770} {
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if err := closed(folder); err == nil {
			t.Errorf("mode %04o is accepted", mode)
		}
	}
}
