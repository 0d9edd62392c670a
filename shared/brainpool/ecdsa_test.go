package brainpool_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"math/big"
	"testing"

	"pivot/shared/brainpool"
)

// signed is one signature by the standard library over the oracle's curve.
type signed struct {
	key    *brainpool.Point
	digest []byte
	r, s   []byte
}

func sign(t testing.TB, r reference, d *big.Int, digest []byte) signed {
	t.Helper()
	private := new(ecdsa.PrivateKey)
	//lint:ignore SA1019 the constructors know the NIST curves alone
	private.D = d
	private.Curve = r.oracle
	private.X, private.Y = r.oracle.ScalarBaseMult(d.Bytes())
	der, err := ecdsa.SignASN1(rand.Reader, private, digest)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) != 0 {
		t.Fatalf("%x: %v", der, err)
	}
	return signed{r.parse(t, r.base(d)), digest, v.R.Bytes(), v.S.Bytes()}
}

func (v signed) verify(c *brainpool.Curve) bool { return c.VerifyECDSA(v.key, v.digest, v.r, v.s) }

// TestVerifyECDSA covers digests shorter, as long and longer than each order;
// 66 and 80 octets are cut inside an octet on P-521.
func TestVerifyECDSA(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		keys := append(r.randoms(10, 3), big.NewInt(1), big.NewInt(2), new(big.Int).Sub(r.oracle.Params().N, big.NewInt(1)))
		for i, d := range keys {
			for _, size := range []int{1, 20, 28, 32, 48, 64, 66, 80} {
				v := sign(t, r, d, bytes.Repeat([]byte{0xa7, byte(i), 0xff, 0x3c}, 20)[:size])
				if !v.verify(r.curve) {
					t.Errorf("key %x, digest of %d octets: refused", d, size)
				}
			}
		}
		zero := sign(t, r, keys[0], make([]byte, 32))
		if !zero.verify(r.curve) {
			t.Error("digest 0: refused")
		}
	})
}

func TestVerifyECDSARefuses(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		n := r.oracle.Params().N
		d := r.randoms(11, 1)[0]
		valid := sign(t, r, d, bytes.Repeat([]byte{0x5a, 0x01}, 16))
		add := func(b []byte, v *big.Int) []byte { return new(big.Int).Add(new(big.Int).SetBytes(b), v).Bytes() }
		negated := func(b []byte) []byte { return new(big.Int).Sub(n, new(big.Int).SetBytes(b)).Bytes() }
		infinity := valid.key.Add(r.parse(t, r.base(new(big.Int).Neg(d))))
		other := references()[0]
		if other.curve == r.curve {
			other = references()[3]
		}
		cases := []struct {
			name   string
			mutate func(v *signed)
			ok     bool
		}{
			{"as it is", func(*signed) {}, true},
			{"leading zeros", func(v *signed) { v.r, v.s = append([]byte{0, 0}, v.r...), append(make([]byte, 90), v.s...) }, true},
			{"-s, which ECDSA allows", func(v *signed) { v.s = negated(v.s) }, true},
			{"r+1", func(v *signed) { v.r = add(v.r, big.NewInt(1)) }, false},
			{"s+1", func(v *signed) { v.s = add(v.s, big.NewInt(1)) }, false},
			{"-r", func(v *signed) { v.r = negated(v.r) }, false},
			{"r and s exchanged", func(v *signed) { v.r, v.s = v.s, v.r }, false},
			{"other digest", func(v *signed) { v.digest = changed(v.digest) }, false},
			{"longer digest", func(v *signed) { v.digest = append([]byte{1}, v.digest...) }, false},
			{"no digest", func(v *signed) { v.digest = nil }, false},
			{"other key", func(v *signed) { v.key = v.key.Add(r.curve.Generator()) }, false},
			{"negated key", func(v *signed) { v.key = r.parse(t, r.base(new(big.Int).Neg(d))) }, false},
			{"infinity as key", func(v *signed) { v.key = infinity }, false},
			{"no key", func(v *signed) { v.key = nil }, false},
			{"key of another curve", func(v *signed) { v.key = other.curve.Generator() }, false},
			{"r = 0", func(v *signed) { v.r = []byte{0} }, false},
			{"s = 0", func(v *signed) { v.s = []byte{0} }, false},
			{"r absent", func(v *signed) { v.r = nil }, false},
			{"s absent", func(v *signed) { v.s = nil }, false},
			{"r = n", func(v *signed) { v.r = n.Bytes() }, false},
			{"s = n", func(v *signed) { v.s = n.Bytes() }, false},
			{"r + n", func(v *signed) { v.r = add(v.r, n) }, false},
			{"s + n", func(v *signed) { v.s = add(v.s, n) }, false},
			{"r far too long", func(v *signed) { v.r = bytes.Repeat([]byte{1}, 1<<16) }, false},
		}
		for _, c := range cases {
			v := valid
			c.mutate(&v)
			if got := v.verify(r.curve); got != c.ok {
				t.Errorf("%s: %t, want %t", c.name, got, c.ok)
			}
		}
	})
}

// TestVerifyECDSAInfinity builds e = -rd, so that u1*G + u2*Q is infinity for
// any s, and must not be taken for x = 0 or crash.
func TestVerifyECDSAInfinity(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		n, size := r.oracle.Params().N, r.curve.ByteLen()
		for _, d := range r.randoms(12, 2) {
			rs := r.randoms(13, 2)
			e := new(big.Int).Mul(rs[0], d)
			e.Mod(e.Neg(e), n)
			// The digest is read from its leftmost bits.
			e.Lsh(e, uint(8*size-n.BitLen()))
			v := signed{r.parse(t, r.base(d)), e.FillBytes(make([]byte, size)), rs[0].Bytes(), rs[1].Bytes()}
			if v.verify(r.curve) {
				t.Error("took infinity")
			}
		}
	})
}

// TestVerifyECDSAInfiniteKey forges for the key at infinity, of which any
// multiple is nothing: s = 1 and r = x of e*G satisfy the equation alone.
func TestVerifyECDSAInfiniteKey(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		n, size := r.oracle.Params().N, r.curve.ByteLen()
		e := big.NewInt(0x1234)
		x := new(big.Int).SetBytes(r.base(e)[1 : 1+size])
		shifted := new(big.Int).Lsh(e, uint(8*size-n.BitLen()))
		g := r.curve.Generator()
		v := signed{g.Add(r.parse(t, r.base(big.NewInt(-1)))), shifted.FillBytes(make([]byte, size)), x.Mod(x, n).Bytes(), []byte{1}}
		if v.verify(r.curve) {
			t.Error("took a signature of nobody")
		}
		// Positive control: with the key G and the digest e - r, the sum is e*G too.
		less := new(big.Int).Mod(new(big.Int).Sub(e, x), n)
		v.key, v.digest = g, less.Lsh(less, uint(8*size-n.BitLen())).FillBytes(make([]byte, size))
		if !v.verify(r.curve) {
			t.Error("refused a signature of the key 1")
		}
	})
}
