package brainpool_test

import (
	"bytes"
	"math/big"
	"testing"
)

// FuzzParsePoint: what is taken is a point by the oracle too, below the prime,
// and encodes to the same octets.
func FuzzParsePoint(f *testing.F) {
	for i, r := range references() {
		f.Add(byte(i), r.base(big.NewInt(3)))
		f.Add(byte(i), r.encoding(r.oracle.Params().P, big.NewInt(1)))
	}
	f.Add(byte(0), []byte{0})
	f.Add(byte(3), append([]byte{2}, make([]byte, 32)...))
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		r := references()[int(which)%6]
		size, p := r.curve.ByteLen(), r.oracle.Params().P
		want := false
		if len(b) == 1+2*size && b[0] == 4 {
			x, y := new(big.Int).SetBytes(b[1:1+size]), new(big.Int).SetBytes(b[1+size:])
			want = x.Cmp(p) < 0 && y.Cmp(p) < 0 && r.oracle.IsOnCurve(x, y)
		}
		point, err := r.curve.ParsePoint(b)
		if (err == nil) != want {
			t.Fatalf("%x: %v, want ok %t", b, err, want)
		}
		if err == nil && !bytes.Equal(point.Bytes(), b) {
			t.Fatalf("%x encodes to %x", b, point.Bytes())
		}
	})
}

// FuzzScalar multiplies as the oracle does, by both ways, and takes exactly the
// numbers between 1 and n-1.
func FuzzScalar(f *testing.F) {
	for i, r := range references() {
		f.Add(byte(i), big.NewInt(1).FillBytes(make([]byte, r.curve.ByteLen())))
		f.Add(byte(i), new(big.Int).Sub(r.oracle.Params().N, big.NewInt(1)).FillBytes(make([]byte, r.curve.ByteLen())))
		f.Add(byte(i), r.oracle.Params().N.FillBytes(make([]byte, r.curve.ByteLen())))
	}
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		r := references()[int(which)%6]
		v := new(big.Int).SetBytes(b)
		want := len(b) == r.curve.ByteLen() && v.Sign() > 0 && v.Cmp(r.oracle.Params().N) < 0
		k, err := r.curve.ParseScalar(b)
		if (err == nil) != want {
			t.Fatalf("%x: %v, want ok %t", b, err, want)
		}
		if err != nil {
			return
		}
		if got, want := r.curve.BaseMul(k).Bytes(), r.base(v); !bytes.Equal(got, want) {
			t.Fatalf("base times %x = %x, want %x", b, got, want)
		}
		p := r.base(big.NewInt(41))
		if got, want := r.parse(t, p).Mul(k).Bytes(), r.mul(p, v); !bytes.Equal(got, want) {
			t.Fatalf("point times %x = %x, want %x", b, got, want)
		}
	})
}

// FuzzMapToPoint: an image is what the definition gives and lies on the curve.
func FuzzMapToPoint(f *testing.F) {
	for i := range references() {
		f.Add(byte(i), []byte{0})
		f.Add(byte(i), []byte{1})
		f.Add(byte(i), []byte{2})
		f.Add(byte(i), bytes.Repeat([]byte{0xe4}, 96))
	}
	f.Fuzz(func(t *testing.T, which byte, u []byte) {
		r := references()[int(which)%6]
		got, err := r.curve.MapToPoint(u)
		if len(u) == 0 || len(u) > 256 {
			if err == nil {
				t.Fatalf("took %d octets", len(u))
			}
			return
		}
		want := mapped(t, r, u)
		if (err == nil) != (want != nil) {
			t.Fatalf("%x: %v", u, err)
		}
		if err == nil && !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("%x maps to %x, want %x", u, got.Bytes(), want)
		}
	})
}
