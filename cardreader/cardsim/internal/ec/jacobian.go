package ec

import "math/big"

// field is the arithmetic modulo a prime. Results are fresh and reduced.
type field struct{ p *big.Int }

func (f field) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, f.p)
}

func (f field) sqr(a *big.Int) *big.Int { return f.mul(a, a) }

func (f field) add(a, b *big.Int) *big.Int {
	r := new(big.Int).Add(a, b)
	if r.Cmp(f.p) >= 0 {
		r.Sub(r, f.p)
	}
	return r
}

func (f field) sub(a, b *big.Int) *big.Int {
	r := new(big.Int).Sub(a, b)
	if r.Sign() < 0 {
		r.Add(r, f.p)
	}
	return r
}

func (f field) neg(a *big.Int) *big.Int { return f.sub(new(big.Int), a) }

func (f field) exp(a, e *big.Int) *big.Int { return new(big.Int).Exp(a, e, f.p) }

// jacobian is the point (x/z², y/z³); the zero value is the point at infinity.
type jacobian struct{ x, y, z *big.Int }

func fromAffine(q Point) jacobian {
	if q.Infinite() {
		return jacobian{}
	}
	return jacobian{q.X, q.Y, big.NewInt(1)}
}

func (c *Curve) affine(q jacobian) Point {
	if q.z == nil {
		return Point{}
	}
	f := field{c.P}
	inv := new(big.Int).ModInverse(q.z, c.P)
	inv2 := f.sqr(inv)
	return Point{f.mul(q.x, inv2), f.mul(q.y, f.mul(inv2, inv))}
}

// double follows M = 3x² + az⁴, S = 4xy², x' = M² - 2S, y' = M(S - x') - 8y⁴, z' = 2yz
// (Guide to Elliptic Curve Cryptography §3.2.2).
func (c *Curve) double(q jacobian) jacobian {
	if q.z == nil || q.y.Sign() == 0 {
		return jacobian{}
	}
	f := field{c.P}
	yy := f.sqr(q.y)
	s := f.mul(q.x, yy)
	s = f.add(s, s)
	s = f.add(s, s)
	xx := f.sqr(q.x)
	m := f.add(f.add(xx, f.add(xx, xx)), f.mul(c.A, f.sqr(f.sqr(q.z))))
	x := f.sub(f.sqr(m), f.add(s, s))
	y4 := f.sqr(yy)
	for range 3 {
		y4 = f.add(y4, y4)
	}
	yz := f.mul(q.y, q.z)
	return jacobian{x, f.sub(f.mul(m, f.sub(s, x)), y4), f.add(yz, yz)}
}

// addJacobian follows H = x2·z1² - x1·z2², R = y2·z1³ - y1·z2³, x' = R² - H³ - 2·x1·z2²·H² (ibid.).
func (c *Curve) addJacobian(q, r jacobian) jacobian {
	if q.z == nil {
		return r
	}
	if r.z == nil {
		return q
	}
	f := field{c.P}
	z1, z2 := f.sqr(q.z), f.sqr(r.z)
	u1, u2 := f.mul(q.x, z2), f.mul(r.x, z1)
	s1, s2 := f.mul(q.y, f.mul(z2, r.z)), f.mul(r.y, f.mul(z1, q.z))
	h, t := f.sub(u2, u1), f.sub(s2, s1)
	if h.Sign() == 0 {
		if t.Sign() == 0 {
			return c.double(q)
		}
		return jacobian{}
	}
	h2 := f.sqr(h)
	h3 := f.mul(h2, h)
	v := f.mul(u1, h2)
	x := f.sub(f.sub(f.sqr(t), h3), f.add(v, v))
	y := f.sub(f.mul(t, f.sub(v, x)), f.mul(s1, h3))
	return jacobian{x, y, f.mul(f.mul(q.z, r.z), h)}
}
