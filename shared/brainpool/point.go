package brainpool

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Point is an immutable element of the group of a curve. It prints as its curve
// alone, since points that PACE computes are secret. The zero value is not valid.
type Point struct {
	curve *Curve
	xy    []byte // nothing for infinity
}

// Mul returns k times p. It panics when k is of another curve.
func (p *Point) Mul(k *Scalar) *Point {
	k.mustBeOn(p.curve)
	return &Point{curve: p.curve, xy: p.curve.mul(k.k, p.xy)}
}

// Add returns p + q, for all p and q. It panics when q is of another curve.
func (p *Point) Add(q *Point) *Point {
	if p.curve != q.curve {
		panic("brainpool: internal error: point of another curve")
	}
	return &Point{curve: p.curve, xy: p.curve.add(p.xy, q.xy)}
}

// IsInfinity reports whether p is the neutral element.
func (p *Point) IsInfinity() bool { return len(p.xy) == 0 }

// Equal reports, in constant time, whether p and q are the same point of the
// same curve.
func (p *Point) Equal(q *Point) bool {
	return p.curve == q.curve && subtle.ConstantTimeCompare(p.xy, q.xy) == 1
}

// Bytes returns 0x04 || X || Y with both coordinates at field length, or the one
// octet 0x00 for infinity (SEC 1 §2.3.3).
func (p *Point) Bytes() []byte {
	if p.IsInfinity() {
		return []byte{0}
	}
	return append([]byte{4}, p.xy...)
}

// X returns the x coordinate, big-endian at field length with its leading zeros
// (TR-03111 §3.1.3), or nil for infinity.
func (p *Point) X() []byte {
	if p.IsInfinity() {
		return nil
	}
	return bytes.Clone(p.xy[:p.curve.size])
}

// SharedX returns the secret of ECDH: the x coordinate of k times peer, at field
// length (TR-03111 §4.3.1). It fails when they are of different curves or the
// result is infinity.
func SharedX(k *Scalar, peer *Point) ([]byte, error) {
	if k.curve != peer.curve {
		return nil, fmt.Errorf("brainpool: scalar of %s with a point of %s", k.curve.name, peer.curve.name)
	}
	p := peer.Mul(k)
	if p.IsInfinity() {
		return nil, errors.New("brainpool: shared point is infinity")
	}
	return p.X(), nil
}

// String names the curve; it does not show the coordinates.
func (p Point) String() string { return p.curve.name + " point" }

// Format prints what String says, whatever the verb.
func (p Point) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.String()) }

// LogValue logs what String says.
func (p Point) LogValue() slog.Value { return slog.StringValue(p.String()) }
