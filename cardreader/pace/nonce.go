package pace

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

// The constants c0 and c1 of ICAO 9303-11 §4.4.3.3.2, for nonces s of 128 and
// of 256 bits.
const (
	c0For128 = "a668892a7c41e3ca739f40b057d85904"
	c1For128 = "a4e136ac725f738b01c1f60217c188ad"
	c0For256 = "d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676"
	c1For256 = "54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517"

	// securityMargin makes the reduction modulo the prime nearly uniform.
	securityMargin = 64
)

// pseudoRandom is the function R(s,t) of ICAO 9303-11 §4.4.3.3.2. s is one AES
// block or two and t an AES key no longer than s; primeBits is the size of the
// field, which for the curves known here is that of the order. The result is as
// long as s times the least n that leaves a margin of 64 bits; the reduction
// modulo the prime is left to the point encoding.
func pseudoRandom(s, t []byte, primeBits int) ([]byte, error) {
	c0, c1 := c0For128, c1For128
	if len(s) == 2*aes.BlockSize {
		c0, c1 = c0For256, c1For256
	}
	next, err := hex.DecodeString(c0)
	if err != nil {
		return nil, err
	}
	output, err := hex.DecodeString(c1)
	if err != nil {
		return nil, err
	}
	if len(s) != len(next) || len(t) > len(s) {
		return nil, fmt.Errorf("pace: nonces of %d and %d bytes", len(s), len(t))
	}
	key, err := encrypt(t, s)
	if err != nil {
		return nil, err
	}
	var r []byte
	for 8*len(r) < primeBits+securityMargin {
		// AES-192 takes the first 24 bytes of each 32-byte key.
		key = key[:len(t)]
		x, err := encrypt(key, output)
		if err != nil {
			return nil, err
		}
		r = append(r, x...)
		if key, err = encrypt(key, next); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// encrypt is AES in CBC mode with the initial vector zero and no padding.
func encrypt(key, text []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(text))
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out, text)
	return out, nil
}

// reduce writes the nonce s at the length of the order and subtracts the order
// once if s is not below it, in constant time. Once is enough: s has at most 256
// bits and the orders known here have 256 or more.
func reduce(s, order []byte) []byte {
	out := make([]byte, len(order))
	copy(out[len(out)-len(s):], s)
	less := make([]byte, len(order))
	borrow := 0
	for i := len(out) - 1; i >= 0; i-- {
		d := int(out[i]) - int(order[i]) - borrow
		less[i] = byte(d)
		borrow = d >> 8 & 1
	}
	subtle.ConstantTimeCopy(1-borrow, out, less)
	return out
}
