package brainpool

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// element and arithmetic let one test speak to the fields of every size.
type element[E any] interface {
	*E
	pick(x *E, mask uint64)
	zero() uint64
}

type arithmetic[E any] interface {
	fromBig(v *big.Int) E
	add(z, x, y *E)
	sub(z, x, y *E)
	mul(z, x, y *E)
	square(z, x *E)
	triple(z, x *E)
	exp(z, x *E, exponent []byte)
	invert(z, x *E)
	equal(x, y *E) uint64
	parse(z *E, b []byte) bool
	reduce(b []byte) E
	encode(x *E) []byte
}

// modulus is 2^bits - c when c is not 0, else the prime of a curve.
type modulus struct {
	name string
	p    *big.Int
}

// extremes are the largest primes below 2^(64n): every limb but the lowest is
// full, the hardest case for carries.
func extreme(bits uint, c int64) modulus {
	p := new(big.Int).Lsh(big.NewInt(1), bits)
	return modulus{fmt.Sprintf("2^%d-%d", bits, c), p.Sub(p, big.NewInt(c))}
}

func prime(c *Curve) modulus { return modulus{c.name, c.p} }

func TestFieldAgainstBig(t *testing.T) {
	t.Parallel()
	for _, m := range []modulus{prime(P256r1()), prime(NISTP256()), extreme(256, 189)} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); testField[fe4](t, newField4(m.p), m.p) })
	}
	for _, m := range []modulus{prime(P384r1()), prime(NISTP384()), extreme(384, 317)} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); testField[fe6](t, newField6(m.p), m.p) })
	}
	for _, m := range []modulus{prime(P512r1()), extreme(512, 569)} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); testField[fe8](t, newField8(m.p), m.p) })
	}
	for _, m := range []modulus{prime(NISTP521()), extreme(576, 789)} {
		t.Run(m.name, func(t *testing.T) { t.Parallel(); testField[fe9](t, newField9(m.p), m.p) })
	}
}

// edges are numbers below p whose limbs are empty or full, as plain numbers and
// as what they become in the Montgomery domain.
func edges(p *big.Int) []*big.Int {
	one := big.NewInt(1)
	var out []*big.Int
	put := func(v *big.Int) { out = append(out, new(big.Int).Mod(v, p)) }
	for _, d := range []int64{0, 1, 2, 3, -1, -2} {
		put(big.NewInt(d))
	}
	half := new(big.Int).Rsh(p, 1)
	put(half)
	put(new(big.Int).Add(half, one))
	n := (p.BitLen() + 63) / 64
	r := new(big.Int).Lsh(one, uint(64*n))
	rInverse := new(big.Int).ModInverse(r, p)
	for i := 1; i <= n; i++ {
		power := new(big.Int).Lsh(one, uint(64*i))
		for _, v := range []*big.Int{power, new(big.Int).Sub(power, one), new(big.Int).Sub(p, power)} {
			put(v)
			put(new(big.Int).Mul(v, rInverse))
		}
	}
	return out
}

func testField[E any, P element[E]](t *testing.T, f arithmetic[E], p *big.Int) {
	if !p.ProbablyPrime(8) {
		t.Fatal("modulus is not prime")
	}
	values := edges(p)
	source := rand.NewChaCha8([32]byte{1})
	for range 40 {
		b := make([]byte, 80)
		_, _ = source.Read(b)
		values = append(values, new(big.Int).Mod(new(big.Int).SetBytes(b), p))
	}
	for _, x := range values {
		testUnary[E, P](t, f, p, x)
		for _, y := range values {
			testBinary[E, P](t, f, p, x, y)
		}
	}
}

func testUnary[E any, P element[E]](t *testing.T, f arithmetic[E], p, x *big.Int) {
	t.Helper()
	a := f.fromBig(x)
	check := func(op string, got E, want *big.Int) {
		t.Helper()
		if new(big.Int).SetBytes(f.encode(&got)).Cmp(new(big.Int).Mod(want, p)) != 0 {
			t.Fatalf("%s(%x) = %x, want %x", op, x, f.encode(&got), new(big.Int).Mod(want, p))
		}
	}
	var z E
	check("encode", a, x)
	f.square(&z, &a)
	check("square", z, new(big.Int).Mul(x, x))
	z = a
	f.square(&z, &z)
	check("square in place", z, new(big.Int).Mul(x, x))
	f.triple(&z, &a)
	check("triple", z, new(big.Int).Mul(x, big.NewInt(3)))
	f.invert(&z, &a)
	check("invert", z, new(big.Int).Exp(x, new(big.Int).Sub(p, big.NewInt(2)), p))
	f.exp(&z, &a, []byte{0x0f, 0x01})
	check("exp", z, new(big.Int).Exp(x, big.NewInt(0x0f01), p))
	if (P(&a).zero() != 0) != (x.Sign() == 0) {
		t.Fatalf("zero(%x) is wrong", x)
	}
	wide := new(big.Int).Lsh(x, 200)
	check("reduce", f.reduce(append([]byte{0}, wide.Bytes()...)), wide)

	size := (p.BitLen() + 7) / 8
	if !f.parse(&z, x.FillBytes(make([]byte, size))) {
		t.Fatalf("parse(%x) refused", x)
	}
	check("parse", z, x)
	over := new(big.Int).Add(x, p)
	if over.BitLen() <= 8*size && f.parse(&z, over.FillBytes(make([]byte, size))) {
		t.Fatalf("parse(%x) took a number above the prime", over)
	}
	if f.parse(&z, x.FillBytes(make([]byte, size+1))) {
		t.Fatalf("parse took another length")
	}
}

