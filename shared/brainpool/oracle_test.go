package brainpool_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	oracle "github.com/ProtonMail/go-crypto/brainpool"

	"pivot/shared/brainpool"
)

// reference pairs a curve of ours with another implementation of it: the
// standard library for the NIST curves, ProtonMail's for brainpool.
type reference struct {
	curve  *brainpool.Curve
	oracle arithmetic
}

// arithmetic is elliptic.Curve, whose methods the standard library deprecates:
// they leave checks and timing to the caller, which does not matter to an oracle.
type arithmetic interface {
	Params() *elliptic.CurveParams
	IsOnCurve(x, y *big.Int) bool
	Add(x1, y1, x2, y2 *big.Int) (x, y *big.Int)
	Double(x1, y1 *big.Int) (x, y *big.Int)
	ScalarMult(x1, y1 *big.Int, k []byte) (x, y *big.Int)
	ScalarBaseMult(k []byte) (x, y *big.Int)
}

func references() []reference {
	return []reference{
		{brainpool.P256r1(), oracle.P256r1()},
		{brainpool.P384r1(), oracle.P384r1()},
		{brainpool.P512r1(), oracle.P512r1()},
		{brainpool.NISTP256(), elliptic.P256()},
		{brainpool.NISTP384(), elliptic.P384()},
		{brainpool.NISTP521(), elliptic.P521()},
	}
}

// onEach runs a test once per curve, in parallel.
func onEach(t *testing.T, test func(t *testing.T, r reference)) {
	t.Helper()
	for _, r := range references() {
		t.Run(r.curve.Name(), func(t *testing.T) {
			t.Parallel()
			test(t, r)
		})
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scalar turns a number into one of ours, modulo the order.
func (r reference) scalar(t testing.TB, k *big.Int) *brainpool.Scalar {
	t.Helper()
	b := new(big.Int).Mod(k, r.oracle.Params().N).FillBytes(make([]byte, r.curve.ByteLen()))
	s, err := r.curve.ParseScalar(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (r reference) parse(t testing.TB, b []byte) *brainpool.Point {
	t.Helper()
	p, err := r.curve.ParsePoint(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// encoding is the uncompressed form of a point of the oracle, which writes
// infinity as (0, 0).
func (r reference) encoding(x, y *big.Int) []byte {
	if x.Sign() == 0 && y.Sign() == 0 {
		return []byte{0}
	}
	size := r.curve.ByteLen()
	b := make([]byte, 1+2*size)
	b[0] = 4
	x.FillBytes(b[1 : 1+size])
	y.FillBytes(b[1+size:])
	return b
}

// base is k times the generator according to the oracle.
func (r reference) base(k *big.Int) []byte {
	return r.encoding(r.oracle.ScalarBaseMult(new(big.Int).Mod(k, r.oracle.Params().N).Bytes()))
}

func (r reference) mul(p []byte, k *big.Int) []byte {
	size := r.curve.ByteLen()
	x, y := new(big.Int).SetBytes(p[1:1+size]), new(big.Int).SetBytes(p[1+size:])
	return r.encoding(r.oracle.ScalarMult(x, y, new(big.Int).Mod(k, r.oracle.Params().N).Bytes()))
}

// randoms draws count numbers between 1 and the order less 1, the same ones in
// every run.
func (r reference) randoms(seed byte, count int) []*big.Int {
	source := rand.NewChaCha8([32]byte{seed})
	top := new(big.Int).Sub(r.oracle.Params().N, big.NewInt(1))
	out := make([]*big.Int, count)
	for i := range out {
		b := make([]byte, r.curve.ByteLen()+8)
		_, _ = source.Read(b)
		v := new(big.Int).SetBytes(b)
		out[i] = v.Add(v.Mod(v, top), big.NewInt(1))
	}
	return out
}

// edges are scalars at the borders of the range, of the signed digits and of
// the limbs.
func (r reference) edges() []*big.Int {
	n := r.oracle.Params().N
	one := big.NewInt(1)
	var out []*big.Int
	put := func(v *big.Int) {
		if v = new(big.Int).Mod(v, n); v.Sign() != 0 {
			out = append(out, v)
		}
	}
	for d := range int64(4) {
		put(big.NewInt(d + 1))
		put(new(big.Int).Sub(n, big.NewInt(d+1)))
	}
	half := new(big.Int).Rsh(n, 1)
	put(half)
	put(new(big.Int).Add(half, one))
	for i := uint(8); i < uint(n.BitLen()); i += 61 {
		power := new(big.Int).Lsh(one, i)
		put(power)
		put(new(big.Int).Sub(power, one))
		put(new(big.Int).Sub(n, power))
	}
	for _, pattern := range []byte{0x55, 0xaa, 0x0f, 0xf0, 0x84, 0x7b} {
		put(new(big.Int).SetBytes(bytes.Repeat([]byte{pattern}, r.curve.ByteLen()-1)))
	}
	return out
}
