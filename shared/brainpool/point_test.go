package brainpool_test

import (
	"bytes"
	"crypto/ecdh"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"pivot/shared/brainpool"
)

func TestMul(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		p := r.base(r.randoms(3, 1)[0])
		point := r.parse(t, p)
		for _, k := range append(r.edges(), r.randoms(4, 8)...) {
			s := r.scalar(t, k)
			if got, want := r.curve.BaseMul(s).Bytes(), r.base(k); !bytes.Equal(got, want) {
				t.Errorf("base times %x = %x, want %x", k, got, want)
			}
			if got, want := r.curve.Generator().Mul(s).Bytes(), r.base(k); !bytes.Equal(got, want) {
				t.Errorf("generator times %x = %x, want %x", k, got, want)
			}
			if got, want := point.Mul(s).Bytes(), r.mul(p, k); !bytes.Equal(got, want) {
				t.Errorf("point times %x = %x, want %x", k, got, want)
			}
		}
	})
}

// TestMulEveryDigit puts each of the 32 windows at each of five places, so that
// every table entry, sign and carry is used: k*G must advance by one addition.
func TestMulEveryDigit(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		for _, place := range []uint{0, 5, 60, 125, 240} {
			step := r.curve.BaseMul(r.scalar(t, new(big.Int).Lsh(big.NewInt(1), place)))
			want := step
			for window := int64(1); window <= 33; window++ {
				k := r.scalar(t, new(big.Int).Lsh(big.NewInt(window), place))
				if got := r.curve.BaseMul(k); !got.Equal(want) {
					t.Fatalf("base: window %d at bit %d", window, place)
				}
				if got := r.curve.Generator().Mul(k); !got.Equal(want) {
					t.Fatalf("point: window %d at bit %d", window, place)
				}
				want = want.Add(step)
			}
		}
	})
}

func TestAdd(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		n := r.oracle.Params().N
		ks := append(r.edges()[:6], r.randoms(5, 2)...)
		infinity := r.curve.Generator().Add(r.curve.BaseMul(r.scalar(t, big.NewInt(-1))))
		if !infinity.IsInfinity() {
			t.Fatal("G + (-G) is not infinity")
		}
		if sum := infinity.Add(infinity); !sum.IsInfinity() {
			t.Error("O + O is not infinity")
		}
		for _, a := range ks {
			p := r.parse(t, r.base(a))
			if !p.Add(infinity).Equal(p) || !infinity.Add(p).Equal(p) {
				t.Errorf("%x: P + O is not P", a)
			}
			if got, want := p.Add(p).Bytes(), r.base(new(big.Int).Lsh(a, 1)); !bytes.Equal(got, want) {
				t.Errorf("%x: P + P = %x, want %x", a, got, want)
			}
			for _, b := range append(ks, new(big.Int).Sub(n, a)) {
				sum := new(big.Int).Add(a, b)
				want := []byte{0}
				if sum.Mod(sum, n).Sign() != 0 {
					want = r.base(sum)
				}
				if got := p.Add(r.parse(t, r.base(b))).Bytes(); !bytes.Equal(got, want) {
					t.Errorf("%x + %x = %x, want %x", a, b, got, want)
				}
			}
		}
	})
}

func TestInfinity(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		g, k := r.curve.Generator(), r.scalar(t, big.NewInt(7))
		infinity := g.Add(g.Mul(r.scalar(t, big.NewInt(-1))))
		if g.IsInfinity() || g.Equal(infinity) || infinity.Equal(g) || !infinity.Equal(infinity) {
			t.Error("infinity is not told from the generator")
		}
		if got := infinity.Bytes(); !bytes.Equal(got, []byte{0}) {
			t.Errorf("Bytes = %x", got)
		}
		if infinity.X() != nil {
			t.Error("infinity has an x coordinate")
		}
		if !infinity.Mul(k).IsInfinity() {
			t.Error("a multiple of infinity is not infinity")
		}
		if _, err := brainpool.SharedX(k, infinity); err == nil {
			t.Error("SharedX with infinity is no error")
		}
		if _, err := brainpool.SharedX(k, g); err != nil {
			t.Errorf("positive control: %v", err)
		}
		if _, err := r.curve.ParsePoint(infinity.Bytes()); err == nil {
			t.Error("ParsePoint took infinity")
		}
	})
}

// TestEqualAcrossCurves: values that are written alike on two curves differ.
func TestEqualAcrossCurves(t *testing.T) {
	t.Parallel()
	a, b := brainpool.P256r1().Generator(), brainpool.NISTP256().Generator()
	if a.Equal(b) || !a.Equal(brainpool.P256r1().Generator()) {
		t.Error("Equal does not tell generators apart")
	}
	infinity := func(r reference) *brainpool.Point {
		return r.curve.Generator().Add(r.parse(t, r.base(big.NewInt(-1))))
	}
	if infinity(references()[0]).Equal(infinity(references()[3])) {
		t.Error("Equal does not look at the curve")
	}
}

