package brainpool

import "math/big"

// limbs splits a public number into n limbs, least significant first.
func limbs(v *big.Int, n int) []uint64 {
	out := make([]uint64, n)
	rest := new(big.Int).Set(v)
	low := new(big.Int).SetUint64(1<<64 - 1)
	for i := range out {
		out[i] = new(big.Int).And(rest, low).Uint64()
		rest.Rsh(rest, 64)
	}
	return out
}

// negInverse returns -1/m mod 2^64 for odd m: each step of Newton's iteration
// doubles the number of correct bits, three to begin with.
func negInverse(m uint64) uint64 {
	x := m
	for range 5 {
		x *= 2 - m*x
	}
	return -x
}

// zeroMask is all ones when v = 0, else zero.
func zeroMask(v uint64) uint64 {
	return (v|-v)>>63 - 1
}
