// Package readertest owns a private card reader: a real pcscd with the vpcd virtual reader and a simulated card
// in it, alone in a user, mount and network namespace, reached from outside by one socket and nothing else. It is
// what tests and the demo read cards with: no privilege is needed, no system service is touched, no hardware
// reader of the machine is visible to it, and as many as wanted run side by side.
//
// The program that uses it re-executes itself to become the namespace, so RunChild must be the first thing its
// main or TestMain does:
//
//	func TestMain(m *testing.M) {
//		readertest.RunChild(cards)
//		os.Exit(m.Run())
//	}
//
// PC/SC clients are sent to the reader by the variable that [Reader.Env] returns. libpcsclite reads that variable
// once, at its first call, and keeps it for the life of the process (src/winscard_msg.c, getSocketName): a process
// speaks to one socket path. Give it to a subprocess, or set it in TestMain before any PC/SC call; a reader that
// is closed and started again in the same Options.Dir is found again at the same path.
//
// A card appears to PC/SC clients at pcscd's next presence poll, up to 0.4 s after Insert returns: wait for it by
// watching the reader, not by sleeping.
package readertest

import (
	"context"
	"errors"
)

// ErrUnavailable is wrapped by every error that says this machine cannot host a private reader: another system
// than Linux, pcscd or vpcd not installed, namespaces refused.
var ErrUnavailable = errors.New("no private card reader on this machine")

// CardFunc plays one card: it dials the reader at addr ("127.0.0.1:port", vpicc protocol: virtualsmartcard,
// src/vpcd/vpcd.h), answers until ctx ends, then closes the connection, which is how a card leaves the reader.
// It runs inside the namespace, in another process than the caller of [Start]: args is all it is told, and files
// under /run are out of its reach.
type CardFunc func(ctx context.Context, args []string, addr string) error

// Options says where a reader lives and what lies in it first.
type Options struct {
	// Dir holds the socket and the log; created if missing. Empty: a temporary folder, removed by Close.
	// Dir plus "/pcscd/pcscd.comm" must be shorter than 108 bytes (unix(7), sun_path).
	Dir string
	// Card is the name of the first card among those given to RunChild; empty for an empty reader.
	Card string
	// Args are handed to the card.
	Args []string
}

// TB is the part of testing.TB that [Require] needs, so that programs other than tests link no testing package.
type TB interface {
	Helper()
	Context() context.Context
	Cleanup(func())
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Require starts a reader that ends with the test. On a machine that cannot host one it skips the test and prints
// why; any other failure is fatal.
func Require(tb TB, o Options) *Reader {
	tb.Helper()
	r, err := Start(context.WithoutCancel(tb.Context()), o)
	if errors.Is(err, ErrUnavailable) {
		tb.Skipf("skipped: %v", err)
		return nil
	}
	if err != nil {
		tb.Fatalf("starting a private reader: %v", err)
		return nil
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Fatalf("closing the private reader: %v", err)
		}
	})
	return r
}
