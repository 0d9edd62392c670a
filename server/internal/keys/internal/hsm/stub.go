//go:build !pkcs11

package hsm

import (
	"context"
	"crypto/ecdsa"
)

// Built reports whether this program has PKCS#11.
const Built = false

// A Token is what a program without PKCS#11 never has.
type Token struct{}

// Open refuses: ErrNotBuilt.
func Open(Options) (*Token, error) { return nil, ErrNotBuilt }

// Generate refuses: ErrNotBuilt.
func (*Token) Generate(context.Context, string) (Key, *ecdsa.PublicKey, error) {
	return Key{}, nil, ErrNotBuilt
}

// Sign refuses: ErrNotBuilt.
func (*Token) Sign(context.Context, Key, []byte) ([]byte, error) { return nil, ErrNotBuilt }

// Destroy refuses: ErrNotBuilt.
func (*Token) Destroy(context.Context, Key) error { return ErrNotBuilt }

// Doubt does nothing.
func (*Token) Doubt() {}

// Close does nothing.
func (*Token) Close() error { return nil }
