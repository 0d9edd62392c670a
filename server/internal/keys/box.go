package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
)

const (
	keyLen   = 32
	nonceLen = 24 // XAES-256-GCM: 12 select the key, 12 are GCM's nonce
	half     = nonceLen / 2
	tagLen   = 16
)

// derive returns the key of one purpose (HKDF-SHA-256, RFC 5869): one key, one
// purpose (ANSSI PG-083).
func derive(root []byte, purpose string) []byte {
	k, err := hkdf.Key(sha256.New, root, nil, "pivot/1 "+purpose, keyLen)
	if err != nil {
		panic("keys: internal error: " + err.Error()) // only for a length that HKDF cannot give
	}
	return k
}

// xaes returns the AES-256-GCM of the key that XAES-256-GCM derives from key
// and the first half of the nonce (C2SP XAES-256-GCM; the derivation is NIST
// SP 800-108r1 §4.1 in counter mode with CMAC). Random nonces of 96 bits would
// bound one key to 2^32 messages, which a restart forgets to count; these of
// 192 bits bound it to 2^80.
func xaes(key, nonce []byte) (cipher.AEAD, error) {
	outer, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var k1 [aes.BlockSize]byte // the first subkey of CMAC, RFC 4493 §2.3
	outer.Encrypt(k1[:], k1[:])
	var carry byte
	for i := len(k1) - 1; i >= 0; i-- {
		k1[i], carry = k1[i]<<1|carry, k1[i]>>7
	}
	k1[len(k1)-1] ^= carry * 0x87

	inner := make([]byte, keyLen)
	defer clear(inner)
	for i := range 2 {
		block := inner[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(block, []byte{0, byte(i + 1), 'X', 0})
		copy(block[4:], nonce[:half])
		subtle.XORBytes(block, block, k1[:])
		outer.Encrypt(block, block)
	}
	c, err := aes.NewCipher(inner)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

// seal appends nonce, ciphertext and tag to prefix.
func seal(key, prefix, plaintext, aad []byte) ([]byte, error) {
	var nonce [nonceLen]byte
	rand.Read(nonce[:]) // never fails: it ends the program instead
	gcm, err := xaes(key, nonce[:])
	if err != nil {
		return nil, fmt.Errorf("keys: seal: %w", err)
	}
	out := make([]byte, 0, len(prefix)+nonceLen+len(plaintext)+tagLen)
	out = append(out, prefix...)
	out = append(out, nonce[:]...)
	return gcm.Seal(out, nonce[half:], plaintext, aad), nil
}

// unseal opens what seal appended. Every failure is the same error.
func unseal(key, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < nonceLen+tagLen {
		return nil, ErrSealed
	}
	gcm, err := xaes(key, sealed[:nonceLen])
	if err != nil {
		return nil, fmt.Errorf("keys: open: %w", err)
	}
	plaintext, err := gcm.Open(nil, sealed[half:nonceLen], sealed[nonceLen:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}
