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

// A box is one key of XAES-256-GCM, with what every nonce needs of it. It is
// safe for concurrent use.
type box struct {
	outer cipher.Block
	k1    [aes.BlockSize]byte // the first subkey of CMAC, RFC 4493 §2.3
}

func newBox(key []byte) (*box, error) {
	outer, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	b := &box{outer: outer}
	outer.Encrypt(b.k1[:], b.k1[:])
	var carry byte
	for i := len(b.k1) - 1; i >= 0; i-- {
		b.k1[i], carry = b.k1[i]<<1|carry, b.k1[i]>>7
	}
	b.k1[len(b.k1)-1] ^= carry * 0x87
	return b, nil
}

// gcm returns the AES-256-GCM of the key that XAES-256-GCM derives from that of
// the box and the first half of the nonce (C2SP XAES-256-GCM; the derivation is NIST
// SP 800-108r1 §4.1 in counter mode with CMAC). Random nonces of 96 bits would
// bound one key to 2^32 messages, which a restart forgets to count; these of
// 192 bits bound it to 2^80.
func (b *box) gcm(nonce []byte) (cipher.AEAD, error) {
	inner := make([]byte, keyLen)
	defer clear(inner)
	for i := range 2 {
		block := inner[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(block, []byte{0, byte(i + 1), 'X', 0})
		copy(block[4:], nonce[:half])
		subtle.XORBytes(block, block, b.k1[:])
		b.outer.Encrypt(block, block)
	}
	c, err := aes.NewCipher(inner)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

// seal appends nonce, ciphertext and tag to prefix.
func (b *box) seal(prefix, plaintext, aad []byte) ([]byte, error) {
	var nonce [nonceLen]byte
	rand.Read(nonce[:]) // never fails: it ends the program instead
	gcm, err := b.gcm(nonce[:])
	if err != nil {
		return nil, fmt.Errorf("keys: seal: %w", err)
	}
	out := make([]byte, 0, len(prefix)+nonceLen+len(plaintext)+tagLen)
	out = append(out, prefix...)
	out = append(out, nonce[:]...)
	return gcm.Seal(out, nonce[half:], plaintext, aad), nil
}

// open opens what seal appended. Every failure is the same error.
func (b *box) open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) < nonceLen+tagLen {
		return nil, ErrSealed
	}
	gcm, err := b.gcm(sealed[:nonceLen])
	if err != nil {
		return nil, fmt.Errorf("keys: open: %w", err)
	}
	plaintext, err := gcm.Open(nil, sealed[half:nonceLen], sealed[nonceLen:], aad)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}
