package secure

import (
	"crypto/aes"
	"crypto/cipher"
)

const blockSize = aes.BlockSize

// CMAC returns the AES-CMAC of a message (RFC 4493 §2.4).
func CMAC(key, message []byte) []byte {
	block := cipherOf(key)
	k1 := shifted(encrypted(block, make([]byte, blockSize)))
	last := make([]byte, blockSize)
	whole := len(message) / blockSize * blockSize
	switch rest := message[whole:]; {
	case len(rest) == 0 && len(message) > 0:
		whole -= blockSize
		xor(last, message[whole:], k1)
	default:
		copy(last, rest)
		last[len(rest)] = 0x80
		xor(last, last, shifted(k1))
	}
	state := make([]byte, blockSize)
	for i := 0; i < whole; i += blockSize {
		xor(state, state, message[i:])
		block.Encrypt(state, state)
	}
	xor(state, state, last)
	return encrypted(block, state)
}

// shifted doubles in GF(2^128): the subkeys of RFC 4493 §2.3.
func shifted(b []byte) []byte {
	out := make([]byte, blockSize)
	var carry byte
	for i := blockSize - 1; i >= 0; i-- {
		out[i] = b[i]<<1 | carry
		carry = b[i] >> 7
	}
	if carry == 1 {
		out[blockSize-1] ^= 0x87
	}
	return out
}

func xor(dst, a, b []byte) {
	for i := range blockSize {
		dst[i] = a[i] ^ b[i]
	}
}

func encrypted(block cipher.Block, in []byte) []byte {
	out := make([]byte, blockSize)
	block.Encrypt(out, in)
	return out
}

// cipherOf is AES under a key of the program's own making: another length panics.
func cipherOf(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("internal error: secure: " + err.Error())
	}
	return block
}
