package brainpool

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Scalar is an immutable private number between 1 and the order of a curve less
// 1. It prints redacted. The zero value is not valid.
type Scalar struct {
	curve *Curve
	k     []byte // big-endian, field length
}

// drawLimit bounds the rejection sampling of RandomScalar. At the worst curve a
// draw is refused with probability 0.45, so reaching it means a broken source.
const drawLimit = 256

// RandomScalar draws a scalar uniformly, by rejection (FIPS 186-5 A.2.2).
func (c *Curve) RandomScalar() (*Scalar, error) {
	k := make([]byte, c.size)
	for range drawLimit {
		if _, err := rand.Read(k); err != nil {
			return nil, fmt.Errorf("brainpool: random scalar: %w", err)
		}
		k[0] &= 0xff >> (8*c.size - c.BitLen())
		if c.isScalar(k) {
			return &Scalar{curve: c, k: k}, nil
		}
	}
	return nil, errors.New("brainpool: random source gives no scalar")
}

// ParseScalar decodes a scalar, big-endian, of exactly ByteLen octets; 0 and
// numbers from the order on are refused.
func (c *Curve) ParseScalar(b []byte) (*Scalar, error) {
	if len(b) != c.size {
		return nil, fmt.Errorf("brainpool: scalar of %d octets on %s", len(b), c.name)
	}
	if !c.isScalar(b) {
		return nil, fmt.Errorf("brainpool: scalar out of range on %s", c.name)
	}
	return &Scalar{curve: c, k: bytes.Clone(b)}, nil
}

// isScalar reports whether 0 < b < n for b of full length, in constant time.
func (c *Curve) isScalar(b []byte) bool {
	var nonzero, borrow int
	for i := len(b) - 1; i >= 0; i-- {
		nonzero |= int(b[i])
		borrow = (int(b[i]) - int(c.order[i]) - borrow) >> 8 & 1
	}
	return nonzero != 0 && borrow == 1
}

// Bytes returns the scalar, big-endian, ByteLen octets: a secret.
func (k *Scalar) Bytes() []byte { return bytes.Clone(k.k) }

func (k *Scalar) mustBeOn(c *Curve) {
	if k.curve != c {
		panic("brainpool: internal error: scalar of another curve")
	}
}

// String names the curve; it does not show the number.
func (k Scalar) String() string { return k.curve.name + " scalar (redacted)" }

// Format prints what String says, whatever the verb.
func (k Scalar) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, k.String()) }

// LogValue logs what String says.
func (k Scalar) LogValue() slog.Value { return slog.StringValue(k.String()) }
