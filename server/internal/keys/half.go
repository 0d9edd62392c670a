package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// RS256 is a view of the folder whose signing sets hold RSA keys: for the
// partners of an issuer that serves RS256 (franceconnect.md 1.6, low). Their
// private halves rest in the folder, whatever token there is. A set of one
// algorithm is not read as one of the other.
func (f *Folder) RS256() *Folder {
	view := *f
	view.algorithm, view.vault = jose.RS256, nil
	return &view
}

// alg is what keys of the folder are for.
func (f *Folder) alg() jose.SignatureAlgorithm {
	if f.algorithm == "" {
		return jose.ES256
	}
	return f.algorithm
}

// rsaBits is 128 bits of security (SOG-IS Agreed Cryptographic Mechanisms 1.3
// §4.1: at least 3000).
const rsaBits = 3072

// public is the half of a key that everybody may have.
type public interface {
	alg() jose.SignatureAlgorithm
	key() crypto.PublicKey
	bytes() ([]byte, error)
	verify(digest, signature []byte) bool
}

// point is an ES256 public key.
type point struct{ *ecdsa.PublicKey }

func (point) alg() jose.SignatureAlgorithm { return jose.ES256 }
func (p point) key() crypto.PublicKey      { return p.PublicKey }
func (p point) bytes() ([]byte, error)     { return p.Bytes() }

func (p point) verify(digest, signature []byte) bool {
	return len(signature) == signatureLen &&
		ecdsa.Verify(p.PublicKey, digest, new(big.Int).SetBytes(signature[:scalarLen]), new(big.Int).SetBytes(signature[scalarLen:]))
}

// modulus is an RS256 public key.
type modulus struct{ *rsa.PublicKey }

func (modulus) alg() jose.SignatureAlgorithm { return jose.RS256 }
func (m modulus) key() crypto.PublicKey      { return m.PublicKey }
func (m modulus) bytes() ([]byte, error)     { return x509.MarshalPKCS1PublicKey(m.PublicKey), nil }

func (m modulus) verify(digest, signature []byte) bool {
	return rsa.VerifyPKCS1v15(m.PublicKey, crypto.SHA256, digest, signature) == nil
}

// factors is the private half of an RS256 key, which rests in the folder.
type factors struct{ *rsa.PrivateKey }

func (f factors) sign(_ context.Context, digest []byte) ([]byte, error) {
	return rsa.SignPKCS1v15(rand.Reader, f.PrivateKey, crypto.SHA256, digest)
}

func (factors) doubt() {}

func newFactors() (private, public, error) {
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, nil, fmt.Errorf("keys: generate: %w", err)
	}
	return factors{key}, modulus{&key.PublicKey}, nil
}

// parsePrivate reads the private half that rests in the folder.
func parsePrivate(alg jose.SignatureAlgorithm, raw []byte) (private, error) {
	if alg == jose.RS256 {
		key, err := x509.ParsePKCS1PrivateKey(raw)
		if err != nil || key.N.BitLen() != rsaBits || len(key.Primes) != 2 {
			return nil, errors.New("not a private key")
		}
		return factors{key}, nil
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errors.New("not a private key")
	}
	return scalar{key}, nil
}

func parsePublic(alg jose.SignatureAlgorithm, raw []byte) (public, error) {
	if alg == jose.RS256 {
		key, err := x509.ParsePKCS1PublicKey(raw)
		if err != nil || key.N.BitLen() != rsaBits || key.E != 65537 {
			return nil, errors.New("not a public key")
		}
		return modulus{key}, nil
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		return nil, errors.New("not a public key")
	}
	return point{key}, nil
}

// thumbprint names a key by its public part (RFC 7638 §3).
func thumbprint(of public) (string, error) {
	k := jose.JSONWebKey{Key: of.key()}
	digest, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("keys: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(digest), nil
}
