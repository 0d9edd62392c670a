package brainpool_test

import (
	"bytes"
	"math/big"
	"testing"
)

// mapped is ICAO 9303-11 Appendix B.2 on math/big, by square roots and symbols
// instead of powers: of the two candidates for x the one that has a y. It is nil
// when there is no image.
func mapped(t *testing.T, r reference, u []byte) []byte {
	t.Helper()
	params := parameters(t, r)
	p, a, b := r.oracle.Params().P, new(big.Int).SetBytes(params.A), new(big.Int).SetBytes(params.B)
	mod := func(v *big.Int) *big.Int { return v.Mod(v, p) }
	v := mod(new(big.Int).SetBytes(u))
	alpha := mod(new(big.Int).Neg(new(big.Int).Mul(v, v)))
	beta := mod(new(big.Int).Add(alpha, new(big.Int).Mul(alpha, alpha)))
	if beta.Sign() == 0 {
		return nil
	}
	x := new(big.Int).ModInverse(mod(new(big.Int).Mul(a, beta)), p)
	x.Mul(x, new(big.Int).Add(beta, big.NewInt(1)))
	x = mod(x.Neg(x.Mul(x, b)))
	h2 := rightSide(t, r, x)
	if big.Jacobi(h2, p) == 1 {
		y := new(big.Int).ModSqrt(h2, p)
		if big.Jacobi(y, p) != 1 {
			y.Sub(p, y)
		}
		return r.encoding(x, y)
	}
	// Here h2 is no square, so -h2 is one, and A h2 is the root of it that
	// equals h2 / h2^((p+1)/4).
	x = mod(x.Mul(x, alpha))
	root := new(big.Int).ModSqrt(new(big.Int).Sub(p, h2), p)
	quarter := new(big.Int).Rsh(new(big.Int).Add(p, big.NewInt(1)), 2)
	want := mod(new(big.Int).Mul(h2, new(big.Int).ModInverse(new(big.Int).Exp(h2, quarter, p), p)))
	if root.Cmp(want) != 0 {
		root.Sub(p, root)
	}
	return r.encoding(x, mod(root.Mul(root, new(big.Int).Exp(v, big.NewInt(3), p))))
}

func TestMapToPoint(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		chosen := map[bool]int{}
		for _, v := range append(r.randoms(9, 24), big.NewInt(2), big.NewInt(-2)) {
			v.Mod(v, r.oracle.Params().P)
			u := v.Bytes()
			got, err := r.curve.MapToPoint(u)
			if err != nil {
				t.Fatal(err)
			}
			if want := mapped(t, r, u); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%x maps to %x, want %x", u, got.Bytes(), want)
			}
			r.parse(t, got.Bytes())
			// Sizes do not matter, nor multiples of the prime.
			wide := new(big.Int).Add(v, new(big.Int).Lsh(r.oracle.Params().P, 130))
			for _, same := range [][]byte{append([]byte{0, 0, 0}, u...), wide.Bytes()} {
				again, err := r.curve.MapToPoint(same)
				if err != nil || !again.Equal(got) {
					t.Errorf("%x and %x map to different points", u, same)
				}
			}
			// u and -u have one x; their y differ when X3 was taken.
			minus, err := r.curve.MapToPoint(new(big.Int).Sub(r.oracle.Params().P, v).Bytes())
			if err != nil || !bytes.Equal(minus.X(), got.X()) {
				t.Errorf("-%x maps to another x", u)
			}
			chosen[minus.Equal(got)]++
		}
		if chosen[true] == 0 || chosen[false] == 0 {
			t.Errorf("one branch is never taken: %v", chosen)
		}
	})
}

func TestMapToPointRefuses(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		p := r.oracle.Params().P
		add := func(d int64) []byte { return new(big.Int).Add(p, big.NewInt(d)).Bytes() }
		cases := []struct {
			name string
			u    []byte
			ok   bool
		}{
			{"2", []byte{2}, true},
			{"p+2", add(2), true},
			{"256 octets", bytes.Repeat([]byte{7}, 256), true},
			{"0", []byte{0}, false},
			{"1", []byte{1}, false},
			{"p-1", add(-1), false},
			{"p", add(0), false},
			{"p+1", add(1), false},
			{"empty", nil, false},
			{"257 octets", bytes.Repeat([]byte{7}, 257), false},
		}
		for _, c := range cases {
			got, err := r.curve.MapToPoint(c.u)
			if (err == nil) != c.ok || (got != nil) != c.ok {
				t.Errorf("%s: error %v, want ok %t", c.name, err, c.ok)
			}
		}
	})
}
