// Package cmac owns AES-CMAC, the message authentication code of NIST
// SP 800-38B and RFC 4493, which the standard library does not offer.
package cmac

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

const (
	// blockSize is that of AES in bytes, hence that of the code.
	blockSize = aes.BlockSize
	// reduction is the constant R_128 of RFC 4493 §2.3.
	reduction = 0x87
)

// MAC computes codes under one key. It keeps no state between calls and is safe
// for concurrent use.
type MAC struct {
	block  cipher.Block
	k1, k2 [blockSize]byte // RFC 4493 §2.3
}

// New returns the MAC of a key of 16, 24 or 32 bytes.
func New(key []byte) (*MAC, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("cmac: %w", err)
	}
	m := &MAC{block: block}
	var l [blockSize]byte
	block.Encrypt(l[:], l[:])
	m.k1 = double(l)
	m.k2 = double(m.k1)
	return m, nil
}

// Sum returns the code of the concatenation of parts (RFC 4493 §2.4), 16 bytes.
// The caller truncates it where its norm says so and compares it in constant
// time.
func (m *MAC) Sum(parts ...[]byte) [blockSize]byte {
	var state, last [blockSize]byte
	n := 0 // bytes held back in last: the final block is masked with a subkey
	for _, part := range parts {
		for len(part) > 0 {
			if n == blockSize {
				subtle.XORBytes(state[:], state[:], last[:])
				m.block.Encrypt(state[:], state[:])
				n = 0
			}
			k := copy(last[n:], part)
			n += k
			part = part[k:]
		}
	}
	mask := &m.k1
	if n < blockSize {
		last[n] = 0x80
		clear(last[n+1:])
		mask = &m.k2
	}
	subtle.XORBytes(state[:], state[:], last[:])
	subtle.XORBytes(state[:], state[:], mask[:])
	m.block.Encrypt(state[:], state[:])
	return state
}

// Format prints no key material, whatever the verb.
func (m *MAC) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }

// double multiplies by x in GF(2^128) without a branch on the secret.
func double(b [blockSize]byte) [blockSize]byte {
	var out [blockSize]byte
	carry := byte(0)
	for i := blockSize - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	out[blockSize-1] ^= reduction & -carry
	return out
}
