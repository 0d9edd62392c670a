package token_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/token"
)

// BenchmarkIssue is one ID token from its values to the encrypted answer.
// Compare with BenchmarkBareIssue, its mandatory cryptography alone.
func BenchmarkIssue(b *testing.B) {
	for name, k := range clients(b) {
		b.Run(name, func(b *testing.B) {
			s, to := newSigner(b), recipient(b, k.alg, k.public)
			b.ReportAllocs()
			for b.Loop() {
				payload, err := idToken().Payload(frame())
				if err != nil {
					b.Fatal(err)
				}
				if _, err := token.Seal(b.Context(), s, to, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBareIssue is one ES256 signature, an ephemeral P-256 key, one
// agreement, one derivation and one AES-256-GCM over as many bytes.
func BenchmarkBareIssue(b *testing.B) {
	s := newSigner(b)
	payload, err := idToken().Payload(frame())
	if err != nil {
		b.Fatal(err)
	}
	signed, err := s.Sign(b.Context(), payload)
	if err != nil {
		b.Fatal(err)
	}
	client, err := curveKey(b, elliptic.P256()).PublicKey.ECDH()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		digest := sha256.Sum256(payload)
		if _, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:]); err != nil {
			b.Fatal(err)
		}
		ephemeral, err := ecdh.P256().GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		secret, err := ephemeral.ECDH(client)
		if err != nil {
			b.Fatal(err)
		}
		bareGCM(b, concatKDF(secret, "A256GCM", nil, nil, 32), []byte(signed))
	}
}

func bareGCM(b *testing.B, key, plaintext []byte) {
	block, err := aes.NewCipher(key)
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	gcm.Seal(nil, nil, plaintext, nil)
}

// BenchmarkOpen is what a client does with go-jose: decrypt, then verify.
func BenchmarkOpen(b *testing.B) {
	for name, k := range clients(b) {
		b.Run(name, func(b *testing.B) {
			s := newSigner(b)
			payload, err := idToken().Payload(frame())
			if err != nil {
				b.Fatal(err)
			}
			sealed, err := token.Seal(b.Context(), s, recipient(b, k.alg, k.public), payload)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				object, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.KeyAlgorithm(k.alg)}, []jose.ContentEncryption{jose.A256GCM})
				if err != nil {
					b.Fatal(err)
				}
				inner, err := object.Decrypt(k.private)
				if err != nil {
					b.Fatal(err)
				}
				signed, err := jose.ParseSignedCompact(string(inner), []jose.SignatureAlgorithm{jose.ES256})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := signed.Verify(&s.key.PublicKey); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBareOpen is one agreement, one derivation, one AES-256-GCM and one
// ES256 verification.
func BenchmarkBareOpen(b *testing.B) {
	s, client := newSigner(b), curveKey(b, elliptic.P256())
	own, err := client.ECDH()
	if err != nil {
		b.Fatal(err)
	}
	ephemeral, err := curveKey(b, elliptic.P256()).PublicKey.ECDH()
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("payload"))
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		secret, err := own.ECDH(ephemeral)
		if err != nil {
			b.Fatal(err)
		}
		bareGCM(b, concatKDF(secret, "A256GCM", nil, nil, 32), make([]byte, 700))
		if !ecdsa.VerifyASN1(&s.key.PublicKey, digest[:], signature) {
			b.Fatal("refused")
		}
	}
}
