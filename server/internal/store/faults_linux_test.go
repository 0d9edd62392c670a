package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
)

// isolatedChildren need mounts or limits of their own.
func isolatedChildren() map[string]childFunc {
	return map[string]childFunc{"full": fullDisk, "readonly": readOnlyDisk, "limit": failingDisk}
}

// isolated runs a child with mounts of its own, and wants it to say that all went well.
func isolated(t *testing.T, name string) {
	t.Helper()
	cmd := child(t, name, t.TempDir(), [32]byte{1})
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Skipf("this system gives no process mounts of its own: %v", err)
	}
	if err != nil || !strings.HasSuffix(string(out), "well\n") {
		t.Errorf("%v: %s", err, out)
	}
}

// disk mounts a small file system of its own on dir.
func disk(dir, size string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	return unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=700")
}

// TestFullDisk: on a disk that is full nothing is answered and all that was is there; once there is room, work goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	isolated(t, "full")
}

func fullDisk(ctx context.Context, o store.Options, signer audit.Key) error {
	if err := disk(o.Dir, "6m"); err != nil {
		return err
	}
	ballast := filepath.Join(o.Dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4<<20), 0o600); err != nil {
		return err
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	answered, err := untilItFails(ctx, s, o)
	if !errors.Is(err, store.Full) || len(answered) == 0 {
		return fmt.Errorf("after %d logins: %w", len(answered), err)
	}
	if err := s.Health(ctx); !errors.Is(err, store.Full) {
		return fmt.Errorf("health of a full disk: %w", err)
	}
	again, err := untilItFails(ctx, s, o)
	if !errors.Is(err, store.Full) {
		return fmt.Errorf("logins on a full disk: %w", err)
	}
	maps.Copy(answered, again)
	if err := allThere(ctx, s, answered); err != nil {
		return err
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	if err := s.Health(ctx); err != nil {
		return fmt.Errorf("health with room again: %w", err)
	}
	if err := s.Health(ctx); err != nil {
		return fmt.Errorf("health once more: %w", err)
	}
	id, version, err := through(ctx, s, o)
	if err != nil {
		return err
	}
	answered[id] = version
	if _, err := s.Sequence(ctx, signer); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return reopened(ctx, o, signer, answered)
}

// through takes a login to its redemption, with the record that goes along, and returns the last version answered.
func through(ctx context.Context, s *store.Store, o store.Options) (txn.ID, int, error) {
	l := storetest.NewLogin(storetest.IssuerA, o.Now)
	first, e, err := l.First()
	if err != nil {
		return l.ID, 0, err
	}
	if err := s.Begin(ctx, first, e); err != nil {
		return l.ID, 0, err
	}
	for at := txn.State(first); ; {
		if at.Version() == 5 {
			return l.ID, at.Version(), nil
		}
		next, e, err := l.Next(at)
		if err != nil {
			return l.ID, at.Version(), err
		}
		along := beside(l.ID.String(), next.Version(), o)
		if err := s.AdvanceWith(ctx, record.Step{From: at, Next: next, Entry: e}, []record.Change{along}); err != nil {
			return l.ID, at.Version(), err
		}
		at = next
	}
}

// untilItFails takes logins through until one is refused, and returns the version that each was answered.
func untilItFails(ctx context.Context, s *store.Store, o store.Options) (map[txn.ID]int, error) {
	answered := make(map[txn.ID]int)
	for len(answered) < 20_000 {
		id, version, err := through(ctx, s, o)
		if version > 0 {
			answered[id] = version
		}
		if err != nil {
			return answered, err
		}
	}
	return nil, errors.New("it never fails")
}

// allThere compares every login with what was answered, no more and no less, and the log with both.
func allThere(ctx context.Context, s *store.Store, answered map[txn.ID]int) error {
	entries := make(map[string]int)
	for e, err := range s.Entries(ctx) {
		if err != nil {
			return err
		}
		entries[e.Transaction]++
	}
	if len(entries) != len(answered) {
		return fmt.Errorf("%d logins answered, %d in the log", len(answered), len(entries))
	}
	for id, version := range answered {
		state, err := s.Load(ctx, storetest.IssuerA, id)
		if err != nil {
			return fmt.Errorf("a login that was answered: %w", err)
		}
		if state.Version() != version || entries[id.String()] != version {
			return fmt.Errorf("version %d was answered, %d is stored, with %d entries", version, state.Version(), entries[id.String()])
		}
		if err := goesAlong(ctx, s, state); err != nil {
			return err
		}
	}
	return nil
}

// reopened opens the store again and wants all that was answered, and a log that verifies.
func reopened(ctx context.Context, o store.Options, signer audit.Key, answered map[txn.ID]int) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	if err := allThere(ctx, s, answered); err != nil {
		return fmt.Errorf("after opening again: %w", err)
	}
	signed, err := s.Sequence(ctx, signer)
	if err != nil {
		return err
	}
	if _, err := s.VerifyAudit(ctx, signer.Verifier(), signed); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	fmt.Println("well")
	return nil
}

// TestReadOnlyDisk: a store that cannot be written is not opened, and says why.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	isolated(t, "readonly")
}

func readOnlyDisk(ctx context.Context, o store.Options, signer audit.Key) error {
	if err := disk(o.Dir, "16m"); err != nil {
		return err
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	id, version, err := through(ctx, s, o)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := unix.Mount("", o.Dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	if _, err := store.Open(ctx, o); !errors.Is(err, store.ReadOnly) {
		return fmt.Errorf("open on a read-only disk: %w", err)
	}
	fresh := o
	fresh.Dir = filepath.Join(o.Dir, "new")
	if _, err := store.Open(ctx, fresh); !errors.Is(err, store.ReadOnly) {
		return fmt.Errorf("a first start on a read-only disk: %w", err)
	}
	if err := unix.Mount("", o.Dir, "", unix.MS_REMOUNT, ""); err != nil {
		return fmt.Errorf("remount: %w", err)
	}
	return reopened(ctx, o, signer, map[txn.ID]int{id: version})
}

// TestFailingDisk: after a write that failed for another reason than room, the store trusts the disk no more until it
// is opened again; it goes on answering what is there.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	isolated(t, "limit")
}

func failingDisk(ctx context.Context, o store.Options, signer audit.Key) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // a write beyond the limit then fails with EFBIG
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 20, Max: before.Max}); err != nil {
		return err
	}
	answered, err := untilItFails(ctx, s, o)
	if !errors.Is(err, store.Failing) || len(answered) == 0 {
		return fmt.Errorf("after %d logins: %w", len(answered), err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		return err
	}
	for what, err := range map[string]error{
		"health": s.Health(ctx), "spending": s.Spend(ctx, "jti", "one", spendUntil(o)),
	} {
		if !errors.Is(err, store.Failing) || errors.Is(err, client.ErrSpent) {
			return fmt.Errorf("%s after the disk failed: %w", what, err)
		}
	}
	if err := allThere(ctx, s, answered); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return reopened(ctx, o, signer, answered)
}
