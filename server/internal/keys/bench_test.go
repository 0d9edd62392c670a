package keys_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"
)

// BenchmarkSign is one JWS, verified. Compare with BenchmarkBareSign, its
// mandatory cryptography alone.
func BenchmarkSign(b *testing.B) {
	s := newScene(b).signing(b)
	payload := make([]byte, 400)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Signer().Sign(b.Context(), payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSign is one ES256 signature and its verification.
func BenchmarkBareSign(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 600)
	for b.Loop() {
		digest := sha256.Sum256(payload)
		signature, err := ecdsa.SignASN1(rand.Reader, k, digest[:])
		if err != nil {
			b.Fatal(err)
		}
		if !ecdsa.VerifyASN1(&k.PublicKey, digest[:], signature) {
			b.Fatal("does not verify")
		}
	}
}

// BenchmarkRingSeal seals and opens one column. Compare with BenchmarkBareSeal.
func BenchmarkRingSeal(b *testing.B) {
	r := newScene(b).ring(b)
	plaintext, aad := make([]byte, 512), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := r.Seal("identity", plaintext, aad)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Open("identity", sealed, aad); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareSeal is AES-256-GCM twice under a key that is already there.
func BenchmarkBareSeal(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	plaintext, aad := make([]byte, 512), make([]byte, 64)
	for b.Loop() {
		sealed := gcm.Seal(nil, nil, plaintext, aad)
		if _, err := gcm.Open(nil, nil, sealed, aad); err != nil {
			b.Fatal(err)
		}
	}
}