func testBinary[E any, P element[E]](t *testing.T, f arithmetic[E], p, x, y *big.Int) {
	t.Helper()
	a, b := f.fromBig(x), f.fromBig(y)
	check := func(op string, got E, want *big.Int) {
		t.Helper()
		if new(big.Int).SetBytes(f.encode(&got)).Cmp(new(big.Int).Mod(want, p)) != 0 {
			t.Fatalf("%s(%x, %x) = %x, want %x", op, x, y, f.encode(&got), new(big.Int).Mod(want, p))
		}
	}
	var z E
	f.add(&z, &a, &b)
	check("add", z, new(big.Int).Add(x, y))
	f.sub(&z, &a, &b)
	check("sub", z, new(big.Int).Sub(x, y))
	f.mul(&z, &a, &b)
	check("mul", z, new(big.Int).Mul(x, y))
	z = a
	f.mul(&z, &z, &b)
	check("mul in place", z, new(big.Int).Mul(x, y))
	if (f.equal(&a, &b) == 1<<64-1) != (x.Cmp(y) == 0) {
		t.Fatalf("equal(%x, %x) is wrong", x, y)
	}
	z = a
	P(&z).pick(&b, 0)
	check("pick nothing", z, x)
	P(&z).pick(&b, 1<<64-1)
	check("pick", z, y)
}

// TestFieldCanonical proves that results are fully reduced, which equal and
// encode rely on: the limbs themselves are compared.
func TestFieldCanonical(t *testing.T) {
	t.Parallel()
	for _, m := range []modulus{prime(P256r1()), prime(NISTP256()), extreme(256, 189)} {
		f := newField4(m.p)
		for _, x := range edges(m.p) {
			a := f.fromBig(x)
			var minus, sum fe4
			f.sub(&minus, &minus, &a)
			f.add(&sum, &a, &minus)
			if sum != (fe4{}) {
				t.Errorf("%s: x + (-x) = %x for x = %x", m.name, sum, x)
			}
			for _, z := range []fe4{a, minus} {
				if !f.less(&z) {
					t.Errorf("%s: %x is not reduced", m.name, z)
				}
			}
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	source := rand.NewChaCha8([32]byte{2})
	for _, c := range []*Curve{P256r1(), P384r1(), P512r1(), NISTP521()} {
		scalars := []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(16), big.NewInt(17), new(big.Int).Sub(c.n, big.NewInt(1))}
		for range 100 {
			b := make([]byte, c.size)
			_, _ = source.Read(b)
			scalars = append(scalars, new(big.Int).Mod(new(big.Int).SetBytes(b), c.n))
		}
		for _, k := range scalars {
			b := k.FillBytes(make([]byte, c.size))
			sum := new(big.Int)
			for i := digits(c.BitLen()) - 1; i >= 0; i-- {
				magnitude, negative := digit(b, i)
				if magnitude > 1<<(digitBits-1) || negative != 0 && negative != 1<<64-1 {
					t.Fatalf("%s: digit %d is %d, mask %x", c.name, i, magnitude, negative)
				}
				v := new(big.Int).SetUint64(magnitude)
				if negative != 0 {
					v.Neg(v)
				}
				sum.Add(sum.Lsh(sum, digitBits), v)
			}
			if sum.Cmp(k) != 0 {
				t.Fatalf("%s: digits of %x sum to %x", c.name, k, sum)
			}
		}
	}
}

// TestModelIsMinusThree checks the constants z: a z^4 = -3.
func TestModelIsMinusThree(t *testing.T) {
	t.Parallel()
	for _, c := range []*Curve{P256r1(), P384r1(), P512r1(), NISTP256(), NISTP384(), NISTP521()} {
		v := new(big.Int).Exp(c.z, big.NewInt(4), c.p)
		v.Add(v.Mul(v, c.a), big.NewInt(3))
		if v.Mod(v, c.p).Sign() != 0 {
			t.Errorf("%s: a z^4 is not -3", c.name)
		}
	}
}

func FuzzField(f *testing.F) {
	f.Add([]byte{1}, []byte{2})
	f.Add(P256r1().order, P256r1().p.Bytes())
	four, nine := newField4(P256r1().p), newField9(NISTP521().p)
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 200 || len(b) > 200 {
			t.Skip("longer than what any caller gives")
		}
		x, y := new(big.Int).SetBytes(a), new(big.Int).SetBytes(b)
		for _, p := range []*big.Int{P256r1().p, NISTP521().p} {
			x, y := new(big.Int).Mod(x, p), new(big.Int).Mod(y, p)
			if p.BitLen() == 256 {
				testBinary[fe4](t, four, p, x, y)
				testUnary[fe4](t, four, p, x)
			} else {
				testBinary[fe9](t, nine, p, x, y)
				testUnary[fe9](t, nine, p, x)
			}
		}
	})
}
