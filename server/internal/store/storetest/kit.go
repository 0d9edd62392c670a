// Package storetest is the contract of a store, as tests that every implementation passes. [Run] takes a constructor;
// each case says which rule it holds the store to.
package storetest

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/txn"
)

// Store is what the suite tests.
type Store interface {
	txn.Ledger
	record.Book
	client.Once
	Log
	Upkeep
}

// Log is the audit log as it is written, and as its keeper reads it.
type Log interface {
	audit.Log
	Entries(ctx context.Context) iter.Seq2[audit.Entry, error]
	Sequence(ctx context.Context, signer audit.Signer) ([]byte, error)
	VerifyAudit(ctx context.Context, key string, witnessed ...[]byte) (int64, error)
}

// Upkeep is what happens to a store over time.
type Upkeep interface {
	Health(ctx context.Context) error
	Epoch() store.Epoch
	NewEpoch(ctx context.Context) (store.Epoch, error)
	Sweep(ctx context.Context) (int, error)
	Close() error
}

// Open opens the store in a folder, as [store.Open] does.
type Open func(ctx context.Context, o store.Options) (Store, error)

// Clock is a clock that only a test moves.
type Clock struct{ millis atomic.Int64 }

// NewClock gives a clock that stands at a time of no importance.
func NewClock() *Clock {
	c := new(Clock)
	c.millis.Store(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

// Now is the time.
func (c *Clock) Now() time.Time { return time.UnixMilli(c.millis.Load()).UTC() }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }

// sealer seals with AES-256-GCM under one random key.
type sealer struct{ aead cipher.AEAD }

// NewSealer gives a sealer with that key of 32 bytes.
func NewSealer(key [32]byte) store.Sealer {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("storetest: internal error: " + err.Error())
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("storetest: internal error: " + err.Error())
	}
	return sealer{aead}
}

// Seal implements [store.Sealer].
func (s sealer) Seal(purpose string, plaintext, aad []byte) ([]byte, error) {
	return s.aead.Seal(nil, nil, plaintext, bound(purpose, aad)), nil
}

// Open implements [store.Sealer].
func (s sealer) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	return s.aead.Open(nil, nil, sealed, bound(purpose, aad))
}

func bound(purpose string, aad []byte) []byte { return fmt.Appendf(nil, "%s\x00%s", purpose, aad) }

// scene is one store of a test, in a folder and at a time of its own.
type scene struct {
	Store
	t       *testing.T
	open    Open
	clock   *Clock
	options store.Options
}

func newScene(t *testing.T, open Open) *scene {
	t.Helper()
	clock := NewClock()
	var key [32]byte
	rand.Read(key[:])
	s := &scene{t: t, open: open, clock: clock, options: store.Options{Dir: t.TempDir(), Sealer: NewSealer(key), Now: clock.Now}}
	s.start()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

func (s *scene) start() {
	s.t.Helper()
	opened, err := s.open(s.t.Context(), s.options)
	if err != nil {
		s.t.Fatalf("Open: %v", err)
	}
	s.Store = opened
}

// restart closes the store and opens it again.
func (s *scene) restart() {
	s.t.Helper()
	if err := s.Close(); err != nil {
		s.t.Fatalf("Close: %v", err)
	}
	s.start()
}

// reach takes a new login of an issuer to a state.
func (s *scene) reach(issuer string, name txn.StateName) (Login, txn.State) {
	s.t.Helper()
	l := NewLogin(issuer, s.clock.Now)
	state, err := l.Reach(s.t.Context(), s, name)
	if err != nil {
		s.t.Fatalf("a login up to %s: %v", name, err)
	}
	return l, state
}

// next makes the state that follows, and does not store it.
func (s *scene) next(l Login, from txn.State) (txn.State, audit.Entry) {
	s.t.Helper()
	next, e, err := l.Next(from)
	if err != nil {
		s.t.Fatalf("after %s: %v", from.Name(), err)
	}
	return next, e
}

// events lists what the audit log says of a transaction, in order; of everything for the zero identifier.
func (s *scene) events(id txn.ID) []audit.Event {
	s.t.Helper()
	var events []audit.Event
	for e, err := range s.Entries(s.t.Context()) {
		if err != nil {
			s.t.Fatalf("Entries: %v", err)
		}
		if id.IsZero() || e.Transaction == id.String() {
			events = append(events, e.Event)
		}
	}
	return events
}
