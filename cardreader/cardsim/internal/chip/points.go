package chip

import (
	"bytes"
	"encoding/hex"
	"math/big"

	"pivot/cardreader/cardsim/internal/ec"
)

// apply returns the encoding of what the chip sends instead of its own point; peer is the terminal's.
func (f PointFault) apply(c *ec.Curve, own ec.Point, peer []byte) []byte {
	if f == EchoedPeer {
		return bytes.Clone(peer)
	}
	return f.Encode(c, own)
}

// Encode returns the encoding of a point with the fault in it.
func (f PointFault) Encode(c *ec.Curve, own ec.Point) []byte {
	switch f {
	case OffCurve:
		b := c.Encode(own)
		b[len(b)-1] ^= 1
		return b
	case Infinity:
		return []byte{0}
	case Unreduced:
		return unreduced(c, own)
	}
	return c.Encode(own)
}

// unreduced returns a multiple of the point whose x, increased by p, still fits its bytes: the same point to whoever
// reduces, and no encoding of any to whoever checks the range (SEC 1 §2.3.4). It needs a prime well under the power
// of two, as the Brainpool ones are.
func unreduced(c *ec.Curve, own ec.Point) []byte {
	limit := new(big.Int).Lsh(big.NewInt(1), uint(8*c.Size))
	limit.Sub(limit, c.P)
	q := own
	for range 256 {
		if q.X.Cmp(limit) < 0 {
			x := new(big.Int).Add(q.X, c.P)
			return c.Encode(ec.Point{X: x, Y: q.Y})
		}
		q = c.Add(q, c.G)
	}
	return OffCurve.Encode(c, own)
}

// constants are c0 and c1 of the integrated mapping for a nonce of 16 or 32 bytes (ICAO 9303-11 §4.4.3.3.2).
func constants(n int) (c0, c1 []byte) {
	if n == 16 {
		return unhex("a668892a7c41e3ca739f40b057d85904"), unhex("a4e136ac725f738b01c1f60217c188ad")
	}
	return unhex("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"),
		unhex("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517")
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic("internal error: chip: constant " + s)
	}
	return b
}
