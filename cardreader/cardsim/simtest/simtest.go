// Package simtest shares one TEST PKI among the tests of all packages. Its keys are committed, which is allowed to
// keys named TEST alone: they sign simulated cards as of a fixed moment, and nobody may trust them. It is imported by
// tests only.
package simtest

import (
	"context"
	"embed"
	"io/fs"
	"sync"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
)

//go:generate go run generate.go

//go:embed pki
var files embed.FS

var shared = sync.OnceValues(func() (*cardsim.PKI, error) {
	dir, err := fs.Sub(files, "pki")
	if err != nil {
		return nil, err
	}
	return cardsim.ReadPKI(dir)
})

// Now is the moment as of which the shared PKI was made: what tests take for the present.
func Now() time.Time { return time.Date(2026, time.October, 1, 8, 0, 0, 0, time.UTC) }

// PKI returns the TEST PKI that all tests share.
func PKI(tb testing.TB) *cardsim.PKI {
	tb.Helper()
	p, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// Card returns a new card of a persona under the shared PKI, which never really waits.
func Card(tb testing.TB, persona string) *cardsim.Card {
	tb.Helper()
	p, err := cardsim.FindPersona(persona)
	if err != nil {
		tb.Fatal(err)
	}
	return New(tb, p)
}

// New returns a new card of a persona that need not be in the table, likewise.
func New(tb testing.TB, persona cardsim.Persona) *cardsim.Card {
	tb.Helper()
	card, err := cardsim.New(PKI(tb), persona)
	if err != nil {
		tb.Fatal(err)
	}
	card.Wait = noWait
	return card
}

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }
