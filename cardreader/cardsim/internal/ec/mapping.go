package ec

import "math/big"

// MapToPoint maps a field element to a point (ICAO 9303-11 Appendix B.2, affine coordinates). The field's prime must
// be 3 modulo 4, which holds for every curve of this package.
func (c *Curve) MapToPoint(t *big.Int) Point {
	f := field{c.P}
	one := big.NewInt(1)
	two := big.NewInt(2)
	t = new(big.Int).Mod(t, c.P)

	alpha := f.neg(f.sqr(t))
	sum := f.add(alpha, f.sqr(alpha))
	inverse := f.exp(f.mul(c.A, sum), new(big.Int).Sub(c.P, two))
	x2 := f.mul(f.mul(f.neg(c.B), f.add(one, sum)), inverse)
	x3 := f.mul(alpha, x2)
	h2 := c.rhs(x2)
	u := f.mul(f.mul(f.sqr(t), t), h2)

	// A = h2^(p - 1 - (p + 1)/4): the inverse of a square root of h2 when there is one.
	e := new(big.Int).Add(c.P, one)
	e.Rsh(e, 2)
	e.Sub(new(big.Int).Sub(c.P, one), e)
	a := f.exp(h2, e)
	if f.mul(f.sqr(a), h2).Cmp(one) == 0 {
		return Point{x2, f.mul(a, h2)}
	}
	return Point{x3, f.mul(a, u)}
}
