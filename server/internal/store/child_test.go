package store_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"pivot/server/internal/audit"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
)

// childVariable names what a copy of this program does instead of testing.
const childVariable = "PIVOT_STORE_CHILD"

// TestMain becomes a child where the environment says so: for what needs a process to itself, to be killed, to run into
// limits, or to have a disk of its own.
func TestMain(m *testing.M) {
	children := isolatedChildren()
	children["hold"], children["toil"] = hold, toil
	child, ok := children[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	var key [32]byte
	if _, err := hex.Decode(key[:], []byte(os.Args[2])); err != nil {
		fmt.Println("bad key:", err)
		os.Exit(1)
	}
	if err := child(context.Background(), options(os.Args[1], key), checkpointKey(key)); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type childFunc func(ctx context.Context, o store.Options, signer audit.Key) error

// checkpointKey derives the key for checkpoints that parent and child share.
func checkpointKey(seed [32]byte) audit.Key {
	key, err := audit.NewKey("store.test/audit", ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic("store_test: internal error: " + err.Error())
	}
	return key
}

// child prepares a copy of this program, to work on the store in dir with that key.
func child(t *testing.T, name, dir string, key [32]byte) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, dir, hex.EncodeToString(key[:]))
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

// hold keeps a store open until its standard input ends.
func hold(ctx context.Context, o store.Options, _ audit.Key) error {
	s, err := store.Open(ctx, o)
	if err != nil {
		return err
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Close()
}

// TestSecondProcess: one process at a time; the lock goes with the process that held it.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	key := [32]byte{1}
	o := options(t.TempDir(), key)
	cmd := child(t, "hold", o.Dir, key)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); strings.TrimSpace(line) != "open" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	if _, err := store.Open(t.Context(), o); !errors.Is(err, store.Locked) {
		t.Errorf("Open beside another process: %v", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("Open after it: %v", err)
	}
	defer s.Close()
	if _, err := store.Open(t.Context(), o); !errors.Is(err, store.Locked) {
		t.Errorf("Open a second time: %v", err)
	}
	if _, err := storetest.NewLogin(storetest.IssuerA, o.Now).Reach(t.Context(), s, "redeemed"); err != nil {
		t.Errorf("the one that is open: %v", err)
	}
}
