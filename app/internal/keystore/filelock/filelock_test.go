package filelock_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"pivot/app/internal/keystore/filelock"
)

// TestMain lets this program be the other process: it takes the lock that it is told, says so, and waits to be killed.
func TestMain(m *testing.M) {
	path := os.Getenv("FILELOCK_HOLD")
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := filelock.Take(path); err != nil {
		os.Exit(1)
	}
	_, _ = os.Stdout.WriteString("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestTake(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	l, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("twice: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := filelock.Take(path)
	if err != nil {
		t.Fatalf("after its release: %v", err)
	}
	_ = again.Release()
	if _, err := filelock.Take(filepath.Join(path, "below", "a", "file")); err == nil || errors.Is(err, filelock.ErrHeld) {
		t.Errorf("of no folder: %v", err)
	}
}

// TestOfAKilledProcess: nothing has to be cleaned up after it.
func TestOfAKilledProcess(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "lock")
	other := exec.CommandContext(t.Context(), program)
	other.Env = append(os.Environ(), "FILELOCK_HOLD="+path)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Take(path); !errors.Is(err, filelock.ErrHeld) {
		t.Errorf("held by another process: %v", err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
	l, err := filelock.Take(path)
	if err != nil {
		t.Fatalf("after it was killed: %v", err)
	}
	_ = l.Release()
}
