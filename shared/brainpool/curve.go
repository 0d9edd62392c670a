package brainpool

import (
	"bytes"
	"errors"
	"fmt"
)

// group is the arithmetic of one curve. A point is x||y with both coordinates
// at field length, big-endian, and nothing for infinity; a scalar is big-endian
// at field length, below the order.
type group interface {
	contains(xy []byte) bool
	add(p, q []byte) []byte
	mul(k, p []byte) []byte
	mulBase(k []byte) []byte
	mulAdd(k, p, l []byte) []byte // k*p + l*generator
}

// mapper is the point encoding of a group; nothing when u has no image.
type mapper interface {
	mapToPoint(u []byte) []byte
}

// Curve is one of the six groups of this package. There is one value of each,
// so that curves are compared by pointer; all methods may be called
// concurrently.
type Curve struct {
	name        string
	oid         string
	parameterID int
	size        int // octets of a coordinate and of a scalar
	order       []byte
	base        *Point
	*constants
	group
	mapper
}

func newCurve(c Curve) *Curve {
	c.size = (c.p.BitLen() + 7) / 8
	c.order = c.n.FillBytes(make([]byte, c.size))
	c.base = &Point{curve: &c, xy: c.generator()}
	return &c
}

// P256r1 returns brainpoolP256r1 (RFC 5639 §3.4).
func P256r1() *Curve { return p256r1() }

// P384r1 returns brainpoolP384r1 (RFC 5639 §3.6).
func P384r1() *Curve { return p384r1() }

// P512r1 returns brainpoolP512r1 (RFC 5639 §3.7).
func P512r1() *Curve { return p512r1() }

// NISTP256 returns P-256 (SP 800-186 §3.2.1.3), also called secp256r1.
func NISTP256() *Curve { return nistP256() }

// NISTP384 returns P-384 (SP 800-186 §3.2.1.4), also called secp384r1.
func NISTP384() *Curve { return nistP384() }

// NISTP521 returns P-521 (SP 800-186 §3.2.1.5), also called secp521r1.
func NISTP521() *Curve { return nistP521() }

// ByParameterID returns the curve that ICAO 9303-11 §9.5.1 numbers 12 (P-256),
// 13 (brainpoolP256r1), 15 (P-384), 16 (brainpoolP384r1), 17 (brainpoolP512r1)
// or 18 (P-521), and false for every other number.
func ByParameterID(id int) (*Curve, bool) {
	return find(func(c *Curve) bool { return c.parameterID == id })
}

// ByOID returns the curve of a named-curve object identifier in dotted form
// (RFC 5639 §4.1, RFC 5480 §2.1.1.1), and false for every other one.
func ByOID(oid string) (*Curve, bool) {
	return find(func(c *Curve) bool { return c.oid == oid })
}

// Parameters are explicit domain parameters, as a certificate may spell them
// (RFC 3279 §2.3.5): the prime, the coefficients, the generator and its order as
// unsigned big-endian numbers, whose leading zeros do not count, and the
// cofactor. An absent cofactor is the caller's to replace by 1.
type Parameters struct {
	P, A, B, GX, GY, N []byte
	H                  int
}

// ByParameters returns the curve that has these parameters, all of them: a
// known curve with another generator is not known (CVE-2020-0601).
func ByParameters(p Parameters) (*Curve, bool) {
	return find(func(c *Curve) bool {
		return p.H == 1 && same(p.P, c.p.Bytes()) && same(p.A, c.a.Bytes()) && same(p.B, c.b.Bytes()) &&
			same(p.GX, c.gx.Bytes()) && same(p.GY, c.gy.Bytes()) && same(p.N, c.n.Bytes())
	})
}

// same compares a number to one without leading zeros.
func same(b, minimal []byte) bool {
	return bytes.Equal(bytes.TrimLeft(b, "\x00"), minimal)
}

func find(match func(*Curve) bool) (*Curve, bool) {
	for _, curve := range []func() *Curve{P256r1, P384r1, P512r1, NISTP256, NISTP384, NISTP521} {
		if c := curve(); match(c) {
			return c, true
		}
	}
	return nil, false
}

// Name returns the curve's usual name, such as "brainpoolP256r1" or "P-256".
func (c *Curve) Name() string { return c.name }

// ParameterID returns the number of the curve in ICAO 9303-11 §9.5.1.
func (c *Curve) ParameterID() int { return c.parameterID }

// ByteLen returns the octets of a coordinate, which are also those of a scalar.
func (c *Curve) ByteLen() int { return c.size }

// BitLen returns the bits of the order.
func (c *Curve) BitLen() int { return c.n.BitLen() }

// Order returns the number of points, big-endian, ByteLen octets.
func (c *Curve) Order() []byte { return bytes.Clone(c.order) }

// Generator returns the base point.
func (c *Curve) Generator() *Point { return c.base }

// ParsePoint decodes 0x04 || X || Y of exactly 1 + 2*ByteLen octets (SEC 1
// §2.3.4). It refuses compressed and hybrid forms, infinity, coordinates that
// are not below the prime, and points off the curve.
func (c *Curve) ParsePoint(uncompressed []byte) (*Point, error) {
	if len(uncompressed) != 1+2*c.size {
		return nil, fmt.Errorf("brainpool: point of %d octets on %s", len(uncompressed), c.name)
	}
	if uncompressed[0] != 4 {
		return nil, errors.New("brainpool: point not in uncompressed form")
	}
	if !c.contains(uncompressed[1:]) {
		return nil, fmt.Errorf("brainpool: not a point of %s", c.name)
	}
	return &Point{curve: c, xy: bytes.Clone(uncompressed[1:])}, nil
}

// BaseMul returns k times the generator, from tables that the first call builds.
func (c *Curve) BaseMul(k *Scalar) *Point {
	k.mustBeOn(c)
	return &Point{curve: c, xy: c.mulBase(k.k)}
}

// maxMapInput bounds the input of MapToPoint, in octets. The longest that the
// pseudo-random function of the Integrated Mapping yields is 96.
const maxMapInput = 256

// MapToPoint encodes a field element as a point, by the formulas of ICAO 9303-11
// Appendix B.2 for affine coordinates. u is a big-endian number of 1 to 256
// octets that is reduced modulo the prime here, so that R(s,t) of the Integrated
// Mapping (§4.4.3.3.2) may be given whole. The three values without an image,
// 0, 1 and -1, are an error. Time depends on the length of u alone.
func (c *Curve) MapToPoint(u []byte) (*Point, error) {
	if len(u) == 0 || len(u) > maxMapInput {
		return nil, fmt.Errorf("brainpool: mapping of %d octets", len(u))
	}
	xy := c.mapToPoint(u)
	if !c.contains(xy) {
		return nil, errors.New("brainpool: number maps to no point")
	}
	return &Point{curve: c, xy: xy}, nil
}
