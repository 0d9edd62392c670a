// Package ec owns the elliptic curves of the simulated card, on math/big with Jacobian coordinates. It is slow, it is
// not constant-time, and it shares nothing with the reader's curves: that is the point of it.
package ec

import (
	"errors"
	"math/big"
)

// Curve is a short Weierstrass curve y² = x³ + ax + b over a prime field, of cofactor 1. It is immutable.
type Curve struct {
	Name        string
	ParameterID int    // standardized domain parameters of ICAO 9303-11 §9.5.1
	OID         string // named curve
	P, A, B, N  *big.Int
	G           Point
	Size        int // bytes of a coordinate
}

// Point is an affine point; the zero Point is the point at infinity.
type Point struct{ X, Y *big.Int }

// Infinite reports whether q is the point at infinity.
func (q Point) Infinite() bool { return q.X == nil }

// Equal reports whether two points are the same.
func (q Point) Equal(r Point) bool {
	if q.Infinite() || r.Infinite() {
		return q.Infinite() == r.Infinite()
	}
	return q.X.Cmp(r.X) == 0 && q.Y.Cmp(r.Y) == 0
}

// ErrPoint says that bytes are no point of the curve.
var ErrPoint = errors.New("ec: not a point of the curve")

// Encode returns 04||X||Y (SEC 1 §2.3.3), or the single byte 00 for infinity.
func (c *Curve) Encode(q Point) []byte {
	if q.Infinite() {
		return []byte{0}
	}
	out := make([]byte, 1+2*c.Size)
	out[0] = 4
	q.X.FillBytes(out[1 : 1+c.Size])
	q.Y.FillBytes(out[1+c.Size:])
	return out
}

// Decode reads 04||X||Y and checks the range of the coordinates and the equation. It returns ErrPoint.
func (c *Curve) Decode(b []byte) (Point, error) {
	if len(b) != 1+2*c.Size || b[0] != 4 {
		return Point{}, ErrPoint
	}
	q := Point{new(big.Int).SetBytes(b[1 : 1+c.Size]), new(big.Int).SetBytes(b[1+c.Size:])}
	if q.X.Cmp(c.P) >= 0 || q.Y.Cmp(c.P) >= 0 || !c.contains(q) {
		return Point{}, ErrPoint
	}
	return q, nil
}

func (c *Curve) contains(q Point) bool {
	f := field{c.P}
	return f.sqr(q.Y).Cmp(c.rhs(q.X)) == 0
}

// rhs is x³ + ax + b.
func (c *Curve) rhs(x *big.Int) *big.Int {
	f := field{c.P}
	return f.add(f.mul(f.add(f.sqr(x), c.A), x), c.B)
}

// FieldBytes writes a coordinate or a shared secret with its leading zeros.
func (c *Curve) FieldBytes(x *big.Int) []byte { return x.FillBytes(make([]byte, c.Size)) }

// Add returns q + r.
func (c *Curve) Add(q, r Point) Point { return c.affine(c.addJacobian(fromAffine(q), fromAffine(r))) }

// window is the width in bits of the digits of a scalar.
const window = 4

// Mul returns k·q for k not negative, with a fixed window.
func (c *Curve) Mul(k *big.Int, q Point) Point {
	var table [1 << window]jacobian
	for i := 1; i < len(table); i++ {
		table[i] = c.addJacobian(table[i-1], fromAffine(q))
	}
	var acc jacobian
	for i := (k.BitLen()+window-1)/window*window - window; i >= 0; i -= window {
		digit := 0
		for j := window - 1; j >= 0; j-- {
			acc = c.double(acc)
			digit = digit<<1 | int(k.Bit(i+j))
		}
		acc = c.addJacobian(acc, table[digit])
	}
	return c.affine(acc)
}
