package token

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Enc is the only content encryption of the profile: AES-256 in GCM (RFC 7518
// §5.3).
const Enc = "A256GCM"

// Algs returns the key management algorithms of the profile, the preferred one
// first. Key wrapping (the "KW" family) is not among them and never will be:
// it adds a second layer that protects nothing and another form to refuse.
func Algs() []string {
	return []string{string(jose.ECDH_ES), string(jose.RSA_OAEP_256), string(jose.RSA_OAEP)}
}

// A Recipient is a client as the addressee of answers: what its outer header
// says and the key that it is encrypted to. The zero Recipient is nobody, and
// nothing is sealed to it.
type Recipient struct {
	issuer   string
	audience string
	key      jose.Recipient // no key: signed alone
	known    bool
	bare     bool // the outer header says nothing but algorithms
}

// SignedAlone returns a recipient that registered no encryption: its answers
// are readable by whoever carries them. The high profile never uses it.
func SignedAlone() Recipient { return Recipient{known: true} }

// NewRecipient returns the recipient of a client that registered the key
// management algorithm alg and the public key. Refused are an algorithm outside
// Algs, a key of another type, use or algorithm, a private key, a key without
// kid (the profile names it in the header), a point that is not on its curve,
// and RSA below 2048 bits or with a small exponent (ANSSI PG-083).
func NewRecipient(issuer, clientID, alg string, key jose.JSONWebKey) (Recipient, error) {
	if err := errors.Join(checkText("issuer", issuer), checkText("audience", clientID), checkText("key identifier", key.KeyID)); err != nil {
		return Recipient{}, err
	}
	if key.Use != "" && key.Use != "enc" {
		return Recipient{}, fmt.Errorf("token: key %q is for %q", key.KeyID, key.Use)
	}
	if key.Algorithm != "" && key.Algorithm != alg {
		return Recipient{}, fmt.Errorf("token: key %q is for %q, not %q", key.KeyID, key.Algorithm, alg)
	}
	if err := checkKey(alg, key); err != nil {
		return Recipient{}, fmt.Errorf("token: key %q: %w", key.KeyID, err)
	}
	return Recipient{
		issuer: issuer, audience: clientID, known: true,
		key: jose.Recipient{Algorithm: jose.KeyAlgorithm(alg), Key: key.Key, KeyID: key.KeyID},
	}, nil
}

// Bounds of RSA keys. The lower one is good until the end of 2030 (ANSSI
// PG-083 RegleFact-1); the upper one keeps one encryption below a millisecond.
const (
	minModulus  = 2048
	maxModulus  = 4096
	minExponent = 1<<16 + 1
)

func checkKey(alg string, key jose.JSONWebKey) error {
	switch k := key.Key.(type) {
	case *ecdsa.PublicKey:
		if alg != string(jose.ECDH_ES) {
			return fmt.Errorf("an elliptic curve key cannot do %q", alg)
		}
		return checkCurve(k, key.Valid)
	case *rsa.PublicKey:
		if alg != string(jose.RSA_OAEP) && alg != string(jose.RSA_OAEP_256) {
			return fmt.Errorf("an RSA key cannot do %q", alg)
		}
		return checkRSA(k)
	}
	return errNoKey
}

var errNoKey = errors.New("not an elliptic curve or RSA public key")

// checkCurve refuses a point that is not on its curve, on which go-jose panics.
// It asks whole first, because the standard library panics on a key without
// coordinates.
func checkCurve(k *ecdsa.PublicKey, whole func() bool) error {
	if k == nil || !whole() {
		return errNoKey
	}
	if _, err := k.ECDH(); err != nil {
		return errors.New("not a point of P-256, P-384 or P-521")
	}
	return nil
}

func checkRSA(k *rsa.PublicKey) error {
	if k == nil || k.N == nil {
		return errNoKey
	}
	if n := k.N.BitLen(); n < minModulus || n > maxModulus || k.N.Bit(0) == 0 || k.E < minExponent || k.E%2 == 0 {
		return fmt.Errorf("RSA of %d bits with exponent %d", n, k.E)
	}
	return nil
}
