//go:build (!cgo && !windows) || nopcsc

package pcsc

import (
	"context"
	"iter"
)

// Card is an exclusive connection to a card; there is none in this build.
type Card struct{}

// List returns [ErrNotBuilt] in this build.
func List(context.Context) ([]Reader, error) { return nil, ErrNotBuilt }

// Watch yields [ErrNotBuilt] once in this build.
func Watch(context.Context) iter.Seq2[[]Reader, error] {
	return func(yield func([]Reader, error) bool) { yield(nil, ErrNotBuilt) }
}

// Connect returns [ErrNotBuilt] in this build.
func Connect(context.Context, string) (*Card, error) { return nil, ErrNotBuilt }

// Transmit returns [ErrNotBuilt] in this build.
func (*Card) Transmit(context.Context, []byte) ([]byte, error) { return nil, ErrNotBuilt }

// Reset returns [ErrNotBuilt] in this build.
func (*Card) Reset(context.Context) error { return ErrNotBuilt }

// ATR is empty in this build.
func (*Card) ATR() []byte { return nil }

// Protocol is -1 in this build.
func (*Card) Protocol() int { return -1 }

// Close does nothing in this build.
func (*Card) Close() error { return nil }