func TestParsePoint(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		size := r.curve.ByteLen()
		valid := r.base(r.randoms(6, 1)[0])
		p := r.oracle.Params().P
		cases := []struct {
			name   string
			mutate func(b []byte) []byte
			ok     bool
		}{
			{"as it is", func(b []byte) []byte { return b }, true},
			{"negated y", func(b []byte) []byte {
				y := new(big.Int).SetBytes(b[1+size:])
				y.Sub(p, y).FillBytes(b[1+size:])
				return b
			}, true},
			{"empty", func([]byte) []byte { return nil }, false},
			{"infinity", func([]byte) []byte { return []byte{0} }, false},
			{"infinity at full length", func(b []byte) []byte { return make([]byte, len(b)) }, false},
			{"origin", func(b []byte) []byte { return append([]byte{4}, make([]byte, 2*size)...) }, false},
			{"compressed", func(b []byte) []byte { return append([]byte{2 + b[2*size]&1}, b[1:1+size]...) }, false},
			{"hybrid", func(b []byte) []byte { b[0] = 6 + b[2*size]&1; return b }, false},
			{"one octet more", func(b []byte) []byte { return append(b, 0) }, false},
			{"one octet less", func(b []byte) []byte { return b[:len(b)-1] }, false},
			{"off the curve by x", func(b []byte) []byte { b[size] ^= 1; return b }, false},
			{"off the curve by y", func(b []byte) []byte { b[2*size] ^= 1; return b }, false},
			{"x is p", func(b []byte) []byte { p.FillBytes(b[1 : 1+size]); return b }, false},
			{"y is p", func(b []byte) []byte { p.FillBytes(b[1+size:]); return b }, false},
			{"all ones", func(b []byte) []byte { return append([]byte{4}, bytes.Repeat([]byte{0xff}, 2*size)...) }, false},
		}
		for _, c := range cases {
			b := c.mutate(bytes.Clone(valid))
			got, err := r.curve.ParsePoint(b)
			if (err == nil) != c.ok {
				t.Errorf("%s: error %v, want ok %t", c.name, err, c.ok)
			}
			if err == nil && !bytes.Equal(got.Bytes(), b) {
				t.Errorf("%s: parsed as %x", c.name, got.Bytes())
			}
		}
	})
}

// TestParsePointAbovePrime writes x of a point as x + p, which satisfies the
// equation: only the range check can refuse it. The point is the one of smallest
// x, so that the sum fits in the length.
func TestParsePointAbovePrime(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		size, p := r.curve.ByteLen(), r.oracle.Params().P
		for x := big.NewInt(1); ; x.Add(x, big.NewInt(1)) {
			y := new(big.Int).ModSqrt(rightSide(t, r, x), p)
			if y == nil {
				continue
			}
			r.parse(t, r.encoding(x, y)) // positive control
			b := r.encoding(new(big.Int).Add(x, p), y)
			if _, err := r.curve.ParsePoint(b); err == nil {
				t.Errorf("took x = %d + p", x)
			}
			if len(b) != 1+2*size {
				t.Fatal("the sum does not fit")
			}
			return
		}
	})
}

// rightSide is x^3 + ax + b, with a and b found from two points of the oracle.
func rightSide(t *testing.T, r reference, x *big.Int) *big.Int {
	t.Helper()
	p := r.oracle.Params().P
	rest := func(k byte) (*big.Int, *big.Int) { // y^2 - x^3 = ax + b
		x, y := r.oracle.ScalarBaseMult([]byte{k})
		cube := new(big.Int).Exp(x, big.NewInt(3), p)
		return x, new(big.Int).Sub(new(big.Int).Mul(y, y), cube)
	}
	x1, v1 := rest(1)
	x2, v2 := rest(2)
	a := new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(x1, x2), p), p)
	a.Mul(a, new(big.Int).Sub(v1, v2)).Mod(a, p)
	b := new(big.Int).Sub(v1, new(big.Int).Mul(a, x1))
	v := new(big.Int).Exp(x, big.NewInt(3), p)
	v.Add(v, b).Add(v, new(big.Int).Mul(a, x))
	return v.Mod(v, p)
}

func TestPointIsNotAliased(t *testing.T) {
	t.Parallel()
	r := references()[0]
	b := r.base(big.NewInt(9))
	p := r.parse(t, b)
	want := p.Bytes()
	b[5] ^= 1
	p.Bytes()[5] ^= 1
	p.X()[5] ^= 1
	if !bytes.Equal(p.Bytes(), want) {
		t.Error("a point changed with a slice given to it or by it")
	}
}

func TestPointPrintsNoCoordinate(t *testing.T) {
	t.Parallel()
	r := references()[0]
	p := r.parse(t, r.base(big.NewInt(11)))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		for _, v := range []any{p, *p} {
			if got := fmt.Sprintf(verb, v); got != "brainpoolP256r1 point" {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	}
	if got := logged(p); !strings.Contains(got, `p="brainpoolP256r1 point"`) {
		t.Errorf("logged as %q", got)
	}
}

func logged(v any) string {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "p", v)
	return b.String()
}

// TestSharedXAgainstStandardLibrary compares with crypto/ecdh, whose curves are
// not ours.
func TestSharedXAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r   reference
		std ecdh.Curve
	}{{references()[3], ecdh.P256()}, {references()[4], ecdh.P384()}, {references()[5], ecdh.P521()}} {
		for i, k := range c.r.randoms(7, 4) {
			ours := c.r.scalar(t, k)
			private, err := c.std.NewPrivateKey(ours.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			peer, err := c.std.NewPublicKey(c.r.base(c.r.randoms(8, 4)[i]))
			if err != nil {
				t.Fatal(err)
			}
			want, err := private.ECDH(peer)
			if err != nil {
				t.Fatal(err)
			}
			got, err := brainpool.SharedX(ours, c.r.parse(t, peer.Bytes()))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %x, %v; want %x", c.r.curve.Name(), got, err, want)
			}
		}
	}
}

func TestMixedCurves(t *testing.T) {
	t.Parallel()
	a, b := references()[0], references()[3]
	k := b.scalar(t, big.NewInt(2))
	if _, err := brainpool.SharedX(k, a.curve.Generator()); err == nil {
		t.Error("SharedX took a scalar of another curve")
	}
	for name, f := range map[string]func(){
		"Mul":     func() { a.curve.Generator().Mul(k) },
		"BaseMul": func() { a.curve.BaseMul(k) },
		"Add":     func() { a.curve.Generator().Add(b.curve.Generator()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			f()
		}()
	}
}
