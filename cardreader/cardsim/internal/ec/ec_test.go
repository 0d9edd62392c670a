package ec_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"

	"pivot/cardreader/cardsim/internal/ec"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func named(t testing.TB, name string) *ec.Curve {
	t.Helper()
	c, err := ec.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestGroup checks, on each curve, what holds of a group of prime order.
func TestGroup(t *testing.T) {
	t.Parallel()
	for _, c := range ec.Curves() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if !c.N.ProbablyPrime(20) || !c.P.ProbablyPrime(20) {
				t.Error("order or field is not prime")
			}
			if _, err := c.Decode(c.Encode(c.G)); err != nil {
				t.Error("the generator is not on the curve")
			}
			if !c.Mul(c.N, c.G).Infinite() {
				t.Error("n·G is not infinity")
			}
			if got := c.Mul(big.NewInt(0), c.G); !got.Infinite() {
				t.Error("0·G is not infinity")
			}
			a, b := big.NewInt(0x1234567), new(big.Int).Sub(c.N, big.NewInt(99))
			sum := c.Add(c.Mul(a, c.G), c.Mul(b, c.G))
			if !sum.Equal(c.Mul(new(big.Int).Add(a, b), c.G)) {
				t.Error("aG + bG is not (a+b)G")
			}
			if !c.Add(c.G, c.G).Equal(c.Mul(big.NewInt(2), c.G)) {
				t.Error("G + G is not 2G")
			}
			minus := c.Mul(new(big.Int).Sub(c.N, big.NewInt(1)), c.G)
			if !c.Add(c.G, minus).Infinite() || !c.Add(c.G, ec.Point{}).Equal(c.G) {
				t.Error("inverse or neutral element")
			}
		})
	}
}

// TestMulAgainstStandardLibrary compares P-256 and P-384 with crypto/ecdh.
func TestMulAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	for name, std := range map[string]ecdh.Curve{"P-256": ecdh.P256(), "P-384": ecdh.P384()} {
		c := named(t, name)
		a, err := std.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := std.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		peer, err := c.Decode(b.PublicKey().Bytes())
		if err != nil {
			t.Fatal(err)
		}
		want, err := a.ECDH(b.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		got := c.Mul(new(big.Int).SetBytes(a.Bytes()), peer)
		if !bytes.Equal(c.FieldBytes(got.X), want) {
			t.Errorf("%s: shared secrets differ", name)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	c := named(t, "brainpoolP256r1")
	good := c.Encode(c.G)
	if _, err := c.Decode(good); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(b []byte) []byte{
		"empty":      func([]byte) []byte { return nil },
		"infinity":   func([]byte) []byte { return []byte{0} },
		"compressed": func(b []byte) []byte { return append([]byte{2}, b[1:33]...) },
		"short":      func(b []byte) []byte { return b[:64] },
		"long":       func(b []byte) []byte { return append(b, 0) },
		"off curve":  func(b []byte) []byte { b[64] ^= 1; return b },
		"x is p":     func(b []byte) []byte { c.P.FillBytes(b[1:33]); return b },
		"y over p":   func(b []byte) []byte { copy(b[33:], bytes.Repeat([]byte{0xFF}, 32)); return b },
	}
	for name, change := range tests {
		if _, err := c.Decode(change(bytes.Clone(good))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMapToPoint is ICAO 9303-11 appendix H.1, values as in zienit/icao-examples PACE_ECDH_IMTest.
func TestMapToPoint(t *testing.T) {
	t.Parallel()
	c := named(t, "brainpoolP256r1")
	u := new(big.Int).SetBytes(unhex(t, "a2f8ff2df50e52c6599f386adcb595d229f6a167ade2be5f2c3296add5b7430e"))
	want := "04" + "8e82d31559ed0fde92a4d0498add3c23baba94fb77691e31e90aea77fb17d427" +
		"4c1ae14bd0c3dbac0c871b7f3608169364437ca30ac243a089d3f266c1e60fad"
	if got := hex.EncodeToString(c.Encode(c.MapToPoint(u))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, c := range ec.Curves() {
		for i := range int64(8) { // both branches, likely
			if _, err := c.Decode(c.Encode(c.MapToPoint(big.NewInt(i + 2)))); err != nil {
				t.Errorf("%s: %d maps to no point", c.Name, i+2)
			}
		}
	}
}

// TestSign verifies signatures with crypto/ecdsa.
func TestSign(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("TEST"))
	for name, std := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384()} {
		c := named(t, name)
		d := c.Scalar([]byte("TEST private key"))
		public, err := ecdsa.ParseUncompressedPublicKey(std, c.Encode(c.Mul(d, c.G)))
		if err != nil {
			t.Fatal(err)
		}
		r, s := c.Sign(d, digest[:])
		if !ecdsa.Verify(public, digest[:], r, s) {
			t.Errorf("%s: signature does not verify", name)
		}
		if again, _ := c.Sign(d, digest[:]); again.Cmp(r) != 0 {
			t.Errorf("%s: signature is not deterministic", name)
		}
		other := sha256.Sum256([]byte("OTHER"))
		if ecdsa.Verify(public, other[:], r, s) {
			t.Errorf("%s: signature of another digest verifies", name)
		}
	}
}

func TestScalarIsInRange(t *testing.T) {
	t.Parallel()
	for _, c := range ec.Curves() {
		for _, b := range [][]byte{nil, {0}, bytes.Repeat([]byte{0xFF}, 80), c.N.Bytes()} {
			if k := c.Scalar(b); k.Sign() <= 0 || k.Cmp(c.N) >= 0 {
				t.Errorf("%s: scalar of %x out of range", c.Name, b)
			}
		}
	}
}

func TestNamedUnknown(t *testing.T) {
	t.Parallel()
	if _, err := ec.Named("secp256k1"); err == nil {
		t.Error("an unknown curve was found")
	}
}

func BenchmarkMul(b *testing.B) {
	for _, c := range ec.Curves() {
		k := c.Scalar(bytes.Repeat([]byte{0x5A}, 64))
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				c.Mul(k, c.G)
			}
		})
	}
}
