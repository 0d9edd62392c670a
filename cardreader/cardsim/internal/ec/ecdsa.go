package ec

import (
	"crypto/hmac"
	"crypto/sha512"
	"math/big"
)

// Sign signs a digest with the private key d (SEC 1 §4.1.3). The nonce is derived from key and digest, so that a TEST
// card is the same each time it is made.
func (c *Curve) Sign(d *big.Int, digest []byte) (r, s *big.Int) {
	e := new(big.Int).SetBytes(digest)
	if excess := len(digest)*8 - c.N.BitLen(); excess > 0 {
		e.Rsh(e, uint(excess))
	}
	for counter := byte(0); ; counter++ {
		k := c.nonce(d, digest, counter)
		r = new(big.Int).Mod(c.Mul(k, c.G).X, c.N)
		s = new(big.Int).Mul(r, d)
		s.Add(s, e).Mul(s, new(big.Int).ModInverse(k, c.N)).Mod(s, c.N)
		if r.Sign() != 0 && s.Sign() != 0 {
			return r, s
		}
	}
}

func (c *Curve) nonce(d *big.Int, digest []byte, counter byte) *big.Int {
	mac := hmac.New(sha512.New, c.FieldBytes(d))
	mac.Write(digest)
	mac.Write([]byte{counter})
	return c.Scalar(mac.Sum(nil))
}

// Scalar reduces bytes to a scalar between 1 and the order less one.
func (c *Curve) Scalar(b []byte) *big.Int {
	one := big.NewInt(1)
	k := new(big.Int).SetBytes(b)
	k.Mod(k, new(big.Int).Sub(c.N, one))
	return k.Add(k, one)
}
