package brainpool

import (
	"bytes"
	"math/big"
)

// VerifyECDSA reports whether (r, s), unsigned big-endian numbers whose leading
// zeros do not count, is q's signature of a message with this digest (SEC 1
// §4.1.4). Digests longer than the order are cut to its leftmost bits. It is
// false for r or s outside 1 to n-1, for an empty digest, for infinity and for a
// key of another curve.
//
// Its time depends on the signature and the digest, which are public; it is no
// part of a computation on secrets.
func (c *Curve) VerifyECDSA(q *Point, digest []byte, r, s []byte) bool {
	if q == nil || q.curve != c || q.IsInfinity() || len(digest) == 0 {
		return false
	}
	rn, ok := c.signatureNumber(r)
	if !ok {
		return false
	}
	sn, ok := c.signatureNumber(s)
	if !ok {
		return false
	}
	w := new(big.Int).ModInverse(sn, c.n)
	u1 := c.digestNumber(digest)
	u1.Mod(u1.Mul(u1, w), c.n)
	u2 := w.Mod(w.Mul(w, rn), c.n)

	buf := make([]byte, 2*c.size)
	xy := c.mulAdd(u2.FillBytes(buf[:c.size]), q.xy, u1.FillBytes(buf[c.size:]))
	if len(xy) == 0 {
		return false
	}
	x := new(big.Int).SetBytes(xy[:c.size])
	return x.Mod(x, c.n).Cmp(rn) == 0
}

// signatureNumber reads r or s, bounded before it becomes a number.
func (c *Curve) signatureNumber(b []byte) (*big.Int, bool) {
	b = bytes.TrimLeft(b, "\x00")
	if len(b) == 0 || len(b) > c.size {
		return nil, false
	}
	v := new(big.Int).SetBytes(b)
	return v, v.Cmp(c.n) < 0
}

// digestNumber is the number that SEC 1 §4.1.4 step 3 takes from a digest.
func (c *Curve) digestNumber(digest []byte) *big.Int {
	digest = digest[:min(len(digest), c.size)]
	e := new(big.Int).SetBytes(digest)
	if excess := 8*len(digest) - c.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	return e
}
